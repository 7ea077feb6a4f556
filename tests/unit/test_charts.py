"""Every figure, built from real results: words, valid specifications, live controls, and fields that exist."""

from __future__ import annotations

import functools
import importlib.util
import json
import pkgutil
import re

import altair as alt
import numpy as np
import pandas as pd
import pytest

from cape_utils import chapters, data
from cape_utils.chapters.ch01_data import figures as ch01_figures
from cape_utils.chapters.ch02_coupling import figures as ch02_figures
from cape_utils.chapters.ch02_coupling import paths, two_trends
from cape_utils.chapters.ch03_phase_transition import figures as ch03_figures
from cape_utils.chapters.ch03_phase_transition import isocline, resamples
from cape_utils.chapters.ch03_phase_transition import recompute as ch03
from cape_utils.chapters.ch04_width_normalization import figures as ch04_figures
from cape_utils.chapters.ch04_width_normalization import recompute as ch04
from cape_utils.chapters.ch04_width_normalization import width_controls
from cape_utils.chapters.ch05_recipes import figures as ch05_figures
from cape_utils.chapters.ch05_recipes import generations, tokens_per_param
from cape_utils.chapters.ch05_recipes import recompute as ch05
from cape_utils.chapters.ch06_attention_heads import attention as ch06_attention
from cape_utils.chapters.ch06_attention_heads import controls, head_gates
from cape_utils.chapters.ch06_attention_heads import figures as ch06_figures
from cape_utils.chapters.ch06_attention_heads import recompute as ch06
from cape_utils.chapters.ch07_ode import figures as ch07_figures
from cape_utils.chapters.ch07_ode import readings as ch07
from cape_utils.chapters.ch07_ode import recovery
from cape_utils.chapters.ch08_eigenstructure import figures as ch08_figures
from cape_utils.chapters.ch08_eigenstructure import group_spectra, rolling_spectrum
from cape_utils.chapters.ch08_eigenstructure import recompute as ch08
from cape_utils.chapters.ch09_frontier import figures as ch09_figures
from cape_utils.chapters.ch09_frontier import labs
from cape_utils.chapters.ch10_steering import captions as ch10_captions
from cape_utils.chapters.ch10_steering import figures as ch10_figures
from cape_utils.chapters.ch10_steering import label_test, selection
from cape_utils.chapters.ch10_steering import recompute as ch10
from cape_utils.chapters.ch11_toy_world import curves as ch11_curves
from cape_utils.chapters.ch11_toy_world import figures as ch11_figures
from cape_utils.chapters.ch11_toy_world import in_words, levers, turning_points
from cape_utils.chapters.ch12_dashboard import figures as ch12_figures
from cape_utils.chapters.ch12_dashboard import pair_logs, size_baseline
from cape_utils.chapters.ch13_scorecard import figures as ch13_figures
from cape_utils.charts import nulls, rendering
from cape_utils.charts.parts import dropdown, fixed, follow, name, order_of, put, slider
from cape_utils.claims import assessment, quotations
from cape_utils.data import benchmarks, loading
from cape_utils.diagnosis import family_diagnosis
from cape_utils.frontier import benchmark_pair, benchmark_saturation, model_diagnosis, regression
from cape_utils.internals.toy import phases as toy_phases
from cape_utils.internals.toy.figures import known_turn_chart
from cape_utils.reports import figures as reports_figures
from cape_utils.scaling import (
    coupling,
    critical_scale,
    forecasting,
    scaling_laws,
    sign_predictors,
    spectrum,
    trend_nulls,
    web_curve,
    width,
)
from cape_utils.stats import item_noise
from cape_utils.steering import layer_map
from cape_utils.toyworld import Recipe, WorldSize, build_world, sweep
from cape_utils.toyworld.figures import toy_pair_chart

HS, TQA = "hellaswag", "truthfulqa_mc2"


@functools.cache
def panels() -> dict[str, pd.DataFrame]:
    return dict(list(data.both_panels(rows="one_recipe").groupby("panel", sort=False)))


@functools.cache
def steps() -> dict[str, pd.DataFrame]:
    return {panel: coupling.local_coupling(part) for panel, part in panels().items()}


def stacked(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return pd.concat([table.assign(panel=panel) for panel, table in tables.items()])


def null_cases():
    cases = data.pythia_copies().groupby("copy", sort=False)
    return {
        copy: (
            trend_nulls.monotone_null(p[HS], p[TQA], draws=500),
            trend_nulls.monotone_draws(p[HS], p[TQA], draws=500),
        )
        for copy, p in cases
    }


def noise():
    table = pd.DataFrame({"score_pct": np.arange(10, 95, 5)}).merge(
        data.load("benchmarks").dropna(subset="items")[["benchmark", "items"]], how="cross"
    )
    return table.assign(
        half_width_pp=1.96 * item_noise.item_error(table["score_pct"], table["items"].astype(float))
    )


def path():
    both = data.both_panels()[["panel", "family", "model", "params_b", HS, TQA, "flags"]]
    return ch02_figures.score_path(both, paths.path_couplings(both))


def matrices():
    groups = {"Pythia": data.pythia_copies(), "all": panels()["the open panel"]}
    return pd.concat([coupling.coupling_matrix(part).assign(group=group) for group, part in groups.items()])


def fallen():
    opened = panels()["the open panel"]
    return ch02_figures.chance_chart(
        opened[["family", "model", "params_b", TQA]], coupling.chance_start(opened), 46.0
    )


def shuffles():
    pythia = loading.pythia("panel rows")
    shuffled = two_trends.shuffled_nulls(pythia, HS, TQA, draws=200)
    return ch02_figures.shuffle_chart(two_trends.shuffled_series(pythia, HS, TQA), *shuffled, x=HS, y=TQA)


def size_out():
    pairs = [(x, TQA) for x in (HS, "mmlu")]
    return ch02_figures.size_out_chart(two_trends.size_taken_out(loading.pythia("panel rows"), pairs), y=TQA)


def signs():
    curve = {
        p: critical_scale.even_odds_curve(part, np.logspace(-1, 2, 20), draws=50)
        for p, part in steps().items()
    }
    return ch03_figures.sign_chart(
        stacked(steps()),
        stacked(curve),
        {p: critical_scale.even_odds(part, draws=100) for p, part in steps().items()},
    )


def scales():
    rows = data.bootstrap_rows()
    cases = {unit: critical_scale.quadratic(rows, unit=unit, draws=500) for unit in ("row", "family")}
    return ch03_figures.scale_histogram(cases)


def resampling():
    rows = data.bootstrap_rows()
    by_unit = {"models": "row", "families": "family"}
    return ch03_figures.resample_chart(
        *resamples.resampled(rows, draws=60),
        {key: critical_scale.quadratic(rows, unit=unit, draws=60) for key, unit in by_unit.items()},
    )


def isocline_figure():
    hits = {p: isocline.isocline_hits(part).drop(columns="family").sum() for p, part in panels().items()}
    return ch03_figures.isocline_chart(
        stacked({p: isocline.isocline_points(part) for p, part in panels().items()}),
        pd.DataFrame(hits).T.rename_axis("panel").reset_index(),
        ratio=isocline.ISOCLINE_RATIO,
    )


def losses():
    pile = ch03.pythia_losses("not_stated")
    both = pile.merge(data.bootstrap_rows()[["model", TQA]])
    return ch03_figures.loss_chart(
        both[["model", "params_b", "loss_nats", TQA]],
        scaling_laws.fit_loss_law(pile["params_b"], pile["loss_nats"]),
    )


def gradients():
    mean = ch03.mean_norms()
    laws = {
        label: scaling_laws.fit_power_law(part["params_b"], part["grad_norm"])
        for label, part in (
            ("all six models", mean),
            ("without Pythia-1B", mean.query("model != 'Pythia-1B'")),
        )
    }
    norms = ch03.gradient_norms()
    dips = [scaling_laws.gradient_dip(norms, "Pythia-1B", leave_out=out, draws=100) for out in (False, True)]
    return ch03_figures.gradient_chart(norms, laws, *dips)


def predictors():
    opened = "the open panel"
    candidates = sign_predictors.predictor_values(panels()[opened], steps()[opened])
    return ch03_figures.predictor_chart(
        sign_predictors.predictor_auc(steps()[opened], candidates, draws=100).assign(steps="every step")
    )


def frontier_lines():
    published = regression.models()
    own = {lab: part for lab, part in published.groupby("lab") if len(part) > 3}
    return ch09_figures.frontier_scatter(
        regression.models("all"),
        regression.fit_line(published),
        {lab: regression.fit_line(part) for lab, part in own.items()},
    )


def slopes_of_labs():
    sets = {name: regression.models(name) for name in ("published", "core")}
    table = pd.concat([labs.lab_slopes(t).assign(models=k) for k, t in sets.items()])
    return ch09_figures.slope_chart(table, {k: labs.equal_slopes(t).common_slope for k, t in sets.items()})


def saturated():
    sets = {name: regression.models(name) for name in ("published", "core", "all")}
    cases = pd.concat([benchmark_saturation.saturation_cases(t).assign(models=k) for k, t in sets.items()])
    return ch09_figures.saturation_chart(cases)


def own_scores():
    line = regression.fit_line(regression.models())
    items = {name: benchmarks.benchmark_items(name) for name in (benchmark_pair.SWE, benchmark_pair.GPQA)}
    return ch09_figures.h_explorer(regression.h_field(regression.models("all")), line, items=items)


def dimensions():
    rows = [
        group_spectra.group_dimensions(part, label, matrix=matrix, draws=50).assign(panel=panel)
        for panel, part in panels().items()
        for matrix in ("covariance", "correlation")
        for label in (group_spectra.model_phases(part), group_spectra.size_bands(part["params_b"]))
    ]
    return pd.concat(rows)


def few_models():
    cov = panels()["the paper's panel"][list(data.BENCHMARKS)].dropna().cov()
    curve = [
        spectrum.small_sample(cov, range(2, 20), matrix=matrix, draws=50).assign(case=matrix)
        for matrix in ("covariance", "correlation")
    ]
    points = dimensions().query('panel == "the paper\'s panel"').assign(case=lambda t: t["matrix"])
    return ch08_figures.small_sample_chart(pd.concat(curve), points)


def turns():
    rows = [
        rolling_spectrum.rotation(loading.pythia(copy), kind=kind, positive=sign)
        .query("component == 2")
        .assign(copy=copy, set="all five", windows=kind, sign=sign)
        for copy in ("panel rows", "open panel")
        for kind in ("expanding", "sliding")
        for sign in ("mmlu", "hellaswag")
    ]
    return ch08_figures.rotation_chart(pd.concat(rows), first="The second axis is mostly MMLU.")


def ladders():
    return width.families_with_width(data.with_architecture(panels()["the open panel"]))


def grown(parts: dict[str, tuple]) -> pd.DataFrame:
    return pd.concat(
        [width.growth_curve(*series, draws=100).assign(family=key, case=key) for key, series in parts.items()]
    )


def growth():
    few = {key: ladders()[key] for key in ("Pythia", "Qwen1.5")}
    return ch04_figures.growth_chart(grown({key: (p[HS], p[TQA], p["d_model"]) for key, p in few.items()}))


def divided():
    stands = width.placebo_scores(ladders()["Pythia"])
    cases = stands.groupby("case", sort=False)
    return ch04_figures.ratio_scatter(
        stands, grown({key: (p["x"], p["y"], p["d_model"]) for key, p in cases}), family="Pythia", n=8
    )


def taken_out():
    table = width_controls.with_logs(data.with_architecture(panels()["the open panel"])).dropna(
        subset="d_model"
    )
    rows = []
    for label, columns in (("nothing", []), ("width", ["log_width"])):
        e = width_controls.partial_given(table, columns, draws=100)
        rows.append(("the open panel", "all sizes", label, e.estimate, e.low, e.high, e.n))
    return ch04_figures.given_chart(
        pd.DataFrame(rows, columns=["panel", "sizes", "given", "estimate", "low", "high", "n"])
    )


def matched():
    pairs = width_controls.matched_pairs(data.with_architecture(panels()["the open panel"]))
    return ch04_figures.matched_chart(
        pairs, {name: width_controls.wider_share(pairs, name).estimate for name in (TQA, HS)}
    )


def projections():
    stages = data.load("projection_coupling")
    return ch04_figures.projection_chart(stages, width_controls.projection_changes(stages))


def recipe_fields():
    return ch05_figures.field_chart(
        pd.concat([ch05.fields(which, draws=50) for which in ch05.PANELS]),
        pd.concat([ch05.web_spread(which) for which in ch05.PANELS]),
    )


def successors():
    rows = {label: web_curve.recipe_rows(which) for which, label in ch05.PANELS.items()}
    return ch05_figures.generation_chart(
        stacked({panel: generations.generation_pairs(part) for panel, part in rows.items()})
    )


def trained_longer():
    rows = web_curve.recipe_rows("open")
    points = [
        tokens_per_param.recipe_points(rows, curve, by="recipe").assign(measure=m)
        for m, curve in ch05.MEASURES.items()
    ]
    points = pd.concat(points)
    return ch05_figures.tokens_chart(points, tokens_per_param.token_correlations(points))


@functools.cache
def held_out():
    methods = ("persistence", "parabola, anchored", "dense linear ODE")
    return {
        train: forecasting.family_errors(
            forecasting.hold_out(panels()["the open panel"], methods=methods, train=train)
        )
        for train in ("all others", "Pythia only")
    }


def standings():
    tables = [
        forecasting.method_ranking(table)
        .rename_axis("method")
        .reset_index()
        .assign(train=train, start="smallest")
        for train, table in held_out().items()
    ]
    return ch07_figures.league_chart(pd.concat(tables))


def duels():
    joined = pd.concat([table.reset_index().assign(train=train) for train, table in held_out().items()])
    return ch07_figures.duel_chart(joined, "parabola, anchored")


def every_reading():
    table = pd.concat([ch07.readings(c).assign(claim=c) for c in ("ode_insample", "ode_llama2")])
    return ch07_figures.reading_chart(
        table, {c: quotations.quoted(c) for c in ("ode_insample", "ode_llama2")}
    )


def clouds(shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {kind: rng.normal(size=(12, *shape)) + 1 for kind in ("reasoning", "truthfulness", "control")}


def by_layer():
    kinds = controls.compare_kinds(clouds((5, 8)), n=4)
    nets = {("trained", "layer"): kinds, ("random weights", "layer"): kinds}
    return ch06_figures.layer_cosines(controls.profile_table(nets), n=4)


def by_head():
    kinds = controls.compare_kinds(clouds((5, 3, 8)), n=4)
    layer, head = np.indices((5, 3))
    cells = {f"{pair}, {measure}": c.cosine.ravel() for (pair, measure), c in kinds.items()}
    return ch06_figures.head_map(pd.DataFrame({"layer": layer.ravel(), "head": head.ravel(), **cells}), n=4)


def planted():
    own = clouds((5, 8))["reasoning"]
    curves = [
        controls.planted_curve(own[:4], own[4:8], [0, 0.5, 1.0, 1.5, 2.0], reference=own[8:]).assign(unit=u)
        for u in ("layer", "head")
    ]
    return ch06_figures.planted_chart(pd.concat(curves))


def attention():
    drawn = [ch06_attention.random_patterns(4, 6, 8, rng=k) for k in range(2)]
    even = [ch06_attention.uniform_patterns(8)] * 2
    cases = {
        ("both kinds", case): ch06_attention.pattern_cosine(*patterns)
        for case, patterns in (("any shares", drawn), ("uniform", even))
    }
    return ch06_figures.pattern_chart(ch06_attention.pattern_table(cases), quoted=0.97)


def gates():
    rng = np.random.default_rng(0)
    a = head_gates.agreement(rng.normal(size=(8, 4, 3)), rng.normal(size=(9, 4, 3)), draws=50)
    table = head_gates.agreement_table({"one and two": a, "two halves": a})
    return ch06_figures.gate_chart(
        table, dict.fromkeys(("one and two", "two halves"), f"r = {a.r.observed:.2f}")
    )


@functools.cache
def steered():
    """The kept test of the default model, with the pairs it was made on."""
    tests, pairs = ch10.kept_rows("steering_test"), data.load("truth_pairs")
    calibration, _ = selection.split_topics(pairs["topic"].tolist())
    return tests, pairs[~pairs["topic"].isin(calibration)].reset_index(drop=True)


def made_up_slopes():
    """Slopes and pairs without a model."""
    draws = np.random.default_rng(0).normal(size=(2, 24, 6, 8)).astype(np.float32)
    pairs = pd.DataFrame({"topic": np.repeat(list("abcd"), 6), "couple": np.repeat(np.arange(12), 2)})
    return layer_map.Slopes(draws[0], draws[1], np.ones(6), np.zeros(24)), pairs


def depths():
    rows, pairs = ch10.kept_rows("steering_choice"), data.load("truth_pairs")
    calibration, _ = selection.split_topics(pairs["topic"].tolist())
    topics = pairs.loc[pairs["topic"].isin(calibration), "topic"].tolist()
    before = rows.loc[rows["strength"] == 0, "margins"].iloc[0]
    table = selection.depth_table(rows[rows["strength"] > 0], before, topics, 30, draws=200)
    return ch10_figures.depth_chart(table, quarter=7 / 30)


def seen():
    tests = steered()[0]
    result = label_test.steering_test(tests, ch10.kept_rows("steering_power"))
    rows = label_test.null_rows(tests)
    both = pd.concat([rows.assign(direction="one"), rows.assign(direction="another")])
    return ch10_figures.seen_chart({"one": result, "another": result}, both)


def ways(p: float) -> pd.DataFrame:
    """What each way of steering does, as ``ch10_steering.methods.method_table`` has it."""
    numbers = {"effect": 0.1, "low": 0.0, "high": 0.2, "null_low": -0.3, "null_high": 0.3, "kl": 0.1}
    return pd.DataFrame(
        [{"method": way, "n": 100, "p": p, "perplexity": 50.0, **numbers} for way in ch10_captions.WAYS]
    )


def parts_of_the_test():
    return pd.concat(
        selection.outcome_table(*steered(), controls=kind, draws=200).assign(controls=label)
        for kind, label in (("shuffled", "permuted labels"), ("random", "random, same cost"))
    )


def power():
    table = ch10.kept_rows("steering_power")
    return ch10_figures.power_chart(table, limit=0.1, planted=200)


@functools.cache
def diagnosed():
    return family_diagnosis.diagnose(panels()["the open panel"].query("family == 'Llama-2'"), draws=500)


def agreements():
    held = size_baseline.unfitted_steps()
    sure = held[["p_tax", "p_transition", "p_bonus"]].max(axis=1) >= 0.8
    nulls_of = {"all": size_baseline.shuffled_sizes(held), "clear": size_baseline.shuffled_sizes(held[sure])}
    return ch12_figures.agreement_chart(
        size_baseline.agreement_table(held), nulls_of, size_baseline.in_sample_thresholds(held, draws=50)
    )


BUILT = {
    "diagnosis_frontier": lambda: reports_figures.diagnosis_frontier(
        model_diagnosis.family_frontier(
            pd.DataFrame(
                {
                    "model": ["m"],
                    "family": "F",
                    "params_b": [9.0],
                    "swe_bench_verified": [60.0],
                    "gpqa_diamond": 70.0,
                }
            )
        ),
        regression.h_field(regression.models("all")),
        regression.fit_line(regression.models()),
    ),
    "diagnosis_path": lambda: reports_figures.diagnosis_path(diagnosed()),
    "diagnosis_phases": lambda: reports_figures.diagnosis_phases(diagnosed()),
    "changed_chart": lambda: ch10_figures.changed_chart(
        ch10.kept_rows("steering_changed"), selection.change_table(steered()[0]), ch10.counts()
    ),
    "controls_chart": lambda: ch10_figures.controls_chart(selection.change_table(steered()[0])),
    "depth_chart": depths,
    "methods_chart": lambda: ch10_figures.methods_chart({"truth": ways(0.5), "sentiment": ways(0.01)}),
    "outputs_chart": lambda: ch10_figures.outputs_chart(ch10.kept_rows("steering_outputs")),
    "parts_chart": lambda: ch10_figures.parts_chart(parts_of_the_test()),
    "power_chart": power,
    "seen_chart": seen,
    "slope_map_chart": lambda: ch10_figures.slope_map_chart(
        layer_map.slope_map(*made_up_slopes(), draws=100), pairs=24, permutations=100
    ),
    "gate_chart": gates,
    "head_map": by_head,
    "layer_cosines": by_layer,
    "pattern_chart": attention,
    "planted_chart": planted,
    "released_cosines": lambda: ch06_figures.released_cosines(ch06.released()),
    "cosine_chart": lambda: ch05_figures.cosine_chart(ch05.figure_kinds(generations.internal_cosines())),
    "field_chart": recipe_fields,
    "generation_chart": successors,
    "recipe_explorer": lambda: ch05_figures.recipe_explorer(*ch05.explorer("open", draws=30)),
    "sensitivity_chart": lambda: ch05_figures.sensitivity_chart(
        pd.concat([ch05.sensitivity(which) for which in ch05.PANELS])
    ),
    "tokens_chart": trained_longer,
    "chance_chart": fallen,
    "copies_chart": lambda: ch01_figures.copies_chart(data.pythia_copies()),
    "difference_chart": lambda: ch01_figures.difference_chart(data.compare_panels()),
    "dimension_chart": lambda: ch08_figures.dimension_chart(dimensions()),
    "exponent_chart": lambda: ch08_figures.exponent_chart(
        ch08.exponent_table(draws=50).assign(benchmarks="all five"), quoted=-0.72
    ),
    "flip_chart": lambda: ch08_figures.flip_chart(ch08.flip_table(), quoted=(0.2, -0.39)),
    "estimator_chart": lambda: ch03_figures.estimator_chart(
        stacked({p: critical_scale.all_estimates(part) for p, part in panels().items()}), quoted_b=3.5
    ),
    "forecast_chart": lambda: ch09_figures.forecast_chart(
        labs.prospective(regression.models(), regression.models("after_cutoff"))
    ),
    "frontier_scatter": frontier_lines,
    "gradient_chart": gradients,
    "h_explorer": own_scores,
    "h_timeline": lambda: ch09_figures.h_timeline(regression.h_field(regression.models("all"))),
    "isocline_chart": isocline_figure,
    "loss_chart": losses,
    "matrix_explorer": lambda: ch09_figures.matrix_explorer(0.72),
    "noise_chart": lambda: ch01_figures.noise_chart(noise()),
    "null_chart": lambda: nulls.null_chart(null_cases(), title="Two trends and nothing else", axis="r"),
    "pair_grid": lambda: ch02_figures.pair_grid(matrices()),
    "pair_signs": lambda: ch02_figures.pair_signs(
        stacked({p: coupling.sign_shares(part) for p, part in panels().items()})
    ),
    "panel_explorer": lambda: ch01_figures.panel_explorer(data.both_panels()),
    "phase_dots": lambda: ch02_figures.phase_dots(stacked(steps())),
    "predictor_chart": predictors,
    "saturation_chart": saturated,
    "scale_histogram": scales,
    "resample_chart": resampling,
    "score_path": path,
    "shuffle_chart": shuffles,
    "size_out_chart": size_out,
    "sign_chart": signs,
    "slope_chart": slopes_of_labs,
    "rotation_chart": turns,
    "small_sample_chart": few_models,
    "toy_document_chart": lambda: ch11_figures.toy_document_chart(
        in_words.told(build_world(WorldSize(), seed=0), Recipe())
    ),
    "known_turn_chart": lambda: known_turn_chart(toy_phases.summary(toy_phases.by_world())),
    "toy_growth_chart": lambda: ch11_figures.toy_growth_chart(
        ch11_curves.along_training(), turning_points.turns_along_training(), start=sweep.STEPS
    ),
    "toy_lever_chart": lambda: ch11_figures.toy_lever_chart(ch11_curves.by_lever(), levers.lever_table()),
    "toy_logp_chart": lambda: ch11_figures.toy_logp_chart(ch11_curves.log_probabilities(), start=9168),
    "toy_pair_chart": lambda: toy_pair_chart(
        data.load("toy_world").query("step == @sweep.STEPS"), "exams_0.15"
    ),
    "toy_shift_chart": lambda: ch11_figures.toy_shift_chart(levers.lever_table()),
    "toy_step_chart": lambda: ch11_figures.toy_step_chart(
        turning_points.coupling_by_step(turning_points.scores())
    ),
    "turning_chart": lambda: ch03_figures.turning_chart(ch03.turning_table()),
    "verdict_chart": lambda: ch13_figures.verdict_chart(assessment.flat_table()),
    "duel_chart": duels,
    "league_chart": standings,
    "path_explorer": lambda: ch07_figures.path_explorer(ch07.explorer_grid(), ch07.EXPLORER, ch07.BENCHMARKS),
    "reading_chart": every_reading,
    "recovery_chart": lambda: ch07_figures.recovery_chart(
        recovery.recovery_rates((8, 40), families=(1, 3), noise=(0.0, 1.0), seeds=1)
    ),
    "rival_chart": lambda: ch07_figures.rival_chart(
        pd.concat([ch07.alternatives(panel).assign(panel=panel) for panel in ("paper", "open")]), 5.6
    ),
    "source_chart": lambda: ch07_figures.source_chart(ch07.source_table()),
    "given_chart": taken_out,
    "growth_chart": growth,
    "matched_chart": matched,
    "normalised_chart": lambda: ch04_figures.normalised_chart(ch04.family_table()),
    "pair_scatter": lambda: ch04_figures.pair_scatter(width.pair_table(ladders())),
    "projection_chart": projections,
    "ratio_scatter": divided,
    "agreement_chart": agreements,
    "calibration_chart": lambda: ch12_figures.calibration_chart(data.load("diagnosis_calibration")),
    "paired_chart": lambda: ch12_figures.paired_chart(pair_logs.noise_table(pair_logs.read_logs())),
    "family_phases": lambda: ch12_figures.family_phases(size_baseline.unfitted_steps(exclude=())),
    "size_scatter": lambda: ch12_figures.size_scatter(
        size_baseline.unfitted_steps(), size_baseline.formula()
    ),
    "variant_chart": lambda: ch01_figures.variant_chart(
        data.both_panels()[["panel", "model", "family", "params_b", TQA]],
        pd.DataFrame({"variant": ["MC1", "MC2"], "chance_pct": [22.0, 46.0]}),
    ),
}


@functools.cache
def spec_of(figure: str) -> dict:
    return BUILT[figure]().to_dict()  # Altair checks it against the schema of Vega-Lite here


def parts(node):
    """Every object inside a specification, the data left out."""
    if isinstance(node, dict):
        yield node
        for key, value in node.items():
            if key not in ("datasets", "usermeta", "config"):
                yield from parts(value)
    elif isinstance(node, list):
        for value in node:
            yield from parts(value)


def test_every_figure_is_built_here():
    modules = [
        *(
            importlib.import_module(f"cape_utils.chapters.{found.name}")
            for found in pkgutil.iter_modules(chapters.__path__)
        ),
    ]
    figures = [
        importlib.import_module(f"{module.__name__}.figures")
        for module in modules
        if importlib.util.find_spec(f"{module.__name__}.figures")
    ]
    drawing = {name for module in (nulls, reports_figures, *figures) for name in module.__all__}
    assert drawing | {"known_turn_chart", "toy_pair_chart"} == set(BUILT)


def carries_its_words(figure):
    spec = spec_of(figure)
    assert len(spec["title"]) > 8
    assert len(spec["usermeta"]["caption"]) > 30
    assert len(spec["description"]) > 60
    words = " ".join([spec["title"], spec["usermeta"]["caption"], spec["description"]])
    assert not re.search(r"\b(nan|inf|None|<NA>)\b", words), words


def caption_says_how_many(figure):
    assert re.search(r"\d", spec_of(figure)["usermeta"]["caption"])


def is_strict_json_and_not_heavy(figure):
    text = json.dumps(spec_of(figure), allow_nan=False)
    assert len(text) < 200_000


def becomes_the_figure_of_the_book(figure):
    page = rendering.figure_html(spec_of(figure))
    assert page.count('class="cape-spec"') == 1
    assert spec_of(figure)["usermeta"]["caption"].split(".")[0].split("'")[0] in page.replace("&#x27;", "'")


def has_a_control_that_moves_something(figure):
    spec = spec_of(figure)
    bound = [p for p in spec.get("params", []) if isinstance(p.get("bind"), dict)]
    assert bound, "nothing to play with"
    expressions = " ".join(
        str(value)
        for part in parts({k: v for k, v in spec.items() if k != "params"})
        for value in (part.get("filter"), part.get("calculate"))
        if value
    )
    for parameter in bound:
        assert re.search(rf"\b{parameter['name']}\b", expressions), f"{parameter['name']} moves nothing"
        bind = parameter["bind"]
        if bind["input"] == "select":
            assert parameter["value"] in bind["options"]
            assert len(bind.get("labels", bind["options"])) == len(bind["options"])
        if bind["input"] == "range":
            assert bind["min"] <= parameter["value"] <= bind["max"]


def missing_fields(spec: dict) -> set[str]:
    """Fields that an encoding names and that neither the data nor a transform provides."""
    absent: set[str] = set()

    def walk(node: dict, table: str | None, made: set[str]) -> None:
        table = node.get("data", {}).get("name", table)
        made = set(made)
        for step in node.get("transform", []):
            if "calculate" in step:
                made.add(step["as"])
            made |= set(step.get("as", ())) if "fold" in step else set()
            for aggregate in step.get("aggregate", []):
                made.add(aggregate["as"])
        for layer in node.get("layer", []):
            walk(layer, table, made)
        if table is None or "mark" not in node:
            return
        columns = set().union(*(row.keys() for row in spec["datasets"][table])) | made
        text = " ".join(str(s.get(k, "")) for s in node.get("transform", []) for k in ("filter", "calculate"))
        used = {part["field"] for part in parts(node.get("encoding", {})) if "field" in part}
        used |= set(re.findall(r"datum\.([A-Za-z_]\w*)", text))
        absent.update(used - columns)

    walk(spec, None, set())
    return absent


def draws_fields_that_are_in_the_data(figure):
    # Vega-Lite draws nothing, and says nothing, where a field is misspelt.
    assert not missing_fields(spec_of(figure))


def names_its_quantitative_axes(figure):
    # In a layered chart the first layer that names an axis speaks for all of them.
    for axis in ("x", "y"):
        if (figure, axis) == ("loss_chart", "y"):
            continue  # Its unit changes with the control and stands above the axis; see the test of that.
        channels = [
            part["encoding"][axis] for part in parts(spec_of(figure)) if axis in part.get("encoding", {})
        ]
        drawn = [c for c in channels if c.get("type") == "quantitative" and c.get("scale", 0) is not None]
        if drawn:
            assert any(c.get("title") for c in drawn), f"{figure}: {axis} has no title"


def is_drawn_with_something_in_it(figure):
    converter = pytest.importorskip("vl_convert")
    # A frame, the axes and their grid are drawn for an empty chart too; marks with a role are its contents.
    drawn = converter.vegalite_to_svg(spec_of(figure))
    marks = re.findall(
        r'aria-roledescription="(point|bar|rule|rect|line mark|rect mark|area mark|rule mark|text mark)"',
        drawn,
    )
    assert len(marks) >= 5, f"{figure}: {len(marks)} marks"


def step_sized(node: dict) -> bool:
    """Whether a single view takes the height of a discrete axis from steps, not from a number of pixels.

    Vega-Lite can then not fit it to its container, and warns in the console; vl_convert keeps such warnings to itself.
    """
    if not ({"mark", "layer"} & set(node)):
        return False
    up = [part["encoding"]["y"] for part in parts(node) if "y" in part.get("encoding", {})]
    discrete = any(channel.get("type") in ("nominal", "ordinal") for channel in up)
    return discrete and not isinstance(node.get("height"), (int, float))


def takes_its_height_in_pixels(figure):
    assert not step_sized(spec_of(figure)), (
        f"{figure}: give the chart a height in pixels, such as ROW_PX a row"
    )


def words_of_every_setting_are_complete(figure):
    """No setting's words hold a NaN, and each is reached by values that the controls really take."""
    spec = spec_of(figure)
    settings = spec["usermeta"].get("settings")
    if settings is None:
        return
    bound = {p["name"]: p for p in spec["params"]}
    start = [bound[signal]["value"] for signal in settings["signals"]]
    for one in settings["words"]:
        assert one["at"] != start, "the words at first stand in the page itself"
        assert set(one) > {"at"}
        assert not re.search(r"\b(nan|inf|None|<NA>)\b", " ".join(str(one[k]) for k in set(one) - {"at"})), (
            one
        )
        for signal, value in zip(settings["signals"], one["at"], strict=True):
            bind = bound[signal]["bind"]
            assert (
                value in bind["options"] if "options" in bind else bind["min"] <= value <= bind["max"] + 1e-9
            )


WORDS_STAND = {
    "changed_chart": "the words set the three measures side by side",
    "diagnosis_frontier": "the words are about the family, which the control leaves as it is",
    "diagnosis_path": "the words set both scores side by side",
    "diagnosis_phases": "the words are about all phases of the steps",
    "flip_chart": "the words count under both conventions of sign",
    "h_explorer": "the corner has h of the scores chosen",
    "matched_chart": "the words set the scores side by side",
    "matrix_explorer": "the corner has the range for the r chosen",
    "outputs_chart": "the picture is the text chosen",
    "panel_explorer": "nothing is found in it",
    "path_explorer": "the corner has the error of the setting chosen",
    "ratio_scatter": "the corner has r for the power chosen",
    "recipe_explorer": "the corner has h of the recipe chosen",
    "seen_chart": "the words are about the null with lengths kept, and say so",
    "slope_map_chart": "the words count what lies outside either band",
    "source_chart": "the corner has the error of the choice",
    "toy_pair_chart": "it is drawn in a live kernel, where nothing swaps words",
}
"""Figures with a control beside words that stand, and why."""


def stands_still(spec: dict) -> bool:
    """Whether a figure has a control with a choice, and its words are the same wherever it stands."""
    settings = spec["usermeta"].get("settings", {"signals": [], "words": []})
    bound = {p["name"]: p["bind"] for p in spec.get("params", []) if isinstance(p.get("bind"), dict)}
    # Real results may leave a control that words follow with one option only.
    only = settings["signals"] and all(len(bound[s].get("options", "..")) == 1 for s in settings["signals"])
    return bool(bound) and not settings["words"] and not only


def words_follow_its_controls(figure):
    still = stands_still(spec_of(figure))
    assert still == (figure in WORDS_STAND), (
        f"{figure}: give its words with `follow`, or say in WORDS_STAND why they stand"
        if still
        else f"{figure}: its words follow; take it out of WORDS_STAND"
    )


CHECKS = (
    words_follow_its_controls,
    words_of_every_setting_are_complete,
    takes_its_height_in_pixels,
    carries_its_words,
    caption_says_how_many,
    is_strict_json_and_not_heavy,
    becomes_the_figure_of_the_book,
    has_a_control_that_moves_something,
    draws_fields_that_are_in_the_data,
    names_its_quantitative_axes,
    is_drawn_with_something_in_it,
)


@pytest.mark.slow
@pytest.mark.parametrize("figure", BUILT)
def test_a_figure_is_sound(figure):
    for check in CHECKS:
        check(figure)


def test_a_height_by_steps_would_be_noticed():
    rows = alt.Chart(pd.DataFrame({"a": ["x"], "b": [2]})).mark_bar().encode(x="b:Q", y="a:N")
    assert step_sized(rows.to_dict())
    assert step_sized((rows + rows).properties(height=alt.Step(20)).to_dict())
    assert not step_sized(rows.properties(height=40).to_dict())


def test_a_misspelt_field_would_be_noticed():
    chart = alt.Chart(pd.DataFrame({"a": [1], "b": [2]})).mark_point().encode(x="a:Q", y="bb:Q")
    assert missing_fields((chart + chart).to_dict()) == {"bb"}


@pytest.mark.parametrize("words", [{"title": " "}, {"caption": ""}, {"alternative": "\n"}])
def test_a_chart_without_its_words_is_refused(words):
    good = {"title": "T", "caption": "C, n = 3", "alternative": "A dot."}
    chart = alt.Chart(pd.DataFrame({"a": [1]})).mark_point()
    assert put(chart, **good).to_dict()["usermeta"] == {"caption": "C, n = 3"}
    with pytest.raises(ValueError, match=r"a chart needs a (title|caption|text alternative)"):
        put(chart, **{**good, **words})


def test_words_that_stand_beside_a_control_would_be_noticed(monkeypatch):
    shown = dropdown("panel", ["paper", "open"], "Panel")
    chart = alt.Chart(pd.DataFrame({"a": [1]})).mark_point()
    still = put(chart.add_params(shown), title="A figure", caption="n = 1.", alternative="A dot.")
    same = follow(chart, [shown], lambda panel: {"title": "T", "caption": "n = 1.", "alternative": "A dot."})
    for planted in (still, same):
        monkeypatch.setattr(f"{__name__}.spec_of", lambda figure, planted=planted: planted.to_dict())
        with pytest.raises(AssertionError, match="give its words with"):
            words_follow_its_controls("planted")
    monkeypatch.setattr(f"{__name__}.spec_of", lambda figure: follow(chart, [shown], panel_words).to_dict())
    words_follow_its_controls("planted")
    with pytest.raises(AssertionError, match="take it out of WORDS_STAND"):
        words_follow_its_controls("panel_explorer")


def panel_words(panel):
    return {"title": "T", "caption": f"n = 3 in {panel}.", "alternative": f"A dot for {panel}."}


def test_words_follow_the_controls():
    chart = alt.Chart(pd.DataFrame({"a": [1]})).mark_point()
    panel, at = dropdown("panel", ["paper", "open"], "Panel"), slider("at", 0, 0.2, 0.1, 0.1, "At")

    def words(panel, at):
        return None if at == 0 else {**panel_words(panel), "title": f"T {at:g}"}

    spec = follow(chart, [panel, at], words, others=[dropdown("more", ["x"], "More")]).to_dict()
    assert spec["title"] == "T 0.1"
    assert spec["usermeta"]["caption"] == "n = 3 in paper."
    assert [p["name"] for p in spec["params"]] == ["panel", "at", "more"]
    settings = spec["usermeta"]["settings"]
    assert settings["signals"] == ["panel", "at"]
    said = {tuple(one["at"]): one for one in settings["words"]}
    assert set(said) == {("paper", 0.0), ("paper", 0.2), ("open", 0.0), ("open", 0.1), ("open", 0.2)}
    assert said["open", 0.1]["caption"] == "n = 3 in open."
    assert "title" not in said["open", 0.1]  # what is as at first is left out
    assert said["paper", 0.2] == {"at": ["paper", 0.2], "title": "T 0.2"}
    assert said["open", 0.0]["caption"].startswith("Nothing to draw")


def test_settings_without_words_are_refused():
    chart = alt.Chart(pd.DataFrame({"a": [1]})).mark_point()
    panel = dropdown("panel", ["paper", "open"], "Panel")
    with pytest.raises(ValueError, match="a chart needs a caption"):
        follow(chart, [panel], lambda p: {**panel_words(p), "caption": "" if p == "open" else "C"})
    with pytest.raises(ValueError, match="nothing is drawn where the controls start"):
        follow(chart, [panel], lambda p: None if p == "paper" else panel_words(p))


def test_an_axis_that_is_fixed_holds_every_value():
    low, high = fixed([1, float("nan"), 100], log=True).to_dict()["domain"]
    assert low < 1
    assert high > 100
    assert fixed([3, 3], margin=0.1).to_dict()["domain"] == [2.9, 3.1]


def test_the_unit_of_the_loss_chart_stands_above_its_axis():
    rows = [row for table in spec_of("loss_chart")["datasets"].values() for row in table]
    options = spec_of("loss_chart")["params"][0]["bind"]["options"]
    assert [row["quantity"] for row in rows if set(row) == {"quantity"}] == options
    assert all("(" in unit for unit in options)


def test_the_caption_of_the_variants_counts_one_panel():
    table = data.both_panels()
    spec = spec_of("variant_chart")
    first, other = list(dict.fromkeys(table["panel"]))
    counts = {
        panel: int(((table["panel"] == panel) & (table["params_b"] < 0.2)).sum()) for panel in (first, other)
    }
    assert f"In {first} the {counts[first]} models" in spec["usermeta"]["caption"]
    (said,) = spec["usermeta"]["settings"]["words"]
    assert f"In {other} the {counts[other]} models" in said["caption"]


def test_the_path_of_a_family_has_its_own_r():
    said = {tuple(one["at"]): one for one in spec_of("score_path")["usermeta"]["settings"]["words"]}
    opt = data.panel("paper").query("family == 'OPT'")
    r = np.corrcoef(opt[HS], opt[TQA])[0, 1]
    caption = said["the paper's panel", "OPT"]["caption"]
    assert f"OPT in the paper's panel, n = {len(opt)}: r = {r:.3f}" in caption
    assert "Pythia" not in caption


def test_the_saturation_ratio_opens_where_one_model_moves_it():
    spec = spec_of("saturation_chart")
    table = pd.DataFrame(next(rows for rows in spec["datasets"].values() if "ratio" in rows[0]))
    reach = table.groupby("models")["ratio"].agg(np.ptp)
    assert spec["params"][0]["value"] == reach.idxmax()


def test_controls_start_where_they_are_told():
    both = (
        alt.Chart()
        .mark_point()
        .add_params(
            dropdown("first", ["a", "b"], "First"),
            dropdown("then", ["a", "b"], "Then", labels=["A", "B"], value="b"),
            slider("at", 0, 10, 2, 4, "At"),
        )
        .to_dict()["params"]
    )
    assert [p["value"] for p in both] == ["a", "b", 4]
    assert both[1]["bind"]["labels"] == ["A", "B"]
    assert both[2]["bind"] == {"input": "range", "max": 10, "min": 0, "name": "At ", "step": 2}


def test_names_are_those_of_the_table_of_benchmarks():
    assert name(HS) == "HellaSwag"
    assert name("not a benchmark") == "not a benchmark"
    assert order_of(pd.DataFrame({"c": ["b", "a", None, "b"]}), "c") == ["b", "a"]


def test_captions_follow_the_data():
    pairs = data.compare_panels()
    before = ch01_figures.difference_chart(pairs).to_dict()["usermeta"]["caption"]
    pairs.loc[0, "difference_pp"] = 99.0
    after = ch01_figures.difference_chart(pairs).to_dict()["usermeta"]["caption"]
    assert before != after
    assert "+99.0 points" in after
    assert f"{pairs['hf_id'].nunique()} checkpoints" in after


def test_an_open_interval_and_a_missing_coupling_are_left_out_of_the_dots():
    local = stacked(steps())
    local.loc[local.index[:3], "coupling"] = np.nan
    spec = ch02_figures.phase_dots(local).to_dict()
    json.dumps(spec, allow_nan=False)


def test_the_explorer_rounds_scores_and_not_sizes():
    spec = spec_of("path_explorer")
    sizes = {row["params_b"] for rows in spec["datasets"].values() for row in rows if "params_b" in row}
    assert {0.07, 0.16, 0.41} <= sizes


def test_figures_do_not_change_their_input():
    pairs, copies = data.compare_panels(), data.pythia_copies()
    before = pairs.copy(), copies.copy()
    ch01_figures.difference_chart(pairs)
    ch01_figures.copies_chart(copies)
    pd.testing.assert_frame_equal(pairs, before[0])
    pd.testing.assert_frame_equal(copies, before[1])
