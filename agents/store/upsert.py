"""One statement for every kind of `Write`, in the dialect's words: the first value stays, or the highest guard.

In MySQL assignments run left to right, so the guard column is written last. A guarded write touches only the columns
it carries, and columns shared between two guards (a run's name) are filled where they are empty.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Table, bindparam, case, func, literal_column, or_, select
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.sql.dml import Insert

from agents.store.tables import APPEND_ONLY

__all__ = ["statement"]

# Written out, not bound: the driver's multi-row path takes parameters in VALUES alone.
_EMPTY: ColumnElement[str] = literal_column("''")
# Columns that several kinds of event carry: whoever knows them first fills them, the guard's own writer improves them.
_SHARED = {"name", "project", "host", "pipeline_id", "model", "trigger_kind"}


def statement(table: Table, columns: tuple[str, ...], guard: str | None, dialect: str) -> Insert:
    """The upsert of rows with these columns."""
    return _sqlite(table, columns, guard) if dialect == "sqlite" else _mysql(table, columns, guard)


def _settable(table: Table, columns: tuple[str, ...], guard: str) -> list[str]:
    keys = {column.name for column in table.primary_key}
    return [name for name in columns if name not in keys and name != guard]


def _sqlite(table: Table, columns: tuple[str, ...], guard: str | None) -> Insert:
    insert = sqlite.insert(table)
    keys = list(table.primary_key)
    if guard is None:
        return insert.on_conflict_do_nothing(index_elements=keys)
    new, old = insert.excluded, table.c
    newer = or_(old[guard].is_(None), new[guard] >= old[guard])
    changes = {name: _choice(name, newer, new[name], old[name], guard) for name in _settable(table, columns, guard)}
    changes[guard] = case((newer, new[guard]), else_=old[guard])
    return insert.on_conflict_do_update(index_elements=keys, set_=changes)


def _mysql(table: Table, columns: tuple[str, ...], guard: str | None) -> Insert:
    insert = mysql.insert(table)
    new, old = insert.inserted, table.c
    if table.name in APPEND_ONLY:
        return _once(table, columns)
    if guard is None:
        first = next(iter(table.primary_key)).name
        return insert.on_duplicate_key_update([(first, old[first])])
    newer = or_(old[guard].is_(None), new[guard] >= old[guard])
    changes: list[tuple[str, Any]] = [
        (name, _choice(name, newer, new[name], old[name], guard)) for name in _settable(table, columns, guard)
    ]
    changes.append((guard, case((newer, new[guard]), else_=old[guard])))
    return insert.on_duplicate_key_update(changes)


def _once(table: Table, columns: tuple[str, ...]) -> Insert:
    """Insert what is not there: an `on duplicate key` would ask for the right to update."""
    keys = [column == bindparam(column.name) for column in table.primary_key]
    there = select(table).where(*keys).correlate(None)
    values = select(*(bindparam(name, type_=table.c[name].type) for name in columns))
    return mysql.insert(table).from_select(list(columns), values.where(~there.exists()))


def _choice(name: str, newer: Any, new: Any, old: Any, guard: str) -> Any:
    if name in _SHARED and guard not in ("start_version", "version", "raise_version", "request_version"):
        return case((func.coalesce(old, _EMPTY) == _EMPTY, new), else_=old)
    if name in _SHARED:
        return case((newer, case((new == _EMPTY, old), else_=new)), else_=old)
    return case((newer, new), else_=old)
