"""Secrets to plant: made up here, of the right shapes, none of them anybody's."""

from __future__ import annotations

import random
import string

__all__ = ["planted"]

_LETTERS = string.ascii_letters + string.digits


def planted(seed: int = 1) -> list[tuple[str, str]]:
    """Sixty pairs: a text as it stands in a command line or log, and the secret in it."""
    source = random.Random(seed)

    def some(length: int, letters: str = _LETTERS) -> str:
        return "".join(source.choice(letters) for _ in range(length - 2)) + source.choice("23456789") + "k"

    def upper(length: int) -> str:
        return some(length, string.ascii_uppercase + string.digits).upper()

    hexes = "0123456789abcdef"

    def hexed(length: int) -> str:
        return "".join(source.choice(hexes) for _ in range(length))

    shapes: list[tuple[str, str]] = [
        # tokens of known services, anywhere in a line
        ("cloning with {} now", f"ghp_{some(36)}"),
        ("remote said {}", f"gho_{some(36)}"),
        ("using {}", f"ghs_{some(36)}"),
        ("{} is set", f"github_pat_{some(22)}_{some(59)}"),
        ("runner {} registered", f"glpat-{some(20)}"),
        ("trigger {}", f"glptt-{hexed(40)}"),
        ("key {} found", f"AKIA{upper(16)}"),
        ("key {} found", f"ASIA{upper(16)}"),
        ("posting to {}", f"https://hooks.slack.com/services/T{upper(9)}/B{upper(9)}/{some(24)}"),
        ("bot {}", f"xoxb-{source.randrange(10**11, 10**12)}-{some(24, string.ascii_lowercase + string.digits)}"),
        ("charge {}", f"sk_live_{some(24)}"),
        ("mail by {}", f"SG.{some(22)}.{some(43)}"),
        ("//registry.example/:_authToken={}", f"npm_{some(36)}"),
        ("publish {}", f"npm_{some(36)}"),
        ("upload {}", f"pypi-AgEIcHlwaS5vcmc{some(80)}"),
        ("jwt {}", f"eyJ{some(30)}.eyJ{some(60)}.{some(43)}"),
        ("AccountKey={};", f"{some(86)}=="),
        ("sms {}", f"AC{hexed(32)}"),
        ("telegram {}", f"{source.randrange(10**8, 10**9)}:{some(35)}"),
        ("model hub {}", f"hf_{some(34)}"),
        ("maps {}", f"AIza{some(35)}"),
        ("list {}", f"{hexed(32)}-us12"),
        ("droplet {}", f"dop_v1_{hexed(64)}"),
        # options
        ("curl --token {} https://x.example", some(20)),
        ("deploy --password={} host", some(12)),
        ("deploy --api-key '{}' host", some(16)),
        ("client --client-secret {} run", some(24)),
        ("tool --db.password {}", some(14)),
        ("tool -password {}", some(14)),
        ("mysql -uroot -p{} shop", some(10)),
        ("mysqldump -p{} shop", "lowercasewords"),
        ("sshpass -p {} ssh host", some(9)),
        ("redis-cli -a {} ping", some(15)),
        ("docker login -u ann -p {} registry", some(18)),
        ("curl -u ann:{} https://x.example", some(12)),
        ("curl --user ann:{} https://x.example", some(12)),
        ("admintool -p{} go", f"Hunter{some(6)}"),
        ("zip -P {} a.zip b", some(8)),
        # assignments
        ("export SECRET_KEY={}", some(20)),
        ("+ DB_PASSWORD='{}' make", some(12)),
        ("API_TOKEN={} make", hexed(40)),
        ('"password": "{}"', some(12)),
        ("password: {}", some(12)),
        ("aws_secret_access_key = {}", some(40)),
        ("ARTIFACTORY_API_KEY={}", f"AKC{some(20)}"),
        ("'apiKey' => '{}',", some(22)),
        ("signing_key={}", some(18)),
        ("x.token={}&y=1", some(18)),
        ("passphrase={}", some(11)),
        ("credentials={}", some(16)),
        # headers
        ("> Authorization: Bearer {}", some(32)),
        ("> Authorization: Basic {}", f"{some(22)}=="),
        ("curl -H 'Authorization: token {}'", hexed(40)),
        ("PRIVATE-TOKEN: {}", some(20)),
        ("X-Api-Key: {}", some(26)),
        ("Set-Cookie: session={}; Path=/", some(30)),
        # addresses
        ("Cloning into https://ann:{}@git.example.org/x.git", some(14)),
        ("fetch https://{}@git.example.org/x.git", some(24)),
        ("postgres://app:{}@db.example:5432/shop", some(12)),
        # keys
        ("-----BEGIN RSA PRIVATE KEY----- {} -----END RSA PRIVATE KEY-----", some(64)),
    ]
    return [(text.replace("{}", secret), secret) for text, secret in shapes]
