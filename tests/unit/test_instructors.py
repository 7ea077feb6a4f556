"""The instructor's folder: chapters read from an edition, slides, summaries, keys, and banks that grade as the book does."""

from __future__ import annotations

import html
import io
import re
import zipfile
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import pytest

from cape_utils import data
from cape_utils.teaching import registry
from cape_utils.teaching.questions import (
    Bet,
    Choice,
    Exercise,
    Mistake,
    Number,
    Reveal,
    Solution,
    check_answer,
)
from tests.loading import ROOT, load

made = load("book/instructors/__main__.py")
deck, gather, keys, moodle, qti, quiz = made.deck, made.gather, made.keys, made.moodle, made.qti, made.quiz

QTI = "{http://www.imsglobal.org/xsd/imsqti_v2p1}"
NAMES = {str(chapter)[:2]: f"Chapter <{chapter}>" for chapter in data.load("chapters")["chapter"]}
# Without chapter 6, which opens a language model.
CHEAP = ("01", "02", "03", "04", "05", "13")

# ---------------------------------------------------------------- an edition of one chapter

FIGURE = (
    '<figure class="cape-figure" id="p-02_coupling--f"><p class="cape-title">Two &amp; two rise</p>'
    '<div aria-label="Two points &lt; three." class="cape-chart" role="img"><svg viewBox="0 0 6 3"><path d="M0 0"/></svg></div>'
    '<figcaption>Caption, n = 2.</figcaption><p class="cape-setting">Drawn at Panel: one.</p></figure>'
)
ROW = (
    '<tr class="reasoned"><td data-label="verdict"><span class="verdict differs">differs</span></td><td data-label="claim">r of '
    'a &lt; b<br/><code>claim_{n}</code> <a class="cape-reproduce" href="x.xhtml">reproduce</a></td>'
    '<td data-label="paper">r = 1</td><td data-label="we find">r = 2; null: p = 0.5<svg/></td></tr>'
    '<tr class="reason"><td colspan="4">Because {n}.</td></tr>'
)
CHAPTER = f"""<section class="edition-page" id="p-02_coupling"><section id="p-02_coupling--top"><h1>Chapter 2: Asked?</h1>
<p>If so, a price.</p><p><strong>You will be able to</strong> tell <a href="g.xhtml#null">nulls</a> apart.</p>
<div class="asked" id="p-02_coupling--bet-02-1"><p class="cape-title">Your bet</p>
<p class="cape-question">Which r &lt; 0?</p></div>
{FIGURE}<table class="scoreboard">{ROW.format(n=1)}{ROW.format(n=2)}</table>
<div class="cell"><div class="asked" id="p-02_coupling--exercise-02-1"><ul><li>Local coupling</li></ul></div></div>
<div class="cell"><p class="aside"><a href="code.xhtml#code--p-02_coupling-1">Code</a></p>
<div class="cell_output"><pre>0.369 &lt; 1</pre></div></div>
<section id="p-02_coupling--take-away"><h2>Take away</h2><p>It is there.
It is no evidence.</p><p><strong>Limits.</strong> Few models.</p><p><strong>Read next</strong>: the next one.</p></section>
</section></section>"""
ANSWERS = """<section id="answers"><div class="answer" id="answers--bet-02-1"><h3>Bet</h3><div><figure class="cape-small">
<p class="cape-title">Two trends are enough</p><svg></svg></figure><p>It was minus one.</p></div></div>
<div class="answer" id="answers--exercise-02-1"><h3>E</h3><div><p>Divide, <a href="p.xhtml">see</a>.</p></div></div></section>"""
CODE = (
    '<section><div class="listing" id="code--p-02_coupling-1"><p>Code</p>'
    "<pre># @title Solution\nprint(1 &lt; 2)</pre></div></section>"
)
GUIDE = (
    '<section id="p-teaching_guide"><section id="p-teaching_guide--discussion-questions"><p><strong>02</strong> <a>Q</a></p>'
    "<ol><li><p>Why &lt;so&gt;? (<a>there</a>)</p></li></ol></section></section>"
)
ASKED = {"02.1": "**Calculate.** Is $a < b$?"}


@pytest.fixture
def edition(tmp_path):
    def write(**changed: str) -> tuple:
        pages = {
            "p-02_coupling": CHAPTER,
            "answers": ANSWERS,
            "code": CODE,
            "p-teaching_guide": GUIDE,
        } | changed
        path = tmp_path / "book.epub"
        with zipfile.ZipFile(path, "w") as archive:
            for name, body in pages.items():
                archive.writestr(f"EPUB/{name}.xhtml", f"<html><body>{body}</body></html>")
        return gather.chapters(ROOT, path)

    return write


@pytest.fixture
def chapter(edition):
    (one,) = edition()
    return one


@pytest.fixture(scope="module")
def about(tmp_path_factory):
    book = tmp_path_factory.mktemp("html")
    (book / "_static").mkdir()
    (book / "_static" / "math.css").write_text(".math {}", encoding="utf-8")
    return made.sheet.edition(ROOT, book)


def test_a_chapter_is_read_in_pieces(chapter):
    (bet, picture), (exercise,) = chapter.course, chapter.exercises
    assert (bet.id, bet.question) == ("bet-02-1", "Which r < 0?")
    assert (picture.title, picture.caption, picture.alt) == (
        "Two & two rise",
        "Caption, n = 2.",
        "Two points < three.",
    )
    assert picture.setting == "Drawn at Panel: one."
    assert exercise.code.endswith("print(1 < 2)")
    assert "0.369 &lt; 1" in exercise.output
    assert chapter.goals == "tell nulls apart."
    assert chapter.findings == ("It is there.", "It is no evidence.")
    assert (chapter.limits, chapter.read_next) == ("Few models.", "the next one.")
    assert chapter.to_argue == ("Why <so>?",)
    assert [(one.name, one.claim, one.reason) for one in chapter.verdicts] == [
        ("claim_1", "r of a &lt; b", "Because 1."),
        ("claim_2", "r of a &lt; b", "Because 2."),
    ]
    assert ".xhtml" not in repr(chapter), "links into the edition are plain words"


@pytest.mark.parametrize(
    ("page", "old", "new", "said"),
    [
        (
            "p-02_coupling",
            "<strong>Limits.</strong>",
            "Limits:",
            "02_coupling: no paragraph begins with 'Limits.'",
        ),
        ("p-02_coupling", "--take-away", "--end", "nothing to take away"),
        (
            "p-02_coupling",
            'aria-label="Two points &lt; three."',
            "",
            "'Two & two rise' has no drawing, or no words",
        ),
        ("p-02_coupling", "#code--p-02_coupling-1", "#none", "exercise-02-1 is followed by no solution"),
        ("answers", "answers--bet-02-1", "answers--bet-02-2", "bet-02-1 has no answer"),
    ],
)
def test_a_chapter_that_lacks_a_piece_is_refused(edition, page, old, new, said):
    text = {"p-02_coupling": CHAPTER, "answers": ANSWERS}[page]
    assert old in text
    with pytest.raises(ValueError, match=re.escape(said)):
        edition(**{page: text.replace(old, new)})


# ---------------------------------------------------------------- pages


def foreign(page: str) -> list[str]:
    """What a browser would fetch for a page that is to stand alone."""
    loaded = re.findall(r'<(?:script|img|iframe|link)\b[^>]*(?:src|href)="([^"]*)"', page)
    return loaded + [
        one for one in re.findall(r"url\(([^)]*)\)", page) if not re.match(r"['\"]?(data:|#)", one)
    ]


def test_slides_follow_the_chapter_and_escape_what_they_hold(chapter, about):
    made_of = deck.slides(chapter, about)
    assert [one.kind for one in made_of] == ["opening", "bet", "came", "figure", "table", "words", "words"]
    assert [one.heading for one in made_of][2:5] == [
        "Two trends are enough",
        "Two & two rise",
        "Paper says, we find",
    ]
    page = deck.deck(chapter, about)
    assert foreign(page) == []
    assert foreign('<script src="https://x.org/a.js"></script><style>url(https://x.org)</style>') != []
    assert page.count("<h1") == 1
    assert "Which r &lt; 0?" in page
    assert "Why &lt;so&gt;?" in page
    notes = re.findall(r'<aside class="notes".*?</aside>', page, re.DOTALL)
    assert any("Caption, n = 2." in one and "Drawn at Panel: one." in one for one in notes)
    assert any("Because 1." in one for one in notes)
    assert any("It was minus one." in one for one in notes), "the answer of the bet is told to the speaker"
    shown = re.search(r'<section class="slide bet".*?<aside', page, re.DOTALL).group()
    assert "It was minus one." not in shown


def test_many_claims_go_on_several_slides_and_very_many_are_counted(chapter):
    (one, other) = chapter.verdicts
    long = gather.Verdict("n", one.badge, "long words " * 12, "1", "2", "R")
    slides = list(deck._verdicts([long] * 12))
    assert len(slides) > 1
    assert sum(slide.body.count("long words") for slide in slides) == 12 * 12
    assert slides[-1].heading.endswith(f"({len(slides)} of {len(slides)})")
    (counted,) = deck._verdicts([one, other] * deck.MOST_CLAIMS)
    assert f"<li>{2 * deck.MOST_CLAIMS} {one.badge}</li>" in counted.body


def test_a_summary_has_question_finding_figure_verdicts_and_what_to_do(chapter, about):
    titles = {"02_coupling": "Two & two rise"}
    page = made.summary.summary(chapter, about, titles, ASKED)
    for words in (
        "It is there.",
        "Two &amp; two rise",
        "r of a &lt; b",
        "Read next: the next one.",
        "<svg",
        chapter.question,
    ):
        assert words in page
    assert "<math" in page
    assert ".math {}" in page, "a page with formulas brings their font"
    assert foreign(page) == []
    with pytest.raises(ValueError, match="02_coupling has no figure 'Other'"):
        made.summary.main_figure(chapter, {"02_coupling": "Other"})


def test_every_chapter_has_a_main_figure():
    assert list(made.summary.main_titles(ROOT)) == data.load("chapters")["chapter"].tolist()


def test_a_key_has_answers_tolerances_mistakes_and_the_solution_as_it_ran(chapter, about):
    exercise = registry.find_exercise("02.1")
    page = keys.key(chapter, about, ASKED, {"02.1": exercise})
    told = exercise.solve()
    assert "within 0.006" in page
    assert f"<td>{exercise.asks[0].show(told.answers[0])}</td>" in page
    for mistake in told.mistakes:
        assert html.escape(mistake.words) in page
    assert "print(1 &lt; 2)" in page
    assert "@title" not in page
    assert "0.369 &lt; 1" in page


# ---------------------------------------------------------------- banks of questions


def graded_by_moodle(question: ET.Element, given: str) -> tuple[bool, str]:
    """What Moodle does with an answer: the first that fits counts, and its feedback is shown."""
    for one in question.findall("answer"):
        text, tolerance = one.findtext("text"), one.findtext("tolerance")
        fits = text in ("*", given) or (
            tolerance is not None and abs(float(text) - float(given)) <= float(tolerance) + 1e-9
        )
        if fits:
            return one.get("fraction") == "100", one.findtext("feedback/text")
    raise AssertionError(f"no answer fits {given}")


def graded_by_qti(item: ET.Element, given: str) -> tuple[bool, str]:
    """What a player of QTI does: the first condition that is met sets score and feedback."""
    choices = {"".join(one.itertext()): one.get("identifier") for one in item.iter(f"{QTI}simpleChoice")}
    response = choices.get(given, given)
    correct = item.findtext(f"{QTI}responseDeclaration/{QTI}correctResponse/{QTI}value")
    score, feedback = "0", ""
    for rule in item.find(f"{QTI}responseProcessing"):
        steps = [rule]
        if rule.tag == f"{QTI}responseCondition":
            steps = []
            for branch in rule:
                near = branch.find(f"{QTI}equal")
                if near is not None:
                    low, high = map(float, near.get("tolerance").split())
                    value = float(near.findtext(f"{QTI}baseValue"))
                    met = value - low - 1e-9 <= float(response) <= value + high + 1e-9
                else:
                    met = branch.tag == f"{QTI}responseElse" or response == correct
                if met:
                    steps = list(branch)
                    break
        for step in steps:
            if step.tag == f"{QTI}setOutcomeValue":
                value = step.findtext(f"{QTI}baseValue") or response
                score, feedback = (value, feedback) if step.get("identifier") == "SCORE" else (score, value)
    said = next(one for one in item.iter(f"{QTI}modalFeedback") if one.get("identifier") == feedback)
    return score == "1", "".join(said.itertext())


def tried(ask: Number | Choice, told: Solution, part: int) -> list[str]:
    """Answers to grade: right ones, those at either side of the tolerance, every mistake, and one that nobody expects."""
    if isinstance(ask, Choice):
        return list(ask.options)
    true = float(told.answers[part])
    near = [true + step * ask.tolerance for step in (-1.01, -0.99, 0, 0.99, 1.01)]
    wrong = [float(one.answer) for one in told.mistakes if one.part == part]
    return [repr(one) for one in (*near, *wrong, -true, 100 * true, 12345.678)]


def plain(words: str) -> str:
    return re.sub(r"\W+", "", re.sub(r"<[^>]+>", "", html.unescape(words)))


def faults(exercises: list[Exercise], asked: dict[str, str], spoil=lambda text: text) -> list[str]:
    """Answers that a bank grades otherwise than the book does, or tells something else."""
    items = quiz.items(exercises, [], asked)
    bank = ET.fromstring(spoil(moodle.bank(items, course="B", chapters=NAMES).decode()))
    package = qti.package(items, course="B", chapters=NAMES)
    found = []
    questions = {one.findtext("idnumber"): one for one in bank if one.get("type") != "category"}
    for exercise in exercises:
        told = exercise.solve()
        for part, ask in enumerate(exercise.asks):
            number = f"{exercise.id}-{part + 1}"
            item = ET.fromstring(spoil(package[f"items/item-{number.replace('.', '-')}.xml"].decode()))
            for given in tried(ask, told, part):
                expected = check_answer(ask, told, given, part)
                results = {
                    "Moodle": graded_by_moodle(questions[f"cape-{number}"], given),
                    "QTI": graded_by_qti(item, given),
                }
                for name, (right, words) in results.items():
                    if right != expected.right:
                        found.append(f"{name}, {number}: {given} counts as {right}")
                    if expected.words not in (made.moodle.NOT_YET, "Right.") and plain(
                        expected.words
                    ) != plain(words):
                        found.append(f"{name}, {number}: {given} is told {words!r}")
    assert len(questions) == sum(len(one.asks) for one in exercises)
    return found


@pytest.fixture(scope="module")
def asked():
    return quiz.prompts(sorted((ROOT / "notebooks").glob("*.ipynb")))


def test_every_exercise_has_its_question(asked):
    assert set(asked) == {one.id for one in registry.exercises()}
    assert all(re.match(r"\*\*(Calculate|Change|Criticise)\.\*\* \w", text) for text in asked.values())


@pytest.mark.parametrize("chapter", CHEAP)
def test_the_banks_grade_as_the_book_does(chapter, asked):
    assert faults([one for one in registry.exercises() if one.id[:2] == chapter], asked) == []


@pytest.mark.models
def test_the_banks_grade_as_the_book_does_in_the_chapters_that_take_longer(asked):
    assert faults([one for one in registry.exercises() if one.id[:2] not in CHEAP], asked) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<tolerance>0.006</tolerance>", "<tolerance>0.06</tolerance>"),
        ('tolerance="0.006 0.006"', 'tolerance="0.0006 0.0006"'),
        ('fraction="100"', 'fraction="0"'),
        (">choice-3</value>", ">choice-1</value>"),
        ("turn it over", "turn it round"),
    ],
)
def test_a_bank_that_grades_otherwise_is_seen(asked, old, new):
    hits = []

    def spoil(text: str) -> str:
        hits.append(text.count(old))
        return text.replace(old, new)

    assert faults([registry.find_exercise("02.1")], asked, spoil)
    assert sum(hits)


def nasty() -> tuple[Exercise, Bet]:
    words = 'Is "a" < b & `x<y`?'
    solution = Solution(
        (0.5, "a < b"), words, None, (Mistake("b & c", f"No. {words}", 1), Mistake(2.0, words))
    )
    exercise = Exercise(
        "02.1", (Number("h < 1", 0.01, unit="%"), Choice(words, ("a < b", "b & c"))), words, lambda: solution
    )
    reveal = Reveal("yes", words, SimpleNamespace(), "R", wrong={"no & no": "W < W"})
    return exercise, Bet("02.1", words, Choice("", ("yes", "no & no")), lambda: reveal)


def test_signs_of_markup_and_mathematics_are_kept():
    items = quiz.items([nasty()[0]], [nasty()[1]], ASKED)
    assert [one.id for one in items] == ["02.1-1", "02.1-2", "02.1-bet"]
    bank = ET.fromstring(moodle.bank(items, course="B", chapters=NAMES))
    numerical, choice, bet = (one for one in bank if one.get("type") != "category")
    assert r"\(a &lt; b\)" in numerical.findtext("questiontext/text")
    assert "h &lt; 1 (in %; right within 0.01 points)" in numerical.findtext("questiontext/text")
    assert "<code>x&lt;y</code>" in numerical.findtext("generalfeedback/text")
    assert [one.findtext("text") for one in choice.findall("answer")] == ["a &lt; b", "b &amp; c"]
    assert graded_by_moodle(bet, "yes")[0]
    files = qti.package(items, course="B", chapters=NAMES)
    item = ET.fromstring(files["items/item-02-1-2.xml"])
    assert [one.text for one in item.iter(f"{QTI}simpleChoice")] == ["a < b", "b & c"]
    formula = next(item.iter("{http://www.w3.org/1998/Math/MathML}math"))
    assert "".join(formula.itertext()).replace(" ", "") == "a<b"


def test_a_bet_without_options_is_no_question_of_a_quiz():
    assert quiz.items([], [registry.find_bet("02.1")], {}) == []


def test_a_question_that_links_a_page_is_refused(tmp_path):
    text = (ROOT / "notebooks" / "02_coupling.ipynb").read_text(encoding="utf-8")
    path = tmp_path / "02_coupling.ipynb"
    path.write_text(text.replace("**1. Calculate.** By", "**1. Calculate.** {doc}`x` By"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"exercise 02\.1 has no question, or one that links"):
        quiz.prompts([path])


def test_the_manifest_names_every_file_once_and_no_other(asked):
    files = qti.package(quiz.items([registry.find_exercise("02.1")], [], asked), course="B", chapters=NAMES)
    assert next(iter(files)) == "imsmanifest.xml"
    space = f"{{{qti.PACKAGE}}}"
    manifest = ET.fromstring(files["imsmanifest.xml"])
    listed = [one.get("href") for one in manifest.iter(f"{space}file")]
    assert sorted(listed) == sorted(set(files) - {"imsmanifest.xml"})
    names = {one.get("identifier") for one in manifest.iter(f"{space}resource")}
    assert {one.get("identifierref") for one in manifest.iter(f"{space}dependency")} <= names
    test = ET.fromstring(files["chapter-02.xml"])
    assert {one.get("href") for one in test.iter(f"{QTI}assessmentItemRef")} < set(files)


def test_a_zip_is_the_same_every_time(tmp_path):
    for name in ("a.zip", "b.zip"):
        made.packed(tmp_path / name, [("x.txt", b"1"), ("y/z.txt", b"2")], "2026-11-22")
    first = (tmp_path / "a.zip").read_bytes()
    assert first == (tmp_path / "b.zip").read_bytes()
    assert zipfile.ZipFile(io.BytesIO(first)).namelist() == ["x.txt", "y/z.txt"]


def test_the_zip_of_the_folder_lies_beside_the_editions(tmp_path, monkeypatch):
    """From there a release takes it, under a name that tells which edition it belongs to."""
    book, sheet = tmp_path / "_build" / "html", tmp_path / "_build" / made.FOLDER / "index.html"
    for folder in (book, sheet.parent):
        folder.mkdir(parents=True)
    sheet.write_text("all of it")
    editions = SimpleNamespace(epub=tmp_path / "the-book-1.2.epub")
    monkeypatch.setattr(made.printed, "asked", lambda argv, description: (book, editions))
    monkeypatch.setattr(made, "make", lambda root, pages, edition, out: [sheet])
    assert made.main([]) == 0
    with zipfile.ZipFile(book / "editions" / "the-book-1.2-instructors.zip") as archive:
        assert archive.read("instructors/index.html") == b"all of it"
