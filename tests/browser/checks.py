"""What every page of the built book must fulfil, as plain functions, so that planted faults can be put to them."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urldefrag, urlparse

from tests.browser.serving import watch

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page

WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
_STATE = re.compile(r"cape\d+;")  # what the dashboard page reads from its address is no anchor
MIN_ALTERNATIVE = 30  # characters; anything shorter names the chart instead of saying what it shows


@dataclass
class Visit:
    """An open page, and everything that went wrong on it since it was opened."""

    page: Page
    context: BrowserContext
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def close(self) -> None:
        """Close the page and its context."""
        self.context.close()


def is_complaint(message: ConsoleMessage) -> bool:
    """Whether a message in the console is an error, or a warning of Vega's about a chart."""
    return message.type == "error" or (message.type == "warning" and message.text.startswith("WARN "))


def open_page(browser: Browser, base: str, path: str, *, width: int = 1440, dark: bool = False) -> Visit:
    """Open a page of the served book; requests to any other host are recorded and blocked."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light"
    )
    page = context.new_page()
    visit = Visit(page, context)

    def listen(message: ConsoleMessage) -> None:
        if is_complaint(message):
            visit.errors.append(message.text)

    watch(context, base, visit.foreign)
    page.on("console", listen)
    page.on("pageerror", lambda error: visit.errors.append(str(error)))
    page.goto(f"{base}/{path}", wait_until="load")
    return visit


def mount_all(page: Page) -> int:
    """Open every fold, draw every figure, wait until each is drawn or has failed; return how many there are."""
    # The dashboard draws one card after another; a fold of a card that is not there yet would stay closed.
    page.wait_for_function("!document.querySelector('[data-stale]')", timeout=30_000)
    # The data and the picture to save stay folded: thousands of cells would be looked at one by one.
    page.evaluate(
        """document.querySelectorAll('details').forEach((fold) => {
            if (!fold.closest('.cape-tools') || fold.matches('.cape-alt')) fold.open = true;
        })"""
    )
    page.evaluate(
        "document.querySelectorAll('.toggle-hidden').forEach(e => e.classList.remove('toggle-hidden'))"
    )
    figures = page.locator("figure.cape-figure")
    count: int = figures.count()
    for index in range(count):
        figures.nth(index).scroll_into_view_if_needed()
    if count:
        page.wait_for_function(
            "[...document.querySelectorAll('figure.cape-figure')]"
            ".every(f => f.dataset.mounted || f.dataset.error)",
            timeout=30_000,
        )
    page.evaluate("window.scrollTo(0, 0)")
    return count


def figure_faults(page: Page) -> list[str]:
    """List the figures that failed to draw, drew nothing, or lack a title, caption or text alternative."""
    return page.evaluate(  # type: ignore[no-any-return]
        """(shortest) => [...document.querySelectorAll('figure.cape-figure')].flatMap((figure, index) => {
            const words = (selector) => (figure.querySelector(selector)?.textContent || '').trim();
            const name = `figure ${index + 1} (${words('.cape-title') || 'untitled'})`;
            const faults = [];
            if (figure.dataset.error) faults.push(`${name}: ${figure.dataset.error}`);
            else if (!figure.dataset.mounted) faults.push(`${name}: not drawn`);
            else if (!figure.querySelector('svg [role="graphics-symbol"], svg path, svg rect, svg line'))
              faults.push(`${name}: empty drawing`);
            if (!words('.cape-title')) faults.push(`${name}: no title`);
            if (!words('figcaption')) faults.push(`${name}: no caption`);
            const label = figure.querySelector('.cape-chart')?.getAttribute('aria-label') || '';
            if (label.trim().length < shortest) faults.push(`${name}: text alternative of ${label.length} characters`);
            for (const field of figure.querySelectorAll('.cape-controls :is(select, input)')) {
              if (!field.labels?.length && !field.getAttribute('aria-label'))
                faults.push(`${name}: unlabelled control`);
              const box = field.closest('label')?.getBoundingClientRect() || field.getBoundingClientRect();
              if (box.width && Math.min(box.width, box.height) < 24) faults.push(`${name}: control under 24 px`);
            }
            return faults;
        })""",
        MIN_ALTERNATIVE,
    )


@functools.cache
def _axe() -> str:
    import axe_playwright_python

    return (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


# Of the seconds that axe takes for a page, a third goes into reading the same few colours thousands of times.
_READ_COLOURS_ONCE = """() => {
    const colour = axe.commons.color.Color.prototype, read = colour.parseString, known = new Map();
    colour.parseString = function (text) {
        if (known.has(text)) [this.r, this.g, this.b, this.alpha] = known.get(text);
        else known.set(text, (read.call(this, text), [this.r, this.g, this.b, this.alpha]));
        return this;
    };
}"""


def accessibility_faults(page: Page) -> list[str]:
    """List what axe-core finds against WCAG 2.2 at levels A and AA."""
    page.evaluate(_axe())
    page.evaluate(_READ_COLOURS_ONCE)
    found = page.evaluate(
        """(tags) => axe.run(document, {
            runOnly: { type: "tag", values: tags }, rules: { "target-size": { enabled: true } },
            resultTypes: ["violations"],
        })""",
        list(WCAG),
    )
    return [
        f"{rule['id']} ({rule['help']}): {node['target'][-1]} {node['html'][:120]}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


def out_of_reach(page: Page) -> list[str]:
    """List the visible controls that the Tab key does not reach from the top of the page; at most 600 steps."""
    page.evaluate(
        """() => {
            document.activeElement?.blur();
            window.scrollTo(0, 0);
            window.capeReached = new Set();
            document.addEventListener("focusin", (event) => window.capeReached.add(event.target));
        }"""
    )
    stops = page.evaluate("document.querySelectorAll('a, button, input, select, summary, [tabindex]').length")
    for step in range(min(600, stops + 5)):
        if step % 25 == 0 and not _not_reached(page):
            return []  # all are reached, and further steps can only reach more
        page.keyboard.press("Tab")
    return _not_reached(page)


def _not_reached(page: Page) -> list[str]:
    return page.evaluate(  # type: ignore[no-any-return]
        """() => [...document.querySelectorAll(".bd-article :is(a[href], button, input, select, textarea, summary)")]
            .filter((e) => e.checkVisibility({ visibilityProperty: true }) && !e.disabled && !window.capeReached.has(e))
            // Of a group of radio buttons the Tab key reaches the chosen one, and the arrows the rest.
            .filter((e) => !(e.type === "radio" && [...window.capeReached].some((r) => r.name === e.name)))
            .map((e) => `${e.tagName.toLowerCase()} ${(e.textContent || e.name || "").trim().slice(0, 40)}`)"""
    )


def overflow(page: Page) -> list[str]:
    """List what makes the page wider than the screen; empty where nothing does."""
    return page.evaluate(  # type: ignore[no-any-return]
        """() => {
            const root = document.documentElement;
            const wide = root.clientWidth;
            const article = document.querySelector('.bd-article') || document.body;
            if (root.scrollWidth <= wide && article.scrollWidth <= article.clientWidth + 1) return [];
            const inScroller = (element) => {
              for (let up = element.parentElement; up; up = up.parentElement)
                if (['auto', 'scroll', 'hidden'].includes(getComputedStyle(up).overflowX) && up !== document.body)
                  return true;
              return false;
            };
            const found = [...article.querySelectorAll('*')]
              .filter((e) => e.getBoundingClientRect().right > wide + 1 && !inScroller(e))
              .slice(0, 5)
              .map((e) => [e, Math.round(e.getBoundingClientRect().right)])
              .map(([e, right]) => `${e.tagName.toLowerCase()}.${e.className?.baseVal ?? e.className} to ${right} px`);
            return found.length ? found : [`page ${root.scrollWidth} px wide on a screen of ${wide}`];
        }"""
    )


def clipped(page: Page) -> list[str]:
    """List the boxes of code, and of tables in outputs, whose content is wider than they are; folds must be open."""
    return page.evaluate(  # type: ignore[no-any-return]
        """() => {
            const words = (e) => e.textContent.trim().replace(/\\s+/g, ' ').slice(0, 50);
            const outputs = [...document.querySelectorAll('.cell_output > .output')].filter((e) => e.querySelector('table'));
            return [...document.querySelectorAll('.cell_input pre'), ...outputs]
              .filter((e) => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1)
              .map((e) => `${e.tagName === 'PRE' ? 'code' : 'table'} ${e.scrollWidth} px in ${e.clientWidth}: ${words(e)}`);
        }"""
    )


def picture(figure: Locator) -> str:
    """Return the drawing of a figure, as something that can be compared."""
    return str(figure.locator(".cape-chart svg").first.evaluate("svg => svg.outerHTML"))


def changes(page: Page, figure: Locator, before: str) -> bool:
    """Wait for another drawing, two seconds at most; tell whether it came."""
    for _ in range(40):
        if picture(figure) != before:
            return True
        page.wait_for_timeout(50)
    return False


def controlled(page: Page, selector: str) -> list[tuple[Locator, Locator]]:
    """Pair every control that matches with its figure."""
    figures = page.locator("figure.cape-figure")
    pairs = []
    for index in range(figures.count()):
        figure = figures.nth(index)
        found = figure.locator(f".cape-controls {selector}")
        pairs += [(figure, found.nth(place)) for place in range(found.count())]
    return pairs


def _dead(page: Page, figure: Locator, control: Locator, *, slider: bool) -> bool:
    """Whether no option of a drop-down, and no end of a slider, draws another picture."""
    before = picture(figure)
    if slider:
        for key in ("End", "Home"):
            control.focus()
            control.press(key)
            if changes(page, figure, before):
                return False
        return True
    now = control.evaluate("field => field.selectedIndex")
    for index in range(control.locator("option").count()):
        if index != now:
            control.select_option(index=index)
            if changes(page, figure, before):
                return False
    return True


def dead_controls(page: Page) -> list[str]:
    """List the drop-downs of which no option, and the sliders of which no end, draws another picture."""
    pairs = [
        (figure, control, slider)
        for selector, slider in (("select", False), ("input[type=range]", True))
        for figure, control in controlled(page, selector)
    ]
    if not pairs:
        return ["a chapter without anything to play with"]
    return [
        f"a control draws nothing: {figure.locator('.cape-title').inner_text()}"
        for figure, control, slider in pairs
        if _dead(page, figure, control, slider=slider)
    ]


def machine_words(html_text: str) -> list[str]:
    """List what only a program understands in the tables of outputs: NaN and inf, names of columns, p-values of zero."""
    found = []
    for table in re.findall(r"<table.*?</table>", html_text, re.DOTALL):
        for kind, cell in re.findall(r"<(t[hd])\b[^>]*>(.*?)</t[hd]>", table, re.DOTALL):
            words = unescape(re.sub(r"<code.*?</code>|<[^>]+>", "", cell)).strip()
            if re.fullmatch(r"[-+]?(?:nan|inf|None|NaT|<NA>)", words, re.IGNORECASE):
                found.append(f"cell {words}")
            elif re.search(r"\bp = 0\.0+\b(?!\d)|\bp 0\.0+\b(?!\d)", words):
                found.append(f"p-value {words[:40]}")
            elif kind == "th" and re.search(r"[a-z0-9]_[a-z0-9]", words):
                found.append(f"heading {words[:40]}")
    return found


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        for key in ("id", "name"):
            if values.get(key):
                self.names.add(str(values[key]))
        for key in ("href", "src"):
            if values.get(key):
                self.links.append(str(values[key]))


def _parse(path: Path) -> _Anchors:
    return _parsed(path, path.stat().st_mtime_ns)


@functools.cache
def _parsed(path: Path, written_ns: int) -> _Anchors:
    """Read a page once for all links that lead to it, and again when it was written again."""
    reader = _Anchors()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader


def scripts(page: Path) -> set[str]:
    """Return the names of the scripts that a page loads."""
    paths = [urlparse(link).path for link in _parse(page).links]
    return {path.rpartition("/")[2] for path in paths if path.endswith(".js")}


def broken_links(root: Path, page: Path) -> list[str]:
    """List the links of one page that lead to no file, or to no anchor, of the book in ``root``."""
    own = _parse(page)
    faults = []
    for link in dict.fromkeys(own.links):
        parts = urlparse(link)
        if parts.scheme or parts.netloc or link.startswith("#!"):
            continue
        address, anchor = urldefrag(link)
        target = page if not address else (page.parent / unquote(urlparse(address).path)).resolve()
        if target.is_dir():
            target = target / "index.html"
        if not target.exists() or not target.is_relative_to(root.resolve()):
            faults.append(f"{link}: no such file")
        elif anchor and target.suffix == ".html" and not _STATE.match(anchor):
            names = own.names if target == page else _parse(target).names
            if unquote(anchor) not in names:
                faults.append(f"{link}: no such anchor")
    return faults


def specifications(page: Path) -> list[dict[str, Any]]:
    """Return the Vega-Lite specification of every figure of a built page."""
    pattern = r'<script type="application/json" class="cape-spec">(.*?)</script>'
    return [json.loads(text) for text in re.findall(pattern, page.read_text(encoding="utf-8"), re.DOTALL)]


def book_pages(root: Path) -> list[str]:
    """List the pages of the built book, relative to it; index.html only forwards, and has its own test."""
    skip = {"_static", "_sources", "reports", "index.html"}
    pages = [path.relative_to(root) for path in sorted(root.rglob("*.html"))]
    return [path.as_posix() for path in pages if path.parts[0] not in skip]
