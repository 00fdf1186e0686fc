"""Pictures of the page for README and docs, from a real Chromium over a small fleet.

python -m bench.screenshots [FOLDER]        by default docs/pictures
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from agents.ports import free_ports
from streams.errors import ConfigError
from tests.agents.api import scenes
from tests.agents.api.browser import Served, chromium, eventually

PICTURES = (
    ("builds", "/", 1280, 760, "light"),
    ("run", "/runs/gcc-live", 1280, 1240, "dark"),
    ("telephone", "/", 390, 780, "light"),
)


def main(folder: Path = Path("docs/pictures")) -> None:
    """Write the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        driver = chromium(Path(temporary) / "profile")
        if driver is None:
            raise ConfigError("install Debian's chromium and chromium-driver first")
        served = Served(Path(temporary), free_ports(1)[0])
        served.store(scenes.fleet(time.time()))
        served.start()
        try:
            for name, path, width, height, theme in PICTURES:
                _take(driver, served.address + path, (width, height), theme, folder / f"{name}.png")
        finally:
            driver.quit()
            served.stop()


def _take(driver: Any, address: str, size: tuple[int, int], theme: str, to: Path) -> None:
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size[0] < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    media = [{"name": "prefers-color-scheme", "value": theme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
    driver.get(address)
    eventually(lambda: driver.execute_script("return document.querySelectorAll('main svg .line').length > 0"))
    eventually(lambda: driver.execute_script("return document.getElementById('live').dataset.state === 'live'"))
    driver.save_screenshot(str(to))
    print(to)


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:]))
