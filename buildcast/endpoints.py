"""Where the parts of this machine's system are: written by `up`, read by everything else on the same state folder."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from streams.errors import ConfigError

__all__ = ["Endpoints", "database_url", "read", "write"]


@dataclass(frozen=True)
class Endpoints:
    """Addresses on loopback and process ids by part; the system is up as long as its broker is."""

    bootstrap: str
    database: str
    metrics: dict[str, str] = field(default_factory=dict)
    api: str = ""
    pids: dict[str, int] = field(default_factory=dict)


def read(state: Path) -> Endpoints | None:
    """What `up` wrote, or None where nothing is up (or its broker's process is gone)."""
    path = _path(state)
    try:
        found = Endpoints(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{path} is damaged: run `buildcast down`, remove the file and start again") from error
    broker = found.pids.get("broker")
    return found if broker and _alive(broker) else None


def write(state: Path, endpoints: Endpoints) -> None:
    """Keep the addresses, whole or not at all."""
    path = _path(state)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(asdict(endpoints), indent=1))
    temporary.replace(path)


def remove(state: Path) -> None:
    """Forget them."""
    _path(state).unlink(missing_ok=True)


def database_url(state: Path) -> str:
    """The database of a state folder: the setting's, else the SQLite file that local mode and `up` share."""
    if url := os.environ.get("BUILDCAST_DATABASE"):
        return url
    path = state / "buildcast.sqlite"
    if not path.exists():
        raise ConfigError(f"nothing is stored under {state} yet: start with `buildcast run --local -- make`")
    return f"sqlite+aiosqlite:///{path}"


def _path(state: Path) -> Path:
    return state / "endpoints.json"


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
