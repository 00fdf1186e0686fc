"""The history fold: bounded, counted, and only ever of what was folded before."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.features import Schema
from models.history.fold import PRIOR_SCHEMA, History, HistoryLimits
from models.history.table import Table
from streams.events import Run
from tests.builders import T0, run

SMALL = HistoryLimits(projects=3, keys=4, contexts=20, commits=3, flights=3)


def _value(history: History, name: str, each: Run, now: float = T0 + 1000, host: str = "") -> float:
    return history.describe(each, now, host).values[PRIOR_SCHEMA.names.index(name)]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.booleans(), st.booleans()), max_size=60))
@settings(max_examples=40)
def test_any_story_keeps_every_table_within_its_limit_and_every_feature_finite(
    story: list[tuple[int, int, bool, bool]],
) -> None:
    history = History(SMALL)
    for number, (project, branch, broken, ended) in enumerate(story):
        each = run(f"r{number}", project=f"p{project}", branch=f"b{branch}", commit=f"c{branch}", author="ann")
        now = T0 + 60.0 * number
        prior = history.describe(each, now, "h")
        history.open(each, now, "h")
        assert all(abs(value) < 1e6 for value in prior.values)
        if ended:
            history.close(each)
            history.learn(each, float(broken), now + 30, False, 30.0, "h")
            history.learn_contexts(prior.keys, float(broken))
    assert len(history.projects) <= 3
    assert all(len(table) <= 4 for table in history.scopes.values())
    assert len(history.contexts) <= 20
    assert len(history.commits) <= 3
    assert len(history.flights) <= 3


def test_what_is_forgotten_is_counted_and_starts_anew() -> None:
    history = History(SMALL)
    for number in range(5):
        history.learn(run(f"r{number}", project=f"p{number}"), 1.0, T0 + number, False, 10.0)
    assert history.projects.evicted == 2
    assert history.evicted() >= 2
    assert _value(history, "project_outcomes", run("x", project="p0")) == 0.0
    assert _value(history, "project_outcomes", run("x", project="p4")) > 0.0


def test_full_table_forgets_a_batch_of_the_longest_unused() -> None:
    table = Table[int](10, batch=3)
    for number in range(10):
        table.keep(str(number), number)
    table.keep("0", 0)
    table.keep("new", 1)
    assert (table.evicted, list(table.entries)) == (3, ["4", "5", "6", "7", "8", "9", "0", "new"])


def test_runs_in_flight_are_seen_and_land_once() -> None:
    history, first = History(), run("first")
    history.open(first, T0)
    assert _value(history, "project_running", run("x")) > 0.0
    history.close(first)
    history.close(first)
    assert history.counts["closed_unopened"] == 1
    assert _value(history, "project_running", run("x")) == 0.0


def test_flight_that_never_lands_is_given_up_and_counted() -> None:
    history = History()
    history.open(run("lost"), T0)
    history.open(run("next"), T0 + 3 * 86_400.0)
    assert history.counts["given_up"] == 1
    assert list(history.flights.entries) == ["next"]


@pytest.mark.parametrize(
    ("feature", "changes", "host"),
    [
        ("branch_rate_8", {}, ""),
        ("project_rate_3", {}, ""),
        ("pull_request_rate_8", {"pull_request": "#7"}, ""),
        ("package_rate_8", {"name": "glibc"}, ""),
        ("author_rate_8", {"author": "ann"}, ""),
        ("host_rate_8", {}, "h1"),
    ],
)
def test_failures_raise_the_rate_of_each_key_they_belong_to(feature: str, changes: dict[str, str], host: str) -> None:
    history, each = History(), run("r", **changes)
    before = _value(history, feature, each, host=host)
    for number in range(6):
        sound = run(f"o{number}", name="other", project="elsewhere", branch="main")
        history.learn(sound, 0.0, T0, False, 10.0, "h2")
        history.learn(each, 1.0, T0, False, 10.0, host)
    assert _value(history, feature, each, host=host) > before


def test_restart_of_an_old_build_number_is_seen() -> None:
    history = History()
    history.open(run("a", build_number=9), T0)
    assert _value(history, "restart", run("b", build_number=9)) == 1.0
    assert _value(history, "restart", run("b", build_number=10)) == 0.0


def test_commit_built_before_brings_its_last_outcome() -> None:
    history, each = History(), run("a", commit="c1")
    history.open(each, T0)
    history.learn(each, 1.0, T0 + 10, False, 10.0)
    again = msgspec.structs.replace(each, run_id="b")
    assert _value(history, "commit_last", again) == 1.0
    assert _value(history, "commit_last", msgspec.structs.replace(again, commit="c2")) == 0.0


def test_attributes_beyond_the_last_column_are_left_out_and_counted() -> None:
    history = History()
    history.open(run("a", attributes={f"n{i}": float(i) for i in range(30)}), T0)
    assert history.attributes.left_out == 6
    assert len(history.describe(run("b", attributes={"n1": float("nan")}), T0 + 1).values) == len(PRIOR_SCHEMA)


def test_schema_names_its_features_uniquely() -> None:
    assert isinstance(PRIOR_SCHEMA, Schema)
    assert len(set(PRIOR_SCHEMA.names)) == len(PRIOR_SCHEMA)
