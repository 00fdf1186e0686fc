"""A local server that speaks GitHub's and GitLab's documented REST protocols, with their faults.

Tags and `If-None-Match`, `Link` and `X-Next-Page`, rate headers; `faults` are the next answers (one each).
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

__all__ = ["CiServer", "answer", "cut", "gitlab_job", "job", "run", "serving"]

Fault = Callable[[BaseHTTPRequestHandler], None]


def run(number: int, created: str, status: str = "completed", conclusion: str | None = "success") -> dict[str, Any]:
    return {"id": number, "name": "CI", "status": status, "conclusion": conclusion, "run_attempt": 1,
            "created_at": created, "run_started_at": created, "updated_at": created}  # fmt: skip


def job(number: int, of: int, began: str, ended: str | None) -> dict[str, Any]:
    return {"id": number, "run_id": of, "name": f"build {number}", "status": "completed" if ended else "in_progress",
            "conclusion": "failure" if ended else None, "labels": ["ubuntu-latest"], "run_attempt": 1,
            "created_at": began, "started_at": began, "completed_at": ended, "steps": []}  # fmt: skip


def gitlab_job(number: int, pipeline: int, status: str, began: str, ended: str | None) -> dict[str, Any]:
    return {"id": number, "name": "test", "status": status, "ref": "main", "created_at": began, "started_at": began,
            "finished_at": ended, "queued_duration": 4.5, "tag_list": ["docker"], "commit": {"id": "abc"},
            "pipeline": {"id": pipeline, "project_id": 5}, "runner": {"is_shared": True, "description": "r"},
            "failure_reason": "script_failure" if status == "failed" else None}  # fmt: skip


def answer(status: int, headers: dict[str, str] | None = None, body: bytes = b"{}") -> Fault:
    """An answer as it is told."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in (headers or {}).items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return send


def cut(handler: BaseHTTPRequestHandler) -> None:
    """A body that ends before its length."""
    handler.send_response(200)
    handler.send_header("Content-Length", "5000")
    handler.end_headers()
    handler.wfile.write(b'{"total_count": 1')
    handler.close_connection = True


@dataclass
class CiServer:
    """`lists` by path (without the query): all items, and the key they stand under (empty: a bare list)."""

    lists: dict[str, tuple[str, list[dict[str, Any]]]] = field(default_factory=dict)
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    page_size: int = 100
    links: bool = True  # else X-Next-Page
    faults: list[Fault] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)
    rate_left: int = 5000
    address: str = ""

    def body(self, path: str, query: dict[str, str]) -> tuple[bytes, int | None] | None:
        """The body of a page and the number of the one that follows."""
        if path in self.objects:
            return json.dumps(self.objects[path]).encode(), None
        if path not in self.lists:
            return None
        key, items = self.lists[path]
        if created := query.get("created"):
            low, _, high = created.removeprefix(">=").partition("..")
            items = [one for one in items if low <= one["created_at"] <= (high or "9")]
        if after := query.get("updated_after"):
            items = [one for one in items if one["updated_at"] > after]
        number = int(query.get("page", 1))
        shown = items[(number - 1) * self.page_size : number * self.page_size]
        following = number + 1 if number * self.page_size < len(items) else None
        told = {"total_count": len(items), key: shown} if key else shown
        return json.dumps(told).encode(), following


def _handler(system: CiServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            system.asked.append(self.path)
            system.tokens.add(self.headers.get("Authorization") or self.headers.get("PRIVATE-TOKEN"))
            if system.faults:
                system.faults.pop(0)(self)
                return
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            found = system.body(parts.path, query)
            if found is None:
                self._send(404, {}, b"{}")
                return
            body, following = found
            tag = f'W/"{hashlib.sha256(body).hexdigest()[:16]}"'
            if self.headers.get("If-None-Match") == tag:
                self._send(304, {"ETag": tag}, b"")
                return
            headers = {"ETag": tag, "X-RateLimit-Remaining": str(system.rate_left), "X-RateLimit-Reset": "1700000600"}
            if following and system.links:
                rest = urlencode(query | {"page": str(following)})
                headers["Link"] = f'<{system.address}{parts.path}?{rest}>; rel="next", <x>; rel="last"'
            elif following:
                headers["X-Next-Page"] = str(following)
            self._send(200, headers, body)

        def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
            system.answered.append(status)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 304:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    return Handler


@contextmanager
def serving(system: CiServer) -> Iterator[CiServer]:
    """The server, answering on loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(system))
    system.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield system
    finally:
        server.shutdown()
        server.server_close()
        thread.join(60)
