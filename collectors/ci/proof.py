"""That a hook comes from who it says. Every comparison takes the same time whatever differs."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

from streams.errors import Rejected

__all__ = ["REPLAY_SECONDS", "check_github", "check_gitlab", "check_jenkins", "check_timed", "signature"]

REPLAY_SECONDS = 300.0
"""How far a signed time may be from ours, either way."""


def signature(secret: str, signed: bytes) -> str:
    """`sha256=` and the HMAC in hex, as GitHub sends it in `X-Hub-Signature-256`."""
    return "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def check_github(headers: Mapping[str, str], body: bytes, secret: str) -> None:
    """HMAC over the raw body."""
    _same(headers.get("x-hub-signature-256", ""), signature(secret, body), "X-Hub-Signature-256")


def check_gitlab(headers: Mapping[str, str], secret: str) -> None:
    """The secret itself; GitLab signs nothing, so TLS is what guards it."""
    _same(headers.get("x-gitlab-token", ""), secret, "X-Gitlab-Token")


def check_jenkins(headers: Mapping[str, str], secret: str) -> None:
    """The address' password (`https://jenkins:SECRET@...`), as the plugin sends it; TLS is what guards it."""
    expected = base64.b64encode(f"jenkins:{secret}".encode()).decode()
    _same(headers.get("authorization", ""), f"Basic {expected}", "Authorization")


def check_timed(headers: Mapping[str, str], body: bytes, secret: str, now: float) -> None:
    """HMAC over `timestamp.body`, and the time is within the replay window."""
    stamp = headers.get("x-buildcast-timestamp", "")
    _same(headers.get("x-buildcast-signature", ""), signature(secret, stamp.encode() + b"." + body),
          "X-Buildcast-Signature")  # fmt: skip
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12) or abs(now - int(stamp)) > REPLAY_SECONDS:
        raise Rejected(f"X-Buildcast-Timestamp is not within {REPLAY_SECONDS:.0f} s of now")


def _same(given: str, expected: str, header: str) -> None:
    if not hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode()):
        raise Rejected(f"{header} is missing or wrong")
