"""What machines read of a page: previews, references for Google Scholar and Zotero, JSON-LD, canonical addresses and a site map.

All of it comes from ``CITATION.cff``, ``data/datapackage.json``, the page's title and its first paragraph. Addresses
are absolute, so those are written only where the book's own address is known (`book/address.py`).
"""

from __future__ import annotations

import html
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from docutils import nodes

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import address

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sphinx.application import Sphinx
    from sphinx.config import Config

FRONT = "book/intro"
CHAPTERS = "notebooks/"
PICTURE = "_static/screenshot.png"
PICTURE_SIZE = (1280, 860)
# The longest description that previews and result pages show.
MOST = 200
CODE_LICENCE = "https://spdx.org/licenses/MIT.html"
TEXT_LICENCE = "https://creativecommons.org/licenses/by/4.0/"


def summary(doctree: nodes.document | None, fallback: str) -> str:
    """The first paragraph of a page, cut after a word."""
    first = next((one.astext() for one in doctree.findall(nodes.paragraph)), "") if doctree else ""
    words = " ".join(first.split()) or fallback
    return words if len(words) <= MOST else words[:MOST].rsplit(" ", 1)[0].rstrip(",;:") + " \u2026"


def tags(
    citation: Mapping[str, Any], page: str, title: str, description: str, where: address.Address, edition: str
) -> list[tuple[str, str, str]]:
    """The tags of one page.

    Parameters
    ----------
    citation
        Of ``CITATION.cff``.
    page
        The page's name, such as ``notebooks/02_coupling``.
    title, description
        Plain words.
    where
        The repository's address.
    edition
        File name of the PDF.

    Returns
    -------
    list of tuple
        The kind of attribute (``name`` or ``property``), the name and the content. Google Scholar and Zotero take a page with
        ``citation_inbook_title`` for a chapter of that book.
    """
    day = str(citation["date-released"])
    found = [
        ("name", "description", description),
        ("property", "og:title", title),
        ("property", "og:description", description),
        ("property", "og:type", "book" if page == FRONT else "article"),
        ("property", "og:site_name", citation["title"]),
        ("property", "og:locale", "en_GB"),
        ("name", "twitter:card", "summary_large_image"),
        ("name", "citation_title", citation["title"] if page == FRONT else title),
        *(("name", "citation_author", name) for name in _authors(citation)),
        ("name", "citation_publication_date", day.replace("-", "/")),
        ("name", "citation_language", "en"),
        ("name", "citation_keywords", "; ".join(citation["keywords"])),
    ]
    if page != FRONT:
        found.append(("name", "citation_inbook_title", citation["title"]))
    if where.known:
        url = f"{where.pages}/{page}.html"
        width, height = PICTURE_SIZE
        found += [
            ("property", "og:url", url),
            ("property", "og:image", f"{where.pages}/{PICTURE}"),
            ("property", "og:image:width", str(width)),
            ("property", "og:image:height", str(height)),
            ("property", "og:image:alt", "A page of the book with an interactive figure"),
            ("name", "citation_public_url", url),
        ]
        if page == FRONT:
            found.append(("name", "citation_pdf_url", f"{where.pages}/editions/{edition}"))
    return found


def _authors(citation: Mapping[str, Any]) -> list[str]:
    return [one.get("name") or f"{one['family-names']}, {one['given-names']}" for one in citation["authors"]]


def written(found: Sequence[tuple[str, str, str]]) -> str:
    """The tags as HTML."""
    return "\n".join(
        f'<meta {kind}="{name}" content="{html.escape(content)}" />' for kind, name, content in found
    )


def linked_data(
    citation: Mapping[str, Any], package: Mapping[str, Any], where: address.Address, edition: str
) -> dict[str, Any]:
    """The book, its tables and its code for search engines, as one graph of schema.org.

    Parameters
    ----------
    citation
        Of ``CITATION.cff``.
    package
        Of ``data/datapackage.json``.
    where
        The repository's address; without one nothing has an address.
    edition
        File name of the PDF.
    """
    authors = [
        {"@type": "Organization" if "name" in one else "Person", "name": name}
        for one, name in zip(citation["authors"], _authors(citation), strict=True)
    ]
    shared = {
        "creator": authors,
        "version": str(citation["version"]),
        "datePublished": str(citation["date-released"]),
        "keywords": list(citation["keywords"]),
        "isAccessibleForFree": True,
        "inLanguage": "en",
    }
    abstract = " ".join(citation["abstract"].split())
    works = [
        {"@type": "ScholarlyArticle", "name": one["title"], "url": one["url"], "author": _authors(one)}
        for one in citation["references"]
    ]
    book = {
        "@type": "Book",
        "@id": "#book",
        "name": citation["title"],
        "description": abstract,
        "author": authors,
        "license": TEXT_LICENCE,
        "about": works,
        "hasPart": [{"@id": "#tables"}, {"@id": "#code"}],
        **shared,
    }
    tables = {
        "@type": "Dataset",
        "@id": "#tables",
        "name": package["title"],
        "description": package["description"],
        "license": package["licenses"][0]["path"],
        "variableMeasured": sorted(
            {
                one["description"]
                for resource in package["resources"]
                for one in resource["schema"]["fields"]
                if "unit" in one
            }
        )[:40],
        "isPartOf": {"@id": "#book"},
        **shared,
    }
    code = {
        "@type": "SoftwareSourceCode",
        "@id": "#code",
        "name": "cape_utils",
        "description": f"The package and the notebooks of {citation['title']}",
        "programmingLanguage": "Python",
        "license": CODE_LICENCE,
        "isPartOf": {"@id": "#book"},
        **shared,
    }
    if where.known:
        book |= {"url": f"{where.pages}/{FRONT}.html", "image": f"{where.pages}/{PICTURE}"}
        book["encoding"] = {
            "@type": "MediaObject",
            "encodingFormat": "application/pdf",
            "contentUrl": f"{where.pages}/editions/{edition}",
        }
        raw = f"{where.url}/raw/{where.branch}/data"
        tables |= {"url": f"{where.url}/tree/{where.branch}/data"}
        tables["distribution"] = [
            {
                "@type": "DataDownload",
                "name": one["title"],
                "encodingFormat": one["mediatype"],
                "contentUrl": f"{raw}/{one['path']}",
            }
            for one in package["resources"]
        ]
        code |= {"codeRepository": where.url, "url": where.url}
    return {"@context": "https://schema.org", "@graph": [book, tables, code]}


def site_map(pages: Sequence[str], day: str, where: address.Address) -> str:
    """A site map of the pages of the table of contents."""
    rows = "".join(
        f"<url><loc>{html.escape(f'{where.pages}/{page}.html')}</loc><lastmod>{day}</lastmod></url>\n"
        for page in pages
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{rows}</urlset>\n'


def edition_file(citation: Mapping[str, Any]) -> str:
    """What `book/printed` calls the PDF.

    Examples
    --------
    >>> edition_file({"title": "A title, executed"})
    'a-title-executed.pdf'
    """
    return re.sub(r"[^a-z0-9]+", "-", citation["title"].lower()).strip("-") + ".pdf"


def _citation(app: Sphinx) -> dict[str, Any] | None:
    path = Path(app.srcdir) / "CITATION.cff"
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else None


def configure(app: Sphinx, config: Config) -> None:
    """Give pages their canonical address, where there is one."""
    where = address.read(Path(app.srcdir))
    if where.known and not config.html_baseurl:
        config.html_baseurl = f"{where.pages}/"


def mark_page(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Add what machines read to the head of a page that is part of the book."""
    citation = _citation(app)
    if doctree is None or citation is None:
        return
    where = address.read(Path(app.srcdir))
    title = " ".join(re.sub(r"<[^>]+>", "", html.unescape(context.get("title", ""))).split())
    words = summary(doctree, " ".join(citation["abstract"].split()))
    head = written(tags(citation, pagename, title, words, where, edition_file(citation)))
    package = Path(app.srcdir) / "data" / "datapackage.json"
    if pagename == FRONT and package.is_file():
        known = linked_data(
            citation, json.loads(package.read_text(encoding="utf-8")), where, edition_file(citation)
        )
        text = json.dumps(known, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
        head += f'\n<script type="application/ld+json">{text}</script>'
    context["metatags"] = f"{context.get('metatags', '')}\n{head}"


def write_site_map(app: Sphinx, exception: Exception | None) -> None:
    """Write the site map beside the pages."""
    citation = _citation(app)
    if exception or app.builder.format != "html" or citation is None:
        return
    where = address.read(Path(app.srcdir))
    path = Path(app.outdir) / "sitemap.xml"
    if not where.known:
        path.unlink(missing_ok=True)
        return
    pages = [name for name in sorted(app.env.found_docs) if name != "index"]
    path.write_text(site_map(pages, str(citation["date-released"]), where), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("config-inited", configure)
    app.connect("html-page-context", mark_page)
    app.connect("build-finished", write_site_map)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
