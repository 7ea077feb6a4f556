"""Sizes as listed, against the published architectures and against the names of the models."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from cape_utils import data

FACTOR = 1.5
WIDER = 2.2
# ``12 L d^2 + V d`` takes an MLP of four widths, as many key heads as query heads, and one embedding matrix.
EXCEPTIONS = {
    "EleutherAI/pythia-70m-deduped": "two embedding matrices, which outweigh its six layers",
    "google/gemma-7b": "MLP of 24,576 beside a width of 3,072, heads wider than d / heads",
    "google/gemma-2-27b": "MLP of 36,864 beside a width of 4,608, heads wider than d / heads",
    "Qwen/Qwen1.5-32B": "MLP of 27,392 beside a width of 5,120",
    "Qwen/Qwen2.5-32B": "MLP of 27,648 beside a width of 5,120",
    "Qwen/Qwen1.5-110B": "MLP of 49,152 beside a width of 8,192",
}


def size_ratio(table: pd.DataFrame) -> pd.Series:
    """Size listed over the size that depth, width and vocabulary imply, by checkpoint."""
    known = data.with_architecture(table).dropna(subset="layers").set_index("hf_id")
    implied = 12 * known["layers"] * known["d_model"] ** 2 + known["vocab"] * known["d_model"]
    return (known["params_b"] * 1e9 / implied).astype(float)


def beyond(ratio: pd.Series, factor: float) -> set[str]:
    return set(ratio.index[np.abs(np.log(ratio)) > np.log(factor)])


@pytest.mark.parametrize(("which", "least"), [("paper", 50), ("open", 100)])
def test_sizes_agree_with_depth_width_and_vocabulary(which, least):
    ratio = size_ratio(data.panel(which))
    assert len(ratio) >= least
    assert beyond(ratio, FACTOR) == set(EXCEPTIONS) & set(ratio.index)
    assert not beyond(ratio, WIDER)


def test_a_7b_model_listed_with_13_is_caught():
    table = data.panel("open")
    table.loc[table["hf_id"] == "openlm-research/open_llama_7b", "params_b"] = 13.0
    ratio = size_ratio(table)
    assert beyond(ratio, FACTOR) == {"openlm-research/open_llama_7b", *(set(EXCEPTIONS) & set(ratio.index))}


def test_a_size_entered_in_millions_is_caught_even_beyond_the_wider_factor():
    table = data.panel("open")
    table.loc[table["hf_id"] == "facebook/opt-350m", "params_b"] = 350.0
    assert beyond(size_ratio(table), WIDER) == {"facebook/opt-350m"}


def size_in_name(model: str) -> float:
    """Billions as the name says them (7b, 70m, 1b7, 1.8B, 1_6b); NaN where it says none or several."""
    found = re.findall(
        r"(?<![\dA-Za-z.])(\d+(?:[._]\d+)?)([bm])(\d*)(?![a-z])", model.rpartition("/")[2].lower()
    )
    if len(found) != 1:
        return float("nan")
    whole, unit, rest = found[0]
    return float(f"{whole.replace('_', '.')}{'.' + rest if rest else ''}") / (1 if unit == "b" else 1000)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("x/bloom-1b7", 1.7),
        ("x/pythia-70m-deduped", 0.07),
        ("x/stablelm-2-1_6b", 1.6),
        ("x/opt-66b", 66),
        ("x/phi-2", None),
    ],
)
def test_sizes_are_read_from_names(name, size):
    assert size_in_name(name) == pytest.approx(size, nan_ok=True) if size else np.isnan(size_in_name(name))


def misnamed(table: pd.DataFrame) -> set[str]:
    named = table["hf_id"].fillna("").map(size_in_name)
    return set(table.loc[(np.log(table["params_b"] / named)).abs() > np.log(1.25), "hf_id"])


def test_sizes_agree_with_names():
    assert data.panel("open")["hf_id"].map(size_in_name).notna().sum() >= 105
    experts = {"Qwen/Qwen2-57B-A14B"}
    assert misnamed(data.panel("open")) - experts == set()
    assert misnamed(data.panel("paper")) == set()


def test_the_size_that_the_source_lists_wrong_is_caught_before_it_is_corrected():
    raw = data.load("open_panel").assign(hf_id=lambda table: table["model"])
    assert "openlm-research/open_llama_7b_v2" in misnamed(raw)


def test_numbers_of_training_tokens_are_possible_only_after_correction():
    # Nobody had trained on more than 20 trillion tokens when the open panel was made.
    assert list(data.load("open_panel").query("tokens_b > 20_000")["model"]) == ["cerebras/btlm-3b-8k-base"]
    assert data.panel("open")["tokens_b"].max() == 15_000


@pytest.mark.parametrize("column", ["layers", "d_model", "heads", "vocab"])
def test_architectures_are_whole(column):
    assert data.load("architectures")[column].notna().all()


def test_heads_divide_the_width():
    table = data.load("architectures")
    # Gemma alone sets the width of a head apart from d_model / heads.
    uneven = table[(table["d_model"] % table["heads"] != 0)]
    assert all("gemma" in name for name in uneven["hf_id"]), list(uneven["hf_id"])
