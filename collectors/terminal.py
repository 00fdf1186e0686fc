"""The terminal a build runs on: who owns it, how it is lent to the child and how it comes back.

Law: whatever is changed here is put back by the same context manager.
"""

from __future__ import annotations

import contextlib
import os
import signal
import termios
import tty
from collections.abc import Iterator

__all__ = ["copy_size", "follow_output_mode", "foreground", "is_terminal", "keys_passed_through", "like"]

_OFLAG = 1  # index into what tcgetattr gives


def is_terminal(fd: int) -> bool:
    """Whether the descriptor is open and a terminal."""
    try:
        return os.isatty(fd)
    except OSError:
        return False


def copy_size(source: int, target: int) -> None:
    """Give `target` the rows and columns of `source`; the kernel tells the programs on it."""
    with contextlib.suppress(OSError, termios.error):
        termios.tcsetwinsize(target, termios.tcgetwinsize(source))


def like(source: int, target: int) -> None:
    """Give `target` the modes and the size of `source`."""
    with contextlib.suppress(termios.error, OSError):
        termios.tcsetattr(target, termios.TCSANOW, termios.tcgetattr(source))
    copy_size(source, target)


def follow_output_mode(child: int, own: int) -> None:
    """Treat line feeds as the child's terminal does: full-screen programs switch their translation off."""
    with contextlib.suppress(termios.error, OSError):
        wanted = termios.tcgetattr(child)[_OFLAG] & termios.OPOST
        modes = termios.tcgetattr(own)
        if modes[_OFLAG] & termios.OPOST != wanted:
            modes[_OFLAG] = modes[_OFLAG] & ~termios.OPOST | wanted
            termios.tcsetattr(own, termios.TCSADRAIN, modes)


@contextlib.contextmanager
def keys_passed_through(fd: int = 0) -> Iterator[None]:
    """Leave the meaning of keys (Ctrl-C, line editing, echo) to the child's own terminal."""
    before = termios.tcgetattr(fd)
    try:
        tty.setraw(fd, termios.TCSANOW)  # not the default, which throws away what was typed ahead
        modes = termios.tcgetattr(fd)
        modes[_OFLAG] |= termios.OPOST  # lines of ours still begin at the left
        termios.tcsetattr(fd, termios.TCSANOW, modes)
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


@contextlib.contextmanager
def foreground(group: int, fd: int = 0) -> Iterator[None]:
    """Make a process group the terminal's foreground, so that it may read keys; ours again afterwards."""
    if not is_terminal(fd) or _foreground_of(fd) != os.getpgrp():
        yield
        return
    quiet = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    try:
        _give(fd, group)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGCONT)  # it may have asked for a key too early
        yield
    finally:
        _give(fd, os.getpgrp())
        signal.signal(signal.SIGTTOU, quiet)


def _foreground_of(fd: int) -> int:
    try:
        return os.tcgetpgrp(fd)
    except OSError:
        return -1


def _give(fd: int, group: int) -> None:
    with contextlib.suppress(OSError):
        os.tcsetpgrp(fd, group)
