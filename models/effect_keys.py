"""What a run's duration is learned by: its project, name, branch, jobs, package, host, CPU, parallelism and cache."""

from __future__ import annotations

from collections.abc import Sequence

from models.effects import Key
from streams.events import Run

__all__ = ["besides_settings", "effect_keys", "group_of", "lag_keys", "together"]


_SETTINGS = frozenset({"parallel", "package@parallel", "cache", "package@cache"})


def group_of(run: Run) -> str:
    """What a run shares its noise and its interval with: its project and name."""
    return f"{run.project}\x1f{run.name}"


def effect_keys(run: Run, host: str) -> list[Key]:
    """Which effects a run's duration is the sum of, as far as they are known."""
    keys = [("all", ""), ("project", run.project), ("name", f"{run.project}\x1f{run.name}"), ("package", run.name)]
    if run.branch:
        keys.append(("branch", f"{run.project}\x1f{run.name}\x1f{run.branch}"))
    if run.job_count is not None:
        keys.append(("jobs", f"{run.project}\x1f{run.job_count}"))
    if host:
        keys.append(("host", host))
    if run.cpu_model:
        keys.append(("cpu", run.cpu_model))
    if run.parallelism is not None:
        keys.append(("parallel", str(run.parallelism)))
        keys.append(("package@parallel", f"{run.name}\x1f{run.parallelism}"))
    if run.cache_warm is not None:
        keys.append(("cache", str(run.cache_warm)))
        keys.append(("package@cache", f"{run.name}\x1f{run.cache_warm}"))
    return keys


def besides_settings(keys: Sequence[Key]) -> list[Key]:
    """What stays when a person gives the same build other jobs or another cache."""
    return [key for key in keys if key[0] not in _SETTINGS]


def together(keys: Sequence[Key]) -> Key:
    """Several effects as one: it has no effect of its own and counts how often they were learned together."""
    return "together", "\x1e".join(name for _, name in keys)


def lag_keys(run: Run) -> list[Key]:
    """Which effects the lag between a run's end and its label is the sum of."""
    return [("all", ""), ("project", run.project), ("jobs", str(run.job_count))]
