"""What a model version is made of, under one hash: the same on every machine that would fold the same model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from models.snapshot import CODE_VERSION, RIVER_VERSION
from streams.events import Lineage

__all__ = ["lineage", "sha256_of"]


def lineage(
    definition: Mapping[str, Any], trigger: str, training_id: str = "", seconds: float | None = None
) -> Lineage:
    """Of a config as this code folds it. `trigger` and the training say what led to it."""
    return Lineage(
        sha256=sha256_of(definition), code=CODE_VERSION, river=RIVER_VERSION, trigger=trigger,
        training_id=training_id, seconds=seconds,
    )  # fmt: skip


def sha256_of(definition: Mapping[str, Any]) -> str:
    """Of definition, code and River version. With the offset it names the model whole."""
    made_of = {"code": CODE_VERSION, "river": RIVER_VERSION, "settings": dict(definition)}
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()
