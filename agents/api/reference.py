"""docs/api.md from the app and its settings: `python -m agents.api.reference > docs/api.md` (held equal by a test)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agents.api.app import create_app
from agents.api.log import JournalLog
from agents.api.settings import ApiSettings
from agents.notify.settings import NotifySettings
from agents.store.database import connect

__all__ = ["markdown"]

_HEAD = """# API, page, client, notifications

Made by `python -m agents.api.reference > docs/api.md` from the code.

`buildcast api` serves all of it: the live page at `/`, the API under `/api/v1`, its reference at `/api/v1/docs` and
`/api/v1/openapi.json`. With a broker (`BUILDCAST_BOOTSTRAP`) live updates come from the topics, without one from the
state folder's database, so that `buildcast run --local` is seen as well.

## Who gets in

On loopback without tokens this machine's owner is served: other sites' pages and rebound names are refused. Any other
address needs tokens and TLS, else `buildcast api` ends with exit code 2 and says what to set.

    buildcast api --new-token ann --role write --tokens tokens.jsonl     # prints it once; the file keeps its hash
    curl -H "Authorization: Bearer TOKEN" http://127.0.0.1:8640/api/v1/runs

Roles: `read` looks, `write` also changes, `admin` also sees the audit trail. A line taken out of the file shuts its
token out at once. Every call that changes anything stands in the audit trail with its principal.

## How it answers

Times are seconds since the epoch in UTC, ratios 0 to 1. Lists are pages, newest first: pass `next` of one page as
`after` for the following one. Answers carry an `ETag`; `If-None-Match` gives 304. Errors are
`application/problem+json` with `detail` (what is wrong) and `remedy` (what to do). Too many requests: 429 with
`Retry-After`. Headers or bodies that are too large: 413.

A forecast is served from memory for five minutes, then from the database: `served_from` and `X-Cache` say which, `Age`
how old it is, `/api/v1/status` and `/metrics` (Prometheus; asks for a token as the API does) count hits and misses.

`/api/v1/stream` sends server-sent events: `forecast`, `alert-raised`, `alert-resolved`, `run-started`, `run-finished`,
`anomaly`, `model`, `label-revised`, `alert-acknowledged`, `alert-muted`, and `reset`: messages were lost, ask again for
what you show. `Last-Event-ID` goes on where a reader was. A reader that does not read loses its own messages only, and
its connection after a while.

## Operations

| | | role |
|---|---|---|
"""
_CLIENT = """
## CI systems

Webhooks come to `buildcast api` at the address above, or to `buildcast ci receive` at `/github`, `/gitlab`, `/jenkins`
and `/generic`: a small process with nothing behind it but a spool. A delivery is on this host's disk before it is
answered with 202; a broker that is away is waited for. 401 is not proved, 413 too large, 422 no body of that provider;
503 asks the sender to come again. Secrets are settings, in [configuration.md](configuration.md).

| sender | set there | proof |
|---|---|---|
| GitHub | webhook, content type JSON, events *Workflow jobs* and *Workflow runs* | HMAC-SHA256 of the body |
| GitLab | webhook, *Job events* and *Pipeline events* | the secret token |
| Jenkins | Notification plugin, JSON, HTTP, all events: `https://jenkins:SECRET@HOST/jenkins` | that password |
| yours | one event a request, CloudEvents JSON (docs/events.md) | HMAC-SHA256 of `timestamp.body`, at most 5 min old |

`buildcast ci pull github OWNER/REPO` and `buildcast ci pull gitlab PROJECT` read the same from the REST API: to start
with history, where no webhook can reach you, or beside webhooks for what they lost (ids are the same, so nothing counts
twice). They ask by tag, keep to the rate that the server tells, and go on from where the last pull stopped; `--every
300` keeps pulling, as the units `buildcast-pull-github@` and `buildcast-pull-gitlab@` do. GitHub lists a re-run where
its run began, so each pull looks `--days` (7) back; what is run again later than that only a webhook tells.

## Python client

    from buildcast.client import MLEngine

    engine = MLEngine("http://127.0.0.1:8640", token="...")        # or BUILDCAST_TOKEN
    engine.get_real_time_prediction(build_id, kind="all")   # overall_risk, risk_level, predictions, recommendations
    engine.get_ensemble_prediction({"project": "lfs", "name": "gcc-pass1", "parallelism": 4})
    engine.trigger_adaptive_training()
    engine.get_performance_analysis(build_id)               # held_back, advice, checked, stages, risk_changes

`predictions` holds `failure_risk`, `anomaly_detected` and `advanced_prediction`; `kind` is `all`, `failure`, `anomaly`
or `advanced`. Risk levels: low, medium from 0.3, high from 0.6, critical from 0.8. Features are fields of `Run`
(docs/events.md); other numbers are attributes. `Unavailable` means try again, `Rejected` and `ConfigError` say what to
change. `examples/` holds scripts that the tests run.

## Notifications

`buildcast notify` reads `alerts.v1` and tells people: a signed webhook, mail, anything Slack-compatible. An alert is
told once. A source with too many alerts an hour is silenced for an hour, which is said once; in quiet hours and above
the rate only critical alerts pass, and the others come together afterwards. Mutes of the page hold for a run's name.
With a database, alerts have a budget: a source of which at least 5 alerts of the last 30 days were scored, and whose
wrong ones cost more of people's minutes than its right ones saved, is told of critical ones only, which is said once a
day. `GET /alerts/budget` weighs all together, and names the risk from which an alert is worth its cost.
The webhook is signed as in Standard Webhooks 1.0 (`examples/receive_webhook.py` checks it). Plain consumers need
nothing of ours: `examples/consume_alerts.py`, or

    kcat -b BOOTSTRAP -t alerts.v1 -C -o end -u -f '%s\\n' |
      jq --unbuffered 'select(.type | contains("alert.raised")).data.customData | {name, risk, reasons}'
"""


def markdown() -> str:
    """The whole page."""
    settings = _settings("API", ApiSettings) + _settings("Notify", NotifySettings)
    return _HEAD + "".join(_operations()) + _CLIENT + settings


def _operations() -> list[str]:
    app = create_app(ApiSettings(), connect("sqlite+aiosqlite:///:memory:"), JournalLog(Path()))
    return [
        f"| `{method.upper()} {path.removeprefix('/api/v1')}` | {one['summary']} | {_role(one, method, path)} |\n"
        for path, methods in app.openapi()["paths"].items()
        for method, one in methods.items()
    ]


def _role(one: dict[str, Any], method: str, path: str) -> str:
    if "security" not in one:
        return "the provider's signature" if "webhooks" in path else "none"
    if path.endswith("/audit"):
        return "admin"
    return "read" if method == "get" or path.endswith("/ensemble") else "write"


def _settings(title: str, kind: type[ApiSettings | NotifySettings]) -> str:
    rows = [f"\n## {title}: settings\n\n| variable | default | |\n|---|---|---|\n"]
    for name, field in kind.model_fields.items():
        shown = "" if "Secret" in str(field.annotation) or field.default is None else f"`{field.default}`"
        rows.append(f"| `BUILDCAST_{name.upper()}` | {shown if shown != '``' else ''} | {field.description or ''} |\n")
    return "".join(rows)


if __name__ == "__main__":
    print(markdown(), end="")
