"""Samples kept of a run are few, spread over all of it, and the same whatever the order they came in."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.store import tables
from agents.store.reads import Reads
from agents.store.rows import writes_of
from agents.store.thinning import SLOTS, slot_of
from agents.store.writer import Item, Writer
from streams import events
from tests import builders


def kept(moments: list[float]) -> list[float]:
    """What stands in the slots after samples at these moments: the newest of each."""
    slots: dict[int, float] = {}
    for moment in moments:
        slots[slot_of(moment)] = max(moment, slots.get(slot_of(moment), 0.0))
    return sorted(slots.values())


@given(st.floats())
def test_every_sample_has_a_slot(elapsed: float) -> None:
    assert 0 <= slot_of(elapsed) < SLOTS


@given(st.integers(SLOTS, 40_000))
def test_a_run_of_any_length_is_told_evenly(seconds: int) -> None:
    moments = kept([float(second) for second in range(seconds)])
    assert SLOTS // 2 <= len(moments) <= SLOTS
    assert moments[-1] == seconds - 1
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    stretch = max(1, seconds / (SLOTS / 2))
    assert max(gaps) <= 2 * stretch


async def test_rows_are_bounded_and_the_same_in_any_order_and_told_twice(empty_database: AsyncEngine) -> None:
    samples = [builders.sample(at=builders.T0 + 7.0 * n, number=n, elapsed_seconds=7.0 * n, cpu_ratio=float(n))
               for n in range(400)]  # fmt: skip
    writer, found = Writer(empty_database), []
    for seed in range(2):
        mixed = samples + samples[::3]
        random.Random(seed).shuffle(mixed)
        for start in range(0, len(mixed), 50):
            await writer.write([Item(each.id, writes_of(each)) for each in mixed[start : start + 50]])
        found.append(await Reads(empty_database).samples(builders.run().run_id))
    assert found[0] == found[1]
    assert SLOTS // 2 <= len(found[0]) <= SLOTS
    assert [row["elapsed_seconds"] for row in found[0]] == kept([7.0 * n for n in range(400)])
    assert found[0][-1] == {"elapsed_seconds": 2793.0, "cpu_ratio": 399.0, "rss_bytes": float(samples[0].rss_bytes)}


async def test_memory_beyond_32_bits_is_stored_and_an_old_sample_leaves_no_row(empty_database: AsyncEngine) -> None:
    large = builders.sample(elapsed_seconds=3.0, rss_bytes=2**40)
    old: events.RunSampled = builders.sample(number=2)
    assert writes_of(old) == []
    await Writer(empty_database).write([Item(large.id, writes_of(large))])
    async with empty_database.connect() as connection:
        assert (await connection.execute(select(tables.run_samples.c.rss_bytes))).scalar_one() == float(2**40)
