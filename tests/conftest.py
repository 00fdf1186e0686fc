"""Real servers for tests: one broker and one MariaDB a session, started when the first test asks."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from agents.broker import KafkaBroker, kafka_libs
from agents.mariadb import MariaDB, mariadbd_path
from streams.errors import ConfigError

settings.register_profile("any machine", deadline=None)  # how long an example takes says how loaded a machine is
settings.load_profile("any machine")


@pytest.fixture(scope="session", autouse=True)
def _interrupts_arrive() -> None:
    """A test run in the background inherits ignored signals (a shell's `&`, `nohup`), and so would its builds."""
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.fixture(scope="session")
def kafka_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """The session's broker itself, for tests that need more than its address."""
    try:
        libs = kafka_libs()
    except ConfigError as missing:
        pytest.skip(str(missing))
    with KafkaBroker(tmp_path_factory.mktemp("kafka"), libs) as server:
        yield server


@pytest.fixture(scope="session")
def broker(kafka_server: KafkaBroker) -> str:
    """The bootstrap address of the session's broker."""
    return kafka_server.bootstrap


@pytest.fixture(scope="session")
def mariadb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    """The session's MariaDB itself."""
    try:
        mariadbd_path()
    except ConfigError as missing:
        pytest.skip(str(missing))
    with MariaDB(tmp_path_factory.mktemp("mariadb")) as server:
        yield server


@pytest.fixture(scope="session")
def mariadb(mariadb_server: MariaDB) -> str:
    """The owner's SQLAlchemy address of the session's MariaDB."""
    return mariadb_server.url


@pytest.fixture
def golden() -> Path:
    """Events of every kind and version as they were once written."""
    return Path(__file__).parent / "golden"
