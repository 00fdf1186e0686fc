"""`buildcast vulnerabilities`: reads the feeds, and tells which packages are known to be weak. Never fails a build."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from buildcast.commands.findings import keep
from collectors.vulnerability import (
    NVD_NOTICE,
    AdvisoryCache,
    Bundle,
    Fetcher,
    FetchPolicy,
    FileCache,
    NvdFeed,
    NvdPolicy,
    OsvFeed,
    OsvPolicy,
    Package,
    Refreshed,
    age_seconds,
    age_text,
    import_bundle,
    match,
    names_of,
    refresh_nvd,
    refresh_osv,
    report,
)
from collectors.vulnerability.identity import parse_cpe, parse_purl
from collectors.vulnerability.settings import VulnerabilitySettings
from streams.errors import ConfigError
from streams.events import FindingReported
from streams.settings import load

__all__ = ["package_of", "vulnerabilities"]

vulnerabilities = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Known weaknesses of what is built. " + NVD_NOTICE
)

Cache = Annotated[Path | None, typer.Option(help="Folder that keeps what the feeds said.")]
Packages = Annotated[list[str] | None, typer.Argument(help="name=version, name-version, a purl or a CPE.")]


def package_of(text: str) -> Package:
    """A package as a person writes it."""
    if (purl := parse_purl(text)) is not None:
        return Package(purl.name, purl.version, purl=text)
    if (cpe := parse_cpe(text)) is not None:
        return Package(cpe.product, cpe.full_version, cpe=text)
    found = re.fullmatch(r"(?P<name>[^=]+)=(?P<version>.+)", text) or re.fullmatch(
        r"(?P<name>.+?)-(?P<version>[0-9].*)", text
    )
    if found is None:
        raise ConfigError(f"{text} is no package: write name=version, a purl (pkg:pypi/requests@2.0) or a CPE 2.3 name")
    return Package(found["name"], found["version"])


@vulnerabilities.command("refresh")
def refresh(
    packages: Packages = None,
    cache: Cache = None,
    nvd: Annotated[bool, typer.Option(help="Ask NVD.")] = True,
    osv: Annotated[bool, typer.Option(help="Ask OSV about the packages that are purls.")] = True,
) -> None:
    """Read the feeds on from where the last refresh stopped. A feed that is away is told; the cache still serves."""
    settings = load(VulnerabilitySettings, advisory_cache=cache)
    fetcher = Fetcher(_fetch_policy(settings))
    wanted = [package_of(text) for text in packages or ()]
    with closing(_cache(cache)) as kept:
        told = [refresh_nvd(_nvd(settings, fetcher), kept)] if nvd else []
        if osv and wanted:
            told.append(refresh_osv(OsvFeed(OsvPolicy(settings.osv_address), fetcher), kept, wanted, time.time()))
        kept.compact()
        _tell(told, kept)


@vulnerabilities.command("import")
def import_(
    bundle: Annotated[Path, typer.Argument(help="OSV's all.zip of an ecosystem, or NVD's JSON in a zip.")],
    cache: Cache = None,
) -> None:
    """Read advisories from a zip file, without a network. Their age is the file's."""
    made_at = bundle.stat().st_mtime if bundle.is_file() else 0.0
    with closing(_cache(cache)) as kept:
        told = import_bundle(Bundle(bundle), kept, made_at)
        kept.compact()
        _tell([told], kept)


@vulnerabilities.command("check")
def check(
    packages: Packages = None,
    cache: Cache = None,
    run_id: Annotated[str, typer.Option(help="The run these packages belong to.")] = "",
    runs: Annotated[
        int, typer.Option(min=0, help="Also what so many newest stored runs built, by name and version.")
    ] = 0,
    state: Annotated[Path, typer.Option(help="The state folder whose runs are stored.")] = Path(".buildcast"),
    journal: Annotated[Path | None, typer.Option(help="Journal to append the findings' events to.")] = None,
    spool: Annotated[Path | None, typer.Option(help="Spool of `buildcast collect`, which sends them on.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell which packages are known to be weak, from what the feeds said last. The exit code is always 0."""
    wanted, now, host = {run_id: [package_of(text) for text in packages or ()]}, time.time(), socket.gethostname()
    for run, package in _built(state, runs) if runs else ():
        wanted.setdefault(run, []).append(package)
    everything = [package for some in wanted.values() for package in some]
    with closing(_cache(cache)) as kept:
        ages = age_seconds(kept, now)
        known = kept.find(names_of(everything))
    events = [
        event
        for run, some in wanted.items()
        for event in report(match(some, known), host, f"/buildcast/vulnerability/{host}", now, ages, run)
    ]
    keep(events, journal, spool)
    if as_json:
        print(json.dumps({"findings": _as_json(events), "age_seconds": ages, "notice": NVD_NOTICE}, indent=2))
        return
    _print(events, len(everything))
    Console().print(f"{age_text(ages)}\n{NVD_NOTICE}", markup=False)


@vulnerabilities.command("status")
def status(cache: Cache = None) -> None:
    """How old the feeds' data is."""
    with closing(_cache(cache)) as kept:
        _tell([], kept)


def _built(state: Path, most: int) -> list[tuple[str, Package]]:
    """Runs and the package that each built, of the newest stored ones that say a version."""
    from agents.store.database import connect
    from agents.store.queries import runs
    from buildcast.endpoints import database_url

    async def read() -> list[dict[str, Any]]:
        engine = connect(database_url(state), pool=1)
        try:
            return await runs(engine, most)
        finally:
            await engine.dispose()

    found = [(row["run_id"], row["body"] or {}) for row in asyncio.run(read())]
    return [(run_id, Package(body["name"], body["version"])) for run_id, body in found if body.get("version")]


def _cache(folder: Path | None) -> AdvisoryCache:
    """The folder that was named, else the site's database where one is set, else the usual folder."""
    settings = load(VulnerabilitySettings, advisory_cache=folder)
    address = settings.advisory_database.get_secret_value()
    if address and folder is None:
        from buildcast.advisory_database import DatabaseCache

        return DatabaseCache(address)
    return FileCache(settings.advisory_cache.expanduser())


def _fetch_policy(settings: VulnerabilitySettings) -> FetchPolicy:
    return FetchPolicy(deadline_seconds=settings.feed_deadline_seconds, allowed_networks=tuple(settings.feed_networks))


def _nvd(settings: VulnerabilitySettings, fetcher: Fetcher) -> NvdFeed:
    return NvdFeed(NvdPolicy(settings.nvd_address, settings.nvd_api_key.get_secret_value()), fetcher)


def _tell(told: Sequence[Refreshed], kept: AdvisoryCache) -> None:
    console = Console()
    for one in told:
        unreadable = f", {one.unreadable} unreadable" if one.unreadable else ""
        trouble = f"; stopped: {one.trouble}. What is there still serves." if one.trouble else ""
        console.print(f"{one.feed}: {one.records} records{unreadable}{trouble}", markup=False)
    console.print(f"{age_text(age_seconds(kept, time.time()))}\n{NVD_NOTICE}", markup=False)


def _as_json(events: Sequence[FindingReported]) -> list[dict[str, str]]:
    return [
        {
            "check": one.check,
            "package": one.package,
            "severity": one.severity,
            "evidence": one.evidence,
            "remedy": one.remedy,
        }
        for one in events
    ]


def _print(events: Sequence[FindingReported], asked: int) -> None:
    table = Table("severity", "weakness", "package", "evidence", "what to do")
    for one in events:
        cells = (one.severity, one.check.removeprefix("vulnerability:"), one.package, one.evidence, one.remedy)
        table.add_row(*(escape(cell) for cell in cells))
    console = Console()
    if events:
        console.print(table)
    console.print(f"{asked} packages, {len(events)} findings", markup=False)
