"""The store's contract, the same on SQLite and on a real MariaDB."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.store import tables
from agents.store.database import connect
from agents.store.rows import Write, writes_of
from agents.store.writer import Item, Writer
from streams import events
from streams.errors import ConfigError, InvalidEvent, Unavailable
from tests import builders


@pytest.fixture
def engine(empty_database: AsyncEngine) -> AsyncEngine:
    """An empty migrated database of each kind."""
    return empty_database


def item(event: events.Event) -> Item[str]:
    return Item(event.id, writes_of(event))


async def rows_of(engine: AsyncEngine, table: object) -> list[tuple[object, ...]]:
    async with engine.connect() as connection:
        found = await connection.execute(select(table))  # type: ignore[call-overload]
        return sorted((tuple(row) for row in found), key=repr)


async def everything(engine: AsyncEngine) -> dict[str, list[tuple[object, ...]]]:
    return {name: await rows_of(engine, table) for name, table in tables.TABLES.items()}


async def test_every_event_is_written_and_a_second_time_changes_nothing(engine: AsyncEngine) -> None:
    writer = Writer(engine)
    items = [item(event) for event in builders.one_of_each()]
    assert await writer.write(items) == []
    first = await everything(engine)
    filled = {name for name, rows in first.items() if rows}
    assert {"runs", "predictions", "alerts", "outcomes", "steps", "host_samples", "ensemble_weights"} <= filled
    await writer.write(items)
    assert await everything(engine) == first


async def test_any_order_gives_the_same_rows(engine: AsyncEngine) -> None:
    facts = [*builders.one_of_each(), builders.started("run-2"), builders.finished("run-2", outcome="failure")]
    restated = (events.RunStarted, events.RunFinished, events.HostSampled, events.PipelineStarted)
    late = [
        msgspec.structs.replace(each, id=each.id + "-late", time=each.time + 5)
        for each in facts
        if isinstance(each, restated)
    ]
    writer, results = Writer(engine), []
    for seed in range(4):
        mixed = [*facts, *facts, *late]
        random.Random(seed).shuffle(mixed)
        async with engine.begin() as connection:
            for table in tables.metadata.sorted_tables:
                await connection.execute(delete(table))
        for start in range(0, len(mixed), 7):
            await writer.write([item(event) for event in mixed[start : start + 7]])
        results.append(await everything(engine))
    assert all(result == results[0] for result in results)


async def test_an_older_start_never_overwrites_a_newer_one(engine: AsyncEngine) -> None:
    writer = Writer(engine)
    newer = builders.started(at=builders.T0 + 100, branch="new")
    older = msgspec.structs.replace(builders.started(branch="old"), id="older")
    await writer.write([item(newer)])
    await writer.write([item(older)])
    async with engine.connect() as connection:
        assert (await connection.execute(select(tables.runs.c.branch))).scalar_one() == "new"


async def test_a_finished_run_keeps_what_its_start_said(engine: AsyncEngine) -> None:
    writer = Writer(engine)
    await writer.write([item(builders.finished(outcome="failure", project="other"))])
    await writer.write([item(builders.started())])
    async with engine.connect() as connection:
        row = (await connection.execute(select(tables.runs))).mappings().one()
    assert (row["outcome"], row["project"], row["started_at"]) == ("failure", "lfs", builders.T0)


async def test_the_first_forecast_of_an_id_stays(engine: AsyncEngine) -> None:
    forecast = next(each for each in builders.one_of_each() if isinstance(each, events.ForecastMade))
    again = msgspec.structs.replace(forecast, risk=0.999)
    await Writer(engine).write([item(forecast), item(again)])
    async with engine.connect() as connection:
        assert (await connection.execute(select(tables.predictions.c.risk))).scalar_one() == forecast.risk


async def test_one_row_that_the_database_refuses_is_bisected_out(engine: AsyncEngine) -> None:
    writer = Writer(engine)
    good = [item(builders.signal(number=number)) for number in range(9)]
    row = {**dict(good[0].writes[0].row), "id": "poison", "run_id": None}
    poison = Item("poison", [Write(tables.signals, row)])
    refused = await writer.write([*good[:4], poison, *good[4:]])
    assert [each.origin for each in refused] == ["poison"]
    assert len(await rows_of(engine, tables.signals)) == 9


async def test_ids_that_differ_in_case_or_trailing_space_are_different_runs(engine: AsyncEngine) -> None:
    await Writer(engine).write([item(builders.started(name)) for name in ("run-a", "RUN-A")])
    assert len(await rows_of(engine, tables.runs)) == 2


async def test_any_text_comes_back_as_it_was(engine: AsyncEngine) -> None:
    line = "𝔘nicode 'quotes' \"; DROP TABLE runs; -- \x00 \\ %s 🙂"
    await Writer(engine).write([item(builders.signal(line=line))])
    async with engine.connect() as connection:
        assert (await connection.execute(select(tables.signals.c.line))).scalar_one() == line


@pytest.mark.parametrize("changes", [{"error_class": "x" * 65}, {"count": 2**40}, {"run_id": "r" * 192}])
def test_values_that_fit_no_column_are_refused_before_the_database(changes: dict[str, object]) -> None:
    with pytest.raises(InvalidEvent, match="bad-value"):
        writes_of(msgspec.structs.replace(builders.signal(), **changes))


async def test_a_database_that_is_away_says_so_and_may_be_asked_again(tmp_path: Path) -> None:
    writer = Writer(connect("mysql+aiomysql://nobody:x@127.0.0.1:1/none"))
    with pytest.raises(Unavailable):
        await writer.write([item(builders.started())])


@pytest.mark.parametrize("url", ["postgresql://x", "no address", "mysql://x"])
def test_a_wrong_address_is_told_in_one_sentence(url: str) -> None:
    with pytest.raises(ConfigError, match="database"):
        connect(url)


async def test_the_migrations_make_exactly_the_tables_in_use(engine: AsyncEngine) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    async with engine.connect() as connection:
        differences = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync), tables.metadata)
        )
    assert differences == []
