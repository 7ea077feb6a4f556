"""Write ``book/reproduce.ipynb``: one cell for each number that the papers quote.

The notebook follows from the ledger and from the chapters' set-up cell; run this after a claim was added
(``python book/reproduce.py``). A test compares the file with what this script would write.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "book" / "reproduce.ipynb"
FIRST_CHAPTER = ROOT / "notebooks" / "01_data.ipynb"

OPENING = """# Reproduce a number

One cell for each number that the papers quote.
*Reproduce*, beside a claim in a chapter or on the scorecard, leads here.
The cell recomputes the number from the tables and shows it beside the paper's, with its verdict.
The fold below it holds the code.
To change the code and see what becomes of the number, open this page's notebook in Colab, on Binder or on your own machine."""


def _cell(kind: str, name: str, source: str, tags: list[str] | None = None) -> dict[str, Any]:
    lines = source.splitlines(keepends=True)
    folds = {"cellView": "form", "jupyter": {"source_hidden": True}}
    metadata = {**folds, "mystnb": {"code_prompt_show": "Show the set-up"}, "tags": tags} if tags else {}
    cell: dict[str, Any] = {"cell_type": kind, "id": name, "metadata": metadata}
    return cell | (
        {"execution_count": None, "outputs": [], "source": lines} if kind == "code" else {"source": lines}
    )


def install_line() -> str:
    """What the chapters' own set-up cells do before they import anything."""
    cells = json.loads(FIRST_CHAPTER.read_text(encoding="utf-8"))["cells"]
    setup = "".join(next(cell for cell in cells if cell["cell_type"] == "code")["source"])
    lines = setup.splitlines()
    indented = [number for number, line in enumerate(lines) if line.startswith("    ")]
    end = next(number for number in indented if number + 1 not in indented) + 1
    return "\n".join(lines[:end])


def notebook() -> dict[str, Any]:
    """The whole notebook, without outputs."""
    from cape_utils import claims, data
    from cape_utils.claims.scoreboards import claim_anchor

    questions = data.load("chapters").set_index("chapter")["question"]
    known = claims.ledger()
    cells = [
        _cell("markdown", "opening", OPENING),
        _cell("code", "set-up", install_line() + "\nfrom cape_utils import claims", ["hide-cell"]),
    ]
    for chapter in sorted({claim.chapter for claim in known}):
        cells.append(
            _cell(
                "markdown", chapter, f"## {questions[chapter]}\n\nThe story: {{doc}}`../notebooks/{chapter}`."
            )
        )
        for claim in known:
            if claim.chapter == chapter:
                title = f"({claim_anchor(claim.id)})=\n### {claim.statement}"
                cells.append(_cell("markdown", f"{claim_anchor(claim.id)}-title"[:64], title))
                cells.append(_cell("code", claim_anchor(claim.id)[:64], f'claims.reproduce("{claim.id}")'))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def text() -> str:
    """The file as it is kept."""
    return json.dumps(notebook(), indent=1, ensure_ascii=False) + "\n"


def main() -> int:
    """Write the file."""
    sys.path.insert(0, str(ROOT))
    TARGET.write_text(text(), encoding="utf-8")
    print(f"Wrote {TARGET.relative_to(ROOT)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
