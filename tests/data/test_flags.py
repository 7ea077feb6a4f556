"""What is known to be wrong with a row stands in its flags: each flag is checked against the figures themselves."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from cape_utils import data

FLAGGED = ("paper_panel", "open_panel", "frontier_models", "internal_coupling")


def flagged(table: pd.DataFrame, flag: str) -> pd.Series:
    return table["flags"].fillna("").str.split(";").map(lambda flags: flag in flags)


def test_flags_in_use_are_those_of_the_table_of_flags():
    used = set().union(*(data.load(name)["flags"].dropna().str.split(";").explode() for name in FLAGGED))
    assert used == set(data.load("flags")["flag"])


@pytest.mark.parametrize("name", FLAGGED)
def test_the_schema_allows_the_flags_of_the_table_of_flags_and_no_other(name):
    fields = {field["name"]: field for field in data.table_schema(name)["fields"]}
    named = re.findall(r"[a-z_]+", fields["flags"]["constraints"]["pattern"])
    assert set(named) == set(data.load("flags")["flag"])


@pytest.mark.parametrize("name", ["paper_panel", "open_panel"])
def test_every_flag_of_a_panel_is_explained_in_a_note(name):
    table = data.load(name)
    assert table.loc[table["flags"].notna(), "note"].notna().all()


def test_a_checkpoint_that_stands_twice_is_flagged_and_nothing_else_is():
    table = data.load("paper_panel")
    twice = table["hf_id"].notna() & table["hf_id"].duplicated(keep=False)
    assert twice.sum() == 4
    assert (flagged(table, "duplicate") == twice).all()
    assert not data.load("open_panel")["model"].duplicated().any()


def test_a_model_that_does_not_carry_its_family_in_its_name_is_flagged_as_misfiled():
    table = data.load("paper_panel").dropna(subset="hf_id")
    stem = table["family"].str.lower().str.replace(r"[-\d.]*$", "", regex=True)
    strange = [a not in b.lower() for a, b in zip(stem, table["hf_id"], strict=True)]
    assert list(table.loc[strange, "model"]) == ["GPT-J-6B", "GPT-NeoX-20B"]
    assert (flagged(table, "misfiled") == strange).all()


def test_an_instruction_tuned_checkpoint_is_flagged():
    table = data.load("paper_panel")
    named = table["hf_id"].fillna("").str.contains("instruct|-it$", case=False)
    # The second row has no checkpoint: the release gives the figures of the instruction-tuned variant.
    assert list(table.loc[flagged(table, "instruction_tuned"), "model"]) == ["Gemma-4-E4B", "Phi-3-mini-4k"]
    assert flagged(table, "instruction_tuned")[named].all()
    assert not data.load("open_panel")["model"].str.contains("instruct|-chat|-it$", case=False).any()


def test_a_mixture_of_experts_is_flagged():
    table = data.load("open_panel")
    named = table["model"].str.contains(r"moe|\d+x\d+|-A\d+B|Jamba|DeepSeek-(?:Coder-)?V2", regex=True)
    assert (flagged(table, "moe") == named).all()
    assert named.sum() == 7


def test_estimated_rows_are_the_two_largest_pythias():
    table = data.load("paper_panel")
    assert list(table.loc[flagged(table, "estimated"), "model"]) == ["Pythia-6.9B", "Pythia-12B"]


@pytest.mark.parametrize("which", ["paper", "open"])
def test_one_recipe_a_family_leaves_one_model_a_size(which):
    # What the flags are for: two rows of one size in one family cannot be a step in size.
    assert data.panel(which).duplicated(["family", "params_b"]).any()
    assert not data.panel(which, rows="one_recipe").duplicated(["family", "params_b"]).any()


def test_a_correction_names_a_flagged_row_and_the_figure_that_stands_there():
    table = data.load("open_panel").set_index("model")
    fixes = data.load("corrections")
    assert set(fixes["model"]) == set(table.index[flagged(table, "listed_wrong")])
    for fix in fixes.itertuples():
        assert table.loc[fix.model, fix.column] == fix.listed != fix.published


def test_a_constant_profile_is_constant_and_every_constant_profile_is_flagged():
    spread = data.load("layer_profiles").groupby(["model", "measure"])["cosine"].std()
    table = data.load("internal_coupling").set_index(["model", "measure"])
    known = table.loc[spread.index]
    assert list(spread < 1e-6) == list(flagged(known, "constant_profile"))
    assert (spread < 1e-6).sum() == 7


def test_the_mean_of_a_profile_is_the_figure_of_the_summary():
    profile = data.load("layer_profiles").groupby(["model", "measure"])["cosine"].agg(["mean", "size"])
    summary = data.load("internal_coupling").set_index(["model", "measure"]).loc[profile.index]
    assert (profile["mean"] - summary["mean_cosine"]).abs().max() < 1e-6
    assert (profile["size"] == summary["layers"].astype(int)).all()


def test_a_repeated_internal_figure_repeats_and_unflagged_ones_do_not():
    table = data.load("internal_coupling").query("measure == 'hidden_state'")
    repeats = table["mean_cosine"].duplicated(keep=False)
    explained = flagged(table, "repeated_score") | flagged(table, "constant_profile")
    assert list(repeats) == list(explained)


def test_a_repeated_frontier_score_repeats():
    table = data.load("frontier_models")
    repeated = table[flagged(table, "repeated_score")]
    assert len(repeated) == 4
    assert repeated["swe_bench_verified"].value_counts().eq(2).all()
    # The same pair of scores twice is never left unflagged.
    same = table.duplicated(["swe_bench_verified", "gpqa_diamond"], keep=False)
    assert set(table.loc[same, "model"]) <= set(repeated["model"])


def test_contradicted_rows_contradict_each_other():
    table = data.load("internal_coupling")
    pair = table[flagged(table, "contradicted")]
    assert list(pair["model"]) == ["Qwen3-8B", "Qwen3-8B (second file)"]
    assert pair["mean_cosine"].nunique() == 2
