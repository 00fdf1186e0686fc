"""Roles at the routes: read looks, write changes, admin sees who changed what. Tokens were checked by the guard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from agents.api.problems import Problem
from agents.api.tokens import Principal, Role

__all__ = ["Admin", "Reader", "Writer"]

_bearer = HTTPBearer(auto_error=False, description="A token of `buildcast api --new-token NAME --role ROLE`.")


def _needs(role: Role) -> Callable[..., Principal]:
    def check(request: Request, _scheme: Annotated[object, Security(_bearer)] = None) -> Principal:
        principal: Principal | None = request.scope.get("principal")
        if principal is None:
            raise Problem(401, "no valid token came with the request", "send `Authorization: Bearer TOKEN`")
        if not principal.may(role):
            raise Problem(403, f"{principal.name} has the role {principal.role}, this needs {role}",
                          f"use a token of role {role}")  # fmt: skip
        return principal

    return check


Reader = Annotated[Principal, Depends(_needs("read"))]
Writer = Annotated[Principal, Depends(_needs("write"))]
Admin = Annotated[Principal, Depends(_needs("admin"))]
