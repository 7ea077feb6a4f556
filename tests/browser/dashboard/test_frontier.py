"""The frontier in the page: every number and sentence of it the package's, and what a reader sees."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from cape_utils.chapters.ch12_dashboard.page import frontier
from cape_utils.chapters.ch12_dashboard.page.case import Case
from cape_utils.frontier import regression
from cape_utils.frontier.benchmark_pair import GPQA, SWE
from cape_utils.stats.results import to_jsonable
from tests.browser import checks
from tests.browser.dashboard.page import (
    EXTENSION,
    HS,
    TQA,
    differences,
    fresh,
    settled,
    write_page,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from playwright.sync_api import Browser, Page


@functools.cache
def families() -> tuple[pd.DataFrame, ...]:
    """Some that bear a lab's name and some that do not, with gaps, ends of the scale, and scores of known models."""
    rng = np.random.default_rng(0)
    known = regression.models("all")
    labs = [*sorted(set(known["lab"])), "google", "OPENAI", "mine", "it's"]
    made = []
    for family in labs * 2:
        n = int(rng.integers(1, 13))
        scores = rng.uniform(2, 100, (n, 2)).round(1)
        if rng.random() < 0.3:
            scores[rng.integers(n)] = known[[SWE, GPQA]].iloc[int(rng.integers(len(known)))]
        if rng.random() < 0.3:
            scores[rng.integers(n), rng.integers(2)] = rng.choice([0.0, 100.0])
        if rng.random() < 0.4:
            scores[rng.integers(n), rng.integers(2)] = np.nan
        made.append(
            pd.DataFrame(
                {
                    "model": [f"m{i}" for i in range(n)],
                    "family": family,
                    "params_b": rng.uniform(1, 900, n).round(1),
                }
            ).assign(**{HS: 50.0, TQA: 40.0, SWE: scores[:, 0], GPQA: scores[:, 1]})
        )
    return tuple(made)


def package_part(table: pd.DataFrame) -> Any:
    family = str(table["family"].iloc[0])
    return to_jsonable(frontier.part(Case(family, HS, TQA, table, table, frozenset(), "", ())))


@functools.cache
def package_parts() -> tuple[Any, ...]:
    """What the package says of ``families``; many faults of the page are held to the same."""
    return tuple(map(package_part, families()))


def faults(page: Page, known: Iterable[Any] | None = None) -> list[str]:
    """Where the page and the package differ."""
    told = []
    for table, package in zip(families(), package_parts() if known is None else known, strict=True):
        sent = [
            {
                "model": row["model"],
                "params_b": row["params_b"],
                "scores": {name: row[name] for name in (HS, TQA, SWE, GPQA)},
            }
            for row in table.replace({np.nan: None}).to_dict("records")
        ]
        family = str(table["family"].iloc[0])
        found = page.evaluate(
            "([models, family]) => capeDashboard.answer(models, family, 'hellaswag', 'truthfulqa_mc2').frontier",
            [sent, family],
        )
        told += differences(found, package, family)
    return told


def test_every_family_is_the_package_s(visit: checks.Visit) -> None:
    assert faults(visit.page) == []


def test_the_families_hold_what_can_be_said() -> None:
    placed = [part for part in package_parts() if part is not None]
    assert len(placed) < len(families())
    for name in ("band", "band_sure", "position", "usual"):
        assert len({part["models"][-1][name] for part in placed}) > 1, name
    assert {len(part["cautions"]) for part in placed} >= {0, 1}
    assert {part["lab"] for part in placed} >= {"", "Google", "OpenAI"}


PLANTED = {
    "a slope": ('"slope":0.513', '"slope":0.514'),
    "a number of items": ('"items":[500.0,198.0]', '"items":[500.0,199.0]'),
    "a width of the line": ("Math.sqrt(noise + 1 / line.n", "Math.sqrt(noise + 1 / (line.n - 1)"),
    "a band": ("low >= -band && high <= band", "low >= -band || high <= band"),
    "a word of caution": ("where the line is a guess", "where the line is guessed"),
    "a release": ('"GPT-5.1","OpenAI","2025"', '"GPT-5.1","Google","2025"'),
}


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_error_is_caught(browser: Browser, tmp_path: Path, what: str) -> None:
    right, wrong = PLANTED[what]
    script = EXTENSION.script()
    assert right in script
    opened = checks.open_page(
        browser, write_page(tmp_path, script.replace(right, wrong)), "light.html", width=1280
    )
    assert faults(opened.page)
    opened.close()


def test_a_planted_error_of_the_package_is_caught(
    visit: checks.Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cape_utils.frontier.model_diagnosis.BAND_PP", 5.5)
    assert faults(visit.page, map(package_part, families()))


def test_without_the_scores_the_card_says_what_is_needed_and_shows_the_known_models(
    browser: Browser, disk: str
) -> None:
    opened = fresh(browser, disk)
    card = opened.page.locator("[aria-labelledby=cd-frontier]")
    assert "SWE-bench Verified and GPQA Diamond of one of its models are needed" in card.inner_text()
    assert card.locator("svg circle").count() >= len(regression.models("all"))
    assert "Axis to measure next" in card.inner_text()
    opened.close()


def test_a_reader_s_models_are_placed_and_held_against_a_lab(browser: Browser, tmp_path: Path) -> None:
    right = "given: { models: models,"
    scores = "swe_bench_verified: 60 + i, gpqa_diamond: 70 + i, ifeval: 90"
    script = EXTENSION.script()
    assert right in script
    wrong = "given: { models: models.map((m, i) => ({ ...m, scores: { ...m.scores, " + scores + " } })),"
    opened = fresh(browser, write_page(tmp_path, script.replace(right, wrong)), 390)
    page = opened.page
    card = page.locator("[aria-labelledby=cd-frontier]")
    words = card.inner_text()
    assert "h = " in words
    assert "place 4 of 5" in words
    said = card.locator("svg").nth(0).get_attribute("aria-label")
    assert "and yours: pythia-70m-deduped at 60.0, 70.0" in said.lower()
    page.locator("#cd-lab").select_option("Anthropic")
    assert "Anthropic" in card.locator("svg").nth(1).get_attribute("aria-label")
    assert (
        card.locator("svg").nth(1).locator("circle").count()
        == 1 + (regression.models("all")["lab"] == "Anthropic").sum()
    )
    page.locator("#cd-family").fill("Google")
    settled(page)
    assert page.locator("#cd-lab").input_value() == "Google"
    assert "points (Google)" in card.inner_text()
    assert checks.overflow(page) == []
    assert checks.accessibility_faults(page) == []
    opened.close()
