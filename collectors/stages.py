"""Which stage of a build a line of its output belongs to: the first marker that matches wins.

Pure and quick (a few microseconds a line): a line is cut at 8 KiB, its colours are taken off and only what stands after
the last carriage return counts, for that is what a terminal would show.
Source of the markers: the output of make, autotools, kbuild, libtool, CMake, CTest, Meson, ninja, Maven, Gradle, pip,
npm, cargo and go; those of CTest as in Spack's ctest_log_parser.
"""

from __future__ import annotations

import re

__all__ = ["LINE_LIMIT", "STAGES", "plain", "progress_of", "stage_of"]

LINE_LIMIT = 8192  # characters of a line that are looked at

_COMPILER = r"(?:\S*/)?(?:[\w.]+-)*(?:gcc|g\+\+|cc|c\+\+|clang|clang\+\+|gfortran|nvcc|icc|icpc|ifort)(?:-[\d.]+)?"
_LAUNCHER = r"(?:(?:ccache|sccache|distcc|env|time|nice|/bin/(?:ba)?sh \S*libtool)\s+(?:\S+=\S+\s+)*)?"

# In the order of trial. All are tried at the start of a line without its leading blanks.
_MARKERS: tuple[tuple[str, str], ...] = (
    ("unpack", r"(?:\+ )?(?:\S*/)?(?:bsd)?tar\s+(?:-{0,2}[a-zA-Z]*x[a-zA-Z]*\b|--extract)"),
    ("unpack", r"patching file |Hunk #\d|(?:\+ )?unzip\s|Unpacking |Extracting "),
    (
        "fetch",
        r"(?:\[INFO\] )?(?:Download(?:ing|ed)[: ] ?|Fetching )|Download https?://|Collecting [\w.\[\]-]+|Get:\d+ |"
        r"Cloning into |\d+% \[(?:\d+ |Working|Connecting|Waiting)|Length: \d+ \(",
    ),
    ("fetch", r"go: downloading |go get |remote: (?:Counting|Compressing|Enumerating)"),
    ("fetch", r"(?:Receiving objects|Resolving deltas): |(?:Hit|Ign) http"),
    ("fetch", r"(?:npm )?http (?:fetch |GET )|Resolving dependencies|Updating crates\.io|Progress \(\d"),
    ("fetch", r"--\d{4}-\d\d-\d\d \d\d:\d\d:\d\d--\s+\w+://|(?:\+ )?(?:wget|curl|git clone|git fetch)\s"),
    (
        "configure",
        r"checking (?:for|whether|if|how|the|that|build|host|target|dependency|size|command|\w+[\w.+-]* )",
    ),
    ("configure", r"configure: |config\.status: |configuring |Configuring |\./configure\b|checking\.\.\."),
    (
        "configure",
        r"-- (?:The \w+ compiler|Looking for|Performing Test|Detecting|Check(?:ing)? |Found |Could NOT find)",
    ),
    (
        "configure",
        r"-- (?:Configuring|Generating|Build files)|The Meson build system|(?:Run-time dependency|Dependency) ",
    ),
    ("configure", r"Program \S+ found: |Compiler for |Checking (?:for|if) |Has header "),
    (
        "test",
        r"(?:X?PASS|X?FAIL|SKIP|UNRESOLVED|UNTESTED|UNSUPPORTED): \S|ERROR: \S+(?:$| \()|"
        r"# TOTAL:|# (?:PASS|FAIL|SKIP|ERROR):",
    ),
    (
        "test",
        r"Running \S+\.exp|# of (?:un)?expected |\d+/\d+ Test\s+#|Test\s+#?\d+|\d+% tests passed|Ran \d+ tests?\b",
    ),
    (
        "test",
        r"=== RUN |--- (?:PASS|FAIL|SKIP)|ok\s+\S+\s+(?:[\d.]+s|\(cached\))|FAIL\t|\?\s+\S+\s+\[no test files\]",
    ),
    ("test", r"\[ *(?:RUN|OK|FAILED|PASSED|-+|=+) *\]|Tests run: |Running (?:\w+\.)*\w*Tests?\w*$|T E S T S"),
    (
        "test",
        r"test \S+ \.\.\. |running \d+ tests?|test result: |=+ test session starts|collected \d+ items?",
    ),
    (
        "test",
        r"\S+\.py(?:::\S+)? (?:[.FEsxX]+|PASSED|FAILED|SKIPPED|ERROR)(?:\s|$)|[\w.]+ \([\w.]+\) \.\.\. ",
    ),
    (
        "test",
        r"(?:not )?ok \d+ |1\.\.\d+$|\d+ examples?, \d|\d+ (?:runs|tests), \d+ assertions|[.FEsxX*S]{20,}$",
    ),
    (
        "test",
        r":(?:\S+:)?(?:test|check|connectedCheck)\w*(?:\s|$)|\$ (?:rake (?:spec|test)|\S*py\.?test|go test|tox)\b",
    ),
    (
        "test",
        r"Start(?:ing [\w.-]*[Tt]est|\s+\d+: )|# Running:$|={5,} (?:FAILURES|ERRORS) =|_{5,} [\w.]*[tT]est|"
        r"Finished in [\d.]+s, |Test (?:Suites|Files)?:\s|(?:PASS|FAIL) +\S+\.[jt]sx?|Making check in ",
    ),
    (
        "install",
        r"libtool: install: |(?:\S*/)?install\s+-[cdmD]|-- (?:Installing|Up-to-date): |Libraries have been ",
    ),
    (
        "install",
        r"\s*INSTALL\s|Installing |Successfully installed |Making install in |make\S* install\b|Using \w\S* \(?\d",
    ),
    (
        "install",
        r"(?:Setting up|Preparing to (?:unpack|replace)|Selecting previously|Processing triggers for) |"
        r"Installed /|ldconfig\b|\[INFO\] --- \S*install\S*:",
    ),
    (
        "link",
        r"libtool: link: |\[\s*\d+%\] Linking |\[\d+/\d+\] Linking |Linking |(?:LD|AR|MODPOST|LINK)\s+\S|collect2: ",
    ),
    ("link", r"(?:CCLD|CXXLD|HOSTLD)\s|(?:\S*/)?(?:[\w.]+-)*(?:ld|ar|ranlib)(?:\.\w+)?\s+-?[a-zA-Z]"),
    ("link", rf"{_LAUNCHER}{_COMPILER}\s(?!(?:.*\s)?-c\s)(?=(?:.*\s)?-o\s)(?=.*\.(?:o|a|lo|so)\b)"),
    ("compile", r"(?:CC|CXX|AS|HOSTCC|HOSTCXX|RUSTC|GEN|CPP|LEX|YACC)(?:\s*\[M\])?\s+\S|libtool: compile: "),
    ("compile", rf"{_LAUNCHER}{_COMPILER}\s+(?:[^\s(].*)?-"),  # `gcc (Debian ...` tells its version
    (
        "compile",
        r"\[\s*\d+%\] |\[\d+/\d+\] |make\S*: Entering directory |Making all in |building '|"
        r"Building (?!dependency)|Compiling ",
    ),
    (
        "compile",
        r"\s*Compiling \S+ v?\d|rustc -|javac -|\[javac\]|:(?:\S+:)?compile\w*|\[INFO\] --- \S*compiler\S*:",
    ),
    ("compile", r"running build(?:_ext|_py)?$|go build |(?:/bin/(?:ba)?sh )?\S*libtool\s+.*--mode=compile"),
)

STAGES: tuple[str, ...] = ("fetch", "unpack", "configure", "compile", "link", "test", "install")

_ANY = re.compile("|".join(f"({pattern})" for _, pattern in _MARKERS))
_STAGE_AT: tuple[str, ...] = ("", *(stage for stage, _ in _MARKERS))
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_()][0-9A-Za-z]?)")
_STEPS = re.compile(r"\s*\[(?:(\d{1,7})/(\d{1,7})|\s*(\d{1,3})%)\]")


def plain(line: str) -> str:
    """The line as a terminal would show it: cut, without colours, only what stands after the last carriage return.

    >>> plain("10%\\r50%\\r\\x1b[32mdone\\x1b[0m\\n")
    'done'
    """
    line = line[:LINE_LIMIT]
    if "\x1b" in line:
        line = _ESCAPE.sub("", line)
    line = line.rstrip()
    if "\r" in line:
        line = line.rsplit("\r", 1)[1]
    return line


def stage_of(line: str) -> str:
    """The stage that a plain line marks, "" where it marks none.

    >>> stage_of("checking for gcc... gcc"), stage_of("  CC      kernel/fork.o"), stage_of("hello")
    ('configure', 'compile', '')
    """
    found = _ANY.match(line.lstrip())
    return _STAGE_AT[found.lastindex or 0] if found else ""


def progress_of(line: str) -> float | None:
    """The share of the work done, 0 to 1, where the line begins with `[3/10]` or `[ 12%]`.

    >>> progress_of("[3/10] Building C object a.o"), progress_of("[ 12%] Linking"), progress_of("x")
    (0.3, 0.12, None)
    """
    found = _STEPS.match(line) if "[" in line[:12] else None
    if found is None:
        return None
    done, total, percent = found.groups()
    if percent is not None:
        return min(1.0, int(percent) / 100)
    return min(1.0, int(done) / int(total)) if int(total) else None
