"""Who may do what on the broker: one principal a role, and its rights by topic and consumer group as Kafka's ACLs.

Law of the file: a role has what its process reads and writes, nothing else. READ and WRITE include DESCRIBE. The
operator and the broker itself are super users by the broker's settings (`deploy/kafka/start.sh`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aiokafka.errors import for_code
from aiokafka.protocol.admin import CreateAclsRequest

from agents.admin import admin
from streams.errors import ConfigError
from streams.topics import TOPICS

__all__ = ["OPERATOR", "ROLES", "Right", "Role", "grant"]

# Numbers of Kafka's protocol (ResourceType, PatternType, AclOperation, AclPermissionType).
_RESOURCE = {"topic": 2, "group": 3}
_LITERAL, _PREFIXED, _ALLOW = 3, 4, 3
_OPERATION = {"read": 3, "write": 4}


@dataclass(frozen=True)
class Right:
    """One ACL. A group's name is a prefix: replicas of a site may have groups of their own below it."""

    resource: Literal["topic", "group"]
    name: str
    operation: Literal["read", "write"]


@dataclass(frozen=True)
class Role:
    """A kind of process; its principal is `user`, and so begin the names of its consumer groups."""

    name: str
    meaning: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    has_group: bool = False

    @property
    def user(self) -> str:
        """The name it logs in with."""
        return f"buildcast-{self.name}"

    def rights(self) -> list[Right]:
        """All its ACLs."""
        group = [Right("group", self.user, "read")] if self.has_group else []
        reads = [Right("topic", topic, "read") for topic in self.reads]
        return [*reads, *(Right("topic", topic, "write") for topic in self.writes), *group]


_MODEL = ("examples.v1", "model-events.v1")
_INPUTS = ("build-events.v1", "host-metrics.v1")
_OUTPUTS = ("predictions.v1", "alerts.v1")

OPERATOR = Role("operator", "makes topics and rights, sends dead letters again, restates labels: may do all")
ROLES: dict[str, Role] = {
    role.name: role
    for role in (
        Role("collector", "`buildcast run`, `collect`, `jhalfs`, `scan` on a build host", _OUTPUTS, _INPUTS),
        Role(
            "worker", "`buildcast worker`", (*_INPUTS, *_MODEL), (*_OUTPUTS, "examples.v1", "dead-letters.v1"), True
        ),
        Role(
            "sink", "`buildcast sink`", tuple(t.name for t in TOPICS.values() if t.carries), ("dead-letters.v1",), True
        ),
        Role("trainer", "`buildcast trainer`", _MODEL, ("model-events.v1",)),
        Role("notifier", "`buildcast notify`, and others who read alerts", ("alerts.v1",), (), True),
        Role("api", "`buildcast api`", (*_OUTPUTS, *_MODEL), ("build-events.v1", *_MODEL)),
    )
}  # fmt: skip


async def grant(bootstrap: str, seconds: float = 15.0) -> int:
    """Give every role its rights, safe to repeat; returns how many there are. `ConfigError` unless as operator."""
    count = 0
    async with admin(bootstrap, seconds) as client:
        for role in ROLES.values():
            for right in role.rights():
                # The client's library has the request without a method for it.
                answer = await client._send_request(_request(role, right))
                _refuse_error(bootstrap, *answer.creation_responses[0][:2])
                count += 1
    return count


def _request(role: Role, right: Right) -> CreateAclsRequest:
    pattern = _PREFIXED if right.resource == "group" else _LITERAL
    return CreateAclsRequest(
        _RESOURCE[right.resource], right.name, pattern, f"User:{role.user}", "*", _OPERATION[right.operation], _ALLOW
    )


def _refuse_error(bootstrap: str, code: int, message: str | None) -> None:
    if code:
        raise ConfigError(
            f"the broker at {bootstrap} gives no rights ({message or for_code(code).__name__}): only user "
            f"{OPERATOR.user} may, and only a broker with an authorizer has them"
        )
