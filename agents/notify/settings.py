"""Settings of `buildcast notify`. A channel is used when its address is set."""

from __future__ import annotations

from datetime import time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, field_validator

from agents.notify.budget import Costs
from agents.notify.policy import NoticePolicy
from streams.errors import ConfigError
from streams.settings import Settings

__all__ = ["NotifySettings", "costs_of", "policy_of"]


class NotifySettings(Settings):
    """Rates are an hour; quiet hours are `HH:MM-HH:MM` in the time zone."""

    bootstrap: str = Field("127.0.0.1:9092", description="host:port list of the broker")
    database: str = Field("", description="where mutes and alerts' outcomes are read from; empty: neither is known")
    notify_group: str = Field("buildcast-notify", min_length=1)
    notify_page: str = Field("", description="address of the live page, for links")
    notify_webhook_url: str = ""
    notify_webhook_secret: SecretStr = SecretStr("")
    notify_slack_url: SecretStr = SecretStr("")
    notify_smtp_host: str = ""
    notify_smtp_port: int = Field(587, ge=1, le=65_535)
    notify_smtp_starttls: bool = True
    notify_smtp_user: str = ""
    notify_smtp_password: SecretStr = SecretStr("")
    notify_mail_from: str = ""
    notify_mail_to: list[str] = Field([], description="a JSON list of addresses")
    notify_per_hour: int = Field(30, ge=1, description="notices an hour in all; critical ones pass")
    notify_source_per_hour: int = Field(4, ge=1, description="notices an hour of one package or job")
    notify_quiet: str = Field("", description="22:00-07:00; critical ones pass, others come together afterwards")
    notify_timezone: str = "UTC"
    notify_wrong_alert_minutes: float = Field(5.0, gt=0.0, description="of a person, that a wrong alert costs")
    notify_right_alert_minutes: float = Field(20.0, gt=0.0, description="of a person, that a right alert saves")

    @field_validator("notify_webhook_url", "notify_page")
    @classmethod
    def _is_web_address(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value


def policy_of(settings: NotifySettings) -> NoticePolicy:
    """The policy that the settings ask for, or `ConfigError`."""
    quiet = None
    if settings.notify_quiet:
        try:
            start, end = (time.fromisoformat(part.strip()) for part in settings.notify_quiet.split("-"))
        except ValueError as error:
            raise ConfigError(
                f"BUILDCAST_NOTIFY_QUIET is {settings.notify_quiet!r}: write it as 22:00-07:00"
            ) from error
        quiet = (start, end)
    try:
        zone = ZoneInfo(settings.notify_timezone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ConfigError(f"BUILDCAST_NOTIFY_TIMEZONE {settings.notify_timezone!r} is no time zone: use Europe/Berlin "
                          "or the like") from error  # fmt: skip
    return NoticePolicy(settings.notify_per_hour, settings.notify_source_per_hour, quiet, zone)


def costs_of(settings: NotifySettings) -> Costs:
    """What a wrong alert costs and a right one saves."""
    return Costs(settings.notify_wrong_alert_minutes, settings.notify_right_alert_minutes)
