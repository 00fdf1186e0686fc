"""Which lines of a build's output say that something broke, and which say that the tool has given up.

Pure. A warning, a note or a list of candidates is no error; while a build configures or tests, errors are part of the
work (probes fail on purpose), so only what ends the build counts there, and in tests the test failures themselves.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable

from collectors.markers import MARKERS, NOISY_STAGES, TRACES, Signal

__all__ = ["CLASSES", "ENVIRONMENT", "Signal", "root_class", "signal_of"]

CLASSES: dict[str, str] = {
    "compile": "the compiler or interpreter refuses the source",
    "missing": "a header, library, module, program or package is not there",
    "link": "the linker refuses",
    "make": "make has given up",
    "cmake": "CMake refuses to configure",
    "ninja": "ninja has given up",
    "tool": "another build tool (Maven, Gradle, npm, cargo, go, pip, rake) has given up",
    "exception": "a program of the build died of an exception or a signal, or says `Error:` in words of its own",
    "ice": "the compiler itself broke",
    "oom": "memory ran out",
    "disk": "the disk or quota is full",
    "network": "a host could not be reached or sent something else than expected",
    "clock": "files are younger than the clock",
    "permission": "an access was denied",
    "test": "a test failed",
    "silence": "no output for longer than usual",
}
"""Every error class with its meaning."""

ENVIRONMENT: frozenset[str] = frozenset({"oom", "disk", "network", "clock", "permission", "ice"})
"""Classes that speak of the machine and its surroundings rather than of the change."""


_HARMLESS = re.compile(
    r"(?:\b|: )(?:warning|note|candidates are|candidate|In file included from)\b ?[:(\[]|candidates are:"
)
_HARMLESS_WORDS = ("warning", "note:", "candidate")


def _places() -> tuple[tuple[str, tuple[int, ...]], ...]:
    """For each trace the markers, by place, that only a line with it can mean."""
    first = [next(trace for trace in TRACES if trace in marker.keyword) for marker in MARKERS]
    return tuple((trace, tuple(place for place, one in enumerate(first) if one == trace)) for trace in TRACES)


_PLACES = _places()


def signal_of(line: str, stage: str = "") -> Signal | None:
    """What a plain line says when the build is in `stage`; None for the great majority.

    >>> signal_of("a.c:3:1: error: expected ';'", "compile")
    Signal(error_class='compile', fatal=False)
    >>> signal_of("make: *** [Makefile:2: all] Error 1")
    Signal(error_class='make', fatal=True)
    >>> signal_of("conftest.c:3:1: error: no", "configure"), signal_of("a.c:1:1: warning: error: x")
    (None, None)
    """
    found = [places for trace, places in _PLACES if trace in line]
    if not found:
        return None
    noisy = stage in NOISY_STAGES
    for place in found[0] if len(found) == 1 else sorted(itertools.chain(*found)):
        marker = MARKERS[place]
        if marker.keyword not in line or (noisy and stage not in marker.stages):
            continue
        if marker.pattern is None or marker.pattern.search(line):
            return None if _is_harmless(line, marker.signal) else marker.signal
    return None


def root_class(signals: Iterable[Signal]) -> str:
    """The class that best explains a failed build, from its signals in order: the machine's own troubles first, then
    what broke before a tool gave up, then the tool that gave up.

    >>> root_class([Signal("compile"), Signal("make", True)]), root_class([Signal("make", True)]), root_class([])
    ('compile', 'make', '')
    """
    given_up, broke = "", ""
    for signal in signals:
        if signal.error_class in ("oom", "disk", "ice"):
            return signal.error_class
        if signal.fatal and signal.error_class in ("make", "ninja", "tool", "cmake"):
            given_up = given_up or signal.error_class
        elif signal.error_class not in ("silence", "clock"):
            broke = signal.error_class if not given_up else (broke or signal.error_class)
    return broke or given_up


def _is_harmless(line: str, signal: Signal) -> bool:
    if signal.error_class in ("clock", "oom", "disk", "ice") or signal.fatal:
        return False
    return any(word in line for word in _HARMLESS_WORDS) and _HARMLESS.search(line) is not None
