"""A real headless Chromium, and the API served on a socket in a thread."""

from __future__ import annotations

import asyncio
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import uvicorn
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from agents.api.app import Extras, create_app
from agents.api.log import JournalLog
from agents.api.replica import journal_forecaster
from agents.api.serve import Server
from agents.api.settings import ApiSettings
from agents.store.database import connect, migrate
from models.forecaster import Forecaster
from streams import events
from tests.agents.api import scenes

__all__ = ["Page", "Served", "chromium", "eventually"]

_OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1280,900",
)  # fmt: skip


def chromium(profile: Path) -> webdriver.Chrome | None:
    """A browser with a fresh profile, None where Debian's packages are not installed."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        return None
    options = Options()
    options.binary_location = browser
    for each in (*_OPTIONS, f"--user-data-dir={profile}"):
        options.add_argument(each)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=Service(driver))


def eventually(what: Callable[[], Any], seconds: float = 90.0) -> Any:
    """The first true value of `what`."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)
    return found


class Page:
    """What a test does with the page."""

    def __init__(self, driver: webdriver.Chrome, served: Served) -> None:
        self.driver, self.served = driver, served

    def open(self, path: str) -> None:
        """Go there; returns when it is drawn and live."""
        self.driver.get(self.served.address + path)
        eventually(lambda: self.js("return !!document.querySelector('main h1')"))
        eventually(lambda: self.text("#live-text") == "live")

    def look(self, width: int, theme: str, height: int = 800) -> None:
        """As on a screen of this width, a telephone's below 500, in the system's light or dark."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        media = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)

    def js(self, code: str, *arguments: Any) -> Any:
        """What a script returns."""
        return self.driver.execute_script(code, *arguments)

    def text(self, selector: str) -> str:
        """The text of the first element, empty where there is none."""
        return str(self.js("return document.querySelector(arguments[0])?.textContent || ''", selector))

    def complaints(self) -> list[str]:
        """What the console says that is not about the network."""
        return [entry["message"] for entry in self.driver.get_log("browser") if "favicon" not in entry["message"]]


class Served:
    """The API over a folder's database on one port, live from it or from a broker; can be stopped and started again."""

    def __init__(self, folder: Path, port: int, bootstrap: str = "") -> None:
        self.settings = ApiSettings(state=folder, api_poll_seconds=0.1, bootstrap=bootstrap)
        self.address = f"http://127.0.0.1:{port}"
        self._port = port
        self._url = f"sqlite+aiosqlite:///{folder / 'buildcast.sqlite'}"
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Serve; returns when it answers."""
        self._server = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        eventually(lambda: self._server is not None and self._server.started)

    def stop(self) -> None:
        """End serving."""
        assert self._server is not None
        assert self._thread is not None
        self._server.should_exit = True
        self._thread.join(60)

    def store(self, found: Sequence[events.Event] = ()) -> None:
        """Make the tables where they are not, and write events as the sink does, from outside of the API."""

        async def write() -> None:
            await migrate(self._url)
            engine = connect(self._url)
            await scenes.store_events(engine, found)
            await engine.dispose()

        asyncio.run(write())

    async def _serve(self) -> None:
        engine = connect(self._url)
        model = journal_forecaster(self.settings.state / "examples.jsonl", Forecaster)
        app = create_app(self.settings, engine, JournalLog(self.settings.state), Extras(forecaster=model))
        config = uvicorn.Config(app, port=self._port, log_level="error", timeout_graceful_shutdown=1)
        self._server = Server(config, app.state.services.hub)
        await self._server.serve()
        await engine.dispose()
