"""What `benchmarks/executor.py` measures with."""
