"""The fold: risk, evidence and duration models learned from `examples.v1`, and the one function that scores.

Same records in the same order give the same model, to the last digit. A model's version is its config and how many
records it has folded. Repeats are dropped by run id, so an example is learned once.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import msgspec

from models.advisor import Advisor
from models.bounded import forget_oldest
from models.duration import DurationConfig, DurationModel
from models.evidence import EvidenceModel
from models.ledger import Ledger
from models.recent import Recent
from models.retry import RetryModel
from models.risk import RiskConfig, RiskModel
from models.usual import UsualModel
from streams.events import Event, ExampleRecorded, LabelRevised, ModelRef, RunOpened

__all__ = ["Forecaster", "ForecasterConfig"]


@dataclass(frozen=True)
class ForecasterConfig:
    """A whole config; `name` is its short id, the lineage of every forecast made with it."""

    name: str = "default"
    risk: RiskConfig = field(default_factory=RiskConfig)
    duration: DurationConfig = field(default_factory=DurationConfig)
    evidence_step: float = 0.2
    remembered_runs: int = 100_000
    revisable_examples: int = 5_000


_packed = msgspec.msgpack.Encoder()
_unpacked = msgspec.msgpack.Decoder(ExampleRecorded)


class Forecaster:
    """All that is learned. `offset` is the next record of `examples.v1` to fold."""

    def __init__(self, config: ForecasterConfig | None = None) -> None:
        self.config = config or ForecasterConfig()
        self.risk = RiskModel(self.config.risk)
        self.duration = DurationModel(self.config.duration)
        self.evidence = EvidenceModel(self.config.evidence_step)
        self.usual = UsualModel()
        self.retry = RetryModel()
        self.advisor = Advisor()
        self.ledger = Ledger()
        self.offset = 0
        self.lessons = 0  # records that may have changed what it says of a run described before
        self.opened = Recent(self.config.remembered_runs)
        self.learned = Recent(self.config.remembered_runs)
        self.revised: dict[str, str] = {}  # verdicts by run, the last of each
        self._revisable: dict[str, bytes] = {}  # packed: as objects they were most of a snapshot, and of its time
        self.counts: Counter[str] = Counter()

    @property
    def ref(self) -> ModelRef:
        """The version that a forecast made now belongs to."""
        return ModelRef(config=self.config.name, offset=self.offset)

    def fold(self, event: Event, offset: int | None = None) -> None:
        """Take one record of `examples.v1` in. Records before `offset` already folded are dropped."""
        if offset is not None and offset < self.offset:
            self.counts["replayed"] += 1
            return
        self.offset = self.offset + 1 if offset is None else offset + 1
        match event:
            case RunOpened():
                self._open(event)
            case ExampleRecorded():
                self.lessons += 1
                self._learn(event)
            case LabelRevised():
                self.lessons += 1
                self._revise(event)
            case _:
                self.counts["ignored"] += 1

    def _open(self, event: RunOpened) -> None:
        run_id = event.run.run_id
        if run_id in self.learned or not self.opened.add(run_id):
            self.counts["repeated"] += 1
            return
        self.risk.open(event.run, event.time, event.prior, host=event.host)
        self.duration.open(event.run, event.time, host=event.host)
        self.ledger.abort.open(event.run)

    def _learn(self, example: ExampleRecorded) -> None:
        run_id = example.run.run_id
        if not self.learned.add(run_id):
            self.counts["repeated"] += 1
            return
        self.ledger.score(example, self.revised.get(run_id))
        self.retry.learn(example)
        self.advisor.learn(example, self.duration)
        self._keep(example)
        self._apply(_restated(example, self.revised.get(run_id)))

    def _apply(self, example: ExampleRecorded) -> None:
        self.risk.learn(example)
        self.duration.learn(example)
        self.usual.learn(example)
        if example.outcome != "cancel":  # a build that the machine broke has failed too: its signs were true
            self.evidence.learn(example.checkpoints, example.outcome != "success")
        self.counts[f"learned_{example.outcome}"] += 1

    def _revise(self, event: LabelRevised) -> None:
        """A label restated: before its example it decides what is learned, after it the corrected label is learned."""
        if self.revised.get(event.run_id) == event.verdict:
            self.counts["repeated"] += 1
            return
        self.revised.pop(event.run_id, None)
        self.revised[event.run_id] = event.verdict
        forget_oldest(self.revised, self.config.remembered_runs)
        packed = self._revisable.get(event.run_id)
        if packed is None:
            self.counts["revised_unknown"] += 1
            return
        example = _unpacked.decode(packed)
        self.ledger.revise(event.run_id, event.verdict)
        restated = _restated(example, event.verdict)
        if restated.outcome != example.outcome:
            if example.outcome == "failure":
                self.risk.forgive(example)
            if restated.outcome != "cancel":
                self._apply(restated)
        self.counts["revised"] += 1

    def _keep(self, example: ExampleRecorded) -> None:
        self._revisable[example.run.run_id] = _packed.encode(example)
        forget_oldest(self._revisable, self.config.revisable_examples)


def _restated(example: ExampleRecorded, verdict: str | None) -> ExampleRecorded:
    """The example under a revised label. A flaky failure says nothing (as a cancelled run), an
    infrastructure failure speaks of the host (`error`)."""
    match verdict:
        case None:
            return example
        case "success" | "failure":
            return msgspec.structs.replace(example, outcome=verdict)
        case "flaky":
            return msgspec.structs.replace(example, outcome="cancel")
        case _:
            return msgspec.structs.replace(example, outcome="error")
