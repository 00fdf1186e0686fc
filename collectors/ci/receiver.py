"""A provider's webhook to events: size, then proof over the raw bytes, and only then is the body read."""

from __future__ import annotations

from collections.abc import Mapping

from collectors.ci import github, gitlab
from collectors.ci.job import parsed_json
from collectors.ci.proof import check_github, check_gitlab, check_timed
from streams.codec import decode
from streams.errors import ConfigError, InvalidEvent, Rejected
from streams.events import (
    Event,
    PipelineFinished,
    PipelineStarted,
    RunFinished,
    RunQueued,
    RunStarted,
    StepFinished,
    StepStarted,
)

__all__ = ["MOST_BYTES", "PROVIDERS", "receive"]

PROVIDERS = ("github", "gitlab", "generic")

TAKEN = (RunQueued, RunStarted, RunFinished, StepStarted, StepFinished, PipelineStarted, PipelineFinished)
"""What a CI system may tell; labels, models and alerts are others' to make."""

MOST_BYTES = 1_048_576
"""A larger body is refused unread."""


def receive(provider: str, headers: Mapping[str, str], body: bytes, secret: str, now: float) -> list[Event]:
    """Events of one delivery. Rejected: not proved; InvalidEvent: proved, but no body of that provider's.

    `generic` takes one event of ours in CloudEvents JSON, signed with its time.
    """
    if provider not in PROVIDERS:
        raise Rejected(f"provider {provider[:40]!r} is not known: use {', '.join(PROVIDERS)}")
    if not secret:
        raise ConfigError(f"set BUILDCAST_WEBHOOK_SECRET_{provider.upper()} to take webhooks from {provider}")
    if len(body) > MOST_BYTES:
        raise Rejected(f"the body is larger than {MOST_BYTES} bytes")
    told = {name.lower(): value for name, value in headers.items()}
    _prove(provider, told, body, secret, now)
    try:
        return _events(provider, told, body)
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise InvalidEvent("bad-field", f"no body of {provider}: {str(error)[:150]}") from error


def _prove(provider: str, headers: Mapping[str, str], body: bytes, secret: str, now: float) -> None:
    if provider == "github":
        check_github(headers, body, secret)
    elif provider == "gitlab":
        check_gitlab(headers, secret)
    else:
        check_timed(headers, body, secret, now)


def _events(provider: str, headers: Mapping[str, str], body: bytes) -> list[Event]:
    if provider == "github":
        return github.hook_events(headers.get("x-github-event", ""), parsed_json(body))
    if provider == "gitlab":
        return gitlab.hook_events(parsed_json(body))
    return [_of_a_build(decode(body))]


def _of_a_build(event: Event) -> Event:
    if not isinstance(event, TAKEN):
        raise InvalidEvent("bad-kind", f"{type(event).__name__} is not told by webhook: only runs, steps and pipelines")
    return event
