"""Which rivals to try: a small declared space of settings, drawn from by seed. The same seed gives the same rivals.

Each rival differs from the champion in one or two settings, so that what a promotion changed can be told in a line.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from models.definition import Value, config_of, definition_of, name_of
from models.forecaster import ForecasterConfig

__all__ = ["SPACE", "draw"]

SPACE: Mapping[str, Sequence[Value]] = {
    "risk.members": (
        ["factors", "network", "contexts", "boosted"],
        ["factors", "network", "contexts"],
        ["factors", "contexts", "boosted"],
        ["linear", "factors", "network", "contexts", "boosted"],
        ["factors", "network", "contexts", "boosted", "tree"],
        ["contexts"],
    ),
    "risk.step": (0.01, 0.02, 0.04),
    "risk.half_life": (0.0, 500.0, 2_000.0),
    "risk.window": (1_000, 10_000, 50_000),
    "risk.weight_rate": (0.03, 0.1, 0.2, 0.4),
    "risk.share": (0.0001, 0.001, 0.01),
    "risk.calibration_step": (0.005, 0.02, 0.05),
}
"""Settings by path with the values worth trying; each moves the risk at a run's opening, which races compare."""


def draw(
    champion: ForecasterConfig,
    count: int,
    seed: int,
    space: Mapping[str, Sequence[Value]] = SPACE,
    most_changes: int = 2,
    known: Sequence[str] = (),
) -> list[ForecasterConfig]:
    """Up to `count` different configs beside the champion; `known` names are not drawn again."""
    chance, own = random.Random(seed), definition_of(champion)
    found: dict[str, ForecasterConfig] = {}
    taken = {champion.name, name_of(own), *known}
    paths = chance.sample(sorted(space), k=len(space))
    for _ in range(50 * count):
        if len(found) >= count:
            break
        changed: dict[str, Any] = dict(own)
        first = paths[len(found) % len(paths)]  # every setting gets its turn
        others = [path for path in paths if path != first]
        for path in [first, *chance.sample(others, k=min(len(others), chance.randint(0, most_changes - 1)))]:
            changed[path] = chance.choice(space[path])
        config = config_of(changed)
        name = name_of(definition_of(config))
        if name not in taken and name not in found:
            found[name] = config_of(definition_of(config))
    return list(found.values())
