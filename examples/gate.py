"""A gate for CI: exit code 1 while a run's risk is above a limit, so that a pipeline can ask before it goes on.

python examples/gate.py URL RUN [LIMIT]     LIMIT is 0 to 1, by default 0.8
"""

from __future__ import annotations

import sys

from buildcast.client import MLEngine
from streams.errors import BuildcastError


def main(url: str, run_id: str, limit: str = "0.8") -> int:
    """The exit code. A server that is away lets the pipeline pass: a forecast is no test."""
    try:
        with MLEngine(url, timeout_seconds=3.0, retries=1) as engine:
            risk = engine.get_real_time_prediction(run_id, "failure")["overall_risk"]
    except BuildcastError as error:
        print(f"no forecast, going on: {error}")
        return 0
    print(f"risk {risk:.0%}, limit {float(limit):.0%}")
    return int(risk > float(limit))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
