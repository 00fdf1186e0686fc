"""Whatever is sent, with and without tokens: no 5xx that is a fault of ours, and errors are problems."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from agents.api.app import Extras, create_app
from agents.api.log import JournalLog
from agents.api.settings import ApiSettings
from agents.api.tokens import mint
from agents.store.database import connect
from tests.agents.api import scenes

_QUICK = settings(
    max_examples=6, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@pytest.fixture
def served(filled_database: Path, tmp_path: Path) -> Iterator[tuple[Any, str]]:
    """The OpenAPI document of an app that asks for tokens, called in this process, and a token that may do all."""
    shutil.copy(filled_database, tmp_path / "buildcast.sqlite")
    token = mint(tmp_path / "tokens.jsonl", "ann", "admin")
    engine = connect(f"sqlite+aiosqlite:///{tmp_path / 'buildcast.sqlite'}")
    config = ApiSettings(
        state=tmp_path, api_tokens=tmp_path / "tokens.jsonl", api_requests_per_second=1e6, api_burst=10**6
    )
    app = create_app(config, engine, JournalLog(tmp_path), Extras(clock=lambda: scenes.NOW))
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app)
    yield schema.exclude(path="/api/v1/stream"), token  # the stream never ends
    asyncio.run(engine.dispose())


def test_any_request_with_a_token_is_answered_without_a_fault(served: tuple[Any, str]) -> None:
    schema, token = served
    _examine(schema, f"Bearer {token}", lambda case, answer: None)


def test_any_request_without_a_token_is_refused_before_it_is_looked_at(served: tuple[Any, str]) -> None:
    def refused(case: Any, answer: Any) -> None:
        if not any(part in case.path for part in ("/health", "/ready", "/webhooks/")):
            assert answer.status_code == 401

    _examine(served[0], "Bearer no", refused)


def _examine(schema: Any, authorization: str, also: Callable[[Any, Any], None]) -> None:
    seen = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            _examine_operation(operation, mode, authorization, also)
        seen += 1
    assert seen >= 25


def _examine_operation(
    operation: Any, mode: GenerationMode, authorization: str, also: Callable[[Any, Any], None]
) -> None:
    @_QUICK
    @given(case=operation.as_strategy(generation_mode=mode))
    def answered(case: Any) -> None:
        also(case, _check(case, authorization))

    with contextlib.suppress(Unsatisfiable):  # nothing wrong can be sent to what takes nothing
        answered()


def _check(case: Any, authorization: str) -> Any:
    case.headers.pop("Authorization", None)
    answer = case.call(headers={"Authorization": authorization})
    faults = {503} if "/ensemble" in case.path or "/webhooks/" in case.path else set()  # what this app was not given
    assert answer.status_code < 500 or answer.status_code in faults, answer.text
    if answer.status_code >= 400:
        assert answer.headers["content-type"][0] == "application/problem+json"
    return answer
