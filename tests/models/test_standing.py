"""One answer a run between two lessons: no digit differs, however a stream of events is cut into batches."""

from __future__ import annotations

import random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from models.core import Core
from models.forecaster import Forecaster
from models.standing import Standings
from streams import events
from streams.codec import encode
from tests.builders import T0, finished, run, sample, signal, started
from tests.models.histories import recorded

_STORY: list[events.Event] = sorted(
    (
        event
        for n in range(8)
        for event in (
            started(f"r{n}", T0 + n, cache_warm=False, memory_limit_bytes=2**31, commit=f"c{n}"),
            *(sample(f"r{n}", T0 + n + 6 * i, number=i) for i in range(1, 5)),
            signal(f"r{n}", T0 + n + 9),
            finished(f"r{n}", T0 + n + 30, "failure" if n % 2 else "success"),
        )
    ),
    key=lambda event: event.time,
)


def _told(sizes: list[int]) -> list[bytes]:
    """The story in batches; what it teaches is folded after 20 events and at its end, wherever batches end."""
    core, found, at = Core(Forecaster()), [], 0
    lessons: list[events.Event] = []
    for size in [*sizes, *[len(_STORY)] * 2]:
        for end in (20, len(_STORY)):
            until = min(end, at + size)
            if at < until:
                outputs = core.handle_batch([(_STORY[i], {"build-events.v1": i}) for i in range(at, until)])
                size -= until - at
                at = until
                made = [output for some in outputs for output in some]
                lessons += [o for o in made if isinstance(o, events.RunOpened | events.ExampleRecorded)]
                found += [encode(output) for output in made]
            if at == end:
                while lessons:
                    core.forecaster.fold(lessons.pop(0))
    return found


_ONE_BY_ONE = _told([1] * len(_STORY))


@settings(max_examples=6, deadline=None)
@given(st.lists(st.integers(1, 20), max_size=12))
def test_batches_of_any_cut_give_the_same_bytes_as_one_by_one(sizes: list[int]) -> None:
    assert _told(sizes) == _ONE_BY_ONE


def test_an_answer_stands_until_a_lesson_and_no_longer() -> None:
    forecaster, standings, log = Forecaster(), Standings(), recorded(30)
    for event in log[:40]:
        forecaster.fold(event)
    mine, prior = run("x"), forecaster.risk.describe(run("x"), T0)
    first = standings.of(forecaster, mine, prior)
    forecaster.fold(events.RunOpened(id="o", source="/t", time=T0, run=mine, prior=prior))
    assert standings.of(forecaster, mine, prior) is first
    assert first.risk == forecaster.risk.score(prior)
    assert first.changes == forecaster.risk.counterfactuals(mine, prior, forecaster.retry.chance(mine))
    for event in log[40:]:
        forecaster.fold(event)
    later = standings.of(forecaster, mine, prior)
    assert later.risk == forecaster.risk.score(prior) != first.risk


def test_another_forecaster_or_description_is_asked_itself() -> None:
    forecaster, other, standings = Forecaster(), Forecaster(), Standings()
    prior = forecaster.risk.describe(run("x"), T0)
    first = standings.of(forecaster, run("x"), prior)
    moved = msgspec.structs.replace(prior, values=[random.Random(1).random() for _ in prior.values])
    assert standings.of(forecaster, first.run, moved).prior is moved
    assert standings.of(other, first.run, moved) is not standings.of(forecaster, first.run, moved)


def test_answers_without_words_hold_the_same_digits() -> None:
    forecaster = Forecaster()
    prior = forecaster.risk.describe(run("x"), T0)
    bare = Standings(explain=False).of(forecaster, run("x"), prior)
    assert (bare.risk.risk, bare.risk.reasons, bare.changes) == (forecaster.risk.risk(prior), [], [])
