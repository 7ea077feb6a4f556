"""The reference: nothing undocumented is public, and the pages hold every public name, every command and every option."""

from __future__ import annotations

import argparse
import inspect
import re

import pytest

from cape_utils import claims, cli
from tests.loading import ROOT, load

api = load("book/_ext/cape_api.py")
address = load("book/address.py")

NAMES = [(wing, name) for wing, names in api.wings().items() for name in names]
# Public names whose docstring holds no example, by the reason.
NO_EXAMPLE = {
    "it needs a language model, which a doctest does not open": (
        *(
            "models.Loaded",
            "models.load_model",
            "steering.generate",
            "steering.paper_layer",
            "steering.steer",
        ),
        *("internals.read_units", "internals.read_vectors"),
    ),
    "it is a widget, or an app of widgets, for a live kernel": (
        *("explorers.Explorer", "explorers.as_app", "explorers.critical_scale_explorer"),
        *("explorers.family_explorer", "explorers.frontier_explorer", "explorers.ode_explorer"),
        *("explorers.scores_editor", "explorers.steering_explorer", "explorers.toyworld_explorer"),
        *("explorers.what_if_explorer", "explorers.width_explorer"),
    ),
    "it changes how the whole session draws": ("charts.enable",),
}
EXCUSED = {name for names in NO_EXAMPLE.values() for name in names}
SECTION = re.compile(r"^(?:Parameters|Attributes)\n-+\n(.*?)(?=\n\n\w+\n-+\n|\Z)", re.DOTALL | re.MULTILINE)


def lacking(thing: object) -> list[str]:
    """What the docstring of a function or class lacks: a summary, parameters, an example."""
    words = inspect.cleandoc(thing.__doc__ or "")  # not getdoc, which takes the words of a parent
    # A dataclass without words of its own has its signature for a docstring.
    if not words or words.startswith(f"{thing.__name__}("):
        return ["summary"]
    headings = "\n".join(
        line for part in SECTION.findall(words) for line in part.splitlines() if not line.startswith(" ")
    )
    missing = [one for one in inspect.signature(thing).parameters if not re.search(rf"\b{one}\b", headings)]
    return missing + ([] if ">>>" in words else ["example"])


@pytest.mark.parametrize(("wing", "name"), NAMES, ids=[f"{wing}.{name}" for wing, name in NAMES])
def test_every_public_name_is_documented(wing, name):
    thing = getattr(__import__(f"cape_utils.{wing}", fromlist=[name]), name)
    if inspect.isclass(thing) or inspect.isroutine(thing):
        expected = ["example"] if f"{wing}.{name}" in EXCUSED else []
        assert lacking(thing) == expected
    else:
        assert api.data_doc(wing, name), "a constant needs a docstring under it"


def test_what_is_excused_is_public():
    assert {f"{wing}.{name}" for wing, name in NAMES} >= EXCUSED


def test_an_undocumented_name_is_caught():
    def bare(scores, seed):
        return scores, seed

    def half(scores, seed):
        """Add.

        Parameters
        ----------
        scores : list
            Numbers; the seed is told elsewhere.

        Examples
        --------
        >>> 1 + 1
        2
        """
        return scores, seed

    assert lacking(bare) == ["summary"]
    assert lacking(half) == ["seed"]
    half.__doc__ = half.__doc__.replace(">>>", "").replace("scores : list", "scores, seed : list")
    assert lacking(half) == ["example"]
    assert api.data_doc("claims", "NAMED_NOWHERE") is None


def test_every_wing_has_a_page_in_the_contents_and_no_page_is_left_over():
    pages = {path.stem for path in (ROOT / "book" / "api").glob("*.md")}
    assert pages == {*api.wings(), "commands"}
    contents = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    for stem in pages:
        assert f"file: book/api/{stem}\n" in contents
        text = (ROOT / "book" / "api" / f"{stem}.md").read_text(encoding="utf-8")
        assert text.startswith("# ")
        assert re.search(r"^Use it .*\.$|^Use it in a shell", text, re.MULTILINE)
        mark = api.MARK.search(text)
        assert (mark["name"], mark["wing"] or stem) == (
            ("cape-commands", "commands") if stem == "commands" else ("api-wing", stem)
        )


def test_a_wings_page_has_every_public_name_and_a_constant_its_source():
    where = address.Address("https://example.org", "somebody/book", "live")
    text = api.filled("# Claims\n\n```{api-wing} claims\n```\n", where)
    for name in claims.__all__:
        assert re.search(rf"^\.\. \S+:: cape_utils\.claims\.{name}$", text, re.MULTILINE), name
    place = re.search(r"https://example.org/somebody/book/blob/live/(\S+)#L(\d+)>", text)
    line = (ROOT / place[1]).read_text(encoding="utf-8").splitlines()[int(place[2]) - 1]
    assert line.startswith("VERDICTS")


def test_a_source_leads_to_the_definition_and_nowhere_without_an_address():
    path, line = api.defined(claims.judge)
    assert path.read_text(encoding="utf-8").splitlines()[line - 1].startswith("def judge(")
    nowhere = address.Address("https://example.org", f"{address.PLACEHOLDER}/book", "live")
    assert api.source(nowhere, path, line) == f"Source: cape_utils/claims/verdicts.py, line {line}"


def test_attributes_of_one_line_are_told_apart():
    lines = ["A record.", "", "Attributes", "----------", "low, high : float", "    Ends."]
    api.join_attributes(None, "class", "", None, None, lines)
    assert lines[2:4] == ["Parameters", "----------"]
    words = ["Attributes", "are many."]
    api.join_attributes(None, "class", "", None, None, words)
    assert words == ["Attributes", "are many."]


def test_every_command_and_every_option_is_on_the_page():
    parser = cli._parser()
    text = api.commands_page(parser)
    found = dict(api.commands(parser))
    assert len(found) == len(cli._COMMANDS)
    for name, command in found.items():
        part = text.split(f"## cape {name}\n")[1].split("\n## cape ")[0]
        for action in command._actions:
            label = action.option_strings[-1] if action.option_strings else action.metavar
            entry = re.search(rf"^`(?:-\w\S* ?\S*, )?{re.escape(label)}\b[^`]*`\n: \S", part, re.MULTILINE)
            assert entry, (name, label)


def test_the_rule_judges_a_claim_of_another_paper():
    said = claims.quote("r", "They go together", 0.9, tolerance=0.05, unit="r", alternative="greater")
    draws = [-0.4, 0.1, 0.2] * 50
    verdicts = [
        claims.judge(said, claims.Recomputed(claims.Value(r), null=null)).verdict
        for r, null in (
            (0.91, claims.null_range(0.91, draws, n=8, method="permuted")),
            (0.91, claims.null_range(0.91, [0.95, *draws, *draws], n=8, method="permuted")),
            (0.91, claims.null_range(0.91, [*draws, *[0.95] * 20], n=8, method="permuted")),
            (0.80, None),
        )
    ]
    assert verdicts == ["reproduced", "reproduced", "not distinguishable", "differs"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"quoted": 1.0}, "expected one of them"),
        ({"quoted": 1.0, "alternative": "less", "no_null": "a count"}, "expected one of them"),
        ({"no_null": "a count"}, "expected a number, words, or one bound"),
        ({"at_least": 0.0, "at_most": 1.0, "no_null": "a count"}, "one bound"),
        ({"quoted": "HellaSwag", "at_most": 1.0, "no_null": "a count"}, "one bound"),
    ],
)
def test_a_claim_that_cannot_be_judged_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        claims.quote("x", "Something", **given)


def test_a_planted_option_reaches_the_page_and_its_help_is_no_markup():
    parser = argparse.ArgumentParser(prog="cape")
    commands = parser.add_subparsers()
    commands.add_parser("new", description="Make *it*.").add_argument("--planted", help="as --other_x_ does")
    text = api.commands_page(parser)
    assert "## cape new" in text
    assert "Make \\*it\\*." in text
    assert "`--planted PLANTED`\n: as `--other`\\_x\\_ does" in text
