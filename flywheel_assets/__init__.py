"""Flywheel: one raw video in, tested ads and moving budgets out, every call through one safe executor."""

__version__ = "0.1.0"
