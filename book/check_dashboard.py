"""Check the types in the dashboard's script with TypeScript's compiler: ``python book/check_dashboard.py``, in ``make check``.

The types stand in comments, and the files share one scope as they do in the page. Node is no requirement of the book, so where
there is no ``npx``, or it cannot get the compiler, one line says that this check was left out.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCES = Path(__file__).resolve().parent / "dashboard"
COMPILER = ("-y", "-p", "typescript@5", "tsc")
OPTIONS = (
    *("--allowJs", "--checkJs", "--noEmit", "--noUnusedLocals"),
    *("--target", "es2020", "--lib", "es2020,dom,dom.iterable"),
)
PATIENCE_S = 120  # for the compiler to be fetched


def main(sources: Path = SOURCES) -> int:
    """Print what the compiler finds; the exit status is 1 if it finds anything."""
    npx = shutil.which("npx")
    why = "there is no npx" if npx is None else ""
    if npx is not None:
        try:
            subprocess.run([npx, *COMPILER, "--version"], capture_output=True, check=True, timeout=PATIENCE_S)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            why = "npx could not get TypeScript's compiler"
    if npx is None or why:
        print(f"The types of the dashboard's script were not checked: {why}.")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        known = Path(folder) / "data.d.ts"
        known.write_text(
            "declare const DATA: any;\n", encoding="utf-8"
        )  # what the build writes before the files
        files = [str(known), *map(str, sorted(sources.glob("*.js")))]
        found = subprocess.run(
            [npx, *COMPILER, *OPTIONS, *files], capture_output=True, text=True, check=False
        )
    if found.returncode:
        print(found.stdout + found.stderr, end="")
    return 1 if found.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
