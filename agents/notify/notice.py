"""What a person is told of an alert: pure text with reasons, what to do, and where to look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from streams.events import AlertRaised

__all__ = ["Notice", "held_notice", "notice_of", "overspent_notice", "silence_notice"]


@dataclass(frozen=True)
class Notice:
    """One message. `id` is the same whenever the same thing is told again, so that receivers can drop repeats."""

    id: str
    title: str
    lines: tuple[str, ...]
    severity: str
    link: str = ""
    run_id: str = ""
    alert_id: str = ""
    risk: float | None = None

    @property
    def text(self) -> str:
        """Title, lines and link, one a line."""
        return "\n".join([self.title, *self.lines, *([self.link] if self.link else [])])


def notice_of(alert: AlertRaised, page: str = "") -> Notice:
    """The notice of one alert."""
    lines = [f"because: {reason.text}" for reason in alert.reasons[:3]]
    if alert.remaining is not None:
        lines.append(f"time left: about {alert.remaining.point:.0f} s "
                     f"({alert.remaining.lower:.0f} to {alert.remaining.upper:.0f})")  # fmt: skip
    lines.append("to do: look at the log now; if it is a known flake, mark it on the run's page")
    title = f"{_plain(alert.name)}: {alert.risk:.0%} risk of failure"
    if alert.host:
        title += f" on {_plain(alert.host)}"
    return Notice(
        id=f"notice-{alert.alert_id}", title=title, lines=tuple(_plain(line) for line in lines),
        severity=alert.severity, link=_link(alert, page), run_id=alert.run_id, alert_id=alert.alert_id,
        risk=alert.risk,
    )  # fmt: skip


def silence_notice(alert: AlertRaised, page: str = "") -> Notice:
    """Says that a source raises so much that it is not told for an hour."""
    return Notice(
        id=f"silenced-{alert.alert_id}", title=f"{_plain(alert.name)} raises too many alerts: silent for an hour",
        lines=("its alerts are still stored and shown on the page", "to do: mend it, or raise the alert threshold"),
        severity="info", link=f"{page.rstrip('/')}/alerts" if page else "", run_id=alert.run_id,
    )  # fmt: skip


def overspent_notice(alert: AlertRaised, page: str = "") -> Notice:
    """Says that a source's wrong alerts cost more than its right ones save, so that only critical ones are told."""
    return Notice(
        id=f"overspent-{alert.alert_id}", title=f"{_plain(alert.name)}: its alerts cost more than they save",
        lines=("only critical ones are told until that changes; all are still stored and shown on the page",
               "to do: mark what was flaky, or raise the alert threshold"),
        severity="info", link=f"{page.rstrip('/')}/alerts" if page else "", run_id=alert.run_id,
    )  # fmt: skip


def held_notice(alerts: Sequence[AlertRaised], page: str = "") -> Notice:
    """What was held back in quiet hours or above the rate, together."""
    lines = [f"{_plain(alert.name)}: {alert.risk:.0%}" for alert in alerts[:20]]
    if len(alerts) > 20:
        lines.append(f"and {len(alerts) - 20} more")
    return Notice(
        id=f"held-{alerts[0].alert_id}-{len(alerts)}",
        title=f"{len(alerts)} alert{'' if len(alerts) == 1 else 's'} while you were not to be disturbed",
        lines=tuple(lines), severity="warning", link=f"{page.rstrip('/')}/alerts" if page else "",
    )  # fmt: skip


def _link(alert: AlertRaised, page: str) -> str:
    if page:
        return f"{page.rstrip('/')}/runs/{quote(alert.run_id, safe='')}"
    return next((link for link in alert.links.values() if link.startswith(("http://", "https://"))), "")


def _plain(text: str) -> str:
    """One line without control characters: titles become mail headers."""
    return "".join(sign if sign.isprintable() else " " for sign in text)[:300]
