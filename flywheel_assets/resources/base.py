"""What every resource starts from: the settings of this process with the overrides of the definitions."""

import json
import os
import socket
from typing import get_args

from pydantic import Field, SecretStr

from flywheel_assets.settings import Settings

SETTINGS = Field("{}", description="Settings that differ from this process's environment, as JSON; secrets never.")


def installation(overrides: str) -> Settings:
    """The settings of this process, with a resource's overrides; a secret comes from the process alone."""
    given = {name: value for name, value in json.loads(overrides).items() if not is_secret(name)}
    return Settings(**given)


def is_secret(setting: str) -> bool:
    """Whether a setting is kept out of what Dagster stores and shows."""
    field = Settings.model_fields.get(setting)
    return field is not None and SecretStr in (field.annotation, *get_args(field.annotation))


def worker_name() -> str:
    """Host and process: tells two workers of one machine apart."""
    return f"{socket.gethostname()}:{os.getpid()}"
