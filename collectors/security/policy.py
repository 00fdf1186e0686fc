"""What a site expects of a build host, and what a scan may spend on finding out."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ScanPolicy"]


@dataclass(frozen=True)
class ScanPolicy:
    """A scan's frozen policy. Paths are below the reader's root."""

    build_roots: tuple[str, ...] = ()
    builders: tuple[str, ...] = ("root",)  # accounts that may build
    build_groups: tuple[str, ...] = ("lfs", "builders", "buildbot", "jenkins", "gitlab-runner")
    allowed_ports: tuple[int, ...] = (22,)
    key_folders: tuple[str, ...] = ()  # besides every builder's ~/.ssh
    search_path: tuple[str, ...] = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
    expiring_days: float = 30.0
    minimum_rsa_bits: int = 2048
    max_seconds: float = 30.0
    max_files: int = 200_000
    max_findings_per_check: int = 50
