"""Where CI systems are and what proves a sender; secrets come from files or the environment and never print."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr

from collectors.ci.receiver import PROVIDERS
from streams.settings import Settings

__all__ = ["CiSettings"]

_NONE = SecretStr("")


class CiSettings(Settings):
    webhook_secret_github: SecretStr = Field(
        _NONE, description="secret of GitHub's `workflow_job` and `workflow_run` hooks; empty: none are taken"
    )
    webhook_secret_gitlab: SecretStr = Field(_NONE, description="the token that GitLab's job and pipeline hooks carry")
    webhook_secret_jenkins: SecretStr = Field(
        _NONE, description="password in the address of Jenkins' Notification plugin: `https://jenkins:SECRET@host/...`"
    )
    webhook_secret_generic: SecretStr = Field(
        _NONE,
        description="secret of signed events of our own: `X-Buildcast-Timestamp`, "
        "`X-Buildcast-Signature: sha256=HMAC(timestamp.body)`",
    )
    ci_host: str = Field("127.0.0.1", description="address of `buildcast ci receive`; others than loopback need TLS")
    ci_port: int = Field(8650, ge=0, le=65_535, description="its port")
    ci_metrics_port: int = Field(
        9468, ge=0, le=65_535, description="where it serves its metrics, on `metrics_host`; 0: any free port"
    )
    ci_tls_certificate: Path | None = Field(None, description="its certificate chain (PEM)")
    ci_tls_key: Path | None = Field(None, description="the certificate's key (PEM)")
    github_address: str = Field(
        "https://api.github.com", description="GitHub's REST API; an Enterprise server's ends in /api/v3"
    )
    github_token: SecretStr = Field(_NONE, description="token that may read Actions; empty: public repositories only")
    gitlab_address: str = Field("https://gitlab.com/api/v4", description="GitLab's REST API")
    gitlab_token: SecretStr = Field(_NONE, description="token with the scope `read_api`; empty: public projects only")
    ci_networks: list[str] = Field(
        [], description="Networks (CIDR) that these addresses may be in although they are not public, without TLS"
    )
    ci_deadline_seconds: float = Field(60.0, gt=0, description="Longest exchange with a CI system")

    def webhook_secrets(self) -> dict[str, str]:
        """Each provider's secret, empty where it has none."""
        return {name: getattr(self, f"webhook_secret_{name}").get_secret_value() for name in PROVIDERS}
