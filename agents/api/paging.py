"""Pages by cursor (where the last page ended: time and id, newest first) and entity tags."""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from fastapi import Query, Request
from starlette.responses import Response

from agents.api.problems import Problem

__all__ = ["After", "Cursor", "Limit", "cursor_of", "encoded", "page", "parse_cursor", "reply", "send"]

Cursor = tuple[float, str]
Limit = Annotated[int, Query(ge=1, le=500, description="Rows a page.")]
After = Annotated[str, Query(max_length=600, description="`next` of the page before; empty for the first.")]
_decoder = msgspec.json.Decoder(Cursor)


def cursor_of(row: Mapping[str, Any], time: str, key: str) -> str:
    """The opaque text that says: everything behind this row."""
    return base64.urlsafe_b64encode(msgspec.json.encode((row[time], row[key]))).decode().rstrip("=")


def parse_cursor(text: str) -> Cursor | None:
    """Where to go on, None at the beginning."""
    if not text:
        return None
    try:
        found: Cursor = _decoder.decode(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, msgspec.DecodeError, ValueError) as error:
        raise Problem(400, "`after` is no cursor of ours", "take `next` of the page before, unchanged") from error
    if not math.isfinite(found[0]):
        raise Problem(400, "`after` is no cursor of ours", "take `next` of the page before, unchanged")
    return found


def page(rows: Sequence[Mapping[str, Any]], limit: int, time: str, key: str) -> dict[str, Any]:
    """Rows with the cursor of the next page; give one row more than `limit` to say that there is one."""
    more = len(rows) > limit
    kept = list(rows[:limit])
    return {"items": kept, "next": cursor_of(kept[-1], time, key) if more and kept else ""}


def reply(request: Request, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A value as JSON with its entity tag; 304 where the caller holds it already."""
    return send(request, *encoded(value), status, headers)


def encoded(value: Any) -> tuple[bytes, str]:
    """The JSON of a value and its entity tag."""
    body = msgspec.json.encode(value)
    return body, f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def send(
    request: Request, body: bytes, tag: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A response of what is encoded already."""
    all_headers = {"ETag": tag, "Cache-Control": "no-cache", **(headers or {})}
    if status == 200 and tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=all_headers)
    return Response(body, status, all_headers, "application/json")
