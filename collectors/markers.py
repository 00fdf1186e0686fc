"""The words of trouble: what compilers, linkers, build tools, test runners and the machine print when something broke.

A marker is a keyword (a cheap look), a pattern (the proof) and what it says. Source: the messages of GCC, Clang, LLD,
Go, Rust, javac, Kotlin, OCaml and TypeScript; make, ninja, CMake, Meson, SCons, Bazel, Maven, Gradle, sbt, npm, yarn,
pip, cargo and Docker; automake, DejaGnu, CTest, pytest, unittest, Go, Rust, JUnit, Jest, Mocha, TAP, Catch2, PHPUnit;
the C library's strerror texts; as their manuals and public build logs show them.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["MARKERS", "NOISY_STAGES", "TRACES", "Marker", "Signal"]


class Signal(NamedTuple):
    """What a line says. `fatal`: the tool that printed it has given up."""

    error_class: str
    fatal: bool = False


class Marker(NamedTuple):
    """A keyword that must stand in the line, and the stages whose usual noise may not hide it."""

    keyword: str
    pattern: re.Pattern[str] | None
    signal: Signal
    stages: frozenset[str]


NOISY_STAGES = frozenset({"configure", "test"})
_ALWAYS = NOISY_STAGES
_IN_CONFIGURE = frozenset({"configure"})
_IN_TEST = frozenset({"test"})
_NEVER: frozenset[str] = frozenset()


def _marker(
    error_class: str, keyword: str, pattern: str = "", *, fatal: bool = False, stages: frozenset[str] = _NEVER
) -> Marker:
    return Marker(keyword, re.compile(pattern) if pattern else None, Signal(error_class, fatal), stages)


def _test(keyword: str, pattern: str = "") -> Marker:
    return _marker("test", keyword, pattern, stages=_IN_TEST)


def _gave_up(error_class: str, keyword: str, pattern: str = "") -> Marker:
    return _marker(error_class, keyword, pattern, fatal=True, stages=_ALWAYS)


_NOT_FILE_TOOLS = r"^(?!\s*(?:\+ )?(?:/\S*/)?(?:rm|ls|cat|find|grep|stat|which|sed|readlink)\b)"

# In the order of trial: the machine's troubles first, for they explain the rest.
MARKERS: tuple[Marker, ...] = (
    _marker("ice", "internal compiler error", stages=_ALWAYS),
    _marker("oom", "illed signal terminated program", stages=_ALWAYS),
    _marker("oom", "unable to execute command", r"unable to execute command: Killed", stages=_ALWAYS),
    _marker("ice", "unable to execute command", r"command: (?:Segmentation|Aborted|Illegal|Bus)", stages=_ALWAYS),
    _marker("ice", "frontend command failed", stages=_ALWAYS),
    _marker("ice", "'rustc' panicked", stages=_ALWAYS),
    _marker("oom", "terminated with signal", r"\bld terminated with signal 9\b"),
    _marker("ice", "terminated with signal", r"\bld terminated with signal \d"),
    _marker("oom", "memory exhausted", r"virtual memory exhausted|: memory exhausted", stages=_ALWAYS),
    _marker("oom", "annot allocate memory", stages=_ALWAYS),
    _marker("oom", "ailed to map segment", stages=_ALWAYS),
    _marker("oom", "OutOfMemoryError", stages=_IN_CONFIGURE),
    _marker("oom", "ut of memory", r"(?:^|: |\b)(?:Out of memory|out of memory)\b"),
    _marker("oom", "insufficient memory", r"insufficient memory for the Java"),
    _marker("oom", "emory allocation of ", r"^memory allocation of \d+ bytes failed"),
    _marker("oom", "bad_alloc", r"instance of 'std::bad_alloc'"),
    _marker("oom", "MemoryError", r"^MemoryError\b"),
    _marker("oom", "emporarily unavailable", r"\bfork: (?:retry: )?Resource temporarily unavailable"),
    _marker("oom", "signal: ", r"signal: (?:killed|9\b)"),
    _marker("oom", "illed", r"^Killed$|^\S*sh: (?:line )?\d+: +\d+ Killed\b"),
    _marker("disk", "o space left on device", stages=_ALWAYS),
    _marker("disk", "quota exceeded", r"Disk quota exceeded", stages=_ALWAYS),
    _marker("disk", "ile size limit exceeded"),
    _marker("disk", "ENOSPC", r"\bENOSPC\b"),
    _marker("disk", "not enough space on the disk"),
    _marker("network", "curl: (", r"^curl: \(\d+\)", fatal=True),
    _marker("network", "unable to access 'http", fatal=True),
    _marker("network", "esolv", r"ould not resolve (?:host|proxy|hostname)\b|'\S+' could not resolve"),
    _marker("network", "esolv", r"unable to resolve host|Temporary failure resolving"),
    _marker("network", "name resolution", r"[Ff]ailure in name resolution"),
    _marker("network", "onnection ", r"[Cc]onnection (?:timed out|reset by peer|to \S+ timed out)"),
    _marker("network", "... failed: ", r"^Connecting to .*\.\.\. failed: "),
    _marker("network", "etwork is unreachable"),
    _marker("network", "not transfer artifact"),
    _marker("network", "ailed to fetch http"),
    _marker("network", "nable to fetch some archives", fatal=True),
    _marker("network", "requested URL returned error"),
    _marker("network", "not read from remote repository", fatal=True),
    _marker("network", "failed to download", r"^error: failed to download "),
    _marker("network", "RPC failed", r"^error: RPC failed"),
    _marker("network", "retries exceeded", r"Max retries exceeded with url"),
    _marker("network", "ead timed out"),
    _marker("network", "no such host", r"\blookup \S+(?: on \S+)?: no such host"),
    _marker("network", "dial tcp", r"i/o timeout|connection refused|network is unreachable"),
    _marker("network", "handshake timeout"),
    _marker("network", "eceived status code", r"Received status code [45]\d\d from server"),
    _marker("network", "HostException", r"java\.net\.UnknownHostException"),
    _marker("network", "ertificate", r"SSL certificate problem|CERTIFICATE_VERIFY_FAILED|certificate verify failed"),
    _marker("network", "npm", r"^npm (?:ERR!|error) network "),
    _marker("network", "ERROR ", r"^(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d )?ERROR [45]\d\d: ", fatal=True),
    _marker("network", " NOT ", r"DO NOT MATCH THE HASHES|checksums? did NOT match"),
    _marker("network", ": FAILED", r"^\S+\.(?:tar|t[gx]z|zip|gz|xz|bz2|deb)\S*: FAILED"),
    _marker("network", "mismatch", r"(?i)\b(?:checksum|hash|sha\d+|md5)(?: \w+)? mismatch"),
    _marker("network", "ETIMEDOUT"),
    _marker("network", "ECONNRE"),
    _marker("network", "ENOTFOUND"),
    _marker("clock", "lock skew detected", stages=_ALWAYS),
    _marker("permission", "ermission denied", r"(?:: |\b)[Pp]ermission denied"),
    _marker("permission", "ead-only file system"),
    _marker("permission", "not permitted", r"^(?!.*\bch(?:own|mod|grp)\b).*: Operation not permitted$"),
    _gave_up("ninja", "ninja: ", r"^ninja: (?:build stopped|error:|fatal:)"),
    _marker("missing", "configure: error:", fatal=True, stages=_IN_CONFIGURE),
    _marker("missing", "No such file or directory", _NOT_FILE_TOOLS),
    _marker("missing", "cannot find -l"),
    _marker("missing", "library not found for -l"),
    _marker("missing", "unable to find library -l"),
    _marker("missing", "annot open shared object file"),
    _marker("missing", "ackage ", r"Package '?\S+'?,? .*not found|No package '.*' found|: package \S+ does not exist"),
    _marker("missing", "ackage ", r"^E: Unable to locate package|no matching package named|^No package \S+ available"),
    _marker("missing", "ackage ", r"no required module provides package|: package \S+ is not in (?:std|GOROOT)"),
    _marker("missing", "No module named", r"(?:ModuleNotFoundError|ImportError): "),
    _marker("missing", "mportError: ", r"^ImportError: "),
    _marker("missing", "ommand not found"),
    _marker("missing", ": not found", r"sh: (?:line )?\d*:? ?\S+: not found|: Command not found"),
    _marker("missing", "ould not find ", r"Could not find (?:artifact|gem|a version|method|\S+ in any of the sources)"),
    _marker("missing", "No matching distribution"),
    _marker("missing", "cannot find package"),
    _marker("missing", "annot find m", r"[Cc]annot find (?:module|main module)"),
    _marker("missing", "unresolved import"),
    _marker("missing", "an't find crate"),
    _marker("missing", "an't resolve '", r"Module not found: Error: "),
    _marker("missing", "an't locate ", r"Can't locate \S+ in @INC"),
    _marker("missing", "LoadError", r"cannot load such file"),
    _marker("missing", "npm", r"^npm (?:ERR!|error) 404 "),
    _marker("link", "undefined reference to"),
    _marker("link", "multiple definition of"),
    _marker("link", " returned ", r"\bld returned \d+ exit status"),
    _marker("link", "inker command failed"),
    _marker("link", "ndefined symbol", r"ndefined symbols for|error: undefined symbol: |\.so\S*: undefined"),
    _marker("link", "uplicate symbol", r": error: duplicate symbol|^duplicate symbol"),
    _marker("link", "not found for architecture"),
    _marker("link", "can not be used when making"),
    _marker("link", "file not recognized"),
    _marker("link", "final link failed"),
    _marker("link", "error adding symbols"),
    _marker("link", "error: linking with "),
    _marker("link", "error LNK", r"\berror LNK\d+"),
    _gave_up("make", "***", r"^\S*make\S*: \*\*\* (?!Waiting)|\*\*\* \[[^\]]*\] Error \d+"),
    _gave_up("make", "***", r"^\S+:\d+: \*\*\* .*\bStop\.$|^scons: \*\*\* "),
    _gave_up("make", "No rule to make target"),
    _gave_up("make", "because of errors", r"not remade because of errors|^scons: building terminated"),
    _marker("cmake", "CMake Error", stages=_IN_CONFIGURE),
    _gave_up("cmake", "onfiguring incomplete", r"-- Configuring incomplete"),
    _marker("ninja", "FAILED: ", r"^FAILED: (?!Build did)(?:\[code=\d+\] )?\S+ *"),
    _gave_up("tool", "BUILD FAIL", r"^(?:\[\w+\] |\*\* )?BUILD FAIL(?:URE|ED)\b"),
    _gave_up("tool", "Build failed with an exception"),
    _gave_up("tool", "ailed to execute goal", r"^\[ERROR\] "),
    _marker("tool", "FAILED", r"^> Task \S+ FAILED$"),
    _gave_up("tool", "npm", r"^npm (?:ERR!|error) (?:code|errno|Test failed|Missing script|\S+@\S+ \w+: )"),
    _gave_up("tool", "Command failed with exit code", r"^(?:error| ?ELIFECYCLE ) ?Command failed"),
    _gave_up("tool", "could not compile", r"^error: could not compile"),
    _marker("tool", "aborting due to", r"^error: aborting due to"),
    _marker("tool", "failed to run custom build", r"^error: failed to run custom build command"),
    _gave_up("tool", "rake aborted!"),
    _gave_up("tool", "aborting.", r"^\*\* \S+ aborting\.$"),
    _gave_up("tool", "error: command ", r"\berror: command '?.* failed"),
    _gave_up("tool", "error: ", r"^(?:\s*\xd7 |\s*)error: (?:subprocess-exited-with-error|metadata-generation-failed)"),
    _gave_up("tool", "error: ", r"^dpkg-buildpackage: error: .* status|^error: Bad exit status|^error: builder for "),
    _marker("tool", "ailed building wheel", r"ERROR: +Failed building wheel", fatal=True),
    _gave_up("tool", "did NOT complete"),
    _gave_up("tool", "ERROR: ", r"^\S*meson\.build:\d+:\d+: ERROR: |^ERROR: failed to solve: "),
    _marker("tool", "ERROR: ", r"^ERROR: \S*BUILD\S*:\d+:\d+: .* failed"),
    _gave_up("tool", " returned a non-zero code"),
    _gave_up("tool", "[error]", r"^##\[error\]"),
    _gave_up("tool", "exceeded the maximum time limit"),
    _gave_up("tool", "No output has been received"),
    _test("FAIL", r"^\s*--- FAIL: |^\s*FAIL[: \t]\s*\S|^FAIL$|^FAILED \S*::|^test result: FAILED|\[  FAILED  \]"),
    _test("FAIL", r"# FAIL:\s+[1-9]|^FAILED \(\w+=\d+[^)]*\)|<<< FAILURE!|^FAILURES!$|^=+ FAILURES =+$"),
    _test("FAIL", r"^\S+::\S+ FAILED\b|^test \S+ \.\.\. FAILED|\.\.\. FAIL$|^Result: FAIL"),
    _test("FAIL", r"^ *\d+/\d+ .* FAIL +\d+\.\d+ ?s\b"),
    _test("TIMEOUT", r"^ *\d+/\d+ .* TIMEOUT +\d+\.\d+ ?s\b"),
    _test("ERROR", r"^ERROR: (?:\w+ \([\w.]+\)|\S+\.(?:test|sh|exp)\b)|<<< ERROR!|^ERROR \S+\.py\b|\.\.\. ERROR$"),
    _test("***", r"\bTest +#\d+: .*\*\*\*(?:Failed|Exception|Timeout)|^\*\*\* [1-9]\d* failures? "),
    _test(".py ", r"^\S+\.py [.sxX]*[FE][.sxXFE]*(?:\s|$)"),
    _test("%]", r"^[.sxX]*[FE][.sxXFE]* +\[ *\d+%\]$"),
    _test("E  ", r"^E {3,}(?:\w+\.)*\w+(?:Error|Exception)\b"),
    _test("failure", r"^\d+ examples?, [1-9]\d* failures?|\b\d+ (?:assertions|tests|runs), .*\b[1-9]\d* failures"),
    _test(" errors", r"\b\d+ (?:assertions|tests|runs), .*\b[1-9]\d* errors"),
    _test("ailures: ", r"^(?:\[\w+\] )?Tests(?: run)?: \d+, +(?:Failures: [1-9]|.*(?:Failures|Errors): [1-9])"),
    _test(" failed", r"^=+ .*\b[1-9]\d* failed|tests passed, [1-9]\d* tests? failed|^Tests?:\s.*\d failed"),
    _test(" failed", r"^\d+ (?:tests? completed|scenarios?|steps?)\b.*\b\d+ failed|\b[1-9]\d* of \d+ tests? failed"),
    _test(" failed", r"^(?:test cases|assertions): .*\b[1-9]\d* failed"),
    _test(" failing", r"^\s*[1-9]\d* failing\b"),
    _test("Fail", r"^(?:Fail|Timeout): +[1-9]|\bFailed \d+/\d+ subtests|^Failed! "),
    _test("\u2715", r"^\s*\u2715 "),
    _test(" returned ", r"Dubious, test returned \d"),
    _test("unexpected failures", r"# of unexpected failures\s+[1-9]"),
    _test("here were failing tests"),
    _test("not ok ", r"^\s*not ok \d+(?!.*# (?:TODO|SKIP))"),
    _test("test timed out", r"^panic: test timed out"),
    _marker("compile", "rror", r"(?<!\bupdate-alternatives): (?:fatal )?error(?: [A-Z]+\d+)?:(?: |$)"),
    _marker("compile", "rror", r"^(?:fatal )?error(?:\[E\d+\])?: |^\s*(?:\w*Syntax|Indentation|Tab)Error: "),
    _marker("compile", "rror", r"^\S+\(\d+,\d+\): error |^error TS\d+| - error TS\d+|^\[error\] \S+:\d+"),
    _marker("compile", "ERROR in", r"^ERROR in \S"),
    _marker("compile", "rror", r"^\S+:\d+: Error: |^Error: .* at \(1\)|^Error: (?:Unbound|This |Syntax)"),
    _marker("compile", "rror", r"^\d+ errors? generated\.|^PHP (?:Parse|Fatal) error|^\*\* \(\w*Error\)"),
    _marker("compile", "yntax error", r"[Ss]yntax error(?:: | near unexpected token| at \S+ line \d)"),
    _marker("compile", "treated as errors"),
    _marker("compile", "ompilation terminated"),
    _marker("compile", "LaTeX Error", r"^! LaTeX Error"),
    _marker("compile", "COMPILATION ERROR"),
    _marker("compile", ".go:", r"^(?:vet: )?(?:\./)?[\w./-]+\.go:\d+:\d+: (?!.*\bwarning\b)"),
    _marker("compile", ".java:[", r"^\[ERROR\] \S+\.java:\["),
    _marker("compile", ".kt", r"^e: \S+\.kts?: ?[(\d]"),
    _marker("exception", "Traceback (most", r"^\s*Traceback \(most recent call last\)"),
    _marker("exception", "Exception in thread"),
    _marker("exception", "panic", r"^panic: |^thread '.*' panicked at "),
    _marker("exception", "egmentation fault"),
    _marker("exception", "(core dumped)"),
    _marker("exception", "' failed", r"\bAssertion [`'].*' failed\b"),
    _marker("exception", "rror: ", r"^(?:Fatal )?Error: \S"),
    _marker("exception", "ERROR: ", r"^(?:FATAL )?ERROR: (?!pip's dependency)\S+ \S"),
)  # fmt: skip

# What every marker's keyword holds: few enough that looking for each is the cheapest way past an ordinary line.
TRACES = (
    "rror", "ail", "FAIL", "not ", "an't ", "o s", "No ", "illed", "emory", "denied", "exceeded", "esol",
    "mismatch", " NOT ", "onnection", "unreachable", "ECONN", "ENO", "TIME", "time", "skew", "efin", "uplicate",
    " returned ", "***", "onfiguring inc", "ninja: ", "abort", "ERR", ".go:", ".java:[", ".kt", ".py ", "%]", "E  ",
    "Traceback", "Exception", "panic", "nable", "file sys", "ackage ", "bad_alloc", "signal", "\u2715",
    "core dump", "egmentation", "ompilation term", "ertificate", "dial tcp", "curl: (", "status code", "npm",
)  # fmt: skip
