"""Who may import whom: the contracts of pyproject.toml hold, and each of them can fail."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = {
    *(
        "stats",
        "data",
        "jobs",
        "evaluations",
        "models",
        "claims",
        "scaling",
        "frontier",
        "steering",
        "internals",
        "toyworld",
    ),
    *("charts", "diagnosis", "reports", "teaching", "explorers", "cli", "chapters"),
}


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command as run; run()",
        "--no-cache",
    ]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, check=False)


def test_the_contracts_hold():
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout
    assert "3 kept, 0 broken" in done.stdout


@pytest.mark.parametrize(
    ("module", "planted", "contract"),
    [
        ("stats/results.py", "from cape_utils.claims import verdicts", "One way only"),
        ("scaling/coupling.py", "from cape_utils.chapters.ch02_coupling import figures", "One way only"),
        (
            "chapters/ch02_coupling/figures.py",
            "import cape_utils.chapters.ch03_phase_transition.isocline",
            "No chapter",
        ),
        ("data/schema.py", "from cape_utils.data import user_scores", "No circle"),
        ("attic/__init__.py", "", "One way only"),
    ],
)
def test_a_planted_violation_is_found(tmp_path, module, planted, contract):
    shutil.copytree(
        ROOT / "cape_utils", tmp_path / "cape_utils", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    path = tmp_path / "cape_utils" / module
    path.parent.mkdir(exist_ok=True)
    with path.open("a", encoding="utf-8") as out:
        out.write(f"\n{planted}\n")
    done = lint(tmp_path)
    assert done.returncode == 1
    broken = [line for line in done.stdout.splitlines() if line.endswith("BROKEN")]
    assert any(line.startswith(contract) for line in broken) or "attic" in done.stdout, done.stdout


def test_the_package_is_its_rooms_and_nothing_else():
    inside = {path.name for path in (ROOT / "cape_utils").iterdir()} - {"__pycache__"}
    assert inside == ROOMS | {"__init__.py", "runtime.py", "py.typed"}


def test_every_chapter_has_its_folder():
    chapters = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    folders = {path.name for path in (ROOT / "cape_utils" / "chapters").glob("ch*")}
    assert folders == {f"ch{chapter}" for chapter in chapters}


def test_contributing_names_the_rooms_and_each_chapters_figures():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert [room for room in sorted(ROOMS) if f"`{room}" not in text] == []
    for path in sorted((ROOT / "cape_utils" / "chapters").glob("ch*/figures.py")):
        drawn = importlib.import_module(f"cape_utils.chapters.{path.parent.name}.figures").__all__
        row = f"| `{path.parent.name[2:]}` | {', '.join(f'`{name}`' for name in sorted(drawn))} |"
        assert row in text, f"replace the row by {row}"
