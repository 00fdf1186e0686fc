"""T10: damaged and arbitrary bytes into every decoder: only its own error may come out; what was encoded comes back."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents import snapshot as partition_snapshot
from collectors.imports.formats import FORMATS
from collectors.imports.records import Origin
from collectors.segment import frame, scan
from models import snapshot as model_snapshot
from models.core import Core
from models.forecaster import Forecaster, ForecasterConfig
from models.tracker import Tracker
from models.tracker_state import restore
from streams import codec
from streams.errors import InvalidEvent
from tests import builders
from tests.chaos.trials import Result

__all__ = ["DECODERS", "Decoder", "damaged", "fuzz", "trial"]

KEY = b"k" * 32
_LINES = (
    b"1\t2\t1600000000000000000\tx.o\tabc\n", b"timestamp,value\n2014-02-14 14:30:00,0.132\n",
    b'{"id":1,"status":"completed","conclusion":"failure","started_at":"2020-01-01T00:00:00Z"}\n',
    b'<testsuite name="a" tests="1" time="3"><testcase name="b" time="1"><failure>x</failure></testcase></testsuite>\n',
    b"travis_time:end:0a:start=1,finish=2,duration=1\r\n", b"# ninja log v5\n", b'{"stats":{"compile_requests":1}}\n',
    b"tr_build_id,gh_project_name,tr_status,gh_build_started_at\n1,a/b,passed,2014-01-01 00:00:00\n",
    b"Book version is:\tr12.2\n\nSBU of build 1: 0.3 minutes\n",
)  # fmt: skip
_PATCHES = (
    b"NaN",
    b"1e400",
    b"9223372036854775808",
    b"\x00",
    b"\xff\xfe",
    b"[" * 200,
    b'"',
    b"null",
    b"-1",
    b"{}",
    b"",
)


@dataclass(frozen=True)
class Decoder:
    """A way from bytes to values. `own` are the errors that its callers catch; `again` undoes what made a seed."""

    seeds: Sequence[bytes]
    decode: Callable[[bytes], Any]
    own: tuple[type[BaseException], ...] = ()
    again: Callable[[], Iterable[bool]] = lambda: ()


def fuzz(seed: int, examples: int = 10_000) -> Result:
    """Every decoder with so many inputs, half of them damaged seeds behind whatever seal they have."""
    result = Result("T10 fuzz", seed, f"{examples} inputs for each of {len(DECODERS)} decoders")
    began, accepted = time.monotonic(), 0
    for name, make in DECODERS.items():
        random_ = random.Random(f"{seed} {name}")
        decoder = make()
        if not all(decoder.again()):
            result.broken.append(f"{name}: what was encoded does not come back")
        for _ in range(examples):
            raw = damaged(random_, decoder.seeds)
            try:
                decoder.decode(raw)
                accepted += 1
            except decoder.own:
                continue
            except Exception as error:
                result.broken.append(f"{name}: {type(error).__name__} from {raw[:60]!r}")
                break
    result.figures |= {"seconds": time.monotonic() - began, "read all the same": accepted}
    return result


async def trial(_folder: Path, seed: int, examples: int) -> Result:
    """`fuzz` among the other trials."""
    return await asyncio.to_thread(fuzz, seed, examples)


def damaged(random_: random.Random, seeds: Sequence[bytes]) -> bytes:
    """A seed with bytes flipped, cut out, doubled or patched; one in eight is anything at all."""
    if random_.random() < 0.125:
        return random_.randbytes(random_.randrange(200))
    raw = bytearray(random_.choice(seeds))
    for _ in range(random_.randrange(1, 4)):
        at, end = sorted((random_.randrange(len(raw) + 1), random_.randrange(len(raw) + 1)))
        match random_.randrange(4):
            case 0 if raw:
                raw[min(at, len(raw) - 1)] ^= 1 << random_.randrange(8)
            case 1:
                del raw[at : min(end, at + 40)]
            case 2:
                raw[at:at] = raw[at : min(end, at + 40)]
            case _:
                raw[at : at + random_.randrange(4)] = random_.choice(_PATCHES)
    return bytes(raw)


def _events() -> Decoder:
    each = builders.one_of_each()
    seeds = [codec.encode(event) for event in each]
    return Decoder(seeds, codec.decode, (InvalidEvent,), lambda: (codec.decode(codec.encode(e)) == e for e in each))


def _headers() -> Decoder:
    """An event behind headers that anyone may have written; null values are allowed on the wire."""
    raw = codec.encode(builders.started())
    names = ("ce_id", "ce_type", "ce_source", "content-type", codec.SENT_AT)

    def decode(noise: bytes) -> Any:
        said = [(names[at % len(names)], noise[at : at + 12] or None) for at in range(0, len(noise) + 1, 12)]
        return codec.decode(raw, said)

    return Decoder([b"application/json dev.cdevents.taskrun.started.0.3.0"], decode, (InvalidEvent,))


def _partition() -> Decoder:
    whole = partition_snapshot.Snapshot("tracker-1", 3, {"build-events.v1": 7}, b"state of a partition")
    sealed = partition_snapshot.seal(whole, KEY)

    def decode(body: bytes) -> Any:
        raw = sealed[:8] + hmac.digest(KEY, body, hashlib.sha256) + body  # damage behind the right seal
        return partition_snapshot.unseal(raw, KEY)

    refused = (partition_snapshot.SnapshotRefused,)
    return Decoder([sealed[40:]], decode, refused, lambda: [partition_snapshot.unseal(sealed, KEY) == whole])


def _tracker() -> Decoder:
    core = Core(Forecaster())
    for event in (builders.started(), builders.sample(), builders.signal(), builders.started("run-2")):
        core.handle(event)
    state = core.state()

    def again() -> Iterable[bool]:
        other = Core(Forecaster())
        other.load(state)
        return [other.state() == state]

    return Decoder([state], lambda raw: restore(Tracker(), raw), (ValueError,), again)


def _model() -> Decoder:
    config = ForecasterConfig()
    sealed = model_snapshot.seal(Forecaster(config), KEY)

    def again() -> Iterable[bool]:
        loaded = model_snapshot.unseal(sealed, KEY, config)
        return [model_snapshot.probe(loaded) == model_snapshot.probe(Forecaster(config))]

    refused = (model_snapshot.SnapshotRefused,)
    return Decoder([sealed[:2000], sealed[-2000:]], lambda raw: model_snapshot.unseal(raw, KEY, config), refused, again)


def _spool() -> Decoder:
    seeds = [b"".join(frame(1, number, codec.encode(event)) for number, event in enumerate(builders.one_of_each()[:4]))]
    whole = frame(1, 7, b"payload")
    return Decoder(seeds, scan, (), lambda: [scan(whole)[0][0].payload == b"payload"])


def _import(name: str) -> Callable[[], Decoder]:
    def decode(raw: bytes) -> Any:
        lines = raw.decode(errors="replace").splitlines(keepends=True)
        return list(FORMATS[name].parse(lines, Origin("file", modified_at=1.6e9)))

    return lambda: Decoder(_LINES, decode)


DECODERS: dict[str, Callable[[], Decoder]] = {
    "events": _events,
    "headers": _headers,
    "partition snapshot": _partition,
    "tracker state": _tracker,
    "model snapshot": _model,
    "spool segment": _spool,
    **{f"import {name}": _import(name) for name in FORMATS},
}
