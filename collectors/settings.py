"""Settings of `buildcast collect`."""

from __future__ import annotations

from pydantic import Field

from streams.settings import Settings

__all__ = ["CollectSettings"]


class CollectSettings(Settings):
    """The host daemon."""

    metrics_host: str = Field("127.0.0.1", description="where metrics are served; loopback unless set")
    collect_metrics_port: int = Field(9466, ge=0, le=65_535, description="0: any free port")
