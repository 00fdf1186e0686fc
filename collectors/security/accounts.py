"""Users and groups: who may build here, who amounts to root. Source: passwd(5), group(5), shadow(5)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from collectors.security.check import Finding
from collectors.security.reader import printable

__all__ = ["Account", "Group", "builders", "judge_accounts", "judge_builders", "judge_shadow", "parse_groups"]
__all__ += ["parse_accounts"]

_ROOT_EQUIVALENT = frozenset({"docker", "lxd", "incus-admin", "libvirt", "disk", "shadow", "kmem", "sudo", "wheel"})


@dataclass(frozen=True)
class Account:
    name: str
    uid: int
    gid: int
    home: str
    shell: str


@dataclass(frozen=True)
class Group:
    name: str
    gid: int
    members: tuple[str, ...]


def parse_accounts(text: str) -> list[Account]:
    accounts = []
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) == 7 and fields[2].isdigit() and fields[3].isdigit():
            accounts.append(Account(fields[0], int(fields[2]), int(fields[3]), fields[5], fields[6]))
    return accounts


def parse_groups(text: str) -> list[Group]:
    groups = []
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) == 4 and fields[2].isdigit():
            groups.append(Group(fields[0], int(fields[2]), tuple(name for name in fields[3].split(",") if name)))
    return groups


def builders(
    accounts: Sequence[Account], groups: Sequence[Group], build_groups: Collection[str]
) -> dict[str, list[str]]:
    """Who may build, by group: members by name and by primary group."""
    found: dict[str, list[str]] = {}
    for group in groups:
        if group.name in build_groups:
            primary = [account.name for account in accounts if account.gid == group.gid]
            found[group.name] = sorted({*group.members, *primary})
    return found


def judge_accounts(accounts: Sequence[Account]) -> Iterator[Finding]:
    first: dict[int, str] = {}
    for account in accounts:
        name = printable(account.name)
        if account.uid == 0 and account.name != "root":
            yield Finding("accounts.uid-zero", account.name, f"{name} has user id 0")
        elif account.uid in first:
            yield Finding("accounts.duplicate-id", account.name, f"{name} and {first[account.uid]} are {account.uid}")
        first.setdefault(account.uid, name)


def judge_shadow(text: str) -> Iterator[Finding]:
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) >= 2 and fields[0] and not fields[1]:
            yield Finding("accounts.empty-password", fields[0], f"{printable(fields[0])} needs no password")


def judge_builders(
    may_build: dict[str, list[str]], groups: Sequence[Group], expected: Collection[str]
) -> Iterator[Finding]:
    """Builders nobody named in the policy, and builders who are root by another name."""
    for group, names in may_build.items():
        for name in names:
            if name not in expected and name != group:
                yield Finding("accounts.builder", f"{group} {name}", f"{printable(name)} is in group {group}")
    everybody = {name for names in may_build.values() for name in names} | set(expected)
    for other in groups:
        if other.name in _ROOT_EQUIVALENT:
            for name in sorted(everybody.intersection(other.members) - {"root"}):
                yield Finding(
                    "accounts.root-equivalent", f"{other.name} {name}", f"{printable(name)} is in group {other.name}"
                )
