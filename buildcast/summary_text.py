"""A summary drawn for a terminal, as Markdown, or as one HTML page that needs nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from rich import markup
from rich.console import Console
from rich.table import Table

from buildcast.summary import Section

__all__ = ["as_html", "as_markdown", "print_terminal"]

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
    "table{border-collapse:collapse}th,td{text-align:left;padding:.2rem 1rem .2rem 0;border-bottom:1px solid #8886}"
)


def print_terminal(title: str, sections: Sequence[Section], console: Console) -> None:
    """Tables one below the other."""
    console.print(title, style="bold", markup=False, highlight=False)
    for section in sections:
        table = Table(*section.columns, title=section.title, title_justify="left", box=None)
        for row in section.rows:
            table.add_row(*map(markup.escape, row))
        console.print()
        console.print(table)
        if section.note:
            console.print(section.note, markup=False, highlight=False)


def as_markdown(title: str, sections: Sequence[Section]) -> str:
    """GitHub's Markdown."""
    parts = [f"# {title}"]
    for section in sections:
        lines = [f"| {' | '.join(map(_cell, row))} |" for row in (section.columns, *section.rows)]
        lines.insert(1, "|---" * len(section.columns) + "|")
        parts += [f"## {section.title}", "\n".join(lines) if section.rows else "", section.note]
    return "\n\n".join(part for part in parts if part) + "\n"


def as_html(title: str, sections: Sequence[Section]) -> str:
    """A page; everything that comes from outside is escaped."""
    body = "".join(_section(section) for section in sections)
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body><h1>{escape(title)}</h1>{body}</body></html>\n'


def _section(section: Section) -> str:
    head = "".join(f"<th>{escape(each)}</th>" for each in section.columns)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(each)}</td>' for each in row)}</tr>" for row in section.rows)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>" if section.rows else ""
    note = f"<p>{escape(section.note)}</p>" if section.note else ""
    return f"<h2>{escape(section.title)}</h2>{table}{note}"


def _cell(text: str) -> str:
    return escape(text, quote=False).replace("|", "\\|").replace("\n", " ")
