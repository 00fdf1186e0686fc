"""`buildcast collect` as a daemon: what it serves to Prometheus."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import requests

from agents.ports import free_ports
from buildcast.spool_metrics import serve_spool
from collectors.spool import Spool, SpoolLimits
from collectors.vulnerability import FeedPosition, FileCache
from tests import builders


def _served(port: int, process: subprocess.Popen[bytes], wanted: str) -> dict[str, float]:
    deadline = time.monotonic() + 120.0
    while time.monotonic() < deadline and process.poll() is None:
        try:
            text = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=2).text
        except requests.ConnectionError:
            text = ""
        lines = [line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#")]
        found = {name: float(value) for name, value in lines}
        if found.get(wanted):  # a gauge without labels is served as 0 before it is set
            return found
        time.sleep(0.1)
    raise AssertionError(f"{wanted} was not served; exit code {process.poll()}")


def test_size_of_the_spool_and_age_of_vulnerability_data_are_served(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    cache = FileCache(tmp_path / "advisories")
    cache.save_position("nvd", FeedPosition(synced_until=time.time() - 7200.0))
    cache.save_position("osv", FeedPosition(synced_until=time.time() - 3600.0))
    given = {"BOOTSTRAP": "127.0.0.1:9", "COLLECT_METRICS_PORT": str(port), "ADVISORY_CACHE": str(cache.folder)}
    process = subprocess.Popen(
        [sys.executable, "-m", "buildcast", "collect", "--state", str(tmp_path / "state"), "--every", "0.2"],
        env=os.environ | {f"BUILDCAST_{name}": value for name, value in given.items()},
    )
    try:
        found = _served(port, process, "buildcast_cve_feed_age_seconds")
        assert found["buildcast_spool_bytes"] > 0
        assert 3600.0 <= found["buildcast_cve_feed_age_seconds"] < 3660.0  # the newest counts
    finally:
        process.terminate()
        assert process.wait(120) == 0


def test_what_a_full_spool_let_go_is_counted(tmp_path: Path) -> None:
    spool = Spool(tmp_path, SpoolLimits(cap_bytes=200_000, segment_bytes=16_384, ends_segment_bytes=8_192))
    spool._write_numbers("dropped.json", {"metrics": 7})  # of an earlier process: not counted again
    (port,) = free_ports(1)
    _, tell = serve_spool(spool, port)
    for number in range(400):
        spool.append(builders.sample(number=number))
    tell()
    said = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=60).text
    (line,) = [line for line in said.splitlines() if line.startswith('buildcast_dropped_total{class="spool-metrics"}')]
    assert float(line.split()[1]) == spool.dropped()["metrics"] - 7 > 0


def test_a_port_that_is_taken_is_one_sentence(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = subprocess.run(
            [sys.executable, "-m", "buildcast", "collect", "--state", str(tmp_path)], capture_output=True, text=True,
            env=os.environ | {"BUILDCAST_COLLECT_METRICS_PORT": str(taken.getsockname()[1])}, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert "metrics cannot be served" in done.stderr
