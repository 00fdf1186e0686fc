"""Local mode's snapshot: sealed with the key that the worker of the same state folder uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.snapshot import sealing_key
from buildcast.local import LocalChain, LocalPaths
from buildcast.replica_file import load_forecaster, save_forecaster
from models.core import Core
from models.forecaster import Forecaster
from streams.events import Event
from streams.journal import Journal
from tests import builders


def test_a_worker_on_the_same_folder_reads_the_key_that_local_mode_made(tmp_path: Path) -> None:
    paths = LocalPaths(tmp_path)
    save_forecaster(paths, Forecaster())
    assert len(sealing_key(tmp_path)) == 32
    assert load_forecaster(paths).offset == 0


def test_a_fault_of_our_own_is_one_sentence_and_the_build_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Core, event: Event) -> list[Event]:
        raise AttributeError("no such part")

    monkeypatch.setattr(Core, "handle", broken)
    with LocalChain(tmp_path, lambda output: None) as chain:
        chain.emit(builders.started())
    assert chain.failed is not None
    assert chain.failed.startswith("Buildcast itself failed (AttributeError: no such part); please report it.")
    assert str(tmp_path / "forecaster.snapshot") in chain.failed
    assert len(list(Journal(tmp_path / "journal.jsonl").read())) == 1
