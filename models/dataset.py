"""Whether recorded examples are fit to learn from: each is checked, bad ones are set aside with the reason.

Checks: schema, ranges, missing values, duplicates, label delay, leaks. Over all: class balance and drift of every
feature against a reference window (population stability index, PSI; above 0.25 is a shift by convention).
Source: Breck et al. (2019), Data validation for machine learning; Siddiqi (2006) for the PSI.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from models.features import OUTCOME_NAMES
from models.history.fold import PRIOR_SCHEMA
from models.recent import Recent
from streams.events import Event, ExampleRecorded, LabelRevised, RunOpened

__all__ = ["DataPolicy", "DataReport", "DataValidator", "Quarantined", "psi"]


@dataclass(frozen=True)
class DataPolicy:
    """What an example may look like. Seconds; shares 0 to 1."""

    longest_seconds: float = 30 * 86_400.0
    most_ahead_seconds: float = 86_400.0  # a label may not lie so far before its run's end
    reference_share: float = 0.5  # the first part of the examples, which the rest is compared with
    shifted_psi: float = 0.25
    remembered_runs: int = 200_000
    kept_values: int = 20_000  # of each feature, for the comparison


@dataclass(frozen=True)
class Quarantined:
    """An example that is not used, and why. `reason` is a short bounded class."""

    offset: int
    run_id: str
    reason: str
    detail: str


@dataclass
class DataReport:
    """What the examples are like."""

    records: int = 0
    examples: int = 0
    good: int = 0
    revisions: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    schemas: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    delays: list[float] = field(default_factory=list)  # seconds from a run's end to its label, a sample
    shifts: dict[str, float] = field(default_factory=dict)  # PSI by feature

    @property
    def failure_share(self) -> float | None:
        """Failures among the outcomes that say something."""
        told = self.outcomes["success"] + self.outcomes["failure"]
        return self.outcomes["failure"] / told if told else None

    def delay_quantile(self, share: float) -> float | None:
        """Label delay in seconds."""
        if not self.delays:
            return None
        return sorted(self.delays)[min(len(self.delays) - 1, int(share * len(self.delays)))]


class DataValidator:
    """Goes over the records once; good examples come out, the others stand in `quarantine`."""

    def __init__(self, policy: DataPolicy | None = None) -> None:
        self.policy = policy or DataPolicy()
        self.report = DataReport()
        self.quarantine: list[Quarantined] = []
        self._runs = Recent(self.policy.remembered_runs)
        self._values: dict[str, list[float]] = {}

    def examples(self, records: Iterable[tuple[int, Event]]) -> Iterator[tuple[int, ExampleRecorded]]:
        """The good examples, in order. When exhausted, the report is whole."""
        for offset, event in records:
            self.report.records += 1
            match event:
                case ExampleRecorded():
                    if self._admit(offset, event):
                        yield offset, event
                case LabelRevised():
                    self.report.revisions += 1
                case RunOpened() | _:
                    pass
        half = self.policy.reference_share
        self.report.shifts = {
            name: psi(values[: int(len(values) * half)], values[int(len(values) * half) :])
            for name, values in self._values.items()
            if len(values) >= 200
        }

    def _admit(self, offset: int, example: ExampleRecorded) -> bool:
        self.report.examples += 1
        fault = self._fault(example)
        if fault is not None:
            self.report.reasons[fault[0]] += 1
            self.quarantine.append(Quarantined(offset, example.run.run_id, *fault))
            return False
        self._count(example)
        return True

    def _fault(self, example: ExampleRecorded) -> tuple[str, str] | None:
        if not self._runs.add(example.run.run_id):
            return "duplicate", "the run has been recorded before"
        return _bad_fields(example) or _bad_range(example, self.policy) or _leak(example)

    def _count(self, example: ExampleRecorded) -> None:
        report, run = self.report, example.run
        report.good += 1
        report.outcomes[example.outcome] += 1
        report.schemas[example.prior.schema if example.prior else "none"] += 1
        absent = {
            "prior": example.prior, "checkpoints": example.checkpoints, "seconds": example.seconds,
            "branch": run.branch, "commit": run.commit, "parallelism": run.parallelism, "cpu_model": run.cpu_model,
            "memory_bytes": run.memory_bytes, "author": run.author,
        }  # fmt: skip
        report.missing.update(name for name, value in absent.items() if value is None or value in ("", []))
        if example.seconds is not None and len(report.delays) < self.policy.kept_values:
            report.delays.append(example.time - example.started_at - example.seconds)
        self._keep("seconds", example.seconds)
        self._keep("failure", float(example.outcome == "failure"))
        if (prior := example.prior) is not None:
            own = prior.schema == PRIOR_SCHEMA.name
            for column, value in enumerate(prior.values):
                self._keep(PRIOR_SCHEMA.names[column] if own else f"{prior.schema}[{column}]", value)

    def _keep(self, name: str, value: float | None) -> None:
        kept = self._values.setdefault(name, [])
        if value is not None and len(kept) < self.policy.kept_values:
            kept.append(value)


def psi(reference: list[float], now: list[float], bins: int = 10) -> float:
    """Population stability index over the reference's quantiles; 0 is no shift.

    >>> psi([1.0, 2.0, 3.0, 4.0] * 50, [1.0, 2.0, 3.0, 4.0] * 50)
    0.0
    """
    if not reference or not now:
        return 0.0
    ordered = sorted(reference)
    edges = sorted({ordered[len(ordered) * i // bins] for i in range(1, bins)})
    total = 0.0
    for before, after in zip(_shares(reference, edges), _shares(now, edges), strict=True):
        total += (after - before) * math.log(after / before)
    return total


def _shares(values: list[float], edges: list[float]) -> list[float]:
    counts = [0.5] * (len(edges) + 1)  # half a count keeps empty bins finite
    for value in values:
        counts[sum(value >= edge for edge in edges)] += 1.0
    total = sum(counts)
    return [count / total for count in counts]


def _bad_fields(example: ExampleRecorded) -> tuple[str, str] | None:
    run = example.run
    if not run.run_id or not (run.name or run.project):
        return "schema", "the run has no id, or neither name nor project"
    prior = example.prior
    if prior is not None and not all(math.isfinite(value) for value in prior.values):
        return "schema", "a feature is not a finite number"
    return None


def _bad_range(example: ExampleRecorded, policy: DataPolicy) -> tuple[str, str] | None:
    seconds = example.seconds
    if seconds is not None and not 0.0 <= seconds <= policy.longest_seconds:
        return "range", f"lasted {seconds:.0f} s"
    if example.started_at > example.time + policy.most_ahead_seconds:
        return "range", "the outcome is known before the run has started"
    for point in example.checkpoints:
        if not 0.0 <= point.risk <= 1.0:
            return "range", f"a served risk is {point.risk}"
    return None


def _leak(example: ExampleRecorded) -> tuple[str, str] | None:
    told = sorted(name for name in example.run.attributes if name.lower() in OUTCOME_NAMES)
    if told:
        return "leak", f"attribute {told[0]} is known only after the run"
    late = [point for point in example.checkpoints if point.at > example.time]
    if late:
        return "leak", "a forecast was made after its outcome was known"
    return None
