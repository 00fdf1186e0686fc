"""Which members there are, how each is made, and which of them look at raw features instead of standardised ones."""

from __future__ import annotations

from collections.abc import Callable

from models.features import Schema
from models.members.boosted import Boosted
from models.members.contexts import Contexts
from models.members.factors import Factors
from models.members.linear import Linear
from models.members.network import Network
from models.members.prior import Prior
from models.members.vector import VectorClassifier

__all__ = ["MEMBERS", "RAW", "make"]

RAW = frozenset({"prior", "tree", "forest", "boosted"})
_RATES = ("project_rate_3", "project_rate_10", "branch_rate_8")
_SHIFTS = ("package_rate_8", "host_rate_8", "author_rate_8")
_TOLD = (
    "project_rate_1", "project_rate_3", "project_rate_10", "project_rate_34", "project_streak", "project_youth",
    "branch_last", "branch_rate_1.5", "branch_rate_8", "event_rate_8", "project_event_rate_1.5",
    "pull_request_rate_1.5",
    "branch_event_rate_1.5", "package_rate_8", "since_project_start", "since_branch_start", "since_project_failure",
    "since_branch_failure", "starts_day", "commit_seen", "commit_last", "project_running", "longest_running", "jobs",
    "given_pattern", "given_branch_pattern", "given_last_event", "given_fleet_lasts", "given_pull_request",
    "branch_first",
)  # fmt: skip


def _columns(schema: Schema, names: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(schema.names.index(name) for name in names)


def _tree(schema: Schema, step: float, seed: int) -> VectorClassifier:
    from models.members.forest import AdaptiveTree  # River's forests take a second to import, and few configs use them

    return AdaptiveTree(_columns(schema, _TOLD), seed=seed)


def _forest(schema: Schema, step: float, seed: int) -> VectorClassifier:
    from models.members.forest import AdaptiveForest

    return AdaptiveForest(_columns(schema, _TOLD), seed=seed)


MEMBERS: dict[str, Callable[[Schema, float, int], VectorClassifier]] = {
    "prior": lambda schema, step, seed: Prior(_columns(schema, _RATES), _columns(schema, _SHIFTS)),
    "linear": lambda schema, step, seed: Linear(2.5 * step),
    "factors": lambda schema, step, seed: Factors(step=step, seed=seed),
    "contexts": lambda schema, step, seed: Contexts(step),
    "network": lambda schema, step, seed: Network(step=2.0 * step, hidden_step=3.0 * step, seed=seed),
    "boosted": lambda schema, step, seed: Boosted(seed=seed),
    "tree": _tree,
    "forest": _forest,
}


def make(name: str, schema: Schema, step: float, seed: int) -> VectorClassifier:
    """A fresh member."""
    return MEMBERS[name](schema, step, seed)
