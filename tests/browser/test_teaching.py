"""Bets, exercises and the record of bets in a page opened from disk: the same words and places as the package, for everybody."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from cape_utils.teaching import display, pages, questions, records, registry
from cape_utils.teaching.pictures import bet_mark
from cape_utils.teaching.questions import Answer, Bet, Choice, Exercise, Line, Number
from tests.browser import checks
from tests.loading import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Locator, Page

SCRIPT = (ROOT / "book/_static/teaching.js").read_text(encoding="utf-8")
SHELL = """<!doctype html><html lang="en" data-theme="{theme}"><head><meta charset="utf-8"><title>Questions</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="book.css"><link rel="stylesheet" href="teaching.css"><style>
:root {{ --pst-color-text-base: #222832; --pst-color-background: #fff; --pst-color-primary: #0055a4; }}
html[data-theme=dark] {{ --pst-color-text-base: #ced6dd; --pst-color-background: #14181e; --pst-color-primary: #66aaff; }}
body {{ margin: 0; color: var(--pst-color-text-base); background: var(--pst-color-background); font-family: sans-serif; }}
a {{ color: inherit; }} article {{ padding: 1rem; }}</style></head>
<body><main><article class="bd-article"><h1>Questions</h1>{parts}</article></main>
<script src="teaching.js"></script></body></html>"""
TEXTS = (
    "",
    "many",
    "about -0,5",
    "1,234",
    "1,234.5",
    "0,500",
    "\u22120.97",
    "+3 points",
    "1e-3",
    "1e999",
    ".5",
    "5.",
    "12,5%",
)


@pytest.fixture(scope="module")
def parts() -> str:
    forms = [pages.bet_form(bet) for bet in registry.bets()]
    forms += [pages.exercise_form(one) for one in registry.exercises()]
    return "".join([*forms, display.bet_record().form()])


def write_pages(folder: Path, parts: str, script: str = SCRIPT) -> str:
    for name in ("book.css", "teaching.css"):
        (folder / name).write_bytes((ROOT / "book/_static" / name).read_bytes())
    (folder / "teaching.js").write_text(script, encoding="utf-8")
    for theme in ("light", "dark"):
        (folder / f"{theme}.html").write_text(SHELL.format(theme=theme, parts=parts), encoding="utf-8")
    return folder.as_uri()


@pytest.fixture(scope="module")
def disk(parts: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_pages(tmp_path_factory.mktemp("teaching"), parts)


@pytest.fixture(scope="module")
def visit(browser: Browser, disk: str) -> Iterator[checks.Visit]:
    opened = checks.open_page(browser, disk, "light.html", width=1280)
    opened.page.locator(".cape-record[data-mounted]").wait_for()
    yield opened
    opened.close()


def bet_place(page: Page, bet: Bet) -> Locator:
    return page.locator(f"#bet-{bet.id.replace('.', '-')}")


def exercise_place(page: Page, exercise: Exercise) -> Locator:
    return page.locator(f"#exercise-{exercise.id.replace('.', '-')}")


ANSWER = """(form, answers) => answers.map((answer) => {
    const fields = [...form.querySelectorAll("input:not([type=radio])")];
    if (Array.isArray(answer)) fields.forEach((field, i) => { field.value = String(answer[i]); });
    else if (form.querySelector("input[type=text]")) form.querySelector("input[type=text]").value = answer;
    else form.querySelectorAll("input[type=radio]").forEach((one) => { one.checked = one.value === answer; });
    (form.closest("form")).requestSubmit();
    return [form.querySelector(".cape-feedback").textContent,
            form.querySelector(".cape-answer svg .cape-mine")?.outerHTML ?? ""];
})"""


def answer(form: Locator, *answers: Any) -> list[list[str]]:
    """Give a form, or a part of one, each answer in turn; what it says and draws for each.

    An answer is a text, the option of a choice, or the heights of a line.
    """
    every = [list(one) if isinstance(one, tuple) else one for one in answers]
    return form.evaluate(ANSWER, every)  # type: ignore[no-any-return]


def tried(ask: questions.Ask, truth: Answer, rng: np.random.Generator) -> list[Any]:
    """What readers might bet: near, close, far off, beyond the axis, in odd words; every option; lines."""
    if isinstance(ask, Choice):
        return [*ask.options, ""]
    if isinstance(ask, Line):
        assert isinstance(truth, tuple)
        step = 10.0**-ask.decimals
        lines = [np.round(truth, ask.decimals), *rng.uniform(ask.low, ask.high, (4, len(ask.at)))]
        lines += [np.clip(np.array(truth) + shift, ask.low, ask.high) for shift in (-9, 3, 15)]
        return [tuple((np.round(line / step) * step).round(ask.decimals).tolist()) for line in lines]
    assert isinstance(truth, float)
    shifts = ask.tolerance * np.array([0, 0.99, -0.99, 1.01, -1.01, 2.99, -3.01, 40, -40])
    return [*(repr(float(truth + shift)) for shift in shifts), *TEXTS]


def given(ask: questions.Ask, said: Any) -> Answer | None:
    """What the package reads in the same answer."""
    if isinstance(ask, Number):
        return questions.read_number(said)
    return said or None


def bet_faults(page: Page) -> list[str]:
    wrong, rng = [], np.random.default_rng(3)
    for bet in registry.bets():
        told = bet.reveal()
        answers = tried(bet.ask, told.answer, rng)
        for one, (shown, mark) in zip(answers, answer(bet_place(page, bet), *answers), strict=True):
            value = given(bet.ask, one)
            if isinstance(bet.ask, Number) and value is None and one.strip():
                if shown != questions.NOT_A_BET:
                    wrong.append(f"{bet.id} {one!r}: {shown!r} for {questions.NOT_A_BET!r}")
                continue
            words = questions.bet_words(bet.ask, told, value)
            wanted = "" if value is None else bet_mark(told.picture.scale, value)
            if shown != words:
                wrong.append(f"{bet.id} {one!r}: {shown!r} for {words!r}")
            if drawn(mark) != drawn(wanted):
                wrong.append(f"{bet.id} {one!r}: {mark} for {wanted}")
    return wrong


def drawn(svg: str) -> list[tuple[str, str]]:
    """The attributes and words of a drawing, without what a browser adds when it writes one down."""
    pairs = re.findall(r'([\w-]+)="([^"]*)"', svg) + [
        ("text", words) for words in re.findall(r">([^<>]+)<", svg)
    ]
    return sorted(pair for pair in pairs if pair[0] != "xmlns")


def exercise_faults(page: Page) -> list[str]:
    wrong = []
    for exercise in registry.exercises():
        form, told = exercise_place(page, exercise), exercise.solve()
        for part, ask in enumerate(exercise.asks):
            box, truth = form.locator(".cape-part").nth(part), told.answers[part]
            answers: list[Any] = [one.answer for one in told.mistakes if one.part == part]
            if isinstance(ask, Choice):
                answers += [*ask.options, ""]
            else:
                value = float(truth)
                answers += [value, -value, value / 100, 100 * value, value + 1.01 * ask.tolerance, *TEXTS]
            said = answer(box, *map(str, answers))
            for one, (shown, _) in zip(answers, said, strict=True):
                words = questions.check_answer(ask, told, str(one), part).words
                if shown != words:
                    wrong.append(f"{exercise.id} {one!r}: {shown!r} for {words!r}")
    return wrong


def test_a_bet_is_answered_as_by_the_package(visit: checks.Visit) -> None:
    assert bet_faults(visit.page) == []


def test_an_exercise_is_answered_as_by_the_package(visit: checks.Visit) -> None:
    assert exercise_faults(visit.page) == []


def test_nothing_of_the_answer_is_seen_before_the_bet(browser: Browser, disk: str) -> None:
    opened = checks.open_page(browser, disk, "light.html")
    answers = opened.page.locator(".cape-answer")
    assert answers.count() == len(registry.bets())
    assert [i for i in range(answers.count()) if answers.nth(i).is_visible()] == []
    form = bet_place(opened.page, registry.find_bet("02.1"))
    assert answer(form, "about nine, say")[0][0] == questions.NOT_A_BET
    assert form.locator(".cape-answer").is_hidden()  # a slip of the pen gives nothing away
    answer(form, "")  # nothing is refused: without a bet the answer is shown as well
    assert form.locator(".cape-answer").is_visible()
    assert opened.page.evaluate("localStorage.getItem('cape-bets')") is None
    opened.close()


def test_the_first_bet_counts_is_kept_and_can_be_forgotten(browser: Browser, disk: str) -> None:
    opened = checks.open_page(browser, disk, "light.html")
    page, bet = opened.page, registry.find_bet("02.1")
    form = bet_place(page, bet)
    form.locator("select").select_option("75")
    answer(form, "0.2", "-0.97")
    page.reload()
    assert form.locator("input[type=text]").input_value() == "0.2"
    assert form.locator(".cape-feedback").inner_text() == questions.bet_words(bet.ask, bet.reveal(), 0.2)
    row = page.locator(".cape-bets tbody tr")
    assert row.all_inner_texts() == [
        f"02.1\t0.20\t{questions.show_answer(bet.ask, bet.reveal().answer)}\t75%\t✗ no"
    ]
    assert row.locator("a").get_attribute("href") == "02_coupling.html#bet-02-1"
    page.get_by_role("button", name="Forget my bets").click()
    assert page.locator(".cape-record").inner_text() == records.calibration_words({}, len(registry.bets()))
    page.reload()
    assert page.locator(".cape-bets").count() == 0
    opened.close()


@pytest.mark.parametrize("placed", [0, 1, 5, 21])
def test_the_record_sums_up_as_the_package_does(visit: checks.Visit, placed: int) -> None:
    rng = np.random.default_rng(placed)
    for _ in range(6):
        every = {
            bet.id: records.Record("1", "2", bool(rng.random() < 0.5), int(rng.choice(records.SURE)))
            for bet in registry.bets()[:placed]
        }
        visit.page.evaluate(
            "v => localStorage.setItem('cape-bets', v)", json.dumps({k: vars(v) for k, v in every.items()})
        )
        visit.page.reload()
        words = visit.page.locator(".cape-record [role=status]").inner_text()
        assert words == records.calibration_words(every, len(registry.bets()))


@pytest.mark.parametrize("stored", ["[]", "{", '{"02.1": 3, "07.1": {"value": "x", "sure": 50}}', "null"])
def test_a_spoilt_store_is_no_error(browser: Browser, disk: str, stored: str) -> None:
    opened = checks.open_page(browser, disk, "light.html")
    opened.page.evaluate("v => localStorage.setItem('cape-bets', v)", stored)
    opened.page.reload()
    opened.page.locator(".cape-record[data-mounted]").wait_for()
    assert opened.errors == []
    opened.close()


def test_a_browser_that_keeps_nothing_still_answers(browser: Browser, disk: str) -> None:
    opened = checks.open_page(browser, disk, "light.html")
    opened.page.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new Error('no'); } });"
    )
    opened.page.reload()
    form = bet_place(opened.page, registry.find_bet("09.1"))
    assert answer(form, "0.6")[0][0].startswith("Right")
    assert opened.errors == []
    opened.close()


def test_a_line_is_drawn_with_the_pointer(browser: Browser, disk: str) -> None:
    opened = checks.open_page(browser, disk, "light.html", width=390)
    form = bet_place(opened.page, registry.find_bet("07.1"))
    sheet = form.locator(".cape-sheet")
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()
    assert box is not None
    scale = registry.find_bet("07.1").reveal().picture.scale
    mouse = opened.page.mouse
    mouse.move(
        box["x"] + scale["xs"][0] / 360 * box["width"], box["y"] + scale["floor"] / 190 * box["height"]
    )
    mouse.down()
    for x in scale["xs"]:
        mouse.move(box["x"] + x / 360 * box["width"], box["y"] + scale["top"] / 190 * box["height"])
    mouse.up()
    values = form.locator("input[type=range]").evaluate_all("all => all.map(e => Number(e.value))")
    assert values == [100, 100, 100]
    opened.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everybody_can_use_it(browser: Browser, disk: str, theme: str) -> None:
    opened = checks.open_page(browser, disk, f"{theme}.html", width=390, dark=theme == "dark")
    page = opened.page
    page.evaluate("document.querySelectorAll('form').forEach(form => form.requestSubmit())")
    page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true; })")
    assert opened.errors == []  # before axe, which asks for the styles again
    assert checks.accessibility_faults(page) == []
    assert checks.overflow(page) == []
    assert checks.out_of_reach(page) == []
    small = page.evaluate(
        "[...document.querySelectorAll('svg text')].filter(e => e.checkVisibility())"
        ".map(e => parseFloat(getComputedStyle(e).fontSize) * e.getCTM().a).filter(px => px < 10)"
    )
    assert small == []
    cut = page.evaluate("""[...document.querySelectorAll('svg text')].filter(e => e.checkVisibility()).filter(e => {
        const box = e.getBoundingClientRect(), sheet = e.ownerSVGElement.getBoundingClientRect();
        return box.left < sheet.left - 1 || box.right > sheet.right + 1 || box.bottom > sheet.bottom + 1;
    }).map(e => e.textContent)""")
    assert cut == []
    assert opened.foreign == []
    opened.close()


PLANTED = {
    "a tolerance": ("distance <= ask.tolerance + 1e-9", "distance <= 1.1 * ask.tolerance", bet_faults),
    "a grade": ("const CLOSE = 2", "const CLOSE = 3", bet_faults),
    "a side": ("const high = gap.mean > 0", "const high = gap.mean < 0", bet_faults),
    "a place": ("scale.floor, scale.top)", "scale.top, scale.floor)", bet_faults),
    "a comma": ('"$1.$2"', '"$1$2"', bet_faults),
    "a mistake": ("if (told) return told[1]", "if (false) return told[1]", exercise_faults),
    "a unit": ('" points"', '" percent"', bet_faults),
    "a share": ("truth / 100]", "truth / 1000]", exercise_faults),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_seen(browser: Browser, parts: str, tmp_path: Path, fault: str) -> None:
    old, new, look = PLANTED[fault]
    assert SCRIPT.count(old) >= 1
    opened = checks.open_page(browser, write_pages(tmp_path, parts, SCRIPT.replace(old, new)), "light.html")
    opened.page.locator(".cape-record[data-mounted]").wait_for()
    assert look(opened.page)
    opened.close()
