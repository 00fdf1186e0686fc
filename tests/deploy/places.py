"""Where the deployment's files are, and what the project says of itself."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from agents.api.app import create_app
from agents.api.log import JournalLog
from agents.api.settings import ApiSettings
from agents.metrics import METRICS
from agents.store.database import connect

__all__ = ["DEPLOY", "ROOT", "exported_names", "metric_names", "recorded_names", "rules"]

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"

_FOREIGN = re.compile(r"up|node_[a-z_]+")
_WORDS = re.compile(r"\b(?:[a-z_]+:)?(?:buildcast|cicd|node)_[a-z_]+(?::[a-z0-9_]+)?|\bup(?=\{)")


_SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


def exported_names() -> set[str]:
    """Every series name that our processes serve."""
    app = create_app(ApiSettings(), connect("sqlite+aiosqlite:///:memory:"), JournalLog(Path()))
    families = app.state.services.traffic.registry.collect()
    kinds = {metric.name: metric.kind for metric in METRICS} | {family.name: family.type for family in families}
    return {name + suffix for name, kind in kinds.items() for suffix in _SUFFIXES[kind]}


def rules(name: str) -> list[dict[str, Any]]:
    document = yaml.safe_load((DEPLOY / f"prometheus/rules/{name}.yml").read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


def recorded_names() -> set[str]:
    return {rule["record"] for rule in rules("recording")}


def metric_names(expression: str) -> set[str]:
    """Names of series that an expression asks for; those of other exporters left out.

    >>> sorted(metric_names('rate(buildcast_x_total{job="worker"}[5m]) / on () job:buildcast_y:rate5m'))
    ['buildcast_x_total', 'job:buildcast_y:rate5m']
    """
    bare = re.sub(r'"[^"]*"', '""', expression)
    return {name for name in _WORDS.findall(bare) if not _FOREIGN.fullmatch(name)}
