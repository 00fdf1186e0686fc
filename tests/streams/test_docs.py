"""docs/events.md says what the code declares."""

from __future__ import annotations

from pathlib import Path

from streams.reference import markdown

ROOT = Path(__file__).parents[2]


def test_the_page_of_events_is_the_one_made_from_the_declarations() -> None:
    assert (ROOT / "docs" / "events.md").read_text() == markdown(), "run python -m streams.reference > docs/events.md"
