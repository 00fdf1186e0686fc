"""A forecaster as sealed bytes: header and payload under an HMAC, checked before anything is parsed.

The payload is a pickle read by an unpickler that knows only the classes a forecaster is made of; a snapshot of another
code or River version, config or key, a damaged one or one that is too large is refused with a reason, and the caller
folds the log again. A loaded model must answer a probe before it is trusted.
Layout: magic (8) | HMAC-SHA256 (32) | header length (4, big endian) | header (JSON) | payload.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import pickle
from typing import IO, TYPE_CHECKING, Any

import river

from models.forecaster import Forecaster, ForecasterConfig
from streams.events import Run

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = [
    "CODE_VERSION",
    "MAX_BYTES",
    "RIVER_VERSION",
    "SnapshotRefused",
    "loaded",
    "probe",
    "seal",
    "seal_into",
    "unseal",
]

RIVER_VERSION: str = river.__version__
CODE_VERSION = "13"  # raised whenever a fold over the same log would end in another state
MAX_BYTES = 512 * 2**20
_MAGIC = b"BCSNAP01"
_MODULES = ("models.", "river.", "numpy", "streams.events")
_BUILTINS = {
    "builtins": {"set", "frozenset", "dict", "list", "tuple", "int", "float", "str", "bool", "bytes", "complex",
                 "object", "bytearray", "slice", "range"},
    "collections": {"Counter", "OrderedDict", "defaultdict", "deque"},
    "random": {"Random"},
    "functools": {"partial"},
    "_codecs": {"encode"},
    "copyreg": {"_reconstructor", "__newobj__"},
    "datetime": {"datetime", "timedelta"},
    "array": {"array", "_array_reconstructor"},
    "msgspec._utils": {"rebuild"},  # how the kept examples come back
}  # fmt: skip


class SnapshotRefused(Exception):
    """A snapshot that is not used, and why; the log is folded instead."""


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        listed = name in _BUILTINS.get(module, ())
        ours = "." not in name and any(module == m.rstrip(".") or module.startswith(m) for m in _MODULES)
        if ours and module.startswith("numpy"):
            ours = name in {"ndarray", "dtype", "scalar", "_reconstruct", "_frombuffer", "Generator", "PCG64",
                            "__generator_ctor", "__bit_generator_ctor", "RandomState", "MT19937", "__randomstate_ctor",
                            "SeedSequence", "float64", "int64"}  # fmt: skip
        if not (listed or ours):
            raise SnapshotRefused(f"holds {module}.{name}, which no forecaster is made of")
        return super().find_class(module, name)


def seal(forecaster: Forecaster, key: bytes) -> bytes:
    """The forecaster with its offset, config name, code and River version, sealed with the key."""
    file = io.BytesIO()
    seal_into(file, forecaster, key)
    return file.getvalue()


def seal_into(file: IO[bytes], forecaster: Forecaster, key: bytes) -> None:
    """Write what `seal` gives to a seekable file, without tens of megabytes in memory on the way."""
    header = json.dumps(
        {
            "code": CODE_VERSION,
            "river": RIVER_VERSION,
            "config": forecaster.config.name,
            "offset": forecaster.offset,
        }
    ).encode()
    file.write(_MAGIC + bytes(32))
    sealed = _Sealed(file, key)
    sealed.write(len(header).to_bytes(4, "big") + header)
    pickle.Pickler(sealed, protocol=5).dump(forecaster)
    file.seek(len(_MAGIC))
    file.write(sealed.mac.digest())


class _Sealed:
    """A file whose content goes under a seal as it is written."""

    def __init__(self, file: IO[bytes], key: bytes) -> None:
        self._file = file
        self.mac = hmac.new(key, digestmod=hashlib.sha256)

    def write(self, data: Buffer) -> int:
        self.mac.update(data)
        return self._file.write(data)


def unseal(raw: bytes, key: bytes, config: ForecasterConfig) -> Forecaster:
    """The forecaster in a sealed snapshot, or `SnapshotRefused`."""
    if len(raw) > MAX_BYTES:
        raise SnapshotRefused(f"{len(raw)} bytes, at most {MAX_BYTES} are read")
    if len(raw) < 44 or raw[:8] != _MAGIC:
        raise SnapshotRefused("is no snapshot of this kind")
    body = raw[40:]
    if not hmac.compare_digest(raw[8:40], hmac.digest(key, body, hashlib.sha256)):
        raise SnapshotRefused("was changed or sealed with another key")
    length = int.from_bytes(body[:4], "big")
    header = _header(body[4 : 4 + length])
    wanted = {"code": CODE_VERSION, "river": RIVER_VERSION, "config": config.name}
    if other := {name: header.get(name) for name, value in wanted.items() if header.get(name) != value}:
        raise SnapshotRefused(f"is of another lineage: {other}, wanted {wanted}")
    found = loaded(body[4 + length :])
    if not isinstance(found, Forecaster) or found.config != config or found.offset != header.get("offset"):
        raise SnapshotRefused("does not hold the forecaster its header names")
    probe(found)
    return found


def _header(raw: bytes) -> dict[str, Any]:
    try:
        header = json.loads(raw)
    except ValueError as error:
        raise SnapshotRefused(f"its header cannot be read: {error}") from error
    if not isinstance(header, dict):
        raise SnapshotRefused("its header names nothing")
    return header


def loaded(payload: bytes) -> Any:
    """What a payload holds, whose seal has been checked; made of the classes of models, or `SnapshotRefused`."""
    try:
        return _Unpickler(io.BytesIO(payload)).load()
    except SnapshotRefused:
        raise
    except Exception as error:  # whatever bytes make an unpickler or a class raise
        raise SnapshotRefused(f"its payload cannot be read: {error!r:.200}") from error


def probe(forecaster: Forecaster) -> float:
    """The risk of a fixed run: the same for equal models. Raises `SnapshotRefused` if the model cannot answer."""
    run = Run(run_id="probe", name="probe", project="probe", branch="main", job_count=1)
    try:
        risk = forecaster.risk.score(forecaster.risk.describe(run, 0.0)).risk
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise SnapshotRefused(f"its model does not answer: {error}") from error
    if not 0.0 <= risk <= 1.0:
        raise SnapshotRefused(f"its model answers {risk}")
    return float(risk)
