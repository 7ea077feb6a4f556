"""Words under the figures of chapter 05: titles, captions and text alternatives, with the numbers they state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

__all__ = ["cosines", "far_below", "fields", "generation_changes", "recipe", "sensitivity", "tokens"]


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}"


def fields(table: pd.DataFrame, panel: str, measure: str) -> dict[str, str]:
    """Of the field of every recipe, for one panel and one measure."""
    rows = table[(table["panel"] == panel) & (table["measure"] == measure)].sort_values("h", ascending=False)
    curated, web = rows[rows["kind"] == "curated"], rows[rows["kind"] == "web"]
    beyond, inside = curated[curated["low"] > 0], curated[~(curated["low"] > 0)]
    return {
        "title": "Some curated recipes sit far above the curve, others on it"
        if len(beyond) and len(inside)
        else "How far each recipe sits from the curve",
        "caption": (
            f"{_sentence(panel)}, {measure}, n = {rows['n'].sum()} models of {len(rows)} recipes: "
            f"the 95% prediction interval lies above zero for {len(beyond)} of {len(curated)} curated "
            f"recipes and for {int((web['low'] > 0).sum())} of {len(web)} web-trained ones. "
            "The band is the range of whole web-trained lines."
        ),
        "alternative": (
            "One line for each recipe, ordered by its distance from the curve of web-trained models, with intervals. "
            f"{_sentence(panel)}, {measure}: the largest are {', '.join(rows['recipe'].head(5))}; curated recipes inside the "
            f"grey band of web-trained lines are {', '.join(curated.loc[curated['above'] > 0, 'recipe']) or 'none'}."
        ),
    }


def recipe(n: int) -> dict[str, str]:
    """Of one recipe against the curve fitted without it; ``n`` counts all models drawn. The corner has the recipe's h."""
    return {
        "title": "A recipe against the curve fitted without it",
        "caption": (
            f"n = {n} models; the large open marks are the recipe chosen. In the corner its h, the mean distance from the curve, "
            "with a 95% prediction interval. The curve is fitted without the line of that recipe; its band resamples lines."
        ),
        "alternative": (
            "TruthfulQA against the number of parameters. A dashed curve of web-trained models falls from small sizes to about "
            "ten billion and then rises a little; the recipe chosen is drawn with large open marks. The corner gives its mean "
            "distance from the curve with a prediction interval."
        ),
    }


def sensitivity(table: pd.DataFrame, panel: str, kind: str) -> dict[str, str] | None:
    """Of the field of one kind of recipe under every curve in one panel, or None where there is no such recipe."""
    rows = table[(table["panel"] == panel) & (table["kind"] == kind)]
    if rows.empty:
        return None
    h = rows.groupby("recipe")["h"]
    span, turned = h.max() - h.min(), (h.min() < 0) & (h.max() > 0)
    curves = rows[["web", "degree"]].drop_duplicates()
    return {
        "title": "What the choice of curve does to h",
        "caption": (
            f"{_sentence(panel)}, n = {len(span)} {kind} recipes, {len(curves)} curves: the "
            f"choice moves h by {span.median():.1f} points in the median and by {span.max():.1f} at most ({span.idxmax()}); "
            f"it turns the sign for {', '.join(turned.index[turned]) or 'none'}."
        ),
        "alternative": (
            f"One grey bar for each {kind} recipe in {panel}, from the smallest to the largest h that a choice of curve gives, "
            "with marks for the single curves: three colours stand for three ways to say which models are web-trained, three "
            f"shapes for the degree of the curve. The bars are {span.median():.1f} points long in the median, the longest "
            f"{span.max():.1f} ({span.idxmax()})."
        ),
    }


def generation_changes(pairs: pd.DataFrame, panel: str, score: str) -> dict[str, str]:
    """Of the changes of one score from one generation to the next in one panel.

    Parameters
    ----------
    pairs : pandas.DataFrame
        One row for each pair of one score and panel, as ``figures.generation_chart`` draws them: columns ``panel, score,
        change, low, high, clear_all``, the last missing for scores for which it is not known.
    panel, score : str
    """
    rows = pairs[(pairs["panel"] == panel) & (pairs["score"] == score)]
    rises, falls = int((rows["low"] > 0).sum()), int((rows["high"] < 0).sum())
    kept = rows["clear_all"].dropna()
    remain = f" Allowing for {len(rows)} comparisons {int(kept.sum())} remain." if len(kept) else ""
    return {
        "title": f"From one generation to the next {score} rises beyond noise in {rises} of {len(rows)} pairs",
        "caption": (
            f"{_sentence(panel)}, n = {len(rows)} pairs: {score} rises beyond the noise of its items in "
            f"{rises}, falls beyond it in {falls}; {len(rows) * 0.05:.1f} are expected by luck.{remain}"
        ),
        "alternative": (
            "One line for each pair of successive models of one lab, named by the later one, with the change of the score and "
            f"its 95% interval. {score} in {panel}: {len(rows) - rises - falls} of {len(rows)} intervals include zero."
        ),
    }


def tokens(points: pd.DataFrame, r: Mapping[str, Mapping[str, float]], measure: str) -> dict[str, str]:
    """Of the field against tokens per parameter in one measure; ``r`` is by measure and kind of recipe."""
    n = int((points["measure"] == measure).sum())
    kinds = [value for kind, value in r[measure].items() if kind != "all"]
    listed = ", ".join(f"{kind} {value:.2f}" for kind, value in r[measure].items())
    return {
        "title": f"h rises with longer training within {sum(value > 0 for value in kinds)} of {len(kinds)} kinds of recipe",
        "caption": (
            f"The open panel, n = {n} recipes whose tokens are known, {measure}: correlation of h with the "
            f"logarithm of tokens per parameter, {listed}."
        ),
        "alternative": (
            "Scatter plot of h against training tokens per parameter on a logarithmic axis. The marks of web-trained recipes lie "
            f"around zero, those of curated ones mostly above it. {_sentence(measure)}: correlations {listed}."
        ),
    }


def cosines(
    table: pd.DataFrame, families: Sequence[str], figures: Sequence[str], family: str
) -> dict[str, str]:
    """Of the released cosines of one family or *all*; ``figures`` are the kinds of figure in the order of the legend."""
    if family != "all":
        return _cosines_of_family(table[table["family"] == family], figures, family)
    counts = "; ".join(f"{figure} {int((table['figure'] == figure).sum())}" for figure in figures)
    shared = table["mean_cosine"].round(3)
    number = shared.mode().iloc[0]
    with_number = table.loc[shared == number, "figure"].value_counts()
    times, drawn = with_number.sum(), "; ".join(f"{figure} {n}" for figure, n in with_number.items())
    far = far_below(table)
    odd = "; ".join(f"{r.model} {r.mean_cosine:.3f}" for r in far.itertuples())
    return {
        "title": f"{times} of {len(table)} released cosines are one number, {number:g}, and {len(far)} lie far below",
        "caption": (
            f"n = {len(table)} figures of {', '.join(families)}. Those at {number:g}: {drawn}. "
            f"Far below the others: {odd or 'none'}."
        ),
        "alternative": (
            f"Cosine against model size. A row of {times} marks at one height spans the sizes of two families; far below lie: "
            f"{odd or 'none'}. {counts}."
        ),
    }


def far_below(table: pd.DataFrame) -> pd.DataFrame:
    """The released cosines that lie below half of the median of ``table``."""
    return table[table["mean_cosine"] < table["mean_cosine"].median() / 2]


def _cosines_of_family(rows: pd.DataFrame, figures: Sequence[str], family: str) -> dict[str, str]:
    drawn = rows["figure"].value_counts()
    counts = "; ".join(f"{figure} {drawn[figure]}" for figure in figures if figure in drawn)
    low, high = rows["mean_cosine"].min(), rows["mean_cosine"].max()
    different = rows["mean_cosine"].round(3).nunique()
    span = f"{low:.3f}" if different == 1 else f"{low:.3f} to {high:.3f}"
    values = f"{different} different value{'s' * (different > 1)}"
    return {
        "title": f"{family}: {values} in {len(rows)} released cosines",
        "caption": f"n = {len(rows)} figures of {family}, {span}. {_sentence(counts)}.",
        "alternative": f"Cosine against model size, {family} alone: {len(rows)} marks, {values}, {span}. {counts}.",
    }
