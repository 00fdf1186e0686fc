"""The API's door for CI providers."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.api.settings import ApiSettings
from buildcast.commands.api import _kept, _receiver
from collectors.spool import Spool
from streams.codec import encode
from streams.errors import ConfigError, Rejected
from tests import builders


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


def test_with_a_broker_a_webhook_is_kept_in_the_spool_and_without_one_by_the_journals(tmp_path: Path) -> None:
    with _kept(ApiSettings(state=tmp_path, bootstrap="127.0.0.1:9")) as keep:
        assert keep is not None
        keep(builders.started())
        assert [one.payload for one in Spool(tmp_path / "spool").waiting()] == [encode(builders.started())]
    with _kept(ApiSettings(state=tmp_path)) as keep:
        assert keep is None
    with _kept(None) as keep:
        assert keep is None
