"""Chapter 06: competing heads, attention patterns and the OPT ladder, from the released table of internal cosines.

What a network gives under our own prompts is measured in the chapter; nothing here opens one.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.chapters.ch06_attention_heads import attention
from cape_utils.claims.quotations import quoted
from cape_utils.claims.registry import recomputes
from cape_utils.claims.verdicts import NullRange, Recomputed, Value
from cape_utils.internals import cosine
from cape_utils.stats.resampling import null_from_draws
from cape_utils.stats.results import Estimate, Floats

QUOTED_MODELS = 40  # the paper counts models without a competing unit of so many
_SECOND_FILE = " (second file)"
_MOST = "the most that is possible, every model without a count taken as zero"
_HEADS_OF_A_MODEL = 144  # 12 layers of 12 heads
_HEAD_WIDTH = 64  # of the smallest models in the table; wider heads have cosines nearer to zero


def released() -> pd.DataFrame:
    """The table of internal cosines with a column ``base``, the model that a row is of.

    Returns
    -------
    DataFrame
        Rows as stored. ``in_release`` is false where only the text of the paper holds the figure.
    """
    table = data.load("internal_coupling")
    flags = table["flags"].fillna("")
    return table.assign(
        base=table["model"].str.removesuffix(_SECOND_FILE),
        in_release=~flags.str.contains("text_only"),
        flags=flags,
    )


def counted_models(*, text: bool = False) -> pd.DataFrame:
    """Models with a count of competing units, one row each.

    Parameters
    ----------
    text : bool
        Also take the counts that only the text of the paper holds.

    Returns
    -------
    DataFrame
        Columns ``model, family, competing_units`` (the largest count that a measure of the model gives).
    """
    table = released()
    part = table[table["competing_units"].notna() & (table["in_release"] | text)]
    most = part.groupby("base", sort=False).agg(
        family=("family", "first"), competing_units=("competing_units", "max")
    )
    return most.rename_axis("model").reset_index()


def zero_readings() -> Mapping[str, tuple[int, int]]:
    """Models without a competing unit, and models counted, in each way of reading the release."""
    readings = {}
    for name, text in (("released counts", False), ("with the counts in the text", True)):
        models = counted_models(text=text)
        readings[name] = (int((models["competing_units"] == 0).sum()), len(models))
    competing = int((counted_models(text=True)["competing_units"] > 0).sum())
    readings[_MOST] = (QUOTED_MODELS - competing, QUOTED_MODELS)
    return readings


def unrelated_heads(units: int, *, prompts: int = 16, rng: np.random.Generator | int = 0) -> Floats:
    """Share of opposed pairs in units whose activations point in directions drawn at random; shape (units,)."""
    generator = np.random.default_rng(rng)
    opposed = []
    for start in range(0, units, 1000):
        size = (prompts, 1, min(1000, units - start), _HEAD_WIDTH)
        pair = (generator.normal(size=size), generator.normal(size=size))
        opposed.append(cosine.internal_coupling(*pair).opposed[0])
    return np.concatenate(opposed)


def _zero_words() -> str:
    counted = counted_models(text=True)
    units = counted.loc[counted["competing_units"] > 0, "competing_units"].astype(int)
    listed = ", ".join(f"{name} {zero} of {n}" for name, (zero, n) in zero_readings().items())
    return (
        f"Readings: {listed}. {len(units)} models have a released count above zero, {units.min()} to {units.max()} units; "
        f"with them among the {QUOTED_MODELS} there cannot be {quoted('zero_competing_heads'):.0f}. All of the other "
        f"{len(counted) - len(units)} counts are zero."
    )


@recomputes("zero_competing_heads")
def zero_competing_heads() -> Recomputed:
    # Of forty models only one reading speaks, and it is the most favourable that the release allows.
    zero, n = zero_readings()[_MOST]
    opposed = unrelated_heads(8000)
    # A model competes in no unit as long as none of its units does; a small one has this many.
    alone = float(np.mean(opposed <= 0.5)) ** _HEADS_OF_A_MODEL
    drawn = np.random.default_rng(0).binomial(QUOTED_MODELS, alone, size=1000).astype(float)
    method = f"{QUOTED_MODELS} models whose heads point in random directions"
    remark = (
        f"{_zero_words()} The null has activations without any relation between the two sets: of {len(opposed):,} heads of "
        f"width {_HEAD_WIDTH} {int(np.sum(opposed > 0.5)) or 'none'} competes by the paper's rule, and the largest share of "
        f"opposed pairs is {opposed.max():.2f} where more than half is asked for. So zero is what the rule gives with and "
        "without cooperation."
    )
    return Recomputed(
        Value(zero, None, None, n, _MOST),
        None,
        NullRange.of(null_from_draws(float(zero), drawn, n, method)),
        remark,
    )


@recomputes("zero_competing_ci")
def zero_competing_ci() -> Recomputed:
    shares = {name: cosine.share_of_models(*counts) for name, counts in zero_readings().items()}
    pct = {name: 100 * share.estimate for name, share in shares.items()}
    best = _MOST
    share = shares[best]
    as_quoted = cosine.share_of_models(int(quoted("zero_competing_heads")), QUOTED_MODELS)
    listed = "; ".join(f"{name} {_in_pct(one)}" for name, one in shares.items())
    families = counted_models(text=True)["family"].nunique()
    remark = (
        f"The arithmetic is right: {as_quoted.n * as_quoted.estimate:.0f} of {as_quoted.n} give {_in_pct(as_quoted)}. The "
        f"count is what the release does not give: {listed}. The interval takes the models as independent; the counts come "
        f"from {families} families."
    )
    method = f"{share.method}; {best}"
    return Recomputed(Value(pct[best], 100 * share.low, 100 * share.high, share.n, method), remark=remark)


def _in_pct(share: Estimate) -> str:
    return f"{100 * share.estimate:.0f} [{100 * share.low:.0f}, {100 * share.high:.0f}]"


def pattern_rows() -> pd.DataFrame:
    """The models with a released attention-pattern cosine, and how far each profile moves over its layers.

    Returns
    -------
    DataFrame
        Columns ``model, family, params_b, layers, heads, cosine, spread`` (largest minus smallest layer).
    """
    table = released().query("measure == 'attention_pattern'")
    profiles = data.load("layer_profiles").query("measure == 'attention_pattern'")
    spread = profiles.groupby("model")["cosine"].agg(lambda c: c.max() - c.min())
    columns = ["model", "family", "params_b", "layers", "heads", "mean_cosine"]
    rows = table[columns].rename(columns={"mean_cosine": "cosine"})
    return rows.assign(spread=rows["model"].map(spread)).sort_values(
        ["family", "params_b"], ignore_index=True
    )


@recomputes("attention_cooperation")
def attention_cooperation() -> Recomputed:
    rows = pattern_rows()
    family = rows.groupby("family")["cosine"].agg(["min", "max"])
    across = float((family["max"] - family["min"]).max())
    draws = attention.length_draws()
    shares = [attention.random_patterns(16, 200, 14, rng=seed) for seed in (0, 1)]
    drawn = float(attention.pattern_cosine(*shares).mean())
    method = "weights averaged over keys, two sets of 16 prompts of 5 to 25 tokens"
    null = NullRange.of(null_from_draws(float(rows["cosine"].mean()), draws, len(rows), method))
    remark = (
        f"Within a model the {len(rows)} profiles move by at most {rows['spread'].max():.0e} from layer to layer, and within "
        f"a family by {across:.0e} from size to size, whatever the depth and the number of heads; between families, which "
        "split words into tokens differently, they differ. A number that no weight of the network moves belongs to the "
        "prompts. The null is such a number: a row of attention sums to one, so its mean over keys is one over the number of "
        "tokens, and a cosine of those knows the prompts' lengths alone. Which reduction the authors used, and their prompts, "
        "are not in the release; the lengths in the null are ours. Attention drawn at random, rows over 14 tokens compared, "
        f"gives {drawn:.2f}."
    )
    levels = rows["cosine"].astype(float)
    method = "mean over models, lowest and highest"
    ours = Value(float(levels.mean()), float(levels.min()), float(levels.max()), len(rows), method)
    return Recomputed(ours, None, null, remark)


def opt_ladder() -> pd.DataFrame:
    """OPT's hidden-state cosines by size, as quoted in the text or released.

    Returns
    -------
    DataFrame
        Columns ``model, params_b, cosine, in_release``.
    """
    table = released().query("family == 'OPT' and measure == 'hidden_state'").sort_values("params_b")
    return table.rename(columns={"mean_cosine": "cosine"})[
        ["model", "params_b", "cosine", "in_release"]
    ].reset_index(drop=True)


@recomputes("opt_ladder_peak")
def opt_ladder_peak() -> Recomputed:
    pattern = float(pattern_rows().query("model == 'OPT-13B'")["cosine"].iloc[0])
    remark = (
        "OPT-13B stands in the text only: no released file holds its hidden-state cosine, so there is nothing to recompute it "
        f"from. The file that is released for OPT-13B is of attention patterns and gives {pattern:.4f}."
    )
    return Recomputed(None, None, None, remark)


@recomputes("opt_ladder_crash")
def opt_ladder_crash() -> Recomputed:
    profiles = data.load("layer_profiles")
    profile = profiles.loc[profiles["model"] == "OPT-30B", "cosine"]
    summary = float(opt_ladder().query("model == 'OPT-30B'")["cosine"].iloc[0])
    measured = released()
    measured = measured[measured["model"].isin(profiles.query("measure == 'hidden_state'")["model"])]
    others = measured[measured["model"] != "OPT-30B"]
    remark = (
        f"The mean over {len(profile)} released layers; the summary says {summary:.4f}. Of the {len(measured)} models whose "
        f"hidden-state profiles are released all lie low, the other {len(others)} between {others['mean_cosine'].min():.2f} "
        f"and {others['mean_cosine'].max():.2f} in {others['family'].nunique()} families and down to "
        f"{others['params_b'].min():g}B; the sizes of OPT quoted at 0.5 and more have no profile. So the fall from 13B to 30B "
        "may be a change of size or of measurement, and the release cannot tell."
    )
    ours = Value(float(profile.mean()), None, None, len(profile), "mean over layers of one model")
    return Recomputed(ours, None, None, remark)


def _line_fixed_point(values: Floats) -> float:
    """Where the least-squares line from each value to the next crosses the identity."""
    return _line_crossing(values[:-1], values[1:])


def _line_crossing(now: Floats, following: Floats) -> float:
    slope, intercept = np.polyfit(now, following, 1)
    return float(intercept / (1 - slope))


def fixed_point_readings() -> Mapping[str, float]:
    """A fixed point of the ladder in each way that the words allow: a value that the next size would repeat."""
    ladder = opt_ladder()
    values = ladder["cosine"].to_numpy(dtype=float)
    now, following = values[:-1], values[1:]
    change = following - now
    others = np.arange(len(now)) != np.argmin(change)
    readings = {
        "line through all steps": _line_fixed_point(values),
        "line without the fall from 13B": _line_crossing(now[others], following[others]),
    }
    roots = np.roots(np.polyfit(now, following, 2) - np.array([0, 1, 0]))
    real = [float(root.real) for root in roots if abs(root.imag) < 1e-9 and 0 <= root.real <= 1]
    readings |= {f"parabola, root {i + 1}": root for i, root in enumerate(sorted(real))}
    for i in np.flatnonzero(change[:-1] * change[1:] < 0):
        part = change[i] / (change[i] - change[i + 1])
        label = f"between the steps from {ladder['params_b'][i]:g}B and {ladder['params_b'][i + 1]:g}B"
        readings[label] = float(now[i] + part * (now[i + 1] - now[i]))
    return {name: value for name, value in readings.items() if 0 <= value <= 1}


@recomputes("opt_fixed_point")
def opt_fixed_point() -> Recomputed:
    ladder = opt_ladder()
    read = "line through all steps"
    values = ladder["cosine"].to_numpy(dtype=float)
    shuffled = np.random.default_rng(0).permuted(np.tile(values, (2000, 1)), axis=1)
    draws = np.array([_line_fixed_point(row) for row in shuffled])
    listed = ", ".join(
        f"{name} {value:.3g}" for name, value in fixed_point_readings().items() if name != read
    )
    remark = (
        f"{(~ladder['in_release']).sum()} of the {len(ladder)} values stand in the text only, so this is arithmetic on quoted "
        "figures. The paper gives no rule for a fixed point; read here as a value that the next size would repeat, by the "
        f"{read}; other readings: {listed}."
    )
    observed = _line_fixed_point(values)
    null = null_from_draws(observed, draws, len(ladder), f"the same values in random order, {read}")
    return Recomputed(Value(observed, None, None, len(ladder), read), None, NullRange.of(null), remark)
