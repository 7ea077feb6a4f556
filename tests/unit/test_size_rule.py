"""The phase by size alone: the formula by hand, planted panels where it is right or blind, and nulls that know luck."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from cape_utils.chapters.ch12_dashboard import size_baseline
from cape_utils.scaling import coupling

HS, TQA = "hellaswag", "truthfulqa_mc2"


def panel(coupling_at, families: int = 12, seed: int = 0) -> pd.DataFrame:
    """Families of three sizes whose second score follows a coupling that may depend on size and on the family."""
    draw, rows = np.random.default_rng(seed), []
    for family in range(families):
        sizes = np.sort(10 ** draw.uniform(-1, 2, 3))
        x, y = 30.0, 50.0
        for place, size in enumerate(sizes):
            if place:
                y += 10 * coupling_at(np.sqrt(size * sizes[place - 1]), family)
                x += 10
            rows.append(
                {"model": f"{family}-{place}", "family": f"F{family}", "params_b": size, HS: x, TQA: y}
            )
    return pd.DataFrame(rows)


def test_by_hand():
    rule = size_baseline.Formula(0.5, 2.0)
    assert rule.coupling_at([2.0, 20.0, 0.2]).tolist() == pytest.approx([0, 0.5, -0.5])
    low, high = rule.edges_b
    assert list(size_baseline.phase_by_size([low * 0.99, low * 1.01, high * 1.01], rule)) == [
        "tax",
        "transition",
        "bonus",
    ]


def test_a_panel_made_by_the_formula_is_named_without_fault():
    rule = size_baseline.formula()
    steps = size_baseline.unfitted_steps(panel(lambda size, _: float(rule.coupling_at(size))))
    assert size_baseline.agreement(steps, steps["by_size"]).estimate == 1
    assert size_baseline.shuffled_sizes(steps, draws=500).p < 0.01
    assert size_baseline.in_sample_thresholds(steps, draws=100).observed == 1
    assert size_baseline.contradictions(steps).empty


def test_where_the_family_decides_the_formula_is_blind():
    steps = size_baseline.unfitted_steps(panel(lambda _, family: 1.0 if family % 2 else -1.0, families=40))
    null = size_baseline.shuffled_sizes(steps, draws=500)
    assert null.low <= null.observed <= null.high
    assert len(size_baseline.contradictions(steps, min_probability=0.6)) > 10
    assert size_baseline.retest_agreement(steps) > 0.9
    edge = size_baseline.advantage(steps, steps["phase"], steps["by_size"])
    assert edge.low > 0.2
    none = size_baseline.advantage(steps, steps["by_size"], steps["by_size"])
    assert (none.low, none.estimate, none.high) == (0, 0, 0)


def test_two_measurements_agree_as_often_as_drawn_ones_do():
    steps = size_baseline.unfitted_steps()
    dx, dy = steps["dx"].to_numpy(), steps["dy"].to_numpy()
    draw = np.random.default_rng(0)
    named = [
        coupling.phase(
            (dy + steps["se_dy"].to_numpy() * draw.normal(size=(4000, len(dy))))
            / (dx + steps["se_dx"].to_numpy() * draw.normal(size=(4000, len(dx))))
        )
        for _ in range(2)
    ]
    assert size_baseline._two_agree(dx, dy, steps) == pytest.approx(np.mean(named[0] == named[1]), abs=0.005)


def test_a_retest_read_off_one_measurement_is_not_flattered_by_its_noise():
    steps = size_baseline.unfitted_steps()
    sx, sy = steps["se_dx"].to_numpy(), steps["se_dy"].to_numpy()
    draw = np.random.default_rng(1)
    dx, dy = steps["dx"].to_numpy(), size_baseline._without_noise(steps["dy"].to_numpy(), sy)
    truth, corrected, plain = size_baseline._two_agree(dx, dy, steps), [], []
    for _ in range(8):
        x, y = dx + sx * draw.normal(size=len(dx)), dy + sy * draw.normal(size=len(dy))
        corrected.append(size_baseline.retest_agreement(steps.assign(dx=x, dy=y), draws=6))
        plain.append(size_baseline._two_agree(x, y, steps))
    assert np.mean(plain) > truth + 0.05  # the planted fault: measurements drawn around measured scores
    assert abs(np.mean(corrected) - truth) < (np.mean(plain) - truth) / 2


def test_the_formula_never_sees_a_score_and_the_phase_of_the_scores_does():
    before = size_baseline.unfitted_steps()
    after = size_baseline.unfitted_steps(
        panel := size_baseline.data.panel("open", rows="one_recipe").assign(**{TQA: lambda t: 100 - t[TQA]})
    )
    both = after.merge(before, on=["from_model", "to_model"])
    assert len(panel) > 0
    assert (both["by_size_x"] == both["by_size_y"]).all()
    flipped = {"tax": "bonus", "bonus": "tax", "transition": "transition"}
    assert (both["phase_x"] == both["phase_y"].map(flipped)).mean() > 0.95


def test_the_shuffled_null_is_calibrated():
    draw, p = np.random.default_rng(3), []
    for seed in range(60):
        steps = size_baseline.unfitted_steps(panel(lambda *_: draw.choice([-1.0, 0.0, 1.0]), seed=seed))
        p.append(size_baseline.shuffled_sizes(steps, draws=200).p)
    assert np.mean(np.array(p) <= 0.1) < 0.25


def test_the_commonest_phase_is_that_of_the_others():
    toy = pd.DataFrame({"family": list("aabbc"), "phase": ["tax", "tax", "bonus", "bonus", "bonus"]})
    assert list(size_baseline.majority_class(toy)) == ["bonus"] * 2 + ["tax"] * 2 + ["tax"]


def test_the_best_cuts_equal_a_slow_search():
    truth = np.random.default_rng(1).integers(0, 3, 14)
    steps = pd.DataFrame({"mid_params_b": np.arange(1, 15), "phase": [coupling.PHASES[k] for k in truth]})
    best = max(
        int((truth[:i] == 0).sum() + (truth[i:j] == 1).sum() + (truth[j:] == 2).sum())
        for i in range(15)
        for j in range(i, 15)
    )
    assert size_baseline.in_sample_thresholds(steps, draws=5).observed == pytest.approx(best / 14)


def test_the_interval_counts_families():
    steps = pd.DataFrame({"family": ["a"] * 50 + ["b"], "phase": ["tax"] * 50 + ["bonus"]})
    found = size_baseline.agreement(steps, ["tax"] * 51)
    assert (found.low, found.high) == (0, 1), "two families leave everything open, however many steps one has"


def test_the_table_names_both_sets_of_steps():
    table = size_baseline.agreement_table(size_baseline.unfitted_steps())
    assert table.loc["always bonus", "agreement"] + table.loc["always tax", "agreement"] + table.loc[
        "always transition", "agreement"
    ] == pytest.approx(1)
    assert (table["clear_n"] < table["n"]).all()


def test_no_steps_are_said():
    with pytest.raises(ValueError, match=re.escape("there is no step to compare; at least one")):
        size_baseline.agreement(pd.DataFrame({"family": [], "phase": []}), [])
