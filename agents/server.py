"""A server on this machine over a folder of its own: it has started when its port answers; ended in order or killed."""

from __future__ import annotations

import signal
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Self

from agents.ports import wait_until_answers
from streams.errors import Unavailable

__all__ = ["Server"]


class Server(ABC):
    """What broker and database have in common. A stopped or killed one starts again with its data."""

    name: ClassVar[str]  # for people
    log: ClassVar[str]  # a file in its folder

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def port(self) -> int:
        """Where it listens, once it is prepared."""

    @abstractmethod
    def _prepare(self) -> None:
        """Make the folder ready, the first time."""

    @abstractmethod
    def _command(self) -> list[str]:
        """What runs the server."""

    @property
    def pid(self) -> int | None:
        """The server's process, while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self, seconds: float = 60.0) -> Self:
        """Prepare the folder the first time, start, and return when the server accepts connections."""
        if self.pid is not None:
            return self
        self._prepare()
        with (self.folder / self.log).open("ab") as log:
            self._process = subprocess.Popen(
                self._command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        if not wait_until_answers(self.port, self._process, seconds):
            self.kill()
            raise Unavailable(f"{self.name} did not start within {seconds:.0f} s: see {self.folder / self.log}")
        return self

    def stop(self, seconds: float = 30.0) -> None:
        """End it in order; kill it when that takes longer than `seconds`."""
        self._end(signal.SIGTERM, seconds)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL, 10.0)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _end(self, number: signal.Signals, seconds: float) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
