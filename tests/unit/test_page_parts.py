"""Parts of the dashboard in the page that stand for random draws or for a fit anew: held to what they stand for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import linalg, optimize

from cape_utils import data
from cape_utils.chapters.ch12_dashboard.page import critical_scale, next_size, prior, web_distance
from cape_utils.chapters.ch12_dashboard.page.case import Case
from cape_utils.diagnosis import next_size as package_next_size
from cape_utils.diagnosis import panel_comparison, phase_prior, steps
from cape_utils.jobs.provenance import derived_table
from cape_utils.scaling import forecasting

HS, TQA = "hellaswag", "truthfulqa_mc2"
BENCHMARKS = list(data.BENCHMARKS)


def ladder(family: str) -> pd.DataFrame:
    table = data.panel("open", rows="one_recipe").query("family == @family")
    return table.sort_values("params_b").reset_index(drop=True)


def case(rows: pd.DataFrame, *exclude: str) -> Case:
    return Case("f", HS, TQA, rows, rows, frozenset(exclude), "" if len(rows) > 1 else "too few")


def probabilities(known: phase_prior.PhasePrior, family: str) -> np.ndarray:
    table = phase_prior._panel_steps(HS, TQA).query("family == @family")
    names = ("dx", "dy", "se_dx", "se_dy", "from_params_b", "to_params_b")
    return phase_prior.phase_probabilities(known, *(table[name].to_numpy(dtype=float) for name in names))


@pytest.mark.parametrize(
    ("families", "near"),
    [((), 0.0), (("Pythia",), 2e-4), (("Qwen1.5",), 2e-4), (("GPT-Neo/J", "Pythia"), 0.03)],
)
def test_the_prior_without_families_is_that_of_the_package(families: tuple[str, ...], near: float) -> None:
    exclude = frozenset(families)
    kept, learnt = prior.prior(HS, TQA, exclude), phase_prior.panel_prior(HS, TQA, exclude=exclude)
    assert (kept.steps, kept.families) == (learnt.steps, learnt.families)
    for family in ("Pythia", "Qwen1.5", "OPT"):
        assert probabilities(kept, family) == pytest.approx(probabilities(learnt, family), abs=near)
    assert prior.prior(TQA, HS, exclude) == kept.swapped()
    if families:  # and leaving them out does move it
        assert probabilities(kept, "Pythia") != pytest.approx(
            probabilities(prior.prior(HS, TQA), "Pythia"), abs=1e-3
        )


def test_no_prior_is_learnt_from_too_few_steps_or_of_another_pair() -> None:
    every = frozenset(derived_table("phase_prior_left_out")["left_out"])
    assert prior.prior(HS, TQA, every) is None
    assert prior.prior(HS, "gsm8k") is None
    assert prior.prior(HS, TQA, frozenset(["no such family"])) == prior.prior(HS, TQA)


@pytest.mark.parametrize("place", [0, 100, -1])
def test_the_kept_priors_are_what_the_code_gives(place: int) -> None:
    row = derived_table("phase_prior_left_out").iloc[place]
    learnt = phase_prior.panel_prior(row["x"], row["y"], exclude=frozenset([row["left_out"]]))
    for name in ("mean_x", "log_sd_y", "correlation", "noise_share", "steps"):
        assert row[name] == pytest.approx(getattr(learnt, name), abs=1e-3)


@pytest.mark.parametrize("family", ["Pythia", "Qwen1.5", "OPT", "BLOOM", "Cerebras-GPT"])
def test_shares_of_parabolas_are_those_of_draws(family: str) -> None:
    rows = ladder(family)
    closed, drawn = critical_scale.scale_of(rows, TQA), steps.family_scale(rows, TQA, draws=20_000)
    for name in ("valid", "downward", "outside"):
        assert getattr(closed, name) == pytest.approx(getattr(drawn, name), abs=0.02)
    for name in ("estimate", "low", "high", "stretch", "lead", "parabola"):
        assert getattr(closed, name) == pytest.approx(getattr(drawn, name), nan_ok=True)
    assert closed.identified == drawn.identified


def test_shares_of_parabolas_tell_a_bowl_from_a_hill_and_from_a_slope() -> None:
    size, noise = np.array([-1.0, 0.0, 0.5, 1.5]), np.diag([0.5, 0.4, 0.4, 0.3])
    for place, score in enumerate(((size - 0.2) ** 2 * 9, -((size - 0.2) ** 2) * 9, (size - 4.0) ** 2 * 3)):
        shares = critical_scale.parabola_shares(size, score, noise)
        assert shares[place] > 0.99
        assert sum(shares) == pytest.approx(1)


@pytest.mark.parametrize(("family", "models"), [("Pythia", 8), ("Qwen1.5", 3), ("OPT", 1)])
def test_the_distance_on_fixed_draws_is_that_on_random_ones(family: str, models: int) -> None:
    rows, exclude = ladder(family).tail(models), frozenset([family])
    fixed = web_distance.distance(rows, TQA, exclude=exclude)
    random = panel_comparison.web_distance(rows, TQA, exclude=exclude, draws=8000)
    assert fixed.h == pytest.approx(random.h)
    assert [one.expected for one in fixed.models] == pytest.approx([one.expected for one in random.models])
    assert (fixed.low, fixed.high) == pytest.approx((random.low, random.high), abs=0.5)
    assert fixed.p == pytest.approx(random.p, abs=0.03)
    assert fixed.unusual == random.unusual


def test_fixed_draws_are_spread_evenly_and_do_not_follow_each_other() -> None:
    drawn = web_distance.uniforms(0, 20_000)
    assert np.histogram(drawn, bins=20, range=(0, 1))[0] == pytest.approx(np.full(20, 1000), abs=130)
    for lag in (1, 2, 17):
        assert abs(np.corrcoef(drawn[:-lag], drawn[lag:])[0, 1]) < 0.03


def test_there_is_no_distance_without_web_trained_lines() -> None:
    panel = data.panel("open")
    assert web_distance.distance(ladder("Pythia"), TQA, exclude=frozenset(panel["family"])) is None


def test_the_nearest_models_are_the_nearest() -> None:
    rows = ladder("OPT")
    found = web_distance.nearest_models(case(rows, "OPT"))
    others = data.panel("open", rows="one_recipe").query("family != 'OPT'")
    far = np.sqrt(((others[[HS, TQA]] - rows[[HS, TQA]].iloc[-1]) ** 2).mean(axis=1)).sort_values()
    assert [one["distance_pp"] for one in found] == pytest.approx(far.iloc[:3].tolist())
    assert not {one["model"] for one in found} & set(rows["model"])


def test_the_next_size_is_the_package_s_with_the_equation_beside_it() -> None:
    rows, exclude = ladder("Pythia"), frozenset(["Pythia"])
    found = next_size.next_size(case(rows, *exclude), params_b=30)
    ahead = package_next_size.predict_size(rows, HS, TQA, params_b=30, exclude=exclude)
    assert [one["predicted"] for one in found["scores"]] == [
        one.predicted for one in ahead.scores if one.benchmark in BENCHMARKS
    ]
    panel = data.panel("open", rows="one_recipe").query("family != 'Pythia'")
    model = forecasting.fit_method(forecasting.ladders(panel), next_size.EQUATION).model
    length = np.log10(30 / rows["params_b"].iloc[-1])
    exact = linalg.expm(model.coefficients * length) @ rows[BENCHMARKS].iloc[-1].to_numpy(dtype=float)
    assert list(found["equation"]["scores"].values()) == pytest.approx(exact, abs=1e-3)
    assert found["families"] == 19
    assert next_size.next_size(case(rows), params_b=1)["problem"].startswith("next size 1B must be above")


def test_the_page_knows_the_methods_that_lead() -> None:
    errors = next_size._errors()
    order = forecasting.method_ranking(errors, draws=10).index
    assert next(name for name in order if "ODE" not in name) == next_size.TREND
    assert next(name for name in order if "ODE" in name) == next_size.EQUATION
    for family in errors.index:
        best = forecasting.best_method(frozenset([family]))
        assert best in (next_size.TREND, next_size.EQUATION)


def test_the_equation_needs_a_model_with_all_five_and_a_larger_size() -> None:
    rows = ladder("Pythia")
    assert next_size.equation_at(rows.drop(columns="mmlu"), 30) is None
    assert next_size.equation_at(rows.assign(mmlu=np.nan), 30) is None
    assert next_size.equation_at(rows, 1) is None
    far = next_size.equation_at(rows, 90_000.0)
    assert far["scores"] == {} or far["reason"] == ""


def test_the_lead_of_a_turn_is_the_package_s() -> None:
    for family in ("Pythia", "Qwen1.5", "OPT"):
        lead = steps.family_scale(ladder(family), TQA, draws=1).lead
        assert critical_scale.scale_of(ladder(family), TQA).lead == pytest.approx(lead, abs=1e-6)


def test_the_best_monotone_curve_is_exact_where_noise_differs() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        score, error = rng.uniform(0, 20, 10), rng.choice([0.2, 1.5], 10)
        rises = np.tri(10)[:, 1:] / error[:, None]
        costs = [
            optimize.lsq_linear(
                np.column_stack([1 / error, sign * rises]),
                score / error,
                bounds=([-np.inf] + [0] * 9, np.inf),
                method="bvls",
            ).cost
            for sign in (1, -1)
        ]
        assert critical_scale.monotone_misfit(score, error**2) == pytest.approx(2 * min(costs))
