"""The trainer's snapshot: sealed bytes that give the same desk, or are refused with a reason."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from agents.snapshot import Snapshot, SnapshotRefused, seal
from agents.trainer.memory import Memory
from models.desk import Desk
from models.snapshot import probe
from tests.models.histories import recorded

KEY = b"k" * 32
LOG = list(enumerate(recorded(120)))


def _desk(end: int) -> Desk:
    desk = Desk()
    for offset, event in LOG[:end]:
        desk.fold(event, offset)
    return desk


def test_what_was_saved_comes_back_and_goes_on_to_the_same_digits(tmp_path: Path) -> None:
    memory, desk = Memory(tmp_path / "new" / "trainer.snapshot", KEY), _desk(100)
    assert memory.load() is None
    assert memory.save(desk) == memory.path.stat().st_size
    kept, again = memory.load(), Desk()
    assert kept is not None
    assert again.resume(kept)
    for offset, event in LOG[100:]:
        assert again.fold(event, offset) == desk.fold(event, offset)
    assert again.shadow.losses == desk.shadow.losses
    assert probe(again.shadow.forecasters["default"]) == probe(desk.shadow.forecasters["default"])
    assert memory.path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in memory.path.parent.iterdir()] == ["trainer.snapshot"]


def test_a_later_snapshot_takes_the_place_of_an_earlier_one_even_when_it_begins_again(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "s", KEY)
    for end in (50, 20):
        memory.save(_desk(end))
        kept = memory.load()
        assert kept is not None
        assert kept.offset == end


def test_bytes_that_were_changed_anywhere_are_refused(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "s", KEY)
    memory.save(_desk(10))
    raw = memory.path.read_bytes()
    for at in (0, 20, 45, len(raw) // 2, len(raw) - 1):
        memory.path.write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
        with pytest.raises(SnapshotRefused):
            memory.load()
    memory.path.write_bytes(raw[:-5])
    with pytest.raises(SnapshotRefused, match="changed"):
        memory.load()


def test_another_key_or_another_first_champion_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s"
    Memory(path, KEY).save(_desk(10))
    with pytest.raises(SnapshotRefused, match="another key"):
        Memory(path, b"other" * 8).load()
    with pytest.raises(SnapshotRefused, match="lineage"):
        Memory(path, KEY, first="c123").load()


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (b"no pickle", "cannot be read"),
        (pickle.dumps({"offset": 10}), "does not hold the desk"),
        (pickle.dumps(Path.unlink), "which no forecaster is made of"),
    ],
)
def test_sealed_bytes_that_hold_no_desk_are_refused(tmp_path: Path, state: bytes, reason: str) -> None:
    memory = Memory(tmp_path / "s", KEY)
    lineage = memory._lineage
    memory.path.write_bytes(seal(Snapshot(lineage, 0, {"examples.v1": 10}, state), KEY))
    with pytest.raises(SnapshotRefused, match=reason):
        memory.load()
