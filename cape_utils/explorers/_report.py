"""A link inside an app that saves the report of what it shows."""

from __future__ import annotations

import base64
import html

from cape_utils.reports.family import FamilyReport
from cape_utils.reports.render import WRITERS

__all__ = ["SETTLE_S", "save_link"]

SETTLE_S = 0.6
"""Seconds without a change after which a diagnosis begins; a chart does not wait for it."""


def save_link(stem: str, suffix: str, report: FamilyReport) -> str:
    """Write a report, and return the link that holds it and saves it, with its size.

    Parameters
    ----------
    stem : str
        Name of the file.
    suffix : {"md", "html", "json"}
    report : FamilyReport
    """
    writer = WRITERS[suffix]
    text = writer.write(report.diagnoses, report.advice).encode("utf-8")
    size = f"{len(text) / 1e6:.1f} MB" if len(text) > 1e5 else f"{len(text) / 1e3:.0f} kB"
    file = html.escape(f"{stem}.{suffix}")
    href = f"data:{writer.media_type};charset=utf-8;base64,{base64.b64encode(text).decode('ascii')}"
    return f'<a download="{file}" href="{href}">Save {file}</a> ({size})'
