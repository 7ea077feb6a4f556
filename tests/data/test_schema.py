"""The tables against their one schema, and the schema against the tables."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import frictionless
import pytest

from cape_utils import data
from cape_utils.data.schema import _cell_problems
from cape_utils.jobs.provenance import derived_table
from tests.tables import check_keys

FOLDER = Path(__file__).resolve().parents[2] / "data"
RESOURCES = {
    r["name"]: r for r in json.loads((FOLDER / "datapackage.json").read_text(encoding="utf-8"))["resources"]
}


def fields(name: str) -> dict[str, dict]:
    return {field["name"]: field for field in RESOURCES[name]["schema"]["fields"]}


@pytest.mark.parametrize("name", data.tables())
def test_every_table_loads_with_the_columns_of_its_schema(name):
    table = data.load(name)
    assert len(table) > 0
    assert list(table.columns) == list(fields(name))


def test_every_key_between_tables_resolves():
    check_keys()


def test_the_library_itself_finds_the_package_valid():
    # The package's own loader sits between the library and the files; this asks the library directly.
    report = frictionless.Package(str(FOLDER / "datapackage.json")).validate()
    assert report.valid, report.flatten(["title", "rowNumber", "fieldName", "note"])[:10]


def test_every_file_of_the_folder_is_described_and_every_description_has_a_file():
    assert {r["path"] for r in RESOURCES.values()} == {path.name for path in FOLDER.glob("*.csv")}


@pytest.mark.parametrize("name", RESOURCES)
def test_files_are_stored_in_the_order_of_the_schema_with_plain_line_ends(name):
    raw = (FOLDER / RESOURCES[name]["path"]).read_bytes()
    assert b"\r" not in raw
    assert not raw.startswith(b"\xef\xbb\xbf")
    assert raw.endswith(b"\n")
    header, *rows = csv.reader(raw.decode().splitlines())
    assert header == list(fields(name))
    # An ending of a sentence keeps the one space before it; nothing else has spaces around it.
    lead = [" " if field.get("leadingSpace") else "" for field in fields(name).values()]
    wrong = [r for r in rows if any(c != s + c.strip() for c, s in zip(r, lead, strict=True))]
    assert not wrong, "spaces around a cell"


@pytest.mark.parametrize("name", RESOURCES)
def test_every_table_and_column_is_described(name):
    assert RESOURCES[name]["description"].strip()
    for field in fields(name).values():
        assert len(field["description"]) >= 3, field["name"]


@pytest.mark.parametrize("name", RESOURCES)
def test_every_number_has_a_range(name):
    # A number without a range is a number that no check can refuse. What a claim quotes may be any number.
    open_ended = {"paper_value", "paper_low", "paper_high", "criterion_value"}
    for field in fields(name).values():
        if field["type"] in ("number", "integer") and field["name"] not in open_ended:
            assert "minimum" in field["constraints"], field["name"]


@pytest.mark.parametrize("name", [name for name in RESOURCES if name not in ("flags", "chapters", "sources")])
def test_every_row_points_to_a_source(name):
    if "madeBy" in RESOURCES[name]:  # computed from other tables: its source is the code named there
        assert derived_table(name).equals(data.load(name))
        return
    assert data.load(name)["source_id"].isin(data.load("sources")["source_id"]).all()


def test_every_source_is_used_by_some_row():
    pointing = [name for name in RESOURCES if name != "sources" and "source_id" in fields(name)]
    used = set().union(*(data.load(name)["source_id"] for name in pointing))
    assert set(data.load("sources")["source_id"]) <= used


def test_percentages_are_percentages():
    for name in ("paper_panel", "open_panel", "bootstrap_copy"):
        table = data.load(name)
        for benchmark in data.BENCHMARKS:
            # Nobody scores below 15 on a test on which guessing gives more than 20: a fraction would show here.
            assert table[benchmark].dropna().between(15, 100).all(), (name, benchmark)
            assert fields(name)[benchmark]["unit"] == "percent"


def test_numbers_of_items_and_chance_levels_are_the_published_ones():
    table = data.load("benchmarks").set_index("benchmark")
    items = {
        "hellaswag": 10_042,
        "truthfulqa_mc1": 817,
        "truthfulqa_mc2": 817,
        "arc_challenge": 1_172,
        "winogrande": 1_267,
        "mmlu": 14_042,
        "gpqa_diamond": 198,
        "swe_bench_verified": 500,
    }
    chance = {
        "hellaswag": 25,
        "arc_challenge": 25,
        "winogrande": 50,
        "mmlu": 25,
        "truthfulqa_mc1": 22,
        "truthfulqa_mc2": 46,
    }
    assert table.loc[list(items), "items"].to_dict() == items
    assert table.loc[list(chance), "chance_pct"].to_dict() == chance


def test_every_benchmark_column_of_a_panel_is_a_benchmark():
    known = set(data.load("benchmarks")["benchmark"])
    scores = {name for name, field in fields("open_panel").items() if field.get("unit") == "percent"}
    assert scores <= known
    assert set(data.BENCHMARKS) <= scores
    assert {"swe_bench_verified", "gpqa_diamond", "ifeval"} <= known & set(fields("frontier_models"))


def test_every_claim_names_a_chapter_of_the_plan():
    chapters = list(data.load("chapters")["chapter"])
    assert chapters == sorted(chapters)
    assert len(chapters) == 13
    assert set(data.load("claims")["chapter"]) <= set(chapters)


def test_every_claim_can_be_judged():
    claims = data.load("claims").set_index("id")
    within = claims[claims["criterion"] == "within"]
    assert within[["paper_value", "tolerance"]].notna().all(axis=None)
    bounded = claims[claims["criterion"].isin(["at_least", "at_most"])]
    assert bounded["criterion_value"].notna().all()
    assert claims.loc[claims["criterion"] == "equals_text", "paper_text"].notna().all()
    quoted = claims.dropna(subset=["paper_low", "paper_high", "paper_value"])
    assert (quoted["paper_low"] <= quoted["paper_value"]).all()
    assert (quoted["paper_value"] <= quoted["paper_high"]).all()
    assert quoted["interval_meaning"].notna().all()
    assert (within["tolerance_basis"].notna() & (within["tolerance_basis"] != "reading")).all()


def test_a_tolerance_of_the_last_digit_is_a_power_of_ten():
    digits = data.load("claims").query("tolerance_basis == 'last_digit'")["tolerance"]
    assert {f"{value:.0e}"[0] for value in digits} == {"1"}


@pytest.mark.parametrize("name", RESOURCES)
def test_our_checks_name_the_cells_that_the_library_names(name):
    # One planted fault a row: nothing, a word, a number beyond all ranges, one below, a second of the same.
    schema = {key: RESOURCES[name]["schema"][key] for key in ("fields", "missingValues", "primaryKey")}
    header, *rows = csv.reader((FOLDER / RESOURCES[name]["path"]).read_text(encoding="utf-8").splitlines())
    planted, lines = [list(rows[0])], [2]
    for place in range(len(header)):
        for cell in ("", "x y", "1e12", "-3", "7", rows[0][place]):
            row = list(rows[len(planted) % len(rows)])
            row[place] = cell
            planted.append(row)
            lines.append(len(planted) + 1)
    ours = {(p.row, p.column) for p in _cell_problems(header, planted, lines, name, schema)}
    report = frictionless.Resource(
        data=[header, *planted], schema=frictionless.Schema.from_descriptor(schema)
    ).validate()
    theirs = report.flatten(["rowNumber", "fieldName", "type"])
    of_cells = {(row, field) for row, field, kind in theirs if kind in ("type-error", "constraint-error")}
    rows_with_twins = {row for row, _, kind in theirs if kind in ("unique-error", "primary-key")}
    assert of_cells <= ours
    assert {row for row, column in ours - of_cells} <= rows_with_twins
    # A row with another fault in the key's first column is named by that.
    assert rows_with_twins <= {row for row, _ in ours}


def test_a_constraint_that_nobody_checks_is_refused():
    schema = {
        "fields": [{"name": "a", "type": "string", "constraints": {"minLength": 3}}],
        "missingValues": [""],
    }
    with pytest.raises(NotImplementedError, match="minLength"):
        _cell_problems(["a"], [["xy"]], [2], "t", schema)
