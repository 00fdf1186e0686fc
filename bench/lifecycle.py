"""The learning lifecycle on real histories: `python -m bench.lifecycle` prints and writes `bench/lifecycle.json`.

Measured: promotions among equals (A/A), labels until a planted better config is found, a planted drift until trigger
and promotion, replay speed, early abort in shadow, label quality, the estimate before labels come.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.lifecycle_abort import aborted
from bench.lifecycle_proxy import BaggedRates, compared, windows
from bench.travis import Build, builds, others, records
from models.definition import config_of
from models.desk import Desk, DeskPolicy
from models.drift import DriftWatch
from models.forecaster import Forecaster, ForecasterConfig
from models.labels import LabelJudge
from models.ledger import fold_ledger
from models.promotion import PromotionPolicy, Race, log_loss
from models.replay import replay
from models.shadow import Shadow
from models.training import train
from models.triggers import TriggerPolicy
from streams.events import DriftDetected, Event, ExampleRecorded, ModelPromoted, RunOpened, TrainingRequested

__all__ = ["main"]

FREE = PromotionPolicy(rest_labels=0)
Log = Sequence[tuple[int, Event]]


def main() -> None:
    """All measurements, one after another."""
    history = builds()
    log = list(enumerate(records(history)))
    found: dict[str, Any] = {"builds": len(history), "records": len(log)}
    measures: dict[str, Callable[[], dict[str, Any]]] = {
        "equals, bagged rates": lambda: equals_by_proxy(history),
        "equals, seeded forecasters": lambda: equals(log),
        "planted better config": lambda: planted(log),
        "planted drift": lambda: drifted(history),
        "drift detectors on the real stream": lambda: detectors(log),
        "replay": lambda: replayed(log),
        "early abort": lambda: aborted(log),
        "early abort, chosen on the first half of these 345 projects": lambda: aborted(_others(3)),
        "early abort, 357 projects beside": lambda: aborted(_others(5)),
        "label quality": lambda: labels(log),
        "estimate before labels": lambda: estimated(log),
    }
    for name, measure in measures.items():
        began = time.perf_counter()
        found[name] = measure() | {"seconds": round(time.perf_counter() - began, 1)}
        print(f"{name}: {json.dumps(found[name])}", flush=True)
    Path("bench/lifecycle.json").write_text(json.dumps(found, indent=1) + "\n")


def _others(part: int) -> Log:
    return list(enumerate(records(others(part))))


def equals_by_proxy(history: Sequence[Build], streams: int = 200) -> dict[str, Any]:
    """Seeded copies of a cheap forecaster over 200 stretches of 2,000 builds."""
    promoted = 0
    for seed, stretch in enumerate(windows(history, streams, 2000)):
        race = Race(FREE)
        for one, other, failed in compared(stretch, BaggedRates(2 * seed), BaggedRates(2 * seed + 1)):
            race.add(one, other, failed)
            if race.decide(10**9) == "promote":
                promoted += 1
                break
    return {"streams": streams, "promoted": promoted, "share": promoted / streams, "goal": 0.05}


def equals(log: Log, streams: int = 200, size: int = 1000) -> dict[str, Any]:
    """Two forecasters that differ in their seed alone, over 200 stretches of 1,000 records."""
    promoted = 0
    for number in range(streams):
        start = number * (len(log) - size) // streams
        one, other = (config_of({"risk.seed": 2 * number + k + 10}) for k in (0, 1))
        shadow = Shadow(Forecaster(one), [Forecaster(other)], FREE)
        for offset, (_, event) in enumerate(log[start : start + size]):
            shadow.fold(event, offset)
            if shadow.proven(10**9):
                promoted += 1
                break
    return {"streams": streams, "promoted": promoted, "share": promoted / streams, "goal": 0.05}


def planted(log: Log) -> dict[str, Any]:
    """The champion knows rates alone; among rivals that are like it the default config is hidden."""
    poor = config_of({"risk.members": ["prior"]})
    rivals = [config_of({"risk.members": ["prior"], "risk.calibration_step": step}) for step in (0.01, 0.03, 0.05)]
    shadow = Shadow(Forecaster(poor), [Forecaster(config) for config in [*rivals, ForecasterConfig()]], FREE)
    for offset, event in log:
        shadow.fold(event, offset)
        if name := shadow.proven(10**9):
            race = shadow.races[name].evidence()
            return {"found": name, "labels": race["labels"], "mean_gain": race["mean_gain"], "rivals": 4}
    return {"found": None, "labels": shadow.labels}


def drifted(history: Sequence[Build], at: int = 4000, size: int = 8000) -> dict[str, Any]:
    """From one build on, the labels of a real history are turned round; the trainer is left to itself."""
    turned = [
        dataclasses.replace(build, failed=not build.failed) if number >= at else build
        for number, build in enumerate(history[:size])
    ]
    log = list(enumerate(records(turned)))
    policy = DeskPolicy(triggers=TriggerPolicy(schedule_seconds=0.0, volume_labels=0), window_records=2000)
    desk, said, trained = Desk(policy), [], 0
    while desk.offset < len(log):
        offset, event = log[desk.offset]
        said += desk.fold(event, offset)
        if desk.pending and trained < 3 and (plan := desk.plan()):
            trained += 1
            said += desk.finish(plan, train(lambda: log, plan, lambda _progress: None), event.time, 0.0)
    opened = 0
    for offset, event in log:
        opened += isinstance(event, RunOpened)
        if opened == at:
            planted_at = offset
            break
    drifts = [event for event in said if isinstance(event, DriftDetected) and event.at_offset >= planted_at]
    early = sum(isinstance(event, DriftDetected) and event.at_offset < planted_at for event in said)
    asked = [event.trigger for event in said if isinstance(event, TrainingRequested)]
    seen = _labels(log, planted_at, drifts[0].at_offset) if drifts else None
    return {
        "planted_at": planted_at, "seen_after_labels": seen, "trainings": trained,
        "false_before": early, "labels_before": _labels(log, 0, planted_at), "first_trigger": asked[:1],
        "promotions": sum(isinstance(event, ModelPromoted) for event in said),
    }  # fmt: skip


def detectors(log: Log) -> dict[str, Any]:
    """How often each detector speaks on the whole stream as it was."""
    watch, found = DriftWatch("log_loss"), {"adwin": 0, "page-hinkley": 0}
    labels = 0
    for _, event in log:
        if isinstance(event, ExampleRecorded) and event.checkpoints:
            labels += 1
            for drift in watch.add(log_loss(event.checkpoints[0].risk, event.outcome == "failure")):
                found[drift.detector] += 1
    return {"labels": labels, **found}


def replayed(log: Log) -> dict[str, Any]:
    """The serving config again: digits and speed."""
    began = time.perf_counter()
    found = list(replay(lambda: log, ForecasterConfig()))
    seconds = time.perf_counter() - began
    real = found[-1].known_at - found[0].at
    same = sum(one.risk == one.served_risk for one in found)
    return {"forecasts": len(found), "same_digits": same, "times_real_time": round(real / seconds),
            "records_a_second": round(len(log) / seconds)}  # fmt: skip


def labels(log: Log) -> dict[str, Any]:
    """Failures whose commit also passed."""
    judge = LabelJudge()
    for _, event in log:
        if isinstance(event, ExampleRecorded):
            judge.add(event)
    return dict(judge.counts.items())


def estimated(log: Log) -> dict[str, Any]:
    """Log loss that came less the one that was expected before the labels, over the last labels of the stream."""
    whole = fold_ledger(log).whole
    return {"judged": whole.first["model"].age, "surprise_nats": round(whole.surprise.value or 0.0, 4)}


def _labels(log: Log, start: int, end: int) -> int:
    return sum(isinstance(event, ExampleRecorded) for _, event in log[start:end])


if __name__ == "__main__":
    main()
