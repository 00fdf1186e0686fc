"""A compiler cache is seen where the environment names it; warm is one that holds results."""

from __future__ import annotations

from pathlib import Path

import pytest

from collectors.compiler_cache import cache_warm


def test_without_a_compiler_cache_nothing_is_said() -> None:
    assert cache_warm({"CC": "gcc", "PATH": "/usr/bin:/bin"}) is None
    assert cache_warm({}) is None


@pytest.mark.parametrize(
    ("named", "folder"),
    [({"CC": "ccache gcc"}, ".cache/ccache"), ({"CXX": "/usr/bin/ccache g++"}, ".ccache"),
     ({"RUSTC_WRAPPER": "sccache"}, ".cache/sccache"), ({"CMAKE_C_COMPILER_LAUNCHER": "ccache"}, ".cache/ccache")],
)  # fmt: skip
def test_a_cache_is_cold_until_it_holds_results(named: dict[str, str], folder: str, tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path)} | named
    assert cache_warm(environment) is False
    (tmp_path / folder / "lock").mkdir(parents=True)
    assert cache_warm(environment) is False
    (tmp_path / folder / "a").mkdir()
    assert cache_warm(environment) is True


def test_the_folder_that_the_environment_names_is_looked_into(tmp_path: Path) -> None:
    (tmp_path / "0").mkdir()
    assert cache_warm({"CC": "ccache cc", "CCACHE_DIR": str(tmp_path)}) is True
    assert cache_warm({"CC": "ccache cc", "CCACHE_DIR": str(tmp_path / "none")}) is False
    assert cache_warm({"RUSTC_WRAPPER": "sccache", "SCCACHE_DIR": str(tmp_path)}) is True


def test_links_to_ccache_in_the_path_count_and_a_missing_folder_does_not(tmp_path: Path) -> None:
    links = tmp_path / "lib" / "ccache"
    environment = {"HOME": str(tmp_path), "PATH": f"/usr/bin:{links}"}
    assert cache_warm(environment) is None
    links.mkdir(parents=True)
    assert cache_warm(environment) is False


def test_a_remote_cache_cannot_be_seen_into() -> None:
    assert cache_warm({"RUSTC_WRAPPER": "sccache", "SCCACHE_BUCKET": "builds"}) is None
