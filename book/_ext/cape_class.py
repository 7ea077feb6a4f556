"""A version of each chapter's notebook for classes: the same without the solutions, beside the other download.

In the place of a solution stands an empty cell. The answer boxes stay, as they say what is right and never why.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

SOLUTION = "# @title Solution"
FOLDER = "notebooks/"


def class_name(docname: str) -> str:
    """Where the version for classes lies among the sources, such as ``notebooks/02_coupling-class.ipynb``."""
    return f"{docname}-class.ipynb"


def without_solutions(text: str) -> str:
    """Replace the solutions of a notebook by cells to write in.

    Parameters
    ----------
    text
        A notebook as it is stored.

    Returns
    -------
    str
        A notebook with as many cells, each with the name that it had.

    Raises
    ------
    ValueError
        If there are exercises and no solution: the mark that they are known by has changed.
    """
    notebook = json.loads(text)
    taken_out = 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and "".join(cell["source"]).startswith(SOLUTION):
            cell.update(metadata={}, source=["# Your code\n"], outputs=[], execution_count=None)
            taken_out += 1
    if not taken_out and any("## Exercises" in "".join(cell["source"]) for cell in notebook["cells"]):
        raise ValueError(f"no cell begins with {SOLUTION!r}, so no solution can be taken out")
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def write_versions(app: Sphinx, exception: Exception | None) -> None:
    """Write them among the sources, before the install lines there get their address."""
    if exception or app.builder.format != "html":
        return
    for docname in sorted(app.env.found_docs):
        if docname.startswith(FOLDER):
            target = Path(app.outdir) / "_sources" / class_name(docname)
            target.parent.mkdir(parents=True, exist_ok=True)
            source = Path(app.env.doc2path(docname)).read_text(encoding="utf-8")
            target.write_text(without_solutions(source), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("build-finished", write_versions, priority=400)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
