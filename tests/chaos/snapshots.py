"""T13: every kind of bad snapshot meets a real worker; each is refused with its reason and the log is read instead."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import msgspec

from agents.snapshot import seal, sealing_key, unseal
from models.snapshot import CODE_VERSION
from tests.chaos.rig import Rig, rig
from tests.chaos.scenario import make_traffic
from tests.chaos.trials import Result, judge, no_lag

__all__ = ["bad_snapshots", "damaged_restart"]

_CODE = f'"code": "{CODE_VERSION}"'.encode()
_OLDER_CODE = f'"code": "{"0" * len(CODE_VERSION)}"'.encode()  # as long: the header tells its length
KEY = sealing_key(Path(), "chaos")  # what the rig's workers are given
REFUSED = {
    "flipped": "changed, or sealed with another key",
    "wrong key": "changed, or sealed with another key",
    "older lineage": "of lineage 'tracker-0/default'",
    "bomb": "bytes, at most",
}
MODEL_REFUSED = {
    "flipped": "was changed or sealed with another key",
    "wrong key": "was changed or sealed with another key",
    "older lineage": "is of another lineage",
    "code": "which no forecaster is made of",
    "bomb": "bytes, at most",
}


async def bad_snapshots(folder: Path, seed: int, events: int = 3000) -> Result:
    """T13: stop, damage, start, once for each way in which the model's snapshot can be bad; traffic goes on."""
    traffic = make_traffic(seed, events)
    result = Result("T13 bad snapshots", seed, f"{len(traffic.records)} records, {len(MODEL_REFUSED)} rounds")
    part = len(traffic.records) // (len(MODEL_REFUSED) + 1) + 1
    async with rig(folder) as made:
        made.add_worker()
        made.add_sink()
        await made.send(traffic.records[:part], 2000.0)
        await no_lag(made, 120.0)
        for number, way in enumerate(MODEL_REFUSED, start=1):
            expect_refusals = await damaged_restart(made, way)
            await made.send(traffic.records[number * part : (number + 1) * part], 2000.0)
            await no_lag(made, 120.0)
            result.broken += expect_refusals()
        result.figures["settled s"] = await made.complete(traffic, 120.0)
        await judge(result, made, traffic)
    return result


async def damaged_restart(made: Rig, way: str) -> Callable[[], list[str]]:
    """The one worker stops, all its snapshots are damaged, it starts again; the answer tells what it did not refuse.

    A partition's snapshot is looked at when the partition's next records come.
    """
    worker = made.workers.pop()
    if (code := await asyncio.to_thread(worker.end)) != 0:
        return lambda: [f"the worker ended with {code}"]
    seen = len(worker.log.read_text())
    canary = made.folder / "executed"
    partitions = _damage_partitions(made.folder / "snapshots")
    _damage_replica(worker.log.parent / "replica", way, canary)
    worker.start()
    made.workers.append(worker)
    wanted = [REFUSED[each] for each in partitions] + [MODEL_REFUSED[way]]

    def missing() -> list[str]:
        log = worker.log.read_text()[seen:]
        found = [f"{way}: not refused: {reason!r}" for reason in wanted if reason not in log]
        return found + (["a snapshot's code was executed"] if canary.exists() else [])

    return missing


def _damage_partitions(folder: Path) -> list[str]:
    """Damage the partitions' snapshots, each in another way; returns the ways."""
    ways = {"flipped": _flipped, "wrong key": _other_key, "older lineage": _older, "bomb": _bomb}
    paths = sorted(folder.glob("*.snapshot"))
    for path, way in zip(paths, ways.values(), strict=False):
        way(path)
    return list(ways)[: len(paths)]


def _damage_replica(folder: Path, way: str, canary: Path) -> None:
    """Damage the model's snapshot in one way; `canary` is what its code would make."""
    (path,) = folder.glob("*.snapshot")
    ways: dict[str, Callable[[Path], object]] = {
        "flipped": _flipped,
        "wrong key": lambda path: path.write_bytes(_sealed(b"x" * 32, path.read_bytes()[40:])),
        "older lineage": lambda path: path.write_bytes(
            _sealed(KEY, path.read_bytes()[40:].replace(_CODE, _OLDER_CODE, 1))
        ),
        "code": lambda path: path.write_bytes(_sealed(KEY, _with_code(path.read_bytes()[40:], canary))),
        "bomb": _bomb,
    }
    ways[way](path)


def _flipped(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(bytes(raw))


def _other_key(path: Path) -> None:
    path.write_bytes(seal(unseal(path.read_bytes(), KEY), b"x" * 32))


def _older(path: Path) -> None:
    path.write_bytes(seal(msgspec.structs.replace(unseal(path.read_bytes(), KEY), lineage="tracker-0/default"), KEY))


def _bomb(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(600 * 2**20)  # sparse: no byte of it is on the disk


def _sealed(key: bytes, body: bytes) -> bytes:
    return b"BCSNAP01" + hmac.digest(key, body, hashlib.sha256) + body


class _Code:
    def __init__(self, canary: Path) -> None:
        self._canary = canary

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self._canary}",)


def _with_code(body: bytes, canary: Path) -> bytes:
    length = int.from_bytes(body[:4], "big")
    return body[: 4 + length] + pickle.dumps(_Code(canary))
