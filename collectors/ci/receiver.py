"""A provider's webhook to events: size, then proof over the raw bytes, and only then is the body read.

Replay: `generic`, and whoever signs as it does, carries a signed time of at most 5 minutes. The CI systems sign none:
a delivery whose facts are all older than `STALE_SECONDS` (GitHub offers redelivery for three days) tells nothing, and
a younger one is dropped by its ids.
"""

from __future__ import annotations

from collections.abc import Mapping

from collectors.ci import github, gitlab, jenkins
from collectors.ci.job import parsed_json
from collectors.ci.proof import check_github, check_gitlab, check_jenkins, check_timed
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

__all__ = ["MOST_BYTES", "PROVIDERS", "STALE_SECONDS", "receive"]

PROVIDERS = ("github", "gitlab", "jenkins", "generic")

TAKEN = (RunQueued, RunStarted, RunFinished, StepStarted, StepFinished, PipelineStarted, PipelineFinished)
"""What a CI system may tell; labels, models and alerts are others' to make."""

MOST_BYTES = 1_048_576
"""A larger body is refused unread."""

STALE_SECONDS = 3 * 86_400.0
"""The newest fact of a delivery may be so old, or as far ahead of our clock."""


def receive(provider: str, headers: Mapping[str, str], body: bytes, secret: str, now: float) -> list[Event]:
    """Events of one delivery. Rejected: not proved; InvalidEvent: too large, or proved, but no body of that provider's.

    `generic` takes one event of ours in CloudEvents JSON, signed with its time.
    """
    if provider not in PROVIDERS:
        raise Rejected(f"provider {provider[:40]!r} is not known: use {', '.join(PROVIDERS)}")
    if not secret:
        raise ConfigError(f"set BUILDCAST_WEBHOOK_SECRET_{provider.upper()} to take webhooks from {provider}")
    if len(body) > MOST_BYTES:
        raise InvalidEvent("too-large", f"the body is larger than {MOST_BYTES} bytes")
    told = {name.lower(): value for name, value in headers.items()}
    _prove(provider, told, body, secret, now)
    try:
        found = _events(provider, told, body)
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise InvalidEvent("bad-field", f"no body of {provider}: {str(error)[:150]}") from error
    return found if any(abs(now - event.time) <= STALE_SECONDS for event in found) else []


def _prove(provider: str, headers: Mapping[str, str], body: bytes, secret: str, now: float) -> None:
    if provider == "github":
        check_github(headers, body, secret)
    elif provider == "gitlab":
        check_gitlab(headers, secret)
    elif provider == "jenkins" and "x-buildcast-signature" not in headers:
        check_jenkins(headers, secret)
    else:
        check_timed(headers, body, secret, now)


def _events(provider: str, headers: Mapping[str, str], body: bytes) -> list[Event]:
    if provider == "github":
        return github.hook_events(headers.get("x-github-event", ""), parsed_json(body))
    if provider == "gitlab":
        return gitlab.hook_events(parsed_json(body))
    if provider == "jenkins":
        return jenkins.hook_events(parsed_json(body))
    return [_of_a_build(decode(body))]


def _of_a_build(event: Event) -> Event:
    if not isinstance(event, TAKEN):
        raise InvalidEvent("bad-kind", f"{type(event).__name__} is not told by webhook: only runs, steps and pipelines")
    return event
