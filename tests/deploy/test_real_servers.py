"""Debian's Prometheus and Alertmanager, really run: every panel gets data, every alert gets where it belongs."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, start_http_server

from agents.metrics import METRICS, Metric, Metrics, create
from agents.ports import free_ports, wait_until_answers
from tests.deploy.places import DEPLOY

pytestmark = pytest.mark.prometheus

_LABELS = {
    "model": ("ensemble", "prior"),
    "level": ("0.95",),
    "result": ("success", "failure"),
    "verdict": ("raised",),
    "topic": ("build-events.v1",),
}


@contextmanager
def running(program: str, port: int, *arguments: str) -> Iterator[None]:
    command = shutil.which(program)
    if command is None:
        pytest.skip(f"install Debian's {program}")
    with subprocess.Popen([command, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            assert wait_until_answers(port, server, 120), f"{program} did not start"
            yield
        finally:
            server.terminate()
            server.wait(120)


def _until(true: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.25)
    return False


def asked() -> list[tuple[str, str]]:
    boards = sorted((DEPLOY / "grafana/dashboards").glob("*.json"))
    return [
        (f"{path.stem}: {panel['title']}", target["expr"].replace("$__rate_interval", "1m"))
        for path in boards
        for panel in json.loads(path.read_text())["panels"]
        for target in panel.get("targets", [])
    ]


def _touch(metrics: Metrics, metric: Metric) -> None:
    """A value for every label that the rules and dashboards ask for."""
    choices = [_LABELS.get(label, ("x",)) for label in metric.labels]
    for number in range(max((len(choice) for choice in choices), default=1)):
        values = [choice[number % len(choice)] for choice in choices]
        labels = dict(zip(metric.labels, values, strict=True))
        match metric.kind:
            case "counter":
                metrics.count(metric.name, 1.0, **labels)
            case "gauge":
                metrics.set(metric.name, 1.0, **labels)
            case "histogram":
                metrics.observe(metric.name, 0.5, **labels)


def query(port: int, expression: str) -> list[Any]:
    query = urllib.parse.urlencode({"query": expression})
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query?{query}", timeout=5) as answer:
            result: list[Any] = json.load(answer)["data"]["result"]
    except urllib.error.HTTPError as error:
        if error.code == 503:  # it listens before it has read its storage
            return []
        raise
    return result


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="install Debian's prometheus")
def test_every_panel_is_answered_with_data_by_a_real_prometheus(tmp_path: Path) -> None:
    """The processes' whole metric table is served, scraped with our rules, and every panel's query asked."""
    registry = CollectorRegistry()
    metrics = create(registry)
    server, thread = start_http_server(0, addr="127.0.0.1", registry=registry)
    (port,) = free_ports(1)
    target = f"127.0.0.1:{server.server_port}"
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(DEPLOY / "prometheus/rules/*.yml")],
        "scrape_configs": [{"job_name": j, "static_configs": [{"targets": [target]}]} for j in ("worker", "sink")],
    }
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    arguments = [f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data"]
    # What the API serves is asked of a running one: test_watched_system.py.
    unanswered = [(title, expression) for title, expression in asked() if "buildcast_api_" not in expression]

    def all_answered() -> bool:
        for metric in METRICS:
            _touch(metrics, metric)
        unanswered[:] = [(title, asked) for title, asked in unanswered if not query(port, asked)]
        return not unanswered

    try:
        with running("prometheus", port, *arguments, f"--web.listen-address=127.0.0.1:{port}"):
            assert _until(all_answered, 240), f"no data for {unanswered}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def _receiver() -> Iterator[tuple[int, list[tuple[str, str, dict[str, Any]]]]]:
    got: list[tuple[str, str, dict[str, Any]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            got.append((self.path, self.headers.get("Authorization", ""), body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1], got
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _quick(config: str, receiver: int, token: Path) -> str:
    """The committed configuration with our receiver's address and without its waits."""
    text = config.replace("alert-receiver:8080", f"127.0.0.1:{receiver}")
    text = text.replace("/run/secrets/alert_receiver_token", str(token))
    return text.replace("group_wait: 30s", "group_wait: 1s").replace("group_wait: 10s", "group_wait: 1s")


@pytest.mark.skipif(shutil.which("prometheus-alertmanager") is None, reason="install Debian's prometheus-alertmanager")
def test_a_real_alertmanager_posts_alerts_to_whom_they_concern(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hush")
    (port,) = free_ports(1)
    alerts = [
        {"labels": {"alertname": "BuildcastProcessDown", "severity": "critical", "part": "worker", "instance": "w1"}},
        {"labels": {"alertname": "BuildcastEventsLate", "severity": "warning", "part": "worker", "instance": "w1"}},
        {"labels": {"alertname": "BuildcastDrift", "severity": "warning", "part": "models", "detector": "adwin"}},
    ]
    with _receiver() as (receiver, got):
        text = _quick((DEPLOY / "alertmanager/alertmanager.yml").read_text(), receiver, tmp_path / "token")
        (tmp_path / "alertmanager.yml").write_text(text)
        arguments = [f"--config.file={tmp_path}/alertmanager.yml", f"--storage.path={tmp_path}/data"]
        arguments += [f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]
        with running("prometheus-alertmanager", port, *arguments):
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}/api/v2/alerts",
                json.dumps(alerts).encode(),
                {"Content-Type": "application/json"},
            )
            urllib.request.urlopen(request, timeout=5).close()
            assert _until(lambda: len(got) >= 3, 120), got
            time.sleep(1.5)  # long enough for what must not come
    heard = sorted((body["receiver"], body["alerts"][0]["labels"]["alertname"]) for _, _, body in got)
    down, drift = "BuildcastProcessDown", "BuildcastDrift"
    assert heard == [("modellers", drift), ("on-call", down), ("team", down)]  # lag is explained by the worker's death
    assert {authorization for _, authorization, _ in got} == {"Bearer hush"}
