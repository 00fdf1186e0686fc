"""No secret gets past the source (T16)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.redaction import MASK, Redactor, strip_user_info
from collectors.spool import Spool
from tests.collectors.secrets import planted

PLANTED = planted()


def raw_logs() -> Path:
    data = Path(os.environ.get("BUILDCAST_DATA", Path(__file__).parents[2] / "../shared/data")).resolve()
    archive = data / "travis-raw-logs/dev_logs.tar.gz"
    if not archive.is_file():
        pytest.skip(f"{archive} is not there: set BUILDCAST_DATA")
    return archive


def test_there_are_sixty_secrets() -> None:
    assert len(PLANTED) == 60
    assert len({secret for _, secret in PLANTED}) == 60


@pytest.mark.parametrize(("text", "secret"), PLANTED, ids=[str(number) for number in range(len(PLANTED))])
def test_planted_secret_is_masked(text: str, secret: str) -> None:
    masked = Redactor().text(text)
    assert secret not in masked
    assert not any(secret[at : at + 8] in masked for at in range(len(secret) - 8))  # nor a good part of it
    assert MASK in masked


@pytest.mark.parametrize(
    "line",
    [
        "gcc -pthread -pipe -pedantic -print-search-dirs -O2 -c token.c -o token.o",
        "patch -p1 < fix.patch",
        "mkdir -p build/passwords",
        "parser.c:12: error: expected ';' before ‘token’",
        "syntax error: unexpected token: '}'",
        "Makefile:3: *** missing separator.  Stop.",
        "checking for krb5 authentication... no",
        "test_password_is_required ... ok",
        "password: required",
        "token = None",
        "PASS: tests/secret-sharing",
        "  CC      crypto/keys/encrypted_keys.o",
        "-rw-r--r-- 1 root root 1234 key.pem",
        "https://example.org/a/b@2.0/c.tar.gz",
        "git@github.com:owner/repository.git",
        "commit 34b122e2bea28c4cd48c9c6b9f5a4957cbcc47e1",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ],
)
def test_ordinary_line_is_left_alone(line: str) -> None:
    assert Redactor().text(line) == line


def test_values_of_secret_named_variables_are_masked_wherever_they_stand() -> None:
    redactor = Redactor(
        {"DEPLOY_KEY": "correct horse", "PATH": "/usr/bin", "MY_TOKEN": "abc", "X_SECRET": "/etc/x.pem"}
    )
    assert redactor.text("said correct horse at /usr/bin abc /etc/x.pem") == f"said {MASK} at /usr/bin abc /etc/x.pem"


def test_each_line_of_a_secret_of_several_lines_is_masked() -> None:
    redactor = Redactor({"SSH_PRIVATE_KEY": "first-line-of-key\nsecond-line-of-key"})
    assert "line-of-key" not in redactor.text("x second-line-of-key y")


def test_command_line_is_quoted_and_masked() -> None:
    assert Redactor().command(["deploy", "--password", "two words", "host"]) == f"deploy --password '{MASK}' host"


def test_user_info_leaves_addresses() -> None:
    assert strip_user_info("ssh://git@example.org:22/x.git") == "ssh://example.org:22/x.git"
    assert strip_user_info("https://a:p@ss/w@example.org/x") == "https://example.org/x"


@given(st.text(max_size=300))
def test_any_text_is_taken(text: str) -> None:
    once = Redactor().text(text)
    assert isinstance(once, str)


def test_a_long_hostile_line_takes_no_time() -> None:
    import time

    began = time.perf_counter()
    for line in (
        "--password" * 800,
        "a://" * 2000,
        "=:" * 4000,
        "eyJ" * 2600,
        "token=" * 1300,
        "-p " * 2700,
        "a_" * 4000,
    ):
        Redactor().text(line)
    assert time.perf_counter() - began < 20.0


RUN = """
import sys
from pathlib import Path
from collectors.outbox import Outbox
from collectors.publish import DirectPublisher
from collectors.spool import Spool
from collectors.wrapper import RunOptions, run_build
spool = Spool(Path(sys.argv[1]))
sys.exit(run_build(sys.argv[3:], RunOptions(folder=Path(sys.argv[2])), spool.append).exit_code)
"""


def test_no_planted_secret_reaches_the_spool(tmp_path: Path) -> None:
    """Through arguments, environment, remote, commit message and log of one real run."""
    tree, spool, log = tmp_path / "tree", tmp_path / "spool", tmp_path / "log"
    tree.mkdir()
    log.write_text("".join(f"x.c:1:1: error: {text}\n" for text, _ in PLANTED))
    remote = "https://ann:s3cretRemote9@git.example.org/a/b.git"
    for command in (
        ["init", "-q"],
        ["remote", "add", "origin", remote],
        [
            "-c",
            "user.name=a",
            "-c",
            "user.email=ann.secret@example.org",
            "commit",
            "-q",
            "--allow-empty",
            "-m",
            PLANTED[0][0],
        ],
    ):
        subprocess.run(["git", *command], cwd=tree, check=True)
    script = f"while read -r line; do printf '%s\\n' \"$line\"; done < '{log}'; sleep 1.5"
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            RUN,
            str(spool),
            str(tree),
            "sh",
            "-c",
            script,
            *(word for text, _ in PLANTED[23:38] for word in text.split()),
        ],
        env={**os.environ, "DEPLOY_TOKEN": "environment-secret-7"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0
    kept = b"".join(one.payload for one in Spool(spool).waiting(10_000)).decode()
    assert kept.count("dev.cdevents") > 3
    secrets = [secret for _, secret in PLANTED] + ["s3cretRemote9", "environment-secret-7", "ann.secret@example.org"]
    assert [secret for secret in secrets if secret in kept] == []
    assert b"s3cretRemote9" not in done.stderr


@pytest.mark.data
def test_less_than_one_line_in_a_hundred_of_real_logs_is_touched() -> None:
    import tarfile

    redactor, lines, touched = Redactor(), 0, 0
    with tarfile.open(raw_logs()) as archive:
        members = [member for member in archive.getmembers() if member.name.endswith(".log")]
        for member in members[::6]:
            file = archive.extractfile(member)
            assert file is not None
            for raw in file:
                line = raw.decode("utf-8", "replace")
                lines += 1
                touched += redactor.text(line) != line
    assert lines > 10_000
    assert touched / lines < 0.01
