"""Who may become root here: sudoers(5), parsed far enough to see the open doors.

Aliases are kept by name; an alias in place of a user or command is judged as what it is called.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from collectors.security.check import Finding
from collectors.security.reader import FileStatus, HostReader, printable

__all__ = ["Sudoers", "SudoRule", "judge_defaults", "judge_file", "judge_rule", "parse_sudoers", "read_sudoers"]

_MAIN = "/etc/sudoers"
_MAX_FILES = 200
_TAGS = re.compile(r"^\s*((?:NO)?(?:PASSWD|EXEC|SETENV|LOG_INPUT|LOG_OUTPUT|MAIL|FOLLOW|INTERCEPT)):\s*")
_RUN_AS = re.compile(r"^\s*\(([^)]*)\)\s*")
_INCLUDE = re.compile(r"^[@#](include|includedir)\s+(\S+)")
_ALIASES = ("User_Alias", "Runas_Alias", "Host_Alias", "Cmnd_Alias", "Cmd_Alias")
_LEADING = re.compile(r"^[^=]*=(?!=)")


@dataclass(frozen=True)
class SudoRule:
    """One user's right to one command. `command` is ALL, an alias or a path with arguments."""

    user: str
    command: str
    run_as: str
    password: bool


@dataclass(frozen=True)
class Sudoers:
    """What one file says: rules, defaults, files it includes (kind, path)."""

    rules: tuple[SudoRule, ...]
    defaults: tuple[str, ...]
    includes: tuple[tuple[str, str], ...]


def parse_sudoers(text: str) -> Sudoers:
    rules: list[SudoRule] = []
    defaults: list[str] = []
    includes: list[tuple[str, str]] = []
    for raw in text.replace("\\\n", " ").splitlines():
        line = raw.strip()
        if include := _INCLUDE.match(line):
            includes.append((include[1], include[2].strip('"')))
            continue
        line = re.sub(r"(^|\s)#(?!\d).*$", "", line).strip()
        if line.startswith("Defaults"):
            defaults.append(line.partition(" ")[2].strip())
        elif line and "=" in line and not line.startswith(_ALIASES):
            rules += _rules(line)
    return Sudoers(tuple(rules), tuple(defaults), tuple(includes))


def read_sudoers(reader: HostReader) -> list[tuple[FileStatus, Sudoers]]:
    """Every sudoers file that is in force, with what it says. Names with a dot or ending in ~ are passed over."""
    found: list[tuple[FileStatus, Sudoers]] = []
    todo, seen = [_MAIN], set[str]()
    while todo and len(found) < _MAX_FILES:
        path = todo.pop(0)
        status, text = reader.status(path, follow=True), reader.text(path)
        if path in seen or status is None or text is None:
            continue
        seen.add(path)
        parsed = parse_sudoers(text)
        found.append((status, parsed))
        for kind, target in parsed.includes:
            todo += [target] if kind == "include" else _folder_files(reader, target)
    return found


def judge_file(status: FileStatus) -> Iterator[Finding]:
    if status.uid != 0 or status.mode & 0o022:
        yield Finding(
            "sudo.file",
            status.path,
            f"{printable(status.path)} has mode {status.octal} and belongs to user {status.uid}",
        )


def judge_rule(rule: SudoRule, command: FileStatus | None) -> Iterator[Finding]:
    """`command` is the state of the file the rule allows, where there is one."""
    if rule.user == "root":
        return
    who = printable(f"{rule.user} may run {rule.command}")
    if not rule.password and rule.command == "ALL":
        yield Finding("sudo.everything", f"{rule.user} {rule.command}", f"{who} as {rule.run_as}, no password")
    elif not rule.password:
        yield Finding("sudo.nopasswd", f"{rule.user} {rule.command}", f"{who} as {rule.run_as}, no password")
    if command is not None and (command.uid != 0 or command.mode & 0o022):
        yield Finding(
            "sudo.writable-command",
            f"{rule.user} {rule.command}",
            f"{who}: mode {command.octal}, owner {command.uid}",
        )


def judge_defaults(default: str) -> Iterator[Finding]:
    risky = (
        re.search(r"!\s*authenticate", default)
        or re.search(r"(^|[\s,])setenv", default)
        or re.search(r"env_keep.*\b(LD_|PATH|PYTHONPATH|PERL5LIB|BASH_ENV)", default)
        or re.search(r"!\s*env_reset", default)
        or re.search(r"(^|[\s,])visiblepw", default)
    )
    if risky:
        yield Finding("sudo.defaults", default, f"Defaults {printable(default)}")


def _rules(line: str) -> Iterator[SudoRule]:
    users, _, rest = line.partition(" ")
    for right in re.split(r"(?<!\\):(?=\s*\S+\s*=)", _LEADING.sub("", rest, count=1)):
        run_as, password = "root", True
        for piece in re.split(r"(?<!\\),", right):
            command = piece.strip()
            if found := _RUN_AS.match(command):
                run_as, command = found[1].strip() or "root", command[found.end() :]
            while tag := _TAGS.match(command):
                password = {"NOPASSWD": False, "PASSWD": True}.get(tag[1], password)
                command = command[tag.end() :]
            if command:
                yield from (SudoRule(user, command, run_as, password) for user in users.split(","))


def _folder_files(reader: HostReader, folder: str) -> list[str]:
    names = sorted(entry.path for entry in reader.folder(folder) if entry.is_file or entry.is_link)
    return [path for path in names if "." not in path.rsplit("/", 1)[1] and not path.endswith("~")][:_MAX_FILES]
