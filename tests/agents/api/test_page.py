"""The live page in a real browser: it moves by itself, takes clicks, comes back, fits a telephone, can be read."""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from agents.ports import free_ports
from streams import events
from streams.journal import Journal
from tests import builders
from tests.agents.api import scenes
from tests.agents.api.browser import Page, Served, chromium, eventually
from tests.models.histories import recorded

pytestmark = pytest.mark.browser
FIRST = "return document.querySelector('.cards .card').dataset.run"
CONTRAST = (Path(__file__).parent / "contrast.js").read_text()
AXE = files("axe_core_python").joinpath("axe.min.js").read_text()
_GRAVE = """
const done = arguments[arguments.length - 1];
axe.run().then(({ violations }) => done(violations.filter(({ impact }) => impact === "serious" || impact === "critical")
  .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`))));
"""
VIEWS = ("/", "/runs/gcc-live", "/alerts", "/hosts", "/models", "/findings")


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    found = chromium(tmp_path_factory.mktemp("profile"))
    if found is None:
        pytest.skip("the commands `chromium` and `chromedriver` are missing: install chromium and chromium-driver")
    yield found
    found.quit()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("page"), free_ports(1)[0])
    served.store(scenes.fleet(time.time()))
    Journal(served.settings.state / "examples.jsonl").append(recorded(20))
    served.start()
    yield served
    served.stop()


@pytest.fixture
def page(driver: Any, served: Served) -> Page:
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    driver.get_log("browser")
    return Page(driver, served)


def test_curve_moves_when_a_forecast_is_made(page: Page) -> None:
    page.open("/")
    line = "[data-run=glibc-live] .spark .line"
    eventually(lambda: page.js("return document.querySelector(arguments[0])?.getAttribute('d')", line))
    before = page.js("return document.querySelector(arguments[0]).getAttribute('d')", line)
    assert page.js(FIRST) == "gcc-live"  # the riskiest
    page.served.store([scenes.forecast("glibc-live", time.time(), 0.42, 120.0, name="glibc")])
    eventually(lambda: "42" in page.text("[data-run=glibc-live] .risk"))
    assert page.js("return document.querySelector(arguments[0]).getAttribute('d')", line) != before
    page.served.store([scenes.forecast("glibc-live", time.time(), 0.97, 125.0, name="glibc")])
    eventually(lambda: page.js(FIRST) == "glibc-live")


def test_alert_appears_within_two_seconds(page: Page) -> None:
    page.open("/")
    alert = events.AlertRaised(
        id="new-raised", source="/core", time=time.time(), host="host-2", alert_id="alert-new", run_id="glibc-live",
        name="glibc", cause="level", severity="warning", risk=0.91, threshold=0.8,
        reasons=[events.Reason(text="the linker gave up", logit=2.0)],
    )  # fmt: skip
    page.served.store([alert])
    raised = time.monotonic()
    said = eventually(lambda: page.text(".toast[data-alert=alert-new]"))
    assert time.monotonic() - raised < 2.0
    assert "glibc is at 91" in said
    assert "the linker gave up" in said


def test_new_build_appears_and_moves_to_the_finished_ones(page: Page) -> None:
    page.open("/")
    now = time.time()
    page.served.store(
        [builders.started("fresh", now, name="zlib"), scenes.forecast("fresh", now, 0.1, 0.0, name="zlib")]
    )
    eventually(lambda: "zlib" in page.text(".cards [data-run=fresh]"))
    page.served.store([builders.finished("fresh", now + 9, "failure", name="zlib", started_at=now, seconds=9.0)])
    eventually(lambda: "failed" in page.text("tbody [data-run=fresh]"))
    assert page.text(".cards [data-run=fresh]") == ""


def test_time_left_that_nobody_knows_is_told_as_not_known(page: Page) -> None:
    page.open("/")
    now = time.time()
    said = ".cards [data-run=unknown] .eta"
    vague = events.Interval(point=180.0, lower=0.0, upper=900_000.0)
    first = scenes.forecast("unknown", now, 0.2, 0.0, name="zlib", remaining=vague)
    page.served.store([builders.started("unknown", now, name="zlib"), first])
    eventually(lambda: "not known yet" in page.text(said))
    page.served.store([scenes.forecast("unknown", now + 1.0, 0.2, 1.0, name="zlib")])
    eventually(lambda: "left" in page.text(said) and "95 %" in page.text(said))


def test_flaky_in_one_click(page: Page) -> None:
    page.open("/alerts")
    page.js(
        "[...document.querySelectorAll('[data-alert=alert-gcc-live] button')]"
        ".find((each) => each.textContent === 'This was flaky').click()"
    )
    journal = Journal(page.served.settings.state / "examples.jsonl")
    (label,) = eventually(lambda: [event for _, event in journal.read() if isinstance(event, events.LabelRevised)])
    assert (label.run_id, label.verdict) == ("gcc-live", "flaky")
    eventually(lambda: "verdict: flaky" in page.text("[data-alert=alert-gcc-live]"))


def test_run_page_tells_what_the_run_used_and_what_held_it_back(page: Page) -> None:
    page.open("/runs/old-01")
    said = page.text("main")
    assert "2.37 cores in use on average, at most 1.31\u00a0GB of memory, 4,180 lines of output" in said
    assert "1\u00a0min (20\u00a0%): some task waited for the disk" in said
    assert "-j8, as many as there are cores: saves about 1\u00a0min\u00a030\u00a0s" in said
    eventually(lambda: page.js("return document.querySelectorAll('svg .actual').length") == 1)


def test_resource_picture_shows_cores_and_memory_over_the_run_and_grows_with_it(page: Page) -> None:
    page.open("/runs/gcc-live")
    labels = "return [...document.querySelectorAll('.chart:has(.use)')].map((each) => each.getAttribute('aria-label'))"
    cpu, memory = eventually(lambda: page.js(labels))
    assert cpu.startswith("Cores in use over the run, at most 3.8 at 20\u00a0s")
    assert memory.startswith("Memory over the run, at most 1.05\u00a0GB at ")
    line = "return document.querySelector('.line.use').getAttribute('d').split('L').length"
    before = page.js(line)
    now = time.time()
    last = builders.sample("gcc-live", now, number=999, elapsed_seconds=187.0, cpu_ratio=7.9)
    page.served.store([last, scenes.forecast("gcc-live", now, 0.9, 241.0)])
    eventually(lambda: "at most 7.9 at 3" in " ".join(page.js(labels)))
    assert page.js(line) == before + 1


def test_alerts_models_and_findings_tell_what_they_are_worth(page: Page) -> None:
    page.open("/alerts")
    assert "Of 2 alerts in 30 days whose run has ended, 1 was right: about 15 min saved" in page.text("main")
    page.open("/models")
    assert page.js("return document.querySelectorAll('[aria-label^=Scores] tbody tr').length") >= 4
    page.open("/findings")
    assert "not endorsed or certified by the NVD" in page.text("main")


def test_page_comes_back_after_a_restart_of_the_api(page: Page) -> None:
    page.open("/")
    page.served.stop()
    eventually(lambda: page.text("#live-text") == "reconnecting")
    page.served.store([scenes.forecast("glibc-live", time.time(), 0.55, 150.0, name="glibc")])
    page.served.start()
    eventually(lambda: page.text("#live-text") == "live")
    eventually(lambda: "55" in page.text("[data-run=glibc-live] .risk"))


@pytest.mark.parametrize("path", VIEWS)
def test_view_fits_a_telephone_and_breaks_no_policy(page: Page, path: str) -> None:
    page.look(360, "light")
    page.open(path)
    assert page.js("return document.documentElement.scrollWidth") == 360
    assert page.complaints() == []


@pytest.mark.parametrize("path", [*VIEWS, "/runs/old-01", "/api/v1/docs"])
def test_view_is_accessible_light_and_dark_wide_and_narrow(page: Page, path: str) -> None:
    """axe-core's judgement, and the contrast of texts in pictures, which axe-core does not look at."""
    page.driver.get(page.served.address + path)
    eventually(lambda: page.js("return !!document.querySelector('main h1')"))
    page.js(AXE)
    for theme in ("light", "dark"):
        for width in (1280, 360):
            page.look(width, theme)
            found = page.driver.execute_async_script(_GRAVE)
            assert found == [], (theme, width)
        assert page.js(CONTRAST) == [], theme


def test_axe_sees_what_is_wrong(page: Page) -> None:
    page.open("/")
    page.js("document.querySelector('main').insertAdjacentHTML('beforeend', '<button></button><img src=x>')")
    page.js(AXE)
    found = page.driver.execute_async_script(_GRAVE)
    assert {each.split(":")[0] for each in found} >= {"button-name", "image-alt"}


def test_everything_can_be_reached_by_keys(page: Page) -> None:
    from selenium.webdriver.common.keys import Keys

    page.open("/")
    body = page.driver.find_element("tag name", "body")
    body.send_keys("m")
    eventually(lambda: page.text("main h1") == "Models")
    body.send_keys("b")
    eventually(lambda: page.text("main h1").startswith("Building now"))
    page.open("/")
    reached = []
    for _ in range(12):
        page.driver.switch_to.active_element.send_keys(Keys.TAB)
        reached.append(page.js("return document.activeElement.getAttribute('href') || document.activeElement.id"))
    assert {"/alerts", "/hosts", "theme"} <= set(reached)
    assert any(each.startswith("/runs/") for each in reached)
