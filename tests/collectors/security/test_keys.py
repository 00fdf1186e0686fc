"""Keys made here by the real library: strength, dates, locks and modes; no key material in the evidence."""

from __future__ import annotations

import base64
import datetime as dt
import stat
import struct

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from collectors.security import keys
from collectors.security.check import Finding
from collectors.security.reader import FileStatus

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
PEM, NO_LOCK = serialization.Encoding.PEM, serialization.NoEncryption()


def _file(mode: int = 0o600) -> FileStatus:
    return FileStatus("/k", stat.S_IFREG | mode, 0, 0)


def _checks(data: bytes, mode: int = 0o600) -> list[str]:
    found: list[Finding] = []
    for one in keys.parse_keys(data):
        if isinstance(one, keys.Key):
            found += keys.judge_key(_file(mode), one, 2048)
        else:
            found += keys.judge_certificate(_file(mode), one, NOW.timestamp(), 30, 2048)
    return [finding.check for finding in found]


def _certificate(days: float) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "builder")])
    built = x509.CertificateBuilder(name, name, key.public_key(), 7)
    end = NOW + dt.timedelta(days=days)
    signed = built.not_valid_before(end - dt.timedelta(days=400)).not_valid_after(end).sign(key, hashes.SHA256())
    return signed.public_bytes(PEM)


def _ssh_rsa(bits: int) -> bytes:
    """An ssh-rsa public key line of any size, laid out by hand: small ones can no longer be made."""
    number = (1 << (bits - 1)) | 1

    def field(data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + data

    body = field(b"ssh-rsa") + field(b"\x01\x00\x01") + field(b"\0" + number.to_bytes(bits // 8, "big"))
    return b"ssh-rsa " + base64.b64encode(body) + b" lfs@host\n"


def _locked_openssh() -> bytes:
    """A locked OpenSSH key as PROTOCOL.key of OpenSSH lays it out; its sealed part is never opened."""

    def field(data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + data

    public = field(b"ssh-ed25519") + field(bytes(32))
    lock = field(field(b"0123456789abcdef") + struct.pack(">I", 16))
    body = b"openssh-key-v1\0" + field(b"aes256-ctr") + field(b"bcrypt") + lock + struct.pack(">I", 1)
    text = base64.encodebytes(body + field(public) + field(bytes(128)))
    return b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + text + b"-----END OPENSSH PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    ("days", "expected"), [(-1, ["keys.expired"]), (10, ["keys.expiring"]), (31, []), (0, ["keys.expired"])]
)
def test_certificates_are_judged_by_their_end(days: float, expected: list[str]) -> None:
    assert _checks(_certificate(days)) == expected


def test_every_certificate_of_a_bundle_is_judged() -> None:
    assert _checks(_certificate(-1) + _certificate(100) + _certificate(3)) == ["keys.expired", "keys.expiring"]


@pytest.mark.parametrize("form", [serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.OpenSSH])
def test_private_keys_are_judged_by_mode_and_lock(form: serialization.PrivateFormat) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    open_key = key.private_bytes(PEM, form, NO_LOCK)
    lock = serialization.BestAvailableEncryption(b"pass")
    openssh = form is serialization.PrivateFormat.OpenSSH
    locked = _locked_openssh() if openssh else key.private_bytes(PEM, form, lock)
    assert _checks(open_key) == ["keys.unencrypted"]
    assert _checks(open_key, 0o644) == ["keys.exposed", "keys.unencrypted"]
    assert _checks(locked) == []
    assert _checks(locked, 0o640) == ["keys.exposed"]


def test_weak_keys_are_found() -> None:
    weak = rsa.generate_private_key(65537, 1024).private_bytes(PEM, serialization.PrivateFormat.PKCS8, NO_LOCK)
    assert _checks(weak) == ["keys.unencrypted", "keys.weak"]
    assert _checks(_ssh_rsa(1024)) == ["keys.weak"]
    assert _checks(b"# ssh-rsa in a comment\nssh-dss AAAA old\n" + _ssh_rsa(2048)) == ["keys.weak"]
    ed = ed25519.Ed25519PrivateKey.generate().public_key()
    line = ed.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    assert _checks(b'from="10.0.0.1" ' + line) == []


def test_broken_keys_are_closed_or_nothing() -> None:
    assert _checks(b"-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----\n") == []
    assert _checks(b"-----BEGIN RSA PRIVATE KEY-----\nxx\n-----END RSA PRIVATE KEY-----\n", 0o644) == [
        "keys.exposed",
        "keys.unencrypted",
    ]


@given(
    st.binary(max_size=300), st.sampled_from([b"", b"ssh-rsa ", b"-----BEGIN CERTIFICATE-----", b"PRIVATE KEY-----"])
)
def test_any_bytes_are_no_crash(data: bytes, mark: bytes) -> None:
    _checks(mark + data)


def test_evidence_holds_no_key_material() -> None:
    data = ed25519.Ed25519PrivateKey.generate().private_bytes(PEM, serialization.PrivateFormat.OpenSSH, NO_LOCK)
    (key,) = keys.parse_keys(data)
    assert isinstance(key, keys.Key)
    evidence = " ".join(finding.evidence for finding in keys.judge_key(_file(0o644), key, 2048))
    assert not any(line in evidence for line in data.decode().splitlines()[1:-1])
