"""A listener that does not read costs nobody else anything; one that comes back goes on where it was."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvicorn
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.types import Message as AsgiMessage

from agents.api.app import create_app
from agents.api.hub import Hub, TooManyListeners
from agents.api.log import JournalLog
from agents.api.routes.stream import EventStream
from agents.api.serve import Server
from agents.api.settings import ApiSettings
from agents.ports import free_ports


async def _next(chunks: Any) -> bytes:
    return await asyncio.wait_for(anext(chunks), 5)


async def test_every_listener_gets_every_message() -> None:
    hub = Hub(listeners=10, queue=8)
    all_chunks = [hub.join().chunks(5) for _ in range(3)]
    hub.publish("forecast", b"{}")
    for chunks in all_chunks:
        assert b"event: forecast\ndata: {}\n\n" in await _next(chunks)


async def test_listener_that_does_not_read_loses_its_own_messages_only() -> None:
    hub = Hub(listeners=10, queue=4)
    idle, reader = hub.join(), hub.join()
    chunks = reader.chunks(5)
    read = 0
    for number in range(1_000):
        hub.publish("forecast", b"%d" % number)
        read += (await _next(chunks)).count(b"event: forecast")
    assert read == 1_000
    assert reader.lost == 0
    assert idle.lost > 900
    waiting = await _next(idle.chunks(5))
    assert waiting.startswith(b"id: ")
    assert b"event: reset" in waiting
    assert waiting.count(b"\n\n") <= 4


async def test_listener_that_comes_back_goes_on_where_it_was() -> None:
    hub = Hub(listeners=10, queue=8)
    first = hub.join()
    hub.publish("forecast", b"1")
    last = (await _next(first.chunks(5))).split(b"\n")[0].removeprefix(b"id: ").decode()
    hub.leave(first)
    hub.publish("forecast", b"2")
    assert b"data: 2" in await _next(hub.join(last).chunks(5))


@pytest.mark.parametrize("last", ["other-1", "nonsense", "-", "a-99999999999999999999"])
async def test_unknown_place_is_answered_with_reset(last: str) -> None:
    hub = Hub(listeners=10, queue=8)
    assert b"event: reset" in await _next(hub.join(last).chunks(5))


async def test_silence_is_filled_with_a_comment() -> None:
    assert await _next(Hub(listeners=1, queue=8).join().chunks(0.001)) == b": still here\n\n"


def test_one_listener_too_many_is_refused() -> None:
    hub = Hub(listeners=1, queue=8)
    hub.join()
    with pytest.raises(TooManyListeners):
        hub.join()


async def test_stream_ends_when_its_reader_takes_nothing_for_long() -> None:
    hub = Hub(listeners=1, queue=8)
    response = EventStream(hub, hub.join(), stalled_seconds=0.01)
    never = asyncio.Event()

    async def receive() -> AsgiMessage:
        await never.wait()
        return {"type": "http.disconnect"}

    async def send(message: AsgiMessage) -> None:
        if message["type"] == "http.response.body":
            await never.wait()  # the socket's buffer is full

    await asyncio.wait_for(response({"type": "http"}, receive, send), 5)
    assert len(hub) == 0


async def test_stream_ends_when_its_reader_leaves() -> None:
    hub = Hub(listeners=1, queue=8)

    async def receive() -> AsgiMessage:
        return {"type": "http.disconnect"}

    async def send(message: AsgiMessage) -> None:
        await asyncio.sleep(0)

    await asyncio.wait_for(EventStream(hub, hub.join(), 5.0)({"type": "http"}, receive, send), 5)
    assert len(hub) == 0


async def test_socket_that_is_never_read_costs_a_reader_nothing_and_is_let_go(
    settings: ApiSettings, engine: AsyncEngine
) -> None:
    (port,) = free_ports(1)
    app = create_app(settings.model_copy(update={"api_stalled_seconds": 0.5}), engine, JournalLog(settings.state))
    hub: Hub = app.state.services.hub
    server = Server(uvicorn.Config(app, port=port, log_level="error"), hub)
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(120):
        while not server.started:  # noqa: ASYNC110 -- another task starts it
            await asyncio.sleep(0.01)
        (_, idle), (reader, writer) = await _listening(port), await _listening(port)
        while len(hub) < 2:  # noqa: ASYNC110 -- the server takes them in
            await asyncio.sleep(0.01)
        data = b'"' + b"x" * 100_000 + b'"'
        for number in range(300):  # thirty megabytes: more than sockets and buffers hold
            hub.publish(f"k{number}", data)
            await reader.readuntil(b"event: k%d\n" % number)
            await reader.readuntil(b"\n\n")
        while len(hub) > 1:  # noqa: ASYNC110 -- the server lets it go
            await asyncio.sleep(0.01)
        assert hub.lost == 0  # of the one that reads
        for each in (idle, writer):
            each.close()
        server.should_exit = True
        await serving


async def _listening(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=200_000)
    writer.write(b"GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    return reader, writer
