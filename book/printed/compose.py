"""The built pages as one document to print: no server, no second run of Sphinx, no browser.

Each page of the table of contents becomes a section. Links between pages become links inside the document; what only a
screen can use (buttons, fields, folds, the search) goes; a bet and an exercise keep their question, and their answers stand
at the end of the document, where the code stands too. Charts are left as the pages hold them; `chromium.py` lets the book's
own script draw them.
"""

from __future__ import annotations

import html
import json
import posixpath
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from bs4 import BeautifulSoup, Tag

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "ANSWERS",
    "CODE",
    "Document",
    "Section",
    "about",
    "compose",
    "repeated_names",
    "style_sheet",
    "title",
]

ANSWERS, CODE = "answers", "code"
# Pages that repeat what other pages hold.
REPEATING = ("book/figures",)
# What a reader of paper cannot use. Scripts stay where they hold a chart; chromium.py removes them once it is drawn.
UNUSABLE = (
    *(
        "nav.cape-open",
        ".cape-editions",
        "a.headerlink",
        ".cape-progress",
        ".cape-feedback",
        ".cape-skip",
        ".cape-shuffle-controls",
    ),
    *(
        ".cape-shuffle-controls",
        ".toctree-wrapper",
        ".cape-record",
        ".cape-claim",
        "button",
        "style",
        "select",
        "input",
        "output",
    ),
)
# What a solution says of the cell that follows it on the page; here the number of that cell stands below the exercise.
BELOW = "The code that computes it is below."
# Colours that the theme has, for a white page; the book's own stand in its style sheet.
THEME = {
    "--pst-color-text-base": "#1f2328",
    "--pst-color-text-muted": "#57606a",
    "--pst-color-background": "#ffffff",
    "--pst-color-link": "#0b5a8a",
    "--pst-color-primary": "#0b5a8a",
    "--pst-header-height": "0rem",
    "--jp-layout-color0": "#ffffff",
}
_VARIABLE = re.compile(r"var\((--[\w-]+)(?:,((?:[^()]|\([^()]*\))*))?\)")


@dataclass(frozen=True)
class Section:
    """One page of the book in the document."""

    key: str
    title: str
    part: str
    page: str
    body: str
    headings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Document:
    """The whole book in reading order."""

    title: str
    authors: str
    version: str
    date: str
    abstract: str
    address: str
    sections: list[Section] = field(default_factory=list)


def title(root: Path) -> str:
    """The title of the book."""
    return about(root)["title"]


def about(root: Path) -> dict[str, str]:
    """Title, authors, version and date of the book, as its citation file has them."""
    citation = _citation(root)
    authors = [
        one.get("name") or f"{one['given-names']} {one['family-names']}" for one in citation["authors"]
    ]
    return {
        "title": str(citation["title"]),
        "authors": ", ".join(authors),
        "version": str(citation["version"]),
        "date": str(citation["date-released"]),
    }


def _citation(root: Path) -> dict[str, Any]:
    held: dict[str, Any] = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    return held


def style_sheet(root: Path) -> str:
    """The book's own style sheets with their colours written out, and what paper needs besides."""
    static = root / "book" / "_static"
    sheets = [
        (static / name).read_text(encoding="utf-8") for name in ("book.css", "front.css", "teaching.css")
    ]
    known = _colours(sheets[0])
    paper = (Path(__file__).resolve().parent / "print.css").read_text(encoding="utf-8")
    return _written_out("\n".join([*sheets, paper]), known)


def _colours(sheet: str) -> dict[str, str]:
    """The colours of a light page, which the first block of the book's style sheet names."""
    return THEME | dict(re.findall(r"(--[\w-]+):\s*([^;]+);", sheet.partition("}")[0]))


def _written_out(text: str, known: dict[str, str]) -> str:
    """Write the values of variables in their place: readers of EPUB files seldom know them."""

    def value(found: re.Match[str]) -> str:
        if found[1] in known:
            return known[found[1]]
        if found[2] is None:
            raise ValueError(f"the style {found[0]} has no value for a printed page")
        return found[2].strip()

    while _VARIABLE.search(text):
        text = _VARIABLE.sub(value, text)
    return text


def compose(root: Path, book: Path, *, pages_url: str = "") -> Document:
    """Compose the document.

    Parameters
    ----------
    root
        The repository.
    book
        The built pages.
    pages_url
        Where the book is published, for links to what is not in the document; such links become plain words without it.
    """
    planned = list(_planned(yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))))
    keys = {docname: f"p-{posixpath.basename(docname)}" for docname, _ in planned}
    colours = _colours((root / "book" / "_static" / "book.css").read_text(encoding="utf-8"))
    answers: list[tuple[str, list[str]]] = []
    code: list[tuple[str, list[str]]] = []
    sections = []
    for docname, part in planned:
        # Colours inside pictures are variables too.
        page = (book / f"{docname}.html").read_text(encoding="utf-8")
        held = re.search(r"<article\b.*</article>", page, re.DOTALL)
        if held is None:
            raise ValueError(f"{docname}.html holds no article")
        article = BeautifulSoup(_written_out(held.group(), colours), "html.parser").article
        assert article is not None
        taken = _Page(article, docname, keys, pages_url)
        taken.clean()
        sections.append(Section(keys[docname], taken.title, part, docname, taken.markup(), taken.headings()))
        answers.append((taken.title, taken.answers))
        code.append((taken.title, taken.code))
    sections += [
        _appendix(ANSWERS, "Answers to the bets and exercises", answers),
        _appendix(CODE, "The code", code),
    ]
    return Document(
        **about(root),
        abstract=" ".join(_citation(root)["abstract"].split()),
        address=pages_url,
        sections=_joined(sections),
    )


def _planned(toc: dict[str, Any]) -> Iterable[tuple[str, str]]:
    yield toc["root"], ""
    for part in toc["parts"]:
        for chapter in part["chapters"]:
            if chapter["file"] not in REPEATING:
                yield chapter["file"], part["caption"]


def _appendix(key: str, title: str, entries: list[tuple[str, list[str]]]) -> Section:
    held = [(name, parts) for name, parts in entries if parts]
    body = [f"<h1>{html.escape(title)}</h1>"]
    for number, (name, parts) in enumerate(held, start=1):
        body.append(f'<h2 id="{key}--{number}">{html.escape(name)}</h2>')
        body += parts
    return Section(key, title, "At the end", "", "\n".join(body))


def _joined(sections: list[Section]) -> list[Section]:
    """Let links to what was left out lead to the page that held it."""
    ids = set(re.findall(r'\sid="([^"]+)"', " ".join(section.body for section in sections)))
    ids |= {section.key for section in sections}

    def target(found: re.Match[str]) -> str:
        name = html.unescape(found[1])
        return found[0] if name in ids else f'href="#{name.partition("--")[0]}"'

    return [replace(one, body=re.sub(r'href="#([^"]*)"', target, one.body)) for one in sections]


class _Page:
    """One page while it is made ready."""

    def __init__(self, article: Tag, docname: str, keys: dict[str, str], pages_url: str) -> None:
        self.article, self.docname, self.keys, self.pages_url = article, docname, keys, pages_url
        self.key = keys[docname]
        self.answers: list[str] = []
        self.code: list[str] = []
        stem = posixpath.basename(docname)
        self.label = stem[:2].lstrip("0") if stem[:2].isdigit() else stem.replace("_", " ")

    def clean(self) -> None:
        for chosen in self.article.select("form.cape-bet"):
            self._bet(chosen)
        for chosen in self.article.select("form.cape-exercise"):
            self._exercise(chosen)
        for one in self.article.select(", ".join(UNUSABLE)):
            # What a control of a chart is called is asked for when the chart is drawn.
            one.decompose()
        for one in self.article.select("noscript"):
            one.unwrap() if one.find_parent(class_="cape-dashboard") else one.decompose()
        self._links_and_names()
        self._take_code()
        for fold in self.article.select("table.scoreboard td > details"):
            self._reason_below(fold)
        for fold in self.article.select("details:not(.cape-alt)"):
            self._unfold(fold)
        title = self.article.find("h1")
        assert isinstance(title, Tag)
        if number := title.select_one(".cape-number"):
            number.replace_with(f"{number.get_text()}:")
        # Spaces of a heading are kept as they stand (print.css), so there must be one between words and no more.
        for heading in self.article.find_all(("h1", "h2", "h3", "h4")):
            for words in heading.find_all(string=True):
                words.replace_with(re.sub(r"\s+", " ", words))
        self.title = " ".join(title.get_text().split())

    def markup(self) -> str:
        return "".join(str(child) for child in self.article.children).strip()

    def headings(self) -> tuple[tuple[str, str], ...]:
        """What a chapter measures; its larger parts are called the same in every chapter, and say nothing in the contents."""
        found = []
        for heading in self.article.find_all("h3") if self.label.isdigit() else ():
            holder = heading.find_parent("section")
            if holder is not None and holder.get("id"):
                found.append((str(holder["id"]), " ".join(heading.get_text(" ").split())))
        return tuple(found)

    # Bets and exercises

    def _bet(self, form: Tag) -> None:
        name = str(form["id"])
        number = name.removeprefix("bet-").replace("-", ".")
        answer = form.select_one(".cape-answer")
        asked = json.loads(str(form["data-bet"]))["ask"]
        if answer is None:
            raise ValueError(f"{self.docname}: the bet {name} has no answer")
        self._answer(name, f"Bet {number}", [answer.decode_contents()])
        question = form.select_one(".cape-question")
        words = "" if question is None else str(question)
        options = "".join(f"<li>{html.escape(str(one))}</li>" for one in asked.get("options", []))
        self._ask(form, name, f"Your bet, {number}", words + (f"<ul>{options}</ul>" if options else ""))

    def _exercise(self, form: Tag) -> None:
        name = str(form["id"])
        number = name.removeprefix("exercise-").replace("-", ".")
        asked = []
        for part in form.select(".cape-part"):
            legend = part.select_one("legend") or part.select_one("label")
            options = [" ".join(one.get_text(" ").split()) for one in part.select("label.cape-option")]
            words = html.escape(" ".join(legend.get_text(" ").split())) if legend else ""
            asked.append(f"<li>{words}{': ' + html.escape(' / '.join(options)) if options else ''}</li>")
        hidden = []
        for fold in form.find_all("details", recursive=False):
            summary = fold.find("summary")
            assert isinstance(summary, Tag)
            heading = summary.get_text(" ").strip()
            summary.decompose()
            for words in fold.find_all("p"):
                if words.get_text() == BELOW:
                    words.decompose()
            hidden.append(
                f'<div class="answer-part"><p><b>{html.escape(heading)}.</b></p>{fold.decode_contents()}</div>'
            )
        if not hidden:
            raise ValueError(f"{self.docname}: the exercise {name} has no solution")
        self._answer(name, f"Exercise {number}", hidden)
        self._ask(form, name, f"Your answer, {number}", f"<ul>{''.join(asked)}</ul>")

    def _ask(self, form: Tag, name: str, heading: str, asked: str) -> None:
        words = (
            f'<div class="asked" id="{name}"><p class="cape-title">{heading}</p>{asked}'
            f'<p class="aside"><a class="composed" href="#{ANSWERS}--{name}">Answer</a></p></div>'
        )
        form.replace_with(BeautifulSoup(words, "html.parser"))

    def _answer(self, name: str, heading: str, parts: list[str]) -> None:
        held = BeautifulSoup(f"<div>{''.join(parts)}</div>", "html.parser")
        self._links_and_names(held)
        self.answers.append(
            f'<div class="answer" id="{ANSWERS}--{name}"><h3><a href="#{self.key}--{name}">{heading}</a></h3>{held}</div>'
        )

    # Code

    def _take_code(self) -> None:
        """Move code to the end of the document, and leave its number where it stood."""
        # A page of functions folds each below its number; the notebooks' cells stand in the page.
        folds = [
            one for one in self.article.select(".cell_output details") if one.find("pre", recursive=False)
        ]
        cells = self.article.select("div.cell_input")
        # The cells of a page of functions only call for the function that the fold holds.
        for cell in cells if folds else ():
            cell.decompose()
        for number, block in enumerate(folds or cells, start=1):
            text = "\n\n".join(one.get_text().strip("\n") for one in block.find_all("pre"))
            here, name = f"{self.key}--code-{number}", f"{CODE}--{self.key}-{number}"
            words = f"Code {self.label}.{number}" if self.label.isdigit() else f"Code {number}"
            self.code.append(
                f'<div class="listing" id="{name}"><p class="aside"><a href="#{here}">{words}</a></p>'
                f"<pre>{html.escape(text)}</pre></div>"
            )
            mark = f'<p class="aside" id="{here}"><a href="#{name}">{words}</a></p>'
            block.replace_with(BeautifulSoup(mark, "html.parser"))

    # Folds, links and names

    def _unfold(self, fold: Tag) -> None:
        summary = fold.find("summary", recursive=False)
        if isinstance(summary, Tag):
            # The heading of a hidden cell says nothing once the cell has gone to the end.
            if "hide" in fold.get("class", []):
                summary.decompose()
            else:
                summary.name = "p"
                summary["class"] = "fold-title"
        fold.name = "div"
        fold["class"] = "opened"
        fold.attrs.pop("open", None)

    @staticmethod
    def _reason_below(fold: Tag) -> None:
        """Let the reason of a verdict, which is long, stand in a row of its own below the claim."""
        row = fold.find_parent("tr")
        summary = fold.find("summary")
        assert isinstance(row, Tag)
        if isinstance(summary, Tag):
            summary.decompose()
        columns = len(row.find_all("td", recursive=False))
        words = f'<tr class="reason"><td colspan="{columns}">{fold.decode_contents()}</td></tr>'
        row.insert_after(BeautifulSoup(words, "html.parser"))
        row["class"] = "reasoned"
        fold.decompose()

    def _links_and_names(self, within: Tag | BeautifulSoup | None = None) -> None:
        held = within or self.article
        for one in held.find_all(True):
            if one.get("id"):
                one["id"] = f"{self.key}--{one['id']}"
            for name, value in list(one.attrs.items()):
                if isinstance(value, str) and "url(#" in value:
                    one[name] = value.replace("url(#", f"url(#{self.key}--")
            one.attrs.pop("for", None)
        for link in held.find_all("a"):
            link.attrs.pop("title", None)
            link.attrs.pop("download", None)
            href = link.get("href")
            if not href:
                link.unwrap()
                continue
            if "composed" in link.get("class", []):
                del link["class"]
                continue
            where = self._leads_to(str(href))
            if where:
                link["href"] = where
            else:
                link.unwrap()

    def _leads_to(self, href: str) -> str:
        if re.match(r"[a-z]+:", href):
            return href
        path, _, anchor = href.partition("#")
        joined = (
            posixpath.normpath(posixpath.join(posixpath.dirname(self.docname), path))
            if path
            else self.docname
        )
        docname = joined.removesuffix(".html")
        if docname in self.keys:
            return f"#{self.keys[docname]}--{anchor}" if anchor else f"#{self.keys[docname]}"
        return f"{self.pages_url}/{joined}{'#' + anchor if anchor else ''}" if self.pages_url else ""


def repeated_names(document: Document) -> list[str]:
    """Names that two elements of the document have; a link to one of them would be a lottery."""
    counted = Counter(re.findall(r'\sid="([^"]+)"', " ".join(section.body for section in document.sections)))
    return sorted(name for name, times in counted.items() if times > 1)
