"""Every fact that flows, as plain frozen values. How they look on the wire is `streams.codec`'s business.

Law of the file: names are past tense, units stand in the name, `time` is seconds since the epoch in UTC, ratios are
0 to 1, ids are made once by whoever saw the fact. Fields are only ever added, with a default, so that old events stay
readable (tests/golden holds one of every kind and version).
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

__all__ = [
    "STOPPED",
    "AbortVerdict",
    "Advice",
    "AdviceChecked",
    "AlertRaised",
    "AlertResolved",
    "AnomalyDetected",
    "BuildEvent",
    "ChangeObserved",
    "Checkpoint",
    "Counterfactual",
    "Delayed",
    "DriftDetected",
    "Event",
    "ExampleRecorded",
    "FindingReported",
    "ForecastMade",
    "HeldBack",
    "HostSampled",
    "ImpactForecast",
    "Interval",
    "LabelRevised",
    "Lineage",
    "LogSignal",
    "ModelPromoted",
    "ModelRef",
    "ModelRolledBack",
    "Outcome",
    "PipelineFinished",
    "PipelineStarted",
    "PriorFeatures",
    "ProcessSample",
    "RankedMetric",
    "Reason",
    "Resource",
    "Run",
    "RunAnalysed",
    "RunFinished",
    "RunOpened",
    "RunQueued",
    "RunSampled",
    "RunStarted",
    "StepFinished",
    "StepStarted",
    "TrainingFinished",
    "TrainingRequested",
]

Outcome: TypeAlias = Literal["success", "failure", "error", "cancel"]
Severity: TypeAlias = Literal["info", "warning", "critical"]
Resource: TypeAlias = Literal["cpu", "memory", "io", "network", "lock-step", "jobs"]

STOPPED = "stopped"
"""Error class of a run that was given up because a forecast said so: what would have become of it is unknown."""


class _Value(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of an event."""


class Run(_Value, frozen=True, kw_only=True):
    """What is known of a run (one package, one CI job) before it starts. Empty text means unknown."""

    run_id: str
    name: str  # the package or job: "binutils-pass1", "integration tests"
    project: str  # what its history is kept by: a repository, a system build
    branch: str = ""
    commit: str = ""
    pull_request: str = ""
    event_type: str = ""  # push, pull_request, cron, api, local ...
    author: str = ""  # hashed unless the site allows more
    language: str = ""
    version: str = ""  # of the package
    build_number: int | None = None  # rises with each new build of the project; a restart keeps its old one
    pipeline_id: str = ""
    job_count: int | None = None  # jobs of the CI build this run stands for
    parallelism: int | None = None  # make -j
    cpu_model: str = ""
    cpu_count: int | None = None
    memory_bytes: int | None = None
    memory_limit_bytes: int | None = None
    disk_free_bytes: int | None = None
    cache_warm: bool | None = None
    command: str = ""  # redacted
    links: dict[str, str] = {}
    attributes: dict[str, float] = {}  # further numbers known before the start, by name


class Interval(_Value, frozen=True, kw_only=True):
    """A forecast in seconds with its 95 % interval."""

    point: float
    lower: float
    upper: float


class Reason(_Value, frozen=True, kw_only=True):
    """One additive part of a score's logit, in a person's words."""

    text: str
    logit: float
    feature: str = ""


class Counterfactual(_Value, frozen=True, kw_only=True):
    """What changing one thing would do to the risk: expected change (negative is better) with its interval."""

    change: str
    risk_change: float
    lower: float
    upper: float
    seconds_change: float | None = None


class RankedMetric(_Value, frozen=True, kw_only=True):
    """One odd host metric: what was seen, what was expected, how odd (robust z), and the shape of the oddity."""

    metric: str
    value: float
    lower: float
    upper: float
    score: float
    kind: Literal["spike", "dip", "level", "silence"]


class ModelRef(_Value, frozen=True, kw_only=True):
    """A model's version: the config it folds with and how many records of `examples.v1` it has folded."""

    config: str
    offset: int


class AbortVerdict(_Value, frozen=True, kw_only=True):
    """That giving the run up now is expected to pay, and how such verdicts fared so far: `trusted` if well enough."""

    expected_gain_seconds: float  # time left if it fails, less what redoing costs if it would have passed
    trusted: bool
    verdicts: int  # scored so far, the newest thousand
    wrong: int  # of these, on runs that passed


class Lineage(_Value, frozen=True, kw_only=True):
    """Where a model version comes from. A model is this config folded by this code over the log before its offset."""

    sha256: str  # of definition, code and River version
    code: str
    river: str
    trigger: str = ""  # of the training that proved it, or `request`
    training_id: str = ""
    seconds: float | None = None  # that training took


class PriorFeatures(_Value, frozen=True, kw_only=True):
    """Features of a run as they were when it was first scored, kept from question to answer.

    `schema` names the ordered feature list the values belong to; `keys` are the history keys of that moment.
    """

    schema: str
    values: list[float]
    keys: list[str] = []


class Checkpoint(_Value, frozen=True, kw_only=True):
    """One served forecast of a run with the in-run evidence it was made from."""

    at: float
    elapsed_seconds: float
    trigger: str
    evidence: list[float]
    risk: float
    prior_logit: float
    remaining: Interval | None = None
    model: ModelRef
    stage: str = ""


class ProcessSample(_Value, frozen=True, kw_only=True):
    """One of a run's busiest processes."""

    name: str
    cpu_ratio: float
    rss_bytes: int


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What all events share. `source` + `id` is the dedupe key (CloudEvents 1.0)."""

    id: str
    source: str
    time: float
    host: str = ""


class RunQueued(Event, frozen=True, kw_only=True):
    run: Run


class RunStarted(Event, frozen=True, kw_only=True):
    run: Run
    queued_seconds: float | None = None


class StepStarted(Event, frozen=True, kw_only=True):
    """A run entered a stage: unpack, configure, compile, link, test, install, or a CI step's name."""

    run_id: str
    stage: str
    index: int = 0


class StepFinished(Event, frozen=True, kw_only=True):
    run_id: str
    stage: str
    started_at: float
    seconds: float
    index: int = 0


class LogSignal(Event, frozen=True, kw_only=True):
    """A line (or silence) that says something: `error_class` is one of collectors.signals' classes."""

    run_id: str
    error_class: str
    stage: str = ""
    line: str = ""  # redacted, at most 300 characters
    count: int = 1  # how many like it since the last signal of this class
    fatal: bool = False  # the tool that printed it has given up


class RunSampled(Event, frozen=True, kw_only=True):
    """The run's process tree at one moment. `lines` counts output lines so far, `silent_seconds` since the last one."""

    run_id: str
    cpu_ratio: float  # of one core
    rss_bytes: int
    read_bytes: int = 0
    write_bytes: int = 0
    processes: int = 0
    top: list[ProcessSample] = []
    lines: int = 0
    silent_seconds: float = 0.0
    progress: float | None = None  # 0 to 1 where the build tool prints it ([3/10], [ 12%])
    memory_available_bytes: int | None = None
    memory_limit_bytes: int | None = None
    disk_free_bytes: int | None = None
    oom_kills: int | None = None
    pressure: dict[str, float] = {}  # PSI some avg10 by resource, 0 to 1
    elapsed_seconds: float | None = None  # since the run's start


class RunFinished(Event, frozen=True, kw_only=True):
    run_id: str
    name: str
    project: str
    outcome: Outcome
    started_at: float
    seconds: float
    exit_code: int | None = None
    error_class: str = ""
    timed_out: bool = False
    pipeline_id: str = ""
    disk_used_bytes: int | None = None  # the most it needed while building, where measured
    lines: int | None = None  # of output in all, where counted


class PipelineStarted(Event, frozen=True, kw_only=True):
    pipeline_id: str
    name: str
    project: str = ""
    packages: list[str] = []  # in build order, where known


class PipelineFinished(Event, frozen=True, kw_only=True):
    pipeline_id: str
    name: str
    outcome: Outcome
    project: str = ""
    seconds: float | None = None


class ChangeObserved(Event, frozen=True, kw_only=True):
    """The git state a run builds from."""

    run_id: str
    repository: str  # address without user info, or a path's hash
    commit: str = ""
    branch: str = ""
    dirty: bool = False
    files: int = 0
    insertions: int = 0
    deletions: int = 0
    kinds: dict[str, int] = {}  # files by kind: source, test, docs, build, other
    author: str = ""  # hashed
    message_kind: str = ""  # merge, revert, fix, feature, bump, docs, other
    submodules: int = 0
    since_good_commits: int | None = None
    hot_paths: list[str] = []  # directories changed, at most 20


class HostSampled(Event, frozen=True, kw_only=True):
    """A host's metrics by OpenTelemetry name (`system.cpu.utilization`, `system.pressure.cpu` ...)."""

    metrics: dict[str, float]


class AnomalyDetected(Event, frozen=True, kw_only=True):
    """A host behaves unlike itself: how odd (0 to 1), and which metrics, oddest first."""

    score: float
    ranked: list[RankedMetric]


class FindingReported(Event, frozen=True, kw_only=True):
    """A security check or vulnerability match: what, how bad, the evidence, what to do."""

    check: str
    severity: str  # low, medium, high, critical
    evidence: str
    remedy: str
    run_id: str = ""
    package: str = ""
    cleared: bool = False
    subject: str = ""  # a file, a port, a user: with the check it names the finding from scan to scan


class ForecastMade(Event, frozen=True, kw_only=True):
    """What was forecast for a run at a moment, why, and from which model. `positions` are the offsets consumed."""

    run_id: str
    name: str
    project: str
    elapsed_seconds: float
    trigger: str  # start, stage, signal, resource, elapsed, change, finished
    risk: float
    risk_lower: float
    risk_upper: float
    confidence: float
    variance: float
    model: ModelRef
    remaining: Interval | None = None
    anomaly_score: float = 0.0
    anomalies: list[RankedMetric] = []
    stage: str = ""
    base_logit: float = 0.0  # base + sum of the reasons' logits = logit(risk)
    reasons: list[Reason] = []
    members: dict[str, float] = {}
    weights: dict[str, float] = {}
    blame: dict[str, float] = {}  # change, package, host: shares that sum to 1
    counterfactuals: list[Counterfactual] = []
    positions: dict[str, int] = {}
    abort: AbortVerdict | None = None  # in shadow: nothing acts on it unless a run was started to be given up


class Delayed(_Value, frozen=True, kw_only=True):
    """Who is held up: a later package or job, a host that is kept busy, or the runs that wait for a host."""

    kind: Literal["package", "host", "queue"]
    name: str
    delay_seconds: float  # expected, of each
    runs: int = 1  # how many are


class ImpactForecast(Event, frozen=True, kw_only=True):
    """Whom a run is expected to hold up: it failed, will probably fail, or takes longer than was expected."""

    run_id: str
    name: str
    project: str
    cause: Literal["failed", "failing", "slow"]
    delay_seconds: float  # of the run itself: expected lateness, or doing it again
    delayed: list[Delayed]
    pipeline_id: str = ""


class HeldBack(_Value, frozen=True, kw_only=True):
    """What kept a run from being faster: its seconds, and their share of the time the run was watched."""

    resource: Resource
    share: float
    seconds: float
    text: str


class Advice(_Value, frozen=True, kw_only=True):
    """A change expected to save time; `change` is `jobs=8`, `host=x`, `cache=warm`, `memory=more` or `disk=memory`."""

    change: str
    text: str
    saving_seconds: Interval


class AdviceChecked(_Value, frozen=True, kw_only=True):
    """An advice that this run followed: what was expected, and what it took less than the run that got the advice."""

    change: str
    run_id: str  # of the run that got the advice
    expected: Interval
    saved_seconds: float


class RunAnalysed(Event, frozen=True, kw_only=True):
    """Where a run's time went, what would save some, and whether earlier advice kept its word."""

    run_id: str
    name: str
    project: str
    seconds: float
    held_back: list[HeldBack] = []
    advice: list[Advice] = []
    checked: list[AdviceChecked] = []


class AlertRaised(Event, frozen=True, kw_only=True):
    alert_id: str
    run_id: str
    name: str
    cause: str  # level, slope
    severity: Severity
    risk: float
    threshold: float
    reasons: list[Reason] = []
    links: dict[str, str] = {}
    remaining: Interval | None = None


class AlertResolved(Event, frozen=True, kw_only=True):
    alert_id: str
    run_id: str
    why: str  # fell, finished-success, finished-failure


class RunOpened(Event, frozen=True, kw_only=True):
    """A run has started, for the fold: what makes runs in flight and time since the last start one truth for all."""

    run: Run
    prior: PriorFeatures | None = None


class ExampleRecorded(Event, frozen=True, kw_only=True):
    """A finished run with its features as they were when it was scored. `time` is when the outcome became known."""

    run: Run
    outcome: Outcome
    started_at: float
    seconds: float | None = None
    error_class: str = ""
    prior: PriorFeatures | None = None
    checkpoints: list[Checkpoint] = []
    stages: dict[str, float] = {}  # seconds spent by stage
    peak_rss_bytes: int | None = None
    lines: int | None = None
    longest_silence_seconds: float | None = None
    errors: dict[str, int] = {}  # log signals by class
    disk_used_bytes: int | None = None
    use: dict[str, float] = {}  # seconds of the run by what it did or waited for (models.use)
    pace: list[tuple[int, float]] = []  # lines printed, and seconds since the start, while it ran (models.pace)


class LabelRevised(Event, frozen=True, kw_only=True):
    """A person or rule restates a run's label: real (1 broken / 0 fine), flaky or infrastructure."""

    run_id: str
    verdict: Literal["failure", "success", "flaky", "infrastructure"]
    principal: str = ""
    note: str = ""
    before: str = ""  # the outcome or verdict that it restates, where known


class TrainingRequested(Event, frozen=True, kw_only=True):
    training_id: str
    model: str = ""
    trigger: str = "request"
    principal: str = ""


class TrainingFinished(Event, frozen=True, kw_only=True):
    training_id: str
    model: str
    trigger: str
    outcome: Outcome
    examples: int
    seconds: float
    metrics: dict[str, float] = {}
    detail: str = ""
    principal: str = ""  # who cancelled it


class ModelPromoted(Event, frozen=True, kw_only=True):
    """From examples offset `at_offset` on, `config` is champion. `definition` is the whole config."""

    model: str
    config: str
    at_offset: int
    previous: str = ""
    principal: str = ""
    evidence: dict[str, float] = {}
    definition: dict[str, float | str | bool | int | list[str]] = {}
    lineage: Lineage | None = None


class ModelRolledBack(Event, frozen=True, kw_only=True):
    model: str
    config: str
    at_offset: int
    previous: str = ""
    principal: str = ""
    reason: str = ""
    lineage: Lineage | None = None


class DriftDetected(Event, frozen=True, kw_only=True):
    detector: str
    model: str
    at_offset: int
    statistic: float
    before: float
    after: float


BuildEvent: TypeAlias = (
    RunQueued
    | RunStarted
    | StepStarted
    | StepFinished
    | LogSignal
    | RunSampled
    | RunFinished
    | PipelineStarted
    | PipelineFinished
    | ChangeObserved
    | HostSampled
    | FindingReported
)
