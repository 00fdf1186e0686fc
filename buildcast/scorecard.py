"""The ledger for a person: how served forecasts fared, beside what they must beat."""

from __future__ import annotations

from rich.table import Table

from models.ledger import Ledger

__all__ = ["scorecard"]

_COLUMNS = (
    ("labels", "labels"), ("log_loss.first", "log loss"), ("log_loss.revised", "revised"),
    ("log_loss.every", "of all"), ("log_loss.prior", "prior"), ("log_loss.last_outcome", "last"),
    ("log_loss.ewma5", "EWMA-5"), ("calibration_error", "calibration"), ("surprise", "less expected"),
    ("coverage", "cover"), ("duration_error", "duration"), ("last_duration_error", "last duration"),
)  # fmt: skip


def scorecard(ledger: Ledger, kind: str, most: int) -> Table:
    """All runs, then each model, package or host, those with the most labels first."""
    table = Table(kind, *(title for _, title in _COLUMNS), title="served forecasts against what happened")
    for name, account in [("all", ledger.whole), *ledger.largest(kind, most)]:
        numbers = account.figures()
        table.add_row(name, *(_text(numbers[column]) for column, _ in _COLUMNS))
    return table


def _text(value: float | None) -> str:
    return "" if value is None else str(value) if isinstance(value, int) else f"{value:.3f}"
