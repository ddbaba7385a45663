"""Tests of the engines that the extra `full` installs; `make test-full` runs them in an environment of their own.

Where the extra is not installed they are not collected, and asking for this folder then fails with "no tests".
"""

from __future__ import annotations

import importlib.util

if any(importlib.util.find_spec(name) is None for name in ("torch", "ultralytics", "easyocr", "whisper")):
    collect_ignore_glob = ["test_*.py"]
