"""Links to the glossary, the times on the pages, and the notebook that reproduces every number."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from docutils import nodes
from docutils.core import publish_doctree
from pygments.lexers import JavascriptLexer
from pygments.token import Comment, Text

from cape_utils.claims import assessment, quotations
from tests.loading import load

terms = load("book/_ext/cape_terms.py")
times = load("book/_ext/cape_times.py")
budgets = load("book/_ext/cape_budgets.py")
reproduce = load("book/reproduce.py")
dashboard = load("book/_ext/cape_dashboard.py")

ENTRIES = ("Local coupling", "Tax, transition, bonus", "MC1, MC2", "Critical scale")


def app(**env):
    objects = {("term", name): ("book/glossary", f"term-{name.split()[0].strip(',')}") for name in ENTRIES}
    domain = SimpleNamespace(objects=objects)
    return SimpleNamespace(
        env=SimpleNamespace(get_domain=lambda name: domain, **env),
        builder=SimpleNamespace(get_relative_uri=lambda here, there: f"../{there}.html"),
    )


def linked(text: str, docname: str = "notebooks/02_coupling") -> list[tuple[str, str]]:
    doctree = publish_doctree(text, settings_overrides={"report_level": 5})
    before = doctree.astext()
    terms.link_first_uses(app(), doctree, docname)
    assert doctree.astext() == before, "a link must not change the words"
    return [(one.astext(), one["refuri"]) for one in doctree.findall(nodes.reference) if one.get("internal")]


def test_the_first_use_of_each_term_is_linked_and_no_later_one():
    found = linked(
        "A local coupling, then local couplings. The critical scale.\n\nLocal coupling again; MC1 and MC2."
    )
    assert found == [
        ("local coupling", "../book/glossary.html#term-Local"),
        ("critical scale", "../book/glossary.html#term-Critical"),
        ("MC1", "../book/glossary.html#term-MC1"),
    ]


def test_plurals_and_capitals_are_the_same_word_and_parts_of_words_are_not():
    assert [word for word, _ in linked("Critical scales and a bonus.")] == ["Critical scales", "bonus"]
    assert linked("A taxonomy of surtaxes, pre-tax and tax_rate.") == []


@pytest.mark.parametrize(
    "text",
    [
        "Tax\n===\n\nNothing here.\n",
        "Code: ``tax``.",
        "`tax <https://example.org>`_ stands in a link.",
        "::\n\n  tax = 1\n",
    ],
)
def test_headings_code_and_links_stay_as_they_are(text):
    assert linked(text) == []


def test_the_glossary_does_not_link_to_itself():
    assert linked("A tax.", terms.GLOSSARY) == []


def test_reading_time_counts_prose_and_figures_but_no_code():
    words = " ".join(["word"] * 360)
    figure = '.. raw:: html\n\n   <figure class="cape-figure"></figure>\n'
    assert times.count(publish_doctree(f"{words}\n\n::\n\n  code = {words}\n\n{figure}")) == (360, 1)
    assert times.minutes_to_read(360, 0) == 2
    assert times.minutes_to_read(360, 4) == 5
    assert times.minutes_to_read(0, 0) == 1


def test_the_opening_shows_the_time_of_the_last_run_and_not_the_estimate():
    doctree = publish_doctree("**Time**: a year to read.\n\n**Times** change.")
    doctree[0].insert(0, nodes.Text(""))  # as Markdown readers leave it
    env = {
        "cape_counts": {"notebooks/a": (1800, 0)},
        "nb_metadata": {"notebooks/a": {"exec_data": {"runtime": 75.2}}},
    }
    times.fill(app(**env), doctree, "notebooks/a")
    assert doctree.astext() == (
        "Time: about 10 minutes to read, 1 min 15 s to run when this page was made.\n\nTimes change."
    )
    unknown = publish_doctree("**Time**: a year to read.")
    times.fill(app(**{**env, "nb_metadata": {}}), unknown, "notebooks/a")
    assert unknown.astext() == "Time: about 10 minutes to read."


def kept(part: str, day: str, **machine: str) -> dict:
    row = {"part": part, "name": f"{part} it", "value": 0.04321, "budget": 300.0, "unit": "s", "note": "n"}
    about = {"system": "Linux", "cores": "2", "python": "3.11.7"} | machine
    return row | {"measured": day} | ({"machine": about} if machine else {})


def test_budgets_are_a_table_for_each_part_in_the_order_of_the_page():
    *tables, words = budgets.budgets_table(
        {"measures": [kept("pages", "2026-01-01", cores="2"), kept("start", "2026-01-01", cores="2")]}
    )
    rows = [[entry.astext() for entry in row.findall(nodes.entry)] for row in tables[0].findall(nodes.row)]
    assert rows == [
        ["Starting", "before", "measured", "at most", "note"],
        ["start it", "-", "0.0432 s", "450 s", "n"],
    ]
    assert len(tables) == 2
    assert tables[1].astext().strip().startswith("Reading")
    assert words.astext() == "Measured on 2026-01-01 with Linux, 2 cores, Python 3.11.7."


def test_figures_of_two_machines_are_told_apart():
    rows = [kept("start", "2026-02-02", cores="8"), kept("book", "2026-01-01", cores="2")]
    rows.append(kept("pages", "2026-01-01"))
    shared = {"system": "Linux", "cores": "2", "python": "3.11.7"}
    assert budgets.origin({"machine": shared, "measures": rows}) == (
        "Measured: Starting on 2026-02-02 with Linux, 8 cores, Python 3.11.7; "
        "Building and Reading on 2026-01-01 with Linux, 2 cores, Python 3.11.7."
    )


def test_the_kept_budgets_can_be_shown():
    known = json.loads(budgets.RESULTS.read_text(encoding="utf-8"))
    found = budgets.budgets_table(known)
    assert len(found) == len({row["part"] for row in known["measures"]}) + 1
    assert found[-1].astext().startswith("Measured")


def test_every_claim_has_a_cell_that_reproduces_it_and_the_notebook_is_up_to_date():
    cells = ["".join(cell["source"]) for cell in reproduce.notebook()["cells"]]
    for claim in quotations.ledger():
        assert cells.count(f'claims.reproduce("{claim.id}")') == 1
    assert reproduce.TARGET.read_text(encoding="utf-8") == reproduce.text(), "run: python book/reproduce.py"


def test_a_reproduction_shows_the_code_and_the_verdict():
    shown = assessment.reproduce("panel_families")
    page = shown._repr_html_()
    assert shown.code.startswith('@recomputes("panel_families")')
    assert shown.module == "cape_utils.chapters.ch01_data.recompute"
    assert "reproduced" in page
    assert "@recomputes(&quot;panel_families&quot;)" in page
    with pytest.raises(KeyError, match="no claim 'panel_famlies'"):
        assessment.reproduce("panel_famlies")


def test_claims_link_to_their_cell_in_the_book_only(monkeypatch):
    monkeypatch.delenv("CAPE_BOOK", raising=False)
    assert "href" not in assessment.scoreboard("01_data")._repr_html_()
    monkeypatch.setenv("CAPE_BOOK", "1")
    page = assessment.scoreboard("01_data")._repr_html_()
    assert 'href="../book/reproduce.html#claim-panel-families"' in page
    assert page.count("cape-reproduce") == len(assessment.assess("01_data"))


def code_of(script: str) -> str:
    """A script without its comments and the space between its words, as another reader of the language sees it."""
    tokens = JavascriptLexer(stripnl=False).get_tokens(script)
    return "".join(
        text for kind, text in tokens if kind not in Comment and (kind not in Text or text.strip())
    )


@pytest.mark.parametrize("part", dashboard.PARTS)
def test_the_lean_script_loses_comments_alone(part):
    source = (dashboard.SOURCES / f"{part}.js").read_text(encoding="utf-8")
    assert code_of(dashboard._lean(source)) == code_of(source)


@pytest.mark.parametrize("string", ['"/** x */ y"', "`x\n// y`", "`x\n  y`"])
def test_a_string_that_looks_like_a_comment_is_seen_to_be_lost(string):
    source = f"/** of a comment */ const a = {string}; // and another\n"
    assert code_of(dashboard._lean(source)) != code_of(source)
