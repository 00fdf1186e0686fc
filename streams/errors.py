"""Errors, named by who must act.

BuildcastError
├── InvalidEvent    nobody retries: dead letter with the reason
├── Unavailable     the caller waits `retry_after_seconds` and tries the same thing again
├── Rejected        the other side will never take it: count it, keep it aside
└── ConfigError     a person: one message that says what to do; exit code 2
"""

from __future__ import annotations

__all__ = ["BuildcastError", "ConfigError", "InvalidEvent", "Rejected", "Unavailable"]


class BuildcastError(Exception):
    """The root of everything this project raises on purpose."""


class InvalidEvent(BuildcastError):
    """Bytes that are no event of ours. `kind` is a short bounded class for metrics and dead letters."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail


class Unavailable(BuildcastError):
    """A broker, database or peer that is away for now."""

    def __init__(self, detail: str, retry_after_seconds: float = 1.0) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class Rejected(BuildcastError):
    """The other side will never take this value."""


class ConfigError(BuildcastError):
    """A setting, argument or file that a person must put right; the message says how."""
