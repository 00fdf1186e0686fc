"""`buildcast evaluate`: columns, keys, the same bytes again, and one sentence for a mistake."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

HEADER = "lang,project,build_id,commit,pull_req,branch,status,duration,started_at,n_jobs,event_type"
COLUMNS = "id,project,at,risk,seconds_point,seconds_lower,seconds_upper,label,seconds,label_known_at"
KEYS = {
    "events", "seconds", "events_per_second", "pooled_auc", "mean_auc", "log_loss", "brier", "ece", "coverage",
    "baselines",
}  # fmt: skip


def _evaluate(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "buildcast", "evaluate", *map(str, arguments)], capture_output=True, text=True,
        timeout=90,
    )  # fmt: skip


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eighty builds of two projects, one canceled before its start."""
    rows = [HEADER, "go,a@b,999,c,,main,canceled,,,1,push"]
    for i in range(80):
        status = ("passed", "failed", "passed", "errored")[(i // 7) % 4]
        rows.append(
            f'go,p{i % 2}@x,{1000 + i},c{i},,"main, too",{status},{60 + i}.0,2020-01-02 {i // 4:02d}:{i % 4}0:00,2,push'
        )
    path = tmp_path_factory.mktemp("history") / "builds.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def test_json_has_the_promised_keys_and_the_progress_is_on_stderr(history: Path) -> None:
    done = _evaluate(history, "--format", "travis", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found) == KEYS
    assert found["events"] == 160
    assert all({"pooled_auc", "log_loss", "brier"} <= set(figures) for figures in found["baselines"].values())
    assert "160/160" in done.stderr


def test_csv_has_a_row_a_run_and_the_same_bytes_whatever_the_partitions(history: Path, tmp_path: Path) -> None:
    told = []
    for name, partitions in (("one", 1), ("again", 1), ("eight", 8)):
        path = tmp_path / f"{name}.csv"
        done = _evaluate(history, "--format", "travis", "--partitions", partitions, "--predictions", path)
        assert done.returncode == 0, done.stderr
        told.append(path.read_bytes())
    assert told[0] == told[1] == told[2]
    lines = told[0].decode().splitlines()
    assert lines[0] == COLUMNS
    rows = list(csv.DictReader(lines))
    assert [row["id"] for row in rows] == [str(1000 + i) for i in range(80)]
    for row in rows:
        assert 0.0 < float(row["risk"]) < 1.0
        assert float(row["label_known_at"]) == float(row["at"]) + float(row["seconds"]) / 2
        assert row["label"] in {"0", "1"}


@pytest.mark.parametrize(
    ("name", "content", "format_", "sentence"),
    [
        ("absent.csv", None, "travis", "does not exist"),
        ("bad.csv", b"a,b\n1,2\n", "travis", "is not of the travis format"),
        ("bad.csv.gz", b"not gzip", "travis", "is not of the travis format"),
        ("bad.json", b"{", "gha", "is not of the gha format"),
        ("bad.report", b"\xff\x00", "sbu", "is not of the sbu format"),
        ("any.csv", b"", "jenkins", "'jenkins' is not known"),
        ("empty.csv", HEADER.encode(), "travis", "holds no finished run"),
    ],
)
def test_mistake_is_one_sentence_and_exit_2(
    tmp_path: Path, name: str, content: bytes | None, format_: str, sentence: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    done = _evaluate(path, "--format", format_)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_predictions_that_cannot_be_written_are_told_with_the_path(history: Path, tmp_path: Path) -> None:
    target = tmp_path / "no" / "out.csv"
    done = _evaluate(history, "--format", "travis", "--predictions", target)
    assert done.returncode == 2
    assert f"{target} cannot be written" in done.stderr


def test_no_partitions_are_refused(history: Path) -> None:
    done = _evaluate(history, "--format", "travis", "--partitions", 0)
    assert (done.returncode, "at least 1" in done.stderr) == (2, True)
