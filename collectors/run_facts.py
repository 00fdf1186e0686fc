"""What is known of a run before it does anything: whose it is, what it is called, on what it runs."""

from __future__ import annotations

import os
import platform
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from collectors.compiler_cache import cache_warm
from collectors.output import OutputPolicy
from collectors.redaction import Redactor
from collectors.worktree import read_worktree
from streams.events import Run

__all__ = ["RunOptions", "TelemetryPolicy", "cpu_model", "jobs_of", "run_facts"]


@dataclass(frozen=True)
class TelemetryPolicy:
    """How often the run is looked at, and how long it may be waited for."""

    first_sample_seconds: float = 1.0
    last_sample_seconds: float = 5.0  # what the pause grows to
    growth: float = 1.05  # so that a pause is a twentieth of the time that has passed
    host_sample_seconds: float = 10.0
    finish_seconds: float = 5.0  # for telling the end, once the build is over
    backlog_bytes: int = 8 << 20  # output waiting to be looked at; more is only counted
    look_bytes: int = 1 << 16  # of a piece of output that is looked at while there is a backlog


@dataclass(frozen=True)
class RunOptions:
    """What a person may say of a run; empty text means: find out."""

    name: str = ""
    project: str = ""
    host: str = ""
    run_id: str = ""
    pipeline_id: str = ""
    version: str = ""
    jobs: int | None = None
    folder: Path = field(default_factory=Path.cwd)
    output_to_stderr: bool = False  # the build's standard output too, because ours is wanted for something else
    observe_git: bool = True
    links: dict[str, str] = field(default_factory=dict)
    output: OutputPolicy = field(default_factory=OutputPolicy)
    telemetry: TelemetryPolicy = field(default_factory=TelemetryPolicy)

    @property
    def host_id(self) -> str:
        """The host's name, where none was given."""
        return self.host or socket.gethostname()


def run_facts(command: Sequence[str], options: RunOptions, proc: Path = Path("/proc")) -> Run:
    """A run as it stands at its start."""
    tree = read_worktree(options.folder)
    project = options.project or tree.name or options.folder.resolve().name or "root"
    space = os.statvfs(options.folder)
    return Run(
        run_id=options.run_id or uuid4().hex,
        name=options.name or f"{project} {os.path.basename(command[0])}",
        project=project,
        branch=tree.branch,
        commit=tree.commit,
        event_type="local",
        version=options.version,
        pipeline_id=options.pipeline_id,
        parallelism=options.jobs or jobs_of(command, os.environ.get("MAKEFLAGS", "")),
        cpu_model=cpu_model(_text(proc / "cpuinfo")) or platform.machine(),
        cpu_count=len(os.sched_getaffinity(0)),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        cache_warm=cache_warm(os.environ),
        disk_free_bytes=space.f_bavail * space.f_frsize,
        command=Redactor(os.environ).command(command)[:1000],
        links=options.links,
    )


_JOBS = re.compile(r"^(?:-j|--jobs=|--parallel=|-j=)(\d+)$")
_JOBS_NEXT = frozenset({"-j", "--jobs", "--parallel", "-T", "--max-workers"})


def jobs_of(command: Sequence[str], makeflags: str = "") -> int | None:
    """How many jobs a command line asks for; None where it does not say, 0 where it sets no bound; plain make does one.

    >>> jobs_of(["make", "-j8"]), jobs_of(["ninja", "-j", "3"]), jobs_of(["make", "-j"]), jobs_of(["make"], "-j2")
    (8, 3, 0, 2)
    >>> jobs_of(["make", "all"]), jobs_of(["ninja"]), jobs_of(["sh", "-c", "./configure && make"])
    (1, None, 1)
    """
    words = [*makeflags.split(), *_words(command)]
    found = None
    for number, word in enumerate(words):
        match = _JOBS.match(word)
        if match:
            found = int(match[1])
        elif word in _JOBS_NEXT:
            following = words[number + 1] if number + 1 < len(words) else ""
            found = int(following) if following.isdigit() else (0 if word == "-j" else found)
    return 1 if found is None and any(os.path.basename(word) in ("make", "gmake") for word in words) else found


def _words(command: Sequence[str]) -> list[str]:
    """The words of a command; a shell's script counts by its words."""
    words: list[str] = []
    for word in command:
        words += word.split() if " " in word else [word]
    return words


def cpu_model(cpuinfo: str) -> str:
    """The processor's name from /proc/cpuinfo.

    >>> cpu_model("processor : 0\\nmodel name\\t: AMD EPYC 7B13\\n")
    'AMD EPYC 7B13'
    """
    found = re.search(r"^(?:model name|Model|cpu)\s*:\s*(.+)$", cpuinfo, re.M)
    return found[1].strip() if found else ""


def _text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(4096)
    except OSError:
        return ""
