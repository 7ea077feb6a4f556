"""The dashboard alone on a page, and families to hold it to the package with."""

from __future__ import annotations

import functools
import itertools
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.chapters.ch12_dashboard.page import answer as page_answer
from tests.browser import checks
from tests.loading import ROOT, load

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from playwright.sync_api import Browser, Page

BENCHMARKS = list(data.BENCHMARKS)
HS, TQA = "hellaswag", "truthfulqa_mc2"
KILOBYTES = 400
TIMES = 5 if os.environ.get("CAPE_WEEKLY") else 1  # as many random families in the weekly run
DIGITS, SHARES = 1e-9, 1e-6  # how far a number may be from the package's, relative, and a probability
SHELL = """<!doctype html><html lang="en" data-theme="{theme}"><head><meta charset="utf-8"><title>Dashboard</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="book.css"><link rel="stylesheet" href="dashboard.css"><style>
:root {{ --pst-color-text-base: #222832; --pst-color-background: #fff; --pst-color-primary: #0055a4; }}
html[data-theme=dark] {{ --pst-color-text-base: #ced6dd; --pst-color-background: #14181e; --pst-color-primary: #66aaff; }}
body {{ margin: 0; color: var(--pst-color-text-base); background: var(--pst-color-background); font-family: sans-serif; }}
article {{ padding: 1rem; }}</style></head>
<body><main><article class="bd-article"><h1>The dashboard</h1>{mount}</article></main>
<script src="{script}"></script></body></html>"""
EXTENSION = load("book/_ext/cape_dashboard.py")


def write_page(folder: Path, script: str) -> str:
    """The dashboard alone, in both themes, with the book's styles; return the folder's address."""
    for name in ("book.css", "dashboard.css"):
        (folder / name).write_bytes((ROOT / "book/_static" / name).read_bytes())
    (folder / EXTENSION.SCRIPT).write_text(script, encoding="utf-8")
    for theme in ("light", "dark"):
        page = SHELL.format(theme=theme, mount=EXTENSION.MOUNT, script=EXTENSION.SCRIPT)
        (folder / f"{theme}.html").write_text(page, encoding="utf-8")
    return folder.as_uri()


@functools.cache
def panel_families() -> tuple[tuple[pd.DataFrame, str, str], ...]:
    """Every family of either panel, on the paper's pair and on another."""
    cases = []
    for which in ("open", "paper"):
        for rows in ("as_released", "one_recipe"):
            table = data.panel(which, rows=rows)
            for place, (_, part) in enumerate(table.groupby("family")):
                x, y = (
                    (HS, TQA)
                    if rows == "one_recipe"
                    else (BENCHMARKS[place % 5], BENCHMARKS[(place + 2) % 5])
                )
                part = part.reset_index(drop=True)
                part.attrs = {}
                cases.append((part, x, y))
    return tuple(cases)


@functools.cache
def panel_answer(number: int) -> dict[str, Any]:
    """The package's answer to one of ``panel_families``; many faults of the page are held to the same."""
    return package_answer(*panel_families()[number])


def package_answer(table: pd.DataFrame, x: str, y: str) -> dict[str, Any]:
    return page_answer.answer(table[["model", "family", "params_b", *BENCHMARKS]], x, y)


def random_family(rng: np.random.Generator) -> tuple[pd.DataFrame, str, str]:
    """A family with what readers bring: equal scores, falling ones, gaps, 0 and 100, one model, models of the panel."""
    n = int(rng.integers(1, 13))
    sizes = np.round(10 ** rng.uniform(-2, 2.5, n), 3)
    if rng.random() < 0.08:
        sizes[rng.integers(n)] = sizes[0]
    scores = rng.uniform(5, 95, 5) + np.cumsum(rng.normal(rng.uniform(-4, 8), 4, (n, 5)), axis=0)
    scores = np.clip(scores, 0, 100).round(int(rng.integers(0, 4)))
    if rng.random() < 0.3:
        scores[rng.integers(n)] = scores[0]
    if rng.random() < 0.2:
        scores[rng.integers(n), rng.integers(5)] = rng.choice([0.0, 100.0])
    if rng.random() < 0.3:
        scores[rng.random((n, 5)) < 0.2] = np.nan
    if rng.random() < 0.05:
        scores[:, rng.integers(5)] = np.nan
    names = [f"m{i}" for i in range(n)]
    panel = data.panel("open")
    if rng.random() < 0.3:
        row = panel.iloc[int(rng.integers(len(panel)))]
        place = int(rng.integers(n))
        if rng.random() < 0.5:
            names[place] = str(row["model"]).upper()
        else:
            scores[place] = row[BENCHMARKS].astype(float) + 0.01
    family = str(rng.choice(["mine", "it's", 'a "b"', "Pythia"]))
    table = pd.DataFrame({"model": names, "family": family, "params_b": sizes})
    table[BENCHMARKS] = scores
    x, y = (HS, TQA) if rng.random() < 0.4 else rng.choice(BENCHMARKS, 2)
    return table, str(x), str(y)


def plain_models(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            "model": str(row["model"]),
            "family": str(row["family"]),
            "params_b": float(row["params_b"]),
            "line": 0,
            "scores": {name: None if pd.isna(row[name]) else float(row[name]) for name in BENCHMARKS},
        }
        for row in table.to_dict("records")
    ]


def differences(
    page: Any, package: Any, place: str = "", largest: dict[str, float] | None = None
) -> list[str]:
    """Where two answers differ by more than they may; the largest differences by kind are written into ``largest``."""
    if isinstance(package, dict) and isinstance(page, dict):
        keys = set(package) | set(page)
        return [
            fault
            for key in sorted(keys)
            for fault in differences(
                page.get(key, "absent"), package.get(key, "absent"), f"{place}.{key}", largest
            )
        ]
    if isinstance(package, list):
        if not isinstance(page, list) or len(page) != len(package):
            return [f"{place}: {page} for {package}"]
        pairs = enumerate(zip(page, package, strict=True))
        return [f for i, (one, other) in pairs for f in differences(one, other, f"{place}[{i}]", largest)]
    number = isinstance(page, int | float) and not isinstance(page, bool)
    if number and package is None and not math.isfinite(page):
        return []
    if number and isinstance(package, int | float):
        gap = abs(page - package)
        share = place.rpartition(".")[2].startswith("p_")
        size = gap if share else gap / max(abs(package), 1.0)
        if largest is not None:
            kind = "probabilities" if share else "values"
            largest[kind] = max(largest.get(kind, 0.0), size)
        return [] if size <= (SHARES if share else DIGITS) else [f"{place}: {page!r} for {package!r}"]
    return [] if page == package else [f"{place}: {page!r} for {package!r}"]


def compare(
    page: Page,
    cases: Sequence[tuple[pd.DataFrame, str, str]],
    largest: dict[str, float] | None = None,
    *,
    known: Iterable[dict[str, Any]] | None = None,
) -> list[str]:
    """What differs between the page and the package, over all cases; ``known`` is what the package answers, if it was asked."""
    sent = [[plain_models(table), str(table["family"].iloc[0]), x, y] for table, x, y in cases]
    answers = page.evaluate(
        "all => all.map(([models, family, x, y]) => {"
        "  const { ladder, given, ...rest } = capeDashboard.answer(models, family, x, y); return rest; })",
        sent,
    )
    if known is None:
        known = itertools.starmap(package_answer, cases)
    return [
        f"case {number}: {fault}"
        for number, (found, package) in enumerate(zip(answers, known, strict=True))
        # Errors of benchmarks that a model lacks are NaN on both sides.
        for fault in differences(found, package, "", largest)
    ]


def compare_panel(page: Page, numbers: range, largest: dict[str, float] | None = None) -> list[str]:
    """``compare`` for some of ``panel_families``."""
    return compare(
        page, [panel_families()[i] for i in numbers], largest, known=[panel_answer(i) for i in numbers]
    )


def settled(page: Page) -> None:
    """Wait for the cards that are drawn after a pause in the typing."""
    page.wait_for_function("!document.querySelector('.cape-dashboard').hasAttribute('data-stale')")


def fresh(browser: Browser, disk: str, width: int = 1280, dark: bool = False, link: str = "") -> checks.Visit:
    opened = checks.open_page(
        browser, disk, ("dark" if dark else "light") + ".html" + link, width=width, dark=dark
    )
    opened.page.locator(".cape-dashboard[data-mounted]").wait_for()
    settled(opened.page)
    return opened


def cell(page: Page, row: int, column: str) -> Any:
    place = ["model", "params_b", *BENCHMARKS].index(column)
    return page.locator(f'.cd-table [data-row="{row}"][data-cell="{place}"]')


def outputs(page: Page) -> list[str]:
    settled(page)
    titles = ("cd-size", "cd-scores", "cd-steps", "cd-cautions")
    return [page.locator(f"[aria-labelledby={name}]").inner_text() for name in titles]
