"""The twin of Meta's Marketing API: structure, limits, refusals and faults, without delivery."""
