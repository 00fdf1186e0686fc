"""The API's door for CI providers."""

from __future__ import annotations

import pytest

from buildcast.commands.api import _receiver
from streams.errors import ConfigError, Rejected


def test_without_any_secret_there_is_no_door() -> None:
    assert _receiver() is None


def test_a_provider_is_let_in_by_its_own_secret_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILDCAST_WEBHOOK_SECRET_GITLAB", "s")
    door = _receiver()
    assert door is not None
    assert door("gitlab", {"x-gitlab-token": "s"}, b'{"object_kind": "push"}') == []
    with pytest.raises(Rejected):
        door("gitlab", {"x-gitlab-token": "t"}, b"{}")
    with pytest.raises(ConfigError):
        door("github", {}, b"{}")
