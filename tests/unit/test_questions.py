"""Bets and exercises: every answer comes from the tables, every mistake is told apart, and no solution is given away."""

from __future__ import annotations

import json
import math

import ipywidgets as widgets
import nbformat
import pytest

from cape_utils import data, teaching
from cape_utils.chapters.ch01_data import questions as ch01
from cape_utils.teaching import display, pages, questions, records, registry
from cape_utils.teaching.pictures import axis_picture
from cape_utils.teaching.questions import Choice, Line, Mistake, Number, Reveal, Solution
from cape_utils.teaching.widgets import bet_widget, exercise_widget
from tests.loading import ROOT, load

CHAPTERS = [str(chapter)[:2] for chapter in data.load("chapters")["chapter"]]
BETS = {bet.id: bet for bet in registry.bets()}
EXERCISES = {one.id: one for one in registry.exercises()}


def test_every_chapter_asks_for_bets_and_has_three_exercises():
    for known, least, most in ((BETS, 1, 2), (EXERCISES, 3, 3)):
        for chapter in CHAPTERS:
            ids = [name for name in known if name.startswith(f"{chapter}.")]
            assert least <= len(ids) <= most, ids
            assert ids == [f"{chapter}.{i + 1}" for i in range(len(ids))]
    assert {name[:2] for name in [*BETS, *EXERCISES]} == set(CHAPTERS)


@pytest.mark.parametrize("name", BETS)
def test_a_bet_has_an_answer_a_chart_that_holds_it_and_words_for_each_case(name):
    bet = BETS[name]
    told, ask = bet.reveal(), bet.ask
    assert bet.question.endswith(("?", "."))
    assert told.words.endswith(".")
    assert len(told.picture.alt) > 15
    clauses = [told.right, *told.wrong.values()]
    if isinstance(ask, Choice):
        assert told.answer in ask.options
        assert set(told.wrong) == set(ask.options) - {told.answer}
        assert set(told.picture.scale["rows"]) == set(ask.options)
    else:
        clauses += [told.too_low, told.too_high]
        heights = told.answer if isinstance(ask, Line) else (told.answer,)
        assert isinstance(heights, tuple)
        assert len(heights) == (len(ask.at) if isinstance(ask, Line) else 1)
        assert all(ask.low <= height <= ask.high for height in heights)
        assert ask.tolerance < 0.2 * (ask.high - ask.low), "nearly every bet would be right"
    assert all(clause and not clause.endswith(".") for clause in clauses)
    assert questions.bet_is_right(ask, told.answer, told.answer)


@pytest.mark.parametrize("name", EXERCISES)
def test_an_exercise_tells_each_mistake_apart_and_gives_nothing_away(name):
    exercise = EXERCISES[name]
    told = exercise.solve()
    assert len(told.answers) == len(exercise.asks)
    assert told.words.endswith(".")
    for part, (ask, answer) in enumerate(zip(exercise.asks, told.answers, strict=True)):
        assert questions.check_answer(ask, told, answer, part).right
        if isinstance(ask, Choice):
            assert answer in ask.options
        else:
            assert isinstance(answer, float)
            assert math.isfinite(answer)
        mistakes = [one for one in told.mistakes if one.part == part]
        for one in mistakes:
            said = questions.check_answer(ask, told, one.answer, part)
            assert not said.right, f"{one.answer} counts as right"
            assert said.words == one.words, f"{one.answer} is taken for another mistake"
            if isinstance(ask, Number):
                assert ask.show(float(answer)) not in one.words
        if isinstance(ask, Choice):
            assert {one.answer for one in mistakes} == set(ask.options) - {answer}, (
                "an option without feedback"
            )
        elif ask.show(float(answer)) not in ("0", "0%", "1"):
            assert ask.show(float(answer)) not in exercise.hint
    assert max((one.part for one in told.mistakes), default=0) < len(exercise.asks)


BY_HAND = {
    "01.1": (1.96 * math.sqrt(2) * 100 * math.sqrt(0.4 * 0.6 / 817),),
    "02.1": ((35.16 - 34.10) / (74.07 - 71.20), "bonus"),
    "03.1": (10 ** (5 / 6),),
    "04.1": (12.5, 10.0, "in the same direction"),
    "05.1": (5.0, 2.5),
    "06.1": (99 / 101, -1.0),
    "07.1": (30 * math.exp(0.2),),
    "08.1": (100**2 / 8142, 16**2 / 78),
    "09.1": (59.4 - 46.4 - 0.513 * 49, "coding specialist"),
    "10.1": (-math.log(3), 0.25, math.log(3)),
    "11.1": (0.0, 100.0),
    "12.1": (-0.5, "larger than their error"),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_what_can_be_worked_out_by_hand_agrees(name):
    for got, expected in zip(EXERCISES[name].solve().answers, BY_HAND[name], strict=True):
        assert got == (pytest.approx(expected, abs=1e-3) if isinstance(expected, float) else expected)


def test_an_answer_follows_the_tables(spoil):
    before = ch01.smallest_models().answer
    spoil("paper_panel.csv", "42.87", "52.87")  # OPT-125M, one of five
    assert ch01.smallest_models().answer == pytest.approx(before + 10 / 5)


def told(answer: questions.Answer) -> Reveal:
    ask = Number("r", low=-1, high=1, tolerance=0.1)
    chart = axis_picture(ask, 0.5, alt="An axis.", title="r")
    return Reveal(answer, "Words.", chart, "R", "L", "H", {"no": "N"})


@pytest.mark.parametrize(
    ("ask", "answer", "bet", "words"),
    [
        (Number("r", 0.1), 0.5, None, "No bet was placed; the answer is 0.50."),
        (Number("r", 0.1), 0.5, 0.6, "Right: 0.60 is 0.10 away; R."),
        (Number("r", 0.1), 0.5, 0.61, "Close: 0.61 is 0.11 too high; H."),
        (Number("r", 0.1), 0.5, 0.2, "Far off: 0.20 is 0.30 too low; L."),
        (Number("r", 0.1), 0.5, -9.0, "Far off: \u22129.00 is 9.50 too low; L."),
        (Choice("", ("yes", "no")), "yes", "yes", "Right: R."),
        (Choice("", ("yes", "no")), "yes", "no", "Not so: N."),
        (
            Line("y", ("a", "b"), 2),
            (10.0, 20.0),
            (12.0, 18.0),
            "Right: your line is 2 points from the measured one on average; R.",
        ),
        (
            Line("y", ("a", "b"), 2),
            (10.0, 20.0),
            (15.0, 20.0),
            "Close: your line is 3 points from the measured one on average; H.",
        ),
        (
            Line("y", ("a", "b"), 2),
            (10.0, 20.0),
            (0.0, 0.0),
            "Far off: your line is 15 points from the measured one on average; L.",
        ),
    ],
)
def test_a_bet_gets_one_sentence_by_how_far_it_was_off(ask, answer, bet, words):
    assert questions.bet_words(ask, told(answer), bet) == words


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("5", "Right."),
        (5.0999, "Right."),
        ("7.05", "Seven."),
        ("-5", questions.SIGN),
        (0.05, questions.HUNDREDTH),
        ("500", questions.HUNDREDFOLD),
        ("4", questions.NOT_YET),
        ("nothing", questions.NO_NUMBER),
    ],
)
def test_a_number_is_judged(given, words):
    solution = Solution((5.0,), "", None, (Mistake(7.0, "Seven."),))
    assert questions.check_answer(Number("n", 0.1), solution, given).words == words


def test_an_answer_of_zero_has_no_sign_to_be_wrong():
    solution = Solution((0.0,), "", None)
    assert questions.check_answer(Number("n", 0.5), solution, 3).words == questions.NOT_YET


def test_check_says_what_it_takes():
    box = teaching.exercise("02.1")
    assert box.check(0.37, "bonus").right
    assert not box.check(0.37, "tax").right
    assert "Choose one of these: tax; transition; bonus" in repr(box.check(0.37, "gold"))
    for wrong in ((), (1, 2, 3)):
        with pytest.raises(
            ValueError, match=rf"got {len(wrong)} answers, expected 1 to 2: Local coupling, Phase"
        ):
            box.check(*wrong)
    assert "0.37" not in repr(box) + box.hint()


@pytest.mark.parametrize(("ask", "kind"), [(teaching.bet, "bet"), (teaching.exercise, "exercise")])
def test_a_question_that_is_not_there_is_named(ask, kind):
    with pytest.raises(KeyError, match=rf"there is no {kind} '02.9'; chapter '02' has 02.1"):
        ask("02.9")
    with pytest.raises(KeyError, match="chapter '77' has none"):
        ask("77.1")


# ---------------------------------------------------------------- what is kept


@pytest.fixture
def own(tmp_path, monkeypatch):
    monkeypatch.setenv("CAPE_RESULTS", str(tmp_path))
    return tmp_path


def record(*, right: bool, sure: int) -> records.Record:
    return records.Record("1", "2", right, sure)


def test_the_first_bet_counts(own):
    records.keep("02.1", record(right=False, sure=75))
    records.keep("02.1", record(right=True, sure=95))
    records.keep("03.1", record(right=True, sure=50))
    assert records.kept() == {"02.1": record(right=False, sure=75), "03.1": record(right=True, sure=50)}


@pytest.mark.parametrize("text", ["", "[]", '{"02.1": 3}', '{"02.1": {"bet": "1"}}'])
def test_a_spoilt_file_is_no_error(own, text):
    (own / "bets.json").write_text(text)
    assert records.kept() == {}


def test_a_folder_that_cannot_be_written_is_no_error(own, monkeypatch):
    (own / "file").write_text("")
    monkeypatch.setenv("CAPE_RESULTS", str(own / "file"))
    records.keep("02.1", record(right=True, sure=50))
    assert records.kept() == {}


@pytest.mark.parametrize(
    ("right", "sure", "verdict"),
    [
        (10, 25, "you were not sure enough"),
        (1, 95, "you were too sure"),
        (5, 50, "no sign of being too sure or not sure enough"),
    ],
)
def test_calibration_is_judged_by_what_luck_does(right, sure, verdict):
    placed = {str(i): record(right=i < right, sure=sure) for i in range(10)}
    assert verdict in records.calibration_words(placed, 21)


# ---------------------------------------------------------------- in a live kernel


def press(box: widgets.VBox) -> str:
    (button,) = [one for one in box.children if isinstance(one, widgets.Button)]
    button.click()
    return " ".join(one.value for one in box.children if isinstance(one, widgets.HTML))


def test_a_bet_is_the_same_as_a_widget(own):
    box = bet_widget(BETS["02.1"])
    text, slider = box.children[1:3]
    slider.value = 0.25
    assert text.value == "0.25"
    said = press(box)
    assert questions.bet_words(BETS["02.1"].ask, BETS["02.1"].reveal(), 0.25) in said
    assert "your bet" in said
    assert list(records.kept()) == ["02.1"]
    assert not records.kept()["02.1"].right


def test_a_bet_that_is_not_placed_is_answered_and_not_kept(own):
    assert "No bet was placed" in press(bet_widget(BETS["05.1"]))
    assert records.kept() == {}


def test_words_that_are_no_number_give_no_answer_away(own):
    box = bet_widget(BETS["02.1"])
    box.children[1].value = "hardly any"
    assert press(box).endswith(questions.NOT_A_BET)
    assert records.kept() == {}


def test_a_drawn_line_is_a_row_of_sliders(own):
    box = bet_widget(BETS["07.1"])
    sliders = [one for one in box.children if isinstance(one, widgets.FloatSlider)]
    for slider, height in zip(sliders, BETS["07.1"].reveal().answer, strict=True):
        slider.value = height
    assert "Right: your line is" in press(box)


def test_an_exercise_is_the_same_as_a_widget():
    box = exercise_widget(EXERCISES["02.1"])
    box.children[0].value, box.children[1].value = "2.71", "bonus"
    said = press(box)
    assert "turn it over" in said
    assert "Phase:</b> Right." in said
    assert EXERCISES["02.1"].solve().words not in said


def test_a_page_gets_forms_and_a_plain_script_words(capsys):
    shown = {}
    for name in ("bet", "exercise"):
        thing = getattr(teaching, name)("02.1")
        shown[name] = thing.form()
        thing._ipython_display_()
    assert "<form" in shown["bet"]
    assert 'type="radio" name="exercise-02-1-1"' in shown["exercise"]
    assert "What correlation would you expect" in capsys.readouterr().out
    listed = display.bet_record().form()
    assert listed.count("&quot;page&quot;") == len(BETS)


def test_code_in_a_hint_is_code_and_nothing_breaks_out_of_a_form():
    assert pages.prose("use `f(-1)` & -2") == "use <code>f(-1)</code> &amp; \u22122"


# ---------------------------------------------------------------- for classes

CLASS = load("book/_ext/cape_class.py")


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_for_classes_is_the_same_without_solutions(path):
    text = path.read_text(encoding="utf-8")
    stored, given = (nbformat.reads(one, as_version=4) for one in (text, CLASS.without_solutions(text)))
    nbformat.validate(given)
    assert "# @title Solution" not in json.dumps(given)
    changed = [(a, b) for a, b in zip(stored.cells, given.cells, strict=True) if a != b]
    assert len(changed) == 3
    assert all(a.source.startswith("# @title Solution") and b.source == "# Your code\n" for a, b in changed)


def test_a_notebook_whose_solutions_cannot_be_found_is_refused():
    text = (ROOT / "notebooks" / "01_data.ipynb").read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="no cell begins with '# @title Solution'"):
        CLASS.without_solutions(text.replace("@title Solution", "@title Answer"))
