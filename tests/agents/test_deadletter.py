"""Headers that nobody of ours wrote: a dead letter is made and read all the same."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from agents.deadletter import _letter, dead_record


def consumed(*headers: tuple[str, bytes | None]) -> Any:
    return SimpleNamespace(topic="build-events.v1", partition=1, offset=7, key=None, value=b"x", headers=headers)


@pytest.mark.parametrize("said", [b"", b"many", b"\xff", b"-5", b"1e9", None])
def test_nonsense_in_the_attempts_is_no_attempt(said: bytes | None) -> None:
    made = dead_record(consumed(("replay-attempts", said)), "bad-json", "no JSON")
    assert dict(made.headers)["attempts"] == b"1"


def test_attempts_add_up() -> None:
    assert dict(dead_record(consumed(("replay-attempts", b"2")), "bad-json", "").headers)["attempts"] == b"3"


def test_a_foreign_record_among_the_dead_letters_is_shown() -> None:
    foreign = SimpleNamespace(offset=3, value=None, headers=[("origin-partition", b"zero"), ("attempts", b"")])
    letter = _letter(foreign)
    assert (letter.number, letter.partition, letter.offset, letter.attempts) == (3, -1, -1, 1)
