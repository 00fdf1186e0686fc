"""Batches into the database: one transaction a batch; a row that the database refuses is bisected out.

Rows are grouped by statement, each group sent as one multi-row upsert, so the order between tables does not matter
and the order within a row's history is kept by its guard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.sql.dml import Insert

from agents.store.database import Fault, fault_of
from agents.store.rows import Write
from agents.store.upsert import statement
from streams.errors import Unavailable

__all__ = ["Item", "Refused", "Writer"]

T = TypeVar("T")


@dataclass(frozen=True)
class Item(Generic[T]):
    """What one record wants written. `origin` is handed back when the database refuses it."""

    origin: T
    writes: Sequence[Write]


@dataclass(frozen=True)
class Refused(Generic[T]):
    """An item that can never be written, and the database's reason."""

    origin: T
    reason: str


class Writer:
    """Writes items; `rows` counts what was sent to committed transactions."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._statements: dict[tuple[str, tuple[str, ...], str | None], Insert] = {}
        self.rows = 0

    async def write(self, items: Sequence[Item[T]]) -> list[Refused[T]]:
        """Commit all items but the refused ones. `Unavailable`: nothing of this call may be counted on, call again."""
        if not items:
            return []
        try:
            await self._commit(items)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            match fault_of(error):
                case Fault.INFRASTRUCTURE:
                    raise Unavailable(f"the database is away: {_reason(error)}") from error
                case Fault.UNKNOWN:
                    raise
                case Fault.DATA:
                    return await self._bisect(items, error)
        return []

    async def _bisect(self, items: Sequence[Item[T]], error: BaseException) -> list[Refused[T]]:
        if len(items) == 1:
            return [Refused(items[0].origin, _reason(error))]
        middle = len(items) // 2
        return [*await self.write(items[:middle]), *await self.write(items[middle:])]

    async def _commit(self, items: Sequence[Item[T]]) -> None:
        groups: dict[tuple[str, tuple[str, ...], str | None], list[dict[str, object]]] = {}
        count = 0
        for item in items:
            for write in item.writes:
                key = (write.table.name, tuple(write.row), write.guard)
                if key not in self._statements:
                    self._statements[key] = statement(write.table, key[1], key[2], self._engine.dialect.name)
                groups.setdefault(key, []).append(dict(write.row))
                count += 1
        async with self._engine.begin() as connection:
            # Always the same order of tables and keys: two sinks cannot wait for each other.
            for key in sorted(groups, key=str):
                await connection.execute(self._statements[key], groups[key])
        self.rows += count


def _reason(error: BaseException) -> str:
    return str(getattr(error, "orig", None) or error)[:300]
