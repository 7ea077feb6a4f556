"""The prompts differ between kinds in content and not in format; the endings of truth pairs give nothing away."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pandas as pd
import pytest

from cape_utils import data

PROMPTS = data.load("prompts")
PAIRS = data.load("truth_pairs")
CONTROLS = ("recipes", "small_talk")
ENDS = {"question": "?", "instruction": ".", "completion": ""}
AUXILIARY = {
    "are",
    "can",
    "could",
    "did",
    "do",
    "does",
    "have",
    "is",
    "isn't",
    "must",
    "should",
    "were",
    "will",
    "would",
}
# Words that would mark one side of a pair if they stood on it more often.
MARKING = {
    *("always", "every", "just", "mostly", "often", "only", "really", "usually"),
    *("cannot", "never", "no", "nobody", "none", "not", "nothing"),
}


def words(text: str) -> list[str]:
    return re.findall(r"[\w'-]+", text.lower())


def groups(prompts: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The three kinds and, as they are used one by one too, the two control subsets."""
    found = {str(kind): part for kind, part in prompts.groupby("kind")}
    return found | {name: prompts[prompts["topic"] == name] for name in CONTROLS}


def near_duplicates(texts: list[str], limit: float = 0.8) -> list[tuple[str, str]]:
    bags = [(text, set(words(text))) for text in texts]
    return [
        (one, other)
        for (one, a), (other, b) in itertools.combinations(bags, 2)
        if len(a & b) / len(a | b) >= limit
    ]


def format_faults(prompts: pd.DataFrame) -> list[str]:
    """What would let a reader tell the kinds apart by form alone."""
    found = groups(prompts)
    faults = []
    for name, part in found.items():
        share = part["form"].value_counts(normalize=True)
        if set(share.index) != set(ENDS) or len(set(share)) != 1:
            faults.append(f"forms of {name}: {share.to_dict()}")
    lengths = {name: part["prompt"].map(lambda text: len(words(text))) for name, part in found.items()}
    means = [length.mean() for length in lengths.values()]
    if max(means) - min(means) > 1:
        faults.append(f"mean words: {means}")
    spreads = [length.std() for length in lengths.values()]
    if max(spreads) > 1.5:
        faults.append(f"spread of words: {spreads}")
    return faults


def test_there_are_enough_prompts_of_each_kind():
    assert {name: len(part) for name, part in groups(PROMPTS).items()} == {
        "reasoning": 66,
        "truthfulness": 66,
        "control": 66,
        "recipes": 33,
        "small_talk": 33,
    }
    control = PROMPTS["kind"] == "control"
    assert set(PROMPTS.loc[control, "topic"]) == set(CONTROLS)
    assert not PROMPTS.loc[~control, "topic"].isin(CONTROLS).any()


def test_each_topic_of_a_kind_comes_in_every_form():
    counts = PROMPTS.groupby(["kind", "topic", "form"]).size().unstack(fill_value=0)
    assert (counts >= 2).all(axis=None), counts


def test_identifiers_name_the_kind_and_count_up():
    for kind, part in PROMPTS.groupby("kind", sort=False):
        assert part["prompt_id"].tolist() == [f"{kind}_{n:03d}" for n in range(1, len(part) + 1)]


def test_kinds_share_their_forms_and_lengths():
    assert format_faults(PROMPTS) == []


def test_one_form_too_many_and_longer_prompts_would_be_seen():
    other_form = PROMPTS.copy()
    other_form.loc[other_form.index[0], "form"] = "completion"
    longer = PROMPTS.copy()
    longer.loc[longer["kind"] == "reasoning", "prompt"] += " and so on"
    for spoilt, fault in ((other_form, "forms of reasoning"), (longer, "mean words")):
        (came,) = format_faults(spoilt)
        assert came.startswith(fault)


def test_lengths_match_within_each_form_too():
    length = PROMPTS["prompt"].map(lambda text: len(words(text)))
    means = length.groupby([PROMPTS["form"], PROMPTS["kind"]]).mean().unstack()
    assert ((means.max(axis=1) - means.min(axis=1)) < 1).all(), means


def test_each_form_ends_as_it_should_and_holds_one_sentence():
    for row in PROMPTS.itertuples():
        text = str(row.prompt)
        assert text[0].isupper(), text
        body = text.removesuffix(ENDS[str(row.form)])
        assert len(text) - len(body) == len(ENDS[str(row.form)]), text
        assert not re.search(r"[.?!:;]|\d|[^\x00-\x7f]", body), text
        assert body[-1].isalpha(), text


def test_yes_or_no_questions_are_as_many_in_each_kind():
    asked = PROMPTS[PROMPTS["form"] == "question"]
    closed = asked["prompt"].map(lambda text: words(text)[0] in AUXILIARY)
    assert len(set(closed.groupby(asked["kind"]).sum())) == 1


def test_no_two_prompts_are_nearly_the_same():
    assert near_duplicates(PROMPTS["prompt"].tolist()) == []


def test_a_near_duplicate_would_be_seen():
    text = str(PROMPTS["prompt"].iloc[0])
    assert near_duplicates([text, text.replace("boy", "girl")])


def test_every_topic_holds_facts_and_misconceptions_in_equal_number():
    counts = PAIRS.groupby(["topic", "kind"]).size().unstack(fill_value=0)
    assert len(counts) == 10
    assert len(PAIRS) >= 160
    assert (counts >= 8).all(axis=None)
    assert (counts["fact"] == counts["misconception"]).all()


def test_identifiers_of_pairs_name_couple_and_topic():
    assert (PAIRS["pair_id"].str[:-1] == PAIRS["couple"]).all()
    assert (PAIRS["couple"].str.rsplit("_", n=1).str[0] == PAIRS["topic"]).all()


def test_the_two_rows_of_a_couple_hold_the_same_endings_the_other_way_round():
    for couple, part in PAIRS.groupby("couple"):
        first, second = part.itertuples()
        assert {first.kind, second.kind} == {"fact", "misconception"}, couple
        assert first.true_completion == second.false_completion, couple
        assert first.false_completion == second.true_completion, couple


def test_stem_and_ending_read_as_one_sentence():
    for row in PAIRS.itertuples():
        assert row.true_completion != row.false_completion
        for ending in (str(row.true_completion), str(row.false_completion)):
            sentence = f"{row.stem}{ending}"
            assert sentence[0].isupper()
            assert sentence.endswith(".")
            assert "  " not in sentence
            assert re.fullmatch(r" [^\s.]([^.]*[^\s.])?\.", ending), sentence
            assert 1 <= len(ending.split()) <= 6, sentence
            assert sentence.count(".") == 1, sentence


def test_no_stem_stands_in_two_couples():
    # Within a couple a stem may differ by the one word that matters.
    close = near_duplicates(PAIRS["stem"].tolist())
    couple = PAIRS.set_index("stem")["couple"]
    assert [(one, other) for one, other in close if couple[one] != couple[other]] == []
    assert PAIRS["stem"].is_unique


@pytest.mark.parametrize("kind", ["fact", "misconception"])
def test_neither_side_is_longer(kind):
    part = PAIRS[PAIRS["kind"] == kind]
    true, false = part["true_completion"], part["false_completion"]
    for measure in (len, lambda text: len(text.split())):
        difference = np.array(true.map(measure) - false.map(measure))
        assert abs(difference.mean()) < 0.5
        longer, shorter = (difference > 0).sum(), (difference < 0).sum()
        # Within two standard errors of a fair coin.
        assert abs(longer - shorter) <= 2 * np.sqrt(longer + shorter)
    assert (true.str.split().str.len() == false.str.split().str.len()).mean() >= 0.9


@pytest.mark.parametrize("kind", ["fact", "misconception"])
def test_denials_hedges_and_figures_mark_neither_side(kind):
    part = PAIRS[PAIRS["kind"] == kind]

    def marked(ending: str) -> bool:
        return bool(MARKING & set(words(ending))) or bool(re.search(r"\d", ending))

    counts = [int(part[f"{side}_completion"].map(marked).sum()) for side in ("true", "false")]
    assert abs(counts[0] - counts[1]) <= 1, counts


def test_every_reference_is_an_address_of_a_known_publisher():
    hosts = {
        "en.wikipedia.org",
        "science.nasa.gov",
        "spaceplace.nasa.gov",
        "oceanservice.noaa.gov",
        "www.who.int",
        "physics.nist.gov",
        "home.cern",
        "doi.org",
        "www.merriam-webster.com",
    }
    addresses = PAIRS["source"].str.rsplit(": ", n=1).str[1]
    assert set(addresses.str.split("/").str[2]) == hosts
    assert not addresses.str.contains(r"\s").any()


# ---------------------------------------------------------------- the positive control


def sentiment_faults(pairs: pd.DataFrame) -> list[str]:
    """What would let a direction succeed by remembering words, or by the form of an ending."""
    faults = []
    endings = pd.concat([pairs["positive_completion"], pairs["negative_completion"]]).str.strip(" .")
    if twice := sorted(endings[endings.duplicated()]):
        faults.append(f"twice: {twice}")
    lengths = [
        pairs[f"{side}_completion"].map(lambda text: len(words(text))) for side in ("positive", "negative")
    ]
    if (lengths[0] != lengths[1]).any():
        faults.append(f"unequal: {pairs.loc[lengths[0] != lengths[1], 'pair_id'].tolist()}")
    said = {word for stem in pairs["stem"] for word in words(stem)} & set(endings)
    if said:
        faults.append(f"in a stem: {sorted(said)}")
    return faults


def test_sentiment_pairs_share_no_ending_and_match_in_length():
    pairs = data.load("sentiment_pairs")
    assert sentiment_faults(pairs) == []
    assert len(pairs) >= 40
    assert len(set(pairs.groupby("topic").size())) == 1
    assert near_duplicates(pairs["stem"].tolist()) == []


def test_politeness_pairs_keep_the_same_rules():
    names = {"polite_completion": "positive_completion", "rude_completion": "negative_completion"}
    pairs = data.load("politeness_pairs").rename(columns=names)
    assert sentiment_faults(pairs) == []
    assert len(pairs) >= 40
    assert len(set(pairs.groupby("topic").size())) == 1
    assert near_duplicates(pairs["stem"].tolist()) == []


def test_an_ending_used_again_and_a_longer_one_would_be_seen():
    again, longer, said = (data.load("sentiment_pairs").copy() for _ in range(3))
    again.loc[0, "negative_completion"] = again.loc[7, "negative_completion"]
    longer.loc[3, "positive_completion"] = " very charming."
    said.loc[5, "stem"] += " delicious or"
    for spoilt, fault in ((again, "twice"), (longer, "unequal"), (said, "in a stem")):
        assert any(came.startswith(fault) for came in sentiment_faults(spoilt))
