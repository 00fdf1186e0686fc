"""Kernel hardening: settings under /proc/sys against the values usual guides ask for.

Source: the kernel's own sysctl documentation and the settings that KSPP and CIS guides have in common.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from collectors.security.check import Finding, Severity

__all__ = ["SETTINGS", "KernelSetting", "judge_setting"]


@dataclass(frozen=True)
class KernelSetting:
    """`least` to `most` are the values that pass."""

    name: str
    least: int
    most: int
    severity: Severity
    why: str

    @property
    def path(self) -> str:
        return "/proc/sys/" + self.name.replace(".", "/")


_ANY = 1 << 31
SETTINGS = (
    KernelSetting("kernel.randomize_va_space", 2, 2, "high", "addresses are not randomised"),
    KernelSetting("fs.protected_symlinks", 1, 1, "high", "links in /tmp can redirect writes"),
    KernelSetting("fs.protected_hardlinks", 1, 1, "high", "hard links to others' files are allowed"),
    KernelSetting("fs.protected_fifos", 1, 2, "low", "fifos planted in sticky folders are opened"),
    KernelSetting("fs.protected_regular", 1, 2, "low", "files planted in sticky folders are opened"),
    KernelSetting("fs.suid_dumpable", 0, 0, "medium", "set-user-id programs may leave core dumps"),
    KernelSetting("kernel.kptr_restrict", 1, 2, "low", "kernel addresses are shown to everybody"),
    KernelSetting("kernel.dmesg_restrict", 1, 1, "low", "the kernel log is shown to everybody"),
    KernelSetting("kernel.yama.ptrace_scope", 1, 3, "medium", "a process may trace any other of its user"),
    KernelSetting("kernel.unprivileged_bpf_disabled", 1, 2, "medium", "everybody may load BPF programs"),
    KernelSetting("kernel.perf_event_paranoid", 2, _ANY, "low", "everybody may profile the kernel"),
    KernelSetting("net.ipv4.tcp_syncookies", 1, 2, "low", "a SYN flood can exhaust the host"),
    KernelSetting("net.ipv4.conf.all.rp_filter", 1, 2, "low", "packets with forged sources are accepted"),
    KernelSetting("net.ipv4.conf.all.accept_redirects", 0, 0, "medium", "ICMP redirects are obeyed"),
    KernelSetting("net.ipv4.conf.all.accept_source_route", 0, 0, "medium", "source-routed packets are accepted"),
)


def judge_setting(setting: KernelSetting, text: str) -> Iterator[Finding]:
    """`text` is what the setting's file holds; one that is no number is passed over."""
    try:
        value = int(text.split()[0])
    except (IndexError, ValueError):
        return
    if not setting.least <= value <= setting.most:
        yield Finding(
            "kernel.hardening",
            setting.name,
            f"{setting.name} = {value}, wanted {_range(setting)}: {setting.why}",
            setting.severity,
        )


def _range(setting: KernelSetting) -> str:
    if setting.least == setting.most:
        return str(setting.least)
    return f"at least {setting.least}" if setting.most == _ANY else f"{setting.least} to {setting.most}"
