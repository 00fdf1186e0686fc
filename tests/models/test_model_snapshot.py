"""The model's sealed snapshot: whatever it holds, it is loaded exactly or refused with a reason (T13)."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest

from models.forecaster import Forecaster, ForecasterConfig
from models.snapshot import CODE_VERSION, MAX_BYTES, RIVER_VERSION, SnapshotRefused, probe, seal, unseal

KEY = b"k" * 32
CONFIG = ForecasterConfig()
WANTED = {"code": CODE_VERSION, "river": RIVER_VERSION, "config": CONFIG.name, "offset": 0}


def sealed(payload: bytes, header: bytes | None = None) -> bytes:
    """A payload behind a right seal, however wrong it is."""
    header = json.dumps(WANTED).encode() if header is None else header
    body = len(header).to_bytes(4, "big") + header + payload
    return b"BCSNAP01" + hmac.digest(KEY, body, hashlib.sha256) + body


class Code:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.path}",)


def test_what_was_sealed_answers_alike() -> None:
    assert probe(unseal(seal(Forecaster(), KEY), KEY, CONFIG)) == probe(Forecaster())


@pytest.mark.parametrize("place", [0, 9, 45, 80, -1])
def test_a_flipped_byte_is_refused(place: int) -> None:
    raw = bytearray(seal(Forecaster(), KEY))
    raw[place] ^= 1
    with pytest.raises(SnapshotRefused):
        unseal(bytes(raw), KEY, CONFIG)


def test_another_key_another_river_and_another_code_are_refused() -> None:
    with pytest.raises(SnapshotRefused, match="another key"):
        unseal(seal(Forecaster(), b"x" * 32), KEY, CONFIG)
    for name in ("code", "river", "config"):
        header = json.dumps({**WANTED, name: "older"}).encode()
        with pytest.raises(SnapshotRefused, match=f"another lineage: .*{name}"):
            unseal(sealed(pickle.dumps(Forecaster()), header), KEY, CONFIG)


def test_code_in_a_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    with pytest.raises(SnapshotRefused, match="no forecaster is made of"):
        unseal(sealed(pickle.dumps(Code(tmp_path / "ran"))), KEY, CONFIG)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "payload",
    [b"", b"no pickle", pickle.dumps(Forecaster())[:-50], pickle.dumps([1, 2]), b"\x80\x05\x96" + b"\xff" * 8 + b"."],
    ids=["empty", "arbitrary", "cut off", "a list", "a byte array of 2^64"],
)
def test_a_payload_that_is_no_forecaster_is_refused(payload: bytes) -> None:
    with pytest.raises(SnapshotRefused):
        unseal(sealed(payload), KEY, CONFIG)


@pytest.mark.parametrize("header", [b"\xff", b"[]", b"{"])
def test_a_header_that_names_nothing_is_refused(header: bytes) -> None:
    with pytest.raises(SnapshotRefused, match="header"):
        unseal(sealed(b"", header), KEY, CONFIG)


def test_an_offset_other_than_the_headers_is_refused() -> None:
    header = json.dumps({**WANTED, "offset": 7}).encode()
    with pytest.raises(SnapshotRefused, match="does not hold the forecaster"):
        unseal(sealed(pickle.dumps(Forecaster()), header), KEY, CONFIG)


def test_a_bomb_is_refused_unread() -> None:
    class Huge(bytes):
        def __len__(self) -> int:
            return MAX_BYTES + 1

    with pytest.raises(SnapshotRefused, match="at most"):
        unseal(Huge(), KEY, CONFIG)
