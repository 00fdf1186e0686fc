"""What the output alone tells: logs of real builds, line by line, through recognisers and core from a cold start.

    python -m bench.logs

The logs of travis-raw-logs that say how their build ended; the lines that say so are taken out first. Nothing else is
known: no history, no samples, no clock (a line takes a tenth of a second). Lead is told as a share of the lines.
Development looked at these logs. Of the lines in tests/collectors/stage_lines.csv, drawn and judged by hand after the
recogniser was made, the share that it tells rightly. Writes .cache/bench/logs.json.
"""

from __future__ import annotations

import csv
import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

from bench.travis import data_folder
from collectors.output import Output, SignalSeen
from collectors.stages import plain, stage_of
from models.core import Core
from models.forecaster import Forecaster
from streams.events import AlertRaised, LogSignal, Run, RunStarted

__all__ = ["first_alert", "main"]

_OUT = Path(".cache/bench/logs.json")
_EXIT = re.compile(r"(?:Your build exited with|failed and exited with) (\d+)")
_TELLING = re.compile(r"exited with|travis_time|travis_fold")
_LINE_SECONDS = 0.1
_CHECKED = Path(__file__).parents[1] / "tests/collectors/stage_lines.csv"


def main() -> None:
    """Judge every log and write the figures."""
    archive = data_folder() / "travis-raw-logs" / "dev_logs.tar.gz"
    if not archive.exists():
        raise SystemExit(f"{archive} is missing: set BUILDCAST_DATA to the folder of the histories")
    broken: list[float | None] = []
    healthy: list[float | None] = []
    for lines, code in _logs(archive):
        (broken if code else healthy).append(first_alert(lines))
    told = sorted(share for share in broken if share is not None)
    false = sum(share is not None for share in healthy)
    figures = {
        "logs": len(broken) + len(healthy),
        "failed": len(broken),
        "precision": len(told) / (len(told) + false),
        "recall": len(told) / len(broken),
        "median_share_of_lines_left": 1.0 - told[len(told) // 2],
        "healthy_without_alert": 1.0 - false / len(healthy),
        "stage_right_on_hand_checked_lines": _stages_right(archive),
    }
    _OUT.parent.mkdir(parents=True, exist_ok=True)
    _OUT.write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures, indent=1))


def _stages_right(archive: Path) -> float:
    """The share of the hand-checked lines (`tests/collectors/stage_lines.csv`) that are told as the stage they mark."""
    with tarfile.open(archive) as file, _CHECKED.open(newline="") as table:
        rows = list(csv.DictReader(table))
        lines = {
            name: opened.read().decode("utf-8", "replace").split("\n")
            for name in {row["log"] for row in rows}
            if (opened := file.extractfile(f"travis-raw-logs/dev_logs/{name}")) is not None
        }
    return sum(stage_of(plain(lines[row["log"]][int(row["line"]) - 1])) == row["stage"] for row in rows) / len(rows)


def first_alert(lines: list[str]) -> float | None:
    """The share of the lines at which a build with no history alerts; None if it never does."""
    core, output = Core(Forecaster()), Output()
    core.handle(RunStarted(id="start", source="/logs", time=0.0, host="h", run=Run(run_id="r", name="n", project="p")))
    for number, line in enumerate(lines):
        at = _LINE_SECONDS * (number + 1)
        for seen in output.take("out", line.encode() + b"\n", at):
            if isinstance(seen, SignalSeen) and _alerts(core, seen, number):
                return number / len(lines)
    return None


def _alerts(core: Core, seen: SignalSeen, number: int) -> bool:
    signal = LogSignal(
        id=f"{number}-{seen.error_class}", source="/logs", time=seen.at, host="h", run_id="r", stage=seen.stage,
        error_class=seen.error_class, line=seen.line, count=seen.count, fatal=seen.fatal,
    )  # fmt: skip
    return any(isinstance(output, AlertRaised) for output in core.handle(signal))


def _logs(archive: Path) -> Iterator[tuple[list[str], int]]:
    """Lines without what tells the end, and the exit code."""
    with tarfile.open(archive) as file:
        for member in file:
            opened = file.extractfile(member) if member.name.endswith(".log") else None
            if opened is None:
                continue
            text = opened.read().decode("utf-8", "replace")
            if codes := _EXIT.findall(text):
                yield [line for line in text.split("\n") if not _TELLING.search(line)], int(codes[-1])


if __name__ == "__main__":
    main()
