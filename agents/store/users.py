"""One MySQL user a role: `migrate` may change the schema, `sink` may only write rows, `read` may only look.

Of the audit trail even the sink may only add rows; so its right to update is given table by table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from agents.store.database import connect
from agents.store.tables import APPEND_ONLY, TABLES
from streams.errors import ConfigError, Unavailable

__all__ = ["ROLES", "create_users", "grants"]

ROLES: dict[str, str] = {
    "migrate": "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, CREATE VIEW, SHOW VIEW",
    "sink": "SELECT, INSERT",  # and UPDATE on every table that is not append-only
    "read": "SELECT",
}
_NAME = re.compile(r"^[A-Za-z0-9_]{1,64}$")
_TEMPLATE = Path(__file__).parent / "users.sql"


def grants(database: str, host: str = "%") -> list[str]:
    """The statements of `users.sql` for a database; `:migrate`, `:sink` and `:read` are the passwords."""
    if not _NAME.match(database):
        raise ConfigError(f"the database name {database!r} will not do: use letters, digits and _ only")
    if not re.fullmatch(r"[A-Za-z0-9_.:%-]{1,255}", host):
        raise ConfigError(f"{host!r} is no host pattern: write a name, an address, or % for any")
    lines = [
        line.replace("{table}", table)
        for line in _TEMPLATE.read_text().splitlines() if line and not line.startswith("--")
        for table in (sorted(TABLES.keys() - APPEND_ONLY) if "{table}" in line else [""])
    ]  # fmt: skip
    filled = "\n".join(lines).replace("{database}", database).replace("{host}", host)
    return [statement.strip() for statement in filled.split(";") if statement.strip()]


async def create_users(url: str, passwords: Mapping[str, str], host: str = "%") -> None:
    """Make or update the three users, as an owner of the database; passwords by role, sent as parameters."""
    if missing := ROLES.keys() - passwords.keys():
        raise ConfigError(f"no password is given for {', '.join(sorted(missing))}: each user needs one")
    database = make_url(url).database or ""
    engine = connect(url, pool=1)
    try:
        async with engine.begin() as connection:
            for statement in grants(database, host):
                named = {role: passwords[role] for role in ROLES if f":{role}" in statement}
                await connection.execute(text(statement), named)
    except (DBAPIError, OSError) as error:
        raise Unavailable(f"the users could not be made: {getattr(error, 'orig', None) or error}") from error
    finally:
        await engine.dispose()
