"""The settings of a command: what is wrong with the environment is told in one line."""

from __future__ import annotations

from pydantic import ValidationError
from pydantic_settings import SettingsError

from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.settings import Settings


def read_settings() -> Settings:
    """The settings of this process.

    Raises:
        ConfigurationError: a FLYWHEEL_ variable has a value that does not fit; each is named.
    """
    try:
        return Settings()
    except SettingsError as error:
        raise ConfigurationError(f"{error}; a group takes JSON, one of its fields is reached with __") from None
    except ValidationError as error:
        wrong = [f"FLYWHEEL_{'__'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors()]
        raise ConfigurationError("; ".join(wrong)) from None
