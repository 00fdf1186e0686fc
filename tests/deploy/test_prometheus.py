"""Rules and routes: asked of promtool and amtool, and held to the metrics that the processes really serve."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.deploy.places import DEPLOY, exported_names, metric_names, recorded_names, rules

needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="install Debian's prometheus")
needs_amtool = pytest.mark.skipif(shutil.which("amtool") is None, reason="install Debian's prometheus-alertmanager")


def _told(*command: str | Path) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.prometheus
@needs_promtool
def test_configuration_and_rules_are_valid(tmp_path: Path) -> None:
    text = (DEPLOY / "prometheus/prometheus.yml").read_text().replace("rules/*.yml", f"{DEPLOY}/prometheus/rules/*.yml")
    for secret in re.findall(r"/run/secrets/(\w+)", text):
        (tmp_path / secret).touch()
    (tmp_path / "prometheus.yml").write_text(text.replace("/run/secrets", str(tmp_path)))
    _told("promtool", "check", "config", tmp_path / "prometheus.yml")
    _told("promtool", "check", "rules", *sorted((DEPLOY / "prometheus/rules").glob("*.yml")))


@pytest.mark.prometheus
@needs_promtool
def test_alerts_fire_and_keep_quiet_as_they_should() -> None:
    assert "SUCCESS" in _told("promtool", "test", "rules", DEPLOY / "prometheus/tests/alerts_test.yml")


def test_every_alert_is_proven_by_a_unit_test() -> None:
    document = yaml.safe_load((DEPLOY / "prometheus/tests/alerts_test.yml").read_text())
    proven = {
        asked["alertname"] for test in document["tests"] for asked in test["alert_rule_test"] if asked["exp_alerts"]
    }
    assert proven == {rule["alert"] for rule in rules("alerts")}


def test_every_metric_of_the_rules_is_served_or_recorded() -> None:
    known = exported_names() | recorded_names()
    for rule in rules("recording") + rules("alerts"):
        assert metric_names(rule["expr"]) <= known, rule


def test_every_alert_says_how_bad_where_and_what_to_do() -> None:
    for rule in rules("alerts"):
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["labels"]["part"]
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["action"]


@pytest.mark.prometheus
@needs_amtool
@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        (("severity=critical", "part=worker"), "on-call,team"),
        (("severity=critical", "part=host"), "on-call,hosts"),
        (("severity=warning", "part=models"), "modellers"),
        (("severity=warning", "part=labels"), "modellers"),
        (("severity=warning", "part=collector"), "hosts"),
        (("severity=warning", "part=vulnerabilities"), "hosts"),
        (("severity=warning", "part=stream"), "team"),
    ],
)
def test_alerts_reach_whom_they_concern(labels: tuple[str, ...], receivers: str) -> None:
    file = DEPLOY / "alertmanager/alertmanager.yml"
    assert _told("amtool", "config", "routes", "test", f"--config.file={file}", *labels).strip() == receivers


@pytest.mark.prometheus
@needs_amtool
def test_alertmanagers_configuration_is_valid() -> None:
    assert "SUCCESS" in _told("amtool", "check-config", DEPLOY / "alertmanager/alertmanager.yml")
