"""`buildcast notify` as a process: alerts from the broker to the channels, until told to stop.

Offsets are committed after delivery: an alert is told at least once, and a receiver knows a repeat by its id.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from sqlalchemy.exc import SQLAlchemyError

from agents.notify.budget import Costs, budget, score
from agents.notify.channels import Channel, Mail, Slack, Webhook
from agents.notify.notifier import Notifier
from agents.notify.policy import NoticeState
from agents.notify.settings import NotifySettings, costs_of, policy_of
from agents.store.database import connect
from agents.store.reads import Reads
from streams.broker import connection, refusal
from streams.codec import decode
from streams.errors import ConfigError, InvalidEvent
from streams.events import AlertRaised

__all__ = ["channels_of", "follow", "overspent", "run_notifier"]

_BUDGET_SECONDS, _BUDGET_ALERTS = 30 * 86_400.0, 2_000  # what a budget looks back at
_LEAST_SCORED = 5  # alerts of a source, before it is judged by them
_log = logging.getLogger(__name__)


class _Mute(msgspec.Struct):
    name: str | None = None
    until: float = 0.0


def channels_of(settings: NotifySettings) -> list[Channel]:
    """The channels whose address is set; `ConfigError` if there is none or one is incomplete."""
    found: list[Channel] = []
    if settings.notify_webhook_url:
        found.append(Webhook(settings.notify_webhook_url, settings.notify_webhook_secret.get_secret_value(), time.time))
    if url := settings.notify_slack_url.get_secret_value():
        found.append(Slack(url))
    if settings.notify_smtp_host:
        if not (settings.notify_mail_from and settings.notify_mail_to):
            raise ConfigError("mail needs BUILDCAST_NOTIFY_MAIL_FROM and BUILDCAST_NOTIFY_MAIL_TO: set both")
        found.append(Mail(
            settings.notify_smtp_host, settings.notify_smtp_port, settings.notify_mail_from,
            tuple(settings.notify_mail_to), settings.notify_smtp_user,
            settings.notify_smtp_password.get_secret_value(), settings.notify_smtp_starttls,
        ))  # fmt: skip
    if not found:
        raise ConfigError("nobody to notify: set BUILDCAST_NOTIFY_WEBHOOK_URL, BUILDCAST_NOTIFY_SLACK_URL or "
                          "BUILDCAST_NOTIFY_SMTP_HOST")  # fmt: skip
    return found


def run_notifier(settings: NotifySettings) -> None:
    """Notify until SIGTERM or SIGINT."""
    channels = channels_of(settings)
    state = NoticeState(policy_of(settings))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    asyncio.run(_run(settings, state, channels))


async def _run(settings: NotifySettings, state: NoticeState, channels: list[Channel]) -> None:
    engine = connect(settings.database) if settings.database else None
    notifier = Notifier(state, channels, settings.notify_page)
    if engine is not None:
        notifier.is_muted = _muted(Reads(engine))
        notifier.is_overspent = overspent(Reads(engine), costs_of(settings))
    task = asyncio.ensure_future(follow(settings.bootstrap, settings.notify_group, notifier))
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, task.cancel)
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await task
    finally:
        if engine is not None:
            await engine.dispose()


async def follow(bootstrap: str, group: str, notifier: Notifier, clock: Callable[[], float] = time.time) -> None:
    """Read alerts and notify, until cancelled. `Unavailable` if the broker does not answer at the start."""
    consumer = AIOKafkaConsumer(
        "alerts.v1", group_id=group, enable_auto_commit=False, auto_offset_reset="latest", **connection(bootstrap),
    )  # fmt: skip
    try:
        await consumer.start()
    except (KafkaError, OSError) as error:
        await consumer.stop()
        raise await refusal(bootstrap, error) from error
    try:
        while True:
            batch = await consumer.getmany(timeout_ms=1_000, max_records=50)
            for records in batch.values():
                for record in records:
                    await _take(record, notifier, clock)
            await notifier.release(clock())
            if batch:
                await consumer.commit()
    finally:
        await consumer.stop()


async def _take(record: Any, notifier: Notifier, clock: Callable[[], float]) -> None:
    try:
        event = decode(record.value, record.headers)
    except InvalidEvent:
        notifier.counts["invalid"] += 1
        return
    if isinstance(event, AlertRaised):
        await notifier.take(event, clock())


def _muted(reads: Reads) -> Callable[[str, float], Awaitable[bool]]:
    """Whether a source was muted on the page or by the API; a database that is away mutes nobody."""

    async def muted(name: str, now: float) -> bool:
        try:
            rows = await reads.audit(500, actions=["alert-muted"])
        except (SQLAlchemyError, OSError) as error:
            _log.warning("mutes are not known: the database is away reason=%s", type(error).__name__)
            return False
        wishes = (msgspec.json.decode(bytes(row["body"]), type=_Mute) for row in rows)
        return any(wish.name == name and wish.until > now for wish in wishes)

    return muted


def overspent(reads: Reads, costs: Costs) -> Callable[[str, float], Awaitable[bool]]:
    """Whether a source's alerts of the last 30 days cost more than they saved; no, while the database is away."""

    async def is_overspent(name: str, now: float) -> bool:
        try:
            rows = await reads.alerts(_BUDGET_ALERTS)
        except (SQLAlchemyError, OSError) as error:
            _log.warning("budgets are not known: the database is away reason=%s", type(error).__name__)
            return False
        own = [row for row in rows if row["name"] == name and row["raised_at"] > now - _BUDGET_SECONDS]
        found = budget((score(row["outcome"], row["verdict"]) for row in own), costs)
        return found.right + found.wrong >= _LEAST_SCORED and found.balance_minutes < 0.0

    return is_overspent
