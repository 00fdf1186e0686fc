"""The live page in a real browser while real builds run under `buildcast run`, scored by a worker through a broker."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from agents.ports import free_ports
from streams.codec import decode
from streams.events import AlertRaised
from tests.agents.api.browser import Page, Served, chromium
from tests.integration.processes import Process, records, until

pytestmark = [pytest.mark.kafka, pytest.mark.browser]
FAILING = """
all: $(foreach n,1 2 3 4 5 6 7 8,part$n.o)
%.o: %.c
\t@sleep 0.4
\tcc -c $< -o $@
"""
PASSING = "all:\n\tfor n in $$(seq {seconds}); do echo step $$n; sleep 1; done\n"
WATCH = """
window.raisedAt = null;
new MutationObserver(() => {
  if (!window.raisedAt && document.querySelector("#toasts .toast")) window.raisedAt = Date.now() / 1000;
}).observe(document.getElementById("toasts"), { childList: true, subtree: true });
"""


@pytest.fixture
def page(empty_topics: str, tmp_path: Path) -> Iterator[Page]:
    """The page of an API that follows the broker, open in a browser."""
    driver = chromium(tmp_path / "profile")
    if driver is None:
        pytest.skip("the commands `chromium` and `chromedriver` are missing: install chromium and chromium-driver")
    served = Served(tmp_path, free_ports(1)[0], bootstrap=empty_topics)
    served.store()
    served.start()
    try:
        yield Page(driver, served)
    finally:
        driver.quit()
        served.stop()


def _failing(folder: Path) -> list[str]:
    """`make -k` over real C files of which every second one does not compile."""
    if shutil.which("cc") is None:
        pytest.skip("the command `cc` is missing: install gcc")
    folder.mkdir()
    (folder / "Makefile").write_text(FAILING)
    for number in range(1, 9):
        (folder / f"part{number}.c").write_text("int x(void) { return y; }\n" if number % 2 else "int z;\n")
    return ["make", "-k", "-C", str(folder)]


def _build(name: str, state: Path, bootstrap: str, command: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "buildcast", "run", "--state", str(state / name), "--name", name, "--", *command],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, cwd=Path(__file__).parents[2],
        env=os.environ | {"BUILDCAST_BOOTSTRAP": bootstrap},
    )  # fmt: skip


async def _seen(look: Callable[[], Any], seconds: float = 300.0, processes: Sequence[Process] = ()) -> Any:
    async def seen() -> Any:
        return await asyncio.to_thread(look)

    return await until(seen, processes, seconds)


async def _raised_at(bootstrap: str) -> float:
    """When the worker put its first alert on the topic."""

    async def first() -> float | None:
        for record in await records(bootstrap, "alerts.v1"):
            if isinstance(decode(record.value, record.headers), AlertRaised):
                return float(record.timestamp / 1e3)
        return None

    return float(await until(first))


def _card(page: Page, name: str) -> str:
    """What the card of a build says of its risk, empty where there is none."""
    return str(page.js(
        "return [...document.querySelectorAll('.cards .card')].find((each) => each.textContent.includes(arguments[0]))"
        "?.querySelector('.risk')?.textContent || ''", name,
    ))  # fmt: skip


def _line(page: Page, name: str) -> str:
    return str(page.js(
        "return [...document.querySelectorAll('.cards .card')].find((each) => each.textContent.includes(arguments[0]))"
        "?.querySelector('.spark .line')?.getAttribute('d') || ''", name,
    ))  # fmt: skip


async def test_the_curve_of_a_real_failing_build_moves_and_its_alert_appears_within_two_seconds(
    page: Page, empty_topics: str, tmp_path: Path
) -> None:
    with Process("worker", tmp_path / "worker", empty_topics) as worker:
        await _seen(lambda: "partitions" in worker.log.read_text(), processes=[worker])
        page.open("/")
        page.js(WATCH)
        build = _build("doomed", tmp_path, empty_topics, _failing(tmp_path / "src"))
        before = await _seen(lambda: _line(page, "doomed"), processes=[worker])
        await _seen(lambda: _line(page, "doomed") != before, processes=[worker])
        shown = await _seen(lambda: page.js("return window.raisedAt"), processes=[worker])
        said = page.text("#toasts .toast")
        assert build.wait(120) == 2
    assert shown - await _raised_at(empty_topics) < 2.0
    assert "doomed is at" in said


@pytest.mark.e2e
async def test_several_real_builds_through_worker_sink_and_a_restart_of_the_api(
    page: Page, empty_topics: str, tmp_path: Path
) -> None:
    database = f"sqlite+aiosqlite:///{tmp_path / 'buildcast.sqlite'}"
    with (
        Process("worker", tmp_path / "worker", empty_topics) as worker,
        Process("sink", tmp_path / "sink", empty_topics, database=database) as sink,
    ):
        both = [worker, sink]
        await _seen(lambda: "partitions" in worker.log.read_text(), processes=both)
        page.open("/")
        page.js(WATCH)
        calm = tmp_path / "calm"
        calm.mkdir()
        (calm / "Makefile").write_text(PASSING.format(seconds=25))
        passing = _build("calm", tmp_path, empty_topics, ["make", "-C", str(calm)])
        await _seen(lambda: _card(page, "calm"), processes=both)
        page.served.stop()
        await _seen(lambda: page.text("#live-text") == "reconnecting")
        page.served.start()
        await _seen(lambda: page.text("#live-text") == "live")
        failing = _build("doomed", tmp_path, empty_topics, _failing(tmp_path / "src"))
        await _seen(lambda: _card(page, "doomed"), processes=both)
        shown = await _seen(lambda: page.js("return window.raisedAt"), processes=both)
        assert shown - await _raised_at(empty_topics) < 2.0
        assert failing.wait(120) == 2
        await _seen(lambda: "failed" in page.text("table tbody"), processes=both)
        before = _line(page, "calm")
        await _seen(lambda: _line(page, "calm") != before, processes=both)
        assert passing.wait(120) == 0
        await _seen(lambda: "succeeded" in page.text("table tbody"), processes=both)
        path = page.js("return [...document.querySelectorAll('tbody a')].find((each) => each.textContent === 'doomed')"
                       ".getAttribute('href')")  # fmt: skip
        page.open(str(path))
        assert "error" in page.text(".log")
        assert page.js("return document.querySelectorAll('svg .mark.alert').length") >= 1
        assert page.js("return document.querySelectorAll('svg .actual').length") == 1
