"""The columns in data/README.md are those of the schema, and its prose speaks of every table."""

from __future__ import annotations

from pathlib import Path

from cape_utils import data

README = (Path(data.__file__).parent.parent / "data" / "README.md").read_text(encoding="utf-8")


def test_the_columns_are_those_of_the_schema():
    written = data.columns_markdown()
    assert README.endswith(written), "replace the part from the first ### on by data.columns_markdown()"


def test_every_table_is_spoken_of():
    prose = README.split("## Columns")[0]
    assert [name for name in data.tables() if f"`{name}`" not in prose] == []
