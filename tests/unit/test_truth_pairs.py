"""The endings of the truth pairs do not give the truth away, and endings that do are found out."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

from cape_utils import data
from cape_utils.chapters.ch10_steering.ending_bias import completion_bias

FEATURES = ("words", "characters", "length")
PAIRS = data.load("truth_pairs")
KINDS = {kind: part.reset_index(drop=True) for kind, part in PAIRS.groupby("kind")}


def random_pairs(seed: int, topics: int = 5, each: int = 16) -> pd.DataFrame:
    """Pairs whose endings are random words, the same for true and false."""
    rng = np.random.default_rng(seed)
    vocabulary = [a + b for a in ("ba", "ko", "li", "su") for b in ("na", "rem", "tol", "p")]

    def ending() -> str:
        return f" {' '.join(rng.choice(vocabulary, size=rng.integers(1, 4), replace=False))}."

    rows = [(f"topic {n % topics}", ending(), ending()) for n in range(topics * each)]
    table = pd.DataFrame(rows, columns=["topic", "true_completion", "false_completion"])
    return table[table["true_completion"] != table["false_completion"]]


@pytest.mark.parametrize("features", FEATURES)
def test_mirrored_endings_leave_exactly_one_half(features):
    bias = completion_bias(PAIRS, features=features, draws=500)
    assert bias.estimate == 0.5
    assert bias.at_chance
    assert bias.n == len(PAIRS)
    assert bias.low < 0.5 < bias.high


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("features", FEATURES)
def test_each_kind_alone_is_at_chance(features, kind):
    # Here no ending stands on both sides, so this could fail where the whole table cannot.
    bias = completion_bias(KINDS[kind], features=features, draws=2000)
    assert bias.at_chance, bias
    assert bias.p > 0.05


@pytest.mark.parametrize("features", FEATURES)
@pytest.mark.parametrize("penalty", [0.1, 10.0])
def test_at_chance_does_not_hang_on_the_penalty(features, penalty):
    assert completion_bias(KINDS["misconception"], features=features, penalty=penalty).at_chance


@pytest.mark.parametrize(
    ("features", "spoil"),
    [
        ("words", lambda text: text.replace(" ", " only ", 1)),
        ("characters", lambda text: text.replace(".", "ish.")),
        ("length", lambda text: text.replace(".", " by and large.")),
    ],
)
def test_a_mark_on_false_endings_is_found(features, spoil):
    marked = PAIRS.copy()
    third = np.arange(len(marked)) % 3 == 0
    marked.loc[third, "false_completion"] = marked.loc[third, "false_completion"].map(spoil)
    bias = completion_bias(marked, features=features, draws=300)
    assert bias.estimate > bias.null_high
    assert bias.p < 0.01


def test_a_mark_within_one_topic_is_of_no_use_on_the_others():
    marked = PAIRS.copy()
    one = marked["topic"] == "food"
    marked.loc[one, "false_completion"] = marked.loc[one, "false_completion"].str.replace(".", " zzz.")
    assert completion_bias(marked, features="words", draws=99).at_chance


def test_without_any_difference_p_is_uniform():
    values = [completion_bias(random_pairs(seed), features="words", draws=99).p for seed in range(40)]
    assert np.mean(np.array(values) <= 0.05) <= 0.15
    assert 0.35 < np.mean(values) < 0.7


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("analyzer", ["word", "char_wb"])
def test_logistic_regression_finds_no_more(kind, analyzer):
    # Another learner on single endings, written without the module's code.
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import LeaveOneGroupOut
    from sklearn.pipeline import make_pipeline

    part = KINDS[kind]
    texts = np.array([*part["true_completion"], *part["false_completion"]])
    labels = np.repeat([1, 0], len(part))
    topics = np.tile(part["topic"].to_numpy(dtype=str), 2)
    scores = np.zeros(len(texts))
    for train, test in LeaveOneGroupOut().split(texts, labels, topics):
        grams = (1, 1) if analyzer == "word" else (2, 4)
        model = make_pipeline(TfidfVectorizer(analyzer=analyzer, ngram_range=grams), LogisticRegression(C=10))
        scores[test] = model.fit(texts[train], labels[train]).decision_function(texts[test])
    gap = scores[: len(part)] - scores[len(part) :]
    share = np.mean((np.sign(np.where(np.abs(gap) < 1e-9, 0, gap)) + 1) / 2)
    assert abs(share - 0.5) < 1.96 * 0.5 / np.sqrt(len(part)) + 0.02


def test_wilson_interval_is_that_of_statsmodels():
    from statsmodels.stats.proportion import proportion_confint

    bias = completion_bias(KINDS["misconception"], features="characters", draws=9)
    expected = proportion_confint(bias.estimate * bias.n, bias.n, method="wilson")
    assert (bias.low, bias.high) == pytest.approx(expected)


def test_same_seed_same_result_and_order_of_rows_leaves_the_share():
    part = KINDS["misconception"]
    one = completion_bias(part, features="characters", draws=50, rng=3)
    assert one == completion_bias(part, features="characters", draws=50, rng=np.random.default_rng(3))
    shuffled = part.sample(frac=1, random_state=1)
    assert completion_bias(shuffled, features="characters", draws=50).estimate == one.estimate


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda t: t.drop(columns="topic"), {}, r"\['topic'\] are missing"),
        (lambda t: t.assign(topic="one"), {}, "at least two"),
        (lambda t: t.assign(false_completion=t["true_completion"]), {}, "two different endings"),
        (lambda t: t.assign(topic=t["topic"].mask(t.index == 0)), {}, "1 rows lack"),
        (lambda t: t, {"features": "vowels"}, "'words', 'characters', 'length'"),
        (lambda t: t, {"draws": 0}, "at least 1"),
        (lambda t: t, {"penalty": 0.0}, "a positive number"),
    ],
)
def test_bad_input_is_refused_with_a_remedy(change, options, message):
    with pytest.raises(ValueError, match=message):
        completion_bias(change(PAIRS.copy()), **options)


def test_without_scikit_learn_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    with pytest.raises(ModuleNotFoundError, match=r"cape-book\[models\]"):
        completion_bias(PAIRS)
