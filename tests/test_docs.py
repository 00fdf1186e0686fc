"""Pages say what is there: commands, make targets, links, settings, metrics. As a module it writes the metrics."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from agents.metrics import METRICS
from agents.rights import OPERATOR, ROLES
from buildcast.__main__ import COMMANDS
from buildcast.commands.check_config import kinds
from streams.settings import Settings

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
KINDS: tuple[type[Settings], ...] = tuple(kinds())
_HEAD = "| metric | kind | labels | meaning |\n|---|---|---|---|\n"


def default_of(field: FieldInfo) -> str:
    """A setting's default as pages write it."""
    value = field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, bool):
        value = str(value).lower()
    return f"`{value}`" if value not in (None, "", []) else "none"


def metrics_table() -> str:
    """Every metric as a row."""
    return _HEAD + "\n".join(
        f"| `{one.name}` | {one.kind} | {', '.join(f'`{label}`' for label in one.labels) or 'none'} | {one.meaning} |"
        for one in METRICS
    )


def rights_table() -> str:
    """Every role as a row."""
    rows = [
        f"| `{role.user}` | {role.meaning} | {_named(role.reads)} | {_named(role.writes)} | "
        f"{f'`{role.user}*`' if role.has_group else 'none'} |"
        for role in ROLES.values()
    ]
    return "\n".join([*rows, f"| `{OPERATOR.user}` | {OPERATOR.meaning} | all | all | all |"])


def _named(topics: tuple[str, ...]) -> str:
    return ", ".join(f"`{topic}`" for topic in topics) or "none"


def _code(page: Path) -> str:
    """What a page sets as code: fenced blocks and spans."""
    text = page.read_text(encoding="utf-8")
    fenced = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    return "\n".join([*fenced, *spans])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_named_are_there(page: Path) -> None:
    named = re.findall(r"^(?:\$ )?(?:\S*/)?buildcast ([a-z][a-z-]+)", _code(page), re.MULTILINE)
    assert sorted(set(named) - set(COMMANDS)) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_named_are_there(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = re.findall(r"^(?:\$ )?make ([a-z][a-z-]+)", _code(page), re.MULTILINE)
    assert sorted(set(named) - targets) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [one for one in links if "://" not in one and not (page.parent / one).exists()] == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_setting_stands_with_its_default(kind: type[Settings]) -> None:
    text = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    wanted = [f"| `{name}` | {default_of(field)} | " for name, field in kind.model_fields.items()]
    assert [row for row in wanted if row not in text] == []


def test_settings_that_are_gone_are_gone_from_the_page() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \|", (ROOT / "docs/configuration.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(set(rows) - {name for kind in KINDS for name in kind.model_fields}) == []


def test_the_metrics_page_is_the_table() -> None:
    assert (ROOT / "docs/metrics.md").read_text(encoding="utf-8").endswith(metrics_table() + "\n")


def test_every_metric_is_set_somewhere() -> None:
    folders = ("agents", "buildcast", "collectors")
    sources = [path for one in folders for path in (ROOT / one).rglob("*.py") if path.name != "metrics.py"]
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    assert [one.name for one in METRICS if f'"{one.name}"' not in code] == []


def test_the_rights_on_the_broker_are_the_table() -> None:
    assert rights_table() in (ROOT / "docs/operations.md").read_text(encoding="utf-8")


def test_every_alert_has_its_remedy() -> None:
    rules = (ROOT / "deploy/prometheus/rules/alerts.yml").read_text(encoding="utf-8")
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    assert [name for name in re.findall(r"alert: (\w+)", rules) if f"| `{name}` |" not in text] == []


if __name__ == "__main__":
    page = ROOT / "docs/metrics.md"
    page.write_text(page.read_text(encoding="utf-8").split(_HEAD)[0] + metrics_table() + "\n", encoding="utf-8")
