"""A whole scan: reads a host through one reader, asks every judge, within one budget.

The readers' surroundings (clock, systemd) are parameters; the same facts give the same findings.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from collectors.security import accounts, build_roots, kernel, keys, listeners, mounts, search_path, sudoers, toolchain
from collectors.security import units as failed_units
from collectors.security.budget import Budget
from collectors.security.catalogue import CHECKS
from collectors.security.check import Finding
from collectors.security.policy import ScanPolicy
from collectors.security.reader import FileStatus, HostReader
from collectors.security.walk import walk

__all__ = ["Scan", "scan"]

_PROFILES = ("/etc/login.defs", "/etc/profile", "/etc/bash.bashrc", "/proc/self/status")


@dataclass
class Scan:
    """What one scan saw. `examined` are the areas that could be looked at; `cut` says the budget ended it early."""

    findings: list[Finding] = field(default_factory=list)
    examined: set[str] = field(default_factory=set)
    more: dict[str, int] = field(default_factory=dict)  # findings beyond the cap, by check
    digests: dict[str, str] = field(default_factory=dict)
    may_build: dict[str, list[str]] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    seconds: float = 0.0


@dataclass(frozen=True)
class _Host:
    reader: HostReader
    policy: ScanPolicy
    budget: Budget
    now: float
    accounts: list[accounts.Account]

    @property
    def owners(self) -> set[int]:
        return {0} | {one.uid for one in self.accounts if one.name in self.policy.builders}


def scan(
    reader: HostReader,
    policy: ScanPolicy,
    now: float,
    known_digests: Mapping[str, str] | None = None,
    read_units: Callable[[], str | None] = failed_units.read_units,
    clock: Callable[[], float] = time.monotonic,
) -> Scan:
    """Looks at everything once. `now` is event time in seconds; `known_digests` are the last scan's."""
    started = clock()
    budget = Budget(policy.max_seconds, policy.max_files, clock)
    passwd = accounts.parse_accounts(reader.text("/etc/passwd") or "")
    host, result = _Host(reader, policy, budget, now, passwd), Scan()
    result.digests, tools = toolchain.read_tools(reader, policy.search_path, budget)
    known = known_digests or {}
    comparable = {**known, **result.digests} if budget.cut else result.digests  # unseen is not gone
    _take(result, "toolchain", toolchain.judge_changes(known, comparable), seen=bool(tools))
    _take(result, "toolchain", (f for tool in tools for f in toolchain.judge_tool(tool)), seen=bool(tools))
    for area, look in _LOOKS.items():
        _take_look(result, area, look(host), policy.max_findings_per_check)
    _take_look(result, "services", _units(read_units()), policy.max_findings_per_check)
    _accounts(host, result)
    result.unread, result.cut, result.seconds = dict(reader.unread), budget.cut, clock() - started
    return result


def _take(result: Scan, area: str, findings: Iterator[Finding], seen: bool) -> None:
    result.findings += findings
    if seen:
        result.examined.add(area)


def _take_look(result: Scan, area: str, found: Iterator[Finding | None], cap: int) -> None:
    """A look yields None whenever it has seen something to judge, and findings between."""
    counts: dict[str, int] = {}
    for finding in found:
        if finding is None:
            result.examined.add(area)
            continue
        assert CHECKS[finding.check].area == area
        counts[finding.check] = counts.get(finding.check, 0) + 1
        if counts[finding.check] <= cap:
            result.findings.append(finding)
        else:
            result.more[finding.check] = result.more.get(finding.check, 0) + 1


def _files(host: _Host) -> Iterator[Finding | None]:
    for top in host.policy.build_roots:
        for entry in walk(host.reader, top, host.budget):
            yield None
            yield from build_roots.judge_file(entry, host.owners)


def _network(host: _Host) -> Iterator[Finding | None]:
    for protocol in ("tcp", "tcp6", "udp", "udp6"):
        text = host.reader.text(f"/proc/net/{protocol}")
        if text is not None:
            yield None
            for listener in {*listeners.parse_sockets(protocol, text)}:
                yield from listeners.judge_listener(listener, host.policy.allowed_ports)


def _keys(host: _Host) -> Iterator[Finding | None]:
    homes = [one.home for one in host.accounts if one.name in host.policy.builders and one.home.startswith("/")]
    for folder in (*(f"{home}/.ssh" for home in homes), *host.policy.key_folders):
        yield None
        for file in walk(host.reader, folder, host.budget, max_depth=4):
            if file.is_file and 0 < file.size_bytes <= keys.KEY_CAP_BYTES:
                yield from _key_findings(host, file)


def _key_findings(host: _Host, file: FileStatus) -> Iterator[Finding]:
    least = host.policy.minimum_rsa_bits
    for found in keys.parse_keys(host.reader.content(file.path, keys.KEY_CAP_BYTES) or b""):
        if isinstance(found, keys.Key):
            yield from keys.judge_key(file, found, least)
        else:
            yield from keys.judge_certificate(file, found, host.now, host.policy.expiring_days, least)


def _sudo(host: _Host) -> Iterator[Finding | None]:
    for file, said in sudoers.read_sudoers(host.reader):
        yield None
        yield from sudoers.judge_file(file)
        for default in said.defaults:
            yield from sudoers.judge_defaults(default)
        for rule in said.rules:
            path = rule.command.split(" ", 1)[0]
            command = host.reader.status(path, follow=True) if path.startswith("/") else None
            yield from sudoers.judge_rule(rule, command)


def _umask(host: _Host) -> Iterator[Finding | None]:
    for place in _PROFILES:
        umask = search_path.parse_umask(host.reader.text(place) or "")
        if umask is not None:
            yield None
            yield from search_path.judge_umask(place, umask)


def _path(host: _Host) -> Iterator[Finding | None]:
    for entry in host.policy.search_path:
        yield None
        yield from search_path.judge_entry(entry, search_path.read_entry(host.reader, entry), host.owners)


def _mounts(host: _Host) -> Iterator[Finding | None]:
    table = mounts.parse_mounts(host.reader.text("/proc/self/mounts") or "")
    for mount in {mount.point: mount for mount in table}.values():  # the last one mounted is the one seen
        yield None
        yield from mounts.judge_mount(mount)


def _kernel(host: _Host) -> Iterator[Finding | None]:
    for setting in kernel.SETTINGS:
        text = host.reader.text(setting.path)
        if text is not None:
            yield None
            yield from kernel.judge_setting(setting, text)


def _units(text: str | None) -> Iterator[Finding | None]:
    if text is not None:
        yield None
        yield from failed_units.judge_units(failed_units.parse_units(text))


def _accounts(host: _Host, result: Scan) -> None:
    groups = accounts.parse_groups(host.reader.text("/etc/group") or "")
    result.may_build = accounts.builders(host.accounts, groups, host.policy.build_groups)
    for found in (
        accounts.judge_accounts(host.accounts),
        accounts.judge_shadow(host.reader.text("/etc/shadow") or ""),
        accounts.judge_builders(result.may_build, groups, host.policy.builders),
    ):
        _take(result, "accounts", found, seen=bool(host.accounts))


_LOOKS: dict[str, Callable[[_Host], Iterator[Finding | None]]] = {
    "network": _network,
    "sudo": _sudo,
    "umask": _umask,
    "path": _path,
    "mounts": _mounts,
    "kernel": _kernel,
    "keys": _keys,
    "files": _files,
}
