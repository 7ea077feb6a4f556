"""Every table of the book, by name, checked against ``data/datapackage.json`` as it is loaded.

Also the reader's own table of scores, which goes through the same checks. This module draws nothing and
computes no statistics; reading a file's cells is the job of ``validation``. It implements no section of
the paper: it holds the figures that the others compute from.
"""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from cape_utils.validation import DataError, Problem, decode, read_table

__all__ = [
    "BENCHMARKS",
    "DataError",
    "Problem",
    "benchmark_title",
    "bootstrap_rows",
    "both_panels",
    "chance_pct",
    "check_package",
    "columns_markdown",
    "compare_panels",
    "describe",
    "load",
    "load_scores",
    "missing_counts",
    "panel",
    "pythia_copies",
    "refuse_fractions",
    "score_schema",
    "table_schema",
    "tables",
    "tables_folder",
    "with_architecture",
]

Panel = Literal["paper", "open"]
Rows = Literal["as_released", "one_recipe"]

BENCHMARKS = ("hellaswag", "truthfulqa_mc2", "arc_challenge", "winogrande", "mmlu")
"""The five benchmarks of the paper, as columns of both panels."""

# A step in size within a family is a step of one recipe only without these rows.
_BREAKS_LADDER = ("misfiled", "instruction_tuned", "other_recipe", "moe")

_ALIASES = dict.fromkeys(
    ("truthfulqa", "tqa"),
    "the variant matters (chance is about 22 for MC1 and 46 for MC2); "
    "name the column truthfulqa_mc1 or truthfulqa_mc2",
)


def tables_folder() -> Path:
    """Return the folder of the tables: a wheel carries its own copy, a checkout uses the one beside the package."""
    packaged = Path(__file__).parent / "_data"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / "data"


@functools.cache
def _package() -> dict[str, Any]:
    descriptor: dict[str, Any] = json.loads(
        (tables_folder() / "datapackage.json").read_text(encoding="utf-8")
    )
    return {resource["name"]: resource for resource in descriptor["resources"]}


def tables() -> list[str]:
    """Names of all tables.

    Examples
    --------
    >>> "open_panel" in tables()
    True
    """
    return list(_package())


def _resource(name: str) -> dict[str, Any]:
    if name not in _package():
        raise KeyError(f"no table {name!r}; the tables are {', '.join(tables())}")
    resource: dict[str, Any] = _package()[name]
    return resource


@functools.cache
def _load(name: str) -> pd.DataFrame:
    resource = _resource(name)
    path = tables_folder() / resource["path"]
    text = decode(path.read_bytes(), path.name)
    return read_table(text, resource["schema"], path.name).reset_index(drop=True)


def load(name: str) -> pd.DataFrame:
    """Load one table as it is stored, flags and all.

    Parameters
    ----------
    name : str
        One of ``tables()``.

    Returns
    -------
    pandas.DataFrame
        A fresh copy; missing values stay missing.

    Raises
    ------
    KeyError
        If there is no such table; the message lists those there are.
    DataError
        If a cell breaks the schema.

    Examples
    --------
    >>> len(load("paper_panel"))
    63
    """
    return _load(name).copy()


def table_schema(name: str) -> dict[str, Any]:
    """Table Schema of one of the stored tables, a copy to build on.

    Examples
    --------
    >>> table_schema("losses")["fields"][0]["name"]
    'model'
    """
    return copy.deepcopy(dict(_resource(name)["schema"]))


def describe(name: str) -> pd.DataFrame:
    """Columns of a table with type, unit, range and meaning, from the schema.

    Examples
    --------
    >>> describe("losses").loc["loss_nats", "unit"]
    'nats per token'
    """
    rows = []
    for field in _resource(name)["schema"]["fields"]:
        rules = field.get("constraints", {})
        low, high = rules.get("minimum"), rules.get("maximum")
        span = (
            ""
            if low is None and high is None
            else f"{'' if low is None else low} to {'' if high is None else high}"
        )
        allowed = ", ".join(rules["enum"]) if "enum" in rules else span
        rows.append(
            {
                "column": field["name"],
                "type": field["type"],
                "unit": field.get("unit", ""),
                "allowed": allowed,
                "meaning": field["description"],
            }
        )
    return pd.DataFrame(rows).set_index("column")


def columns_markdown() -> str:
    """Write every table's columns as Markdown, from the schema; ``data/README.md`` holds this text.

    Examples
    --------
    >>> columns_markdown().startswith("### paper_panel")
    True
    """
    parts = []
    for name, resource in _package().items():
        rows = describe(name).reset_index().astype(str)
        lines = [
            f"| `{r.column}` | {r.type} | {r.unit} | {r.allowed} | {r.meaning} |" for r in rows.itertuples()
        ]
        head = "| column | type | unit | allowed | meaning |\n|---|---|---|---|---|"
        text = f"### {name}\n\n{resource['description']}\n\n{head}\n"
        parts.append(text + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


def check_package() -> None:
    """Check every table and every key that points from one table to another.

    Raises
    ------
    DataError
        With every problem found.
    """
    for name in tables():
        _load(name)
    problems = []
    for name, resource in _package().items():
        for key in resource["schema"].get("foreignKeys", []):
            other = _load(key["reference"]["resource"])
            known = set(other[key["reference"]["fields"]].itertuples(index=False, name=None))
            own = _load(name)[key["fields"]].dropna()
            for index, value in zip(own.index, own.itertuples(index=False, name=None), strict=True):
                if value not in known:
                    allowed = f"it must stand in {key['reference']['resource']}"
                    came = ", ".join(map(str, value))
                    problems.append(
                        Problem(resource["path"], int(index) + 2, key["fields"][0], came, allowed)
                    )
    if problems:
        raise DataError(problems)


def panel(which: Panel, *, rows: Rows = "as_released") -> pd.DataFrame:
    """One of the two panels, ready for analysis.

    Parameters
    ----------
    which : {"paper", "open"}
        The 63 rows of paper A, or the base models of the Observational Scaling Laws release.
    rows : {"as_released", "one_recipe"}
        ``"as_released"`` keeps every row. ``"one_recipe"`` leaves out the rows that would make a step in size
        within a family a change of recipe too: misfiled and instruction-tuned rows, mixtures of experts, other
        recipes under the same label, and the second row of a checkpoint that stands twice.

    Returns
    -------
    pandas.DataFrame
        Columns ``model, hf_id, family, params_b, tokens_b, train_flop``, the benchmarks in percent, ``flags`` and
        ``note``, ordered by family and size. ``params_b`` and ``tokens_b`` are in billions, with the table
        ``corrections`` applied; ``train_flop`` is ``6 N D``. ``attrs["left_out"]`` lists the models left out.

    Examples
    --------
    >>> panel("paper").shape[0], panel("paper", rows="one_recipe").shape[0]
    (63, 56)
    """
    if which not in ("paper", "open"):
        raise ValueError(f"which={which!r}; allowed are 'paper' and 'open'")
    if rows not in ("as_released", "one_recipe"):
        raise ValueError(f"rows={rows!r}; allowed are 'as_released' and 'one_recipe'")
    table = load(f"{which}_panel")
    if which == "open":
        table["hf_id"] = table["model"]
        for fix in load("corrections").to_dict("records"):
            table.loc[table["model"] == fix["model"], str(fix["column"])] = float(fix["published"])
    else:
        table["tokens_b"] = np.nan
    table["train_flop"] = 6 * table["params_b"] * table["tokens_b"] * 1e18
    order = [*(name for name in _columns(table) if name != "flags"), "flags", "note"]
    # A stable sort keeps the order of release where two rows share a size.
    table = table.sort_values(["family", "params_b"], kind="stable")[order].reset_index(drop=True)
    if rows == "as_released":
        table.attrs["left_out"] = []
        return table
    codes = table["flags"].fillna("").str.split(";")
    breaks = codes.map(lambda flags: any(flag in _BREAKS_LADDER for flag in flags))
    twin = table["hf_id"].duplicated() & table["hf_id"].notna()
    kept = table[~(breaks | twin)].reset_index(drop=True)
    kept.attrs["left_out"] = sorted(table.loc[breaks | twin, "model"])
    return kept


def both_panels(*, rows: Rows = "as_released") -> pd.DataFrame:
    """The two panels one below the other, told apart by a column ``panel``; they are never averaged.

    Parameters
    ----------
    rows : {"as_released", "one_recipe"}
        As in ``panel``.

    Examples
    --------
    >>> both_panels()["panel"].unique().tolist()
    ["the paper's panel", 'the open panel']
    """
    named = {"paper": "the paper's panel", "open": "the open panel"}
    parts = [panel(which, rows=rows).assign(panel=label) for which, label in named.items()]  # type: ignore[arg-type]
    for part in parts:
        part.attrs = {}
    return pd.concat(parts, ignore_index=True)


def _columns(table: pd.DataFrame) -> list[str]:
    lead = ["model", "hf_id", "family", "params_b", "tokens_b", "train_flop"]
    return lead + [name for name in load("benchmarks")["benchmark"] if name in table] + ["flags"]


def with_architecture(table: pd.DataFrame) -> pd.DataFrame:
    """Add layers, d_model, heads and vocab from the published configurations.

    Parameters
    ----------
    table : pandas.DataFrame
        With a column ``hf_id``.

    Returns
    -------
    pandas.DataFrame
        Same rows, same order; models without a known configuration get missing values.
    """
    if "hf_id" not in table:
        raise ValueError(f"a column 'hf_id' is needed; the columns are {', '.join(table.columns)}")
    return table.merge(load("architectures").drop(columns="source_id"), on="hf_id", how="left")


def bootstrap_rows() -> pd.DataFrame:
    """The 14 rows behind the published critical-scale interval, with sizes.

    Returns
    -------
    pandas.DataFrame
        Pythia, Llama-1 and Llama-2 in the order of release, which the seed of the published bootstrap needs.
    """
    sizes = load("paper_panel")[["model", "family", "params_b"]]
    return load("bootstrap_copy").merge(sizes, on="model", how="left", validate="one_to_one")


def pythia_copies() -> pd.DataFrame:
    """The three versions of the eight Pythia models' scores, one below the other.

    Returns
    -------
    pandas.DataFrame
        Columns ``copy`` ("panel rows", "bootstrap copy", "open panel"), ``model``, ``family``, ``params_b`` and the
        five benchmarks, 24 rows ordered by copy and size.
    """
    paper = panel("paper").query("family == 'Pythia' and model.str.startswith('Pythia')")
    names = paper.set_index("hf_id")["model"]
    second = bootstrap_rows().query("family == 'Pythia'")
    third = panel("open").query("family == 'Pythia'").assign(model=lambda t: t["hf_id"].map(names))
    copies = {"panel rows": paper, "bootstrap copy": second, "open panel": third}
    columns = ["model", "family", "params_b", *BENCHMARKS]
    parts = [part[columns].assign(copy=name) for name, part in copies.items()]
    return pd.concat(parts, ignore_index=True)[["copy", *columns]]


def compare_panels() -> pd.DataFrame:
    """Scores of the models that both panels hold, side by side.

    Returns
    -------
    pandas.DataFrame
        One row for each shared model and benchmark: ``model, hf_id, family, benchmark, paper_pct, open_pct,
        difference_pp`` (paper minus open, in percentage points).
    """
    long = {}
    for which in ("paper", "open"):
        keys = ["hf_id", "model", "family"] if which == "paper" else ["hf_id"]
        table = panel(which).dropna(subset="hf_id")
        long[which] = table.melt(keys, list(BENCHMARKS), "benchmark", f"{which}_pct").dropna()
    both = long["paper"].merge(long["open"], on=["hf_id", "benchmark"])
    both["difference_pp"] = (both["paper_pct"] - both["open_pct"]).round(6)
    return both[["model", "hf_id", "family", "benchmark", "paper_pct", "open_pct", "difference_pp"]]


def missing_counts(table: pd.DataFrame, columns: Sequence[str] = BENCHMARKS) -> dict[str, int]:
    """How many values are missing in each column that has any.

    Examples
    --------
    >>> missing_counts(panel("paper"))
    {'arc_challenge': 3, 'winogrande': 3, 'mmlu': 3}
    """
    counts = table[[name for name in columns if name in table]].isna().sum()
    return {str(name): int(count) for name, count in counts.items() if count}


def score_schema() -> dict[str, Any]:
    """Table Schema of the reader's own scores: names, sizes and every benchmark of the table ``benchmarks``.

    Examples
    --------
    >>> [field["name"] for field in score_schema()["fields"]][:3]
    ['model', 'family', 'params_b']
    """
    fields = {field["name"]: field for field in _resource("open_panel")["schema"]["fields"]}
    schema: dict[str, Any] = {"missingValues": ["", "NA", "NaN", "nan", "n/a"], "primaryKey": ["model"]}
    schema["fields"] = [
        {**fields["model"], "description": "name of the model"},
        *(fields[name] for name in ("family", "params_b", "tokens_b")),
    ]
    for row in load("benchmarks").itertuples():
        schema["fields"].append(
            {
                "name": row.benchmark,
                "type": "number",
                "unit": "percent",
                "description": f"{row.title} score",
                "constraints": {"minimum": 0, "maximum": 100},
            }
        )
    return schema


def load_scores(source: str | Path | pd.DataFrame) -> pd.DataFrame:
    """Load the reader's own scores, with the checks that the book's tables go through.

    Parameters
    ----------
    source : path or pandas.DataFrame
        A CSV file (comma, semicolon or tab, UTF-8) or a table with the columns ``model``, ``family``, ``params_b``
        (billions), optionally ``tokens_b``, and at least one benchmark of the table ``benchmarks`` in percent.

    Returns
    -------
    pandas.DataFrame
        Ordered by family and size. Missing values stay missing; ``attrs["missing"]`` counts them by column, and
        ``attrs["notes"]`` is that of a table that has such notes.

    Raises
    ------
    DataError
        With every problem found: line, column, value, what is allowed and the remedy.
    FileNotFoundError
        If there is no such file.
    """
    if isinstance(source, pd.DataFrame):
        name, text = "the table", source.to_csv(index=False)
    else:
        path = Path(source)
        name = path.name
        if path.is_dir():
            raise DataError(
                [
                    Problem(
                        name,
                        None,
                        None,
                        None,
                        "this is a folder; the path of a CSV file is needed "
                        "(for results of lm-evaluation-harness: harness.read_harness)",
                    )
                ]
            )
        if not path.exists():
            raise FileNotFoundError(f"no file {str(path)!r}; give the path of a CSV file with scores")
        text = decode(path.read_bytes(), name)
    schema = score_schema()
    table = read_table(text, schema, name, aliases=_ALIASES)
    given = [column for column in load("benchmarks")["benchmark"] if column in table]
    if not given:
        known = ", ".join(load("benchmarks")["benchmark"])
        raise DataError(
            [Problem(name, 1, None, None, f"no benchmark column; at least one of {known} is needed")]
        )
    refuse_fractions(table, given, name)
    table = table.sort_values(["family", "params_b"], kind="stable").reset_index(drop=True)
    table.attrs["missing"] = missing_counts(table, given)
    if isinstance(source, pd.DataFrame) and "notes" in source.attrs:
        table.attrs["notes"] = source.attrs["notes"]
    return table


def chance_pct(benchmark: str) -> float:
    """Return what guessing scores on a benchmark, in percent.

    Raises
    ------
    KeyError
        For a benchmark that the table ``benchmarks`` does not hold, with those it does.

    Examples
    --------
    >>> chance_pct("hellaswag")
    25.0
    """
    known = load("benchmarks").set_index("benchmark")["chance_pct"]
    if benchmark not in known:
        raise KeyError(f"no benchmark {benchmark!r}; there are {', '.join(known.index)}")
    return float(known[benchmark])


def benchmark_title(benchmark: str) -> str:
    """Name of a benchmark for readers; the identifier itself where the table ``benchmarks`` has none.

    Examples
    --------
    >>> benchmark_title("truthfulqa_mc2")
    'TruthfulQA MC2'
    """
    known = load("benchmarks").set_index("benchmark")["title"]
    return str(known[benchmark]) if benchmark in known else benchmark


def refuse_fractions(table: pd.DataFrame, given: Sequence[str], name: str) -> None:
    """Refuse scores that look like fractions where percent are needed.

    Parameters
    ----------
    table : pandas.DataFrame
        Indexed by the line of the file.
    given : sequence of str
        Columns of scores. Of one that the table ``benchmarks`` does not hold nobody knows what guessing scores; it is
        refused only as a whole.
    name : str
        Of the table, for messages.

    Raises
    ------
    DataError
    """
    known = set(load("benchmarks")["benchmark"])
    chance = {column: chance_pct(column) if column in known else 0.0 for column in given}
    problems = []
    for column in given:
        # Where guessing scores 20 or more, nobody measures between 0 and 1; where it scores 0, a small model may.
        if chance[column] < 20:
            continue
        for line, value in table.loc[(table[column] > 0) & (table[column] <= 1), column].items():
            remedy = (
                f"scores are in percent and this looks like a fraction; multiply by 100 to {value * 100:g}"
            )
            problems.append(Problem(name, int(str(line)), column, f"{value:g}", remedy))
    low = [c for c in given if chance[c] < 20 and table[c].notna().any() and (table[c].dropna() <= 1).all()]
    if problems and low:
        remedy = "the other columns hold fractions, so this one probably does too; multiply by 100"
        problems += [Problem(name, None, column, None, remedy) for column in low]
    strange = [c for c in low if c not in known and (table[c] > 0).any()]
    if not problems and strange:
        remedy = (
            "no score is above 1, so these are probably fractions; scores are in percent, so multiply by 100"
        )
        problems += [Problem(name, None, column, None, remedy) for column in strange]
    if problems:
        raise DataError(problems)
