"""The read-only views: each answers, with the columns that docs/database.md names, on SQLite and a real MariaDB."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import delete, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.mariadb import MariaDB
from agents.notify.budget import score
from agents.store import tables
from agents.store.database import connect, migrate
from agents.store.rows import writes_of
from agents.store.users import create_users
from agents.store.writer import Item, Writer
from streams import events
from tests import builders, databases
from tests.agents.test_users import PASSWORDS

PAGE = (Path(__file__).parents[2] / "docs/database.md").read_text(encoding="utf-8")
DOCUMENTED = {
    view: re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    for view, section in re.findall(r"^## `(v_\w+)`(.*?)(?=^## )", PAGE, re.MULTILINE | re.DOTALL)
}
ENDS: dict[str, str | None] = {"failed": "failure", "passed": "success", "stopped": "cancel", "runs": None}


@pytest.fixture
async def engine(empty_database: AsyncEngine) -> AsyncEngine:
    """A migrated database of each kind with one row of everything."""
    await _write(empty_database, *builders.one_of_each())
    return empty_database


async def _write(engine: AsyncEngine, *facts: events.Event) -> None:
    assert await Writer(engine).write([Item(fact.id, writes_of(fact)) for fact in facts]) == []


async def _rows(engine: AsyncEngine, query: str) -> list[dict[str, object]]:
    async with engine.connect() as connection:
        return [dict(row) for row in (await connection.execute(text(query))).mappings()]


async def test_the_documented_views_are_those_there_are(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        there = await connection.run_sync(lambda sync: inspect(sync).get_view_names())
    assert sorted(there) == sorted(DOCUMENTED)


@pytest.mark.parametrize("view", DOCUMENTED)
async def test_a_view_answers_with_its_documented_columns(engine: AsyncEngine, view: str) -> None:
    rows = await _rows(engine, f"SELECT * FROM {view}")
    assert rows
    assert all(list(row) == DOCUMENTED[view] for row in rows)


@pytest.mark.parametrize("query", re.findall(r"```sql\n(.*?);\n```", PAGE, re.DOTALL))
async def test_the_documented_queries_are_answered(engine: AsyncEngine, query: str) -> None:
    query = re.sub(r"\$__unixEpochFilter\((\w+)\)", r"\1 >= 0 AND \1 <= 4102444800", query).replace("$run", "run-1")
    assert await _rows(engine, query)


async def test_an_alert_is_right_or_wrong_as_the_api_says(engine: AsyncEngine) -> None:
    raised = next(fact for fact in builders.one_of_each() if isinstance(fact, events.AlertRaised))
    example = next(fact for fact in builders.one_of_each() if isinstance(fact, events.ExampleRecorded))
    restated = events.LabelRevised(
        id="v-1", source="/t", time=2.0, run_id="view-failed", verdict="flaky", principal="ann"
    )
    for run, end in ENDS.items():
        await _write(engine, msgspec.structs.replace(raised, id=f"a-{run}", alert_id=run, run_id=f"view-{run}"))
        if end is not None:
            one = msgspec.structs.replace(example.run, run_id=f"view-{run}")
            await _write(engine, msgspec.structs.replace(example, id=f"x-{run}", run=one, outcome=end))
    asked = "SELECT alert_id, verdict FROM v_alerts WHERE run_id LIKE 'view-%'"
    assert {row["alert_id"]: row["verdict"] for row in await _rows(engine, asked)} == {
        run: score(end, None) for run, end in ENDS.items()
    }
    await _write(engine, restated, msgspec.structs.replace(restated, id="v-0", verdict="failure", time=1.0))
    assert {row["alert_id"]: row["verdict"] for row in await _rows(engine, asked)}["failed"] == score("", "flaky")


async def test_a_day_is_summed_by_hand_alike(engine: AsyncEngine) -> None:
    day, rows = 20_500 * 86_400.0, []
    for number, (outcome, first, last) in enumerate(
        [("failure", 0.5, 1.0), ("success", 0.25, 0.0), ("error", 0.9, 0.9), ("success", None, None)]
    ):
        rows.append({
            "run_id": f"r-{number}", "project": "p", "name": "n", "outcome": outcome, "started_at": day,
            "known_at": day + 86_399.5, "seconds": 1.0, "error_class": "", "first_risk": first, "last_risk": last,
            "checkpoints": 1, "body": "{}",
        })  # fmt: skip
    async with engine.begin() as connection:
        await connection.execute(delete(tables.outcomes))
        await connection.execute(tables.outcomes.insert(), rows)
    (found,) = await _rows(engine, "SELECT * FROM v_calibration")
    assert {name: value if isinstance(value, str) else float(str(value)) for name, value in found.items()} == {
        "day": "2026-02-16", "time": day, "runs": 2, "failed_ratio": 0.5, "first_risk": 0.375, "last_risk": 0.5,
        "first_brier": (0.25 + 0.0625) / 2, "last_brier": 0.0,
    }  # fmt: skip


async def test_a_hosts_metrics_are_numbers(engine: AsyncEngine) -> None:
    (found,) = await _rows(engine, "SELECT cpu_ratio, swap_ratio FROM v_hosts")
    assert found == {"cpu_ratio": 0.5, "swap_ratio": None}


@pytest.mark.mysql
async def test_the_reader_selects_views_and_nobody_writes_through_them(mariadb_server: MariaDB) -> None:
    await create_users(mariadb_server.url, PASSWORDS, host="127.0.0.1")
    await migrate(mariadb_server.url)
    for role in ("read", "sink"):
        engine = connect(mariadb_server.url_for(f"buildcast_{role}", PASSWORDS[role]))
        for view, columns in DOCUMENTED.items():
            await _rows(engine, f"SELECT COUNT(*) FROM {view}")
            for forbidden in (f"UPDATE {view} SET {columns[0]} = 'x'", f"DELETE FROM {view}",
                              f"INSERT INTO {view} ({columns[0]}) VALUES ('x')", f"DROP VIEW {view}"):  # fmt: skip
                with pytest.raises(DBAPIError):
                    async with engine.begin() as connection:
                        await connection.execute(text(forbidden))
        await engine.dispose()


@pytest.mark.mysql
async def test_the_migrating_user_makes_the_views(mariadb_server: MariaDB) -> None:
    await create_users(await databases.made(mariadb_server.url, "viewed"), PASSWORDS, host="127.0.0.1")
    await migrate(databases.named(mariadb_server.url_for("buildcast_migrate", PASSWORDS["migrate"]), "viewed"))
    reader = connect(databases.named(mariadb_server.url_for("buildcast_read", PASSWORDS["read"]), "viewed"))
    assert await _rows(reader, "SELECT * FROM v_runs") == []
    await reader.dispose()
