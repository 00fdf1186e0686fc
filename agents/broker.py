"""A real Apache Kafka broker on this machine: one KRaft node on loopback, from its published jars.

For `buildcast up`, tests and benchmarks alike. A stopped or killed broker starts again on its port with its data.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from agents.ports import free_ports
from agents.server import Server
from streams.errors import ConfigError, Unavailable

__all__ = ["KafkaBroker", "kafka_libs"]

# Any valid cluster id serves a broker that only this machine sees.
_CLUSTER_ID = "YnVpbGRjYXN0LWxvY2FsMQ"
_JVM = ["-Xmx256m", "-Xms64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=4"]


def kafka_libs(root: Path | None = None) -> Path:
    """The folder of the broker's jars: BUILDCAST_KAFKA_LIBS, else .cache/kafka/libs beside the sources."""
    given = os.environ.get("BUILDCAST_KAFKA_LIBS")
    libs = Path(given) if given else (root or Path(__file__).resolve().parent.parent) / ".cache/kafka/libs"
    if not any(libs.glob("kafka_*.jar")):
        raise ConfigError(f"no Kafka jars in {libs}: run `make setup`, or set BUILDCAST_KAFKA_LIBS to their folder")
    if shutil.which("java") is None:
        raise ConfigError("the command `java` is missing: run `make setup`, or install a Java 17 runtime")
    return libs


class KafkaBroker(Server):
    """One broker over a data folder. `bootstrap` is its address once it was started."""

    name = "the broker"
    log = "broker.log"

    def __init__(self, folder: Path, libs: Path | None = None, port: int | None = None) -> None:
        super().__init__(folder)
        self.libs = libs or kafka_libs()
        self._given_port = port

    @property
    def port(self) -> int:
        """The client port, the same for the life of the data folder."""
        return int(_properties(self._config)["listeners"].split(",")[0].rpartition(":")[2])

    @property
    def bootstrap(self) -> str:
        """Where clients connect."""
        return f"127.0.0.1:{self.port}"

    @property
    def _config(self) -> Path:
        return self.folder / "server.properties"

    def _prepare(self) -> None:
        if not self._config.exists():
            self._format()

    def _command(self) -> list[str]:
        return self._java("kafka.Kafka", str(self._config))

    def _format(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        client, controller = free_ports(2)
        text = _server_properties(self._given_port or client, controller, self.folder / "data")
        draft = self.folder / "server.properties.draft"
        draft.write_text(text)
        command = self._java("kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", str(draft))
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode != 0:
            raise Unavailable(
                f"the broker's folder could not be formatted: {(done.stderr or done.stdout).strip()[-300:]}"
            )
        draft.rename(self._config)

    def _java(self, main: str, *arguments: str) -> list[str]:
        quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
        return ["java", *_JVM, quiet, "-cp", f"{self.libs}/*", main, *arguments]


def _server_properties(port: int, controller: int, data: Path) -> str:
    settings: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": data,
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 8,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 1,
        "default.replication.factor": 1,
        "min.insync.replicas": 1,
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        "log.cleaner.dedupe.buffer.size": 16_777_216,
        "log.cleaner.threads": 1,
        # A killed broker may register again as soon as its old session has ended.
        "broker.session.timeout.ms": 2000,
        "broker.heartbeat.interval.ms": 500,
        "log.segment.bytes": 67_108_864,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "message.max.bytes": 2_097_152,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def _properties(path: Path) -> dict[str, str]:
    if not path.exists():
        raise ConfigError(f"{path} does not exist: start the broker first")
    return dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
