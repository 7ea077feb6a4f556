"""The page of errata: its list is read strictly, and its links follow the repository's address."""

from __future__ import annotations

import re
from io import StringIO

import pytest
import yaml

from tests.loading import ROOT, load

EXTENSIONS = ROOT / "book" / "_ext"
ONE = {"date": "2027-02-01", "where": "02_coupling", "wrong": "0.9", "right": "0.8", "since": "0.1.0"}


@pytest.fixture
def errata(monkeypatch):
    monkeypatch.syspath_prepend(str(EXTENSIONS))
    return load("book/_ext/cape_errata.py")


def written(*entries: dict[str, object]) -> str:
    lines = ["- " + "\n  ".join(f"{name}: {value}" for name, value in one.items()) for one in entries]
    return "\n".join(lines) or "[]"


def test_the_list_of_the_book_can_be_read(errata):
    assert isinstance(errata.entries((ROOT / errata.LIST).read_text(encoding="utf-8")), list)
    assert len(errata.entries(written(ONE | {"issue": 7}, ONE | {"date": "2027-01-31"}))) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: b", "holds no list"),
        (written({name: value for name, value in ONE.items() if name != "right"}), "entry 1 lacks .'right'."),
        (written(ONE, ONE | {"who": "me"}), "entry 2 lacks nothing and has .'who'. that is not known"),
        (written(ONE | {"date": "spring"}), "is dated 'spring'"),
        (written(ONE, ONE | {"date": "2027-02-02"}), "not stand newest first"),
    ],
)
def test_an_entry_that_says_too_little_is_refused(errata, text, said):
    with pytest.raises(ValueError, match=said):
        errata.entries(text)


@pytest.fixture
def page(tmp_path, monkeypatch):
    """Build a book of the page of errata alone, with a list and under an address."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace

    monkeypatch.syspath_prepend(str(EXTENSIONS))

    def build(listed: str, repository: str = "") -> tuple[str, str]:
        monkeypatch.setenv("GITHUB_REPOSITORY", repository)
        monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
        for name, text in {
            "conf.py": "extensions = ['myst_parser', 'cape_links', 'cape_errata']\n",
            "_config.yml": (ROOT / "_config.yml").read_text(encoding="utf-8"),
            "index.md": (ROOT / "book" / "errata.md").read_text(encoding="utf-8"),
            "editions.md": "# Editions\n",
            "book/errata.yml": listed,
        }.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        complaints = StringIO()
        with docutils_namespace():
            Sphinx(
                tmp_path,
                tmp_path,
                tmp_path / "out",
                tmp_path / "trees",
                "html",
                None,
                None,
                complaints,
                freshenv=True,
            ).build(force_all=True)
        return (tmp_path / "out" / "index.html").read_text(encoding="utf-8"), complaints.getvalue()

    return build


def test_without_errata_the_page_says_so_and_without_an_address_nothing_is_linked(page):
    text, said = page("[]")
    assert "ERROR" not in said
    assert "None yet." in text
    assert "Report it" in text
    assert "issues/new" not in text


def test_errata_are_listed_with_links_to_their_reports(page):
    text, said = page(
        written(ONE | {"issue": 7}, ONE | {"date": "2027-01-31", "wrong": "a < b"}), "octocat/cape"
    )
    assert "ERROR" not in said
    rows = re.findall(r"<tr.*?</tr>", text, re.DOTALL)
    assert len(rows) == 3
    assert 'href="https://github.com/octocat/cape/issues/7"' in rows[1]
    assert "a &lt; b" in rows[2]
    assert 'href="https://github.com/octocat/cape/issues/new?template=erratum.yml"' in text
    assert "None yet." not in text


def test_a_wrong_list_is_an_error_of_the_build(page):
    assert (
        "ERROR: the entries do not stand newest first" in page(written(ONE, ONE | {"date": "2027-02-02"}))[1]
    )


def test_the_form_that_the_page_links_is_there():
    page = (ROOT / "book" / "errata.md").read_text(encoding="utf-8")
    name = re.search(r"issues/new\?template=([\w.]+)>", page).group(1)
    form = yaml.safe_load((ROOT / ".github" / "ISSUE_TEMPLATE" / name).read_text(encoding="utf-8"))
    asked = {one["id"] for one in form["body"] if one["type"] != "markdown"}
    assert {"where", "edition", "wrong", "right"} <= asked
