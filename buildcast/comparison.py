"""Two models on the same runs: scores side by side, the trade-off of thresholds, and what is written of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.table import Table

from buildcast.curve import draw_curves
from models.replay import Replayed
from models.scores import Scoring, ThresholdPoint, score, threshold_curve

__all__ = ["Comparison", "compare", "shown", "written"]


@dataclass(frozen=True)
class Comparison:
    """What was served and what the other config says, on the runs that were served."""

    config: str
    runs: int
    days: float
    scores: dict[str, Scoring]
    curves: dict[str, list[ThresholdPoint]]


def compare(config: str, replayed: Sequence[Replayed]) -> Comparison:
    """Scores of both; without served forecasts the other config stands alone."""
    labels = [one.failed for one in replayed]
    left = [max(0.0, (one.seconds or 0.0) - one.elapsed_seconds) for one in replayed]
    spent = [one.elapsed_seconds for one in replayed]
    times, names = [one.at for one in replayed], [one.run_id for one in replayed]
    days = (max(times) - min(times)) / 86_400.0 if times else 0.0
    said = {config: [one.risk for one in replayed]}
    if replayed and all(one.served_risk is not None for one in replayed):
        said = {"served": [one.served_risk or 0.0 for one in replayed], **said}
    return Comparison(
        config=config,
        runs=len(set(names)),
        days=days,
        scores={name: score(risks, labels) for name, risks in said.items()},
        curves={name: threshold_curve(risks, labels, left, spent, days, runs=names) for name, risks in said.items()},
    )


def shown(found: Comparison) -> list[Table]:
    """For a person."""
    scores = Table("", "labels", "log loss", "Brier", "calibration error", "AUC", title=f"{found.runs} runs")
    for name, one in found.scores.items():
        auc = "" if one.auc is None else f"{one.auc:.4f}"
        scores.add_row(name, str(one.labels), f"{one.log_loss:.4f}", f"{one.brier:.4f}",
                       f"{one.calibration_error:.4f}", auc)  # fmt: skip
    trade = Table(
        "threshold", "model", "alerts a day", "precision", "recall", "minutes saved", "lost", title="alerts from ..."
    )
    for at in range(1, 19, 4):
        for name, points in found.curves.items():
            point = points[at]
            trade.add_row(f"{point.threshold:.2f}", name, f"{point.alerts_a_day:.1f}", _share(point.precision),
                          _share(point.recall), f"{point.minutes_saved:.0f}", f"{point.minutes_lost:.0f}")  # fmt: skip
    return [scores, trade]


def written(found: Comparison, folder: Path) -> list[Path]:
    """`comparison.json` and `comparison.svg`."""
    folder.mkdir(parents=True, exist_ok=True)
    text, picture = folder / "comparison.json", folder / "comparison.svg"
    text.write_text(json.dumps(asdict(found), indent=1))
    picture.write_text(draw_curves(found.curves, f"{found.config} against what was served, {found.runs} runs"))
    return [text, picture]


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
