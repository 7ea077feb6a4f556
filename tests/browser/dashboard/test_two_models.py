"""Two models typed into the page, by hand and with what readers mistype: the least that a dashboard must get right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from cape_utils.chapters.ch12_dashboard.page import answer as page_answer
from tests.browser import checks
from tests.browser.dashboard.page import BENCHMARKS, HS, TQA, cell, compare, fresh, outputs, settled

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# Equal scores, differences of one answer, steps backwards, chance, both ends, and sizes beyond every panel.
EDGES = [
    ((1, 50, 40), (7, 50, 45)),
    ((1, 50, 40), (7, 60, 40)),
    ((1, 50, 40), (7, 50, 40)),
    ((1, 50, 40), (7, 50.01, 40.12)),
    ((1, 50.01, 40.12), (7, 50, 40)),
    ((1, 60, 40), (7, 50, 45)),
    ((0.07, 27.3, 47.5), (0.16, 30.4, 44.3)),
    ((1, 1.5, 1.5), (7, 99.9, 99.9)),
    ((0.001, 30, 40), (100000, 90, 60)),
    ((1.39, 50, 40), (1.4, 51, 39)),
    ((1, 33.3, 50), (7, 44.4, 48.9)),  # a coupling at the edge of the tax
    *(((0.0699, 30, 40), (size, 80, 45)) for size in (180, 180.1)),  # the ends of the web-trained curve
]
GOOD = {
    (0, "params_b"): "1.4",
    (0, HS): "54.6",
    (0, TQA): "37.9",
    (1, "params_b"): "7",
    (1, HS): "72.3",
    (1, TQA): "35.2",
}


def two(smaller: tuple[float, ...], larger: tuple[float, ...], x: str = HS, y: str = TQA) -> pd.DataFrame:
    rows = pd.DataFrame([smaller, larger], columns=["params_b", x, y], dtype=float)
    table = rows.assign(family="yours", model=["a", "b"])
    return table.reindex(columns=["model", "family", "params_b", *BENCHMARKS])


def drawn() -> list[tuple[pd.DataFrame, str, str]]:
    """Scores with the steps that sizes make, on any pair."""
    rng = np.random.default_rng(5)
    cases = []
    for place in range(28):
        small, factor = 10 ** rng.uniform(-1, 1.5), rng.uniform(1.3, 10)
        x, y = (HS, TQA) if place < 14 else map(str, rng.choice(BENCHMARKS, 2, replace=False))
        a = rng.uniform(20, 80, 2)
        b = a + rng.normal(0, 8, 2)
        models = [(round(small, 3), *a.round(2)), (round(small * factor, 3), *b.round(2))]
        cases.append((two(models[0], models[1], x, y), x, y))
    return cases


def type_in(page: Page, typed: dict[tuple[int, str], str]) -> None:
    for (row, column), value in typed.items():
        cell(page, row, column).fill(value)


def start(browser: Browser, disk: str, width: int = 1280, dark: bool = False) -> checks.Visit:
    opened = fresh(browser, disk, width, dark)
    page = opened.page
    page.get_by_role("button", name="Start empty").click()
    page.get_by_role("button", name="Add a model").click()
    type_in(page, {(0, "model"): "a", (1, "model"): "b"})
    return opened


def test_two_models_are_the_package_s(visit: checks.Visit) -> None:
    cases = [(two(*edge), HS, TQA) for edge in EDGES] + drawn()
    assert compare(visit.page, cases) == []


def test_what_is_typed_is_what_is_answered(browser: Browser, disk: str) -> None:
    opened = start(browser, disk)
    page = opened.page
    for smaller, larger in (EDGES[0], EDGES[2], EDGES[5], ((1.4, 54.6, 37.9), (7, 72.3, 35.2))):
        values = {
            (row, name): f"{value:g}"
            for row, model in enumerate((smaller, larger))
            for name, value in zip(("params_b", HS, TQA), model, strict=True)
        }
        type_in(page, values)
        (step,) = page_answer.steps(two(smaller, larger), HS, TQA)
        words = outputs(page)
        if step.dx == 0:
            assert "no coupling" in words[1]
            assert "none" in page.locator(".cd-steps tbody").inner_text()
        else:
            assert f"{step.coupling:+.2f}".replace("-", "\u2212") in words[1]
            assert step.phase in words[1]
    before = outputs(page)
    swapped = {(1 - row, name): value for (row, name), value in GOOD.items()}
    type_in(page, {**swapped, (0, "model"): "b", (1, "model"): "a"})
    assert outputs(page) == before, "the order in which two sizes are typed does not matter"
    opened.close()


BAD = {
    "54,6": "expected",
    "abc": "expected a number in percent",
    "<b>1</b>": "expected a number in percent",
    "1e999": "expected",
    "-3": "at least 0",
    "140": "at most 100",
    "0.546": "54.6",
    "Infinity": "expected",
    "1 2": "expected",
}


def test_what_is_mistyped_is_named_at_its_cell_and_nothing_is_lost(browser: Browser, disk: str) -> None:
    opened = start(browser, disk)
    page = opened.page
    field = cell(page, 0, HS)
    for bad, words in BAD.items():
        type_in(page, {**GOOD, (0, HS): bad})
        assert field.get_attribute("aria-invalid") == "true", bad
        assert words in page.locator(f"#{field.get_attribute('aria-describedby')}").inner_text(), bad
        settled(page)
        assert page.locator(".cd-steps").count() == 0, "numbers of an earlier input are still shown"
        assert field.input_value() == bad
        assert cell(page, 1, TQA).input_value() == GOOD[1, TQA]
    type_in(page, {(0, HS): ""})
    assert page.locator("[aria-invalid]").count() == 0
    assert "a step needs two sizes" in outputs(page)[1]
    type_in(page, {**GOOD, (1, "params_b"): "1.4"})
    assert "several models of one size" in outputs(page)[1]
    type_in(page, GOOD)
    page.locator("#cd-y").select_option(HS)
    assert "a coupling needs two benchmarks" in outputs(page)[1]
    page.locator("#cd-y").select_option(TQA)
    assert page.locator("[aria-invalid]").count() == 0
    assert page.locator(".cd-steps tbody tr").count() == 1
    opened.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_it_works_by_keyboard_alone(browser: Browser, disk: str, width: int) -> None:
    opened = start(browser, disk, width, dark=True)
    page = opened.page
    type_in(page, GOOD)
    before = outputs(page)
    cell(page, 0, HS).focus()
    for value in ("50", "41", "30.1"):  # in the order of the cells that a reader sees
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.type(value)
        page.keyboard.press("Tab")
        if value == "41":  # past the button that takes the row out, and the next one's name and size
            cell(page, 1, HS).focus()
    assert outputs(page) != before
    (step,) = page_answer.steps(two((1.4, 50, 41), (7, 30.1, 35.2)), HS, TQA)
    assert f"{step.coupling:+.2f}".replace("-", "\u2212") in outputs(page)[1]
    unlabelled = page.locator(".cape-dashboard :is(input, select, textarea)").evaluate_all(
        "all => all.filter(e => !e.labels.length && !e.ariaLabel).map(e => e.outerHTML)"
    )
    assert unlabelled == []
    assert checks.overflow(page) == []
    assert opened.errors == []
    assert opened.foreign == []
    opened.close()
