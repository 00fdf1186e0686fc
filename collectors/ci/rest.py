"""GET pages of a CI system's REST API: conditional requests, pagination, rate limits, retries.

- A page asked before goes with `If-None-Match`; 304 costs nothing of GitHub's rate and says that nothing is new.
- Pages follow `Link: rel="next"`, else `X-Next-Page`, within the same server only: the token goes nowhere else.
- 429, and 403 with a spent rate, wait for `Retry-After` or the reset that the headers name; a wait longer than
  `longest_wait_seconds` is `Unavailable`, and the next pull goes on from the cursor.
- 5xx, a broken or a torn page are asked again, with growing pauses.

Sources: docs.github.com/rest (rate limits, conditional requests, pagination); docs.gitlab.com/api/rest.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec

from collectors.fetch import Answer, Fetcher
from streams.errors import ConfigError, Rejected, Unavailable

__all__ = ["Page", "RestApi", "RestPolicy", "SeenPage"]

_NEXT = re.compile(r'<([^>]*)>\s*;[^,]*\brel="?next"?')


@dataclass(frozen=True)
class RestPolicy:
    """Where an API is and how to ask. `headers` hold the token and never print. `attempts` count per page."""

    address: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    attempts: int = 5
    back_off_seconds: float = 2.0
    longest_wait_seconds: float = 900.0
    most_pages: int = 1000  # of one listing: a server that pages for ever is cut


class SeenPage(msgspec.Struct, frozen=True):
    """What a page said last: its tag, and which page followed."""

    etag: str
    next_url: str = ""


@dataclass(frozen=True)
class Page:
    """A page that is new; `body` is None where nothing has changed since it was seen."""

    url: str
    body: Any
    etag: str
    next_url: str


class RestApi:
    """`clock` is seconds since the epoch; `sleep` waits."""

    def __init__(
        self,
        policy: RestPolicy,
        fetcher: Fetcher,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.policy = policy
        self.requests = 0
        self._fetcher, self._clock, self._sleep = fetcher, clock, sleep
        self._resume_at = 0.0

    def pages(self, path: str, query: Mapping[str, str], seen: Mapping[str, SeenPage]) -> Iterator[Page]:
        """A listing, page by page. Whoever has used a page remembers it in `seen`."""
        url = f"{self.policy.address.rstrip('/')}/{path}" + (f"?{urlencode(query)}" if query else "")
        for _ in range(self.policy.most_pages):
            page = self._page(url, seen.get(url))
            yield page
            if not page.next_url:
                return
            url = page.next_url

    def _page(self, url: str, known: SeenPage | None) -> Page:
        wait = self.policy.back_off_seconds
        for attempt in range(self.policy.attempts):
            try:
                return self._asked(url, known)
            except Unavailable as error:
                longest = self.policy.longest_wait_seconds
                if attempt + 1 == self.policy.attempts or error.retry_after_seconds > longest:
                    raise
                self._sleep(max(wait, error.retry_after_seconds))
                wait *= 2
        raise AssertionError("attempts are at least one")

    def _asked(self, url: str, known: SeenPage | None) -> Page:
        if (wait := self._resume_at - self._clock()) > 0.0:
            self._resume_at = 0.0
            raise Unavailable(f"{_server(url)} takes no more requests for now", wait)
        conditional = {"If-None-Match": known.etag} if known else {}
        self.requests += 1
        answer = self._fetcher.get(url, {**self.policy.headers, **conditional})
        if answer.status == 304 and known is not None:
            return Page(url, None, known.etag, known.next_url)
        self._check(url, answer)
        try:
            body = msgspec.json.decode(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Unavailable(f"{_server(url)} answered with a broken page: {str(error)[:100]}", 5.0) from error
        return Page(url, body, answer.headers.get("etag", ""), _following(url, answer.headers))

    def _check(self, url: str, answer: Answer) -> None:
        """Judge the status. A rate that this answer has used up is waited for before the next request."""
        spent, wait = self._rate(answer)
        if answer.status == 200:
            self._resume_at = self._clock() + wait if spent else 0.0
        elif answer.status == 429 or (answer.status == 403 and (spent or "retry-after" in answer.headers)):
            raise Unavailable(f"{_server(url)} limits the rate ({answer.status})", wait)
        elif answer.status >= 500:
            raise Unavailable(f"{_server(url)} fails ({answer.status})", wait)
        elif answer.status in (401, 403):
            raise ConfigError(f"{_server(url)} refuses the token ({answer.status}): set one that may read the jobs")
        else:
            raise Rejected(f"{_server(url)} has no {urlsplit(url).path}, or the token may not see it ({answer.status})")

    def _rate(self, answer: Answer) -> tuple[bool, float]:
        """Whether nothing is left of the rate, and seconds until there is."""
        told = answer.headers
        left = told.get("x-ratelimit-remaining", told.get("ratelimit-remaining", "")).strip()
        reset = told.get("x-ratelimit-reset", told.get("ratelimit-reset", "")).strip()
        wait = answer.retry_after_seconds
        if wait is None:
            wait = max(0.0, float(reset) - self._clock()) if reset.isascii() and reset.isdigit() else 0.0
        return left == "0", wait


def _following(url: str, headers: Mapping[str, str]) -> str:
    """The next page's address, on the same server; empty at the end."""
    found = _NEXT.search(headers.get("link", ""))
    if found:
        following = found[1]
    elif number := headers.get("x-next-page", "").strip():
        parts = urlsplit(url)
        query = {**dict(parse_qsl(parts.query)), "page": number}
        following = urlunsplit(parts._replace(query=urlencode(query)))
    else:
        return ""
    if urlsplit(following)[:2] != urlsplit(url)[:2]:
        raise Rejected(f"{_server(url)} pages on to another server; that is refused")
    return following


def _server(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]
