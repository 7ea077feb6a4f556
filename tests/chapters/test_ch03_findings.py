"""Chapter 03: the words turn with the numbers, and the tables speak words."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cape_utils import data
from cape_utils.chapters.ch03_phase_transition import captions, findings, resamples
from cape_utils.scaling import critical_scale
from cape_utils.stats.formatting import DASH


def steps(coupling=(-0.5, 0.2, 0.4, -0.1)) -> pd.DataFrame:
    table = pd.DataFrame({"family": ["OLMo", "b", "c", "d"], "mid_params_b": [0.5, 0.6, 20.0, 30.0]})
    return table.assign(coupling=coupling, se=0.1, p_sign=0.9)


def scale(identified: bool):
    return SimpleNamespace(
        n_families=3, discarded=30, draws=100, identified=identified, reason="too few families"
    )


def null(p=0.006, observed=3.4):
    return SimpleNamespace(p=p, value=3.3, low=2.8, high=4.5, observed=observed)


def estimates(*values: float) -> pd.DataFrame:
    table = pd.DataFrame(
        {"estimate": [*values, 99.0], "estimator": "e", "panel": "p", "valid": 0.98, "reason": ""}
    )
    verdict = ["identified"] * len(values) + ["not identified"]
    return table.assign(low=table["estimate"] / 2, high=table["estimate"] * 2, verdict=verdict)


def auc(lead: float) -> pd.DataFrame:
    table = pd.DataFrame({"predictor": ["parameters", "tokens"], "auc": [0.8, 0.9], "low": 0.7, "high": 0.95})
    ends = {"difference": [0.0, 0.1], "difference_low": [0.0, lead], "difference_high": [0.0, 0.2]}
    return table.assign(**ends, steps="every step")


def changes(never=(True, False), inside=(True, True)) -> pd.DataFrame:
    table = pd.DataFrame(
        {"family": ["A", "B"], "n": 4, "positive": 1, "never": never, "never_inside": inside}
    )
    return table.assign(p_positive_inside=0.88)


@pytest.mark.parametrize(
    ("identified", "words"),
    [(True, "no minimum at all.\n"), (False, "the scale is *not identified* (too few families).")],
)
def test_resampling_families(identified, words):
    worlds = {"curvature": null(), "scale_b": null()}
    text = findings.families_resampled(scale(identified), worlds, worlds).data
    assert words in text
    assert "Then 30% of the draws" in text
    assert "turns up in 0.6% of the draws" in text
    assert "between 2.80B and 4.50B, as the data's does (3.40B)" in text
    elsewhere = {"curvature": null(), "scale_b": null(observed=9.0)}
    assert (
        "unlike the data's (9.00B)" in findings.families_resampled(scale(identified), worlds, elsewhere).data
    )


def test_both_ends_are_counted():
    text = findings.both_ends({"p": steps(), "q": steps((0.1, 0.1, 0.1, 0.1))}).data
    assert "- In p 1 of 2 small steps are negative and 1 of 2 large ones positive." in text
    assert "- In q 0 of 2 small steps are negative and 2 of 2" in text


@pytest.mark.parametrize(
    ("quoted", "words"), [(3.5, "The quoted 3.5B lies among them"), (13.0, "13B does not lie among them")]
)
def test_the_quoted_scale_lies_among_the_identified_or_not(quoted, words):
    text = findings.identified_range(estimates(2.0, 8.0), quoted).data
    assert words in text
    assert "estimates run from 2.0B to 8.0B, and their intervals together from 1.0B to 16B" in text


def test_turns_are_counted_and_the_zero_of_olmo_has_an_error():
    text = findings.families_that_turn(
        pd.DataFrame({"turns": [True, False]}), {"p": steps(), "o": steps()}
    ).data
    assert "In the open panel 1 of 2 families" in text
    assert "gives -0.50 ± 0.10 in the paper's panel" in text


def test_the_copy_behind_the_interval_is_held_against_the_others():
    rows = pd.DataFrame({"model": ["a", "b"], "truthfulqa_mc2": [40.0, 38.5]})
    panel = rows.assign(copy="panel rows", truthfulqa_mc2=[40.5, 38.5])
    text = findings.other_copies(
        rows, panel, {"the same rows": SimpleNamespace(n=14, median=4.4, low=3.1, high=97.0)}
    ).data
    assert "the 2 Pythia models have up to 0.5 points" in text
    assert "- the same rows (14) give 4.4B [3.10, 97.0]" in text


def test_families_without_a_rise_are_named():
    text = findings.families_without_a_rise(
        {"p": changes(), "q": changes((False, False), (False, False))}
    ).data
    assert "at any size: in p A; in q none." in text
    assert "up to 10B: in p A, B; in q none." in text


@pytest.mark.parametrize(
    ("lead", "words"), [(0.02, "comparison: tokens."), (-0.02, "None is clearly better than size.")]
)
def test_a_rival_leads_or_does_not(lead, words):
    assert words in findings.better_than_size(auc(lead)).data


def test_the_law_beside_declines_without_one():
    law = SimpleNamespace(exponent_se=0.0149)
    text = findings.loss_law(law, {"r2": null(0.61), "cv_pct": null(0.044)}).data
    assert "one standard error (0.015)" in text
    assert "61% reach the same R², while only 4.4% are as constant" in text


def test_tables_speak_words():
    rows = data.bootstrap_rows()
    turns = pd.DataFrame({"family": ["A", "B"], "n": 3, "smallest_b": 0.1, "largest_b": 9.0, "lowest_b": 1.0})
    named = pd.DataFrame({"family": ["OPT", "BLOOM", "Cerebras-GPT"], "n": 7, "rule": 1, "negation": 6})
    shown = [
        findings.released_rows(rows),
        findings.estimates_table(estimates(2.0)),
        findings.turning_points_table(turns.assign(turns=[False, True])),
        findings.sign_change_table({"p": changes()}),
        findings.isocline_table({"p": named.assign(always_negative=5)}),
        findings.predictor_table(auc(0.02)),
    ]
    assert all("_" not in heading for one in shown for heading in one.headings)
    assert shown[1].rows[0] == ("p", "e", "2.00", "[1.0, 4.0]", "98%", "identified", "")
    assert shown[2].rows[0][0] == "B"
    assert shown[3].headings[:3] == ("panel", "family", "sizes")
    assert shown[3].rows[0][-1] == "88%"
    assert [row[-1] for row in shown[5].rows] == [DASH, "0.100 [0.020, 0.200]"]
    counted = findings.rows_and_steps(rows, {"p": steps()}).data
    assert counted.startswith(f"n = {len(rows)} rows of 3 families for the published estimator:\n\n- ")
    assert "There are 4 steps of 4 families in p." in counted


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ((44.0, 40.0, 38.0), "- A from 1B to 7B: TruthfulQA falls at every step."),
        ((38.0, 40.0, 44.0), "rises at every step."),
        ((40.0, 38.0, 44.0), "falls at 1 of 2 steps."),
    ],
)
def test_which_way_a_family_goes(scores, words):
    rows = pd.DataFrame(
        {"family": "A", "params_b": [7.0, 1.0, 3.0], "truthfulqa_mc2": [scores[2], *scores[:2]]}
    )
    assert words in findings.rows_and_steps(rows, {"p": steps()}).data


# ---------------------------------------------------------------- the bootstrap, drawn


def test_a_family_is_taken_whole_and_models_are_taken_singly():
    rows = data.bootstrap_rows()
    picks, estimates = resamples.resampled(rows, examples=3, draws=5)
    by_family = picks[picks["unit"] == "families"].groupby(["draw", "family"])["times"]
    assert (by_family.min() == by_family.max()).all()
    assert (by_family.first().groupby("draw").sum() == rows["family"].nunique()).all()
    by_model = picks[picks["unit"] == "models"].groupby("draw")["times"]
    assert (by_model.sum() == len(rows)).all()
    one = picks.query("unit == 'models' and draw == 2")
    taken = one.loc[one.index.repeat(one["times"])].merge(rows[["model", "truthfulqa_mc2"]])
    scale = estimates.query("unit == 'models' and draw == 2")["scale_b"].iloc[0]
    assert scale == pytest.approx(
        critical_scale.parabola_minimum_b(taken["params_b"], taken["truthfulqa_mc2"])
    )


def test_a_draw_without_a_minimum_says_so():
    picks, estimates = resamples.resampled(data.bootstrap_rows(), examples=1, draws=1)
    scales = {"models": SimpleNamespace(low=1.0, high=2.0, valid=10, draws=10)}
    scales["families"] = SimpleNamespace(low=1.0, high=2.0, valid=5, draws=10)
    one = picks.query("unit == 'families'")
    said = captions.resamples(one, estimates.assign(scale_b=3.5), scales, "families", 1)
    assert said["title"] == "Drawn by family, 50.0% of the draws have no critical scale; drawn by model, 0.0%"
    assert "its minimum at 3.5B" in said["caption"]
    lost = captions.resamples(one, estimates.assign(scale_b=np.nan), scales, "families", 1)
    assert "has no minimum" in lost["caption"]
