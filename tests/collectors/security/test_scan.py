"""Whole scans of hosts on disk: clean, broken, hostile; findings as events; the compliance page."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from collectors.security import CHECKS, HostReader, Scan, ScanMemory, ScanPolicy, load_memory, report, save_memory
from collectors.security import scan as scan_once
from collectors.security.compliance import summarise
from collectors.security.findings import texts
from streams.codec import decode, encode
from streams.errors import ConfigError
from tests.collectors.security.host_tree import TCP_HEAD, lay_out

POLICY = ScanPolicy(build_roots=("/home/lfs/build",), builders=("root", "lfs"), search_path=("/usr/bin",))


def _scan(root: Path, policy: ScanPolicy = POLICY, digests: dict[str, str] | None = None, units: str = "") -> Scan:
    return scan_once(HostReader(root), policy, 1e9, digests, lambda: units)


def _pairs(seen: Scan) -> set[tuple[str, str]]:
    return {(finding.check, finding.subject) for finding in seen.findings}


def test_host_in_good_order_has_no_findings(tmp_path: Path) -> None:
    seen = _scan(lay_out(tmp_path / "host"))
    assert seen.findings == []
    assert seen.examined == {check.area for check in CHECKS.values()}
    summary = summarise(seen)
    assert summary.score_ratio == 1.0
    assert summary.complete


def test_tools_are_hashed_through_their_links(tmp_path: Path) -> None:
    root = lay_out(tmp_path)
    before = _scan(root)
    assert set(before.digests) == {"/usr/bin/gcc-12", "/usr/bin/make"}
    (root / "usr/bin/gcc-12").write_text("changed")
    assert _pairs(_scan(root, digests=before.digests)) == {("toolchain.changed", "/usr/bin/gcc-12")}


def test_broken_host_is_told_in_full(tmp_path: Path) -> None:
    root = lay_out(
        tmp_path,
        {
            "etc/passwd": "root:x:0:0::/root:/bin/sh\nlfs:x:1001:1001::/home/lfs:/bin/sh\ntoor:x:0:0::/:/bin/sh\n",
            "etc/shadow": "lfs::1::::::\n",
            "etc/login.defs": "UMASK 000\n",
            "etc/sudoers.d/build": "lfs ALL=(ALL) NOPASSWD: ALL\n",
            "etc/sudoers.d/old.bak": "lfs ALL=(ALL) NOPASSWD: /bin/x\n",
            "etc/sudoers": "@includedir /etc/sudoers.d\n",
            "proc/net/tcp": TCP_HEAD + "   0: 00000000:0947 00000000:0000 0A 0:0 0:0 0     0  0 1 1\n",
            "proc/self/mounts": "tmpfs /tmp tmpfs rw 0 0\n",
            "proc/sys/kernel/randomize_va_space": "0\n",
            "home/lfs/.ssh/authorized_keys": "ssh-dss AAAA old\n",
        },
    )
    (root / "home/lfs/build/a.c").chmod(0o666)
    (root / "usr/bin/make").chmod(0o777)
    assert _pairs(_scan(root, units="nginx.service loaded failed failed x\n")) == {
        ("accounts.uid-zero", "toor"),
        ("accounts.empty-password", "lfs"),
        ("umask.open", "/etc/login.defs"),
        ("sudo.everything", "lfs ALL"),
        ("network.listener", "tcp 0.0.0.0 port 2375"),
        ("mounts.options", "/tmp"),
        ("kernel.hardening", "kernel.randomize_va_space"),
        ("keys.weak", "/home/lfs/.ssh/authorized_keys dsa1024"),
        ("files.world-writable", "/home/lfs/build/a.c"),
        ("toolchain.writable", "/usr/bin/make"),
        ("services.failed", "nginx.service"),
    }


def test_hostile_build_root_is_bounded_and_never_run(tmp_path: Path) -> None:
    root = lay_out(tmp_path)
    build = root / "home/lfs/build"
    os.mkfifo(build / "fifo", 0o644)
    (build / "loop").symlink_to(".")
    (build / "out").symlink_to("/../../../etc")
    (build / "evil\n\x1b[2J").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    (build / "evil\n\x1b[2J").chmod(0o777)
    for number in range(200):
        (build / f"w{number}").touch()
        (build / f"w{number}").chmod(0o666)
    seen = _scan(root)
    assert not (tmp_path / "ran").exists()
    assert seen.more == {"files.world-writable": 151}
    assert len(seen.findings) == 50
    assert all(finding.evidence.isprintable() for finding in seen.findings)
    assert any("151 more findings" in text for text in texts(seen))


def test_scan_out_of_budget_says_so_and_clears_nothing(tmp_path: Path) -> None:
    root = lay_out(tmp_path)
    seen = _scan(root, ScanPolicy(build_roots=("/home/lfs/build",), search_path=("/usr/bin",), max_files=1))
    assert seen.cut
    assert not summarise(seen).complete
    memory = ScanMemory({"/usr/bin/make": "1"}, {"files.setuid /x": "was setuid"})
    events, kept = report(seen, memory, "h", "/s", 1.0)
    assert not any(event.cleared for event in events)
    assert kept.reported["files.setuid /x"] == "was setuid"
    assert kept.digests["/usr/bin/make"] == "1"


def test_findings_are_events_once_and_cleared_when_gone(tmp_path: Path) -> None:
    root = lay_out(tmp_path / "host")
    target = root / "home/lfs/build/a.c"
    target.chmod(0o666)
    events, memory = report(_scan(root), ScanMemory(), "h1", "/s", 10.0)
    assert [(e.check, e.severity, e.host, e.cleared) for e in events] == [("files.world-writable", "high", "h1", False)]
    assert decode(encode(events[0])) == events[0]
    again, memory = report(_scan(root), memory, "h1", "/s", 20.0)
    assert again == []
    target.chmod(0o644)
    gone, memory = report(_scan(root), memory, "h1", "/s", 30.0)
    assert [(e.check, e.cleared) for e in gone] == [("files.world-writable", True)]
    assert memory.reported == {}


def test_area_that_cannot_be_examined_clears_nothing(tmp_path: Path) -> None:
    memory = ScanMemory({}, {"services.failed a.service": "a.service is in state failed"})
    seen = scan_once(HostReader(lay_out(tmp_path)), POLICY, 0.0, None, lambda: None)
    events, kept = report(seen, memory, "h", "/s", 1.0)
    assert events == []
    assert kept.reported == memory.reported


def test_memory_survives_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "state/scan.json"
    assert load_memory(path) == ScanMemory()
    memory = ScanMemory({"/usr/bin/cc": "ab"}, {"files.setuid /x": "e"})
    save_memory(path, memory)
    assert load_memory(path) == memory
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("{")
    with pytest.raises(ConfigError, match="move it away"):
        load_memory(path)


def test_empty_root_examines_nothing_and_has_no_score(tmp_path: Path) -> None:
    seen = scan_once(HostReader(tmp_path), ScanPolicy(search_path=()), 0.0, None, lambda: None)
    assert seen.findings == []
    assert summarise(seen).score_ratio is None


def test_worse_hosts_score_lower(tmp_path: Path) -> None:
    good = summarise(_scan(lay_out(tmp_path / "a"))).score_ratio
    bad_root = lay_out(tmp_path / "b", {"etc/login.defs": "UMASK 000\n"})
    bad = summarise(_scan(bad_root)).score_ratio
    assert good is not None
    assert bad is not None
    assert bad < good


def test_this_very_machine_can_be_scanned() -> None:
    seen = scan_once(HostReader(), ScanPolicy(max_seconds=5, max_files=2000), 1e9)
    assert {"kernel", "accounts", "path"} <= seen.examined
    assert seen.seconds < 10


def test_every_check_has_a_remedy_and_a_sound_severity() -> None:
    for check in CHECKS.values():
        assert check.id.startswith(check.area)
        assert check.remedy
        assert check.severity in ("low", "medium", "high", "critical")
