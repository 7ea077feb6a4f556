"""One version in every file that names it, citations that are valid and typed once, a licence for every folder."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import cape_utils
from tests.loading import ROOT, load

release = load("book/release.py")
citation = load("book/_ext/cape_citation.py")
CFF = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
ZENODO = json.loads((ROOT / ".zenodo.json").read_text(encoding="utf-8"))
BIB = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")


# ---------------------------------------------------------------- versions and releases


@pytest.fixture
def ready(tmp_path: Path) -> Path:
    """A tree whose version is ready to be released, whatever the state of this one."""
    for name in ("CITATION.cff", ".zenodo.json", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tmp_path)
    ledger = Path("data", "editions", cape_utils.__version__, "scorecard.json")
    (tmp_path / ledger.parent).mkdir(parents=True)
    shutil.copy(ROOT / ledger, tmp_path / ledger)
    (tmp_path / "cape_utils").mkdir()
    shutil.copy(ROOT / "cape_utils" / "__init__.py", tmp_path / "cape_utils")
    log = tmp_path / "CHANGELOG.md"
    dated = f"## {cape_utils.__version__} ({CFF['date-released']})"
    log.write_text(re.sub(r"^## .+$", dated, log.read_text(), count=1, flags=re.MULTILINE))
    return tmp_path


def test_every_file_names_the_one_version():
    assert CFF["version"] == ZENODO["version"] == cape_utils.__version__
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'dynamic = ["version"]' in project
    assert not re.search(r"^version\s*=", project, flags=re.MULTILINE)


def test_a_tag_gets_its_own_section_of_the_change_log(ready):
    log = ready / "CHANGELOG.md"
    log.write_text(log.read_text() + "\n## 0.0.1 (2020-01-01)\n\n- Older.\n")
    text = release.notes(ready, f"v{cape_utils.__version__}")
    assert text.startswith("- The book builds from a clean clone")
    assert "Older" not in text
    assert "## " not in text


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        (
            "CITATION.cff",
            f"version: {cape_utils.__version__}",
            "version: 9.9.9",
            "CITATION.cff has version 9.9.9",
        ),
        (".zenodo.json", f'"{cape_utils.__version__}"', '"9.9.9"', ".zenodo.json has version 9.9.9"),
        ("cape_utils/__init__.py", f'"{cape_utils.__version__}"', '"9.9.9"', "__init__.py has version 9.9.9"),
        ("CHANGELOG.md", f"## {cape_utils.__version__} (", "## Next (", "says nothing of"),
        ("CHANGELOG.md", str(CFF["date-released"]), "unreleased", "dates"),
    ],
)
def test_a_tag_that_is_not_ready_is_refused(ready, file, old, new, words):
    path = ready / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(words)):
        release.notes(ready, f"v{cape_utils.__version__}")


def test_a_version_without_its_ledger_is_refused(ready):
    shutil.rmtree(ready / "data")
    with pytest.raises(ValueError, match=f"data/editions has no ledger of {cape_utils.__version__}"):
        release.notes(ready, f"v{cape_utils.__version__}")


@pytest.mark.parametrize("tag", ["v9.9.9", cape_utils.__version__, "vnext"])
def test_another_tag_is_refused(ready, tag, capsys):
    assert release.main([tag, "--root", str(ready)]) == 1
    assert f"{tag} is not ready" in capsys.readouterr().err


# ---------------------------------------------------------------- citations


def cff_is_valid(path: Path) -> bool:
    """Against the schema of the Citation File Format 1.2.0, as shipped with check-jsonschema."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.citation-file-format"]
    return subprocess.run([*command, str(path)], capture_output=True, check=False, timeout=60).returncode == 0


def test_the_citation_file_is_valid():
    assert CFF["cff-version"] == "1.2.0"
    assert cff_is_valid(ROOT / "CITATION.cff")


@pytest.mark.parametrize(
    ("old", "new"),
    [("authors:\n", "author:\n"), ("license: MIT", "license: mine"), ("type: software", "type: book")],
)
def test_an_invalid_citation_file_would_be_seen(tmp_path, old, new):
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert old in text
    planted = tmp_path / "CITATION.cff"
    planted.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert not cff_is_valid(planted)


def test_zenodo_is_told_the_same():
    assert ZENODO["title"] == CFF["title"]
    assert ZENODO["description"] == CFF["abstract"].strip()
    assert ZENODO["keywords"] == CFF["keywords"]
    assert ZENODO["license"] == CFF["license"]
    assert ZENODO["upload_type"] == CFF["type"]
    assert [creator["name"] for creator in ZENODO["creators"]] == citation.author_names(CFF)
    papers = [entry["identifiers"][0]["value"] for entry in CFF["references"]]
    assert [entry["identifier"] for entry in ZENODO["related_identifiers"]] == papers


def test_the_papers_are_the_same_in_both_lists():
    for entry, key in zip(CFF["references"], ("amin2026lying", "amin2026growing"), strict=True):
        text = citation.entry_of(BIB, key)
        assert f"{{{entry['title']}}}" in text
        assert f"{{{entry['url']}}}" in text
        assert f"{{{entry['year']}}}" in text


def test_the_books_reference_follows_the_citation_file():
    changed = copy.deepcopy(CFF)
    changed |= {"version": "7.8.9", "date-released": "2031-02-03", "title": "Another"}
    changed["authors"] = [{"given-names": "Ada", "family-names": "Lovelace"}, {"name": "The Others"}]
    assert citation.as_sentence(changed, "https://x.org/y") == (
        "Ada Lovelace, The Others (2031). Another. Version 7.8.9. https://x.org/y"
    )
    assert citation.as_bibtex(changed).splitlines() == [
        "@misc{cape_book,",
        "  author = {Lovelace, Ada and {The Others}},",
        "  title  = {Another},",
        "  year   = {2031},",
        "  note   = {Jupyter Book, version 7.8.9},",
        "}",
    ]
    assert "  url    = {https://x.org/y}," in citation.as_bibtex(changed, "https://x.org/y")


def test_an_entry_is_copied_whole_and_alone():
    text = citation.entry_of(BIB, "ruan2024observational")
    assert text.startswith("@misc{ruan2024observational,")
    assert text.endswith("\n}")
    assert text.count("@") == 1
    assert text in BIB
    with pytest.raises(ValueError, match=r"no entry 'ruan'.*it has amin2026lying"):
        citation.entry_of(BIB, "ruan")


def test_the_page_types_no_reference_itself():
    page = (ROOT / "book" / "how_to_cite.md").read_text(encoding="utf-8")
    for typed in ("Amin", "Ruan", "2605.", CFF["version"], CFF["title"]):
        assert typed not in page
    for key in re.findall(r"^(\w+\d{4}\w+)$", page, flags=re.MULTILINE):
        citation.entry_of(BIB, key)


# ---------------------------------------------------------------- licences

NOT_OURS = {".git", ".venv", "_build", "dist"}


def licence_rows(readme: str) -> dict[str, str]:
    """The table of the README: what lies where, under which licence."""
    section = readme[readme.index("## Licence") :]
    return dict(re.findall(r"^\| `([^`]+)` \| (.+?) \|$", section, flags=re.MULTILINE))


def uncovered(root: Path, rows: dict[str, str]) -> list[str]:
    """The folders that no row names, and the rows that name no folder."""
    folders = {
        f"{path.name}/"
        for path in root.iterdir()
        if path.is_dir()
        and path.name not in NOT_OURS
        and not path.name.endswith(("_cache", "__pycache__", ".egg-info"))
    } - {".hypothesis/"}
    return sorted(folders ^ {name for name in rows if name.endswith("/")})


def test_every_folder_has_a_licence():
    rows = licence_rows((ROOT / "README.md").read_text(encoding="utf-8"))
    assert uncovered(ROOT, rows) == []
    for name, licence in rows.items():
        assert re.search(r"MIT|CC BY 4\.0|as each source says", licence), name
    assert "CC BY 4.0" in rows["book/"]
    assert rows["cape_utils/"] == "MIT"


def test_a_folder_without_a_licence_would_be_seen(tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "old").mkdir()
    assert uncovered(tmp_path, {"old/": "MIT", "gone/": "MIT"}) == ["gone/", "new/"]
