"""Adapters to the outside world: each turns one platform's answers into typed values or core errors."""
