"""What vulnerability feeds said, for a whole site: advisories, the products they name, how far a feed was read.

Nothing is taken away: a product that an advisory named once leads to it still; whoever matches looks at the advisory.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Table, select
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.store import tables
from agents.store.rows import Write
from agents.store.writer import Item, Writer

__all__ = ["AdvisoryRow", "AdvisoryRows"]

_BATCH = 500


@dataclass(frozen=True)
class AdvisoryRow:
    """One advisory: `modified` orders two copies, `products` are normal names, `body` is the whole of it as JSON."""

    id: str
    modified: str
    products: Collection[str]
    body: str


class AdvisoryRows:
    """Questions and writes over one engine."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._writer = Writer(engine)
        self.refused = 0  # advisories with an id or a product's name that fits no column

    async def put(self, rows: Iterable[AdvisoryRow]) -> None:
        """Of two copies the one modified later stays; of equals the last."""
        items = [Item(row.id, _writes(row)) for row in rows]
        for start in range(0, len(items), _BATCH):
            self.refused += len(await self._writer.write(items[start : start + _BATCH]))

    async def find(self, products: Collection[str]) -> list[str]:
        """Bodies of all advisories that name, or named, one of the products."""
        a, p = tables.advisories, tables.advisory_products
        join = a.join(p, p.c.advisory_id == a.c.id)
        found = await self._chunked(select(a.c.id, a.c.body).select_from(join).distinct(), p.c.product, products)
        return list({row["id"]: row["body"] for row in sorted(found, key=lambda row: row["id"])}.values())

    async def modified(self, ids: Collection[str]) -> dict[str, str]:
        """When advisories were last modified, where known."""
        a = tables.advisories
        found = await self._chunked(select(a.c.id, a.c.modified), a.c.id, ids)
        return {row["id"]: row["modified"] for row in found}

    async def position(self, feed: str) -> str | None:
        """How far a feed was read, as it was saved."""
        t = tables.feed_positions
        async with self._engine.connect() as connection:
            return (await connection.execute(select(t.c.body).where(t.c.feed == feed))).scalar_one_or_none()

    async def save_position(self, feed: str, body: str, at: float) -> None:
        """Replace what was saved. `at`: seconds since the epoch."""
        row = {"feed": feed, "body": body, "version": f"{at:018.6f}"}
        await self._writer.write([Item(feed, [Write(tables.feed_positions, row, "version")])])

    async def _chunked(self, query: Any, column: Column[Any], values: Collection[str]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        wanted = sorted(values)
        async with self._engine.connect() as connection:
            for start in range(0, len(wanted), _BATCH):
                some = query.where(column.in_(wanted[start : start + _BATCH]))
                found += [dict(row) for row in (await connection.execute(some)).mappings()]
        return found


def _writes(row: AdvisoryRow) -> list[Write]:
    """Names that are longer than any product's are cut out, so that one feed's slip loses no advisory."""
    kept = {"id": row.id[:191], "modified": row.modified[:191], "body": row.body}
    links: list[tuple[Table, dict[str, str]]] = [
        (tables.advisory_products, {"product": name, "advisory_id": row.id[:191]})
        for name in dict.fromkeys(row.products)
        if 0 < len(name) <= 191
    ]
    return [Write(tables.advisories, kept, "modified"), *(Write(table, link) for table, link in links)]
