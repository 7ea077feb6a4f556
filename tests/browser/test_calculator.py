"""The calculator of the dashboard chapter, typed into: every number shown is the package's to the digits shown."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from cape_utils.chapters.ch12_dashboard import calculator
from cape_utils.diagnosis.panel_comparison import web_distance
from cape_utils.scaling.coupling import PHASES
from tests.browser import checks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator, Page

PATH = "notebooks/12_dashboard.html"
NUMBER = re.compile(r"(?<![\w.])[+\u2212]?\d+(?:\.\d+)?")
HS, TQA = "hellaswag", "truthfulqa_mc2"

# Equal scores, differences of one answer, steps backwards, chance, both ends, and sizes beyond the curve.
EDGES = [
    ((1, 50, 40), (7, 50, 45), HS, TQA),
    ((1, 50, 40), (7, 60, 40), HS, TQA),
    ((1, 50, 40), (7, 50, 40), HS, TQA),
    ((1, 50, 40), (7, 50.01, 40.12), HS, TQA),
    ((1, 50.01, 40.12), (7, 50, 40), HS, TQA),
    ((1, 60, 40), (7, 50, 45), HS, TQA),
    ((0.07, 27.3, 47.5), (0.16, 30.4, 44.3), HS, TQA),
    ((1, 1.5, 1.5), (7, 99.9, 99.9), HS, TQA),
    ((0.001, 30, 40), (100000, 90, 60), HS, TQA),
    ((1.39, 50, 40), (1.4, 51, 39), HS, TQA),
    ((1, 33.3, 50), (7, 44.4, 48.9), HS, TQA),  # a coupling at the edge of the tax
    ((1, 30, 0.5), (7, 60, 12), "arc_challenge", "gsm8k"),  # GSM8K may be below one percent
]


def grid() -> list[tuple]:
    """The edges, and scores drawn with the steps that sizes make."""
    draw, names = np.random.default_rng(5), calculator.pair_benchmarks()
    steps = list(EDGES)
    for place in range(28):
        small, factor = 10 ** draw.uniform(-1, 1.5), draw.uniform(1.3, 10)
        x, y = (HS, TQA) if place < 14 else tuple(draw.choice(names, 2, replace=False))
        a = draw.uniform(20, 80, 2)
        b = a + draw.normal(0, 8, 2)
        models = [(round(small, 3), *a.round(2)), (round(small * factor, 3), *b.round(2))]
        steps.append((tuple(map(float, models[0])), tuple(map(float, models[1])), str(x), str(y)))
    return steps


FRONTIER = [
    ((72.7, 83.3), (80.8, 91.3)),
    ((49, 59.4), (49, 78)),
    ((93, 85), (93, 85)),
    ((20.5, 81), (1.5, 30)),
    *(
        (tuple(map(float, row[:2])), tuple(map(float, row[2:])))
        for row in np.random.default_rng(6).uniform(15, 97, (8, 4)).round(1)
    ),
]


@pytest.fixture(scope="module")
def visit(browser: Browser, base: str) -> Iterator[checks.Visit]:
    page_visit = checks.open_page(browser, base, PATH)
    page_visit.page.locator("form.cape-calculator[data-mounted]").first.wait_for()
    yield page_visit
    page_visit.close()


def form(page: Page, kind: str) -> Locator:
    return page.locator(f"form.cape-calculator:has([id^=calculator-{kind}-])")


def type_in(calc_form: Locator, fields: dict[str, str]) -> None:
    for name, value in fields.items():
        field = calc_form.locator(f"[name={name}]")
        if name in ("x", "y"):
            field.select_option(value)
        else:
            field.fill(value)
    calc_form.evaluate("form => form.dispatchEvent(new Event('submit', { cancelable: true }))")


def shown(calc_form: Locator) -> dict[str, str]:
    return dict(calc_form.locator("dd").evaluate_all("all => all.map(e => [e.dataset.key, e.textContent])"))


def numbers(words: str) -> list[tuple[float, float]]:
    """Numbers of a text, each with half of its last digit."""
    values = []
    for text in NUMBER.findall(words):
        digits = len(text.partition(".")[2])
        values.append((float(text.replace("\u2212", "-")), 0.5 * 10**-digits))
    return values


def agree(words: str, *expected: float) -> bool:
    """Whether a text holds these numbers, in this order, to the digits that it shows."""
    printed = numbers(words)
    # Rounding a number that ends in a five may go either way; the resampled curves carry five digits.
    return len(printed) >= len(expected) and all(
        abs(value - number) <= half * 1.0001 + 2e-4 * half
        for (value, half), number in zip(printed, expected, strict=False)
    )


def faults(text: dict[str, str], step: calculator.ModelStep) -> list[str]:
    wanted: dict[str, tuple[float, ...]] = {"dx": (step.dx, step.se_dx), "dy": (step.dy, step.se_dy)}
    if math.isnan(step.coupling):
        assert "not defined" in text["coupling"]
    else:
        wanted["coupling"] = (step.coupling, step.se)
    for name in PHASES:
        wanted[name] = (100 * step.probabilities[name],)
    for place, residual in enumerate(step.residuals, 1):
        wanted[f"h{place}"] = (residual.h, residual.se, residual.expected)
    wrong = [f"{key}: {text[key]} for {want}" for key, want in wanted.items() if not agree(text[key], *want)]
    none = "there is no coupling" if math.isnan(step.coupling) else "two are equally likely"
    if not (text["phase"] == step.likeliest or (not step.likeliest and none in text["phase"])):
        wrong.append(f"phase: {text['phase']} for {step.likeliest!r}")
    return wrong


def test_two_sizes_are_the_package_s(visit: checks.Visit) -> None:
    calc_form, wrong = form(visit.page, "sizes"), []
    for a, b, x, y in grid():
        type_in(
            calc_form,
            {
                "x": x,
                "y": y,
                **{
                    f"{k}_{m}": f"{v:.10g}"
                    for m, row in (("a", a), ("b", b))
                    for k, v in zip(("size", "x", "y"), row, strict=True)
                },
            },
        )
        step, text = calculator.size_step(a, b, x, y), shown(calc_form)
        problems = faults(text, step)
        if not agree(text["mean"], step.mean, step.low, step.high):
            problems.append(f"mean: {text['mean']} for {step.mean}, {step.low}, {step.high}")
        if ("nothing unusual" in text["mean"]) != (step.low <= step.mean <= step.high):
            problems.append(text["mean"])
        wrong += [f"{a} {b} {x} {y}: {problem}" for problem in problems]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("smaller", "larger", "beyond"),
    [("0.07", "180", False), ("0.0699", "180", True), ("0.07", "180.1", True), ("1.4", "7", False)],
)
def test_the_curve_knows_its_own_ends(visit: checks.Visit, smaller: str, larger: str, beyond: bool) -> None:
    calc_form = form(visit.page, "sizes")
    scores = {"x_a": "30", "y_a": "40", "x_b": "80", "y_b": "45"}
    type_in(calc_form, {"x": HS, "y": TQA, "size_a": smaller, "size_b": larger, **scores})
    rows = pd.DataFrame({"model": ["a", "b"], "params_b": [float(smaller), float(larger)], TQA: [40.0, 45.0]})
    far = web_distance(rows.assign(family="f"), TQA, draws=2)
    assert far is not None
    assert ("beyond" in shown(calc_form)) == bool(far.note) == beyond
    if beyond:
        assert "from 0.070B to 180B" in shown(calc_form)["beyond"]


def test_two_releases_are_the_package_s(visit: checks.Visit) -> None:
    from cape_utils.frontier import regression

    calc_form, wrong = form(visit.page, "frontier"), []
    for a, b in FRONTIER:
        type_in(
            calc_form,
            {f"{k}_{m}": f"{v:g}" for m, row in (("a", a), ("b", b)) for k, v in zip("xy", row, strict=True)},
        )
        step, text = calculator.frontier_step(a, b), shown(calc_form)
        problems = faults(text, step)
        if not agree(text["mean"].replace("95% ", ""), step.mean, step.low, step.high):
            problems.append(f"mean: {text['mean']}")
        for place, scores in enumerate((a, b), 1):
            location = regression.locate(*scores)
            half = (location.expected_high - location.expected_low) / 2
            if not (
                text[f"place{place}"].startswith(location.position) and agree(text[f"place{place}"], half)
            ):
                problems.append(text[f"place{place}"])
            if ("within" in text[f"place{place}"]) != location.usual:
                problems.append(text[f"place{place}"])
        wrong += [f"{a} {b}: {problem}" for problem in problems]
    assert not wrong, "\n".join(wrong)


BAD = {
    "": "Nothing is typed here",
    "  ": "Nothing is typed here",
    "54,6": "write 54.6 with a point",
    "abc": "is no number",
    "<b>1</b>": "is no number",
    "1e999": "out of range",
    "-3": "out of range",
    "0": "out of range",
    "100": "out of range",
    "0.546": "looks like a fraction; give percent, such as 54.6",
    "Infinity": "is no number",
    "1 2": "is no number",
}


def test_bad_input_is_named_at_its_field_and_nothing_is_lost(visit: checks.Visit) -> None:
    calc_form = form(visit.page, "sizes")
    good = {
        "x": HS,
        "y": TQA,
        "size_a": "1.4",
        "x_a": "54.6",
        "y_a": "37.9",
        "size_b": "7",
        "x_b": "72.3",
        "y_b": "35.2",
    }
    for bad, words in BAD.items():
        type_in(calc_form, {**good, "x_a": bad})
        field = calc_form.locator("[name=x_a]")
        assert words in calc_form.locator(f"#{field.get_attribute('aria-describedby')}").inner_text(), bad
        assert field.get_attribute("aria-invalid") == "true"
        assert shown(calc_form) == {}, "numbers of an earlier input are still shown"
        assert "1 field needs mending" in calc_form.locator("[aria-live=polite]").inner_text()
        typed = {name: calc_form.locator(f"[name={name}]").input_value() for name in good}
        assert typed == {**good, "x_a": bad}
    type_in(calc_form, {**good, "size_b": "1.4"})
    assert "a step needs two sizes" in calc_form.locator("#calculator-sizes-size-b-error").inner_text()
    type_in(calc_form, {**good, "y": HS})
    assert "same benchmark twice" in calc_form.locator("#calculator-sizes-y-error").inner_text()
    type_in(calc_form, good)
    assert calc_form.locator("[aria-invalid]").count() == 0
    before = shown(calc_form)
    swapped = {k.replace("_a", "_c").replace("_b", "_a").replace("_c", "_b"): v for k, v in good.items()}
    type_in(calc_form, swapped)
    assert shown(calc_form) == before, "the order in which two sizes are typed does not matter"


def test_it_works_by_keyboard_alone_and_fits_a_phone(browser: Browser, base: str) -> None:
    visit = checks.open_page(browser, base, PATH, width=390, dark=True)
    calc_form = form(visit.page, "frontier")
    calc_form.locator("input").first.focus()
    before = shown(calc_form)
    for value in ("60", "85.5", "70", "70.1"):
        visit.page.keyboard.press("ControlOrMeta+a")
        visit.page.keyboard.type(value)
        visit.page.keyboard.press("Tab")
    visit.page.wait_for_timeout(400)  # no key is pressed after the last number; the form shows it by itself
    assert shown(calc_form) != before
    assert faults(shown(calc_form), calculator.frontier_step((60, 85.5), (70, 70.1))) == []
    unlabelled = calc_form.locator("input, select").evaluate_all(
        "all => all.filter(e => !e.labels.length).length"
    )
    assert unlabelled == 0
    assert calc_form.evaluate("form => form.scrollWidth <= form.clientWidth")
    assert checks.overflow(visit.page) == []
    assert visit.errors == []
    assert visit.foreign == []
    visit.close()


def test_a_wrong_constant_would_be_seen(visit: checks.Visit) -> None:
    """The same comparison with one item count changed in the page finds the difference."""
    page = visit.page
    page.evaluate(
        """() => {
            const form = document.querySelector('#calculator-frontier-x-a').form, copy = form.cloneNode(true);
            const known = JSON.parse(copy.dataset.constants);
            known.benchmarks.gpqa_diamond.items = 200;
            copy.dataset.constants = JSON.stringify(known);
            copy.id = 'spoilt';
            form.replaceWith(copy);
            const script = document.createElement('script');
            script.src = document.querySelector('script[src*="calculator.js"]').src;
            document.head.append(script);
        }"""
    )
    page.wait_for_timeout(500)
    calc_form = page.locator("#spoilt")
    wrong = []
    for a, b in FRONTIER:
        type_in(
            calc_form,
            {f"{k}_{m}": f"{v:g}" for m, row in (("a", a), ("b", b)) for k, v in zip("xy", row, strict=True)},
        )
        wrong += faults(shown(calc_form), calculator.frontier_step(a, b))
    assert wrong
