"""docs/events.md, made from the declarations: `python -m streams.reference > docs/events.md` (held equal by a test)."""

from __future__ import annotations

import inspect
import re

import msgspec

from streams import events
from streams.topics import TOPICS
from streams.wire import KINDS

__all__ = ["markdown"]

_HEAD = """# Events and topics

Made from the declarations by `python -m streams.reference > docs/events.md`. Every record is a CloudEvent 1.0
(structured JSON; `content-type`, `ce_id` and `ce_type` also as headers) that carries a CDEvent 0.5.1; the fields below
stand in its `customData`. `source` + `id` is the dedupe key. Times are seconds since the epoch in UTC, ratios 0 to 1.
Fields are only ever added. What is no event goes to `dead-letters.v1` with its raw bytes and the reason.

## Topics

| topic | key | partitions | kept | carries |
|---|---|---|---|---|
"""


def markdown() -> str:
    """The whole page."""
    return (
        _HEAD
        + "".join(_topics())
        + "\n## Events\n"
        + "".join(_event(kind.struct) for kind in KINDS.values())
        + _values()
    )


def _topics() -> list[str]:
    rows = []
    for topic in TOPICS.values():
        kept = "for ever" if topic.keep_seconds is None else f"{topic.keep_seconds // 86_400} days"
        carries = ", ".join(kind.__name__ for kind in topic.carries) or "raw bytes with the reason in headers"
        rows.append(f"| `{topic.name}` | {topic.key} | {topic.partitions or 'N (8)'} | {kept} | {carries} |\n")
    return rows


def _event(struct: type[events.Event]) -> str:
    name = next(kind.name for kind in KINDS.values() if kind.struct is struct)
    return f"\n### {struct.__name__}\n`{name}`\n{_doc(struct)}\n{_fields(struct)}"


def _values() -> str:
    shared = (events.Run, events.Interval, events.Reason, events.Counterfactual, events.RankedMetric, events.Delayed,
              events.ModelRef, events.AbortVerdict, events.Lineage, events.PriorFeatures, events.Checkpoint,
              events.ProcessSample)  # fmt: skip
    return "\n## Parts\n" + "".join(f"\n### {part.__name__}\n{_doc(part)}\n{_fields(part)}" for part in shared)


def _doc(struct: type) -> str:
    own = struct.__dict__.get("__doc__")
    return f"{inspect.cleandoc(own)}\n" if own else ""


def _fields(struct: type) -> str:
    skip = {"id", "source", "time", "host"} if issubclass(struct, events.Event) else set()
    comments = _comments(struct)
    rows = []
    for field in msgspec.structs.fields(struct):
        if field.name in skip:
            continue
        kind = str(field.type).replace("streams.events.", "").replace("typing.", "").replace("|", "or")
        kind = re.sub(r"<class '([^']+)'>", r"\1", kind)
        needed = "yes" if field.required else ""
        rows.append(f"| `{field.name}` | {kind} | {needed} | {comments.get(field.name, '')} |\n")
    return "| field | type | required | |\n|---|---|---|---|\n" + "".join(rows) if rows else ""


def _comments(struct: type) -> dict[str, str]:
    lines = inspect.getsource(struct).splitlines()
    found = (re.match(r"\s+(\w+): .*?  # (.*)$", line) for line in lines)
    return {match[1]: match[2] for match in found if match}


if __name__ == "__main__":
    print(markdown(), end="")
