"""Events to bytes and back: CloudEvents 1.0 whose data is a CDEvent 0.5.1.

We write structured mode (the whole envelope as JSON) and read structured and binary mode (attributes in `ce_` headers,
Kafka protocol binding 3.1-3.2). Any bytes give an event or `InvalidEvent`, never anything else. The fields of ours
stand in `customData`; `decode(encode(x)) == x`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from streams.errors import InvalidEvent
from streams.events import Event
from streams.wire import KINDS, Kind, kind_of

__all__ = ["CONTENT_TYPE", "MAX_BYTES", "SENT_AT", "decode", "encode", "headers"]

CONTENT_TYPE = "application/cloudevents+json; charset=UTF-8"
SENT_AT = "sent-at"  # header: the sending host's clock when it sent, seconds since the epoch
MAX_BYTES = 1_000_000  # below the broker's default message.max.bytes; larger records are refused unread
_MAX_DEPTH = 64
_MAX_SECONDS = 253_402_300_799.0  # the last second of the year 9999: what RFC 3339 can write

Headers = Iterable[tuple[str, bytes | None]]


class _Context(msgspec.Struct, frozen=True):
    id: str
    source: str
    type: str
    timestamp: str
    specversion: str = "0.5.1"


class _Subject(msgspec.Struct, frozen=True):
    id: str
    content: dict[str, Any]


class _CDEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    context: _Context
    subject: _Subject
    customData: msgspec.Raw = msgspec.Raw(b"{}")  # the standard's spelling


class _Envelope(msgspec.Struct, frozen=True):
    id: str
    source: str
    type: str
    specversion: str
    data: msgspec.Raw = msgspec.Raw(b"null")


_encoder = msgspec.json.Encoder()
_envelopes = msgspec.json.Decoder(_Envelope)
_cdevents = msgspec.json.Decoder(_CDEvent)
_structs: dict[str, msgspec.json.Decoder[Event]] = {
    name: msgspec.json.Decoder(kind.struct) for name, kind in KINDS.items()
}
_version = re.compile(r"\.(\d+)\.(\d+)\.(\d+)$")
_families = {_version.sub("", name): kind for name, kind in KINDS.items()}


def encode(event: Event) -> bytes:
    """The event as one structured-mode CloudEvent."""
    kind = kind_of(event)
    subject, timestamp = kind.subject(event) or "-", _rfc3339(event.time)
    context = {
        "specversion": "0.5.1",
        "id": event.id,
        "source": event.source,
        "type": kind.name,
        "timestamp": timestamp,
    }
    data = {
        "context": context,
        "subject": {"id": subject, "content": kind.content(event)},
        "customData": event,
        "customDataContentType": "application/json",
    }
    return _encoder.encode(
        {
            "specversion": "1.0",
            "id": event.id,
            "source": event.source,
            "type": kind.name,
            "subject": subject,
            "time": timestamp,
            "datacontenttype": "application/json",
            "data": data,
        }
    )


def headers(event: Event) -> list[tuple[str, bytes]]:
    """Record headers: the content type, and id and type for consumers that route without parsing."""
    return [
        ("content-type", CONTENT_TYPE.encode()),
        ("ce_id", event.id.encode()),
        ("ce_type", kind_of(event).name.encode()),
    ]


def decode(raw: bytes | None, headers: Headers = ()) -> Event:
    """The event in a record of either CloudEvents mode, or `InvalidEvent` with the reason's class."""
    if not raw:
        raise InvalidEvent("tombstone", "the record has no value")
    if len(raw) > MAX_BYTES:
        raise InvalidEvent("too-large", f"{len(raw)} bytes, at most {MAX_BYTES} are read")
    if _depth_exceeds(raw, _MAX_DEPTH):
        raise InvalidEvent("too-deep", f"nested deeper than {_MAX_DEPTH} levels")
    try:
        return _decode(raw, {name: value for name, value in headers or () if value is not None})
    except UnicodeDecodeError as error:
        raise InvalidEvent("bad-utf8", "the record is not UTF-8") from error
    except msgspec.ValidationError as error:
        raise InvalidEvent("bad-schema", str(error)) from error
    except (msgspec.DecodeError, RecursionError, ValueError, OverflowError) as error:
        raise InvalidEvent("bad-json", str(error)) from error


def _decode(raw: bytes, found: dict[str, bytes]) -> Event:
    raw.decode()  # msgspec leaves text unchecked inside skipped values
    binary = "ce_type" in found and not found.get("content-type", CONTENT_TYPE.encode()).lower().startswith(
        b"application/cloudevents"
    )
    if binary:
        type_ = found["ce_type"].decode()
        data: bytes | msgspec.Raw = raw
    else:
        envelope = _envelopes.decode(raw)
        if envelope.specversion != "1.0":
            raise InvalidEvent("unknown-version", f"CloudEvents {envelope.specversion[:20]!r} is not 1.0")
        type_, data = envelope.type, envelope.data
    kind = _kind(type_)
    event = _structs[kind.name].decode(_cdevents.decode(data).customData)
    _check(event)
    return event


def _kind(type_: str) -> Kind:
    if kind := KINDS.get(type_):
        return kind
    family = _version.sub("", type_)
    if kind := _families.get(family):
        # A newer minor version only adds fields, which are skipped; another major one may mean something else.
        ours, theirs = _version.search(kind.name), _version.search(type_)
        if ours and theirs and ours[1] == theirs[1]:
            return kind
        raise InvalidEvent("unknown-version", f"{type_[:120]!r} has a major version that is not read here")
    raise InvalidEvent("unknown-type", f"{type_[:120]!r}")


def _check(event: Event) -> None:
    if not event.id or not event.source:
        raise InvalidEvent("bad-schema", "id and source must not be empty")
    if not 0.0 <= event.time <= _MAX_SECONDS:
        raise InvalidEvent("bad-time", f"time {event.time!r} is not within the years 1970 to 9999")


def _rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _depth_exceeds(raw: bytes, limit: int) -> bool:
    """Whether brackets nest deeper than `limit`: a cheap pre-check, exact only outside of strings."""
    if raw.count(b"[") + raw.count(b"{") <= limit:
        return False
    depth = 0
    for part in _brackets.finditer(raw):
        if (token := part[0]) in b"[{":
            depth += 1
            if depth > limit:
                return True
        elif token in b"]}":
            depth -= 1
    return False


_brackets = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
