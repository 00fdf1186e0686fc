"""The formats that can be imported, by the name a person types."""

from __future__ import annotations

from dataclasses import dataclass

from collectors.imports import (
    gha_jobs,
    junit,
    nab_csv,
    ninja_log,
    sbu_report,
    sccache,
    travis_csv,
    travis_log,
)
from collectors.imports.records import Parser

__all__ = ["FORMATS", "Format"]


@dataclass(frozen=True)
class Format:
    """A parser with its meaning. `in_order`: a file's runs come sorted by their start, so that it can be streamed."""

    name: str
    parse: Parser
    meaning: str
    in_order: bool = False


FORMATS: dict[str, Format] = {
    known.name: known
    for known in (
        Format("sbu-report", sbu_report.parse, "jhalfs's SBU and disk usage report of a whole LFS build"),
        Format("travis-csv", travis_csv.parse, "a Travis CI history (TravisTorrent or DL-CIBuild columns)", True),
        Format("gha-jobs", gha_jobs.parse, "GitHub Actions jobs or annotations as JSON"),
        Format("junit", junit.parse, "JUnit XML: a run a test suite"),
        Format("ninja-log", ninja_log.parse, ".ninja_log, version 5 to 7"),
        Format("sccache", sccache.parse, "sccache --show-stats --stats-format=json"),
        Format("travis-log", travis_log.parse, "raw Travis CI job logs"),
        Format("metric-csv", nab_csv.parse, "a host metric as timestamp,value", True),
    )
}
