"""Run chapters as Colab would, in an environment made like Colab's: ``make colab``.

Not part of `make test`: it downloads gigabytes and takes many minutes; a weekly workflow does it. What it imitates:

- the packages that Colab has beforehand (``preinstalled.txt``), in the versions that Colab has them in;
- ``google.colab``, importable and imported before the first cell;
- a machine without the repository: the chapter stands alone in an empty folder, and installs the package from a git
  address, with the pins that lie there (a stamped clone of this checkout's last commit stands in for the one on GitHub);
- a fresh machine for each chapter.

What it cannot imitate: Colab's network, its page, its widgets, its GPU.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

    import nbformat

__all__ = ["CHAPTERS", "MOST_SECONDS", "Run", "faults"]

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WORK = ROOT / "_build" / "colab"
CHAPTERS = ("02_coupling", "10_steering")  # one without torch, one with
MOST_SECONDS = 120.0
REPOSITORY = "someone/fork"
VERSION = "import sys; print(*sys.version_info[:2], sep='.')"


@dataclass(frozen=True)
class Run:
    """What happened when one chapter was run."""

    chapter: str
    setup_seconds: float
    again_seconds: float
    whole_seconds: float
    charts: int
    replaced: list[str] = field(default_factory=list)
    installed_again: bool = False
    error: str = ""


def faults(run: Run) -> list[str]:
    """List what a reader on Colab would complain about; empty where nothing is wrong."""
    found = [f"{run.chapter}: {run.error}"] if run.error else []
    if run.setup_seconds > MOST_SECONDS:
        found.append(f"{run.chapter}: the set-up took {run.setup_seconds:.0f} s, over {MOST_SECONDS:.0f}")
    if run.installed_again:
        found.append(f"{run.chapter}: the set-up installed again what was there")
    if not run.error and not run.charts:
        found.append(f"{run.chapter}: no chart came as HTML, the one form that Colab shows")
    return found


def _call(*command: str | Path, **options: Any) -> str:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, **options
    )
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise SystemExit(f"{' '.join(str(part) for part in command[:4])} ... failed:\n{tail}")
    return done.stdout


def _python() -> str:
    """Return Colab's Python, 3.12, or else the one that runs this."""
    for name in ("python3.12", sys.executable):
        path = shutil.which(name)
        if path and subprocess.run([path, "-c", VERSION], capture_output=True, check=False).returncode == 0:
            return path
    return sys.executable


def _site(environment: Path) -> Path:
    (found,) = environment.glob("lib/python3.*/site-packages")
    return found


def preinstalled(torch_index: str) -> Path:
    """Make the environment that Colab has beforehand, once."""
    base = WORK / "preinstalled"
    stamp = base / "complete"
    wanted = (HERE / "preinstalled.txt").read_text(encoding="utf-8")
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return base
    shutil.rmtree(base, ignore_errors=True)
    print(
        "Making the environment that Colab has beforehand; this downloads gigabytes the first time.",
        flush=True,
    )
    _call(_python(), "-m", "venv", base)
    index = ["--extra-index-url", torch_index] if torch_index else []
    _call(base / "bin/python", "-m", "pip", "install", "-q", "-r", HERE / "preinstalled.txt", *index)
    package = _site(base) / "google" / "colab"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('"""Stands in for Colab\'s own package."""\n')
    stamp.write_text(wanted, encoding="utf-8")
    return base


def machine(base: Path, chapter: str) -> Path:
    """Make a fresh machine: an empty environment on top of the preinstalled one, so that it costs no copy."""
    top = WORK / "machines" / chapter
    shutil.rmtree(top, ignore_errors=True)
    _call(base / "bin/python", "-m", "venv", "--without-pip", top)
    (_site(top) / "colab.pth").write_text(f"{_site(base)}\nimport google.colab\n", encoding="utf-8")
    return top


def _load_address() -> ModuleType:
    specification = importlib.util.spec_from_file_location("address", ROOT / "book" / "address.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["address"] = module
    specification.loader.exec_module(module)
    return module


def publish() -> Path:
    """Clone the last commit and stamp it, as the publishing workflow does; return the clone."""
    address = _load_address()
    clone = WORK / "server" / REPOSITORY
    shutil.rmtree(clone, ignore_errors=True)
    clone.parent.mkdir(parents=True, exist_ok=True)
    _call("git", "clone", "-q", ROOT, clone)
    branch = address.read(clone, {}).branch
    _call("git", "-C", clone, "checkout", "-q", "-B", branch)
    address.stamp(clone, address.Address(f"file://{WORK / 'server'}", REPOSITORY, branch))
    _call(
        "git",
        "-C",
        clone,
        "-c",
        "user.name=simulation",
        "-c",
        "user.email=",
        "commit",
        "-q",
        "-a",
        "-m",
        "Stamped",
    )
    # A server has the files of a branch at this address too, where the set-up cell looks for its pins.
    shutil.copytree(clone / "requirements", clone / "raw" / branch / "requirements")
    return clone


def _client(notebook: nbformat.NotebookNode, top: Path, folder: Path) -> Any:
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient

    kernel = top / "kernels" / "colab"
    kernel.mkdir(parents=True, exist_ok=True)
    # Without the switch the debugger warns, four lines for each kernel, that it cannot step into Python's own modules.
    argv = [
        str(top / "bin/python"),
        "-Xfrozen_modules=off",
        "-m",
        "ipykernel_launcher",
        "-f",
        "{connection_file}",
    ]
    (kernel / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "c", "language": "python"}))
    manager = AsyncKernelManager(
        kernel_name="colab", kernel_spec_manager=KernelSpecManager(kernel_dirs=[str(kernel.parent)])
    )
    return NotebookClient(
        notebook, km=manager, timeout=900, resources={"metadata": {"path": str(folder)}}, record_timing=True
    )


def _stop(client: Any) -> None:
    """End a kernel; the client leaves one that it was given running."""
    from jupyter_core.utils import run_sync

    run_sync(client.km.shutdown_kernel)(now=True)


def _names(site: Path) -> dict[str, str]:
    """Map the distributions in a folder to their versions."""
    from importlib.metadata import distributions

    return {found.metadata["Name"].lower(): found.version for found in distributions(path=[str(site)])}


def run_chapter(clone: Path, base: Path, chapter: str) -> Run:
    """Run one chapter on a fresh machine, then its set-up cell once more in a new kernel of the same machine."""
    import nbformat
    from nbclient.exceptions import CellExecutionError

    top = machine(base, chapter)
    folder = WORK / "content" / chapter
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("PYTHONPATH", "CAPE_BOOK", "VIRTUAL_ENV"):
        os.environ.pop(name, None)
    os.environ.setdefault(
        "OMP_WAIT_POLICY", "PASSIVE"
    )  # as in book/build.py: this machine may have other work
    notebook = nbformat.read(clone / "notebooks" / f"{chapter}.ipynb", as_version=4)
    place = next(number for number, cell in enumerate(notebook.cells) if cell.cell_type == "code")
    clocks, error = {}, ""
    client = _client(notebook, top, folder)
    begin = time.monotonic()
    with client.setup_kernel():
        for number, cell in enumerate(notebook.cells):
            start = time.monotonic()
            try:
                client.execute_cell(cell, number)
            except CellExecutionError as problem:
                error = f"cell {number}: {str(problem).splitlines()[-1]}"
                (folder / "error.txt").write_text(str(problem), encoding="utf-8")
                break
            finally:
                clocks[number] = time.monotonic() - start
    whole = time.monotonic() - begin
    _stop(client)
    nbformat.write(notebook, folder / f"{chapter}.ipynb")
    before = _names(_site(base))
    added = _names(_site(top))
    replaced = [
        f"{name} {before[name]} to {version}" for name, version in sorted(added.items()) if name in before
    ]
    marks = {path: path.stat().st_mtime_ns for path in _site(top).glob("*.dist-info")}
    again = _client(nbformat.v4.new_notebook(cells=[notebook.cells[place]]), top, folder)
    seconds_again = 0.0
    if not error:
        with again.setup_kernel():
            start = time.monotonic()
            again.execute_cell(again.nb.cells[0], 0)
            seconds_again = time.monotonic() - start
        _stop(again)
    return Run(
        chapter=chapter,
        setup_seconds=clocks[place],
        again_seconds=seconds_again,
        whole_seconds=whole,
        charts=sum("vegaEmbed" in json.dumps(cell.get("outputs", [])) for cell in notebook.cells),
        replaced=replaced,
        installed_again={path: path.stat().st_mtime_ns for path in _site(top).glob("*.dist-info")} != marks,
        error=error,
    )


def main(argv: list[str] | None = None) -> int:
    """Run the chapters and report; the exit status is 0 only where nothing is wrong."""
    parser = argparse.ArgumentParser(description="Run chapters as Colab would.")
    parser.add_argument("chapters", nargs="*", default=list(CHAPTERS))
    parser.add_argument("--torch-index", default="", help="an index with a build of torch without CUDA")
    options = parser.parse_args(argv)
    WORK.mkdir(parents=True, exist_ok=True)
    base = preinstalled(options.torch_index)
    clone = publish()
    version = _call(base / "bin/python", "-c", VERSION).strip()
    lines, wrong = [f"Python {version}, {len(_names(_site(base)))} packages beforehand"], []
    for chapter in options.chapters:
        print(f"Running {chapter} ...", flush=True)
        run = run_chapter(clone, base, chapter)
        wrong += faults(run)
        lines.append(
            f"{chapter}: set-up {run.setup_seconds:.0f} s, the same cell in a new kernel {run.again_seconds:.0f} s, "
            f"whole chapter {run.whole_seconds:.0f} s, {run.charts} cells with charts; "
            f"replaced: {', '.join(run.replaced) or 'nothing'}"
        )
        print(lines[-1], flush=True)
    report = ROOT / "_build" / "reports" / "colab.txt"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text("\n".join([*lines, *wrong]) + "\n", encoding="utf-8")
    if wrong:
        print("Wrong:\n" + "\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
