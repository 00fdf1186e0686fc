"""JUnit XML: each test suite with tests of its own is a run, each failing test a log signal.

`timestamp` and `time` are optional in practice: without the first, the suite is taken to end when the file was written.
Documents with a DOCTYPE are refused: no reader of test results needs entities, and their expansion can fill a memory.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from pathlib import PurePath

from collectors.imports.records import (
    LINE_LIMIT,
    BadRecord,
    FinishedRun,
    Item,
    LeftOut,
    Origin,
    digest,
    moment,
    started_and_finished,
)
from streams.events import LogSignal, Run

__all__ = ["parse"]

SOURCE = "/import/junit"
_MAX_SIGNALS = 20  # failing tests told one by one; the rest stand in the last signal's count


class _NoDoctype(ET.TreeBuilder):
    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise ValueError("it has a DOCTYPE, which is refused")


def parse(lines: Iterable[str], origin: Origin) -> Iterator[Item]:
    """A run for each suite that holds test cases."""
    parser = ET.XMLParser(target=_NoDoctype())  # noqa: S314  # entities need a DOCTYPE, which is refused
    try:
        for line in lines:
            parser.feed(line)
        root = parser.close()
    except (ET.ParseError, ValueError) as error:
        yield BadRecord("the whole file", f"no JUnit XML: {error}")
        return
    suites = [suite for suite in root.iter("testsuite") if suite.find("testcase") is not None]
    if not suites:
        yield LeftOut("no test suite with tests in it")
    for number, suite in enumerate(suites, 1):
        try:
            yield from _suite(suite, number, origin)
        except ValueError as error:
            yield BadRecord(f"suite {number}", str(error))


def _suite(suite: ET.Element, number: int, origin: Origin) -> Iterator[Item]:
    cases = suite.findall("testcase")
    failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    seconds = _seconds(suite.get("time")) or sum(_seconds(case.get("time")) for case in cases)
    stamp = suite.get("timestamp")
    started_at = moment(stamp) if stamp else origin.modified_at - seconds
    name = suite.get("name") or f"suite {number}"
    project = origin.project or PurePath(origin.name).name.split(".", 1)[0]
    run = Run(
        run_id=f"junit/{digest(project, name, str(started_at), str(number))}",
        name=name,
        project=project,
        event_type="test",
    )
    host = origin.host or suite.get("hostname") or "junit"
    finished = FinishedRun(
        run, host, started_at, seconds, "failure" if failed else "success", error_class="test" if failed else ""
    )
    start, end = started_and_finished(finished, SOURCE)
    yield start
    for index, case in enumerate(failed[:_MAX_SIGNALS]):
        rest = len(failed) - _MAX_SIGNALS if index == _MAX_SIGNALS - 1 else 0
        yield _signal(case, index, run.run_id, host, end.time, 1 + max(0, rest))
    yield end


def _signal(case: ET.Element, index: int, run_id: str, host: str, time: float, count: int) -> LogSignal:
    fault = case.find("failure")
    fault = fault if fault is not None else case.find("error")
    message = (fault.get("message") or (fault.text or "")) if fault is not None else ""
    line = f"{case.get('classname', '')}.{case.get('name', '')}: {message}".replace("\n", " ")
    return LogSignal(
        id=f"{run_id}/signal/{index}",
        source=SOURCE,
        time=time,
        host=host,
        run_id=run_id,
        error_class="test",
        stage="test",
        line=line[:LINE_LIMIT],
        count=count,
    )


def _seconds(text: str | None) -> float:
    """JUnit writers use thousands commas; no value is 0."""
    seconds = float((text or "0").replace(",", ""))
    if not 0.0 <= seconds < 1e9:
        raise ValueError(f"a time of {text!r} seconds")
    return seconds
