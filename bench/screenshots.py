"""Pictures of the page for README and docs: a real Chromium looks on while real builds run under `buildcast run`.

    python -m bench.screenshots [FOLDER]        by default docs/pictures; takes about a minute and needs make and cc

One build goes well and has been built before, one breaks under `make -k`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from agents.ports import free_ports
from streams.errors import ConfigError
from tests.agents.api.browser import Page, Served, chromium, eventually

FILES = 16
RULES = """
all: $(foreach n,$(shell seq {files}),part$n.o)
%.o: %.c
\t@sleep 0.{pace}
\tcc -c $< -o $@
"""
WIDE, TELEPHONE = 1280, 390


def main(folder: Path = Path("docs/pictures")) -> None:
    """Write the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        home = Path(temporary)
        driver = chromium(home / "profile")
        if driver is None:
            raise ConfigError("install Debian's chromium and chromium-driver first")
        served = Served(home / "state", free_ports(1)[0])
        served.store()
        served.start()
        try:
            _take(Page(driver, served), home, folder)
        finally:
            driver.quit()
            served.stop()


def _take(page: Page, home: Path, folder: Path) -> None:
    for _ in range(3):
        _build(home, "zlib", pace=1, broken=0).wait()
    page.look(WIDE, "light")
    page.open("/")
    builds = [_build(home, "zlib", pace=6, broken=0), _build(home, "gcc", pace=9, broken=5)]
    eventually(lambda: page.text("#toasts .toast"), 60.0)
    eventually(lambda: len(page.js("return [...document.querySelectorAll('.cards svg .line')]")) == 2, 30.0)
    _save(page, folder / "builds.png", WIDE, 760, "light")
    _save(page, folder / "telephone.png", TELEPHONE, 780, "light")
    for each in builds:
        each.wait()
    eventually(lambda: "gcc" in page.text("tbody"), 30.0)
    link = "return [...document.querySelectorAll('tbody a')].find((each) => each.textContent === 'gcc').pathname"
    page.open(str(page.js(link)))
    _save(page, folder / "run.png", WIDE, 1240, "dark")


def _build(home: Path, name: str, pace: int, broken: int) -> subprocess.Popen[bytes]:
    """A build of real C files under the wrapper, `broken` of which do not compile."""
    source = home / name
    source.mkdir(exist_ok=True)
    (source / "Makefile").write_text(RULES.format(files=FILES, pace=pace))
    for number in range(1, FILES + 1):
        is_broken = number > FILES - 2 * broken and number % 2
        (source / f"part{number}.c").write_text("int x(void) { return y; }\n" if is_broken else "int z;\n")
        (source / f"part{number}.o").unlink(missing_ok=True)
    return subprocess.Popen(
        [sys.executable, "-m", "buildcast", "run", "--local", "--state", str(home / "state"), "--name", name, "--",
         "make", "-k", "-C", str(source)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, cwd=source,
    )  # fmt: skip


def _save(page: Page, to: Path, width: int, height: int, theme: str) -> None:
    page.look(width, theme, height)
    time.sleep(0.5)  # curves are drawn again for the new width
    page.driver.save_screenshot(str(to))
    print(to)


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:]))
