"""Every table of the book, by name, checked against ``data/datapackage.json`` as it is loaded.

Also the reader's own table of scores, which goes through the same checks. This module draws nothing and
computes no statistics; reading a file's cells is the job of ``data.schema``. It implements no section of
the paper: it holds the figures that the others compute from.
"""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from cape_utils import data
from cape_utils.data.schema import decode, read_table, require_columns

__all__ = [
    "BENCHMARKS",
    "bootstrap_rows",
    "both_panels",
    "compare_panels",
    "load",
    "missing_counts",
    "panel",
    "pythia",
    "pythia_copies",
    "table_resources",
    "table_schema",
    "tables",
    "tables_folder",
    "with_architecture",
]

Panel = Literal["paper", "open"]
"""The panel of the paper, or the open one."""

Rows = Literal["as_released", "one_recipe"]
"""All rows of a panel, or the one recipe of models that come in several."""

BENCHMARKS = ("hellaswag", "truthfulqa_mc2", "arc_challenge", "winogrande", "mmlu")
"""The five benchmarks of the paper, as columns of both panels."""

# A step in size within a family is a step of one recipe only without these rows.
_BREAKS_LADDER = ("misfiled", "instruction_tuned", "other_recipe", "moe")


def tables_folder() -> Path:
    """Return the folder of the tables: a wheel carries its own copy, a checkout uses the one beside the package.

    Examples
    --------
    >>> (tables_folder() / "claims.csv").is_file()
    True
    """
    packaged = Path(str(files("cape_utils") / "_data"))
    return packaged if packaged.is_dir() else Path(__file__).resolve().parents[2] / "data"


@functools.cache
def table_resources() -> dict[str, Any]:
    """Descriptions of all tables by name, as ``datapackage.json`` has them; not to be changed."""
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
    return list(table_resources())


def _resource(name: str) -> dict[str, Any]:
    if name not in table_resources():
        raise KeyError(f"no table {name!r}; the tables are {', '.join(tables())}")
    resource: dict[str, Any] = table_resources()[name]
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

    Parameters
    ----------
    name : str
        One of ``tables()``.

    Examples
    --------
    >>> table_schema("losses")["fields"][0]["name"]
    'model'
    """
    return copy.deepcopy(dict(_resource(name)["schema"]))


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
    return _panel(which, rows).copy()


@functools.cache
def _panel(which: Panel, rows: Rows) -> pd.DataFrame:
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
    one_recipe = table[~(breaks | twin)].reset_index(drop=True)
    one_recipe.attrs["left_out"] = sorted(table.loc[breaks | twin, "model"])
    return one_recipe


def both_panels(*, rows: Rows = "as_released") -> pd.DataFrame:
    """The two panels stacked, distinguished by a column ``panel``; they are never averaged.

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

    Examples
    --------
    >>> pythia = panel("open").query("family == 'Pythia'")
    >>> int(with_architecture(pythia)["layers"].min())
    6
    """
    require_columns(table, ("hf_id",))
    return table.merge(load("architectures").drop(columns="source_id"), on="hf_id", how="left")


def bootstrap_rows() -> pd.DataFrame:
    """The 14 rows behind the published critical-scale interval, with sizes.

    Returns
    -------
    pandas.DataFrame
        Pythia, Llama-1 and Llama-2 in the order of release, which the seed of the published bootstrap needs.

    Examples
    --------
    >>> bootstrap_rows()["family"].value_counts(sort=False).to_dict()
    {'Pythia': 8, 'Llama-1': 3, 'Llama-2': 3}
    """
    sizes = load("paper_panel")[["model", "family", "params_b"]]
    return load("bootstrap_copy").merge(sizes, on="model", how="left", validate="one_to_one")


def pythia_copies() -> pd.DataFrame:
    """The three versions of the eight Pythia models' scores, stacked.

    Returns
    -------
    pandas.DataFrame
        Columns ``copy`` ("panel rows", "bootstrap copy", "open panel"), ``model``, ``family``, ``params_b`` and the
        five benchmarks, 24 rows ordered by copy and size.

    Examples
    --------
    >>> pythia_copies()["copy"].unique().tolist()
    ['panel rows', 'bootstrap copy', 'open panel']
    """
    return _pythia_copies().copy()


@functools.cache
def _pythia_copies() -> pd.DataFrame:
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

    Examples
    --------
    >>> bool(compare_panels()["model"].isin(panel("paper")["model"]).all())
    True
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

    Parameters
    ----------
    table : pandas.DataFrame
        Any table of scores.
    columns : sequence of str
        Columns to look at; those that the table lacks are passed over.

    Examples
    --------
    >>> missing_counts(panel("paper"))
    {'arc_challenge': 3, 'winogrande': 3, 'mmlu': 3}
    """
    counts = table[[name for name in columns if name in table]].isna().sum()
    return {str(name): int(count) for name, count in counts.items() if count}


def pythia(copy: str) -> pd.DataFrame:
    """Eight Pythia models in order of size, from one of the copies of their scores."""
    return data.pythia_copies().query("copy == @copy").sort_values("params_b")
