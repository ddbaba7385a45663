"""Hourly budget decisions: what ads did, what may be decided about them, and how the plan is shared out."""
