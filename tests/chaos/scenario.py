"""Seeded builds and faults: what is sent, in which order, and what must be found afterwards."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import msgspec

from agents.outbox import Record, record_of
from streams.events import Event
from tests import builders

__all__ = ["Traffic", "brief_runs", "make_traffic"]

POISON: tuple[bytes, ...] = (
    b"\xff\xfe bad utf-8", b"\x00\x00\x00", b'{"specversion":"1.0","data":NaN}', b'{"a":Infinity}', b'{"a":1e400}',
    b'{"a":9223372036854775808123}', b"[" * 10_000, b'{"specversion":"1.0","specversion":"1.0"}', b"", b"null",
    b'{"specversion":"9.0","id":"x","source":"y","type":"z","data":null}', b'"' + b"x" * 900_000 + b'"',
    b'{"specversion":"1.0","id":"x","source":"y","type":"dev.cdevents.taskrun.started.9.0.0","data":{}}',
)  # fmt: skip


@dataclass
class Traffic:
    """Records in the order of sending, and the ids that must be found."""

    records: list[Record] = field(default_factory=list)
    runs: set[str] = field(default_factory=set)
    finished: set[str] = field(default_factory=set)
    signals: set[str] = field(default_factory=set)
    poison: int = 0

    def after(self, earlier: Traffic) -> Traffic:
        """What must be found when both were sent."""
        return Traffic(
            [*earlier.records, *self.records], earlier.runs | self.runs, earlier.finished | self.finished,
            earlier.signals | self.signals, earlier.poison + self.poison,
        )  # fmt: skip


def make_traffic(
    seed: int, events: int, duplicated: float = 0.01, reordered: float = 0.05, poisoned: float = 0.005, hosts: int = 16
) -> Traffic:
    """Runs on several hosts with duplicates, records out of order and poison between them."""
    random_ = random.Random(seed)
    traffic = Traffic()
    facts: list[Event] = []
    number = 0
    while len(facts) < events:
        facts += _run(f"s{seed}-run-{number}", f"host-{number % hosts}", builders.T0 + number * 7.0, random_, traffic)
        number += 1
    facts.sort(key=lambda event: (event.time, event.id))
    for index in range(len(facts) - 1):
        if random_.random() < reordered:
            facts[index], facts[index + 1] = facts[index + 1], facts[index]
    for event in facts:
        traffic.records.append(record_of(event))
        if random_.random() < duplicated:
            traffic.records.append(record_of(event))
        if random_.random() < poisoned:
            traffic.poison += 1
            topic = random_.choice(("build-events.v1", "host-metrics.v1"))
            key = f"host-{random_.randrange(hosts)}".encode()
            traffic.records.append(
                Record(topic, key, random_.choice(POISON), [("poison", str(traffic.poison).encode())])
            )
    return traffic


def brief_runs(seed: int, number: int, hosts: int = 16) -> Traffic:
    """Runs that only start and end, before all that `make_traffic` makes: what fills a worker's bounded memory."""
    traffic = Traffic()
    for index in range(number):
        run_id, host = f"s{seed}-brief-{index}", f"host-{index % hosts}"
        at = builders.T0 - 60.0 - 0.1 * (number - index)
        started = builders.started(run_id, at=at, host=host)
        traffic.records += [record_of(started), record_of(builders.finished(run_id, at=at + 30.0, host=host))]
        traffic.runs.add(run_id)
        traffic.finished.add(run_id)
    return traffic


def _run(run_id: str, host: str, at: float, random_: random.Random, traffic: Traffic) -> list[Event]:
    fails = random_.random() < 0.3
    name = f"package-{random_.randrange(20)}"
    found: list[Event] = [
        msgspec.structs.replace(
            builders.started(run_id, at=at, host=host), run=builders.run(run_id, name=name, branch=random_.choice("ab"))
        )
    ]
    samples = random_.randrange(2, 8)
    for number in range(samples):
        found.append(
            builders.sample(
                run_id, at=at + 1 + 6 * number, number=number, host=host, cpu_ratio=random_.uniform(0.1, 4.0),
                rss_bytes=random_.randrange(10**6, 10**9), lines=10 * number,
            )
        )  # fmt: skip
    for number in range(random_.randrange(1, 4) if fails else 0):
        signal = builders.signal(run_id, at=at + 3 + 5 * number, number=number, host=host, fatal=number == 2)
        traffic.signals.add(signal.id)
        found.append(signal)
    end = builders.finished(
        run_id,
        at=at + 6.0 * samples + 2,
        host=host,
        outcome="failure" if fails else "success",
        name=name,
        started_at=at,
    )
    traffic.runs.add(run_id)
    traffic.finished.add(run_id)
    return [*found, end]
