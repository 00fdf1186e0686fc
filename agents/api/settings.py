"""Settings of the API process. Rates are a second, sizes in bytes, times in seconds."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from streams.errors import ConfigError
from streams.settings import Settings

__all__ = ["ApiSettings", "check_exposure"]


class ApiSettings(Settings):
    """`api_tokens` names the file of hashed tokens; without it only this machine is served, as its owner."""

    state: Path = Path(".buildcast")
    bootstrap: str = ""
    database: str = ""
    api_host: str = "127.0.0.1"
    api_port: int = 8640
    api_tokens: Path | None = None
    api_tls_certificate: Path | None = None
    api_tls_key: Path | None = None
    api_cache_seconds: float = 300.0
    api_requests_per_second: float = 300.0
    api_burst: int = 600
    api_body_bytes: int = 1_000_000
    api_header_bytes: int = 16_384
    api_listeners: int = 200
    api_listener_messages: int = 256
    api_stalled_seconds: float = 30.0
    api_poll_seconds: float = 0.5


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
