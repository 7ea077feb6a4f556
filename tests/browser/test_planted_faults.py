"""The checks of this folder, put to pages with planted faults: a check that finds nothing there proves nothing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cape_utils.charts.rendering import figure_html
from tests.browser import checks
from tests.browser.conftest import ROOT, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

GOOD = {
    "title": "Three dots",
    "description": "Three dots on a rising line, evenly spaced.",
    "usermeta": {"caption": "They rise (n = 3)."},
    "data": {"values": [{"a": 1, "b": 1}, {"a": 2, "b": 2}, {"a": 3, "b": 3}]},
    "mark": "point",
    "encoding": {"x": {"field": "a", "type": "quantitative"}, "y": {"field": "b", "type": "quantitative"}},
}
HEAD = (
    '<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8"><title>t</title>'
    '<link rel="icon" href="data:,"><link rel="stylesheet" href="book.css">'
    '<script defer src="cape-vega.js"></script><script defer src="figure_tools.js"></script>'
    '<script defer src="charts.js"></script></head>'
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, book: Path) -> Iterator[tuple[Path, str]]:
    """Serve an empty folder that holds the book's scripts."""
    folder = tmp_path_factory.mktemp("planted")
    for name in ("cape-vega.js", "figure_tools.js", "charts.js", "book.css"):
        shutil.copy(book / "_static" / name, folder / name)
    server, address = serve(folder)
    yield folder, address
    server.shutdown()


def _write(site: tuple[Path, str], body: str) -> None:
    (site[0] / "page.html").write_text(f'{HEAD}<body><div class="bd-article">{body}</div></body></html>')


def test_a_sound_page_passes(browser: Browser, site: tuple[Path, str]) -> None:
    """The planted pages differ from this one only in their fault."""
    _write(site, figure_html(GOOD))
    visit = checks.open_page(browser, site[1], "page.html", width=390)
    assert checks.mount_all(visit.page) == 1
    assert checks.figure_faults(visit.page) == []
    assert (visit.errors, visit.foreign, checks.overflow(visit.page)) == ([], [], [])
    visit.close()


def test_an_outside_script_is_caught(browser: Browser, site: tuple[Path, str]) -> None:
    """A script of another host is blocked, recorded, and shows in the console."""
    _write(site, '<script src="https://example.org/evil.js"></script>')
    visit = checks.open_page(browser, site[1], "page.html")
    assert visit.foreign == ["https://example.org/evil.js"]
    assert visit.errors
    visit.close()


def test_a_broken_specification_is_caught(browser: Browser, site: tuple[Path, str]) -> None:
    """A figure that cannot be drawn says so, and opens its text alternative."""
    _write(site, figure_html({**GOOD, "mark": "no-such-mark"}))
    visit = checks.open_page(browser, site[1], "page.html")
    checks.mount_all(visit.page)
    assert checks.figure_faults(visit.page)
    assert visit.errors
    assert visit.page.locator(".cape-alt[open]").count() == 1
    visit.close()


def test_a_warning_of_vega_is_caught(browser: Browser, site: tuple[Path, str]) -> None:
    """A chart whose height follows steps is drawn, but cannot be fitted as asked, and Vega says so in the console."""
    rows = {**GOOD["encoding"], "y": {"field": "b", "type": "nominal"}}
    _write(site, figure_html({**GOOD, "encoding": rows}))
    visit = checks.open_page(browser, site[1], "page.html")
    checks.mount_all(visit.page)
    assert [error for error in visit.errors if 'Dropping "fit-y"' in error]
    visit.close()


def test_missing_words_are_caught(browser: Browser, site: tuple[Path, str]) -> None:
    """A figure without caption, or with a text alternative of one word, is a fault."""
    broken = figure_html(GOOD).replace("They rise (n = 3).", "").replace(str(GOOD["description"]), "Dots.")
    _write(site, broken)
    visit = checks.open_page(browser, site[1], "page.html")
    checks.mount_all(visit.page)
    text = "\n".join(checks.figure_faults(visit.page))
    assert "no caption" in text
    assert "text alternative of 5 characters" in text
    visit.close()


def test_a_wide_page_is_caught(browser: Browser, site: tuple[Path, str]) -> None:
    """Something wider than a phone is named; inside a box that scrolls it is no fault."""
    wide = '<div class="wide" style="width:900px">x</div>'
    _write(site, wide)
    visit = checks.open_page(browser, site[1], "page.html", width=390)
    assert "div.wide" in checks.overflow(visit.page)[0]
    visit.close()
    _write(site, f'<div style="overflow-x:auto">{wide}</div>')
    visit = checks.open_page(browser, site[1], "page.html", width=390)
    assert checks.overflow(visit.page) == []
    visit.close()


@pytest.mark.parametrize(
    ("cell", "fault"),
    [
        ("<td>NaN</td>", "cell NaN"),
        ("<td>-inf</td>", "cell -inf"),
        ("<td>r = 0.3, p = 0.000</td>", "p-value r = 0.3, p = 0.000"),
        ("<th>mid_params_b</th>", "heading mid_params_b"),
    ],
)
def test_what_only_a_program_understands_is_caught(cell: str, fault: str) -> None:
    """A table with words and numbers passes; one with a program's word is named."""
    table = (
        "<table><tr><th>size (B)</th><td>1.4</td><td>p = 0.0004</td><td><code>a_b</code></td>{}</tr></table>"
    )
    assert checks.machine_words(table.format("")) == []
    assert checks.machine_words(table.format(cell)) == [fault]


def test_a_clipped_box_is_caught(browser: Browser, site: tuple[Path, str]) -> None:
    """A line of code and a table wider than their boxes are named; those that fit are not."""
    code = '<div class="cell_input"><pre style="width:20ch;overflow:auto">{}</pre></div>'
    table = (
        '<div class="cell_output"><div class="output" style="width:200px;overflow:auto">'
        '<table style="width:{}px"><tr><td>a</td></tr></table></div></div>'
    )
    _write(site, code.format("x" * 10) + table.format(100))
    visit = checks.open_page(browser, site[1], "page.html")
    assert checks.clipped(visit.page) == []
    visit.close()
    _write(site, code.format("x" * 90) + table.format(300))
    visit = checks.open_page(browser, site[1], "page.html")
    assert [fault.split()[0] for fault in checks.clipped(visit.page)] == ["code", "table"]
    visit.close()


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ('<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">', "image-alt"),
        ("<input>", "label"),
        ('<p style="color:#bbb;background:#fff">pale</p>', "color-contrast"),
        ('<button style="width:9px;height:9px;padding:0" aria-label="a"></button>' * 2, "target-size"),
    ],
)
def test_a_barrier_is_caught(browser: Browser, site: tuple[Path, str], body: str, rule: str) -> None:
    """A picture without words, a field without a label, pale text and small targets are named by axe."""
    _write(site, body)
    visit = checks.open_page(browser, site[1], "page.html")
    assert any(fault.startswith(f"{rule} ") for fault in checks.accessibility_faults(visit.page))
    visit.close()


def test_colours_read_once_are_not_mixed_up(browser: Browser, site: tuple[Path, str]) -> None:
    """Of four texts, the two whose contrast is too low are named, and no other, though they share their colours."""
    pairs = {
        "a": ("#bbb", "#fff"),
        "b": ("#bbb", "#000"),
        "c": ("rgba(0,0,0,0.2)", "#fff"),
        "d": ("#000", "#bbb"),
    }
    texts = [
        f'<p id="{i}" style="color:{ink};background:{paper}">text</p>' for i, (ink, paper) in pairs.items()
    ]
    _write(site, "".join(texts))
    visit = checks.open_page(browser, site[1], "page.html")
    found = [f.split(": ")[1][:2] for f in checks.accessibility_faults(visit.page) if "contrast" in f]
    assert found == ["#a", "#c"]
    visit.close()


def test_a_control_that_draws_nothing_is_caught(browser: Browser, site: tuple[Path, str]) -> None:
    """A drop-down that the chart does not ask is named; one that it asks is not, and a page without any is."""
    asked = {"name": "size", "value": 30, "bind": {"input": "select", "options": [30, 300], "name": "Size"}}
    for size, faults in (({"expr": "size"}, 0), (30, 1)):
        _write(site, figure_html({**GOOD, "params": [asked], "mark": {"type": "point", "size": size}}))
        visit = checks.open_page(browser, site[1], "page.html")
        checks.mount_all(visit.page)
        assert checks.dead_controls(visit.page) == ["a control draws nothing: Three dots"] * faults
        visit.close()
    _write(site, figure_html(GOOD))
    visit = checks.open_page(browser, site[1], "page.html")
    assert checks.dead_controls(visit.page) == ["a chapter without anything to play with"]
    visit.close()


def test_a_control_out_of_reach_is_caught(browser: Browser, site: tuple[Path, str]) -> None:
    """A button that the Tab key passes over is named; one that it reaches is not."""
    _write(site, '<button>near</button><button tabindex="-1">far</button>')
    visit = checks.open_page(browser, site[1], "page.html")
    assert checks.out_of_reach(visit.page) == ["button far"]
    visit.close()


def test_broken_links_are_caught(site: tuple[Path, str]) -> None:
    """A missing file and a missing anchor are named; a link to another host is not ours to check."""
    _write(
        site,
        '<a href="gone.html">1</a><a href="#nowhere">2</a><a href="https://example.org/">3</a>'
        '<b id="k"></b><a href="#k">4</a>',
    )
    assert checks.broken_links(site[0], site[0] / "page.html") == [
        "gone.html: no such file",
        "#nowhere: no such anchor",
    ]


def test_the_scripts_come_from_this_checkout() -> None:
    """The served scripts are the ones of this checkout, so a stale build cannot hide a fault in them."""
    own = [path for path in (ROOT / "book" / "_static").iterdir() if path.suffix in (".js", ".css")]
    own.append(ROOT / "cape_utils" / "charts" / "figure_tools.js")
    assert {"book.css", "charts.js", "scorecard.js", "scrollers.js"} < {p.name for p in own}
    for path in own:
        built = ROOT / "_build" / "html" / "_static" / path.name
        assert built.read_bytes() == path.read_bytes(), f"{path.name}: run `make book` again"
