"""A receiver of webhooks with nothing behind it but a spool: proof, then the disk, and only then the 2xx.

    POST /github   /gitlab   /jenkins   /generic
    202 taken (durable)   401 not proved   404 no such provider   411 no length   413 too large   422 no such body
    503 the disk takes nothing, or no secret is set: the sender should try again

Law: one request a connection, read under a deadline and a cap; whatever a sender does, the others are served.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from collectors.ci.receiver import MOST_BYTES, PROVIDERS, receive
from streams.errors import BuildcastError, ConfigError, InvalidEvent, Unavailable
from streams.events import Event

__all__ = ["Answer", "ReceiverPolicy", "WebhookServer", "take"]


@dataclass(frozen=True)
class ReceiverPolicy:
    """Where to listen and how patiently. `secrets` by provider, never shown."""

    host: str = "127.0.0.1"
    port: int = 8650
    certificate: Path | None = None
    key: Path | None = None
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    deadline_seconds: float = 20.0  # of a whole request
    most_connections: int = 64


class Answer(NamedTuple):
    """A status and one line for people. `events` were kept."""

    status: int
    text: str
    events: int = 0


def take(
    provider: str, headers: Mapping[str, str], body: bytes, secret: str, keep: Callable[[Event], None], now: float
) -> Answer:
    """One delivery: proved, read, kept. The answer is 2xx only once every event is durable."""
    if provider not in PROVIDERS:
        return Answer(404, f"no such provider: use {', '.join(PROVIDERS)}")
    try:
        events = receive(provider, headers, body, secret, now)
        for event in events:
            keep(event)
    except InvalidEvent as error:
        return Answer(413 if error.kind == "too-large" else 422, error.detail)
    except (Unavailable, ConfigError) as error:
        return Answer(503, str(error))
    except BuildcastError as error:
        return Answer(401, str(error))
    return Answer(202, f"{len(events)} events", len(events))


class WebhookServer(ThreadingHTTPServer):
    """Listens once made; `serve_forever` answers. `keep` makes an event durable or raises `Unavailable`.

    `answered` is told each status before it is sent, from many threads; 0 where a sender was cut or turned away.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self,
        policy: ReceiverPolicy,
        keep: Callable[[Event], None],
        answered: Callable[[int], None] = lambda status: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.policy, self.keep, self.answered, self.clock = policy, keep, answered, clock
        self._tls = _tls(policy)
        self._places = threading.BoundedSemaphore(policy.most_connections)
        self.address_family = socket.AF_INET6 if ":" in policy.host else socket.AF_INET
        try:
            super().__init__((policy.host, policy.port), _Handler)
        except OSError as error:
            raise ConfigError(f"{policy.host}:{policy.port} cannot be listened on: {error.strerror}") from error

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self._tls is not None:  # the handshake is the connection's own thread's work
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._places.acquire(blocking=False):
            self.answered(0)
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender that went away or speaks no HTTP."""
        self.answered(0)


class _Handler(BaseHTTPRequestHandler):
    server: WebhookServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "buildcast", ""

    def setup(self) -> None:
        super().setup()
        self._watchdog = threading.Timer(self.server.policy.deadline_seconds, _cut, (self.connection,))
        self._watchdog.daemon = True
        self._watchdog.start()

    def finish(self) -> None:
        self._watchdog.cancel()
        super().finish()

    def do_POST(self) -> None:
        self.close_connection = True
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit() and len(length) < 20):
            self._reply(Answer(411, "send a Content-Length"))
            return
        if int(length) > MOST_BYTES:
            self._reply(Answer(413, f"send at most {MOST_BYTES} bytes"))
            self._linger()
            return
        body = self.rfile.read(int(length))
        if len(body) == int(length):  # else the sender went away
            provider = self.path.partition("?")[0].strip("/").rpartition("/")[2]
            secret = self.server.policy.secrets.get(provider, "")
            self._reply(take(provider, dict(self.headers.items()), body, secret, self.server.keep, self.server.clock()))

    def log_message(self, format: str, *args: Any) -> None:
        """Addresses and headers are not logged: an address may hold a secret."""

    def _reply(self, answer: Answer) -> None:
        self.server.answered(answer.status)
        text = (answer.text[:300] + "\n").encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Connection", "close")
        if answer.status == 503:
            self.send_header("Retry-After", "30")
        self.end_headers()
        self.wfile.write(text)

    def _linger(self) -> None:
        """Let a sender of too much read the answer before the connection is reset."""
        with contextlib.suppress(OSError):
            self.connection.settimeout(1.0)
            for _ in range(256):
                if not self.rfile.read1(1 << 16):
                    return


def _cut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _tls(policy: ReceiverPolicy) -> ssl.SSLContext | None:
    if policy.certificate is None or policy.key is None:
        if not _is_loopback(policy.host):
            raise ConfigError(f"{policy.host} is not loopback: set ci_tls_certificate and ci_tls_key, "
                              "or listen on 127.0.0.1 behind a proxy that speaks TLS")  # fmt: skip
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(policy.certificate, policy.key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"the certificate {policy.certificate} cannot be used: {error}") from error
    return context


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
