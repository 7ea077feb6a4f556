"""Chapter 12: the words turn with the numbers, and the tables speak words."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from cape_utils import data
from cape_utils.chapters.ch12_dashboard import (
    argument,
    captions,
    diagnosis_calibration,
    findings,
    size_baseline,
)


def steps(phases=("tax", "bonus", "bonus", "tax"), by_size=("tax", "bonus", "bonus", "tax"), sure=0.9):
    remainder = (1 - sure) / 2
    rows = [
        {
            "family": family,
            "from_model": f"{family}-1",
            "from_params_b": 1.0,
            "to_params_b": 4.0,
            "mid_params_b": 2.0,
            "coupling": -0.2,
            "se": 0.1,
            "phase": phase,
            "by_size": size,
            **{f"p_{name}": sure if name == phase else remainder for name in ("tax", "transition", "bonus")},
        }
        for family, phase, size in zip("abcd", phases, by_size, strict=True)
    ]
    return pd.DataFrame(rows)


def estimate(value, low, high):
    return SimpleNamespace(estimate=value, low=low, high=high, n=40)


def null(observed, low, high, p=0.01):
    return SimpleNamespace(observed=observed, value=(low + high) / 2, low=low, high=high, p=p, n=4)


def luck(observed=0.5, low=0.3, high=0.6, p=0.01):
    return {"all": null(observed, low, high, p), "clear": null(observed, low, high, p)}


def diagnosis(phase, coupling=-0.3):
    last = SimpleNamespace(
        from_params_b=1.0,
        to_params_b=4.0,
        coupling=coupling,
        p_tax=0.8,
        p_transition=0.15,
        p_bonus=0.05,
        shares={"tax": 0.6, "transition": 0.3, "bonus": 0.1},
    )
    return SimpleNamespace(phase=phase, last=last)


def moved(*phases):
    rows = [
        {
            "level": level,
            "params_b": 12.0,
            "by_size": "bonus",
            "by_scores": phase,
            "probability": 0.999,
            "moved": i > 0,
        }
        for i, (level, phase) in enumerate(zip((33.0, 10.0, 90.5), phases, strict=True))
    ]
    return pd.DataFrame(rows)


def test_a_score_that_moves_is_told_by_what_follows_it():
    words = findings.two_dashboards(moved("tax", "tax", "bonus"), estimate(0.44, 0.31, 0.52)).data
    assert "At 12B the dashboard's formula says bonus whatever the score is" in words
    assert "the scores say tax or bonus" in words
    assert "the 40 steps" in words
    assert "44% (95% interval over families 31% to 52%)" in words
    still = findings.two_dashboards(moved("tax", "tax", "tax"), estimate(0.44, 0.31, 0.52)).data
    assert "none of these moves crosses an edge" in still
    shown = str(findings.two_dashboards_table(moved("tax", "tax", "bonus"))._repr_html_())
    assert "33 (measured)" in shown
    assert "90.5 (moved)" in shown


def test_the_formula_as_released_is_deaf_to_the_score_and_the_scores_are_not():
    panel = data.panel("open", rows="one_recipe").query("family == 'Pythia'")
    found = argument.one_score_moved(panel, [10, 60, 90])
    assert set(found["by_size"]) == {"bonus"}
    assert list(found["by_scores"]) == ["tax", "tax", "bonus", "bonus"]
    assert argument.released_formula().coupling_at(1.0) == pytest.approx(0.629 * 9 - 5.886)
    assert list(found["moved"]) == [False, True, True, True]


def test_the_steps_are_counted():
    clear, dim = findings.steps_measured(steps()).data, findings.steps_measured(steps(sure=0.5)).data
    assert "4 steps of 4 families, without Pythia" in clear
    assert "leaves 4 of them" in clear
    assert "leaves 0 of them" in dim


@pytest.mark.parametrize(
    ("high", "value", "words"),
    [
        (0.6, 0.5, "less often than a second measurement would."),
        (0.7, 0.6, "by a difference within its interval"),
        (0.9, 0.7, "about as often as"),
        (0.9, 0.648, "about as often as"),
    ],
)
def test_a_retest_sets_the_bar(high, value, words):
    assert words in findings.against_a_retest(estimate(value, 0.4, high), 0.65).data


def test_a_diagnosis_follows_a_score_or_does_not():
    tax, bonus = diagnosis("tax"), diagnosis("bonus")
    assert "The diagnosis changes: tax before, bonus after" in findings.one_score_changed(tax, bonus).data
    assert "does not change" in findings.one_score_changed(tax, tax).data
    assert "The formula says tax" in findings.one_score_changed(tax, bonus).data


@pytest.mark.parametrize(
    ("lead", "more", "verdict"),
    [
        ((0.2, 0.1, 0.3), "is right more often than", "and beats the commonest phase"),
        ((-0.2, -0.3, -0.1), "is right less often than", "and is beaten by the commonest"),
        ((0.0, -0.1, 0.1), "neither more nor less often", "and is not shown to beat"),
    ],
)
def test_the_formula_is_held_against_the_commonest_phase(monkeypatch, lead, more, verdict):
    monkeypatch.setattr(findings, "advantage", lambda *_: estimate(*lead))
    rules = size_baseline.agreement_table(steps())
    text = findings.size_against_luck(steps(), rules, luck(), null(0.7, 0.3, 0.6)).data
    assert more in text
    assert verdict in findings.claims_of_use(steps(), luck()["all"], pd.DataFrame({"a": [1]})).data


@pytest.mark.parametrize(
    ("observed", "beats", "inside", "claim"),
    [
        (
            0.8,
            "the formula does better than permuted",
            "and outside what luck gives",
            "names the phase more often than luck",
        ),
        (
            0.5,
            "the formula does no better than permuted",
            "and inside what luck gives",
            "the phase no more often than luck",
        ),
    ],
)
def test_the_formula_is_held_against_luck(observed, beats, inside, claim):
    rules = size_baseline.agreement_table(steps())
    text = findings.size_against_luck(steps(), rules, luck(observed), null(0.7, 0.3, 0.6)).data
    assert beats in text
    assert inside in text
    assert claim in findings.claims_of_use(steps(), luck(observed)["all"], pd.DataFrame({"a": [1]})).data


def test_a_p_value_is_never_zero():
    rules = size_baseline.agreement_table(steps())
    text = [
        findings.size_against_luck(steps(), rules, luck(p=p), null(0.7, 0.3, 0.6)).data for p in (2e-4, 4e-3)
    ]
    assert "p < 0.001" in text[0]
    assert "p = 0.004" in text[1]


def test_tables_speak_words():
    rule = size_baseline.formula()
    against = size_baseline.contradictions(steps(phases=("tax", "bonus", "tax", "tax")))
    tables = [
        findings.formula_table(rule),
        findings.step_table(steps()),
        findings.contradiction_table(against),
        findings.what_if_table(diagnosis("tax"), diagnosis("bonus")),
        findings.place_of_the_size_table(steps(), rule),
    ]
    assert all("_" not in heading for shown in tables for heading in shown.headings)
    assert tables[3].rows[0] == (
        "as measured",
        "-0.30",
        "60%",
        "30%",
        "10%",
        "80% / 15% / 5%",
    )
    assert "are 1 such pairs, from 2.0B to 2B" in findings.contradictory_pairs(steps(), against.head(1)).data


def noise(change=-11.0, error=3.8, assumed=4.9, p=0.006):
    rows = [
        {
            "task": "reasoning",
            "variant": "in 4 bits",
            "items": 48,
            "change": 1.0,
            "error": 5.0,
            "assumed": 6.0,
        },
        {
            "task": "truthfulness",
            "variant": "pruned",
            "items": 200,
            "change": change,
            "error": error,
            "assumed": assumed,
        },
    ]
    table = pd.DataFrame(rows)
    return table.assign(ratio=table["assumed"] / table["error"], correlation=[0.5, 0.4], p=[0.8, p])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (noise(), "The assumed error would have told the same"),
        (
            noise(change=-8.0, p=0.03),
            "Without the answers truthfulness pruned (-8.0 points, p = 0.030) would lie inside",
        ),
        (noise(p=0.4), "no change is told from none at p < 0.05. Neither error tells any"),
    ],
)
def test_what_the_answers_add_depends_on_them(changed, words):
    assert words in findings.noise_measured(changed).data


def calibration(paired=0.95, assumed=0.99, right=0.6):
    ranges = [
        {"part": "range", "noise": kind, "correlation": c, "families": 300, "said": 0.95, "right": share}
        for c in (0.0, 0.9)
        for kind, share in (("paired", paired), ("assumed", assumed if c else 0.95))
    ]
    phases = [
        {
            "part": "phase",
            "noise": "paired",
            "low": 0.5,
            "high": 0.7,
            "families": 90,
            "said": 0.6,
            "right": right,
        }
    ]
    return pd.DataFrame([*ranges, *phases])


def test_a_range_holds_what_it_says_or_does_not():
    assert "95% to 95% of the time, as said," in findings.noise_calibrated(calibration()).data
    assert "85% to 85% of the time, not as said," in findings.noise_calibrated(calibration(paired=0.85)).data
    assert "99% where it is nearly all, more than said" in findings.noise_calibrated(calibration()).data
    assert "nearly all, as said" in findings.noise_calibrated(calibration(assumed=0.95)).data
    assert (
        "off by 20 points on average (90 simulated" in findings.noise_calibrated(calibration(right=0.4)).data
    )


def test_the_tables_of_noise_speak_words():
    shown = str(findings.noise_table(noise()))
    assert "paired error" in shown
    assert "p (McNemar)" in shown


def test_families_to_try_are_counted():
    table = steps().assign(family="a", mid_params_b=[1.0, 2.0, 3.0, 4.0])
    text = findings.families_to_try(table, ["a"]).data
    assert "*a*, whose phase changes 2 times in 4 steps, of which 4 are clear" in text
    once = findings.families_to_try(table.head(2), ["a"]).data
    assert "changes once in 2 steps" in once
    dim = steps(sure=0.5).assign(family="a")
    assert "of which 0 are clear" in findings.families_to_try(dim, ["a"]).data


def judged(**changes):
    """The table ``diagnosis_calibration``, with some of its columns changed."""
    return data.load("diagnosis_calibration").assign(**changes)


def test_the_calibration_of_the_diagnosis_is_told_as_it_is():
    table = judged()
    phases, turns = findings.diagnosis_calibrated(table).data, findings.turns_calibrated(table).data
    assert "better than both" in phases
    assert "at every correlation" in phases
    assert "whichever is true" in turns
    assert "less often than said" not in turns


def test_a_diagnosis_that_is_not_calibrated_is_told_so():
    table = judged()
    brier = table["brier"].where(table["version"] != "calibrated", 1.5)
    text = findings.diagnosis_calibrated(table.assign(brier=brier)).data
    assert "not the best" in text
    assert "at some correlations only" in text
    sure = findings.diagnosis_calibrated(table.assign(right=table["said"] - 0.2)).data
    assert sure.count("0 of 12 bins lie within 3 points") == 2
    assert "0 of 4 bins lie within 3 points" in sure
    assert "20 points too sure" in sure
    exact = findings.diagnosis_calibrated(table.assign(right=table["said"])).data
    assert exact.count("every bin lies within 3 points") == 3


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.95, "as said"), (0.99, "at least as often as said"), (0.8, "less often than said")],
)
def test_ranges_of_the_turn_are_told_by_what_they_hold(share, words):
    turned = findings.turns_calibrated(judged(right=share)).data
    assert f"whichever is true, {words}. The price" in turned


def test_the_caption_of_the_calibration_follows_its_bins():
    rows = diagnosis_calibration.reliability_rows(judged())
    first = rows["truth"].iloc[0]
    closer = captions.calibration(rows, first)["caption"]
    assert "lies closer to the diagonal" in closer
    worse = captions.calibration(rows.assign(gap=rows["gap"].where(rows["version"] == "plain", 0.5)), first)
    assert "lies no closer to the diagonal" in worse["caption"]
    assert worse["title"] != captions.calibration(rows, first)["title"]


def test_the_caption_of_the_phases_follows_the_family():
    steps = pd.DataFrame(
        {"family": ["A", "A", "B"], "from_params_b": 1.0, "to_params_b": 3.0, "mid_params_b": [1.7, 1.8, 1.7]}
        | {
            "phase": ["tax", "bonus", "tax"],
            "by_size": "tax",
            "p_tax": [0.9, 0.2, 0.6],
            "p_bonus": [0.1, 0.7, 0.3],
        }
        | {"p_transition": [0.0, 0.1, 0.1]}
    )
    said = captions.family_phases(steps, "A")
    assert "A, n = 2 steps: by item noise alone one phase has at least 80% in 1, " in said["caption"]
    assert (
        "names the phase of the scores in 1. Of all 3 steps of 2 families 1 are that clear" in said["caption"]
    )
    assert "1B to 3B bonus 70%" in said["alternative"]
    assert "n = 1 step:" in captions.family_phases(steps, "B")["caption"]


@pytest.mark.parametrize(
    ("gap", "words"), [(0.0, "(as said)"), (0.2, "(more often than said)"), (-0.2, "(less often than said)")]
)
def test_each_world_alone_is_told(gap, words):
    table = judged()
    text = findings.worlds_apart(table.assign(right=table["said"] + gap)).data
    assert text.count(words) == 3
