"""The system of one machine: what `up` starts is there, niced where it should be, told of, and gone after `down`."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import requests

from buildcast import endpoints
from buildcast.health import examine
from buildcast.system import PARTS, WITHOUT_TRAINING, stop

_START = (
    "import pathlib, sys; from buildcast.system import start; start(pathlib.Path(sys.argv[1]), print, ('trainer',))"
)
_HASTY = f"import buildcast.system; buildcast.system._READY_SECONDS = 0.0; {_START}"  # waits for no part


def test_a_build_alone_goes_without_a_trainer() -> None:
    assert set(PARTS) - set(WITHOUT_TRAINING) == {"trainer"}


@pytest.mark.kafka
def test_the_trainer_is_started_niced_watched_and_stopped(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-c", _START, str(tmp_path)], check=True, timeout=90
    )  # ends, and leaves them running
    found = endpoints.read(tmp_path)
    assert found is not None
    pid = found.pids["trainer"]
    try:
        assert psutil.Process(pid).nice() >= 10
        served = requests.get(found.metrics["trainer"], timeout=5).text
        assert "buildcast_trainer_examples_offset 0.0" in served
        told = {part.name: part for part in examine(tmp_path)}["trainer"]
        assert (told.state, told.reason) == ("ok", "0 events, at offset 0, no training in progress")

        psutil.Process(pid).kill()
        psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=30)
        assert endpoints.read(tmp_path) == found  # commands still find the broker
        assert {part.name: part.state for part in examine(tmp_path)}["trainer"] == "down"
        hasty = subprocess.run(
            [sys.executable, "-c", _HASTY, str(tmp_path)], capture_output=True, timeout=90, check=False
        )
        assert b"the trainer did not answer" in hasty.stderr
        assert _trainers_of(tmp_path) == []  # one that nobody knows would be there for ever
        assert endpoints.read(tmp_path) == found
        subprocess.run([sys.executable, "-c", _START, str(tmp_path)], check=True, timeout=90)
        again = endpoints.read(tmp_path)
        assert again is not None
        assert again.metrics == found.metrics
        assert again.pids["broker"] == found.pids["broker"]
        pid = again.pids["trainer"]
        assert requests.get(found.metrics["trainer"], timeout=5).ok
    finally:
        assert stop(tmp_path)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert endpoints.read(tmp_path) is None


def _trainers_of(state: Path) -> list[int]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        with contextlib.suppress(psutil.Error):
            if process.info["cmdline"] and process.info["cmdline"][-1] == "trainer":
                found += [process.pid] if process.environ().get("BUILDCAST_STATE") == str(state.resolve()) else []
    return found
