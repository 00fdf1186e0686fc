"""The live page, its files, and the API's reference as a page without script."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, HTMLResponse, Response

__all__ = ["STATIC", "router"]

STATIC = Path(__file__).parents[1] / "static"
router = APIRouter(include_in_schema=False)


@router.get("/")
@router.get("/runs/{_rest:path}")
@router.get("/hosts")
@router.get("/alerts")
@router.get("/models")
@router.get("/findings")
async def page() -> Response:
    """One page for all addresses: what it shows follows from the address, so each can be shared."""
    return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})


@router.get("/api/v1/docs")
async def reference(request: Request) -> Response:
    """Every operation with its parameters and an example."""
    return HTMLResponse(_document(request.app.openapi()))


def _document(spec: dict[str, Any]) -> str:
    rows = "".join(
        f"<section><h2><code>{method.upper()} {html.escape(path)}</code></h2>"
        f"<p>{html.escape(one.get('summary', ''))}. {html.escape(one.get('description', ''))}</p>"
        f"{_parameters(one)}</section>"
        for path, methods in spec["paths"].items()
        for method, one in methods.items()
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Buildcast API</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="stylesheet" href="/static/style.css"></head><body><main class="reference"><h1>Buildcast API</h1>'
        '<p>Machine-readable: <a href="/api/v1/openapi.json">/api/v1/openapi.json</a> · '
        '<a href="/">the live page</a></p>'
        f"{rows}</main></body></html>"
    )


def _parameters(one: dict[str, Any]) -> str:
    found = one.get("parameters", [])
    items = "".join(
        f"<li><code>{html.escape(each['name'])}</code> ({each['in']}) {html.escape(each.get('description', ''))}</li>"
        for each in found
    )
    return f"<ul>{items}</ul>" if items else ""
