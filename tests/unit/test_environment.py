"""The three lists of requirements say the same: pyproject.toml, environment.yml and constraints.txt."""

from __future__ import annotations

import stat
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
# What conda-forge calls differently.
CONDA_NAMES = {"pytorch-cpu": "torch"}


def bounds(lines: list[str]) -> dict[str, SpecifierSet]:
    found = {}
    for line in lines:
        requirement = Requirement(line)
        name = canonicalize_name(CONDA_NAMES.get(requirement.name, requirement.name))
        assert name not in found, f"{name} is listed twice"
        found[name] = requirement.specifier
    return found


def conda(text: str) -> tuple[dict[str, SpecifierSet], str]:
    """Bounds of an environment file, and its Python."""
    listed = yaml.safe_load(text)["dependencies"]
    pip = next(entry["pip"] for entry in listed if isinstance(entry, dict))
    plain = [entry for entry in listed if isinstance(entry, str)]
    python = next(entry for entry in plain if entry.startswith("python="))
    plain = [entry for entry in plain if entry not in ("pip", python)]
    assert pip[-1] == "-e .", "the package itself comes last, once its requirements are there"
    return bounds(plain + pip[:-1]), python.removeprefix("python=")


def pins(text: str) -> dict[str, Version]:
    found = {}
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            requirement = Requirement(line)
            (pin,) = requirement.specifier
            assert pin.operator == "==", line
            found[canonicalize_name(requirement.name)] = Version(pin.version)
    return found


def broken(required: dict[str, SpecifierSet], pinned: dict[str, Version]) -> list[str]:
    """The requirements that a list of pins leaves out or violates."""
    return [
        f"{name}{specifier}: {pinned.get(name, 'not pinned')}"
        for name, specifier in required.items()
        if name not in pinned or not specifier.contains(pinned[name], prereleases=True)
    ]


ENVIRONMENT = (ROOT / "environment.yml").read_text(encoding="utf-8")
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8")
SHARED = bounds(PROJECT["dependencies"] + EXTRAS["book"] + EXTRAS["models"])


def test_environment_equals_pyproject():
    listed, _ = conda(ENVIRONMENT)
    assert listed == SHARED


def test_environment_has_a_python_that_the_package_takes():
    _, python = conda(ENVIRONMENT)
    assert SpecifierSet(PROJECT["requires-python"]).contains(python)


@pytest.mark.parametrize(("old", "new"), [("altair>=6.0", "altair>=5.0"), ("      - scipy>=1.13\n", "")])
def test_a_difference_would_be_seen(old, new):
    assert old in ENVIRONMENT
    listed, _ = conda(ENVIRONMENT.replace(old, new))
    assert listed != SHARED


def test_constraints_satisfy_pyproject():
    required = bounds(PROJECT["dependencies"])
    for extra in EXTRAS.values():
        for name, specifier in bounds(extra).items():
            required[name] = required.get(name, SpecifierSet()) & specifier
    assert broken(required, pins(CONSTRAINTS)) == []


def test_a_pin_out_of_bounds_would_be_seen():
    assert broken(bounds(["a>=2", "b<1", "c"]), pins("a==1.0\nb==0.9\n")) == ["a>=2: 1.0", "c: not pinned"]


def test_torch_is_the_pinned_one():
    assert pins(CONSTRAINTS)["torch"] == Version("2.13.0")


def test_the_version_has_one_source():
    import cape_utils

    assert "version" in PROJECT["dynamic"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == cape_utils.__version__
    assert f"## {cape_utils.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


# ---------------------------------------------------------------- Binder


def binder_faults(root: Path) -> list[str]:
    """What would keep Binder from building environment.yml and from opening the chapters as asked."""
    # Binder takes the first of these that it finds, and would then not look at environment.yml.
    found = [
        f"{name} hides environment.yml"
        for name in ("binder", ".binder", "Dockerfile")
        if (root / name).exists()
    ]
    listed, _ = conda((root / "environment.yml").read_text(encoding="utf-8"))
    wanted = {"jupyterlab", "ipywidgets"} | (
        {"voila"} if (root / "notebooks" / "12_dashboard.ipynb").exists() else set()
    )
    found += [f"environment.yml lacks {name}" for name in sorted(wanted - set(listed))]
    script = root / "postBuild"
    if not script.stat().st_mode & stat.S_IXUSR:
        found.append("postBuild cannot be executed")
    if subprocess.run(["bash", "-n", script], capture_output=True, check=False).returncode:
        found.append("postBuild is no script")
    return found


def test_binder_finds_what_it_needs():
    assert binder_faults(ROOT) == []


def test_what_would_stop_binder_is_seen(tmp_path):
    (tmp_path / "binder").mkdir()
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "12_dashboard.ipynb").write_text("{}")
    lines = [line for line in ENVIRONMENT.splitlines() if "voila" not in line and "jupyterlab" not in line]
    (tmp_path / "environment.yml").write_text("\n".join(lines))
    (tmp_path / "postBuild").write_text("if true; then\n")
    assert binder_faults(tmp_path) == [
        "binder hides environment.yml",
        "environment.yml lacks jupyterlab",
        "environment.yml lacks voila",
        "postBuild cannot be executed",
        "postBuild is no script",
    ]
