"""`python -m bench.performance`: docs/performance.md of the figures that `bench.live`, `bench.api` and `bench.queries`
kept, missed goals included.

python -m bench.performance [--from .cache/bench] [--to docs/performance.md]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.capacity import Measured, Site, limits, plan
from bench.live.traffic import builds, sizes

__all__ = ["GOALS", "derived", "main", "report"]

Goal = tuple[str, str, str, float]  # what, name of a derived figure, ">=" or "<=", the bound
_OURS = "buildcast worker"
GOALS: tuple[Goal, ...] = (
    ("full members: events a second against Bytewax", "full_to_bytewax", ">=", 1.0),
    ("full members: against the bare aiokafka loop", "full_to_bare", ">=", 1.0),
    ("full members: against the stock Faust agent", "full_to_faust", ">=", 3.0),
    ("empty scorer: against the stock Faust agent", "empty_to_faust", ">=", 3.0),
    ("empty scorer: against the bare aiokafka loop", "empty_to_bare", ">=", 0.6),
    ("event to forecast on the topic at 500/s: p99, ms", "topic_p99", "<=", 50.0),
    ("event to its row in MariaDB at 500/s: p99, ms", "row_p99", "<=", 250.0),
    ("two workers against one, 8 partitions", "two_workers", ">=", 1.8),
    ("the same where each worker has its part of a core", "two_workers_of_parts", ">=", 1.8),
    ("replica ready from its snapshot, s", "snapshot_seconds", "<=", 5.0),
    ("worker's resident memory, MiB (250 MB)", "worker_mib", "<=", 238.4),
    ("worker's memory grown over a million events, once what it remembers is full", "grown", "<=", 0.10),
    ("rows a second into MariaDB, batched", "mariadb_rows", ">=", 5000.0),
    ("rows a second into SQLite, batched", "sqlite_rows", ">=", 5000.0),
    ("the API's forecast from memory, 200/s beside 50 listeners: p95, ms", "api_p95", "<=", 10.0),
    ("the API's slowest question to a database of a million runs: p95, ms", "query_p95", "<=", 50.0),
)
_BUSY = 2.0  # load a core; a section alone keeps broker and contender busy
_HOSTS = (1_000, 10_000, 100_000)
_SECTIONS = ("throughput", "latency", "scaling", "replica", "restart", "memory", "sinks", "hotspots")


def main() -> None:
    """Read what is kept, write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="folder", type=Path, default=Path(".cache/bench"))
    parser.add_argument("--to", type=Path, default=Path("docs/performance.md"))
    given = parser.parse_args()
    kept = {
        name: json.loads(path.read_text())
        for name in _SECTIONS
        if (path := given.folder / f"live-{name}.json").exists()
    }
    asked = {
        name: json.loads(path.read_text())
        for name in ("api", "queries")
        if (path := given.folder / f"{name}.json").exists()
    }
    if not kept:
        raise SystemExit(f"{given.folder} holds no figures: run `python -m bench.live` first")
    given.to.write_text(report(kept, sizes(builds(4000)), asked), encoding="utf-8")
    print(given.to)


def report(kept: Mapping[str, Any], bytes_: Mapping[str, float], asked: Mapping[str, Any] | None = None) -> str:
    """docs/performance.md of sections by name, mean sizes of records in bytes, and what the API was asked."""
    figures = {name: one["figures"] for name, one in kept.items()} | dict(asked or {})
    return "\n".join([*_head(kept), *_goals(derived(figures)), *_sections(figures), *_capacity(figures, bytes_)]) + "\n"


def derived(figures: Mapping[str, Any]) -> dict[str, float]:
    """What the goals speak of, as far as it was measured."""
    found: dict[str, float] = {}
    for task, rows in figures.get("throughput", {}).get("tasks", {}).items():
        own = rows.get(_OURS)
        for short, name in (("bytewax", "Bytewax"), ("bare", "bare aiokafka loop"), ("faust", "stock Faust agent")):
            if own and name in rows:
                found[f"{task}_to_{short}"] = own["events_per_second"] / rows[name]["events_per_second"]
    for row in figures.get("latency", []):
        if row["rate"] == 500:
            found |= {"topic_p99": row["topic"]["p99"], "row_p99": row["row"]["p99"]}
    shapes: dict[bool, dict[tuple[int, int], float]] = {True: {}, False: {}}
    for row in figures.get("scaling", []):
        shapes[row["part"] < 1.0][row["workers"], row["partitions"]] = row["events_per_second"]
    for name, limited in (("two_workers", False), ("two_workers_of_parts", True)):
        if (1, 8) in shapes[limited] and (2, 8) in shapes[limited]:
            found[name] = shapes[limited][2, 8] / shapes[limited][1, 8]
    if "replica" in figures:
        found["snapshot_seconds"] = figures["replica"]["from_snapshot_seconds"]
    if memory := figures.get("memory"):
        found |= {"worker_mib": memory["end_mib"], "grown": memory["end_mib"] / memory["filled_mib"] - 1.0}
    for name, row in figures.get("sinks", {}).items():
        found[f"{name.lower()}_rows"] = row["batched"]
    if "api" in figures:
        found["api_p95"] = figures["api"]["from_memory"]["p95_ms"]
    if "queries" in figures:
        found["query_p95"] = max(high for _, high, _ in figures["queries"]["ms"].values())
    return found


def _head(kept: Mapping[str, Any]) -> Iterator[str]:
    machine = next(iter(kept.values()))["machine"]
    loads = ", ".join(f"{name} {one['machine']['load']:.1f}" for name, one in kept.items())
    day = datetime.fromtimestamp(min(one["measured_at"] for one in kept.values()), UTC).date()
    yield "# Performance, measured"
    yield ""
    yield "Written by `make bench` (`python -m bench.live`, then `python -m bench.performance`)."
    yield ""
    yield (
        f"Machine: {machine['cores']} cores ({machine['processor']}), {machine['memory_gib']:.0f} GiB, "
        f"{machine['system']} {machine['architecture']}, Python {machine['python']}; {day}. Broker, database, traffic "
        f"and all contenders share it. Load when each section ended (its own included): {loads}."
    )
    if max(one["machine"]["load"] for one in kept.values()) > _BUSY * machine["cores"]:
        yield ""
        yield "**The machine did other work meanwhile: rates and delays are worse than these processes' own.**"
    yield ""
    yield (
        "Method: Kafka with one node, topics made anew for each run of a contender, 8 partitions unless told, seeded "
        "builds of 64 hosts on one input topic, so that all see one order and make the same forecasts. Contenders take "
        "turns, each in its own process; the order turns round every other round; rates are medians, from the first "
        "record to the last acknowledged output. Full members: decode, score with reasons, encode, and learn from "
        "finished runs; the peers fold at once what the worker reads back from its log, and its rate counts until it "
        "has. Empty scorer: one constant record an event, transport alone. Processor time is read beside wall time: "
        "it says more where a machine is shared."
    )


def _goals(found: Mapping[str, float]) -> Iterator[str]:
    yield from ("", "## Goals", "", "| goal | wanted | measured | |", "|---|---:|---:|---|")
    for what, name, sign, bound in GOALS:
        value = found.get(name)
        if value is None:
            yield f"| {what} | {sign} {bound:g} | not measured | |"
            continue
        met = value >= bound if sign == ">=" else value <= bound
        yield f"| {what} | {sign} {bound:g} | {_number(value)} | {'met' if met else '**missed**'} |"


def _sections(figures: Mapping[str, Any]) -> Iterator[str]:
    for name, lines in (
        ("throughput", _throughput), ("latency", _latency), ("scaling", _scaling), ("replica", _replica),
        ("restart", _restart), ("memory", _memory), ("sinks", _sinks), ("api", _api), ("queries", _queries),
        ("hotspots", _hotspots),
    ):  # fmt: skip
        if name in figures:
            yield ""
            yield from lines(figures[name])


def _throughput(found: Mapping[str, Any]) -> Iterator[str]:
    yield from ("## Against peers", "")
    yield "| | scorer | events a second | of the bare loop | CPU us an event | forecasts | every round |"
    yield "|---|---|---:|---:|---:|---:|---|"
    for task, rows in found["tasks"].items():
        bare = rows.get("bare aiokafka loop", {}).get("events_per_second")
        for name, row in sorted(rows.items(), key=lambda each: -each[1]["events_per_second"]):
            share = f"{row['events_per_second'] / bare:.2f}" if bare else ""
            rounds = ", ".join(f"{rate:,.0f}" for rate in row["rates"])
            yield (
                f"| {name} | {task} | {row['events_per_second']:,.0f} | {share} | {row['cpu_us']:.0f} | "
                f"{row['forecasts']:,} of {row['events']:,} | {rounds} |"
            )
    for name, why in found["missing"].items():
        yield f"| {name} | | not installed: {why} | | | | |"
    yield ""
    yield f"The scorer alone, without any transport, one event at a time: {found['alone']['cpu_us']:.0f} us an event."


def _latency(rows: list[Mapping[str, Any]]) -> Iterator[str]:
    yield from ("## From an event to its forecast", "")
    yield "Every event calls for a forecast; delays count from when the event was due to be sent, in ms. The first ten"
    yield "seconds of each rate, in which broker, worker and sink have only just started, are sent and not counted."
    yield ""
    yield "| events a second | sent | topic p50 | topic p99 | row p50 | row p99 | answered (topic, row) |"
    yield "|---:|---:|---:|---:|---:|---:|---|"
    for row in rows:
        topic, table = row["topic"], row["row"]
        yield (
            f"| {row['rate']:,} | {row['sent']:,} | {_number(topic['p50'])} | {_number(topic['p99'])} | "
            f"{_number(table['p50'])} | {_number(table['p99'])} | {topic['count']:,.0f}, {table['count']:,.0f} |"
        )


def _scaling(rows: list[Mapping[str, Any]]) -> Iterator[str]:
    yield from ("## Workers and partitions", "")
    yield "| workers | partitions | each may take | events a second | CPU us an event, all workers | share of each |"
    yield "|---:|---:|---|---:|---:|---|"
    for row in rows:
        shares = ", ".join(f"{share:.2f}" for share in row["shares"])
        yield (
            f"| {row['workers']} | {row['partitions']} | {_part(row['part'])} | {row['events_per_second']:,.0f} | "
            f"{row['cpu_us']:.0f} | {shares} |"
        )
    yield ""
    yield "Every worker folds every example, so that processor time an event rises with workers. Broker, traffic and"
    yield "all workers share the machine's cores; where each worker may take a part of a core only, there is room for"
    yield "all, and runs are as long as builds are: 62 events, 61 call for a forecast and the last teaches."


def _part(part: float) -> str:
    return "what there is" if part >= 1.0 else f"{part:.0%} of a core"


def _replica(row: Mapping[str, float]) -> Iterator[str]:
    yield from ("## The model's replica", "")
    yield (
        f"{row['examples']:,.0f} runs (opened and finished) folded from the first record: "
        f"{row['from_log_seconds']:.1f} s, {row['examples_per_second']:,.0f} a second; a million would take "
        f"{1e6 / row['examples_per_second'] / 60:.0f} minutes (computed). From its snapshot of "
        f"{row['snapshot_bytes'] / 2**20:.1f} MiB: {row['from_snapshot_seconds']:.2f} s."
    )


def _restart(row: Mapping[str, float]) -> Iterator[str]:
    yield (
        f"A worker's restart, from the start of its process to the forecast of an event that came meanwhile: "
        f"{row['seconds']:.1f} s (median), {row['slowest_seconds']:.1f} s at most. After a kill the group's session "
        "time-out comes before that."
    )


def _memory(row: Mapping[str, float]) -> Iterator[str]:
    filled, more = f"{row['filled_runs']:,.0f}", f"{row['events']:,.0f}"
    yield (
        f"Resident memory of a worker: {row['waiting_mib']:.0f} MiB while it waits; {row['filled_mib']:.0f} MiB when "
        f"it has learned {filled} runs (the largest of its tables holds 100,000); {row['half_mib']:.0f} MiB after half "
        f"of {more} events more and {row['end_mib']:.0f} MiB after all (runs of 100 events: two are scored and "
        "the last is learned)."
    )


def _sinks(found: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    yield from ("## Rows", "", "| database | batches of 1,000, rows a second | a transaction a record | factor |")
    yield "|---|---:|---:|---:|"
    for name, row in found.items():
        factor = row["batched"] / row["row_by_row"]
        yield f"| {name} | {row['batched']:,.0f} | {row['row_by_row']:,.0f} | {factor:.1f} |"


def _api(found: Mapping[str, Any]) -> Iterator[str]:
    yield from ("## The API", "")
    yield (
        f"`python -m bench.api`: the forecast of a run, {found['rate']} times a second for {found['seconds']:.0f} s, "
        f"beside {found['listeners']} listeners; then once more beside one that does not read. In ms."
    )
    yield from ("", "| | requests | p50 | p95 | p99 |", "|---|---:|---:|---:|---:|")
    for name in ("from_memory", "from_memory_beside_an_idle_listener"):
        row = found[name]
        yield (
            f"| {name.replace('_', ' ')} | {row['requests']:,} | {_number(row['p50_ms'])} | {_number(row['p95_ms'])} "
            f"| {_number(row['p99_ms'])} |"
        )


def _queries(found: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"## Questions to a database of {found['runs']:,} runs", "")
    yield "`python -m bench.queries`, SQLite; the five slowest. In ms."
    yield from ("", "| question | p50 | p95 | processor p95 |", "|---|---:|---:|---:|")
    slowest = sorted(found["ms"].items(), key=lambda item: -item[1][1])[:5]
    for name, (middle, high, worked) in slowest:
        yield f"| {name} | {_number(middle)} | {_number(high)} | {_number(worked)} |"


def _hotspots(found: Mapping[str, Any]) -> Iterator[str]:
    yield from ("## Where the worker's time goes", "")
    yield f"cProfile of its loop's thread over {found['events']:,} events; waiting for the network is left out."
    yield "The profiler makes small functions look dearer than they are."
    yield ""
    yield "Own time by package: " + ", ".join(f"{name} {share:.0%}" for name, share in found["packages"].items()) + "."
    yield from ("", "| function | own time | with what it calls | calls |", "|---|---:|---:|---:|")
    for row in found["functions"]:
        name = row["function"].replace("|", "\\|")
        yield f"| `{name}` | {row['own']:.1%} | {row['with_callees']:.1%} | {row['calls']:,} |"


def _capacity(figures: Mapping[str, Any], bytes_: Mapping[str, float]) -> Iterator[str]:
    worker = figures.get("throughput", {}).get("tasks", {}).get("full", {}).get(_OURS)
    if worker is None or not {"replica", "memory", "sinks"} <= figures.keys():
        return
    site = Site()
    measured = Measured(
        event_cpu_us=worker["cpu_us"],
        examples_per_second=figures["replica"]["examples_per_second"],
        sink_rows=figures["sinks"]["MariaDB"]["batched"],
        event_bytes=bytes_["event"],
        forecast_bytes=bytes_["forecast"],
        example_bytes=bytes_["example"],
        worker_mib=figures["memory"]["end_mib"],
    )
    yield from ("", "## Capacity, on paper", "")
    yield (
        f"Computed by the command from the figures above, not measured. Every host builds all day, one run of "
        f"{site.run_seconds:.0f} s after the other: {site.events:.2f} events and {site.forecasts:.2f} forecasts a "
        f"second and host, at {measured.event_cpu_us:.0f} us an event, {measured.event_bytes:.0f} bytes an event, "
        f"{measured.forecast_bytes:.0f} a forecast, {measured.example_bytes:.0f} a run in examples.v1. Cores and "
        f"databases are filled to {site.full:.0%}; replication {site.replication}; a broker is planned for "
        f"{site.broker_bytes / 1e6:.0f} MB/s (an assumption, not measured)."
    )
    yield ""
    titles = ("hosts", "events/s", "forecasts/s", "workers", "of each worker for the fold", "GiB of workers",
              "partitions", "databases with a sink", "brokers", "GB a day, one copy", "million rows a day")  # fmt: skip
    yield f"| {' | '.join(titles)} |"
    yield f"|{'---:|' * len(titles)}"
    for hosts in _HOSTS:
        one = plan(hosts, site, measured)
        yield (
            f"| {hosts:,} | {one.events:,.0f} | {one.forecasts:,.0f} | {one.workers:,} | {one.fold_share:.0%} | "
            f"{one.workers * measured.worker_mib / 1024:.1f} | {one.partitions:,} | {one.sinks} | {one.brokers} | "
            f"{one.bytes_per_day / 1e9:,.0f} | {one.rows_per_day / 1e6:,.1f} |"
        )
    yield from ("", "What gives out first, and the way out:", "")
    for number, limit in enumerate(limits(site, measured), 1):
        yield f"{number}. about {limit.hosts:,.0f} hosts: {limit.what}. Way out: {limit.way_out}."


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    main()
