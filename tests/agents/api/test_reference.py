"""docs/api.md says what the code does."""

from __future__ import annotations

from pathlib import Path

from agents.api.reference import markdown


def test_page_of_the_docs_is_made_from_the_code() -> None:
    page = Path(__file__).parents[3] / "docs" / "api.md"
    assert page.read_text() == markdown(), "run: python -m agents.api.reference > docs/api.md"
