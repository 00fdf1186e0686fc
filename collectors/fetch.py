"""HTTP to a feed or a CI system, distrusting every answer: where it leads, how long it takes, how much it says.

- The name is resolved once, every address is judged, and the connection goes to a judged address: a name that
  changes its mind (rebinding) or points at a metadata service, loopback or a private network is refused.
- Redirects are refused. Bodies are cut at `max_bytes`, whole exchanges at `deadline_seconds`, drip by drip or not.
- https only, but for networks the site allows by name (a mirror in the house, a test).
"""

from __future__ import annotations

import contextlib
import http
import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

from streams.errors import ConfigError, Rejected, Unavailable

__all__ = ["Answer", "FetchPolicy", "Fetcher", "is_public"]

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True)
class FetchPolicy:
    """`allowed_networks` (CIDR) may be reached although not public, and without TLS."""

    connect_seconds: float = 10.0
    deadline_seconds: float = 120.0
    max_bytes: int = 64 << 20
    allowed_networks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """A whole answer. Header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def retry_after_seconds(self) -> float | None:
        text = self.headers.get("retry-after", "").strip()
        return float(text) if text.isascii() and text.isdigit() else None


def resolve_name(host: str, port: int) -> list[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def is_public(address: str) -> bool:
    """Whether an address belongs to the public internet; addresses hidden in IPv6 count as what they hide.

    >>> is_public("169.254.169.254"), is_public("::ffff:10.0.0.1"), is_public("9.9.9.9")
    (False, False, True)
    """
    inner = _inner(ipaddress.ip_address(address.split("%", 1)[0]))
    return inner.is_global and not inner.is_multicast


class Fetcher:
    """One exchange a call; nothing is kept between calls. `resolve` gives a name's addresses."""

    def __init__(self, policy: FetchPolicy, resolve: Callable[[str, int], list[str]] = resolve_name) -> None:
        self._policy = policy
        self._resolve = resolve
        try:
            self._networks = [ipaddress.ip_network(network) for network in policy.allowed_networks]
        except ValueError as error:
            raise ConfigError(f"networks to allow: {error}; write them as 10.0.0.0/8") from error

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self.exchange("GET", url, headers or {}, None)

    def post(self, url: str, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
        return self.exchange("POST", url, {"Content-Type": "application/json", **(headers or {})}, body)

    def exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        """`Rejected` for what is refused for good, `Unavailable` for what may work later."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
            raise Rejected(f"{_place(parts)} is no plain http or https address")
        try:
            with self._connected(parts) as connection:
                return self._talk(connection, method, parts, headers, body)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unavailable(f"{_place(parts)} did not answer: {error or type(error).__name__}", 30) from error

    @contextlib.contextmanager
    def _connected(self, parts: SplitResult) -> Iterator[_Pinned]:
        host = str(parts.hostname)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        address = self._judged(parts, self._resolve(host, port))
        tls = ssl.create_default_context() if parts.scheme == "https" else None
        connection = _Pinned(host, port, address, self._policy.connect_seconds, tls)
        try:
            connection.connect()
            watchdog = threading.Timer(self._policy.deadline_seconds, connection.cut)
            watchdog.daemon = True
            watchdog.start()
            try:
                yield connection
            finally:
                watchdog.cancel()
                watchdog.join()
        finally:
            connection.close()

    def _judged(self, parts: SplitResult, addresses: list[str]) -> str:
        """The first address; all of them must be allowed, else the name is not trusted."""
        for text in addresses:
            known = ipaddress.ip_address(text.split("%", 1)[0])
            listed = any(known in network for network in self._networks)
            if not listed and not is_public(text):
                raise Rejected(
                    f"{_place(parts)} leads to {text}, which is not a public address; "
                    "allow its network by setting BUILDCAST_CI_NETWORKS or BUILDCAST_FEED_NETWORKS"
                )
            if not listed and parts.scheme != "https":
                raise Rejected(f"{_place(parts)} must be https: plain http is for networks that are allowed")
        if not addresses:
            raise Unavailable(f"{_place(parts)} has no address: check the name", 60)
        return addresses[0]

    def _talk(
        self,
        connection: _Pinned,
        method: str,
        parts: SplitResult,
        headers: Mapping[str, str],
        body: bytes | None,
    ) -> Answer:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        polite = {"User-Agent": "buildcast", "Accept-Encoding": "identity", **headers}
        connection.request(method, target, body, polite)
        with connection.getresponse() as response:  # it holds the socket beside the connection
            if 300 <= response.status < 400 and response.status != http.HTTPStatus.NOT_MODIFIED:
                raise Rejected(f"{_place(parts)} wants to redirect; that is refused, set the final address")
            read = self._body(connection, response, parts)
            return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, read)

    def _body(self, connection: _Pinned, response: http.client.HTTPResponse, parts: SplitResult) -> bytes:
        pieces, size = [], 0
        while piece := response.read1(1 << 16):
            size += len(piece)
            if size > self._policy.max_bytes:
                raise Rejected(f"{_place(parts)} sent more than {self._policy.max_bytes} bytes; the rest was cut")
            pieces.append(piece)
        if connection.was_cut:
            raise TimeoutError(f"cut after {self._policy.deadline_seconds} seconds")
        if response.length:
            raise http.client.IncompleteRead(b"", response.length)
        return b"".join(pieces)


class _Pinned(http.client.HTTPConnection):
    """A connection to a judged address that speaks, and checks certificates, for the name."""

    def __init__(self, host: str, port: int, address: str, timeout: float, tls: ssl.SSLContext | None) -> None:
        super().__init__(host, port, timeout=timeout)
        self._address = address
        self._tls = tls
        self.was_cut = False

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), self.timeout)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host) if self._tls else plain
        self._line = self.sock  # http.client lets go of `sock` while a body without a length is still read

    def cut(self) -> None:
        """Called by the watchdog: whoever reads or writes wakes up with an error."""
        self.was_cut = True
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)


def _inner(address: _Address) -> _Address:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _place(parts: SplitResult) -> str:
    """What an error may show of an address: no user info, no query."""
    return f"{parts.scheme}://{parts.hostname or '?'}{parts.path}"
