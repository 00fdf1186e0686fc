"""`buildcast models`: which configs there are, who is champion, what differs, how they fared; promote, roll back."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from buildcast import logs
from streams.errors import ConfigError
from streams.events import DriftDetected, ModelPromoted, ModelRolledBack, TrainingFinished, TrainingRequested

if TYPE_CHECKING:
    from models.champion import Champions
    from models.forecaster import ForecasterConfig

__all__ = ["models"]

models = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Model versions: list, show, diff, scores, promote, rollback, history.",
)
Bootstrap = Annotated[str | None, typer.Option(help="The broker's address; without one, local mode.")]
State = Annotated[Path, typer.Option(help="The state folder.")]
HERE = Path(".buildcast")
_ALIASES = ("champion", "challenger", "previous")


@models.command("list")
def list_(bootstrap: Bootstrap = None, state: State = HERE) -> None:
    """Every config that was ever named, with its role."""
    from models.champion import FLOOR

    address = logs.bootstrap_of(bootstrap, state)
    known, end = _configs(address, state), _end(address, state)
    moves = logs.champions(address, state)
    now, before = moves.at(end), moves.previous(end)
    table = Table("config", "role", "from offset", "differs from the defaults in")
    for name, definition in known.items():
        role = {FLOOR.name: "floor", before: "previous", now: "champion"}.get(name, "challenger")
        since = str(moves.since(end)) if name == now else ""
        table.add_row(name, role, since, ", ".join(f"{path}={value}" for path, value in definition.items()))
    Console().print(table)


@models.command("show")
def show(
    config: Annotated[
        str, typer.Argument(help="Its name, or the alias champion, challenger or previous.")
    ] = "champion",
    bootstrap: Bootstrap = None,
    state: State = HERE,
) -> None:
    """One config, whole, with what it is made of and how its served forecasts fared, as JSON."""
    from models.definition import definition_of, leaves
    from models.ledger import fold_ledger
    from models.lineage import sha256_of
    from models.snapshot import CODE_VERSION, RIVER_VERSION

    address = logs.bootstrap_of(bootstrap, state)
    found = _config(config, address, state)
    served = fold_ledger(logs.examples(address, state)()).parts["model"].get(found.name)
    told = {
        "config": found.name, "offset": _end(address, state), "sha256": sha256_of(definition_of(found)),
        "code": CODE_VERSION, "river": RIVER_VERSION, "scores": served.figures() if served else None,
        "settings": {path: value for path, value in leaves(found) if path != "name"},
    }  # fmt: skip
    typer.echo(json.dumps(told, indent=1))


@models.command("scores")
def scores(
    by: Annotated[str, typer.Option(help="model, package or host.")] = "model",
    most: Annotated[int, typer.Option(min=1, help="How many of them.")] = 20,
    bootstrap: Bootstrap = None,
    state: State = HERE,
) -> None:
    """Every served forecast against what happened, beside prior, last outcome, EWMA-5 and last duration."""
    from buildcast.scorecard import scorecard
    from models.ledger import KINDS, fold_ledger

    if by not in KINDS:
        raise ConfigError(f"{by!r} is nothing to score by: give {', '.join(KINDS[:-1])} or {KINDS[-1]}")
    ledger = fold_ledger(logs.examples(logs.bootstrap_of(bootstrap, state), state)())
    for table in scorecard(ledger, by, most):
        Console().print(table)
    abort = ledger.abort.score
    typer.echo(
        f"early abort, in shadow: {abort.verdicts} verdicts on {abort.runs} runs, {abort.wrong} wrong, "
        f"{abort.minutes_saved:.0f} of {abort.failing_minutes:.0f} failing minutes saved"
    )


@models.command("diff")
def diff(one: str, other: str, bootstrap: Bootstrap = None, state: State = HERE) -> None:
    """What differs between two configs."""
    from models.definition import leaves

    address = logs.bootstrap_of(bootstrap, state)
    left, right = (dict(leaves(_config(name, address, state))) for name in (one, other))
    table = Table("setting", one, other)
    for path in sorted({*left, *right}):
        if path != "name" and left.get(path) != right.get(path):
            table.add_row(path, str(left.get(path, "")), str(right.get(path, "")))
    Console().print(table if table.row_count else "they are equal")


@models.command("promote")
def promote(
    config: Annotated[str | None, typer.Argument(help="The name of a known config.")] = None,
    file: Annotated[Path | None, typer.Option(help="Or a TOML or JSON file of settings by path.")] = None,
    bootstrap: Bootstrap = None,
    state: State = HERE,
) -> None:
    """Make a config champion from the next record on, without waiting for proof."""
    from models.definition import definition_of
    from models.lineage import lineage

    if (config is None) == (file is None):
        raise ConfigError("give the name of a config or --file, not both and not neither")
    address = logs.bootstrap_of(bootstrap, state)
    chosen = _from_file(file) if file else _config(str(config), address, state)
    at, now = _end(address, state), logs.champions(address, state)
    _refuse_same(chosen.name, now, at)
    event = ModelPromoted(
        id=logs.fresh_id("promote", chosen.name), source="/buildcast/cli", time=time.time(), model="risk",
        config=chosen.name, at_offset=at, previous=now.at(at), principal=logs.principal(),
        definition=definition_of(chosen), lineage=lineage(definition_of(chosen), "request"),
    )  # fmt: skip
    logs.append(event, address, state)
    typer.echo(f"{chosen.name} is champion from offset {at} on (before: {event.previous})")


@models.command("rollback")
def rollback(
    to: Annotated[str | None, typer.Option(help="The config to go back to; without it the one before.")] = None,
    reason: Annotated[str, typer.Option(help="Why, for the history.")] = "",
    bootstrap: Bootstrap = None,
    state: State = HERE,
) -> None:
    """Go back to an older config: its forecasts are the same again, to the last digit."""
    from models.definition import definition_of
    from models.lineage import lineage

    address = logs.bootstrap_of(bootstrap, state)
    at, now = _end(address, state), logs.champions(address, state)
    target = to or now.previous(at)
    if target is None:
        raise ConfigError("there is no champion before this one: nothing was ever promoted")
    if target not in now.configs:
        raise ConfigError(f"{target!r} was never champion: `buildcast models list` shows what is known")
    _refuse_same(target, now, at)
    event = ModelRolledBack(
        id=logs.fresh_id("rollback", target), source="/buildcast/cli", time=time.time(), model="risk", config=target,
        at_offset=at, previous=now.at(at), principal=logs.principal(), reason=reason or "asked for",
        lineage=lineage(definition_of(now.configs[target]), "request"),
    )  # fmt: skip
    logs.append(event, address, state)
    typer.echo(f"back to {target} from offset {at} on (before: {event.previous})")


@models.command("history")
def history(bootstrap: Bootstrap = None, state: State = HERE) -> None:
    """Promotions, roll-backs, trainings and drift, oldest first."""
    table = Table("time", "what", "offset", "config", "before", "who", "why")
    for _, event in logs.model_events(logs.bootstrap_of(bootstrap, state), state)():
        when = datetime.fromtimestamp(event.time, UTC).strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(when, *_told(event))
    Console().print(table)


def _told(event: Any) -> tuple[str, ...]:
    match event:
        case ModelPromoted():
            gain = event.evidence.get("lower_bound")
            why = f"surely better by {gain:.4f} nats" if gain is not None else ""
            return "promoted", str(event.at_offset), event.config, event.previous, event.principal, why
        case ModelRolledBack():
            return "rolled back", str(event.at_offset), event.config, event.previous, event.principal, event.reason
        case TrainingRequested():
            return "training asked for", "", event.training_id[:8], "", event.principal, event.trigger
        case TrainingFinished():
            done = f"{event.outcome} in {event.seconds:.1f} s"
            return "training ended", str(event.examples), event.training_id[:8], "", "", done
        case DriftDetected():
            return "drift", str(event.at_offset), "", "", event.detector, f"{event.before:.3f} to {event.after:.3f}"
        case _:
            return type(event).__name__, "", "", "", "", ""


def _configs(address: str | None, state: Path) -> dict[str, dict[str, Any]]:
    from models.definition import definition_of
    from models.found import found_configs

    found = {name: dict(definition_of(config)) for name, config in logs.champions(address, state).configs.items()}
    for _, event in logs.model_events(address, state)():
        if isinstance(event, TrainingFinished) and event.outcome == "success":
            found |= {name: dict(values) for name, values in found_configs(event).items()}
    return found


def _config(name: str, address: str | None, state: Path) -> ForecasterConfig:
    from models.definition import config_of

    if name in _ALIASES:
        name = _meant(name, address, state)
    known = _configs(address, state)
    if name not in known:
        raise ConfigError(f"no config {name!r} is known: `buildcast models list` shows what is")
    return config_of(known[name], name)


def _meant(alias: str, address: str | None, state: Path) -> str:
    moves, end = logs.champions(address, state), _end(address, state)
    champion, before = moves.at(end), moves.previous(end)
    if alias == "champion":
        return champion
    if alias == "previous":
        if before is None:
            raise ConfigError("there is no champion before this one: nothing was ever promoted")
        return before
    best = next((name for name in _trained(address, state) if name not in (champion, before)), None)
    if best is None:
        raise ConfigError("there is no challenger: `buildcast train` draws some")
    return best


def _trained(address: str | None, state: Path) -> list[str]:
    """The configs that the last training kept: its champion, then the challengers, best first."""
    from models.found import found_configs

    kept: list[str] = []
    for _, event in logs.model_events(address, state)():
        if isinstance(event, TrainingFinished) and event.outcome == "success":
            kept = list(found_configs(event))
    return kept


def _from_file(path: Path) -> ForecasterConfig:
    from buildcast.config_file import read_config

    return read_config(path)


def _end(address: str | None, state: Path) -> int:
    return logs.examples(address, state).end()


def _refuse_same(name: str, moves: Champions, at: int) -> None:
    if moves.at(at) == name:
        raise ConfigError(f"{name} is champion already")
