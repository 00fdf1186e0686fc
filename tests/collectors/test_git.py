"""The git state of a tree, and trees that want to harm who looks (T17)."""

from __future__ import annotations

import hashlib
import os
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from collectors.git import change_of, kind_of_file, message_kind, observe
from collectors.worktree import name_of_remote, read_worktree

IDENTITY = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org", "-c", "commit.gpgsign=false"]


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *IDENTITY, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "tree")


def make_tree(folder: Path) -> Path:
    """Two commits on main."""
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "Makefile").write_text("all:\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "Begin")
    (folder / "src").mkdir()
    (folder / "src/a.c").write_text("int a;\nint b;\n")
    (folder / "tests").mkdir()
    (folder / "tests/a.c").write_text("int t;\n")
    (folder / "Makefile").write_text("all: a\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "Fix the build")
    return folder


def test_what_a_commit_changed_is_counted(tree: Path) -> None:
    change = observe(tree, "run-1", "host-1", 5.0)
    assert change is not None
    assert (change.commit, change.branch) == (git(tree, "rev-parse", "HEAD"), "main")
    assert (change.files, change.insertions, change.deletions) == (3, 4, 1)
    assert change.kinds == {"build": 1, "source": 1, "test": 1}
    assert (change.message_kind, change.dirty, change.time) == ("fix", False, 5.0)
    assert sorted(change.hot_paths) == [".", "src", "tests"]
    assert len(change.author) == 16
    assert "ann" not in repr(change).lower().replace("channel", "")


def test_change_of_the_same_size_within_the_tick_of_the_index_is_seen(tree: Path) -> None:
    (tree / "src/a.c").write_text("int c;\nint d;\n")  # as long as what is committed
    _known_to_index(tree, "src/a.c")
    change = observe(tree, "run-1", "host-1", 0.0)
    assert change is not None
    assert change.dirty


def _known_to_index(tree: Path, name: str) -> None:
    """Give the index's entry the times of the file as it is now, and the index the same: all within one tick."""
    index, hour_ago = tree / ".git/index", time.time_ns() - 3600 * 10**9
    os.utime(tree / name, ns=(hour_ago, hour_ago))
    stat, data = (tree / name).stat(), bytearray(index.read_bytes()[:-20])
    times = [part for ns in (stat.st_ctime_ns, stat.st_mtime_ns) for part in divmod(ns, 10**9)]
    struct.pack_into(">4L", data, data.index(name.encode()) - 62, *times)
    index.write_bytes(bytes(data) + hashlib.sha1(data, usedforsecurity=False).digest())
    os.utime(index, ns=(hour_ago, hour_ago))


def test_changed_file_makes_the_tree_dirty(tree: Path) -> None:
    (tree / "src/a.c").write_text("int changed_here;\n")
    change = observe(tree / "src", "run-1", "host-1", 0.0)
    assert change is not None
    assert change.dirty


def test_distance_to_the_last_good_commit_is_counted(tree: Path) -> None:
    change = observe(tree, "run-1", "host-1", 0.0, good_commit=git(tree, "rev-parse", "HEAD~1"))
    assert change is not None
    assert change.since_good_commits == 1


def test_remote_loses_its_user_info(tree: Path) -> None:
    git(tree, "remote", "add", "origin", "https://ann:pw123456@example.org/owner/name.git")
    change = observe(tree, "run-1", "host-1", 0.0)
    assert change is not None
    assert change.repository == "https://example.org/owner/name.git"
    assert read_worktree(tree).name == "owner/name"


def test_merge_and_submodules_are_seen(tree: Path) -> None:
    git(tree, "checkout", "-q", "-b", "side", "HEAD~1")
    git(tree, "commit", "-q", "--allow-empty", "-m", "Side")
    git(tree, "checkout", "-q", "main")
    git(tree, "merge", "-q", "--no-ff", "-m", "Bring side in", "side")
    git(tree, "update-index", "--add", "--cacheinfo", f"160000,{git(tree, 'rev-parse', 'HEAD')},sub")
    change = observe(tree, "run-1", "host-1", 0.0)
    assert change is not None
    assert (change.message_kind, change.submodules) == ("merge", 1)


def test_no_repository_gives_nothing(tmp_path: Path) -> None:
    assert observe(tmp_path, "run-1", "host-1", 0.0) is None
    assert read_worktree(tmp_path).name == ""


def test_tree_outside_the_allowed_roots_gives_nothing(tree: Path, tmp_path: Path) -> None:
    assert observe(tree, "run-1", "host-1", 0.0, roots=[tmp_path / "elsewhere"]) is None
    link = tmp_path / "inside"
    link.mkdir()
    (link / "link").symlink_to(tree)
    assert observe(link / "link", "run-1", "host-1", 0.0, roots=[link]) is None


def test_empty_repository_and_linked_tree_are_read(tree: Path, tmp_path: Path) -> None:
    git(tree, "worktree", "add", "-q", "-b", "other", str(tmp_path / "linked"))
    linked = observe(tmp_path / "linked", "run-1", "host-1", 0.0)
    assert linked is not None
    assert (linked.branch, linked.files) == ("other", 3)
    empty = tmp_path / "empty"
    empty.mkdir()
    git(empty, "init", "-q", "-b", "main")
    change = observe(empty, "run-1", "host-1", 0.0)
    assert change is not None
    assert (change.commit, change.branch) == ("", "main")


HOSTILE = """
[core]
    fsmonitor = touch {mark}-fsmonitor
    hooksPath = {hooks}
    sshCommand = touch {mark}-ssh
    pager = touch {mark}-pager
    editor = touch {mark}-editor
    askPass = touch {mark}-askpass
    alternateRefsCommand = touch {mark}-alternate
    worktree = /
[diff]
    external = touch {mark}-external
[diff "evil"]
    textconv = touch {mark}-textconv
    command = touch {mark}-command
[filter "evil"]
    clean = touch {mark}-clean
    smudge = touch {mark}-smudge
    process = touch {mark}-process
    required = true
[credential]
    helper = !touch {mark}-credential
[gpg]
    program = touch {mark}-gpg
[log]
    showSignature = true
[alias]
    log = !touch {mark}-alias
    diff-tree = !touch {mark}-alias2
[include]
    path = /dev/zero
[remote "origin"]
    url = ext::touch {mark}-remote
    promisor = true
    partialclonefilter = blob:none
[extensions]
    partialClone = origin
[submodule]
    recurse = true
"""


def make_hostile(tree: Path, mark: Path) -> None:
    """Whatever git would run for its owner leaves a file whose name begins with `mark`."""
    hooks = mark.with_name("hooks")
    hooks.mkdir()
    for name in ("post-index-change", "pre-commit", "post-checkout", "reference-transaction"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {mark}-hook\n")
        (hooks / name).chmod(0o755)
    (tree / ".gitattributes").write_text("* filter=evil diff=evil\n")
    (tree / "src/a.c").write_text("int filtered();\n")
    config = tree / ".git/config"
    config.write_text(config.read_text() + HOSTILE.format(mark=mark, hooks=hooks))


def test_hostile_repository_runs_nothing_and_is_quick(tree: Path, tmp_path: Path) -> None:
    make_hostile(tree, tmp_path / "mark")
    before = sorted(path.name for path in (tree / ".git").iterdir())
    began = time.monotonic()
    change = observe(tree, "run-1", "host-1", 0.0)
    assert time.monotonic() - began < 30
    assert sorted(tmp_path.glob("mark*")) == []
    assert change is not None
    assert (change.files, change.dirty) == (3, True)
    assert sorted(path.name for path in (tree / ".git").iterdir()) == before


def test_pipes_and_links_in_place_of_files_do_not_hold_it_up(tree: Path) -> None:
    for name in ("config", "HEAD", "packed-refs", "index", "shallow"):
        (tree / ".git" / name).unlink(missing_ok=True)
        os.mkfifo(tree / ".git" / name)
    began = time.monotonic()
    observe(tree, "run-1", "host-1", 0.0)
    assert time.monotonic() - began < 30


def test_reference_that_climbs_out_is_not_followed(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a" * 40)
    (tree / ".git/HEAD").write_text("ref: ../../secret\n")
    assert read_worktree(tree).commit == ""


def test_broken_objects_end_in_an_event_without_numbers(tree: Path) -> None:
    for path in (tree / ".git/objects").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.write_bytes(b"rubbish")
    change = observe(tree, "run-1", "host-1", 0.0)
    assert change is not None
    assert change.files == 0


def test_look_that_takes_too_long_is_ended_with_all_it_started(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = tmp_path / "bin/git"
    slow.parent.mkdir()
    slow.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}:{os.environ['PATH']}")
    began = time.monotonic()
    assert observe(tree, "run-1", "host-1", 0.0, limit_seconds=1.0) is None
    assert time.monotonic() - began < 30
    if (tmp_path / "pid").exists():
        pid = int((tmp_path / "pid").read_text())
        deadline = time.monotonic() + 60
        while _runs(pid) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_memory_of_a_look_is_limited(tmp_path: Path) -> None:
    script = (
        "import sys, resource; sys.argv = ['x', sys.argv[1]]\n"
        "from collectors import git_look\n"
        "git_look.main()\n"
        "print(resource.getrlimit(resource.RLIMIT_AS)[0])\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == f"{{}}{200 << 20}\n"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("lib/x_test.go", "test"), ("spec/a_spec.rb", "test"), (".github/workflows/ci.yml", "build"),
        ("CMakeLists.txt", "build"), ("docs/guide.rst", "docs"), ("README", "docs"), ("a/b.rs", "source"),
        ("logo.png", "other"),
    ],
)  # fmt: skip
def test_files_have_kinds(path: str, kind: str) -> None:
    assert kind_of_file(path) == kind


@pytest.mark.parametrize(
    ("subject", "kind"),
    [
        ("Merge branch 'x'", "merge"), ("Revert \"y\"", "revert"), ("build(deps): bump z", "bump"),
        ("docs: say how", "docs"), ("Add a thing", "feature"), ("Crash is fixed", "fix"), ("whatever", "other"),
    ],
)  # fmt: skip
def test_messages_have_kinds(subject: str, kind: str) -> None:
    assert message_kind(subject) == kind


def test_nonsense_from_the_child_still_makes_an_event() -> None:
    change = change_of({"numstat": ["", "x", "-\t-\tlogo.png", "1\t2"], "modes": None}, "run-1", "h", 0.0)
    assert (change.files, change.insertions, change.kinds) == (1, 0, {"other": 1})


@pytest.mark.parametrize(
    ("remote", "name"),
    [("ssh://git@example.org:22/a/b.git", "a/b"), ("/srv/git/x.git", "git/x"), ("example.org:deep/er/x", "er/x")],
)
def test_projects_are_named_by_their_remote(remote: str, name: str) -> None:
    assert name_of_remote(remote) == name
