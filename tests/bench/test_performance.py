"""The report says what was measured, what was missed and what was not measured at all."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.performance import GOALS, derived, main, report

BYTES = {"event": 500.0, "forecast": 3000.0, "example": 6000.0}
MACHINE = {"cores": 2, "memory_gib": 24.0, "system": "Linux", "architecture": "x86_64", "python": "3.11", "load": 1.5,
           "processor": "a processor"}  # fmt: skip


def row(rate: float, cpu: float = 400.0) -> dict[str, Any]:
    return {"events": 100, "forecasts": 80, "events_per_second": rate, "cpu_us": cpu, "rates": [rate, rate]}


FIGURES: dict[str, Any] = {
    "throughput": {
        "rounds": 2, "missing": {"Quix Streams": "No module named 'quixstreams'"},
        "tasks": {
            "full": {"buildcast worker": row(1800.0), "bare aiokafka loop": row(2000.0), "Bytewax": row(1500.0),
                     "stock Faust agent": row(600.0)},
            "empty": {"buildcast worker": row(30_000.0), "bare aiokafka loop": row(60_000.0)},
        },
        "alone": {"events": 100, "cpu_us": 380.0},
    },
    "latency": [
        {"rate": 500, "sent": 1000, "topic": {"p50": 5.0, "p99": 40.0, "count": 1000.0},
         "row": {"p50": 50.0, "p99": 260.0, "count": 999.0}},
    ],
    "scaling": [
        {"workers": 1, "partitions": 8, "part": 1.0, "events": 100, "events_per_second": 1000.0, "cpu_us": 400.0,
         "shares": [1.0]},
        {"workers": 2, "partitions": 8, "part": 1.0, "events": 100, "events_per_second": 1700.0, "cpu_us": 450.0,
         "shares": [0.5, 0.5]},
        {"workers": 1, "partitions": 8, "part": 0.4, "events": 100, "events_per_second": 500.0, "cpu_us": 400.0,
         "shares": [1.0]},
        {"workers": 2, "partitions": 8, "part": 0.4, "events": 100, "events_per_second": 950.0, "cpu_us": 420.0,
         "shares": [0.5, 0.5]},
    ],
    "replica": {"examples": 1000.0, "from_log_seconds": 0.5, "examples_per_second": 2000.0,
                "from_snapshot_seconds": 1.25, "snapshot_bytes": 2.0**20},
    "restart": {"seconds": 3.0, "slowest_seconds": 4.0},
    "memory": {"events": 1000.0, "filled_runs": 100.0, "waiting_mib": 90.0, "filled_mib": 200.0, "half_mib": 205.0,
               "end_mib": 210.0},
    "sinks": {"MariaDB": {"batched": 6000.0, "row_by_row": 300.0}, "SQLite": {"batched": 9000.0, "row_by_row": 900.0}},
    "hotspots": {"events": 100, "packages": {"models": 0.6, "numpy": 0.4},
                 "functions": [{"function": "models: risk.score", "own": 0.2, "with_callees": 0.5, "calls": 80}]},
}  # fmt: skip


def kept(*names: str) -> dict[str, Any]:
    return {
        name: {"figures": FIGURES[name], "machine": MACHINE, "measured_at": 1_764_000_000.0, "took_seconds": 1.0}
        for name in names or FIGURES
    }


def test_ratios_and_growth_follow_from_the_figures() -> None:
    found = derived(FIGURES)
    assert found["full_to_bytewax"] == pytest.approx(1.2)
    assert found["full_to_bare"] == pytest.approx(0.9)
    assert found["full_to_faust"] == pytest.approx(3.0)
    assert found["empty_to_bare"] == pytest.approx(0.5)
    assert found["two_workers"] == pytest.approx(1.7)
    assert found["two_workers_of_parts"] == pytest.approx(1.9)
    assert found["grown"] == pytest.approx(0.05)
    assert found["row_p99"] == 260.0


def test_every_goal_has_a_figure_where_all_was_measured() -> None:
    asked = {
        "api": {"from_memory": {"p95_ms": 4.0}},
        "queries": {"runs": 1000, "ms": {"runs": [1.0, 2.0, 1.5], "outcomes": [6.0, 8.0, 7.5]}},
    }
    found = derived(FIGURES | asked)
    assert {name for _, name, _, _ in GOALS} - found.keys() == {"empty_to_faust"}
    assert (found["api_p95"], found["query_p95"]) == (4.0, 8.0)


def test_the_report_names_met_missed_and_unmeasured_goals() -> None:
    lines = report(kept(), BYTES).splitlines()
    assert "| full members: events a second against Bytewax | >= 1 | 1.2 | met |" in lines
    assert "| full members: against the bare aiokafka loop | >= 1 | 0.9 | **missed** |" in lines
    assert "| empty scorer: against the stock Faust agent | >= 3 | not measured | |" in lines
    assert "| event to its row in MariaDB at 500/s: p99, ms | <= 250 | 260 | **missed** |" in lines


def test_a_peer_that_is_not_installed_is_named_and_no_figure_stands_for_it() -> None:
    (line,) = [line for line in report(kept(), BYTES).splitlines() if "Quix" in line]
    assert line == "| Quix Streams | | not installed: No module named 'quixstreams' | | | | |"


def test_tables_have_as_many_cells_as_titles() -> None:
    widths: set[int] = set()
    for line in report(kept(), BYTES).splitlines():
        if line.startswith("|"):
            widths.add(line.count("|"))
        elif widths:
            assert len(widths) == 1
            widths.clear()


def test_a_busy_machine_is_said_to_be_busy() -> None:
    busy = {name: one | {"machine": MACHINE | {"load": 12.0}} for name, one in kept().items()}
    assert "did other work meanwhile" in report(busy, BYTES)
    assert "did other work meanwhile" not in report(kept(), BYTES)


def test_without_a_section_its_figures_are_left_out_and_no_capacity_is_made_up() -> None:
    text = report(kept("restart", "sinks"), BYTES)
    assert "## Rows" in text
    assert "Capacity" not in text
    assert "Against peers" not in text


def test_the_command_reads_what_is_kept_and_refuses_an_empty_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "performance.md"
    monkeypatch.setattr(sys, "argv", ["performance", "--from", str(tmp_path), "--to", str(target)])
    with pytest.raises(SystemExit, match="holds no figures"):
        main()
    for name, one in kept().items():
        (tmp_path / f"live-{name}.json").write_text(json.dumps(one))
    main()
    assert "## Capacity, on paper" in target.read_text()
