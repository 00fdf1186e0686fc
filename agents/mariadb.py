"""A real MariaDB server on this machine: own data folder, free loopback port. For `buildcast up` and tests."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from agents.ports import free_ports
from agents.server import Server
from streams.errors import ConfigError, Unavailable

__all__ = ["MariaDB", "mariadbd_path"]


def mariadbd_path() -> str:
    """The server's command, also where it is not on a user's path."""
    found = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise ConfigError("the command `mariadbd` is missing: run `make setup`, or install mariadb-server-core")
    return found


class MariaDB(Server):
    """One server over a folder, with a database `buildcast` and its owner. `url` is for SQLAlchemy's asyncio."""

    name = "MariaDB"
    log = "mariadbd.log"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._port = 0

    @property
    def port(self) -> int:
        """The same from its first start on."""
        return self._port

    @property
    def url(self) -> str:
        """The owner's address (loopback only)."""
        return self.url_for("buildcast", "buildcast")

    def url_for(self, user: str, password: str) -> str:
        """The address of the database for another user."""
        return f"mysql+aiomysql://{user}:{password}@127.0.0.1:{self.port}/buildcast?charset=utf8mb4"

    def _prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.folder / "data/mysql").is_dir():
            self._install()
        self._port = self._port or free_ports(1)[0]

    def _install(self) -> None:
        tool = shutil.which("mariadb-install-db")
        if tool is None:
            raise ConfigError("the command `mariadb-install-db` is missing: run `make setup`")
        data = self.folder / "data"
        command = [tool, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal",
                   "--skip-test-db", *self._as_user()]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        if done.returncode != 0:
            raise Unavailable(f"MariaDB's folder could not be made: {(done.stderr or done.stdout).strip()[-300:]}")
        (self.folder / "init.sql").write_text(
            "CREATE DATABASE IF NOT EXISTS buildcast CHARACTER SET utf8mb4;\n"
            "CREATE USER IF NOT EXISTS 'buildcast'@'127.0.0.1' IDENTIFIED BY 'buildcast';\n"
            "GRANT ALL ON *.* TO 'buildcast'@'127.0.0.1' WITH GRANT OPTION;\n"
        )
        _reachable_by_server(self.folder)

    def _command(self) -> list[str]:
        return [
            mariadbd_path(), "--no-defaults", f"--datadir={self.folder / 'data'}", f"--port={self.port}",
            "--bind-address=127.0.0.1", f"--socket={self.folder / 'data/s'}", f"--pid-file={self.folder / 'data/pid'}",
            f"--init-file={self.folder / 'init.sql'}", "--skip-name-resolve", "--character-set-server=utf8mb4",
            "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=32M", "--performance-schema=OFF",
            "--local-infile=OFF", "--max-allowed-packet=64M", *self._as_user(),
        ]  # fmt: skip

    def _as_user(self) -> list[str]:
        return [f"--user={_server_user()}"] if os.geteuid() == 0 else []


def _server_user() -> str:
    """Whom a server started by root runs as: `mysql` where the system has it (the core package does not make it)."""
    try:
        return pwd.getpwnam("mysql").pw_name
    except KeyError:
        return "root"


def _reachable_by_server(folder: Path) -> None:
    """Started by root, the server drops to its own user, who must be able to walk to its folder."""
    if os.geteuid() != 0:
        return
    for each in (folder, *folder.parents):
        mode = each.stat().st_mode
        if not mode & 0o001:
            each.chmod(mode | 0o001)
