"""The committed Prometheus configuration watches a running system: all is scraped, and panels have data."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import yaml

from agents.outbox import Record
from agents.ports import free_ports, wait_until_answers
from buildcast import endpoints
from buildcast.endpoints import Endpoints
from buildcast.system import stop
from streams import events
from tests import builders
from tests.deploy.places import DEPLOY
from tests.deploy.test_real_servers import asked, query, running
from tests.integration.processes import send, until
from tests.integration.test_worker import failing
from tests.models.histories import build_events

pytestmark = [pytest.mark.prometheus, pytest.mark.kafka]
_START = (
    "import pathlib, sys; from buildcast.system import start; "
    "start(pathlib.Path(sys.argv[1]), print, ('worker', 'sink', 'trainer'))"
)


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    if shutil.which("openssl") is None or shutil.which("prometheus") is None:
        pytest.skip("install openssl and Debian's prometheus")
    subprocess.run([DEPLOY / "make-secrets.sh", tmp_path / "secrets"], check=True, capture_output=True)
    return tmp_path / "secrets"


@pytest.fixture
def system(tmp_path: Path) -> Iterator[Endpoints]:
    """Broker, worker, sink and trainer as `buildcast up` starts them."""
    fast = {"BUILDCAST_SNAPSHOT_SECONDS": "0.5", "BUILDCAST_COMMIT_INTERVAL_SECONDS": "0.5"}
    subprocess.run([sys.executable, "-c", _START, str(tmp_path)], check=True, timeout=300, env=os.environ | fast)
    found = endpoints.read(tmp_path)
    assert found is not None
    yield found
    stop(tmp_path)


@contextmanager
def _api(system: Endpoints, state: Path, secrets: Path) -> Iterator[int]:
    """The API as the containers run it: TLS, and a token from everybody."""
    (port,) = free_ports(1)
    given = {
        "PORT": str(port), "TOKENS": str(secrets / "api_tokens.jsonl"),
        "TLS_CERTIFICATE": str(secrets / "api_tls.pem"), "TLS_KEY": str(secrets / "api_tls.key"),
    }  # fmt: skip
    environment = {f"BUILDCAST_API_{name}": value for name, value in given.items()}
    environment |= {"BUILDCAST_BOOTSTRAP": system.bootstrap, "BUILDCAST_DATABASE": system.database}
    command = [sys.executable, "-m", "buildcast", "api", "--state", str(state)]
    with subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.DEVNULL) as process:
        try:
            assert wait_until_answers(port, process, 120), "the API did not start"
            yield port
        finally:
            process.terminate()


def _watching(ports: dict[str, int], secrets: Path) -> str:
    """The committed configuration with this machine's ports for the containers' names, and less patience."""
    config: dict[str, Any] = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
    jobs = [job for job in config["scrape_configs"] if "dns_sd_configs" in job]
    assert {job["job_name"] for job in jobs} == set(ports)
    for job in jobs:
        del job["dns_sd_configs"]
        job["static_configs"] = [{"targets": [f"127.0.0.1:{ports[job['job_name']]}"]}]
    times = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    text = yaml.safe_dump(
        {"global": times, "rule_files": [str(DEPLOY / "prometheus/rules/*.yml")], "scrape_configs": jobs}
    )
    text = text.replace("/run/secrets/api_tls_certificate", str(secrets / "api_tls.pem"))
    return text.replace("/run/secrets/", f"{secrets}/")


def _happenings() -> list[events.Event | Record]:
    """Builds that end well and badly, one in danger, an odd host, drift, a training, and what is no event."""
    dice, host = random.Random(1), "host-9"
    calm = [
        events.HostSampled(id=f"h-{n}", source=f"/hosts/{host}", time=builders.T0 + 60.0 * n, host=host,
                           metrics={"system.cpu.utilization": 0.3 + dice.gauss(0.0, 0.03) if n < 400 else 0.97})
        for n in range(401)
    ]  # fmt: skip
    lifecycle = (events.DriftDetected,)
    return [
        *build_events(150), *failing("ended"), builders.finished("ended", outcome="failure", error_class="compile"),
        *failing("in-danger"), *calm, *(one for one in builders.one_of_each() if isinstance(one, lifecycle)),
        Record("build-events.v1", b"host-1", b"no event", []),
    ]  # fmt: skip


async def test_every_process_is_scraped_and_panels_have_data_of_the_running_system(
    secrets: Path, system: Endpoints, tmp_path: Path
) -> None:
    with _api(system, tmp_path, secrets) as api:
        ports = {part: urlsplit(address).port or 0 for part, address in system.metrics.items()} | {"api": api}
        (tmp_path / "prometheus.yml").write_text(_watching(ports, secrets))
        (port,) = free_ports(1)
        arguments = [f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
                     f"--web.listen-address=127.0.0.1:{port}"]  # fmt: skip
        with running("prometheus", port, *arguments):
            await send(system.bootstrap, _happenings())

            async def all_up() -> bool:
                found = await asyncio.to_thread(query, port, "up")
                return {one["metric"]["job"]: one["value"][1] for one in found} == dict.fromkeys(ports, "1")

            await until(all_up)
            unanswered = dict(asked())

            numbers = count()

            async def all_answered() -> bool:
                run = f"later-{next(numbers)}"  # what counts growth needs some after the first look
                await send(system.bootstrap, [*failing(run), builders.finished(run, outcome="failure")])
                for title, expression in list(unanswered.items()):
                    if await asyncio.to_thread(query, port, expression):
                        del unanswered[title]
                return not unanswered

            await until(all_answered)
            address, trusted = f"https://127.0.0.1:{api}/metrics", str(secrets / "api_tls.pem")
            without_token = await asyncio.to_thread(requests.get, address, verify=trusted, timeout=60)
            assert without_token.status_code == 401
