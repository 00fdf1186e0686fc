"""What a forecast says of the state that made it, and what a successor is told."""

from __future__ import annotations

import msgspec

from agents.lineage import HEADER, Lineage, Origin, Strand

AT = {"build-events.v1": 7}


def test_a_forecast_names_its_state_its_origin_and_its_batch() -> None:
    strand = Strand(Origin("mother", AT))
    name, raw = strand.header({"build-events.v1": 9})
    assert name == HEADER
    assert msgspec.json.decode(raw, type=Lineage) == Lineage(strand.state, Origin("mother", AT), {"build-events.v1": 9})


def test_a_state_that_no_forecast_has_named_is_passed_over() -> None:
    strand = Strand(Origin("mother", AT))
    assert strand.left_at({"build-events.v1": 11}) == Origin("mother", AT)
    strand.header(AT)
    assert strand.left_at({"build-events.v1": 11}) == Origin(strand.state, {"build-events.v1": 11})


def test_every_opened_state_has_an_id_of_its_own() -> None:
    assert len({Strand().state for _ in range(100)}) == 100
