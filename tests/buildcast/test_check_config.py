"""`buildcast check-config`: all processes' settings, secrets hidden, all faults in one sentence each."""

from __future__ import annotations

import pytest

from buildcast.commands.check_config import check_config, kinds
from streams.errors import ConfigError
from streams.settings import Settings


def _all_kinds(kind: type[Settings] = Settings) -> set[type[Settings]]:
    return {one for each in kind.__subclasses__() for one in {each, *_all_kinds(each)}}


def test_settings_of_every_process_are_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setenv("BUILDCAST_NOTIFY_WEBHOOK_SECRET", "s3cret")
    check_config()
    shown = capsys.readouterr().out
    names = {name for kind in kinds() for name in kind.model_fields}
    assert [name for name in names if f"BUILDCAST_{name.upper()}" not in shown] == []
    assert "s3cret" not in shown
    assert shown.endswith("no fault found\n")


def test_no_settings_class_is_left_out() -> None:
    ours = {kind for kind in _all_kinds() if kind.__module__.split(".")[0] in ("agents", "collectors", "streams")}
    assert {kind.__name__ for kind in ours} - {kind.__name__ for kind in kinds()} == {"ProcessSettings"}


def test_all_faults_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "API_HOST": "0.0.0.0",
        "NOTIFY_QUIET": "late",
        "WORKER_METRICS_PORT": "70000",
    }.items():
        monkeypatch.setenv(f"BUILDCAST_{name}", value)
    with pytest.raises(ConfigError) as told:
        check_config()
    said = str(told.value)
    assert "set BUILDCAST_KAFKA_USER" in said
    assert "worker_metrics_port" in said
    assert "the API needs tokens" in said
    assert "write it as 22:00-07:00" in said
