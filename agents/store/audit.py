"""Lines of the audit trail for what is no event: who changed what, when, from what to what."""

from __future__ import annotations

import uuid
from typing import Any

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from agents.store import tables
from agents.store.database import connect
from agents.store.rows import Write
from agents.store.writer import Item, Writer
from streams.errors import Unavailable

__all__ = ["add_line", "line"]


def line(
    principal: str, time: float, action: str, subject: str, body: Any = None, before: str = "", after: str = ""
) -> Write:
    """One line; `body` is whatever else is worth keeping, as JSON."""
    return Write(tables.audit, {
        "id": uuid.uuid4().hex, "time": time, "principal": principal, "action": action, "subject": subject[:191],
        "body": msgspec.json.encode(body).decode(), "before_value": before, "after_value": after,
    })  # fmt: skip


async def add_line(url: str, write: Write) -> None:
    """Keep a line; `Unavailable` says why it could not be kept."""
    engine = connect(url, pool=1)
    try:
        refused = await Writer(engine).write([Item("line", [write])])
    except (SQLAlchemyError, OSError) as error:
        raise Unavailable(str(getattr(error, "orig", None) or error)) from error
    finally:
        await engine.dispose()
    if refused:
        raise Unavailable(refused[0].reason)
