"""A small fleet as rows: one build that is failing, one that goes well, finished ones, an alert, an odd host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from agents.store.rows import writes_of
from agents.store.writer import Item, Writer
from streams import events
from tests import builders

__all__ = ["NOW", "fleet", "forecast", "store_events"]

NOW = builders.T0 + 3_600.0
_MEMBERS = {"priors": 0.55, "linear": 0.72, "trees": 0.81, "forest": 0.77}


def forecast(run_id: str, at: float, risk: float, elapsed: float, **changes: Any) -> events.ForecastMade:
    """A forecast with all it can say."""
    left = max(5.0, 300.0 - elapsed * 0.8)
    given: dict[str, Any] = {
        "id": f"{run_id}-f-{elapsed:.0f}", "source": "/buildcast/core", "time": at, "host": builders.HOST,
        "run_id": run_id, "name": "gcc-pass1", "project": "lfs", "elapsed_seconds": elapsed, "trigger": "signal",
        "risk": risk, "risk_lower": max(0.0, risk - 0.12), "risk_upper": min(1.0, risk + 0.08), "confidence": 0.81,
        "variance": 0.01, "stage": "compile", "model": events.ModelRef(config="default", offset=1_204),
        "remaining": events.Interval(point=left, lower=left * 0.7, upper=left * 1.5),
        "reasons": [
            events.Reason(text="4 compile errors in the last minute", logit=1.9, feature="errors"),
            events.Reason(text="branch broke 3 of its last 4 runs", logit=0.8, feature="branch"),
            events.Reason(text="the compiler is the usual one", logit=-0.3, feature="toolchain"),
        ],
        "members": _MEMBERS, "weights": {"priors": 0.1, "linear": 0.25, "trees": 0.4, "forest": 0.25},
        "blame": {"change": 0.7, "package": 0.2, "host": 0.1},
        "counterfactuals": [
            events.Counterfactual(change="-j2 instead of -j8", risk_change=-0.09, lower=-0.15, upper=-0.02,
                                  seconds_change=40.0),
            events.Counterfactual(change="try again", risk_change=-0.01, lower=-0.05, upper=0.03),
        ],
    }  # fmt: skip
    return events.ForecastMade(**(given | changes))


def fleet(now: float = NOW) -> list[events.Event]:
    """Everything the page can show, ending at `now`."""
    base: dict[str, Any] = {"source": "/buildcast/core", "host": builders.HOST}
    out: list[events.Event] = []
    for index in range(24):
        out += _finished(index, now)
    out.append(builders.started("gcc-live", now - 180))
    out.append(builders.started("glibc-live", now - 90, host="host-2", name="glibc"))
    risks = (0.22, 0.2, 0.24, 0.31, 0.3, 0.45, 0.52, 0.66, 0.74, 0.83, 0.88, 0.9)
    for step, risk in enumerate(risks):
        elapsed = step * 15.0
        out.append(forecast("gcc-live", now - 180 + elapsed, risk, elapsed))
    for step in range(6):
        calm = 0.12 - step * 0.01
        out.append(
            forecast(
                "glibc-live",
                now - 90 + step * 15,
                calm,
                step * 15.0,
                name="glibc",
                host="host-2",
                reasons=[events.Reason(text="succeeded in its last 9 runs", logit=-1.4, feature="streak")],
                counterfactuals=[],
            )
        )
    out += _samples("gcc-live", now - 180, 180)
    out += [
        events.StepFinished(
            id="s1", run_id="gcc-live", stage="configure", started_at=now - 178, seconds=40.0, time=now - 138, **base
        ),
        builders.signal("gcc-live", now - 60, line="gcc/tree.cc:112: error: 'x' was not declared in this scope"),
        events.AlertRaised(
            id="gcc-live-raised", alert_id="alert-gcc-live", run_id="gcc-live", name="gcc-pass1", cause="level",
            severity="warning", risk=0.83, threshold=0.8, time=now - 45,
            reasons=[events.Reason(text="4 compile errors in the last minute", logit=1.9)], **base,
        ),
        events.ImpactForecast(
            id="i1", run_id="gcc-live", name="gcc-pass1", project="lfs", cause="failing", delay_seconds=540.0,
            delayed=[events.Delayed(kind="package", name="glibc", delay_seconds=540.0)], time=now - 45, **base,
        ),
        events.RunAnalysed(
            id="an1", run_id="old-01", name="gcc", project="lfs", seconds=300.0, time=now - 80_000,
            held_back=[events.HeldBack(resource="io", share=0.2, seconds=60.0, text="some task waited for the disk")],
            advice=[events.Advice(change="jobs=8", text="-j8, as many as there are cores",
                                  saving_seconds=events.Interval(point=90.0, lower=20.0, upper=140.0))], **base,
        ),
        *_alert("old-20", "failure", now - 29_900),
        *_alert("old-21", "success", now - 26_900),
        *_hosts(now),
        *_models(now),
    ]  # fmt: skip
    return out


def _alert(run_id: str, end: str, at: float) -> list[events.Event]:
    base: dict[str, Any] = {"source": "/buildcast/core", "host": builders.HOST, "alert_id": f"alert-{run_id}"}
    return [
        events.AlertRaised(id=f"{run_id}-raised", run_id=run_id, name="gcc-pass1", cause="level", severity="warning",
                           risk=0.85, threshold=0.8, reasons=[], time=at, **base),
        events.AlertResolved(id=f"{run_id}-resolved", run_id=run_id, why=f"finished-{end}", time=at + 200, **base),
    ]  # fmt: skip


def _finished(index: int, now: float) -> list[events.Event]:
    run_id, at = f"old-{index:02}", now - 90_000 + index * 3_000
    failed = index % 4 == 0
    outcome: events.Outcome = "failure" if failed else "success"
    first = 0.62 if failed else 0.14 + (index % 5) * 0.05
    left = events.Interval(point=290.0, lower=220.0, upper=360.0)
    return [
        builders.started(run_id, at),
        forecast(run_id, at, first, 0.0, remaining=left),
        *_samples(run_id, at, 300),
        builders.finished(run_id, at + 300, outcome, started_at=at, seconds=300.0,
                          error_class="compile" if failed else ""),
        events.ExampleRecorded(
            id=f"{run_id}-example", source="/buildcast/core", time=at + 300, host=builders.HOST,
            run=builders.run(run_id), outcome=outcome, started_at=at, seconds=300.0,
            error_class="compile" if failed else "", peak_rss_bytes=1_310_000_000, lines=4_180,
            use={"watched": 295.0, "cpu": 700.0, "alone": 64.0, "cpu_wait": 21.0, "memory_wait": 0.0, "io_wait": 60.0},
            checkpoints=[
                events.Checkpoint(at=at, elapsed_seconds=0.0, trigger="start", evidence=[0.0], risk=first,
                                  prior_logit=0.0, remaining=left, model=events.ModelRef(config="default", offset=1)),
            ],
        ),
    ]  # fmt: skip


def _samples(run_id: str, start: float, seconds: int) -> list[events.Event]:
    """A build that unpacks, then compiles on several cores in waves, then links with much memory."""
    return [
        builders.sample(
            run_id, start + at, number=at, elapsed_seconds=float(at),
            cpu_ratio=0.4 if at < 20 else 3.1 + (at // 10) % 3 * 0.35 if at < 0.8 * seconds else 1.0,
            rss_bytes=90_000_000 + at * 1_500_000 + (700_000_000 if at >= 0.8 * seconds else 0),
        )
        for at in range(2, seconds, 6)
    ]  # fmt: skip


def _hosts(now: float) -> Sequence[events.Event]:
    usual = {"system.cpu.utilization": 0.62, "system.memory.utilization": 0.41, "system.pressure.io": 0.03}
    odd = [
        events.RankedMetric(metric="system.memory.utilization", value=0.97, lower=0.3, upper=0.6, score=8.2,
                            kind="level"),
        events.RankedMetric(metric="system.pressure.io", value=0.4, lower=0.0, upper=0.05, score=5.1, kind="spike"),
    ]  # fmt: skip
    return [
        events.HostSampled(id="h1", source="/hosts/host-1", time=now - 2, host="host-1",
                           metrics=usual | {"system.memory.utilization": 0.97, "system.pressure.io": 0.4}),
        events.HostSampled(id="h2", source="/hosts/host-2", time=now - 3, host="host-2", metrics=usual),
        events.AnomalyDetected(id="a1", source="/buildcast/core", time=now - 20, host="host-1", score=0.97, ranked=odd),
    ]  # fmt: skip


def _models(now: float) -> Sequence[events.Event]:
    base: dict[str, Any] = {"source": "/trainer", "host": ""}
    return [
        events.ModelPromoted(id="m1", model="risk", config="faster-2", at_offset=900, previous="default",
                             principal="trainer", evidence={"log_loss_advantage_lower": 0.004}, time=now - 7_200,
                             **base),
        events.DriftDetected(id="d1", detector="adwin", model="risk", at_offset=850, statistic=3.0, before=0.31,
                             after=0.44, time=now - 9_000, **base),
        events.TrainingFinished(id="t1", training_id="training-1", model="risk", trigger="drift", outcome="success",
                                examples=900, seconds=12.5, metrics={"log_loss": 0.36}, time=now - 7_300, **base),
        events.FindingReported(id="fi1", check="setuid-in-build-root", severity="high", evidence="/build/tmp/x is 4755",
                               remedy="chmod u-s /build/tmp/x", time=now - 600, source="/hosts/host-1", host="host-1"),
        events.FindingReported(id="fi2", check="CVE-2026-0001", severity="critical", evidence="openssl 3.0.1 < 3.0.9",
                               remedy="build openssl 3.0.9", package="pkg:generic/openssl@3.0.1", time=now - 900,
                               source="/hosts/host-1", host="host-1"),
    ]  # fmt: skip


async def store_events(engine: AsyncEngine, found: Sequence[events.Event]) -> None:
    """Write events as the sink does."""
    refused = await Writer(engine).write([Item(event.id, writes_of(event)) for event in found])
    assert refused == []
