"""Calibrated phases, the critical scale, web-trained models and the next size, as a reader sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from cape_utils import data
from cape_utils.chapters.ch12_dashboard.page import next_size, prior
from cape_utils.chapters.ch12_dashboard.page.case import Case
from cape_utils.diagnosis.panel_comparison import overlapping_families
from cape_utils.stats.results import to_jsonable
from tests.browser import checks
from tests.browser.dashboard.page import (
    BENCHMARKS,
    HS,
    TQA,
    cell,
    differences,
    fresh,
    plain_models,
    settled,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NEXT = "([models, family, x, y, size]) => capeDashboard.nextSize(capeDashboard.answer(models, family, x, y), size)"


def ladder(family: str) -> pd.DataFrame:
    table = data.panel("open", rows="one_recipe").query("family == @family").sort_values("params_b")
    return table[["model", "family", "params_b", *BENCHMARKS]].reset_index(drop=True)


def by_package(table: pd.DataFrame, size: float) -> Any:
    case = Case("f", HS, TQA, table, table, overlapping_families(table), "")
    return to_jsonable(next_size.next_size(case, params_b=size))


@pytest.mark.parametrize("family", ["Pythia", "OPT"])
@pytest.mark.parametrize("factor", [0.5, 1.05, 2, 40, 2000])
def test_any_size_is_the_package_s(visit: checks.Visit, family: str, factor: float) -> None:
    table = ladder(family)
    size = float(f"{table['params_b'].max() * factor:.3g}")
    found = visit.page.evaluate(NEXT, [plain_models(table), family, HS, TQA, size])
    assert differences(found, by_package(table, size)) == []


def test_where_the_equation_leads_it_is_the_forecast_s_method(visit: checks.Visit) -> None:
    errors = next_size._errors()
    leads = [
        family for family in errors.index if next_size.best_method(frozenset([family])) == next_size.EQUATION
    ]
    assert leads, "no family left out makes the equation lead, so that this tests nothing"
    table = ladder(leads[0])
    size = 2 * float(table["params_b"].max())
    found = visit.page.evaluate(NEXT, [plain_models(table), leads[0], HS, TQA, size])
    assert found["method"] == next_size.EQUATION
    assert differences(found, by_package(table, size)) == []


def test_a_solution_that_leaves_every_scale_is_no_forecast(visit: checks.Visit) -> None:
    table = ladder("Pythia").assign(hellaswag=99.0, truthfulqa_mc2=1.0, mmlu=99.0)
    size = 90_000.0
    found = visit.page.evaluate(NEXT, [plain_models(table), "Pythia", HS, TQA, size])
    package = by_package(table, size)
    assert package["equation"]["reason"], "this one does not diverge, so that it tests nothing"
    assert found["equation"] == package["equation"]


def test_phases_are_those_of_the_command_and_the_plain_ones_stand_beside_them(
    browser: Browser, disk: str
) -> None:
    opened = fresh(browser, disk)
    page = opened.page
    page.select_option("#cd-load", "open/Qwen1.5")
    settled(page)
    step = page.locator(".cd-steps tbody tr").first
    shares = [int(text.strip("<>%")) for text in step.locator(".cd-share").all_inner_texts()]
    plain = [int(text.strip("<>% ")) for text in step.locator(".cd-plain").inner_text().split("/")]
    assert shares != plain
    assert sum(shares) == pytest.approx(100, abs=2)
    words = page.locator("[aria-labelledby=cd-scores]").inner_text()
    assert "which is too sure" in words
    assert "Calibrated" in words
    assert prior.prior(HS, TQA, frozenset(["Qwen1.5"])) is not None
    opened.close()


def test_a_turn_is_found_where_there_is_one_and_said_to_be_none_where_there_is_not(
    browser: Browser, disk: str
) -> None:
    opened = fresh(browser, disk)
    page = opened.page
    card = page.locator("[aria-labelledby=cd-scale]")
    assert card.locator(".cd-verdict").inner_text() == "not identified"
    assert "never rises from one size to the next" in card.inner_text()
    for row, score in enumerate((60, 55, 48, 40, 35, 40, 50, 60)):
        cell(page, row, TQA).fill(str(score))
    settled(page)
    assert card.locator(".cd-verdict").inner_text().endswith("B")
    assert "turns from falling to rising" in card.locator("svg").get_attribute("aria-label")
    assert card.locator(".cd-turn").count() == 1
    opened.close()


def test_the_slider_moves_the_forecast_its_chart_and_its_words(browser: Browser, disk: str) -> None:
    opened = fresh(browser, disk, width=390)
    page = opened.page
    card = page.locator("[aria-labelledby=cd-next]")
    usual, chart = card.locator("label").inner_text(), card.locator("svg").first
    said = chart.get_attribute("aria-label")
    assert "by the ODE" in said
    assert "tax" in card.locator(".cd-shares").inner_text()
    assert card.locator("tbody tr").count() == 5
    slider = card.locator("input")
    slider.focus()
    slider.press("End")
    assert card.locator("label").inner_text() != usual
    assert chart.get_attribute("aria-label") != said
    assert slider.get_attribute("aria-valuetext").endswith("billion parameters")
    assert "the ranges are too narrow" in card.locator("details").text_content()
    assert checks.overflow(page) == []
    card.get_by_role("button").click()
    assert card.locator("label").inner_text() == usual
    assert chart.get_attribute("aria-label") == said
    opened.close()


def test_one_model_alone_has_its_distance_its_nearest_models_and_a_forecast(
    browser: Browser, disk: str
) -> None:
    opened = fresh(browser, disk)
    page = opened.page
    page.get_by_role("button", name="Start empty").click()
    for column, value in {"model": "mine", "params_b": "1", HS: "50", TQA: "40"}.items():
        cell(page, 0, column).fill(value)
    settled(page)
    words = page.locator("[aria-labelledby=cd-scores]").inner_text()
    assert "web-trained models of the same size" in words
    assert "points away" in words
    assert "What cannot: a coupling, a phase and a critical scale." in words
    ahead = page.locator("[aria-labelledby=cd-next]").inner_text()
    assert "It needs one model with all of" in ahead
    assert checks.accessibility_faults(page) == []
    opened.close()
