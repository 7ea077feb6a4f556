r"""Text of other people made safe to show: what would steer a terminal, or turn a line around, is written out.

Names of models, families and files, and cells of tables, come from anywhere. A terminal obeys the escapes in them, and a
bidirectional override shows a name that is not the one meant; both become visible, such as ``\u001b``, which JSON reads back
as the same character. It implements no section of the papers.
"""

from __future__ import annotations

import re
from typing import TextIO

__all__ = ["CleanStream", "csv_cell", "visible"]

# C0 without tab and line feed, DEL and C1; invisible and bidirectional format characters; line and paragraph separators;
# surrogates, which stand for bytes of a file name that are no UTF-8; language tags, which hide a text in a text.
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def visible(text: str, *, lines: bool = False) -> str:
    r"""The text with its control and bidirectional characters written out.

    Parameters
    ----------
    text : str
    lines : bool
        Whether line feeds and tabs stand; in a name they do not.

    Examples
    --------
    >>> visible("pythia\x1b[2J"), visible("gpj.\u202eexe"), visible("a\nb"), visible("a\nb", lines=True)
    ('pythia\\u001b[2J', 'gpj.\\u202eexe', 'a\\u000ab', 'a\nb')
    """
    cleaned = _CONTROLS.sub(lambda match: _written(match[0]), text)
    return cleaned if lines else cleaned.replace("\n", "\\u000a").replace("\t", "\\u0009")


def _written(character: str) -> str:
    code = ord(character)
    if code > 0xFFFF:  # as JSON writes it: a pair
        code -= 0x10000
        return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
    return f"\\u{code:04x}"


def csv_cell(cell: object) -> object:
    """A cell that no spreadsheet takes for a formula: an apostrophe stands before text that would be one.

    Examples
    --------
    >>> csv_cell("=HYPERLINK(1)"), csv_cell("pythia-1b")
    ("'=HYPERLINK(1)", 'pythia-1b')
    """
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


class CleanStream:
    """A text stream that writes through ``visible``; everything else is the stream's own.

    Parameters
    ----------
    stream : text stream
        Of the command, such as ``sys.stdout``.
    """

    def __init__(self, stream: TextIO) -> None:
        self.unclean = stream
        """The stream itself, for what draws on a terminal on purpose, such as a bar of progress."""

    def write(self, text: str) -> int:
        """Write the text, cleaned."""
        return self.unclean.write(visible(text, lines=True))

    def writelines(self, lines: list[str]) -> None:
        """Write each line, cleaned."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> object:
        return getattr(self.unclean, name)
