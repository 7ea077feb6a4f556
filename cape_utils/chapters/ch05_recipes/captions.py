"""Words under the figures of chapter 05: titles, captions and text alternatives, with the numbers they state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

__all__ = ["cosines", "fields", "generation_changes", "recipe", "sensitivity", "tokens"]


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}"


def fields(table: pd.DataFrame, panel: str, measure: str) -> dict[str, str]:
    """Of the field of every recipe, for the panel and the measure that are shown first."""
    first = table[(table["panel"] == panel) & (table["measure"] == measure)]
    curated, web = first[first["kind"] == "curated"], first[first["kind"] == "web"]
    return {
        "title": "Some curated recipes sit far above the curve, others on it",
        "caption": (
            f"{_sentence(panel)}, {measure}, n = {first['n'].sum()} models of {len(first)} recipes: "
            f"the 95% prediction interval lies above zero for {int((curated['low'] > 0).sum())} of {len(curated)} curated "
            f"recipes and for {int((web['low'] > 0).sum())} of {len(web)} web-trained ones. "
            "The band is the range of whole web-trained lines."
        ),
        "alternative": (
            "One line for each recipe, ordered by its distance from the curve of web-trained models, with intervals. "
            f"The largest are {', '.join(first['recipe'].head(5))}; curated recipes inside the grey band of web-trained lines "
            f"are {', '.join(curated.loc[curated['above'] > 0, 'recipe'])}."
        ),
    }


def recipe(field: pd.DataFrame, name: str, web: str, *, n: int) -> dict[str, str]:
    """Of one recipe against the quadratic of a web-trained set; ``n`` counts all models drawn."""
    row = field[(field["recipe"] == name) & (field["web"] == web) & (field["degree"] == 2)].iloc[0]
    return {
        "title": "A recipe against the curve fitted without it",
        "caption": (
            f"{name}, n = {row['n']} models, against {web}: h = {row['h']:.1f} points, 95% prediction interval "
            f"[{row['low']:.1f}, {row['high']:.1f}]. n = {n} models in all; the band is the curve, lines resampled."
        ),
        "alternative": (
            "TruthfulQA against the number of parameters. A dashed curve of web-trained models falls from small sizes to about "
            "ten billion and then rises a little; the chosen recipe is drawn with large open marks. The corner gives its mean "
            "distance from the curve."
        ),
    }


def sensitivity(table: pd.DataFrame, panel: str) -> dict[str, str]:
    """Of the field of curated recipes under every curve, for the panel that is shown first."""
    first = table[(table["panel"] == panel) & (table["kind"] == "curated")]
    h = first.groupby("recipe")["h"]
    span, turned = h.max() - h.min(), (h.min() < 0) & (h.max() > 0)
    return {
        "title": "What the choice of curve does to h",
        "caption": (
            f"{_sentence(panel)}, n = {len(span)} curated recipes, {len(first) // len(span)} curves: the "
            f"choice moves h by {span.median():.1f} points in the median and by {span.max():.1f} at most ({span.idxmax()}); "
            f"it turns the sign for {', '.join(turned.index[turned]) or 'none'}."
        ),
        "alternative": (
            "Dot plot, one line for each recipe. Three colours stand for three ways to say which models are web-trained, three "
            "shapes for the degree of the curve. The dots of one recipe mostly lie within a few points of one another."
        ),
    }


def generation_changes(pairs: pd.DataFrame, panel: str) -> dict[str, str]:
    """Of the changes from one generation to the next, for the panel that is shown first."""
    first = pairs[pairs["panel"] == panel]
    change, clear = first["d_truthfulqa_mc2"], first["clear"]
    return {
        "title": "One generation to the next, at one size",
        "caption": (
            f"{_sentence(panel)}, n = {len(first)} pairs: TruthfulQA rises beyond the noise of its items in "
            f"{int((clear & (change > 0)).sum())}, falls beyond it in {int((clear & (change < 0)).sum())}; "
            f"{len(first) * 0.05:.1f} are expected by luck. Allowing for {len(first)} comparisons "
            f"{int(first['clear_all'].sum())} remain."
        ),
        "alternative": (
            "One line for each pair of successive models of one lab, named by the later one, with the change of the score and "
            "its 95% interval. Most intervals include zero."
        ),
    }


def tokens(points: pd.DataFrame, r: Mapping[str, float], measure: str) -> dict[str, str]:
    """Of the field against tokens per parameter, for the measure that is shown first; ``r`` is by kind of recipe."""
    n = int((points["measure"] == measure).sum())
    listed = ", ".join(f"{kind} {value:.2f}" for kind, value in r.items())
    return {
        "title": "Longer training does not order the recipes",
        "caption": (
            f"The open panel, n = {n} recipes whose tokens are known, {measure}: correlation of h with the "
            f"logarithm of tokens per parameter, {listed}."
        ),
        "alternative": (
            "Scatter plot of h against training tokens per parameter on a logarithmic axis. The marks of web-trained recipes lie "
            f"around zero, those of curated ones mostly above it, with no common slope. Correlations: {listed}."
        ),
    }


def cosines(table: pd.DataFrame, families: Sequence[str], figures: Sequence[str]) -> dict[str, str]:
    """Of the released cosines; ``figures`` are the kinds of figure in the order of the legend."""
    counts = "; ".join(f"{figure} {int((table['figure'] == figure).sum())}" for figure in figures)
    lowest = table.iloc[int(table["mean_cosine"].to_numpy().argmin())]
    return {
        "title": "The cosines as released: one number for most sizes, and one odd model",
        "caption": (
            f"n = {len(table)} figures of {', '.join(families)}. {counts}. The lowest, "
            f"{lowest['mean_cosine']:.3f}, is that of {lowest['model']}."
        ),
        "alternative": (
            "Cosine against model size. A row of marks at one height spans all sizes of two families; "
            f"{lowest['model']} lies alone near the bottom. {counts}."
        ),
    }
