"""Where settings come from: one TOML file, the environment (`BUILDCAST_...`), secrets as files. Read once, frozen.

Order of precedence: arguments, environment, secrets folder (`BUILDCAST_SECRETS`), TOML file (`BUILDCAST_CONFIG`).
Faults are one `ConfigError` naming each of them.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from streams.errors import ConfigError

__all__ = ["Settings", "load"]

S = TypeVar("S", bound="Settings")


class Settings(BaseSettings):
    """The base of every process's settings; subclasses add fields with defaults, units in the names."""

    model_config = SettingsConfigDict(env_prefix="BUILDCAST_", frozen=True, extra="ignore", hide_input_in_errors=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = os.environ.get("BUILDCAST_CONFIG")
        toml = (TomlConfigSettingsSource(settings_cls, file),) if file else ()
        return (init_settings, env_settings, file_secret_settings, *toml)


def load(kind: type[S], **given: Any) -> S:
    """The settings of one process. Arguments that are None count as not given."""
    config = os.environ.get("BUILDCAST_CONFIG")
    if config and not Path(config).is_file():
        raise ConfigError(f"BUILDCAST_CONFIG names {config}, which is no file: write it or unset the variable")
    secrets = os.environ.get("BUILDCAST_SECRETS")
    if secrets and not Path(secrets).is_dir():
        raise ConfigError(f"BUILDCAST_SECRETS names {secrets}, which is no folder: make it or unset the variable")
    arguments = {name: value for name, value in given.items() if value is not None}
    try:
        return kind(**arguments, **({"_secrets_dir": secrets} if secrets else {}))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{config} is not valid TOML: {error}") from error
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors()
        )
        raise ConfigError(f"wrong setting: {faults}") from error
