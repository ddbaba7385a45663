"""What other policies would have earned with an account's own history, and whether the history can tell at all."""
