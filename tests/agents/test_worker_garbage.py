"""What stays for good is left out of Python's collections."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

from prometheus_client import CollectorRegistry

from agents.metrics import create
from agents.replica import Replica
from agents.worker import _frozen
from models.forecaster import ForecasterConfig


async def test_modules_and_model_are_frozen_once_the_model_is_ready_and_not_before(tmp_path: Path) -> None:
    replica = Replica("127.0.0.1:1", ForecasterConfig(), tmp_path, b"key", create(CollectorRegistry()))
    before = gc.get_freeze_count()
    freezing = asyncio.create_task(_frozen(replica))
    try:
        await asyncio.sleep(0)
        assert gc.get_freeze_count() == before
        replica.ready.set()
        await freezing
        assert gc.get_freeze_count() > before + 10_000
    finally:
        gc.unfreeze()
