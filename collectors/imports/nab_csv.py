"""Host metrics as `timestamp,value` CSV, one series a file, as in the Numenta Anomaly Benchmark: one host a file."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator
from pathlib import PurePath

from collectors.imports.records import BadRecord, Item, Origin, moment
from streams.events import HostSampled

__all__ = ["METRIC_NAMES", "parse"]

SOURCE = "/import/metric-csv"

METRIC_NAMES = {
    "cpu_utilization": ("system.cpu.utilization", 0.01),  # percent to ratio
    "disk_write_bytes": ("system.disk.io", 1.0),
    "network_in": ("system.network.io", 1.0),
}  # part of the file's name: metric and factor; any other file is a metric by its own name


def parse(lines: Iterable[str], origin: Origin) -> Iterator[Item]:
    """A host sample a row; the host is the file's name."""
    rows = csv.reader(lines)
    if [field.strip() for field in next(rows, [])] != ["timestamp", "value"]:
        yield BadRecord("line 1", "the header must be `timestamp,value`")
        return
    name = PurePath(origin.name).name.split(".", 1)[0]
    metric, factor = next((known for part, known in METRIC_NAMES.items() if part in name), (f"custom.{name}", 1.0))
    host = origin.host or name
    for row in rows:
        try:
            time, value = moment(row[0]), float(row[1])
            if not math.isfinite(value):
                raise ValueError(f"a value of {row[1]}")
        except (ValueError, IndexError) as error:
            yield BadRecord(f"line {rows.line_num}", str(error))
            continue
        yield HostSampled(
            id=f"metric/{host}/{metric}/{time:.0f}",
            source=SOURCE,
            time=time,
            host=host,
            metrics={metric: value * factor},
        )
