"""Benchmarks of the reader's own: a column with its items and its chance level beside it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pandas as pd
import pytest

from cape_utils import cli
from cape_utils.data.benchmarks import benchmarks_of, chance_of, items_of, own_benchmarks
from cape_utils.data.schema import DataError
from cape_utils.data.user_scores import load_scores
from cape_utils.diagnosis.family_diagnosis import diagnose
from cape_utils.diagnosis.score_warnings import cautions
from cape_utils.evaluations.reading import read_scores
from cape_utils.scaling.coupling import local_coupling

TABLE = (
    "model,family,params_b,hellaswag,law_exam,law_exam_items,law_exam_chance\n"
    "a-1B,f,1,45,30,300,20\na-3B,f,3,60,28,300,20\na-9B,f,9,70,35,300,20\n"
)


def table(tmp_path: Path, text: str = TABLE, name: str = "mine.csv") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("read", [load_scores, read_scores])
def test_it_is_read_with_its_items_and_its_chance_level(tmp_path, read):
    scores = read(table(tmp_path))
    assert benchmarks_of(scores) == ["hellaswag", "law_exam"]
    assert items_of(scores, "law_exam").tolist() == [300, 300, 300]
    assert chance_of(scores, "law_exam") == 20.0
    again = read(scores)
    pd.testing.assert_frame_equal(again, scores)


def test_its_noise_is_that_of_its_items(tmp_path):
    scores = load_scores(table(tmp_path))
    step = local_coupling(scores, "hellaswag", "law_exam").iloc[0]
    by_hand = 100 * math.sqrt((0.30 * 0.70 + 0.28 * 0.72) / 300)
    assert step["se_dy"] == pytest.approx(by_hand, rel=1e-12)
    given = local_coupling(
        scores.rename(columns={"law_exam": "other"})[["model", "family", "params_b", "hellaswag", "other"]],
        "hellaswag",
        "other",
        items={"hellaswag": 10042, "other": 300},
    ).iloc[0]
    assert step["p_tax"] == given["p_tax"]


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        (",law_exam_chance\n", ",other\n", "column 'law_exam_chance': the column is missing; it holds: score of random"),
        (",law_exam_items,", ",other,", "column 'law_exam_items': the column is missing"),
        ("28,300,20", "28,300,25", "line 3, column 'law_exam_chance': got '25'; one benchmark has one chance level; write 20"),
        ("28,300,20", "28,,20", "line 3, column 'law_exam_items': got ''; a value is needed: number of test items of law_exam"),
        ("28,300,20", "28,0,20", "expected a whole number, at least 1"),
        ("28,300,20", "28,300,100", "at most 99"),
        ("28,300,20", "0.28,300,20", "line 3, column 'law_exam': got '0.28'; scores are in percent"),
        ("28,300,20", "128,300,20", "line 3, column 'law_exam': got '128'; expected a number in percent"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_it_is_said_with_the_remedy(tmp_path, right, wrong, words):
    assert right in TABLE
    for read in (load_scores, read_scores):
        with pytest.raises(DataError) as caught:
            read(table(tmp_path, TABLE.replace(right, wrong)))
        # A tolerant reader leaves out a column that says nothing, a strict one names it too.
        assert words in str(caught.value)


def test_what_only_looks_like_one_is_none():
    given = ["model", "average", "hellaswag", "hellaswag_items", "mmlu_items", "law exam", "law exam_items"]
    assert own_benchmarks([*given, "9lives", "9lives_items", "a_items", "a_items_items"]) == []


def test_a_hard_one_may_score_below_one_percent(tmp_path):
    low = (
        TABLE.replace("30,300,20", "0.4,300,0")
        .replace("28,300,20", "0.8,300,0")
        .replace("35,300,20", "0.9,300,0")
    )
    assert load_scores(table(tmp_path, low))["law_exam"].tolist() == [0.4, 0.8, 0.9]


def test_fractions_are_read_as_fractions_where_every_score_is_one(tmp_path):
    text = TABLE
    for percent in ("45", "60", "70", "30", "28", "35"):
        text = text.replace(f",{percent},", f",0.{percent},")
    scores = read_scores(table(tmp_path, text))
    assert scores["law_exam"].tolist() == [30.0, 28.0, 35.0]
    assert scores["law_exam_items"].tolist() == [300, 300, 300]


def test_its_cautions_name_its_chance_level(tmp_path):
    scores = load_scores(table(tmp_path, TABLE.replace("28,300", "21,300")))
    found = [one for one in cautions(scores) if one.benchmark == "law_exam"]
    assert [(one.kind, one.models) for one in found] == [("chance", ("a-3B",))]
    assert found[0].text == "law_exam cannot be told from guessing (20%) by its test items"


@pytest.mark.parametrize(
    ("x", "y"), [("hellaswag", "law_exam"), ("law_exam", "hellaswag"), ("law_exam", "bar")]
)
def test_a_family_is_diagnosed_on_it(tmp_path, capsys, x, y):
    text = "\n".join(
        line + extra
        for line, extra in zip(
            TABLE.splitlines(), (",bar,bar_items,bar_chance", ",10,80,0", ",14,80,0", ",30,80,0"), strict=True
        )
    )
    path = table(tmp_path, text)
    found = diagnose(load_scores(path), x=x, y=y)
    assert cli.main(["diagnose", str(path), "--x", x, "--y", y, "--json"]) == 0
    (family,) = json.loads(capsys.readouterr().out)
    assert family["probability"] == pytest.approx(found.probability)
    assert family["x"] == x
    with pytest.raises(ValueError, match=r"no benchmark 'nosuch'; allowed are hellaswag.*, law_exam, bar"):
        diagnose(load_scores(path), x=x, y="nosuch")
