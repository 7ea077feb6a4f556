"""Pages composed for printing, without a browser: links, answers, code, what is left out; and the check of the EPUB."""

from __future__ import annotations

import zipfile

import pytest

from tests.loading import ROOT, load

compose = load("book/printed/compose.py")
epub = load("book/printed/epub.py")

TOC = """format: jb-book
root: book/intro
parts:
  - caption: Chapters
    chapters:
      - file: notebooks/01_data
      - file: book/figures
"""
INTRO = """<article class="bd-article"><section id="front"><h1>Front<a class="headerlink" href="#front">#</a></h1>
<p><a href="../notebooks/01_data.html#claim">the claim</a> <a href="../notebooks/01_data.html">chapter</a>
<a href="figures.html">slides</a> <a href="https://example.org/x">elsewhere</a> <a href="#gone">gone</a></p>
<div class="cape-editions"><ul><li>old links</li></ul></div><nav class="cape-open"><a href="x.ipynb">Open</a></nav>
<svg><defs><clippath id="c"></clippath></defs><path clip-path="url(#c)" fill="var(--cape-soft)"/></svg></section></article>"""
CHAPTER = """<article class="bd-article"><section id="data"><h1><span class="cape-number">Chapter 1</span> What was
measured?</h1><section id="m"><h3>Measured here</h3>
<div class="cell_input"><pre>x = 1 &lt; 2</pre></div><p id="claim">Found.</p>
<form class="cape-bet" id="bet-01-1" data-bet='{"ask": {"options": ["up", "down"]}}'><p class="cape-question">Which way?</p>
<button>Bet</button><div class="cape-answer"><p>It went up.</p></div></form>
<form class="cape-exercise" id="exercise-01-1"><div class="cape-part"><label for="b">How many?</label><input id="b"></div>
<details><summary>Hint</summary><p>Count.</p></details>
<details class="cape-solution"><summary>Solution</summary><p>Seven of them.</p></details></form>
<table class="scoreboard"><tr><td data-label="verdict">differs</td>
<td>3<details><summary>why</summary>Because.</details></td></tr></table>
<details><summary>More</summary><p>Folded words.</p></details></section></section></article>"""


@pytest.fixture
def document(tmp_path):
    (tmp_path / "_toc.yml").write_text(TOC, encoding="utf-8")
    (tmp_path / "CITATION.cff").write_text(
        (ROOT / "CITATION.cff").read_text(encoding="utf-8"), encoding="utf-8"
    )
    static = tmp_path / "book" / "_static"
    static.mkdir(parents=True)
    (static / "book.css").write_text(":root {\n  --cape-soft: #57606a;\n}\n", encoding="utf-8")
    for name, text in (("book/intro", INTRO), ("notebooks/01_data", CHAPTER)):
        path = tmp_path / "html" / f"{name}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"<html><body><nav>Menu</nav>{text}</body></html>", encoding="utf-8")
    return lambda pages_url="": compose.compose(tmp_path, tmp_path / "html", pages_url=pages_url)


def bodies(document):
    return {one.key: one.body for one in document.sections}


def test_links_lead_inside_the_document_or_to_the_published_pages(document):
    text = bodies(document())["p-intro"]
    assert '<a href="#p-01_data--claim">the claim</a>' in text
    assert '<a href="#p-01_data">chapter</a>' in text
    assert '<a href="https://example.org/x">' in text
    assert '<a href="#p-intro">gone</a>' in text, "what was left out leads to its page"
    assert "slides" in text
    assert "figures.html" not in text
    published = bodies(document("https://octocat.github.io/cape-book"))["p-intro"]
    assert '<a href="https://octocat.github.io/cape-book/book/figures.html">slides</a>' in published


def test_what_only_a_screen_can_use_is_left_out(document):
    made = document()
    assert [one.key for one in made.sections] == ["p-intro", "p-01_data", "answers", "code"]
    text = "".join(bodies(made).values())
    for gone in ("headerlink", "old links", "cape-open", "<button", "<form", "<input", "Menu", "var(--"):
        assert gone not in text
    assert 'clip-path="url(#p-intro--c)"' in text
    assert 'id="p-intro--c"' in text
    assert "Folded words." in text


def test_answers_and_code_stand_at_the_end_and_are_linked_both_ways(document):
    held = bodies(document())
    chapter = held["p-01_data"]
    assert "Which way?" in chapter
    assert "<li>down</li>" in chapter
    for words in ("It went up.", "Seven of them.", "x = 1 &lt; 2"):
        assert words not in chapter
    assert "It went up." in held["answers"]
    assert "Seven of them." in held["answers"]
    assert "<pre>x = 1 &lt; 2</pre>" in held["code"]
    for there, back in (
        ("answers--bet-01-1", "p-01_data--bet-01-1"),
        ("answers--exercise-01-1", "p-01_data--exercise-01-1"),
        ("code--p-01_data-1", "p-01_data--code-1"),
    ):
        assert f'href="#{there}"' in chapter
        assert f'id="{back}"' in chapter
        assert f'href="#{back}"' in held["answers"] + held["code"]
        assert f'id="{there}"' in held["answers"] + held["code"]
    assert compose.repeated_names(document()) == []


def test_a_reason_stands_below_its_claim_and_the_title_is_one_line(document):
    made = document()
    assert '<tr class="reason"><td colspan="2">Because.</td></tr>' in bodies(made)["p-01_data"]
    assert made.sections[1].title == "Chapter 1: What was measured?"
    assert made.sections[1].headings == (("p-01_data--m", "Measured here"),)


@pytest.mark.parametrize(
    ("old", "words"),
    [
        ('<div class="cape-answer"><p>It went up.</p></div>', "has no answer"),
        (
            CHAPTER[CHAPTER.index("<details><summary>Hint") : CHAPTER.index("</form>\n<table")],
            "has no solution",
        ),
    ],
)
def test_a_question_without_an_answer_is_refused(document, tmp_path, old, words):
    document()
    path = tmp_path / "html" / "notebooks" / "01_data.html"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, ""), encoding="utf-8")
    with pytest.raises(ValueError, match=words):
        document()


def test_the_style_sheet_knows_no_variables():
    assert "var(" not in compose.style_sheet(ROOT)
    with pytest.raises(ValueError, match="--unknown"):
        compose._written_out("a { color: var(--unknown) }", {})
    assert compose._written_out("var(--a, var(--b, red))", {"--b": "blue"}) == "blue"


# ---------------------------------------------------------------- EPUB

XHTML = 'xmlns="http://www.w3.org/1999/xhtml"'


@pytest.fixture
def packed(document, tmp_path):
    made = document()
    parts = {
        one.key: {
            "body": f'<section {XHTML} id="{one.key}"><p id="{one.key}--x">Words</p></section>',
            "svg": False,
            "mathml": False,
        }
        for one in made.sections
    }
    made.sections[1] = compose.replace(made.sections[1], headings=(("p-01_data--x", "Words"),))

    def write(change=lambda parts: None):
        changed = {key: dict(part) for key, part in parts.items()}
        change(changed)
        path = tmp_path / "book.epub"
        epub.write_epub(path, made, changed, "p { color: red }", b"font")
        return path

    return write


def test_the_epub_is_sound_and_the_same_every_time(packed):
    path = packed()
    first = path.read_bytes()
    assert epub.faults(path) == []
    assert packed().read_bytes() == first
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist()[0] == "mimetype"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("Words</p>", "Words", "mismatched tag"),
        ("Words", '<a href="p-intro.xhtml#nowhere">w</a>', "leads nowhere"),
        ("Words", '<a href="gone.xhtml">w</a>', "leads nowhere"),
        ("Words", '<svg xmlns="http://www.w3.org/2000/svg"/>', "holds ['svg']"),
        ("Words", '<math xmlns="http://www.w3.org/1998/Math/MathML"/>', "holds ['mathml']"),
        ("Words", '<i id="p-01_data">w</i>', "stands twice"),
        ("Words", '<i id="1x">w</i>', "no XML name"),
        ("Words", "<button>w</button>", "holds a button"),
        ("Words", '<i style="fill: url(file:///whole.html#g)">w</i>', "leads out of the file"),
    ],
)
def test_an_unsound_epub_is_seen(packed, old, new, words):
    def spoil(parts):
        parts["p-01_data"]["body"] = parts["p-01_data"]["body"].replace(old, new)

    assert any(words in fault for fault in epub.faults(packed(spoil)))


def test_an_epub_with_files_amiss_is_seen(packed, tmp_path):
    path, spoiled = packed(), tmp_path / "spoiled.epub"
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(spoiled, "w", zipfile.ZIP_DEFLATED) as other:
        for one in archive.infolist():
            if one.filename != "EPUB/title.xhtml":
                other.writestr(one.filename, archive.read(one))
        other.writestr("EPUB/more.txt", "x")
    found = " ".join(epub.faults(spoiled))
    for words in ("not the type, unpacked", "title.xhtml: declared and missing", "more.txt: not declared"):
        assert words in found
