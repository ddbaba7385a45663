"""Files that people write: YAML read with every fault told in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from flywheel_assets.core.errors import ConfigurationError


def read_yaml(path: Path) -> Any:
    """The document in a YAML file.

    Raises:
        ConfigurationError: the file cannot be read or is not YAML; one line, with the place.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path.name} cannot be read: {error.strerror}") from None
    # The reader raises ValueError for a date such as 2026-13-45 and runs out of stack on thousands of brackets.
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path.name} is not YAML: {' '.join(str(error).split())}") from None


def explain(error: ValidationError) -> str:
    """A validation error in one line: every field with what is wrong with it."""
    return "; ".join(f"{'.'.join(map(str, item['loc'])) or 'document'}: {item['msg']}" for item in error.errors())
