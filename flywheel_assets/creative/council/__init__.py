"""The Council of Titans: judges that score drafts, the gate above 85, and reflexion."""
