"""What a page costs its reader: its weight, and the time until a chart answers on a machine four times slower."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measures import Measure

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["answer_ms", "dashboard_measures", "page_measures", "weights"]

ROOT = Path(__file__).resolve().parent.parent
HTML = ROOT / "_build" / "html"
PAGE_MB = 0.45
VEGA_MB = 0.9
ANSWER_MS, SLOWEST_MS = 35.0, 180.0
FIRST_USE_S, DASHBOARD_MB = 1.5, 0.4
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


def dashboard_measures(browser: Browser, html: Path) -> list[Measure]:
    """Weight of the dashboard page besides what all pages share, its first use from disk, and its answer to a change.

    The answer is held to a fixed calculation in the same page at the same moments, since machines are shared; on one of two
    cores at rest its budget is a tenth of a second.
    """
    from tests.browser import checks
    from tests.browser.dashboard.test_reader import FLOORS, TIMED, TWELVE

    static = html / "_static"
    weight = sum((static / name).stat().st_size for name in ("cape-dashboard.js", "dashboard.css"))
    firsts = []
    for _ in range(3):
        visit = checks.open_page(browser, html.as_uri(), "book/dashboard.html", width=1280)
        visit.page.locator(".cape-dashboard[data-mounted]").wait_for()
        entry = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
        firsts.append(float(visit.page.evaluate(entry)) / 1000)
        visit.close()
    link = "#cape1;hellaswag;truthfulqa_mc2;mine;" + ";".join(",".join(row) for row in TWELVE)
    visit = checks.open_page(browser, html.as_uri(), "book/dashboard.html" + link, width=1280)
    visit.page.wait_for_function("document.querySelectorAll('.cd-table tbody tr').length === 12")
    visit.context.new_cdp_session(visit.page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWDOWN})
    times, floors = map(statistics.median, visit.page.evaluate(TIMED))
    visit.close()
    note = f"{times:.0f} ms, twelve models, CPU slowed {SLOWDOWN} times; a fixed calculation {floors:.0f} ms"
    return [
        Measure("pages", "the dashboard besides what pages share", weight / 1e6, DASHBOARD_MB, "MB"),
        Measure(
            "pages", "the dashboard from disk, until it answers", statistics.median(firsts), FIRST_USE_S, "s"
        ),
        Measure("pages", "the dashboard answers a change", times / floors, FLOORS, "x", note),
    ]


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
        dashboard = dashboard_measures(browser, HTML)
        browser.close()
    server.shutdown()
    slowest = max(answers)
    middle = statistics.median(ms for ms, _ in answers)
    note = f"{len(answers)} charts, CPU slowed {SLOWDOWN} times"
    return [
        *found,
        Measure("pages", "a chart answers, median", middle, ANSWER_MS, "ms", note),
        Measure("pages", "a chart answers, slowest", slowest[0], SLOWEST_MS, "ms", slowest[1]),
        *dashboard,
    ]
