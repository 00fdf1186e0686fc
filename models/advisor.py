"""Advice by package, remembered until a later run follows it: then it is held against what the run really took.

Learned in the fold, so every replica knows the same. Bounded: the package longest unseen is forgotten first.
"""

from __future__ import annotations

import msgspec

from models.bounded import forget_oldest
from models.duration import DurationModel
from models.performance import advise, held_back
from streams.events import Advice, AdviceChecked, ExampleRecorded, HeldBack, Run

__all__ = ["Advisor"]

_LIMIT = 5_000


class _Given(msgspec.Struct, frozen=True):
    run_id: str
    jobs: int | None
    host: str
    cache_warm: bool | None
    seconds: float
    advice: list[Advice]


class Advisor:
    """The last advice of each package."""

    def __init__(self) -> None:
        self._given: dict[str, _Given] = {}

    def analyse(
        self, example: ExampleRecorded, duration: DurationModel
    ) -> tuple[list[HeldBack], list[Advice], list[AdviceChecked]]:
        """What held the run back, what would save time, and how earlier advice that it followed fared."""
        return held_back(example), advise(example, duration), self._checked(example)

    def learn(self, example: ExampleRecorded, duration: DurationModel) -> None:
        """Keep the advice that a successful run gets."""
        if example.outcome != "success" or not example.use or example.seconds is None:
            return
        run = example.run
        self._given.pop(_key(run), None)
        self._given[_key(run)] = _Given(
            run.run_id, run.parallelism, example.host, run.cache_warm, example.seconds, advise(example, duration)
        )
        forget_oldest(self._given, _LIMIT)

    def _checked(self, example: ExampleRecorded) -> list[AdviceChecked]:
        given = self._given.get(_key(example.run))
        if given is None or example.outcome != "success" or example.seconds is None:
            return []
        return [
            AdviceChecked(
                change=one.change,
                run_id=given.run_id,
                expected=one.saving_seconds,
                saved_seconds=given.seconds - example.seconds,
            )
            for one in given.advice
            if _only_followed(one.change, given, example)
        ]


def _only_followed(change: str, given: _Given, example: ExampleRecorded) -> bool:
    """Whether the run did just this: a second change beside it would take the credit."""
    run = example.run
    did = {
        "jobs": run.parallelism != given.jobs,
        "host": example.host != given.host,
        "cache": run.cache_warm != given.cache_warm,
    }
    kind, _, value = change.partition("=")
    now = {"jobs": str(run.parallelism), "host": example.host, "cache": "warm" if run.cache_warm else "cold"}
    return did.get(kind, False) and now[kind] == value and sum(did.values()) == 1


def _key(run: Run) -> str:
    return f"{run.project}\x1f{run.name}"
