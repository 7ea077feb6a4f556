"""Plant single faults in a copy of the package, one at a time, and see whether the tests meant for each catch it.

Run it as ``python -m tests.mutations``. The working tree is never edited. A test that sees a fault only because a table
is stale by its digest has not caught it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("cape_utils", "data", "tests", "notebooks", "book", "pyproject.toml")
LIMIT_S = 300


@dataclass(frozen=True)
class Fault:
    """One replacement in a file of ``cape_utils``, and the pytest targets that should fail under it."""

    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.file}: {self.old!r} -> {self.new!r}"


def unit(file: str, *names: str) -> tuple[str, ...]:
    """Tests of a file in ``tests/unit``; all of them where none is named."""
    path = f"tests/unit/test_{file}.py"
    return tuple(f"{path}::test_{name}" for name in names) or (path,)


def example(module: str, name: str) -> tuple[str, ...]:
    """The doctest of a function, by its module and name."""
    path = f"cape_utils/{module}.py"
    return (f"{path}::cape_utils.{module.replace('/', '.')}.{name}",)


FAULTS = (
    Fault(
        "stats/correlation.py",
        "cov / np.sqrt(var)",
        "cov / var",
        unit("coupling", "the_bootstrap_over_families_is_that_of_a_plain_loop"),
    ),
    Fault(
        "stats/correlation.py",
        "/ np.sqrt(freedom)",
        "/ freedom",
        unit("coupling", "population_coupling_is_pearsons_r_with_fishers_interval_when_families_are_few"),
    ),
    Fault(
        "stats/correlation.py",
        "len(a) - 4)",
        "len(a) - 3)",
        unit("coupling", "partial_correlation_is_that_of_regression_residuals"),
    ),
    Fault(
        "stats/correlation.py",
        "b = b - b.mean(axis=-1, keepdims=True)",
        "b = b - b.mean()",
        unit("width", "the_draws_are_those_of_a_plain_loop"),
    ),
    Fault(
        "stats/item_noise.py",
        "np.sqrt(share * (1 - share) /",
        "(share * (1 - share) /",
        example("stats/item_noise", "item_error"),
    ),
    Fault(
        "stats/item_noise.py",
        "100 * rng.binomial(",
        "rng.binomial(",
        example("stats/item_noise", "simulate_scores"),
    ),
    Fault(
        "stats/item_noise.py",
        "0.5 / count, 1 - 0.5 / count",
        "0, 1",
        example("stats/item_noise", "simulate_scores"),
    ),
    Fault(
        "stats/least_squares.py",
        "(weights * y)",
        "(weights**2 * y)",
        unit("recipes", "the_curve_is_that_of_statsmodels", "weights_count_a_row_as_often_as_it_is_drawn"),
    ),
    Fault(
        "stats/resampling.py",
        "[50 * (1 - level), 50 * (1 + level)]",
        "[100 * (1 - level), 100 * level]",
        example("stats/resampling", "interval"),
    ),
    Fault(
        "stats/resampling.py",
        ">= abs(observed - centre) - 1e-12",
        "> abs(observed - centre) + 1e-12",
        unit("coupling", "the_exact_permutation_p_is_that_of_scipy"),
    ),
    Fault(
        "stats/resampling.py",
        '"greater": draws >= observed - 1e-12,',
        '"greater": draws <= observed + 1e-12,',
        example("stats/resampling", "null_from_draws"),
    ),
    Fault(
        "stats/resampling.py",
        "side: (int(np.sum(one)) + counted) / (total + counted)",
        "side: int(np.sum(one)) / (total + counted)",
        example("stats/resampling", "null_from_draws"),
    ),
    Fault(
        "stats/resampling.py",
        "np.take(family_counts(len(names), draws, rng), codes, axis=1)",
        "family_counts(len(codes), draws, rng)",
        unit("coupling", "the_bootstrap_over_families_is_that_of_a_plain_loop"),
    ),
    Fault(
        "stats/resampling.py",
        "generator = np.random.default_rng(rng)",
        "generator = np.random.default_rng(0)",
        unit("transition", "the_same_seed_gives_the_same_draws_and_another_nearly_the_same_interval"),
    ),
    Fault("stats/formatting.py", "100 * share", "share", example("stats/formatting", "percent")),
    Fault("stats/formatting.py", "1000 * params_b", "100 * params_b", example("stats/formatting", "size")),
    Fault("stats/formatting.py", "if p >= 0.1", "if p >= 0.01", example("stats/formatting", "p_value")),
    Fault(
        "stats/results.py",
        "float(value) if math.isfinite(value) else None",
        "float(value)",
        example("stats/results", "to_jsonable"),
    ),
    Fault(
        "scaling/coupling.py",
        "np.nan, dy / dx)",
        "np.nan, dx / dy)",
        unit("coupling", "local_coupling_by_hand"),
    ),
    Fault(
        "scaling/coupling.py",
        "value > bonus_above",
        "value >= bonus_above",
        unit("coupling", "the_thresholds_of_the_phases_belong_to_the_transition"),
    ),
    Fault(
        "scaling/coupling.py",
        'np.sqrt(frame["from_params_b"] * frame["to_params_b"])',
        '(frame["from_params_b"] + frame["to_params_b"]) / 2',
        unit("coupling", "local_coupling_by_hand"),
    ),
    Fault(
        "scaling/coupling.py",
        "value**2 * sx**2) / np.abs(dx)",
        "value**2 * sx**2)",
        unit("coupling", "the_errors_of_a_step_by_hand"),
    ),
    Fault(
        "scaling/coupling.py",
        "np.where(x > 0, below, 1 - below)",
        "below",
        unit("coupling", "the_distribution_of_a_ratio_against_simulation"),
    ),
    Fault(
        "scaling/coupling.py",
        "np.where(value < 0, 1 -",
        "np.where(value > 0, 1 -",
        unit("coupling", "the_phases_of_a_step_share_out_its_probability"),
    ),
    Fault(
        "scaling/coupling.py",
        "nunique() < 5",
        "nunique() <= 5",
        unit("coupling", "families_are_resampled_from_five_on"),
    ),
    Fault(
        "scaling/coupling.py",
        "fisher_interval(r, len(used) - 3)",
        "fisher_interval(r, len(used) - 2)",
        unit("coupling", "population_coupling_is_pearsons_r_with_fishers_interval_when_families_are_few"),
    ),
    Fault(
        "scaling/coupling.py",
        'local["mid_params_b"] < split_b',
        'local["from_params_b"] < split_b',
        unit("coupling", "sign_shares_by_hand", "sign_shares_cover_every_pair_once"),
    ),
    Fault(
        "scaling/coupling.py",
        '(part["coupling"] > 0).sum()',
        '(part["coupling"] >= 0).sum()',
        unit("coupling", "a_step_without_a_change_is_not_a_positive_coupling", "sign_shares_by_hand"),
    ),
    Fault(
        "scaling/coupling.py",
        "min(float(first[y]), chance)",
        "chance",
        unit("coupling", "the_part_of_a_fall_below_chance_by_hand"),
    ),
    Fault(
        "scaling/coupling.py",
        '["phase"].last()',
        '["phase"].first()',
        unit("coupling", "phase_counts_over_intervals_and_over_models"),
    ),
    Fault(
        "scaling/coupling.py",
        'used.groupby("family")[k].transform("mean")',
        "used[k].mean()",
        unit("coupling", "a_coupling_between_families_alone_vanishes_within_them"),
    ),
    Fault(
        "scaling/coupling.py",
        "stats.t.ppf(0.975,",
        "stats.t.ppf(0.95,",
        unit("coupling", "the_running_coupling_is_an_ordinary_regression"),
    ),
    Fault(
        "scaling/critical_scale.py",
        "centre - beta[:, 1]",
        "centre + beta[:, 1]",
        unit("transition", "the_point_estimate_is_that_of_polyfit"),
    ),
    Fault(
        "scaling/critical_scale.py",
        "opens_up = (beta[:, 2] > 0)",
        "opens_up = (beta[:, 2] < 0)",
        unit("transition", "the_point_estimate_is_that_of_polyfit"),
    ),
    Fault(
        "scaling/critical_scale.py",
        "low < smallest or high > largest",
        "low < smallest and high > largest",
        unit("transition", "what_identified_means"),
    ),
    Fault(
        "scaling/critical_scale.py",
        "else noise_weights(used)",
        'else 1 / used["se"].to_numpy(dtype=float) ** 2',
        unit("transition", "the_zero_crossing_is_that_of_weighted_least_squares"),
    ),
    Fault(
        "scaling/coupling.py",
        'local["se_dy"].to_numpy(dtype=float)) ** 2)',
        'np.hypot(local["se_dy"], local["coupling"] * 0.7)) ** 2)',
        unit("transition", "weights_by_noise_do_not_favour_small_couplings"),
    ),
    Fault(
        "stats/correlation.py",
        "(each.size - 1) * np.mean(",
        "np.mean(",
        unit("frontier", "the_interval_by_lab_holds_a_known_truth_where_bootstraps_over_labs_do_not"),
    ),
    Fault(
        "chapters/ch12_dashboard/size_baseline.py",
        "_two_agree(dx, dy, steps) - bias",
        "_two_agree(dx, dy, steps)",
        unit("size_rule", "a_retest_read_off_one_measurement_is_not_flattered_by_its_noise"),
    ),
    Fault(
        "chapters/ch05_recipes/second_labels.py",
        "/ (1 - by_luck)",
        "",
        unit("recipes", "agreement_is_that_of_scikit_learn_and_falls_to_nothing_for_labels_by_chance"),
    ),
    Fault(
        "scaling/critical_scale.py",
        "family_counts(len(families), draws, rng)[:, codes]",
        "family_counts(n, draws, rng)",
        unit("transition", "resampling_families_draws_whole_families"),
    ),
    Fault(
        "scaling/critical_scale.py",
        "beta[:, 0] / (2 * beta[:, 1])",
        "beta[:, 0] / beta[:, 1]",
        unit("transition", "fixed_effects_are_a_regression_with_a_dummy_for_each_family"),
    ),
    Fault(
        "scaling/critical_scale.py",
        "root = centre - a / b",
        "root = centre + a / b",
        unit("transition", "even_odds_and_their_curve_meet_at_one_half"),
    ),
    Fault(
        "scaling/forecasting.py",
        "- begin +",
        "+ begin +",
        example("scaling/forecasting", "fit_trend"),
    ),
    Fault(
        "scaling/forecasting.py",
        'used[used["family"] != family]',
        "used",
        unit("dynamics", "a_family_held_out_is_not_seen"),
    ),
    Fault(
        "scaling/forecasting.py",
        'size / held_out["actual"]',
        'size / held_out["predicted"]',
        unit("dynamics", "family_errors_are_plain_means"),
    ),
    Fault(
        "scaling/forecasting.py",
        "high * float(np.sqrt(step))",
        "high * step",
        example("scaling/forecasting", "error_range"),
    ),
    Fault(
        "scaling/forecasting.py",
        "level * (1 + 1 / families)",
        "level",
        example("scaling/forecasting", "error_range"),
    ),
    Fault(
        "scaling/forecasting.py",
        '(1 / errors.groupby("family")["family"].transform("size"))',
        '(1 * errors.groupby("family")["family"].transform("size"))',
        example("scaling/forecasting", "family_weights"),
    ),
    Fault(
        "scaling/scaling_laws.py",
        "** -self.exponent.estimate",
        "** self.exponent.estimate",
        unit("scaling", "a_planted_loss_law_is_recovered"),
    ),
    Fault(
        "scaling/scaling_laws.py",
        "float(stats.t.ppf(0.975, freedom)) * se",
        "float(stats.t.ppf(0.95, freedom)) * se",
        unit("scaling", "the_standard_error_is_that_of_the_linearised_model"),
    ),
    Fault(
        "scaling/scaling_laws.py",
        "reduced.std() /",
        "reduced.std(ddof=1) /",
        unit("scaling", "the_coefficient_of_variation_is_that_of_the_reduced_loss"),
    ),
    Fault(
        "scaling/scaling_laws.py",
        "np.arange(len(x)) != place if",
        "np.arange(len(x)) >= 0 if",
        unit("scaling", "a_planted_dip_is_found_where_the_model_is_left_out_of_the_trend"),
    ),
    Fault(
        "scaling/scaling_laws.py",
        'law.cv_pct, cv, "less"',
        'law.cv_pct, cv, "greater"',
        unit("scaling", "an_exact_power_law_beats_the_null_and_a_kinked_decline_does_not"),
    ),
    Fault(
        "scaling/scaling_laws.py",
        "np.log(a), np.log(b)",
        "np.log(b), np.log(a)",
        unit("scaling", "a_planted_power_law_is_recovered"),
    ),
    Fault(
        "scaling/spectrum.py",
        "(values.shape[-2] - 1)",
        "values.shape[-2]",
        unit("spectrum", "components_are_those_of_scikit_learn"),
    ),
    Fault(
        "scaling/spectrum.py",
        "values.sum() ** 2 /",
        "values.sum() /",
        unit("spectrum", "participation_ratio_by_hand"),
    ),
    Fault(
        "scaling/spectrum.py",
        "np.where(lead < 0,",
        "np.where(lead > 0,",
        unit("spectrum", "the_sign_convention_is_kept"),
    ),
    Fault(
        "scaling/spectrum.py",
        "min(p, n - 1)",
        "min(p, n)",
        unit("spectrum", "few_models_look_simpler_and_many_give_the_population"),
    ),
    Fault(
        "scaling/spectrum.py",
        "p**2 / squares",
        "p / squares",
        unit("spectrum"),
    ),
    Fault(
        "scaling/trend_nulls.py",
        "n <= _EXACT_UP_TO",
        "n < _EXACT_UP_TO",
        unit("coupling", "every_arrangement_is_visited_up_to_nine_pairs_and_a_sample_beyond"),
    ),
    Fault(
        "scaling/trend_nulls.py",
        "permutation_null(np.diff(a), np.diff(b),",
        "permutation_null(a, b,",
        unit("coupling", "increments_are_a_permutation_of_the_steps"),
    ),
    Fault(
        "scaling/width.py",
        "(width / REFERENCE_WIDTH) ** power",
        "(REFERENCE_WIDTH / width) ** power",
        unit("width", "normalisation_by_hand"),
    ),
    Fault(
        "scaling/width.py",
        "n - 3)",
        "n - 2)",
        unit("width", "three_models_leave_no_interval_and_two_no_answer"),
    ),
    Fault(
        "scaling/width.py",
        'shuffle == "both" else a',
        'shuffle == "one" else a',
        unit("width", "the_draws_are_those_of_a_plain_loop"),
    ),
    Fault("scaling/ode.py", "100 * error / actual", "error / actual", example("scaling/ode", "path_error")),
    Fault(
        "scaling/recipe_effects.py",
        'web_models[~web_models["line"].isin(models["line"])]',
        "web_models",
        unit("recipes", "the_recipe_s_own_line_never_enters_its_curve"),
    ),
    Fault(
        "scaling/recipe_effects.py",
        "(above + 1) / (len(others) + 1)",
        "above / len(others)",
        unit("recipes", "tables_agree_with_the_single_calls_and_with_one_another"),
    ),
    Fault(
        "scaling/recipe_effects.py",
        '"low": null.observed - null.high',
        '"low": null.observed + null.high',
        unit("recipes", "tables_agree_with_the_single_calls_and_with_one_another"),
    ),
    Fault(
        "scaling/web_curve.py",
        "widen = np.sqrt(len(lines) / (",
        "widen = (len(lines) / (",
        unit("recipes", "scatter_is_widened_by_what_the_curve_took_from_the_lines"),
    ),
    Fault(
        "scaling/sign_predictors.py",
        "+ 0.5 * (",
        "+ 0.0 * (",
        unit("transition", "the_area_under_the_curve_is_that_of_scikit_learn"),
    ),
    Fault(
        "scaling/sign_predictors.py",
        "codes[None, :] != np.arange",
        "codes[None, :] == np.arange",
        unit("transition", "held_out_areas_are_those_of_a_plain_loop"),
    ),
    Fault(
        "scaling/sign_predictors.py",
        "> chance + LEFT_CHANCE_PP",
        "> chance",
        unit("transition", "rivals_of_size_are_measured_at_the_middle_of_the_step"),
    ),
    Fault(
        "claims/verdicts.py", "number >= _bound(claim)", "number > _bound(claim)", unit("claims", "bounds")
    ),
    Fault(
        "claims/verdicts.py",
        'return self.p_less if alternative == "less" else self.p_greater',
        "return min(self.p_less, self.p_greater)",
        unit("claims", "a_null_speaks_on_the_side_of_the_claim"),
    ),
    Fault(
        "claims/verdicts.py",
        "return min(1.0, 2 * min(self.p_less, self.p_greater))",
        "return min(self.p_less, self.p_greater)",
        unit("claims", "a_null_that_gives_more_than_is_claimed_is_no_support"),
    ),
    Fault(
        "claims/verdicts.py",
        "if p < DISTINGUISHABLE_BELOW:",
        "if p <= DISTINGUISHABLE_BELOW:",
        unit("claims", "a_null_speaks_on_the_side_of_the_claim"),
    ),
    Fault(
        "claims/verdicts.py",
        'return "borderline" if p < BORDERLINE_BELOW else "not distinguishable"',
        'return "borderline" if p <= BORDERLINE_BELOW else "not distinguishable"',
        unit("claims", "a_null_speaks_on_the_side_of_the_claim"),
    ),
    Fault(
        "claims/assessment.py",
        "readings = np.array([ours, *item.readings.values()])",
        "readings = np.array([ours])",
        unit("claims", "luck_chooses_among_readings_as_the_ledger_did"),
    ),
    Fault(
        "claims/evidence.py",
        'if all(verdict == "reproduced" for verdict in tested):',
        'if any(verdict == "reproduced" for verdict in tested):',
        unit("diagnosis"),
    ),
    Fault(
        "stats/resampling.py",
        '"less": draws <= observed + 1e-12,',
        '"less": draws >= observed - 1e-12,',
        unit("coupling", "the_direction_null_finds_a_sign_that_families_share"),
    ),
    Fault(
        "scaling/trend_nulls.py",
        "mean + sign * (b - mean)",
        "sign * b",
        unit("coupling", "the_direction_null_is_calibrated_where_the_sign_is_chance"),
    ),
    Fault(
        "scaling/scaling_laws.py",
        ".normal(size=(draws, len(x)))).min(axis=1)",
        ".normal(size=(draws, len(x))))[:, 0]",
        unit("scaling", "a_dip_is_held_against_the_lowest_of_all_models"),
    ),
    Fault(
        "chapters/ch09_frontier/date_nulls.py",
        "errors[1:].max(axis=1) if highest",
        "errors[1:, 0] if highest",
        unit("frontier", "an_extreme_lab_is_held_against_the_extreme_of_all_labs"),
    ),
    Fault(
        "claims/verdicts.py",
        "pairs += [(ours.low, quoted.low), (ours.high, quoted.high)]",
        "pairs += []",
        unit("claims", "an_interval_that_is_claimed_counts_with_its_number"),
    ),
    Fault(
        "chapters/ch03_phase_transition/family_turns.py",
        "return max(nulls, key=lambda one: one[0].p_greater)",
        "return min(nulls, key=lambda one: one[0].p_greater)",
        unit("transition", "a_turn_has_to_fall_and_to_rise"),
    ),
    Fault(
        "chapters/ch03_phase_transition/family_turns.py",
        '0.5 ** (families["n"].to_numpy() - 1)',
        '0.5 ** families["n"].to_numpy()',
        unit("transition", "coin_flips_seldom_lack_a_change_of_sign"),
    ),
    Fault(
        "claims/verdicts.py",
        "return high < _bound(claim)",
        "return low < _bound(claim)",
        unit("claims", "the_open_panel_against_a_bound"),
    ),
    Fault(
        "claims/verdicts.py",
        "abs(a - b) <= claim.slack for a, b in pairs",
        "abs(a - b) < claim.tolerance for a, b in pairs",
        unit("claims", "the_edge_of_a_tolerance_is_inside"),
    ),
    Fault(
        "claims/verdicts.py",
        "sorted((sign * estimate.low, sign * estimate.high))",
        "(sign * estimate.low, sign * estimate.high)",
        unit("claims", "values_from_results"),
    ),
    Fault(
        "claims/quotations.py",
        'finite(row["paper_low"]), finite(row["paper_high"])',
        'finite(row["paper_high"]), finite(row["paper_low"])',
        unit("claims", "the_ledger_has_a_claim_for_every_row_in_order"),
    ),
    Fault("data/schema.py", "low <= float(cell) <= high", "low < float(cell) <= high", unit("validation")),
    Fault("data/schema.py", "lines.append(reader.line_num)", "lines.append(len(rows))", unit("validation")),
    Fault("data/schema.py", 'max(",;\\t", key=known)', '","', unit("validation")),
    Fault("data/schema.py", 'raw.decode("utf-8-sig")', 'raw.decode("utf-8")', unit("validation")),
    Fault(
        "data/user_scores.py",
        "(table[column] > 0) & (table[column] <= 1)",
        "(table[column] > 0) & (table[column] < 0.1)",
        unit("validation"),
    ),
    Fault("data/user_scores.py", "{value * 100:g}", "{value * 10:g}", unit("validation")),
    Fault(
        "evaluations/merging.py",
        "None if count is None else count / 1e9",
        "None if count is None else count / 1e6",
        unit("harness"),
    ),
    Fault(
        "evaluations/merging.py",
        "best = max(having, key=lambda run: run.when or 0.0)",
        "best = min(having, key=lambda run: run.when or 0.0)",
        unit("harness", "the_newest_of_several_results_wins_task_by_task_and_a_note_says_so"),
    ),
    Fault(
        "evaluations/merging.py",
        "self.conditions.get(key, value) == value",
        "True or self.conditions.get(key, value) == value",
        unit("cases"),
    ),
    Fault(
        "evaluations/tasks.py",
        "round(100 * float(value), 6)",
        "round(float(value), 6)",
        unit("harness", "the_present_layout"),
    ),
    Fault(
        "evaluations/tasks.py",
        '("truthfulqa_mc1", "mc1,none", "mc1")',
        '("mc2,none", "mc2", "mc1")',
        unit("harness", "older_layouts"),
    ),
    Fault(
        "evaluations/tasks.py",
        "_metric(e, _ACC, where) * items",
        "_metric(e, _ACC, where) * 3510.5",
        unit("harness", "mmlu_from_its_groups_counts_questions_and_from_subjects_counts_subjects"),
    ),
    Fault(
        "evaluations/merging.py",
        "if n < benchmark_items(column)",
        "if n > benchmark_items(column)",
        unit("harness"),
    ),
    Fault(
        "evaluations/conditions.py",
        "all(so_far.get(key, value) == value for key, value in row.items())",
        "True",
        unit("cases"),
    ),
    Fault(
        "data/model_names.py",
        "return _LOW < one / other < _HIGH",
        "return _LOW / 9 < one / other < _HIGH",
        unit("harness"),
    ),
    Fault("data/model_names.py", "_ANOTHER_THING = 20.0", "_ANOTHER_THING = 2.0", unit("harness")),
    Fault(
        "stats/paired_items.py",
        "step.std(ddof=1) / np.sqrt(self.n)",
        "step.std(ddof=1) / self.n",
        unit("paired_items"),
    ),
    Fault(
        "stats/paired_items.py",
        "stats.binomtest(gained, gained + lost)",
        "stats.binomtest(gained, self.n)",
        unit("paired_items"),
    ),
    Fault(
        "diagnosis/paired_noise.py",
        "variance[1:] + variance[:-1] - 2 * between",
        "variance[1:] + variance[:-1]",
        unit("sample_logs"),
    ),
    Fault(
        "evaluations/sample_logs.py",
        "order = np.argsort(log.items)",
        "order = np.arange(len(log.items))",
        unit("sample_logs"),
    ),
    Fault(
        "stats/bivariate_normal.py",
        "u * u + v * v - 2 * u * v",
        "u * u + v * v + 2 * u * v",
        unit("calibrated_diagnosis", "the_integral_of_two_normals_is_that_of_scipy"),
    ),
    Fault(
        "diagnosis/phase_prior.py",
        "weights.append(log_share + _log_normal(miss, total))",
        "weights.append(log_share + 0 * _log_normal(miss, total))",
        unit("calibrated_diagnosis", "the_probabilities_are_those_of_draws_weighed_by_the_scores"),
    ),
    Fault(
        "diagnosis/phase_prior.py",
        "covariance + prior.noise_share * noise",
        "covariance + 0 * noise",
        unit("calibrated_diagnosis", "a_planted_prior_is_learnt_from_its_steps"),
    ),
    Fault(
        "diagnosis/phase_prior.py",
        "left = covariance - gain @ covariance",
        "left = covariance",
        unit("calibrated_diagnosis", "without_news_from_the_prior_the_probabilities_are_the_plain_ones"),
    ),
    Fault(
        "diagnosis/phase_prior.py",
        'steps[~steps["family"].isin(exclude)]',
        "steps[: len(steps) - 1]",
        unit("calibrated_diagnosis", "a_family_of_the_panel_is_judged_by_the_others"),
    ),
    Fault(
        "diagnosis/turning_point.py",
        "weights = np.stack([_evidence_one(bowl, target, slope), _evidence_two(left, right, target, slope)])",
        "weights = np.stack([_evidence_one(bowl, target, slope), np.full(_PLACES, -1e9)])",
        unit("calibrated_diagnosis", "the_evidence_of_both_shapes_is_that_of_plain_integration"),
    ),
    Fault(
        "diagnosis/turning_point.py",
        "lead=float(monotone - misfits.min() / stretch**2)",
        "lead=float(2 * monotone - misfits.min() / stretch**2)",
        unit("calibrated_diagnosis", "a_family_without_a_turn_is_hardly_ever_given_one"),
    ),
    Fault(
        "diagnosis/steps.py",
        "np.sum(change**2 - noise)",
        "np.sum(change**2)",
        unit("calibrated_diagnosis", "the_typical_slope_has_its_noise_taken_off_and_leaves_families_out"),
    ),
    Fault(
        "chapters/ch12_dashboard/page/answer.py",
        "room = dx**2 - (z * se_dx) ** 2",
        "room = dx**2",
        unit("dashboard_page", "there_is_no_range_exactly_where_the_package_warns_of_the_ratio"),
    ),
    Fault(
        "chapters/ch12_dashboard/page/constants.py",
        'data.panel(which, rows="one_recipe")["model"]',
        'data.panel(which)["model"]',
        unit("dashboard_page", "what_the_page_knows_follows_the_tables"),
    ),
    Fault(
        "diagnosis/phase_forecast.py",
        "return self.predictor if self.nested < self.score else",
        "return self.predictor if True else",
        unit("calibrated_diagnosis", "the_better_predictor_is_used_because_it_holds_when_nested"),
    ),
    Fault(
        "diagnosis/phase_forecast.py",
        'others = ~steps["family"].isin(exclude).to_numpy()',
        "others = np.ones(len(steps), dtype=bool)",
        unit("calibrated_diagnosis", "like_steps_are_those_of_a_plain_loop"),
    ),
    Fault(
        "diagnosis/next_size.py",
        "if not params_b > largest_b",
        "if not params_b >= largest_b",
        unit("diagnosis", "a_size_below_the_largest_and_a_step_too_long_are_told"),
    ),
    Fault(
        "diagnosis/score_warnings.py",
        "ceiling=min(len(names), len(rows) - 1)",
        "ceiling=min(len(names), len(rows))",
        unit("diagnosis", "few_models_cannot_show_many_dimensions"),
    ),
    Fault(
        "diagnosis/score_warnings.py",
        "score < chance - 2 * noise",
        "score < chance + 2 * noise",
        unit("diagnosis", "cautions_about_guessing_floors_and_ceilings"),
    ),
    Fault(
        "diagnosis/phase_forecast.py",
        "weights[ratio < -TAX_BELOW]",
        "weights[ratio < -10 * TAX_BELOW]",
        example("diagnosis/phase_forecast", "phase_shares"),
    ),
    Fault(
        "diagnosis/family_diagnosis.py",
        "params_b=next_params_b, exclude=in_panel)",
        "params_b=next_params_b)",
        unit("diagnosis", "a_family_of_the_panel_is_predicted_without_itself"),
    ),
    Fault(
        "diagnosis/family_diagnosis.py",
        "nearest_families(rows, x, y, exclude=in_panel)",
        "nearest_families(rows, x, y)",
        unit("diagnosis", "twins_are_found_by_name_or_by_scores_and_left_out"),
    ),
    Fault(
        "frontier/regression.py",
        "/ (n - 2)))",
        "/ n))",
        unit("frontier", "the_line_is_that_of_statsmodels"),
    ),
    Fault(
        "frontier/regression.py",
        "noise + 1 / self.n +",
        "noise +",
        unit("frontier", "the_line_is_that_of_statsmodels"),
    ),
    Fault(
        "frontier/regression.py",
        "if h_pp < -specialist_pp",
        "if h_pp <= -specialist_pp",
        unit("frontier", "positions_at_their_thresholds"),
    ),
    Fault(
        "frontier/regression.py",
        "np.hypot(up, slope * across)",
        "np.hypot(up, across)",
        unit("frontier", "the_noise_of_h_is_the_spread_of_simulated_tests"),
    ),
    Fault(
        "frontier/regression.py",
        "* stats.sem(h)",
        "* h.std()",
        unit("frontier", "mean_h_has_the_t_interval_of_scipy"),
    ),
    Fault(
        "frontier/regression.py",
        "(moment.day_of_year - 1)",
        "moment.day_of_year",
        unit("frontier", "a_date_is_the_range_that_the_source_leaves_open"),
    ),
    Fault(
        "frontier/model_diagnosis.py",
        "change_since(location, history[-1])",
        "change_since(location, history[0])",
        unit("diagnosis", "a_frontier_model_beside_its_lab"),
    ),
    Fault(
        "frontier/model_diagnosis.py",
        '"above" if location.h > BAND_PP',
        '"above" if location.h > CHANGE_PP',
        unit("diagnosis", "bands_of_five_points"),
    ),
    Fault(
        "jobs/provenance.py",
        "[part for part in parts if not _is_text(part)]",
        "list(parts)",
        unit("provenance", "words_and_layout_reach_nothing"),
    ),
    Fault(
        "jobs/provenance.py",
        'if known["fingerprint"] == _fingerprint():',
        'if known["fingerprint"]:',
        unit("provenance", "what_is_remembered_holds_until_something_changes"),
    ),
    Fault(
        "jobs/result_cache.py",
        "json.dumps(settings, sort_keys=True,",
        "json.dumps(settings,",
        example("jobs/result_cache", "digest"),
    ),
    Fault(
        "chapters/ch10_steering/label_test.py",
        "length if full_dose else length.max(0)",
        "length",
        unit("label_test", "a_direction_that_all_pairs_share_is_found_and_equal_lengths_would_hide_it"),
    ),
    Fault(
        "chapters/ch10_steering/label_test.py",
        "a[:, found.learn] * apart)) * signs)",
        "a[:, found.learn] * apart)))",
        unit("label_test", "every_labelling_goes_through_the_whole_procedure"),
    ),
    Fault(
        "chapters/ch10_steering/label_test.py",
        "(towards - back) / 2)",
        "towards - back[:, :1])",
        unit("label_test", "an_effect_is_seen_and_a_blur_is_not"),
    ),
    Fault(
        "chapters/ch10_steering/label_test.py",
        "np.concatenate([values, -values])",
        "values",
        unit("label_test", "an_effect_is_seen_and_a_blur_is_not"),
    ),
    Fault(
        "steering/interventions.py",
        "return stream + along.shift",
        "return stream - along.shift",
        unit("steering", "steering_moves_content_positions_by_what_it_says_and_leaves_nothing"),
    ),
    Fault(
        "steering/interventions.py",
        "1 - np.sign(along.size) * cosine",
        "1 - cosine",
        unit("steering_methods", "each_method_does_what_its_formula_says"),
    ),
    Fault(
        "models/activations.py",
        "columns >= self.at",
        "columns > self.at",
        unit("steering_methods", "each_method_does_what_its_formula_says"),
    ),
    Fault(
        "steering/exchange.py",
        '"clamp": strength * one.residual_norm',
        '"clamp": strength',
        unit("steering_exchange", "the_harness_does_with_the_file_what_we_do"),
    ),
    Fault(
        "steering/interventions.py",
        "torch.manual_seed(seed)",
        "torch.manual_seed(0)",
        unit("steering", "sampling_follows_its_seed_and_leaves_the_global_one_alone"),
    ),
    Fault(
        "toyworld/world.py",
        "rng.integers(1, size.values,",
        "rng.integers(0, size.values,",
        example("toyworld/world", "build_world"),
    ),
    Fault(
        "toyworld/world.py",
        "/ (others - step)",
        "/ others",
        unit("toyworld", "the_score_is_the_mean_over_all_options"),
    ),
    Fault(
        "toyworld/world.py",
        "(rumoured, size.rumoured, world.true)",
        "(rumoured, size.rumoured, world.gossiped)",
        unit("toyworld", "documents_tell_as_much_truth_and_rumour_as_the_recipe_says"),
    ),
    Fault(
        "toyworld/world.py",
        "default_rng([seed, 0])",
        "default_rng([0, 0])",
        unit("toyworld", "a_seed_is_a_world"),
    ),
)

SURVIVORS: dict[tuple[str, str], str] = {}
"""Faults known to survive, as file and old text, with the reason; one that is caught must leave this table."""


def planted(fault: Fault, root: Path) -> tuple[str, str]:
    """The text of a file without and with the fault; refused where the old text does not stand there once."""
    text = (root / "cape_utils" / fault.file).read_text(encoding="utf-8")
    if (count := text.count(fault.old)) != 1:
        raise SystemExit(f"stale fault, its old text stands {count} times: {fault}")
    changed = text.replace(fault.old, fault.new)
    compile(changed, fault.file, "exec")
    return text, changed


def copied(folder: Path) -> Path:
    """A copy of what the tests need, into which faults may be planted."""
    ignored = shutil.ignore_patterns("__pycache__")
    for part in PARTS:
        source, target = ROOT / part, folder / part
        if source.is_dir():
            shutil.copytree(source, target, ignore=ignored)
        else:
            shutil.copy2(source, target)
    (folder / "results").mkdir()
    where = "import cape_utils; print(cape_utils.__file__)"
    found = subprocess.run(
        [sys.executable, "-c", where],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    if not Path(found).is_relative_to(folder):
        raise SystemExit(f"the tests would import {found}, not the copy in {folder}")
    return folder


def environment(folder: Path) -> dict[str, str]:
    """Variables under which Python imports the copy, writes no bytecode and keeps its results there."""
    own = {"PYTHONPATH": str(folder), "CAPE_RESULTS": str(folder / "results")}
    return {**os.environ, **own, "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}


def outcome(folder: Path, tests: tuple[str, ...]) -> tuple[str, str]:
    """What the tests make of the copy: ``caught``, ``survived`` or ``broken``, and what pytest printed."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--no-header", *tests]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment(folder),
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "broken", f"no end within {LIMIT_S} seconds"
    said = done.stdout + done.stderr
    if done.returncode == 1:
        return ("broken", said) if "it is stale" in said else ("caught", said)
    return ("survived" if done.returncode == 0 else "broken"), said


def tried(fault: Fault, copies: SimpleQueue[Path]) -> tuple[str, str]:
    """Plant a fault in a free copy, run its tests and take it out again."""
    folder = copies.get()
    path = folder / "cape_utils" / fault.file
    text, changed = planted(fault, folder)
    try:
        path.write_text(changed, encoding="utf-8")
        return outcome(folder, fault.tests)
    finally:
        path.write_text(text, encoding="utf-8")
        copies.put(folder)


def main() -> int:
    """Try every fault; 1 where one is not caught without a reason, or caught although it is said to survive."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    parser.add_argument("-n", type=int, default=2, help="processes, each with a copy of its own")
    parser.add_argument("--only", default="", help="only faults whose file or text holds this")
    options = parser.parse_args()
    faults = [fault for fault in FAULTS if options.only in str(fault)]
    if not faults:
        parser.error(f"no fault holds {options.only!r}")
    for fault in FAULTS:
        planted(fault, ROOT)
    begun, wrong, counts = time.monotonic(), [], dict.fromkeys(("caught", "survived", "broken"), 0)
    with tempfile.TemporaryDirectory(prefix="mutations-") as base, ThreadPoolExecutor(options.n) as pool:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(options.n):
            copies.put(_fresh(Path(base).resolve(), number))
        targets = tuple(dict.fromkeys(test for fault in faults for test in fault.tests))
        # A test that fails anyway would catch everything.
        untouched = pool.submit(_untouched, targets, copies)
        results = pool.map(lambda fault: tried(fault, copies), faults)
        for fault, (found, said) in zip(faults, results, strict=True):
            counts[found] += 1
            reason = SURVIVORS.get((fault.file, fault.old))
            print(f"{found:9}{fault}{f'  ({reason})' if reason else ''}", flush=True)  # noqa: T201
            if found == "broken" or (found == "caught") == (reason is not None):
                wrong.append(fault)
            if found == "broken":
                print(said[-2000:], flush=True)  # noqa: T201
        state, said = untouched.result()
    if state != "survived":
        print(f"without any fault the tests do not pass:\n{said[-3000:]}")  # noqa: T201
    summary = ", ".join(f"{count} {found}" for found, count in counts.items())
    print(f"{len(faults)} faults: {summary}; {time.monotonic() - begun:.0f} s")  # noqa: T201
    return 1 if wrong or state != "survived" else 0


def _fresh(base: Path, number: int) -> Path:
    folder = base / str(number)
    folder.mkdir()
    return copied(folder)


def _untouched(targets: tuple[str, ...], copies: SimpleQueue[Path]) -> tuple[str, str]:
    folder = copies.get()
    try:
        return outcome(folder, targets)
    finally:
        copies.put(folder)


if __name__ == "__main__":
    sys.exit(main())
