"""The columns in data/README.md are those of the schema, and its prose speaks of every table."""

from __future__ import annotations

from pathlib import Path

from cape_utils import data
from tests.tables import columns_markdown

README = (Path(__file__).resolve().parents[2] / "data" / "README.md").read_text(encoding="utf-8")


def test_the_columns_are_those_of_the_schema():
    written = columns_markdown()
    assert README.endswith(written), (
        "replace the part from the first ### on by tests.tables.columns_markdown()"
    )


def test_every_table_is_spoken_of():
    prose = README.split("## Columns")[0]
    assert [name for name in data.tables() if f"`{name}`" not in prose] == []
