"""What machines read of a page: the fields of Google Scholar and Zotero, previews, JSON-LD, the site map."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest
import yaml

from tests.loading import ROOT, load

metadata = load("book/_ext/cape_metadata.py")
Address = metadata.address.Address
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
PACKAGE = json.loads((ROOT / "data" / "datapackage.json").read_text(encoding="utf-8"))
KNOWN = Address("https://github.com", "octocat/cape-book", "live")
UNKNOWN = Address("https://github.com", f"{metadata.address.PLACEHOLDER}/cape-book", "live")
PAGES = "https://octocat.github.io/cape-book"
# What Google Scholar refuses a page without, and what Zotero's translator "Embedded Metadata" makes an item of.
WANTED = {"citation_title", "citation_author", "citation_publication_date"}


def fields(page, where=KNOWN):
    found = metadata.tags(CITATION, page, "A title", "Words & more.", where, "book.pdf")
    return {name: content for _, name, content in found}


@pytest.mark.parametrize("page", ["book/intro", "notebooks/02_coupling", "book/glossary"])
@pytest.mark.parametrize("where", [KNOWN, UNKNOWN], ids=["published", "no address"])
def test_every_page_has_the_fields_that_reference_managers_want(page, where):
    found = fields(page, where)
    assert found.keys() >= WANTED
    assert found["citation_publication_date"] == str(CITATION["date-released"]).replace("-", "/")
    # A page with this field is taken for a chapter of a book, and the front page is the book itself.
    assert ("citation_inbook_title" in found) == (page != "book/intro")
    assert found["citation_title"] == (CITATION["title"] if page == "book/intro" else "A title")
    absolute = {name for name, content in found.items() if content.startswith(("http", "/"))}
    known = {"og:url", "og:image", "citation_public_url"} | (
        {"citation_pdf_url"} if page == "book/intro" else set()
    )
    assert absolute == (known if where is KNOWN else set())


def test_the_pdf_is_named_as_it_is_made():
    compose, printed = load("book/printed/compose.py"), metadata.edition_file(CITATION)
    assert printed == f"{load('book/printed/__main__.py')._slug(compose.title(ROOT))}.pdf"
    assert fields("book/intro")["citation_pdf_url"] == f"{PAGES}/editions/book.pdf"


def test_words_are_safe_in_an_attribute_and_short():
    shown = metadata.written([("name", "description", 'a "b" <c> & d')])
    assert shown == '<meta name="description" content="a &quot;b&quot; &lt;c&gt; &amp; d" />'
    assert metadata.summary(None, "word " * 100).endswith(" word \u2026")
    assert len(metadata.summary(None, "word " * 100)) <= metadata.MOST + 2
    assert metadata.summary(None, "Short.") == "Short."


@pytest.mark.parametrize("where", [KNOWN, UNKNOWN], ids=["published", "no address"])
def test_linked_data_names_book_tables_and_code(where):
    known = metadata.linked_data(CITATION, PACKAGE, where, "book.pdf")
    assert known["@context"] == "https://schema.org"
    graph = {one["@type"]: one for one in known["@graph"]}
    assert list(graph) == ["Book", "Dataset", "SoftwareSourceCode"]
    ids = {one["@id"] for one in known["@graph"]}
    assert {part["@id"] for part in graph["Book"]["hasPart"]} <= ids
    # Google's data set search takes descriptions of 50 to 5,000 characters.
    assert 50 <= len(graph["Dataset"]["description"]) <= 5000
    assert all(one["version"] == str(CITATION["version"]) for one in known["@graph"])
    assert ("octocat" in json.dumps(known)) == (where is KNOWN)
    assert metadata.address.PLACEHOLDER not in json.dumps(known)
    if where is KNOWN:
        offered = {one["contentUrl"].rpartition("/")[2] for one in graph["Dataset"]["distribution"]}
        assert offered == {one["path"] for one in PACKAGE["resources"]}


def test_the_site_map_lists_every_page():
    tree = ET.fromstring(metadata.site_map(["book/intro", "notebooks/01_data"], "2026-01-01", KNOWN))
    space = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    assert [one.text for one in tree.iter(f"{space}loc")] == [
        f"{PAGES}/book/intro.html",
        f"{PAGES}/notebooks/01_data.html",
    ]
