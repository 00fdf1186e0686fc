"""The receiver: what is answered with 2xx is on the disk, and a sender that misbehaves holds nobody up (T18)."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agents.admin import create_topics
from agents.ports import free_ports
from collectors.ci.receiver import MOST_BYTES
from collectors.ci.server import ReceiverPolicy, WebhookServer
from collectors.spool import Spool
from streams.codec import decode
from streams.errors import ConfigError, Unavailable
from streams.events import Event
from tests.integration.processes import records

SECRET = "a secret of the test"
PROOF = {"Authorization": f"Basic {base64.b64encode(f'jenkins:{SECRET}'.encode()).decode()}"}


def _body(number: int) -> bytes:
    build = {"full_url": "https://ci/job/a/1/", "number": number, "phase": "COMPLETED", "status": "SUCCESS",
             "timestamp": int(time.time() * 1000), "duration": 1000}  # fmt: skip
    return json.dumps({"name": "a", "url": "job/a/", "build": build}).encode()


def _policy(**changes: object) -> ReceiverPolicy:
    return ReceiverPolicy(port=0, secrets={"jenkins": SECRET}, **changes)  # type: ignore[arg-type]


@contextmanager
def _serving(
    policy: ReceiverPolicy, keep: Callable[[Event], None], answered: Callable[[int], None] = lambda status: None
) -> Iterator[WebhookServer]:
    with WebhookServer(policy, keep, answered) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(60)


def _post(port: int, body: bytes, path: str = "/jenkins", headers: dict[str, str] | None = None) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", path, body, PROOF if headers is None else headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_what_is_proved_is_kept_before_the_answer() -> None:
    kept: list[Event] = []
    with _serving(_policy(), kept.append) as server:
        assert _post(server.server_address[1], _body(7)) == (202, "2 events\n")
        assert [event.id for event in kept] == ["jenkins/ci/job/a/7/started", "jenkins/ci/job/a/7/finished"]


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("/jenkins", b"{}", {}, 401),
        ("/jenkins", b"{}", {"Authorization": "Basic AAAA"}, 401),
        ("/nobody", b"{}", None, 404),
        ("/github", b"{}", None, 503),
        ("/jenkins", b"{", None, 422),
        ("/jenkins", b"[" * 100_000, None, 422),
    ],
)
def test_what_is_not_proved_or_no_body_is_refused(
    path: str, body: bytes, headers: dict[str, str] | None, status: int
) -> None:
    kept: list[Event] = []
    answered: list[int] = []
    with _serving(_policy(), kept.append, answered.append) as server:
        assert _post(server.server_address[1], body, path, headers)[0] == status
        assert answered == [status]
    assert kept == []


def test_too_much_is_413_before_it_is_read() -> None:
    with _serving(_policy(), lambda event: None) as server:
        assert _post(server.server_address[1], b" " * (MOST_BYTES + 1))[0] == 413
        with socket.create_connection(("127.0.0.1", server.server_address[1]), 5) as peer:
            peer.sendall(b"POST /jenkins HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n")
            assert peer.recv(100).startswith(b"HTTP/1.1 413")


def test_a_body_without_a_length_is_411() -> None:
    with (
        _serving(_policy(), lambda event: None) as server,
        socket.create_connection(("127.0.0.1", server.server_address[1]), 5) as peer,
    ):
        peer.sendall(b"POST /jenkins HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert peer.recv(100).startswith(b"HTTP/1.1 411")


def test_a_disk_that_takes_nothing_is_503_with_a_time_to_come_back() -> None:
    def full(event: Event) -> None:
        raise Unavailable("the spool takes no more: No space left on device")

    with _serving(_policy(), full) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
        connection.request("POST", "/jenkins", _body(1), PROOF)
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("Retry-After")) == (503, "30")
        assert b"No space left" in answer.read()
        connection.close()


def test_a_sender_that_drips_is_cut_and_one_too_many_is_turned_away() -> None:
    kept: list[Event] = []
    answered: list[int] = []
    policy = _policy(deadline_seconds=0.3, most_connections=1)
    with _serving(policy, kept.append, answered.append) as server:
        port, begun = server.server_address[1], time.monotonic()
        with socket.create_connection(("127.0.0.1", port), 60) as slow:
            slow.sendall(b"POST /jenkins HTTP/1.1\r\nContent-Length: 50\r\n\r\n{")
            with socket.create_connection(("127.0.0.1", port), 60) as other, suppress(ConnectionError):
                assert other.recv(100) == b""
            assert slow.recv(100) == b""
        assert time.monotonic() - begun < 30.0
        while 202 not in answered:
            with suppress(OSError, http.client.HTTPException):
                _post(port, _body(2))
    assert len(kept) == 2
    assert answered.count(0) >= 1  # the one too many; who drips gets no answer


def test_the_world_is_spoken_to_by_tls_alone(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not loopback"):
        WebhookServer(_policy(host="0.0.0.0"), lambda event: None)
    certificate, key = _certificate(tmp_path)
    with pytest.raises(ConfigError, match="cannot be used"):
        WebhookServer(_policy(certificate=key, key=key), lambda event: None)
    kept: list[Event] = []
    with _serving(_policy(certificate=certificate, key=key), kept.append) as server:
        context = ssl.create_default_context(cafile=str(certificate))
        connection = http.client.HTTPSConnection("localhost", server.server_address[1], timeout=10, context=context)
        connection.request("POST", "/jenkins", _body(3), PROOF)
        assert connection.getresponse().status == 202
        connection.close()
    assert len(kept) == 2


def test_a_taken_port_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ConfigError, match="cannot be listened on"):
        WebhookServer(ReceiverPolicy(port=taken.getsockname()[1]), lambda event: None)


def test_killed_right_after_the_answer_nothing_answered_with_2xx_is_lost(tmp_path: Path) -> None:
    answered: set[int] = set()
    for round_ in range(3):
        with _receiver(tmp_path) as (process, port):
            lock = threading.Lock()

            def send(start: int, port: int = port, lock: threading.Lock = lock) -> None:
                with suppress(OSError, http.client.HTTPException):
                    for number in range(start, start + 1000):
                        status, _ = _post(port, _body(number))
                        with lock:
                            answered.update([number] if status == 202 else [])

            threads = [threading.Thread(target=send, args=(round_ * 100_000 + n * 1000,)) for n in range(4)]
            for thread in threads:
                thread.start()
            goal = 30 * (round_ + 1)
            while len(answered) < goal:
                time.sleep(0.001)
            process.send_signal(signal.SIGKILL)
            for thread in threads:
                thread.join(60)
    kept = {decode(one.payload).id for one in Spool(tmp_path / "spool").waiting(100_000)}
    assert len(answered) >= 90
    assert {f"jenkins/ci/job/a/{number}/finished" for number in answered} <= kept
    assert {f"jenkins/ci/job/a/{number}/started" for number in answered} <= kept


@pytest.mark.kafka
def test_what_a_killed_receiver_had_answered_for_reaches_the_broker_by_the_next(tmp_path: Path, broker: str) -> None:
    asyncio.run(create_topics(broker))
    with _receiver(tmp_path) as (process, port):
        numbers = range(8_000_000, 8_000_010)
        assert [_post(port, _body(number))[0] for number in numbers] == [202] * 10
        process.send_signal(signal.SIGKILL)
    wanted = {f"jenkins/ci/job/a/{number}/finished" for number in numbers}
    with _receiver(tmp_path, bootstrap=broker):
        deadline = time.monotonic() + 120.0
        while not wanted <= (found := _sent(broker)):
            assert time.monotonic() < deadline, wanted - found
    assert Spool(tmp_path / "spool").waiting() == []


def _sent(broker: str) -> set[str]:
    return {decode(record.value).id for record in asyncio.run(records(broker, "build-events.v1"))}


def test_a_full_disk_is_a_5xx_of_the_real_receiver(tmp_path: Path) -> None:
    with _receiver(tmp_path, "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n") as (_, port):
        status, text = _post(port, _body(1))
    assert status == 503
    assert "takes no more" in text


def test_answers_and_what_waits_in_the_spool_are_served_to_prometheus(tmp_path: Path) -> None:
    (metrics,) = free_ports(1)
    with _receiver(tmp_path, metrics=metrics) as (_, port):
        assert [_post(port, _body(1))[0], _post(port, b"{}", headers={})[0]] == [202, 401]
        said = requests.get(f"http://127.0.0.1:{metrics}/metrics", timeout=60).text.splitlines()
    assert 'buildcast_webhook_deliveries_total{status="202"} 1.0' in said
    assert 'buildcast_webhook_deliveries_total{status="401"} 1.0' in said
    (waiting,) = [line for line in said if line.startswith("buildcast_spool_bytes")]
    assert float(waiting.split()[1]) > 0


@contextmanager
def _receiver(
    state: Path, before: str = "", bootstrap: str = "127.0.0.1:9", metrics: int = 0
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """`buildcast ci receive` as a process; its broker is away unless one is named."""
    program = (
        f"{before}import sys; sys.argv = ['buildcast', 'ci', 'receive', '--port', '0', '--state', {str(state)!r}]\n"
    )
    settings = {"WEBHOOK_SECRET_JENKINS": SECRET, "BOOTSTRAP": bootstrap, "CI_METRICS_PORT": str(metrics)}
    environment = os.environ | {f"BUILDCAST_{name}": value for name, value in settings.items()}
    process = subprocess.Popen(
        [sys.executable, "-c", program + "from buildcast.__main__ import main; main()"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert SECRET not in line
        yield process, int(line.rpartition(":")[2])
    finally:
        process.terminate()
        process.wait(120)
        if process.stdout is not None:
            process.stdout.close()


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    certificate, secret = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, secret
