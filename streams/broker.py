"""How every Kafka client of ours connects, by TLS and SCRAM too, and what a refusal means in one sentence."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr

from streams.errors import BuildcastError, ConfigError, Unavailable
from streams.settings import Settings, load

__all__ = ["BrokerSettings", "connection", "refusal"]

_PROBE_MILLISECONDS = 5_000
_CLOSING_SECONDS = 0.05  # a connection that broke lets go of its socket in later turns of the loop


class BrokerSettings(Settings):
    """The connection to the broker, the same for every process and command."""

    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="SASL_SSL: TLS and a password; PLAINTEXT is for loopback"
    )
    kafka_sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256"] = Field(
        "SCRAM-SHA-512", description="how the password is proven; it never travels"
    )
    kafka_user: str = Field("", description="this process's principal, for example buildcast-worker")
    kafka_password: SecretStr = Field(SecretStr(""), description="its password; a secret")
    kafka_password_file: Path | None = Field(None, description="file that holds the password, instead of it")
    kafka_ca_file: Path | None = Field(None, description="PEM file of who signed the broker; unset: the system's")

    def options(self) -> dict[str, Any]:
        """As aiokafka's clients take it."""
        found: dict[str, Any] = {"security_protocol": self.kafka_security_protocol}
        if self.kafka_security_protocol.endswith("SSL"):
            found["ssl_context"] = self._tls()
        if self.kafka_security_protocol.startswith("SASL"):
            found |= {
                "sasl_mechanism": self.kafka_sasl_mechanism,
                "sasl_plain_username": self._user(),
                "sasl_plain_password": self._password(),
            }
        return found

    def _tls(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self.kafka_ca_file)
        except OSError as error:  # ssl.SSLError is one
            raise ConfigError(
                f"BUILDCAST_KAFKA_CA_FILE names {self.kafka_ca_file}, which is no PEM file of certificates that can be "
                f"read ({error.strerror or error.args[-1]})"
            ) from error

    def _user(self) -> str:
        if not self.kafka_user:
            raise ConfigError(f"{self.kafka_security_protocol} needs a user: set BUILDCAST_KAFKA_USER")
        return self.kafka_user

    def _password(self) -> str:
        password = self.kafka_password.get_secret_value()
        if self.kafka_password_file is not None:
            try:
                password = self.kafka_password_file.read_text().strip()
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigError(
                    f"BUILDCAST_KAFKA_PASSWORD_FILE names {self.kafka_password_file}, which cannot be read"
                ) from error
        if not password:
            raise ConfigError(f"user {self.kafka_user} needs a password: set BUILDCAST_KAFKA_PASSWORD_FILE")
        return password


def connection(bootstrap: str) -> dict[str, Any]:
    """The connecting arguments of any aiokafka client; a password is read anew for each, so that it can be changed."""
    return {"bootstrap_servers": bootstrap, **load(BrokerSettings).options()}


async def refusal(bootstrap: str, error: BaseException) -> BuildcastError:
    """What a client's failure means for a person. A failed start is tried once more by hand to learn why."""
    from aiokafka import errors

    settings = load(BrokerSettings)
    who = f"user {settings.kafka_user}" if settings.kafka_user else "a client without a user"
    forbidden = (
        errors.TopicAuthorizationFailedError, errors.GroupAuthorizationFailedError,
        errors.ClusterAuthorizationFailedError,
    )  # fmt: skip
    if isinstance(error, forbidden):
        return ConfigError(
            f"the broker at {bootstrap} does not let {who} use {_named(error)}: set BUILDCAST_KAFKA_USER to the role "
            "that may, or give the right (`buildcast topics rights` shows them, `buildcast topics grant` gives them)"
        )
    unexplained = isinstance(error, errors.KafkaConnectionError | TimeoutError)
    cause = await _probe(bootstrap, settings) if unexplained else error
    return _meaning(bootstrap, settings, who, cause)


def _named(error: BaseException) -> str:
    """What an authorization error is about: the client's library gives topics as a set, a group as a word."""
    given = error.args[0] if error.args else ()
    names = [given] if isinstance(given, str) else sorted(map(str, given))
    return ", ".join(names) or "the cluster"


def _meaning(bootstrap: str, settings: BrokerSettings, who: str, cause: BaseException | None) -> BuildcastError:
    from aiokafka import errors

    unknown = (errors.AuthenticationFailedError, errors.SaslAuthenticationFailed, errors.UnsupportedSaslMechanismError)
    if isinstance(cause, unknown):
        return ConfigError(
            f"the broker at {bootstrap} refuses {who} with this password ({settings.kafka_sasl_mechanism}): "
            "see BUILDCAST_KAFKA_USER and BUILDCAST_KAFKA_PASSWORD_FILE"
        )
    if isinstance(cause, ssl.SSLCertVerificationError):
        signer = settings.kafka_ca_file or "the system's certificates"
        return ConfigError(
            f"the broker at {bootstrap} is not trusted ({cause.verify_message}, by {signer}): set "
            "BUILDCAST_KAFKA_CA_FILE to the certificate that signed the broker's"
        )
    if isinstance(cause, ssl.SSLError):
        return ConfigError(
            f"what listens at {bootstrap} does not speak TLS: set another BUILDCAST_BOOTSTRAP or "
            "BUILDCAST_KAFKA_SECURITY_PROTOCOL"
        )
    hung_up = isinstance(cause, errors.KafkaError | ConnectionResetError | TimeoutError)
    hint = ""
    if hung_up and not settings.kafka_security_protocol.endswith("SSL"):
        hint = "; if it asks for TLS, set BUILDCAST_KAFKA_SECURITY_PROTOCOL"
    return Unavailable(f"no Kafka broker answers at {bootstrap}: start it, or set BUILDCAST_BOOTSTRAP{hint}")


async def _probe(bootstrap: str, settings: BrokerSettings) -> BaseException | None:
    """Why the first broker of the list cannot be reached; None when it can."""
    from aiokafka.conn import create_conn

    host, _, port = bootstrap.split(",")[0].strip().rpartition(":")
    try:
        made = await create_conn(host, int(port), request_timeout_ms=_PROBE_MILLISECONDS, **settings.options())
    except Exception as error:  # whatever it is, it is told
        await asyncio.sleep(_CLOSING_SECONDS)
        return error
    made.close()
    return None
