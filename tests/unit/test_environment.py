"""The lists of requirements say the same: pyproject.toml, constraints.txt and what book/environments.py makes of them."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.loading import load

environments = load("book/environments.py")
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
    """The versions of an environment file, and its Python."""
    listed = yaml.safe_load(text)["dependencies"]
    pip = next(entry["pip"] for entry in listed if isinstance(entry, dict))
    plain = [entry for entry in listed if isinstance(entry, str)]
    python = next(entry for entry in plain if entry.startswith("python="))
    plain = [entry for entry in plain if entry not in ("pip", python)]
    assert pip[-1] == "-e .", "the package itself comes last, once its requirements are there"
    assert pip[0] == "-c constraints.txt", "what the requirements need in turn is exact too"
    return bounds(plain + pip[1:-1]), python.removeprefix("python=")


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


def test_environment_has_what_a_reader_needs_in_the_versions_of_the_book():
    listed, _ = conda(ENVIRONMENT)
    pinned = pins(CONSTRAINTS)
    assert listed == {name: SpecifierSet(f"=={pinned[name]}") for name in SHARED}


def test_environment_has_a_python_that_the_package_takes():
    _, python = conda(ENVIRONMENT)
    assert SpecifierSet(PROJECT["requires-python"]).contains(python)


def too_new(requires: dict[str, str | None], python: str) -> list[str]:
    """The packages that a Python is too old for, by what they say they require."""
    return [
        f"{name} {said}"
        for name, said in requires.items()
        if said and not SpecifierSet(said).contains(python)
    ]


def test_the_pins_install_on_the_oldest_patch_of_the_oldest_python():
    """Debian 12 has Python 3.11.2, and a pin that asks for 3.11.5 would stop `make book` there."""
    oldest = PROJECT["requires-python"].removeprefix(">=") + ".0"
    pinned = pins(CONSTRAINTS)
    requires = {
        one.name: one.metadata.get("Requires-Python")
        for one in metadata.distributions()
        if canonicalize_name(one.name) in pinned
    }
    assert len(requires) > 100
    assert too_new(requires, oldest) == []
    assert too_new({"soupsieve": ">=3.11.5", "six": None}, oldest) == ["soupsieve >=3.11.5"]


# ---------------------------------------------------------------- what is made of them


def checkout(folder: Path) -> Path:
    """What the lists are made from, to plant a change in."""
    (folder / "tests" / "colab").mkdir(parents=True)
    for name in ("pyproject.toml", "constraints.txt", "tests/colab/preinstalled.txt"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_binders_environment_is_the_generated_one():
    assert environments.environment(ROOT) == ENVIRONMENT, "run: make requirements"


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("constraints.txt", "altair==6.3.0", "altair==6.3.1"),
        ("constraints.txt", "torch==2.13.0", "torch==2.13.1"),
        ("pyproject.toml", '  "scipy>=1.15",\n', ""),
        ("pyproject.toml", '  "voila>=0.5.8",\n', '  "voila>=0.5.8",\n  "rich>=13",\n'),
    ],
)
def test_a_change_makes_another_environment(tmp_path, name, old, new):
    change(checkout(tmp_path) / name, old, new)
    assert environments.environment(tmp_path) != ENVIRONMENT


COLAB = (ROOT / "requirements" / "colab.txt").read_text(encoding="utf-8")
# What is installed tells what the packages need in turn; with other versions than the pinned ones that may differ.
PINNED_HERE = all(metadata.version(name) == str(pin) for name, pin in pins(COLAB).items())


@pytest.mark.skipif(not PINNED_HERE, reason="other versions than those of constraints.txt are installed")
def test_colab_gets_what_it_lacks(tmp_path):
    assert environments.colab(ROOT) == COLAB, "run: make requirements"
    checkout(tmp_path)
    change(tmp_path / "tests/colab/preinstalled.txt", "altair==5.5.0\n", "altair==6.1.0\n")
    assert "altair" not in pins(environments.colab(tmp_path)), "new enough, so it stays"
    change(tmp_path / "tests/colab/preinstalled.txt", "importlib_metadata==8.7.1\n", "")
    assert "importlib-metadata" in pins(environments.colab(tmp_path)), (
        "what a package needs in turn comes too"
    )
    change(tmp_path / "constraints.txt", "pysindy==2.1.0", "pysindy==2.0.0")
    with pytest.raises(ValueError, match=r"pysindy 2\.1\.0 is installed, 2\.0\.0 is pinned"):
        environments.colab(tmp_path)


def test_colab_keeps_what_it_has_that_is_new_enough():
    pinned, there = (
        pins(CONSTRAINTS),
        environments.pins((ROOT / "tests/colab/preinstalled.txt").read_text(encoding="utf-8")),
    )
    core = bounds(PROJECT["dependencies"] + EXTRAS["models"])
    for name, version in pins(COLAB).items():
        assert version == pinned[name]
        assert name not in there or not core[name].contains(there[name]), f"{name} would replace Colab's"


HASHES = (ROOT / "requirements" / "hashes.txt").read_text(encoding="utf-8")


def digested(text: str) -> dict[str, tuple[Version, int]]:
    """Each package of a file with digests: its version, and how many files have one."""
    entries = re.findall(
        r"^([\w.-]+)==(\S+)((?: \\\n    --hash=sha256:[0-9a-f]{64})*)$", text, flags=re.MULTILINE
    )
    return {
        canonicalize_name(name): (Version(version), more.count("sha256:")) for name, version, more in entries
    }


def undigested(constraints: str, text: str) -> list[str]:
    """The pins that have no digest, and what is not pinned."""
    pinned = {name: pin for name, pin in pins(constraints).items() if name not in environments.UNHASHED}
    found = digested(text)
    return sorted(
        name
        for name in pinned.keys() | found.keys()
        if name not in pinned or name not in found or found[name][0] != pinned[name] or not found[name][1]
    )


def test_every_pin_but_pytorch_has_its_digests():
    assert undigested(CONSTRAINTS, HASHES) == [], "run: make requirements"
    assert HASHES.startswith(environments.HASHES)
    rest = HASHES.removeprefix(environments.HASHES)
    assert not re.search(
        r"^(?![\w.-]+==\S+ \\$|    --hash=sha256:[0-9a-f]{64}(?: \\)?$).+$", rest, flags=re.MULTILINE
    )


def test_a_missing_digest_would_be_seen():
    one = "a==1 \\\n    --hash=sha256:" + "0" * 64 + "\n"
    assert undigested("a==1\n", one) == []
    assert undigested("a==2\n", one) == ["a"]
    assert undigested("a==1\nb==1\n", one) == ["b"]
    assert undigested("a==1\nb==1\n", one + "b==1\n") == ["b"]
    assert undigested("", one) == ["a"]


@pytest.mark.parametrize("name", environments.WRITTEN)
def test_no_list_names_an_index(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host", text)


def test_the_lowest_versions_are_the_bounds(capsys):
    assert environments.main(["lowest"]) == 0
    lowest = pins(capsys.readouterr().out)
    required = bounds(PROJECT["dependencies"]) | bounds(EXTRAS["book"]) | bounds(EXTRAS["models"])
    assert broken(required, lowest) == []
    assert lowest["jupyter-book"] == Version("1.0.4")


# ---------------------------------------------------------------- the pins


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
