"""What is kept how long: old rows go in small transactions, and outcomes stay as one row a day, project and package.

A day is UTC's. Days are rolled up and dropped whole, so that a day that is rolled up again gives the same row. Run as
the migrating user: no other may delete. Readers and the sink go on meanwhile.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pydantic import Field
from sqlalchemy import Column, Table, and_, case, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from agents.store import tables
from streams.settings import Settings

__all__ = ["RetentionSettings", "Sweep", "daily_rows", "retain", "rollup", "sweeps"]

_DAY = 86_400.0


class RetentionSettings(Settings):
    """`buildcast db retain`. Days of 0 keep for ever."""

    retain_prediction_days: float = Field(90.0, ge=0.0, description="forecasts; 0: for ever")
    retain_detail_days: float = Field(
        180.0, ge=0.0, description="steps, log signals, samples, anomalies, whom runs hold up, weights; 0: for ever"
    )
    retain_run_days: float = Field(0.0, ge=0.0, description="runs, outcomes, alerts and what they were; 0: for ever")
    retain_batch_rows: int = Field(1_000, ge=1, le=100_000, description="rows that go in one transaction")


@dataclass(frozen=True)
class Sweep:
    """Rows of a table older than a time go."""

    table: Table
    time: Column[float]
    before: float


def sweeps(settings: RetentionSettings, now: float) -> list[Sweep]:
    """What the settings ask for at a time. Audit trail, model history, findings and daily rows are never swept."""
    t = tables
    kinds = (
        (settings.retain_prediction_days, (t.predictions.c.time,)),
        (
            settings.retain_detail_days,
            (
                t.steps.c.started_at,
                t.signals.c.time,
                t.run_samples.c.time,
                t.anomalies.c.time,
                t.impacts.c.time,
                t.ensemble_weights.c.time,
            ),
        ),
        (
            settings.retain_run_days,
            (t.alerts.c.raised_at, t.label_revisions.c.time, t.outcomes.c.known_at, t.runs.c.finished_at),
        ),
    )
    return [
        Sweep(column.table, column, _midnight(now - days * _DAY))
        for days, columns in kinds
        if days
        for column in columns
    ]


async def daily_rows(engine: AsyncEngine) -> int:
    """How many daily rows there are."""
    async with engine.connect() as connection:
        return int(await connection.scalar(select(func.count()).select_from(tables.daily_outcomes)) or 0)


async def rollup(engine: AsyncEngine, now: float) -> int:
    """Write the daily rows of all whole days that outcomes are kept of; returns how many rows stand for them."""
    count = 0
    async with engine.connect() as connection:
        first = await connection.scalar(select(func.min(tables.outcomes.c.known_at)))
    for start in _days(first, now) if first is not None else ():
        async with engine.begin() as connection:
            count += await _roll(connection, start)
    return count


async def retain(
    engine: AsyncEngine, settings: RetentionSettings, now: float, dry_run: bool = False,
    progress: Callable[[str, int], None] = lambda _table, _rows: None,
) -> dict[str, int]:  # fmt: skip
    """Roll up, then sweep; rows that went by table. With `dry_run` rows are counted and nothing is changed."""
    if not dry_run:
        await rollup(engine, now)
    gone: dict[str, int] = {}
    for sweep in sweeps(settings, now):
        name = sweep.table.name
        if dry_run:
            async with engine.connect() as connection:
                counted = await connection.scalar(
                    select(func.count()).select_from(sweep.table).where(sweep.time < sweep.before)
                )
            gone[name] = int(counted or 0)
            continue
        gone[name] = 0
        while went := await _sweep(engine, sweep, settings.retain_batch_rows):
            gone[name] += went
            progress(name, gone[name])
    return gone


async def _sweep(engine: AsyncEngine, sweep: Sweep, most: int) -> int:
    """One transaction: the rows are named first, so that no database locks more than them."""
    keys = list(sweep.table.primary_key)
    async with engine.begin() as connection:
        found = await connection.execute(select(*keys).where(sweep.time < sweep.before).limit(most))
        rows = [tuple(row) for row in found]
        if not rows:
            return 0
        if len(keys) == 1:
            which = keys[0].in_([row[0] for row in rows])
            await connection.execute(delete(sweep.table).where(which))
        else:
            for row in rows:
                same = and_(*(key == value for key, value in zip(keys, row, strict=True)))
                await connection.execute(delete(sweep.table).where(same))
    return len(rows)


async def _roll(connection: AsyncConnection, start: float) -> int:
    t, day = tables.outcomes, dt.datetime.fromtimestamp(start, dt.UTC).date().isoformat()
    failed = case((t.c.outcome.in_(("failure", "error", "timeout")), 1.0), else_=0.0)
    known = and_(t.c.first_risk.is_not(None), t.c.last_risk.is_not(None))

    def squares(risk: Column[float]) -> object:
        return func.coalesce(func.sum(case((known, (risk - failed) * (risk - failed)), else_=0.0)), 0.0)

    summed = await connection.execute(
        select(
            t.c.project, t.c.name, func.count().label("runs"), func.sum(failed).label("failures"),
            func.coalesce(func.sum(t.c.seconds), 0.0).label("seconds"), func.sum(t.c.checkpoints).label("forecasts"),
            func.sum(case((known, 1), else_=0)).label("scored"),
            squares(t.c.first_risk).label("first_squares"), squares(t.c.last_risk).label("last_squares"),  # type: ignore[attr-defined]
        ).where(t.c.known_at >= start, t.c.known_at < start + _DAY).group_by(t.c.project, t.c.name)
    )  # fmt: skip
    rows = [{"day": day, **row} for row in summed.mappings()]
    of_day = tables.daily_outcomes.c.day == day
    known_before = await connection.scalar(select(func.sum(tables.daily_outcomes.c.runs)).where(of_day)) or 0
    # A few late outcomes of a day whose others have gone must not replace what was known of it.
    if rows and sum(row["runs"] for row in rows) >= known_before:
        await connection.execute(delete(tables.daily_outcomes).where(of_day))
        await connection.execute(insert(tables.daily_outcomes), rows)
    return len(rows)


def _days(first: float, now: float) -> Iterator[float]:
    start, today = _midnight(first), _midnight(now)
    while start < today:
        yield start
        start += _DAY


def _midnight(time: float) -> float:
    return time - time % _DAY
