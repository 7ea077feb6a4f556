"""What to do, in the page: the rules of the package on all that they read, and what a reader sees."""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import asdict, fields, is_dataclass
from typing import TYPE_CHECKING, Any

from cape_utils.chapters.ch12_dashboard.page import interventions
from cape_utils.chapters.ch12_dashboard.page.interventions import Known
from cape_utils.diagnosis.advice import RULES, advise
from cape_utils.diagnosis.family_diagnosis import Score
from cape_utils.diagnosis.next_size import NextSize
from cape_utils.diagnosis.panel_comparison import Distance
from cape_utils.diagnosis.phase_forecast import PhaseSkill
from cape_utils.diagnosis.score_warnings import Caution
from cape_utils.diagnosis.steps import CouplingStep
from cape_utils.stats.results import to_jsonable
from tests.browser.dashboard.page import HS, TQA, cell, fresh, settled

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser import checks

SHARES = [(0.9, 0.02), (0.8, 0.1), (0.79, 0.1), (0.02, 0.9), (0.5, 0.3), (math.nan, math.nan)]
CALIBRATED = [(math.nan, math.nan), (0.85, 0.05), (0.1, 0.8), (0.4, 0.35)]
DISTANCES = [None, Distance(-9.04, -4.0, 4.0, 0.01, 2, (), ""), Distance(1.0, -4.0, 4.0, 0.5, 2, (), "")]
AHEAD = [
    None,
    (0.6, PhaseSkill(0.5, 0.6, 69)),
    (0.6, PhaseSkill(0.7, 0.6, 69)),
    (0.4, PhaseSkill(0.5, 0.6, 69)),
    (0.6, None),
]
CAUTIONS = [
    (),
    (Caution("saturation", HS, ("a", "b"), "full"), Caution("chance", TQA, ("a",), "guesses")),
    (Caution("floor", HS, ("a",), "low"), Caution("saturation", "mmlu", ("a",), "full")),
]


def step(plain: tuple[float, float], calibrated: tuple[float, float]) -> CouplingStep:
    (tax, bonus), (c_tax, c_bonus) = plain, calibrated
    known = tax if math.isnan(c_tax) else c_tax
    return CouplingStep(
        from_model="a", to_model="b", from_params_b=1.4, to_params_b=2.8, dx=10.25, dy=-5.0, se_dx=0.7,
        se_dy=math.nan if math.isnan(tax) else 2.35, coupling=-0.5, se=0.2, median=-0.5, low=-1.0, high=-0.1, p_tax=tax,
        p_transition=1 - tax - bonus, p_bonus=bonus, p_x_rises=1.0, phase="tax" if known > 0.3 else "bonus",
        calibrated_tax=c_tax, calibrated_transition=1 - c_tax - c_bonus, calibrated_bonus=c_bonus,
    )  # fmt: skip


def ahead(given: tuple[float, PhaseSkill | None] | None) -> NextSize | None:
    if given is None:
        return None
    p_bonus, skill = given
    return NextSize(5.6, "trend", 0.9, 0.9, (), (), 1 - p_bonus, 0.0, p_bonus, skill, "")


def facts() -> list[Known]:
    """Everything that the rules read, in all its ways."""
    ways = itertools.product(SHARES, CALIBRATED, DISTANCES, AHEAD, CAUTIONS, (2, 3), (3.0, 3.5))
    return [
        Known(
            x=HS,
            y=TQA,
            scores=tuple(Score(f"m{i}", largest / 2 ** (sizes - 1 - i), 50.0, 40.0) for i in range(sizes)),
            last=step(plain, calibrated),
            cautions=warnings,
            distance=distance,
            next_size=ahead(given),
        )
        for plain, calibrated, distance, given, warnings, sizes, largest in ways
    ]


@functools.cache
def plain(part: Any) -> Any:
    """A part of what is known, as JSON holds it; the same parts come in many combinations."""
    if isinstance(part, tuple):
        return [plain(one) for one in part]
    return to_jsonable(asdict(part)) if is_dataclass(part) else part


def sent(one: Known) -> dict[str, Any]:
    """As the page holds it; what is not known is NaN there."""
    whole = {field.name: plain(getattr(one, field.name)) for field in fields(one)}
    last, ahead = whole["last"], whole["next_size"]
    whole["last"] = {
        **last,
        "calibrated": {f"p_{name}": last[f"calibrated_{name}"] for name in ("tax", "transition", "bonus")},
    }
    if one.next_size is not None and one.next_size.skill is not None:
        whole["next_size"] = {**ahead, "skill": {**ahead["skill"], "best": one.next_size.skill.best}}
    return whole


REVIVE = """all => all.map((one) => {
    [one.last, one.last.calibrated].forEach((known) => Object.keys(known).forEach((name) => {
        if (known[name] === null) known[name] = NaN;
    }));
    return capeDashboard.advise(one);
})"""


def test_the_rules_are_the_package_s_on_all_that_they_read(visit: checks.Visit) -> None:
    given = facts()
    found = visit.page.evaluate(REVIVE, [sent(one) for one in given])
    for one, page in zip(given, found, strict=True):
        assert page == interventions.sorted_advice(one), one
    fired = {item["name"] for page in found for item in [*page["to_try"], *page["not_confirmed"]]}
    assert fired == {rule.name for rule in RULES}
    assert any(rule in page["not_called_for"] for page in found for rule in fired)


def test_what_is_listed_is_what_the_package_advises() -> None:
    for one in facts()[::37]:
        listed = interventions.sorted_advice(one)
        given = advise(one)
        for key, yes in (("to_try", True), ("not_confirmed", False)):
            assert [(a.name, a.trigger) for a in given if a.to_try == yes] == [
                (i["name"], i["trigger"]) for i in listed[key]
            ]


def test_what_is_not_confirmed_is_never_something_to_try(browser: Browser, disk: str) -> None:
    opened = fresh(browser, disk)
    page = opened.page
    card = page.locator("[aria-labelledby=cd-interventions]")
    cell(page, 7, TQA).fill("20")
    settled(page)
    halves = card.locator(".cd-halves > div")
    assert halves.nth(0).locator("h3").inner_text() == "To try"
    assert halves.nth(1).locator("h3").inner_text() == "What the paper suggests and we could not confirm"
    known = interventions.known()["rules"]
    listed = [
        set(halves.nth(i).locator(".cd-advice").evaluate_all("all => all.map((one) => one.dataset.rule)"))
        for i in (0, 1)
    ]
    assert listed[0] | listed[1] >= {"curate", "widen", "steer"}
    for i, yes in enumerate((True, False)):
        assert all(known[name]["to_try"] == yes for name in listed[i])
        for name in listed[i]:
            words = halves.nth(i).locator(f"[data-rule={name}]").inner_text()
            assert known[name]["says"] in words
            assert known[name]["strength"] in words
    curate = card.locator("[data-rule=curate] details")
    curate.locator("summary").click()
    cell(page, 7, TQA).fill("19")
    settled(page)
    assert card.locator("[data-rule=curate] details").evaluate("one => one.open"), "what is unfolded stays so"
    page.get_by_role("button", name="Start empty").click()
    settled(page)
    assert "No step yet" in card.inner_text()
    assert opened.errors == []
    opened.close()
