"""Secrets out of text before it is written anywhere.

Three nets: the exact values of secret-named environment variables; how secrets are handed over (options, assignments,
headers, user info in addresses, private keys); how known services' tokens look (detect-secrets' patterns). A quick
look first, so that ordinary lines cost next to nothing.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from functools import cache

__all__ = ["MASK", "Redactor", "strip_user_info"]

MASK = "[redacted]"

_WORD = (
    r"(?:token|passw(?:or)?d|passphrase|secret|(?:api|access|private|auth|signing|encryption)[_-]?key|credentials?|pwd)"
)
_SECRET_NAME = re.compile(rf"(?i){_WORD}|(?:^|_)(?:auth|key|pass|pw)$|dsn$")
_LEAST = 6  # characters of an environment's value that is looked for
_NO_SECRET = re.compile(
    r"(?i)(?:null|none|nil|true|false|undefined|empty|required|missing|invalid|expected|unexpected|changeme\?|"
    r"\[?(?:secure|redacted|masked|filtered|hidden|removed)\]?|[*x.]+|[$%<{(\[].*|\W*)$"
)

_SUSPECT = re.compile(
    r"(?i)token|passw|passphrase|secret|[_-]?key|credential|pwd|auth|bearer|basic |://|-p\S{4}|-[paw]\s|-u |--user |"
    r"[a-z0-9_\-]{12}|xox|cl(?:oudant)?[_-]|sl[_-]"
)
_USER_INFO = re.compile(
    r"(?P<before>\b[a-zA-Z][\w+.-]*://)"
    r"(?:[^\s/:@'\"<>]+:(?!\d+(?:[/\s]|$))[^\s'\"<>]*@|[^\s/'\"<>]*@)"  # a password may hold @ and /
)
_HEADER = re.compile(
    r"(?i)(?P<before>\b(?:proxy-)?authorization['\"]?\s*[:=]\s*['\"]?(?:(?:basic|bearer|token|digest|negotiate)\s+)?)(?P<secret>[^\s'\",]{6,})|"
    r"(?P<before2>\b(?:bearer|basic)\s+)(?P<secret2>(?=\S*\d)[\w+/=.~-]{16,})|"
    r"(?P<before3>\b(?:x-[\w-]*|private-|job-|deploy-)(?:token|key)['\"]?\s*:\s*['\"]?)(?P<secret3>[^\s'\"]{6,})|"
    r"(?P<before4>\b(?:set-)?cookie:\s*)(?P<secret4>\S.*)"
)
_OPTION = re.compile(
    rf"(?i)(?P<before>(?:^|[\s'\"])--?(?:\w+[-_.])*(?:{_WORD}|pass|auth)(?:=|\s+|['\"],\s*['\"]))"
    r"(?:(?P<quote>['\"])(?P<secret>.+?)(?=(?P=quote)|$)|[^\s'\"]+)"
)
_WANTS_SECRET = re.compile(rf"(?i)--?(?:\w+[-_.])*(?:{_WORD}|pass|auth)$")
_VALUE = r"(?P<quote>['\"]?)(?P<secret>[^\s'\",;&]{4,})"
_ASSIGNED = re.compile(
    rf"(?i)(?P<before>(?<![\w-])[\w.-]*(?:{_WORD}|_auth|_pass|_pw|_key)[\w]*['\"]?\s?(?:=>|:=|=)\s?){_VALUE}"
)
_KEYED = re.compile(rf"(?i)(?P<before>(?<![\w-])[\w.-]*{_WORD}['\"]?\s?:\s?){_VALUE}")
_LOGIN = re.compile(r"(?P<before>(?:^|\s)(?:-u|--user|--proxy-user)[ =]['\"]?[^\s:'\"]+:)(?P<secret>[^\s'\"]+)")
_TIGHT = re.compile(r"(?P<before>(?:^|\s)-[pP]['\"]?)(?P<secret>(?![\d.]+(?:\s|$))\S{4,})")
_LOOSE = re.compile(r"(?P<before>(?:^|\s)-[pPaw]\s*['\"]?)(?P<secret>[^\s'\"-][^\s'\"]*)")
_TAKES_PASSWORD = re.compile(
    r"\b(?:mysql\w*|mariadb[\w-]*|sshpass|7za?|zip|unzip|rar|redis-cli|ldap\w+|smbclient|sqlcmd|mongo\w*|"
    r"(?:docker|podman|oc|az|helm registry) login)\b"
)
_LOOKS_MADE_UP = re.compile(r"(?=.*\d)(?=.*[a-z])(?=.*[A-Z]).{8,}$")
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?:.*?-----END [A-Z0-9 ]*-----|.*)", re.S)
_MORE = r"[\w.+/=~-]*"
_OWN_TOKENS = (
    r"github_pat_\w{20,}", r"\bnpm_[A-Za-z0-9]{36}", r"\bhf_[A-Za-z0-9]{30,}", r"\bdop_v1_[a-f0-9]{64}",
    r"\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{20,}", r"\bAIza[\w-]{35}", r"\bya29\.[\w-]{20,}", r"\bhvs\.[\w-]{20,}",
    r"\bdckr_pat_[\w-]{20,}", r"\bxapp-\d-[\w-]{10,}", r"\b[rs]k_(?:live|test)_\w{16,}",
)  # fmt: skip
_OF_DETECT_SECRETS = (
    ("artifactory", "ArtifactoryDetector"), ("aws", "AWSKeyDetector"), ("azure_storage_key", "AzureStorageKeyDetector"),
    ("cloudant", "CloudantDetector"), ("discord", "DiscordBotTokenDetector"), ("github_token", "GitHubTokenDetector"),
    ("gitlab_token", "GitLabTokenDetector"), ("ibm_cloud_iam", "IbmCloudIamDetector"),
    ("ibm_cos_hmac", "IbmCosHmacDetector"), ("jwt", "JwtTokenDetector"), ("mailchimp", "MailchimpDetector"),
    ("npm", "NpmDetector"), ("openai", "OpenAIDetector"), ("pypi_token", "PypiTokenDetector"),
    ("sendgrid", "SendGridDetector"), ("slack", "SlackDetector"), ("softlayer", "SoftlayerDetector"),
    ("square_oauth", "SquareOAuthDetector"),
    ("stripe", "StripeDetector"), ("telegram_token", "TelegramBotTokenDetector"),
    ("twilio", "TwilioKeyDetector"),
)  # fmt: skip


def strip_user_info(address: str) -> str:
    """An address without name and password.

    >>> strip_user_info("https://ann:pw@example.org/x.git"), strip_user_info("git@example.org:x.git")
    ('https://example.org/x.git', 'git@example.org:x.git')
    """
    return _USER_INFO.sub(lambda found: found["before"], address)


class Redactor:
    """Takes secrets out of text. `environment` is what the build sees; only secret-named variables of it are kept."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        values = {
            value
            for name, value in (environment or {}).items()
            if _SECRET_NAME.search(name) and len(value) >= _LEAST and not _is_ordinary(value)
        }
        lines = {line for value in values for line in value.splitlines() if len(line.strip()) >= _LEAST}
        self._exact = sorted(values | lines, key=len, reverse=True)

    def text(self, text: str) -> str:
        """The text with every secret replaced."""
        for value in self._exact:
            if value in text:
                text = text.replace(value, MASK)
        if not _SUSPECT.search(text):
            return text
        return self._thorough(text)

    def command(self, arguments: Sequence[str]) -> str:
        """A command line for people, with every secret replaced; a word that is wholly secret goes wholly."""
        before = ["", *arguments]
        words = [MASK if _WANTS_SECRET.match(option) else word for option, word in zip(before, arguments, strict=False)]
        return self.text(shlex.join(words))

    def _thorough(self, text: str) -> str:
        if "PRIVATE KEY" in text:
            text = _PRIVATE_KEY.sub(MASK, text)
        if "://" in text:
            text = _USER_INFO.sub(lambda found: f"{found['before']}{MASK}@", text)
        text = _tokens().sub(MASK, text)
        text = _HEADER.sub(_masked_header, text)
        text = _OPTION.sub(_masked, text)
        text = _ASSIGNED.sub(_masked_if_value, text)
        text = _KEYED.sub(_masked_if_strong, text)
        text = _LOGIN.sub(_masked, text)
        if _TAKES_PASSWORD.search(text):
            return _LOOSE.sub(_masked, text)
        return _TIGHT.sub(_masked_if_made_up, text)


def _is_ordinary(value: str) -> bool:
    """Values that are named like secrets and are none: paths, numbers of a few digits, switches."""
    return bool(_NO_SECRET.match(value)) or (value.startswith(("/", "./", "~/")) and " " not in value)


def _masked(found: re.Match[str]) -> str:
    groups = found.groupdict()
    return f"{found['before']}{groups.get('quote') or ''}{MASK}"


def _masked_header(found: re.Match[str]) -> str:
    before = found["before"] or found["before2"] or found["before3"] or found["before4"] or ""
    return f"{before}{MASK}"


def _masked_if_value(found: re.Match[str]) -> str:
    return found[0] if _NO_SECRET.match(found["secret"]) or MASK in found[0] else _masked(found)


def _masked_if_strong(found: re.Match[str]) -> str:
    """After a colon stands prose as often as a secret: only what no word looks like goes."""
    secret = found["secret"]
    strong = len(secret) >= 6 and (any(letter.isdigit() for letter in secret) or bool(found["quote"]))
    return _masked_if_value(found) if strong else found[0]


def _masked_if_made_up(found: re.Match[str]) -> str:
    return _masked(found) if _LOOKS_MADE_UP.match(found["secret"]) else found[0]


@cache
def _tokens() -> re.Pattern[str]:
    """How tokens of known services look, as one pattern. Made when first wanted: the library is slow to import."""
    import importlib

    patterns = list(_OWN_TOKENS)
    for module, name in _OF_DETECT_SECRETS:
        detector = getattr(importlib.import_module(f"detect_secrets.plugins.{module}"), name)()
        patterns += [f"(?i:{found.pattern})" if found.flags & re.I else found.pattern for found in detector.denylist]
    return re.compile("|".join(f"(?:{pattern}){_MORE}" for pattern in patterns))
