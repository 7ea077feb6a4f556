"""Calibrated phases and the place of a turn: planted truths are recovered, and what is not calibrated is seen to fail."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from cape_utils import data
from cape_utils.chapters.ch12_dashboard import diagnosis_calibration as judged
from cape_utils.diagnosis import family_diagnosis, phase_forecast, phase_prior, steps, turning_point
from cape_utils.reports import family as reports
from cape_utils.scaling import forecasting
from cape_utils.scaling.coupling import PHASES, local_coupling, phase
from cape_utils.stats.bivariate_normal import both_below, opposite_signs

HS, TQA = "hellaswag", "truthfulqa_mc2"
PLANTED = phase_prior.PhasePrior(16.0, -6.0, 0.5, 4.0, 1.4, -0.4, 0.9, 0.4, -0.3, 0.2, 2.5, 0.5)


def made_steps(count: int, seed: int = 0, noise_share: float = 1.0) -> pd.DataFrame:
    """Steps drawn from ``PLANTED`` with item noise; ``true_dx, true_dy`` are what the noise hides."""
    rng = np.random.default_rng(seed)
    low = 10 ** rng.uniform(-1, 1.7, count)
    high = low * 10 ** rng.uniform(0.2, 0.9, count)
    n, r = np.log10(low), np.log10(high / low)
    wide = np.where(rng.uniform(size=count) < PLANTED.wide_share, PLANTED.wide_factor, 1.0)
    z = rng.multivariate_normal([0, 0], [[1, PLANTED.correlation], [PLANTED.correlation, 1]], count)
    sd_x = np.exp(PLANTED.log_sd_x + PLANTED.log_sd_x_by_size * n) * np.sqrt(r) * wide
    sd_y = np.exp(PLANTED.log_sd_y + PLANTED.log_sd_y_by_size * n) * np.sqrt(r) * wide
    dx = r * (PLANTED.mean_x + PLANTED.mean_x_by_size * n) + sd_x * z[:, 0]
    dy = r * (PLANTED.mean_y + PLANTED.mean_y_by_size * n) + sd_y * z[:, 1]
    errors = np.array([0.7, 2.4]) * math.sqrt(noise_share)
    return pd.DataFrame(
        {
            "family": [f"f{place}" for place in range(count)],
            "from_params_b": low,
            "to_params_b": high,
            "true_dx": dx,
            "true_dy": dy,
            "dx": dx + errors[0] * rng.normal(size=count),
            "dy": dy + errors[1] * rng.normal(size=count),
            "se_dx": 0.7,
            "se_dy": 2.4,
        }
    )


def probabilities(prior: phase_prior.PhasePrior, table: pd.DataFrame) -> np.ndarray:
    columns = ("dx", "dy", "se_dx", "se_dy", "from_params_b", "to_params_b")
    return phase_prior.phase_probabilities(prior, *(table[name] for name in columns))


def gaps(shares: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Share that is right minus probability said, by bins of the phase that is named."""
    said, named = shares.max(axis=1), np.array(PHASES)[shares.argmax(axis=1)]
    bins = [(said > low) & (said <= high) for low, high in itertools.pairwise(judged.EDGES)]
    return np.array([np.mean(named[group] == truth[group]) - said[group].mean() for group in bins])


# ---------------------------------------------------------------- integrals


def test_the_integral_of_two_normals_is_that_of_scipy():
    rng = np.random.default_rng(0)
    for h, k, rho in np.column_stack([rng.normal(0, 2, (60, 2)), rng.uniform(-0.95, 0.95, 60)]):
        expected = stats.multivariate_normal([0, 0], [[1, rho], [rho, 1]]).cdf([h, k])
        assert both_below([h], [k], [rho])[0] == pytest.approx(expected, abs=1e-8)


def test_far_limits_and_a_number_without_spread_leave_no_nan():
    assert both_below([40.0], [-40.0], [0.5])[0] == pytest.approx(0, abs=1e-12)
    certain = opposite_signs(np.array([[1.0, -1.0], [1.0, 1.0]]), np.zeros((2, 2, 2)))
    assert certain == pytest.approx([1, 0])


# ---------------------------------------------------------------- the prior


def test_a_first_score_that_cannot_have_moved_has_no_phase():
    step = made_steps(1).assign(dx=0.0, dy=0.0, se_dx=0.0, se_dy=0.0)
    assert np.isnan(probabilities(PLANTED, step)).all()
    assert np.isfinite(probabilities(PLANTED, step.assign(se_dx=0.7))).all()


def test_without_news_from_the_prior_the_probabilities_are_the_plain_ones():
    flat = dataclasses.replace(
        PLANTED, log_sd_x=9.0, log_sd_y=9.0, log_sd_x_by_size=0.0, log_sd_y_by_size=0.0
    )
    panel = data.panel("open", rows="one_recipe")
    local = local_coupling(panel[panel["family"].isin(["OPT", "Qwen1.5", "CodeLlama"])])
    plain = local[[f"p_{name}" for name in PHASES]].to_numpy()
    assert probabilities(flat, local) == pytest.approx(plain, abs=3e-3)


@pytest.mark.parametrize("seed", [5, 22], ids=["a step like others", "one that only the wider steps explain"])
def test_the_probabilities_are_those_of_draws_weighed_by_the_scores(seed):
    table = made_steps(1, seed=seed)
    drawn = made_steps(400_000, seed=6)
    n, r = np.log10(table["from_params_b"][0]), np.log10(table["to_params_b"][0] / table["from_params_b"][0])
    # The same step many times: changes drawn for other sizes are moved and scaled to its own.
    m, s = np.log10(drawn["from_params_b"]), np.log10(drawn["to_params_b"] / drawn["from_params_b"])
    values = []
    for axis in "xy":
        mean, by_size = getattr(PLANTED, f"mean_{axis}"), getattr(PLANTED, f"mean_{axis}_by_size")
        sd = getattr(PLANTED, f"log_sd_{axis}_by_size")
        centred = drawn[f"true_d{axis}"] - s * (mean + by_size * m)
        values.append(centred * np.exp(sd * (n - m)) * np.sqrt(r / s) + r * (mean + by_size * n))
    dx, dy = values
    named = phase(dy / dx)
    weight = stats.norm.pdf(table["dx"][0], dx, 0.7) * stats.norm.pdf(table["dy"][0], dy, 2.4)
    expected = [float(weight[named == name].sum() / weight.sum()) for name in PHASES]
    assert probabilities(PLANTED, table)[0] == pytest.approx(expected, abs=0.02)


def test_a_planted_prior_is_learnt_from_its_steps():
    found = phase_prior.learn(made_steps(3000, seed=1, noise_share=0.5))
    for name in ("mean_x", "mean_x_by_size", "mean_y", "mean_y_by_size"):
        assert getattr(found, name) == pytest.approx(getattr(PLANTED, name), abs=0.5)
    for name in (
        "log_sd_x",
        "log_sd_x_by_size",
        "log_sd_y",
        "log_sd_y_by_size",
        "correlation",
        "noise_share",
    ):
        assert getattr(found, name) == pytest.approx(getattr(PLANTED, name), abs=0.15)
    assert (found.steps, found.families) == (3000, 3000)


def test_what_is_learnt_is_right_as_often_as_it_says_and_the_plain_version_is_not():
    table = made_steps(20_000, seed=2)
    truth = phase(table["true_dy"] / table["true_dx"])
    prior = phase_prior.learn(made_steps(82, seed=3))
    assert np.abs(gaps(probabilities(PLANTED, table), truth)).max() < 0.02
    flat = dataclasses.replace(
        PLANTED, log_sd_x=9.0, log_sd_y=9.0, log_sd_x_by_size=0.0, log_sd_y_by_size=0.0
    )
    off = np.abs(gaps(probabilities(flat, table), truth))
    assert off.max() > 0.08
    # As many steps as the panel has leave an error of their own, still well below that of the plain version.
    assert np.abs(gaps(probabilities(prior, table), truth)).mean() < off.mean() / 2


def test_the_size_alone_is_the_limit_of_scores_that_say_nothing():
    table = made_steps(20, seed=4).assign(se_dx=1e5, se_dy=1e5)
    ends = table["from_params_b"], table["to_params_b"]
    assert probabilities(PLANTED, table) == pytest.approx(
        phase_prior.probabilities_by_size(PLANTED, *ends), abs=1e-3
    )


def test_scores_without_known_noise_have_no_probability():
    shares = probabilities(PLANTED, made_steps(3).assign(se_dy=[2.4, np.nan, 2.4]))
    assert np.isnan(shares[1]).all()
    assert shares[[0, 2]].sum(axis=1) == pytest.approx([1, 1])


def test_too_few_steps_are_refused_and_an_unknown_pair_has_no_prior():
    with pytest.raises(ValueError, match="12 steps are too few to learn how steps change; at least 30"):
        phase_prior.learn(made_steps(12))
    assert phase_prior.panel_prior(HS, "ifeval") is None


def test_the_two_scores_may_be_exchanged():
    prior = phase_prior.panel_prior(HS, TQA)
    assert prior.swapped().swapped() == prior
    assert phase_prior.panel_prior(TQA, HS) == prior.swapped()
    assert prior.swapped().mean_x == prior.mean_y


def test_a_family_of_the_panel_is_judged_by_the_others():
    panel = data.panel("open", rows="one_recipe")
    local = local_coupling(panel)
    whole = phase_prior.panel_prior(HS, TQA)
    others = phase_prior.panel_prior(HS, TQA, exclude=frozenset({"Qwen1.5"}))
    assert others.steps == whole.steps - (local["family"] == "Qwen1.5").sum()
    assert others.mean_y != pytest.approx(whole.mean_y, abs=1e-3)
    diagnosis = family_diagnosis.diagnose(panel[panel["family"] == "Qwen1.5"], draws=100)
    expected = probabilities(others, local[local["family"] == "Qwen1.5"])
    ours = [list(step.shares.values()) for step in diagnosis.intervals]
    assert np.array(ours) == pytest.approx(expected, abs=1e-6)
    assert np.abs(expected - probabilities(whole, local[local["family"] == "Qwen1.5"])).max() > 1e-3


def test_the_table_is_what_the_code_gives():
    row = data.load("phase_prior").set_index(["x", "y"]).loc[(HS, TQA)]
    again = phase_prior.learn(local_coupling(data.panel("open", rows="one_recipe")))
    for name, value in row.items():
        assert getattr(again, str(name)) == pytest.approx(value, abs=2e-3)


# ---------------------------------------------------------------- the report


def test_the_report_says_both_probabilities_and_the_calibrated_one_first():
    toy = pd.DataFrame(
        {
            "model": ["a", "b", "c"],
            "family": "Mine",
            "params_b": [0.4, 1.4, 7.0],
            HS: [40.2, 54.6, 72.3],
            TQA: [43.1, 37.9, 35.2],
        }
    )
    report = reports.family_report(toy)
    (one,) = report.diagnoses
    last, text = one.last, " ".join(report.as_text().split())
    assert last.is_calibrated
    assert sum(last.shares.values()) == pytest.approx(1)
    assert one.probability == max(last.calibrated_tax, last.calibrated_transition, last.calibrated_bonus)
    assert f"({one.probability:.0%}; " in text
    assert "which is too sure" in text
    assert f"{last.p_tax:.0%} / {last.p_transition:.0%} / {last.p_bonus:.0%}" in text
    (item,) = json.loads(report.as_json())
    assert (item["phase"], item["plain_phase"]) == (last.phase, last.plain_phase)
    assert item["plain_probability"] == max(last.p_tax, last.p_transition, last.p_bonus)
    assert item["intervals"][-1]["calibrated_tax"] == last.calibrated_tax
    assert {"valid", "downward", "outside", "stretch", "lead", "parabola"} <= set(item["scale"])


def test_a_pair_that_the_panel_lacks_keeps_the_plain_probabilities_and_says_so():
    toy = pd.DataFrame(
        {"model": ["a", "b"], "family": "f", "params_b": [1.0, 7.0], HS: [50.0, 60.0], "ifeval": [20.0, 30.0]}
    )
    report = reports.family_report(toy, y="ifeval")
    last = report.diagnoses[0].last
    assert not last.is_calibrated
    assert last.shares == {name: getattr(last, f"p_{name}") for name in PHASES}
    assert "Nothing was learnt of this pair" in " ".join(report.as_text().split())


# ---------------------------------------------------------------- the turn


def curve(shape: str, size: np.ndarray, at: float) -> np.ndarray:
    if shape == "parabola":
        return 38 + 9 * (size - at) ** 2
    return 38 + 8 * np.maximum(at - size, 0) + 14 * np.maximum(size - at, 0)


@pytest.mark.parametrize("shape", ["parabola", "two lines"])
def test_ranges_hold_a_turn_of_either_shape_and_a_parabola_alone_does_not(shape):
    rng = np.random.default_rng(8)
    size, noise = np.linspace(-1, 1.5, 7), 1.2
    held, alone = [], []
    for _ in range(300):
        at = rng.uniform(-0.5, 1)
        score = curve(shape, size, at) + rng.normal(0, noise, size.size)
        turn = turning_point.turning_point(size, score, noise**2 * np.eye(size.size), slope=8.0)
        if turn.lead >= turning_point.MIN_LEAD:
            held.append(turn.low <= at <= turn.high)
        vertex = steps.parabola_vertices(size, score + rng.normal(0, noise, (200, size.size)))
        alone.append(np.nanquantile(vertex, 0.025) <= at <= np.nanquantile(vertex, 0.975))
    assert len(held) > 100
    assert 0.92 <= np.mean(held) <= 1
    assert np.mean(alone) > 0.9 if shape == "parabola" else np.mean(alone) < 0.85


@pytest.mark.parametrize("slope", [0.0, -5.0, 6.0])
def test_a_family_without_a_turn_is_hardly_ever_given_one(slope):
    rng = np.random.default_rng(9)
    size, noise = np.linspace(-1, 1, 5), 1.7
    leads = [
        turning_point.turning_point(
            size, 44 + slope * size + rng.normal(0, noise, 5), noise**2 * np.eye(5), slope=8.0
        ).lead
        for _ in range(400)
    ]
    assert np.mean(np.array(leads) >= turning_point.MIN_LEAD) <= 0.015


def test_the_evidence_of_both_shapes_is_that_of_plain_integration():
    size, score, sd, slope = np.array([-1.0, -0.2, 0.5, 1.4]), np.array([45.0, 40.0, 38.5, 43.0]), 1.5, 6.0
    found = turning_point.turning_point(size, score, sd**2 * np.eye(4), slope=slope)

    grid = np.linspace(0, 40, 241)

    def marginal(basis: np.ndarray) -> float:
        """Likelihood with a flat level, integrated over half-normal slopes."""
        slopes = np.stack(np.meshgrid(*[grid] * len(basis), indexing="ij"), axis=-1)
        residual = score - slopes @ basis
        misfit = np.sum((residual - residual.mean(axis=-1, keepdims=True)) ** 2, axis=-1) / sd**2
        values = np.exp(-misfit / 2) * np.prod(2 * stats.norm.pdf(slopes, 0, slope), axis=-1)
        for _ in basis:
            values = integrate.simpson(values, x=grid)
        return float(values)

    places = np.linspace(-1, 1.4, 25)[1:-1]
    bowl = np.array([marginal((size - t)[None] ** 2) for t in places])
    lines = np.array([marginal(np.maximum([t - size, size - t], 0)) for t in places[::4]])
    weight = integrate.trapezoid(bowl, places)
    other = integrate.trapezoid(lines, places[::4])
    assert found.parabola == pytest.approx(weight / (weight + other), abs=0.05)


def test_noise_that_the_models_share_does_not_move_the_turn():
    size, score = np.linspace(-1, 1, 5), curve("two lines", np.linspace(-1, 1, 5), 0.1)
    alone = turning_point.turning_point(size, score, np.eye(5), slope=8.0)
    shared = turning_point.turning_point(size, score, np.eye(5) + 30.0, slope=8.0)
    assert (shared.low, shared.high, shared.lead) == pytest.approx(
        (alone.low, alone.high, alone.lead), abs=1e-6
    )


def test_the_typical_slope_has_its_noise_taken_off_and_leaves_families_out():
    whole = steps.typical_slope(TQA)
    panel = data.panel("open", rows="one_recipe")
    local = local_coupling(panel)
    step = np.log10(local["to_params_b"] / local["from_params_b"])
    raw = math.sqrt((local["dy"] ** 2).sum() / (step**2).sum())
    expected = math.sqrt((local["dy"] ** 2 - local["se_dy"] ** 2).sum() / (step**2).sum())
    assert whole == pytest.approx(expected)
    assert whole < raw
    assert steps.typical_slope(TQA, exclude=frozenset({"Yi"})) != pytest.approx(whole, rel=1e-3)
    assert math.isnan(steps.typical_slope("ifeval"))


# ---------------------------------------------------------------- the next phase


def test_like_steps_are_those_of_a_plain_loop():
    method = forecasting.best_method(trends_only=True)
    table = phase_forecast._held_out_phases(method, HS, TQA)
    spread = phase_forecast.BANDWIDTH * table["start_x"].std(ddof=0)
    loss = []
    for row in table.to_dict("records"):
        others = table[table["family"] != row["family"]]
        near = np.exp(-0.5 * ((row["start_x"] - others["start_x"]) / spread) ** 2)
        shares = {
            name: (near[others["happened"] == name].sum() + np.mean(others["happened"] == name))
            / (near.sum() + 1)
            for name in PHASES
        }
        loss.append(sum((shares[name] - (row["happened"] == name)) ** 2 for name in PHASES))
        ours = phase_forecast.shares_of_like_steps(
            row["start_x"], method, HS, TQA, by="start_x", exclude=frozenset({row["family"]})
        )
        assert ours == pytest.approx(shares)
    assert phase_forecast.phase_skill(method, HS, TQA).start_x == pytest.approx(np.mean(loss))


def test_the_better_predictor_is_used_because_it_holds_when_nested():
    skill = phase_forecast.phase_skill(forecasting.best_method(trends_only=True), HS, TQA)
    assert skill.nested < min(skill.score, skill.size, skill.frequencies)
    assert skill.used == "start_x"
    assert skill.best == skill.nested
    worse = dataclasses.replace(skill, nested=skill.score + 0.01)
    assert worse.used == "errors"
    assert worse.best == skill.score


# ---------------------------------------------------------------- the judge


def test_half_the_items_scatter_as_much_as_the_whole_test_is_said_to():
    panel = data.panel("open", rows="one_recipe").dropna(subset=[HS, TQA])
    rng = np.random.default_rng(10)
    drawn = np.array([judged._half(panel, TQA, rng) for _ in range(400)])
    share = panel[TQA].to_numpy() / 100
    said = 100 * np.sqrt(share * (1 - share) / 817)
    assert np.mean(drawn.std(axis=0) / said) == pytest.approx(1, abs=0.02)
    assert np.abs(drawn.mean(axis=0) - panel[TQA]).max() < 0.5


def test_simulated_answers_correlate_as_asked_and_score_as_they_should():
    for correlation in judged.CORRELATIONS:
        answers = judged._answers(np.array([40.0, 50.0]), 60_000, correlation, np.random.default_rng(11))
        right = np.asarray(answers.values, dtype=float)
        assert right.mean(axis=0) == pytest.approx([0.4, 0.5], abs=0.01)
        assert np.corrcoef(right.T)[0, 1] == pytest.approx(correlation, abs=0.02)


def test_the_worlds_are_what_they_are_called():
    rng = np.random.default_rng(12)
    for world in judged.WORLDS:
        one = judged._family(world, rng)
        second = np.sign(np.diff(one.truth[:, 1]).round(9))
        assert math.isnan(one.turn) == (world == "no turn")
        assert (np.diff(second) >= 0).all()  # never from rising to falling
        assert (np.diff(one.truth[:, 0]) > 0).all()


def test_the_table_tells_what_the_chapter_says():
    table = data.load("diagnosis_calibration")
    pooled = table[(table["part"] == "phase") & (table["world"] == judged.POOLED)]
    for _, part in pooled[pooled["low"].isna()].groupby(["answers", "correlation"]):
        brier = part.set_index("version")["brier"]
        assert brier["calibrated"] < brier.drop("calibrated").min()
    bins = pooled[
        (pooled["version"] == "calibrated") & (pooled["answers"] == "items") & pooled["low"].notna()
    ]
    gap = (bins["right"] - bins["said"]).abs()
    assert (gap[bins["correlation"] > 0] <= 0.03).all()
    assert (gap <= 0.05).all()
    turns = table[(table["part"] == "turn") & (table["version"] == "both shapes")]
    told = turns[turns["world"] != "no turn"]
    assert (told["right"] >= 0.93).all()
    none = turns[turns["world"] == "no turn"]
    assert none["identified"].sum() / none["n"].sum() < 0.005


@pytest.mark.slow
def test_a_part_of_the_calibration_is_what_the_code_gives():
    table = data.load("diagnosis_calibration")
    seed = judged.WORLDS.index("two lines") * len(judged.CORRELATIONS) + 1
    _, turns = judged.simulated("two lines", judged.CORRELATIONS[1], rng=seed)
    kept = table[
        (table["part"] == "turn")
        & (table["world"] == "two lines")
        & (table["correlation"] == judged.CORRELATIONS[1])
    ].set_index(["answers", "version"])
    for key, part in turns.groupby(["answers", "version"]):
        told = part[part["identified"]]
        assert len(told) == pytest.approx(kept.loc[key, "identified"], abs=2)
        assert told["held"].mean() == pytest.approx(kept.loc[key, "right"], abs=0.02)
