"""Settings, metrics and the watchdog of the long-running processes."""

from __future__ import annotations

from pathlib import Path
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry

from agents.metrics import METRICS, create, serve
from agents.settings import SinkSettings, WorkerSettings
from agents.watchdog import Watchdog
from agents.worker import run_worker
from streams.errors import ConfigError, Unavailable
from streams.settings import load


def test_a_wrong_setting_is_one_sentence_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILDCAST_ALERT_AT", "7")
    with pytest.raises(ConfigError, match="alert_at"):
        load(WorkerSettings)


def test_the_environment_wins_over_the_file_and_secrets_do_not_print(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "b.toml").write_text('snapshot_seconds = 9.0\nbatch_records = 7\nsnapshot_key = "hush"\n')
    monkeypatch.setenv("BUILDCAST_CONFIG", str(tmp_path / "b.toml"))
    monkeypatch.setenv("BUILDCAST_BATCH_RECORDS", "8")
    settings = load(WorkerSettings)
    assert (settings.snapshot_seconds, settings.batch_records) == (9.0, 8)
    assert "hush" not in repr(settings)


def test_the_sink_keeps_to_the_state_folder_by_default(tmp_path: Path) -> None:
    assert SinkSettings(state=tmp_path).database_url == f"sqlite+aiosqlite:///{tmp_path}/buildcast.sqlite"


def test_a_worker_without_a_broker_says_so_before_anything_else(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no Kafka broker answers"):
        run_worker(WorkerSettings(bootstrap="127.0.0.1:1", state=tmp_path))


def test_every_metric_is_served_under_its_declared_name() -> None:
    registry = CollectorRegistry()
    metrics = create(registry)
    metrics.count("buildcast_events_consumed", topic="build-events.v1")
    metrics.set("buildcast_labels_pending", 3)
    assert registry.get_sample_value("buildcast_events_consumed_total", {"topic": "build-events.v1"}) == 1.0
    port = serve(registry, 0)
    with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    assert all(metric.name in text for metric in METRICS)
    with pytest.raises(ConfigError, match="another port"):
        serve(CollectorRegistry(), port)


def test_the_watchdog_names_what_stands_still() -> None:
    now = [0.0]
    dog = Watchdog(10.0, clock=lambda: now[0])
    dog.beat("drain")
    dog.beat("batch")
    now[0] = 8.0
    dog.beat("drain")
    assert dog.check() is None
    now[0] = 11.0
    assert dog.check() == "batch"
    dog.disarm("batch")
    assert dog.check() is None


def test_one_long_step_is_excused_for_all_that_it_holds_up() -> None:
    now = [0.0]
    dog = Watchdog(10.0, clock=lambda: now[0])
    dog.beat("drain")
    dog.beat("batch")
    dog.disarm("batch")
    now[0] = 9.0
    dog.excuse()
    now[0] = 18.0
    assert dog.check() is None
    now[0] = 20.0
    assert dog.check() == "drain"
