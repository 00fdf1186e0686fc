"""Commands that change something leave a line in the audit trail: who, when, from what to what."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from agents.admin import create_topics
from agents.api.tokens import Tokens
from agents.store.database import connect, migrate
from agents.store.rows import writes_of
from agents.store.writer import Item, Writer
from buildcast.__main__ import app
from buildcast.audited import audited, database_of
from buildcast.logs import principal
from streams import events
from streams.errors import ConfigError
from tests import builders

Lines = list[tuple[str, str, str, str]]


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder whose database the settings name."""
    monkeypatch.setenv("BUILDCAST_DATABASE", f"sqlite+aiosqlite:///{tmp_path}/audited.sqlite")
    monkeypatch.setenv("BUILDCAST_STATE", str(tmp_path))
    return tmp_path


def _lines(state: Path) -> Lines:
    """Action, subject, before and after of each line; who and when are held here."""
    with sqlite3.connect(state / "audited.sqlite") as database:
        rows = database.execute("SELECT * FROM audit ORDER BY time").fetchall()
    assert all(row[2] == principal() and abs(row[1] - time.time()) < 60.0 for row in rows)
    return [(row[3], row[4], row[6], row[7]) for row in rows]


def _run(*arguments: str) -> None:
    with pytest.raises(SystemExit) as ended:
        app(list(arguments))
    assert ended.value.code in (0, None)


def test_the_schema_is_upgraded_once_and_told_once(state: Path) -> None:
    asyncio.run(migrate(f"sqlite+aiosqlite:///{state}/audited.sqlite", "0007"))
    _run("db", "upgrade")
    _run("db", "upgrade")
    ((action, _, before, after),) = _lines(state)
    assert (action, before) == ("schema-upgraded", "0007")
    assert after > before


def test_rows_summed_and_rows_dropped_are_told_and_a_dry_run_is_not(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite+aiosqlite:///{state}/audited.sqlite"
    asyncio.run(migrate(url))
    asyncio.run(_fill(url))
    monkeypatch.setenv("BUILDCAST_RETAIN_PREDICTION_DAYS", "1")
    _run("db", "rollup")
    _run("db", "retain", "--dry-run")
    rolled = _lines(state)
    assert [(action, before, after) for action, _, before, after in rolled] == [("days-rolled-up", "0 rows", "1 rows")]
    _run("db", "retain")
    assert _lines(state)[-1] == ("rows-dropped", "predictions", "1 of predictions", "gone")


def test_tokens_made_and_revoked_are_told_and_a_revoked_one_is_shut_out(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(migrate(f"sqlite+aiosqlite:///{state}/audited.sqlite"))
    file = state / "tokens.jsonl"
    for name in ("ann", "bob"):
        _run("api", "--tokens", str(file), "--new-token", name, "--role", "write")
    ann, bob = capsys.readouterr().out.split()
    _run("api", "--tokens", str(file), "--revoke-token", "ann")
    known = Tokens(file)
    assert known.principal(f"Bearer {ann}") is None
    assert known.principal(f"Bearer {bob}") is not None
    assert file.stat().st_mode & 0o777 == 0o600
    assert _lines(state) == [
        ("token-made", "ann", "", "write"), ("token-made", "bob", "", "write"), ("token-revoked", "ann", "write", ""),
    ]  # fmt: skip


def test_a_token_that_is_not_there_cannot_be_revoked(state: Path) -> None:
    with pytest.raises(ConfigError, match="holds no token of the name 'ann'"):
        app(["api", "--tokens", str(state / "none.jsonl"), "--revoke-token", "ann"])


@pytest.mark.kafka
def test_dead_letters_sent_again_are_told(broker: str, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.suppress(ConfigError):  # another test has made them, of another size
        asyncio.run(create_topics(broker))
    asyncio.run(migrate(f"sqlite+aiosqlite:///{state}/audited.sqlite"))
    monkeypatch.setenv("BUILDCAST_BOOTSTRAP", broker)
    number = asyncio.run(_put_aside(broker))
    _run("dlq", "replay", str(number))
    assert _lines(state) == [("dead-letters-replayed", str(number), "put aside", "sent again")]


async def _put_aside(bootstrap: str) -> int:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    headers = [("class", b"bad-value"), ("reason", b"bad-value"), ("origin-topic", b"alerts.v1"),
               ("origin-partition", b"0"), ("origin-offset", b"0"), ("attempts", b"1")]  # fmt: skip
    sent = await producer.send_and_wait("dead-letters.v1", b"{}", headers=headers)
    await producer.stop()
    return int(sent.offset)


async def _fill(url: str) -> None:
    engine = connect(url)
    wanted = (events.ExampleRecorded, events.ForecastMade)
    old = [msgspec.structs.replace(fact, time=time.time() - 9 * 86_400.0)
           for fact in builders.one_of_each() if isinstance(fact, wanted)]  # fmt: skip
    assert await Writer(engine).write([Item(fact.id, writes_of(fact)) for fact in old]) == []
    await engine.dispose()


def test_without_a_database_nothing_is_kept_and_nothing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("BUILDCAST_DATABASE", raising=False)
    assert database_of(tmp_path) is None
    audited(None, "rights-granted", "b:1")
    assert capsys.readouterr() == ("", "")
    (tmp_path / "buildcast.sqlite").touch()
    assert str(database_of(tmp_path)).endswith("/buildcast.sqlite")


def test_a_change_that_cannot_be_kept_is_said_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for url in (f"sqlite+aiosqlite:///{tmp_path}/empty.sqlite", "mysql+aiomysql://nobody:x@127.0.0.1:1/none"):
        audited(url, "topics-created", "b:1")
        assert capsys.readouterr().err.startswith("done, but not in the audit trail: ")


def test_the_settings_fault_is_told_before_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILDCAST_POOL", "0")
    with pytest.raises(ConfigError, match="pool"):
        database_of()
