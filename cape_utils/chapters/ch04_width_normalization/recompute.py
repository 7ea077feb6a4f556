"""Chapter 04: width normalisation and the released projection figures."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.chapters.ch04_width_normalization import width_controls
from cape_utils.claims.quotations import quoted
from cape_utils.claims.registry import recomputes
from cape_utils.claims.verdicts import NullRange, Recomputed, Value
from cape_utils.scaling import coupling, trend_nulls, width
from cape_utils.stats import correlation
from cape_utils.stats.resampling import null_from_draws
from cape_utils.stats.results import Null

HS, TQA = "hellaswag", "truthfulqa_mc2"

FAMILY_CLAIMS = {
    "Pythia": "width_pythia",
    "OPT": "width_opt",
    "BLOOM": "width_bloom",
    "Cerebras-GPT": "width_cerebras",
    "GPT-Neo": "width_gptneo",
}
"""The paper's five families with the claim about each."""

PANELS: dict[data.Panel, str] = {"paper": "the paper's panel", "open": "the open panel"}
SHUFFLES: dict[width.Shuffle, str] = {"one": "TruthfulQA shuffled", "both": "both scores shuffled"}

# The one model here that reads its words out through fewer numbers than its layers carry (word_embed_proj_dim).
_OPT_350M_OUTPUT = 512
ALL_SIZES = "all sizes"
_SIZE_LIMITS = {ALL_SIZES: float("inf"), "up to 10B": 10.0, "up to 3.5B": 3.5}


def family_rows(which: data.Panel, family: str) -> pd.DataFrame:
    """One of the five families with its widths, in order of size, one recipe.

    In the open panel the checkpoints decide, since its label for GPT-Neo holds GPT-J and GPT-NeoX too.
    """
    table = data.with_architecture(data.panel(which, rows="one_recipe"))
    belongs = (
        table["hf_id"].fillna("").str.contains("gpt-neo-")
        if family == "GPT-Neo"
        else table["family"] == family
    )
    return table[belongs].sort_values("params_b", kind="stable").reset_index(drop=True)


def readings(family: str) -> dict[str, pd.DataFrame]:
    """Each set of rows that a claim about a family could mean, at least three models in each."""
    paper_rows = family_rows("paper", family)
    tables = {name: paper_rows[paper_rows["params_b"] <= limit] for name, limit in _SIZE_LIMITS.items()}
    if family == "Pythia":
        widths = paper_rows[["model", "d_model"]]
        copy = data.bootstrap_rows().query("family == 'Pythia'").merge(widths, on="model")
        label = data.with_architecture(data.panel("paper")).query("family == 'Pythia'")
        tables |= {"bootstrap copy": copy, "the label as released, with GPT-J and GPT-NeoX": label}
    if family == "OPT":
        narrow = paper_rows["d_model"].where(paper_rows["model"] != "OPT-350M", _OPT_350M_OUTPUT)
        tables["OPT-350M at its output width"] = paper_rows.assign(d_model=narrow)
    if family == "GPT-Neo":
        others = data.with_architecture(data.panel("paper")).query("model in ['GPT-J-6B', 'GPT-NeoX-20B']")
        longer = pd.concat([paper_rows, others]).sort_values("params_b")
        tables |= {"with GPT-J": longer.iloc[:4], "with GPT-J and GPT-NeoX": longer}
    distinct: dict[str, pd.DataFrame] = {}
    for name, part in tables.items():
        known = [
            (list(other["model"]), list(other["d_model"]), list(other[TQA])) for other in distinct.values()
        ]
        if len(part) >= 3 and (list(part["model"]), list(part["d_model"]), list(part[TQA])) not in known:
            distinct[name] = part
    return distinct


def _normalised(part: pd.DataFrame) -> Value:
    return Value.of(width.normalised_coupling(part[HS], part[TQA], part["d_model"]))


def _other_readings(family: str) -> str:
    """The sentence that names what r would be on other rows than all sizes, and which of them gives the number quoted."""
    target = quoted(FAMILY_CLAIMS[family])
    values = {
        name: width.normalised_coupling(part[HS], part[TQA], part["d_model"]).estimate
        for name, part in readings(family).items()
        if name != ALL_SIZES
    }
    counts = {}
    for name, limit in _SIZE_LIMITS.items():
        rows = {one: family_rows("paper", one) for one in FAMILY_CLAIMS}
        parts = {one: whole[whole["params_b"] <= limit] for one, whole in rows.items()}
        counts[name] = sum(
            round(width.normalised_coupling(part[HS], part[TQA], part["d_model"]).estimate, 3)
            == quoted(FAMILY_CLAIMS[one])
            for one, part in parts.items()
            if len(part) > 2
        )
    as_quoted = [name for name, value in values.items() if round(value, 3) == target]
    listed = ", ".join(f"{name} {value:.3g}" for name, value in values.items())
    end = f"; {' and '.join(as_quoted)} as quoted" if as_quoted else ""
    joint = f"No one choice of sizes gives more than {max(counts.values())} of the five quoted numbers."
    return f"Read on all sizes; other readings: {listed}{end}. {joint}"


def _family(family: str) -> Recomputed:
    paper_rows, open_rows = family_rows("paper", family), family_rows("open", family)
    null, open_null = (
        width.ratio_null(rows[HS], rows[TQA], rows["d_model"]) for rows in (paper_rows, open_rows)
    )
    both = width.ratio_null(paper_rows[HS], paper_rows[TQA], paper_rows["d_model"], shuffle="both")
    raw = correlation.pearson(paper_rows[HS].to_numpy(), paper_rows[TQA].to_numpy())
    shuffled = (
        f"Undivided r is {raw:.2f}. With both scores shuffled division gives {both.value:.2f} "
        f"[{both.low:.2f}, {both.high:.2f}]."
    )
    return Recomputed(
        _normalised(paper_rows),
        _normalised(open_rows),
        NullRange.of(null),
        f"{shuffled} {_other_readings(family)}",
        NullRange.of(open_null),
    )


def _positive_families(which: data.Panel, draws: int = 5000) -> Null:
    """In how many of the five families division makes r positive, and in how many it does where the scores are shuffled."""
    parts = [family_rows(which, family) for family in FAMILY_CLAIMS]
    observed = sum(_normalised(part).value > 0 for part in parts)  # type: ignore[operator]
    drawn = [
        width.ratio_draws(part[HS], part[TQA], part["d_model"], shuffle="both", draws=draws, rng=seed) > 0
        for seed, part in enumerate(parts)
    ]
    method = "both scores shuffled, then divided by the same widths"
    return null_from_draws(float(observed), np.sum(drawn, axis=0).astype(float), len(parts), method)


@recomputes("width_every_family")
def width_every_family() -> Recomputed:
    null, other = _positive_families("paper"), _positive_families("open")
    parts = [family_rows("paper", family) for family in FAMILY_CLAIMS]
    raw = [coupling.population_coupling(part).estimate for part in parts]
    by_layers, slowly = (
        sum(
            width.normalised_coupling(part[HS], part[TQA], part[column], power=power).estimate > 0
            for part in parts
        )
        for column, power in (("layers", 1.0), ("d_model", 0.25))
    )
    remark = (
        f"The statement itself holds: undivided, r is below zero in {sum(r < 0 for r in raw)} of the five. But five is the most "
        "there can be, and division by a number that grows fast enough gives it to unrelated scores, so that no scores could "
        f"stand out. Division by the number of layers gives {by_layers} of five, by the fourth root of the width {slowly}."
    )
    return Recomputed(
        Value(int(null.observed), None, None, null.n, "families with r above zero after division"),
        Value(int(other.observed), None, None, other.n, "families with r above zero after division"),
        NullRange.of(null),
        remark,
        NullRange.of(other),
    )


@recomputes("width_pythia")
def width_pythia() -> Recomputed:
    return _family("Pythia")


@recomputes("width_opt")
def width_opt() -> Recomputed:
    return _family("OPT")


@recomputes("width_bloom")
def width_bloom() -> Recomputed:
    return _family("BLOOM")


@recomputes("width_cerebras")
def width_cerebras() -> Recomputed:
    return _family("Cerebras-GPT")


@recomputes("width_gptneo")
def width_gptneo() -> Recomputed:
    return _family("GPT-Neo")


@recomputes("width_raw_opt")
def width_raw_opt() -> Recomputed:
    rows, public = family_rows("paper", "OPT"), family_rows("open", "OPT")
    parts = {name: rows[rows["params_b"] <= limit] for name, limit in _SIZE_LIMITS.items()}
    parts |= {f"from {least}B": rows[rows["params_b"] >= least] for least in (1.3, 3.5)}
    others = ", ".join(
        f"{name} {coupling.population_coupling(part).estimate:.3g}"
        for name, part in parts.items()
        if len(part) < len(rows)
    )
    return Recomputed(
        Value.of(coupling.population_coupling(rows)),
        Value.of(coupling.population_coupling(public)),
        NullRange.of(trend_nulls.monotone_null(rows[HS], rows[TQA])),
        f"Read as it stands, all sizes of OPT; some of them: {others}.",
        NullRange.of(trend_nulls.monotone_null(public[HS], public[TQA])),
    )


@recomputes("projection_drop_1b")
def projection_drop() -> Recomputed:
    stages = data.load("projection_coupling")
    changes = width_controls.projection_changes(stages).query("stage == 'after_projection'")
    change_pct = changes[changes["model"] == "Pythia-1B"].set_index("measure")["change_pct"]
    # The paper's internal coupling is the cosine of the mean activations; the file holds another measure beside it.
    measure = "cosine_of_mean_activations"
    remark = ", ".join(
        f"{str(name).replace('_', ' ')} {v:.3g}%" for name, v in change_pct.drop(measure).items()
    )
    same = changes[changes["measure"] == measure].set_index("model")["change_pct"]
    others = ", ".join(f"{model} {change:+.0f}%" for model, change in same.drop("Pythia-1B").items())
    cosines = stages[stages["model"] == "Pythia-1B"].set_index("stage")[measure]
    pythia_1b = data.load("architectures").query("hf_id == 'EleutherAI/pythia-1b-deduped'")
    random = width_controls.random_projection_null(
        float(cosines["hidden_state"]),
        float(cosines["after_projection"]),
        outputs=int(pythia_1b["vocab"].astype(int).iloc[0]),
    )
    # Random weights move nothing, so every trained projection stands out from them, whichever way it moves its cosine: they
    # are no null of a loss, and the signs of three models cannot be one either.
    falls = 1 - 0.5 ** len(same)
    return Recomputed(
        Value(float(same["Pythia-1B"]), None, None, 1, "one model, change of the released cosine"),
        None,
        None,
        f"The other models released rise: {others}. Were it chance whether a projection raises or lowers the cosine, one of "
        f"{len(same)} at least would lower it with probability {falls:.2f}. Through random weights it would change by "
        f"{random.low:.1f}% to {random.high:.1f}%. The other measure released for Pythia-1B: {remark}.",
    )


def family_table() -> pd.DataFrame:
    """Every family of both panels with four sizes or more, and the paper's five, before and after division.

    Returns
    -------
    pandas.DataFrame
        Columns ``panel, shuffled, family, n, raw, normalised, null, low, high, p, quoted``; one row for each panel, family
        and way of shuffling. All sizes are used, so a quoted r may belong to another choice of rows.
    """
    rows = []
    for which, panel in PANELS.items():
        table = data.with_architecture(data.panel(which, rows="one_recipe"))
        parts = width.families_with_width(table)
        if which == "paper":
            parts = {family: family_rows("paper", family) for family in FAMILY_CLAIMS} | {
                family: part for family, part in parts.items() if family not in FAMILY_CLAIMS
            }
        for shuffle, label in SHUFFLES.items():
            for family, part in parts.items():
                null = width.ratio_null(part[HS], part[TQA], part["d_model"], shuffle=shuffle, draws=5000)
                raw = correlation.pearson(part[HS].to_numpy(), part[TQA].to_numpy())
                claimed = which == "paper" and family in FAMILY_CLAIMS
                target = quoted(FAMILY_CLAIMS[family]) if claimed else float("nan")
                ends = (null.observed, null.value, null.low, null.high, null.p, target)
                rows.append((panel, label, family, null.n, raw, *ends))
    columns = ["panel", "shuffled", "family", "n", "raw", "normalised", "null", "low", "high", "p", "quoted"]
    return pd.DataFrame(rows, columns=columns)
