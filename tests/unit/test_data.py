"""Loading tables by name, the two panels, and the keys between tables."""

from __future__ import annotations

import pandas as pd
import pytest

from cape_utils import data
from tests.tables import check_keys


def test_an_unknown_table_lists_the_known_ones():
    with pytest.raises(KeyError) as caught:
        data.load("papers_panel")
    message = caught.value.args[0]
    assert "papers_panel" in message
    assert all(name in message for name in data.tables())


def test_a_loaded_table_is_a_copy():
    table = data.load("paper_panel")
    table.loc[:, "hellaswag"] = 0.0
    assert (data.load("paper_panel")["hellaswag"] > 0).all()


def test_a_bad_cell_names_table_line_column_value_and_what_is_allowed(spoil):
    spoil(
        "paper_panel.csv", "OPT-13B,OPT,13.0,facebook/opt-13b,71.2,", "OPT-13B,OPT,13.0,facebook/opt-13b,712,"
    )
    with pytest.raises(data.DataError) as caught:
        data.load("paper_panel")
    (problem,) = caught.value.problems
    # Line 41 of the file: the header is line 1.
    line = (data.tables_folder() / "paper_panel.csv").read_text(encoding="utf-8").splitlines()[40]
    assert line.startswith("OPT-13B,")
    assert (problem.table, problem.row, problem.column, problem.value) == (
        "paper_panel.csv",
        41,
        "hellaswag",
        "712",
    )
    assert "at least 0 and at most 100" in problem.allowed


@pytest.mark.parametrize(
    ("file", "old", "new", "column", "allowed"),
    [
        (
            "losses.csv",
            "Pythia-70M,wikitext2",
            "Pythia-70M,wikitext3",
            "corpus",
            "one of not_stated, wikitext2",
        ),
        ("gradient_norms.csv", "Pythia-70M,0,", "Pythia-70M,0.5,", "batch", "a whole number"),
        (
            "sources.csv",
            "https://arxiv.org/abs/2605.18838,,,2026-05,figures",
            "arxiv,,,2026-05,figures",
            "url",
            "of the form",
        ),
        (
            "losses.csv",
            "Pythia-160M,wikitext2,4.0696",
            "Pythia-160M,wikitext2,",
            "loss_nats",
            "a value is needed",
        ),
    ],
)
def test_every_kind_of_rule_is_applied(spoil, file, old, new, column, allowed):
    spoil(file, old, new)
    with pytest.raises(data.DataError) as caught:
        data.load(file.removesuffix(".csv"))
    assert [problem.column for problem in caught.value.problems] == [column]
    assert allowed in caught.value.problems[0].allowed


def test_broken_keys_between_tables_are_all_caught(spoil):
    spoil("bootstrap_copy.csv", "Pythia-410M,", "Pythia-411M,")
    spoil("layer_profiles.csv", "\nOPT-30B,hidden_state,7,", "\nOPT-30B,attention_pattern,7,")
    spoil("chapters.csv", "04_width_normalization,", "04_width,")
    spoil(
        "claims.csv",
        "06_attention_heads,paper_b\nopt_ladder_crash",
        "06_attention_heads,paper_c\nopt_ladder_crash",
    )
    with pytest.raises(data.DataError) as caught:
        check_keys()
    problems = caught.value.problems
    assert {(p.table, p.column) for p in problems} == {
        ("bootstrap_copy.csv", "model"),
        ("layer_profiles.csv", "model"),
        ("claims.csv", "chapter"),
        ("claims.csv", "source_id"),
    }
    one = next(p for p in problems if p.table == "bootstrap_copy.csv")
    assert one.row == 4
    assert "Pythia-411M" in one.value
    assert one.allowed == "it must stand in paper_panel"
    pair = next(p for p in problems if p.table == "layer_profiles.csv")
    assert "OPT-30B" in pair.value
    assert "attention_pattern" in pair.value


def test_a_table_with_an_unchecked_copy_of_a_row_is_caught(spoil):
    spoil("losses.csv", "Pythia-12B,not_stated,", "Pythia-6.9B,not_stated,")
    with pytest.raises(data.DataError, match="it stands in another row too"):
        check_keys()


@pytest.mark.parametrize("which", ["paper", "open"])
def test_a_panel_has_its_columns_and_order(which):
    table = data.panel(which)
    assert list(table.columns[:6]) == ["model", "hf_id", "family", "params_b", "tokens_b", "train_flop"]
    assert list(table.columns[6:11]) == ["hellaswag", "truthfulqa_mc2", "arc_challenge", "winogrande", "mmlu"]
    assert list(table.columns[-2:]) == ["flags", "note"]
    assert table.equals(table.sort_values(["family", "params_b"], kind="stable"))
    assert table.attrs["left_out"] == []
    assert sorted(table["model"]) == sorted(data.load(f"{which}_panel")["model"])


def test_the_open_panel_comes_corrected_and_the_table_does_not():
    raw, corrected = (table.set_index("model") for table in (data.load("open_panel"), data.panel("open")))
    fixes = data.load("corrections")
    assert len(fixes) == 2
    for fix in fixes.itertuples():
        assert raw.loc[fix.model, fix.column] == fix.listed
        assert corrected.loc[fix.model, fix.column] == fix.published
    both = ["params_b", "tokens_b", *data.BENCHMARKS]
    changed = (raw[both].sort_index() != corrected[both].sort_index()) & raw[both].sort_index().notna()
    assert changed.sum().sum() == 2


def test_compute_is_six_times_parameters_times_tokens():
    row = data.panel("open").set_index("model").loc["EleutherAI/pythia-12b-deduped"]
    assert row["train_flop"] == pytest.approx(6 * 12e9 * 300e9)
    # Through the correction: 3B parameters on 627 billion tokens, not 627 trillion.
    assert data.panel("open").set_index("model").loc[
        "cerebras/btlm-3b-8k-base", "train_flop"
    ] == pytest.approx(6 * 3e9 * 627e9)
    assert data.panel("paper")["train_flop"].isna().all()


def test_missing_values_stay_missing_and_are_counted():
    table = data.panel("open")
    assert data.missing_counts(table, ["tokens_b", "train_flop", "hellaswag"]) == {
        "tokens_b": 18,
        "train_flop": 18,
    }
    assert data.missing_counts(table) == {"arc_challenge": int(table["arc_challenge"].isna().sum())}
    assert data.missing_counts(table, ["no_such_column"]) == {}
    assert not (table[list(data.BENCHMARKS)] == 0).any(axis=None)


def test_one_recipe_leaves_out_exactly_what_it_says():
    assert data.panel("paper", rows="one_recipe").attrs["left_out"] == [
        "Falcon-1B",
        "GPT-J-6B",
        "GPT-NeoX-20B",
        "Gemma-4-E4B",
        "Llama3-70B",
        "Llama3-8B",
        "Phi-3-mini-4k",
    ]
    assert len(data.panel("open", rows="one_recipe").attrs["left_out"]) == 15


@pytest.mark.parametrize("which", ["paper", "open"])
def test_left_out_and_kept_make_the_whole_panel(which):
    whole, kept = data.panel(which), data.panel(which, rows="one_recipe")
    left_out = kept.attrs["left_out"]
    assert sorted([*kept["model"], *left_out]) == sorted(whole["model"])
    reasons = whole.set_index("model").loc[left_out, "flags"]
    assert reasons.str.contains("misfiled|instruction_tuned|other_recipe|moe|duplicate").all()
    assert not kept["flags"].fillna("").str.contains("misfiled|instruction_tuned|other_recipe|moe").any()
    assert not kept["hf_id"].dropna().duplicated().any()


def test_a_new_flag_on_a_row_takes_it_out(spoil):
    spoil(
        "paper_panel.csv",
        "74.07,35.16,43.26,70.64,26.66,,",
        "74.07,35.16,43.26,70.64,26.66,estimated;misfiled,",
    )
    assert "OPT-30B" in data.panel("paper", rows="one_recipe").attrs["left_out"]


@pytest.mark.parametrize(
    ("kind", "word"), [({"which": "public"}, "'public'"), ({"which": "open", "rows": "all"}, "'all'")]
)
def test_panels_and_row_choices_that_do_not_exist(kind, word):
    with pytest.raises(ValueError, match=f"{word}; allowed are"):
        data.panel(**kind)


def test_architectures_join_row_by_row():
    table = data.panel("paper")
    joined = data.with_architecture(table)
    assert list(joined["model"]) == list(table["model"])
    row = joined.set_index("model").loc["OPT-13B"]
    assert (row["layers"], row["d_model"], row["heads"], row["vocab"]) == (40, 5120, 40, 50272)
    assert pd.isna(joined.set_index("model").loc["Gemma-4-E4B", "layers"])
    with pytest.raises(ValueError, match="'hf_id' is needed; the columns are model"):
        data.with_architecture(table[["model"]])


def test_comparison_of_the_panels_by_hand():
    pair = data.compare_panels().set_index(["model", "benchmark"]).loc[("Llama1-7B", "mmlu")]
    assert (pair["paper_pct"], pair["open_pct"], pair["difference_pp"]) == (56.1, 35.69, 20.41)


def test_the_three_copies_of_pythia_hold_the_same_eight_sizes():
    copies = data.pythia_copies()
    assert list(dict.fromkeys(copies["copy"])) == ["panel rows", "bootstrap copy", "open panel"]
    sizes = copies.groupby("copy")["params_b"].apply(list)
    assert sizes.map(lambda values: values == [0.07, 0.16, 0.41, 1.0, 1.4, 2.8, 6.9, 12.0]).all()
    assert copies["model"].nunique() == 8


def test_bootstrap_rows_take_their_sizes_from_the_panel(spoil):
    assert data.bootstrap_rows()["params_b"].notna().all()
    spoil("paper_panel.csv", "Llama2-70B,Llama-2,70.0,", "Llama2-70B,Llama-2,71.0,")
    assert data.bootstrap_rows().set_index("model").loc["Llama2-70B", "params_b"] == 71.0


def test_chance_is_looked_up_by_name():
    assert data.chance_pct("gsm8k") == 0
    with pytest.raises(KeyError, match=r"no benchmark 'hellswag'; there are .*hellaswag"):
        data.chance_pct("hellswag")
