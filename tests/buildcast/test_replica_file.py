"""Local mode's snapshot: sealed with the key that the worker of the same state folder uses."""

from __future__ import annotations

from pathlib import Path

from agents.snapshot import sealing_key
from buildcast.local import LocalPaths
from buildcast.replica_file import load_forecaster, save_forecaster
from models.forecaster import Forecaster


def test_a_worker_on_the_same_folder_reads_the_key_that_local_mode_made(tmp_path: Path) -> None:
    paths = LocalPaths(tmp_path)
    save_forecaster(paths, Forecaster())
    assert len(sealing_key(tmp_path)) == 32
    assert load_forecaster(paths).offset == 0
