"""Makes the dashboards' JSON: `python -m deploy.grafana.generate` writes deploy/grafana/dashboards/*.json.

Dashboards are declared in boards.py and committed as JSON; a test holds the two equal.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from grafana_foundation_sdk.builders import bargauge, heatmap, stat, table, timeseries
from grafana_foundation_sdk.builders.common import ReduceDataOptions, VizLegendOptions
from grafana_foundation_sdk.builders.dashboard import Dashboard, DatasourceVariable, Row
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import LegendPlacement
from grafana_foundation_sdk.models.dashboard import DataSourceRef, GridPos
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from deploy.grafana.boards import DASHBOARDS, Board, Panel

__all__ = ["dashboard_json"]

_SOURCE = DataSourceRef(type_val="prometheus", uid="${source}")
_BUILDERS = {
    "lines": timeseries.Panel,
    "number": stat.Panel,
    "bars": bargauge.Panel,
    "heat": heatmap.Panel,
    "table": table.Panel,
}
_WIDTH, _HEIGHT = 24, 8


def dashboard_json(board: Board) -> str:
    """A board as Grafana's JSON, the same text every time."""
    built = (
        Dashboard(board.title)
        .uid(board.uid)
        .tags(["buildcast"])
        .timezone("browser")
        .readonly()
        .refresh("10s")
        .time("now-6h", "now")
        .with_variable(DatasourceVariable("source").label("Source").type("prometheus"))
    )
    top, ids = 0, count(1)
    for title, panels in board.rows:
        built = built.with_row(Row(title).id(next(ids)).grid_pos(GridPos(h=1, w=_WIDTH, x=0, y=top)))
        top += 1
        for panel, place in _laid_out(panels, top):
            built = built.with_panel(_panel(panel, place).id(next(ids)))
            top = max(top, place.y + place.h)
    return json.dumps(built.build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


def _laid_out(panels: Sequence[Panel], top: int) -> list[tuple[Panel, GridPos]]:
    places, x, y = [], 0, top
    for panel in panels:
        height = 4 if panel.look == "number" else _HEIGHT
        if x + panel.width > _WIDTH:
            x, y = 0, y + height
        places.append((panel, GridPos(h=height, w=panel.width, x=x, y=y)))
        x += panel.width
    return places


def _panel(panel: Panel, place: GridPos):  # type: ignore[no-untyped-def]  # one of five builders
    built = _BUILDERS[panel.look]().title(panel.title).description(panel.meaning).datasource(_SOURCE)
    built = built.unit(panel.unit).grid_pos(place)
    if panel.look == "lines":
        built = built.legend(VizLegendOptions().show_legend(True).placement(LegendPlacement.BOTTOM))
    if panel.look == "table":
        built = built.show_header(True)
    if panel.look == "heat":
        built = built.calculate(False)
    if panel.look in ("number", "bars"):
        built = built.reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
    for number, (ask, legend) in enumerate(panel.asks):
        built = built.with_target(_query(panel, ask, legend, chr(ord("A") + number)))
    return built


def _query(panel: Panel, ask: str, legend: str, name: str) -> Dataquery:
    query = Dataquery().expr(ask).legend_format(legend or "__auto").ref_id(name)
    if panel.look == "table":
        return query.instant().format(PromQueryFormat.TABLE)
    return query.range().format(PromQueryFormat.HEATMAP if panel.look == "heat" else PromQueryFormat.TIME_SERIES)


def main() -> None:
    folder = Path(__file__).parent / "dashboards"
    for board in DASHBOARDS:
        (folder / f"{board.uid}.json").write_text(dashboard_json(board))
        print(f"wrote {board.uid}.json")


if __name__ == "__main__":
    main()
