"""The spool keeps what it took, whatever happens to the process, the disk or the space (T6, T7, short forms)."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors import segment
from collectors.segment import frame, is_written_to, scan
from collectors.spool import RANKS, Spool, SpoolLimits, rank_of
from streams.codec import decode, encode
from streams.errors import Unavailable
from tests import builders

SMALL = SpoolLimits(cap_bytes=200_000, segment_bytes=16_384, ends_segment_bytes=8_192)


def ids(spool: Spool) -> list[str]:
    return [decode(one.payload).id for one in spool.waiting(1_000_000)]


def test_events_come_back_in_order_across_ranks(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    events = [builders.started(), builders.sample(), builders.signal(), builders.finished()]
    for event in events:
        spool.append(event)
    assert [decode(one.payload) for one in spool.waiting()] == events
    assert [one.rank for one in spool.waiting()] == ["events", "metrics", "events", "ends"]


def test_delivered_events_do_not_come_back_even_after_a_restart(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for number in range(5):
        spool.append(builders.signal(number=number))
    spool.delivered(spool.waiting(2))
    assert len(ids(spool)) == 3
    spool.close()
    assert len(ids(Spool(tmp_path))) == 3


def test_a_delivered_spool_takes_no_space(tmp_path: Path) -> None:
    spool = Spool(tmp_path, SMALL)
    for number in range(100):
        spool.append(builders.signal(number=number))
    while waiting := spool.waiting(50):
        spool.delivered(waiting)
    spool.close()
    assert spool.size_bytes() == 0
    assert spool.dropped() == dict.fromkeys(RANKS, 0)


def test_oldest_metrics_go_first_and_every_drop_is_counted(tmp_path: Path) -> None:
    spool = Spool(tmp_path, SMALL)
    given = dict.fromkeys(RANKS, 0)
    for number in range(3000):
        event = (
            builders.finished(f"run-{number}")
            if number % 100 == 0
            else builders.signal(number=number)
            if number % 20 == 0
            else builders.sample(number=number)
        )
        spool.append(event)
        given[rank_of(event)] += 1
    left = dict.fromkeys(RANKS, 0)
    for one in spool.waiting(1_000_000):
        left[one.rank] += 1
    dropped = spool.dropped()
    assert {rank: left[rank] + dropped[rank] for rank in RANKS} == given
    assert dropped["metrics"] > 0
    assert (dropped["events"], dropped["ends"]) == (0, 0)
    kept = [decode(one.payload).id for one in spool.waiting(1_000_000) if one.rank == "metrics"]
    assert kept[-1] == "run-1-sample-2999"  # the newest stayed
    assert spool.size_bytes() <= SMALL.cap_bytes + SMALL.ends_segment_bytes


def test_ends_stay_even_when_nothing_else_can_be_dropped(tmp_path: Path) -> None:
    spool = Spool(tmp_path, SpoolLimits(cap_bytes=40_000, ends_segment_bytes=4_096))
    for number in range(400):
        spool.append(builders.finished(f"run-{number}"))
    assert len(ids(spool)) == 400
    assert spool.dropped()["ends"] == 0


WRITER = """
import sys
from pathlib import Path
from collectors.spool import Spool
from tests import builders
spool = Spool(Path(sys.argv[1]))
for number in range(10**9):
    end = number % 7 == 0
    event = builders.finished(f"{sys.argv[2]}-{number}") if end else builders.sample(sys.argv[2], number=number)
    spool.append(event)
    print(event.id, flush=True)
"""


def killed_writer(folder: Path, name: str, after: int) -> list[str]:
    """Ids that a process had acknowledged when it was killed at an arbitrary moment."""
    with subprocess.Popen([sys.executable, "-c", WRITER, str(folder), name], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        head = [process.stdout.readline() for _ in range(after)]
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read()
    said = b"".join(head) + rest
    return said.decode().split("\n")[:-1]


def test_everything_acknowledged_is_there_after_sigkill(tmp_path: Path) -> None:
    acknowledged: list[str] = []
    for round_ in range(8):
        acknowledged += killed_writer(tmp_path, f"run{round_}", 1 + round_ * 13)
        kept = ids(Spool(tmp_path))
        assert set(acknowledged) <= set(kept)
        assert len(kept) == len(set(kept))


def test_two_processes_share_a_spool(tmp_path: Path) -> None:
    mine = Spool(tmp_path)
    mine.append(builders.signal("mine"))
    other = killed_writer(tmp_path, "other", 5)
    mine.append(builders.finished("mine"))
    assert set(other) | {"mine-signal-1", "mine-finished"} <= set(ids(mine))


def test_only_one_may_deliver(tmp_path: Path) -> None:
    first, second = Spool(tmp_path), Spool(tmp_path)
    with first.delivering() as mine, second.delivering() as too:
        assert (mine, too) == (True, False)
    with second.delivering() as mine:
        assert mine


def test_full_disk_refuses_metrics_counts_them_and_keeps_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path, SMALL)
    spool.append(builders.started())
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def refuse(fd: int, offset: int, length: int) -> None:
        raise full

    monkeypatch.setattr(segment.os, "posix_fallocate", refuse)
    with pytest.raises(Unavailable, match="No space left"):
        spool.append(builders.sample())
    spool.append(builders.finished())  # its room was taken ahead of time
    assert ids(spool) == ["run-1-started", "run-1-finished"]
    assert spool.dropped()["metrics"] == 1
    monkeypatch.undo()
    spool.append(builders.sample(number=2))
    assert ids(spool)[-1] == "run-1-sample-2"


def test_full_file_system_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    """A limit on file size stands for the disk: a write fails half way."""
    script = (
        "import resource, signal, sys\nfrom pathlib import Path\nfrom collectors.spool import Spool\n"
        "from streams.errors import Unavailable\nfrom tests import builders\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "spool = Spool(Path(sys.argv[1]))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "for number in range(500):\n"
        "    try: spool.append(builders.finished(f'run{number}'))\n"
        "    except Unavailable: continue\n"
        "    print(f'run{number}-finished', flush=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= set(ids(Spool(tmp_path)))
    assert done.stdout


def test_flipped_byte_costs_one_record(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for number in range(10):
        spool.append(builders.signal(number=number))
    spool.close()
    path = next(tmp_path.glob("events-*.seg"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    assert len(ids(Spool(tmp_path))) == 9


def test_lost_bookkeeping_means_again_not_never(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append(builders.signal())
    spool.append(builders.signal(number=2))
    spool.delivered(spool.waiting(1))
    (tmp_path / "delivered.json").write_text("{broken")
    assert len(ids(Spool(tmp_path))) == 2


def test_space_taken_ahead_by_a_killed_process_is_given_back(tmp_path: Path) -> None:
    killed_writer(tmp_path, "gone", 3)
    before = sum(path.stat().st_size for path in tmp_path.glob("*.seg"))
    spool = Spool(tmp_path)
    spool.close()
    assert spool.size_bytes() < before / 2
    assert not any(is_written_to(path) for path in tmp_path.glob("*.seg"))


def test_a_clock_set_back_keeps_the_order_of_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path)
    spool.append(builders.signal(number=1))
    earlier = time.time_ns() - 3_600 * 10**9
    monkeypatch.setattr("collectors.spool.time.time_ns", lambda: earlier)
    spool.append(builders.signal(number=2))
    assert ids(spool) == ["run-1-signal-1", "run-1-signal-2"]


@given(st.lists(st.tuples(st.integers(0, 2), st.binary(max_size=200))), st.binary(max_size=60))
def test_framed_records_are_read_back_before_any_rubbish(records: list[tuple[int, bytes]], rubbish: bytes) -> None:
    data = b"".join(frame(kind, number, payload) for number, (kind, payload) in enumerate(records))
    found, end, _ = scan(data + bytes(8) + rubbish)
    assert [(record.kind, record.payload) for record in found[: len(records)]] == records
    assert end >= len(data)


@given(st.binary(max_size=400))
def test_any_bytes_are_read_without_an_error(data: bytes) -> None:
    records, end, torn = scan(data)
    assert 0 <= end <= len(data)
    assert torn >= 0
    assert len(records) <= len(data)


@given(st.data())
def test_a_cut_costs_only_what_was_cut(data: st.DataObject) -> None:
    records = [(0, bytes([number]) * number) for number in range(12)]
    whole = b"".join(frame(kind, number, payload) for number, (kind, payload) in enumerate(records))
    cut = data.draw(st.integers(0, len(whole)))
    found, end, _ = scan(whole[:cut])
    assert [(record.kind, record.payload) for record in found] == records[: len(found)]
    assert end <= cut


def test_what_is_encoded_is_what_waits(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append_bytes("events", encode(builders.signal()))
    assert spool.waiting()[0].payload == encode(builders.signal())
