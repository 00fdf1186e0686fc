"""Free loopback ports for servers that are started on this machine."""

from __future__ import annotations

import socket
import time

__all__ = ["answers", "free_ports", "wait_until_answers"]


def free_ports(count: int) -> list[int]:
    """Distinct TCP ports of 127.0.0.1 that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


def answers(port: int, host: str = "127.0.0.1") -> bool:
    """Whether something accepts connections there."""
    with socket.socket() as each:
        each.settimeout(0.5)
        return each.connect_ex((host, port)) == 0


def wait_until_answers(port: int, alive: object, seconds: float) -> bool:
    """Wait for a listener; give up after `seconds` or when the process (`alive.poll()`) has ended."""
    deadline = time.monotonic() + seconds
    poll = getattr(alive, "poll", lambda: None)
    while time.monotonic() < deadline and poll() is None:
        if answers(port):
            return True
        time.sleep(0.05)
    return False
