"""The ledger for a person: how served forecasts fared, beside what they must beat."""

from __future__ import annotations

from rich.table import Table

from models.ledger import Ledger

__all__ = ["scorecard"]

_FAILURE = (
    ("labels", "labels"), ("log_loss.first", "loss"), ("log_loss.revised", "revised"), ("log_loss.prior", "prior"),
    ("log_loss.last_outcome", "last"), ("log_loss.ewma5", "EWMA-5"), ("calibration_error", "calib."),
)  # fmt: skip
_REST = (
    ("log_loss.every", "loss of all"), ("surprise", "above expected"), ("coverage", "cover"),
    ("duration_error", "duration"), ("last_duration_error", "last duration"),
)  # fmt: skip


def scorecard(ledger: Ledger, kind: str, most: int) -> list[Table]:
    """All runs, then each model, package or host, those with the most labels first."""
    failure = Table(kind, *(title for _, title in _FAILURE), title="first forecasts: log loss beside the baselines'")
    rest = Table(kind, *(title for _, title in _REST), title="all forecasts; intervals of 95 %; log ratio of durations")
    for name, account in [("all", ledger.whole), *ledger.largest(kind, most)]:
        numbers = account.figures()
        failure.add_row(name, *(_text(numbers[column]) for column, _ in _FAILURE))
        rest.add_row(name, *(_text(numbers[column]) for column, _ in _REST))
    return [failure, rest]


def _text(value: float | None) -> str:
    return "" if value is None else str(value) if isinstance(value, int) else f"{value:.3f}"
