"""T18: addresses that point at metadata services, redirects, rebinding, endless bodies: refused or cut."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from collectors.fetch import Fetcher, FetchPolicy, is_public
from streams.errors import ConfigError, Rejected, Unavailable

LOCAL = ("127.0.0.0/8",)


@contextmanager
def raw_server(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server whose every connection is handed to `talk`."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                peer, _ = listener.accept()
                with peer, suppress(OSError):
                    peer.recv(65_536)
                    talk(peer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/feed"
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(60)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "127.0.0.1",
        "::1",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "224.0.0.1",
        "255.255.255.255",
    ],
)
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    assert not is_public(address)
    with pytest.raises(Rejected, match="not a public address"):
        Fetcher(FetchPolicy(), lambda host, port: [address]).get("https://feed.example/x")


@pytest.mark.parametrize("host", ["169.254.169.254", "0x7f.1", "2130706433", "localhost", "[::1]"])
def test_written_forms_of_private_addresses_are_refused(host: str) -> None:
    with pytest.raises((Rejected, Unavailable)):
        Fetcher(FetchPolicy()).get(f"https://{host}/latest/meta-data/")


def test_name_with_one_private_address_among_public_ones_is_refused() -> None:
    with pytest.raises(Rejected, match=r"10\.0\.0\.1"):
        Fetcher(FetchPolicy(), lambda host, port: ["9.9.9.9", "10.0.0.1"]).get("https://feed.example/")


def test_rebinding_finds_no_second_look() -> None:
    """The name is resolved once; the connection goes to the judged address, whatever the name says next."""
    answers = [["127.0.0.2"], ["169.254.169.254"]]

    def talk(peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with raw_server(talk) as url:
        port = url.split(":")[2].split("/")[0]
        fetcher = Fetcher(
            FetchPolicy(allowed_networks=LOCAL), lambda host, port: ["127.0.0.1"] if answers.pop(0) else []
        )
        assert fetcher.get(f"http://rebind.example:{port}/").body == b"ok"
    assert answers == [["169.254.169.254"]]


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirects_are_refused(code: int) -> None:
    def talk(peer: socket.socket) -> None:
        peer.sendall(f"HTTP/1.1 {code} X\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n".encode())

    with raw_server(talk) as url, pytest.raises(Rejected, match="redirect"):
        Fetcher(FetchPolicy(allowed_networks=LOCAL)).get(url)


@pytest.mark.parametrize("head", [b"Content-Length: 99999999999", b"X: y", b"Transfer-Encoding: chunked"])
def test_endless_body_is_cut_at_the_cap(head: bytes) -> None:
    chunk = b"10000\r\n" + bytes(65_536) + b"\r\n" if b"chunked" in head else bytes(65_536)

    def talk(peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n")
        while True:
            peer.sendall(chunk)

    with raw_server(talk) as url, pytest.raises(Rejected, match="the rest was cut"):
        Fetcher(FetchPolicy(max_bytes=1_000_000, allowed_networks=LOCAL)).get(url)


def test_the_connection_is_closed_although_somebody_keeps_the_error() -> None:
    closed = threading.Event()

    def talk(peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        with suppress(OSError):
            while True:
                peer.sendall(bytes(65_536))
        closed.set()

    with raw_server(talk) as url:
        with pytest.raises(Rejected) as kept:
            Fetcher(FetchPolicy(max_bytes=1_000_000, allowed_networks=LOCAL)).get(url)
        assert closed.wait(60)
    assert kept.value.__traceback__ is not None


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: ", b""])
def test_dripping_answer_is_cut_at_the_deadline(start: bytes) -> None:
    def talk(peer: socket.socket) -> None:
        peer.sendall(start)
        while True:
            peer.sendall(b"x")
            time.sleep(0.02)

    began = time.monotonic()
    with raw_server(talk) as url:
        fetcher = Fetcher(FetchPolicy(deadline_seconds=0.3, allowed_networks=LOCAL))
        with suppress(Unavailable):
            answer = fetcher.get(url)
            pytest.fail(f"a cut body is no answer, got {len(answer.body)} bytes")
    assert time.monotonic() - began < 30


def test_short_body_is_no_answer() -> None:
    def talk(peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")

    with raw_server(talk) as url, pytest.raises(Unavailable):
        Fetcher(FetchPolicy(allowed_networks=LOCAL)).get(url)


@pytest.mark.parametrize("url", ["ftp://x/", "file:///etc/passwd", "https://u:p@feed.example/", "https:///x", "feed"])
def test_odd_addresses_are_refused_and_passwords_not_repeated(url: str) -> None:
    with pytest.raises(Rejected) as told:
        Fetcher(FetchPolicy(allowed_networks=LOCAL)).get(url)
    assert "u:p" not in str(told.value)


def test_plain_http_is_for_allowed_networks_only() -> None:
    with pytest.raises(Rejected, match="must be https"):
        Fetcher(FetchPolicy(), lambda host, port: ["9.9.9.9"]).get("http://feed.example/?key=s3cret")


def test_nobody_there_is_unavailable_and_the_query_is_not_shown() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(Unavailable) as told:
        Fetcher(FetchPolicy(allowed_networks=LOCAL)).get(f"http://127.0.0.1:{port}/x?key=s3cret")
    assert "s3cret" not in str(told.value)


def test_wrong_network_is_for_a_person() -> None:
    with pytest.raises(ConfigError, match=r"10\.0\.0\.0/8"):
        Fetcher(FetchPolicy(allowed_networks=("10.0.0.0/99",)))
