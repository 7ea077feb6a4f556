"""The address of the repository: kept in one place, stamped into what leaves the book, and right in a fork."""

from __future__ import annotations

import importlib.util
import io
import json
import re
import shutil
import subprocess
import sys
import types
from contextlib import redirect_stdout
from pathlib import Path

import nbformat
import pytest
import yaml

from tests.loading import ROOT, load

CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FORK = {"GITHUB_REPOSITORY": "someone/fork", "GITHUB_SERVER_URL": "https://github.com"}
# Whatever is text and could name the repository; built files, environments and caches are not ours.
TEXT = {
    ".py",
    ".md",
    ".yml",
    ".yaml",
    ".toml",
    ".cff",
    ".json",
    ".ipynb",
    ".csv",
    ".txt",
    ".js",
    ".css",
    ".bib",
    "",
}
NOT_OURS = {".git", ".venv", "_build", "dist", "node_modules"}


address = load("book/address.py")
links = load("book/_ext/cape_links.py")


def ours(root: Path) -> list[Path]:
    return [
        path
        for path in sorted(root.rglob("*"))
        if path.is_file()
        and path.suffix in TEXT
        and not NOT_OURS & set(path.relative_to(root).parts)
        and not any(part.endswith("_cache") or part == "__pycache__" for part in path.relative_to(root).parts)
    ]


def places(root: Path, words: str) -> list[str]:
    """The files that hold these words, relative to the root."""
    return [
        path.relative_to(root).as_posix()
        for path in ours(root)
        if words in path.read_text(encoding="utf-8", errors="replace")
    ]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What a checkout holds of the address: the settings and the chapters."""
    shutil.copy(ROOT / "_config.yml", tmp_path)
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    return tmp_path


# ---------------------------------------------------------------- one place


def test_the_address_stands_in_one_place():
    assert places(ROOT, address.read(ROOT, {}).repository) == ["_config.yml"]


def test_a_second_copy_would_be_seen(tree):
    (tree / "book").mkdir()
    (tree / "book" / "page.md").write_text(f"[code]({address.read(tree, {}).url})")
    assert places(tree, address.read(tree, {}).repository) == ["_config.yml", "book/page.md"]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_in_git_installs_from_the_mark(path):
    source = path.read_text(encoding="utf-8")
    assert re.findall(r"git\+([^\\\"\s]+)", source) == [address.MARK]


def test_the_environment_goes_before_the_file(tree):
    assert (
        address.read(tree, {}).url == yaml.safe_load((tree / "_config.yml").read_text())["repository"]["url"]
    )
    assert address.read(tree, FORK).url == "https://github.com/someone/fork"
    assert address.read(tree, FORK).known


def test_setting_changes_one_line(tree):
    before = (tree / "_config.yml").read_text().splitlines()
    address.set_address(tree, "octo-cat/my.book_2")
    after = (tree / "_config.yml").read_text().splitlines()
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert [new for _, new in changed] == ["  url: https://github.com/octo-cat/my.book_2"]
    assert address.read(tree, {}).repository == "octo-cat/my.book_2"


def test_a_server_of_ones_own_is_kept(tree):
    own = {"GITHUB_REPOSITORY": "o/n", "GITHUB_SERVER_URL": "https://git.example.org"}
    address.stamp(tree, address.read(tree, own))
    assert address.read(tree, {}).url == "https://git.example.org/o/n"
    assert places(tree, "git+https://git.example.org/o/n@")
    address.set_address(tree, "p/q", own)
    assert address.read(tree, {}).url == "https://git.example.org/p/q"
    address.set_address(tree, "p/q", {})
    assert address.read(tree, {}).url == "https://github.com/p/q"


@pytest.mark.parametrize("wrong", ["", "fork", "a/b/c", "https://github.com/a/b", "a b/c", "-a/b", "a/b c"])
def test_what_is_no_repository_is_refused(tree, wrong):
    before = (tree / "_config.yml").read_text()
    with pytest.raises(ValueError, match="owner/name"):
        address.set_address(tree, wrong)
    assert (tree / "_config.yml").read_text() == before


def test_the_commands_say_what_they_did(tree, capsys, monkeypatch):
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    address.set_address(tree, f"{address.PLACEHOLDER}/cape-book")
    root = ["--root", str(tree)]
    assert address.main([*root, "show"]) == 0
    assert "not set" in capsys.readouterr().out
    assert address.main([*root, "stamp"]) == 1
    assert "make address REPO=owner/name" in capsys.readouterr().err
    assert places(tree, address.MARK), "nothing was stamped with a placeholder"
    assert address.main([*root, "set"]) == 1
    assert address.main([*root, "set", "someone/fork"]) == 0
    assert address.main([*root, "stamp"]) == 0
    assert f"{len(CHAPTERS)} notebooks" in capsys.readouterr().out
    assert places(tree, address.MARK) == []


def test_a_stamped_copy_is_the_forks(tree):
    where = address.read(tree, FORK)
    assert len(address.stamp(tree, where)) == len(CHAPTERS)
    for path in sorted((tree / "notebooks").glob("*.ipynb")):
        nb = nbformat.read(path, as_version=4)
        nbformat.validate(nb)
        original = nbformat.read(ROOT / "notebooks" / path.name, as_version=4)
        changed = [
            (old.source, new.source)
            for old, new in zip(original.cells, nb.cells, strict=True)
            if old.source != new.source
        ]
        assert len(changed) == 1, "only the set-up cell may differ"
        assert f'git+https://github.com/someone/fork@{where.branch}"' in changed[0][1]
    assert places(tree, f"{address.PLACEHOLDER}/") == []
    assert address.stamp(tree, where) == [], "a second time there is nothing left to do"


# ---------------------------------------------------------------- the set-up cell


def installing(source: str) -> str:
    """A set-up cell as far as the line that installs."""
    return source[: source.index("\n", source.index("%pip"))]


class Shell:
    """Runs a cell as Colab does, and writes down what it would have installed instead of installing it."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, *, colab: bool, installed: bool, kaggle: bool = False
    ) -> None:
        from IPython.core.interactiveshell import InteractiveShell

        self.installed: list[str] = []
        self.shell = InteractiveShell()
        self.shell.register_magic_function(self.installed.append, magic_name="pip")
        monkeypatch.delitem(sys.modules, "google.colab", raising=False)
        if colab:
            monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
        real = importlib.util.find_spec
        monkeypatch.setattr(
            importlib.util,
            "find_spec",
            lambda name, *rest: (
                (real("sys") if kaggle else None)
                if name == "kaggle_secrets"
                else (real(name, *rest) if installed else None)
                if name == "cape_utils"
                else real(name, *rest)
            ),
        )

    def run(self, source: str) -> None:
        with redirect_stdout(io.StringIO()):
            self.shell.run_cell(installing(source)).raise_error()


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_the_set_up_installs_once_and_only_in_colab_and_on_kaggle(path, monkeypatch):
    nb = nbformat.read(path, as_version=4)
    source = next(cell.source for cell in nb.cells if cell.cell_type == "code")
    asked = []
    for kaggle in (False, True):
        with monkeypatch.context() as patch:
            fresh = Shell(patch, colab=not kaggle, kaggle=kaggle, installed=False)
            fresh.run(source)
        asked += fresh.installed
    (what,) = set(asked)
    assert asked == [what, what]
    words = rf'install -q "cape-book(\[models\])? @ git\+{address.MARK}" -c {address.MARK}/requirements/colab\.txt'
    assert re.fullmatch(words, what)
    for colab, installed in ((True, True), (False, False), (False, True)):
        with monkeypatch.context() as patch:
            other = Shell(patch, colab=colab, installed=installed)
            other.run(source)
        assert other.installed == []


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_that_opens_a_model_installs_what_that_needs(path):
    nb = nbformat.read(path, as_version=4)
    source = "\n".join(cell.source for cell in nb.cells if cell.cell_type == "code")
    opens = bool(re.search(r"\bmodels\.\w|\bfrom cape_utils import (?:[\w, ]*\b)?models\b", source))
    assert ("cape-book[models]" in source) >= opens


def distribution(folder: Path, name: str, version: str, module: str) -> None:
    """What an installer leaves: a module, and the words on it."""
    words = folder / f"{name}-{version}.dist-info"
    words.mkdir(parents=True)
    (words / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (words / "RECORD").write_text(f"{module}.py,,\n")
    (folder / f"{module}.py").write_text("")


def test_the_set_up_says_what_it_brought_and_when_to_restart(tmp_path, monkeypatch):
    from importlib import metadata

    from cape_utils import runtime

    below, above = tmp_path / "below", tmp_path / "above"
    distribution(below, "cape-loaded", "1.0", "cape_loaded_module")
    distribution(below, "cape-idle", "1.0", "cape_idle_module")
    monkeypatch.syspath_prepend(str(below))
    had = {one.name: one.version for one in metadata.distributions()}
    assert runtime.brought(had) == "Installed: nothing new. No restart is needed."
    importlib.import_module("cape_loaded_module")
    monkeypatch.syspath_prepend(str(above))
    distribution(above, "cape-idle", "2.0", "cape_idle_module")
    distribution(above, "cape-new", "3.0", "cape_new_module")
    said = runtime.brought(had)
    assert said == "Installed: cape-idle 2.0 (was 1.0), cape-new 3.0. No restart is needed."
    distribution(above, "cape-loaded", "1.1", "cape_loaded_module")
    said = runtime.brought(had)
    assert (
        "cape-loaded 1.1 (was 1.0), cape-new 3.0. The kernel still holds the old cape-loaded: restart it"
        in said
    )
    monkeypatch.delitem(sys.modules, "cape_loaded_module")


def test_the_pins_lie_in_the_branch_of_the_package(tree):
    where = address.read(tree, FORK)
    address.stamp(tree, where)
    nb = nbformat.read(tree / "notebooks" / "02_coupling.ipynb", as_version=4)
    source = next(cell.source for cell in nb.cells if cell.cell_type == "code")
    names: dict[str, str] = {}
    for name in ("book", "pins"):
        exec(re.search(rf"^    ({name} = .+)$", source, flags=re.MULTILINE).group(1), names)
    assert names["pins"] == f"https://github.com/someone/fork/raw/{where.branch}/requirements/colab.txt"
    assert (ROOT / "requirements" / "colab.txt").is_file()


# ---------------------------------------------------------------- the line under the title


def test_links_follow_from_the_path():
    where = address.Address("https://github.com", "someone/fork", "live")
    text = links.line("notebooks/02_coupling", where)
    assert re.findall(r'href="([^"]+)"', text) == [
        "https://colab.research.google.com/github/someone/fork/blob/live/notebooks/02_coupling.ipynb",
        "https://mybinder.org/v2/gh/someone/fork/live?urlpath=lab%2Ftree%2Fnotebooks%2F02_coupling.ipynb",
        "https://kaggle.com/kernels/welcome?src=https://github.com/someone/fork/blob/live/notebooks/02_coupling.ipynb",
        "https://codespaces.new/someone/fork/tree/live",
        "../_sources/notebooks/02_coupling.ipynb",
        "../_sources/notebooks/02_coupling-class.ipynb",
    ]
    names = [
        *("Open in Colab", "Open on Binder", "Open on Kaggle", "Open in a codespace"),
        *("Download the notebook", "Download without solutions"),
    ]
    assert re.findall(r">([^<>]+)</a>", text) == names


def test_the_dashboard_opens_as_an_app_too():
    where = address.Address("https://github.com", "someone/fork", "live")
    app = (
        "https://mybinder.org/v2/gh/someone/fork/live?urlpath=voila%2Frender%2Fnotebooks%2F12_dashboard.ipynb"
    )
    assert f'<a href="{app}">Open as an app</a>' in links.line("notebooks/12_dashboard", where)
    assert "voila" not in links.line("notebooks/02_coupling", where)


def test_without_an_address_no_link_leads_nowhere():
    where = address.Address("https://github.com", f"{address.PLACEHOLDER}/cape-book", "live")
    text = links.line("notebooks/12_dashboard", where)
    assert address.PLACEHOLDER not in text
    downloads = [f"../_sources/notebooks/12_dashboard{kind}.ipynb" for kind in ("", "-class")]
    assert re.findall(r'href="([^"]+)"', text) == downloads
    assert text.count('aria-disabled="true"') == 5
    assert links.UNKNOWN in text
    options = links.theme_options({"repository_url": where.url, "launch_buttons": {"colab_url": "x"}}, where)
    assert options.get("launch_buttons") == {}
    assert "repository_url" not in options
    assert not any(options[name] for name in links.THEME_BUTTONS)


def build_fork(folder: Path, repository: str | None) -> Path:
    """Build a book of one real set-up cell as a workflow of that repository would; return its pages."""
    shutil.copytree(
        ROOT / "book" / "_ext", folder / "book" / "_ext", ignore=shutil.ignore_patterns("__pycache__")
    )
    for part in ("_static", "mathfont"):
        shutil.copytree(ROOT / "book" / part, folder / "book" / part)
    (folder / "cape_utils" / "charts").mkdir(parents=True)
    package = (
        "cape_utils/__init__.py",
        "cape_utils/runtime.py",
        "cape_utils/charts/__init__.py",
        "cape_utils/charts/rendering.py",
        "cape_utils/charts/figure_tools.js",
    )
    for name in (
        *(
            "book/build.py",
            "book/execute.py",
            "book/address.py",
            "book/editions.py",
            "_config.yml",
            "CITATION.cff",
            "constraints.txt",
        ),
        *package,
    ):
        shutil.copy(ROOT / name, folder / name)
    (folder / "book" / "references.bib").write_text("")
    (folder / "book" / "intro.md").write_text("# Intro\n")
    (folder / "_toc.yml").write_text(
        "format: jb-book\nroot: book/intro\nchapters:\n  - file: notebooks/02_coupling\n"
    )
    (folder / "notebooks").mkdir()
    nb = nbformat.read(ROOT / "notebooks" / "02_coupling.ipynb", as_version=4)
    setup = next(cell for cell in nb.cells if cell.cell_type == "code")
    setup.source = installing(setup.source)
    nb.cells = [nbformat.v4.new_markdown_cell("# A question?"), setup]
    nbformat.write(nb, folder / "notebooks" / "02_coupling.ipynb")
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "GITHUB_REPOSITORY": repository or ""}
    command = [sys.executable, str(folder / "book" / "build.py"), "--source", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "_build" / "html"


def test_a_fork_builds_with_its_own_links_and_install_cells(tmp_path):
    pages = build_fork(tmp_path, "someone/fork")
    page = (pages / "notebooks" / "02_coupling.html").read_text(encoding="utf-8")
    assert "colab.research.google.com/github/someone/fork/blob/live/notebooks/02_coupling.ipynb" in page
    assert "mybinder.org/v2/gh/someone/fork/live" in page
    assert "kaggle.com/kernels/welcome?src=https://github.com/someone/fork/blob/live/notebooks/02" in page
    assert "codespaces.new/someone/fork/tree/live" in page
    assert "git+https://github.com/someone/fork@live" in re.sub(r"<[^>]+>", "", page)
    download = json.loads(
        (pages / "_sources" / "notebooks" / "02_coupling.ipynb").read_text(encoding="utf-8")
    )
    assert "git+https://github.com/someone/fork@live" in "".join(download["cells"][1]["source"])
    assert address.MARK not in page
    own = "https://someone.github.io/fork"
    assert f'<link rel="canonical" href="{own}/notebooks/02_coupling.html"' in page
    assert f'<meta property="og:url" content="{own}/notebooks/02_coupling.html"' in page
    assert f"<loc>{own}/notebooks/02_coupling.html</loc>" in (pages / "sitemap.xml").read_text(
        encoding="utf-8"
    )
    named = set(re.findall(r"github\.com/([\w.-]+/[\w.-]+)", page))
    assert "someone/fork" in named
    assert not [name for name in named if name.startswith(address.PLACEHOLDER)]


# ---------------------------------------------------------------- codespaces


def container_faults(root: Path) -> list[str]:
    """What would keep a codespace from running the chapters: it installs by make, and its editor finds that Python."""
    settings = json.loads((root / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    made = settings["postCreateCommand"].removeprefix("make ")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("$(VENV)", ".venv")
    found = [] if f"\n{made}: pyproject.toml" in makefile else [f"make does not know {made}"]
    python = settings["customizations"]["vscode"]["settings"]["python.defaultInterpreterPath"]
    if not python.endswith("/.venv/bin/python"):
        found.append(f"the editor takes {python}")
    if not re.search(r":[\w.]*-?3\.1[1-4]-", settings["image"]):
        found.append(f"no Python that the package takes: {settings['image']}")
    return found


def test_a_codespace_installs_as_the_readme_does(tmp_path):
    assert container_faults(ROOT) == []
    (tmp_path / ".devcontainer").mkdir()
    text = (ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8")
    wrong = (
        text.replace(".venv/.book", ".venv/.bok")
        .replace("/.venv/bin/python", "/usr/bin/python")
        .replace("3.12", "3.9")
    )
    (tmp_path / ".devcontainer" / "devcontainer.json").write_text(wrong, encoding="utf-8")
    assert len(container_faults(tmp_path)) == 3
