"""T5, T7, T24: what the host's side promises. Telemetry keeps what it took and never costs a build anything."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

from agents.admin import create_topics
from agents.broker import KafkaBroker
from collectors.outbox import Outbox
from collectors.publish import KafkaPublisher
from collectors.spool import Spool
from streams.codec import decode
from tests import builders
from tests.chaos.trials import Result
from tests.collectors.test_publish import read_all
from tests.collectors.test_spool import killed_writer
from tests.collectors.test_wrapper import wrapped

__all__ = ["behaviours", "broker_away", "killed_writers"]

_EMIT_P99_MS = 5.0
_FLUSHES = 1.5  # on a disk that takes longer for one record alone, an emit may take so much of that
_ENDS_WITHIN_SECONDS = 10.0


async def broker_away(folder: Path, seed: int, seconds: float = 600.0, rate: float = 50.0) -> Result:
    """T5: events go on at `rate` while the broker is dead; what waited arrives when it is back."""
    result = Result("T5 broker away", seed, f"{seconds:.0f} s at {rate:.0f} events/s, the broker killed meanwhile")
    with KafkaBroker(folder / "kafka") as broker:
        await create_topics(broker.bootstrap, 2)
        broker.kill()
        wanted = await asyncio.to_thread(_emit, folder, broker.bootstrap, seconds, rate, result)
        broker.start()
        outbox = Outbox(folder / "spool", lambda: KafkaPublisher(broker.bootstrap))
        began = time.monotonic()
        sent = await asyncio.to_thread(outbox.close, 120.0)
        result.figures["delivered in s"] = time.monotonic() - began
        arrived = {event.id for event in await read_all(broker.bootstrap, wanted, 60.0)}
    result.figures["lost"] = float(len(wanted - arrived))
    result.broken += [] if sent else ["not all was sent within two minutes"]
    result.broken += [f"{len(wanted - arrived)} events lost"] if wanted - arrived else []
    return result


def _emit(folder: Path, bootstrap: str, seconds: float, rate: float, result: Result) -> set[str]:
    outbox = Outbox(folder / "spool", lambda: KafkaPublisher(bootstrap, connect_seconds=2.0, send_seconds=2.0))
    took, bare = [], []
    wanted: set[str] = set()
    end = time.monotonic() + seconds
    with (folder / "bare").open("wb", buffering=0) as file:
        while time.monotonic() < end:
            event = builders.signal("away", number=len(wanted))
            began = time.perf_counter()
            outbox.emit(event)
            emitted = time.perf_counter()
            file.write(bytes(700))
            os.fdatasync(file.fileno())  # what any record on this disk costs
            took.append(emitted - began)
            bare.append(time.perf_counter() - emitted)
            wanted.add(event.id)
            time.sleep(max(0.0, 1.0 / rate - took[-1] - bare[-1]))
    began = time.monotonic()
    outbox.close(_ENDS_WITHIN_SECONDS)
    ended = time.monotonic() - began
    rank = int(0.99 * len(took))
    emit, flush = (1000.0 * sorted(times)[rank] for times in (took, bare))
    result.figures |= {"events": len(wanted), "emit p99 ms": emit, "bare flush p99 ms": flush, "ends in s": ended}
    if emit > max(_EMIT_P99_MS, _FLUSHES * flush):
        result.broken.append("emit p99 above 5 ms and above 1.5 bare flushes")
    if ended > _ENDS_WITHIN_SECONDS + 2.0:
        result.broken.append("did not end within 10 s")
    return wanted


async def killed_writers(folder: Path, seed: int, kills: int = 200) -> Result:
    """T7: writers killed at an arbitrary moment, in one of four on a file system that takes no more."""
    result = Result("T7 killed during fsync", seed, f"{kills} SIGKILLs at random, disk full in a quarter of them")
    await asyncio.to_thread(_kill_writers, folder / "spool", random.Random(seed), kills, result)
    return result


def _kill_writers(folder: Path, dice: random.Random, kills: int, result: Result) -> None:
    acknowledged: set[str] = set()
    for number in range(kills):
        if number % 4 == 3:
            acknowledged |= _full_disk(folder, f"full{number}", dice.randrange(20_000, 200_000))
        else:
            acknowledged |= set(killed_writer(folder, f"run{number}", 1 + dice.randrange(30)))
    kept = [_id(each.payload) for each in Spool(folder).waiting(10_000_000)]
    missing = acknowledged - set(kept)
    result.figures |= {"acknowledged": len(acknowledged), "kept": len(kept), "missing": len(missing)}
    result.broken += [f"{len(missing)} acknowledged events are not in the spool"] if missing else []
    result.broken += ["an event stands twice in the spool"] if len(kept) != len(set(kept)) else []


_FULL = """
import resource, signal, sys
from pathlib import Path
from collectors.spool import Spool
from streams.codec import decode
from streams.errors import Unavailable
from tests import builders
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
spool = Spool(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
for number in range(200):
    try:
        spool.append(builders.finished(f"{sys.argv[2]}-{number}"))
    except Unavailable:
        continue
    print(f"{sys.argv[2]}-{number}-finished", flush=True)
"""


def _full_disk(folder: Path, name: str, limit: int) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", _FULL, str(folder), name, str(limit)], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def _id(payload: bytes) -> str:
    return decode(payload).id


async def behaviours(folder: Path, seed: int, children: int = 1000) -> Result:
    """T24: children of all kinds, alone and under the wrapper: same bytes on both streams, same code."""
    result = Result("T24 child behaviours", seed, f"{children} random children: codes, signals, binary output, sizes")
    await asyncio.to_thread(_compare, random.Random(seed), children, result)
    return result


_CHILD = """
import os, random, signal, sys, time
dice = random.Random({seed})
for _ in range(dice.randrange(6)):
    data = dice.randbytes(int(10 ** dice.uniform(0, {digits})))
    view = memoryview(data if dice.random() < 0.5 else data.hex().encode() + b"\\n")
    stream = dice.choice((1, 2))
    while view:
        view = view[os.write(stream, view):]
    if dice.random() < 0.1:
        time.sleep(0.02)
ending = dice.random()
if ending < 0.2:
    os.kill(os.getpid(), dice.choice((signal.SIGKILL, signal.SIGTERM, signal.SIGABRT, signal.SIGSEGV, signal.SIGHUP)))
if ending < 0.3:
    os.close(1)
os._exit(dice.choice((0, 1, 2, 3, 77, 126, 127, 255)))
"""


def _compare(dice: random.Random, children: int, result: Result) -> None:
    unlike, written = [], 0
    for number in range(children):
        digits = 8.0 if number % 200 == 199 else 5.0  # now and then up to a hundred megabytes
        command = [sys.executable, "-c", _CHILD.format(seed=dice.randrange(1 << 40), digits=digits)]
        alone = subprocess.run(command, capture_output=True, check=False, preexec_fn=_no_core)
        under = subprocess.run(wrapped(command), capture_output=True, check=False, preexec_fn=_no_core)
        code = alone.returncode if alone.returncode >= 0 else 128 - alone.returncode
        written += len(alone.stdout) + len(alone.stderr)
        if (under.returncode, under.stdout, under.stderr) != (code, alone.stdout, alone.stderr):
            unlike.append(f"{command[-1]!r} ended {under.returncode} and not {code}, or wrote other bytes")
    result.figures |= {"children": children, "unlike": len(unlike), "output MB": written / 1e6}
    result.broken += [f"{len(unlike)} behaved otherwise, such as {unlike[0][:120]}"] if unlike else []


def _no_core() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_DFL)
