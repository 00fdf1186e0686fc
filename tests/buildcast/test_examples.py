"""The example scripts, run as a reader would run them."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from agents.admin import create_topics
from agents.notify.channels import signature
from agents.ports import free_ports
from streams.events import AlertRaised, AlertResolved
from tests import builders
from tests.agents.api import scenes
from tests.agents.api.browser import Served
from tests.integration.processes import send, until

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    served = Served(tmp_path_factory.mktemp("examples"), free_ports(1)[0])
    served.store(scenes.fleet(time.time()))
    served.start()
    yield served.address
    served.stop()


def _run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments], cwd=EXAMPLES.parent, capture_output=True, text=True, timeout=60
    )


def _shell(line: str, output: Path) -> subprocess.Popen[bytes]:
    """A line of the docs, in a group of its own."""
    with output.open("wb") as out:
        return subprocess.Popen(["bash", "-c", line], stdout=out, start_new_session=True)


def _load(name: str) -> ModuleType:
    spec = spec_from_file_location(name.removesuffix(".py"), EXAMPLES / name)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_predict_prints_risk_time_left_and_advice(address: str) -> None:
    found = _run("predict.py", address, "gcc-live")
    assert found.returncode == 0, found.stderr
    assert found.stdout.splitlines()[0] == "gcc-live: 90% (critical)"
    assert "s left, 95 %" in found.stdout
    assert "- -j2 instead of -j8: risk -9%" in found.stdout


@pytest.mark.parametrize(("run", "code"), [("gcc-live", 1), ("glibc-live", 0), ("unknown", 0)])
def test_gate_stops_a_pipeline_only_at_a_known_high_risk(address: str, run: str, code: int) -> None:
    assert _load("gate.py").main(address, run) == code


def test_webhook_receiver_takes_what_is_signed_and_fresh() -> None:
    is_ours = _load("receive_webhook.py").is_ours
    headers = {
        "webhook-id": "n-1",
        "webhook-timestamp": "1000",
        "webhook-signature": signature("s", "n-1", "1000", b"x"),
    }
    assert is_ours(headers, b"x", "s", 1_010.0)
    assert not is_ours(headers, b"y", "s", 1_010.0)
    assert not is_ours(headers, b"x", "other", 1_010.0)
    assert not is_ours(headers, b"x", "s", 9_999.0)
    assert not is_ours({}, b"x", "s", 0.0)


@pytest.mark.kafka
async def test_plain_consumer_prints_alerts(broker: str) -> None:
    from agents.api.log import KafkaLog

    await create_topics(broker)
    log = KafkaLog(broker)
    (alert,) = (event for event in builders.one_of_each() if isinstance(event, AlertRaised))
    await log.append(alert)
    await log.close()
    found = _run("consume_alerts.py", broker, "1")
    assert " is at " in found.stdout  # other tests of the session may have raised theirs before


@pytest.mark.kafka
@pytest.mark.skipif(not shutil.which("kcat") or not shutil.which("jq"), reason="install kcat and jq")
async def test_the_line_for_kcat_prints_what_is_raised_from_now_on(broker: str, tmp_path: Path) -> None:
    page = (EXAMPLES.parent / "docs/api.md").read_text(encoding="utf-8")
    line = re.search(r"^    (kcat .*\n .*)$", page, re.MULTILINE)
    assert line is not None
    await create_topics(broker)
    raised, resolved = (next(one for one in builders.one_of_each() if isinstance(one, kind))
                        for kind in (AlertRaised, AlertResolved))  # fmt: skip
    reader = _shell(line[1].replace("BOOTSTRAP", broker), tmp_path / "out")

    async def printed() -> str:
        assert reader.poll() is None
        await send(broker, [resolved, raised])  # again until the reader has found the topic's end
        return (tmp_path / "out").read_text()

    try:
        said = await until(printed)
    finally:
        os.killpg(reader.pid, signal.SIGTERM)
        reader.wait(30)
    first, _ = json.JSONDecoder().raw_decode(said)
    assert (first["name"], first["risk"]) == (raised.name, raised.risk)
    assert first["reasons"][0]["text"] == raised.reasons[0].text
    assert '"name": null' not in said
