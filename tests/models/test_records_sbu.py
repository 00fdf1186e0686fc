"""Tables of package steps as builds and events."""

from __future__ import annotations

import pytest

from models.records.sbu import events_of, read_report, read_table
from streams.errors import InvalidEvent

HEAD = "date,book_version,package,build_seconds,cpu_model,n_cpu,mem_kb,parallelism"
ROWS = [HEAD, "2024-08-01,12.1,gcc-14.2.0,900,Xeon,4,1000,3", "2024-08-01,12.1,zlib-1.3.1,9,Xeon,4,1000,3"]


def test_a_table_gives_builds_with_packages_versions_and_machine() -> None:
    (build,) = read_table(ROWS)
    assert [(step.name, step.version, step.seconds) for step in build.steps] == [
        ("gcc", "14.2.0", 900.0),
        ("zlib", "1.3.1", 9.0),
    ]
    assert (build.seconds, build.cpu_model, build.cpu_count, build.parallelism) == (909.0, "Xeon", 4, 3)
    assert build.memory_bytes == 1_024_000


def test_a_package_built_twice_is_told_apart() -> None:
    (build,) = read_table([*ROWS, "2024-08-01,12.1,zlib-1.3.1,10,Xeon,4,1000,3"])
    assert [step.name for step in build.steps] == ["gcc", "zlib", "zlib#2"]


def test_events_are_laid_end_to_end() -> None:
    (build,) = read_table(ROWS)
    times = [event.time for event in events_of(build)]
    assert times == sorted(times)
    assert times[-1] - times[0] == 909.0


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["a,b", "1,2"], "no column"),
        ([HEAD, "someday,12.1,gcc-14.2.0,900,Xeon,4,1000,3"], "not a date"),
        ([HEAD, "2024-08-01,12.1,gcc-14.2.0,long,Xeon,4,1000,3"], "whole seconds"),
    ],
)
def test_a_broken_table_is_refused_with_the_reason(lines: list[str], reason: str) -> None:
    with pytest.raises(InvalidEvent, match=reason):
        read_table(lines)


def test_a_report_without_packages_is_refused() -> None:
    with pytest.raises(InvalidEvent):
        read_report(["nothing of use"])
