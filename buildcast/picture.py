"""A run's report as a picture for the terminal: outcome, risk curve with marks, predicted against actual, alerts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.text import Text

from buildcast.live import clock, says_nothing, time_left
from streams.events import STOPPED

__all__ = ["draw"]

_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 52  # of the curve: all of it stands in 80 columns
_NEWS = 0.05  # change of risk that is worth a row


def draw(report: dict[str, Any]) -> RenderableType:
    """The whole picture."""
    parts: list[RenderableType] = [_head(report)]
    forecasts = report["forecasts"]
    if not forecasts:
        parts.append(Text("No forecast was stored for this run."))
    else:
        parts += [_curve(report), *_rows(report)]
    parts += [_alert(alert) for alert in report["alerts"]]
    parts += [_impact(impact) for impact in report["impacts"][:1]]  # the newest says it all
    parts += _analysis(report["analysis"] or {})
    return Panel(Group(*parts), title=f"{report['name']}", subtitle=report["run_id"], box=box.ROUNDED)


def _head(report: dict[str, Any]) -> Text:
    outcome = report["outcome"] or "running"
    style = {"success": "green", "failure": "red", "error": "red", "running": "cyan"}.get(outcome, "yellow")
    text = Text.assemble("outcome ", (outcome, f"bold {style}"))
    if report["seconds"] is not None:
        text.append(f" after {clock(report['seconds'])}")
    if report["error_class"] == STOPPED:
        text.append(", given up because a forecast said that it would fail")
    return text


def _curve(report: dict[str, Any]) -> Text:
    forecasts = report["forecasts"]
    end = max(report["seconds"] or 0.0, forecasts[-1]["elapsed_seconds"], 1e-9)
    risks, at = [], 0
    for column in range(_WIDTH):
        moment = end * (column + 1) / _WIDTH
        while at + 1 < len(forecasts) and forecasts[at + 1]["elapsed_seconds"] <= moment:
            at += 1
        risks.append(forecasts[at]["risk"])
    text = Text("risk    ")
    for risk in risks:
        style = "red" if risk >= 0.8 else "yellow" if risk >= 0.4 else "green"
        text.append(_BARS[min(7, int(risk * 8))], style=style)
    text.append(f"  {forecasts[0]['risk']:.0%} → {forecasts[-1]['risk']:.0%}")
    return text


def _rows(report: dict[str, Any]) -> Iterator[RenderableType]:
    """The forecasts that brought something new, each with its first reason below it where that is new too."""
    ended, names = report["seconds"] is not None, ["at", "why scored", "risk", "time left", "truly left"]
    chosen = _chosen(report["forecasts"])
    cells = [names, *(_cells(forecast, report["seconds"]) for forecast in chosen)]
    columns = len(names) if ended else len(names) - 1
    widths = [max(len(row[column]) for row in cells) for column in range(columns)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip() for row in cells]
    yield Text(f"\n{lines[0]}", style="bold")
    told = ""
    for line, forecast in zip(lines[1:], chosen, strict=True):
        yield Text(line)
        reason = forecast["reasons"][0]["text"] if forecast["reasons"] else ""
        if reason and reason != told:
            yield Padding(Text(reason, style="dim"), (0, 0, 0, widths[0] + 2))
        told = reason
    yield Text()


def _cells(forecast: dict[str, Any], seconds: float | None) -> list[str]:
    return [
        clock(forecast["elapsed_seconds"]),
        forecast["trigger"],
        f"{forecast['risk']:.0%} ({forecast['risk_lower']:.0%}-{forecast['risk_upper']:.0%})",
        _left(forecast["remaining_seconds"]),
        clock(max(0.0, (seconds or 0.0) - forecast["elapsed_seconds"])),
    ]


def _left(left: dict[str, float] | None) -> str:
    if left is None:
        return "unknown"
    if not _tells_time(left):
        return "not known yet"
    return time_left(left["point"], left["lower"], left["upper"]).replace(" left", "", 1)


def _chosen(forecasts: list[dict[str, Any]], most: int = 8) -> list[dict[str, Any]]:
    """The first, what changed, and the last: rows that would say the same again are left out."""
    kept = forecasts[:1]
    for forecast in forecasts[1:]:
        if abs(forecast["risk"] - kept[-1]["risk"]) >= _NEWS:
            kept.append(forecast)
    if forecasts[-1] is not kept[-1] and (len(kept) > 1 or _tells_time(forecasts[-1]["remaining_seconds"])):
        kept.append(forecasts[-1])
    if len(kept) <= most:
        return kept
    change = [abs(b["risk"] - a["risk"]) for a, b in pairwise(kept)]
    inner = sorted(range(1, len(kept) - 1), key=lambda i: -change[i - 1])[: most - 2]
    return [kept[i] for i in sorted({0, len(kept) - 1, *inner})]


def _tells_time(left: dict[str, float] | None) -> bool:
    return left is not None and not says_nothing(left["point"], left["upper"])


def _alert(alert: dict[str, Any]) -> Text:
    why = "; ".join(reason["text"] for reason in alert["reasons"][:2])
    return Text.assemble(("alert ", "bold red"), f"risk {alert['risk']:.0%}, {alert['cause']}: {why}")


def _impact(impact: dict[str, Any]) -> Text:
    """Whom the run holds up, in one line."""
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for one in impact["delayed"]:
        by_kind.setdefault(one["kind"], []).append(one)
    told = [_packages(by_kind["package"])] if "package" in by_kind else []
    told += [
        f"{one.get('runs', 1)} waiting for {one['name']} by about {_minutes(one['delay_seconds'])}"
        for one in by_kind.get("queue", ())
    ]
    hosts = ", ".join(one["name"] for one in by_kind.get("host", ()))
    cause = {"failed": "has failed", "failing": "will probably fail", "slow": "is late"}[impact["cause"]]
    return Text.assemble(("impact ", "bold yellow"), f"{cause}: holds up {'; '.join(told)}; on {hosts}")


def _analysis(analysis: dict[str, Any]) -> Iterator[Text]:
    """What held the run back, what would save time, and how followed advice fared: a line each."""
    for one in analysis.get("held_back", ())[:2]:
        yield Text.assemble(
            ("held back ", "bold cyan"),
            f"{_minutes(one['seconds'])} ({one['share']:.0%}): {one['resource']}, {one['text']}",
        )
    for one in analysis.get("advice", ())[:2]:
        saving = one["saving_seconds"]
        between = f"{_signed(saving['lower'])} to {_signed(saving['upper'])}"
        told = f"{one['text']}: saves about {_minutes(saving['point'])} ({between})"
        yield Text.assemble(("advice ", "bold cyan"), told)
    for one in analysis.get("checked", ()):
        expected, saved = one["expected"], one["saved_seconds"]
        kept = "as foretold" if expected["lower"] <= saved <= expected["upper"] else "not as foretold"
        told = f"{one['change']} saved {_signed(saved)}, about {_minutes(expected['point'])} was foretold: {kept}"
        yield Text.assemble(("advice followed ", "bold cyan"), told)


def _signed(seconds: float) -> str:
    return f"-{_minutes(-seconds)}" if seconds < 0.0 else _minutes(seconds)


def _packages(delayed: list[dict[str, Any]], most: int = 3) -> str:
    names = ", ".join(one["name"] for one in delayed[:most])
    more = f" and {len(delayed) - most} more" if len(delayed) > most else ""
    return f"{names}{more} by about {_minutes(delayed[0]['delay_seconds'])}"


def _minutes(seconds: float) -> str:
    return f"{seconds / 60.0:.0f} min" if seconds >= 90.0 else f"{seconds:.0f} s"
