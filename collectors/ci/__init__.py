"""What CI systems say about their jobs, pushed as webhooks, as events with ids of the job's own."""

from __future__ import annotations

from collectors.ci.receiver import PROVIDERS, receive

__all__ = ["PROVIDERS", "receive"]
