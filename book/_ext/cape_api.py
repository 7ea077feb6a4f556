"""The reference: ``{api-wing} claims`` and ``{cape-commands}``, written from the code at every build.

A page of the reference says when to use a wing and holds one of these two marks. In the mark's place come, before the
page is read, autodoc's directives for the public names of the wing, or the commands as argparse knows them, so that
neither can drift from the code. Autodoc makes the pages, napoleon reads the docstrings.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sphinx.pycode import ModuleAnalyzer

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

import address

import cape_utils

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = "book/api/"
MARK = re.compile(r"^```\{(?P<name>api-wing|cape-commands)\} *(?P<wing>\w*)\n```$", re.MULTILINE)
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>$|~#])")
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")


def wings() -> dict[str, list[str]]:
    """The wings that hand on names, each with these; chapters call the others by module, and promise nothing."""
    rooms = [
        name for name in cape_utils.__all__ if name not in ("__version__", "lazy_names", "cli", "chapters")
    ]
    opened = {name: importlib.import_module(f"cape_utils.{name}") for name in rooms}
    return {name: list(room.__all__) for name, room in opened.items() if getattr(room, "__all__", None)}


def data_doc(wing: str, name: str) -> tuple[str, Path, int] | None:
    """The words under a constant, with its file and line; None where nothing stands there.

    Parameters
    ----------
    wing
        Such as ``claims``.
    name
        A public name that is no function and no class.
    """
    for path in sorted((ROOT / "cape_utils" / wing).glob("*.py")):
        analyzer = ModuleAnalyzer.for_module(f"cape_utils.{wing}.{path.stem}")
        analyzer.analyze()
        if words := analyzer.attr_docs.get(("", name)):
            lines = path.read_text(encoding="utf-8").splitlines()
            line = next(n for n, text in enumerate(lines, 1) if re.match(rf"(\w+, )*{name}\b", text))
            return "\n".join(words).strip(), path, line
    return None


def source(where: address.Address, path: Path, line: int) -> str:
    """Where a name is defined: a link into the repository, or the words alone while it has no address."""
    name = path.relative_to(ROOT).as_posix()
    words = f"Source: {name}, line {line}"
    return f"`{words} <{where.url}/blob/{where.branch}/{name}#L{line}>`__" if where.known else words


def defined(thing: object) -> tuple[Path, int]:
    """File and line of a function or class."""
    found = inspect.unwrap(thing) if callable(thing) else thing
    return Path(inspect.getsourcefile(found) or ""), inspect.getsourcelines(found)[1]  # type: ignore[arg-type]


def wing_page(wing: str, where: address.Address) -> str:
    """Autodoc's directives for the public names of a wing, as a block of reStructuredText in a Markdown page."""
    room = importlib.import_module(f"cape_utils.{wing}")
    blocks = []
    for name in room.__all__:
        thing, full = getattr(room, name), f"cape_utils.{wing}.{name}"
        if inspect.isclass(thing):
            blocks.append(f".. autoclass:: {full}\n   :members:\n")
        elif inspect.isroutine(thing):
            blocks.append(f".. autofunction:: {full}\n")
        else:
            words, path, line = data_doc(wing, name) or ("", ROOT, 0)
            body = textwrap.indent(f"{words}\n\n{source(where, path, line)}", "   ")
            blocks.append(f".. py:data:: {full}\n\n{body}\n")
    return "````{eval-rst}\n" + "\n".join(blocks) + "````"


def commands(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """The commands of a parser, by the name that a shell knows them by."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def plain(words: str) -> str:
    """A help text in Markdown: nothing in it is markup, and options look as one types them."""
    parts = _OPTION.split(words)
    options = [f"`{option}`" for option in _OPTION.findall(words)] + [""]
    return "".join(_MARKDOWN.sub(r"\\\1", part) + option for part, option in zip(parts, options, strict=True))


def commands_page(parser: argparse.ArgumentParser) -> str:
    """One heading a command: what it does, how it is called, every option, examples."""
    parts = []
    for name, command in commands(parser):
        formatter = command.formatter_class(prog=command.prog, width=76)
        formatter.add_usage(command.usage, command._actions, command._mutually_exclusive_groups)
        usage = formatter.format_help().removeprefix("usage: ").strip()
        parts += [f"## cape {name}\n", plain(command.description or "") + "\n"]
        parts.append(f"```text\n{textwrap.dedent(usage)}\n```\n")
        for action in command._actions:
            value = action.metavar or (action.dest.upper() if action.nargs != 0 else "")
            if not action.option_strings:
                label = str(value)
            else:
                label = ", ".join(f"{one} {value}".strip() for one in action.option_strings)
                label = label if action.nargs != 0 else ", ".join(action.option_strings)
            parts.append(f"`{label}`\n: {plain(action.help or '')}\n")
        if command.epilog:
            examples = textwrap.dedent(command.epilog.partition("\n")[2]).strip("\n")
            parts.append(f"```text\n{examples}\n```\n")
    return "\n".join(parts)


def filled(text: str, where: address.Address) -> str:
    """A page with what its marks stand for."""

    def fill(mark: re.Match[str]) -> str:
        if mark["name"] == "cape-commands":
            from cape_utils.cli import _parser

            return commands_page(_parser())
        return wing_page(mark["wing"], where)

    return MARK.sub(fill, text)


def fill_page(app: Sphinx, docname: str, content: list[str]) -> None:
    """Put code's own words in the place of the marks before the page is read."""
    if docname.startswith(FOLDER):
        content[0] = filled(content[0], address.read(Path(app.srcdir)))


def join_attributes(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Head the attributes of a record as parameters, which they are too: napoleon splits ``low, high`` only there."""
    if what == "class":
        lines[:] = [
            "Parameters" if line == "Attributes" and below == "-" * len(line) else line
            for line, below in zip(lines, [*lines[1:], ""], strict=True)
        ]


def add_source(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Say under a function or class where it is defined; methods are found by their class."""
    if what in ("function", "class"):
        lines += ["", source(address.read(Path(app.srcdir)), *defined(thing)), ""]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("source-read", fill_page)
    app.connect("autodoc-process-docstring", join_attributes, priority=100)
    # After napoleon, which would take the line for part of the last section.
    app.connect("autodoc-process-docstring", add_source, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
