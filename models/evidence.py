"""What a running build shows, as evidence on its failure: declared signals, each a small number >= 0 or in [-1, 1].

The evidence model is a logistic regression on top of the pre-start logit. Its weights begin at the log likelihood
ratios declared here (a compiler's error under make is nearly always the end) and move with every finished run, pulled
back to where they began: with no history it is the declared knowledge, with much history it is the site's own.
Every feature is available while the run goes on (RUNNING); none looks at the outcome.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from models.run_state import RunState
from streams.events import Checkpoint, Reason

__all__ = ["EVIDENCE", "Evidence", "EvidenceModel", "observe", "pressing"]


_ENOUGH_RUNS = 7


@dataclass(frozen=True)
class Evidence:
    """One declared signal: its value in a run's state, the log likelihood ratio per unit, whom it blames."""

    name: str
    meaning: str
    unit: str
    weight: float
    blame: str  # change, package or host
    value: Callable[[RunState, float], float]
    text: Callable[[RunState, float], str]


def _count(kinds: Sequence[str]) -> Callable[[RunState, float], float]:
    def value(state: RunState, now: float) -> float:
        if not state.errors:
            return 0.0
        total = sum(max(0.0, state.errors.get(k, 0) - math.ceil(state.usual_errors.get(k, 0.0))) for k in kinds)
        return min(1.0 + 0.1 * math.log(total), 1.5) if total > 0.0 else 0.0

    return value


def _said(what: str, kinds: Sequence[str]) -> Callable[[RunState, float], str]:
    def text(state: RunState, now: float) -> str:
        total = sum(state.errors.get(kind, 0) for kind in kinds)
        line = f": {state.last_error[:120].rstrip(' ;,:')}" if state.last_class in kinds and state.last_error else ""
        return f"{total} {what}{'s' if total != 1 else ''}{f' during {state.stage}' if state.stage else ''}{line}"

    return text


def _class(name: str, what: str, weight: float, blame: str, kinds: Sequence[str] | None = None) -> Evidence:
    kinds = kinds or (name,)
    return Evidence(f"errors_{name}", f"{what}s in the output", "1", weight, blame, _count(kinds), _said(what, kinds))


_TOOLS = ("make", "cmake", "ninja", "tool")
_OFTEN_NOTHING = (
    *(_count((kind,)) for kind in ("compile", "missing", "link", "permission", "test", "exception", "network")),
    _count(_TOOLS),
)


def _unheard_of(state: RunState, now: float) -> float:
    """A sign that no healthy run of the package ever showed: a project that prints it for nothing is ruled out, the
    surer the more of them there were."""
    if not any(count(state, now) for count in _OFTEN_NOTHING):
        return 0.0
    return math.log1p(min(state.usual_runs, _ENOUGH_RUNS)) / math.log1p(_ENOUGH_RUNS)


def _fatal(state: RunState, now: float) -> float:
    return float(state.fatal)


def _idle(state: RunState, now: float) -> float:
    known = state.usual_silence_seconds
    usual = 10.0 if known is None else max(known, min(10.0, max(5.0, 3.0 * known)))
    return min(2.5, max(0.0, math.log2(max(state.idle_seconds, 1e-9) / usual)))


def _silence(state: RunState, now: float) -> float:
    usual = max(60.0, 2.0 * (state.usual_silence_seconds or 60.0))
    most = 2.0 if state.usual_silence_seconds is None else 4.0  # a busy hang: only history says that it is one
    return min(most, max(0.0, math.log2(max(state.silent_seconds, 1e-9) / usual)))


def _overrun(state: RunState, now: float) -> float:
    if not state.upper_seconds:
        return 0.0
    return min(3.0, max(0.0, math.log2(max(state.elapsed(now), 1e-9) / state.upper_seconds)))


def _memory(state: RunState, now: float) -> float:
    if not state.memory_limit_bytes or state.memory_limit_bytes <= 0:
        free = state.memory_available_bytes
        return 0.0 if free is None else min(1.0, max(0.0, 1.0 - free / 200e6))
    return min(1.0, max(0.0, (state.rss_bytes / state.memory_limit_bytes - 0.9) / 0.1))


def _disk(state: RunState, now: float) -> float:
    """Free space against what the package needed before; without that knowledge hardly any space says a little."""
    if state.disk_free_bytes is None:
        return 0.0
    if state.disk_needed_bytes:
        return min(1.0, max(0.0, 1.0 - state.disk_free_bytes / (1.2 * state.disk_needed_bytes)))
    return 0.4 * max(0.0, 1.0 - state.disk_free_bytes / 20e6)


def _stall(state: RunState, now: float) -> float:
    pressure = max(state.pressure.get("memory", 0.0), state.pressure.get("io", 0.0) - 0.3)
    return min(1.0, max(0.0, 2.0 * pressure))


def _survived(state: RunState, now: float) -> float:
    """How much of the expected run has passed without any sign of trouble: 0 to 1."""
    if state.fatal or any(count for kind, count in state.errors.items() if kind not in ("silence", "clock")):
        return 0.0
    share = state.progress or 0.0
    if state.expected_seconds:
        share = max(share, min(0.95, state.elapsed(now) / state.expected_seconds))
    if state.upper_seconds:  # past all that was expected, time that passes is no good sign any more
        share *= min(1.0, state.upper_seconds / max(state.elapsed(now), 1e-9))
    return share


def _passed(state: RunState, now: float) -> str:
    """How long a run has lasted is only a share of it where something is known of its length."""
    known = state.usual_runs or state.progress is not None
    return f"{_survived(state, now):.0%} of the run" if known else f"{state.elapsed(now):.0f} s"


EVIDENCE: tuple[Evidence, ...] = (
    Evidence("fatal", "a build tool has given up", "1", 5.0, "change", _fatal, lambda s, n: "the build tool gave up"),
    _class("compile", "compiler error", 6.0, "change"),
    _class("missing", "missing header, library or file", 5.5, "package"),
    _class("link", "link error", 6.0, "change"),
    _class("make", "failed make target", 6.0, "change", _TOOLS),
    _class("ice", "internal compiler error", 6.0, "host"),
    _class("oom", "sign of memory running out", 6.0, "host"),
    _class("disk", "sign of a full disk", 6.0, "host"),
    _class("network", "network error", 1.5, "host"),
    _class("permission", "permission error", 3.0, "host"),
    _class("clock", "clock skew warning", 0.5, "host"),
    _class("test", "failing test", 4.0, "change"),
    _class("exception", "exception of a build script", 4.0, "change"),
    Evidence("oom_kills", "processes of the run killed for memory", "1", 5.0, "host",
             lambda s, n: min(1.0, s.oom_kills), lambda s, n: f"{s.oom_kills} processes killed for memory"),
    Evidence("idle", "silent without using CPU, in doublings beyond the usual", "1", 3.0, "package",
             _idle, lambda s, n: f"silent and idle for {s.idle_seconds:.0f} s"),
    Evidence("silence", "silent, in doublings beyond the usual", "1", 0.8, "package",
             _silence, lambda s, n: f"silent for {s.silent_seconds:.0f} s"),
    Evidence("overrun", "elapsed, in doublings beyond the forecast's upper end", "1", 0.6, "host",
             _overrun, lambda s, n: f"running {s.elapsed(n):.0f} s, expected at most {s.upper_seconds or 0:.0f} s"),
    Evidence("memory", "memory left is nearly nothing", "1", 2.0, "host",
             _memory, lambda s, n: "memory is nearly used up"),
    Evidence("disk_low", "disk space left is nearly nothing", "1", 3.0, "host",
             _disk, lambda s, n: f"only {(s.disk_free_bytes or 0) / 1e6:.0f} MB of disk left"),
    Evidence("stalled", "pressure stalls of memory and I/O", "1", 0.5, "host",
             _stall, lambda s, n: "the host is stalled on memory or I/O"),
    Evidence("unheard_of", "a sign that no healthy run of the package showed", "1", 2.5, "change",
             _unheard_of, lambda s, n: f"none of {s.usual_runs} healthy runs said such a thing"),
    Evidence("survived", "share of the run passed without trouble", "1", -1.0, "package",
             _survived, lambda s, n: f"{_passed(s, n)} passed without trouble"),
)  # fmt: skip

_PRESSING = tuple(signal for signal in EVIDENCE if signal.name in ("idle", "memory", "disk_low"))
_WEIGHTS = np.array([signal.weight for signal in EVIDENCE])


def observe(state: RunState, now: float) -> list[float]:
    """The evidence of a run at a moment, in the order of `EVIDENCE`."""
    return [float(signal.value(state, now)) for signal in EVIDENCE]


def pressing(state: RunState, now: float) -> list[str]:
    """What a sample shows that the next forecast should not wait for, as marks that change with each half unit.

    >>> from streams.events import Run
    >>> quiet = RunState(run=Run(run_id="r", name="n", project="p"), host="h", started_at=0.0, seen_at=0.0)
    >>> pressing(quiet, 60.0)
    []
    """
    found = [(signal.name, signal.value(state, now)) for signal in _PRESSING]
    return [f"{name}:{int(2.0 * value)}" for name, value in found if value > 0.0]


class EvidenceModel:
    """Weights of the evidence, learned online from finished runs (AdaGrad, pulled to the declared weights)."""

    def __init__(self, step: float = 0.2, pull: float = 0.005) -> None:
        self.step, self.pull = step, pull
        self.weights = _WEIGHTS.copy()
        self._square = np.full(len(EVIDENCE), 0.25)

    def logit(self, evidence: Sequence[float]) -> float:
        """What the evidence adds to the pre-start logit. Evidence of another length (older schema) counts as none."""
        if len(evidence) != len(EVIDENCE):
            return 0.0
        return math.fsum(w * x for w, x in zip(self.weights.tolist(), evidence, strict=True))

    def reasons(self, evidence: Sequence[float], state: RunState, now: float) -> list[Reason]:
        """The same, split by signal, in words: additive."""
        return [
            Reason(text=signal.text(state, now), logit=weight * value, feature=signal.name)
            for signal, weight, value in zip(EVIDENCE, self.weights.tolist(), evidence, strict=True)
            if value != 0.0
        ]

    def blame(self, evidence: Sequence[float]) -> dict[str, float]:
        """Positive logit by whom it blames."""
        shares = {"change": 0.0, "package": 0.0, "host": 0.0}
        for signal, weight, value in zip(EVIDENCE, self.weights.tolist(), evidence, strict=True):
            shares[signal.blame] += max(0.0, weight * value)
        return shares

    def learn(self, checkpoints: Sequence[Checkpoint], failed: bool) -> None:
        """One run's checkpoints, each weighted by the run's number of them so that every run counts the same."""
        rows = [c for c in checkpoints if len(c.evidence) == len(EVIDENCE) and any(c.evidence)]
        for row in rows:
            x = np.array(row.evidence)
            logit = row.prior_logit + self.logit(row.evidence)
            error = 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit)))) - float(failed)
            gradient = error * x / len(rows)
            self._square += gradient * gradient
            used = x != 0.0
            moved = self.step * gradient / np.sqrt(self._square) + self.pull * (self.weights - _WEIGHTS) / len(rows)
            self.weights[used] -= moved[used]

    def state(self) -> dict[str, list[float]]:
        """Plain numbers for a snapshot."""
        return {"weights": self.weights.tolist(), "square": self._square.tolist()}

    def load(self, state: dict[str, list[float]]) -> None:
        """Go on from a snapshot."""
        self.weights = np.array(state["weights"])
        self._square = np.array(state["square"])
