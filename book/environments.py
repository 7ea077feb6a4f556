"""The lists of exact versions that others install from, made of pyproject.toml and constraints.txt: ``make requirements``.

- ``environment.yml``: for Binder and conda, what a reader of the book needs;
- ``requirements/colab.txt``: what the set-up cells bring to Colab, as far as Colab has it not, or not new enough;
- ``requirements/hashes.txt``: every pin with the digests of its files (``make book HASHES=yes``).

    python book/environments.py            # write all three; the package index is asked for digests, through uv
    python book/environments.py lowest     # print the lowest version of every bound, for a test of the bounds
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

__all__ = ["WRITTEN", "colab", "environment", "hashes", "lowest", "pins", "requirements"]

ROOT = Path(__file__).resolve().parent.parent
READER = ("book", "models")
"""The extras that a reader's machine has."""

UNHASHED = ("torch",)
"""Not among the digests: each system takes another build of it, some from an index of their own."""

PYTHON = "3.12"
"""What Colab runs, and what uv looks for files for; the digests are those of every file of a version all the same."""

ENVIRONMENT = """\
# For Binder and for conda users: core, book and models. Made by `make requirements`, from pyproject.toml and constraints.txt.
name: cape-book
channels:
  - conda-forge
dependencies:
  - python=3.11
  - pip
  # PyTorch by the name of its build without CUDA, which is gigabytes smaller.
  - pytorch-cpu=={torch}
  - pip:
      # What these need in turn is exact too.
      - -c constraints.txt
{pinned}
      - -e .
"""
COLAB = """\
# What a chapter's set-up cell brings to Colab, in the versions that the book was tested with. What Colab has already, and
# new enough (tests/colab/preinstalled.txt), stays as it is. Made by `make requirements`.
"""
HASHES = """\
# Every version of constraints.txt with the digests of its files, for `make book HASHES=yes`. Made by `make requirements`.
# Complete on Linux on x86-64. PyTorch is not in it, because its builds differ, nor what other systems need besides (colorama
# and pywinpty on Windows, appnope on macOS): these are installed after it, in the versions of constraints.txt or the newest.
"""


def requirements(root: Path, extras: Iterable[str]) -> list[Requirement]:
    """Return what pyproject.toml asks for: the core and these extras, each name once, in the file's order."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found: dict[str, Requirement] = {}
    for line in [
        *project["dependencies"],
        *(line for extra in extras for line in project["optional-dependencies"][extra]),
    ]:
        one = Requirement(line)
        first = found.setdefault(canonicalize_name(one.name), one)
        first.specifier &= one.specifier
    return list(found.values())


def pins(text: str) -> dict[str, str]:
    """Read ``name==version`` lines; names in their canonical form, a name without a version gives an empty one."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}


def _pinned(root: Path) -> dict[str, str]:
    return pins((root / "constraints.txt").read_text(encoding="utf-8"))


def environment(root: Path = ROOT) -> str:
    """Write Binder's environment: the reader's requirements, each in its exact version."""
    pinned = _pinned(root)
    names = [one.name for one in requirements(root, READER) if one.name != "torch"]
    lines = [f"      - {name}=={pinned[canonicalize_name(name)]}" for name in names]
    return ENVIRONMENT.format(torch=pinned["torch"], pinned="\n".join(lines))


def colab(root: Path = ROOT) -> str:
    """Write what Colab lacks of core and models, with what that needs in turn.

    Raises
    ------
    ValueError
        If this environment holds another version of a package than constraints.txt: its needs may be others.
    """
    pinned = _pinned(root)
    there = pins((root / "tests" / "colab" / "preinstalled.txt").read_text(encoding="utf-8"))
    here = {"python_version": PYTHON, "python_full_version": f"{PYTHON}.0", "extra": ""}
    wanted, brought = requirements(root, ["models"]), set()
    while wanted:
        one = wanted.pop()
        name = canonicalize_name(one.name)
        enough = name in there and (not there[name] or one.specifier.contains(there[name]))
        if enough or name in brought or (one.marker and not one.marker.evaluate(here)):
            continue
        if metadata.version(name) != pinned[name]:
            raise ValueError(f"{name} {metadata.version(name)} is installed, {pinned[name]} is pinned")
        brought.add(name)
        wanted += [Requirement(line) for line in metadata.requires(name) or []]
    return COLAB + "".join(f"{name}=={pinned[name]}\n" for name in sorted(brought))


def hashes(root: Path = ROOT) -> str:
    """Write every pin with its digests, as uv finds them on the package index; no address of an index gets in.

    Raises
    ------
    FileNotFoundError
        If uv is not installed (extra ``dev``).
    subprocess.CalledProcessError
        If the index does not answer or lacks a version; uv has said which.
    """
    place = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    uv = shutil.which("uv", path=place)
    if uv is None:
        raise FileNotFoundError("uv is not installed; it comes with: make check")
    lines = [f"{name}=={version}\n" for name, version in _pinned(root).items() if name not in UNHASHED]
    options = "--quiet --no-deps --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links"
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder, "pins.in")
        listed.write_text("".join(lines), encoding="utf-8")
        command = [uv, "pip", "compile", *options.split(), "--python-version", PYTHON, str(listed)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=folder)
    return HASHES + done.stdout


def lowest(root: Path = ROOT) -> str:
    """Write the lowest version that each bound of pyproject.toml allows, as pins; the developers' tools left out."""
    found = []
    for one in requirements(root, [*READER, "cluster", "test"]):
        bound = max((part.version for part in one.specifier if part.operator == ">="), key=Version)
        found.append(f"{one.name}=={bound}\n")
    return "".join(found)


WRITTEN: dict[str, Callable[[Path], str]] = {
    "environment.yml": environment,
    "requirements/colab.txt": colab,
    "requirements/hashes.txt": hashes,
}


def main(argv: list[str] | None = None) -> int:
    """Write the files, or print the lowest versions."""
    parser = argparse.ArgumentParser(
        description="Lists of exact versions, from pyproject.toml and constraints.txt."
    )
    parser.add_argument("command", nargs="?", choices=["write", "lowest"], default="write")
    parser.add_argument("--root", type=Path, default=ROOT)
    options = parser.parse_args(argv)
    if options.command == "lowest":
        print(lowest(options.root), end="")
        return 0
    for name, make in WRITTEN.items():
        path = options.root / name
        path.parent.mkdir(exist_ok=True)
        try:
            path.write_text(make(options.root), encoding="utf-8")
        except (ValueError, FileNotFoundError, subprocess.CalledProcessError) as error:
            print(f"{name} was not written: {error}", file=sys.stderr)
            return 1
        print(f"{name}: {len(re.findall('==', path.read_text(encoding='utf-8')))} exact versions")
    return 0


if __name__ == "__main__":
    sys.exit(main())
