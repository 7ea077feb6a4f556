"""Write references from the files that hold them, so that no page types them a second time.

``{book-citation}`` gives this book's own reference from ``CITATION.cff``, as a sentence and as BibTeX;
``{bibtex-entries}`` copies entries of ``references.bib``, named one a line.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sphinx.application import Sphinx


def author_names(citation: Mapping[str, Any]) -> list[str]:
    """Return the authors of a citation file as one reads them: people by both names, groups by their one."""
    return [
        entry.get("name") or f"{entry['given-names']} {entry['family-names']}"
        for entry in citation["authors"]
    ]


def as_sentence(citation: Mapping[str, Any], url: str = "") -> str:
    """Write a citation file as a sentence for a list of references."""
    year = str(citation["date-released"])[:4]
    names = ", ".join(author_names(citation))
    where = f" {url}" if url else ""
    return f"{names} ({year}). {citation['title']}. Version {citation['version']}.{where}"


def as_bibtex(citation: Mapping[str, Any], url: str = "", key: str = "cape_book") -> str:
    """Write a citation file as a BibTeX entry that every style knows.

    A group's name stands in braces of its own: BibTeX would take its last word for a family name.
    """
    names = [
        f"{{{entry['name']}}}" if "name" in entry else f"{entry['family-names']}, {entry['given-names']}"
        for entry in citation["authors"]
    ]
    fields = {
        "author": " and ".join(names),
        "title": citation["title"],
        "year": str(citation["date-released"])[:4],
        "note": f"Jupyter Book, version {citation['version']}",
    } | ({"url": url} if url else {})
    lines = [f"  {name:<6} = {{{value}}}," for name, value in fields.items()]
    return "\n".join([f"@misc{{{key},", *lines, "}"])


def entry_of(bibliography: str, key: str) -> str:
    """Copy one entry out of a bibliography.

    Raises
    ------
    ValueError
        If the bibliography has no such entry; the message lists those it has.
    """
    # An entry ends at the first closing brace that begins a line, as everywhere in references.bib.
    found = re.search(rf"^@\w+\{{{re.escape(key)},\n.*?^\}}", bibliography, flags=re.MULTILINE | re.DOTALL)
    if found is None:
        known = ", ".join(re.findall(r"^@\w+\{([^,\s]+),", bibliography, flags=re.MULTILINE))
        raise ValueError(f"no entry {key!r} in the bibliography; it has {known}")
    return found.group(0)


def _block(text: str) -> nodes.literal_block:
    return nodes.literal_block(text, text, language="bibtex")


class BookCitation(SphinxDirective):
    """This book's own reference."""

    def run(self) -> list[nodes.Node]:
        root = Path(self.env.srcdir)
        path = root / "CITATION.cff"
        self.env.note_dependency(str(path))
        citation = yaml.safe_load(path.read_text(encoding="utf-8"))
        where = address.read(root)
        url = where.url if where.known else ""
        sentence = as_sentence(citation, url)
        return [nodes.paragraph(sentence, sentence), _block(as_bibtex(citation, url))]


class BibtexEntries(SphinxDirective):
    """Entries of the bibliography, to copy."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        path = Path(self.env.srcdir) / "book" / "references.bib"
        self.env.note_dependency(str(path))
        bibliography = path.read_text(encoding="utf-8")
        try:
            entries = [entry_of(bibliography, key.strip()) for key in self.content if key.strip()]
        except ValueError as error:
            raise self.error(str(error)) from error
        return [_block("\n\n".join(entries))]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_directive("book-citation", BookCitation)
    app.add_directive("bibtex-entries", BibtexEntries)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
