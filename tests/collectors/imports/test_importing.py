from __future__ import annotations

import gzip
import io
import itertools
import os
import tarfile
from pathlib import Path

import pytest

from collectors.imports.formats import FORMATS
from collectors.imports.importing import Import, Tally, import_files
from collectors.imports.records import Origin
from streams.errors import ConfigError
from streams.events import Event, LogSignal, RunFinished, RunStarted
from tests.collectors.imports.test_parsers import LOG, TRAVIS


def bring(name: str, *files: Path) -> tuple[Tally, list[Event], list[str]]:
    events: list[Event] = []
    complaints: list[str] = []
    port = Import(events.append, complaints.append, lambda text: text.replace("expected", "[redacted]"))
    return import_files(FORMATS[name], files, Origin(""), port), events, complaints


def test_events_come_in_the_order_of_time_across_files(tmp_path: Path) -> None:
    head = TRAVIS.splitlines()[0]
    row = "go,{},{},c,,b,passed,{},2020-01-01 00:0{}:00,1,push"
    (tmp_path / "a.csv").write_text(f"{head}\n{row.format('a@a', 1, 600, 0)}\n{row.format('a@a', 2, 5, 2)}\n")
    (tmp_path / "b.csv").write_text(f"{head}\n{row.format('b@b', 1, 60, 1)}\n")
    _, events, _ = bring("travis-csv", tmp_path / "a.csv", tmp_path / "b.csv")
    assert [event.time for event in events] == sorted(event.time for event in events)
    kinds = [(type(event), event.id.removesuffix("/started").removesuffix("/finished")) for event in events]
    assert kinds == [
        (RunStarted, "travis/a/a/1"),
        (RunStarted, "travis/b/b/1"),
        (RunStarted, "travis/a/a/2"),
        (RunFinished, "travis/b/b/1"),
        (RunFinished, "travis/a/a/2"),
        (RunFinished, "travis/a/a/1"),
    ]


def test_tally_counts_events_bad_records_and_what_was_left_out(tmp_path: Path) -> None:
    path = tmp_path / "builds.csv.gz"
    path.write_bytes(gzip.compress(TRAVIS.encode()))
    tally, _, complaints = bring("travis-csv", path)
    assert tally.events == {"RunStarted": 2, "RunFinished": 2}
    assert tally.outcomes == {"success": 1, "error": 1}
    assert tally.left_out == {"canceled before it started": 1, "not finished: created": 1}
    assert tally.bad == 2
    assert complaints[0].startswith(f"{tmp_path}/builds.csv, line 6: invalid literal")


def test_archive_members_are_read_and_log_lines_redacted(tmp_path: Path) -> None:
    path = tmp_path / "logs.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        body = (LOG + "Done. Your build exited with 1.\n").encode()
        member = tarfile.TarInfo("logs/o@r/1.log")
        member.size = len(body)
        archive.addfile(member, io.BytesIO(body))
    tally, events, _ = bring("travis-log", path)
    assert tally.files == 1
    lines = [event.line for event in events if isinstance(event, LogSignal)]
    assert "a.c:1:1: error: [redacted] ';'" in lines


@pytest.mark.parametrize("name", ["missing.csv", "broken.csv.gz", "broken.tar.gz", "folder"])
def test_file_that_cannot_be_read_is_a_persons_error_naming_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    if name.startswith("broken"):
        (tmp_path / name).write_bytes(b"not compressed")
    with pytest.raises(ConfigError, match=name):
        bring("travis-csv", tmp_path / name)


def test_truncated_gzip_keeps_what_came_before_it(tmp_path: Path) -> None:
    path = tmp_path / "cut.csv.gz"
    whole = gzip.compress((TRAVIS + TRAVIS.split("\n", 1)[1] * 500).encode())
    path.write_bytes(whole[:-20])
    with pytest.raises(ConfigError, match=r"cut\.csv\.gz"):
        bring("travis-csv", path)


DATA = Path(os.environ.get("BUILDCAST_DATA", "../shared/data"))


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "pattern", "runs", "bad"),
    [
        ("sbu-report", "lfs-jhalfs-sbu/raw/SBU_DU/*.report", 6991, 0),
        ("gha-jobs", "gha-linkerd-jobs/jobs.json.gz", 9149, 0),
        ("travis-log", "travis-raw-logs/dev_logs.tar.gz", 58, 0),
        ("travis-csv", "travis2021-dev/builds.csv.gz", 38367, 19),
    ],
)
def test_real_histories_are_read_whole(name: str, pattern: str, runs: int, bad: int) -> None:
    files = sorted(DATA.glob(pattern))
    if not files:
        pytest.skip(f"{DATA / pattern} is missing")
    tally, events, _ = bring(name, *files)
    assert (tally.events["RunFinished"], tally.bad) == (runs, bad)
    assert all(after.time >= before.time for before, after in itertools.pairwise(events))
