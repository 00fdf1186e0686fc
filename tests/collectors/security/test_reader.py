"""The reader stays below its root, never blocks, never follows what moves."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from collectors.security.budget import Budget
from collectors.security.reader import HostReader, printable
from collectors.security.walk import walk


class _Clock:
    def __init__(self, step: float = 0.0) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def test_absolute_links_are_followed_below_the_root(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("inside")
    (tmp_path / "a").symlink_to("/etc/passwd")
    assert HostReader(tmp_path).text("/a") == "inside"


def test_links_that_climb_out_end_at_the_root(tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to("../../../../../../../../../../etc/hostname")
    assert HostReader(tmp_path).text("/out") is None
    assert HostReader(tmp_path).text("/../../../../../etc/hostname") is None


def test_link_loop_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    reader = HostReader(tmp_path)
    assert reader.text("/a") is None
    assert reader.real_path("/a") is None


def test_fifo_and_socket_folder_never_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    reader = HostReader(tmp_path)
    assert reader.text("/fifo") is None
    assert list(reader.chunks("/fifo", 10)) == []
    assert list(reader.folder("/fifo")) == []


def test_reading_ends_at_the_cap(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * 3_000_000)
    assert len(HostReader(tmp_path).content("/big", 1_000_001) or b"") == 1_000_001
    with (tmp_path / "endless").open("wb") as file:
        file.truncate(1 << 40)  # sparse
    assert HostReader(tmp_path).content("/endless", 10) == bytes(10)


def test_names_with_nul_are_nothing(tmp_path: Path) -> None:
    assert HostReader(tmp_path).text("/a\0b") is None
    assert HostReader(tmp_path).status("/a\0b") is None


def test_empty_file_is_empty_text_and_missing_file_is_none(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert HostReader(tmp_path).text("/empty") == ""
    assert HostReader(tmp_path).text("/none") is None


def test_closed_file_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("x")
    real = os.open

    def refuse(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if path == "secret":
            raise PermissionError(13, "Permission denied")
        return real(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", refuse)  # root may read everything, so the refusal is made
    reader = HostReader(tmp_path)
    assert reader.text("/secret") is None
    assert reader.text("/secret") is None
    assert reader.unread == {"/secret": "Permission denied"}


def test_walk_takes_every_folder_once_and_no_links(tmp_path: Path) -> None:
    (tmp_path / "top/in").mkdir(parents=True)
    (tmp_path / "top/in/up").symlink_to("..")
    (tmp_path / "top/in/file").touch()
    os.mkfifo(tmp_path / "top/fifo")
    budget = Budget(5, 100, _Clock())
    paths = [entry.path for entry in walk(HostReader(tmp_path), "/top", budget)]
    assert sorted(paths) == ["/top", "/top/fifo", "/top/in", "/top/in/file", "/top/in/up"]
    assert not budget.cut


def test_walk_stops_in_a_huge_folder(tmp_path: Path) -> None:
    for number in range(300):
        (tmp_path / str(number)).touch()
    budget = Budget(5, 100, _Clock())
    assert len(list(walk(HostReader(tmp_path), "/", budget))) == 101
    assert budget.cut


def test_walk_stops_at_the_deadline(tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / str(number)).touch()
    budget = Budget(10, 10_000, _Clock(step=1.0))
    assert len(list(walk(HostReader(tmp_path), "/", budget))) < 20
    assert budget.cut


def test_walk_of_a_very_deep_tree_is_cut(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(80):
        deep = deep / "d"
    deep.mkdir(parents=True)
    budget = Budget(5, 10_000, _Clock())
    assert len(list(walk(HostReader(tmp_path), "/", budget))) == 65
    assert budget.cut


def test_names_are_printable_evidence() -> None:
    assert printable("a\x1b[31m\n") == "a\\x1b[31m\\n"
    assert printable(os.fsdecode(b"bad\xff")) == "bad\\udcff"
    assert len(printable("x" * 5000)) == 200
