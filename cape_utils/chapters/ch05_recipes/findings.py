"""What chapter 05 finds, in sentences with computed numbers, and its tables as a reader sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from IPython.display import Markdown

from cape_utils.chapters.ch05_recipes.equivalent_size import EquivalentSize
from cape_utils.chapters.ch05_recipes.generations import COSINE
from cape_utils.chapters.ch05_recipes.second_labels import Agreement
from cape_utils.charts.tables import Table, table
from cape_utils.scaling.web_curve import TQA
from cape_utils.stats import formatting
from cape_utils.stats.results import Estimate, Null

__all__ = [
    "claims_table",
    "class_of_recipes",
    "class_table",
    "cosines_and_scores",
    "curated_recipes",
    "degree_table",
    "generation_changes",
    "labels_table",
    "longer_training",
    "models_and_recipes",
    "phi_matches",
    "quadratic_errs_least",
    "regression_table",
    "released_cosines",
    "scores_table",
    "second_labelling",
    "size_table",
    "small_recipes",
    "steps_table",
    "truth_or_everything",
    "web_match_table",
]

OPEN, PAPER = "the open panel", "the paper's panel"
TRUTH, HELLASWAG, TRUTH_AT_HELLASWAG = (
    "TruthfulQA at its size",
    "HellaSwag at its size",
    "TruthfulQA at its HellaSwag",
)


def _range(row: Any) -> str:
    return f"[{row['low']:+.1f}, {row['high']:+.1f}]"


def _field(fields: pd.DataFrame, measure: str = TRUTH) -> pd.DataFrame:
    return fields[(fields["panel"] == OPEN) & (fields["measure"] == measure)]


def _curated(fields: pd.DataFrame, measure: str = TRUTH) -> pd.DataFrame:
    return _field(fields, measure).query("kind == 'curated'")


# ---------------------------------------------------------------- sentences


def cosines_and_scores(side: pd.DataFrame) -> Markdown:
    """How many of the claims are about a cosine; ``side`` is from ``generations.measured_claims``."""
    measures = side.groupby("claim", sort=False)["measures"].first()
    cosines = measures.index[measures == COSINE]
    return Markdown(
        f"{len(cosines)} of the {len(measures)} claims are cosines ({', '.join(f'`{name}`' for name in cosines)}). "
        "`phi_scale_advantage` can only be one of scores: no released file holds a cosine of Phi. "
        "A dash stands for what was not released."
    )


def models_and_recipes(panels: Mapping[str, pd.DataFrame]) -> Markdown:
    """Models and recipes of each panel by kind, and how many rows are left out."""
    parts = []
    for label, rows in panels.items():
        of_kind = rows.groupby("kind").size()
        parts.append(
            f"- In {label} n = {len(rows)} models of {rows['recipe'].nunique()} recipes, {of_kind['web']} of them web and "
            f"{of_kind['curated']} curated."
        )
    excluded = sum(len(rows.attrs["left_out"]) for rows in panels.values())
    return Markdown(
        "\n".join(parts)
        + f"\n\nLeft out are {excluded} rows: mixtures of experts, which no one size places, instruction-tuned models, and "
        "second rows of one checkpoint. Recipes that follow one another in one lab form a *line*; a curve is always fitted "
        "without the whole line of the recipe it judges."
    )


def quadratic_errs_least(errors: pd.DataFrame) -> Markdown:
    """Whether a quadratic predicts lines it has not seen best.

    Parameters
    ----------
    errors : pandas.DataFrame
        Root mean square error in percentage points, one column a panel, one row a degree.
    """
    best = errors.idxmin()
    panels = int((best == 2).sum())
    words = (
        "is the best of the three on both panels"
        if panels == len(best)
        else f"is best on {panels} of {len(best)} panels"
    )
    of_degree: Any = errors[OPEN]
    gain = of_degree[1] - of_degree[2]
    compared = "less" if gain >= 0 else "more"
    return Markdown(
        f"A quadratic {words}; on the open panel it errs by {abs(gain):.1f} points {compared} than a straight line. "
        "It is the paper's own choice too, so it is used here, and the other degrees are shown further down."
    )


def curated_recipes(fields: pd.DataFrame) -> Markdown:
    """How many recipes lie above the curve beyond their interval; ``fields`` is from ``recompute.fields``."""
    curated, web = _curated(fields), _field(fields).query("kind == 'web'")
    above = curated[curated["low"] > 0]
    lines = sorted(above["line"].unique())
    inside_band = curated.loc[curated["above"] > 0, "recipe"]
    return Markdown(
        f"On the open panel {len(above)} of {len(curated)} curated recipes have an interval above zero, of {len(lines)} "
        f"lines ({', '.join(lines)}); beside {len(inside_band)} stands a web-trained line that is as high.\n\n"
        f"Of the {len(web)} web-trained recipes {int((web['low'] > 0).sum())} have an interval above zero. So the word "
        "*curated* does not settle it: some recipes with much synthetic text stay on the curve, and some general mixes "
        "leave it."
    )


def truth_or_everything(wide: pd.DataFrame, sd: pd.Series, fields: pd.DataFrame) -> Markdown:
    """Whether curated recipes gain more on TruthfulQA than on HellaSwag.

    Parameters
    ----------
    wide : pandas.DataFrame
        Field of each curated recipe, one column a measure.
    sd : pandas.Series
        Spread of web-trained lines, by measure.
    fields : pandas.DataFrame
        From ``recompute.fields``.
    """
    truth, hellaswag = wide[TRUTH], wide[HELLASWAG]
    more = wide.index[truth > hellaswag]
    more_spreads = int((truth / sd[TRUTH] > hellaswag / sd[HELLASWAG]).sum())
    at_equal = _curated(fields, TRUTH_AT_HELLASWAG).query("low > 0")["recipe"]
    clear = _curated(fields).query("low > 0")["recipe"]
    only = wide.index[(hellaswag > sd[HELLASWAG]) & ~wide.index.isin(clear) & (hellaswag > truth)]
    return Markdown(
        f"In points TruthfulQA rises above its curve by more than HellaSwag for {len(more)} of {len(wide)} curated recipes. "
        f"But web-trained lines differ {sd[HELLASWAG] / sd[TRUTH]:.1f} times as much on HellaSwag; in units of that spread it "
        f"rises by more for {more_spreads}.\n\n"
        f"At equal HellaSwag {len(at_equal)} still lie above the interval: {', '.join(at_equal)}. "
        "More than one web-trained spread above the curve on HellaSwag, yet inside the interval on TruthfulQA: "
        f"{', '.join(only)}."
    )


def small_recipes(steps: pd.DataFrame, paper_steps: pd.DataFrame, null: Null) -> Markdown:
    """Signs of the steps below 3.5 billion parameters, by kind, and the steps around the dip of Qwen2.5.

    Parameters
    ----------
    steps, paper_steps : pandas.DataFrame
        From ``equivalent_size.own_couplings``, of the open and of the paper's panel.
    null : Null
        From ``generations.small_steps_null``.
    """
    small = steps[steps["mid_params_b"] < 3.5]
    counts: Any = small.assign(up=small["coupling"] > 0).groupby("kind")["up"].agg(["sum", "size"])
    strength = "beyond" if null.p < 0.05 else "not beyond"
    smol = small.loc[small["family"] == "SmolLM", "coupling"].iloc[0]
    qwen = paper_steps.query("family == 'Qwen2.5' and mid_params_b < 3.5")["coupling"]
    dip = "the public scores show no dip there" if (qwen > 0).all() else "the public scores dip there too"
    return Markdown(
        f"Of the web-trained steps {counts.loc['web', 'sum']} of {counts.loc['web', 'size']} are positive, of the curated "
        f"ones {counts.loc['curated', 'sum']} of {counts.loc['curated', 'size']}.\n\n"
        f"Permuting the kinds at random among the lines gives as large a difference in {null.p:.1%} of the cases, which is "
        f"{strength} what chance does at the level of 5%; only few lines have small curated models, so the test is weak.\n\n"
        f"SmolLM, whose text is made or chosen by models, {'falls' if smol < 0 else 'rises'} from its first size to its "
        "second. In the paper's panel the couplings of Qwen2.5 on the two sides of its 1.5B model are "
        f"{qwen.iloc[0]:.2f} and {qwen.iloc[1]:.2f}: {dip}."
    )


def generation_changes(pairs: Mapping[str, pd.DataFrame]) -> Markdown:
    """What changes from one generation to the next; ``pairs`` is from ``generations.generation_pairs``, by panel."""
    public, paper = pairs[OPEN], pairs[PAPER]
    change = f"d_{TQA}"
    qwen = paper[paper["after"] == "Qwen3"].iloc[0]
    both = public.merge(paper, on=["before", "after"], suffixes=("", "_paper"))
    llama = both.query("before == 'Llama-1' and from_b_paper == to_b_paper == 7.0 and to_b == 7.0").iloc[0]
    return Markdown(
        f"Over {len(public)} pairs of the open panel TruthfulQA changes by {public[change].mean():+.1f} points on average; "
        f"{public['clear'].sum()} leave their interval and {public['clear_all'].sum()} would still do so at a level divided "
        "by the number of comparisons.\n\n"
        f"- Qwen2.5-7B to Qwen3-8B, the pair of the second claim, goes by {qwen[change]:+.1f} {_range(qwen)}, with another "
        "protocol on each side.\n"
        f"- For the 7B of Llama-1 and Llama-2 the paper's rows give {llama[f'{change}_paper']:+.1f} and one harness "
        f"{llama[change]:+.1f}.\n"
        f"- No pair of similar size: {'; '.join(public.attrs['unmatched'])}."
    )


def released_cosines(inner: pd.DataFrame) -> Markdown:
    """How many released figures repeat, and where the quoted figure of Gemma-4 stands.

    Parameters
    ----------
    inner : pandas.DataFrame
        From ``generations.internal_cosines``.
    """
    qwens = inner[inner["family"].isin(["Qwen2.5", "Qwen3"])]
    same = int(qwens["flags"].fillna("").str.contains("repeated_score").sum())
    twice = (
        qwens[qwens["flags"].fillna("").str.contains("contradicted")]["model"].str.split(" ").str[0].unique()
    )
    gemma = inner[inner["family"] == "Gemma"].set_index("model")["mean_cosine"]
    before, later = gemma["Gemma-3-4B"], gemma["Gemma-4-E4B"]
    return Markdown(
        f"{same} of the {len(qwens)} figures of Qwen are one number to three digits (there are two figures of "
        f"{' and of '.join(twice)}, drawn apart), at sizes and in generations that "
        "differ, which is not what one expects of figures measured model by model. "
        "The dip is a property of one model, Qwen2.5-1.5B, and its neighbours of the same generation are as far from it as "
        f"the next generation is. For Gemma-4 the base figure, {later:.3f}, is a quotation inside another model's file; the "
        f"generation before it has {before:.3f}, so on these figures the later one is the "
        f"{'lower' if later < before else 'higher'}."
    )


def phi_matches(
    sizes: Mapping[str, Mapping[str, EquivalentSize]], small_web: pd.DataFrame, web_steps: pd.DataFrame
) -> Markdown:
    """The size that Phi matches by each reading, beside web-trained models of its own size.

    Parameters
    ----------
    sizes : mapping
        From ``recompute.phi_readings``, by panel.
    small_web : pandas.DataFrame
        From ``equivalent_size.small_web_models``.
    web_steps : pandas.DataFrame
        From ``recompute.web_steps_matched``.
    """
    paper, public = sizes[PAPER], sizes[OPEN]
    beyond = int((small_web["matches_b"].isna() | (small_web["matches_b"] > 10)).sum())
    matched = web_steps["matches_b"].dropna()
    truth = "TruthfulQA, described corpora"
    return Markdown(
        f"- *Read as a coupling*, the paper's data give {paper['coupling, described corpora']}: ten billion lies inside, and "
        "so does nearly every size there is.\n"
        f"- Web-trained steps of similar size match {matched.min():.1f}B to {matched.max():.1f}B, so Phi's step is unlike "
        "theirs; it also is a step between two data sets.\n"
        f"- *Read as TruthfulQA* the answer is: {paper[truth]} on the paper's panel and {public[truth]} on the open one.\n"
        f"- That says little about Phi: the curve falls before it rises, so {beyond} of {len(small_web)} web-trained models "
        "of about one billion parameters also *match* models beyond ten billion, or none.\n"
        f"- *Read as HellaSwag* it is {paper['HellaSwag, described corpora']}."
    )


def longer_training(
    fits: Mapping[str, pd.DataFrame], tokens_alone: pd.DataFrame, missing: list[str], fields: pd.DataFrame
) -> Markdown:
    """What tokens per parameter and curation go with when both are in one fit.

    Parameters
    ----------
    fits : mapping of str to pandas.DataFrame
        From ``Regression.table`` with all three terms, by measure.
    tokens_alone : pandas.DataFrame
        The same for HellaSwag with ``log_tokens`` as the only term.
    missing : list of str
        Recipes whose tokens are not known.
    fields : pandas.DataFrame
        From ``recompute.fields``.
    """
    truth: Any = fits[TRUTH].set_index("term")
    tokens, curated = truth.loc["log_tokens"], truth.loc["curated"]
    hellaswag: Any = fits[HELLASWAG].set_index("term").loc["log_tokens"]
    alone: Any = tokens_alone.iloc[0]
    explains = "does not explain" if tokens["low"] < 0 < tokens["high"] else "has a part in"
    size = truth.loc["log_size", "estimate"]
    place = "above the curve when large" if size > 0 else "above the curve when small"
    clear = len(set(missing) & set(_field(fields).query("low > 0")["recipe"]))
    return Markdown(
        "In points of h on TruthfulQA:\n\n"
        f"- a tenfold of tokens per parameter, size and kind held: {tokens['estimate']:+.1f} {_range(tokens)}, "
        f"{formatting.p_value(tokens['p'], name=True)};\n"
        f"- being curated: {curated['estimate']:+.1f} {_range(curated)}, {formatting.p_value(curated['p'], name=True)}.\n\n"
        f"So longer training {explains} the gain on TruthfulQA. HellaSwag is another matter:\n\n"
        f"- with size and kind held a tenfold goes with {hellaswag['estimate']:+.1f} {_range(hellaswag)},\n"
        f"- and with {alone['estimate']:+.1f} {_range(alone)} where they are left out of the fit.\n\n"
        f"The size keeps a slope of {size:+.1f} for a tenfold: recipes lie further {place}. Tokens are not known for "
        f"{', '.join(missing)}; {clear} of these have an h beyond its interval, so the fit lacks them."
    )


def class_of_recipes(effects: pd.DataFrame, fields: pd.DataFrame, choices: pd.DataFrame) -> Markdown:
    """Curated recipes as a class beside the null, and whether the choice of curve turns a sign.

    Parameters
    ----------
    effects : pandas.DataFrame
        From ``recompute.class_effects``.
    fields, choices : pandas.DataFrame
        From ``recompute.fields`` and ``recompute.sensitivity``.
    """
    step = effects[(effects["panel"] == OPEN) & (effects["measure"] == TRUTH)].iloc[0]
    top = _curated(fields).query("above == 0")
    h = choices.query("panel == @OPEN and kind == 'curated'").groupby("recipe")["h"]
    turned = list(h.min().index[(h.min() < 0) & (h.max() > 0)])
    if set(turned) & set(_curated(fields).query("low > 0")["recipe"]):
        signs = f"The choice of curve turns the sign for {', '.join(turned)}, some of which had an interval above zero."
    else:
        signs = (
            f"The choice of web-trained set and degree turns the sign for {', '.join(turned) or 'none'}, and for no recipe "
            "whose interval lay above zero."
        )
    return Markdown(
        f"On the open panel curated recipes as a class lie {step['step']:.1f} points [{step['low']:.1f}, {step['high']:.1f}] "
        f"above web-trained ones, and the null reaches {step['null_high']:.1f}.\n\n"
        f"Of {len(effects)} tests here {int((effects['p'] < 0.05).sum())} have p below 0.05.\n\nAbove every web-trained line lie "
        f"{len(top)} curated recipes, but with so few lines no rank of a single one can have a p below "
        f"{top['rank_p'].min():.2f}.\n\n{signs}"
    )


def second_labelling(
    labels: pd.DataFrame, agreed: Agreement, steps: Mapping[str, tuple[Estimate, Null]]
) -> Markdown:
    """How far two labellings of the recipes agree, and whether the step between the kinds depends on which is used.

    Parameters
    ----------
    labels : pandas.DataFrame
        From ``second_labels.both_labels``.
    agreed : Agreement
        From ``second_labels.agreement``.
    steps : mapping of str to (Estimate, Null)
        From ``second_labels.class_step``, the table's labels first.
    """
    differ = labels[labels["kind"] != labels["by_words"]]
    web = ((labels["kind"] == "web") != (labels["by_words"] == "web")).sum()
    curve = (
        "None of them is web by one and not by the other, so the curve and every h stay as they are."
        if web == 0
        else f"For {web} of them the words decide whether they count as web-trained, so the curve itself moves."
    )
    (first, first_null), (second, second_null) = steps.values()
    both = [null.p < 0.05 for null in (first_null, second_null)]
    outcome = (
        "is outside its null either way"
        if all(both)
        else "is inside its null either way"
        if not any(both)
        else "depends on who labels"
    )
    return Markdown(
        f"The two labellings agree on {agreed.share.estimate:.0%} of {len(labels)} recipes [{agreed.share.low:.0%}, "
        f"{agreed.share.high:.0%}], lines resampled.\n\n"
        f"Cohen's kappa is {agreed.kappa.estimate:.2f} [{agreed.kappa.low:.2f}, {agreed.kappa.high:.2f}]. "
        f"They differ on {len(differ)}. {curve}\n\n"
        f"The step in TruthfulQA from web-trained to curated recipes is {first.estimate:.1f} points with the table's labels "
        f"({formatting.p_value(first_null.p, name=True)}) and {second.estimate:.1f} with the words' "
        f"({formatting.p_value(second_null.p, name=True)}): it {outcome}."
    )


# ---------------------------------------------------------------- tables


def labels_table(labels: pd.DataFrame) -> Table:
    """Recipes on which the two labellings differ; ``labels`` is from ``second_labels.both_labels``."""
    headings = {
        "recipe": "recipe",
        "reason": "what its makers say",
        "kind": "in the table",
        "by_words": "by words",
    }
    return table(labels[labels["kind"] != labels["by_words"]], headings)


def claims_table(side: pd.DataFrame) -> Table:
    """The chapter's claims by what they measure; ``side`` is from ``generations.measured_claims``."""
    pairs = zip(side["cosine_flags"], side["score_flags"], strict=True)
    flags = [_flags({"cosine": cosine, "scores": score}) for cosine, score in pairs]
    headings = {
        "claim": "claim",
        "measures": "measures",
        "model": "model",
        "cosine": "cosine",
        "hellaswag": "HellaSwag (%)",
        TQA: "TruthfulQA (%)",
        "flags": "flags",
    }
    claims = side["claim"].str.replace("_", " ")
    numbers = side.assign(claim=claims, cosine=side["cosine"].astype(float), flags=flags)
    return table(numbers, headings, show={"cosine": "{:.3f}".format})


def _flags(flags: Mapping[str, Any]) -> str:
    listed = {of: words for of, words in flags.items() if isinstance(words, str)}
    return "; ".join(f"{of}: {words.replace(';', ', ').replace('_', ' ')}" for of, words in listed.items())


def degree_table(errors: pd.DataFrame) -> Table:
    """Error on unseen lines, one row a panel, one column a degree."""
    headings = {"panel": "error on unseen lines (pp)"} | {d: f"degree {d}" for d in errors.index}
    show = dict.fromkeys(errors.index, "{:.2f}".format)
    return table(errors.T.rename_axis("panel"), headings, show=show)


def scores_table(wide: pd.DataFrame, sd: pd.Series) -> Table:
    """Field of each curated recipe by the three measures, and whether TruthfulQA gains more."""
    truth, hellaswag = wide[TRUTH], wide[HELLASWAG]
    rows = wide.assign(more=truth > hellaswag, more_in_spreads=truth / sd[TRUTH] > hellaswag / sd[HELLASWAG])
    headings = {"recipe": "recipe"} | {name: f"h of {name} (pp)" for name in wide.columns}
    headings |= {"more": "TruthfulQA gains more", "more_in_spreads": "in web-trained spreads too"}
    return table(rows, headings, show=dict.fromkeys(wide.columns, "{:.1f}".format))


def steps_table(steps: pd.DataFrame) -> Table:
    """Local couplings of recipes, with their standard errors and phases."""
    columns = ["family", "from_params_b", "to_params_b", "coupling", "se", "phase", "p_sign"]
    return table(steps, columns, show=dict.fromkeys(["coupling", "se"], "{:.2f}".format))


def size_table(sizes: Mapping[str, Mapping[str, EquivalentSize]]) -> Table:
    """The size that Phi matches, one row a reading, one column a panel."""
    words = {label: {name: str(size) for name, size in part.items()} for label, part in sizes.items()}
    return table(pd.DataFrame(words).rename_axis("reading"))


def web_match_table(small_web: pd.DataFrame) -> Table:
    """The sizes that small web-trained models match; ``small_web`` is from ``equivalent_size.small_web_models``."""
    headings = {
        "model": "model",
        "line": "line",
        "params_b": "size (B)",
        "score": "TruthfulQA (%)",
        "matches_b": "size matched (B)",
    }
    return table(small_web, headings)


def regression_table(fits: Mapping[str, pd.DataFrame]) -> Table:
    """Coefficients of h on its rival explanations, by measure."""
    words = {
        "log_tokens": "tenfold tokens per parameter",
        "log_size": "tenfold size",
        "curated": "being curated",
    }
    rows = pd.concat(dict(fits), names=["measure"]).reset_index("measure")
    headings = {
        "measure": "h of",
        "term": "goes with",
        "estimate": "change in h (pp) [95%]",
        "p": "p",
        "n": "groups",
    }
    return table(
        rows.replace({"term": words}).reset_index(drop=True),
        headings,
        intervals={"estimate": ("low", "high")},
    )


def class_table(effects: pd.DataFrame) -> Table:
    """The step between kinds beside its null; ``effects`` is from ``recompute.class_effects``."""
    ends = zip(effects["null_low"], effects["null_high"], strict=True)
    headings = {
        "panel": "panel",
        "measure": "h of",
        "step": "curated above web (pp) [95%]",
        "null": "null (pp)",
        "p": "p",
    }
    rows = effects.assign(null=[formatting.interval(low, high) for low, high in ends])
    return table(rows, headings, intervals={"step": ("low", "high")})
