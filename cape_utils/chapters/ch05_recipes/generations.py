"""Generations of one lab at one size, and which claims about them are couplings and which are cosines.

Section 5 of paper A compares generations by the cosine inside the model. Here the public scores of two models of similar
size and successive recipes are set side by side, with the noise of the items. How far a recipe lies from the web-trained
curve is the job of ``scaling.recipe_effects``.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from cape_utils import data
from cape_utils.data.benchmarks import benchmark_items
from cape_utils.scaling.web_curve import TQA
from cape_utils.stats.item_noise import item_error
from cape_utils.stats.resampling import null_from_draws
from cape_utils.stats.results import Floats, Null

__all__ = [
    "COSINE",
    "MEASURES",
    "SCORES",
    "generation_pairs",
    "internal_cosines",
    "internal_difference_null",
    "largest_rise_null",
    "measured_claims",
    "small_steps_null",
]

HS = "hellaswag"

COSINE, SCORES = "cosine inside a model", "coupling of scores"

MEASURES = {
    "qwen_dip": (COSINE, ("Qwen2.5-1.5B", "Qwen3-1.7B")),
    "qwen_8b_gain": (COSINE, ("Qwen2.5-7B", "Qwen3-8B", "Qwen3-8B (second file)")),
    "gemma4_coupling": (COSINE, ("Gemma-3-4B", "Gemma-4-E4B", "Gemma-4-E4B-it")),
    "phi_scale_advantage": (SCORES, ("Phi-1.5", "Phi-2")),
}
"""What each claim of the chapter measures, and the models that it is about."""


def generation_pairs(rows: pd.DataFrame, *, ratio: float = 1.3) -> pd.DataFrame:
    """Models of successive recipes of one lab, matched in size, and what changed from the one to the other.

    Parameters
    ----------
    rows : pandas.DataFrame
        From ``scaling.web_curve.recipe_rows``. A recipe is compared with the one before it in its line that has models here.
    ratio : float
        Largest ratio of the two sizes; each model is used once at most in a comparison, nearest sizes first.

    Returns
    -------
    pandas.DataFrame
        ``line, before, after, from_model, to_model, from_b, to_b``; for TruthfulQA and HellaSwag ``d_...`` (percentage
        points) and ``se_...`` (item noise of two independent tests, an upper bound); ``low, high`` (95%, TruthfulQA);
        ``clear``, whether that interval leaves out zero, and ``clear_all``, whether it does so at the level divided
        by the number of comparisons (Bonferroni). ``attrs["unmatched"]`` names successive recipes without a pair.

    Examples
    --------
    >>> from cape_utils.scaling.web_curve import recipe_rows
    >>> generation_pairs(recipe_rows("open")).query("line == 'Gemma'")["d_truthfulqa_mc2"].round(2).tolist()
    [8.25, 1.53]
    """
    if not ratio >= 1:
        raise ValueError(f"ratio={ratio}; the larger of two sizes over the smaller is at least 1")
    compared, unmatched = [], []
    for line, part in rows.dropna(subset=["generation", HS, TQA]).groupby("line"):
        recipes = part.sort_values("generation")["recipe"].drop_duplicates().tolist()
        for before, after in itertools.pairwise(recipes):
            old, new = (part[part["recipe"] == name].reset_index(drop=True) for name in (before, after))
            pairs = _nearest_pairs(old, new, ratio)
            if not pairs:
                unmatched.append(f"{before} and {after}")
            for i, j in pairs:
                compared.append(_compared(str(line), old.iloc[i].to_dict(), new.iloc[j].to_dict()))
    columns = ["line", "before", "after", "from_model", "to_model", "from_b", "to_b"]
    columns += [f"{part}_{score}" for score in (TQA, HS) for part in ("d", "se")]
    table = pd.DataFrame(compared, columns=columns)
    half = stats.norm.ppf(0.975) * table[f"se_{TQA}"]
    table["low"], table["high"] = table[f"d_{TQA}"] - half, table[f"d_{TQA}"] + half
    z = (table[f"d_{TQA}"] / table[f"se_{TQA}"]).abs()
    table["clear"] = z > stats.norm.ppf(0.975)
    table["clear_all"] = z > stats.norm.ppf(1 - 0.025 / max(1, len(table)))
    table.attrs["unmatched"] = unmatched
    return table


def _nearest_pairs(old: pd.DataFrame, new: pd.DataFrame, ratio: float) -> list[tuple[int, int]]:
    gap = np.abs(np.subtract.outer(old["log_size"].to_numpy(), new["log_size"].to_numpy()))
    pairs: list[tuple[int, int]] = []
    for place in np.argsort(gap, axis=None, kind="stable"):
        i, j = (int(k) for k in np.unravel_index(place, gap.shape))
        free = all(i != a and j != b for a, b in pairs)
        if free and gap[i, j] <= np.log10(ratio) + 1e-12:
            pairs.append((i, j))
    return sorted(pairs, key=lambda pair: float(new["params_b"].iloc[pair[1]]))


def _compared(line: str, old: dict[Any, Any], new: dict[Any, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "line": line,
        "before": old["recipe"],
        "after": new["recipe"],
        "from_model": str(old["model"]).split("/")[-1],
        "to_model": str(new["model"]).split("/")[-1],
        "from_b": old["params_b"],
        "to_b": new["params_b"],
    }
    for score in (TQA, HS):
        a, b = float(old[score]), float(new[score])
        items = benchmark_items(score)
        row[f"d_{score}"] = b - a
        row[f"se_{score}"] = float(np.hypot(item_error(a, items), item_error(b, items)))
    return row


def small_steps_null(
    steps: pd.DataFrame, *, below_b: float = 3.5, draws: int = 5000, rng: np.random.Generator | int = 0
) -> Null:
    """Share of positive couplings in small curated recipes minus that in small web-trained ones.

    Parameters
    ----------
    steps : pandas.DataFrame
        From ``ch05_recipes.equivalent_size.own_couplings``.
    below_b : float
        Steps whose middle size is smaller are used, billion parameters.
    draws : int
        The null permutes the kinds among groups of one line and kind, the unit that was trained alike.
    """
    used = steps[(steps["mid_params_b"] < below_b) & steps["kind"].isin(["web", "curated"])]
    used = used.dropna(subset=["coupling"])
    block = used.groupby(["line", "kind"], sort=False).ngroup().to_numpy()
    groups = used.drop_duplicates(["line", "kind"])
    label = groups["kind"].eq("curated").to_numpy()
    if not 0 < label.sum() < len(label):
        raise ValueError(
            f"steps of both kinds below {below_b}B are needed; the groups are {', '.join(groups['line'] + ' ' + groups['kind'])}"
        )
    positive = used["coupling"].to_numpy(dtype=float) > 0
    wins, size = np.bincount(block, positive), np.bincount(block)
    permuted = np.random.default_rng(rng).permuted(np.tile(label, (draws, 1)), axis=1)

    def gap(curated: Floats) -> Floats:
        inside = np.asarray(curated, dtype=float)
        return np.asarray(inside @ wins / (inside @ size) - (1 - inside) @ wins / ((1 - inside) @ size))

    observed = float(gap(label[None].astype(float))[0])
    method = f"kinds permuted at random among {len(groups)} groups of recipes"
    return null_from_draws(observed, gap(permuted.astype(float)), len(used), method)


def internal_cosines(families: tuple[str, ...] = ("Qwen2.5", "Qwen3", "Gemma")) -> pd.DataFrame:
    """Released cosines of mean hidden states of some families, ordered by family and size, flags and all."""
    table = data.load("internal_coupling").query("measure == 'hidden_state'")
    unknown = set(families) - set(table["family"])
    if unknown:
        raise ValueError(f"no hidden-state cosine of {', '.join(sorted(unknown))} was released")
    chosen = table[table["family"].isin(families)].sort_values(["family", "params_b"], kind="stable")
    return chosen[["model", "family", "params_b", "mean_cosine", "flags", "note"]].reset_index(drop=True)


def internal_difference_null(
    first: str, second: str, *, families: tuple[str, ...] = ("Qwen2.5", "Qwen3")
) -> Null:
    """Difference of two models' cosines when the released values are permuted among the models.

    Models up to 15 billion parameters, one figure each; every ordered pair is visited, so the null is exact. It asks whether
    one odd value, tied to no generation, could make the difference.

    Parameters
    ----------
    first, second : str
        Labels of the table ``internal_coupling``; the second minus the first is taken.

    Examples
    --------
    >>> round(internal_difference_null("Qwen2.5-1.5B", "Qwen3-1.7B").p, 2)
    0.18
    """
    table = internal_cosines(families).query("params_b < 15 and not model.str.contains('second file')")
    value = table.set_index("model")["mean_cosine"].astype(float)
    for name in (first, second):
        if name not in value.index:
            raise ValueError(f"no cosine of {name!r}; there are {', '.join(value.index)}")
    pairs = np.subtract.outer(value.to_numpy(), value.to_numpy())
    draws = pairs[~np.eye(len(value), dtype=bool)]
    method = f"the {len(value)} released values permuted at random among the models"
    observed = float(round(value[second] - value[first], 9))
    return null_from_draws(observed, draws.round(9), len(value), method, exact=True)


def largest_rise_null(
    first: str,
    second: str,
    *,
    families: tuple[str, str] = ("Qwen2.5", "Qwen3"),
    ratio: float = 1.6,
    draws: int = 10_000,
    rng: np.random.Generator | int = 0,
) -> Null:
    """The largest rise between two generations at one size, when the released values are permuted among the models.

    A pair that is named for holding the odd value is one of several that could have held it, so each draw names its own.

    Parameters
    ----------
    first, second : str
        The pair that is named.
    families : tuple of str
        The older and the newer generation.
    ratio : float
        Two models are of one size up to this ratio.
    """
    table = internal_cosines(families).query("params_b < 15 and not model.str.contains('second file')")
    table = table.reset_index(drop=True)
    place = dict(zip(table["model"], table.index, strict=True))
    for name in (first, second):
        if name not in place:
            raise ValueError(f"no cosine of {name!r}; there are {', '.join(place)}")
    old, new = (table[table["family"] == family] for family in families)
    pairs = []
    for i, size in zip(old.index.astype(int), old["params_b"], strict=True):
        apart = np.abs(np.log(new["params_b"].to_numpy(dtype=float) / float(size)))
        if apart.min() <= np.log(ratio):
            pairs.append((int(i), int(new.index.to_numpy()[apart.argmin()])))
    value = table["mean_cosine"].to_numpy(dtype=float)
    shuffled = np.random.default_rng(rng).permuted(np.tile(value, (draws, 1)), axis=1)
    rises = np.stack([shuffled[:, j] - shuffled[:, i] for i, j in pairs], axis=1).max(axis=1).round(9)
    observed = float(round(value[place[second]] - value[place[first]], 9))
    method = f"the largest rise of {len(pairs)} pairs of one size, the {len(value)} released values permuted"
    return null_from_draws(observed, rises, len(pairs), method)


def measured_claims() -> pd.DataFrame:
    """The chapter's claims by what they measure, with the figures that were released and the public scores.

    Returns
    -------
    pandas.DataFrame
        Columns ``claim, measures, model, cosine, cosine_flags, hellaswag, truthfulqa_mc2, score_flags``; a missing
        value was not released.
    """
    inside = data.load("internal_coupling").query("measure == 'hidden_state'").set_index("model")
    scores = data.panel("paper").drop_duplicates("model").set_index("model")
    figures = []
    for claim, (measures, models) in MEASURES.items():
        for model in models:
            row: dict[str, object] = {"claim": claim, "measures": measures, "model": model}
            row["cosine"] = inside["mean_cosine"].get(model)
            row["cosine_flags"] = inside["flags"].get(model)
            for name in (HS, TQA):
                row[name] = scores[name].get(model)
            row["score_flags"] = scores["flags"].get(model)
            figures.append(row)
    return pd.DataFrame(figures)
