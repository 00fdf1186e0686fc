"""T6, T16, T17, T18: what collectors keep when there is no room, and what they let neither in nor out."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from agents.admin import create_topics
from agents.broker import KafkaBroker
from collectors.fetch import Fetcher, FetchPolicy
from collectors.spool import RANKS, Spool, SpoolLimits, rank_of
from streams.codec import decode
from streams.errors import ConfigError, Rejected, Unavailable
from tests import builders
from tests.chaos.trials import Result
from tests.collectors.secrets import planted
from tests.collectors.test_fetch import raw_server
from tests.collectors.test_git import git, make_hostile, make_tree
from tests.integration.processes import records

__all__ = ["hostile_addresses", "hostile_repository", "planted_secrets", "spool_cap"]

_SECONDS, _MEGABYTES = 5.0, 200.0


async def spool_cap(folder: Path, seed: int, events: int = 100_000, cap: int = 10_000_000) -> Result:
    """T6: more than the spool may hold, and nobody takes any of it."""
    result = Result("T6 spool cap", seed, f"{events} events, cap {cap / 1e6:.1f} MB, nothing delivered")
    await asyncio.to_thread(_fill, Spool(folder, SpoolLimits(cap_bytes=cap)), random.Random(seed), events, cap, result)
    return result


def _fill(spool: Spool, dice: random.Random, events: int, cap: int, result: Result) -> None:
    given: dict[str, list[str]] = {rank: [] for rank in RANKS}
    for number in range(events):
        draw = dice.random()
        event = (
            builders.finished(f"run-{number}") if draw < 0.005
            else builders.signal(f"run-{number}") if draw < 0.02
            else builders.sample(f"run-{number}")
        )  # fmt: skip
        spool.append(event)
        given[rank_of(event)].append(event.id)
    kept: dict[str, list[str]] = {rank: [] for rank in RANKS}
    for one in spool.waiting(events):
        kept[one.rank].append(decode(one.payload).id)
    dropped, size = spool.dropped(), spool.size_bytes()
    result.figures |= {f"{rank} dropped": float(dropped[rank]) for rank in RANKS}
    result.figures |= {"kept": float(sum(map(len, kept.values()))), "spool MB": size / 1e6}
    for rank in RANKS:
        if len(kept[rank]) + dropped[rank] != len(given[rank]):
            result.broken.append(f"the counter of {rank} is not exact")
        if kept[rank] != given[rank][dropped[rank] :]:
            result.broken.append(f"of {rank} others than the oldest went")
    result.broken += ["no metric had to go"] if not dropped["metrics"] else []
    result.broken += ["ends or events went while metrics were there"] if dropped["ends"] or dropped["events"] else []
    result.broken += ["the spool is larger than its cap"] if size > cap + SpoolLimits().ends_segment_bytes else []


async def planted_secrets(folder: Path, seed: int) -> Result:
    """T16: builds with secrets wherever they can stand, over Kafka and in local mode; every byte kept is looked at."""
    result = Result(
        "T16 planted secrets", seed, "a failing build over Kafka, one in local mode, 60 secrets in each place"
    )
    plants = {place: planted(seed + number) for number, place in enumerate(("words", "environment", "message", "log"))}
    secrets = {secret for pairs in plants.values() for _, secret in pairs}
    tree, log = make_tree(folder / "tree"), folder / "log"
    remote = planted(seed + 9)[0][1]
    git(tree, "remote", "add", "origin", f"https://ann:{remote}@git.example.org/a/b.git")
    git(tree, "commit", "-q", "--allow-empty", "-m", "\n".join(text for text, _ in plants["message"]))
    shown = [text for text, _ in plants["log"]] + [f"value {secret}" for _, secret in plants["environment"]]
    log.write_text("".join(f"x.c:1:1: error: {text}\n" for text in shown))
    environment = {f"DEPLOY_TOKEN_{n}": secret for n, (_, secret) in enumerate(plants["environment"])}
    words = [word for text, _ in plants["words"] for word in text.split()]
    with KafkaBroker(folder / "kafka") as broker:
        await create_topics(broker.bootstrap, 2)
        environment["BUILDCAST_BOOTSTRAP"] = broker.bootstrap
        for mode in ([], ["--local"]):
            state = folder / f"state{len(mode)}"
            command = ["run", *mode, "--state", str(state), "--json", "--", "sh", "-c", f"cat '{log}'; exit 1"]
            said = await _buildcast([*command, "sh", *words], tree, environment)
            report = await _buildcast(["report", "--last", "--state", str(state)], tree, environment) if mode else b""
            kept = {"said": said, "report": report}
            kept |= {path.name: path.read_bytes() for path in state.rglob("*") if path.is_file()}
            if not mode:
                for topic in ("build-events.v1", "host-metrics.v1"):
                    kept[topic] = b"".join(each.value for each in await records(broker.bootstrap, topic))
            result.broken += [] if b"redacted" in b"".join(kept.values()) else ["nothing of the build was kept"]
            for name, data in kept.items():
                found = [secret for secret in (*secrets, remote) if secret.encode() in data]
                result.broken += [f"{len(found)} secrets stand in {name}"] if found else []
            result.figures[f"{'local' if mode else 'Kafka'}: bytes looked at"] = float(sum(map(len, kept.values())))
    result.figures["secrets"] = float(len(secrets) + 1)
    return result


async def _buildcast(command: Sequence[str], folder: Path, environment: dict[str, str]) -> bytes:
    """What it says for itself. The build's own output goes to the other stream, which `--json` sees to."""
    root = str(Path(__file__).parents[2])
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-m", "buildcast", *command], cwd=folder, capture_output=True, check=False,
        env={**os.environ, "PYTHONPATH": root, **environment},
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr[-300:]
    return done.stdout


_LOOK = """
import json, resource, sys, time
from pathlib import Path
from collectors.git import observe
began = time.monotonic()
observe(Path(sys.argv[1]), "run", "host", 0.0)
print(json.dumps([time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024]))
"""


async def hostile_repository(folder: Path, seed: int, megabytes: int = 400) -> Result:
    """T17: a config full of commands, pipes in place of files, broken objects, a commit that swells when it is read."""
    setup = f"commands in config and hooks; pipes; broken objects; a file of {megabytes} MB of zeros"
    result = Result("T17 hostile repositories", seed, setup)
    await asyncio.to_thread(_look_at_all, folder, megabytes, result)
    return result


def _look_at_all(folder: Path, megabytes: int, result: Result) -> None:
    makers: dict[str, Callable[[Path], None]] = {
        "commands": lambda tree: make_hostile(tree, folder / "mark"),
        "pipes": _make_pipes,
        "broken": _break_objects,
        "swelling": lambda tree: _swell(tree, megabytes),
    }
    seconds, memory = [], []
    for name, make in makers.items():
        make(tree := make_tree(folder / name))
        look = [sys.executable, "-c", _LOOK, str(tree)]
        took, used = json.loads(subprocess.run(look, capture_output=True, text=True, check=True).stdout)
        seconds.append(took)
        memory.append(used)
    ran = sorted(path.name for path in folder.glob("mark*"))
    result.figures |= {"repositories": float(len(makers)), "ran": float(len(ran))}
    result.figures |= {"most s": max(seconds), "most MB": max(memory)}
    result.broken += [f"{', '.join(ran)} ran"] if ran else []
    result.broken += ["a look took more than 5 s"] if max(seconds) > _SECONDS + 1.0 else []  # and what Python takes
    result.broken += ["a look took more than 200 MB"] if max(memory) > _MEGABYTES else []


def _make_pipes(tree: Path) -> None:
    for name in ("config", "HEAD", "packed-refs", "index", "shallow"):
        (tree / ".git" / name).unlink(missing_ok=True)
        os.mkfifo(tree / ".git" / name)


def _break_objects(tree: Path) -> None:
    for path in (tree / ".git/objects").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.write_bytes(b"rubbish")


def _swell(tree: Path, megabytes: int) -> None:
    with (tree / "zeros").open("wb") as file:
        file.truncate(megabytes << 20)
    git(tree, "add", "zeros")
    git(tree, "commit", "-q", "-m", "Swell")
    (tree / "zeros").write_bytes(b"other\n")


_ADDRESSES = ("169.254.169.254", "fd00:ec2::254", "127.0.0.1", "10.1.2.3", "100.64.0.1", "::ffff:169.254.169.254",
              "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "0.0.0.0", "224.0.0.1")  # fmt: skip
_DEADLINE = 1.0


async def hostile_addresses(_folder: Path, seed: int) -> Result:
    """T18: names that lead inside, redirects that do, bodies without an end and answers that drip."""
    result = Result(
        "T18 hostile addresses", seed, "inner addresses, redirects, a name that changes, endless and dripping answers"
    )
    await asyncio.to_thread(_fetch_all, result)
    return result


def _fetch_all(result: Result) -> None:
    local = FetchPolicy(max_bytes=1_000_000, deadline_seconds=_DEADLINE, allowed_networks=("127.0.0.0/8",))
    outcomes: Counter[str] = Counter()
    longest = 0.0
    tries: list[tuple[str, Callable[[], Any]]] = [
        (address, lambda address=address: Fetcher(FetchPolicy(), lambda *_: [address]).get("https://feed.example/"))
        for address in _ADDRESSES
    ]
    turning = iter([["9.9.9.9", "169.254.169.254"], ["9.9.9.9"]])
    tries.append(("rebinding", lambda: Fetcher(FetchPolicy(), lambda *_: next(turning)).get("https://feed.example/")))
    for name, answer in _ANSWERS.items():
        tries.append((name, lambda answer=answer: _ask(Fetcher(local), answer)))
    for name, attempt in tries:
        began = time.monotonic()
        try:
            attempt()
        except (Rejected, Unavailable, ConfigError) as error:
            outcomes[type(error).__name__] += 1
        else:
            result.broken.append(f"{name} was let through")
        longest = max(longest, time.monotonic() - began)
    result.figures |= {
        "tried": float(len(tries)),
        **{f"{kind}": float(n) for kind, n in outcomes.items()},
        "longest s": longest,
    }
    result.broken += ["one was not cut at its deadline"] if longest > _DEADLINE + 2.0 else []


def _ask(fetcher: Fetcher, answer: tuple[bytes, bytes, float]) -> None:
    head, again, pause = answer

    def talk(peer: Any) -> None:
        peer.sendall(head)
        while again:
            peer.sendall(again)
            time.sleep(pause)

    with raw_server(talk) as url:
        fetcher.get(url)


_INSIDE = f"Location: http://169.254.169.254/{uuid4().hex}\r\nContent-Length: 0\r\n\r\n"
_ANSWERS: dict[str, tuple[bytes, bytes, float]] = {
    **{
        f"redirect {code}": (f"HTTP/1.1 {code} X\r\n{_INSIDE}".encode(), b"", 0.0) for code in (301, 302, 303, 307, 308)
    },
    "endless body": (b"HTTP/1.1 200 OK\r\n\r\n", bytes(65_536), 0.0),
    "endless chunks": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"10000\r\n" + bytes(65_536) + b"\r\n",
        0.0,
    ),
    "endless head": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", 0.0),
    "dripping": (b"HTTP/1.1 200 OK\r\n\r\n", b"x", 0.02),
    "short body": (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", b"", 0.0),
}
