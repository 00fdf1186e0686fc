"""The connection's settings: what clients are given, and one sentence for what is wrong with them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError

from streams.broker import BrokerSettings, connection, refusal
from streams.errors import BuildcastError, ConfigError, Unavailable
from streams.settings import load


@pytest.fixture
def password(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text("s3cret\n")
    return file


@pytest.fixture
async def closing() -> AsyncIterator[str]:
    """A server that speaks no Kafka and hangs up at the first byte."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    await server.wait_closed()


def test_without_settings_loopback_is_spoken_to_in_plain_text() -> None:
    assert connection("127.0.0.1:9092") == {
        "bootstrap_servers": "127.0.0.1:9092",
        "security_protocol": "PLAINTEXT",
    }


def test_user_and_password_of_a_file_go_with_tls(password: Path) -> None:
    given = load(BrokerSettings, kafka_security_protocol="SASL_SSL", kafka_user="buildcast-sink",
                 kafka_password_file=password)  # fmt: skip
    options = given.options()
    tls = options.pop("ssl_context")
    assert options == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "buildcast-sink",
        "sasl_plain_password": "s3cret",
    }
    assert (tls.verify_mode, tls.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_changed_password_file_serves_the_next_connection(password: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILDCAST_KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT")
    monkeypatch.setenv("BUILDCAST_KAFKA_USER", "one")
    monkeypatch.setenv("BUILDCAST_KAFKA_PASSWORD_FILE", str(password))
    first = connection("a:1")["sasl_plain_password"]
    password.write_text("other")
    assert (first, connection("a:1")["sasl_plain_password"]) == ("s3cret", "other")


def test_passwords_do_not_print() -> None:
    assert "s3cret" not in repr(load(BrokerSettings, kafka_password="s3cret"))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kafka_security_protocol": "SASL_SSL"}, "SASL_SSL needs a user: set BUILDCAST_KAFKA_USER"),
        ({"kafka_security_protocol": "SASL_PLAINTEXT", "kafka_user": "one"}, "needs a password"),
        ({"kafka_security_protocol": "SASL_PLAINTEXT", "kafka_user": "one", "kafka_password_file": "/gone"},
         "names /gone, which cannot be read"),
        ({"kafka_security_protocol": "SSL", "kafka_ca_file": "/gone"}, "names /gone, which is no PEM file"),
        ({"kafka_security_protocol": "SSL", "kafka_ca_file": __file__}, "which is no PEM file of certificates"),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(given: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load(BrokerSettings, **given).options()


def test_other_protocols_are_refused() -> None:
    with pytest.raises(ConfigError, match="kafka_security_protocol"):
        load(BrokerSettings, kafka_security_protocol="TLS")


async def test_nobody_listening_is_a_broker_that_is_away() -> None:
    found = await refusal("127.0.0.1:9", KafkaConnectionError("no"))
    assert isinstance(found, Unavailable)
    assert str(found) == "no Kafka broker answers at 127.0.0.1:9: start it, or set BUILDCAST_BOOTSTRAP"


async def test_tls_to_a_listener_without_it_is_named(closing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILDCAST_KAFKA_SECURITY_PROTOCOL", "SSL")
    found: BuildcastError = await refusal(closing, KafkaConnectionError("no"))
    assert isinstance(found, ConfigError)
    assert "does not speak TLS" in str(found)


async def test_a_missing_right_names_user_and_topic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILDCAST_KAFKA_USER", "buildcast-sink")
    found = await refusal("a:1", TopicAuthorizationFailedError({"alerts.v1"}))
    assert isinstance(found, ConfigError)
    assert "does not let user buildcast-sink use alerts.v1" in str(found)
