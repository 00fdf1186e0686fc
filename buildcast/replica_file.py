"""Local mode's model: a sealed snapshot file and the examples behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.snapshot import sealing_key
from streams.journal import Journal
from streams.whole_file import written_atomically

if TYPE_CHECKING:
    from buildcast.local import LocalPaths
    from models.forecaster import Forecaster, ForecasterConfig

__all__ = ["follow_forecaster", "load_forecaster", "local_champion", "save_forecaster"]


def load_forecaster(paths: LocalPaths) -> Forecaster:
    """The forecaster as of the last example."""
    return follow_forecaster(paths)[0]


def follow_forecaster(paths: LocalPaths) -> tuple[Forecaster, int]:
    """From the snapshot where it can be trusted, else from the log alone; with the byte position to follow on from."""
    from models.forecaster import Forecaster
    from models.snapshot import SnapshotRefused, unseal

    config = local_champion(paths)
    try:
        forecaster = unseal(paths.snapshot.read_bytes(), sealing_key(paths.state), config)
    except (FileNotFoundError, SnapshotRefused):
        forecaster = Forecaster(config)
    events, position = Journal(paths.examples).read_from(0)
    for offset, event in enumerate(events):
        forecaster.fold(event, offset)
    return forecaster, position


def local_champion(paths: LocalPaths) -> ForecasterConfig:
    """The config that the state folder's model events name for its newest example."""
    from models.champion import Champions

    champions = Champions()
    for _, event in Journal(paths.state / "model-events.jsonl").read():
        champions.apply(event)
    if len(champions.moves) == 1 or not paths.examples.exists():
        return champions.configs[champions.moves[0].config]
    with paths.examples.open("rb") as file:
        return champions.configs[champions.at(sum(1 for line in file if line.strip()))]


def save_forecaster(paths: LocalPaths, forecaster: Forecaster) -> None:
    """Write the snapshot whole or not at all."""
    from models.snapshot import seal_into

    with written_atomically(paths.snapshot) as file:
        seal_into(file, forecaster, sealing_key(paths.state))
