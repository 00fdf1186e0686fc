"""The whole system on this machine: broker, topics and database, and its parts as processes over one state folder."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import requests

from agents.admin import create_topics
from agents.broker import KafkaBroker
from agents.ports import free_ports
from agents.store.database import migrate
from buildcast import endpoints
from buildcast.endpoints import Endpoints
from streams.errors import Unavailable

__all__ = ["PARTS", "WITHOUT_TRAINING", "start", "stop"]

PARTS = ("worker", "sink", "api", "trainer")
WITHOUT_TRAINING = PARTS[:-1]
"""What one build needs: models still learn from it, challengers are not tried."""
_READY_SECONDS = 60.0


def start(state: Path, say: Callable[[str], None], parts: tuple[str, ...] = PARTS) -> Endpoints:
    """Start what is not running and return the addresses; raises `Unavailable` with the log's place if a part fails."""
    if running := endpoints.read(state):
        say(f"already up: broker at {running.bootstrap}")
        return _complete(state, running, say)
    folder = (state / "system").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    say("starting the broker")
    broker = KafkaBroker(folder / "kafka").start()
    pids = {"broker": broker.pid or 0}
    try:
        asyncio.run(create_topics(broker.bootstrap))
        database = os.environ.get("BUILDCAST_DATABASE") or f"sqlite+aiosqlite:///{state.resolve() / 'buildcast.sqlite'}"
        asyncio.run(migrate(database))
        ports = dict(zip(parts, free_ports(len(parts)), strict=True))
        for part in parts:
            say(f"starting the {part}")
            pids[part] = _spawn(part, folder, _environment(part, state, broker.bootstrap, database, ports))
        for part in parts:
            _wait(part, pids[part], ports[part], folder)
    except BaseException:
        _end(pids)
        raise
    found = Endpoints(
        bootstrap=broker.bootstrap,
        database=database,
        metrics={part: f"http://127.0.0.1:{port}/metrics" for part, port in ports.items() if part != "api"},
        api=f"http://127.0.0.1:{ports['api']}" if "api" in ports else "",
        pids=pids,
    )
    endpoints.write(state, found)
    return found


def _complete(state: Path, found: Endpoints, say: Callable[[str], None]) -> Endpoints:
    """Start again what has ended since, on the ports it had."""
    folder = (state / "system").resolve()
    ended = [part for part, pid in found.pids.items() if not _running(pid)]
    ports = {part: urlsplit(found.metrics.get(part) or found.api).port or 0 for part in ended}
    begun: dict[str, int] = {}
    try:
        for part in ended:
            say(f"starting the {part} again")
            begun[part] = _spawn(part, folder, _environment(part, state, found.bootstrap, found.database, ports))
        for part in ended:
            _wait(part, begun[part], ports[part], folder)
    except BaseException:
        _end(begun)  # nobody would know them; what runs goes on
        raise
    whole = replace(found, pids=found.pids | begun)
    endpoints.write(state, whole)
    return whole


def stop(state: Path) -> bool:
    """Stop what `start` started; False where nothing was up."""
    found = endpoints.read(state)
    if found is not None:
        _end(found.pids)
    endpoints.remove(state)
    return found is not None


def _environment(part: str, state: Path, bootstrap: str, database: str, ports: dict[str, int]) -> dict[str, str]:
    return os.environ | {
        "BUILDCAST_BOOTSTRAP": bootstrap,
        "BUILDCAST_DATABASE": database,
        "BUILDCAST_STATE": str(state.resolve()),
        f"BUILDCAST_{part.upper()}_{'' if part == 'api' else 'METRICS_'}PORT": str(ports[part]),
        "PYTHONUNBUFFERED": "1",
    }


def _spawn(part: str, folder: Path, environment: dict[str, str]) -> int:
    with (folder / f"{part}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "buildcast", part],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True,
        )  # fmt: skip
    return process.pid


def _wait(part: str, pid: int, port: int, folder: Path) -> None:
    """Until the part answers on its port."""
    path = "api/v1/health" if part == "api" else "metrics"
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        if not _running(pid):
            raise Unavailable(f"the {part} ended at once: see {folder / f'{part}.log'}")
        address = f"http://127.0.0.1:{port}/{path}"
        with contextlib.suppress(requests.RequestException):
            requests.get(address, timeout=2).raise_for_status()
            return
        time.sleep(0.1)
    raise Unavailable(f"the {part} did not answer within {_READY_SECONDS:.0f} s: see {folder / f'{part}.log'}")


def _end(pids: dict[str, int], seconds: float = 15.0) -> None:
    """Ask all to end, the broker last, and kill what does not."""
    for part in sorted(pids, key=lambda name: name == "broker"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pids[part], signal.SIGTERM)
            deadline = time.monotonic() + seconds
            while _running(pids[part]) and time.monotonic() < deadline:
                time.sleep(0.05)
            if _running(pids[part]):
                os.kill(pids[part], signal.SIGKILL)


def _running(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
