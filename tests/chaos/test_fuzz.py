"""T10 in its short form: damaged bytes into every decoder."""

from __future__ import annotations

from tests.chaos.fuzz import fuzz


def test_damaged_bytes_give_values_or_the_decoders_own_error() -> None:
    result = fuzz(20_261_124, examples=500)
    assert result.broken == [], result
