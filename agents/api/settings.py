"""Settings of the API process. Rates are a second, sizes in bytes, times in seconds."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from pydantic import Field

from streams.errors import ConfigError
from streams.settings import Settings

__all__ = ["ApiSettings", "check_exposure"]


class ApiSettings(Settings):
    """`api_tokens` names the file of hashed tokens; without it only this machine is served, as its owner."""

    state: Path = Field(default=Path(".buildcast"), description="folder of what this machine keeps")
    bootstrap: str = Field(default="", description="host:port list of the broker; empty: local mode")
    database: str = Field(default="", description="the database's address; empty: the state folder's SQLite file")
    api_host: str = Field(default="127.0.0.1", description="address to serve")
    api_port: int = Field(default=8640, ge=0, le=65_535)
    api_tokens: Path | None = Field(default=None, description="file of hashed tokens")
    api_tls_certificate: Path | None = Field(default=None, description="PEM file")
    api_tls_key: Path | None = Field(default=None, description="PEM file")
    api_cache_seconds: float = Field(default=300.0, ge=0.0, description="how long a forecast is served from memory")
    api_requests_per_second: float = Field(
        default=300.0, gt=0.0, description="of one token or address, on the long run"
    )
    api_burst: int = Field(default=600, ge=1, description="of one token or address, at once")
    api_body_bytes: int = Field(default=1_000_000, ge=1)
    api_header_bytes: int = Field(default=16_384, ge=1_024)
    api_listeners: int = Field(default=200, ge=1, description="readers of the stream at a time")
    api_listener_messages: int = Field(default=256, ge=2, description="that wait for one reader before it loses them")
    api_stalled_seconds: float = Field(
        default=30.0, gt=0.0, description="after which a reader that takes nothing is let go"
    )
    api_poll_seconds: float = Field(default=0.5, gt=0.0, description="between looks at the database in local mode")
    api_wrong_alert_minutes: float = Field(default=5.0, gt=0.0, description="of a person, that a wrong alert costs")
    api_right_alert_minutes: float = Field(default=20.0, gt=0.0, description="of a person, that a right alert saves")


def check_exposure(settings: ApiSettings) -> None:
    """Refuse an address that others can reach without a token and TLS; `ConfigError` says what to set."""
    for name, path in (
        ("BUILDCAST_API_TOKENS", settings.api_tokens),
        ("BUILDCAST_API_TLS_CERTIFICATE", settings.api_tls_certificate),
        ("BUILDCAST_API_TLS_KEY", settings.api_tls_key),
    ):
        if path is not None and not path.is_file():
            raise ConfigError(f"{name} names {path}, which is no file: make it or unset the setting")
    if (settings.api_tls_certificate is None) != (settings.api_tls_key is None):
        raise ConfigError("TLS needs both BUILDCAST_API_TLS_CERTIFICATE and BUILDCAST_API_TLS_KEY: set the other one")
    if _is_loopback(settings.api_host):
        return
    wanting = [] if settings.api_tokens else ["tokens (BUILDCAST_API_TOKENS, made by `buildcast api --new-token NAME`)"]
    if settings.api_tls_certificate is None:
        wanting.append("TLS (BUILDCAST_API_TLS_CERTIFICATE and BUILDCAST_API_TLS_KEY)")
    if wanting:
        raise ConfigError(
            f"{settings.api_host} can be reached by others, so the API needs {' and '.join(wanting)}; "
            "or serve 127.0.0.1"
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
