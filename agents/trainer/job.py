"""One training in a process of its own, niced: it reads the log itself and can be ended at any moment.

Ends by itself when the trainer is gone: its pipe breaks with the next progress report.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from multiprocessing.connection import Connection

from agents.trainer.records import Records
from models.shadow import Shadow
from models.training import Plan, Progress, train
from streams.errors import Unavailable

__all__ = ["Job"]


class Job:
    """A running training."""

    def __init__(self, records: Records, plan: Plan, nice: int = 10) -> None:
        self.plan = plan
        self.progress = Progress(plan.training_id, 0, plan.end)
        self.failed: str | None = None
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe(duplex=False)
        self._process = context.Process(target=_work, args=(theirs, records, plan, nice), daemon=True)
        self._process.start()
        theirs.close()

    def poll(self) -> Shadow | None:
        """Take in what has been reported; the result when it is there. `failed` says why there will be none."""
        try:
            while self._pipe.poll():
                match self._pipe.recv():
                    case Progress() as progress:
                        self.progress = progress
                    case Shadow() as shadow:
                        self._process.join()
                        return shadow
                    case str() as reason:
                        self.failed = reason
        except EOFError:
            self._process.join()
            self.failed = self.failed or f"the training process ended with code {self._process.exitcode}"
        return None

    def cancel(self) -> None:
        """End it now; nothing of it remains."""
        self._process.kill()
        self._process.join()
        self._pipe.close()


def _work(pipe: Connection, records: Records, plan: Plan, nice: int) -> None:
    os.nice(max(0, nice - os.nice(0)))  # the trainer it came from has stepped back already
    try:
        pipe.send(train(records, plan, pipe.send))
    except Unavailable as error:
        with contextlib.suppress(BrokenPipeError):
            pipe.send(str(error))
    except BrokenPipeError:
        return  # the trainer is gone
