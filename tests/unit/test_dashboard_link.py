"""The link from a report to the dashboard page: where the page is published, and what the link holds."""

from __future__ import annotations

import dataclasses
import json
from importlib import metadata

import pandas as pd
import pytest

from cape_utils.diagnosis import diagnose
from cape_utils.diagnosis.family_diagnosis import Diagnosis
from cape_utils.reports import dashboard_link, render, sections
from tests.loading import ROOT, load

address = load("book/address.py")
PAGE = "https://someone.github.io/cape-book/book/dashboard.html"


@pytest.fixture(scope="module")
def diagnosis() -> Diagnosis:
    table = pd.DataFrame(
        {
            "model": ["a/b <1>", "c;d,e"],
            "family": "it's `mine`",
            "params_b": [0.07, 3.0],
            "hellaswag": [45.0, 60.25],
            "truthfulqa_mc2": [44.0, 34.5],
        }
    )
    return diagnose(table, draws=50)


@pytest.mark.parametrize(
    ("repository", "page"),
    [
        ("https://github.com/Someone/cape-book", PAGE),
        ("https://github.com/someone/cape-book.git@live", PAGE),
        ("https://github.com/someone/someone.github.io", "https://someone.github.io/book/dashboard.html"),
        (f"https://github.com/{address.PLACEHOLDER}/cape-book", ""),
        ("https://git.example.org/o/n", ""),
        ("file:///home/me/cape-book", ""),
    ],
)
def test_the_page_is_where_github_publishes_a_repository(repository: str, page: str) -> None:
    assert dashboard_link.page_address(repository) == page


def test_an_installation_knows_where_it_came_from(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    here = dashboard_link.published_page.__wrapped__
    assert here() == dashboard_link.page_address(address.read(ROOT, {}).url)

    class Installed:
        def read_text(self, name: str) -> str:
            assert name == "direct_url.json"
            return json.dumps({"url": "https://github.com/someone/cape-book", "vcs_info": {"vcs": "git"}})

    monkeypatch.setattr(dashboard_link, "__file__", str(tmp_path / "a" / "b" / "c.py"))
    monkeypatch.setattr(metadata, "distribution", lambda name: Installed())
    assert here() == PAGE

    def unknown(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", unknown)
    assert here() == ""


def test_every_report_leads_to_the_page_with_its_scores(
    monkeypatch: pytest.MonkeyPatch, diagnosis: Diagnosis
) -> None:
    held = dashboard_link.state(diagnosis)
    assert held == (
        "#cape1;hellaswag;truthfulqa_mc2;it's%20%60mine%60;a%2Fb%20%3C1%3E,0.07,45,44,,,;c%3Bd%2Ce,3,60.25,34.5,,,"
    )
    monkeypatch.setattr(sections, "published_page", lambda: PAGE)
    shown = render.as_html([diagnosis], [()])
    assert f'<a href="{PAGE}{held.replace(chr(39), "&#x27;")}">' in shown
    assert f"<{PAGE}{held}>" in render.as_markdown([diagnosis], [()])
    assert f"  {PAGE}{held}\n" in render.as_text(diagnosis, ())
    monkeypatch.setattr(sections, "published_page", lambda: "")
    assert f"<code>{held.replace(chr(39), '&#x27;')}</code>" in render.as_html([diagnosis], [()])
    assert f"`{held}`" in render.as_markdown([diagnosis], [()])
    assert f"behind its address:\n  {held}\n" in render.as_text(diagnosis, ())


@pytest.mark.parametrize("change", [{"y": "gsm8k"}, {"scores": 7}])
def test_what_the_page_cannot_hold_is_not_promised(
    monkeypatch: pytest.MonkeyPatch, diagnosis: Diagnosis, change: dict
) -> None:
    if "scores" in change:
        change = {"scores": diagnosis.scores * change["scores"]}
    odd = dataclasses.replace(diagnosis, **change)
    assert dashboard_link.state(odd) == ""
    monkeypatch.setattr(sections, "published_page", lambda: PAGE)
    last = sections.sections(odd, ())[-1]
    assert last.blocks[1:] == (sections.Link(PAGE),)
