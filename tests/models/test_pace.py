"""How far a run is, by the lines of an earlier one: bounded, rising, and right on hosts of another speed."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.core import Core
from models.forecaster import Forecaster
from models.pace import POINTS, Pace, Place, doubt_of_pace, finished, note, place
from models.tracker_state import dump
from streams import events
from streams.codec import decode, encode
from tests.builders import T0, sample, signal, started
from tests.builders import finished as ended

steps = st.lists(st.tuples(st.integers(0, 50), st.floats(0.01, 100.0)), min_size=1, max_size=300)


def _noted(moves: list[tuple[int, float]]) -> list[tuple[int, float]]:
    pace: list[tuple[int, float]] = []
    lines, at = 0, 0.0
    for more, later in moves:
        lines, at = lines + more, at + later
        note(pace, lines, at)
    return pace


@given(steps)
def test_what_is_kept_of_a_run_is_bounded_and_rises(moves: list[tuple[int, float]]) -> None:
    pace = _noted(moves)
    assert 1 <= len(pace) <= POINTS
    assert all(a[0] <= b[0] and a[1] < b[1] for a, b in pairwise(pace))


def test_a_long_run_is_kept_as_evenly_as_a_short_one() -> None:
    pace = _noted([(1, 1.0)] * 20_000)
    holes = [(b - a) / pace[-1][1] for (_, a), (_, b) in zip([(0, 0.0), *pace], pace, strict=False)]
    assert max(holes) < 0.1


@given(steps, st.integers(0, 4000), st.integers(0, 4000), st.floats(0.0, 1e6), st.floats(0.0, 1e6))
def test_a_share_is_a_share_and_rises_with_the_lines(
    moves: list[tuple[int, float]], one: int, other: int, elapsed: float, expected: float
) -> None:
    pace = finished(_noted(moves), sum(more for more, _ in moves), sum(later for _, later in moves) + 1.0)
    most = pace[-1][0] if pace else 0
    few, more = sorted(max(5, min(lines, most)) for lines in (one, other))
    first, second = (place(pace, lines, elapsed, 0.0, expected) for lines in (few, more))
    if most < 5:
        assert few > 1.2 * most or first is not None
        return
    assert first is not None
    assert second is not None
    assert 0.0 <= first.share <= second.share <= 1.0
    assert 0.0 <= first.open <= 1.0 - first.share + 1e-9


def _share(pace: Pace, lines: int, elapsed: float, silent: float, expected: float = 100.0) -> float:
    found = place(pace, lines, elapsed, silent, expected)
    assert found is not None
    return found.share


def test_where_an_earlier_run_printed_nothing_for_long_the_clock_decides() -> None:
    pace = [(10, 1.0), (10, 50.0), (20, 60.0), (20, 100.0)]
    shares = [_share(pace, 10, 1.0 + silent, silent) for silent in (0.0, 30.0, 45.0, 500.0)]
    assert shares == pytest.approx([0.01, 0.31, 0.46, 0.51])
    assert _share(pace, 20, 100.0, 40.0) == pytest.approx(1.0)
    assert _share(pace, 22, 60.0, 0.0) == pytest.approx(0.6)


def test_a_run_that_prints_far_more_is_another_one() -> None:
    assert place([(10, 0.5), (30, 1.0)], 40, 2.0, 0.0, 1.0) is None
    assert place([(10, 20.0), (100, 60.0)], 130, 70.0, 0.0, 60.0) is None


def test_the_clock_between_two_lines_goes_as_fast_as_the_run_does() -> None:
    pace = [(10, 20.0), (20, 60.0), (20, 100.0)]
    quick, slow = (_share(pace, 20, 60.0 * times + 20.0, 20.0) for times in (1.0, 4.0))
    assert quick == pytest.approx(0.8)
    assert slow == pytest.approx(0.65, abs=0.02)


def test_what_passed_since_lines_were_counted_passes_at_the_speed_of_the_run() -> None:
    pace = [(10, 20.0), (20, 60.0), (30, 100.0)]
    found = place(pace, 20, 120.0, 0.0, 200.0, unseen=40.0)
    assert found is not None
    assert found.share == pytest.approx(0.8)


def test_a_forecast_before_the_first_look_at_the_lines_knows_no_place() -> None:
    core = Core(Forecaster())
    _play(core, "first", T0, 100.0)
    start = core.handle(started("second", T0 + 1000))
    early = core.handle(signal("second", T0 + 1030, error_class="network"))
    (first,), (second,) = ([one for one in each if isinstance(one, events.ForecastMade)] for each in (start, early))
    assert first.remaining is not None
    assert second.remaining is not None
    assert second.remaining.point == pytest.approx(first.remaining.point - 30.0, rel=0.3)


def test_silence_ahead_is_doubt() -> None:
    sure, unsure = Place(share=0.6, open=0.01, lines=50), Place(share=0.6, open=0.4, lines=50)
    assert doubt_of_pace(Place(0.99, 0.01, 50)) < doubt_of_pace(sure) < doubt_of_pace(unsure)


def test_a_few_lines_tell_little_and_hardly_any_nothing() -> None:
    pace = [(4, 1.0), (100, 60.0)]
    assert place(pace, 4, 1.0, 0.0, 60.0) is None
    few, many = place(pace, 10, 5.0, 0.0, 60.0), place(pace, 80, 48.0, 0.0, 60.0)
    assert few is not None
    assert many is not None
    assert doubt_of_pace(few) > doubt_of_pace(many) + 0.1


def test_clocks_and_counts_that_go_back_are_not_kept() -> None:
    pace = [(10, 5.0)]
    note(pace, 9, 6.0)
    note(pace, 12, 4.0)
    assert pace == [(10, 5.0)]


def _play(core: Core, run_id: str, at: float, seconds: float, lines: int = 100, until: float = 1.0) -> events.Interval:
    """A run that prints evenly, up to a share of it; its last forecast."""
    story: list[events.Event] = [started(run_id, at)]
    story += [
        sample(run_id, at + seconds * step / 20, number=step, lines=lines * step // 20)
        for step in range(1, round(20 * until) + (until < 1.0))
    ]
    if until >= 1.0:
        story.append(ended(run_id, at + seconds, started_at=at, seconds=seconds))
    left = None
    for event in story:
        for output in core.handle(decode(encode(event))):
            if isinstance(output, events.RunOpened | events.ExampleRecorded):
                core.forecaster.fold(decode(encode(output)))
            elif isinstance(output, events.ForecastMade):
                left = output.remaining
    assert left is not None
    return left


def test_the_second_run_knows_where_it_is_although_the_host_is_three_times_as_slow() -> None:
    core = Core(Forecaster())
    _play(core, "first", T0, 100.0)
    left = _play(core, "second", T0 + 1000, 300.0, until=0.75)
    assert left.point == pytest.approx(75.0, rel=0.35)
    assert left.lower <= 75.0 <= left.upper


def test_without_an_earlier_success_nothing_is_told_of_lines() -> None:
    core, other = Core(Forecaster()), Core(Forecaster())
    assert _play(core, "only", T0, 300.0, lines=100, until=0.75) == _play(other, "only", T0, 300.0, lines=7, until=0.75)


def test_a_run_goes_on_from_a_snapshot_with_its_pace() -> None:
    core = Core(Forecaster())
    _play(core, "first", T0, 100.0)
    _play(core, "second", T0 + 1000, 100.0, until=0.5)
    again = Core(core.forecaster)
    again.load(dump(core.tracker))
    (mine,), (theirs,) = core.tracker.runs.values(), again.tracker.runs.values()
    assert mine.pace == theirs.pace != []
    assert mine.usual_pace == theirs.usual_pace != []
