"""Ask for a running build's forecast, as the origin system does.

python examples/predict.py [URL] [RUN]      without RUN: the newest one; BUILDCAST_TOKEN where tokens are asked for
"""

from __future__ import annotations

import sys

from buildcast.client import MLEngine


def main(url: str = "http://127.0.0.1:8640", run_id: str = "") -> None:
    """Print risk, time left and what to do."""
    with MLEngine(url) as engine:
        run_id = run_id or next(engine.runs(limit=1))["run_id"]
        found = engine.get_real_time_prediction(run_id)
        print(f"{run_id}: {found['overall_risk']:.0%} ({found['risk_level']})")
        if left := found["predictions"]["advanced_prediction"]["remaining_seconds"]:
            print(f"about {left['point']:.0f} s left, 95 %: {left['lower']:.0f} to {left['upper']:.0f} s")
        for advice in found["recommendations"]:
            print("-", advice)


if __name__ == "__main__":
    main(*sys.argv[1:])
