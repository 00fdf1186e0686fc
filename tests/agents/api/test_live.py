"""The API with what a process lends it: a real model, a webhook receiver, the broker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.api.app import Extras, create_app
from agents.api.log import JournalLog, KafkaLog
from agents.api.replica import FollowedReplica, journal_forecaster
from agents.api.settings import ApiSettings
from models.forecaster import Forecaster
from streams import events
from streams.errors import InvalidEvent, Rejected, Unavailable
from streams.journal import Journal
from tests import builders
from tests.agents.api import scenes
from tests.models.histories import recorded


def _client(settings: ApiSettings, engine: AsyncEngine, extras: Extras) -> httpx.AsyncClient:
    app = create_app(settings, engine, JournalLog(settings.state), extras)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1")


def _example(number: int, outcome: events.Outcome) -> list[events.Event]:
    run = builders.run(f"r-{number}")
    base = {"source": "/core", "host": "host-1"}
    at = builders.T0 + number * 600
    return [
        events.RunOpened(id=f"o-{number}", time=at, run=run, **base),
        events.ExampleRecorded(
            id=f"x-{number}", time=at + 60, run=run, outcome=outcome, started_at=at, seconds=60.0, **base
        ),
    ]


async def test_calibration_tells_the_ledger_by_model_package_and_host(tmp_path: Path, engine: AsyncEngine) -> None:
    journal = Journal(tmp_path / "examples.jsonl")
    journal.append(recorded(20))
    model = journal_forecaster(journal.path, Forecaster)
    async with _client(ApiSettings(state=tmp_path), engine, Extras(forecaster=model)) as client:
        ledger = (await client.get("/api/v1/models/calibration")).json()["ledger"]
    assert ledger["all"]["labels"] == ledger["model"]["default"]["labels"] == ledger["host"]["h1"]["labels"] == 20
    assert sum(one["labels"] for one in ledger["package"].values()) == 20
    assert ledger["all"]["log_loss.ewma5"] > 0.0


async def test_ensemble_answers_from_what_the_journal_holds(tmp_path: Path, engine: AsyncEngine) -> None:
    journal = Journal(tmp_path / "examples.jsonl")
    journal.append(_example(1, "failure"))
    model = journal_forecaster(journal.path, Forecaster)
    settings = ApiSettings(state=tmp_path)
    async with _client(settings, engine, Extras(forecaster=model, clock=lambda: scenes.NOW)) as client:
        features = {"project": "lfs", "name": "gcc-pass1", "branch": "main", "parallelism": 4, "odd": 1.5}
        first = (await client.post("/api/v1/ensemble", json={"features": features})).json()
        for number in range(2, 8):
            journal.append(_example(number, "failure"))
        later = (await client.post("/api/v1/ensemble", json={"features": features})).json()
        assert (await client.get("/api/v1/models")).json()["present"] == later["model"]
        refused = await client.post("/api/v1/ensemble", json={"features": {"colour": "red"}})
    assert first["model_count"] == len(first["individual_predictions"]) >= 3
    assert (first["model"]["offset"], later["model"]["offset"]) == (2, 14)
    assert later["ensemble_prediction"] > first["ensemble_prediction"]
    assert refused.status_code == 422
    assert "so it must be a number" in refused.json()["detail"]


def _receive(provider: str, headers: Mapping[str, str], body: bytes) -> Sequence[events.Event]:
    match provider:
        case "forged":
            raise Rejected("the signature does not match")
        case "broken":
            raise InvalidEvent("bad-json", "no JSON")
        case "large":
            raise InvalidEvent("too-large", "the body is larger than a megabyte")
        case "away":
            raise Unavailable("the spool is full")
    return [builders.started("hooked")] if headers["content-type"] == "application/json" and body else []


@pytest.mark.parametrize(
    ("provider", "status"), [("github", 202), ("forged", 401), ("large", 413), ("broken", 422), ("away", 503)]
)
async def test_webhooks_are_kept_or_refused_by_their_receiver(
    tmp_path: Path, engine: AsyncEngine, provider: str, status: int
) -> None:
    async with _client(ApiSettings(state=tmp_path), engine, Extras(receive=_receive)) as client:
        answer = await client.post(f"/api/v1/webhooks/{provider}", json={"action": "completed"})
        assert answer.status_code == status
        if status == 202:
            (kept,) = [event for _, event in Journal(tmp_path / "build-events.jsonl").read()]
            assert kept == builders.started("hooked")
            row = (await client.get("/api/v1/audit")).json()["items"][0]
            assert (row["principal"], row["action"]) == ("webhook:github", "webhook-taken")


async def test_a_webhook_is_kept_on_this_host_where_it_lends_a_spool(tmp_path: Path, engine: AsyncEngine) -> None:
    kept: list[events.Event] = []
    async with _client(ApiSettings(state=tmp_path), engine, Extras(receive=_receive, keep=kept.append)) as client:
        assert (await client.post("/api/v1/webhooks/github", json={"action": "completed"})).status_code == 202
    assert kept == [builders.started("hooked")]
    assert not (tmp_path / "build-events.jsonl").exists()


async def test_a_spool_that_takes_nothing_is_503(tmp_path: Path, engine: AsyncEngine) -> None:
    def full(event: events.Event) -> None:
        raise Unavailable("no space left", 5.0)

    async with _client(ApiSettings(state=tmp_path), engine, Extras(receive=_receive, keep=full)) as client:
        answer = await client.post("/api/v1/webhooks/github", json={"action": "completed"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


async def test_log_that_cannot_be_written_is_503(tmp_path: Path, engine: AsyncEngine) -> None:
    (tmp_path / "examples.jsonl").mkdir()
    async with _client(ApiSettings(state=tmp_path), engine, Extras()) as client:
        answer = await client.post("/api/v1/labels", json={"run_id": "old-00", "verdict": "flaky"})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"


async def test_broker_that_is_away_is_unavailable() -> None:
    log = KafkaLog("127.0.0.1:9", deadline_seconds=0.2)
    with pytest.raises(Unavailable, match="no Kafka broker answers"):
        await log.append(builders.started())
    await log.close()


@pytest.mark.kafka
async def test_live_messages_labels_and_model_go_by_the_broker(
    tmp_path: Path, engine: AsyncEngine, broker: str
) -> None:
    from agents.admin import create_topics

    await create_topics(broker)
    replica = FollowedReplica(broker, tmp_path)
    replica.start()
    log = KafkaLog(broker)
    settings = ApiSettings(state=tmp_path, bootstrap=broker)
    app = create_app(settings, engine, log, Extras(forecaster=replica.forecaster))
    parts = app.state.services
    async with app.router.lifespan_context(app):
        chunks = parts.hub.join().chunks(0.2)
        told = b""
        number = 0
        while b"event: forecast" not in told:  # the feed begins at the end of the log
            number += 1
            await log.append(scenes.forecast("gcc-live", time.time(), 0.5, float(number)))
            told = await anext(chunks)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            found = (await client.get("/api/v1/runs/gcc-live/forecast")).json()
            before = replica.forecaster().offset
            await client.post("/api/v1/labels", json={"run_id": "gcc-live", "verdict": "flaky"})
        async with asyncio.timeout(120):
            while replica.forecaster().offset == before:  # noqa: ASYNC110 -- another task folds it
                await asyncio.sleep(0.02)
    await replica.stop()
    assert (found["served_from"], found["risk"]) == ("memory", 0.5)
