"""Events from CI providers. The provider's signature is what proves a sender; checking it is the receiver's work."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from agents.api.paging import reply
from agents.api.problems import Problem
from agents.api.services import services
from agents.api.tokens import Principal
from streams.errors import BuildcastError, ConfigError, InvalidEvent, Unavailable

__all__ = ["router"]

router = APIRouter(tags=["webhooks"])


@router.post(
    "/webhooks/{provider}",
    status_code=202,
    summary="Take a CI provider's webhook",
    openapi_extra={"requestBody": {"content": {"application/json": {"example": {"action": "completed"}}}}},
)
async def take_webhook(
    request: Request, provider: Annotated[str, Path(min_length=1, max_length=40, pattern="^[a-z0-9-]+$")]
) -> Response:
    """The answer says how many events were taken; they are durable by then."""
    parts = services(request)
    if parts.receive is None:
        raise Problem(503, "this process takes no webhooks", "set the providers' secrets; see docs/api.md")
    body = await request.body()
    try:
        taken = parts.receive(provider, dict(request.headers), body)
    except InvalidEvent as error:
        status = 413 if error.kind == "too-large" else 422
        raise Problem(status, error.detail[:300], "send the provider's body unchanged") from error
    except (Unavailable, ConfigError) as error:
        raise Problem(503, str(error)[:300], "the provider will deliver it again") from error
    except BuildcastError as error:
        raise Problem(401, str(error)[:300], "set the same secret here and at the provider") from error
    for event in taken:
        await parts.keep_event(event)
    if taken:
        await parts.audit(Principal(f"webhook:{provider}", "write"), "webhook-taken", taken[0].id,
                          {"events": len(taken)})  # fmt: skip
    parts.count("webhooks")
    return reply(request, {"events": len(taken)}, 202)
