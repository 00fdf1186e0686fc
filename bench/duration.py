"""Durations on real histories: error and coverage on jhalfs builds, each on a host never seen, replayed in time.

`python -m bench.duration` prints a table and writes .cache/bench/duration.json. The published first costs are off: they
come from these very reports. The baseline is the last duration of the same package on any host.
All reports but two are of one kind of machine, so a second replay gives every host a speed of its own (its seconds
times e to a number drawn evenly from -1 to 1): what a fleet of unlike hosts is like.
A slow-down is simulated: log-normal durations, labels about 300 runs late, 2.2 times as slow from one run on; figures
are over five such histories, none of which the settings were chosen by. Its oracle knows the distribution and the
moment of the change: no interval that holds 95 % is narrower in log seconds.
"""

from __future__ import annotations

import heapq
import json
import math
import os
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean, median

from models.duration import DurationConfig, DurationModel
from models.pipeline import BuildProgress, total_seconds
from models.records.sbu import SbuBuild, read_report
from streams.events import ExampleRecorded, Run

__all__ = ["load_builds", "measure_builds", "measure_slow_down"]

_AFTER_PACKAGES = 3
_AFTER_SHARE = 0.2
_SLOWER = 2.2
_LATE = 300  # labels
_CHANGE_AT, _RUNS = 4000, 6000
_USUAL_SECONDS = 600.0
_SEEDS = (1, 2, 3, 4, 5)


def main() -> None:
    """Measure, print, write."""
    data = Path(os.environ.get("BUILDCAST_DATA", "../shared/data"))
    builds = load_builds(data / "lfs-jhalfs-sbu" / "raw" / "SBU_DU")
    figures = measure_builds(builds)
    figures |= {f"unlike_hosts_{name}": value for name, value in measure_builds(unlike_hosts(builds)).items()}
    for spread in (0.15, 0.3, 0.5):
        figures |= {f"slow_down_{spread}_{name}": value for name, value in measure_slow_down(spread).items()}
    for name, figure in figures.items():
        print(f"{name:40s} {figure:10.4f}")
    target = Path(".cache/bench/duration.json")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def load_builds(folder: Path) -> list[SbuBuild]:
    """The reports' builds in order of time."""
    builds = [
        read_report(path.read_text(encoding="utf-8", errors="replace").splitlines())
        for path in sorted(folder.glob("*.report"))
    ]
    return sorted(builds, key=lambda build: build.started_at)


def unlike_hosts(builds: list[SbuBuild], seed: int = 1) -> list[SbuBuild]:
    """The same builds, each on a host of another speed."""
    dice = random.Random(seed)
    slower = [math.exp(dice.uniform(-1.0, 1.0)) for _ in builds]
    return [
        replace(build, steps=[replace(step, seconds=step.seconds * factor) for step in build.steps])
        for build, factor in zip(builds, slower, strict=True)
    ]


def measure_builds(builds: list[SbuBuild]) -> dict[str, float]:
    """Each build on a host of its own; zero-second steps have no relative error and are left out."""
    model = DurationModel(DurationConfig(published_prior=False))
    last: dict[str, float] = {}
    errors: list[float] = []
    baseline: list[float] = []
    held: list[bool] = []
    widths: list[float] = []
    whole: list[float] = []
    whole_held: list[bool] = []
    for number, build in enumerate(builds):
        at, passed = build.started_at, 0.0
        done: list[tuple[Run, float]] = []
        host = build.pipeline_id
        for place, step in enumerate(build.steps):
            run = build.run(step)
            forecast = model.predict(run, at, host)
            assert forecast is not None
            model.open(run, at, host)
            if number and place >= _AFTER_PACKAGES and step.seconds and step.name in last:
                errors.append(abs(forecast.point - step.seconds) / step.seconds)
                baseline.append(abs(last[step.name] - step.seconds) / step.seconds)
                held.append(forecast.lower <= step.seconds <= forecast.upper)
                widths.append(math.log((forecast.upper + 0.5) / (forecast.lower + 0.5)))
            if number and place % 5 == 0 and passed >= _AFTER_SHARE * build.seconds:
                to_come = [build.run(each) for each in build.steps[place:]]
                total = total_seconds(model, BuildProgress(done, None, 0.0, to_come), at, host)
                assert total is not None
                whole.append(abs(total.point - build.seconds) / build.seconds)
                whole_held.append(total.lower <= build.seconds <= total.upper)
            at, passed = at + step.seconds, passed + step.seconds
            done.append((run, step.seconds))
            model.learn(_example(run, host, at, step.seconds))
        last.update({step.name: step.seconds for step in build.steps})
    return {
        "packages_scored": float(len(errors)),
        "package_mape_after_3": fmean(errors),
        "package_mape_last_duration": fmean(baseline),
        "package_coverage": fmean(held),
        "package_log_width_median": median(widths),
        "build_mape_after_20_percent": fmean(whole),
        "build_coverage": fmean(whole_held),
    }


def measure_slow_down(spread: float, seeds: Sequence[int] = _SEEDS) -> dict[str, float]:
    """Coverage and median log width before, in the 500 runs after, and later; `spread` in log seconds."""
    histories = [_slow_down(spread, seed) for seed in seeds]
    parts = {
        "steady": slice(1000, _CHANGE_AT),
        "after": slice(_CHANGE_AT, _CHANGE_AT + 500),
        "later": slice(_CHANGE_AT + 600, None),
    }
    figures = {
        f"coverage_{name}": fmean(held for history in histories for held, _ in history[part])
        for name, part in parts.items()
    }
    figures |= {
        f"log_width_{name}": median(width for history in histories for _, width in history[part])
        for name, part in parts.items()
    }
    return figures | {"log_width_oracle": 2.0 * 1.96 * spread}


def _slow_down(spread: float, seed: int) -> list[tuple[bool, float]]:
    """Whether each run ended within its interval, and the interval's log width."""
    dice = random.Random(seed)
    model = DurationModel(DurationConfig(published_prior=False))
    at = 0.0
    flying: list[tuple[float, int, Run, float]] = []
    served: list[tuple[bool, float]] = []
    for number in range(_RUNS):
        at += dice.expovariate(_LATE / _USUAL_SECONDS)
        seconds = _USUAL_SECONDS * math.exp(dice.gauss(0.0, spread)) * (_SLOWER if number >= _CHANGE_AT else 1.0)
        while flying and flying[0][0] <= at:
            ended_at, _, ended, lasted = heapq.heappop(flying)
            model.learn(_example(ended, "host", ended_at, lasted))
        run = Run(run_id=str(number), name="build", project="p", job_count=1)
        forecast = model.predict(run, at, "host")
        assert forecast is not None
        model.open(run, at, "host")
        width = math.log((forecast.upper + 0.5) / (forecast.lower + 0.5))
        served.append((forecast.lower <= seconds <= forecast.upper, width))
        heapq.heappush(flying, (at + seconds, number, run, seconds))
    return served


def _example(run: Run, host: str, at: float, seconds: float) -> ExampleRecorded:
    return ExampleRecorded(
        id=run.run_id,
        source="/bench",
        time=at,
        host=host,
        run=run,
        outcome="success",
        started_at=at - seconds,
        seconds=seconds,
    )


if __name__ == "__main__":
    main()
