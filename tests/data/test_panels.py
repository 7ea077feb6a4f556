"""The two panels against each other, and the copies of one table side by side. Pinned: a change must be noticed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cape_utils import data

SAME = 0.005  # scores are given with two decimals


def differing() -> pd.DataFrame:
    pairs = data.compare_panels()
    return pairs[pairs["difference_pp"].abs() >= SAME]


def test_how_many_scores_the_panels_share():
    pairs = data.compare_panels()
    assert len(pairs) == 251
    assert pairs["hf_id"].nunique() == 49
    assert pairs.groupby("benchmark").size().to_dict() == {
        "arc_challenge": 47,
        "hellaswag": 51,
        "mmlu": 51,
        "truthfulqa_mc2": 51,
        "winogrande": 51,
    }


def test_how_many_of_them_differ():
    assert differing().groupby("benchmark").size().to_dict() == {
        "arc_challenge": 17,
        "hellaswag": 21,
        "mmlu": 21,
        "truthfulqa_mc2": 21,
        "winogrande": 21,
    }


def test_what_the_release_tags_as_leaderboard_agrees_with_the_open_panel_but_for_one_model():
    tags = data.load("paper_panel").set_index("model")["source_id"]
    apart = differing().assign(tag=lambda table: table["model"].map(tags))
    assert set(apart["tag"]) == {"release_compiled", "release_leaderboard"}
    assert set(apart.loc[apart["tag"] == "release_leaderboard", "model"]) == {"Llama-3-8B"}


def test_every_compiled_row_in_both_panels_differs():
    tags = data.load("paper_panel").set_index("model")["source_id"]
    shared = set(data.compare_panels()["model"])
    compiled = {model for model in shared if tags[model] == "release_compiled"}
    assert compiled == set(differing()["model"]) - {"Llama-3-8B"}
    assert len(compiled) == 20


def test_the_largest_differences_are_listed():
    wide = differing()
    wide = wide[wide["difference_pp"].abs() > 6].set_index(["model", "benchmark"])["difference_pp"]
    assert wide.round(2).to_dict() == {
        ("Llama1-7B", "truthfulqa_mc2"): -7.33,
        ("Llama1-13B", "truthfulqa_mc2"): -6.48,
        ("Yi-34B", "truthfulqa_mc2"): -12.63,
        ("Llama1-7B", "arc_challenge"): 8.56,
        ("Llama3-70B", "winogrande"): -6.32,
        ("OLMo-1B", "winogrande"): -6.09,
        ("Llama1-7B", "mmlu"): 20.41,
        ("Llama1-13B", "mmlu"): 12.09,
    }


def test_a_changed_score_shows_in_the_comparison(spoil):
    before = len(differing())
    spoil(
        "paper_panel.csv",
        "OPT-30B,OPT,30.0,facebook/opt-30b,74.07,",
        "OPT-30B,OPT,30.0,facebook/opt-30b,74.70,",
    )
    after = differing()
    assert len(after) == before + 1
    assert after.set_index("model").loc["OPT-30B", "difference_pp"] == 0.63


def test_sizes_of_shared_checkpoints_agree():
    own = data.panel("paper").dropna(subset="hf_id").set_index("hf_id")["params_b"]
    other = data.panel("open").set_index("hf_id")["params_b"]
    both = own.index.intersection(other.index)
    assert (np.abs(np.log(own[both] / other[both])) < np.log(1.1)).all()


def test_the_copies_of_the_pythia_table_differ():
    wide = data.pythia_copies().pivot(index="model", columns="copy", values="truthfulqa_mc2")
    assert wide.shape == (8, 3)
    assert wide.notna().all(axis=None)
    # No model has the same TruthfulQA score in all three.
    assert (wide.min(axis=1) < wide.max(axis=1)).all()
    assert (wide.max(axis=1) - wide.min(axis=1)).max() < 4


def test_the_bootstrap_copy_is_in_the_order_that_the_published_seed_needs():
    rows = data.bootstrap_rows()
    assert list(rows["family"]) == ["Pythia"] * 8 + ["Llama-1"] * 3 + ["Llama-2"] * 3
    assert rows.groupby("family")["params_b"].apply(lambda sizes: sizes.is_monotonic_increasing).all()


def test_released_counts():
    paper, opened = data.panel("paper"), data.panel("open")
    assert (len(paper), paper["family"].nunique()) == (63, 16)
    assert (len(opened), opened["family"].nunique()) == (137, 45)
