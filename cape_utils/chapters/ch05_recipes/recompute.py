"""Chapter 05: three cosines inside models and one comparison of scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.chapters.ch05_recipes import equivalent_size, generations
from cape_utils.chapters.ch05_recipes.equivalent_size import EquivalentSize
from cape_utils.claims.quotations import quoted
from cape_utils.claims.registry import recomputes
from cape_utils.claims.verdicts import NullRange, Recomputed, Value
from cape_utils.scaling import recipe_effects, web_curve
from cape_utils.scaling.web_curve import TQA, WEB_SETS
from cape_utils.stats.formatting import p_value
from cape_utils.stats.resampling import null_from_draws

HS = "hellaswag"
PANELS: dict[data.Panel, str] = {"open": "the open panel", "paper": "the paper's panel"}

MEASURES: dict[str, web_curve.CurveSpec] = {
    "TruthfulQA at its size": web_curve.CurveSpec(TQA, "log_size"),
    "HellaSwag at its size": web_curve.CurveSpec(HS, "log_size"),
    "TruthfulQA at its HellaSwag": web_curve.CurveSpec(TQA, "hellaswag"),
}
"""The score that h is taken of, and what the curve runs over."""

_COPIED = "It is a cosine inside the model, copied from the release; no scores enter, and the open panel has no such figure."


def _cosine(model: str) -> float:
    table = generations.internal_cosines().set_index("model")["mean_cosine"].astype(float)
    return float(table[model])


@recomputes("qwen_dip")
def qwen_dip() -> Recomputed:
    old, new = generations.MEASURES["qwen_dip"][1]
    null, pair = generations.largest_rise_null(old, new), generations.internal_difference_null(old, new)
    cosines = generations.internal_cosines(("Qwen2.5", "Qwen3")).query("params_b < 15").set_index("model")
    value = cosines["mean_cosine"].astype(float)
    same = cosines.query("family == 'Qwen2.5' and model != @old").index
    within = ", ".join(f"{name} {value[name] - value[old]:.3f}" for name in same)
    repeated = int(cosines["flags"].fillna("").str.contains("repeated_score").sum())
    difference = Value(null.observed, None, None, 2, "difference of two released cosines")
    remark = (
        f"One value among {pair.n} is odd, and the pair is named for holding it, so the null looks at all pairs of one size; "
        f"for a pair named before, p would be {pair.p_greater:.2f}. The same difference stands inside the older generation "
        f"({within}), and {repeated} of the {len(cosines)} figures up to 15B are one number to three digits. {_COPIED}"
    )
    return Recomputed(difference, None, NullRange.of(null), remark)


@recomputes("qwen_8b_gain")
def qwen_8b_gain() -> Recomputed:
    models = generations.MEASURES["qwen_8b_gain"][1]
    old, first, second = (_cosine(model) for model in models)
    null = generations.largest_rise_null(models[0], models[1])
    remark = (
        f"Read as the first released figure of Qwen3-8B; with the second the gain is {second - old:.3f}, with their mean "
        f"{(first + second) / 2 - old:.3f}. The two figures, {first:.3f} and {second:.3f}, differ by {first - second:.3f}, or "
        f"{first / second - 1:.0%} of the smaller. {_COPIED}"
    )
    gain = Value(round(first - old, 6), None, None, 2, "difference of two released cosines")
    return Recomputed(gain, None, NullRange.of(null), remark)


@recomputes("gemma4_coupling")
def gemma4_coupling() -> Recomputed:
    before, base, tuned = (_cosine(model) for model in generations.MEASURES["gemma4_coupling"][1])
    hidden = data.load("internal_coupling").query("measure == 'hidden_state' and 12.5 <= params_b <= 15")
    listed = ", ".join(f"{r.model} {r.mean_cosine:.3f}" for r in hidden.itertuples())
    remark = (
        f"The base model's figure, {base:.4f}, stands only as a quotation inside the file of the instruction-tuned "
        f"variant, which itself has {tuned:.3f}; nothing released lets one recompute it. Gemma-3-4B, the generation before, has "
        f"{before:.3f}, so the quoted figure would be a fall. Nor is there a value typical of 13B: {listed}."
    )
    return Recomputed(None, None, None, remark)


@recomputes("gemma4_typical")
def gemma4_typical() -> Recomputed:
    base = quoted("gemma4_coupling")
    hidden = data.load("internal_coupling").query("measure == 'hidden_state'")
    hidden = hidden[~hidden["flags"].fillna("").str.contains("instruction_tuned")]
    large, small = (
        hidden[side]["mean_cosine"].astype(float)
        for side in (hidden["params_b"] >= 12.5, hidden["params_b"] < 12.5)
    )
    near = (large - base).abs() <= 0.05
    remark = (
        f"{int(near.sum())} of {len(large)} lie within 0.05; their median is {large.median():.2f}, that of the {len(small)} "
        f"smaller ones {small.median():.2f}. {_COPIED}"
    )
    return Recomputed(
        Value(float(near.mean()), None, None, len(large), "released or quoted cosines"), None, None, remark
    )


def phi_readings(which: data.Panel, *, draws: int = 2000) -> dict[str, EquivalentSize]:
    """The size at which web-trained models match Phi, by every reading of *matches* and of *web-trained*.

    Returns
    -------
    dict of str to EquivalentSize
        The coupling is that of the step from Phi-1.5 to Phi-2, the scores are those of Phi-1.5, the model *at 1B*.
    """
    rows = web_curve.recipe_rows(which)
    phi = rows[rows["line"] == "Phi"].sort_values("params_b")
    step = equivalent_size.own_couplings(phi, by="line")["coupling"].iloc[0]
    sizes: dict[str, EquivalentSize] = {}
    for web in WEB_SETS:
        sizes[f"coupling, {web}"] = equivalent_size.coupling_reached(
            rows, float(step), exclude="Phi", web=web, draws=draws
        )
        for name, score in (("TruthfulQA", TQA), ("HellaSwag", HS)):
            sizes[f"{name}, {web}"] = equivalent_size.score_reached(
                rows,
                float(phi[score].iloc[0]),
                exclude="Phi",
                spec=web_curve.CurveSpec(score, web=web),
                draws=draws,
            )
    return sizes


def _sized(size: EquivalentSize, reading: str) -> Value | None:
    if not np.isfinite(size.estimate):
        return None
    method = f"{reading}; web-trained lines resampled, never reached in {size.never:.0%} of the draws"
    if not np.isfinite(size.never):
        return Value(size.estimate, None, None, size.n, f"{reading}; too few lines to resample")
    # An end beyond every size observed is written as the largest of them, so that it is never read as a narrow one.
    low, high = (end if np.isfinite(end) else size.largest_b for end in (size.low, size.high))
    return Value(size.estimate, min(low, size.estimate), max(high, size.estimate), size.n, method)


def web_steps_matched(which: data.Panel, *, factor: float = 2.0) -> pd.DataFrame:
    """The same reading for web-trained steps of about the same size.

    Returns
    -------
    pandas.DataFrame
        Columns ``family, from_model, to_model, mid_params_b, coupling, matches_b`` for steps whose middle size lies within a
        factor of that of Phi's step; the last is NaN where no size is reached.
    """
    rows = web_curve.recipe_rows(which)
    middle = float(
        equivalent_size.own_couplings(rows, by="line").query("line == 'Phi'")["mid_params_b"].iloc[0]
    )
    steps = equivalent_size.web_couplings(rows)
    near = steps[steps["mid_params_b"].between(middle / factor, middle * factor)]
    size = [
        equivalent_size.coupling_reached(rows, float(c), exclude=str(line), draws=1).estimate
        for c, line in zip(near["coupling"], near["line"], strict=True)
    ]
    columns = ["family", "from_model", "to_model", "mid_params_b", "coupling"]
    return near[columns].assign(matches_b=size).reset_index(drop=True)


@recomputes("phi_scale_advantage")
def phi_scale_advantage() -> Recomputed:
    paper, public = phi_readings("paper"), phi_readings("open")
    # The claim is about the coupling, beside web-trained models as their papers describe them.
    read = f"coupling, {next(iter(WEB_SETS))}"
    listed = "; ".join(f"{name} {size}" for name, size in paper.items() if name != read)

    def null(which: data.Panel, observed: EquivalentSize) -> NullRange:
        matched = web_steps_matched(which)["matches_b"].dropna()
        method = f"the same for {len(matched)} web-trained steps of similar size, each line left out"
        return NullRange.of(
            null_from_draws(observed.estimate, matched.to_numpy(dtype=float), len(matched), method)
        )

    small = equivalent_size.small_web_models(web_curve.recipe_rows("paper"))
    beyond = int((small["matches_b"].isna() | (small["matches_b"] > 10)).sum())
    remark = (
        f"No released file holds a cosine of Phi, so it is read as scores, and as {read}. Other readings: {listed}. The step "
        f"from Phi-1.5 to "
        f"Phi-2 changes the data too, and item noise alone gives its coupling a wide error. The curve of TruthfulQA falls and "
        f"rises again, so that {beyond} of {len(small)} web-trained models of about 1B also match none or more than 10B."
    )
    reached = np.isfinite(public[read].estimate)
    return Recomputed(
        _sized(paper[read], read),
        _sized(public[read], read),
        null("paper", paper[read]),
        remark,
        null("open", public[read]) if reached else None,
    )


def _lever(lever: str, measured: str) -> Recomputed:
    """A lever that the abstract says shifts the critical scale by itself, with what can be said of it."""
    families = ", ".join(
        f"{data.panel(which)['family'].nunique()} of {label}" for which, label in PANELS.items()
    )
    remark = (
        f"It takes two families that differ in {lever} alone, each with a critical scale that its own scores identify. Few "
        f"scales are, and no such pair is among the families of the panels ({families}). {measured}"
    )
    return Recomputed(None, None, None, remark)


@recomputes("lever_architecture")
def lever_architecture() -> Recomputed:
    return _lever("their architecture", "Chapter 11 moves depth and width in a world of its own.")


@recomputes("lever_curation")
def lever_curation() -> Recomputed:
    effect = next(
        row for row in class_effects("open").to_dict("records") if row["measure"] == next(iter(MEASURES))
    )
    measured = (
        f"What the open panel shows is a level: at one size curated recipes score {effect['step']:+.1f} points "
        f"[{effect['low']:.1f}, {effect['high']:.1f}] on TruthfulQA beside web-trained ones, {p_value(effect['p'], name=True)}."
    )
    return _lever("the curation of their data", measured)


@recomputes("lever_recipe")
def lever_recipe() -> Recomputed:
    return _lever("their training recipe", "Chapter 11 moves the balance of its texts in a world of its own.")


def fields(which: data.Panel, *, draws: int = 1000) -> pd.DataFrame:
    """The h of every recipe of a panel by every measure, for charts and tables."""
    rows = web_curve.recipe_rows(which)
    parts = [
        recipe_effects.field_table(rows, spec, draws=draws).assign(panel=PANELS[which], measure=measure)
        for measure, spec in MEASURES.items()
    ]
    return pd.concat(parts, ignore_index=True)


def web_spread(which: data.Panel) -> pd.DataFrame:
    """What h does over web-trained lines, by measure: ``measure, lines, sd, low, high`` in percentage points."""
    rows = web_curve.recipe_rows(which)
    spreads = []
    for measure, spec in MEASURES.items():
        h = recipe_effects.web_field(rows, spec)["h"]
        ends = (float(h.std()), float(h.min()), float(h.max()))
        spreads.append((PANELS[which], measure, len(h), *ends))
    return pd.DataFrame(spreads, columns=["panel", "measure", "lines", "sd", "low", "high"])


def degree_errors(rows: pd.DataFrame, degrees: Sequence[int] = (1, 2, 3)) -> dict[int, float]:
    """Root mean square error (percentage points) on web-trained lines left out, by the degree of the curve."""
    errors = {}
    for degree in degrees:
        h = recipe_effects.model_field(rows, web_curve.CurveSpec(degree=degree), kinds=["web"])["h"]
        errors[degree] = float(np.sqrt((h**2).mean()))
    return errors


def class_effects(which: data.Panel) -> pd.DataFrame:
    """The step from web-trained to curated recipes by every measure, with interval and null.

    Returns
    -------
    pandas.DataFrame
        Columns ``panel, measure, step, low, high, null_low, null_high`` (percentage points) and ``p``.
    """
    rows = web_curve.recipe_rows(which)
    effects = []
    for measure, spec in MEASURES.items():
        step, null = recipe_effects.class_effect(rows, spec)
        ends = {"low": step.low, "high": step.high, "null_low": null.low, "null_high": null.high}
        effects.append(
            {"panel": PANELS[which], "measure": measure, "step": step.estimate, **ends, "p": null.p}
        )
    return pd.DataFrame(effects)


def sensitivity(which: data.Panel) -> pd.DataFrame:
    """The h of every recipe that is not web-trained under every curve: ``recipe, kind, web, degree, h``."""
    rows = web_curve.recipe_rows(which)
    parts = []
    for web in WEB_SETS:
        for degree in (1, 2, 3):
            kinds = ("curated", "code", "unpublished")
            spec = web_curve.CurveSpec(degree=degree, web=web)
            field = recipe_effects.model_field(rows, spec, kinds=kinds)
            h = field.groupby(["recipe", "kind"])["h"].mean().reset_index()
            parts.append(h.assign(web=web, degree=degree, panel=PANELS[which]))
    return pd.concat(parts, ignore_index=True)


def explorer(which: data.Panel, *, draws: int = 200) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Models, curves and h for ``charts.recipe_explorer``: every web-trained set, straight and curved."""
    rows = web_curve.recipe_rows(which)
    curves, field = [], []
    for web in WEB_SETS:
        lines = ["none", *sorted(web_curve.web_rows(rows, web)["line"].unique())]
        for degree in (1, 2):
            spec = web_curve.CurveSpec(degree=degree, web=web)
            for line in lines:
                table = web_curve.curve_table(rows, spec, exclude=line, points=12, draws=draws)
                curves.append(table.assign(web=web, degree=degree, without=line))
            table = recipe_effects.field_table(rows, spec, draws=draws)
            field.append(table.assign(web=web, degree=degree))
    return rows, pd.concat(curves, ignore_index=True), pd.concat(field, ignore_index=True)


def figure_kinds(table: pd.DataFrame) -> pd.DataFrame:
    """The flags of released cosines as words: a column ``figure`` for ``charts.cosine_chart``."""
    flags = table["flags"].fillna("")
    words = {
        "text_only": "quoted, not released",
        "instruction_tuned": "instruction-tuned",
        "contradicted": "two figures for one model",
        "repeated_score": "one number for many sizes",
    }
    figure = pd.Series("no flag", index=table.index)
    for flag, word in reversed(words.items()):
        figure = figure.mask(flags.str.contains(flag), word)
    return table.assign(figure=figure)
