"""Risk of failure before the start: features of history, members that differ in kind, weights that follow the outcomes.

`score` is a function of the stored features and the model as it is; `describe`, `open` and `learn` are the fold.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from models.blame import blame_of
from models.calibration import Calibration
from models.counterfactual import Answer, what_if
from models.ensemble import Pool
from models.history.fold import PRIOR_SCHEMA, History, HistoryLimits
from models.history.posteriors import CONTEXTS
from models.members.contexts import Contexts
from models.members.linear import Linear
from models.members.table import RAW, make
from models.members.vector import BASE_LOGIT, Slots, Vector, sigmoid
from models.reasons import Teller
from models.retry import Chance
from models.scaling import Scaling
from streams.events import Counterfactual, ExampleRecorded, PriorFeatures, Reason, Run

__all__ = ["PriorRisk", "RiskConfig", "RiskModel"]

# bench/ablation.py decides: the others cost more than they bring and stay available, not default.
FULL = ("factors", "network", "contexts", "boosted")
FAST = ("contexts",)
START = {
    "prior": 0.02,
    "linear": 0.05,
    "factors": 1.0,
    "network": 0.6,
    "contexts": 1.0,
    "boosted": 1.0,
    "tree": 0.02,
    "forest": 0.2,
}  # before any outcome


_ALONE = 0.999  # trust in the learned members from which the prior says nothing any more


@dataclass(frozen=True)
class RiskConfig:
    """What the ensemble is made of. `fast` takes the one member that a bulk fold can afford."""

    name: str = "full"
    members: tuple[str, ...] = FULL
    fast: bool = False
    step: float = 0.02  # of the factors; the other members follow in proportion
    weight_rate: float = 0.2
    share: float = 0.001
    calibration_step: float = 0.02
    half_life: float = 0.0  # outcomes after which what slowed a member's steps counts half, 0 for never
    window: int = 50_000  # outcomes over which features are standardised
    trusted_labels: float = 40.0  # outcomes at which learned members and shrunken prior weigh the same
    seed: int = 1
    limits: HistoryLimits = field(default_factory=HistoryLimits)

    @property
    def chosen(self) -> tuple[str, ...]:
        """The members in use."""
        return FAST if self.fast else self.members


@dataclass(frozen=True)
class PriorRisk:
    """A pre-start score. base_logit + sum of the reasons' logits = logit; blame sums to 1."""

    logit: float
    risk: float
    lower: float
    upper: float
    confidence: float
    variance: float
    members: dict[str, float]
    weights: dict[str, float]
    base_logit: float
    reasons: list[Reason]
    blame: dict[str, float]


class RiskModel:
    """History, members, weights and calibration: one fold."""

    def __init__(self, config: RiskConfig | None = None) -> None:
        self.config = config or RiskConfig()
        self.history = History(self.config.limits)
        self.scaling = Scaling(slowest=1.0 / self.config.window)
        self.members = {
            name: make(name, PRIOR_SCHEMA, self.config.step, self.config.seed) for name in self.config.chosen
        }
        self.pool = Pool(self.config.chosen, self.config.weight_rate, self.config.share, START)
        self.calibration = Calibration(self.config.calibration_step)
        self.prior = make("prior", PRIOR_SCHEMA, self.config.step, self.config.seed)
        self.labels = 0
        self.counts: Counter[str] = Counter()
        self._teller = Teller(PRIOR_SCHEMA)

    def describe(self, run: Run, now: float, host: str = "") -> PriorFeatures:
        """The features of a run as known now."""
        return self.history.describe(run, now, host)

    def risk(self, prior: PriorFeatures) -> float:
        """The risk alone, for bulk folds: the same digits as `score`."""
        x, z = self._vectors(prior)
        return sigmoid(self._final(x, self.pool.logit(self._logits(x, z, _slots(prior)))))

    def answer(self, prior: PriorFeatures) -> Answer:
        """The logit with its doubt and the members': what `score` and `counterfactuals` both begin with."""
        return self._answer(prior, *self._vectors(prior))

    def _answer(self, prior: PriorFeatures, x: Vector, z: Vector) -> Answer:
        logits = self._logits(x, z, _slots(prior))
        pooled = self.pool.logit(logits)
        return Answer(self._final(x, pooled), self._spread(prior, logits, pooled), logits, self.pool.weights)

    def score(self, prior: PriorFeatures, answer: Answer | None = None) -> PriorRisk:
        """The risk with its interval, members, reasons and blame; `answer`: the model's, if it was asked already."""
        return self._score(prior, explain=True, answer=answer)

    def score_bare(self, prior: PriorFeatures) -> PriorRisk:
        """The same digits without reasons, for bulk replays."""
        return self._score(prior, explain=False)

    def _score(self, prior: PriorFeatures, explain: bool, answer: Answer | None = None) -> PriorRisk:
        x, z = self._vectors(prior)
        answer = answer or self._answer(prior, x, z)
        logit, spread = answer.logit, answer.spread
        members, weights = self._voices(x, answer.members)
        mean = math.fsum(weights[name] * risk for name, risk in members.items())
        base, reasons = self._reasons(prior, z, logit) if explain else (logit, [])
        return PriorRisk(
            logit=logit,
            risk=sigmoid(logit),
            lower=sigmoid(logit - 1.96 * spread),
            upper=sigmoid(logit + 1.96 * spread),
            confidence=1.0 / (1.0 + spread * spread),
            variance=math.fsum(weights[name] * (risk - mean) ** 2 for name, risk in members.items()),
            members=members,
            weights=weights,
            base_logit=base,
            reasons=reasons,
            blame=blame_of(PRIOR_SCHEMA, prior.values, reasons) if explain else {},
        )

    def score_batch(self, priors: Sequence[PriorFeatures]) -> list[PriorRisk]:
        """The same for several, with the same digits."""
        return [self.score(prior) for prior in priors]

    def open(self, run: Run, now: float, prior: PriorFeatures | None = None, host: str = "") -> None:
        """A run has started."""
        self.history.open(run, now, host)

    def learn(self, example: ExampleRecorded) -> None:
        """An outcome is known: members learn with the features as stored, history with the outcome."""
        self.history.close(example.run)
        if example.outcome == "cancel":
            self.counts["cancelled"] += 1
            return
        broken = 0.0 if example.outcome == "success" else 1.0
        early = example.error_class in EARLY
        if example.prior is not None and example.prior.schema == PRIOR_SCHEMA.name:
            self._fit(example.prior, broken)
        else:
            self.counts["without_features"] += 1
        if example.outcome == "error":  # the machine broke it: says nothing of project, branch or change
            self.history.learn_host(example.host, broken, example.time)
        else:
            self.history.learn(example.run, broken, example.time, early, example.seconds, example.host)
        self.labels += 1

    def forgive(self, example: ExampleRecorded) -> None:
        """A failure turned out to be none of the change's: its history gets a success against it. Steps stay taken."""
        self.history.learn(example.run, 0.0, example.time, False, None, example.host)
        if example.prior is not None:
            self.history.learn_contexts(example.prior.keys, 0.0)
        self.counts["forgiven"] += 1

    def counterfactuals(
        self, run: Run, prior: PriorFeatures, retry: Chance | None = None, answer: Answer | None = None
    ) -> list[Counterfactual]:
        """What an actionable change would do to the risk, and a retry of a commit that failed."""
        return what_if(run, prior, PRIOR_SCHEMA, answer or self.answer(prior), self.answer, self._doubt, retry)

    def _doubt(self, column: int, step: float) -> float:
        """Standard error of the logit for a step of a feature: 1 / sqrt(n p q) for each of its deviations."""
        if step == 0.0:
            return 0.0
        deviations = abs(step) * self.scaling.inverse(column)
        failures, runs = self.history.fleet
        rate = min(0.95, max(0.05, failures / runs))
        return deviations / math.sqrt(max(1.0, self.labels) * rate * (1.0 - rate)) if deviations else math.inf

    def _fit(self, prior: PriorFeatures, broken: float) -> None:
        x, z = self._vectors(prior)
        slots = _slots(prior)
        held = [
            (member.ready, member.fit(x if name in RAW else z, broken, slots)) for name, member in self.members.items()
        ]
        logits = self.pool.filled([logit if ready else None for ready, logit in held])
        self.calibration.learn(self.pool.logit(logits), broken)
        self.pool.learn(logits, broken)
        self.scaling.learn(x)
        self.history.learn_contexts(prior.keys, broken)
        if self.config.half_life:
            keep = 0.5 ** (1.0 / self.config.half_life)
            for member in self.members.values():
                member.fade(keep)

    def _vectors(self, prior: PriorFeatures) -> tuple[Vector, Vector]:
        values = prior.values if prior.schema == PRIOR_SCHEMA.name else [0.0] * len(PRIOR_SCHEMA)
        x = np.fromiter(values, float, len(values))
        return x, self.scaling.standard(x)

    def _logits(self, x: Vector, z: Vector, slots: Slots) -> list[float]:
        return self.pool.filled(
            [
                member.logit(x if name in RAW else z, slots) if member.ready else None
                for name, member in self.members.items()
            ]
        )

    @property
    def trust(self) -> float:
        """How much the learned members say: with few outcomes the shrunken prior speaks, steps on them are wild."""
        return self.labels / (self.labels + self.config.trusted_labels)

    def _voices(self, x: Vector, logits: Sequence[float]) -> tuple[dict[str, float], dict[str, float]]:
        """What each member says and its weight, summing to 1: the learned ones, and the prior while it speaks."""
        members = dict(zip(self.pool.members, map(sigmoid, logits), strict=True))
        weights = dict(zip(self.pool.members, self.pool.weights, strict=True))
        trust = self.trust
        if trust <= _ALONE:
            members["prior"] = sigmoid(self.prior.logit(x))
            weights = {name: trust * weight for name, weight in weights.items()}
            weights["prior"] = weights.get("prior", 0.0) + 1.0 - trust
        return members, weights

    def _final(self, x: Vector, pooled: float) -> float:
        learned = self.calibration.logit(pooled)
        trust = self.trust
        if trust > _ALONE:
            return learned
        logit = trust * learned + (1.0 - trust) * self.prior.logit(x)
        edge = math.log(0.5 / (self.labels + 1.5))  # of n outcomes the next is unlike all with 1 / (2 n + 4) at least
        return min(-edge, max(edge, logit))

    def _spread(self, prior: PriorFeatures, logits: Sequence[float], pooled: float) -> float:
        """Standard error of the logit: members that differ, and how many outcomes the run's history rests on."""
        apart = math.fsum(w * (v - pooled) ** 2 for w, v in zip(self.pool.weights, logits, strict=True))
        known = math.expm1(prior.values[_OUTCOMES]) if len(prior.values) == len(PRIOR_SCHEMA) else 0.0
        rate = min(0.95, max(0.05, sigmoid(pooled)))
        effective = 2.0 + min(known, 30.0) + min(self.labels, 1000) / 200.0
        return math.sqrt(apart + 1.0 / (effective * rate * (1.0 - rate)))

    def _reasons(self, prior: PriorFeatures, z: Vector, logit: float) -> tuple[float, list[Reason]]:
        plain = self.members.get("contexts") or self.members.get("linear")
        if not isinstance(plain, Contexts | Linear):
            return logit, []
        trust = self.trust
        reasons = self._teller.tell(prior.values, trust * plain.contributions(z, prior.keys, _GIVEN))
        base = trust * plain.bias + (1.0 - trust) * BASE_LOGIT
        rest = logit - base - math.fsum(reason.logit for reason in reasons)
        if trust < 0.5:
            text = self._teller.words("project", prior.values)
            same = math.fsum(reason.logit for reason in reasons if reason.text == text)
            reasons = [reason for reason in reasons if reason.text != text]
            reasons.insert(0, Reason(text=text, logit=rest + same, feature="history"))
        else:
            reasons.append(Reason(text="what the other models add", logit=rest, feature="rest"))
        return base, reasons


def _slots(prior: PriorFeatures) -> Slots:
    """The contexts that a run has."""
    return [key for key in prior.keys if key]


EARLY = frozenset({"setup", "network", "disk", "oom", "permission", "missing", "ice", "clock"})
_GIVEN = tuple(PRIOR_SCHEMA.names.index(f"given_{name}") for name, _, _ in CONTEXTS)
_OUTCOMES = PRIOR_SCHEMA.names.index("project_outcomes")
