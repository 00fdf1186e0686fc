"""The first builds of real projects, for tests marked `data`; skipped with the missing path named."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

import pytest

from models.records.ci import FORMATS, Record

__all__ = ["travis_records"]


def travis_records(limit: int) -> list[Record]:
    """By start time, outcomes known at start + duration / jobs."""
    folder = Path(os.environ.get("BUILDCAST_DATA", Path(__file__).parents[3] / "shared" / "data"))
    path = folder / "travis2021-dev" / "builds.csv.gz"
    if not path.exists():
        pytest.skip(f"{path} is missing")
    return list(islice(FORMATS["travis"](path), limit))
