"""Errors as `application/problem+json` (RFC 9457), each with what to do about it; no traceback ever leaves."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from streams.errors import InvalidEvent, Rejected, Unavailable

__all__ = ["Problem", "install", "respond"]

_log = logging.getLogger(__name__)
_REMEDIES = {
    404: "see /api/v1/docs for what exists",
    405: "see /api/v1/docs for the methods of this address",
    400: "see /api/v1/docs for what this address takes",
}


class Problem(HTTPException):
    """A refusal with its remedy, in words for the caller."""

    def __init__(self, status: int, detail: str, remedy: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.remedy = remedy


def respond(status: int, detail: str, remedy: str, headers: Mapping[str, str] | None = None, **extra: Any) -> Response:
    """The response of a problem."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail,
            "remedy": remedy, **extra}  # fmt: skip
    return Response(msgspec.json.encode(body), status, dict(headers or {}), "application/problem+json")


def install(app: FastAPI) -> None:
    """Let every error of the app leave as a problem."""
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(InvalidEvent, _unfit)
    app.add_exception_handler(Rejected, _unfit)
    app.add_exception_handler(Unavailable, _away)
    app.add_exception_handler(SQLAlchemyError, _database)
    app.add_exception_handler(Exception, _broken)


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    remedy = getattr(error, "remedy", _REMEDIES.get(error.status_code, "change the request and try again"))
    return respond(error.status_code, str(error.detail), remedy, error.headers)


async def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [
        {"where": ".".join(str(part) for part in fault["loc"])[:200], "fault": str(fault["msg"])[:300]}
        for fault in error.errors()[:20]
    ]
    first = f"{faults[0]['where']}: {faults[0]['fault']}" if faults else "the request does not fit"
    return respond(422, first, "put right what `faults` names; /api/v1/docs shows an example", faults=faults)


async def _unfit(_request: Request, error: Exception) -> Response:
    return respond(422, str(error)[:500], "put the named value right and send it again")


async def _away(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Unavailable)
    wait = max(1, round(error.retry_after_seconds))
    return respond(503, str(error)[:500], f"try again in {wait} s", {"Retry-After": str(wait)})


async def _database(_request: Request, error: Exception) -> Response:
    _log.warning("database refused a statement", exc_info=error)
    return respond(503, "the database did not answer", "try again; `buildcast status` names its state",
                   {"Retry-After": "2"})  # fmt: skip


async def _broken(request: Request, error: Exception) -> Response:
    _log.error("request failed method=%s path=%s", request.method, request.url.path, exc_info=error)
    return respond(500, "this request met a fault of ours", "the API's log has the details; please report it")
