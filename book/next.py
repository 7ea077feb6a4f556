"""Build the book with the newest Sphinx and theme, which Jupyter Book 1 does not allow yet, and report: ``make next``.

The report says what will have to change some day; it stops nobody, and nothing is published from here. Sphinx runs alone, from
the settings that Jupyter Book makes of _config.yml, and takes the notebooks' outputs from the last build.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import build

NEWEST = (
    *("sphinx", "myst-nb", "sphinx-book-theme", "sphinx-design", "sphinx-togglebutton"),
    *("sphinx-copybutton", "sphinxcontrib-bibtex", "sphinx-external-toc"),
)


def environment(place: Path) -> Path:
    """Make an environment of the newest versions on top of the book's own, and return its Python."""
    python = place / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", "--clear", place / "venv"], check=True)
    # First what it is to find newer ones of; then the book's libraries, which come after them on the path.
    subprocess.run([python, "-m", "pip", "install", "-q", *NEWEST], check=True)
    asked = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip())
    (site / "book.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return python


def settings(root: Path, place: Path) -> None:
    """Let Jupyter Book write its settings for Sphinx into a folder of their own."""
    shutil.copy(root / "_config.yml", place)
    (place / "book").symlink_to(root / "book")  # what they name is looked for beside them
    main = "from jupyter_book.cli.main import main; main()"
    command = [sys.executable, "-c", main, "config", "sphinx", str(root)]
    command += ["--config", str(place / "_config.yml"), "--toc", str(root / "_toc.yml")]
    subprocess.run(command, check=True, capture_output=True, cwd=root)


def main() -> int:
    """Build and report; the exit status says only whether that could be done, not what was found."""
    root = build.ROOT
    place, report = root / "_build" / "next", root / "_build" / "reports" / "next.txt"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    report.parent.mkdir(exist_ok=True)
    python = environment(place)
    settings(root, place)
    environ = build.kernel_environment(root)
    environ["PYTHONPATH"] = os.pathsep.join([str(root / "book" / "_ext"), environ["PYTHONPATH"]])
    command = [python, "-m", "sphinx", "-b", "html", "-c", place, "-d", place / "doctrees", "--keep-going"]
    command += ["-D", f"nb_execution_cache_path={root / '_build' / '.jupyter_cache'}"]
    command += [root, place / "html"]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, cwd=root, check=False)
    listed = subprocess.run(
        [python, "-m", "pip", "list", "--local"], capture_output=True, text=True, check=False
    )
    found = list(dict.fromkeys(line for line in done.stderr.splitlines() if line.strip()))
    said = f"Sphinx ended with {done.returncode} and said {len(found)} lines."
    report.write_text("\n".join([said, *found, "", listed.stdout]), encoding="utf-8")
    print(f"{said} They and the versions are in {report}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
