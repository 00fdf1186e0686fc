"""How far a project's jobs have been pulled, kept between pulls and replaced as a whole.

Law: it speaks only of what is durable elsewhere, so a lost cursor costs requests and never a job.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from collectors.ci.rest import Page, SeenPage
from streams.errors import ConfigError
from streams.whole_file import written_atomically

__all__ = ["Cursor", "CursorFile", "Told"]

_STEP_SECONDS = 3600.0  # a listing's address stays the same for so long, and so does its tag
_GIVEN_UP_SECONDS = 35 * 86_400.0  # GitHub ends a run after 35 days
_MOST_PAGES, _MOST_TOLD = 500, 50_000


class Told(msgspec.Struct, frozen=True):
    """A group of jobs (workflow run, pipeline) as it was told: when it is from, and whether it goes on."""

    mark: str
    at: float
    is_open: bool


class Cursor(msgspec.Struct):
    """`told`: groups by id. `pages`: tags of pages that may be asked again."""

    told: dict[str, Told] = {}
    pages: dict[str, SeenPage] = {}

    def remember(self, pages: Iterable[Page]) -> None:
        """These pages have been used."""
        for page in pages:
            self.pages.pop(page.url, None)
            if page.etag:
                self.pages[page.url] = SeenPage(page.etag, page.next_url)
        while len(self.pages) > _MOST_PAGES:
            del self.pages[next(iter(self.pages))]

    def since(self, now: float, look_back_seconds: float) -> float:
        """Where a listing begins: so far back, and before every group that goes on. The same for an hour."""
        running = [told.at for told in self.told.values() if told.is_open and told.at > now - _GIVEN_UP_SECONDS]
        begin = min([now - look_back_seconds, *running])
        return begin - begin % _STEP_SECONDS

    def forget(self, before: float) -> None:
        """A pull is complete: what is older is not listed again."""
        self.told = {group: told for group, told in self.told.items() if told.at >= before}
        while len(self.told) > _MOST_TOLD:
            del self.told[next(iter(self.told))]


class CursorFile:
    """`FOLDER/SYSTEM-PROJECT-HASH.json`; the hash is of address and project."""

    def __init__(self, folder: Path, system: str, address: str, project: str) -> None:
        digest = hashlib.blake2b(f"{address}\x1f{project}".encode(), digest_size=6).hexdigest()
        self.path = folder / f"{system}-{re.sub(r'[^A-Za-z0-9.-]+', '_', project)[:80]}-{digest}.json"

    def load(self) -> Cursor:
        """The cursor; a new one where there is none that can be read."""
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=Cursor)
        except (FileNotFoundError, msgspec.DecodeError):
            return Cursor()

    def save(self, cursor: Cursor) -> None:
        """Replace the file at once."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with written_atomically(self.path) as file:
                file.write(msgspec.json.encode(cursor))
        except OSError as error:
            raise ConfigError(f"the cursor {self.path} cannot be written: {error.strerror}") from error
