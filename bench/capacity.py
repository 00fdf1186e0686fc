"""What a site of many hosts would need, computed on paper from measured figures, and what gives out first.

Every host builds all day: the worst case. Every event is charged with the processor time of one that is scored.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Limit", "Measured", "Plan", "Site", "limits", "plan"]

_DAY = 86_400.0


@dataclass(frozen=True)
class Site:
    """How a host behaves; sampling is the collectors' own (`collectors/run_facts.py`)."""

    run_seconds: float = 300.0  # a run's duration
    facts_per_run: float = 8.0  # start, steps, signals, end
    run_sample_seconds: float = 5.0
    host_sample_seconds: float = 10.0
    rescore_seconds: float = 5.0
    full: float = 0.6  # share of a core or a database that is planned to be used
    partition_share: float = 0.25  # of a worker that one partition may need, so that partitions can be spread
    replication: int = 3
    broker_bytes: float = 20e6  # bytes a second that a broker is planned for, replicas included (an assumption)

    @property
    def events(self) -> float:
        """Events a second of one host."""
        return 1 / self.run_sample_seconds + 1 / self.host_sample_seconds + self.facts_per_run / self.run_seconds

    @property
    def forecasts(self) -> float:
        """Forecasts a second of one host: routine ones, and one for every fact but the end."""
        return 1 / max(self.rescore_seconds, self.run_sample_seconds) + (self.facts_per_run - 1) / self.run_seconds


@dataclass(frozen=True)
class Measured:
    """Figures of this machine that the plan stands on."""

    event_cpu_us: float  # worker, per event, full members
    examples_per_second: float  # a replica's fold
    sink_rows: float  # a second, MariaDB, batched
    event_bytes: float
    forecast_bytes: float
    example_bytes: float  # opened and finished together
    worker_mib: float


@dataclass(frozen=True)
class Plan:
    """What so many hosts need."""

    hosts: int
    events: float  # a second
    forecasts: float  # a second
    workers: int
    partitions: int
    sinks: int
    brokers: int
    bytes_per_day: float  # into the log, before replication
    rows_per_day: float
    fold_share: float  # of a core, in every worker, to keep its replica current


@dataclass(frozen=True)
class Limit:
    """Something that cannot be divided among more processes, and the hosts at which it is used up."""

    what: str
    hosts: float
    way_out: str


def plan(hosts: int, site: Site, measured: Measured) -> Plan:
    """Processes, bytes and rows for a number of hosts. Workers pay for the fold as well, each for all examples."""
    events, forecasts, runs = hosts * site.events, hosts * site.forecasts, hosts / site.run_seconds
    fold = runs / measured.examples_per_second
    left = max(0.05, site.full - fold)  # of each worker's core for scoring; never less, so that the plan stays finite
    scoring = events * measured.event_cpu_us / 1e6
    workers = max(1, math.ceil(scoring / left))
    volume = events * measured.event_bytes + forecasts * measured.forecast_bytes + runs * measured.example_bytes
    rows = _rows(hosts, site)
    return Plan(
        hosts=hosts,
        events=events,
        forecasts=forecasts,
        workers=workers,
        partitions=max(8, 2 ** math.ceil(math.log2(max(1.0, workers / site.partition_share)))),
        sinks=max(1, math.ceil(rows / (measured.sink_rows * site.full))),
        brokers=max(site.replication, math.ceil(volume * site.replication / site.broker_bytes)),
        bytes_per_day=volume * _DAY,
        rows_per_day=rows * _DAY,
        fold_share=fold,
    )


def limits(site: Site, measured: Measured) -> list[Limit]:
    """What gives out, first things first."""
    rows = _rows(1, site)
    found = [
        Limit(
            "one database's writes",
            measured.sink_rows * site.full / rows,
            "keep fewer forecasts as rows, or a database for each group of hosts",
        ),
        Limit(
            "each replica's fold of every example (one log, one core)",
            measured.examples_per_second * site.full * site.run_seconds,
            "the fast ensemble, or a model for each group of projects",
        ),
        Limit(
            "one partition of examples.v1 (one broker's bytes)",
            site.broker_bytes / site.replication / (measured.example_bytes / site.run_seconds),
            "a model for each group of projects",
        ),
    ]
    return sorted(found, key=lambda each: each.hosts)


def _rows(hosts: float, site: Site) -> float:
    """Rows a second: every forecast, host sample and fact, and an outcome for each run."""
    return hosts * (site.forecasts + 1 / site.host_sample_seconds + (site.facts_per_run + 1) / site.run_seconds)
