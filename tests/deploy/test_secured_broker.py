"""T20: the containers' own broker, started by its own script: each role can do just its own (TLS, SCRAM, ACLs)."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import TopicAuthorizationFailedError

from agents.admin import check_group, check_topics
from agents.broker import kafka_libs
from agents.outbox import Outbox, record_of
from agents.rights import ROLES, grant
from agents.store.database import migrate
from buildcast.logs import principal
from streams.broker import connection
from streams.errors import ConfigError, Unavailable
from streams.topics import TOPICS
from tests import builders
from tests.deploy.places import ROOT
from tests.deploy.secured import SecuredBroker
from tests.integration.processes import Process, until

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    try:
        kafka_libs()
    except ConfigError as missing:
        pytest.skip(str(missing))
    server = SecuredBroker(tmp_path_factory.mktemp("secured")).start()
    try:
        database = f"sqlite+aiosqlite:///{server.log.parent}/audit.sqlite"
        asyncio.run(migrate(database))
        done = buildcast(server, "operator", "topics", "create", "--partitions", "1", "--grant",
                         BUILDCAST_DATABASE=database)  # fmt: skip
        assert done.returncode == 0, done.stderr
        yield server
    finally:
        server.stop()


@pytest.fixture
def enter(secured: SecuredBroker, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Be a role from here on; other variables may be put beside."""

    def enter(role: str, **other: str) -> str:
        for name, value in secured.as_user(role, **other).items():
            monkeypatch.setenv(name, value)
        return secured.bootstrap

    return enter


def buildcast(server: SecuredBroker, role: str, *arguments: str, **other: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "buildcast", *arguments], env=os.environ | server.as_user(role, **other),
        capture_output=True, text=True, timeout=90, cwd=ROOT, check=False,
    )  # fmt: skip


async def test_a_build_goes_from_collector_to_database_with_a_user_for_each_process(
    secured: SecuredBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = f"sqlite+aiosqlite:///{tmp_path}/rows.sqlite"
    processes = []
    for role in ("worker", "sink"):
        group = {f"{role}_group": f"buildcast-{role}-test", "database": database}
        process = Process(role, tmp_path / role, secured.bootstrap, **group)  # type: ignore[arg-type]
        process.start(**secured.as_user(role))
        processes.append(process)
    try:
        done = buildcast(secured, "collector", "run", "--", "true", BUILDCAST_STATE=str(tmp_path / "host"))
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        monkeypatch.setenv("BUILDCAST_DATABASE", database)

        async def told() -> bool:
            found = await asyncio.to_thread(buildcast, secured, "api", "report", "--last", "--json")
            return found.returncode == 0 and '"success"' in found.stdout

        await until(told, processes)
    finally:
        for process in processes:
            process.end()


async def test_each_role_reads_and_writes_its_own_topics_and_no_others(secured: SecuredBroker, enter: Any) -> None:
    enter("operator")
    await _write(list(TOPICS))
    found = {}
    for role in ROLES.values():
        enter(role.name)
        found[role.name] = (await _read(list(TOPICS)), await _write(list(TOPICS)))
    assert found == {role.name: (set(role.reads), set(role.writes)) for role in ROLES.values()}


async def test_groups_are_for_their_role_alone(enter: Any) -> None:
    for role in ROLES.values():
        bootstrap = enter(role.name)
        for other in ROLES.values():
            if other is role and role.has_group:
                await check_group(bootstrap, role.user)
            else:
                with pytest.raises(ConfigError, match=f"does not let user {role.user} use group {other.user}"):
                    await check_group(bootstrap, other.user)


async def test_rights_are_given_by_the_operator_alone_and_again_without_harm(enter: Any) -> None:
    assert await grant(enter("operator")) == sum(len(role.rights()) for role in ROLES.values())
    with pytest.raises(ConfigError, match=r"gives no rights .* only user buildcast-operator may"):
        await grant(enter("trainer"))


def test_topics_made_and_rights_given_stand_in_the_audit_trail(secured: SecuredBroker) -> None:
    with sqlite3.connect(secured.log.parent / "audit.sqlite") as database:
        rows = database.execute("SELECT principal, action, before_value, after_value FROM audit ORDER BY time")
        made, given = rows.fetchall()
    assert made == (principal(), "topics-created", "missing", ", ".join(TOPICS))
    rights = sum(len(role.rights()) for role in ROLES.values())
    assert given == (principal(), "rights-granted", "", f"{rights} rights")


async def test_topics_of_others_are_named_not_called_missing(enter: Any) -> None:
    with pytest.raises(ConfigError, match=r"does not let user buildcast-collector use examples.v1, model-events.v1"):
        await check_topics(enter("collector"), ["examples.v1", "model-events.v1"])


async def test_outbox_does_not_try_for_ever_what_it_may_not(enter: Any) -> None:
    outbox = Outbox(enter("notifier"))
    await outbox.start()
    try:
        with pytest.raises(ConfigError, match=r"does not let user buildcast-notifier use build-events.v1"):
            await outbox.send([record_of(builders.started())])
    finally:
        await outbox.stop()


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"BUILDCAST_KAFKA_USER": "buildcast-nobody"}, "refuses user buildcast-nobody with this password"),
        ({"BUILDCAST_KAFKA_SECURITY_PROTOCOL": "SSL"}, "no Kafka broker answers|failed to answer|refuses"),
        ({"BUILDCAST_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}, "set BUILDCAST_KAFKA_SECURITY_PROTOCOL"),
    ],
)
async def test_other_ways_in_are_shut(enter: Any, other: dict[str, str], said: str) -> None:
    with pytest.raises((ConfigError, Unavailable), match=said):
        await check_topics(enter("operator", **other), TOPICS)


def test_wrong_password_is_one_sentence_and_exit_code_2(secured: SecuredBroker) -> None:
    done = buildcast(secured, "operator", "dlq", "list",
                     BUILDCAST_KAFKA_PASSWORD_FILE=str(secured.secrets / "kafka_api"))  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == (
        f"buildcast: the broker at {secured.bootstrap} refuses user buildcast-operator with this password "
        "(SCRAM-SHA-512): see BUILDCAST_KAFKA_USER and BUILDCAST_KAFKA_PASSWORD_FILE\n"
    )


def test_wrong_authority_is_one_sentence_and_exit_code_2(secured: SecuredBroker) -> None:
    other = secured.secrets / "api_tls.pem"
    done = buildcast(secured, "operator", "dlq", "list", BUILDCAST_KAFKA_CA_FILE=str(other))
    assert done.returncode == 2
    assert done.stderr == (
        f"buildcast: the broker at {secured.bootstrap} is not trusted (unable to get local issuer certificate, by "
        f"{other}): set BUILDCAST_KAFKA_CA_FILE to the certificate that signed the broker's\n"
    )


def test_a_process_as_another_role_ends_with_one_sentence(secured: SecuredBroker, tmp_path: Path) -> None:
    done = buildcast(secured, "sink", "worker", BUILDCAST_STATE=str(tmp_path))
    assert done.returncode == 2
    assert "does not let user buildcast-sink use group buildcast-worker" in done.stderr.splitlines()[-1]


def test_keys_and_passwords_do_not_stand_in_the_brokers_log(secured: SecuredBroker) -> None:
    log = secured.log.read_text()
    assert "storedKey" not in log
    assert not [file for file in secured.secrets.glob("kafka_*") if file.read_text().strip() in log]


async def _write(topics: list[str]) -> set[str]:
    producer = AIOKafkaProducer(**connection(os.environ["BUILDCAST_BOOTSTRAP"]))
    await producer.start()
    allowed = set()
    try:
        for topic in topics:
            try:
                await producer.send_and_wait(topic, b"{}", partition=0)
                allowed.add(topic)
            except TopicAuthorizationFailedError:
                continue
    finally:
        await producer.stop()
    return allowed


async def _read(topics: list[str]) -> set[str]:
    allowed = set()
    for topic in topics:
        try:
            await check_topics(os.environ["BUILDCAST_BOOTSTRAP"], [topic])
        except ConfigError:
            continue
        if await _fetched(topic):
            allowed.add(topic)
    return allowed


async def _fetched(topic: str) -> bool:
    consumer = AIOKafkaConsumer(**connection(os.environ["BUILDCAST_BOOTSTRAP"]), enable_auto_commit=False)
    await consumer.start()
    tp = TopicPartition(topic, 0)
    try:
        consumer.assign([tp])
        consumer.seek(tp, 0)
        return bool(await consumer.getone(tp))
    except TopicAuthorizationFailedError:
        return False
    finally:
        await consumer.stop()
