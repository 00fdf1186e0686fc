"""Which lines of a build's output say that something broke, and which say that the tool has given up.

Pure. A warning, a note or a list of candidates is no error; while a build configures or tests, errors are part of the
work (probes fail on purpose), so only what ends the build counts there, and in tests the test failures themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["CLASSES", "ENVIRONMENT", "Signal", "root_class", "signal_of"]

CLASSES: dict[str, str] = {
    "compile": "the compiler or interpreter refuses the source",
    "missing": "a header, library, module, program or package is not there",
    "link": "the linker refuses",
    "make": "make has given up",
    "cmake": "CMake refuses to configure",
    "ninja": "ninja has given up",
    "tool": "another build tool (Maven, Gradle, npm, cargo, go, pip, rake) has given up",
    "exception": "a script of the build died of an exception",
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


class Signal(NamedTuple):
    """What a line says. `fatal`: the tool that printed it has given up."""

    error_class: str
    fatal: bool = False


class _Marker(NamedTuple):
    keyword: str  # must stand in the line; what makes a look cheap
    pattern: re.Pattern[str] | None
    signal: Signal
    stages: frozenset[str]  # stages whose usual noise may not hide it


_ALWAYS = frozenset({"configure", "test"})
_IN_CONFIGURE = frozenset({"configure"})
_IN_TEST = frozenset({"test"})
_NEVER: frozenset[str] = frozenset()


def _marker(
    error_class: str, keyword: str, pattern: str = "", *, fatal: bool = False, stages: frozenset[str] = _NEVER
) -> _Marker:
    return _Marker(keyword, re.compile(pattern) if pattern else None, Signal(error_class, fatal), stages)


def _test(keyword: str, pattern: str = "") -> _Marker:
    return _marker("test", keyword, pattern, stages=_IN_TEST)


_NOT_FILE_TOOLS = r"^(?!\s*(?:\+ )?(?:/\S*/)?(?:rm|ls|cat|find|grep|stat|which|sed|readlink)\b)"

# In the order of trial: the machine's troubles first, for they explain the rest.
_MARKERS: tuple[_Marker, ...] = (
    _marker("ice", "internal compiler error", stages=_ALWAYS),
    _marker("oom", "illed signal terminated program", stages=_ALWAYS),
    _marker("oom", "virtual memory exhausted", stages=_ALWAYS),
    _marker("oom", "annot allocate memory", stages=_ALWAYS),
    _marker("oom", "OutOfMemoryError", stages=_IN_CONFIGURE),
    _marker("oom", "ut of memory", r"(?:^|: |\b)(?:Out of memory|out of memory)\b"),
    _marker("oom", "signal: killed"),
    _marker("disk", "o space left on device", stages=_ALWAYS),
    _marker("disk", "quota exceeded", r"Disk quota exceeded", stages=_ALWAYS),
    _marker("network", "ould not resolve", r"ould not resolve (?:host|proxy|hostname)\b|'\S+' could not resolve"),
    _marker("network", "name resolution", r"(?:[Ff]ailure in name resolution)"),
    _marker("network", "onnection ", r"[Cc]onnection (?:timed out|reset by peer|to \S+ timed out)"),
    _marker("network", "etwork is unreachable"),
    _marker("network", "not transfer artifact"),
    _marker("network", "unable to access 'http"),
    _marker("network", "ailed to fetch http"),
    _marker("network", "requested URL returned error"),
    _marker("network", "NOT MATCH", r"DO NOT MATCH THE HASHES|did NOT match"),
    _marker("network", "mismatch", r"(?i)\b(?:checksum|hash|sha\d+|md5)(?: \w+)? mismatch"),
    _marker("network", "ETIMEDOUT"),
    _marker("network", "ECONNRE"),
    _marker("clock", "lock skew detected", stages=_ALWAYS),
    _marker("permission", "ermission denied", r"(?:: |\b)[Pp]ermission denied"),
    _marker("permission", "ead-only file system"),
    _marker("missing", "configure: error:", fatal=True, stages=_IN_CONFIGURE),
    _marker("missing", "No such file or directory", _NOT_FILE_TOOLS),
    _marker("missing", "cannot find -l"),
    _marker("missing", "ackage ", r"Package '?\S+'?,? .*not found|No package '.*' found|: package \S+ does not exist"),
    _marker("missing", "No module named", r"(?:ModuleNotFoundError|ImportError): "),
    _marker("missing", "ommand not found"),
    _marker("missing", ": not found", r"sh: (?:line )?\d*:? ?\S+: not found|: Command not found"),
    _marker("missing", "ould not find ", r"Could not find (?:artifact|gem|a version|method|\S+ in any of the sources)"),
    _marker("missing", "No matching distribution"),
    _marker("missing", "cannot find package"),
    _marker("missing", "annot find module"),
    _marker("link", "undefined reference to"),
    _marker("link", "multiple definition of"),
    _marker("link", " returned ", r"\bld returned \d+ exit status"),
    _marker("link", "inker command failed"),
    _marker("link", "ndefined symbols for architecture"),
    _marker(
        "make", "***", r"^\S*make\S*: \*\*\* (?!Waiting)|\*\*\* \[[^\]]*\] Error \d+", fatal=True, stages=_ALWAYS
    ),
    _marker("make", "No rule to make target", fatal=True, stages=_ALWAYS),
    _marker("cmake", "CMake Error", stages=_IN_CONFIGURE),
    _marker("cmake", "onfiguring incomplete", r"-- Configuring incomplete", fatal=True, stages=_ALWAYS),
    _marker("ninja", "ninja: ", r"^ninja: (?:build stopped|error:|fatal:)", fatal=True, stages=_ALWAYS),
    _marker("ninja", "FAILED: ", r"^FAILED: \S+\.\w+ ?$|^FAILED: \[code"),
    _marker("tool", "BUILD FAIL", r"^(?:\[\w+\] )?BUILD FAIL(?:URE|ED)\b", fatal=True, stages=_ALWAYS),
    _marker("tool", "Build failed with an exception", fatal=True, stages=_ALWAYS),
    _marker("tool", "ailed to execute goal", r"^\[ERROR\] ", fatal=True, stages=_ALWAYS),
    _marker("tool", "npm ERR!", r"npm ERR! (?:code|errno|Test failed|\S+@\S+ \w+: )", fatal=True, stages=_ALWAYS),
    _marker("tool", "could not compile", r"^error: could not compile", fatal=True, stages=_ALWAYS),
    _marker("tool", "aborting due to", r"^error: aborting due to"),
    _marker("tool", "rake aborted!", fatal=True, stages=_ALWAYS),
    _marker("tool", "error: command ", r"\berror: command '?.* failed", fatal=True, stages=_ALWAYS),
    _marker("tool", "ailed building wheel", r"ERROR: +Failed building wheel", fatal=True),
    _marker("tool", "did NOT complete", fatal=True, stages=_ALWAYS),
    _marker("tool", "ERROR: ", r"^\S*meson\.build:\d+:\d+: ERROR: ", fatal=True, stages=_ALWAYS),
    _test("FAIL", r"^\s*--- FAIL: |^FAIL(?:: |\t)|^FAIL$|^FAILED \S*::|^test result: FAILED|\[  FAILED  \]"),
    _test("FAIL", r"# FAIL:\s+[1-9]|^FAILED \(\w+=\d+[^)]*\)|<<< FAILURE!|^FAIL +\S+\.[jt]sx?"),
    _test("ERROR", r"^ERROR: (?:\w+ \([\w.]+\)|\S+\.(?:test|sh|exp)\b)|<<< ERROR!"),
    _test("failure", r"^\d+ examples?, [1-9]\d* failures?|\b\d+ (?:assertions|tests|runs), .*\b[1-9]\d* failures"),
    _test(" errors", r"\b\d+ (?:assertions|tests|runs), .*\b[1-9]\d* errors"),
    _test("ailures: ", r"^Tests run: \d+, +(?:Failures: [1-9]|.*Errors: [1-9])"),
    _test(" failed", r"^=+ .*\b[1-9]\d* failed|tests passed, [1-9]\d* tests? failed|^Tests?:\s.*\d failed"),
    _test(" failed", r"^\d+ (?:tests? completed|scenarios?|steps?)\b.*\b\d+ failed"),
    _test("unexpected failures", r"# of unexpected failures\s+[1-9]"),
    _test("here were failing tests"),
    _test("not ok ", r"^\s*not ok \d+(?!.*# (?:TODO|SKIP))"),
    _marker("compile", "rror", r"\S: (?:fatal )?error(?: [A-Z]+\d+)?: "),
    _marker("compile", "rror", r"^error(?:\[E\d+\])?: |^\s*\w*SyntaxError: |^\S+\(\d+,\d+\): error |^error TS\d+"),
    _marker("compile", "COMPILATION ERROR"),
    _marker("compile", ".go:", r"^(?:\./)?[\w./-]+\.go:\d+:\d+: (?!.*\bwarning\b)"),
    _marker("compile", ".java:[", r"^\[ERROR\] \S+\.java:\["),
    _marker("exception", "Traceback (most", r"^\s*Traceback \(most recent call last\)"),
    _marker("exception", "Exception in thread"),
    _marker("exception", "panic: ", r"^panic: "),
)  # fmt: skip

_HARMLESS = re.compile(
    r"(?:\b|: )(?:warning|note|candidates are|candidate|In file included from)\b ?[:(\[]|candidates are:"
)
_HARMLESS_WORDS = ("warning", "note:", "candidate")
# What every marker's keyword holds: few enough that looking for each is the cheapest way past an ordinary line.
_TRACES = (
    "rror", "ail", "FAIL", "ot f", "ot r", "ould ", "annot", "o such", "No ", "illed", "emory", "on denied", "exceeded",
    "resolution", "mismatch", "NOT", "onnection", "unreachable", "ECONN", "ETIMED", "skew", "ndefined", "multiple def",
    " returned ", "***", "onfiguring inc", "ninja: ", "abort", "not ok", "ERR", ".go:", ".java:[", "Traceback",
    "Exception", "panic", "unable", "o space", "file system", "COMPIL", "ackage ", "not transfer", "ommand not",
)  # fmt: skip


def signal_of(line: str, stage: str = "") -> Signal | None:
    """What a plain line says when the build is in `stage`; None for the great majority.

    >>> signal_of("a.c:3:1: error: expected ';'", "compile")
    Signal(error_class='compile', fatal=False)
    >>> signal_of("make: *** [Makefile:2: all] Error 1")
    Signal(error_class='make', fatal=True)
    >>> signal_of("conftest.c:3:1: error: no", "configure"), signal_of("a.c:1:1: warning: error: x")
    (None, None)
    """
    for trace in _TRACES:
        if trace in line:
            break
    else:
        return None
    noisy = stage in _ALWAYS
    for marker in _MARKERS:
        if marker.keyword not in line:
            continue
        if noisy and stage not in marker.stages:
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
