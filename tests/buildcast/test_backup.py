"""Back-up and restore tried: rows on SQLite and MariaDB, topics on a real broker, an upgrade from the first schema."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from sqlalchemy import delete, select, text

from agents.admin import create_topics
from agents.backup.records import dump_records, restore_records
from agents.backup.rows import restore_rows
from agents.outbox import Outbox, record_of
from agents.store import tables
from agents.store.database import connect, migrate, revisions
from agents.store.rows import writes_of
from agents.store.writer import Item, Writer
from buildcast.commands.backup import backup, restore
from streams import events
from streams.errors import ConfigError
from tests import builders
from tests.integration.processes import records

LOGGED = (events.RunOpened, events.ExampleRecorded, events.LabelRevised, events.ModelPromoted, events.DriftDetected)


def _sqlite(folder: Path) -> str:
    return f"sqlite+aiosqlite:///{folder}/buildcast.sqlite"


async def _fill(url: str) -> None:
    await migrate(url)
    engine = connect(url)
    try:
        async with engine.begin() as connection:
            for table in tables.metadata.sorted_tables:
                await connection.execute(delete(table))
        await Writer(engine).write([Item(event.id, writes_of(event)) for event in builders.one_of_each()])
    finally:
        await engine.dispose()


async def _everything(url: str) -> dict[str, list[Any]]:
    engine = connect(url)
    try:
        async with engine.connect() as connection:
            return {
                name: sorted(map(tuple, await connection.execute(select(table))), key=repr)
                for name, table in tables.TABLES.items()
            }
    finally:
        await engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mysql)])
def source(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.delenv("BUILDCAST_DATABASE", raising=False)
    url: str = request.getfixturevalue("mariadb") if request.param == "mariadb" else _sqlite(tmp_path / "source")
    asyncio.run(_fill(url))
    return url


def test_rows_of_any_database_are_restored_as_they_were(source: str, tmp_path: Path) -> None:
    backup(tmp_path / "kept", source, None, tmp_path)
    target = _sqlite(tmp_path / "target")
    restore(tmp_path / "kept", target, None, tmp_path)
    kept, again = asyncio.run(_everything(source)), asyncio.run(_everything(target))
    assert again == kept
    assert len([name for name, rows in kept.items() if rows]) > 15


@pytest.mark.mysql
def test_a_file_moves_to_a_server(tmp_path: Path, mariadb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BUILDCAST_DATABASE", raising=False)
    url = _sqlite(tmp_path)
    asyncio.run(_fill(url))
    backup(tmp_path / "kept", url, None, tmp_path)
    asyncio.run(_fill(mariadb))
    with pytest.raises(ConfigError, match="holds rows already"):
        restore(tmp_path / "kept", mariadb, None, tmp_path)

    async def empty() -> None:
        engine = connect(mariadb)
        async with engine.begin() as connection:
            for table in tables.metadata.sorted_tables:
                await connection.execute(delete(table))
        await engine.dispose()

    asyncio.run(empty())
    restore(tmp_path / "kept", mariadb, None, tmp_path)
    assert asyncio.run(_everything(mariadb)) == asyncio.run(_everything(url))


def test_a_damaged_back_up_is_not_half_restored(tmp_path: Path) -> None:
    url = _sqlite(tmp_path)
    asyncio.run(_fill(url))
    backup(tmp_path / "kept", url, None, tmp_path)
    (tmp_path / "kept/tables/runs.jsonl.gz").write_bytes(gzip.compress(b""))
    with pytest.raises(ConfigError, match=r"runs\.jsonl\.gz is missing or was changed"):
        restore(tmp_path / "kept", _sqlite(tmp_path / "target"), None, tmp_path)
    assert not (tmp_path / "target").exists()
    (tmp_path / "kept/backup.json").write_text("{")
    with pytest.raises(ConfigError, match="is damaged"):
        restore(tmp_path / "kept", None, None, tmp_path)
    with pytest.raises(ConfigError, match="is no back-up"):
        restore(tmp_path / "nowhere", None, None, tmp_path)


def test_what_is_there_is_not_written_over(tmp_path: Path) -> None:
    url = _sqlite(tmp_path)
    asyncio.run(_fill(url))
    backup(tmp_path / "kept", url, None, tmp_path)
    with pytest.raises(ConfigError, match="is not empty"):
        backup(tmp_path / "kept", url, None, tmp_path)
    with pytest.raises(ConfigError, match="holds rows already"):
        restore(tmp_path / "kept", url, None, tmp_path)


def test_a_database_without_tables_has_no_back_up(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing to back up"):
        backup(tmp_path / "kept", _sqlite(tmp_path), None, tmp_path)


def test_a_back_up_of_the_first_schema_is_restored_and_upgraded(tmp_path: Path) -> None:
    """Rows of revision 0001 come through every migration, and this version goes on writing beside them."""
    old, new = _sqlite(tmp_path / "old"), _sqlite(tmp_path / "new")

    async def first_version() -> None:
        await migrate(old, "0001")
        engine = connect(old)
        async with engine.begin() as connection:
            await connection.execute(text(
                "INSERT INTO runs (run_id, name, project, host, pipeline_id, started_at, outcome, finished_at) "
                "VALUES ('r-old', 'gcc', 'lfs', 'h', '', 1.0, 'failure', 61.0)"
            ))  # fmt: skip
        await engine.dispose()

    asyncio.run(first_version())
    backup(tmp_path / "kept", old, None, tmp_path)
    restore(tmp_path / "kept", new, None, tmp_path)
    found, wanted = asyncio.run(revisions(new))
    assert found == wanted != "0001"

    async def go_on() -> None:
        engine = connect(new)
        await Writer(engine).write([Item(event.id, writes_of(event)) for event in builders.one_of_each()])
        await engine.dispose()

    asyncio.run(go_on())
    runs = {row[0]: row for row in asyncio.run(_everything(new))["runs"]}
    assert runs.keys() == {"r-old", "run-1"}
    assert "failure" in runs["r-old"]


@pytest.mark.mysql
def test_the_first_schema_is_upgraded_on_a_server_with_its_rows(mariadb_server: Any) -> None:
    url = mariadb_server.url.replace("/buildcast?", "/upgrade?")

    async def rehearse() -> list[Any]:
        owner = connect(mariadb_server.url)
        async with owner.begin() as connection:
            await connection.execute(text("DROP DATABASE IF EXISTS `upgrade`"))
            await connection.execute(text("CREATE DATABASE `upgrade` CHARACTER SET utf8mb4"))
        await owner.dispose()
        await migrate(url, "0001")
        engine = connect(url)
        async with engine.begin() as connection:
            await connection.execute(text(
                "INSERT INTO audit (id, time, principal, action, subject, body) "
                "VALUES ('a', 1.0, 'ann', 'x', 's', '{}')"
            ))  # fmt: skip
        await engine.dispose()
        await migrate(url)
        await migrate(url)  # again without harm
        return (await _everything(url))["audit"]

    (row,) = asyncio.run(rehearse())
    assert row[:6] == ("a", 1.0, "ann", "x", "s", "{}")


@pytest.mark.kafka
async def test_the_models_logs_stand_at_their_offsets_after_a_restore(broker: str, tmp_path: Path) -> None:
    """The logs are lost, and made again from the files."""
    await _without_topics(broker)
    outbox = Outbox(broker)
    await outbox.start()
    await outbox.send([record_of(event) for event in builders.one_of_each() if isinstance(event, LOGGED)] * 300)
    await outbox.stop()
    kept = await dump_records(broker, tmp_path)
    assert kept == {"examples.v1": 900, "model-events.v1": 600}
    before = {topic: await records(broker, topic) for topic in kept}
    with pytest.raises(ConfigError, match=r"examples\.v1 holds records already"):
        await restore_records(broker, tmp_path)
    await _without_topics(broker)
    assert await restore_records(broker, tmp_path) == kept
    for topic, wanted in before.items():
        assert [_plain(each) for each in await records(broker, topic)] == [_plain(each) for each in wanted]


async def test_rows_of_another_revision_need_a_new_database(tmp_path: Path) -> None:
    url = _sqlite(tmp_path)
    await migrate(url)
    with pytest.raises(ConfigError, match="restore into a new database"):
        await restore_rows(url, tmp_path, "0001")


def _plain(record: Any) -> tuple[Any, ...]:
    return record.offset, record.key, record.value, record.headers


async def _without_topics(broker: str) -> None:
    """All topics deleted and made again, empty."""
    client = AIOKafkaAdminClient(bootstrap_servers=broker)
    await client.start()
    try:
        if names := [name for name in await client.list_topics() if not name.startswith("__")]:
            await client.delete_topics(names)
    finally:
        await client.close()
    await create_topics(broker)
