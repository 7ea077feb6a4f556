"""Small rooms: a module holds at most 300 lines of code, or says here why it holds more.

Docstrings, comments and blank lines are not counted; the docstrings of this package give shapes, units, errors and
sources, and would otherwise be what is saved on.
"""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MOST = 300
FIGURES = "the figures of one chapter, each a function with its words"
REASONS = {
    "cape_utils/charts/dynamics.py": FIGURES,
    "cape_utils/charts/transition.py": FIGURES,
    "cape_utils/charts/frontier.py": FIGURES,
    "cape_utils/charts/toyworld.py": FIGURES,
    "cape_utils/charts/width.py": FIGURES,
    "cape_utils/charts/steering.py": FIGURES,
    "cape_utils/charts/coupling.py": FIGURES,
    "cape_utils/charts/recipes.py": FIGURES,
    "cape_utils/transition.py": "four estimators of one scale with one interface, their bootstraps and a null",
}


def code_lines(source: str) -> int:
    """Count the lines that hold code."""
    skip = (
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    )
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in skip:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            lines -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(lines)


def large(root: Path, most: int) -> dict[str, int]:
    counts = {
        path.relative_to(root).as_posix(): code_lines(path.read_text(encoding="utf-8"))
        for folder in ("cape_utils", "book", "benchmarks")
        for path in (root / folder).rglob("*.py")
    }
    return {name: count for name, count in counts.items() if count > most}


def test_a_large_module_has_a_reason_and_a_reason_has_a_large_module():
    assert set(large(ROOT, MOST)) == set(REASONS)


def test_only_code_is_counted(tmp_path):
    text = '"""Header,\n\nthree lines."""\n\n# why\nx = 1\n\n\ndef f():\n    """Doc."""\n    return """two\n    lines"""\n'
    assert code_lines(text) == 4
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "long.py").write_text(text + "y = 2\n" * 10)
    assert large(tmp_path, 10) == {"book/long.py": 14}
