"""Dagster assets, one file a stage. Each reads the store, calls one domain function, writes, and shows what it did."""
