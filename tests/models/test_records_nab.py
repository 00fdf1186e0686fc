"""NAB's series and windows read from a folder; broken ones are refused with the reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.records.nab import read_nab
from streams.errors import InvalidEvent

ROWS = "timestamp,value\n2014-04-01 00:00:00,1\n2014-04-01 12:00:00,2\n2014-04-02 00:00:00,3\n2014-04-03 00:00:00,4\n"


def written(folder: Path, rows: str = ROWS, name: str = "kind/one.csv") -> Path:
    (folder / "labels").mkdir()
    windows = {name: [["2014-04-02 00:00:00.000000", "2014-04-02 06:00:00.000000"]]}
    (folder / "labels" / "combined_windows.json").write_text(json.dumps(windows), encoding="utf-8")
    (folder / "data" / "kind").mkdir(parents=True)
    (folder / "data" / "kind" / "one.csv").write_text(rows, encoding="utf-8")
    return folder


def test_a_series_has_its_samples_and_windows_in_utc(tmp_path: Path) -> None:
    (series,) = read_nab(written(tmp_path))
    assert series.name == "kind/one.csv"
    assert series.samples[0] == (1396310400.0, 1.0)
    assert series.windows == [(1396396800.0, 1396418400.0)]
    assert series.days == 2.0


def test_the_first_half_knows_only_windows_that_begin_in_it(tmp_path: Path) -> None:
    (series,) = read_nab(written(tmp_path))
    half = series.first_half()
    assert [value for _, value in half.samples] == [1.0, 2.0]
    assert half.windows == []


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("when,what\n1,2\n", "no columns"),
        ("timestamp,value\n2014-04-01 00:00:00,1\n", "fewer than two"),
        (ROWS + "yesterday,5\n", "not a time"),
        (ROWS + "2014-04-04 00:00:00,many\n", "no number"),
        (ROWS + "2014-04-04 00:00:00,inf\n", "no finite number"),
    ],
)
def test_a_broken_series_is_refused_with_the_reason(tmp_path: Path, rows: str, reason: str) -> None:
    with pytest.raises(InvalidEvent, match=reason):
        list(read_nab(written(tmp_path, rows)))


def test_a_series_without_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidEvent, match="no windows"):
        list(read_nab(written(tmp_path, name="kind/other.csv")))
