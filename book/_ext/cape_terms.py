"""Link the first use of every glossary term on a page to its entry.

Writers write plain words; the links follow from the glossary, so that a new entry is linked everywhere at the next
build. Only prose is searched: headings, code, links, captions of tables and the glossary itself stay as they are.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx import addnodes

if TYPE_CHECKING:
    from sphinx.application import Sphinx

GLOSSARY = "book/glossary"
# What a word may stand in without being prose, or without a link being allowed.
NOT_PROSE = (
    *(nodes.title, nodes.literal, nodes.literal_block, nodes.reference, nodes.math, nodes.raw, nodes.term),
    *(nodes.tgroup, nodes.caption, nodes.rubric, addnodes.pending_xref, nodes.citation, nodes.image),
)


def names(term: str) -> list[str]:
    """Split an entry such as ``MC1, MC2`` into the words that a text may hold.

    Parameters
    ----------
    term
        The entry's heading in the glossary.

    Returns
    -------
    list of str
        The heading's parts, in their order.

    Examples
    --------
    >>> names("Tax, transition, bonus")
    ['Tax', 'transition', 'bonus']
    """
    return [part.strip() for part in term.split(",") if part.strip()]


def pattern(words: list[str]) -> re.Pattern[str]:
    """Match any of the words, whole, with a plural s, and with a capital at the start of a sentence."""
    either = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    return re.compile(rf"(?<![\w-])(?:{either})s?(?![\w-])", re.IGNORECASE)


def _is_prose(text: nodes.Text) -> bool:
    inside_paragraph = False
    node = text.parent
    while node is not None:
        if isinstance(node, NOT_PROSE):
            return False
        inside_paragraph = inside_paragraph or isinstance(node, nodes.paragraph)
        node = node.parent
    return inside_paragraph


def link_first_uses(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Replace the first use of each term on the page by a link to the glossary."""
    if docname == GLOSSARY:
        return
    objects = app.env.get_domain("std").objects  # type: ignore[attr-defined]
    entries = {term: anchor for (kind, term), (_, anchor) in objects.items() if kind == "term"}
    target_of = {word.lower(): entries[term] for term in entries for word in names(term)}
    if not target_of:
        return
    waiting = dict(target_of)
    search = pattern(list(target_of))
    for text in [node for node in doctree.findall(nodes.Text) if _is_prose(node)]:
        pieces: list[nodes.Node] = []
        rest = 0
        for found in search.finditer(text.astext()):
            word = found.group().lower()
            key = word if word in target_of else word.removesuffix("s")
            if key not in waiting:
                continue
            anchor = target_of[key]
            # An entry's other names are done with too: one link to an entry is enough for a page.
            waiting = {name: place for name, place in waiting.items() if place != anchor}
            address = app.builder.get_relative_uri(docname, GLOSSARY) + f"#{anchor}"
            link = nodes.reference("", "", internal=True, refuri=address, classes=["cape-term"])
            link += nodes.inline("", found.group())
            pieces += [nodes.Text(text.astext()[rest : found.start()]), link]
            rest = found.end()
        if pieces:
            pieces.append(nodes.Text(text.astext()[rest:]))
            text.parent.replace(text, [piece for piece in pieces if piece.astext()])


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("doctree-resolved", link_first_uses)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
