"""The reader's own table: broken files and what is said about them, and good files in every usual form."""

from __future__ import annotations

import io

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cape_utils import data
from cape_utils.data.schema import DataError, Problem, decode, read_table

HEADER = "model,family,params_b,hellaswag,truthfulqa_mc2"
ROWS = ("A-1B,A,1,40.5,44.25", "A-3B,A,3,55,38", "A-10B,A,10,70,")
GOOD = "\n".join([HEADER, *ROWS]) + "\n"


def second(row: str) -> str:
    """The good file with another second row; it is line 3."""
    return "\n".join([HEADER, ROWS[0], row, ROWS[2]]) + "\n"


# What the file is, then what its message must hold: place, what came, what is allowed, the remedy.
BROKEN = {
    "empty": ("", ["the file is empty", "a header line and rows are needed"]),
    "only blank lines": (" \n\n \n", ["the file is empty"]),
    "a header alone": (HEADER + "\n", ["a header but no row", "add one row for each model"]),
    "no family column": (
        "model,params_b,hellaswag\nA,1,40\n",
        ["line 1", "'family'", "the column is missing"],
    ),
    "no size column": ("model,family,hellaswag\nA,A,40\n", ["line 1", "'params_b'", "the column is missing"]),
    "no benchmark": (
        "model,family,params_b\nA,A,1\n",
        ["line 1", "no benchmark column", "hellaswag, truthfulqa_mc1"],
    ),
    "a misspelt column": (
        GOOD.replace("hellaswag", "helaswag"),
        ["line 1", "got 'helaswag'", "did you mean 'hellaswag'?"],
    ),
    "a column in capitals": (GOOD.replace("params_b", "Params_B"), ["line 1", "did you mean 'params_b'?"]),
    "an unheard-of column": (
        GOOD.replace("hellaswag", "zzz"),
        ["line 1", "got 'zzz'", "known columns are model"],
    ),
    "TruthfulQA of no variant": (
        GOOD.replace("truthfulqa_mc2", "truthfulqa"),
        ["line 1", "the variant matters", "truthfulqa_mc1 or truthfulqa_mc2"],
    ),
    "TruthfulQA abbreviated": (GOOD.replace("truthfulqa_mc2", "TQA"), ["got 'TQA'", "the variant matters"]),
    "a column twice": (
        GOOD.replace("truthfulqa_mc2", "hellaswag"),
        ["line 1", "'hellaswag'", "stands twice; keep one"],
    ),
    "a column without a name": (GOOD.replace("truthfulqa_mc2", ""), ["line 1", "column 5 has no name"]),
    "a short row": (second("A-3B,A,3"), ["line 3", "has 3 cells where the header has 5", "separator"]),
    "a long row": (second("A-3B,A,3,55,38,99"), ["line 3", "has 6 cells where the header has 5"]),
    "a thousands comma": (second("A-3B,A,3,1,055,38"), ["line 3", "has 6 cells where the header has 5"]),
    "a word for a number": (
        second("A-3B,A,3,good,38"),
        ["line 3", "'hellaswag'", "got 'good'", "a number in percent"],
    ),
    "a spreadsheet error": (second("A-3B,A,3,#REF!,38"), ["line 3", "'hellaswag'", "got '#REF!'"]),
    "a percent sign": (
        second("A-3B,A,3,55%,38"),
        ["line 3", "got '55%'", "write 55, without the percent sign"],
    ),
    "a decimal comma": (
        second('A-3B,A,3,"55,5",38'),
        ["line 3", "got '55,5'", "write a decimal point, 55.5"],
    ),
    "a size with its unit": (
        second("A-3B,A,3B,55,38"),
        ["line 3", "'params_b'", "got '3B'", "such as 7 or 0.41"],
    ),
    "a size in millions": (
        second("A-3B,A,700M,55,38"),
        ["line 3", "got '700M'", "the number of billions alone"],
    ),
    "a raw parameter count": (
        second("A-3B,A,7000000000,55,38"),
        ["line 3", "looks like a raw count, write 7"],
    ),
    "a size of zero": (second("A-3B,A,0,55,38"), ["line 3", "'params_b'", "got '0'", "at least 0.0001"]),
    "a negative size": (second("A-3B,A,-3,55,38"), ["line 3", "'params_b'", "got '-3'", "at least 0.0001"]),
    "a negative score": (second("A-3B,A,3,-5,38"), ["line 3", "'hellaswag'", "got '-5'", "at least 0"]),
    "a score above 100": (second("A-3B,A,3,155,38"), ["line 3", "'hellaswag'", "got '155'", "at most 100"]),
    "an infinite score": (
        second("A-3B,A,3,inf,38"),
        ["line 3", "got 'inf'", "leave the cell empty for a missing value"],
    ),
    "a number too large to hold": (second("A-3B,A,3,1e400,38"), ["line 3", "got '1e400'", "at most 100"]),
    "all scores as fractions": (
        GOOD.replace("40.5,44.25", "0.405,0.4425").replace("55,38", "0.55,0.38").replace("70,", "0.7,"),
        [
            "'hellaswag'",
            "got '0.405'",
            "scores are in percent",
            "multiply by 100 to 40.5",
            "'truthfulqa_mc2'",
        ],
    ),
    "one score as a fraction": (
        second("A-3B,A,3,0.55,38"),
        ["'hellaswag'", "got '0.55'", "multiply by 100 to 55"],
    ),
    "fractions where zero is possible": (
        "model,family,params_b,hellaswag,humaneval\nA,A,1,0.4,0.1\nB,A,2,0.5,0.2\n",
        ["'humaneval'", "so this one probably does too", "multiply by 100"],
    ),
    "a quotation mark without its twin": (
        second('"A-3B,A,3,55,38'),
        ["line 4", "quotation mark without its twin"],
    ),
    "text behind a quoted cell": (second('A-3B,A,3,"55"x,38'), ["line 3", "cannot be split into cells"]),
    "a model twice": (second("A-1B,A,3,55,38"), ["line 3", "'model'", "got 'A-1B'", "another row too"]),
    "a model twice but for spaces": (
        second(" A-1B ,A,3,55,38"),
        ["line 3", "got 'A-1B'", "another row too"],
    ),
    "no model name": (second(",A,3,55,38"), ["line 3", "'model'", "a value is needed"]),
    "no family": (second("A-3B,,3,55,38"), ["line 3", "'family'", "a value is needed"]),
    "no size": (second("A-3B,A,,55,38"), ["line 3", "'params_b'", "a value is needed"]),
    "a row of commas": (second(",,,,"), ["line 3", "the row is empty; fill it in or take it out"]),
    "a unit in the tokens": (
        "model,family,params_b,tokens_b,hellaswag\nA,A,1,300B,40\n",
        ["line 2", "'tokens_b'", "got '300B'", "a number in billion tokens"],
    ),
    "a web page": (
        "<!DOCTYPE html>\n<html></html>\n",
        ["line 1", "got '<!DOCTYPE html>'", "known columns are"],
    ),
    "bars between the columns": (
        GOOD.replace(",", "|"),
        ["line 1", "known columns are", "'model': the column is missing"],
    ),
    "a new-style spreadsheet": (b"PK\x03\x04" + b"cells" * 9, ["a spreadsheet", "save it as CSV"]),
    "an old-style spreadsheet": (b"\xd0\xcf\x11\xe0" + b"cells" * 9, ["a spreadsheet", "save it as CSV"]),
    "text in UTF-16": (GOOD.encode("utf-16"), ["binary file", "UTF-8"]),
    "text in Latin-1": (
        second("A-3B,Famé,3,55,38").encode("latin-1"),
        ["line 3", "xe9", "not UTF-8", "save the file with the encoding UTF-8"],
    ),
}


def refusal(source) -> DataError:
    with pytest.raises(DataError) as caught:
        data.load_scores(source)
    return caught.value


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_refused_with_its_place_and_remedy(kind, tmp_path):
    content, expected = BROKEN[kind]
    path = tmp_path / "mine.csv"
    raw = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(raw)
    message = str(refusal(path))
    assert message.startswith("mine.csv")
    for part in expected:
        assert part in message
    assert path.read_bytes() == raw, "the reader's file was changed"


def test_the_good_file_of_these_tests_is_good(tmp_path):
    # Every broken file above is this one with one thing wrong; were it refused itself, they would prove nothing.
    path = tmp_path / "mine.csv"
    path.write_text(GOOD, encoding="utf-8")
    table = data.load_scores(path)
    assert list(table["model"]) == ["A-1B", "A-3B", "A-10B"]
    assert list(table["hellaswag"]) == [40.5, 55.0, 70.0]
    assert table.attrs["missing"] == {"truthfulqa_mc2": 1}
    assert path.read_text(encoding="utf-8") == GOOD


def test_a_folder_and_a_file_that_is_not_there(tmp_path):
    assert "this is a folder" in str(refusal(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv.*give the path of a CSV file with scores"):
        data.load_scores(tmp_path / "nowhere.csv")


GOOD_FORMS = {
    "semicolons": GOOD.replace(",", ";"),
    "tabs": GOOD.replace(",", "\t"),
    "a byte-order mark": "\ufeff" + GOOD,
    "line ends of Windows": GOOD.replace("\n", "\r\n"),
    "no last line end": GOOD.rstrip("\n"),
    "blank lines": "\n" + GOOD.replace("\n", "\n\n"),
    "spaces around cells": GOOD.replace(",", " , "),
    "another order of rows": "\n".join([HEADER, *reversed(ROWS)]),
    "another order of columns": (
        "truthfulqa_mc2,params_b,model,hellaswag,family\n44.25,1,A-1B,40.5,A\n38,3,A-3B,55,A\n,10,A-10B,70,A\n"
    ),
    "NA": GOOD.replace("70,\n", "70,NA\n"),
    "NaN": GOOD.replace("70,\n", "70,NaN\n"),
    "n/a": GOOD.replace("70,\n", "70,n/a\n"),
    "quoted cells": GOOD.replace("A-3B,A,3", '"A-3B","A","3"'),
    "more digits": GOOD.replace("40.5", "40.500"),
    "an exponent": GOOD.replace("40.5", "4.05e1"),
}


@pytest.mark.parametrize("form", GOOD_FORMS)
def test_a_good_file_in_any_usual_form_gives_the_same_table(form, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_bytes(GOOD_FORMS[form].encode())
    table = data.load_scores(path)
    expected = data.load_scores(pd.read_csv(io.StringIO(GOOD)))
    pd.testing.assert_frame_equal(table, expected)
    assert table.attrs["missing"] == {"truthfulqa_mc2": 1}


def test_a_path_may_be_text(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(GOOD, encoding="utf-8")
    assert data.load_scores(str(path)).equals(data.load_scores(path))


def test_a_table_goes_through_the_same_door_and_is_left_alone():
    table = pd.read_csv(io.StringIO(GOOD)).iloc[::-1]
    before = table.copy()
    loaded = data.load_scores(table)
    assert list(loaded["model"]) == ["A-1B", "A-3B", "A-10B"]
    pd.testing.assert_frame_equal(table, before)
    error = refusal(table.assign(hellaswag=[155.0, 55.0, 40.0]))
    assert "the table, line 2, column 'hellaswag': got '155.0'" in str(error)


def test_every_problem_is_reported_not_only_the_first(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(f"{HEADER}\nA-1B,A,1B,40,44\nA-3B,A,3,x,38\nA-10B,A,10,70,101\n", encoding="utf-8")
    places = [(p.row, p.column, p.value) for p in refusal(path).problems]
    assert places == [(2, "params_b", "1B"), (3, "hellaswag", "x"), (4, "truthfulqa_mc2", "101")]


def test_a_long_list_of_problems_is_cut_and_counted(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(
        "model,family,params_b,hellaswag\n" + "".join(f"m{i},A,1,x{i}\n" for i in range(20)), encoding="utf-8"
    )
    error = refusal(path)
    assert len(error.problems) == 20
    assert len(str(error).splitlines()) == 13
    assert "8 more problems" in str(error)


def test_a_small_score_is_possible_where_guessing_scores_nothing(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(
        "model,family,params_b,hellaswag,humaneval\nA,A,1,40,0.61\nB,A,2,50,0\n", encoding="utf-8"
    )
    assert list(data.load_scores(path)["humaneval"]) == [0.61, 0.0]


def test_line_numbers_count_blank_lines(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(f"\n{HEADER}\n\n{ROWS[0]}\n\n\nA-3B,A,3,x,38\n", encoding="utf-8")
    assert refusal(path).problems[0].row == 7


@pytest.mark.parametrize("kind", ["5_5", "\u0665", "5²", "5\u00a05", "--5", "0x1A", "1e", "5.5.5", "TRUE"])
def test_an_odd_number_is_named_with_its_cell(kind, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(second(f"A-3B,A,3,{kind},38"), encoding="utf-8")
    (problem,) = refusal(path).problems
    assert (problem.row, problem.column, problem.value) == (3, "hellaswag", kind)


@given(st.text(alphabet="059.,eE+-_% naif\u0665²", max_size=5))
@settings(max_examples=150, deadline=None)
def test_whatever_stands_in_a_cell_gives_a_number_a_missing_value_or_a_named_problem(cell):
    table = pd.DataFrame({"model": ["A", "B"], "family": "F", "params_b": [1, 2], "hellaswag": ["40", cell]})
    try:
        value = data.load_scores(table)["hellaswag"].iloc[1]
    except DataError as error:
        value = error.problems[0].value
        assert (
            value is None or value == cell.strip() or float(value) <= 1
        )  # a fraction is given as the number read
    else:
        assert pd.isna(value) or 0 <= value <= 100


@pytest.mark.parametrize("raw", [b"", b"\n \n", b"PK\x03\x04", b"a,\x00", b"\xff\xfea", b"a,\xe9"])
def test_decode_refuses_bytes_that_are_no_text(raw):
    with pytest.raises(DataError):
        decode(raw, "mine.csv")


def test_decode_takes_text_of_any_script():
    assert decode("größe,大\n".encode(), "mine.csv") == "größe,大\n"


def test_a_problem_reads_as_place_value_and_remedy():
    assert str(Problem("t.csv", 3, "hellaswag", "x", "expected a number")) == (
        "t.csv, line 3, column 'hellaswag': got 'x'; expected a number"
    )
    assert str(Problem("t.csv", None, None, None, "the file is empty")) == "t.csv: the file is empty"


@pytest.mark.parametrize(
    ("text", "row", "column", "words"),
    [
        (
            f"{HEADER.replace('truthfulqa_mc2', 'TruthfulQA')}\n{ROWS[0]}\n",
            1,
            "TruthfulQA",
            "the variant matters",
        ),
        (second("A-3B,A,1T,55,38"), 3, "params_b", "write the number of billions alone"),
        (second("A-3B,A,7e9,55,38"), 3, "params_b", "raw count, write 7"),
        (second('A-3B,A,"7,000,000,000",55,38'), 3, "params_b", "raw count, write 7"),
        (second("A-3B,A,3,0.55,38"), 3, "hellaswag", "multiply by 100 to 55"),
        (second("NA,A,3,55,38"), 3, "model", "a value is needed: name of the model"),
        (second(",A,3,55,38"), 3, "model", "a value is needed: name of the model"),
        (second("A-3B,A"), 3, None, "2 cells where the header has 5"),
        (second("A-1B,A,3,55,38"), 3, "model", "stands in another row too"),
        (second(",,,,"), 3, None, "the row is empty"),
    ],
)
def test_one_fault_is_one_problem_with_its_line_and_remedy(text, row, column, words, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(text, encoding="utf-8")
    (problem,) = refusal(path).problems
    assert (problem.row, problem.column) == (row, column)
    assert words in problem.allowed


def test_the_space_before_a_cell_is_kept_only_where_the_schema_says_so():
    schema = {
        "fields": [
            {"name": "stem", "type": "string", "description": "beginning"},
            {"name": "ending", "type": "string", "description": "ending", "leadingSpace": True},
        ]
    }
    table = read_table("ending,stem\n Rome. , It is \n", schema, "pairs.csv")
    assert table.iloc[0].to_dict() == {"stem": "It is", "ending": " Rome."}
    with pytest.raises(DataError, match="3 cells where the header has 2"):
        read_table("ending,stem\n Rome.,It is,more\n", schema, "pairs.csv")
