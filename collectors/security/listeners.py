"""Sockets that wait for strangers: /proc/net/tcp, tcp6, udp and udp6, parsed and judged.

Source: proc(5). Addresses are printed as 32-bit words in the machine's own byte order, ports in hexadecimal.
"""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from collectors.security.check import Finding, Severity

__all__ = ["Listener", "judge_listener", "parse_sockets"]

_LISTENING = {"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07"}
# Services that hand a stranger the machine or its data, by port.
_OPEN_DOORS = {
    21: "ftp",
    23: "telnet",
    69: "tftp",
    111: "portmapper",
    512: "rexec",
    513: "rlogin",
    514: "rsh",
    873: "rsync",
    2049: "nfs",
    2375: "docker",
    3306: "mysql",
    3632: "distcc",
    5432: "postgresql",
    5900: "vnc",
    6379: "redis",
    8000: "icecc or a development server",
    8080: "jenkins or a development server",
    9092: "kafka",
    9200: "elasticsearch",
    10245: "icecc",
    11211: "memcached",
    27017: "mongodb",
}


@dataclass(frozen=True)
class Listener:
    """A socket that accepts: protocol, address, port, owner."""

    protocol: str
    address: ipaddress.IPv4Address | ipaddress.IPv6Address
    port: int
    uid: int

    @property
    def beyond_loopback(self) -> bool:
        inner = self.address.ipv4_mapped if isinstance(self.address, ipaddress.IPv6Address) else None
        return not (inner or self.address).is_loopback


def parse_sockets(protocol: str, text: str, byteorder: Literal["little", "big"] = sys.byteorder) -> Iterator[Listener]:
    """The listening sockets of one table; lines that cannot be read are passed over."""
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 8 or fields[3] != _LISTENING[protocol]:
            continue
        try:
            words, port = fields[1].split(":")
            yield Listener(protocol, _address(words, byteorder), int(port, 16), int(fields[7]))
        except ValueError:
            continue


def judge_listener(listener: Listener, allowed_ports: Collection[int]) -> Iterator[Finding]:
    """Ephemeral UDP sockets (32768 and up) are clients, not services."""
    if not listener.beyond_loopback or listener.port in allowed_ports:
        return
    if listener.protocol.startswith("udp") and listener.port >= 32768:
        return
    known = _OPEN_DOORS.get(listener.port)
    severity: Severity | None = "high" if known else None
    place = f"{listener.protocol} {listener.address} port {listener.port}"
    suffix = f" ({known})" if known else ""
    yield Finding("network.listener", place, f"{place}{suffix}, user {listener.uid}", severity)


def _address(words: str, byteorder: Literal["little", "big"]) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    data = bytes.fromhex(words)
    if byteorder == "little":
        data = b"".join(data[at : at + 4][::-1] for at in range(0, len(data), 4))
    if len(data) == 4:
        return ipaddress.IPv4Address(data)
    return ipaddress.IPv6Address(data)
