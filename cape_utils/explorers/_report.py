"""Reports inside the apps: a diagnosis in words with its sections folded, and a link that saves a report of it."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Sequence

from cape_utils.diagnosis.advice import Advice
from cape_utils.diagnosis.family_diagnosis import Diagnosis
from cape_utils.reports import render
from cape_utils.reports.sections import sections

__all__ = ["SETTLE_S", "WRITERS", "folded", "save_link"]

SETTLE_S = 0.6
"""Seconds without a change after which a diagnosis begins; a chart does not wait for it."""

Writer = Callable[[Sequence[Diagnosis], Sequence[Sequence[Advice]] | None], str]

WRITERS: dict[str, tuple[str, str, Writer]] = {
    "md": ("Markdown", "text/markdown", render.as_markdown),
    "html": ("HTML with charts", "text/html", render.as_html),
    "json": ("JSON", "application/json", render.as_json),
}
"""By the end of the file's name: what readers call it, its media type, and what writes it."""


def save_link(stem: str, suffix: str, found: Sequence[Diagnosis], advice: Sequence[Sequence[Advice]]) -> str:
    """Write a report, and return the link that holds it and saves it, with its size.

    Parameters
    ----------
    stem : str
        Name of the file.
    suffix : {"md", "html", "json"}
    found : sequence of Diagnosis
    advice : sequence of sequence of Advice
        Of each.
    """
    _, kind, writer = WRITERS[suffix]
    text = writer(found, advice).encode("utf-8")
    size = f"{len(text) / 1e6:.1f} MB" if len(text) > 1e5 else f"{len(text) / 1e3:.0f} kB"
    file = html.escape(f"{stem}.{suffix}")
    href = f"data:{kind};charset=utf-8;base64,{base64.b64encode(text).decode('ascii')}"
    return f'<a download="{file}" href="{href}">Save {file}</a> ({size})'


def folded(found: Diagnosis, advice: Sequence[Advice]) -> str:
    """A diagnosis as HTML: the first section stands open, the rest behind their titles."""
    first, *rest = sections(found, advice)
    parts = [render.block_html(block) for block in first.blocks]
    for section in rest:
        body = "".join(render.block_html(block) for block in section.blocks)
        parts.append(f"<details><summary><b>{html.escape(section.title)}</b></summary>{body}</details>")
    return "".join(parts)
