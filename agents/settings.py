"""Settings of the long-running processes: environment `BUILDCAST_...`, or the TOML file of `BUILDCAST_CONFIG`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from streams.settings import Settings

__all__ = ["ProcessSettings", "SinkSettings", "WorkerSettings"]


class ProcessSettings(Settings):
    """What every process on the broker has."""

    bootstrap: str = Field("127.0.0.1:9092", description="host:port list of the broker")
    state: Path = Field(Path(".buildcast"), description="folder of what this machine keeps")
    partitions: int = Field(8, ge=1, le=10_000, description="partitions of the topics keyed by host or run")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    metrics_host: str = Field("127.0.0.1", description="where metrics are served; loopback unless set")
    session_timeout_seconds: float = Field(
        10.0, ge=1.0, le=300.0, description="after which a dead member's partitions move"
    )
    commit_interval_seconds: float = Field(1.0, gt=0.0, le=60.0)
    batch_records: int = Field(1000, ge=1, le=50_000, description="records handled and acknowledged together")
    watchdog_seconds: float = Field(120.0, ge=5.0, description="without progress for so long, the process ends itself")


class WorkerSettings(ProcessSettings):
    """`buildcast worker`."""

    worker_group: str = Field("buildcast-worker", min_length=1)
    worker_metrics_port: int = Field(9464, ge=0, le=65_535, description="0: any free port")
    snapshots: Path | None = Field(None, description="folder shared by the workers; default: STATE/snapshots")
    snapshot_seconds: float = Field(5.0, gt=0.0, le=3600.0, description="between snapshots of a partition's state")
    replica_snapshot_seconds: float = Field(60.0, gt=0.0)
    snapshot_key: SecretStr = Field(SecretStr(""), description="seals snapshots; default: a key kept in STATE")
    rebuild_seconds: float = Field(86_400.0, gt=0.0, description="how much log rebuilds a state without a snapshot")
    alert_at: float = Field(0.8, gt=0.0, lt=1.0, description="risk from which an alert is raised")
    resolve_at: float = Field(0.6, gt=0.0, lt=1.0, description="risk below which it is resolved")
    rescore_seconds: float = Field(5.0, gt=0.0, description="between routine forecasts of a run")


class SinkSettings(ProcessSettings):
    """`buildcast sink`."""

    sink_group: str = Field("buildcast-sink", min_length=1)
    sink_metrics_port: int = Field(9465, ge=0, le=65_535, description="0: any free port")
    database: str = Field("", description="SQLAlchemy address; default: SQLite in STATE")
    pool: int = Field(5, ge=1, le=100, description="database connections")

    @property
    def database_url(self) -> str:
        """The address to use."""
        return self.database or f"sqlite+aiosqlite:///{self.state.resolve()}/buildcast.sqlite"
