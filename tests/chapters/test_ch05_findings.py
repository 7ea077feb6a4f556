"""Chapter 05: the words turn with the numbers, and the tables speak words."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cape_utils.chapters.ch05_recipes import findings, generations, recompute, second_labels
from cape_utils.stats import formatting
from cape_utils.stats.results import Estimate

OPEN, PAPER = recompute.PANELS.values()
TRUTH, HELLASWAG, EQUAL = recompute.MEASURES


def fields(low=(1.0, -1.0, -2.0), measure=TRUTH) -> pd.DataFrame:
    """Two curated recipes and a web-trained one."""
    table = pd.DataFrame(
        {"recipe": ["Qwen2", "SmolLM", "OPT"], "line": ["Qwen", "SmolLM", "OPT"], "low": low}
    )
    kinds = ["curated", "curated", "web"]
    return table.assign(kind=kinds, panel=OPEN, measure=measure, above=[0, 3, 0], rank_p=[0.06, 0.2, 0.5])


def choices(low: float) -> pd.DataFrame:
    rows = [("Qwen2", low), ("Qwen2", 5.0), ("SmolLM", -1.0), ("SmolLM", 2.0)]
    return pd.DataFrame(rows, columns=["recipe", "h"]).assign(panel=OPEN, kind="curated")


def effects(p=0.2) -> pd.DataFrame:
    row = {"step": 6.7, "low": 2.4, "high": 9.7, "null_low": -4.3, "null_high": 4.8, "p": p}
    return pd.DataFrame([{"panel": OPEN, "measure": TRUTH, **row}, {"panel": PAPER, "measure": TRUTH, **row}])


def steps(smol=-0.1, qwen=(0.4, 0.3)) -> pd.DataFrame:
    coupling = [smol, *qwen, -0.2, 9.0]
    table = pd.DataFrame({"family": ["SmolLM", "Qwen2.5", "Qwen2.5", "OPT", "OPT"], "coupling": coupling})
    kinds = ["curated", "curated", "curated", "web", "web"]
    return table.assign(mid_params_b=[0.3, 1.0, 2.0, 1.0, 30.0], kind=kinds)


def fit(tokens=(-3.9, 3.5), size=4.0, p=0.0002) -> pd.DataFrame:
    rows = [
        ("log_tokens", np.mean(tokens), *tokens, 0.39),
        ("log_size", size, 1, 9, 0.01),
        ("curated", 4.8, 1.5, 8, p),
    ]
    return pd.DataFrame(rows, columns=["term", "estimate", "low", "high", "p"]).assign(n=31)


@pytest.mark.parametrize(
    ("errors", "words"),
    [
        (
            {OPEN: [4, 3, 3.5], PAPER: [4, 3, 3.5]},
            ("is the best of the three on both", "1.0 points less than"),
        ),
        ({OPEN: [3, 4, 5], PAPER: [4, 3, 3.5]}, ("is best on 1 of 2 panels", "1.0 points more than")),
    ],
)
def test_the_degree_that_errs_least(errors, words):
    text = findings.quadratic_errs_least(pd.DataFrame(errors, index=[1, 2, 3])).data
    assert [word for word in words if word not in text] == []


def test_curated_recipes_above_and_inside_the_band():
    text = findings.curated_recipes(fields()).data
    assert "1 of 2 curated recipes have an interval above zero, of 1 lines (Qwen); beside 1 stands" in text
    assert "Of the 1 web-trained recipes 0 have" in text
    assert "Of the 1 web-trained recipes 1 have" in findings.curated_recipes(fields((1, -1, 2))).data


def test_truth_or_everything_compares_points_and_spreads():
    wide = pd.DataFrame(
        {TRUTH: [8, 5.0, 0], HELLASWAG: [6, 9.0, 9], EQUAL: [7, 1.0, 0]}, index=["A", "B", "C"]
    )
    table = pd.concat([fields(), fields(measure=EQUAL).assign(recipe=["A", "B", "web"])])
    table.loc[table["recipe"] == "Qwen2", "recipe"] = "A"
    text = findings.truth_or_everything(wide, pd.Series({TRUTH: 1.0, HELLASWAG: 3.0}), table).data
    assert "for 1 of 3 curated recipes. But web-trained lines differ 3.0 times" in text
    assert "by more for 2.\n\nAt equal HellaSwag 1 still lie above the interval: A." in text
    assert text.endswith("TruthfulQA: B, C.")


@pytest.mark.parametrize(
    ("p", "smol", "qwen", "words"),
    [
        (
            0.02,
            -0.1,
            (0.4, 0.3),
            ("in 2.0% of the cases, which is beyond", " falls from", "show no dip there"),
        ),
        (
            0.3,
            0.1,
            (0.4, -0.3),
            ("which is not beyond", " rises from", "and -0.30: the public scores dip there too"),
        ),
    ],
)
def test_small_recipes(p, smol, qwen, words):
    table = steps(smol, qwen)
    text = findings.small_recipes(table, table, SimpleNamespace(p=p)).data
    assert [word for word in ("web-trained steps 0 of 1 are", *words) if word not in text] == []


def test_kinds_are_permuted_among_lines_and_kinds():
    table = steps().assign(line=["SmolLM", "Qwen", "Qwen", "OPT", "OPT"])
    null = generations.small_steps_null(table, draws=200)
    assert null.observed == pytest.approx(2 / 3)
    assert "3 groups" in null.method
    with pytest.raises(ValueError, match="the groups are OPT web"):
        generations.small_steps_null(table[table["kind"] == "web"])


def test_generation_changes():
    rows = pd.DataFrame(
        {"before": ["Llama-1", "Qwen2.5"], "after": ["Llama-2", "Qwen3"], "d_truthfulqa_mc2": [4.6, -5.4]}
    )
    rows = rows.assign(low=-10, high=-0.6, from_b=7.0, to_b=7.0, clear=[True, False], clear_all=False)
    rows.attrs["unmatched"] = ["Phi-1.5 and Phi-2"]
    paper = rows.assign(d_truthfulqa_mc2=[11.8, -5.0])
    text = findings.generation_changes({OPEN: rows, PAPER: paper}).data
    assert "Over 2 pairs of the open panel TruthfulQA changes by -0.4 points on average; 1 leave" in text
    assert "goes by -5.0 [-10.0, -0.6]" in text
    assert "rows give +11.8 and one harness +4.6.\n- No pair of similar size: Phi-1.5 and Phi-2." in text


@pytest.mark.parametrize(("later", "word"), [(0.87, "the lower."), (0.99, "the higher.")])
def test_released_cosines(later, word):
    rows = [("Qwen2.5", "a", 0.8, "repeated_score;contradicted"), ("Qwen3", "b", 0.8, None)]
    rows += [("Gemma", "Gemma-3-4B", 0.96, None), ("Gemma", "Gemma-4-E4B", later, "text_only")]
    inner = pd.DataFrame(rows, columns=["family", "model", "mean_cosine", "flags"])
    text = findings.released_cosines(inner).data
    assert text.startswith("1 of the 2 figures of Qwen")
    assert text.endswith(word)


def test_phi_matches_counts_sizes_beyond_ten_billion_and_none():
    corpora = ("coupling", "TruthfulQA", "HellaSwag")
    sizes = {
        panel: {f"{s}, described corpora": f"{s} of {panel}" for s in corpora} for panel in (OPEN, PAPER)
    }
    small = pd.DataFrame({"matches_b": [5.0, 20.0, np.nan]})
    text = findings.phi_matches(sizes, small, pd.DataFrame({"matches_b": [0.3, np.nan, 2.4]})).data
    assert "so 2 of 3 web-trained models" in text
    assert "match 0.3B to 2.4B" in text
    assert f"TruthfulQA of {PAPER} on the paper's panel and TruthfulQA of {OPEN} on the open one" in text


@pytest.mark.parametrize(
    ("truth", "words"),
    [
        (fit(), ("longer training does not explain", "when large", "curated: +4.8 [+1.5, +8.0], p < 0.001.")),
        (
            fit((1.0, 3.0), size=-2.0, p=0.04),
            ("longer training has a part in", "-2.0 for a tenfold", "when small", "p = 0.040"),
        ),
    ],
)
def test_longer_training(truth, words):
    fits = {TRUTH: truth, HELLASWAG: fit((-6, 10))}
    text = findings.longer_training(fits, fit((3, 11)), ["DeciLM", "Qwen2"], fields()).data
    assert [
        w
        for w in (*words, "a tenfold goes with +2.0 [-6.0, +10.0]", "and with +7.0 [+3.0, +11.0]")
        if w not in text
    ] == []
    assert "DeciLM, Qwen2; 1 of these" in text


@pytest.mark.parametrize(
    ("low", "words"),
    [
        (1.0, "turns the sign for SmolLM, and for no recipe whose interval lay above zero."),
        (-1.0, "turns the sign for Qwen2, SmolLM, some of which had an interval above zero."),
    ],
)
def test_class_of_recipes(low, words):
    text = findings.class_of_recipes(effects(p=0.2), fields(), choices(low)).data
    assert words in text
    assert (
        "lie 6.7 points [2.4, 9.7] above web-trained ones, and the null reaches 4.8.\n\nOf 2 tests here 0 have"
        in text
    )
    assert "Above every web-trained line lie 1 curated recipes, but with so few lines" in text
    none = choices(low).query("h > 0")
    assert "turns the sign for none, and" in findings.class_of_recipes(effects(0.01), fields(), none).data


def step(p, value=6.7):
    return Estimate(value, 2.4, 9.7, 100, ""), SimpleNamespace(p=p)


@pytest.mark.parametrize(
    ("by_words", "p", "words"),
    [
        (["web", "curated"], (0.001, 0.002), "differ on 0. None of them is web by one"),
        (["web", "unpublished"], (0.001, 0.002), "differ on 1. None of them is web by one"),
        (["code", "curated"], (0.001, 0.002), "For 1 of them the words decide whether"),
        (["web", "curated"], (0.001, 0.002), "it is outside its null either way."),
        (["web", "curated"], (0.2, 0.3), "it is inside its null either way."),
        (["web", "curated"], (0.001, 0.3), "it depends on who labels."),
    ],
)
def test_two_labellings(by_words, p, words):
    labels = pd.DataFrame(
        {"recipe": ["A", "B"], "line": ["a", "b"], "kind": ["web", "curated"], "by_words": by_words}
    )
    agreed = second_labels.Agreement(Estimate(0.9, 0.8, 1.0, 2, ""), Estimate(0.86, 0.7, 1.0, 2, ""))
    text = findings.second_labelling(labels, agreed, {"table": step(p[0]), "words": step(p[1], 7.0)}).data
    assert words in text
    assert (
        "agree on 90% of 2 recipes [80%, 100%], lines resampled.\n\nCohen's kappa is 0.86 [0.70, 1.00]"
        in text
    )
    assert "is 6.7 points with the table's labels (p = " in text
    assert "and 7.0 with the words' (p = " in text
    labels["reason"] = "x"
    assert len(findings.labels_table(labels).rows) == (labels["kind"] != labels["by_words"]).sum()


def test_models_and_claims_are_counted():
    rows = pd.DataFrame({"kind": ["web", "web", "curated"], "recipe": ["a", "a", "b"]})
    rows.attrs["left_out"] = ["x", "y"]
    text = findings.models_and_recipes({OPEN: rows, PAPER: rows}).data
    assert "- In the open panel n = 3 models of 2 recipes, 2 of them web and 1 curated." in text
    assert "Left out are 4 rows" in text
    side = pd.DataFrame({"claim": ["a", "b"], "measures": [generations.COSINE, generations.SCORES]})
    assert findings.cosines_and_scores(side).data.startswith("1 of the 2 claims are cosines (`a`).")


def test_tables_speak_words():
    side = generations.measured_claims()
    wide = pd.DataFrame(
        {TRUTH: [8.0], HELLASWAG: [6.0], EQUAL: [7.0]}, index=pd.Index(["Qwen2"], name="recipe")
    )
    sd = pd.Series({TRUTH: 1.0, HELLASWAG: 3.0})
    small = pd.DataFrame({"model": "m", "line": "l", "params_b": 1.0, "score": 40.0, "matches_b": [np.nan]})
    errors = pd.DataFrame({OPEN: [3.891, 3.0]}, index=[1, 2])
    shown = {
        "claims": findings.claims_table(side),
        "degrees": findings.degree_table(errors),
        "scores": findings.scores_table(wide, sd),
        "sizes": findings.size_table({OPEN: {"coupling": "8.6B"}}),
        "web": findings.web_match_table(small),
        "fits": findings.regression_table({TRUTH: fit()}),
        "class": findings.class_table(effects(0.0001)),
    }
    assert all("_" not in words for one in shown.values() for words in one.headings)
    assert max(len(one.headings) for one in shown.values()) <= 7
    flags = {row[2]: row[-1] for row in shown["claims"].rows}
    assert flags["Gemma-4-E4B"] == "cosine: text only; scores: instruction tuned"
    assert flags["Phi-2"] == ""
    assert shown["degrees"].rows == ((OPEN, "3.89", "3.00"),)
    assert shown["scores"].rows == (("Qwen2", "8.0", "6.0", "7.0", "yes", "yes"),)
    assert shown["sizes"].headings == ("reading", OPEN)
    assert shown["web"].rows[0][-1] == formatting.DASH
    assert shown["fits"].rows[2] == (TRUTH, "being curated", "4.8 [1.5, 8.0]", "< 0.001", "31")
    assert shown["class"].rows[0][2:] == ("6.7 [2.4, 9.7]", "[-4.3, 4.8]", "< 0.001")
