"""What a failure says: real (the change), flaky (the same commit passes too) or infrastructure (the machine).

Flaky: one commit of a project and package ended both ways; only the failures are flaky. Infrastructure: by error class
of the line that ended the build, or killed from outside. A suspicion becomes a `LabelRevised`, never a silent change.
Source: Luo et al. (2014), An empirical analysis of flaky tests; Lampel et al. (2021), When life gives you oranges.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal, TypeAlias

from models.bounded import forget_oldest
from streams.events import ExampleRecorded, LabelRevised

__all__ = ["INFRASTRUCTURE", "LabelJudge", "Quality", "Suspicion"]

Quality: TypeAlias = Literal["real", "flaky", "infrastructure"]

INFRASTRUCTURE = frozenset({"network", "disk", "oom", "clock", "permission", "ice", "killed", "lost-worker"})
"""Error classes that speak of the machine and its surroundings rather than of the change."""

SOURCE = "/buildcast/labels"


@dataclass(frozen=True)
class Suspicion:
    """A failed run whose label says nothing about its change, and why."""

    run_id: str
    quality: Quality
    why: str

    def revision(self, time: float, principal: str = "rule") -> LabelRevised:
        """The suspicion as an event. Same suspicion, same id."""
        verdict: Literal["flaky", "infrastructure"] = "flaky" if self.quality == "flaky" else "infrastructure"
        digest = hashlib.blake2b(f"{self.run_id}\x1f{verdict}".encode(), digest_size=16).hexdigest()
        return LabelRevised(
            id=digest, source=SOURCE, time=time, run_id=self.run_id, verdict=verdict, principal=principal,
            note=self.why, before="failure",
        )  # fmt: skip


class LabelJudge:
    """Outcomes by commit. Bounded: the commits seen longest ago are forgotten."""

    def __init__(self, commits: int = 50_000, runs_a_commit: int = 50) -> None:
        self.commits = commits
        self.runs_a_commit = runs_a_commit
        self.counts: dict[Quality, int] = {"real": 0, "flaky": 0, "infrastructure": 0}
        self._seen: dict[tuple[str, str, str], _Commit] = {}

    def add(self, example: ExampleRecorded) -> list[Suspicion]:
        """Take a finished run in; the runs (this or earlier ones) that are now known not to be real failures."""
        if example.outcome not in ("success", "failure"):
            return []
        failed = example.outcome == "failure"
        if failed and example.error_class in INFRASTRUCTURE:
            self.counts["infrastructure"] += 1
            return [Suspicion(example.run.run_id, "infrastructure", f"ended by {example.error_class}")]
        if failed:
            self.counts["real"] += 1
        return self._compare(example, failed) if example.run.commit else []

    def _compare(self, example: ExampleRecorded, failed: bool) -> list[Suspicion]:
        run = example.run
        key = (run.project, run.name, run.commit)
        commit = self._seen.pop(key, None) or _Commit([], False)
        self._seen[key] = commit
        forget_oldest(self._seen, self.commits)
        commit.passed = commit.passed or not failed
        if failed and len(commit.failed) < self.runs_a_commit:
            commit.failed.append(run.run_id)
        if not commit.passed or not commit.failed:
            return []
        found = [Suspicion(id_, "flaky", f"commit {run.commit[:12]} passed as well") for id_ in commit.failed]
        commit.failed = []
        self.counts["flaky"] += len(found)
        self.counts["real"] -= len(found)
        return found


@dataclass
class _Commit:
    failed: list[str]  # runs not yet told
    passed: bool
