"""Any two benchmarks of any table of models: the paper's pair is one case of it, and what is not known is said."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest

from cape_utils import cli
from cape_utils.data.schema import DataError
from cape_utils.frontier import benchmark_pair, model_diagnosis, regression
from cape_utils.frontier.benchmark_pair import GPQA, SWE, make_pair, read_population
from cape_utils.reports import frontier_words

X = [20.0, 30, 40, 50, 60, 70, 80]
RIPPLE = [1.0, -1, 1, -1, 1, -1, 0]
LINE = [10 + 0.5 * x + r for x, r in zip(X, RIPPLE, strict=True)]


def models(n: int = 7, **more) -> pd.DataFrame:
    dates = ["2023", "2024-05", "2024-11-03", "2025", "2025-07", "2026-01", "2026-02"]
    table = {"model": list("abcdefg"), "lab": list("PPPQQQQ"), "released": dates, "mmlu": X, "hle": LINE}
    return pd.DataFrame({**table, **more}).head(n)


PAIR = make_pair("mmlu", "hle", items={"hle": 2500})


def diagnosed(x: float, y: float, table: pd.DataFrame | None = None, pair=PAIR, **options):
    read = read_population(models() if table is None else table, pair)
    return model_diagnosis.frontier_diagnosis(x, y, pair=pair, table=read, **options)


def test_the_line_and_h_by_hand():
    here = diagnosed(45.0, 40.0).location
    slope, intercept = np.polyfit(X, LINE, 1)
    assert here.h == pytest.approx(40 - intercept - slope * 45)
    se = math.hypot(100 * math.sqrt(0.4 * 0.6 / 2500), slope * 100 * math.sqrt(0.45 * 0.55 / 14042))
    assert here.h_high - here.h == pytest.approx(1.96 * se)
    assert (here.n, here.as_dict()["mmlu"], here.as_dict()["hle"]) == (7, 45.0, 40.0)


def test_the_papers_pair_brought_as_a_table_gives_what_the_book_gives():
    book = model_diagnosis.frontier_diagnosis(80.0, 91.0)
    own = model_diagnosis.frontier_diagnosis(80.0, 91.0, table=read_population(regression.models()))
    assert own.location == book.location
    assert own.evidence == book.evidence
    renamed = regression.models().rename(columns={SWE: "one", GPQA: "two"})
    pair = make_pair("one", "two", items={"one": 500, "two": 198})
    other = diagnosed(80.0, 91.0, renamed, pair)
    assert other.location.h == book.location.h
    assert other.location.h_low == pytest.approx(book.location.h_low)
    assert (
        other.saturation == model_diagnosis.frontier_diagnosis(80, 91, table=regression.models()).saturation
    )


def test_a_lab_is_held_against_the_line_of_its_own_table():
    found = diagnosed(45.0, 60.0, lab="P")
    assert [r.model for r in found.history] == ["a", "b", "c"]
    slope, intercept = np.polyfit(X, LINE, 1)
    assert found.history[-1].h == pytest.approx(LINE[2] - intercept - slope * X[2])
    assert (found.band, found.band_sure, found.changed) == ("above", True, True)
    assert found.location.position == "hle specialist"
    json.dumps(found.as_dict(), allow_nan=False)


def test_families_stand_in_for_labs():
    table = models().rename(columns={"lab": "family"})
    assert diagnosed(45.0, 40.0, table, lab="Q").history == diagnosed(45.0, 40.0, lab="Q").history


def test_without_a_number_of_items_there_is_no_range_and_it_says_so():
    found = diagnosed(45.0, 60.0, pair=make_pair("mmlu", "hle"))
    assert math.isnan(found.location.h_low)
    assert (found.band, found.band_sure) == ("above", False)
    assert any("number of test items of hle is not known" in words for words in found.cautions)
    (axis,) = [axis for axis in found.axes if axis.benchmark == "hle"]
    assert (axis.spread > 0, math.isnan(axis.ratio)) == (True, True)
    assert "noise not known" in frontier_words.axis_words(axis)
    assert "[range not known]" in frontier_words.place_words(found.location)[0]
    assert found.as_dict()["location"]["h_low"] is None
    json.dumps(found.as_dict(), allow_nan=False)


def test_items_that_are_known_silence_the_caution_of_unknown_ones():
    assert not any("number of test items" in words for words in diagnosed(45.0, 60.0).cautions)


@pytest.mark.parametrize(("n", "ratio", "cases"), [(4, False, False), (5, True, False), (6, True, True)])
def test_few_models_leave_the_saturation_ratio_open(n, ratio, cases):
    found = diagnosed(45.0, 40.0, models(n))
    assert math.isnan(found.saturation) != ratio
    assert math.isnan(found.saturation_low) != cases
    assert not found.rotate


def test_a_line_that_is_hardly_known_says_so_and_a_good_one_does_not():
    rough = models(hle=[10.0, 60, 20, 70, 15, 65, 40])
    words = " ".join(diagnosed(45.0, 40.0, rough).cautions)
    assert "known only to" in words
    assert "may be zero" in words
    quiet = " ".join(diagnosed(45.0, 40.0).cautions)
    assert "known only to" not in quiet
    assert "may be zero" not in quiet
    assert "outside the models" in " ".join(diagnosed(95.0, 60.0).cautions)
    assert "outside the models" not in quiet


def test_a_model_that_the_line_knows_is_named():
    assert any("c has them" in words for words in diagnosed(X[2], LINE[2]).cautions)
    assert not any("has them" in words for words in diagnosed(41.0, LINE[2]).cautions)


def test_no_claim_of_the_papers_is_lent_to_another_pair():
    found = diagnosed(45.0, 40.0)
    assert (found.grade, found.evidence) == ("not tested", ())
    assert any("nobody tested them on MMLU and hle" in words for words in found.cautions)
    assert "no claim of the papers is about this pair" in frontier_words.playbook_words(found)["trust"]


# The table, the pair, what the message must hold.
BROKEN = {
    "no such column": (models(), ("mmlu", "aime"), ["'aime'", "the column is missing", "holds model, lab"]),
    "a word for a score": (
        models(hle=["x"] * 7),
        ("mmlu", "hle"),
        ["line 2", "got 'x'", "a number in percent"],
    ),
    "beyond 100": (models(mmlu=[101.0] * 7), ("mmlu", "hle"), ["got '101.0'", "at most 100"]),
    "fractions": (models(mmlu=[x / 100 for x in X]), ("mmlu", "hle"), ["looks like a fraction"]),
    "fractions of a benchmark nobody knows": (
        models(hle=[y / 100 for y in LINE]),
        ("mmlu", "hle"),
        ["'hle'", "probably fractions", "multiply by 100"],
    ),
    "a date in words": (
        models(released=["May"] * 7),
        ("mmlu", "hle"),
        ["'released'", "got 'May'", "of the form"],
    ),
    "a model twice": (models(model=["a"] * 7), ("mmlu", "hle"), ["got 'a'", "another row too"]),
    "no model": (models().drop(columns="model"), ("mmlu", "hle"), ["'model'", "the column is missing"]),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_table_of_models_is_refused_with_its_place(case, tmp_path, capsys):
    table, (x, y), words = BROKEN[case]
    with pytest.raises(DataError) as caught:
        read_population(table, make_pair(x, y))
    path = tmp_path / "models.csv"
    table.to_csv(path, index=False)
    assert cli.main(["frontier", "--x", f"{x}=50", "--y", f"{y}=40", "--table", str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    for word in words:
        assert word in str(caught.value)
        assert word in err
    assert all(line.startswith("cape frontier: ") for line in err.splitlines())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: diagnosed(45, 40, models(3)), "holds 3 models with both mmlu and hle, and a line needs 4"),
        (lambda: diagnosed(45, 40, models(mmlu=[50.0] * 7)), "every model has the same mmlu"),
        (lambda: diagnosed(45, 40, models(hle=[50.0] * 7)), "every model has the same hle"),
        (lambda: diagnosed(45, 140), "hle 140 is out of range"),
        (lambda: diagnosed(45, 40, lab="Z"), "no lab 'Z'; the labs are P, Q"),
        (lambda: diagnosed(45, 40, models().drop(columns="lab"), lab="P"), "names none, so add a column lab"),
        (
            lambda: diagnosed(45, 40, models().drop(columns="released"), lab="P"),
            "needs dates, and 'a', 'b', 'c' has none",
        ),
        (lambda: make_pair("mmlu", "mmlu"), "both mmlu; a frontier needs two"),
        (lambda: make_pair("mmlu", "hle", items={"gsm8k": 9}), "'gsm8k'; allowed are the two of the pair"),
        (
            lambda: make_pair("mmlu", "hle", items={"hle": 0}),
            "got 0 items of hle, expected a number above 0",
        ),
        (
            lambda: model_diagnosis.frontier_diagnosis(50, 50, pair=make_pair("mmlu", GPQA)),
            r"holds 0 models with both mmlu and gpqa_diamond.*ifeval \(4\)",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_words(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_columns_that_nobody_asked_for_may_stand_in_the_table():
    table = models(url="https://example.org", aime=["n/a"] * 7)
    assert diagnosed(45.0, 40.0, table).location == diagnosed(45.0, 40.0).location
    assert "url" not in read_population(table, PAIR)


def test_a_missing_score_is_a_model_less_and_no_error():
    table = models(hle=[None, *LINE[1:]])
    assert diagnosed(45.0, 40.0, table).location.n == 6


def test_the_command_says_the_same_in_words_and_json(tmp_path, capsys):
    path = tmp_path / "models.csv"
    models().to_csv(path, index=False)
    call = [
        "frontier",
        "--x",
        "mmlu=45",
        "--y",
        "hle=60",
        "--items",
        "hle=2500",
        "--table",
        str(path),
        "--lab",
        "P",
    ]
    assert cli.main([*call, "--json"]) == 0
    found = diagnosed(45.0, 60.0, lab="P")
    item = json.loads(capsys.readouterr().out)
    assert {key: item[key] for key in found.location.as_dict()} == found.location.as_dict()
    assert item["cautions"] == list(found.cautions)
    assert [release["model"] for release in item["history"]] == ["a", "b", "c"]
    assert cli.main(call) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "hle 60%, where the line of 7 models gives" in out
    assert "Releases of P, h in points:" in out
    assert "Axis to measure next: MMLU" in out
    assert out.count("Beware:") == len(found.cautions)


def test_the_papers_pair_by_either_name(capsys):
    for first, second in (("--swe", "--gpqa"), ("--x", "--y")):
        names = ("", "") if first == "--swe" else (f"{SWE}=", f"{GPQA}=")
        call = ["frontier", first, f"{names[0]}80", second, f"{names[1]}91", "--lab", "xAI", "--json"]
        assert cli.main(call) == 0
    one, two = capsys.readouterr().out.split("\n}\n{")
    assert one.strip("{}\n ") == two.strip("{}\n ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--x", "mmlu=70"], "--x NAME=PERCENT and --y NAME=PERCENT"),
        (["--swe", "70", "--y", "mmlu=70"], "two scores are needed: --swe and --gpqa, or"),
        (["--swe", "70", "--gpqa", "70", "--x", "mmlu=70", "--y", "hle=3"], "two scores are needed"),
        (["--x", "mmlu", "--y", "hle=3"], "got 'mmlu', expected NAME=NUMBER"),
        (["--x", "=70", "--y", "hle=3"], "got '=70'"),
        (["--x", "mmlu=high", "--y", "hle=3"], "got 'mmlu=high'"),
    ],
)
def test_a_call_that_cannot_be_read_says_how_to_call_it(arguments, words, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["frontier", *arguments])
    assert ended.value.code == 2
    err = " ".join(capsys.readouterr().err.split())
    assert "usage: cape frontier" in err
    assert words in err


def test_a_table_that_is_not_there(capsys):
    assert cli.main(["frontier", "--x", "a=70", "--y", "b=3", "--table", "none.csv"]) == 2
    assert (
        capsys.readouterr().err
        == "cape frontier: no file 'none.csv'; give the path of a CSV file with the columns model, a and b\n"
    )


def test_a_saturation_ratio_without_spread_is_not_known():
    assert "not known" in frontier_words.playbook_words(diagnosed(45.0, 40.0, models(4)))["saturation"]
    assert frontier_words.next_words(diagnosed(45.0, 40.0, models(4))).startswith("not known; five models")
    assert benchmark_pair.PAPER_PAIR.published


def test_headings_of_public_tables_are_known_whatever_their_case_and_spaces(tmp_path, capsys):
    path = tmp_path / "t.csv"
    rows = ["Model version,GPQA diamond,SWE-Bench verified,Release date,Organization"]
    rows += [f"m{i},{50 + 5 * i},{40 + 3 * i},2025-0{i + 1}-01,L{i % 2}" for i in range(6)]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    pair = make_pair("GPQA diamond", "SWE-Bench verified")
    assert (pair.x, pair.y) == (GPQA, SWE)
    read = read_population(path, pair)
    assert read[["model", "lab", "released", GPQA, SWE]].iloc[1].tolist() == [
        "m1",
        "L1",
        "2025-02-01",
        55.0,
        43.0,
    ]
    asked = ["frontier", "--x", "GPQA diamond=70", "--y", "SWE-Bench verified=62", "--table", str(path)]
    assert cli.main(asked) == 0
    assert "of 6 models" in capsys.readouterr().out
    asked[2] = "GPQA diamond=0.7"
    assert cli.main(asked) == 2
    assert "looks like a fraction" in capsys.readouterr().err
