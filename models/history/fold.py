"""The history: one fold over runs opened and outcomes known; O(1) an event, bounded, forgetting counted.

Law of the file: nothing is read that was not folded before, and describing a run changes nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from models.features import Availability, Schema, admit_attributes
from models.history import attributes, circumstances, outcomes, posteriors, timing
from models.history.attributes import Attributes
from models.history.circumstances import pull_number
from models.history.project import Project
from models.history.scene import SCOPES, Commit, Scene, scope_keys
from models.history.table import Table
from models.history.track import LONG, Track
from streams.events import PriorFeatures, Run

__all__ = ["PRIOR_SCHEMA", "History", "HistoryLimits"]

PRIOR_SCHEMA = Schema(
    "prior",
    Availability.STARTED,
    (
        *outcomes.FEATURES,
        *timing.FEATURES,
        *circumstances.FEATURES,
        *posteriors.FEATURES,
        *attributes.FEATURES,
    ),
)
_FLEET_FACTOR = 0.9995


@dataclass(frozen=True)
class HistoryLimits:
    """How many of each are remembered."""

    projects: int = 20_000
    keys: int = 30_000  # of each narrower scope
    contexts: int = 200_000
    commits: int = 30_000
    flights: int = 20_000
    flight_seconds: float = 172_800.0  # a run in flight for longer is given up


@dataclass(frozen=True, slots=True)
class _Flight:
    project: str
    keys: tuple[str, str]  # branch, pull request
    commit: str


class History:
    """Tracks by scope, contexts, commits, runs in flight."""

    def __init__(self, limits: HistoryLimits | None = None) -> None:
        self.limits = limits or HistoryLimits()
        n = self.limits
        self.projects: Table[tuple[Project, Track]] = Table(n.projects)
        self.scopes: dict[str, Table[Track]] = {scope: Table(n.keys, n.keys // 100) for scope in SCOPES}
        self.languages: Table[list[float]] = Table(1_000)
        self.contexts: Table[complex] = Table(n.contexts, n.contexts // 100)
        self.commits: Table[Commit] = Table(n.commits, n.commits // 100)
        self.flights: Table[_Flight] = Table(n.flights)
        self.attributes = Attributes(n.projects)
        self.fleet = [1.0, 4.0]
        self.counts: Counter[str] = Counter()

    def evicted(self) -> int:
        """Entries forgotten so far because a table was full."""
        tables: list[Table[Any]] = [self.projects, self.languages, self.contexts, self.commits, self.flights]
        tables += self.scopes.values()
        return sum(table.evicted for table in tables) + self.attributes.left_out

    def describe(self, run: Run, now: float, host: str = "") -> PriorFeatures:
        """The features of a run as of `now`, with the contexts that its outcome will go to."""
        given = admit_attributes(run.attributes)
        scene = self._scene(run, now, host)
        keys = posteriors.context_keys(scene)
        parent = (scene.track.failures + 2.0 * scene.rate) / (scene.track.count + 2.0)
        found = outcomes.values(scene)
        found += timing.values(scene)
        found += circumstances.values(scene)
        found += posteriors.values(self.contexts, keys, parent, scene.rate)
        found += self.attributes.values(run.project, given)
        return PriorFeatures(schema=PRIOR_SCHEMA.name, values=found, keys=keys)

    def open(self, run: Run, now: float, host: str = "") -> None:
        """A run has started."""
        project, track = self._project(run.project)
        keys = scope_keys(run, host)
        flight = self._fly(run, keys)
        number = pull_number(run.pull_request)
        self._give_up(project, now)
        project.start(run.run_id, now, run.build_number, number)
        own = [track, self._track("branch", keys["branch"]), self._track("pull_request", keys["pull_request"])]
        for each in own:
            if each is not None:
                each.starts += 1
                each.started_at = now
                each.running += 1
                each.last_jobs = run.job_count or each.last_jobs
                each.last_commit = run.commit
        if flight.commit:
            commit = self.commits.renew(flight.commit, Commit)
            commit.seen += 1
            commit.running += 1
        self.attributes.learn(run.project, run.attributes)

    def close(self, run: Run) -> None:
        """A run is no longer in flight, whatever became of it."""
        flight = self.flights.drop(run.run_id)
        if flight is None:
            self.counts["closed_unopened"] += 1
            return
        self._land(run.run_id, flight)

    def learn(self, run: Run, broken: float, now: float, early: bool, seconds: float | None, host: str = "") -> None:
        """An outcome is known: 1.0 broken, 0.0 good."""
        project, track = self._project(run.project)
        project.finish(broken, now, seconds)
        track.learn(broken, now, early)
        for scope, key in scope_keys(run, host).items():
            if key:
                self.scopes[scope].renew(key, Track).learn(broken, now, early)
        for counts in (self.fleet, self._language(run.language)):
            counts[0] = counts[0] * _FLEET_FACTOR + broken
            counts[1] = counts[1] * _FLEET_FACTOR + 1.0
        commit = self.commits.get(_commit_key(run))
        if commit is not None:
            commit.last = 1 if broken else -1

    def learn_host(self, host: str, broken: float, now: float) -> None:
        """An outcome that speaks of the host alone: the infrastructure failed, not the change."""
        own = self._track("host", host)
        if own is not None:
            own.learn(broken, now, True)

    def learn_contexts(self, keys: list[str], broken: float) -> None:
        """The outcome for the contexts that the run was described with."""
        posteriors.learn(self.contexts, keys, broken)

    def _scene(self, run: Run, now: float, host: str) -> Scene:
        found = self.projects.get(run.project)
        project, track = found if found else _new_project()
        keys, scopes = scope_keys(run, host), self.scopes
        rate = self.fleet[0] / self.fleet[1]
        language = self.languages.get(run.language)
        language_rate = (language[0] + 20.0 * rate) / (language[1] + 20.0) if language else rate
        tracks = {scope: scopes[scope].entries.get(key) if key else None for scope, key in keys.items()}
        commit = self.commits.get(_commit_key(run)) if run.commit else None
        return Scene(run, now, host, rate, language_rate, project, track, tracks, commit, len(self.commits))

    def _project(self, name: str) -> tuple[Project, Track]:
        return self.projects.renew(name, _new_project)

    def _track(self, scope: str, key: str) -> Track | None:
        return self.scopes[scope].renew(key, Track) if key else None

    def _language(self, language: str) -> list[float]:
        return self.languages.renew(language, lambda: [0.0, 0.0])

    def _fly(self, run: Run, keys: dict[str, str]) -> _Flight:
        flight = _Flight(run.project, (keys["branch"], keys["pull_request"]), _commit_key(run) if run.commit else "")
        if len(self.flights) >= self.flights.limit:
            oldest = next(iter(self.flights.entries))
            self._land(oldest, self.flights.entries[oldest])
        self.flights.keep(run.run_id, flight)
        return flight

    def _land(self, run_id: str, flight: _Flight) -> None:
        found = self.projects.get(flight.project)
        if found:
            found[0].running.pop(run_id, None)
            found[1].running = max(0, found[1].running - 1)
        for scope, key in zip(("branch", "pull_request"), flight.keys, strict=True):
            track = self.scopes[scope].get(key) if key else None
            if track is not None:
                track.running = max(0, track.running - 1)
        commit = self.commits.get(flight.commit)
        if commit is not None:
            commit.running = max(0, commit.running - 1)

    def _give_up(self, project: Project, now: float) -> None:
        while project.running:
            run_id, started_at = next(iter(project.running.items()))
            if now - started_at <= self.limits.flight_seconds:
                return
            flight = self.flights.drop(run_id)
            project.running.pop(run_id, None)
            if flight is not None:
                self._land(run_id, flight)
            self.counts["given_up"] += 1


def _new_project() -> tuple[Project, Track]:
    return Project(), Track(len(LONG))


def _commit_key(run: Run) -> str:
    return f"{run.project}\x1f{run.commit}"
