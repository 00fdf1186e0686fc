"""`buildcast evaluate`: same file, same bytes, and one sentence for a file that is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

from buildcast.commands.evaluate import COLUMNS, evaluate
from models.records import ci
from streams.errors import ConfigError

_HEAD = "lang,project,build_id,commit,pull_req,branch,status,duration,started_at,n_jobs,event_type"


@pytest.fixture
def history(tmp_path: Path) -> Path:
    rows = [
        f"ruby,a@b,{n},c{n},,master,{'passed' if n % 3 else 'failed'},120.0,"
        f"2020-01-01 {n // 4:02d}:{n % 4 * 15:02d}:00,2,push"
        for n in range(1, 40)
    ]
    path = tmp_path / "builds.csv"
    path.write_text("\n".join([_HEAD, *rows]) + "\n")
    return path


def _evaluate(*arguments: str) -> str:
    app = Typer()
    app.command()(evaluate)
    found = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert found.exit_code == 0
    return found.stdout


@pytest.mark.parametrize("partitions", ["1", "8"])
def test_predictions_are_the_same_bytes_for_any_number_of_partitions(
    history: Path, tmp_path: Path, partitions: str
) -> None:
    once, again = tmp_path / "once.csv", tmp_path / "again.csv"
    _evaluate(str(history), "--format", "travis", "--predictions", str(once))
    _evaluate(str(history), "--format", "travis", "--predictions", str(again), "--partitions", partitions)
    assert once.read_bytes() == again.read_bytes()
    lines = once.read_text().splitlines()
    assert lines[0] == ",".join(COLUMNS)
    assert len(lines) == 40


def test_json_holds_the_promised_keys(history: Path) -> None:
    result = json.loads(_evaluate(str(history), "--format", "travis", "--json"))
    assert {"events", "seconds", "events_per_second", "pooled_auc", "mean_auc", "log_loss", "brier", "ece",
            "coverage", "baselines"} == set(result)  # fmt: skip
    assert {"prior", "last_outcome", "ewma5"} <= set(result["baselines"])


def test_label_is_revealed_after_the_mean_time_of_a_job(history: Path) -> None:
    first = ci.read(history, "travis")[0]
    assert first.known_at == first.started_at + 60.0


@pytest.mark.parametrize(("text", "format_"), [("a,b\n1,2\n", "travis"), (_HEAD + "\n", "travis"), ("x", "odd")])
def test_file_that_is_none_is_told_in_one_sentence(tmp_path: Path, text: str, format_: str) -> None:
    path = tmp_path / "odd.csv"
    path.write_text(text)
    with pytest.raises(ConfigError) as told:
        ci.read(path, format_)
    assert "\n" not in str(told.value)
