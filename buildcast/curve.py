"""The trade-off of alerts as an SVG: precision over recall, and what alerts would save and cost over the threshold.

Plain text, no library; one colour a model. The right panel draws minutes saved (line), lost (dashes) and alerts a day
(dots), each against its own largest value, which is written beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from models.scores import ThresholdPoint

__all__ = ["draw_curves"]

_WIDTH, _HEIGHT, _EDGE = 640, 400, 50
_COSTS = (("minutes_saved", "minutes saved", ""), ("minutes_lost", "minutes lost", "6 4"),
          ("alerts_a_day", "alerts a day", "1 4"))  # fmt: skip
_COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd")


def draw_curves(curves: Mapping[str, Sequence[ThresholdPoint]], title: str) -> str:
    """The picture. Points where no alert would have come are left out."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * _WIDTH} {_HEIGHT}" font-family="sans-serif" '
        'font-size="12"><rect width="100%" height="100%" fill="white"/>',
        f'<text x="{_WIDTH}" y="20" text-anchor="middle" font-size="14">{escape(title)}</text>',
        *_axes(),
    ]
    for number, (name, points) in enumerate(curves.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        path = " ".join(f"{_x(p.recall):.1f},{_y(p.precision):.1f}" for p in points if p.recall and p.precision)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{_WIDTH - 160}" y="{60 + 18 * number}" fill="{colour}">{escape(name)}</text>')
    return "\n".join([*parts, *_costs(curves), "</svg>\n"])


def _costs(curves: Mapping[str, Sequence[ThresholdPoint]]) -> list[str]:
    parts = [f'<g transform="translate({_WIDTH} 0)">', *_frame("risk from which is alerted")]
    for row, (field, title, dashes) in enumerate(_COSTS):
        most = max((float(getattr(p, field)) for points in curves.values() for p in points), default=0.0)
        parts.append(f'<text x="{_WIDTH - 190}" y="{40 + 16 * row}">{title}, at most {most:.1f}</text>')
        for number, points in enumerate(curves.values()):
            path = " ".join(
                f"{_x(p.threshold):.1f},{_y(getattr(p, field) / most if most else 0.0):.1f}" for p in points
            )
            colour = _COLOURS[number % len(_COLOURS)]
            parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-dasharray="{dashes}"/>')
    return [*parts, "</g>"]


def _frame(below: str) -> list[str]:
    lines = [
        f'<path d="M{_x(0)} {_y(1)} V{_y(0)} H{_x(1)}" fill="none" stroke="#444"/>',
        f'<text x="{_x(0.5)}" y="{_HEIGHT - 10}" text-anchor="middle">{below}</text>',
    ]
    for step in range(0, 11, 2):
        lines.append(f'<text x="{_x(step / 10)}" y="{_y(0) + 16}" text-anchor="middle">{step / 10:.1f}</text>')
    return lines


def _axes() -> list[str]:
    lines = [
        *_frame("share of the failures told (recall)"),
        f'<text x="14" y="{_y(0.5)}" text-anchor="middle" transform="rotate(-90 14 {_y(0.5)})">'
        "share of alerts that were right (precision)</text>",
    ]
    for step in range(0, 11, 2):
        at = step / 10
        lines.append(f'<text x="{_x(0) - 6}" y="{_y(at) + 4}" text-anchor="end">{at:.1f}</text>')
    return lines


def _x(share: float | None) -> float:
    return _EDGE + (share or 0.0) * (_WIDTH - 2 * _EDGE)


def _y(share: float | None) -> float:
    return _HEIGHT - _EDGE - (share or 0.0) * (_HEIGHT - 2 * _EDGE)
