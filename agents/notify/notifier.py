"""Alerts in, notices out. A channel that is away is tried again a few times, and holds no other channel up."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from tenacity import AsyncRetrying, RetryError, retry_if_exception_type, stop_after_attempt, wait_exponential

from agents.notify.channels import Channel
from agents.notify.notice import Notice, held_notice, notice_of, overspent_notice, silence_notice
from agents.notify.policy import NoticeState
from streams.errors import Rejected, Unavailable
from streams.events import AlertRaised

__all__ = ["Notifier"]

_log = logging.getLogger(__name__)


async def _nobody(_name: str, _now: float) -> bool:
    return False


@dataclass
class Notifier:
    """`counts` holds what became of alerts (`tell`, `held` ...) and of deliveries (`sent:slack`, `lost:slack` ...)."""

    state: NoticeState
    channels: Sequence[Channel]
    page: str = ""
    is_muted: Callable[[str, float], Awaitable[bool]] = _nobody
    is_overspent: Callable[[str, float], Awaitable[bool]] = _nobody
    attempts: int = 5
    first_wait_seconds: float = 1.0
    counts: Counter[str] = field(default_factory=Counter)

    async def take(self, alert: AlertRaised, now: float) -> None:
        """Decide, and deliver what is to be told."""
        if await self.is_muted(alert.name, now):
            self.counts["muted"] += 1
            return
        if alert.severity != "critical" and await self.is_overspent(alert.name, now):
            self.counts["overspent"] += 1
            if self.state.says_overspent(alert.name, now):
                await self._deliver(overspent_notice(alert, self.page))
            return
        decision, newly_silenced = self.state.decide(alert, now)
        self.counts[decision] += 1
        if decision == "tell":
            await self._deliver(notice_of(alert, self.page))
        elif newly_silenced:
            await self._deliver(silence_notice(alert, self.page))

    async def release(self, now: float) -> None:
        """Deliver what was held back, when it may be told."""
        if held := self.state.release(now):
            await self._deliver(held_notice(held, self.page))

    async def _deliver(self, notice: Notice) -> None:
        await asyncio.gather(*(self._send(channel, notice) for channel in self.channels))

    async def _send(self, channel: Channel, notice: Notice) -> None:
        trying = AsyncRetrying(
            stop=stop_after_attempt(self.attempts), retry=retry_if_exception_type(Unavailable),
            wait=wait_exponential(self.first_wait_seconds, max=30.0),
        )  # fmt: skip
        try:
            async for attempt in trying:
                with attempt:
                    await asyncio.to_thread(channel.send, notice)
        except (RetryError, Rejected) as error:
            self.counts[f"lost:{channel.name}"] += 1
            reason = error.last_attempt.exception() if isinstance(error, RetryError) else error
            _log.error("notice lost channel=%s notice=%s reason=%s", channel.name, notice.id, reason)
        else:
            self.counts[f"sent:{channel.name}"] += 1
