"""Builds of real projects with the moment each outcome became known, as records of `examples.v1`.

The label is known at start + duration / jobs (the data's own README says why). Missing folders are named in the error.
"""

from __future__ import annotations

import csv
import gzip
import math
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from models.evidence import EVIDENCE
from models.forecaster import Forecaster, ForecasterConfig
from streams.errors import ConfigError
from streams.events import Checkpoint, Event, ExampleRecorded, Outcome, PriorFeatures, Run, RunOpened

__all__ = ["Build", "builds", "data_folder", "dev_projects", "others", "records"]

_NO_EVIDENCE = [0.0] * len(EVIDENCE)


@dataclass(frozen=True)
class Build:
    """One finished CI build. Seconds since the epoch."""

    project: str
    build_id: str
    branch: str
    commit: str
    pull_request: str
    event_type: str
    language: str
    failed: bool
    started_at: float
    known_at: float
    seconds: float
    jobs: int


def data_folder() -> Path:
    """Where the public histories lie: BUILDCAST_DATA, else beside the project."""
    return Path(os.environ.get("BUILDCAST_DATA", Path(__file__).parents[2] / "shared" / "data"))


def builds(limit: int | None = None) -> list[Build]:
    """travis2021-dev: 60 projects, by start time."""
    return [_build(row) for row in islice(_finished("travis2021-dev/builds.csv.gz"), limit)]


def others(part: int, of: int = 14) -> list[Build]:
    """A part of the projects of travis2021-all, none of travis2021-dev's among them, by start time."""
    listed = dev_projects()
    return [
        _build(row) for row in _finished("travis2021-all/builds_all.csv.gz")
        if zlib.crc32(row["project"].encode()) % of == part and row["project"] not in listed and row["started_at"]
    ]  # fmt: skip


def dev_projects() -> frozenset[str]:
    """The 60 projects of travis2021-dev: how well a model that all projects share serves them."""
    with (data_folder() / "travis2021-dev" / "projects.csv").open(newline="") as file:
        return frozenset(row["project"] for row in csv.DictReader(file))


def _finished(place: str) -> Iterator[dict[str, str]]:
    """The rows of a history that have an outcome."""
    path = data_folder() / place
    if not path.exists():
        raise ConfigError(f"{path} is missing: set BUILDCAST_DATA to the folder of the histories")
    with gzip.open(path, "rt", newline="") as file:
        yield from (row for row in csv.DictReader(file) if row["status"] in ("passed", "failed", "errored"))


def records(history: list[Build], config: ForecasterConfig | None = None) -> Iterator[Event]:
    """`examples.v1` as the live system would have written it: features, forecasts and labels in their true order."""
    served = Forecaster(config)
    kept: dict[str, tuple[PriorFeatures, Checkpoint]] = {}
    moments = [(build.started_at, 0, i) for i, build in enumerate(history)]
    moments += [(build.known_at, 1, i) for i, build in enumerate(history)]
    for at, ended, i in sorted(moments):
        build = history[i]
        run, run_id = _run(build, i), f"{build.project}/{i}"
        event: Event
        if ended:
            outcome: Outcome = "failure" if build.failed else "success"
            prior, point = kept.pop(run_id)
            event = ExampleRecorded(
                id=f"{run_id}/ended", source="/travis", time=at, run=run, outcome=outcome,
                started_at=build.started_at, seconds=build.known_at - build.started_at, prior=prior,
                checkpoints=[point],
            )  # fmt: skip
        else:
            prior = served.risk.describe(run, at)
            kept[run_id] = prior, _checkpoint(served, run, prior, at)
            event = RunOpened(id=f"{run_id}/opened", source="/travis", time=at, run=run, prior=prior)
        served.fold(event)
        yield event


def _checkpoint(served: Forecaster, run: Run, prior: PriorFeatures, at: float) -> Checkpoint:
    risk = served.risk.risk(prior)
    return Checkpoint(
        at=at, elapsed_seconds=0.0, trigger="start", evidence=_NO_EVIDENCE, risk=risk,
        prior_logit=math.log(max(risk, 1e-9) / max(1.0 - risk, 1e-9)), remaining=served.duration.predict(run, at),
        model=served.ref,
    )  # fmt: skip


def _run(build: Build, number: int) -> Run:
    return Run(
        run_id=f"{build.project}/{number}", name=build.project, project=build.project, branch=build.branch,
        commit=build.commit, pull_request=build.pull_request, event_type=build.event_type, language=build.language,
        job_count=build.jobs, build_number=int(build.build_id) if build.build_id.isdigit() else None,
    )  # fmt: skip


def _build(row: dict[str, str]) -> Build:
    started = datetime.fromisoformat(row["started_at"]).replace(tzinfo=UTC).timestamp()
    seconds, jobs = float(row["duration"] or 0.0), max(1, int(float(row["n_jobs"] or 1)))
    return Build(
        project=row["project"], build_id=row["build_id"], branch=row["branch"], commit=row["commit"],
        pull_request=row["pull_req"], event_type=row["event_type"], language=row["lang"],
        failed=row["status"] != "passed", started_at=started, known_at=started + max(1.0, seconds / jobs),
        seconds=seconds, jobs=jobs,
    )  # fmt: skip
