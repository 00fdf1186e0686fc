"""The build that `make run` shows when no other is given: psutil's C extension, from the source it is published as."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from streams.errors import Unavailable

__all__ = ["fetch_sample"]


def fetch_sample(folder: Path) -> list[str]:
    """Fetch and unpack the source once, clean an earlier build, and return the command that compiles it."""
    wanted = version("psutil")
    source = folder / f"psutil-{wanted}"
    if not source.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        _download(f"psutil=={wanted}", folder)
        archive = folder / f"psutil-{wanted}.tar.gz"
        subprocess.run(["tar", "-xzf", str(archive), "-C", str(folder)], check=True)
    shutil.rmtree(source / "build", ignore_errors=True)
    return [sys.executable, "-c", _BUILD, str(source)]


# setup.py wants to be run from its folder; `force` compiles every file each time.
_BUILD = """
import os, runpy, sys
os.chdir(sys.argv[1])
sys.argv = ["setup.py", "build_ext", "--force"]
runpy.run_path("setup.py", run_name="__main__")
"""


def _download(requirement: str, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:",
         "--no-build-isolation", "--dest", str(folder), requirement],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        why = done.stderr.strip()[-300:]
        raise Unavailable(f"{requirement} could not be fetched (give a build of your own): {why}")
