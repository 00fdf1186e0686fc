"""Every question of the API goes by an index, so that a million runs answer as fast as a hundred."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.store.database import connect, migrate
from agents.store.queries import last_run_id, report
from agents.store.queries import runs as newest_runs
from agents.store.reads import Reads, RunFilter

AFTER = (1e9, "x")
FEW = {"SCAN training_runs"}  # some a day, and ordered by whichever of two times is known
QUESTIONS: dict[str, Callable[[Reads], Awaitable[Any]]] = {
    "runs": lambda reads: reads.runs(RunFilter(), 50, AFTER),
    "running": lambda reads: reads.runs(RunFilter(active=True), 50),
    "finished": lambda reads: reads.runs(RunFilter(active=False), 50),
    "of a project": lambda reads: reads.runs(RunFilter(project="p"), 50),
    "run": lambda reads: reads.run("r"),
    "curve": lambda reads: reads.curve("r", 100),
    "last forecast": lambda reads: reads.last_forecast("r"),
    "forecasts since": lambda reads: reads.forecasts_since(1.0, 10),
    "alerts since": lambda reads: reads.alerts_since(1.0, 10),
    "anomalies since": lambda reads: reads.anomalies_since(1.0, 10),
    "resolved": lambda reads: reads.resolved(["a"]),
    "ended": lambda reads: reads.finished(["r"]),
    "steps": lambda reads: reads.steps("r"),
    "signals": lambda reads: reads.signals("r"),
    "similar": lambda reads: reads.similar_failures("p", "n", "r"),
    "outcome": lambda reads: reads.outcome("r"),
    "revisions": lambda reads: reads.revisions("r"),
    "labels": lambda reads: reads.labels(50),
    "alerts": lambda reads: reads.alerts(50, AFTER),
    "alerts of a run": lambda reads: reads.alerts(50, run_id="r"),
    "anomalies": lambda reads: reads.anomalies(50, host="h"),
    "findings": lambda reads: reads.findings(50, AFTER),
    "models": lambda reads: reads.model_history(50),
    "drift": lambda reads: reads.drift(50),
    "weights": lambda reads: reads.weights(),
    "outcomes": lambda reads: reads.outcomes(1.0, 50),
    "audit": lambda reads: reads.audit(50, AFTER),
    "marks": lambda reads: reads.audit(50, actions=["alert-muted"], subjects=["a"]),
    "samples": lambda reads: reads.samples("r"),
    "alert": lambda reads: reads.alert("a"),
    "hosts": lambda reads: reads.hosts(),
    "impacts": lambda reads: reads.impacts(50, AFTER),
    "impacts of a run": lambda reads: reads.impacts(50, run_id="r"),
    "analyses": lambda reads: reads.analyses(50, AFTER),
    "analyses of a project": lambda reads: reads.analyses(50, project="p", name="n"),
    "vulnerabilities": lambda reads: reads.vulnerabilities(50),
    "training": lambda reads: reads.training(50, AFTER),
    "training run": lambda reads: reads.training_run("t"),
    "report of a run": lambda reads: report(reads.engine, "r"),
    "newest": lambda reads: reads.newest_times(),
    "last run": lambda reads: last_run_id(reads.engine),
    "newest runs": lambda reads: newest_runs(reads.engine),
}


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    url = f"sqlite+aiosqlite:///{tmp_path / 'buildcast.sqlite'}"
    await migrate(url)
    engine = connect(url)
    yield engine
    await engine.dispose()


def test_every_question_is_asked_here() -> None:
    asked = {name for each in QUESTIONS.values() for name in each.__code__.co_names}
    assert {name for name in vars(Reads) if not name.startswith("_")} - asked == set()


@pytest.mark.parametrize("question", QUESTIONS)
async def test_no_question_reads_a_whole_table(engine: AsyncEngine, question: str) -> None:
    asked: list[tuple[str, Any]] = []

    @event.listens_for(engine.sync_engine, "before_cursor_execute")
    def _keep(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    await QUESTIONS[question](Reads(engine))
    event.remove(engine.sync_engine, "before_cursor_execute", _keep)
    assert asked
    async with engine.connect() as connection:
        for statement, parameters in asked:
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            scans = [row[3] for row in plan if row[3].startswith("SCAN") and "USING" not in row[3]]
            assert set(scans) <= FEW, statement
