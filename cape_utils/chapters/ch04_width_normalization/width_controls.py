"""Does width matter beyond size? Ways to ask that divide no score by anything, and the released projection figures.

Section 5 of paper A explains the tax by an output projection that is too narrow. Here width enters as a variable
given or regressed on, and in pairs of models of similar size; the projection figures are those that the authors
released, and no model is opened. The normalisation itself is in ``scaling.width``.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from cape_utils.data.benchmarks import benchmark_items
from cape_utils.data.schema import require_columns
from cape_utils.stats.item_noise import item_error
from cape_utils.stats.resampling import family_counts, interval, null_from_draws
from cape_utils.stats.results import Estimate, Floats, Null

__all__ = [
    "matched_pairs",
    "partial_given",
    "partial_table",
    "projection_changes",
    "random_projection_null",
    "size_and_width",
    "wider_share",
    "with_logs",
]


def with_logs(table: pd.DataFrame) -> pd.DataFrame:
    """Add ``log_size`` and ``log_width``, base 10, as predictors.

    Parameters
    ----------
    table : pandas.DataFrame
        With ``params_b`` and ``d_model``, as ``data.with_architecture`` gives; unknown widths stay missing.

    Examples
    --------
    >>> with_logs(pd.DataFrame({"params_b": [10.0], "d_model": [1000]}))["log_width"].tolist()
    [3.0]
    """
    require_columns(table, ("params_b", "d_model"), "see data.with_architecture")
    logs = {
        f"log_{new}": np.log10(table[old].astype(float))
        for new, old in (("size", "params_b"), ("width", "d_model"))
    }
    return table.assign(**logs)


def _moments(table: pd.DataFrame, columns: Sequence[str]) -> tuple[Floats, Floats, int]:
    """Demeaned cross products of each family, shape (families, k, k), and the rows of each."""
    used = table.dropna(subset=list(columns))
    used = used[used.groupby("family")["family"].transform("size") > 1]
    values = used[list(columns)].astype(float)
    centred = (values - values.groupby(used["family"]).transform("mean")).to_numpy()
    codes, families = pd.factorize(used["family"], sort=True)
    if len(families) < 2:
        raise ValueError(f"at least 2 families with two models or more are needed; there are {len(families)}")
    products = np.zeros((len(families), len(columns), len(columns)))
    np.add.at(products, codes, centred[:, :, None] * centred[:, None, :])
    return products, np.bincount(codes).astype(float), len(used)


def partial_given(
    table: pd.DataFrame,
    covariates: Sequence[str],
    x: str = "hellaswag",
    y: str = "truthfulqa_mc2",
    *,
    draws: int = 2000,
    rng: np.random.Generator | int = 0,
) -> Estimate:
    """Correlation of two scores within families after the columns ``covariates`` are taken out; nothing is divided.

    Parameters
    ----------
    table : pandas.DataFrame
    covariates : sequence of str
        Such as ``["log_width"]``; empty for the plain within-family correlation. The unit resampled is the family.
    """
    products, sizes, n = _moments(table, [x, y, *covariates])
    counts = family_counts(len(sizes), draws, rng)
    stack = np.concatenate([products.sum(axis=0)[None], np.tensordot(counts, products, axes=1)])
    # The partial correlation stands in the inverse of the matrix of cross products.
    inverse = np.linalg.pinv(stack, hermitian=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        r = -inverse[:, 0, 1] / np.sqrt(inverse[:, 0, 0] * inverse[:, 1, 1])
    low, high = interval(r[1:])
    bad = int(np.sum(~np.isfinite(r[1:])))
    method = f"family means and {', '.join(covariates) or 'nothing else'} taken out, bootstrap over {len(sizes)} families"
    return Estimate(float(r[0]), low, high, n, method, 0.95, draws, bad)


def partial_table(panels: Mapping[str, pd.DataFrame], limits: Mapping[str, float]) -> pd.DataFrame:
    """Correlations within families given nothing, width, size or both, in each panel up to each size.

    Parameters
    ----------
    panels : mapping of str to pandas.DataFrame
        From `with_logs`, by label.
    limits : mapping of str to float
        Largest size in billions, by label; infinite for all.

    Returns
    -------
    pandas.DataFrame
        Columns ``panel, sizes, given, estimate, low, high, n``.
    """
    covariates = {
        "nothing": [],
        "width": ["log_width"],
        "size": ["log_size"],
        "both": ["log_size", "log_width"],
    }
    rows = []
    for panel, label in itertools.product(panels, limits):
        table = panels[panel]
        part = table[table["params_b"] <= limits[label]].dropna(subset=["log_width"])
        for given, columns in covariates.items():
            e = partial_given(part, columns)
            rows.append((panel, label, given, e.estimate, e.low, e.high, e.n))
    return pd.DataFrame(rows, columns=["panel", "sizes", "given", "estimate", "low", "high", "n"])


def size_and_width(
    table: pd.DataFrame,
    predictors: Sequence[str] = ("log_size", "log_width"),
    y: str = "truthfulqa_mc2",
    *,
    draws: int = 2000,
    rng: np.random.Generator | int = 0,
) -> pd.DataFrame:
    """Least squares of a score on size and width with a level for each family.

    Returns
    -------
    pandas.DataFrame
        One row for each predictor: ``predictor, slope, low, high`` (points per unit, bootstrap over families),
        ``inflation`` (how much the variance of the slope grows because the predictors move together), ``n, families``.
    """
    products, sizes, n = _moments(table, [*predictors, y])
    counts = family_counts(len(sizes), draws, rng)
    stack = np.concatenate([products.sum(axis=0)[None], np.tensordot(counts, products, axes=1)])
    design, target = stack[:, :-1, :-1], stack[:, :-1, -1:]
    slopes = (np.linalg.pinv(design, hermitian=True) @ target)[:, :, 0]
    full_design = design[0]
    inflation = np.diag(full_design) * np.diag(np.linalg.pinv(full_design, hermitian=True))
    rows = [
        (name, slopes[0, k], *interval(slopes[1:, k]), inflation[k], n, len(sizes))
        for k, name in enumerate(predictors)
    ]
    return pd.DataFrame(rows, columns=["predictor", "slope", "low", "high", "inflation", "n", "families"])


def matched_pairs(
    table: pd.DataFrame,
    benchmarks: Sequence[str] = ("hellaswag", "truthfulqa_mc2"),
    *,
    size_ratio: float = 1.3,
    width_ratio: float = 1.2,
    once: bool = True,
) -> pd.DataFrame:
    """Pairs of models of similar size and different width, wider minus narrower.

    Parameters
    ----------
    table : pandas.DataFrame
        With ``model, family, params_b, d_model`` and the benchmarks.
    size_ratio, width_ratio : float
        The larger size over the smaller is at most, the wider width over the narrower at least, this.
    once : bool
        Use no model twice, so that pairs are independent; the most different widths are paired first.

    Returns
    -------
    pandas.DataFrame
        Columns ``wide, narrow, wide_family, narrow_family, wide_params_b, narrow_params_b, wide_d_model,
        narrow_d_model, width_ratio`` and for each benchmark ``d_NAME`` (percentage points) and ``se_NAME`` (item noise).
    """
    used = table.dropna(subset=["d_model", "params_b", *benchmarks]).to_dict("records")
    pairs = []
    for one, two in itertools.permutations(used, 2):
        wider = float(one["d_model"]) / float(two["d_model"])
        size = max(one["params_b"], two["params_b"]) / min(one["params_b"], two["params_b"])
        if wider < width_ratio or size > size_ratio:
            continue
        row = {"wide": one["model"], "narrow": two["model"]}
        for column in ("family", "params_b", "d_model"):
            row |= {f"wide_{column}": one[column], f"narrow_{column}": two[column]}
        row["width_ratio"] = wider
        for name in benchmarks:
            errors = item_error([one[name], two[name]], benchmark_items(name))
            row |= {f"d_{name}": one[name] - two[name], f"se_{name}": float(np.hypot(*errors))}
        pairs.append(row)
    pairs.sort(key=lambda row: (-row["width_ratio"], row["wide"], row["narrow"]))
    if once:
        taken: set[str] = set()
        chosen = []
        for row in pairs:
            if not {row["wide"], row["narrow"]} & taken:
                taken |= {row["wide"], row["narrow"]}
                chosen.append(row)
        pairs = chosen
    return pd.DataFrame(pairs)


def wider_share(pairs: pd.DataFrame, benchmark: str = "truthfulqa_mc2") -> Estimate:
    """Share of matched pairs whose wider model scores higher, with Wilson's interval; one half is no effect of width."""
    change = pairs[f"d_{benchmark}"]
    change = change[change != 0]
    if change.empty:
        raise ValueError(
            "no pair with a difference is left; allow a larger size_ratio or a smaller width_ratio"
        )
    test = stats.binomtest(int((change > 0).sum()), len(change))
    ends = test.proportion_ci(method="wilson")
    return Estimate(
        float((change > 0).mean()),
        float(ends.low),
        float(ends.high),
        len(change),
        "Wilson, pairs independent",
    )


def projection_changes(stages: pd.DataFrame) -> pd.DataFrame:
    """Change of the released cosines from the hidden state on, in percent of the hidden state's.

    Parameters
    ----------
    stages : pandas.DataFrame
        The table ``projection_coupling``.

    Returns
    -------
    pandas.DataFrame
        Columns ``model, d_model, measure, stage, cosine, change_pct`` for both stages after the hidden state.
    """
    measures = ["cosine_of_mean_activations", "mean_of_prompt_cosines"]
    long = stages.melt(["model", "d_model", "stage"], measures, "measure", "cosine")
    hidden = long[long["stage"] == "hidden_state"].set_index(["model", "measure"])["cosine"]
    stages = long[long["stage"] != "hidden_state"].copy()
    before = hidden.loc[pd.MultiIndex.from_frame(stages[["model", "measure"]])].to_numpy()
    stages["change_pct"] = 100 * (stages["cosine"] / before - 1)
    columns = ["model", "d_model", "measure", "stage", "cosine", "change_pct"]
    return stages[columns].sort_values(["d_model", "measure", "stage"]).reset_index(drop=True)


def random_projection_null(
    cosine: float, after: float, *, outputs: int, draws: int = 10_000, rng: np.random.Generator | int = 0
) -> Null:
    """Change in percent that a projection with random weights makes to a cosine.

    Parameters
    ----------
    cosine, after : float
        Before and after the projection under test.
    outputs : int
        Rows of the projection, the size of the vocabulary.
    """
    if not -1 < cosine < 1 or cosine == 0:
        raise ValueError(f"cosine={cosine}; a number between -1 and 1 other than 0 is needed")
    generator = np.random.default_rng(rng)
    # The products of two projected vectors follow a Wishart law; its Bartlett factors spare drawing the weights.
    one = np.sqrt(generator.chisquare(outputs, draws))
    two = np.sqrt(generator.chisquare(outputs - 1, draws))
    mixed = cosine * one + np.sqrt(1 - cosine**2) * generator.standard_normal(draws)
    projected = mixed / np.hypot(mixed, np.sqrt(1 - cosine**2) * two)
    change = 100 * (projected / cosine - 1)
    return null_from_draws(100 * (after / cosine - 1), change, 1, f"random weights to {outputs:,} outputs")
