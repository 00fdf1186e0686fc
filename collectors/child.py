"""A build as a child process: its own process group, bytes passed untouched, signals and exit code kept.

A terminal is given only where standard output is one; else two pipes, so that both streams stay apart. What passes by
is shown to `watch`, which must be quick and must not raise: nothing here waits for anyone but the child and the reader
of its output.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

from collectors import terminal
from streams.errors import ConfigError

__all__ = ["FORWARDED", "Child", "Exit", "Watch", "check"]

FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGWINCH)
_PIPE_BYTES = 1 << 20
_LINGER_MILLISECONDS = 500  # for output of processes that outlive the build
_LOOK_MILLISECONDS = 200

Watch = Callable[[str, bytes], None]


@dataclass(frozen=True)
class Exit:
    """How the child ended. `code` is 128+n for signal n; `forwarded` names the signals it was sent through us."""

    code: int
    cpu_seconds: float
    peak_rss_bytes: int  # of its largest process
    forwarded: tuple[int, ...] = ()


class Child:
    """A build: `start` it, then `wait` for it, within `forwarding` so that no signal falls between."""

    def __init__(self, command: Sequence[str], watch: Watch, targets: tuple[int, int] = (1, 2)) -> None:
        self.pid = 0
        self._command = list(command)
        self._watch = watch
        self._out, self._err = targets  # where its standard output and standard error go
        self._pumps: list[threading.Thread] = []
        self._forwarded: list[int] = []
        self._master: int | None = None
        self._ended = threading.Event()
        self._status: tuple[int, Any] = (0, None)

    def start(self) -> None:
        """Start the command, or `ConfigError` in one sentence where it cannot be started."""
        check(self._command)
        if terminal.is_terminal(self._out):
            self._start_on_terminal()
        else:
            self._start_on_pipes()

    def wait(self) -> Exit:
        """Pass output and signals until the child has ended and its output is out."""
        with self._terminal_lent():
            # Waited for in a thread: a signal that comes just before the system call would not be seen until its end.
            reaper = threading.Thread(target=self._reap, daemon=True, name="reaper")
            reaper.start()
            while reaper.is_alive():
                reaper.join(_LOOK_MILLISECONDS / 1000.0)
            status, usage = self._status
            self._ended.set()
            for pump in self._pumps:
                pump.join()
        code = os.waitstatus_to_exitcode(status)
        return Exit(
            code=code if code >= 0 else 128 - code,
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            peak_rss_bytes=usage.ru_maxrss * 1024,
            forwarded=tuple(self._forwarded),
        )

    def _start_on_pipes(self) -> None:
        out, err = _Pipe(), _Pipe()
        self._spawn(self._command, [out, err], stdout=out.write, stderr=err.write, process_group=0)
        self._pump("stdout", out.read, self._out)
        self._pump("stderr", err.read, self._err)

    def _start_on_terminal(self) -> None:
        pair, err = _Pipe(*pty.openpty()), _Pipe()
        terminal.like(self._out, pair.write)
        keys, errors_too = terminal.is_terminal(0), terminal.is_terminal(self._err)
        # The terminal becomes the child's own in a process in between: no code of ours runs between fork and exec.
        self._spawn(
            [sys.executable, "-ISc", _TAKE_TERMINAL, *self._command],
            [pair, err],
            stdin=pair.write if keys else None,
            stdout=pair.write,
            stderr=pair.write if errors_too else err.write,
            start_new_session=True,
        )
        self._master = pair.read
        self._pump("stdout", pair.read, self._out)
        self._pump("stderr", err.read, self._err)
        if keys:
            threading.Thread(target=self._type, args=(pair.read,), daemon=True, name="keys").start()

    def _spawn(self, command: Sequence[str], pipes: Sequence[_Pipe], **how: Any) -> None:
        try:
            process = subprocess.Popen(command, **how)
        except OSError as error:
            for pipe in pipes:
                os.close(pipe.read)
            raise ConfigError(f"cannot run {self._command[0]!r}: {error.strerror or error}") from error
        finally:
            for pipe in pipes:
                os.close(pipe.write)
        self.pid = process.pid
        for number in self._forwarded:  # what came while it was being started
            os.killpg(self.pid, number)
        process.returncode = 0  # it is waited for here, with its use of resources, and not by subprocess

    def _pump(self, name: str, source: int, target: int) -> None:
        pump = threading.Thread(target=self._copy, args=(name, source, target), daemon=True, name=f"pump-{name}")
        self._pumps.append(pump)
        pump.start()

    def _copy(self, name: str, source: int, target: int) -> None:
        """Pass bytes until the end. Where the reader has gone, our end closes, and the child is told as ever."""
        ready = select.poll()
        ready.register(source, select.POLLIN)
        left = _PIPE_BYTES  # what a pipe can still hold once the child has ended; more is from those that outlive it
        try:
            while left > 0:
                ended = self._ended.is_set()  # before the read: what it brings may be from before the end
                if not (chunk := self._read(source, ready)):
                    return
                left -= len(chunk) if ended else 0
                if source == self._master:
                    terminal.follow_output_mode(source, target)
                _write_all(target, chunk)
                self._watch(name, chunk)
        except OSError:
            return
        finally:
            if source == self._master:
                self._master = None
            os.close(source)

    def _read(self, source: int, ready: select.poll) -> bytes:
        """The next bytes; none at the end, or once the child has ended and what it left behind is silent."""
        while True:
            last = self._ended.is_set()
            if ready.poll(_LINGER_MILLISECONDS if last else _LOOK_MILLISECONDS):
                try:
                    return os.read(source, _PIPE_BYTES)
                except OSError:  # how a terminal says that it has ended
                    return b""
            if last:
                return b""

    def _type(self, master: int) -> None:
        """Pass keys to the child's terminal."""
        ready = select.poll()
        ready.register(0, select.POLLIN)
        with contextlib.suppress(OSError):
            while not self._ended.is_set():
                if ready.poll(_LOOK_MILLISECONDS):
                    keys = os.read(0, 4096)
                    os.write(master, keys or b"\x04")
                    if not keys:
                        return

    def _reap(self) -> None:
        """Wait for the end; where the child was stopped from the keyboard, stop as well and go on with it."""
        while True:
            _, status, usage = os.wait4(self.pid, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                self._status = status, usage
                return
            if terminal.is_terminal(0) and self._master is None and os.WSTOPSIG(status) == signal.SIGTSTP:
                os.kill(os.getpid(), signal.SIGSTOP)
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.pid, signal.SIGCONT)

    @contextlib.contextmanager
    def forwarding(self) -> Iterator[None]:
        """Hand signals on to the build; those that were ignored (nohup) stay ignored. Only the main thread can."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        heard = [number for number in FORWARDED if signal.getsignal(number) is not signal.SIG_IGN]
        before = {number: signal.signal(number, self._forward) for number in heard}
        try:
            yield
        finally:
            for number, old in before.items():
                signal.signal(number, old)

    def send(self, number: int) -> None:
        """A signal for the build's process group; it counts as one that came through us."""
        self._forwarded.append(number)
        self._kill(number)

    def _forward(self, number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGWINCH:
            self.send(number)
        elif self._master is not None:
            terminal.copy_size(self._out, self._master)
        else:
            self._kill(number)

    def _kill(self, number: int) -> None:
        if self.pid and not self._ended.is_set():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    def _terminal_lent(self) -> contextlib.AbstractContextManager[None]:
        if self._master is not None and terminal.is_terminal(0):
            return terminal.keys_passed_through()
        if self._master is None and threading.current_thread() is threading.main_thread():
            return terminal.foreground(self.pid)
        return contextlib.nullcontext()


class _Pipe:
    """Two descriptors: what is written to one is read from the other."""

    def __init__(self, read: int | None = None, write: int | None = None) -> None:
        if read is None or write is None:
            read, write = os.pipe()
            with contextlib.suppress(OSError):
                fcntl.fcntl(read, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)  # fewer wake-ups for loud builds
        self.read, self.write = read, write


_TAKE_TERMINAL = "import fcntl,os,sys,termios;fcntl.ioctl(1,termios.TIOCSCTTY,0);os.execvp(sys.argv[1],sys.argv[1:])"


def check(command: Sequence[str]) -> None:
    """`ConfigError` in one sentence where there is nothing that can be run."""
    if not command or not command[0]:
        raise ConfigError("there is nothing to run: give a command, for example: buildcast run -- make -j2")
    if shutil.which(command[0]) is not None:
        return
    if "/" in command[0] and os.path.isfile(command[0]):
        raise ConfigError(f"cannot run {command[0]!r}: it is not executable; chmod +x it or run it through its shell")
    raise ConfigError(f"cannot run {command[0]!r}: there is no such command; check its spelling and the PATH")


def _write_all(target: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(target, view) :]
        except BlockingIOError:  # somebody made our output non-blocking
            select.select([], [target], [])
