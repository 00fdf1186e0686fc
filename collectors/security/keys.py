"""Keys and certificates in the build user's reach: who may read them, how strong, how long.

Only kinds, sizes and dates leave this module, never key material. OpenPGP keyrings are not looked into.
"""

from __future__ import annotations

import datetime as dt
import stat
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

from collectors.security.check import Finding
from collectors.security.reader import FileStatus, printable

__all__ = ["KEY_CAP_BYTES", "Certificate", "Key", "judge_certificate", "judge_key", "parse_keys"]

KEY_CAP_BYTES = 64 * 1024
_MINIMUM_EC_BITS = 224
_OTHERS = stat.S_IRGRP | stat.S_IWGRP | stat.S_IROTH | stat.S_IWOTH
_PRIVATE = (b"PRIVATE KEY-----", b"OPENSSH PRIVATE KEY")
_PUBLIC = (b"ssh-", b"ecdsa-", b"sk-")


@dataclass(frozen=True)
class Key:
    """A key found in a file: algorithm, size, whether it is private and locked. `kind` "" means unreadable."""

    kind: str
    bits: int
    private: bool
    encrypted: bool = False


@dataclass(frozen=True)
class Certificate:
    """A certificate's subject, end (seconds since the epoch), key and signature hash."""

    subject: str
    ends_at: float
    key: Key
    signature_hash: str


def parse_keys(data: bytes) -> list[Key | Certificate]:
    """Every key and certificate in a file's bytes; nothing for anything else."""
    found: list[Key | Certificate] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old algorithms are what we look for
        if b"-----BEGIN CERTIFICATE-----" in data:
            found += _certificates(data)
        if any(mark in data for mark in _PRIVATE):
            found.append(_private_key(data))
        else:
            found += _public_keys(data)
    return found


def judge_key(file: FileStatus, key: Key, minimum_rsa_bits: int) -> Iterator[Finding]:
    name = printable(file.path)
    if key.private and file.mode & _OTHERS:
        yield Finding("keys.exposed", file.path, f"{name} has mode {file.octal}")
    if key.private and not key.encrypted:
        yield Finding("keys.unencrypted", file.path, f"{name} holds a {key.kind or 'private'} key in the clear")
    if weakness := _weakness(key, minimum_rsa_bits):
        yield Finding("keys.weak", f"{file.path} {key.kind}{key.bits}", f"{name}: {weakness}")


def judge_certificate(
    file: FileStatus, certificate: Certificate, now: float, expiring_days: float, minimum_rsa_bits: int
) -> Iterator[Finding]:
    name, subject = printable(file.path), printable(certificate.subject)
    days = (certificate.ends_at - now) / 86_400
    identity = f"{file.path} {certificate.subject}"
    if days <= 0:
        yield Finding("keys.expired", identity, f"{name}: {subject} ended {-days:.0f} days ago")
    elif days <= expiring_days:
        yield Finding("keys.expiring", identity, f"{name}: {subject} ends in {days:.0f} days")
    if certificate.signature_hash in ("md5", "sha1"):
        yield Finding("keys.weak-signature", identity, f"{name}: {subject} is signed with {certificate.signature_hash}")
    yield from judge_key(file, certificate.key, minimum_rsa_bits)


def _weakness(key: Key, minimum_rsa_bits: int) -> str:
    if key.kind == "dsa":
        return f"DSA of {key.bits} bits"
    if key.kind == "rsa" and key.bits < minimum_rsa_bits:
        return f"RSA of {key.bits} bits, less than {minimum_rsa_bits}"
    if key.kind == "ec" and key.bits < _MINIMUM_EC_BITS:
        return f"elliptic curve of {key.bits} bits"
    return ""


def _certificates(data: bytes) -> list[Key | Certificate]:
    try:
        read = x509.load_pem_x509_certificates(data)
    except (ValueError, UnsupportedAlgorithm):
        return []
    return [certificate for one in read if (certificate := _certificate(one)) is not None]


def _certificate(one: x509.Certificate) -> Certificate | None:
    try:
        hash_name = one.signature_hash_algorithm.name if one.signature_hash_algorithm else ""
    except UnsupportedAlgorithm:
        hash_name = ""
    try:
        key = _described(one.public_key(), private=False)
    except (ValueError, UnsupportedAlgorithm):
        key = Key("", 0, private=False)
    try:
        ends_at = one.not_valid_after_utc.replace(tzinfo=dt.UTC).timestamp()
        return Certificate(one.subject.rfc4514_string()[:120], ends_at, key, hash_name)
    except (ValueError, OverflowError):
        return None


def _private_key(data: bytes) -> Key:
    openssh = b"OPENSSH PRIVATE KEY" in data
    load = serialization.load_ssh_private_key if openssh else serialization.load_pem_private_key
    try:
        return _described(load(data, password=None), private=True)
    except TypeError:
        return Key("", 0, private=True, encrypted=True)
    except (ValueError, UnsupportedAlgorithm) as error:
        locked = "encrypted" in str(error).lower() or b"ENCRYPTED" in data
        return Key("", 0, private=True, encrypted=locked)


def _public_keys(data: bytes) -> list[Key | Certificate]:
    keys: list[Key | Certificate] = []
    for line in data.splitlines()[:1000]:
        start = next((at for mark in _PUBLIC if (at := line.find(mark)) >= 0), None)
        if start is None or line.lstrip().startswith(b"#"):
            continue
        if line[start:].startswith(b"ssh-dss"):
            keys.append(Key("dsa", 1024, private=False))
            continue
        try:
            keys.append(_described(serialization.load_ssh_public_key(line[start:]), private=False))
        except (ValueError, UnsupportedAlgorithm):
            continue
    return keys


def _described(key: object, private: bool) -> Key:
    match key:
        case rsa.RSAPublicKey() | rsa.RSAPrivateKey():
            return Key("rsa", key.key_size, private)
        case dsa.DSAPublicKey() | dsa.DSAPrivateKey():
            return Key("dsa", key.key_size, private)
        case ec.EllipticCurvePublicKey() | ec.EllipticCurvePrivateKey():
            return Key("ec", key.curve.key_size, private)
        case _:
            return Key("ed25519", 256, private)
