"""What every request passes before any route: size, rate, name of the host, token; what every response carries.

Plain ASGI, outermost, so that a refused request costs nothing and no body is read for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agents.api.limits import RateLimit
from agents.api.problems import Problem, respond
from agents.api.settings import ApiSettings
from agents.api.tokens import Principal, Tokens
from agents.api.traffic import Traffic

__all__ = ["CSP", "OPEN_PATHS", "Guard"]

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
OPEN_PATHS = ("/api/v1/health", "/api/v1/ready", "/api/v1/openapi.json", "/api/v1/docs")
_STREAM = "/api/v1/stream"
_WEBHOOKS = "/api/v1/webhooks/"  # proved by the provider's signature instead
_LOCAL_NAMES = {"localhost", "127.0.0.1", "::1", "testserver"}
_SAFE = {"GET", "HEAD", "OPTIONS"}
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": CSP,
}


class Guard:
    """The middleware. The principal of a request stands in `scope["principal"]`."""

    def __init__(
        self, app: ASGIApp, settings: ApiSettings, tokens: Tokens, traffic: Traffic,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._app, self._settings, self._tokens, self._clock = app, settings, tokens, clock
        self._traffic = traffic
        self._rate = RateLimit(settings.api_requests_per_second, settings.api_burst)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sending = _with_headers(self._counted(scope, send))
        refused = self._refusal(scope)
        if refused is not None:
            await refused(scope, receive, sending)
            return
        await self._app(scope, _bounded(receive, self._settings.api_body_bytes), sending)

    def _counted(self, scope: Scope, send: Send) -> Send:
        begin = self._clock()

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                seconds = None if scope["path"] == _STREAM else self._clock() - begin
                self._traffic.answered(message["status"], seconds)
            await send(message)

        return counting

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        return (
            self._oversized(scope, headers)
            or self._foreign(scope, headers)
            or self._unknown(scope, headers)
            or self._too_fast(scope)
        )

    def _oversized(self, scope: Scope, headers: Headers) -> Response | None:
        size = sum(len(name) + len(value) for name, value in scope["headers"]) + len(scope["path"])
        if size > self._settings.api_header_bytes:
            return respond(413, f"the headers hold {size} bytes", f"send at most {self._settings.api_header_bytes}")
        length = headers.get("content-length", "0")
        if length.isascii() and length.isdigit() and int(length[:20]) > self._settings.api_body_bytes:
            return respond(413, f"the body holds {length[:20]} bytes", f"send at most {self._settings.api_body_bytes}")
        return None

    def _foreign(self, scope: Scope, headers: Headers) -> Response | None:
        """Without tokens the machine's owner is served: other sites' scripts and rebound names are not."""
        if self._tokens.path is not None:
            return None
        name = _name_of(f"//{headers.get('host', '')}")
        if name not in _LOCAL_NAMES:
            return respond(421, f"this server is not {name[:100]!r}", "open it by 127.0.0.1 or localhost")
        origin = headers.get("origin", "")
        foreign = headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
        if scope["method"] not in _SAFE and (foreign or (origin and _name_of(origin) not in _LOCAL_NAMES)):
            return respond(403, "another site's page may not change anything here", "use the page of this server")
        return None

    def _unknown(self, scope: Scope, headers: Headers) -> Response | None:
        path: str = scope["path"]
        if not path.startswith(("/api/", "/metrics")) or path in OPEN_PATHS or path.startswith(_WEBHOOKS):
            return None
        principal = self._tokens.principal(headers.get("authorization", ""))
        if principal is None:
            return respond(401, "no valid token came with the request", "send `Authorization: Bearer TOKEN`; "
                           "`buildcast api --new-token NAME` makes one", {"WWW-Authenticate": "Bearer"})  # fmt: skip
        scope["principal"] = principal
        return None

    def _too_fast(self, scope: Scope) -> Response | None:
        principal: Principal | None = scope.get("principal")
        client = scope.get("client")
        caller = f"token:{principal.name}" if principal else f"address:{client[0] if client else ''}"
        wait = self._rate.wait_seconds(caller, self._clock())
        if wait == 0.0:
            return None
        return respond(429, "too many requests", f"wait {wait:.2f} s; batch your questions or use /api/v1/stream",
                       {"Retry-After": str(max(1, round(wait)))})  # fmt: skip


def _name_of(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _bounded(receive: Receive, most: int) -> Receive:
    """A body without a length is cut off where it grows too large."""
    total = 0

    async def bounded() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > most:
            raise Problem(413, f"the body holds more than {most} bytes", f"send at most {most}")
        return message

    return bounded


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return sending
