"""Where a partition's state comes from, told with every forecast so that each can be made again from the topics.

Two input topics meet in one state, and how their records interleave is the fetches' chance: after a crash it may be
another way. So nothing pretends that it is fixed; each forecast names the state that made it (an id made whenever a
partition is opened), the snapshot that this state went on from, and where its batch began. Within a batch the records
go by broker time; between batches only forecasts could tell the order, and those are on the topic.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

import msgspec

__all__ = ["HEADER", "Lineage", "Origin", "Strand"]

HEADER = "lineage"


class Origin(msgspec.Struct, frozen=True):
    """What a state went on from."""

    state: str = ""  # the state whose snapshot it was; empty: built from the log
    offsets: dict[str, int] = {}  # next offsets by topic at which it left that state, or up to which the log was read
    model: int = 0  # offset of the model that described runs while the log was read


class Lineage(msgspec.Struct, frozen=True):
    """What a forecast's header says."""

    state: str
    origin: Origin
    batch: dict[str, int]  # next offsets by topic when the forecast's batch began


@dataclass
class Strand:
    """One opened state's place among the others."""

    origin: Origin = field(default_factory=Origin)
    state: str = field(default_factory=lambda: secrets.token_hex(6))
    told: bool = False  # whether a forecast has named this state

    def header(self, batch: dict[str, int]) -> tuple[str, bytes]:
        """The record header of a forecast."""
        self.told = True
        return HEADER, msgspec.json.encode(Lineage(self.state, self.origin, batch))

    def left_at(self, offsets: dict[str, int]) -> Origin:
        """What a successor goes on from. A state that no forecast has named is passed over."""
        return Origin(self.state, dict(offsets)) if self.told else self.origin
