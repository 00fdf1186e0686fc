"""The broker of the containers, started by its own script on this machine: TLS, SCRAM, rights, with new secrets."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Self

from agents.broker import kafka_libs
from agents.ports import free_ports, wait_until_answers
from tests.deploy.places import DEPLOY

_JAVA = (
    "exec java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=warn "
    '-cp "{libs}/*" {main} "$@"\n'
)


class SecuredBroker:
    """`deploy/kafka/start.sh` over a folder, with what `deploy/make-secrets.sh` made."""

    def __init__(self, folder: Path) -> None:
        self.secrets = folder / "secrets"
        self.log = folder / "broker.log"
        self._folder = folder
        inner, host, controller = free_ports(3)
        self.bootstrap = f"127.0.0.1:{host}"
        self._environment = os.environ | {
            "KAFKA_HOME": str(folder), "KAFKA_DATA": str(folder / "data"), "KAFKA_SECRETS": str(self.secrets),
            "KAFKA_PROPERTIES": str(folder / "server.properties"), "KAFKA_INNER": f"127.0.0.1:{inner}",
            "KAFKA_HOST": self.bootstrap, "KAFKA_CONTROLLER": f"127.0.0.1:{controller}",
        }  # fmt: skip

    def start(self) -> Self:
        subprocess.run([DEPLOY / "make-secrets.sh", self.secrets], check=True, capture_output=True)
        (self._folder / "bin").mkdir()
        for name, main in (("storage", "kafka.tools.StorageTool"), ("server-start", "kafka.Kafka")):
            script = self._folder / "bin" / f"kafka-{name}.sh"
            script.write_text("#!/bin/bash\n" + _JAVA.format(libs=kafka_libs(), main=main))
            script.chmod(0o700)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [DEPLOY / "kafka/start.sh"], env=self._environment, stdout=log, stderr=log, start_new_session=True
            )
        port = int(self.bootstrap.rpartition(":")[2])
        assert wait_until_answers(port, self._process, 60.0), self.log.read_text()[-2000:]
        return self

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(120)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(120)

    def as_user(self, role: str, **other: str) -> dict[str, str]:
        """The variables with which a process of a role finds and enters this broker."""
        return {
            "BUILDCAST_BOOTSTRAP": self.bootstrap,
            "BUILDCAST_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "BUILDCAST_KAFKA_USER": f"buildcast-{role}",
            "BUILDCAST_KAFKA_PASSWORD_FILE": str(self.secrets / f"kafka_{role}"),
            "BUILDCAST_KAFKA_CA_FILE": str(self.secrets / "kafka_ca"),
            **other,
        }
