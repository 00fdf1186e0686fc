"""The journal: what was appended is read again, whatever happened to the file's end."""

from __future__ import annotations

from pathlib import Path

from streams.journal import Journal
from tests.builders import finished, started


def test_events_are_read_in_the_order_they_were_appended(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "state" / "journal.jsonl")
    journal.append([started(), finished()], sync=True)
    journal.append([])
    assert [event for _, event in journal.read()] == [started(), finished()]
    assert [offset for offset, _ in journal.read(1)] == [1]


def test_a_torn_last_line_is_dropped_counted_and_written_past(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.append([started()])
    with journal.path.open("ab") as file:
        file.write(b'{"specversion":"1.0","id":"torn')
    journal.append([finished()])
    assert [event for _, event in journal.read()] == [started(), finished()]
    assert journal.rejected == 1


def test_a_journal_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    assert list(Journal(tmp_path / "none.jsonl").read()) == []


def test_a_growing_file_is_followed_from_where_it_was_left(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    assert journal.read_from(0) == ([], 0)
    journal.append([started()])
    first, position = journal.read_from(0)
    with journal.path.open("ab") as file:
        file.write(b"no event\n")
    journal.append([finished()])
    with journal.path.open("ab") as file:
        file.write(b'{"torn')
    then, end = journal.read_from(position)
    assert (first, then, journal.rejected) == ([started()], [finished()], 1)
    assert journal.read_from(end) == ([], end)
