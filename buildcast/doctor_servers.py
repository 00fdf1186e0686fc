"""The servers that this machine's processes need: is the broker set up for us, is the database of this version?"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from agents.admin import check_topics
from agents.store.database import revisions
from buildcast.doctor import Finding
from streams.errors import BuildcastError, ConfigError
from streams.topics import TOPICS

__all__ = ["broker", "database"]


def broker(bootstrap: str | None, partitions: int) -> list[Finding]:
    """Does it answer to this user, with our topics of the right size?"""
    if bootstrap is None:
        return [Finding("broker", "ok", "none is named: local mode")]
    try:
        counts = asyncio.run(check_topics(bootstrap, TOPICS))
    except BuildcastError as error:
        kind = "topics" if isinstance(error, ConfigError) else "broker"
        return [Finding(kind, "fail", str(error), "see what it says; `buildcast status` tells of the running parts")]
    return [Finding("broker", "ok", bootstrap), _topics(counts, partitions)]


def database(url: str | None) -> Finding:
    """Does it answer, and is its schema of this version?"""
    if url is None:
        return Finding("database", "ok", "none yet: local mode makes its own")
    try:
        found, wanted = asyncio.run(revisions(url))
    except BuildcastError as error:
        return Finding("database", "fail", str(error), "start it, or set BUILDCAST_DATABASE")
    if found != wanted:
        said = f"its schema is at revision {found or 'none'}, this version needs {wanted}"
        return Finding("database", "fail", said, "`buildcast db upgrade`, as the migrating user")
    return Finding("database", "ok", f"schema at revision {found}")


def _topics(counts: Mapping[str, int], partitions: int) -> Finding:
    wrong = [
        f"{name} has {counts[name]} partitions instead of {wanted}"
        for name, wanted in ((topic.name, topic.partitions or partitions) for topic in TOPICS.values())
        if counts[name] != wanted
    ]
    if wrong:
        return Finding("topics", "fail", "; ".join(wrong), "set BUILDCAST_PARTITIONS to what the topics have")
    return Finding("topics", "ok", f"{len(counts)} topics, {partitions} partitions")
