"""Dashboards: the committed JSON is what the generator makes, and every panel asks for metrics that exist."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from deploy.grafana.boards import DASHBOARDS
from deploy.grafana.generate import dashboard_json
from tests.deploy.places import DEPLOY, exported_names, metric_names, recorded_names

BOARDS = ["buildcast-fleet", "buildcast-run", "buildcast-models", "buildcast-pipeline", "buildcast-host"]


def _read(uid: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((DEPLOY / f"grafana/dashboards/{uid}.json").read_text())
    return read


def _asked(uid: str) -> list[str]:
    return [target["expr"] for panel in _read(uid)["panels"] for target in panel.get("targets", [])]


def test_committed_dashboards_are_what_the_generator_makes() -> None:
    made = {board.uid: dashboard_json(board) for board in DASHBOARDS}
    assert sorted(made) == sorted(BOARDS)
    assert sorted(path.stem for path in (DEPLOY / "grafana/dashboards").iterdir()) == sorted(BOARDS)
    for uid, text in made.items():
        assert (DEPLOY / f"grafana/dashboards/{uid}.json").read_text() == text, "run python -m deploy.grafana.generate"


@pytest.mark.parametrize("uid", BOARDS)
def test_every_panel_asks_for_what_is_served(uid: str) -> None:
    known = exported_names() | recorded_names()
    for expression in _asked(uid):
        assert metric_names(expression), expression
        assert metric_names(expression) <= known, expression


@pytest.mark.parametrize("uid", BOARDS)
def test_panels_have_titles_own_ids_and_do_not_overlap(uid: str) -> None:
    panels = _read(uid)["panels"]
    assert all(panel["title"] for panel in panels)
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells: set[tuple[int, int]] = set()
    for place in (panel["gridPos"] for panel in panels):
        taken = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken
        assert place["x"] + place["w"] <= 24
        cells |= taken


@pytest.mark.prometheus
@pytest.mark.skipif(shutil.which("promtool") is None, reason="install Debian's prometheus")
def test_every_query_parses(tmp_path: Any) -> None:
    """As rules, because that is how promtool reads PromQL without a server."""
    asked = sorted({expression for uid in BOARDS for expression in _asked(uid)})
    texts = [expression.replace("$__rate_interval", "1m") for expression in asked]
    queries = [{"record": f"query:{number}", "expr": text} for number, text in enumerate(texts)]
    (tmp_path / "queries.yml").write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": queries}]}))
    done = subprocess.run(
        ["promtool", "check", "rules", str(tmp_path / "queries.yml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_provisioning_names_the_source_and_the_folder() -> None:
    sources = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text())
    assert [source["type"] for source in sources["datasources"]] == ["prometheus"]
    provider = yaml.safe_load((DEPLOY / "grafana/provisioning/dashboards/buildcast.yml").read_text())["providers"][0]
    compose = yaml.safe_load((DEPLOY.parent / "docker-compose.yml").read_text())
    mounted = [volume.split(":")[1] for volume in compose["services"]["grafana"]["volumes"]]
    assert provider["options"]["path"] in mounted
