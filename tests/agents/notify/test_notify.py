"""Alerts become few, signed, retried notices; real receivers on loopback take them."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import json
import socketserver
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agents.notify.budget import Costs, budget
from agents.notify.channels import Mail, Slack, Webhook, signature
from agents.notify.notice import held_notice, notice_of, silence_notice
from agents.notify.notifier import Notifier
from agents.notify.policy import NoticePolicy, NoticeState
from agents.notify.process import channels_of, overspent
from agents.notify.settings import NotifySettings, costs_of, policy_of
from agents.store.database import connect, migrate
from agents.store.reads import Reads
from streams import events
from streams.errors import ConfigError, Rejected, Unavailable
from tests.agents.api.scenes import store_events
from tests.builders import T0, run


def alert(number: int = 1, name: str = "gcc", severity: events.Severity = "warning") -> events.AlertRaised:
    """An alert with a reason."""
    return events.AlertRaised(
        id=f"raised-{number}", source="/core", time=T0, host="host-1", alert_id=f"alert-{number}", run_id="run 1",
        name=name, cause="level", severity=severity, risk=0.9, threshold=0.8,
        reasons=[events.Reason(text="4 <compile> errors", logit=1.0)],
        remaining=events.Interval(point=60.0, lower=40.0, upper=90.0),
    )  # fmt: skip


class _Receiver(http.server.ThreadingHTTPServer):
    """Keeps what it gets; answers the given statuses, then 200."""

    def __init__(self, statuses: list[int]) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.statuses = statuses
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append((dict(self.headers), body))
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


@pytest.fixture
def receiver() -> Iterator[_Receiver]:
    with _Receiver([]) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _notifier(receiver: _Receiver, **policy: Any) -> Notifier:
    hook = Webhook(receiver.url, "secret", lambda: T0)
    return Notifier(NoticeState(NoticePolicy(**policy)), [hook], "http://page", attempts=3, first_wait_seconds=0.001)


async def test_webhook_is_signed_and_tells_reason_action_and_link(receiver: _Receiver) -> None:
    await _notifier(receiver).take(alert(), T0)
    ((headers, body),) = receiver.got
    assert headers["webhook-signature"] == signature("secret", "notice-alert-1", str(int(T0)), body)
    told = json.loads(body)
    assert told["title"] == "gcc: 90% risk of failure on host-1"
    assert told["lines"][0] == "because: 4 <compile> errors"
    assert told["lines"][-1].startswith("to do:")
    assert told["link"] == "http://page/runs/run%201"


async def test_same_alert_is_told_once(receiver: _Receiver) -> None:
    notifier = _notifier(receiver)
    for _ in range(3):
        await notifier.take(alert(), T0)
    assert len(receiver.got) == 1
    assert notifier.counts["repeated"] == 2


async def test_receiver_that_fails_is_tried_again(receiver: _Receiver) -> None:
    receiver.statuses = [503, 429]
    notifier = _notifier(receiver)
    await notifier.take(alert(), T0)
    assert len(receiver.got) == 3
    assert notifier.counts["sent:webhook"] == 1
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1


@pytest.mark.parametrize("statuses", [[500, 500, 500], [404], [302]])
async def test_notice_that_cannot_be_delivered_is_counted(receiver: _Receiver, statuses: list[int]) -> None:
    receiver.statuses = list(statuses)
    notifier = _notifier(receiver)
    await notifier.take(alert(), T0)
    assert len(receiver.got) == len(statuses)
    assert notifier.counts["lost:webhook"] == 1


async def test_noisy_source_is_silenced_and_says_so(receiver: _Receiver) -> None:
    notifier = _notifier(receiver, source_per_hour=2)
    for number in range(6):
        await notifier.take(alert(number), T0 + number)
    await notifier.take(alert(50, name="glibc"), T0 + 9)
    titles = [json.loads(body)["title"] for _, body in receiver.got]
    assert [title.split(":")[0] for title in titles] == ["gcc", "gcc", "gcc raises too many alerts", "glibc"]
    await notifier.take(alert(51), T0 + 3_700)
    assert len(receiver.got) == 5


async def test_quiet_hours_let_critical_alerts_pass_and_gather_the_others(receiver: _Receiver) -> None:
    night = datetime(2026, 1, 1, 23, 30, tzinfo=UTC).timestamp()
    notifier = _notifier(receiver, quiet=(time(22), time(7)))
    await notifier.take(alert(1), night)
    await notifier.take(alert(2, name="glibc", severity="critical"), night)
    await notifier.release(night)
    assert [json.loads(body)["severity"] for _, body in receiver.got] == ["critical"]
    await notifier.release(night + 8 * 3_600)
    assert json.loads(receiver.got[1][1])["title"] == "1 alert while you were not to be disturbed"


async def test_muted_source_is_not_told(receiver: _Receiver) -> None:
    notifier = _notifier(receiver)

    async def muted(name: str, now: float) -> bool:
        return name == "gcc"

    notifier.is_muted = muted
    await notifier.take(alert(1), T0)
    await notifier.take(alert(2, name="glibc"), T0)
    assert len(receiver.got) == 1


async def test_source_whose_alerts_cost_more_than_they_save_is_told_of_critical_ones_only(
    receiver: _Receiver, tmp_path: Path
) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'buildcast.sqlite'}"
    await migrate(url)
    engine = connect(url)
    await store_events(engine, [one for number in range(5) for one in _wrong_alert(number)])
    notifier = _notifier(receiver)
    notifier.is_overspent = overspent(Reads(engine), costs_of(NotifySettings()))
    for each in (alert(11), alert(12), alert(13, name="glibc"), alert(14, severity="critical")):
        await notifier.take(each, T0 + 600)
    assert not await notifier.is_overspent("gcc", T0 + 40 * 86_400)  # what is long ago counts no more
    await engine.dispose()
    titles = [json.loads(body)["title"] for _, body in receiver.got]
    assert titles[0] == "gcc: its alerts cost more than they save"  # said once
    assert titles[1:] == ["glibc: 90% risk of failure on host-1", "gcc: 90% risk of failure on host-1"]
    assert notifier.counts["overspent"] == 2


async def test_budget_is_not_kept_while_the_database_is_away(tmp_path: Path) -> None:
    engine = connect(f"sqlite+aiosqlite:///{tmp_path / 'none' / 'buildcast.sqlite'}")
    assert not await overspent(Reads(engine), Costs())("gcc", T0)
    await engine.dispose()


def _wrong_alert(number: int) -> list[events.Event]:
    run_id = f"fine-{number}"
    example = events.ExampleRecorded(id=f"x-{number}", source="/core", time=T0 + 60, host="host-1", run=run(run_id),
                                     outcome="success", started_at=T0, seconds=60.0)  # fmt: skip
    return [msgspec.structs.replace(alert(number), run_id=run_id), example]


async def test_above_the_rate_alerts_come_together_later(receiver: _Receiver) -> None:
    notifier = _notifier(receiver, per_hour=2)
    for number in range(5):
        await notifier.take(alert(number, name=f"job-{number}"), T0)
    assert len(receiver.got) == 2
    await notifier.release(T0 + 3_601)
    assert json.loads(receiver.got[2][1])["lines"] == ["job-2: 90%", "job-3: 90%", "job-4: 90%"]


def test_slack_text_is_escaped_and_linked(receiver: _Receiver) -> None:
    Slack(receiver.url).send(notice_of(alert(), "http://page"))
    text = json.loads(receiver.got[0][1])["text"]
    assert "because: 4 &lt;compile&gt; errors" in text
    assert "<http://page/runs/run%201|Look at it>" in text


class _Smtp(socketserver.StreamRequestHandler):
    """Just enough of RFC 5321 to take one message."""

    def handle(self) -> None:
        self.wfile.write(b"220 test\r\n")
        lines: list[bytes] = []
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                while (line := self.rfile.readline()) != b".\r\n":
                    lines.append(line)
                self.server.mail = b"".join(lines)  # type: ignore[attr-defined]
            elif word == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            refused = word == b"RCPT" and b"nobody" in line
            self.wfile.write(b"550 no\r\n" if refused else b"250 ok\r\n")


@pytest.fixture
def smtp() -> Iterator[Any]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Smtp) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_mail_is_sent_with_a_title_that_cannot_smuggle_headers(smtp: Any) -> None:
    mail = Mail("127.0.0.1", smtp.server_address[1], "buildcast@example.org", ("ann@example.org",), starttls=False)
    mail.send(notice_of(alert(name="gcc\r\nBcc: eve@example.org")))
    heads, _, body = smtp.mail.partition(b"\r\n\r\n")
    assert b"\r\nBcc:" not in heads
    assert b"because: 4 <compile> errors" in body


def test_mail_errors_say_who_must_act(smtp: Any) -> None:
    port = smtp.server_address[1]
    with pytest.raises(Rejected, match="refuses"):
        Mail("127.0.0.1", port, "a@example.org", ("nobody@example.org",), starttls=False).send(notice_of(alert()))
    with pytest.raises(Unavailable, match="is away"):
        Mail("127.0.0.1", 9, "a@example.org", ("b@example.org",), starttls=False).send(notice_of(alert()))


def test_settings_say_what_is_missing() -> None:
    with pytest.raises(ConfigError, match="nobody to notify"):
        channels_of(NotifySettings())
    with pytest.raises(ConfigError, match="mail needs"):
        channels_of(NotifySettings(notify_smtp_host="localhost"))
    with pytest.raises(ConfigError, match=r"write it as 22:00-07:00"):
        policy_of(NotifySettings(notify_quiet="late"))
    with pytest.raises(ConfigError, match="is no time zone"):
        policy_of(NotifySettings(notify_timezone="Mars/Olympus"))
    assert policy_of(NotifySettings(notify_quiet="22:00-07:00")).quiet == (time(22), time(7))


def test_notices_bound_what_they_list() -> None:
    assert held_notice([alert(n) for n in range(30)]).lines[-1] == "and 10 more"
    assert "silent for an hour" in silence_notice(alert()).title


def test_budget_weighs_right_and_wrong_alerts() -> None:
    found = budget(["right", "right", "wrong", "pending", "excused"], Costs(wrong_minutes=5, saved_minutes=20))
    assert (found.precision, found.balance_minutes, found.wrong_left) == (pytest.approx(2 / 3), 35.0, 7)
    assert budget([]).precision is None


@pytest.mark.kafka
async def test_alert_on_the_broker_reaches_the_receiver(broker: str, receiver: _Receiver) -> None:
    from aiokafka import AIOKafkaProducer

    from agents.admin import create_topics
    from agents.notify.process import follow
    from streams.codec import encode, headers

    await create_topics(broker)
    notifier = _notifier(receiver)
    following = asyncio.create_task(follow(broker, "notify-test", notifier))
    async with AIOKafkaProducer(bootstrap_servers=broker) as producer:
        number = 0
        while not receiver.got:
            number += 1
            event = alert(number, name=f"job-{number}")
            await producer.send_and_wait("alerts.v1", encode(event), headers=headers(event))
            await producer.send_and_wait("alerts.v1", b"no event")
            await asyncio.sleep(0.1)
    following.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await following
    assert json.loads(receiver.got[0][1])["severity"] == "warning"
