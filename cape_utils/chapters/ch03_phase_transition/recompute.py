"""Chapter 03: the critical scale, the isocline, and the laws of loss and gradient."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.chapters.ch03_phase_transition import family_turns, isocline
from cape_utils.claims.assessment import assess
from cape_utils.claims.quotations import quoted
from cape_utils.claims.registry import recomputes
from cape_utils.claims.verdicts import NullRange, Recomputed, Value
from cape_utils.data.loading import pythia
from cape_utils.scaling import coupling, scaling_laws, trend_nulls
from cape_utils.scaling import critical_scale as scaling_critical_scale
from cape_utils.stats.formatting import interval as interval_words
from cape_utils.stats.formatting import p_value

PUBLISHED_SEED = 42
PANELS: tuple[data.Panel, ...] = ("paper", "open")


def _value(scale: scaling_critical_scale.CriticalScale) -> Value:
    return Value(
        scale.median, scale.low, scale.high, scale.n, f"{scale.method}, bootstrap over the {scale.unit}"
    )


def published_bootstrap() -> scaling_critical_scale.CriticalScale:
    """The published interval under its own conditions: 14 rows, legacy seed, 10,000 draws over rows."""
    return scaling_critical_scale.quadratic(data.bootstrap_rows(), rng=np.random.RandomState(PUBLISHED_SEED))


def published_elsewhere() -> dict[str, scaling_critical_scale.CriticalScale]:
    """The published estimator on other copies of the same models, by what they are."""
    open_rows = data.panel("open", rows="one_recipe")
    same = {
        "the same models in the panel's own rows": data.panel("paper").merge(
            data.bootstrap_rows()[["model"]], on="model"
        ),
        "the same families in the open panel": open_rows[
            open_rows["family"].isin(("Pythia", "Llama", "Llama-2"))
        ],
    }
    return {name: scaling_critical_scale.quadratic(rows) for name, rows in same.items()}


@recomputes("critical_scale")
def critical_scale() -> Recomputed:
    by_family = scaling_critical_scale.quadratic(data.bootstrap_rows(), unit="family")
    open_rows = data.panel("open", rows="one_recipe")
    odds = scaling_critical_scale.even_odds(coupling.local_coupling(open_rows))
    listed = "; ".join(
        f"{name} ({one.n}) give {one.median:.1f}B {interval_words(one.low, one.high)}"
        for name, one in published_elsewhere().items()
    )
    remark = (
        f"The bootstrap copy is one of several: by the same estimator {listed}. Resampling the "
        f"{by_family.n_families} families instead of rows, {by_family.valid / by_family.draws:.0%} of the draws have a "
        "minimum. On the open panel a positive sign becomes likelier than not at "
        f"{odds.median:.1f}B [{odds.low:.1f}, {odds.high:.1f}]."
    )
    return Recomputed(
        _value(published_bootstrap()), _value(scaling_critical_scale.fixed_effects(open_rows)), None, remark
    )


@recomputes("critical_scale_turn")
def critical_scale_turn() -> Recomputed:
    rows, open_rows = data.bootstrap_rows(), data.panel("open", rows="one_recipe")
    common = scaling_critical_scale.quadratic_null(rows, slopes="common")
    own_slopes = scaling_critical_scale.quadratic_null(rows, slopes="own")
    other = scaling_critical_scale.quadratic_null(open_rows, slopes="own")
    at, without = own_slopes["scale_b"], common["scale_b"]
    remark = (
        "Read as a parabola in log N that opens upward once each family has a slope of its own; that families differ in slope "
        "with scale is the row sign_changes_with_scale. Where all families share one slope, "
        f"{common['curvature'].p:.1%} of draws are as curved: the rows show that the smaller family falls and the larger ones "
        "rise. The scale itself tells nothing apart: the rows give "
        f"{at.observed:.1f}B, families on straight lines of their own {at.value:.1f}B [{at.low:.1f}, {at.high:.1f}], families "
        f"with one slope {without.value:.1f}B {interval_words(without.low, without.high)}."
    )
    method = "coefficient of (log10 N) squared"
    return Recomputed(
        Value(own_slopes["curvature"].observed, None, None, len(rows), method),
        Value(other["curvature"].observed, None, None, len(open_rows), method),
        NullRange.of(own_slopes["curvature"]),
        remark,
        NullRange.of(other["curvature"]),
    )


@recomputes("sign_changes_with_scale")
def sign_changes_with_scale() -> Recomputed:
    nulls = {
        which: family_turns.slope_by_scale_null(data.panel(which, rows="one_recipe")) for which in PANELS
    }
    paper, other = nulls["paper"], nulls["open"]
    rising = [
        slope > 0
        for which in PANELS
        for slope in family_turns.family_slopes(data.panel(which, rows="one_recipe"), "hellaswag")["slope"]
    ]
    remark = (
        f"HellaSwag rises with size in {sum(rising)} of the {len(rising)} families, in which the sign of the coupling is that "
        "of the slope. The correlation is between families, and larger ones are also later and differently trained; that one "
        "family turns is critical_scale_turn."
    )
    method = "Spearman, over families of three sizes or more"
    return Recomputed(
        Value(paper.observed, None, None, paper.n, method),
        Value(other.observed, None, None, other.n, method),
        NullRange.of(paper),
        remark,
        NullRange.of(other),
    )


def _family(table: pd.DataFrame, paper_label: str) -> pd.DataFrame:
    """Rows of the open panel for the same checkpoints line: the label, or the checkpoints where labels differ."""
    if paper_label == "GPT-Neo":
        return table[table["hf_id"].fillna("").str.contains("gpt-neo-")]
    return table[table["family"] == paper_label]


def _as_released(paper_label: str) -> pd.DataFrame:
    paper_rows = _family(data.panel("paper"), paper_label)
    return paper_rows[paper_rows["flags"].fillna("") != "misfiled"]


def _turning(claim_id: str) -> Recomputed:
    """A family's sign-flip scale, where its score is lowest, with what item noise leaves of it."""
    paper_label = FAMILY_CLAIMS[claim_id]
    target = quoted(claim_id)
    paper_rows = _as_released(paper_label)
    open_rows = _family(data.panel("open", rows="one_recipe"), paper_label)
    at, other = family_turns.turning_point(paper_rows), family_turns.turning_point(open_rows)
    rising = coupling.local_coupling(paper_rows).query("coupling > 0")["mid_params_b"]
    others = {}
    if len(rising):
        others["middle of the first rising step"] = float(rising.iloc[0])
    vertex = scaling_critical_scale.parabola_minimum_b(paper_rows["params_b"], paper_rows["truthfulqa_mc2"])
    if np.isfinite(vertex):
        others["minimum of its own parabola"] = vertex
    listed = ", ".join(f"{name} {value:.3g}B" for name, value in others.items()) or "none gives a scale"
    remark = (
        f"Read as the size with the lowest score; other readings: {listed}. Sizes run from "
        f"{paper_rows['params_b'].min():g}B to {paper_rows['params_b'].max():g}B."
    )
    if at.estimate == paper_rows["params_b"].max():
        pooled = "; the scale quoted for it is that of the 14 pooled rows" if paper_label == "Pythia" else ""
        remark += f" The score falls to the largest size, so the family does not turn{pooled}."
    if at.low <= target <= at.high:
        remark += " The range that item noise leaves of the lowest size holds the quoted scale."
    both = paper_rows.merge(open_rows, on="hf_id")
    if len(both) and (both["truthfulqa_mc2_x"] == both["truthfulqa_mc2_y"]).all():
        remark += (
            " Both panels hold the same figures for these models, so their agreement is no second witness."
        )
    # Lowest at the smallest size: the open panel does not show a fall, and so cannot place its end.
    silent = other.estimate == open_rows["params_b"].min()

    def null(rows: pd.DataFrame) -> NullRange:
        without, statistic = family_turns.turn_null(rows)
        return NullRange.of(without, statistic=statistic)

    return Recomputed(
        Value.of(at), None if silent else Value.of(other), null(paper_rows), remark, null(open_rows)
    )


FAMILY_CLAIMS = {
    "critical_scale_opt": "OPT",
    "critical_scale_cerebras": "Cerebras-GPT",
    "critical_scale_gptneo": "GPT-Neo",
    "critical_scale_bloom": "BLOOM",
    "critical_scale_pythia": "Pythia",
    "critical_scale_falcon": "Falcon",
}
"""Claims about the sign-flip scale of one family, with its label."""


def turning_table() -> pd.DataFrame:
    """Where each family of the paper's table is lowest on TruthfulQA, beside the scale quoted.

    Returns
    -------
    pandas.DataFrame
        Columns ``panel, family, smallest_b, largest_b, low_b, high_b, lowest_b, quoted_b, turns, verdict``, one row for
        each panel and family; the verdict is that of the claim.
    """
    rows = []
    for panel in ("the paper's panel", "the open panel"):
        for item in assess("03_phase_transition"):
            family = FAMILY_CLAIMS.get(item.claim.id)
            if family is None or item.claim.paper_value is None:
                continue
            released = panel == "the paper's panel"
            at = item.paper_panel if released else item.open_panel
            paper_rows = (
                _as_released(family) if released else _family(data.panel("open", rows="one_recipe"), family)
            )
            if at is None:
                continue
            smallest, largest, lowest = (
                paper_rows["params_b"].min(),
                paper_rows["params_b"].max(),
                float(at.value),
            )
            rows.append(
                {
                    "panel": panel,
                    "family": family,
                    "smallest_b": smallest,
                    "largest_b": largest,
                    "low_b": at.low,
                    "high_b": at.high,
                    "lowest_b": lowest,
                    "quoted_b": float(item.claim.paper_value.value),
                    "turns": smallest < lowest < largest,
                    "verdict": item.verdict,
                }
            )
    return pd.DataFrame(rows)


@recomputes("critical_scale_opt")
def critical_scale_opt() -> Recomputed:
    return _turning("critical_scale_opt")


@recomputes("critical_scale_cerebras")
def critical_scale_cerebras() -> Recomputed:
    return _turning("critical_scale_cerebras")


@recomputes("critical_scale_gptneo")
def critical_scale_gptneo() -> Recomputed:
    return _turning("critical_scale_gptneo")


@recomputes("critical_scale_bloom")
def critical_scale_bloom() -> Recomputed:
    return _turning("critical_scale_bloom")


@recomputes("critical_scale_pythia")
def critical_scale_pythia() -> Recomputed:
    return _turning("critical_scale_pythia")


@recomputes("critical_scale_falcon")
def critical_scale_falcon() -> Recomputed:
    return _turning("critical_scale_falcon")


@recomputes("no_counterexample_family")
def no_counterexample() -> Recomputed:
    def qualifying(which: data.Panel, rows: data.Rows) -> pd.DataFrame:
        return family_turns.sign_changes(data.panel(which, rows=rows))

    released, open_rows = qualifying("paper", "as_released"), qualifying("open", "one_recipe")
    cleaned = qualifying("paper", "one_recipe")
    chance = family_turns.no_change_null(released)
    against = open_rows[open_rows["never"]]
    chances = ", ".join(f"{row.family} {row.p_positive_inside:.0%}" for row in against.itertuples())
    remark = (
        f"The label Pythia holds GPT-J and GPT-NeoX as released; with them under a family of their own the count is "
        f"{int(cleaned['never'].sum())} ({', '.join(cleaned.loc[cleaned['never'], 'family'])}). Read as no positive step at "
        f"any size; with the signs of all steps coin flips it would be zero in {chance.p_less:.0%} of draws, so that zero says "
        f"little. With none up to 10B the count is {int(released['never_inside'].sum())}. On the open panel it is "
        f"{', '.join(against['family'])}; item noise leaves them these chances of a positive step: {chances}."
    )
    method = "families that qualify and have no positive step"
    return Recomputed(
        Value(int(released["never"].sum()), None, None, len(released), method),
        Value(len(against), None, None, len(open_rows), method),
        None,
        remark,
    )


@recomputes("running_coupling_slope")
def running_slope() -> Recomputed:
    tables = {
        "the bootstrap copy": pythia("bootstrap copy"),
        "the label Pythia as released": data.panel("paper").query("family == 'Pythia'"),
        "all families": data.panel("paper"),
    }
    others = ", ".join(
        f"{name} {coupling.running_coupling(coupling.local_coupling(table)).estimate:.3g}"
        for name, table in tables.items()
    )
    local, open_local = (coupling.local_coupling(pythia(copy)) for copy in ("panel rows", "open panel"))

    def null(steps: pd.DataFrame) -> NullRange:
        used = steps.dropna(subset=["coupling"])
        shuffled = trend_nulls.permutation_null(np.log10(used["mid_params_b"]), used["coupling"])
        return NullRange.of(shuffled, statistic="r of local coupling and log N")

    return Recomputed(
        Value.of(coupling.running_coupling(local)),
        Value.of(coupling.running_coupling(open_local)),
        null(local),
        f"Read as Pythia in the panel's rows; other readings: {others}.",
        null(open_local),
    )


def _olmo_row(which: data.Panel) -> pd.Series:
    return coupling.local_coupling(data.panel(which, rows="one_recipe").query("family == 'OLMo'")).iloc[0]


@recomputes("olmo_coupling")
def olmo() -> Recomputed:
    def step(which: data.Panel) -> Value:
        row = _olmo_row(which)
        half = 1.96 * float(row["se"])
        value = float(row["coupling"])
        return Value(value, value - half, value + half, 1, "one interval, item noise")

    rows = {"paper": _olmo_row("paper"), "open": _olmo_row("open")}
    listed = "; ".join(
        f"{which} panel: tax {row['p_tax']:.0%}, transition {row['p_transition']:.0%}, bonus {row['p_bonus']:.0%}"
        for which, row in rows.items()
    )
    return Recomputed(
        step("paper"), step("open"), None, f"Probability of each phase under item noise, {listed}."
    )


@recomputes("isocline_ratio")
def isocline_ratio() -> Recomputed:
    def ratio(which: data.Panel) -> Value:
        rows = data.panel(which, rows="one_recipe").query("family == 'OLMo'")
        return Value(isocline.isocline_ratio(rows), None, None, len(rows), "mean over OLMo-1B and OLMo-7B")

    return Recomputed(ratio("paper"), ratio("open"))


def _isocline(family: str) -> Recomputed:
    def hits(which: data.Panel) -> pd.Series:
        table = isocline.isocline_hits(data.panel(which, rows="one_recipe"))
        return table[table["family"] == family].iloc[0]

    def value(row: pd.Series) -> Value:
        method = "signs of intervals, judged at the smaller model"
        return Value(int(row["rule"]), None, None, int(row["n"]), method)

    def null(row: pd.Series) -> NullRange:
        return NullRange.of(isocline.always_negative_null(row))

    paper_hits, open_hits = hits("paper"), hits("open")
    remark = (
        f"Of {paper_hits['n']} signs the rule as stated hits {paper_hits['rule']}, its negation {paper_hits['negation']}, and "
        f"'always negative' {paper_hits['always_negative']}."
    )
    return Recomputed(value(paper_hits), value(open_hits), null(paper_hits), remark, null(open_hits))


@recomputes("isocline_opt")
def isocline_opt() -> Recomputed:
    return _isocline("OPT")


@recomputes("isocline_bloom")
def isocline_bloom() -> Recomputed:
    return _isocline("BLOOM")


@recomputes("isocline_cerebras")
def isocline_cerebras() -> Recomputed:
    return _isocline("Cerebras-GPT")


def pythia_losses(corpus: str) -> pd.DataFrame:
    """Losses of one corpus with sizes, ``model, params_b, loss_nats``."""
    sizes = data.load("paper_panel")[["model", "params_b"]]
    return data.load("losses").query("corpus == @corpus").merge(sizes, on="model").sort_values("params_b")


def gradient_norms() -> pd.DataFrame:
    """Gradient norms batch by batch, with sizes."""
    return data.load("gradient_norms").merge(data.load("paper_panel")[["model", "params_b"]], on="model")


def _law() -> tuple[scaling_laws.LossLaw, pd.DataFrame]:
    rows = pythia_losses("not_stated")
    return scaling_laws.fit_loss_law(rows["params_b"], rows["loss_nats"]), rows


@recomputes("loss_exponent")
def loss_exponent() -> Recomputed:
    law, _ = _law()
    remark = f"The interval quoted is one standard error ({law.exponent_se:.3f}) to each side, not 95%."
    return Recomputed(Value.of(law.exponent), None, None, remark)


def _declines(name: str) -> tuple[NullRange, str]:
    """The least favourable of the nulls of the loss law, and what each of them gives."""
    _, rows = _law()
    nulls = {
        slowest: scaling_laws.loss_law_null(rows["params_b"], rows["loss_nats"], slowest=slowest)[name]
        for slowest in scaling_laws.SLOWEST
    }
    worst = max(nulls, key=lambda slowest: nulls[slowest].p)
    listed = ", ".join(f"{slowest:g} gives {p_value(null.p, name=True)}" for slowest, null in nulls.items())
    remark = (
        "How unevenly a decline without a law may slow down is nobody's to know, and p hangs on it: a smallest factor of "
        f"{listed}. The largest counts."
    )
    method = f"{nulls[worst].method}, each step at least {worst:g} times as steep as the last"
    return NullRange.of(replace(nulls[worst], method=method)), remark


@recomputes("loss_r2")
def loss_r2() -> Recomputed:
    law, rows = _law()
    null, remark = _declines("r2")
    return Recomputed(Value(law.r2, None, None, len(rows), "three parameters"), None, null, remark)


@recomputes("loss_cv")
def loss_cv() -> Recomputed:
    law, rows = _law()
    null, remark = _declines("cv_pct")
    return Recomputed(
        Value(law.cv_pct, None, None, len(rows), "population standard deviation"), None, null, remark
    )


def mean_norms() -> pd.DataFrame:
    """Mean gradient norm of each model with its size and WikiText-2 loss."""
    norms = gradient_norms().groupby(["model", "params_b"])["grad_norm"].mean().reset_index()
    return norms.merge(pythia_losses("wikitext2")[["model", "loss_nats"]], on="model").sort_values("params_b")


@recomputes("gradient_exponent")
def gradient_exponent() -> Recomputed:
    norms = mean_norms()
    law = scaling_laws.fit_power_law(norms["params_b"], norms["grad_norm"])
    rest = norms[norms["model"] != "Pythia-1B"]
    without = scaling_laws.fit_power_law(rest["params_b"], rest["grad_norm"]).exponent.estimate
    remark = (
        f"The interval quoted is one standard error ({law.exponent_se:.3f}) to each side, not 95%. The null asks whether the "
        f"norm falls at all, not whether it falls as a power. Without Pythia-1B the exponent is {-without:.2f}."
    )
    # The norm falls as N to the minus beta: the exponent of its inverse is beta.
    null = scaling_laws.power_law_null(norms["params_b"], 1 / norms["grad_norm"])
    return Recomputed(Value.of(law.exponent, sign=-1), None, NullRange.of(null), remark)


@recomputes("gradient_loss_exponent")
def gradient_loss_exponent() -> Recomputed:
    norms = mean_norms()
    law = scaling_laws.fit_power_law(norms["loss_nats"], norms["grad_norm"])
    null = scaling_laws.two_series_null(norms["loss_nats"], norms["grad_norm"])
    remark = (
        "Loss and norm both fall with size, so the null keeps the trend of each, as it does for two scores."
    )
    return Recomputed(Value.of(law.exponent), None, NullRange.of(null), remark)


@recomputes("gradient_dip")
def gradient_dip() -> Recomputed:
    dip = scaling_laws.gradient_dip(gradient_norms(), "Pythia-1B")
    out = scaling_laws.gradient_dip(gradient_norms(), "Pythia-1B", leave_out=True)
    remark = (
        f"With Pythia-1B left out of the trend it lies {out.estimate:.0f}% from it. It has fewer and wider layers than its "
        "neighbours, so that a dip need be no sign of a phase."
    )
    null = scaling_laws.gradient_dip_null(gradient_norms(), "Pythia-1B")
    statistic = "distance of the lowest model from the line through the others, in standard errors,"
    return Recomputed(Value.of(dip), None, NullRange.of(null, statistic=statistic), remark)
