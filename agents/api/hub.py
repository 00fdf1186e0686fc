"""Live messages to many listeners. Publishing never waits: a listener that does not read loses its own queue, no more.

What a listener missed is told by one `reset` message, upon which a page asks again for the whole. The last messages
are kept so that a listener that comes back (Last-Event-ID) goes on where it was.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass

__all__ = ["Hub", "Listener", "Message", "TooManyListeners"]


class TooManyListeners(Exception):
    """The setting's number of listeners is reached."""


@dataclass(frozen=True)
class Message:
    """One event of the stream (WHATWG server-sent events)."""

    id: str
    kind: str
    data: bytes

    def encode(self) -> bytes:
        """The bytes on the wire; `data` is JSON on one line."""
        return b"id: %b\nevent: %b\ndata: %b\n\n" % (self.id.encode(), self.kind.encode(), self.data)


class Listener:
    """One reader's bounded queue."""

    def __init__(self, size: int) -> None:
        self._queue: deque[Message] = deque()
        self._size = size
        self._wake = asyncio.Event()
        self.lost = 0
        self._ended = False

    def end(self) -> None:
        """Let the reader go after what is queued."""
        self._ended = True
        self._wake.set()

    def put(self, message: Message) -> None:
        """Queue a message; a full queue is emptied and the loss is told instead."""
        if len(self._queue) >= self._size:
            self.lost += len(self._queue)
            self._queue.clear()
            self._queue.append(Message(message.id, "reset", b'{"why":"too slow"}'))
        self._queue.append(message)
        self._wake.set()

    async def chunks(self, heartbeat_seconds: float) -> AsyncIterator[bytes]:
        """Encoded messages as they come; a comment line when nothing came for a while."""
        while True:
            if not self._queue:
                if self._ended:
                    return
                self._wake.clear()
                try:
                    async with asyncio.timeout(heartbeat_seconds):
                        await self._wake.wait()
                except TimeoutError:
                    yield b": still here\n\n"
                    continue
            waiting = b"".join(message.encode() for message in self._queue)
            self._queue.clear()
            yield waiting


class Hub:
    """All listeners and the recent past."""

    def __init__(self, listeners: int, queue: int, past: int = 1_000) -> None:
        self._most, self._queue_size = listeners, queue
        self._epoch = secrets.token_hex(4)  # ids of another process's life are not ours
        self._count = 0
        self._past: deque[Message] = deque(maxlen=past)
        self._listeners: set[Listener] = set()

    def __len__(self) -> int:
        return len(self._listeners)

    @property
    def lost(self) -> int:
        """Messages that present listeners were too slow for."""
        return sum(listener.lost for listener in self._listeners)

    def publish(self, kind: str, data: bytes) -> None:
        """Hand a message to every listener, now."""
        self._count += 1
        message = Message(f"{self._epoch}-{self._count}", kind, data)
        self._past.append(message)
        for listener in self._listeners:
            listener.put(message)

    def join(self, last_id: str = "") -> Listener:
        """A new listener that begins behind `last_id`, or with `reset` where that is not known any more."""
        if len(self._listeners) >= self._most:
            raise TooManyListeners(f"{self._most} listeners are served already")
        listener = Listener(self._queue_size)
        if last_id:
            for message in self._since(last_id):
                listener.put(message)
        self._listeners.add(listener)
        return listener

    def close(self) -> None:
        """End every listener's stream: the process stops."""
        for listener in self._listeners:
            listener.end()

    def leave(self, listener: Listener) -> None:
        """Forget a listener."""
        self._listeners.discard(listener)

    def _since(self, last_id: str) -> list[Message]:
        epoch, _, number = last_id.rpartition("-")
        if epoch == self._epoch and number.isascii() and number.isdigit() and int(number) <= self._count:
            seen = int(number)
            if self._count - seen <= len(self._past):
                return list(self._past)[len(self._past) - (self._count - seen) :]
        return [Message(f"{self._epoch}-{self._count}", "reset", b'{"why":"reconnected"}')]
