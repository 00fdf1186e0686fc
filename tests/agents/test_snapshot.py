"""Sealed partition snapshots: exact when whole, refused with a reason when not (T13)."""

from __future__ import annotations

import hmac
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.snapshot import FolderStore, Snapshot, SnapshotRefused, seal, sealing_key, unseal
from models.core import Core
from models.forecaster import Forecaster
from tests import builders

KEY = b"k" * 32
OFFSETS = {"build-events.v1": 7, "host-metrics.v1": 9}


def store(folder: Path, key: bytes = KEY, lineage: str = "tracker-1") -> FolderStore:
    return FolderStore(folder, key, lineage)


@given(st.binary(max_size=300), st.dictionaries(st.text(max_size=9), st.integers(0, 2**53), max_size=3))
def test_what_was_sealed_comes_back(state: bytes, offsets: dict[str, int]) -> None:
    snapshot = Snapshot("tracker-1", 3, offsets, state)
    assert unseal(seal(snapshot, KEY), KEY) == snapshot


@given(st.data())
@settings(max_examples=60)
def test_one_flipped_bit_anywhere_is_refused(data: st.DataObject) -> None:
    raw = bytearray(seal(Snapshot("tracker-1", 3, OFFSETS, b"state of a partition"), KEY))
    position = data.draw(st.integers(0, len(raw) - 1))
    raw[position] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(SnapshotRefused):
        unseal(bytes(raw), KEY)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_and_nothing_else(raw: bytes) -> None:
    with pytest.raises(SnapshotRefused):
        unseal(raw, KEY)


def test_a_header_that_is_no_text_is_refused_even_behind_the_right_seal() -> None:
    header = b'{"lineage":"\xf2","partition":3,"offsets":{}}'
    body = len(header).to_bytes(4, "big") + header
    with pytest.raises(SnapshotRefused, match="unreadable header"):
        unseal(b"BCPART01" + hmac.digest(KEY, body, "sha256") + body, KEY)


def test_a_wrong_key_another_lineage_and_another_partition_are_refused(tmp_path: Path) -> None:
    store(tmp_path).save(3, OFFSETS, b"state")
    with pytest.raises(SnapshotRefused, match="another key"):
        store(tmp_path, b"x" * 32).load(3)
    with pytest.raises(SnapshotRefused, match="lineage"):
        store(tmp_path, lineage="tracker-0").load(3)
    (tmp_path / "partition-00004.snapshot").write_bytes((tmp_path / "partition-00003.snapshot").read_bytes())
    with pytest.raises(SnapshotRefused, match="of partition 3"):
        store(tmp_path).load(4)


def test_a_bomb_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "partition-00000.snapshot").open("wb") as file:
        file.truncate(300 * 2**20)  # sparse: no byte of it is on the disk
    with pytest.raises(SnapshotRefused, match="at most"):
        store(tmp_path).load(0)


def test_a_member_that_was_thrown_out_cannot_go_back_in_offsets(tmp_path: Path) -> None:
    store(tmp_path).save(3, OFFSETS, b"newer")
    with pytest.raises(SnapshotRefused, match="consumed more"):
        store(tmp_path).save(3, {**OFFSETS, "host-metrics.v1": 8}, b"older")
    found = store(tmp_path).load(3)
    assert found is not None
    assert found.state == b"newer"


def test_files_are_private_and_no_draft_is_left(tmp_path: Path) -> None:
    store(tmp_path).save(3, OFFSETS, b"state")
    mode = (tmp_path / "partition-00003.snapshot").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    assert not list(tmp_path.glob("*.draft"))
    assert store(tmp_path).load(5) is None


def test_the_key_is_made_once_and_a_given_one_wins(tmp_path: Path) -> None:
    assert sealing_key(tmp_path) == sealing_key(tmp_path)
    assert stat.S_IMODE((tmp_path / "snapshot.key").stat().st_mode) == 0o600
    assert sealing_key(tmp_path, "secret") == sealing_key(tmp_path / "other", "secret") != sealing_key(tmp_path)


def test_a_core_loaded_from_a_snapshot_answers_to_the_last_digit(tmp_path: Path) -> None:
    facts = [builders.started(), *(builders.signal(number=n) for n in range(1, 6)), builders.sample()]
    rest = [builders.signal(number=8, fatal=True, at=builders.T0 + 20), builders.finished(outcome="failure")]
    whole, first = Core(Forecaster()), Core(Forecaster())
    for event in facts:
        assert whole.handle(event) == first.handle(event)
    store(tmp_path).save(0, OFFSETS, first.state())
    snapshot, second = store(tmp_path).load(0), Core(Forecaster())
    assert snapshot is not None
    second.load(snapshot.state)
    assert [second.handle(event) for event in rest] == [whole.handle(event) for event in rest]
