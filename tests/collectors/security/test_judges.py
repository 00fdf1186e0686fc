"""Each judge on exact facts: what it finds, how bad, and what it leaves alone."""

from __future__ import annotations

import ipaddress
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.security import accounts, kernel, listeners, mounts, search_path, sudoers, toolchain, units
from collectors.security.build_roots import judge_file
from collectors.security.check import Finding
from collectors.security.reader import FileStatus
from tests.collectors.security.host_tree import TCP_HEAD


def _file(mode: int, uid: int = 0, path: str = "/b/x", kind: int = stat.S_IFREG) -> FileStatus:
    return FileStatus(path, kind | mode, uid, 0)


def _ids(findings: object) -> list[str]:
    return [finding.check for finding in findings]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (_file(0o644), []),
        (_file(0o666), ["files.world-writable"]),
        (_file(0o1777, kind=stat.S_IFDIR), []),
        (_file(0o777, kind=stat.S_IFDIR), ["files.world-writable"]),
        (_file(0o777, kind=stat.S_IFLNK), []),
        (_file(0o4755), ["files.setuid"]),
        (_file(0o2755), ["files.setuid"]),
        (_file(0o2755, kind=stat.S_IFDIR), []),
        (_file(0o4755, path="/lfs/usr/bin/su"), []),
        (_file(0o4755, uid=7, path="/lfs/usr/bin/su"), ["files.setuid", "files.owner"]),
        (_file(0o4755, path="/lfs/src/su"), ["files.setuid"]),
        (_file(0o644, uid=7), ["files.owner"]),
        (_file(0o600, kind=stat.S_IFBLK), ["files.device"]),
        (_file(0o666, path="/lfs/dev/null", kind=stat.S_IFCHR), []),
    ],
)
def test_build_root_files_are_judged(entry: FileStatus, expected: list[str]) -> None:
    assert _ids(judge_file(entry, {0})) == expected


def test_sockets_are_parsed_by_state_and_byte_order() -> None:
    text = (
        TCP_HEAD
        + "   0: 0100007F:0CEA 00000000:0000 0A 0:0 0:0 0   111  0 1 1\n"
        + "   1: 00000000:0947 00000000:0000 0A 0:0 0:0 0     0  0 1 1\n"
        + "   2: 0100007F:0CEA 0100007F:8888 01 0:0 0:0 0     0  0 1 1\n"
        + "garbage\n   3: zz:1 0:0 0A 0:0 0:0 0 0 0\n"
    )
    found = list(listeners.parse_sockets("tcp", text, "little"))
    assert [(str(one.address), one.port, one.uid) for one in found] == [("127.0.0.1", 3306, 111), ("0.0.0.0", 2375, 0)]
    big = list(listeners.parse_sockets("tcp", text, "big"))
    assert str(big[0].address) == "1.0.0.127"


@pytest.mark.parametrize(
    ("words", "address", "beyond"),
    [
        ("00000000000000000000000001000000", "::1", False),
        ("0000000000000000FFFF00000100007F", "::ffff:127.0.0.1", False),
        ("0000000000000000FFFF000000000000", "::ffff:0.0.0.0", True),
        ("00000000000000000000000000000000", "::", True),
        ("B80D0120000000000000000001000000", "2001:db8::1", True),
    ],
)
def test_ipv6_words_become_addresses(words: str, address: str, beyond: bool) -> None:
    text = TCP_HEAD + f"   0: {words}:0016 0:0 0A 0:0 0:0 0 0 0 1 1\n"
    (found,) = listeners.parse_sockets("tcp6", text, "little")
    assert found.address == ipaddress.ip_address(address)
    assert found.beyond_loopback is beyond


@given(st.text(max_size=400))
def test_any_text_is_no_crash_for_the_parsers(text: str) -> None:
    for protocol in ("tcp", "tcp6", "udp", "udp6"):
        list(listeners.parse_sockets(protocol, text))
    accounts.parse_accounts(text)
    accounts.parse_groups(text)
    list(accounts.judge_shadow(text))
    said = sudoers.parse_sudoers(text)
    for rule in said.rules:
        list(sudoers.judge_rule(rule, None))
    for default in said.defaults:
        list(sudoers.judge_defaults(default))
    search_path.parse_umask(text)
    mounts.parse_mounts(text)
    units.parse_units(text)
    for setting in kernel.SETTINGS:
        list(kernel.judge_setting(setting, text))


@pytest.mark.parametrize(
    ("protocol", "address", "port", "expected"),
    [
        ("tcp", "0.0.0.0", 2375, [("network.listener", "high")]),
        ("tcp", "10.0.0.5", 12345, [("network.listener", None)]),
        ("tcp", "127.0.0.1", 2375, []),
        ("tcp", "0.0.0.0", 22, []),
        ("udp", "0.0.0.0", 45000, []),
        ("udp", "0.0.0.0", 69, [("network.listener", "high")]),
    ],
)
def test_listeners_are_judged(protocol: str, address: str, port: int, expected: list[tuple[str, str | None]]) -> None:
    listener = listeners.Listener(protocol, ipaddress.IPv4Address(address), port, 0)
    assert [(f.check, f.severity) for f in listeners.judge_listener(listener, (22,))] == expected


SUDOERS = """
# a comment
Defaults env_reset, !authenticate
Defaults:lfs env_keep += "LD_PRELOAD"
Defaults secure_path="/usr/bin"
User_Alias ADMINS = ann, ben
root ALL=(ALL:ALL) ALL
lfs ALL=(ALL) NOPASSWD: ALL
%builders ALL = NOPASSWD: /usr/bin/mount, \\
    PASSWD: /usr/bin/umount
ann,ben host = (www) /opt/deploy --all
@includedir /etc/sudoers.d
#include /etc/sudoers.local
#1234 ALL = ALL
"""


def test_sudoers_are_parsed_with_tags_continuations_and_includes() -> None:
    said = sudoers.parse_sudoers(SUDOERS)
    assert said.includes == (("includedir", "/etc/sudoers.d"), ("include", "/etc/sudoers.local"))
    assert [(r.user, r.command, r.run_as, r.password) for r in said.rules] == [
        ("root", "ALL", "ALL:ALL", True),
        ("lfs", "ALL", "ALL", False),
        ("%builders", "/usr/bin/mount", "root", False),
        ("%builders", "/usr/bin/umount", "root", True),
        ("ann", "/opt/deploy --all", "www", True),
        ("ben", "/opt/deploy --all", "www", True),
        ("#1234", "ALL", "root", True),
    ]
    assert [_ids(sudoers.judge_defaults(d)) for d in said.defaults] == [["sudo.defaults"], ["sudo.defaults"], []]


def test_sudo_rules_are_judged_with_the_file_they_allow() -> None:
    everything = sudoers.SudoRule("lfs", "ALL", "ALL", password=False)
    some = sudoers.SudoRule("lfs", "/home/lfs/x", "root", password=False)
    assert _ids(sudoers.judge_rule(everything, None)) == ["sudo.everything"]
    assert _ids(sudoers.judge_rule(some, _file(0o755))) == ["sudo.nopasswd"]
    assert _ids(sudoers.judge_rule(some, _file(0o755, uid=1001))) == ["sudo.nopasswd", "sudo.writable-command"]
    assert _ids(sudoers.judge_rule(sudoers.SudoRule("root", "ALL", "ALL", password=False), None)) == []


@pytest.mark.parametrize(
    ("umask", "severity"), [(0o022, None), (0o027, None), (0o002, "low"), (0o000, "high"), (0o020, "high")]
)
def test_umask_is_judged(umask: int, severity: str | None) -> None:
    assert [f.severity for f in search_path.judge_umask("/etc/profile", umask)] == ([severity] if severity else [])


def test_umask_is_read_from_every_form_of_file() -> None:
    assert search_path.parse_umask("Name:\tx\nUmask:\t0002\n") == 0o002
    assert search_path.parse_umask("umask 022\n  umask 077\n") == 0o077
    assert search_path.parse_umask("# umask 000\numask u=rwx\n") is None


def test_search_path_entries_are_judged_with_the_folders_above() -> None:
    root, tmp = _file(0o755, path="/", kind=stat.S_IFDIR), _file(0o1777, path="/tmp", kind=stat.S_IFDIR)
    good, bad = _file(0o755, path="/b", kind=stat.S_IFDIR), _file(0o777, path="/b", kind=stat.S_IFDIR)
    assert _ids(search_path.judge_entry("", [], {0})) == ["path.relative"]
    assert _ids(search_path.judge_entry(".", [], {0})) == ["path.relative"]
    assert _ids(search_path.judge_entry("/none", [], {0})) == ["path.missing"]
    assert _ids(search_path.judge_entry("/b", [root, good], {0})) == []
    assert _ids(search_path.judge_entry("/b", [root, bad], {0})) == ["path.writable"]
    assert _ids(search_path.judge_entry("/tmp/b", [root, tmp, good], {0})) == []
    assert _ids(search_path.judge_entry("/tmp", [root, tmp], {0})) == ["path.writable"]
    assert _ids(search_path.judge_entry("/b/c", [root, bad, good], {0})) == ["path.writable"]
    assert _ids(search_path.judge_entry("/b", [root, _file(0o755, 9, "/b", stat.S_IFDIR)], {0})) == ["path.writable"]


def test_mounts_are_judged_by_what_they_lack() -> None:
    table = mounts.parse_mounts(
        "tmpfs /tmp tmpfs rw,nosuid 0 0\ntmpfs /dev/shm tmpfs rw,nosuid,nodev 0 0\n/dev/a / ext4 rw 0 0\nshort\n"
    )
    found = [finding for mount in table for finding in mounts.judge_mount(mount)]
    assert [(f.subject, f.evidence) for f in found] == [("/tmp", "/tmp (tmpfs) lacks nodev")]


def test_kernel_settings_are_ranges() -> None:
    aslr = kernel.SETTINGS[0]
    assert _ids(kernel.judge_setting(aslr, "2\n")) == []
    assert [f.evidence for f in kernel.judge_setting(aslr, "0\n")] == [
        "kernel.randomize_va_space = 0, wanted 2: addresses are not randomised"
    ]
    assert _ids(kernel.judge_setting(aslr, "not a number")) == []


def test_tool_changes_are_told_only_against_an_earlier_scan() -> None:
    assert list(toolchain.judge_changes({}, {"/usr/bin/cc": "1"})) == []
    found = list(toolchain.judge_changes({"/a": "1", "/b": "1", "/c": "1"}, {"/a": "1", "/b": "2", "/d": "1"}))
    assert [(f.check, f.subject) for f in found] == [
        ("toolchain.changed", "/b"),
        ("toolchain.removed", "/c"),
        ("toolchain.added", "/d"),
    ]
    assert _ids(toolchain.judge_tool(_file(0o755, uid=5))) == ["toolchain.writable"]
    assert _ids(toolchain.judge_tool(_file(0o755))) == []


def test_accounts_and_builders_are_judged() -> None:
    passwd = accounts.parse_accounts(
        "root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\nann:x:7:50::/:/bin/sh\nben:x:7:7::/:/bin/sh\nbroken\n"
    )
    groups = accounts.parse_groups("builders:x:50:ben,eve\ndocker:x:9:eve,zoe\n")
    may_build = accounts.builders(passwd, groups, ("builders",))
    assert may_build == {"builders": ["ann", "ben", "eve"]}
    assert [(f.check, f.subject) for f in accounts.judge_accounts(passwd)] == [
        ("accounts.uid-zero", "toor"),
        ("accounts.duplicate-id", "ben"),
    ]
    found = list(accounts.judge_builders(may_build, groups, ("ann", "ben")))
    assert [(f.check, f.subject) for f in found] == [
        ("accounts.builder", "builders eve"),
        ("accounts.root-equivalent", "docker eve"),
    ]
    assert [f.subject for f in accounts.judge_shadow("a::1:\nb:!:1:\nc:$6$x:1:\n")] == ["a"]


def test_failed_units_are_named() -> None:
    text = "nginx.service loaded failed failed A server\nno unit line\n"
    assert list(units.judge_units(units.parse_units(text))) == [
        Finding("services.failed", "nginx.service", "nginx.service is in state failed")
    ]
