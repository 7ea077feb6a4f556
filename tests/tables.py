"""What only tests ask of the tables: keys between them, and their columns as data/README.md lists them."""

from __future__ import annotations

import pandas as pd

from cape_utils import data
from cape_utils.data import loading
from cape_utils.data.schema import Problem


def describe(name: str) -> pd.DataFrame:
    """Columns of a table with type, unit, range and meaning, from the schema."""
    rows = []
    for field in loading._resource(name)["schema"]["fields"]:
        rules = field.get("constraints", {})
        low, high = rules.get("minimum"), rules.get("maximum")
        span = (
            ""
            if low is None and high is None
            else f"{'' if low is None else low} to {'' if high is None else high}"
        )
        allowed = ", ".join(rules["enum"]) if "enum" in rules else span
        rows.append(
            {
                "column": field["name"],
                "type": field["type"],
                "unit": field.get("unit", ""),
                "allowed": allowed,
                "meaning": field["description"],
            }
        )
    return pd.DataFrame(rows).set_index("column")


def columns_markdown() -> str:
    """Write every table's columns as Markdown, from the schema; ``data/README.md`` holds this text."""
    parts = []
    for name, resource in loading.table_resources().items():
        rows = describe(name).reset_index().astype(str)
        lines = [
            f"| `{r.column}` | {r.type} | {r.unit} | {r.allowed} | {r.meaning} |" for r in rows.itertuples()
        ]
        head = "| column | type | unit | allowed | meaning |\n|---|---|---|---|---|"
        text = f"### {name}\n\n{resource['description']}\n\n{head}\n"
        parts.append(text + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


def check_keys() -> None:
    """Check every table and every key that points from one table to another.

    Raises
    ------
    DataError
        With every problem found.
    """
    for name in data.tables():
        data.load(name)
    problems = []
    for name, resource in loading.table_resources().items():
        for key in resource["schema"].get("foreignKeys", []):
            other = data.load(key["reference"]["resource"])
            known = set(other[key["reference"]["fields"]].itertuples(index=False, name=None))
            own = data.load(name)[key["fields"]].dropna()
            for index, value in zip(own.index, own.itertuples(index=False, name=None), strict=True):
                if value not in known:
                    allowed = f"it must stand in {key['reference']['resource']}"
                    came = ", ".join(map(str, value))
                    problems.append(
                        Problem(resource["path"], int(index) + 2, key["fields"][0], came, allowed)
                    )
    if problems:
        raise data.DataError(problems)
