"""The trade-off curve of alerts as an SVG: precision over recall, one line a model. Plain text, no library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from models.scores import ThresholdPoint

__all__ = ["draw_curves"]

_WIDTH, _HEIGHT, _EDGE = 640, 400, 50
_COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd")


def draw_curves(curves: Mapping[str, Sequence[ThresholdPoint]], title: str) -> str:
    """The picture. Points where no alert would have come are left out."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        'font-size="12"><rect width="100%" height="100%" fill="white"/>',
        f'<text x="{_WIDTH / 2}" y="20" text-anchor="middle" font-size="14">{escape(title)}</text>',
        *_axes(),
    ]
    for number, (name, points) in enumerate(curves.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        path = " ".join(f"{_x(p.recall):.1f},{_y(p.precision):.1f}" for p in points if p.recall and p.precision)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{_WIDTH - 160}" y="{60 + 18 * number}" fill="{colour}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>\n"])


def _axes() -> list[str]:
    lines = [
        f'<path d="M{_x(0)} {_y(1)} V{_y(0)} H{_x(1)}" fill="none" stroke="#444"/>',
        f'<text x="{_x(0.5)}" y="{_HEIGHT - 10}" text-anchor="middle">share of the failures told (recall)</text>',
        f'<text x="14" y="{_y(0.5)}" text-anchor="middle" transform="rotate(-90 14 {_y(0.5)})">'
        "share of alerts that were right (precision)</text>",
    ]
    for step in range(0, 11, 2):
        at = step / 10
        lines.append(f'<text x="{_x(at)}" y="{_y(0) + 16}" text-anchor="middle">{at:.1f}</text>')
        lines.append(f'<text x="{_x(0) - 6}" y="{_y(at) + 4}" text-anchor="end">{at:.1f}</text>')
    return lines


def _x(share: float | None) -> float:
    return _EDGE + (share or 0.0) * (_WIDTH - 2 * _EDGE)


def _y(share: float | None) -> float:
    return _HEIGHT - _EDGE - (share or 0.0) * (_HEIGHT - 2 * _EDGE)
