"""The cache of advisories in the database: one host reads the feeds, every host of the site asks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Collection, Iterable
from typing import TypeVar

import msgspec

from agents.store.advisories import AdvisoryRow, AdvisoryRows
from agents.store.database import check, connect, migrate
from collectors.vulnerability import Advisory, FeedPosition
from collectors.vulnerability.identity import normal_name

__all__ = ["DatabaseCache"]

T = TypeVar("T")
_advisories = msgspec.json.Decoder(Advisory)


class DatabaseCache:
    """An `AdvisoryCache`. `ConfigError` where the database is not of this version; an embedded one is made."""

    def __init__(self, url: str) -> None:
        asyncio.run(_ready(url))
        self._engine = connect(url, pool=1)
        self._rows = AdvisoryRows(self._engine)
        self._loop = asyncio.new_event_loop()

    def put(self, advisories: Iterable[Advisory]) -> None:
        self._wait(self._rows.put([_row(one) for one in advisories]))

    def find(self, products: Collection[str]) -> list[Advisory]:
        found = [_advisories.decode(body) for body in self._wait(self._rows.find(products))]
        return [one for one in found if not _products(one).isdisjoint(products)]

    def modified(self, ids: Collection[str]) -> dict[str, str]:
        return self._wait(self._rows.modified(ids))

    def position(self, feed: str) -> FeedPosition:
        body = self._wait(self._rows.position(feed))
        return msgspec.json.decode(body, type=FeedPosition) if body else FeedPosition()

    def save_position(self, feed: str, position: FeedPosition) -> None:
        self._wait(self._rows.save_position(feed, msgspec.json.encode(position).decode(), time.time()))

    def compact(self) -> None:
        """Rows are replaced as they come."""

    def close(self) -> None:
        """Let go of the connection."""
        if not self._loop.is_closed():
            self._wait(self._engine.dispose())
            self._loop.close()

    def _wait(self, work: Awaitable[T]) -> T:
        return self._loop.run_until_complete(_awaited(work))


async def _ready(url: str) -> None:
    if url.startswith("sqlite"):
        await migrate(url)
    await check(url)


async def _awaited(work: Awaitable[T]) -> T:
    return await work


def _products(advisory: Advisory) -> set[str]:
    return {normal_name(one.product, one.ecosystem) for one in advisory.affected}


def _row(advisory: Advisory) -> AdvisoryRow:
    return AdvisoryRow(
        advisory.id, advisory.modified, sorted(_products(advisory)), msgspec.json.encode(advisory).decode()
    )
