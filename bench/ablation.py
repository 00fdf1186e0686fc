"""Which members earn their place: the failure-risk ensemble less each member, and with each of the others added.

    python -m bench.ablation [--limit N] [--history FILE] [--out FILE]

Labels come late, as they were known. A row is one whole fold; log loss decides, lower is better. By default the first
half in time, so that the second half has chosen nothing. Writes .cache/bench/ablation.json after each row.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from bench.fold import measure
from bench.travis import data_folder
from models.members.table import MEMBERS
from models.records.ci import read
from models.risk import FULL, RiskConfig

__all__ = ["ensembles"]

_HALF = 19_075  # of the 38,150 builds of travis2021-dev


def main() -> None:
    """Fold once for each ensemble and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--history", type=Path, default=data_folder() / "travis2021-dev" / "builds.csv.gz")
    parser.add_argument("--limit", type=int, default=_HALF)
    parser.add_argument("--out", type=Path, default=Path(".cache/bench/ablation.json"))
    options = parser.parse_args()
    if not options.history.exists():
        raise SystemExit(f"{options.history} is missing: set BUILDCAST_DATA to the folder of the histories")
    records = read(options.history, "travis")[: options.limit]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    rows = {}
    print(f"{'ensemble':44} {'log loss':>9} {'AUC':>7} {'score us':>9} {'learn us':>9}")
    for label, members in ensembles(FULL).items():
        row = measure(records, RiskConfig(members=members))
        print(
            f"{label:44} {row['log_loss']:9.4f} {row['pooled_auc']:7.4f} {row['score_us']:9.0f} {row['learn_us']:9.0f}",
            flush=True,
        )
        rows[label] = {name: row[name] for name in ("log_loss", "pooled_auc", "score_us", "learn_us")}
        options.out.write_text(json.dumps({"builds": len(records), "rows": rows}, indent=1) + "\n")


def ensembles(members: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """The ensemble itself, less each of its members, and with each member that it leaves out."""
    less = {f"without {name}": tuple(m for m in members if m != name) for name in members}
    more = {f"with {name}": (*members, name) for name in MEMBERS if name not in members}
    return {"+".join(members): members, **less, **more}


if __name__ == "__main__":
    main()
