"""The Python client against the real API over a socket."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from agents.api.app import Extras, create_app
from agents.api.log import JournalLog
from agents.api.settings import ApiSettings
from agents.api.tokens import mint
from agents.ports import free_ports
from agents.store.database import connect, migrate
from buildcast.client import MLEngine
from streams.errors import ConfigError, Rejected, Unavailable
from tests.agents.api import scenes


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, str]]:
    """The address of a served API with its tokens of role write and read."""
    folder = tmp_path_factory.mktemp("served")
    tokens = folder / "tokens.jsonl"
    write, read = mint(tokens, "ann", "write"), mint(tokens, "bob", "read")
    url = f"sqlite+aiosqlite:///{folder / 'buildcast.sqlite'}"
    (port,) = free_ports(1)

    async def run() -> None:
        await migrate(url)
        engine = connect(url)
        await scenes.store_events(engine, scenes.fleet())
        app = create_app(ApiSettings(state=folder, api_tokens=tokens), engine, JournalLog(folder), Extras())
        server.append(uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", timeout_graceful_shutdown=1)))
        await server[0].serve()
        await engine.dispose()

    server: list[uvicorn.Server] = []
    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    while not (server and server[0].started):
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}", write, read
    server[0].should_exit = True
    thread.join(60)


@pytest.fixture
def engine(served: tuple[str, str, str]) -> Iterator[MLEngine]:
    with MLEngine(served[0], served[1]) as engine:
        yield engine


def test_prediction_has_the_keys_of_the_origin_system(engine: MLEngine) -> None:
    found = engine.get_real_time_prediction("gcc-live")
    assert set(found) == {"overall_risk", "risk_level", "predictions", "recommendations"}
    assert set(found["predictions"]) == {"failure_risk", "anomaly_detected", "advanced_prediction"}
    assert (found["overall_risk"], found["risk_level"]) == (0.9, "critical")


def test_one_kind_of_prediction_can_be_asked_for(engine: MLEngine) -> None:
    assert engine.get_real_time_prediction("gcc-live", "anomaly")["predictions"] == {"anomaly_detected": False}


def test_training_is_asked_for_and_followed(engine: MLEngine) -> None:
    asked = engine.trigger_adaptive_training("risk")
    assert asked["status"] == "requested"
    assert engine.training(asked["training_id"])["principal"] == "ann"


def test_runs_come_page_by_page(engine: MLEngine) -> None:
    assert len({run["run_id"] for run in engine.runs(limit=10)}) == 26
    assert [run["run_id"] for run in engine.runs(name="glibc")] == ["glibc-live"]


def test_performance_analysis_says_where_the_time_went(engine: MLEngine) -> None:
    found = engine.get_performance_analysis("gcc-live")
    assert found["stages"] == {"configure": 40.0}
    assert found["recommendations"]


def test_people_can_correct_and_acknowledge(engine: MLEngine) -> None:
    assert engine.revise_label("old-04", "flaky")["principal"] == "ann"
    assert engine.give_feedback("gcc-live", True)["action"] == "feedback"
    assert engine.acknowledge("alert-gcc-live")["action"] == "alert-acknowledged"


def test_health_status_and_report(engine: MLEngine) -> None:
    assert engine.health() == {"status": "ok"}
    assert engine.status()["parts"][0]["part"] == "database"
    assert engine.report(days=3650)["runs"]["success"] == 18


def test_refusals_say_why_and_what_to_do(engine: MLEngine, served: tuple[str, str, str]) -> None:
    with pytest.raises(Rejected, match="no run 'none' is stored; GET /api/v1/runs lists"):
        engine.get_real_time_prediction("none")
    with pytest.raises(Rejected, match="id is empty"):
        engine.forecast("")
    with pytest.raises(ConfigError, match="bob has the role read, this needs write; use a token of role write"):
        MLEngine(served[0], served[2]).trigger_adaptive_training()
    with pytest.raises(ConfigError, match="no valid token"):
        MLEngine(served[0], "wrong").status()


def test_a_server_that_is_away_or_no_address_is_named() -> None:
    with pytest.raises(Unavailable, match=r"no API answers at http://127\.0\.0\.1:9: start it with `buildcast api`"):
        MLEngine("http://127.0.0.1:9", retries=0).health()
    with pytest.raises(ConfigError, match="is no address"):
        MLEngine("nonsense", retries=0).health()


def test_ensemble_without_a_model_is_unavailable_with_a_remedy(engine: MLEngine) -> None:
    with pytest.raises(Unavailable, match="start the API with a state folder or a broker"):
        engine.get_ensemble_prediction({"project": "lfs"})


def test_token_is_not_shown(tmp_path: Path) -> None:
    assert "secret-token" not in repr(MLEngine(token="secret-token"))
