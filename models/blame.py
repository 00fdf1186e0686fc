"""Whose fault a failure would be: change, package or host, as shares of the risk that sum to 1.

Each is held against what it should be: a host whose failure rate stands above the project's and that of all runs
(hosts see other projects too), a package whose rate stands above the project's, the rest of the excess is the change's.
"""

from __future__ import annotations

from collections.abc import Sequence

from models.features import Schema
from models.members.vector import sigmoid
from streams.events import Reason

__all__ = ["blame_of"]


def blame_of(schema: Schema, values: Sequence[float], reasons: Sequence[Reason]) -> dict[str, float]:
    """Shares of change, package and host."""
    if len(values) != len(schema):
        return {"change": 1.0 / 3.0, "package": 1.0 / 3.0, "host": 1.0 / 3.0}
    at = {name: values[schema.names.index(name)] for name in _RATES}
    project = sigmoid(at["project_rate_34"])
    base = at["project_rate_10"]  # rates of host and package are told as differences from it
    usual = sigmoid(base)
    lately = sigmoid(base + 0.5 * (at["host_rate_8"] + at["host_rate_1.5"]))  # one failure alone is no fault
    host = max(0.0, lately - max(usual, sigmoid(at["fleet_rate"])))
    package = max(0.0, sigmoid(base + at["package_rate_8"]) - usual)
    shares = {"change": 0.02 + 0.25 * project, "package": 0.02 + package, "host": 0.02 + host}
    for reason in reasons:
        if reason.logit > 0.0 and reason.feature in _OTHERS:
            shares["change"] += 0.02 * reason.logit
    if host > 0.0 and package > 0.0:  # a package seen only on a bad host is not to blame for it
        shares["package"] -= min(package, host) * 0.8
    total = sum(shares.values())
    return {name: share / total for name, share in shares.items()}


_RATES = ("project_rate_10", "project_rate_34", "host_rate_1.5", "host_rate_8", "package_rate_8", "fleet_rate")
_OTHERS = frozenset({"branch", "pull_request", "author", "commit", "change", "event"})
