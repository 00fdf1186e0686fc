"""How long a run will take: package cost and host speed learned apart, with a 95 % interval.

log(seconds) = all + project + run name + branch + job count + package cost + host speed + CPU model + parallelism;
which of them a run has depends on what is known of it. One timed package on a new host moves that host's speed, so
every later package has an estimate. Costs of the published Linux From Scratch builds can be the first package costs.
The interval is conformal (models.conformal): its scale is what the effects do not know plus the group's own noise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from models.conformal import ConformalConfig, DelayedConformal, Served
from models.effect_keys import besides_settings, effect_keys, group_of, lag_keys, together
from models.effects import AdditiveEffects, EffectFamily, Key
from models.noise import NoiseByGroup, NoiseConfig
from models.regime import RegimeConfig, RegimeShift
from models.sbu import published_costs
from models.survival import doubt_of_tool, given_elapsed, with_progress
from streams.events import ExampleRecorded, Interval, Run

__all__ = ["DurationConfig", "DurationModel"]

_HALF_SECOND = 0.5  # durations are often whole seconds, zero included
_LONGEST = 30 * 86_400.0
_FEW = 3.0  # lessons, for a host to be compared by
_HOSTS = 64
_MANY = 30.0
_REPEATED = 0.8  # variance of log seconds between the first run of something and its second


@dataclass(frozen=True)
class DurationConfig:
    """Limits and priors. Variances are of log seconds."""

    published_prior: bool = True  # start from the published package costs
    first_seconds: float = 180.0  # point of a run of which nothing is known
    effects: int = 60_000
    families: Mapping[str, EffectFamily] = field(
        default_factory=lambda: {
            "all": EffectFamily(3.0, 0.0),
            "project": EffectFamily(1.5, 1e-5, 0.05),
            "name": EffectFamily(4.0, 0.002, 0.05),
            "branch": EffectFamily(0.1, 0.004),
            "jobs": EffectFamily(0.3, 0.004),
            "package": EffectFamily(6.0, 0.002, 0.02),
            "host": EffectFamily(0.1, 0.0002, 0.02),
            "cpu": EffectFamily(0.02, 1e-5),
            "parallel": EffectFamily(1.0, 1e-5),
            "package@parallel": EffectFamily(0.05, 0.0003),
            "cache": EffectFamily(0.5, 1e-5),
            "package@cache": EffectFamily(0.2, 0.001),
            "together": EffectFamily(0.0, 0.0),
        }
    )
    noise: NoiseConfig = field(default_factory=NoiseConfig)
    conformal: ConformalConfig = field(default_factory=ConformalConfig)
    regime: RegimeConfig = field(default_factory=RegimeConfig)
    lag_families: Mapping[str, EffectFamily] = field(
        default_factory=lambda: {
            "all": EffectFamily(0.5, 1e-4),
            "project": EffectFamily(0.5, 0.005),
            "jobs": EffectFamily(0.5, 0.005),
        }
    )


class DurationModel:
    """Predicts total seconds; learns from finished runs; counts overdue runs as misses at once."""

    def __init__(self, config: DurationConfig | None = None) -> None:
        self.config = config or DurationConfig()
        prior = dict(published_costs(self.config.first_seconds)) if self.config.published_prior else {}
        prior["all", ""] = (math.log(self.config.first_seconds), self.config.families["all"].prior_variance)
        self._effects = AdditiveEffects(self.config.families, self.config.effects, prior)
        self._root_of_drift = {name: math.sqrt(family.drift) for name, family in self.config.families.items()}
        self._lag = AdditiveEffects(self.config.lag_families, self.config.effects // 4)
        self._noise = NoiseByGroup(self.config.noise)
        self._conformal = DelayedConformal(self.config.conformal)
        self._regime = RegimeShift(self.config.regime)
        self._hosts: dict[str, None] = {}  # the ones that taught last

    @property
    def coverage(self) -> float:
        """Share of the recent labels that lay in the interval served at the start; 0.95 before any."""
        return self._conformal.coverage

    @property
    def evicted(self) -> int:
        """How many remembered things were forgotten to stay within the limits."""
        c = self._conformal
        return (
            self._effects.evicted
            + self._lag.evicted
            + self._noise.evicted
            + (c.evicted_groups + c.evicted_runs + self._regime.evicted)
        )

    def predict(
        self,
        run: Run,
        now: float,
        host: str = "",
        elapsed_seconds: float = 0.0,
        progress: float | None = None,
        doubt: float | None = None,
    ) -> Interval | None:
        """Total seconds of the run with its 95 % interval, given how long it has lasted and how far it is (0 to 1).

        `doubt`: spread in log seconds of the total that the progress tells; by default that of a build tool's count.

        Asking changes nothing: overdue runs are counted by the fold alone, so that equal folds answer alike.
        """
        served = self._serve(run, now, host)
        total = Interval(point=_seconds(served.point), lower=_seconds(served.lower), upper=_seconds(served.upper))
        if elapsed_seconds <= 0.0:
            return total
        if progress is not None:
            doubt = doubt_of_tool(progress) if doubt is None else doubt
            total = with_progress(total, elapsed_seconds, progress, doubt)
        return given_elapsed(total, elapsed_seconds)

    def compare(self, run: Run, then: Run, host: str, then_host: str) -> tuple[float, float] | None:
        """Log of how much longer the run would take as `then` on `then_host`, and its variance; None where nothing
        has been learned of what differs."""
        now_keys, then_keys = effect_keys(run, host), effect_keys(then, then_host)
        lost = [key for key in now_keys if key not in then_keys]
        won = [key for key in then_keys if key not in now_keys]
        if not lost or not any(self._effects.count(key) for key in won):
            return None
        (before, doubt_before), (after, doubt_after) = self._effects.predict(lost), self._effects.predict(won)
        return after - before, doubt_before + doubt_after

    def knows(self, run: Run) -> bool:
        """Whether the run's package has ever been timed, here or in the published builds."""
        return self._effects.known(("package", run.name))

    def quickest_host(self, besides: str) -> str | None:
        """Of the hosts seen last, the one whose runs take the least time, by at least a few lessons."""
        known = [host for host in self._hosts if host != besides and self._effects.count(("host", host)) >= _FEW]
        return min(known, key=lambda host: (self._effects.mean(("host", host)), host), default=None)

    def open(self, run: Run, now: float, host: str = "") -> None:
        """A run has started: from now on passing its upper bound is a miss."""
        self._advance(now)
        served = self._serve(run, now, host)
        lag, spread = self._lag.predict(lag_keys(run))
        patience = math.exp(min(20.0, served.upper + lag + min(1.0, spread)))
        self._conformal.open(run.run_id, served, now + patience)
        self._regime.open(served.group, run.run_id, served.base, served.scale, now, lag)

    def learn(self, example: ExampleRecorded) -> None:
        """A run has ended; cancelled ones only tell that it would have taken longer."""
        self._advance(example.time)
        if example.seconds is None or not 0.0 <= example.seconds <= _LONGEST:
            return
        run, value = example.run, math.log(example.seconds + _HALF_SECOND)
        fresh = self._serve(run, example.time, example.host)
        flying = self._conformal.served(run.run_id)
        keys = effect_keys(run, example.host)
        self._remember(example.host)
        if example.outcome == "cancel":
            self._conformal.learn(run.run_id, value, fresh, censored=True)
            self._regime.drop(fresh.group, run.run_id)
            self._learn_censored(keys, value, fresh)
            return
        self._conformal.learn(run.run_id, value, fresh)
        if flying is not None:
            turnaround = max(0.0, example.time - flying.opened_at) + _HALF_SECOND
            self._lag.learn(lag_keys(run), math.log(turnaround) - value, 0.05)
        mean, variance = self._effects.predict(keys)
        noise = self._noise.learn(run.project, fresh.group, (value - mean) ** 2, variance)
        combined = dict.fromkeys((together(keys), together(besides_settings(keys))))
        self._effects.learn([*keys, *combined], value, noise + _rounding(mean))
        moved = self._effects.predict(keys)[0] - mean
        self._regime.learn(fresh.group, run.run_id, value, moved, example.time)

    def state(self) -> dict[str, object]:
        """Plain values for snapshots."""
        return {
            "effects": self._effects.state(),
            "lag": self._lag.state(),
            "noise": self._noise.state(),
            "conformal": self._conformal.state(),
            "regime": self._regime.state(),
            "hosts": list(self._hosts),
        }

    def load(self, state: Mapping[str, object]) -> None:
        """Take `state()`'s values back."""
        self._effects.load(_part(state, "effects"))
        self._lag.load(_part(state, "lag"))
        self._noise.load(_part(state, "noise"))
        self._conformal.load(_part(state, "conformal"))
        self._regime.load(_part(state, "regime"))
        hosts = state["hosts"]
        assert isinstance(hosts, list)
        self._hosts = dict.fromkeys(map(str, hosts))

    def _remember(self, host: str) -> None:
        self._hosts.pop(host, None)
        if host:
            self._hosts[host] = None
        if len(self._hosts) > _HOSTS:
            del self._hosts[next(iter(self._hosts))]

    def _learn_censored(self, keys: list[Key], value: float, fresh: Served) -> None:
        """The mean of what is beyond the time it lasted, as far as that is news."""
        if value > fresh.point:
            self._effects.learn(keys, value + 0.3 * fresh.scale, 4.0 * fresh.scale**2)

    def _advance(self, now: float) -> None:
        for run_id, served in self._conformal.due(now):
            moved = self._regime.learned(served.group) - served.learned
            self._conformal.miss(run_id, served, moved)

    def _serve(self, run: Run, now: float, host: str) -> Served:
        keys, group = effect_keys(run, host), group_of(run)
        base, doubt = self._effects.predict(keys)
        noise = self._noise.variance(run.project, group)
        scale = math.sqrt(min(doubt, self._doubt_of_a_repeat(keys, noise)) + noise + _rounding(base))
        low, high = self._conformal.bounds(group)
        shift = self._regime.shift(group)
        return Served(
            group=group,
            base=base,
            point=base,
            scale=scale,
            lower=base - low * scale,
            upper=base + shift.upper + high * scale,
            opened_at=now,
            learned=self._regime.learned(group),
        )

    def _doubt_of_a_repeat(self, keys: list[Key], noise: float) -> float:
        """Variance of the effects' sum, if they were learned together before.

        The effects are doubted one by one, as if each might be wrong alone; their sum is known better, since what one
        has too much another has too little. What their drift adds is taken at its steady state; after many lessons
        the effects' own doubt is as good, and knows of a change. With other jobs or another cache than ever before, the
        rest is still known: only what these do is in doubt.
        """
        doubt, same = self._doubt_of(keys, noise), besides_settings(keys)
        if len(same) == len(keys):
            return doubt
        settings = [key for key in keys if key not in same]
        return min(doubt, self._doubt_of(same, noise) + self._effects.predict(settings)[1])

    def _doubt_of(self, keys: Sequence[Key], noise: float) -> float:
        count = self._effects.count(together(keys))
        if not 0.0 < count <= _MANY:
            return math.inf
        drifted = sum(self._root_of_drift[family] for family, _ in keys)
        return _REPEATED / count**2 + drifted * math.sqrt(noise)


def _part(state: Mapping[str, object], name: str) -> Mapping[str, object]:
    values = state[name]
    assert isinstance(values, Mapping)
    return values


def _seconds(log_seconds: float) -> float:
    return min(_LONGEST, max(0.0, math.exp(min(20.0, log_seconds)) - _HALF_SECOND))


def _rounding(log_seconds: float) -> float:
    """Variance of log seconds from whole seconds."""
    return 0.1 * math.exp(-2.0 * max(-0.7, log_seconds))
