"""The kept pictures of pages, put to planted changes of a look."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from cape_utils.charts.rendering import figure_html
from tests.browser import checks, screens
from tests.browser.conftest import serve
from tests.browser.test_planted_faults import GOOD, HEAD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

BADGE = '<span style="background: {colour}; padding: 4px 10px; color: #fff">agrees</span>'


def _body(*, colour: str = "#1a7f37", time: str = "9 seconds") -> str:
    words = f"<p>{'The coupling is positive above a size and negative below it. ' * 30}</p>"
    measured = f'<p class="cape-measured"><strong>Time</strong>: {time} to run</p>'
    return f"{measured}{words}{BADGE.format(colour=colour)}{figure_html(GOOD)}{words}"


@pytest.fixture
def photograph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, browser: Browser, book: Path
) -> Iterator[Callable[..., screens.Shot]]:
    """Photograph a page that differs from the first only in what is asked for; nothing is written into the book."""
    for name in ("ROOT", "KEPT", "SHOTS"):
        monkeypatch.setattr(screens, name, tmp_path)
    for name in ("cape-vega.js", "figure_tools.js", "charts.js", "book.css"):
        shutil.copy(book / "_static" / name, tmp_path / name)
    server, address = serve(tmp_path)
    visits: list[checks.Visit] = []

    def photographed(style: str = "p { }", **change: str) -> screens.Shot:
        body = f'<body><div class="bd-article">{_body(**change)}</div></body></html>'
        (tmp_path / "page.html").write_text(HEAD + body)
        visit = checks.open_page(browser, address, "page.html", width=390)
        visits.append(visit)  # stays open, for a picture of a change is taken only then
        screens.settle(visit.page, "light")
        visit.page.add_style_tag(content=style)  # only now, for a hidden figure is never drawn
        return screens.take(visit.page, "page.html", 390)

    yield photographed
    for visit in visits:
        visit.close()
    server.shutdown()


@pytest.fixture
def record(photograph: Callable[..., screens.Shot], made_with: dict[str, Any]) -> dict[str, Any]:
    """Keep the page as it is at first."""
    shot = photograph()
    return {"made_with": made_with, "heights": {shot.name: shot.height}}


CHANGES = {
    "a hidden drawing": {"style": ".cape-chart svg { opacity: 0 }"},
    "a figure taken away": {"style": "figure { display: none }"},
    "a badge of another colour": {"colour": "#9a6700"},
    "a line in between": {"style": "p { margin-bottom: 30px }"},
}


@pytest.mark.parametrize("change", [None, *CHANGES])
def test_a_changed_look_is_caught_and_shown_and_the_same_look_is_not(
    change: str | None,
    desk: Page,
    made_with: dict[str, Any],
    photograph: Callable[..., screens.Shot],
    record: dict[str, Any],
    tmp_path: Path,
) -> None:
    """What a build measures anew is no change; both looks are written side by side."""
    before = (tmp_path / "page-390.webp").read_bytes()
    shot = (
        photograph(**CHANGES[change])
        if change
        else photograph(time="1 min 15 s on a machine that was busy with more")
    )
    (tmp_path / "page-390.webp").write_bytes(before)
    faults = screens.difference(desk, shot, record, made_with)
    beside = tmp_path / "page-390-kept-and-now.png"
    assert bool(faults) == beside.exists() == (change is not None), faults
    if change:
        assert all(words in faults[0] for words in ("page-390", "px", beside.name, screens.COMMAND))


def test_elsewhere_only_the_height_is_compared_and_it_is_said(
    desk: Page,
    made_with: dict[str, Any],
    photograph: Callable[..., screens.Shot],
    record: dict[str, Any],
) -> None:
    """Another browser fails no one for another colour, but for a page that has lost a third."""
    elsewhere = {**record, "made_with": {**made_with, "chromium": "1.0"}}
    with pytest.warns(UserWarning, match="only the heights"):
        assert screens.difference(desk, photograph(colour="#9a6700"), elsewhere, made_with) == []
    with pytest.warns(UserWarning, match="only the heights"):
        assert screens.difference(desk, photograph(style="p { display: none }"), elsewhere, made_with)


def test_a_page_without_a_kept_picture_is_named(
    desk: Page, made_with: dict[str, Any], photograph: Callable[..., screens.Shot], tmp_path: Path
) -> None:
    """A new page cannot slip through, and a picture of a page that is gone is found."""
    shot = photograph()
    empty: dict[str, Any] = {"made_with": made_with, "heights": {}}
    assert "no picture of it is kept" in screens.difference(desk, shot, empty, made_with)[0]
    (tmp_path / "gone-390.webp").touch()
    assert "gone-390" in screens.left_over(["page.html"])
