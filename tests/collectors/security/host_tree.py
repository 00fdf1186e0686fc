"""A small host on disk: the files a scan reads, laid out below a folder."""

from __future__ import annotations

from pathlib import Path

__all__ = ["TCP_HEAD", "lay_out"]

TCP_HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"

_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\nlfs:x:1001:1001::/home/lfs:/bin/bash\n",
    "etc/group": "root:x:0:\nlfs:x:1001:\n",
    "etc/shadow": "root:!:1::::::\nlfs:!:1::::::\n",
    "etc/login.defs": "# defaults\nUMASK\t\t022\n",
    "etc/sudoers": "Defaults env_reset\nroot ALL=(ALL:ALL) ALL\n",
    "proc/net/tcp": TCP_HEAD
    + "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0  0 1 1\n",
    "proc/self/mounts": "tmpfs /tmp tmpfs rw,nosuid,nodev 0 0\n",
    "proc/sys/kernel/randomize_va_space": "2\n",
    "usr/bin/gcc-12": "compiler",
    "usr/bin/make": "make",
    "home/lfs/build/a.c": "int a;",
}


def lay_out(root: Path, files: dict[str, str] | None = None) -> Path:
    """A host in good order, with `files` on top."""
    for name, text in {**_FILES, **(files or {})}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o440 if name.startswith("etc/sudoers") else 0o644)
    (root / "usr/bin/cc").unlink(missing_ok=True)
    (root / "usr/bin/cc").symlink_to("/etc/alternatives/cc")
    (root / "etc/alternatives").mkdir(exist_ok=True)
    (root / "etc/alternatives/cc").unlink(missing_ok=True)
    (root / "etc/alternatives/cc").symlink_to("/usr/bin/gcc-12")
    for path in root.rglob("*"):
        if path.is_dir():
            path.chmod(0o755)
    return root
