"""The twin of Meta's Marketing API: structure, limits, refusals, faults, hourly delivery and insights."""
