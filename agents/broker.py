"""A real Apache Kafka broker on this machine: one KRaft node on loopback, from its published jars.

For `buildcast up`, tests and benchmarks alike. A stopped or killed broker starts again on its port with its data.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Self

from agents.ports import free_ports, wait_until_answers
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


class KafkaBroker:
    """One broker over a data folder. `bootstrap` is its address once it was started."""

    def __init__(self, folder: Path, libs: Path | None = None, port: int | None = None) -> None:
        self.folder = folder
        self.libs = libs or kafka_libs()
        self._given_port = port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        """The client port, the same for the life of the data folder."""
        return int(_properties(self._config)["listeners"].split(",")[0].rpartition(":")[2])

    @property
    def bootstrap(self) -> str:
        """Where clients connect."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """The broker's process, while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def _config(self) -> Path:
        return self.folder / "server.properties"

    def start(self, seconds: float = 60.0) -> Self:
        """Format the folder the first time, start, and return when the broker accepts connections."""
        if self.pid is not None:
            return self
        if not self._config.exists():
            self._format()
        log = (self.folder / "broker.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                self._java("kafka.Kafka", str(self._config)), stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip
        if not wait_until_answers(self.port, self._process, seconds):
            self.kill()
            raise Unavailable(f"the broker did not start within {seconds:.0f} s: see {self.folder / 'broker.log'}")
        return self

    def stop(self, seconds: float = 20.0) -> None:
        """End it in order; kill it when that takes longer than `seconds`."""
        self._end(signal.SIGTERM, seconds)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL, 10.0)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _end(self, number: signal.Signals, seconds: float) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)

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
