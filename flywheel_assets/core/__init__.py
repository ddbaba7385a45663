"""Shared words: money, ids, errors, the typed change. Pure; imports nothing above settings."""
