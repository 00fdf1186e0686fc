"""Facts for tests: one sensible event of every kind, to be varied by keyword."""

from __future__ import annotations

from typing import Any

from streams import events

HOST = "host-1"
T0 = 1_760_000_000.0


def run(run_id: str = "run-1", **changes: Any) -> events.Run:
    """A run known by its start."""
    given: dict[str, Any] = {
        "run_id": run_id, "name": "gcc-pass1", "project": "lfs", "branch": "main", "commit": "a1b2c3",
        "parallelism": 4, "cpu_model": "EPYC", "cpu_count": 4, "memory_bytes": 16 * 2**30,
    }  # fmt: skip
    return events.Run(**(given | changes))


def started(run_id: str = "run-1", at: float = T0, host: str = HOST, **changes: Any) -> events.RunStarted:
    """A run's start."""
    return events.RunStarted(
        id=f"{run_id}-started", source=f"/hosts/{host}", time=at, host=host, run=run(run_id, **changes)
    )


def signal(
    run_id: str = "run-1", at: float = T0 + 10, number: int = 1, host: str = HOST, **changes: Any
) -> events.LogSignal:
    """A compiler's error, unless told otherwise."""
    given: dict[str, Any] = {"error_class": "compile", "stage": "compile", "line": "x.c:1: error: no such thing"}
    return events.LogSignal(
        id=f"{run_id}-signal-{number}", source=f"/hosts/{host}", time=at, host=host, run_id=run_id, **(given | changes)
    )


def finished(
    run_id: str = "run-1", at: float = T0 + 60, outcome: events.Outcome = "success", host: str = HOST, **changes: Any
) -> events.RunFinished:
    """A run's end."""
    given: dict[str, Any] = {"name": "gcc-pass1", "project": "lfs", "started_at": T0, "seconds": max(0.0, at - T0)}
    return events.RunFinished(
        id=f"{run_id}-finished", source=f"/hosts/{host}", time=at, host=host, run_id=run_id, outcome=outcome,
        **(given | changes),
    )  # fmt: skip


def sample(
    run_id: str = "run-1", at: float = T0 + 5, number: int = 1, host: str = HOST, **changes: Any
) -> events.RunSampled:
    """A process tree at work."""
    given: dict[str, Any] = {"cpu_ratio": 1.5, "rss_bytes": 10**8, "processes": 5, "lines": 10}
    return events.RunSampled(
        id=f"{run_id}-sample-{number}", source=f"/hosts/{host}", time=at, host=host, run_id=run_id, **(given | changes)
    )


def one_of_each() -> list[events.Event]:
    """One event of every kind on the wire, with every interesting field set."""
    base: dict[str, Any] = {"source": "/hosts/host-1", "time": T0, "host": HOST}
    reason = events.Reason(text="branch broke 3 of its last 4 runs", logit=1.25, feature="branch_recent")
    interval = events.Interval(point=60.0, lower=40.0, upper=120.0)
    model = events.ModelRef(config="default", offset=42)
    odd = events.RankedMetric(metric="system.cpu.utilization", value=1.0, lower=0.1, upper=0.6, score=7.5, kind="spike")
    prior = events.PriorFeatures(schema="1", values=[0.5, -1.0], keys=["lfs"])
    checkpoint = events.Checkpoint(
        at=T0, elapsed_seconds=0.0, trigger="start", evidence=[0.0], risk=0.2, prior_logit=-1.4, remaining=interval,
        model=model,
    )  # fmt: skip
    return [
        events.RunQueued(id="e-queued", run=run(), **base),
        started(),
        events.StepStarted(id="e-step-started", run_id="run-1", stage="compile", index=1, **base),
        events.StepFinished(id="e-step", run_id="run-1", stage="compile", started_at=T0, seconds=3.5, **base),
        signal(fatal=True),
        sample(top=[events.ProcessSample(name="cc1plus", cpu_ratio=1.0, rss_bytes=5 * 10**7)], progress=0.5,
               pressure={"memory": 0.25}),
        finished(outcome="failure", exit_code=2, error_class="compile"),
        events.PipelineStarted(id="e-pipeline", pipeline_id="p-1", name="lfs", packages=["binutils"], **base),
        events.PipelineFinished(id="e-pipeline-end", pipeline_id="p-1", name="lfs", outcome="success", **base),
        events.ChangeObserved(id="e-change", run_id="run-1", repository="example.org/x", kinds={"source": 2}, **base),
        events.HostSampled(id="e-host", metrics={"system.cpu.utilization": 0.5}, **base),
        events.AnomalyDetected(id="e-anomaly", score=0.97, ranked=[odd], **base),
        events.FindingReported(id="e-finding", check="setuid", severity="high", evidence="/x", remedy="chmod", **base),
        events.ForecastMade(
            id="e-forecast", run_id="run-1", name="gcc-pass1", project="lfs", elapsed_seconds=1.0, trigger="start",
            risk=0.25, risk_lower=0.1, risk_upper=0.5, confidence=0.7, variance=0.01, model=model, remaining=interval,
            reasons=[reason], members={"linear": 0.25}, weights={"linear": 1.0}, anomalies=[odd],
            blame={"change": 1.0}, positions={"build-events.v1": 7},
            counterfactuals=[events.Counterfactual(change="-j2", risk_change=-0.1, lower=-0.2, upper=0.0)], **base,
        ),
        events.AlertRaised(id="e-raised", alert_id="a-1", run_id="run-1", name="gcc-pass1", cause="level",
                           severity="warning", risk=0.9, threshold=0.8, reasons=[reason], links={"log": "/l"}, **base),
        events.AlertResolved(id="e-resolved", alert_id="a-1", run_id="run-1", why="fell", **base),
        events.ImpactForecast(id="e-impact", run_id="run-1", name="gcc-pass1", project="lfs", cause="slow",
                              delay_seconds=600.0, pipeline_id="p-1",
                              delayed=[events.Delayed(kind="queue", name=HOST, delay_seconds=300.0, runs=2)], **base),
        events.RunAnalysed(
            id="e-analysed", run_id="run-1", name="gcc-pass1", project="lfs", seconds=600.0,
            held_back=[events.HeldBack(resource="io", share=0.3, seconds=180.0, text="waited for the disk")],
            advice=[events.Advice(change="jobs=8", text="-j8", saving_seconds=interval)],
            checked=[events.AdviceChecked(change="cache=warm", run_id="run-0", expected=interval, saved_seconds=55.0)],
            **base,
        ),
        events.RunOpened(id="e-opened", run=run(), prior=prior, **base),
        events.ExampleRecorded(id="e-example", run=run(), outcome="failure", started_at=T0, seconds=60.0, prior=prior,
                               checkpoints=[checkpoint], stages={"compile": 50.0}, peak_rss_bytes=10**9, lines=9,
                               **base),
        events.LabelRevised(id="e-revised", run_id="run-1", verdict="flaky", principal="ann", note="again", **base),
        events.TrainingRequested(id="e-asked", training_id="t-1", model="default", principal="ann", **base),
        events.TrainingFinished(id="e-trained", training_id="t-1", model="default", trigger="drift", outcome="success",
                                examples=10, seconds=2.5, metrics={"log_loss": 0.4}, **base),
        events.ModelPromoted(id="e-promoted", model="risk", config="b", at_offset=9, previous="a", principal="trainer",
                             evidence={"lower": 0.01}, definition={"step": 0.05, "members": ["linear"]}, **base),
        events.ModelRolledBack(id="e-back", model="risk", config="a", at_offset=12, reason="worse", **base),
        events.DriftDetected(id="e-drift", detector="adwin", model="risk", at_offset=7, statistic=3.0, before=0.3,
                             after=0.6, **base),
    ]  # fmt: skip
