"""Each database user can do only its own (T15)."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from agents.mariadb import MariaDB
from agents.store.database import connect, migrate
from agents.store.rows import writes_of
from agents.store.users import create_users, grants
from agents.store.writer import Item, Writer
from streams import events
from streams.errors import ConfigError
from tests import builders, databases

PASSWORDS = {"migrate": "m-1'\"", "sink": "s-2", "read": "r-3"}


@pytest.mark.mysql
async def test_the_sink_writes_rows_and_is_denied_everything_else(mariadb_server: MariaDB) -> None:
    await migrate(mariadb_server.url)
    await create_users(mariadb_server.url, PASSWORDS, host="127.0.0.1")
    sink = connect(mariadb_server.url_for("buildcast_sink", "s-2"))
    assert await Writer(sink).write([Item("x", writes_of(builders.started("run-t15")))]) == []
    for forbidden in ("DROP TABLE runs", "DELETE FROM runs", "ALTER TABLE runs ADD x INT", "CREATE TABLE x (a INT)",
                      "TRUNCATE runs", "SELECT * FROM mysql.user"):  # fmt: skip
        with pytest.raises(DBAPIError, match="denied"):
            async with sink.begin() as connection:
                await connection.execute(text(forbidden))
    await sink.dispose()


@pytest.mark.mysql
async def test_the_audit_trail_is_added_to_and_never_changed_by_the_sink(mariadb_server: MariaDB) -> None:
    await migrate(mariadb_server.url)
    await create_users(mariadb_server.url, PASSWORDS, host="127.0.0.1")
    sink = connect(mariadb_server.url_for("buildcast_sink", "s-2"))
    told = events.LabelRevised(id="append-only", source="/t", time=1.0, run_id="r1", verdict="flaky", principal="ann",
                               before="failure")  # fmt: skip
    finished = builders.started("run-append-only")
    for _ in range(2):  # delivered twice, stored once; other rows are still brought up to date
        assert await Writer(sink).write([Item("x", writes_of(told)), Item("y", writes_of(finished))]) == []
    into = "INTO audit (id, time, principal, action, subject, body) VALUES ('append-only', 0, '', '', '', '')"
    for forbidden in ("UPDATE audit SET principal = 'bob'", "DELETE FROM audit", "TRUNCATE audit", f"REPLACE {into}",
                      f"INSERT {into} ON DUPLICATE KEY UPDATE principal = 'bob'"):  # fmt: skip
        with pytest.raises(DBAPIError, match="denied"):
            async with sink.begin() as connection:
                await connection.execute(text(forbidden))
    async with sink.connect() as connection:
        query = text("SELECT principal, action, subject, before_value, after_value FROM audit WHERE id = 'append-only'")
        rows = (await connection.execute(query)).all()
    assert rows == [("ann", "label-revised", "r1", "failure", "flaky")]
    await sink.dispose()


@pytest.mark.mysql
async def test_users_may_be_made_before_the_tables_and_again_after_them(mariadb_server: MariaDB) -> None:
    url = await databases.made(mariadb_server.url, "fresh")
    for _ in range(2):
        await create_users(url, PASSWORDS, host="127.0.0.1")
        await migrate(url)
    sink = connect(databases.named(mariadb_server.url_for("buildcast_sink", "s-2"), "fresh"))
    for event in builders.one_of_each():
        assert await Writer(sink).write([Item("x", writes_of(event))] * 2) == []
    await sink.dispose()


@pytest.mark.mysql
async def test_the_reader_reads_and_never_writes(mariadb_server: MariaDB) -> None:
    await migrate(mariadb_server.url)
    await create_users(mariadb_server.url, PASSWORDS, host="127.0.0.1")
    reader = connect(mariadb_server.url_for("buildcast_read", "r-3"))
    async with reader.connect() as connection:
        await connection.execute(text("SELECT count(*) FROM runs"))
        with pytest.raises(DBAPIError, match="denied"):
            await connection.execute(text("UPDATE runs SET name = 'x'"))
    await reader.dispose()


def test_names_that_could_be_statements_are_refused() -> None:
    with pytest.raises(ConfigError):
        grants("x; DROP DATABASE y")
    with pytest.raises(ConfigError):
        grants("x", "h' WITH GRANT")


async def test_a_role_without_a_password_is_named() -> None:
    with pytest.raises(ConfigError, match="migrate, read"):
        await create_users("mysql+aiomysql://u:p@127.0.0.1:1/x", {"sink": "s"})
