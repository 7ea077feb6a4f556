"""What the material for teachers is made from: the chapters as the printed edition holds them.

The EPUB has every chart drawn as a vector picture, formulas as MathML, and code and answers apart, so nothing is drawn or run
again. Its links lead to other files of it; here they become plain words.
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bs4 import BeautifulSoup, Tag
from chapter_texts import planned

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Answered", "Chapter", "Picture", "Verdict", "chapters", "words"]

_GONE = "p.aside, a.cape-reproduce"


@dataclass(frozen=True)
class Picture:
    """A figure: its finding as title, the caption with n, at which setting it is drawn, and what is seen; the drawing as SVG."""

    title: str
    caption: str
    setting: str
    alt: str
    svg: str


@dataclass(frozen=True)
class Answered:
    """A bet or an exercise: its name, the options of a bet, the question of a bet, and as HTML what the book says of it.

    ``code`` and ``output`` are the solution as it ran; a bet has none.
    """

    id: str
    question: str
    options: tuple[str, ...]
    answer: str
    code: str = ""
    output: str = ""


@dataclass(frozen=True)
class Verdict:
    """One claim: badge (HTML), its words, the paper's number, ours, and the reason."""

    name: str
    badge: str
    claim: str
    paper: str
    found: str
    reason: str


@dataclass(frozen=True)
class Chapter:
    """A chapter in pieces; ``course`` holds its figures and bets in their order."""

    name: str
    label: str
    short_title: str
    question: str
    hook: str
    goals: str
    course: tuple[Picture | Answered, ...]
    exercises: tuple[Answered, ...]
    verdicts: tuple[Verdict, ...]
    findings: tuple[str, ...]
    limits: str
    read_next: str
    to_argue: tuple[str, ...]

    @property
    def number(self) -> str:
        """In two digits."""
        return self.name[:2]

    @property
    def pictures(self) -> list[Picture]:
        """The figures alone."""
        return [one for one in self.course if isinstance(one, Picture)]


def words(node: Tag | None) -> str:
    """The text of an element on one line; empty where there is none.

    Examples
    --------
    >>> words(BeautifulSoup("<p>a <b>b</b>\\n c</p>", "html.parser").p)
    'a b c'
    """
    return "" if node is None else " ".join(node.get_text().split())


def chapters(root: Path, edition: Path) -> list[Chapter]:
    """Read the chapters of an edition.

    Parameters
    ----------
    root
        The repository, for the plan of chapters.
    edition
        The EPUB.

    Raises
    ------
    ValueError
        If a chapter lacks what every chapter has; the message names both.
    """
    with zipfile.ZipFile(edition) as archive:
        held = {
            Path(name).stem: BeautifulSoup(archive.read(name).decode(), "html.parser")
            for name in archive.namelist()
            if name.endswith(".xhtml")
        }
    listings = {
        str(one["id"]): one.pre.get_text()
        for one in held["code"].select(".listing")
        if isinstance(one.pre, Tag)
    }
    argued = _to_argue(held.get("p-teaching_guide"))
    made = []
    for plan in planned(root).values():
        page = held.get(f"p-{plan.name}")
        if page is None:
            continue
        answers = {
            str(one["id"]).partition("--")[2]: one
            for one in held["answers"].select(".answer")
            if one.get("id")
        }
        try:
            asked = list(_asked(page, answers, listings))
            _without_links(page)
            made.append(
                Chapter(
                    plan.name,
                    plan.label,
                    plan.short_title,
                    plan.question,
                    hook=_paragraph(page, "h1 + p"),
                    goals=_after(page, "You will be able to"),
                    course=tuple(_course(page, asked)),
                    exercises=tuple(one for one in asked if one.id.startswith("exercise-")),
                    verdicts=tuple(_verdicts(page)),
                    findings=_findings(page),
                    limits=_after(page, "Limits."),
                    read_next=_after(page, "Read next"),
                    to_argue=argued.get(plan.name[:2], ()),
                )
            )
        except ValueError as error:
            raise ValueError(f"{plan.name}: {error}") from error
    return made


def _without_links(page: Tag) -> None:
    for gone in page.select(_GONE):
        gone.decompose()
    for link in page.find_all("a"):
        if not re.match(r"https?:", str(link.get("href"))):
            link.unwrap()


def _paragraph(page: Tag, chosen: str) -> str:
    found = page.select_one(chosen)
    if found is None:
        raise ValueError(f"there is no {chosen}")
    return found.decode_contents().strip()


def _after(page: Tag, opening: str) -> str:
    """The last paragraph that begins with these words, without them."""
    for one in reversed(page.find_all("p")):
        bold = one.find("strong")
        if words(one).startswith(opening) and isinstance(bold, Tag):
            return one.decode_contents().partition("</strong>")[2].lstrip(" :.")
    raise ValueError(f"no paragraph begins with {opening!r}")


def _findings(page: Tag) -> tuple[str, ...]:
    """The sentences of *Take away* up to its limits, one a line as they are written."""
    section = page.select_one("section[id$='--take-away']")
    lines: list[str] = []
    for one in section.find_all("p") if section else ():
        if words(one).startswith(("Limits.", "Read next")):
            break
        lines += [line.strip() for line in one.decode_contents().splitlines() if line.strip()]
    if not lines:
        raise ValueError("there is nothing to take away")
    return tuple(lines)


def _asked(page: Tag, answers: dict[str, Tag], listings: dict[str, str]) -> Iterator[Answered]:
    for one in page.select(".asked"):
        name = str(one["id"]).partition("--")[2]
        if name not in answers:
            raise ValueError(f"{name} has no answer")
        holder = answers[name]
        _without_links(holder)
        body = holder.find("div")
        if not isinstance(body, Tag):
            raise ValueError(f"the answer of {name} is empty")
        question = words(one.select_one(".cape-question"))
        options = tuple(words(option) for option in one.select("li"))
        code, output = ("", "") if name.startswith("bet-") else _solution(one, name, listings)
        yield Answered(name, question, options, body.decode_contents(), code, output)


def _solution(asked: Tag, name: str, listings: dict[str, str]) -> tuple[str, str]:
    """The cell after the boxes: its code, which stands at the end of the edition, and what it put out."""
    cell = asked.find_parent(class_="cell")
    after = cell.find_next_sibling(class_="cell") if cell else None
    link = after.select_one("p.aside a") if after else None
    listed = str(link["href"]).partition("#")[2] if link else ""
    if after is None or listed not in listings:
        raise ValueError(f"{name} is followed by no solution")
    output = after.select_one(".cell_output")
    if output is not None:
        _without_links(output)
    return listings[listed].strip("\n"), "" if output is None else output.decode_contents().strip()


def _course(page: Tag, asked: list[Answered]) -> Iterator[Picture | Answered]:
    bets = {one.id: one for one in asked if one.id.startswith("bet-")}
    for one in page.select("figure.cape-figure, .asked"):
        if one.name == "figure":
            yield _picture(one)
        elif (name := str(one["id"]).partition("--")[2]) in bets:
            yield bets[name]


def _picture(figure: Tag) -> Picture:
    drawn, chart = figure.select_one(".cape-chart svg"), figure.select_one(".cape-chart")
    title = words(figure.select_one(".cape-title"))
    if drawn is None or chart is None or not chart.get("aria-label"):
        raise ValueError(f"the figure {title!r} has no drawing, or no words for those who cannot see it")
    return Picture(
        title,
        words(figure.find("figcaption")),
        words(figure.select_one(".cape-setting")),
        str(chart["aria-label"]),
        str(drawn),
    )


def _verdicts(page: Tag) -> Iterator[Verdict]:
    for cell in page.select("table.scoreboard td[data-label='verdict']"):
        row = cell.find_parent("tr")
        parts = {str(one.get("data-label")): one for one in row.find_all("td")}
        reason = row.find_next_sibling("tr")
        why = words(reason) if reason is not None and "reason" in reason.get("class", []) else ""
        name = parts["claim"].find("code")
        for drawn in parts["we find"].find_all("svg"):
            drawn.decompose()
        claim = parts["claim"].decode_contents().partition("<br")[0]
        yield Verdict(
            words(name),
            cell.decode_contents().strip(),
            claim.strip(),
            words(parts["paper"]),
            words(parts["we find"]),
            why,
        )


def _to_argue(guide: Tag | None) -> dict[str, tuple[str, ...]]:
    """The questions to argue over, by the number of the chapter."""
    section = guide.select_one("section[id$='--discussion-questions']") if guide else None
    found = {}
    for bold in section.select("p > strong") if section else ():
        listed = bold.parent.find_next_sibling("ol") if bold.parent else None
        if listed is not None:
            questions = [re.sub(r"\s*\([^()]*\)$", "", words(one)) for one in listed.find_all("li")]
            found[words(bold)] = tuple(questions)
    return found
