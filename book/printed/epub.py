"""The document as an EPUB 3 file: one XHTML file a section, the charts as vector pictures inside it, formulas as MathML."""

from __future__ import annotations

import html
import re
import uuid
import zipfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from compose import Document

__all__ = ["entry", "faults", "write_epub"]

TYPE = "application/epub+zip"
USELESS = ("script", "form", "button", "iframe")
_HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html>\n'
    '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" lang="en" xml:lang="en"><head>'
    '<title>{title}</title><link rel="stylesheet" type="text/css" href="style.css"/></head><body>'
)
_TAIL = "</body></html>\n"
_CONTAINER = (
    '<?xml version="1.0"?>\n<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="EPUB/package.opf" media-type="application/oebps-package+xml"/></rootfiles></container>\n'
)
_ACCESS = (
    ("accessMode", "textual"),
    ("accessMode", "visual"),
    ("accessModeSufficient", "textual"),
    ("accessibilityFeature", "alternativeText"),
    ("accessibilityFeature", "MathML"),
    ("accessibilityFeature", "structuralNavigation"),
    ("accessibilityFeature", "tableOfContents"),
    ("accessibilityHazard", "none"),
)


def write_epub(
    path: Path, document: Document, parts: Mapping[str, Mapping[str, Any]], style: str, font: bytes
) -> None:
    """Write the file; the same document gives the same bytes.

    Parameters
    ----------
    path
        The file to write.
    document
        From `compose`.
    parts
        XHTML and properties of each section, from `chromium.xhtml`.
    style
        A style sheet without variables and without a font.
    font
        The WOFF2 font of formulas.
    """
    esc = html.escape
    face = "@font-face { font-family: 'Book Math'; src: url(math.woff2) format('woff2'); }\n"
    face += ".math math { font-family: 'Book Math', math; }\n"
    title = (
        f'{_HEAD.format(title=esc(document.title))}<section epub:type="titlepage"><h1>{esc(document.title)}</h1>'
        f"<p>{esc(document.authors)}</p><p>Version {esc(document.version)}, {esc(document.date)}</p>"
        f"<p>{esc(document.abstract)}</p></section>{_TAIL}"
    )
    files: dict[str, str | bytes] = {
        "META-INF/container.xml": _CONTAINER,
        "EPUB/package.opf": _package(document, parts),
        "EPUB/nav.xhtml": _navigation(document),
        "EPUB/title.xhtml": title,
        "EPUB/style.css": face + style,
        "EPUB/math.woff2": font,
    }
    for one in document.sections:
        files[f"EPUB/{one.key}.xhtml"] = (
            f"{_HEAD.format(title=esc(one.title))}{parts[one.key]['body']}{_TAIL}"
        )
    with zipfile.ZipFile(path, "w") as archive:
        # The type comes first and is not packed, so that a reader finds it at a fixed place.
        archive.writestr(entry("mimetype", document.date, zipfile.ZIP_STORED), TYPE)
        for name, held in files.items():
            archive.writestr(entry(name, document.date), held)


def entry(name: str, date: str, method: int = zipfile.ZIP_DEFLATED) -> zipfile.ZipInfo:
    """Name a file of an archive so that the same files give the same bytes.

    Parameters
    ----------
    name
        Its place in the archive.
    date
        As in ``2026-11-29``.
    method
        How it is packed.
    """
    year, month, day = (int(number) for number in date.split("-"))
    made = zipfile.ZipInfo(name, (year, month, day, 0, 0, 0))
    made.compress_type = method
    made.external_attr = 0o644 << 16
    return made


def _package(document: Document, parts: Mapping[str, Mapping[str, Any]]) -> str:
    esc = html.escape
    name = uuid.uuid5(uuid.NAMESPACE_URL, f"{document.title} {document.version}")
    access = "".join(f'<meta property="schema:{key}">{value}</meta>' for key, value in _ACCESS)
    items, spine = [], []
    for one in document.sections:
        has = " ".join(kind for kind in ("mathml", "svg") if parts[one.key][kind])
        properties = f' properties="{has}"' if has else ""
        items.append(
            f'<item id="{one.key}" href="{one.key}.xhtml" media-type="application/xhtml+xml"{properties}/>'
        )
        spine.append(f'<itemref idref="{one.key}"/>')
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<package xmlns="http://www.idpf.org/2007/opf" version="3.0" '
        'unique-identifier="book" xml:lang="en"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f'<dc:identifier id="book">urn:uuid:{name}</dc:identifier><dc:title>{esc(document.title)}</dc:title>'
        f"<dc:language>en</dc:language><dc:creator>{esc(document.authors)}</dc:creator>"
        f"<dc:description>{esc(document.abstract)}</dc:description><dc:date>{document.date}</dc:date>"
        "<dc:rights>Text and figures: CC BY 4.0; code: MIT</dc:rights>"
        f'<meta property="dcterms:modified">{document.date}T00:00:00Z</meta>{access}</metadata><manifest>'
        '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>'
        '<item id="style" href="style.css" media-type="text/css"/>'
        '<item id="font" href="math.woff2" media-type="font/woff2"/>'
        f'<item id="title" href="title.xhtml" media-type="application/xhtml+xml"/>{"".join(items)}</manifest>'
        f'<spine><itemref idref="title"/><itemref idref="nav"/>{"".join(spine)}</spine></package>\n'
    )


def _navigation(document: Document) -> str:
    esc = html.escape
    rows = []
    for one in document.sections:
        inner = "".join(
            f'<li><a href="{one.key}.xhtml#{esc(name)}">{esc(words)}</a></li>' for name, words in one.headings
        )
        rows.append(
            f'<li><a href="{one.key}.xhtml">{esc(one.title)}</a>{f"<ol>{inner}</ol>" if inner else ""}</li>'
        )
    head = _HEAD.format(title="Contents")
    return f'{head}<nav epub:type="toc"><h1>Contents</h1><ol>{"".join(rows)}</ol></nav>{_TAIL}'


def faults(path: Path) -> list[str]:
    """List what a strict reader of EPUB 3 would refuse.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    list of str
        Files that are no XML, are not declared or declared and missing, wrong properties, repeated names, links into nothing.
    """
    from xml.etree import ElementTree

    xhtml, opf = "{http://www.w3.org/1999/xhtml}", "{http://www.idpf.org/2007/opf}"
    found: list[str] = []
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        first = entries[0]
        if (first.filename, first.compress_type) != ("mimetype", zipfile.ZIP_STORED) or archive.read(
            first
        ) != TYPE.encode():
            found.append("the first entry is not the type, unpacked")
        held = {one.filename: archive.read(one) for one in entries}
    trees = {}
    for name, content in held.items():
        if name.endswith((".xhtml", ".opf", ".xml")):
            try:
                trees[name] = ElementTree.fromstring(content)
            except ElementTree.ParseError as error:
                found.append(f"{name}: {error}")
    package = trees.get("EPUB/package.opf")
    if package is None:
        return [*found, "there is no package"]
    items = {f"EPUB/{one.get('href')}": one for one in package.iter(f"{opf}item")}
    names = {one.get("id") for one in items.values()}
    found += [f"{name}: declared and missing" for name in items if name not in held]
    found += [
        f"{name}: not declared"
        for name in held
        if name.startswith("EPUB/") and name not in {*items, "EPUB/package.opf"}
    ]
    found += [
        f"the spine names {one.get('idref')}"
        for one in package.iter(f"{opf}itemref")
        if one.get("idref") not in names
    ]
    anchors: dict[str, set[str]] = {}
    for name, tree in trees.items():
        ids = [str(one.get("id")) for one in tree.iter() if one.get("id")] if name.endswith(".xhtml") else []
        anchors[name] = set(ids)
        found += [f"{name}: the name {one} stands twice" for one in anchors[name] if ids.count(one) > 1]
        found += [
            f"{name}: {one!r} is no XML name"
            for one in anchors[name]
            if not re.fullmatch(r"[A-Za-z_][\w.-]*", one)
        ]
    for name, tree in trees.items():
        if not name.endswith(".xhtml"):
            continue
        declared = set((items[name].get("properties") or "").split()) - {"nav"} if name in items else set()
        spaces = {"svg": "http://www.w3.org/2000/svg", "mathml": "http://www.w3.org/1998/Math/MathML"}
        holds = {
            kind
            for kind, space in spaces.items()
            if any(one.tag.startswith(f"{{{space}}}") for one in tree.iter())
        }
        if declared != holds:
            found.append(f"{name}: declares {sorted(declared)} and holds {sorted(holds)}")
        found += [
            f"{name}: holds a {kind}"
            for kind in ("script", "form", "button", "iframe")
            if tree.find(f".//{xhtml}{kind}") is not None
        ]
        # A gradient or a clip stands in the same file, or a reader looks for it in vain.
        found += [
            f"{name}: {value} leads out of the file"
            for one in tree.iter()
            for value in one.attrib.values()
            if re.search(r"url\((?!['\"]?#)", value)
        ]
        for link in tree.iter(f"{xhtml}a"):
            href = link.get("href") or ""
            if re.match(r"[a-z]+:", href):
                continue
            file, _, anchor = href.partition("#")
            place = f"EPUB/{file}" if file else name
            if place not in held or (anchor and anchor not in anchors.get(place, set())):
                found.append(f"{name}: the link {href} leads nowhere")
    return found
