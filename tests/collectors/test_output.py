"""Lines of real builds, each judged by hand: the stage it marks, and what it says is broken."""

from __future__ import annotations

import csv
import os
import re
import tarfile
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.markers import MARKERS, TRACES
from collectors.output import Notice, Output, OutputPolicy, SignalSeen, StageEntered, StageLeft
from collectors.signals import CLASSES, Signal, root_class, signal_of
from collectors.stages import LINE_LIMIT, STAGES, plain, progress_of, stage_of

STAGE_LINES: list[tuple[str, str]] = [
    ("fetch", "[INFO] Downloading: http://repo.example.org/a/1.0/a-1.0.pom"),
    ("fetch", "Downloaded: https://repo.example.org/a/1.0/a-1.0.jar (2 KB at 45.3 KB/sec)"),
    ("fetch", "100% [25 Packages bzip2 0 B] [Sources 21.3 MB] [Connecting to mirror"),
    ("", "gcc (Debian 12.2.0-14) 12.2.0"),
    ("", "Starting PostgreSQL v9.3"),
    ("test", "    Start 12: net_test"),
    ("test", "Finished in 1.726806s, 1.1582 runs/s, 1.1582 assertions/s."),
    ("test", "=================================== FAILURES ==================================="),
    ("install", "Preparing to replace libc6 2.15-0 (using .../libc6_2.15-1_amd64.deb) ..."),
    ("install", "Processing triggers for libc-bin ..."),
    ("unpack", "tar -xf ../binutils-2.43.tar.xz"),
    ("unpack", "patching file gcc/config/i386/t-linux64"),
    ("unpack", "Hunk #1 succeeded at 132 (offset 4 lines)."),
    ("unpack", "Unpacking libssl1.0.0:i386 (from .../libssl1.0.0_1.0.1-4ubuntu5.20_i386.deb) ..."),
    ("fetch", "Receiving objects:  90% (309/343)"),
    ("fetch", "Downloading https://services.gradle.org/distributions/gradle-2.2.1-all.zip"),
    ("fetch", "Cloning into 'x'..."),
    ("fetch", "Collecting requests"),
    ("configure", "checking for gcc... gcc"),
    ("configure", "checking whether the C compiler works... yes"),
    ("configure", "configure: creating ./config.status"),
    ("configure", "config.status: creating Makefile"),
    ("configure", "-- The C compiler identification is GNU 12.2.0"),
    ("configure", "-- Looking for pthread.h - found"),
    ("configure", "-- Configuring done"),
    ("configure", "The Meson build system"),
    ("compile", "  CC      kernel/fork.o"),
    ("compile", "  HOSTCC  scripts/basic/fixdep"),
    ("compile", "gcc -O2 -Wall -c -o main.o main.c"),
    ("compile", "/usr/bin/x86_64-lfs-linux-gnu-g++-13 -DHAVE_CONFIG_H -I. -c a.cc"),
    ("compile", "ccache clang -c x.c -o x.o"),
    ("compile", "libtool: compile:  gcc -c x.c"),
    ("compile", "[ 12%] Building C object CMakeFiles/x.dir/a.c.o"),
    ("compile", "[3/10] Compiling C object a.p/a.c.o"),
    ("compile", "make[2]: Entering directory '/build/src'"),
    ("compile", "   Compiling serde v1.0.197"),
    ("compile", ":app:compileDebugJava"),
    ("compile", "[INFO] --- maven-compiler-plugin:3.1:compile (default-compile) @ dspace-services ---"),
    ("compile", "building 'psutil._psutil_linux' extension"),
    ("link", "libtool: link: gcc -o x x.o"),
    ("link", "[100%] Linking C executable x"),
    ("link", "  LD      vmlinux.o"),
    ("link", "  AR      lib/lib.a"),
    ("link", "gcc -pthread -shared build/temp/a.o build/temp/b.o -o build/lib/x.so"),
    ("link", "collect2: error: ld returned 1 exit status"),
    ("test", "PASS: tests/misc/help"),
    ("test", "XFAIL: tests/known"),
    ("test", "# TOTAL: 402"),
    ("test", "Running /build/gcc/testsuite/gcc.dg/dg.exp ..."),
    ("test", "# of unexpected failures\t3"),
    ("test", " 3/12 Test  #3: codec ............   Passed    0.01 sec"),
    ("test", "100% tests passed, 0 tests failed out of 12"),
    ("test", "Ran 45 tests in 1.234s"),
    ("test", "--- PASS: TestPrintlnPreservesEncodedStrings-2 (0.00s)"),
    ("test", "ok  \tgithub.com/dghubble/gologin/oauth2\t0.053s\tcoverage: 77.3% of statements"),
    ("test", "test_CCMA (test.test_download.TestDownload) ... ok"),
    ("test", "28 runs, 62 assertions, 0 failures, 0 errors, 0 skips"),
    ("test", "tests/test_utils_response.py ....."),
    ("install", "libtool: install: /usr/bin/install -c x /usr/bin/x"),
    ("install", " /usr/bin/install -c -m 644 x.h '/usr/include'"),
    ("install", "-- Installing: /usr/lib/libx.so"),
    ("install", "Libraries have been installed in:"),
    ("install", "Setting up libuuid1:i386 (2.20.1-1ubuntu3.1) ..."),
    ("", "hello world"),
    ("", "Building dependency tree"),
    ("", "javac 1.7.0_75"),
    ("", "ruby 1.9.3p551 (2014-11-13 revision 48407) [x86_64-linux]"),
    ("", "travis_time:start:0bb9e29b"),
    ("", "google.golang.org/grpc/stats"),
    ("", "groff-base is already the newest version."),
    ("", "    'timestamp': 1471363634,"),
]

SIGNAL_LINES: list[tuple[str, bool, str, str]] = [
    ("compile", False, "compile", "main.c:12:5: error: expected ';' before 'return'"),
    ("compile", False, "compile", "cc1: error: unrecognized command-line option '-fx'"),
    ("compile", False, "compile", "error[E0382]: borrow of moved value: `x`"),
    ("compile", False, "compile", "main.go:10:2: undefined: foo"),
    ("compile", False, "compile", "src/A.java:3: error: ';' expected"),
    ("compile", False, "compile", "[ERROR] COMPILATION ERROR :"),
    ("compile", False, "", "SyntaxError: invalid syntax"),
    ("missing", False, "compile", "a.c:1:10: fatal error: zlib.h: No such file or directory"),
    ("missing", False, "link", "/usr/bin/ld: cannot find -lssl: No such file or directory"),
    ("missing", False, "", "ModuleNotFoundError: No module named 'x'"),
    ("missing", True, "configure", "configure: error: Package requirements (x >= 1) were not met"),
    ("missing", False, "", "/bin/sh: 1: bison: not found"),
    ("missing", False, "fetch", "Could not find gem 'shoulda-matchers (~> 1.0) ruby' in the gems available"),
    ("link", False, "link", "main.c:(.text+0x9): undefined reference to `foo'"),
    ("link", False, "link", "b.o: multiple definition of `x'; a.o: first defined here"),
    ("link", False, "link", "collect2: error: ld returned 1 exit status"),
    ("make", True, "compile", "make[2]: *** [Makefile:12: main.o] Error 1"),
    ("make", True, "configure", "make: *** No rule to make target 'all'.  Stop."),
    ("make", True, "test", "make[1]: *** [Makefile:7: check] Error 2"),
    ("cmake", False, "configure", "CMake Error at CMakeLists.txt:3 (find_package):"),
    ("cmake", True, "configure", "-- Configuring incomplete, errors occurred!"),
    ("ninja", True, "compile", "ninja: build stopped: subcommand failed."),
    ("ninja", False, "compile", "FAILED: a.o "),
    ("ice", False, "compile", "x.c:1:1: internal compiler error: Illegal instruction"),
    ("oom", False, "compile", "g++: fatal error: Killed signal terminated program cc1plus"),
    ("oom", False, "configure", "cc1: out of memory allocating 65536 bytes: Cannot allocate memory"),
    ("oom", False, "test", "virtual memory exhausted: Cannot allocate memory"),
    ("disk", False, "install", "cp: error writing '/x': No space left on device"),
    ("disk", False, "unpack", "tar: x: Cannot write: Disk quota exceeded"),
    ("network", True, "fetch", "curl: (6) Could not resolve host: example.org"),
    ("network", True, "fetch", "fatal: unable to access 'https://x/': Connection timed out"),
    ("network", False, "fetch", "sha256 mismatch for x.tar.xz"),
    ("clock", False, "compile", "make: warning:  Clock skew detected.  Your build may be incomplete."),
    ("permission", False, "install", "install: cannot create '/usr/x': Permission denied"),
    ("test", False, "test", "FAIL: tests/misc/date"),
    ("test", False, "test", "--- FAIL: TestCallbackHandler_AccessTokenError (0.00s)"),
    ("test", False, "test", "19 examples, 1 failure"),
    ("test", False, "test", "206 scenarios (1 failed, 205 passed)"),
    ("test", False, "test", "===================== 1 failed, 85 passed in 6.57 seconds ======================"),
    ("test", False, "test", "org.dspace.content.DCDateTest  Time elapsed: 0.592 sec  <<< FAILURE!"),
    ("test", False, "test", "# of unexpected failures\t3"),
    ("tool", True, "compile", "[INFO] BUILD FAILURE"),
    ("tool", True, "", "FAILURE: Build failed with an exception."),
    ("tool", True, "test", "rake aborted!"),
    ("tool", True, "", "npm ERR! code ELIFECYCLE"),
    ("tool", True, "compile", "error: could not compile `x` due to 2 previous errors"),
    ("tool", True, "compile", "error: command '/usr/bin/gcc' failed with exit code 1"),
    ("exception", False, "", "Traceback (most recent call last):"),
]

HARMLESS: list[tuple[str, str]] = [
    ("compile", "a.c:1:1: warning: implicit declaration of 'error: x'"),
    ("compile", "a.c:1:1: note: candidate: error: nope"),
    ("compile", "  CC      lib/error.o"),
    ("configure", "conftest.c:9:10: fatal error: ac_nonexistent.h: No such file or directory"),
    ("configure", "configure:3402: error: in `/build':"),
    ("test", "test.c:1: error: this is what the test wants to see"),
    ("test", "Traceback (most recent call last):"),
    ("install", "rm: cannot remove 'x': No such file or directory"),
    ("compile", "make: [Makefile:3: clean] Error 1 (ignored)"),
    ("compile", "gcc -Werror -c error.c"),
    ("test", "0 examples, 0 failures"),
    ("test", "100% tests passed, 0 tests failed out of 12"),
    ("test", "PASS: tests/fail/error"),
    ("", "XFAIL: known failure"),
]  # fmt: skip


@pytest.mark.parametrize(("stage", "line"), STAGE_LINES)
def test_stage_of_a_line(stage: str, line: str) -> None:
    assert stage_of(plain(line)) == stage


@pytest.mark.parametrize(("error_class", "fatal", "stage", "line"), SIGNAL_LINES)
def test_signal_of_a_line(error_class: str, fatal: bool, stage: str, line: str) -> None:
    assert signal_of(plain(line), stage) == Signal(error_class, fatal)


@pytest.mark.parametrize(("stage", "line"), HARMLESS)
def test_harmless_line_says_nothing(stage: str, line: str) -> None:
    assert signal_of(plain(line), stage) is None


def test_every_class_is_described_and_every_marker_can_be_reached() -> None:
    assert {marker.signal.error_class for marker in MARKERS} | {"silence"} == set(CLASSES)
    unreachable = [marker.keyword for marker in MARKERS if not any(trace in marker.keyword for trace in TRACES)]
    assert unreachable == []


def test_colours_and_overwritten_progress_are_taken_off() -> None:
    assert plain("\x1b[01m\x1b[Ka.c:1:\x1b[m\x1b[K \x1b[01;31m\x1b[Kerror: \x1b[m\x1b[Kx\n") == "a.c:1: error: x"
    assert plain("\x1b]0;title\x07 10%\r 20%\r done\r\n") == " done"
    assert len(plain("x" * 100_000)) == LINE_LIMIT


@pytest.mark.parametrize(
    ("line", "progress"),
    [("[3/10] CC a", 0.3), ("[ 12%] Building", 0.12), ("[100%] Built", 1.0), ("[0/0] x", None), ("[12/3] x", 1.0),
     ("x [3/10]", None), ("", None)],
)  # fmt: skip
def test_progress_of_a_line(line: str, progress: float | None) -> None:
    assert progress_of(line) == progress


@given(st.text(max_size=400), st.sampled_from(["", *STAGES]))
def test_any_line_has_a_known_stage_and_class(line: str, stage: str) -> None:
    assert stage_of(plain(line)) in ("", *STAGES)
    signal = signal_of(plain(line), stage)
    assert signal is None or signal.error_class in CLASSES


def test_hostile_lines_take_no_time() -> None:
    lines = ["a " * 4096, "\x1b[" * 4096, "gcc " + "-o " * 2700, "x" * 8192, "FAIL" * 2048, "error: " * 1100,
             "[" * 8192, "-- " * 2700, "tests, " * 1100 + "1", "error: command " * 500,
             "a/" * 4096 + "b.go:1"]  # fmt: skip
    for line in lines:
        began = time.perf_counter()
        stage_of(plain(line))
        signal_of(plain(line), "test")
        signal_of(plain(line), "compile")
        assert time.perf_counter() - began < 2.0, line[:20]


def test_root_class_is_what_broke_first() -> None:
    assert root_class([Signal("missing"), Signal("compile"), Signal("make", True), Signal("test")]) == "compile"
    assert root_class([Signal("compile"), Signal("oom"), Signal("make", True)]) == "oom"
    assert root_class([Signal("make", True)]) == "make"
    assert root_class([Signal("silence"), Signal("clock")]) == ""


def seen(output: Output, text: bytes, at: float) -> list[Notice]:
    return list(output.take("stdout", text, at))


def test_stages_are_entered_and_left_with_their_times() -> None:
    output = Output()
    notices: list[Notice] = seen(output, b"checking for gcc... gcc\n", 1.0)
    notices += seen(output, b"gcc -c a.c\ngcc -c b.c\n", 5.0)
    notices += seen(output, b"gcc -c c.c\n", 6.0)
    notices += list(output.end(9.0))
    assert notices == [
        StageEntered("configure", 1.0, 0),
        StageLeft("configure", 1.0, 5.0, 0),
        StageEntered("compile", 5.0, 1),
        StageLeft("compile", 5.0, 9.0, 1),
    ]


def test_a_single_line_of_another_stage_does_not_end_a_stage() -> None:
    output = Output()
    notices = seen(output, b"gcc -c a.c\n  AR      lib.a\ngcc -c b.c\n  AR      libb.a\ngcc -c c.c\n", 1.0)
    assert notices == [StageEntered("compile", 1.0, 0)]


def test_a_stage_with_few_lines_is_entered_after_a_while() -> None:
    output = Output()
    seen(output, b"gcc -c a.c\n", 1.0)
    assert seen(output, b"PASS: a\n", 2.0) == []
    assert list(output.tick(3.5)) == [StageLeft("compile", 1.0, 2.0, 0), StageEntered("test", 2.0, 1)]


def test_lines_split_anywhere_are_read_the_same() -> None:
    text = b"checking for x... no\n" + b"gcc -c a.c\n" * 5 + b"a.c:1:1: error: \xff bad\nmake: *** [x] Error 1\n"
    whole = Output()
    expected = [*whole.take("stdout", text, 1.0), *whole.end(2.0)]
    for size in (1, 3, 7):
        output = Output()
        notices: list[Notice] = []
        for at in range(0, len(text), size):
            notices += output.take("stdout", text[at : at + size], 1.0)
        assert [*notices, *output.end(2.0)] == expected
        assert output.lines == whole.lines == text.count(b"\n")


def test_a_million_errors_make_a_handful_of_notices() -> None:
    output = Output()
    notices = [*seen(output, b"a.c:1:1: error: x\n" * 20_000, 1.0), *output.end(2.0)]
    told = [notice for notice in notices if isinstance(notice, SignalSeen)]
    assert len(told) == 2
    assert sum(notice.count for notice in told) == 20_000


def test_a_line_without_end_is_cut_and_takes_no_memory() -> None:
    output = Output()
    for _ in range(100):
        seen(output, b"x" * 65_536, 1.0)
    assert sum(map(len, output._rest.values())) <= 3 * LINE_LIMIT


def test_silence_is_told_when_it_is_longer_than_usual() -> None:
    output = Output(OutputPolicy(silent_seconds=10.0, silent_ratio=3.0))
    seen(output, b"x\n", 0.0)
    seen(output, b"x\n", 8.0)  # eight seconds are usual here
    assert list(output.tick(30.0)) == []
    told = list(output.tick(33.0))
    assert [(notice.error_class, notice.line) for notice in told if isinstance(notice, SignalSeen)] == [
        ("silence", "no output for 25 s")
    ]
    assert list(output.tick(40.0)) == []  # not again before it has doubled
    assert len(list(output.tick(60.0))) == 1


def test_skipped_output_counts_as_lines_and_breaks_the_silence() -> None:
    output = Output()
    output.skip(b"a\nb\n", 5.0)
    assert (output.lines, output.silent_seconds(6.0)) == (2, 1.0)


def _log_texts() -> list[tuple[str, str]]:
    data = Path(os.environ.get("BUILDCAST_DATA", Path(__file__).parents[2] / "../shared/data")).resolve()
    archive = data / "travis-raw-logs/dev_logs.tar.gz"
    if not archive.is_file():
        pytest.skip(f"{archive} is not there: set BUILDCAST_DATA")
    with tarfile.open(archive) as file:
        return [
            (member.name, opened.read().decode("utf-8", "replace"))
            for member in file.getmembers()
            if member.name.endswith(".log") and (opened := file.extractfile(member)) is not None
        ]


def _real_logs() -> list[tuple[str, list[str], str | None]]:
    logs = []
    for name, text in _log_texts():
        codes = re.findall(r"(?:Your build exited with|failed and exited with) (\d+)", text)
        lines = [line for line in text.split("\n") if not re.search(r"exited with|travis_time|travis_fold", line)]
        logs.append((name, lines, codes[-1] if codes else None))
    return logs


def _broke(lines: Sequence[str]) -> bool:
    """Whether what a log says, without its own last word, amounts to a broken build."""
    stage = ""
    for line in map(plain, lines):
        stage = stage_of(line) or stage
        signal = signal_of(line, stage)
        if signal is not None and (signal.fatal or signal.error_class == "test"):
            return True
    return False


@pytest.mark.data
def test_logs_of_real_builds_are_told_apart_by_their_signals() -> None:
    """Figures of this set: 58 logs with an exit code, 24 of them broken."""
    judged = [(_broke(lines), code != "0") for _, lines, code in _real_logs() if code is not None]
    right = sum(said == true for said, true in judged)
    assert len(judged) >= 55
    assert right / len(judged) >= 0.94


@pytest.mark.data
def test_hand_checked_lines_of_real_logs_have_their_stage() -> None:
    """Figures of this set, drawn and judged by hand after the markers were made: 160 of 167 right, none of the wrong
    ones told as another stage: half of the lines are of a stage, drawn evenly over stages, half of what marks none."""
    logs = {name.partition("dev_logs/")[2]: text.split("\n") for name, text in _log_texts()}
    with (Path(__file__).parent / "stage_lines.csv").open(newline="") as file:
        checked = [
            (stage_of(plain(logs[row["log"]][int(row["line"]) - 1])), row["stage"]) for row in csv.DictReader(file)
        ]
    assert len(checked) == 167
    assert sum(told == true for told, true in checked) / len(checked) >= 0.95
    assert [(told, true) for told, true in checked if told and told != true] == []


@pytest.mark.data
def test_recognisers_take_microseconds_a_line() -> None:
    lines = [plain(line) for _, lines, _ in _real_logs()[::4] for line in lines]
    best = {}
    for name, look in (("stage", stage_of), ("signal", signal_of)):
        times = []
        for _ in range(3):
            began = time.process_time()
            for line in lines:
                look(line)
            times.append((time.process_time() - began) / len(lines))
        best[name] = min(times)
    assert best["stage"] < 5e-6
    assert best["signal"] < 8e-6  # 4 to 5 on a busy machine; most of it is a search for a trace of trouble


def test_an_error_of_the_first_file_after_configure_counts() -> None:
    output = Output()
    lines = ["checking for gcc... gcc", "checking for stdio.h... yes", "checking for x... no", "gcc -O2 -c -o a.o a.c"]
    lines += ["a.c:1:12: error: expected ';' before '{' token", "make: *** [Makefile:3: a.o] Error 1"]
    found = [n for line in lines for n in output.take("out", line.encode() + b"\n", 1.0) if isinstance(n, SignalSeen)]
    assert [n.error_class for n in found] == ["compile", "make"]


def test_an_error_of_a_probe_that_shows_its_command_does_not() -> None:
    output = Output()
    lines = ["checking for gcc... gcc", "gcc -c -o conftest.o conftest.c", "conftest.c:3:1: error: no such function"]
    found = [n for line in lines for n in output.take("out", line.encode() + b"\n", 1.0) if isinstance(n, SignalSeen)]
    assert found == []
