"""Live updates as server-sent events (WHATWG HTML, 9.2)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from agents.api.auth import Reader
from agents.api.hub import Hub, Listener, TooManyListeners
from agents.api.problems import Problem
from agents.api.services import services

__all__ = ["EventStream", "router"]

router = APIRouter(tags=["live"])
_HEARTBEAT_SECONDS = 15.0


class EventStream(Response):
    """A listener's messages until it leaves, or until it has taken nothing for `stalled_seconds`."""

    def __init__(self, hub: Hub, listener: Listener, stalled_seconds: float) -> None:
        super().__init__(media_type="text/event-stream", headers={"Cache-Control": "no-store"})
        del self.headers["content-length"]
        self._hub, self._listener, self._stalled = hub, listener, stalled_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        leaving = asyncio.ensure_future(_until_gone(receive))
        sending = asyncio.ensure_future(self._send_all(send))
        try:
            await asyncio.wait((leaving, sending), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hub.leave(self._listener)
            for task in (leaving, sending):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, OSError, TimeoutError):
                    await task

    async def _send_all(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async for chunk in self._chunks():
            async with asyncio.timeout(self._stalled):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _chunks(self) -> AsyncIterator[bytes]:
        yield b"retry: 1000\n\n"
        async for chunk in self._listener.chunks(_HEARTBEAT_SECONDS):
            yield chunk


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@router.get(
    "/stream",
    summary="Live updates",
    response_class=Response,
    responses={200: {"content": {"text/event-stream": {"example": 'event: forecast\ndata: {"risk": 0.4}\n\n'}}}},
)
async def stream(
    request: Request, _who: Reader, last_event_id: Annotated[str, Header(max_length=100)] = ""
) -> Response:
    """Kinds: forecast, alert-raised, alert-resolved, run-started, run-finished, anomaly, model, label-revised, reset.

    `reset` says that messages were lost: ask again for what you show."""
    parts = services(request)
    try:
        listener = parts.hub.join(last_event_id)
    except TooManyListeners as error:
        raise Problem(503, str(error), "close a page that is not needed, or raise BUILDCAST_API_LISTENERS",
                      {"Retry-After": "10"}) from error  # fmt: skip
    return EventStream(parts.hub, listener, parts.settings.api_stalled_seconds)
