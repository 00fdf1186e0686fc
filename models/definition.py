"""A forecaster's config as flat plain values and back: what a promotion carries and what names a lineage.

Names are paths (`risk.share`, `duration.families.host.drift`). A definition holds only what differs from the defaults
of this code, so it stays readable when fields are added; an unknown name is a `ConfigError`: it is of newer code.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeAlias

from models.forecaster import ForecasterConfig
from streams.errors import ConfigError

__all__ = ["Definition", "Value", "config_of", "definition_of", "leaves", "name_of"]

Value: TypeAlias = float | str | bool | int | list[str]
Definition: TypeAlias = dict[str, Value]


def definition_of(config: ForecasterConfig) -> Definition:
    """What differs from the defaults, by path. The name is no part of it."""
    usual, own = dict(leaves(ForecasterConfig())), dict(leaves(config))
    return {path: value for path, value in own.items() if usual.get(path) != value and path != "name"}


def config_of(definition: Mapping[str, Any], name: str | None = None) -> ForecasterConfig:
    """The config a definition stands for; without a name it gets the one that follows from its values."""
    config: Any = ForecasterConfig()
    for path, value in sorted(definition.items()):
        config = _with(config, path.split("."), value, path)
    named: ForecasterConfig = replace(config, name=name or name_of(definition))
    return named


def name_of(definition: Mapping[str, Any]) -> str:
    """A short id that follows from the values: the same config, the same name. The defaults are `default`.

    >>> name_of({})
    'default'
    """
    if not definition:
        return "default"
    text = json.dumps({path: definition[path] for path in sorted(definition)})
    return f"c{hashlib.blake2b(text.encode(), digest_size=4).hexdigest()}"


def leaves(value: Any, path: str = "") -> list[tuple[str, Value]]:
    """Every setting of a config by path. Settings that are None are left out."""
    if is_dataclass(value):
        parts = [(field.name, getattr(value, field.name)) for field in fields(value)]
    elif isinstance(value, Mapping):
        parts = [(str(key), part) for key, part in value.items()]
    elif isinstance(value, tuple | list | set | frozenset):
        return [(path, [str(part) for part in value])]
    else:
        return [] if value is None else [(path, value)]
    return [leaf for name, part in parts for leaf in leaves(part, f"{path}.{name}" if path else name)]


def _with(value: Any, names: list[str], leaf: Any, path: str) -> Any:
    """A copy of a value in which the leaf at the path is another."""
    if not names:
        return _like(value, leaf, path)
    name, *rest = names
    if is_dataclass(value) and not isinstance(value, type) and any(field.name == name for field in fields(value)):
        return replace(value, **{name: _with(getattr(value, name), rest, leaf, path)})
    if isinstance(value, Mapping) and name in value:
        return {**value, name: _with(value[name], rest, leaf, path)}
    raise ConfigError(f"{path} is no setting of a model: see `buildcast models show` for the names")


def _like(old: Any, leaf: Any, path: str) -> Any:
    """The leaf in the type of the value it replaces."""
    try:
        match old:
            case bool():
                if isinstance(leaf, bool):
                    return leaf
            case int() | float() if not isinstance(leaf, bool | list):
                return type(old)(leaf)
            case str():
                return str(leaf)
            case tuple() if isinstance(leaf, list):
                return tuple(type(old[0])(part) for part in leaf) if old else tuple(leaf)
            case None:
                return leaf
    except (TypeError, ValueError):
        pass
    raise ConfigError(f"{path} is {leaf!r}, which is not like {old!r}: give a value of that kind")
