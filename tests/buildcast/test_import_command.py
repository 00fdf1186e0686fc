from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from buildcast.commands.import_ import expanded
from streams.errors import ConfigError
from tests.collectors.imports.test_parsers import TRAVIS


def buildcast(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "buildcast", *map(str, arguments)], capture_output=True, text=True, timeout=60
    )


def test_dry_run_counts_on_stderr_and_names_each_bad_record(tmp_path: Path) -> None:
    (tmp_path / "builds.csv").write_text(TRAVIS)
    done = buildcast("import", "travis-csv", tmp_path / "builds.csv", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "4 events from 1 files: 2 RunFinished, 2 RunStarted" in done.stderr
    assert "outcomes: 1 error, 1 success" in done.stderr
    assert "left out: 1 canceled before it started" in done.stderr
    assert "builds.csv, line 6: " in done.stderr
    assert "bad records: 2" in done.stderr


@pytest.mark.parametrize("arguments", [("travis-csv", "nowhere.csv"), ("no-such-format", "x")])
def test_mistake_is_one_clear_message_and_exit_2(arguments: tuple[str, str]) -> None:
    done = buildcast("import", *arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "cannot read nowhere.csv" in done.stderr or "no format 'no-such-format'" in done.stderr


def test_folder_stands_for_the_files_in_it(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b.xml").write_text("")
    (tmp_path / "a.xml").write_text("")
    assert expanded([tmp_path]) == [tmp_path / "a.xml", tmp_path / "deep" / "b.xml"]


def test_empty_folder_is_a_persons_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no file in"):
        expanded([tmp_path])
