"""Who gets in: tokens, roles, sizes, rates, and what the owner's machine refuses to other sites."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.api.app import create_app
from agents.api.log import JournalLog
from agents.api.settings import ApiSettings, check_exposure
from agents.api.tokens import Tokens, mint
from streams.errors import ConfigError


def _client(settings: ApiSettings, engine: AsyncEngine) -> httpx.AsyncClient:
    app = create_app(settings, engine, JournalLog(settings.state))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1")


@pytest.fixture
async def guarded(tmp_path: Path, engine: AsyncEngine) -> AsyncIterator[tuple[httpx.AsyncClient, dict[str, str]]]:
    """A client of an API with tokens, and a token of each role."""
    path = tmp_path / "tokens.jsonl"
    tokens = {role: mint(path, f"{role}er", role) for role in ("read", "write", "admin")}  # type: ignore[arg-type]
    async with _client(ApiSettings(state=tmp_path, api_tokens=path), engine) as client:
        yield client, tokens


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic x", "Bearer", "Bearer \xff"])
async def test_missing_and_wrong_tokens_are_401(
    guarded: tuple[httpx.AsyncClient, dict[str, str]], header: str | None
) -> None:
    headers = {b"authorization": header.encode("latin-1")} if header else {}
    answer = await guarded[0].get("/api/v1/runs", headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "buildcast api --new-token" in answer.json()["remedy"]


async def test_unknown_caller_learns_nothing_of_a_bad_body(
    guarded: tuple[httpx.AsyncClient, dict[str, str]],
) -> None:
    assert (await guarded[0].post("/api/v1/labels", content=b"{")).status_code == 401


@pytest.mark.parametrize(
    ("role", "statuses"), [("read", (200, 403, 403)), ("write", (200, 201, 403)), ("admin", (200, 201, 200))]
)
async def test_roles_may_do_what_they_say(
    guarded: tuple[httpx.AsyncClient, dict[str, str]], role: str, statuses: tuple[int, int, int]
) -> None:
    client, tokens = guarded
    headers = {"Authorization": f"Bearer {tokens[role]}"}
    read = await client.get("/api/v1/runs", headers=headers)
    write = await client.post("/api/v1/feedback", headers=headers, json={"run_id": "gcc-live", "useful": True})
    audit = await client.get("/api/v1/audit", headers=headers)
    assert (read.status_code, write.status_code, audit.status_code) == statuses


async def test_health_and_page_need_no_token(guarded: tuple[httpx.AsyncClient, dict[str, str]]) -> None:
    assert (await guarded[0].get("/metrics")).status_code == 401
    for path in ("/api/v1/health", "/api/v1/ready", "/", "/static/app.js"):
        assert (await guarded[0].get(path)).status_code == 200


async def test_token_file_holds_hashes_only_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "tokens.jsonl"
    token = mint(path, "ann", "read")
    assert token not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    found = Tokens(path).principal(f"Bearer {token}")
    assert found is not None
    assert (found.name, found.role) == ("ann", "read")


def test_token_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "tokens.jsonl"
    token = mint(path, "ann", "read")
    tokens = Tokens(path)
    later = mint(path, "bob", "write")
    assert tokens.principal(f"Bearer {later}") is not None
    path.unlink()
    assert tokens.principal(f"Bearer {token}") is None


def test_damaged_token_file_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "tokens.jsonl"
    path.write_text('\n{"name": "ann"}\n')
    with pytest.raises(ConfigError, match="line 2 of the token file"):
        Tokens(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        Tokens(tmp_path / "none")
    with pytest.raises(ConfigError, match="1 to 64 printable"):
        mint(path, "", "read")


async def test_large_headers_and_bodies_are_413(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/v1/runs", headers={"X-Big": "a" * 1_000_000})).status_code == 413
    assert (await client.post("/api/v1/labels", content=b"x" * 1_000_001)).status_code == 413

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 100_000

    assert (await client.post("/api/v1/labels", content=endless())).status_code == 413


async def test_too_many_requests_are_429_with_a_time_to_wait(tmp_path: Path, engine: AsyncEngine) -> None:
    settings = ApiSettings(state=tmp_path, api_requests_per_second=1.0, api_burst=3)
    async with _client(settings, engine) as client:
        answers = [await client.get("/api/v1/health") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert int(answers[3].headers["Retry-After"]) >= 1


async def test_rebound_name_and_foreign_page_are_refused_without_tokens(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/v1/runs", headers={"Host": "evil.example"})).status_code == 421
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = await client.post("/api/v1/feedback", headers=headers, json={"run_id": "x", "useful": True})
        assert answer.status_code == 403
    assert (await client.get("/api/v1/runs", headers={"Authorization": "Bearer wrong"})).status_code == 401


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_other_addresses_need_tokens_and_tls(host: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"the API needs tokens .* and TLS"):
        check_exposure(ApiSettings(api_host=host))
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ConfigError, match="the API needs TLS"):
        check_exposure(ApiSettings(api_host=host, api_tokens=file))
    check_exposure(ApiSettings(api_host=host, api_tokens=file, api_tls_certificate=file, api_tls_key=file))


def test_half_of_tls_and_missing_files_are_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ConfigError, match="TLS needs both"):
        check_exposure(ApiSettings(api_tls_certificate=file))
    with pytest.raises(ConfigError, match="BUILDCAST_API_TOKENS names"):
        check_exposure(ApiSettings(api_tokens=tmp_path / "none"))
