"""What readers get from the store."""

from __future__ import annotations

from pathlib import Path

from agents.store import queries
from agents.store.database import connect, migrate
from agents.store.rows import writes_of
from agents.store.writer import Item, Writer
from streams import events
from tests import builders


async def test_a_report_holds_forecasts_with_reasons_and_alerts(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/s.db"
    await migrate(url)
    engine = connect(url)
    facts = builders.one_of_each()
    await Writer(engine).write([Item(each.id, writes_of(each)) for each in facts])
    made = next(each for each in facts if isinstance(each, events.ForecastMade))
    report = await queries.report(engine, made.run_id)
    assert report is not None
    (forecast,) = report["forecasts"]
    assert forecast["risk"] == made.risk
    assert forecast["model"] == {"config": made.model.config, "offset": made.model.offset}
    assert report["alerts"][0]["reasons"]
    (impact,) = report["impacts"]
    assert (impact["cause"], impact["delayed"][0]["runs"]) == ("slow", 2)
    assert await queries.last_run_id(engine) == made.run_id
    assert (await queries.runs(engine))[0]["risk"] == made.risk
    assert await queries.report(engine, "unknown") is None
    for ask in (queries.hosts, queries.model_history, queries.training_runs, queries.vulnerabilities, queries.weights,
                queries.findings, queries.audit_trail, queries.calibration, queries.anomalies):  # fmt: skip
        assert isinstance(await ask(engine), list)
    await engine.dispose()


async def test_the_last_run_may_be_one_whose_start_was_never_seen(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/s.db"
    await migrate(url)
    engine = connect(url)
    assert await queries.last_run_id(engine) is None
    known = [builders.started("started", at=builders.T0), builders.finished("ended", at=builders.T0 + 60)]
    await Writer(engine).write([Item(each.id, writes_of(each)) for each in known])
    assert await queries.last_run_id(engine) == "ended"
    await Writer(engine).write([Item("later", writes_of(builders.started("later", at=builders.T0 + 90)))])
    assert await queries.last_run_id(engine) == "later"
    assert [row["run_id"] for row in await queries.runs(engine)][:2] == ["later", "started"]
    await engine.dispose()
