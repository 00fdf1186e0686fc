"""What the OpenAPI document shows is what is answered."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from agents.api.examples import EXAMPLES

_SENT: dict[str, Any] = {
    "POST /training": {"model": "risk"},
    "POST /labels": {"run_id": "gcc-live", "verdict": "flaky"},
    "POST /feedback": {"run_id": "gcc-live", "useful": True},
}
_LENT = ("POST /ensemble", "POST /webhooks/{provider}")  # answered where a process lends a model, a receiver


@pytest.mark.parametrize("operation", [each for each in EXAMPLES if each not in _LENT])
async def test_every_key_of_an_example_is_in_a_real_answer(client: httpx.AsyncClient, operation: str) -> None:
    method, path = operation.split()
    for each in ("labels", "feedback"):
        await client.post(f"/api/v1/{each}", json=_SENT[f"POST /{each}"])
    path = path.format(run_id="gcc-live", alert_id="alert-gcc-live", training_id="training-1")
    answer = await client.request(method, f"/api/v1{path}", json=_SENT.get(operation))
    assert answer.is_success
    assert list(_missing(EXAMPLES[operation], answer.json())) == []


async def test_every_operation_shows_an_answer_and_a_problem(client: httpx.AsyncClient) -> None:
    spec = (await client.get("/api/v1/openapi.json")).json()
    for path, methods in spec["paths"].items():
        for method, one in methods.items():
            (good,) = (answer for status, answer in one["responses"].items() if status.startswith("2"))
            (shown,) = good["content"].values()
            assert shown["example"], (method, path)
            assert "application/problem+json" in one["responses"]["default"]["content"]


def _missing(example: Any, real: Any, where: str = "") -> Any:
    """Keys of the example that the answer has not, by their path; a list is compared by its first item."""
    if isinstance(example, dict) and isinstance(real, dict) and where not in _FREE:
        for key, value in example.items():
            if key not in real:
                yield f"{where}.{key}"
            else:
                yield from _missing(value, real[key], f"{where}.{key}")
    elif isinstance(example, list) and isinstance(real, list) and example and real:
        yield from _missing(example[0], real[0], f"{where}[]")


_FREE = (".runs", ".alerts", ".findings", ".vulnerabilities", ".counts")  # counts by whatever there was
