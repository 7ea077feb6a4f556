"""Chapter 04: width normalisation and the released projection figures."""

from __future__ import annotations

import pandas as pd

from cape_utils import data
from cape_utils.chapters.ch04_width_normalization import width_controls
from cape_utils.claims.quotations import nearest, quoted
from cape_utils.claims.registry import recomputes
from cape_utils.claims.verdicts import NullRange, Recomputed, Value
from cape_utils.scaling import coupling, trend_nulls, width
from cape_utils.stats import correlation

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
_SIZE_LIMITS = {"all sizes": float("inf"), "up to 10B": 10.0, "up to 3.5B": 3.5}


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


def chosen_rows(family: str) -> tuple[pd.DataFrame, str, str]:
    """Rows of the reading used, its name, and the sentence that names all readings.

    The first reading whose r agrees with the one quoted to the last digit is used, else the nearest.
    """
    tables = readings(family)
    target = quoted(FAMILY_CLAIMS[family])
    values = {
        name: width.normalised_coupling(part[HS], part[TQA], part["d_model"]).estimate
        for name, part in tables.items()
    }
    best, remark = nearest(values, target)
    agreeing = [name for name, value in values.items() if round(value, 3) == target]
    used = agreeing[0] if agreeing else best
    return tables[used], used, f"{remark} The one used: {used}."


def _same_in_open(family: str, reading: str) -> pd.DataFrame:
    """The open panel's rows for a reading, where it has them; all of its rows for the family otherwise."""
    open_rows = family_rows("open", family)
    if reading.startswith("with GPT-J"):
        table = data.with_architecture(data.panel("open", rows="one_recipe")).query("family == 'GPT-Neo/J'")
        open_rows = table.sort_values("params_b").iloc[: 4 if reading == "with GPT-J" else None]
    return open_rows[open_rows["params_b"] <= _SIZE_LIMITS.get(reading, float("inf"))]


def _family(family: str) -> Recomputed:
    paper_rows, reading, remark = chosen_rows(family)
    null = width.ratio_null(paper_rows[HS], paper_rows[TQA], paper_rows["d_model"])
    both = width.ratio_null(paper_rows[HS], paper_rows[TQA], paper_rows["d_model"], shuffle="both")
    raw = correlation.pearson(paper_rows[HS].to_numpy(), paper_rows[TQA].to_numpy())
    shuffled = (
        f"Undivided r is {raw:.2f}. {null.p:.0%} of the orders of TruthfulQA give at least as much after division; "
        f"with both scores shuffled it gives {both.value:.2f} [{both.low:.2f}, {both.high:.2f}]."
    )
    open_rows = _normalised(_same_in_open(family, reading))
    return Recomputed(_normalised(paper_rows), open_rows, NullRange.of(null), f"{shuffled} {remark}")


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
    )


@recomputes("projection_drop_1b")
def projection_drop() -> Recomputed:
    stages = data.load("projection_coupling")
    changes = width_controls.projection_changes(stages).query("stage == 'after_projection'")
    change_pct = changes[changes["model"] == "Pythia-1B"].set_index("measure")["change_pct"]
    best, remark = nearest(
        {str(name).replace("_", " "): float(v) for name, v in change_pct.items()},
        quoted("projection_drop_1b"),
    )
    measure = best.replace(" ", "_")
    same = changes[changes["measure"] == measure].set_index("model")["change_pct"]
    others = ", ".join(f"{model} {change:+.0f}%" for model, change in same.drop("Pythia-1B").items())
    cosines = stages[stages["model"] == "Pythia-1B"].set_index("stage")[measure]
    pythia_1b = data.load("architectures").query("hf_id == 'EleutherAI/pythia-1b-deduped'")
    null = width_controls.random_projection_null(
        float(cosines["hidden_state"]),
        float(cosines["after_projection"]),
        outputs=int(pythia_1b["vocab"].astype(int).iloc[0]),
    )
    return Recomputed(
        Value(float(same["Pythia-1B"]), None, None, 1, "one model, change of the released cosine"),
        None,
        NullRange.of(null),
        f"The other models released rise: {others}. {remark}",
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
