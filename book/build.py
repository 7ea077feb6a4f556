"""Build the book: ``python book/build.py``.

Warnings are errors, and a cell that fails fails the build. Executed notebooks are kept from one build to the next.
The cache of notebook outputs looks only at the notebooks' own source, yet their numbers also come from the package,
the tables and the installed versions; this script hashes those, and throws the cache away when they have changed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import address
import execute

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parent.parent

# What the numbers depend on, and what only the look of the pages depends on.
EXECUTION_INPUTS = ("cape_utils/**/*.py", "data/**/*", "constraints.txt")
COMPUTING = (
    *("numpy", "pandas", "scipy", "altair", "pysindy", "scikit-learn", "ipykernel"),
    *("torch", "transformers"),
)
PAGE_INPUTS = (
    *(
        "book/_ext/*.py",
        "book/address.py",
        "book/editions.py",
        "book/_static/*",
        "book/mathfont/*",
        "book/dashboard/*.js",
        "cape_utils/charts/*.js",
        "_config.yml",
        "_toc.yml",
    ),
    *("book/references.bib", "book/glossary.md", "CITATION.cff", "benchmarks/results.json"),
)
# What the pages are written from, besides what is executed.
PAGE_SOURCES = ("notebooks/*.ipynb", "book/**/*", "*.md", "cape_utils/**/*.js")

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_EXECUTING = re.compile(r"([^/\s]+)\.(?:ipynb|md): Executing notebook using")
_EXECUTED = re.compile(r"([^/\s]+)\.(?:ipynb|md): Executed notebook in ([\d.]+) seconds")
_FAILED = re.compile(r"(\S+\.(?:ipynb|md)): (?:WARNING|ERROR): Executing notebook failed: (\w+)")
_COMPLAINT = re.compile(r"\b(?:WARNING|ERROR|CRITICAL|SEVERE)\b:|Exception occurred|^\w+Error:")
_TAIL = 25


def input_hash(root: Path, patterns: Iterable[str]) -> str:
    """Hash the files that match the patterns, by name and content.

    Parameters
    ----------
    root
        The folder of the book.
    patterns
        Globs relative to it.

    Returns
    -------
    str
        A hexadecimal SHA-256 digest.
    """
    digest = hashlib.sha256()
    files = {path for pattern in patterns for path in root.glob(pattern) if path.is_file()}
    for path in sorted(files):
        if "__pycache__" in path.parts:
            continue
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def execution_hash(root: Path) -> str:
    """Hash all that the executed outputs depend on besides the notebooks themselves."""
    versions = [sys.version]
    for name in COMPUTING:
        try:
            versions.append(f"{name}=={version(name)}")
        except PackageNotFoundError:
            versions.append(f"{name} absent")
    files = input_hash(root, EXECUTION_INPUTS)
    return hashlib.sha256("\n".join([files, *versions]).encode()).hexdigest()


def prepare(root: Path) -> dict[str, str]:
    """Remove what is out of date from earlier builds, and return the hashes of this one."""
    out = root / "_build"
    pages = f"{input_hash(root, PAGE_INPUTS)} {address.read(root).source}"
    now = {
        "execution": execution_hash(root),
        "pages": pages,
        "sources": input_hash(root, PAGE_SOURCES),
    }
    cached_for, built_for = _read(out / "cache-of.json"), _read(out / "book-of.json")
    if built_for == now and (out / "html" / "index.html").is_file():
        return now
    if cached_for != now["execution"]:
        if cached_for is not None:
            print(
                "The package, the tables or the installed versions have changed: executing everything again."
            )
        shutil.rmtree(out / ".jupyter_cache", ignore_errors=True)
    if not isinstance(built_for, dict) or {**built_for, "sources": None} != {**now, "sources": None}:
        for name in (".doctrees", "jupyter_execute", "html"):
            shutil.rmtree(out / name, ignore_errors=True)
    # Outputs made from now on belong to the present inputs, also when the build fails later. The pages count as
    # built only after a success: Sphinx repeats a warning only for pages that it reads again.
    (out / "cache-of.json").write_text(json.dumps(now["execution"]), encoding="utf-8")
    (out / "book-of.json").unlink(missing_ok=True)
    return now


def _read(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def kernel_environment(root: Path) -> dict[str, str]:
    """What the kernels find in their environment besides this process's own."""
    # The checkout comes first on the kernels' path, so that the book is never built from another installed copy.
    path = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    # Threads that wait asleep: on a busy machine spinning ones cost a chapter with a model ten times its time.
    return {"OMP_WAIT_POLICY": "PASSIVE", **os.environ, "CAPE_BOOK": "1", "PYTHONPATH": path}


def run_notebooks(root: Path) -> list[execute.Executed]:
    """Execute side by side what the cache lacks, and say what each took."""
    measured = _read(root / "benchmarks" / "results.json")
    usual = {
        one["name"].removeprefix("run "): one["value"]
        for one in (measured["measures"] if isinstance(measured, dict) else ())
        if one["name"].startswith("run ")
    }
    done = []
    for one in execute.execute(root, kernel_environment(root), usual=usual):
        done.append(one)
        print(f"  executed {one.name} in {one.seconds:.1f} s, {one.peak_mb:.0f} MB", flush=True)
    return done


def run_sphinx(root: Path, log: Path, *, builder: str = "html") -> tuple[int, list[str], dict[str, float]]:
    """Run Jupyter Book, say which notebook is executed, and keep the whole output in a file."""
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", str(root)]
    command += ["--path-output", str(root), "-W", "--keep-going"]
    command += [] if builder == "html" else ["--builder", builder]
    lines: list[str] = []
    seconds: dict[str, float] = {}
    with log.open("w", encoding="utf-8") as copy:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=kernel_environment(root),
            cwd=root,
        )
        assert process.stdout is not None
        for raw in process.stdout:
            line = _ANSI.sub("", raw.rstrip("\n")).rsplit("\r", 1)[-1]
            copy.write(line + "\n")
            lines.append(line)
            if done := _EXECUTED.search(line):
                seconds[done.group(1)] = float(done.group(2))
                print(f"  executed {done.group(1)} in {float(done.group(2)):.1f} s", flush=True)
            elif started := _EXECUTING.search(line):
                print(f"  executing {started.group(1)} ...", flush=True)
        return process.wait(), lines, seconds


def explain(root: Path, lines: list[str]) -> str:
    """Say why the build failed: the failing cell's own error where there is one, else the warnings."""
    text: list[str] = []
    for number, line in enumerate(lines):
        failed = _FAILED.search(line)
        if not failed:
            continue
        name = Path(failed.group(1))
        shown = name.relative_to(root) if name.is_relative_to(root) else name
        trace = []
        for following in lines[number + 1 :]:
            # The report of a failing cell ends where the next message begins.
            if (_COMPLAINT.search(following) and "[mystnb" in following) or following.startswith("====="):
                break
            trace.append(following)
            if "[mystnb.exec]" in following:
                break
        trace = [entry.replace("[mystnb.exec]", "").rstrip() for entry in trace]
        # Everything before this line is the path through the notebook client, not through the reader's code.
        begins = [place for place, entry in enumerate(trace) if "while executing the following cell" in entry]
        trace = trace[begins[-1] + 1 :] if begins else trace
        trace = [entry for entry in trace if entry.strip()]
        text += [f"{shown}: a cell failed", *(f"    {entry}" for entry in trace[-_TAIL:])]
    if not text:
        text = [line for line in dict.fromkeys(lines) if _COMPLAINT.search(line)]
    if not text:
        text = lines[-_TAIL:]
    return "\n".join(text)


def write_reports(
    root: Path, lines: list[str], seconds: dict[str, float], peak_mb: dict[str, float] | None = None
) -> Path:
    """Leave the log, the warnings and the time and memory each notebook took where they are easily found."""
    folder = root / "_build" / "reports"
    folder.mkdir(parents=True, exist_ok=True)
    warnings = [line for line in dict.fromkeys(lines) if _COMPLAINT.search(line)]
    (folder / "warnings.txt").write_text("\n".join(warnings) + "\n", encoding="utf-8")
    if seconds:
        peaks = {name: f"{value:.0f}" for name, value in (peak_mb or {}).items()}
        table = "".join(
            f"{name}\t{value:.2f}\t{peaks.get(name, '')}\n" for name, value in sorted(seconds.items())
        )
        (folder / "seconds.tsv").write_text("notebook\tseconds\tpeak_mb\n" + table, encoding="utf-8")
    for report in (root / "_build" / "html" / "reports").glob("**/*.log"):
        shutil.copy(report, folder / report.name)
    return folder


def publish_scorecard(root: Path) -> None:
    """Put the ledger beside the pages as ``scorecard.json`` and ``scorecard.csv``, where it is not yet there."""
    html = root / "_build" / "html"
    if not (root / "cape_utils" / "claims").exists() or (html / "scorecard.csv").exists():
        return  # a book without the package, as in the tests; or an unchanged one: `prepare` removes old pages
    sys.path.insert(0, str(root))
    from cape_utils import claims

    objects = [item.as_dict() for item in claims.assess()]
    text = json.dumps(objects, indent=1, ensure_ascii=False, allow_nan=False)
    (html / "scorecard.json").write_text(text + "\n", encoding="utf-8")
    claims.flat_table().to_csv(html / "scorecard.csv", index=False)


def main(argv: list[str] | None = None) -> int:
    """Build and report; the exit status is 0 only for a book without warnings."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--source", type=Path, default=ROOT, help="the folder that holds _config.yml")
    parser.add_argument("--fresh", action="store_true", help="forget every earlier build first")
    options = parser.parse_args(argv)
    root = options.source.resolve()
    start = time.monotonic()
    out = root / "_build"
    if options.fresh:
        shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)
    built_for = _read(out / "book-of.json")
    hashes = prepare(root)
    if hashes == built_for and (out / "html" / "index.html").is_file():
        print(f"The book lies in {out / 'html' / 'index.html'}; nothing has changed since it was built.")
        return 0
    (out / "reports").mkdir(exist_ok=True)
    parallel = run_notebooks(root)
    status, lines, seconds = run_sphinx(root, out / "reports" / "build.log")
    seconds |= {one.name: one.seconds for one in parallel}
    reports = write_reports(root, lines, seconds, {one.name: one.peak_mb for one in parallel})
    took = time.monotonic() - start
    if status != 0:
        print(explain(root, lines))
        print(f"The book was not built ({took:.0f} s). The whole log: {reports / 'build.log'}")
        return 1
    publish_scorecard(root)
    (out / "book-of.json").write_text(json.dumps(hashes), encoding="utf-8")
    executed = f"{len(seconds)} executed" if seconds else "every notebook from the cache"
    if not address.read(root).known:
        print(
            "Its chapters link to no Colab or Binder yet: make address REPO=owner/name says where it is published."
        )
    print(f"The book lies in {out / 'html' / 'index.html'} ({took:.0f} s, {executed}).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
