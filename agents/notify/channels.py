"""Where notices go. `send` returns when the other side has taken the notice.

`Unavailable`: try again. `Rejected`: it will never be taken. The webhook is signed as in Standard Webhooks 1.0:
`webhook-signature: v1,base64(HMAC-SHA256(secret, id.timestamp.body))`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, Protocol

import msgspec
import requests

from agents.notify.notice import Notice
from streams.errors import Rejected, Unavailable

__all__ = ["Channel", "Mail", "Slack", "Webhook", "signature"]

_SECONDS = 10.0


class Channel(Protocol):
    """One way to people."""

    @property
    def name(self) -> str:
        """A word for metrics and logs."""

    def send(self, notice: Notice) -> None:
        """Deliver, or raise."""


@dataclass(frozen=True)
class Webhook:
    """A JSON POST, signed when there is a secret."""

    url: str
    secret: str
    clock: Callable[[], float]
    name: str = "webhook"

    def send(self, notice: Notice) -> None:
        """Deliver, or raise."""
        body = msgspec.json.encode({
            "type": "buildcast.alert", "title": notice.title, "lines": notice.lines, "severity": notice.severity,
            "link": notice.link, "run_id": notice.run_id, "alert_id": notice.alert_id, "risk": notice.risk,
        })  # fmt: skip
        sent = str(int(self.clock()))
        headers = {"content-type": "application/json", "webhook-id": notice.id, "webhook-timestamp": sent}
        if self.secret:
            headers["webhook-signature"] = signature(self.secret, notice.id, sent, body)
        _post(self.url, body, headers)


@dataclass(frozen=True)
class Slack:
    """An incoming webhook of Slack, Mattermost, Rocket.Chat and others that take `text`."""

    url: str
    name: str = "slack"

    def send(self, notice: Notice) -> None:
        """Deliver, or raise."""
        lines = "\n".join(f"• {_escaped(line)}" for line in notice.lines)
        link = f"\n<{notice.link}|Look at it>" if notice.link else ""
        body: dict[str, Any] = {"text": f"*{_escaped(notice.title)}*\n{lines}{link}"}
        _post(self.url, msgspec.json.encode(body), {"content-type": "application/json"})


@dataclass(frozen=True)
class Mail:
    """SMTP, with STARTTLS unless told otherwise."""

    host: str
    port: int
    sender: str
    receivers: tuple[str, ...]
    user: str = ""
    password: str = ""
    starttls: bool = True
    name: str = "mail"

    def __repr__(self) -> str:
        return f"Mail({self.host}:{self.port})"

    def send(self, notice: Notice) -> None:
        """Deliver, or raise."""
        message = EmailMessage()
        message["Subject"], message["From"], message["To"] = notice.title, self.sender, ", ".join(self.receivers)
        message["Message-ID"] = f"<{hashlib.sha256(notice.id.encode()).hexdigest()[:32]}@buildcast>"
        message.set_content("\n".join([*notice.lines, "", notice.link]))
        try:
            with smtplib.SMTP(self.host, self.port, timeout=_SECONDS) as server:
                if self.starttls:
                    server.starttls(context=ssl.create_default_context())
                if self.user:
                    server.login(self.user, self.password)
                server.send_message(message)
        except (smtplib.SMTPAuthenticationError, smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused) as error:
            raise Rejected(f"the mail server refuses: {type(error).__name__}") from error
        except (smtplib.SMTPException, OSError) as error:
            raise Unavailable(f"the mail server {self.host}:{self.port} is away: {type(error).__name__}") from error


def signature(secret: str, notice_id: str, timestamp: str, body: bytes) -> str:
    """What a receiver computes again and compares.

    >>> signature("s", "id", "1", b"{}")
    'v1,FBhQvUxwRZEwPkHvJlYP68fzcPeHBTuRJdaSnq1LtyA='
    """
    signed = f"{notice_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret.encode(), signed, hashlib.sha256)).decode()


def _post(url: str, body: bytes, headers: dict[str, str]) -> None:
    try:
        answer = requests.post(url, data=body, headers=headers, timeout=_SECONDS, allow_redirects=False)
    except requests.RequestException as error:
        raise Unavailable(f"the receiver is away: {type(error).__name__}") from error
    if answer.status_code in (408, 425, 429) or answer.status_code >= 500:
        wait = answer.headers.get("Retry-After", "")
        raise Unavailable(f"the receiver answered {answer.status_code}", float(wait) if wait.isdigit() else 1.0)
    if answer.status_code >= 300:
        raise Rejected(f"the receiver answered {answer.status_code}")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
