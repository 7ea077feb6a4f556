"""The package as others get it: built, checked, installed where there is no repository, and used; nothing is fetched."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(pytest.__file__).resolve().parents[1]
pytestmark = pytest.mark.slow
MOST_MB = 20  # PyPI takes a hundred; a table that grew by mistake shows earlier


def run(*command: str | Path, folder: Path) -> str:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "CAPE_"))}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(source: Path, target: str, folder: Path) -> Path:
    run(sys.executable, "-m", "hatchling", "build", "-t", target, "-d", folder, folder=source)
    (built,) = folder.glob("*.tar.gz" if target == "sdist" else "*.whl")
    return built


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The source package, and the wheel that is built from it alone, as an installer would."""
    folder = tmp_path_factory.mktemp("package")
    sdist = build(ROOT, "sdist", folder)
    with tarfile.open(sdist) as packed:
        packed.extractall(folder / "unpacked", filter="data")
    (source,) = (folder / "unpacked").iterdir()
    return sdist, build(source, "wheel", folder)


@pytest.fixture(scope="module")
def elsewhere(built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, on top of the libraries that are installed here; not with this checkout."""
    place = tmp_path_factory.mktemp("elsewhere")
    venv.create(place / "venv", with_pip=False)
    (site,) = place.glob("venv/lib/python*/site-packages")
    (site / "libraries.pth").write_text(f"{SITE}\n", encoding="utf-8")
    python = place / "venv" / "bin" / "python"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        "--no-compile",
    ]
    run(*pip, built[1], folder=place)
    return place


def missing(wheel: Path, source: Path = ROOT) -> list[str]:
    """The modules and tables of a checkout that a wheel lacks."""
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = {path.relative_to(source).as_posix() for path in source.glob("cape_utils/**/*.py")}
    wanted |= {f"cape_utils/_data/{path.name}" for path in source.glob("data/*.*")}
    return sorted(wanted - held)


def test_the_index_would_take_both(built):
    said = run(sys.executable, "-m", "twine", "check", "--strict", *built, folder=built[0].parent)
    assert said.count("PASSED") == len(built)
    assert all(path.stat().st_size < MOST_MB * 1e6 for path in built)


def test_the_wheel_holds_every_module_and_table_and_the_licences(built):
    assert missing(built[1]) == []
    names = zipfile.ZipFile(built[1]).namelist()
    assert {"LICENSE", "LICENSE-TEXT.md"} <= {Path(name).name for name in names if "licenses/" in name}
    assert not [name for name in names if re.search(r"(^|/)(tests|notebooks|book)/", name)]


def test_a_table_left_out_would_be_seen(built, tmp_path):
    with zipfile.ZipFile(built[1]) as whole, zipfile.ZipFile(tmp_path / "less.whl", "w") as less:
        for name in whole.namelist():
            if not name.endswith("/claims.csv"):
                less.writestr(name, "")
    assert missing(tmp_path / "less.whl") == ["cape_utils/_data/claims.csv"]


def test_the_installed_package_is_its_own(elsewhere):
    where = run(
        elsewhere / "venv/bin/python", "-c", "import cape_utils; print(cape_utils.__file__)", folder=elsewhere
    )
    assert Path(where.strip()).is_relative_to(elsewhere)


def test_the_command_runs_without_the_repository(elsewhere):
    kept = json.loads(run(elsewhere / "venv/bin/cape", "claims", "--json", folder=elsewhere))
    assert len(kept) > 100, "every claim of the ledger, from the tables in the wheel"
