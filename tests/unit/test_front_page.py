"""The front page's instruments, small figures, the order of chapters and the texts of the search, without a build."""

from __future__ import annotations

import dataclasses
import doctest
import json
import re
from types import SimpleNamespace

import altair as alt
import pandas as pd
import pytest
from docutils import nodes
from docutils.core import publish_doctree

from cape_utils.chapters.ch02_coupling import findings as coupling_findings
from cape_utils.chapters.ch13_scorecard import findings as scorecard_findings
from cape_utils.charts.rendering import figure_html
from cape_utils.claims.assessment import assess_some
from cape_utils.claims.verdicts import VERDICTS
from cape_utils.data.loading import pythia
from tests.loading import ROOT, load

texts = load("book/_ext/chapter_texts.py")
front = load("book/_ext/cape_front.py")
chapters = load("book/_ext/cape_chapters.py")
search = load("book/_ext/cape_search.py")
small = load("book/_ext/small_figures.py")


@pytest.mark.parametrize("name", ["chapter_texts", "cape_front", "cape_chapters", "cape_search"])
def test_examples_hold(name):
    # Loaded here: doctest looks for the module that bears the name now, and another test may have loaded it since.
    result = doctest.testmod(load(f"book/_ext/{name}.py"))
    assert result.attempted > 0
    assert result.failed == 0


# ---------------------------------------------------------------- sentences


def claim(p: float):
    (item,) = assess_some([front.CLAIM])
    return SimpleNamespace(claim=item.claim, paper_panel=item.paper_panel, null=item.null, p=p)


@pytest.mark.parametrize(
    ("p", "means"),
    [
        (0.001, "says more than that"),
        (0.05, "hardly says more than that"),
        (0.2, "shows two trends; whether"),
    ],
)
def test_the_sentence_of_the_shuffles_turns_with_p(p, means):
    text = coupling_findings.shuffled_steps(claim(p))
    assert means in text
    assert text.startswith("Over Pythia's 8 models r is -0.989.")
    assert "half of all shuffles still give -0.976 or stronger, and 15%" in text


def test_the_sentence_of_the_shuffles_needs_a_null():
    bare = SimpleNamespace(**{**vars(claim(0.1)), "null": None})
    with pytest.raises(ValueError, match="pythia_r_hs_tqa"):
        coupling_findings.shuffled_steps(bare)


def test_the_sentence_over_all_claims_counts_by_the_rule():
    verdicts = ["reproduced"] * 2 + [
        "borderline",
        "paper's data only",
        "differs",
        "not testable",
        "not written yet",
    ]
    assert scorecard_findings.in_one_sentence(verdicts) == (
        "Of the papers' 6 claims the data give 4 as quoted; for 1 they give something else, and for 1 too little was released. "
        "Of those given as quoted, 2 still stand once they are held against a null and a second panel, where there is "
        "one."
    )


# ---------------------------------------------------------------- instruments


def test_the_axes_hold_every_point_and_the_quoted_value():
    (item,) = assess_some([front.CLAIM])
    known = front.shuffle_data(item, pythia("panel rows"))
    for name in "xy":
        assert (
            known["axes"][name]["low"] <= min(known[name]) < max(known[name]) <= known["axes"][name]["high"]
        )
    assert known["axes"]["r"]["low"] < known["quoted"] < item.null.high < known["axes"]["r"]["high"]
    page = front.shuffle_html(known, "Less than < *two*.")
    assert page.count("<circle") == len(known["sizes"]) == 8
    assert "Less than &lt; <em>two</em>." in page
    assert json.loads(re.search(r'json">(.*?)</script>', page)[1]) == json.loads(json.dumps(known))


def test_an_instrument_without_a_quoted_number_is_refused():
    (item,) = assess_some([front.CLAIM])
    with pytest.raises(ValueError, match="quotes no number"):
        front.shuffle_data(dataclasses.replace(item, null=None), pythia("panel rows"))


def test_tiles_stand_by_chapter_and_in_the_order_of_the_verdicts():
    (first,) = assess_some([front.CLAIM])
    other = dataclasses.replace(first.claim, id="an_other", chapter="01_data", statement='Less < "more"')
    items = [
        dataclasses.replace(first, verdict="differs"),
        dataclasses.replace(first, verdict="reproduced"),
        dataclasses.replace(first, claim=other, verdict="not testable", paper_panel=None),
    ]
    page = front.mosaic_html(items, {"01_data": "1 Data", "02_coupling": "2 Coupling"})
    assert re.findall(r'<li><a class="verdict ([\w-]+)"', page) == ["not-testable", "reproduced", "differs"]
    assert page.index("1 Data") < page.index("2 Coupling")
    assert 'href="reproduce.html#claim-an-other"' in page
    assert "not testable: Less &lt; &quot;more&quot;. Paper: r = -0.989." in page
    assert "Skip the 3 claims" in page
    # A verdict that no claim has is neither in the legend nor explained.
    assert page.count("<dt>") == 3 < len(VERDICTS)


# ---------------------------------------------------------------- small figures


def figure(chart) -> object:
    words = {
        "title": "A title",
        "description": "What is to be seen, in words.",
        "usermeta": {"caption": "Found."},
    }
    (found,) = texts.figures_in(figure_html(chart.properties(**words).to_dict()))
    return found


def test_a_small_figure_keeps_marks_and_words_and_takes_the_pages_colours():
    table = pd.DataFrame({"a": [1, 2, 3], "b": [0.123456, 2, 3], "c": ["-0.989", "", ""]})
    points = alt.Chart(table).mark_point().encode(alt.X("a:Q", title="one two three " * 4), y="b:Q")
    label = alt.Chart(table).mark_text(color="#1F2328").encode(x="a:Q", y="b:Q", text="c:N")
    drawn = small.small_svg(figure(points + label))
    assert 'role="img" aria-label="What is to be seen, in words."' in drawn
    assert len(re.findall(r"\b(?:role|aria-[a-z]+)=", drawn)) == 2, "only the picture as a whole speaks"
    assert ">-0.989<" in drawn, "digits of words stay"
    assert not re.search(r'transform="[^"]*\d\.\d\d', drawn)
    assert 'fill="var(--pst-color-text-base)"' in drawn
    assert "#1F2328" not in drawn
    assert set(re.findall(r'id="([^"]*)"', drawn)) == {
        name for name in re.findall(r"url\(#([^)]*)\)", drawn) if name.startswith("small-figure-a-title-")
    }
    assert ">one two three one two three one<" in drawn, "a long title breaks"


def test_a_composed_figure_is_no_small_one():
    chart = alt.Chart(pd.DataFrame({"a": [1]})).mark_point().encode(x="a:Q")
    with pytest.raises(texts.LeadsNowhereError, match="composed of several charts"):
        small.small_svg(figure(chart | chart))


# ---------------------------------------------------------------- the order of chapters


def notebook(folder, opening: str):
    path = folder / "09_x.ipynb"
    path.write_text(json.dumps({"cells": [{"source": [opening]}]}))
    return path


def test_what_a_chapter_needs_is_what_its_opening_links(tmp_path):
    opening = "# T\n\n**You need** {doc}`02_coupling`,\n[this](01_data.md), {doc}`02_coupling`.\n\n**Time**: {doc}`03_x`"
    assert texts.prerequisites(notebook(tmp_path, opening)) == ["02_coupling", "01_data"]
    assert texts.prerequisites(notebook(tmp_path, "**You need** nothing.\n")) == []
    with pytest.raises(texts.LeadsNowhereError, match="09_x"):
        texts.prerequisites(notebook(tmp_path, "# T\n"))


def test_the_order_of_the_book_is_sound():
    needs = {name: texts.prerequisites(ROOT / "notebooks" / f"{name}.ipynb") for name in texts.planned(ROOT)}
    assert texts.order_faults(needs) == []
    assert sum(map(len, needs.values())) > 10
    planted = {**needs, "02_coupling": ["03_phase_transition", "02_coupling", "14_none"]}
    assert texts.order_faults(planted) == [
        "02_coupling needs 03_phase_transition, which comes later",
        "02_coupling needs 02_coupling, which comes later",
        "02_coupling needs 14_none, which is no chapter",
    ]


def test_short_titles_are_short_and_told_apart():
    short = [chapter.short_title for chapter in texts.planned(ROOT).values()]
    assert len(set(short)) == len(short)
    assert max(map(len, short)) <= 16


def book(*names: str, docname: str):
    """What the extension sees of a book that holds these chapters."""
    found = {f"notebooks/{name}" for name in names}
    env = SimpleNamespace(srcdir=str(ROOT), found_docs=found, docname=docname, titles={})
    return SimpleNamespace(
        env=env,
        builder=SimpleNamespace(get_relative_uri=lambda here, there: f"{there.partition('/')[2]}.html"),
    )


def test_a_title_gets_its_number_and_links_the_short_title():
    app = book("07_ode", docname="notebooks/07_ode")
    doctree = publish_doctree(
        "A question?\n===========\n\nWords.\n", settings_overrides={"doctitle_xform": 0}
    )
    chapters.number_titles(app, doctree)
    chapters.name_for_links(app, doctree)
    assert next(doctree.findall(nodes.title)).astext() == "Chapter 7 A question?"
    assert doctree["title"] == "Chapter 7: A question?"
    assert app.env.titles["notebooks/07_ode"].astext() == "Chapter 7: ODE"
    other = book("07_ode", docname="book/intro")
    chapters.number_titles(
        other, doctree := publish_doctree("T\n=\n\nW.\n", settings_overrides={"doctitle_xform": 0})
    )
    chapters.name_for_links(other, doctree)
    assert next(doctree.findall(nodes.title)).astext() == "T"
    assert other.env.titles == {}


def test_the_strip_holds_order_needs_and_time():
    app = book("01_data", "02_coupling", "03_phase_transition", docname="notebooks/02_coupling")
    text = "**You will** see.\n\n**You need** this.\n\n**Time**: long.\n\nMore.\n"
    chapters.set_strip(app, doctree := publish_doctree(text), "notebooks/02_coupling")
    strip = next(doctree.findall(nodes.container))
    assert [part.astext() for part in strip.findall(nodes.paragraph)] == [
        "Order: 2 of 3, after 1 Data, before 3 Critical scale",
        "You need this.",
        "Time: long.",
    ]
    assert [link["refuri"] for link in strip.findall(nodes.reference)] == [
        "01_data.html",
        "03_phase_transition.html",
    ]
    assert [one.astext() for one in doctree.children if isinstance(one, nodes.paragraph)] == [
        "You will see.",
        "More.",
    ]
    chapters.set_strip(app, doctree := publish_doctree(text), "book/intro")
    assert not list(doctree.findall(nodes.container))


def test_the_map_says_in_words_what_its_arcs_draw():
    known = {f"notebooks/{name}": chapter for name, chapter in list(texts.planned(ROOT).items())[:3]}
    one, two, three = known
    page = chapters.map_html(
        known, {one: [], two: [one], three: [one, two]}, {name: f"{name}.html" for name in known}
    )
    assert re.findall(r"cape-needs\">(.*?)<", page) == ["can be read first", "needs 1", "needs 1 and 2"]
    assert page.count('<path class="arc') == 2, "that the third needs the first follows from the rest"


# ---------------------------------------------------------------- the search


def test_the_texts_of_a_page_stand_by_section_without_code_or_figures():
    page = (
        "Title\n=====\n\nOpening.\n\n.. raw:: html\n\n   <p>figure</p>\n\nOne\n---\n\nFirst\nwords.\n\n::\n\n  code\n\n"
        "Sub\n~~~\n\n- an item\n"
    )
    doctree = publish_doctree(page, settings_overrides={"doctitle_xform": 0})
    assert search.sections(doctree) == [("", "Opening."), ("one", "First words."), ("sub", "an item")]
