"""Dictionaries that forget."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from models.bounded import forget_oldest


@given(st.integers(0, 600), st.integers(1, 500))
def test_the_newest_stay_and_no_more_than_a_hundredth_goes_too_early(entries: int, limit: int) -> None:
    held = dict.fromkeys(range(entries))
    dropped = forget_oldest(held, limit)
    assert list(held) == list(range(dropped, entries))
    assert len(held) <= limit
    assert dropped == (max(entries - limit, limit // 100) if entries > limit else 0)
