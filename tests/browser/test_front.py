"""The front page as a reader meets it: the shuffles are the package's null, every claim has its tile, pictures have words."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from cape_utils.chapters.ch02_coupling import findings as coupling_findings
from cape_utils.chapters.ch13_scorecard import findings as scorecard_findings
from cape_utils.claims.assessment import assess, assess_some
from cape_utils.claims.scoreboards import claim_anchor, verdict_class
from cape_utils.data.loading import pythia
from cape_utils.scaling.trend_nulls import monotone_draws
from cape_utils.stats.correlation import pearson
from tests.browser import checks
from tests.browser.conftest import ROOT
from tests.loading import load

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FRONT = "book/intro.html"
SCRIPT = (ROOT / "book" / "_static" / "shuffle.js").read_text(encoding="utf-8")
HUNDREDS = 40
# With so many shuffles the largest gap between two cumulative shares is above this once in some thousand times.
GAP = 1.9 / np.sqrt(100 * HUNDREDS)


def known() -> dict[str, Any]:
    """What the build gives to the script."""
    (item,) = assess_some([load("book/_ext/cape_front.py").CLAIM])
    data: dict[str, Any] = load("book/_ext/cape_front.py").shuffle_data(item, pythia("panel rows"))
    return data


def instrument(browser: Browser, script: str = SCRIPT) -> Page:
    """The instrument alone on a page, with its script or one with a planted fault."""
    page = browser.new_page()
    figure = load("book/_ext/cape_front.py").shuffle_html(known(), "A finding.")
    page.set_content(f"<!doctype html><body>{figure}<script>{script}</script></body>")
    return page


def press(page: Page, name: str) -> None:
    """Press a button of the instrument."""
    page.get_by_role("button", name=name, exact=True).click()


def told(page: Page) -> str:
    """What the instrument says, with plain minus signs."""
    return page.get_by_role("status").inner_text().replace("\u2212", "-")


def faults(page: Page) -> list[str]:
    """In what the script's shuffles are not those of the package."""
    data, found = known(), []
    x, y = np.array(data["x"]), np.array(data["y"])
    for place in range(3):
        press(page, "Shuffle the steps")
        shown = page.locator("figure").evaluate(
            "figure => [figure.dataset.x, figure.dataset.y].map(JSON.parse)"
        )
        for old, new in zip((x, y), np.array(shown), strict=True):
            if not np.allclose(np.sort(np.diff(new)), np.sort(np.diff(old))) or not np.isclose(
                new[0], old[0]
            ):
                found.append(f"shuffle {place + 1} does not keep the steps")
        if f"r = {pearson(*np.array(shown)):.3f}." not in told(page):
            found.append(f"shuffle {place + 1}: {told(page)}")
    for _ in range(HUNDREDS):
        press(page, "100 times")
    draws = monotone_draws(x, y, draws=40_000, rng=1)
    axis = data["axes"]["r"]
    edges = np.linspace(axis["low"], axis["high"], axis["bins"] + 1)
    wanted = np.histogram(np.clip(draws, edges[0], edges[-1] - 1e-9), edges)[0] / len(draws)
    counts = page.locator(".bars rect").evaluate_all("bars => bars.map(bar => Number(bar.dataset.count))")
    if sum(counts) != 100 * HUNDREDS + 3:
        found.append(f"{sum(counts)} shuffles in the histogram")
    gap = np.abs(np.cumsum(counts) / sum(counts) - np.cumsum(wanted)).max()
    if gap > GAP:
        found.append(f"the histogram is off by {gap:.3f}")
    match = re.search(r"half are at (\S+) or stronger, and (\d+) \(", told(page))
    if match is None or abs(float(match[1]) - np.median(draws)) > 0.001:
        found.append(f"median {np.median(draws):.3f}: {told(page)}")
    if match is not None and abs(int(match[2]) / sum(counts) - np.mean(draws <= pearson(x, y))) > GAP:
        found.append(f"share {np.mean(draws <= pearson(x, y)):.3f}: {told(page)}")
    return found


def test_the_shuffles_are_those_of_the_package(browser: Browser) -> None:
    """Steps, correlations, histogram, median and share agree, and starting again gives the same shuffles."""
    page = instrument(browser)
    assert told(page) == known()["words"]["before"]
    press(page, "Shuffle the steps")
    first = told(page)
    press(page, "Start again")
    assert page.locator(".bars rect[data-count='0']").count() == known()["axes"]["r"]["bins"]
    assert faults(page) == []
    press(page, "Start again")
    press(page, "Shuffle the steps")
    assert told(page) == first
    page.close()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("y = shuffled(known.y, random);", "y = known.y;"),
        ("value - series[i]; });", "value; });"),
        ("xy / Math.sqrt(xx * yy)", "xy / Math.sqrt(xx * xx)"),
        ("value <= observed", "value >= observed"),
        ("const half = sorted.length / 2;", "const half = sorted.length / 3;"),
        ("i > 0; i -= 1", "i > 4; i -= 1"),
        ("Math.floor(((value - r.low)", "Math.ceil(((value - r.low)"),
    ],
)
def test_a_planted_fault_in_the_script_is_found(browser: Browser, old: str, new: str) -> None:
    """One score left as it is, levels for steps, a wrong sum, sign, middle, order or bar: each is seen."""
    assert SCRIPT.count(old) == 1
    page = instrument(browser, SCRIPT.replace(old, new))
    assert faults(page) != []
    page.close()


def test_the_front_page_says_what_the_package_finds(browser: Browser, base: str) -> None:
    """Without JavaScript too: both sentences, and the quoted value in the drawing."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{base}/{FRONT}")
    words = " ".join(
        page.locator(".bd-article").inner_text().replace("\u2212", "-").replace("\u2019", "'").split()
    )
    items = assess()
    (item,) = assess_some([load("book/_ext/cape_front.py").CLAIM])
    assert scorecard_findings.in_one_sentence([one.verdict for one in items]) in words
    assert coupling_findings.shuffled_steps(item).replace("*", "") in words
    assert f"the paper: {known()['quoted']:.3f}" in words
    assert not page.get_by_role("button", name="Shuffle the steps").is_visible()
    context.close()


def test_every_claim_has_its_tile(browser: Browser, base: str) -> None:
    """Tiles carry the verdicts of the package and lead to the cells; the keyboard shows a claim, Escape puts it away."""
    visit = checks.open_page(browser, base, FRONT)
    tiles = visit.page.locator(".cape-mosaic-row li > a")
    shown = tiles.evaluate_all("links => links.map(a => [a.href.split('#')[1], a.className, a.textContent])")
    wanted = {claim_anchor(item.claim.id): item for item in assess()}
    assert {anchor for anchor, _, _ in shown} == set(wanted)
    assert len(shown) == len(wanted)
    for anchor, kind, words in shown:
        item = wanted[anchor]
        assert kind == f"verdict {verdict_class(item.verdict)}"
        assert words.startswith(f"{item.verdict}: {item.claim.statement}")
    card = visit.page.locator(".cape-claim")
    assert not card.is_visible()
    tiles.nth(30).focus()
    assert wanted[shown[30][0]].claim.statement in card.inner_text()
    visit.page.keyboard.press("Escape")
    assert not card.is_visible()
    tiles.nth(3).hover()
    assert wanted[shown[3][0]].claim.statement in card.inner_text()
    tiles.nth(3).click()
    visit.page.wait_for_url(f"**/book/reproduce.html#{shown[3][0]}")
    visit.close()


def test_pictures_lead_to_their_figures(browser: Browser, base: str, book: Path) -> None:
    """Each small figure is drawn, says what it shows, and is a link to the figure in its chapter."""
    visit = checks.open_page(browser, base, FRONT)
    links = visit.page.locator("a.cape-picture")
    assert links.count() == 3 + 7
    for link in links.all():
        picture = link.locator("svg[role=img]")
        assert len(picture.get_attribute("aria-label") or "") > checks.MIN_ALTERNATIVE
        assert picture.locator("path, rect, line").count() > 10
        page, _, anchor = (link.get_attribute("href") or "").removeprefix("../").partition("#")
        assert f'class="cape-figure" id="{anchor}"' in (book / page).read_text(encoding="utf-8")
    ids = visit.page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids)), "drawings of one page must not share names"
    visit.close()


def test_the_front_page_is_light(book: Path) -> None:
    """It opens without Vega, whose megabyte would come before the first picture."""
    text = (book / FRONT).read_text(encoding="utf-8")
    assert "cape-vega.js" not in text
    assert len(text) < 0.45e6
    assert json.loads(re.search(r'<figure class="cape-shuffle">.*?json">(.*?)</script>', text, re.DOTALL)[1])[
        "sizes"
    ]
