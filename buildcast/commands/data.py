"""`buildcast data`: are the recorded examples fit to learn from; the good ones, and all of them as a table."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from buildcast import logs
from streams.errors import ConfigError
from streams.events import ExampleRecorded

if TYPE_CHECKING:
    from models.dataset import DataReport, DataValidator

__all__ = ["data"]

data = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="The examples that models learn from: validate, prepare, export, suspects.",
)
Bootstrap = Annotated[str | None, typer.Option(help="The broker's address; without one, local mode.")]
State = Annotated[Path, typer.Option(help="The state folder.")]
HERE = Path(".buildcast")


@data.command("validate")
def validate(
    strict: Annotated[bool, typer.Option(help="Exit code 1 if an example is bad.")] = False,
    reference: Annotated[
        float, typer.Option(min=0.05, max=0.95, help="First share of the examples, which the rest is compared with.")
    ] = 0.5,
    bootstrap: Bootstrap = None,
    state: State = HERE,
) -> None:
    """Check every example: schema, ranges, missing values, duplicates, delay, balance, drift, leaks."""
    validator, _ = _checked(bootstrap, state, reference)
    for table in _tables(validator):
        Console().print(table)
    if strict and validator.quarantine:
        raise typer.Exit(1)


@data.command("prepare")
def prepare(
    out: Annotated[Path, typer.Option(help="The folder to write.")],
    bootstrap: Bootstrap = None,
    state: State = HERE,
) -> None:
    """Write the good examples as a journal, the bad ones with their reasons, and the report."""
    from streams.journal import Journal

    validator, good = _checked(bootstrap, state)
    out.mkdir(parents=True, exist_ok=True)
    (out / "examples.jsonl").unlink(missing_ok=True)
    Journal(out / "examples.jsonl").append(good, sync=True)
    lines = [json.dumps(asdict(bad)) for bad in validator.quarantine]
    (out / "quarantine.jsonl").write_text("".join(f"{line}\n" for line in lines))
    (out / "report.json").write_text(json.dumps(_summary(validator.report), indent=1))
    typer.echo(f"{len(good)} good examples, {len(lines)} in quarantine: {out}")


@data.command("export")
def export(
    out: Annotated[Path, typer.Option(help="The file to write: .csv or .parquet.")],
    bootstrap: Bootstrap = None,
    state: State = HERE,
) -> None:
    """One row a good example: run, outcome, times, first forecast, features."""
    if out.suffix not in (".csv", ".parquet"):
        raise ConfigError(f"{out.name} is neither .csv nor .parquet: name the file accordingly")
    _, good = _checked(bootstrap, state)
    rows = list(_rows(good))
    if not rows:
        raise ConfigError("there is no good example to export: `buildcast data validate` says why")
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix == ".csv":
        _write_csv(rows, out)
    else:
        _write_parquet(rows, out)
    typer.echo(f"{len(rows)} examples: {out}")


@data.command("suspects")
def suspects(
    apply: Annotated[bool, typer.Option("--apply", help="Revise their labels.")] = False,
    bootstrap: Bootstrap = None,
    state: State = HERE,
) -> None:
    """Failures that say nothing about their change: flaky (the commit passed too) or the machine's."""
    from models.labels import LabelJudge

    address, judge = logs.bootstrap_of(bootstrap, state), LabelJudge()
    table = Table("run", "quality", "why", title="suspects")
    revisions = []
    for _, event in logs.examples(address, state)():
        for found in judge.add(event) if isinstance(event, ExampleRecorded) else []:
            table.add_row(found.run_id, found.quality, found.why)
            revisions.append(found.revision(event.time, logs.principal()))
    if apply and revisions:
        logs.append_all(revisions, address, state)
    Console().print(table)
    typer.echo(f"{judge.counts['real']} real failures, {table.row_count} suspects{' revised' if apply else ''}")


def _checked(bootstrap: str | None, state: Path, reference: float = 0.5) -> tuple[DataValidator, list[ExampleRecorded]]:
    from models.dataset import DataPolicy, DataValidator

    validator = DataValidator(DataPolicy(reference_share=reference))
    records = logs.examples(logs.bootstrap_of(bootstrap, state), state)
    return validator, [example for _, example in validator.examples(records())]


def _tables(validator: DataValidator) -> list[Table]:
    report = validator.report
    facts = Table("what", "value", title="examples")
    for name, value in _summary(report).items():
        if not isinstance(value, dict):
            facts.add_row(name, "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value))
    for name in ("outcomes", "schemas", "missing"):
        facts.add_row(name, ", ".join(f"{key} {count}" for key, count in getattr(report, name).most_common()))
    shifted = {n: v for n, v in report.shifts.items() if v > validator.policy.shifted_psi}
    shifts = Table(
        "feature",
        "PSI",
        title=f"{len(shifted)} features shifted against the first {validator.policy.reference_share:.0%}",
    )
    for name, value in sorted(shifted.items(), key=lambda item: -item[1])[:20]:
        shifts.add_row(name, f"{value:.2f}")
    bad = Table("offset", "run", "reason", "detail", title=f"{len(validator.quarantine)} in quarantine")
    for one in validator.quarantine[:50]:
        bad.add_row(str(one.offset), one.run_id, one.reason, one.detail)
    return [facts, *([shifts] if shifted else []), *([bad] if validator.quarantine else [])]


def _summary(report: DataReport) -> dict[str, Any]:
    return {
        "records": report.records, "examples": report.examples, "good": report.good, "revisions": report.revisions,
        "failure_share": report.failure_share, "label_delay_median_seconds": report.delay_quantile(0.5),
        "label_delay_p95_seconds": report.delay_quantile(0.95), "reasons": dict(report.reasons),
        "outcome_counts": dict(report.outcomes), "missing_counts": dict(report.missing), "shifts": report.shifts,
    }  # fmt: skip


def _rows(examples: list[ExampleRecorded]) -> Iterator[dict[str, Any]]:
    from models.history.fold import PRIOR_SCHEMA

    for example in examples:
        run, first = example.run, example.checkpoints[0] if example.checkpoints else None
        row: dict[str, Any] = {
            "run_id": run.run_id, "project": run.project, "name": run.name, "branch": run.branch, "commit": run.commit,
            "host": example.host, "outcome": example.outcome, "error_class": example.error_class,
            "started_at": example.started_at, "seconds": example.seconds, "known_at": example.time,
            "first_risk": first.risk if first else None, "model": first.model.config if first else None,
            "model_offset": first.model.offset if first else None,
        }  # fmt: skip
        own = example.prior is not None and example.prior.schema == PRIOR_SCHEMA.name
        values = example.prior.values if example.prior and own else [None] * len(PRIOR_SCHEMA)
        yield row | dict(zip(PRIOR_SCHEMA.names, values, strict=True))


def _write_csv(rows: list[dict[str, Any]], out: Path) -> None:
    with out.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _write_parquet(rows: list[dict[str, Any]], out: Path) -> None:
    try:
        import pyarrow  # type: ignore[import-untyped]
        from pyarrow import parquet
    except ImportError as error:
        raise ConfigError("Parquet needs pyarrow: `pip install pyarrow`, or write .csv") from error
    parquet.write_table(pyarrow.Table.from_pylist(rows), out)
