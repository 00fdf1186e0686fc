"""Commands answer at once: what few configs use is imported when it is used."""

from __future__ import annotations

import subprocess
import sys


def test_a_local_build_is_forecast_before_anything_heavy_is_loaded() -> None:
    code = (
        "import sys, models.core, buildcast.local, buildcast.replica_file; "
        "print(*(name for name in ('river.anomaly', 'scipy', 'sqlalchemy', 'aiokafka') if name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


def test_the_forests_of_river_are_not_loaded_before_a_config_asks_for_them() -> None:
    code = "import sys, models.forecaster; print(*(name for name in ('river.forest', 'scipy') if name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"
