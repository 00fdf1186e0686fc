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


def test_half_space_trees_come_without_scipys_statistics_and_are_those_that_river_hands_out() -> None:
    code = """
import sys
from models.trees import river_trees
alone = river_trees()
assert "scipy.stats" not in sys.modules
from river import anomaly, tree
for name in ("tree", "anomaly", "tree.padded"):
    assert sys.modules["river." + name].__spec__ is not None, name
both = [kind(n_trees=5, height=4, window_size=20, seed=1) for kind in (alone, anomaly.HalfSpaceTrees)]
told = []
for number in range(200):
    x = {"a": number * 37 % 100 / 100, "b": number * 11 % 10 / 10}
    told.append([each.score_one(x) for each in both])
    for each in both:
        each.learn_one(x)
assert all(left == right for left, right in told)
assert len({left for left, _ in told}) > 10
"""
    subprocess.run([sys.executable, "-c", code], check=True)
