"""A model config from a person's file: TOML or JSON with settings by path, nested tables allowed."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.definition import config_of, definition_of, name_of
from models.forecaster import ForecasterConfig
from streams.errors import ConfigError

__all__ = ["read_config"]


def read_config(path: Path) -> ForecasterConfig:
    """The config, named by its values."""
    try:
        text = path.read_text()
        raw = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except (json.JSONDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} is not valid {'JSON' if path.suffix == '.json' else 'TOML'}: {error}") from error
    if not isinstance(raw, dict):
        raise ConfigError(f"{path} holds no settings: write lines such as `evidence_step = 0.1`")
    definition = definition_of(config_of(_flat(raw)))
    return config_of(definition, name_of(definition))


def _flat(raw: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in raw.items():
        here = f"{path}.{name}" if path else name
        found |= _flat(value, here) if isinstance(value, Mapping) else {here: value}
    return found
