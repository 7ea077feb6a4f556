"""A diagnosis written as text, Markdown, one HTML file with charts, or JSON.

The HTML holds everything that it needs, Vega included, and forbids itself the network. The sentences are those of
``reports.sections``, the pictures those of ``reports.figures``.
"""

from __future__ import annotations

import html
import json
import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cape_utils.charts.rendering import MissingCharts, figure_tools_script, vega_script
from cape_utils.data.visible import visible
from cape_utils.diagnosis.advice import Advice, advise
from cape_utils.diagnosis.family_diagnosis import Diagnosis
from cape_utils.frontier import regression
from cape_utils.jobs.own_files import free_target, write_own
from cape_utils.reports.sections import Block, Bullets, Link, Section, Table, sections

__all__ = [
    "WRITERS",
    "Format",
    "as_html",
    "as_json",
    "as_markdown",
    "as_text",
    "block_html",
    "checked_target",
    "escaped",
    "save",
    "wrap",
]

_WIDTH = 100


def _pairs(
    diagnoses: Sequence[Diagnosis], advice: Sequence[Sequence[Advice]] | None
) -> list[tuple[Diagnosis, Sequence[Advice]]]:
    if not diagnoses:
        raise ValueError("there is no diagnosis to report")
    given = [advise(one) for one in diagnoses] if advice is None else list(advice)
    return list(zip(diagnoses, given, strict=True))


def as_json(diagnoses: Sequence[Diagnosis], advice: Sequence[Sequence[Advice]] | None = None) -> str:
    """Strict JSON: a list with one object for each family, its advice under ``advice``; unknown numbers are null."""
    items = [
        {**one.as_dict(), "advice": [item.as_dict() for item in given]}
        for one, given in _pairs(diagnoses, advice)
    ]
    return visible(json.dumps(items, indent=2, ensure_ascii=False, allow_nan=False), lines=True) + "\n"


def as_text(diagnosis: Diagnosis, advice: Sequence[Advice]) -> str:
    """Text of at most 100 columns, for a terminal; an address is not broken."""
    lines = [wrap(f"Diagnosis of {diagnosis.family}"), ""]
    for section in sections(diagnosis, advice):
        lines += [section.title.upper(), *_text_blocks(section), ""]
    return "\n".join(lines).rstrip() + "\n"


def wrap(words: str, first: str = "", later: str = "") -> str:
    """Text folded to 100 columns, with indents of the first and the later lines."""
    # Names of models and files are not broken, so that they can be copied.
    return textwrap.fill(
        visible(words, lines=True),
        _WIDTH,
        initial_indent=first,
        subsequent_indent=later,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _text_blocks(section: Section) -> list[str]:
    lines = []
    for block in section.blocks:
        if isinstance(block, Bullets):
            lines += [wrap(item, "  - ", "    ") for item in block.items]
        elif isinstance(block, Table):
            columns = list(zip(block.head, *block.rows, strict=True))
            widths = [max(map(len, column)) for column in columns]
            spare = _WIDTH - 2 - sum(widths[1:]) - 2 * (len(widths) - 1)
            widths[0] = max(4, min(widths[0], spare))
            for row in (block.head, *block.rows):
                cells = [
                    visible(row[0])[: widths[0]].ljust(widths[0]),
                    *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)),
                ]
                lines.append(("  " + "  ".join(cells)).rstrip())
        elif isinstance(block, Link):
            lines.append(f"  {block.address}")
        else:
            lines.append(wrap(block, "  ", "  "))
    return lines


def _md(words: str) -> str:
    return re.sub(r"([\\`*\[\]|<>#])", r"\\\1", visible(" ".join(words.split())))


def as_markdown(diagnoses: Sequence[Diagnosis], advice: Sequence[Sequence[Advice]] | None = None) -> str:
    """Markdown with pipe tables, one part for each family."""
    parts = []
    for one, given in _pairs(diagnoses, advice):
        parts.append(f"# Diagnosis of {_md(one.family)}")
        for section in sections(one, given):
            parts.append(f"## {_md(section.title)}")
            for block in section.blocks:
                if isinstance(block, Bullets):
                    parts.append("\n".join(f"- {_md(item)}" for item in block.items))
                elif isinstance(block, Table):
                    rule = "|" + "|".join([":--", *["--:"] * (len(block.head) - 1)]) + "|"
                    rows = ["| " + " | ".join(map(_md, row)) + " |" for row in (block.head, *block.rows)]
                    parts.append("\n".join([rows[0], rule, *rows[1:]]))
                elif isinstance(block, Link):
                    parts.append(f"<{block.address}>" if block.is_page else f"`{block.address}`")
                else:
                    parts.append(_md(block))
    return "\n\n".join(parts) + "\n"


_STYLE = """
:root { color-scheme: light; --ink: #1F2328; --soft: #444B54; --line: #D5DAE0; }
body { font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; color: var(--ink);
  max-width: 54rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .7rem; border-bottom: 1px solid var(--line); text-align: right; }
th:first-child, td:first-child { text-align: left; }
a, code { overflow-wrap: anywhere; } figure { margin: 1.5rem 0; } .cape-title { font-weight: 600; }
figcaption, .cape-alt, footer { color: var(--soft); font-size: .9rem; }
.cape-chart { width: 100%; } .cape-rows { max-height: 20rem; overflow: auto; }
.note { border-left: 4px solid #B57A00; padding: .2rem .8rem; }
"""

_MOUNT = """
for (const figure of document.querySelectorAll("figure.cape-figure")) {
  const spec = JSON.parse(figure.querySelector(".cape-spec").textContent);
  window.vegaEmbed(figure.querySelector(".cape-chart"), spec,
    { mode: "vega-lite", renderer: "svg", bind: figure.querySelector(".cape-controls"), actions: false })
    .then((result) => { window.capeFigureTools(figure, result.view, spec); figure.dataset.mounted = "true"; })
    .catch((error) => { figure.dataset.error = String(error); figure.querySelector(".cape-alt").open = true; });
}
"""

# The page may run what stands in it and load nothing; Vega compiles its expressions, hence 'unsafe-eval'.
_POLICY = "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:"


def as_html(diagnoses: Sequence[Diagnosis], advice: Sequence[Sequence[Advice]] | None = None) -> str:
    """One page that opens from disk without a network; without ``vl-convert-python`` it holds tables and a note."""
    pairs = _pairs(diagnoses, advice)
    try:
        scripts = (vega_script(), figure_tools_script(), _MOUNT)
        script, note = "\n".join(f"<script>{one}</script>" for one in scripts), ""
    except MissingCharts as error:
        script, note = "", f'<p class="note">{escaped(f"Tables only: {error}.")}</p>'
    body = []
    for one, given in pairs:
        body.append(f"<h1>Diagnosis of {escaped(one.family)}</h1>{note}")
        figures = _figures(one) if script else {}
        for section in sections(one, given):
            body.append(f"<h2>{escaped(section.title)}</h2>")
            body += [block_html(block) for block in section.blocks]
            body += figures.get(section.title.partition(":")[0], [])
    name = escaped(", ".join(one.family for one in diagnoses))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Diagnosis of {name}</title>\n<style>{_STYLE}</style></head>\n<body><main>\n"
        + "\n".join(body)
        + "\n</main>\n<footer>Written by cape diagnose; it needs no network.</footer>\n"
        + script
        + "\n</body></html>\n"
    )


def escaped(words: str) -> str:
    """Words as they stand in a page: nothing of them is markup, and control characters are written out."""
    return html.escape(visible(words, lines=True))


def block_html(block: Block) -> str:
    """One paragraph, list, table or link as HTML, every word of it escaped."""
    if isinstance(block, Bullets):
        return "<ul>" + "".join(f"<li>{escaped(item)}</li>" for item in block.items) + "</ul>"
    if isinstance(block, Link):
        shown = escaped(block.address)
        return f'<p><a href="{shown}">{shown}</a></p>' if block.is_page else f"<p><code>{shown}</code></p>"
    if isinstance(block, Table):
        head = "".join(f'<th scope="col">{escaped(cell)}</th>' for cell in block.head)
        rows = "".join(
            "<tr>" + "".join(f"<td>{escaped(cell)}</td>" for cell in row) + "</tr>" for row in block.rows
        )
        return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    return f"<p>{escaped(block)}</p>"


def _figures(diagnosis: Diagnosis) -> dict[str, list[str]]:
    from cape_utils.charts.rendering import figure_html, theme
    from cape_utils.reports.figures import diagnosis_frontier, diagnosis_path, diagnosis_phases

    def figure(chart: Any) -> str:
        spec = chart.to_dict()
        # Styled here and not by a global theme, which another figure of the same session may have set.
        return figure_html({**spec, "config": {**spec.get("config", {}), **theme()["config"]}})

    figures = {
        "In short": [figure(diagnosis_path(diagnosis))],
        "Step by step": [figure(diagnosis_phases(diagnosis))],
    }
    if diagnosis.frontier is not None:
        field, line = regression.h_field(regression.models("all")), regression.fit_line(regression.models())
        figures["Frontier"] = [figure(diagnosis_frontier(diagnosis.frontier, field, line))]
    return figures


@dataclass(frozen=True)
class Format:
    """A format of reports: what readers call it, its media type, and what writes it."""

    title: str
    media_type: str
    write: Callable[[Sequence[Diagnosis], Sequence[Sequence[Advice]] | None], str]


WRITERS: dict[str, Format] = {
    "md": Format("Markdown", "text/markdown", as_markdown),
    "html": Format("HTML with charts", "text/html", as_html),
    "json": Format("JSON", "application/json", as_json),
}
"""By the end of the file's name."""


def checked_target(path: str | Path, *, force: bool = False) -> Path:
    """The path of a report; refused where ``save`` cannot write it."""
    return free_target(path, WRITERS, force=force)


def save(
    path: str | Path,
    diagnoses: Sequence[Diagnosis],
    advice: Sequence[Sequence[Advice]] | None = None,
    *,
    force: bool = False,
) -> Path:
    """Write a report in the format of the file's suffix, whole or not at all.

    Parameters
    ----------
    path : path
        Ending in .md, .html or .json.
    force : bool
        Whether a file of this name may be replaced.

    Raises
    ------
    ValueError
        For another suffix.
    FileExistsError
        If there is such a file and ``force`` is off.
    FileNotFoundError
        If the folder does not exist.
    """
    file = checked_target(path, force=force)
    text = WRITERS[file.suffix.lower()[1:]].write(diagnoses, advice)
    write_own(file, text, force=force)
    return file
