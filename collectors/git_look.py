"""One look at a git repository, as a process of its own that `collectors.git` starts, limits and ends.

The repository may be hostile. Its configuration is never read: git works on a folder of ours that borrows only the
objects, the index and the commit, so no hook, filter, monitor, helper or alias of the repository can run, nothing is
written to it and nothing is fetched.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from collectors.worktree import Worktree, read_worktree

__all__ = ["look", "main"]

_MEMORY_BYTES = 200 << 20
_CPU_SECONDS = 5
_MOST_LINES = 20_000
_SETTINGS = {
    "core.fsmonitor": "false",
    "core.hooksPath": "/dev/null",
    "core.packedGitWindowSize": "16m",
    "core.packedGitLimit": "48m",
    "core.bigFileThreshold": "1m",
    "core.untrackedCache": "false",
    "diff.renames": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "protocol.allow": "never",
    "submodule.recurse": "false",
}
_BORROWED_MOST_BYTES = 64 << 20  # of an index


def main() -> None:
    """`git_look FOLDER [GOOD_COMMIT]`: one JSON object on standard output, `{}` where there is no repository."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    tree = read_worktree(Path(sys.argv[1]))
    good = sys.argv[2] if len(sys.argv) > 2 else ""
    json.dump(look(tree, good) if tree.top and tree.common and tree.git else {}, sys.stdout)


def look(tree: Worktree, good: str = "") -> dict[str, Any]:
    """What git says of a working tree, as plain text for `collectors.git.change_of`."""
    found: dict[str, Any] = {
        "top": str(tree.top),
        "remote": tree.remote,
        "branch": tree.branch,
        "commit": tree.commit,
    }
    if not tree.commit:
        return found
    with tempfile.TemporaryDirectory(prefix="buildcast-git-") as folder:
        ask = _asking(tree, Path(folder))
        said = ask("log", "-1", "--no-show-signature", "--format=%P%x00%ae%x00%s", tree.commit)
        parents, author, subject = [*said.split("\0", 2), "", "", ""][:3]
        found |= {"parents": parents.split(), "author": author, "subject": subject[:500]}
        found["numstat"] = ask(
            "diff-tree", "--root", "-r", "--numstat", "--no-ext-diff", "--no-textconv", "--no-commit-id",
            *([parents.split()[0]] if parents else []), tree.commit,
        ).splitlines()[:_MOST_LINES]  # fmt: skip
        found["changed"] = ask(
            "diff-index",
            "--name-only",
            "--ignore-submodules=all",
            "--no-ext-diff",
            "--no-textconv",
            tree.commit,
        ).splitlines()[:_MOST_LINES]
        found["modes"] = sum(
            line.startswith("160000") for line in ask("ls-files", "--stage").splitlines()[: 10 * _MOST_LINES]
        )
        if good:
            count = ask("rev-list", "--count", "--max-count=10000", f"{good}..{tree.commit}").strip()
            found["since_good"] = int(count) if count.isdigit() else None
    return found


def _asking(tree: Worktree, folder: Path) -> Any:
    """A function that asks git one constant question about the borrowed objects; "" where git refuses."""
    from git import Git
    from git.exc import GitCommandError

    _borrow(tree, folder)
    client = Git(str(tree.top))

    def ask(*arguments: str) -> str:
        try:
            return str(
                client.execute(
                    ["git", "--no-pager", "--literal-pathspecs", *arguments],
                    env=_environment(tree, folder),
                    strip_newline_in_stdout=True,
                    universal_newlines=False,
                )
            )
        except GitCommandError:
            return ""

    return ask


def _borrow(tree: Worktree, folder: Path) -> None:
    assert tree.git is not None
    sha256 = len(tree.commit) == 64
    (folder / "refs").mkdir()
    (folder / "objects").mkdir()
    (folder / "HEAD").write_text(f"{tree.commit}\n", encoding="ascii")
    version = "[core]\nrepositoryformatversion = 1\n[extensions]\nobjectformat = sha256\n" if sha256 else "[core]\n"
    (folder / "config").write_text(version, encoding="ascii")
    for source in [tree.git / "index", tree.git / "shallow", *sorted(tree.git.glob("sharedindex.*"))[:4]]:
        if source.is_file() and not source.is_symlink() and source.stat().st_size <= _BORROWED_MOST_BYTES:
            shutil.copy2(source, folder / source.name)  # its time too: git compares what is as young as the index


def _environment(tree: Worktree, folder: Path) -> dict[str, str]:
    settings = {f"GIT_CONFIG_KEY_{number}": name for number, name in enumerate(_SETTINGS)} | {
        f"GIT_CONFIG_VALUE_{number}": value for number, value in enumerate(_SETTINGS.values())
    }
    return settings | {
        "GIT_CONFIG_COUNT": str(len(_SETTINGS)),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "",
        "GIT_DIR": str(folder),
        "GIT_WORK_TREE": str(tree.top),
        "GIT_OBJECT_DIRECTORY": str((tree.common or folder) / "objects"),
        "LC_ALL": "C",
    }


if __name__ == "__main__":
    main()
