"""What a page costs its reader: its weight, and the time until a chart answers on a machine four times slower."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measures import Measure

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["answer_ms", "page_measures", "weights"]

ROOT = Path(__file__).resolve().parent.parent
HTML = ROOT / "_build" / "html"
PAGE_MB = 0.45
VEGA_MB = 0.9
ANSWER_MS, SLOWEST_MS = 35.0, 180.0
SLOWDOWN = 4
# The time from a choice in a drop-down to the first picture after it.
_ANSWER = """(figure, index) => new Promise((resolve) => {
  const field = figure.querySelector(".cape-controls select");
  const start = performance.now();
  const seen = new MutationObserver(() => {
    seen.disconnect();
    requestAnimationFrame(() => resolve(performance.now() - start));
  });
  seen.observe(figure.querySelector(".cape-chart"), { subtree: true, childList: true, attributes: true });
  field.selectedIndex = index;
  for (const kind of ["input", "change"]) field.dispatchEvent(new Event(kind, { bubbles: true }));
  setTimeout(() => resolve(-1), 5000);
})"""


def weights(html: Path) -> list[Measure]:
    """Megabytes of the heaviest page without the script that all share, and of that script."""
    pages = sorted(html.glob("*/*.html"), key=lambda page: page.stat().st_size)
    if not pages:
        raise FileNotFoundError(f"no pages in {html}; build the book first: make book")
    heaviest = pages[-1]
    vega = html / "_static" / "cape-vega.js"
    return [
        Measure("pages", "heaviest page", heaviest.stat().st_size / 1e6, PAGE_MB, "MB", heaviest.stem),
        Measure("pages", "Vega, once for all pages", vega.stat().st_size / 1e6, VEGA_MB, "MB"),
    ]


def answer_ms(browser: Browser, base: str, path: str) -> list[tuple[float, str]]:
    """Milliseconds until each chart with a drop-down answers, with its title; a chart that stays still is left out."""
    from tests.browser import checks

    visit = checks.open_page(browser, base, path)
    page = visit.page
    checks.mount_all(page)
    visit.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWDOWN})
    found = []
    for figure in page.locator("figure.cape-figure:has(.cape-controls select)").all():
        options = figure.locator(".cape-controls select").first.locator("option").count()
        times = [figure.evaluate(_ANSWER, index) for index in (options - 1, 0, options - 1)]
        times = [value for value in times if value >= 0]
        if times:
            found.append((statistics.median(times), figure.locator(".cape-title").inner_text()))
    visit.close()
    return found


def page_measures() -> list[Measure]:
    """Weights, and the slowest and the middle answer over every chart of the book."""
    from playwright.sync_api import sync_playwright

    from tests.browser import checks
    from tests.browser.conftest import FLAGS, serve
    from tests.browser.ensure_chromium import REMEDY, find_chromium

    found = weights(HTML)
    executable = find_chromium()
    if executable is None:
        raise FileNotFoundError(REMEDY)
    server, base = serve(HTML)
    answers = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        for path in checks.book_pages(HTML):
            if path.startswith("notebooks/"):
                answers += [
                    (ms, f"{Path(path).stem}: {title}") for ms, title in answer_ms(browser, base, path)
                ]
        browser.close()
    server.shutdown()
    slowest = max(answers)
    middle = statistics.median(ms for ms, _ in answers)
    note = f"{len(answers)} charts, CPU slowed {SLOWDOWN} times"
    return [
        *found,
        Measure("pages", "a chart answers, median", middle, ANSWER_MS, "ms", note),
        Measure("pages", "a chart answers, slowest", slowest[0], SLOWEST_MS, "ms", slowest[1]),
    ]
