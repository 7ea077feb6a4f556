"""The same bank as a package of QTI 2.1, which other learning systems import: a file a question, a test a chapter, a manifest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from xml.etree import ElementTree as ET

import quiz

from cape_utils.teaching.pages import prose

__all__ = ["package"]

QTI = "http://www.imsglobal.org/xsd/imsqti_v2p1"
PACKAGE = "http://www.imsglobal.org/xsd/imscp_v1p1"
_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_MATHML = "http://www.w3.org/1998/Math/MathML"
_SCHEMA = {
    QTI: f"{QTI} http://www.imsglobal.org/xsd/qti/qtiv2p1/imsqti_v2p1.xsd",
    PACKAGE: f"{PACKAGE} http://www.imsglobal.org/xsd/qti/qtiv2p1/qtiv2p1_imscpv1p2_v1p0.xsd",
}
RIGHT, OTHER = "right", "other"


def package(items: Iterable[quiz.Item], *, course: str, chapters: Mapping[str, str]) -> dict[str, bytes]:
    """Write the files of the package.

    Parameters
    ----------
    items
        In the order of the book.
    course
        Its title.
    chapters
        What each chapter is called, by its number in two digits.

    Returns
    -------
    dict of str to bytes
        XML by the place in the zip; ``imsmanifest.xml`` comes first and names all others.
    """
    files: dict[str, bytes] = {}
    resources = []
    for number, held in groupby(items, lambda item: item.chapter):
        names = []
        for item in held:
            name = f"item-{item.id.replace('.', '-')}"
            names.append(name)
            files[f"items/{name}.xml"] = _item(item, name)
            resources.append((name, "imsqti_item_xmlv2p1", f"items/{name}.xml", []))
        test = f"chapter-{number}"
        files[f"{test}.xml"] = _test(test, f"{course}: {chapters[number]}", names)
        resources.append((test, "imsqti_test_xmlv2p1", f"{test}.xml", names))
    return {"imsmanifest.xml": _manifest(resources)} | files


def _root(name: str, space: str, **attributes: str) -> ET.Element:
    place = {f"{{{_INSTANCE}}}schemaLocation": _SCHEMA[space]}
    return ET.Element(f"{{{space}}}{name}", place | attributes)


def _written(root: ET.Element, space: str) -> bytes:
    # The prefix of a namespace is a matter of the whole process for this writer, so it is said each time.
    for prefix, one in (("", space), ("xsi", _INSTANCE), ("m", _MATHML)):
        ET.register_namespace(prefix, one)
    return ET.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def _add(place: ET.Element, name: str, text: str | None = None, **attributes: str) -> ET.Element:
    space = place.tag.partition("}")[0] + "}"
    one = ET.SubElement(place, f"{space}{name}", attributes)
    one.text = text
    return one


def _prose(words: str) -> ET.Element:
    return _markup(f"<p>{prose(words)}</p>")


def _markup(xhtml: str) -> ET.Element:
    """Elements of the question language, which has the names of XHTML; formulas keep their own namespace."""
    return ET.fromstring(f'<div xmlns="{QTI}">{xhtml}</div>')


def _item(item: quiz.Item, name: str) -> bytes:
    choice = bool(item.options)
    # What is said, by the name under which the answer calls for it.
    named = {option: f"choice-{place}" for place, option in enumerate(item.options, start=1)}
    root = _root(
        "assessmentItem", QTI, identifier=name, title=item.title, adaptive="false", timeDependent="false"
    )
    kind = "identifier" if choice else "float"
    answer = named[str(item.answer)] if choice else f"{item.answer!r}"
    response = _add(root, "responseDeclaration", identifier="RESPONSE", cardinality="single", baseType=kind)
    _add(_add(response, "correctResponse"), "value", answer)
    for outcome, start in (("SCORE", "0"), ("MAXSCORE", "1")):
        declared = _add(
            root, "outcomeDeclaration", identifier=outcome, cardinality="single", baseType="float"
        )
        _add(_add(declared, "defaultValue"), "value", start)
    _add(root, "outcomeDeclaration", identifier="FEEDBACK", cardinality="single", baseType="identifier")

    body = _add(root, "itemBody")
    body.append(_markup(quiz.rendered(item.prompt, quiz.as_mathml)))
    if choice:
        asked = _add(body, "choiceInteraction", responseIdentifier="RESPONSE", shuffle="true", maxChoices="1")
        _add(asked, "prompt", item.label)
        for option, identifier in named.items():
            _add(asked, "simpleChoice", option, identifier=identifier)
    else:
        line = _add(body, "p", f"{item.label} ")
        _add(line, "textEntryInteraction", responseIdentifier="RESPONSE", expectedLength="12")

    processing = _add(root, "responseProcessing")
    if choice:
        condition = _add(processing, "responseCondition")
        met = _add(condition, "responseIf")
        match = _add(met, "match")
        _add(match, "variable", identifier="RESPONSE")
        _add(match, "correct", identifier="RESPONSE")
        _score(met)
        _add(_add(processing, "setOutcomeValue", identifier="FEEDBACK"), "variable", identifier="RESPONSE")
        said = {named[option]: words for option, words in item.options.items()}
    else:
        said = _number(processing, item)
    for identifier, words in said.items():
        told = _add(
            root, "modalFeedback", outcomeIdentifier="FEEDBACK", identifier=identifier, showHide="show"
        )
        told.append(_prose(words))
        if identifier in (RIGHT, named.get(str(item.answer))):
            told.append(_prose(item.explanation))
    return _written(root, QTI)


def _score(place: ET.Element) -> None:
    _add(_add(place, "setOutcomeValue", identifier="SCORE"), "baseValue", "1", baseType="float")


def _number(processing: ET.Element, item: quiz.Item) -> dict[str, str]:
    """Compare the answer with the right one and with each mistake, in their order; return what is said to each."""
    condition = _add(processing, "responseCondition")
    said = {RIGHT: "Right."}
    cases = [(RIGHT, float(item.answer), item.tolerance)]
    for place, (words, value, tolerance) in enumerate(item.traps, start=1):
        said[f"mistake-{place}"] = words
        cases.append((f"mistake-{place}", value, tolerance))
    for place, (identifier, value, tolerance) in enumerate(cases):
        met = _add(condition, "responseElseIf" if place else "responseIf")
        near = _add(met, "equal", toleranceMode="absolute", tolerance=f"{tolerance!r} {tolerance!r}")
        _add(near, "variable", identifier="RESPONSE")
        _add(near, "baseValue", f"{value!r}", baseType="float")
        if identifier == RIGHT:
            _score(met)
        _feedback(met, identifier)
    _feedback(_add(condition, "responseElse"), OTHER)
    # The hint has no place of its own here, as it has in Moodle.
    return said | {OTHER: f"Not yet. {item.hint}".strip()}


def _feedback(place: ET.Element, identifier: str) -> None:
    _add(
        _add(place, "setOutcomeValue", identifier="FEEDBACK"), "baseValue", identifier, baseType="identifier"
    )


def _test(name: str, title: str, items: list[str]) -> bytes:
    root = _root("assessmentTest", QTI, identifier=name, title=title)
    part = _add(
        root, "testPart", identifier=f"{name}-part", navigationMode="nonlinear", submissionMode="individual"
    )
    section = _add(part, "assessmentSection", identifier=f"{name}-section", title=title, visible="true")
    for item in items:
        _add(section, "assessmentItemRef", identifier=item, href=f"items/{item}.xml")
    return _written(root, QTI)


def _manifest(resources: list[tuple[str, str, str, list[str]]]) -> bytes:
    root = _root("manifest", PACKAGE, identifier="cape-quiz")
    about = _add(root, "metadata")
    _add(about, "schema", "QTIv2.1 Package")
    _add(about, "schemaversion", "1.0.0")
    _add(root, "organizations")
    listed = _add(root, "resources")
    for name, kind, href, needs in resources:
        one = _add(listed, "resource", identifier=name, type=kind, href=href)
        _add(one, "file", href=href)
        for other in needs:
            _add(one, "dependency", identifierref=other)
    ET.indent(root)
    return _written(root, PACKAGE)
