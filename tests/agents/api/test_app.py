"""What callers of the API see: answers, pages, tags, errors, and that changes are kept and told."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI

from agents.api.settings import ApiSettings
from streams.events import LabelRevised, TrainingRequested
from streams.journal import Journal
from tests.agents.api import scenes

GETS = (
    "runs", "runs/gcc-live", "runs/gcc-live/forecast", "runs/gcc-live/report", "alerts", "alerts/budget", "labels",
    "feedback", "hosts",
    "hosts/anomalies", "impact", "advice", "findings", "vulnerabilities", "models", "models/calibration", "training",
    "training/training-1", "audit", "status", "report", "health", "ready",
)  # fmt: skip


@pytest.mark.parametrize("path", GETS)
async def test_every_resource_answers_with_json(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(f"/api/v1/{path}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"


async def test_impact_names_who_is_held_up_and_for_how_long(client: httpx.AsyncClient) -> None:
    (item,) = (await client.get("/api/v1/impact?run_id=gcc-live")).json()["items"]
    assert (item["cause"], item["delay_seconds"], item["body"]["delayed"][0]["name"]) == ("failing", 540.0, "glibc")
    assert (await client.get("/api/v1/impact?run_id=old-00")).json()["items"] == []


async def test_advice_tells_what_would_save_time_and_a_run_shows_its_own(client: httpx.AsyncClient) -> None:
    (item,) = (await client.get("/api/v1/advice?project=lfs&name=gcc")).json()["items"]
    assert item["body"]["advice"][0]["change"] == "jobs=8"
    run = (await client.get(f"/api/v1/runs/{item['run_id']}")).json()
    assert run["analysis"]["held_back"][0]["resource"] == "io"
    assert (await client.get("/api/v1/advice?project=none")).json()["items"] == []


async def test_pages_follow_each_other_without_gap_or_repeat(client: httpx.AsyncClient) -> None:
    whole = [row["run_id"] for row in (await client.get("/api/v1/runs?limit=500")).json()["items"]]
    seen, after = [], ""
    while True:
        found = (await client.get("/api/v1/runs", params={"limit": 7, "after": after})).json()
        seen += [row["run_id"] for row in found["items"]]
        if not (after := found["next"]):
            break
    assert seen == whole
    assert len(seen) == 26


async def test_running_runs_carry_their_newest_forecast(client: httpx.AsyncClient) -> None:
    items = (await client.get("/api/v1/runs?state=running")).json()["items"]
    assert {row["run_id"]: row["forecast"]["risk"] for row in items} == {
        "gcc-live": 0.9,
        "glibc-live": pytest.approx(0.07),
    }


async def test_forecast_comes_from_the_database_once_and_from_memory_then(client: httpx.AsyncClient) -> None:
    first = await client.get("/api/v1/runs/gcc-live/forecast")
    second = await client.get("/api/v1/runs/gcc-live/forecast")
    assert (first.json()["served_from"], second.json()["served_from"]) == ("database", "memory")
    assert second.headers["X-Cache"] == "hit"
    cache = (await client.get("/api/v1/status")).json()["forecast_cache"]
    assert (cache["hits"], cache["misses"]) == (1, 1)


async def test_forecast_has_the_keys_of_the_python_api(client: httpx.AsyncClient) -> None:
    found = (await client.get("/api/v1/runs/gcc-live/forecast")).json()
    assert found["overall_risk"] == 0.9
    assert found["risk_level"] == "critical"
    assert set(found["predictions"]) == {"failure_risk", "anomaly_detected", "advanced_prediction"}
    assert found["recommendations"][0].startswith("-j2 instead of -j8: risk -9%")
    only = (await client.get("/api/v1/runs/gcc-live/forecast?kind=failure")).json()
    assert set(only["predictions"]) == {"failure_risk"}


async def test_unchanged_answers_are_not_sent_again(client: httpx.AsyncClient) -> None:
    tag = (await client.get("/api/v1/findings")).headers["ETag"]
    again = await client.get("/api/v1/findings", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "runs/none", None, 404),
        ("GET", "runs/none/forecast", None, 404),
        ("GET", "runs/none/report", None, 404),
        ("GET", "training/none", None, 404),
        ("GET", "nothing", None, 404),
        ("GET", "runs?after=%21", None, 400),
        ("GET", "runs?limit=0", None, 422),
        ("GET", "runs/gcc-live/forecast?kind=fortune", None, 422),
        ("DELETE", "runs", None, 405),
        ("POST", "labels", {"run_id": "x", "verdict": "maybe"}, 422),
        ("POST", "alerts/none/acknowledge", None, 404),
        ("POST", "ensemble", {"features": {"project": "lfs"}}, 503),
        ("POST", "webhooks/github", {}, 503),
    ],
)
async def test_refusals_are_problems_that_say_what_to_do(
    client: httpx.AsyncClient, method: str, path: str, body: object, status: int
) -> None:
    answer = await client.request(method, f"/api/v1/{path}", json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["detail"]
    assert problem["remedy"]


async def test_label_goes_to_the_log_the_database_and_the_audit_trail(
    client: httpx.AsyncClient, settings: ApiSettings
) -> None:
    answer = await client.post("/api/v1/labels", json={"run_id": "old-00", "verdict": "flaky", "note": "net"})
    assert answer.status_code == 202
    (entry,) = [event for _, event in Journal(settings.state / "examples.jsonl").read()]
    assert isinstance(entry, LabelRevised)
    assert (entry.run_id, entry.verdict, entry.principal, entry.time) == ("old-00", "flaky", "local", scenes.NOW)
    (row,) = (await client.get("/api/v1/runs/old-00")).json()["revisions"]
    assert (row["verdict"], row["principal"]) == ("flaky", "local")
    assert (await client.post("/api/v1/labels", json={"run_id": "old-00", "verdict": "success"})).status_code == 202
    rows = {(row["action"], row["before_value"], row["after_value"]): row["principal"]
            for row in (await client.get("/api/v1/audit")).json()["items"]}  # fmt: skip
    assert rows["label-revised", (await client.get("/api/v1/runs/old-00")).json()["outcome"], "flaky"] == "local"
    assert rows["label-revised", "flaky", "success"] == "local"


async def test_training_can_be_asked_for_and_followed(client: httpx.AsyncClient, settings: ApiSettings) -> None:
    asked = await client.post("/api/v1/training", json={"model": "risk"})
    assert asked.status_code == 202
    found = (await client.get(asked.headers["Location"])).json()
    assert (found["status"], found["model"], found["principal"]) == ("requested", "risk", "local")
    (entry,) = [event for _, event in Journal(settings.state / "model-events.jsonl").read()]
    assert isinstance(entry, TrainingRequested)


async def test_alerts_can_be_acknowledged_and_muted(client: httpx.AsyncClient) -> None:
    await client.post("/api/v1/alerts/alert-gcc-live/acknowledge", json={"note": "looking"})
    muted = await client.post("/api/v1/alerts/alert-gcc-live/mute", json={"seconds": 600})
    assert muted.json()["until"] == scenes.NOW + 600
    (alert,) = (await client.get("/api/v1/alerts?state=active")).json()["items"]
    assert alert["acknowledged"]["principal"] == "local"
    assert alert["acknowledged"]["detail"] == {"note": "looking"}
    assert alert["muted"]["detail"]["until"] == scenes.NOW + 600
    assert alert["score"] == "pending"


async def test_alert_budget_weighs_right_against_wrong_ones(client: httpx.AsyncClient) -> None:
    found = (await client.get("/api/v1/alerts/budget?days=30")).json()
    assert (found["right"], found["wrong"], found["pending"], found["precision"]) == (1, 1, 1, 0.5)
    assert (found["balance_minutes"], found["wrong_left"], found["threshold"]) == (15.0, 3, 0.2)
    report = (await client.get("/api/v1/report?days=30")).json()
    assert {"since": found["since"], **report["alert_budget"]} == found


async def test_vulnerabilities_say_what_the_nvd_asks_for(client: httpx.AsyncClient) -> None:
    from collectors.vulnerability import NVD_NOTICE

    assert (await client.get("/api/v1/vulnerabilities")).json()["notice"] == NVD_NOTICE


CHANGES = {
    "training": {"model": "risk"}, "alerts/alert-gcc-live/acknowledge": {}, "alerts/alert-gcc-live/mute": {},
    "labels": {"run_id": "old-00", "verdict": "flaky"}, "feedback": {"run_id": "old-00", "useful": True},
}  # fmt: skip


async def test_every_call_that_changes_anything_stands_in_the_audit_trail(client: httpx.AsyncClient) -> None:
    for path, body in CHANGES.items():
        before = len((await client.get("/api/v1/audit?limit=500")).json()["items"])
        assert (await client.post(f"/api/v1/{path}", json=body)).is_success
        rows = (await client.get("/api/v1/audit?limit=500")).json()["items"]
        assert len(rows) == before + 1, path
    spec = (await client.get("/api/v1/openapi.json")).json()["paths"]
    changing = {path.removeprefix("/api/v1/") for path, methods in spec.items() if "post" in methods}
    known = {path.replace("alert-gcc-live", "{alert_id}") for path in CHANGES}
    assert changing - known == {
        "ensemble",
        "webhooks/{provider}",
    }  # the one changes nothing, the other has its own test


async def test_feedback_stands_in_the_audit_trail(client: httpx.AsyncClient) -> None:
    given = await client.post("/api/v1/feedback", json={"run_id": "gcc-live", "useful": True})
    assert given.status_code == 201
    (row,) = (await client.get("/api/v1/feedback")).json()["items"]
    assert (row["subject"], row["body"]["useful"]) == ("gcc-live", True)


async def test_calibration_counts_what_was_served(client: httpx.AsyncClient) -> None:
    found = (await client.get("/api/v1/models/calibration")).json()
    assert found["runs"] == 24
    assert found["base_rate"] == 0.25
    assert found["coverage"] == {"level": 0.95, "runs": 24, "observed": 1.0, "median_width_seconds": 140.0}
    assert found["log_loss"] < found["log_loss_of_base_rate"]
    assert found["ledger"] is None  # no model is served here


async def test_page_is_served_at_each_of_its_addresses_without_inline_script(client: httpx.AsyncClient) -> None:
    for path in ("/", "/runs/gcc-live", "/hosts", "/alerts", "/models", "/findings"):
        answer = await client.get(path)
        assert answer.status_code == 200
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "<script>" not in answer.text
        assert "style=" not in answer.text
    assert (await client.get("/api/v1/docs")).status_code == 200


async def test_openapi_names_every_operation_with_its_roles_scheme(client: httpx.AsyncClient) -> None:
    spec = (await client.get("/api/v1/openapi.json")).json()
    assert "/api/v1/runs/{run_id}/forecast" in spec["paths"]
    assert "HTTPBearer" in spec["components"]["securitySchemes"]


async def test_live_feed_fills_the_cache_and_tells_listeners(app: FastAPI, engine: object) -> None:
    parts = app.state.services
    async with app.router.lifespan_context(app):
        listener = parts.hub.join()
        chunks = listener.chunks(5.0)
        await parts.feed.poll(parts.take)
        await scenes.store_events(parts.reads.engine, [scenes.forecast("gcc-live", scenes.NOW + 1, 0.95, 200.0)])
        told = b""
        while b'"risk":0.95' not in told:
            told = await anext(chunks)
    assert b"event: forecast" in told
    assert parts.cache.peek("gcc-live").risk == 0.95


async def test_metrics_count_answers_and_hits_of_the_cache(client: httpx.AsyncClient) -> None:
    for _ in range(3):
        await client.get("/api/v1/runs/gcc-live/forecast")
    await client.get("/api/v1/runs/none")
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    lines = dict(line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#"))
    assert lines['buildcast_api_forecast_cache_lookups_total{result="hit"}'] == "2.0"
    assert lines['buildcast_api_forecast_cache_lookups_total{result="miss"}'] == "1.0"
    assert lines['buildcast_api_requests_total{code="200"}'] == "3.0"
    assert lines['buildcast_api_requests_total{code="404"}'] == "1.0"
    assert lines["buildcast_api_request_duration_seconds_count"] == "4.0"
    assert lines["buildcast_api_forecasts_held"] == "1.0"
