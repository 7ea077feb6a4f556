"""A bank of questions that Moodle imports: one XML file with a category for each chapter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from xml.etree import ElementTree as ET

import quiz

from cape_utils.teaching.pages import prose
from cape_utils.teaching.questions import NOT_YET

__all__ = ["bank"]


def bank(items: Iterable[quiz.Item], *, course: str, chapters: Mapping[str, str]) -> bytes:
    """Write the bank.

    Parameters
    ----------
    items
        In the order of the book.
    course
        What the category above those of the chapters is called.
    chapters
        What each chapter is called, by its number in two digits.

    Returns
    -------
    bytes
        XML. Moodle takes the first answer that fits, so the right one comes first, then the usual mistakes, then all others.
    """
    root = ET.Element("quiz")
    for number, held in groupby(items, lambda item: item.chapter):
        _category(root, f"{course}/{chapters[number]}")
        for item in held:
            _question(root, item)
    ET.indent(root)
    return ET.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def _category(root: ET.Element, path: str) -> None:
    asked = ET.SubElement(root, "question", type="category")
    # A slash stands between categories, and two for one in a name.
    course, _, chapter = path.partition("/")
    _text(ET.SubElement(asked, "category"), f"$course$/top/{course}/{chapter.replace('/', '//')}")


def _question(root: ET.Element, item: quiz.Item) -> None:
    asked = ET.SubElement(root, "question", type="multichoice" if item.options else "numerical")
    _text(ET.SubElement(asked, "name"), item.title)
    _html(
        asked, "questiontext", f"{quiz.rendered(item.prompt, quiz.as_tex)}<p><b>{prose(item.label)}</b></p>"
    )
    _html(asked, "generalfeedback", f"<p>{prose(item.explanation)}</p>")
    for name, value in (("defaultgrade", "1"), ("penalty", "0.3333333"), ("hidden", "0")):
        ET.SubElement(asked, name).text = value
    ET.SubElement(asked, "idnumber").text = f"cape-{item.id}"
    if item.options:
        ET.SubElement(asked, "single").text = "true"
        ET.SubElement(asked, "shuffleanswers").text = "true"
        ET.SubElement(asked, "answernumbering").text = "none"
        for option, said in item.options.items():
            _answer(asked, prose(option), option == item.answer, said, kind="html")
    else:
        _answer(asked, f"{item.answer!r}", True, "Right.", item.tolerance)
        for said, value, tolerance in item.traps:
            _answer(asked, f"{value!r}", False, said, tolerance)
        _answer(asked, "*", False, NOT_YET, 0.0)
        # No unit is asked for: it stands in the question.
        for name, value in (
            ("unitgradingtype", "0"),
            ("unitpenalty", "0.1"),
            ("showunits", "3"),
            ("unitsleft", "0"),
        ):
            ET.SubElement(asked, name).text = value
    if item.hint:
        _html(asked, "hint", f"<p>{prose(item.hint)}</p>")


def _answer(
    asked: ET.Element,
    text: str,
    right: bool,
    said: str,
    tolerance: float | None = None,
    kind: str = "moodle_auto_format",
) -> None:
    one = ET.SubElement(asked, "answer", fraction="100" if right else "0", format=kind)
    _text(one, text)
    _html(one, "feedback", f"<p>{prose(said)}</p>")
    if tolerance is not None:
        ET.SubElement(one, "tolerance").text = f"{tolerance!r}"


def _text(place: ET.Element, words: str) -> None:
    ET.SubElement(place, "text").text = words


def _html(place: ET.Element, name: str, words: str) -> None:
    _text(ET.SubElement(place, name, format="html"), words)
