"""Bytes and events: golden files, both CloudEvents modes, the standards' own schemas, and anything at all as input."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from referencing import Registry, Resource

from streams import events
from streams.codec import MAX_BYTES, decode, encode, headers
from streams.errors import InvalidEvent
from streams.wire import KINDS, kind_of
from tests.builders import one_of_each, started

GOLDEN = Path(__file__).parents[1] / "golden"
SCHEMAS = Path(os.environ.get("BUILDCAST_DATA", Path(__file__).parents[2] / ".." / "shared" / "data")) / "schemas"
EACH = one_of_each()


def test_every_kind_on_the_wire_has_an_example() -> None:
    assert {kind_of(event).name for event in EACH} == set(KINDS)


@pytest.mark.parametrize("event", EACH, ids=lambda event: type(event).__name__)
def test_what_was_encoded_is_decoded(event: events.Event) -> None:
    assert decode(encode(event), headers(event)) == event


@pytest.mark.parametrize("event", EACH, ids=lambda event: type(event).__name__)
def test_events_of_every_version_stay_readable(event: events.Event) -> None:
    """A golden file is written once per version of an event and never changed."""
    golden = GOLDEN / "v1" / f"{type(event).__name__}.json"
    assert decode(golden.read_bytes()) == event


@pytest.mark.parametrize("event", EACH, ids=lambda event: type(event).__name__)
def test_binary_mode_is_read_too(event: events.Event) -> None:
    envelope = json.loads(encode(event))
    found = [(f"ce_{name}", str(envelope[name]).encode()) for name in ("id", "source", "type", "specversion")]
    data = json.dumps(envelope["data"]).encode()
    assert decode(data, [*found, ("content-type", b"application/json")]) == event


@pytest.fixture(scope="module")
def registry() -> Registry[Any]:
    if not SCHEMAS.is_dir():
        pytest.skip(f"the standards' schemas are not at {SCHEMAS} (set BUILDCAST_DATA)")
    links = (SCHEMAS / "cdevents-0.5.1" / "schemas" / "links").glob("*.json")
    found: Registry[Any] = Registry()
    for path in links:
        schema = json.loads(path.read_text())
        found = found.with_resource(schema["$id"], Resource.from_contents(schema))
    return found


@pytest.mark.parametrize("event", EACH, ids=lambda event: type(event).__name__)
def test_every_event_keeps_the_standards(event: events.Event, registry: Registry[Any]) -> None:
    envelope = json.loads(encode(event))
    checker = jsonschema.FormatChecker()
    cloudevents = json.loads((SCHEMAS / "cloudevents-1.0" / "cloudevents.json").read_text())
    jsonschema.validate(envelope, cloudevents, format_checker=checker)
    folder = SCHEMAS / "cdevents-0.5.1"
    name = kind_of(event).name
    path = folder / "custom" / "schema.json"
    if name.startswith("dev.cdevents."):
        path = folder / "schemas" / f"{''.join(name.split('.')[2:4])}.json"
    schema = json.loads(path.read_text())
    validator = jsonschema.validators.validator_for(schema)(schema, registry=registry, format_checker=checker)
    validator.validate(envelope["data"])


def _mutated(change: dict[str, Any]) -> bytes:
    envelope = json.loads(encode(started()))
    return json.dumps(envelope | change).encode()


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (None, "tombstone"),
        (b"", "tombstone"),
        (b"not json", "bad-json"),
        (b"\xff\xfe{}", "bad-utf8"),
        (b"[]", "bad-schema"),
        (b"{}", "bad-schema"),
        (b"[" * 10_000, "too-deep"),
        (b'{"a":' * 10_000, "too-deep"),
        (b'"' + b"x" * (MAX_BYTES + 1) + b'"', "too-large"),
        (_mutated({"specversion": "0.3"}), "unknown-version"),
        (_mutated({"type": "dev.cdevents.taskrun.started.9.0.0"}), "unknown-version"),
        (_mutated({"type": "com.example.other"}), "unknown-type"),
        (encode(started()).replace(b"1760000000.0", b"NaN"), "bad-json"),
        (encode(started()).replace(b"1760000000.0", b"1e400"), "bad-schema"),
        (encode(started()).replace(b"1760000000.0", b"-1.0"), "bad-time"),
        (encode(started()).replace(b'"parallelism":4', b'"parallelism":"four"'), "bad-schema"),
        (encode(started()).replace(b'"run_id":"run-1"', b'"run_id":7'), "bad-schema"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_is_no_event_is_refused_with_a_class(raw: bytes | None, kind: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        decode(raw)
    assert refused.value.kind == kind


@pytest.mark.parametrize("name", ["ce_type", "content-type", "ce_id"])
def test_a_header_without_a_value_is_as_if_it_were_absent(name: str) -> None:
    assert decode(encode(started()), [(name, None)]) == started()


def test_an_added_field_of_a_newer_minor_version_is_skipped() -> None:
    raw = encode(started()).replace(b"taskrun.started.0.3.0", b"taskrun.started.0.4.0")
    assert decode(raw.replace(b'"host":', b'"new_field":1,"host":')) == started()


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_give_an_event_or_a_refusal(raw: bytes) -> None:
    with pytest.raises(InvalidEvent):
        decode(raw)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(EACH), st.integers(0, 2000), st.binary(min_size=1, max_size=4))
def test_damaged_events_give_an_event_or_a_refusal(event: events.Event, at: int, patch: bytes) -> None:
    raw = encode(event)
    at %= len(raw)
    try:
        decode(raw[:at] + patch + raw[at + len(patch) :])
    except InvalidEvent:
        return


_text = st.text(max_size=40)
_number = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=200, deadline=None)
@given(
    st.builds(
        events.HostSampled,
        id=_text.filter(bool),
        source=_text.filter(bool),
        time=st.floats(0, 2e9),
        host=_text,
        metrics=st.dictionaries(_text, _number, max_size=5),
    )
    | st.builds(
        events.LogSignal,
        id=_text.filter(bool),
        source=_text.filter(bool),
        time=st.floats(0, 2e9),
        run_id=_text,
        error_class=_text,
        line=_text,
        count=st.integers(0, 2**53),
    )
)
def test_decoding_undoes_encoding(event: events.Event) -> None:
    assert decode(encode(event)) == event


def test_numbers_that_json_cannot_write_are_refused_when_read() -> None:
    event = events.HostSampled(id="1", source="/h", time=0.0, metrics={"x": math.nan})
    with pytest.raises(InvalidEvent):
        decode(encode(event))
