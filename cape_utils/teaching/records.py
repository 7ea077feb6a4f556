"""A reader's bets as they are kept, and how calibrated they were.

In the page they lie in the browser; a live kernel keeps them in the folder of the reader's own results, and says nothing where
that cannot be written. The first bet on a question counts: later ones know the answer.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from cape_utils.jobs import result_cache
from cape_utils.teaching.questions import fixed

__all__ = ["SURE", "Record", "calibration_words", "keep", "kept"]

SURE = (25, 50, 75, 95)
"""How sure a reader may say to be, percent."""


@dataclass(frozen=True)
class Record:
    """A bet that was placed.

    Parameters
    ----------
    bet, answer : str
        As shown.
    right : bool
    sure : int
        Percent.
    """

    bet: str
    answer: str
    right: bool
    sure: int


def _file() -> Path:
    return result_cache.results_folder() / "bets.json"


def kept() -> dict[str, Record]:
    """The bets of this reader, by id; none where they cannot be read."""
    try:
        found = json.loads(_file().read_text(encoding="utf-8"))
        return {name: Record(**one) for name, one in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def keep(bet_id: str, record: Record) -> None:
    """Keep a bet, unless there is an earlier one on the same question or nothing can be written."""
    records = kept()
    if bet_id in records:
        return
    records[bet_id] = record
    result_cache.write_whole(_file(), json.dumps({name: asdict(one) for name, one in records.items()}))


def calibration_words(records: Mapping[str, Record], asked: int) -> str:
    """How many bets were right, beside how sure their reader was.

    Being right is taken to be as likely as the reader said, independently for each bet. A number of right ones within 1.96
    standard deviations of what that gives is no sign of being too sure or not sure enough.

    Parameters
    ----------
    records : mapping of str to Record
    asked : int
        Bets that the book offers.

    Examples
    --------
    >>> records = {str(i): Record("1", "2", i < 2, 75) for i in range(10)}
    >>> calibration_words(records, 21)
    'You placed 10 of 21 bets and were right on 2. If you were as often right as you were sure, it would have been 7.5: you \
were too sure. Your Brier score is 0.46, where 0 is best and saying 50% every time gives 0.25.'
    """
    if not records:
        return "No bet is kept here yet. Place one under Predict first in any chapter, and come back."
    shares = [(one.sure / 100, one.right) for one in records.values()]
    expected = sum(share for share, _ in shares)
    spread = math.sqrt(sum(share * (1 - share) for share, _ in shares))
    right = sum(hit for _, hit in shares)
    if abs(right - expected) <= 1.96 * spread:
        verdict = "with so few bets that is no sign of being too sure or not sure enough"
    else:
        verdict = "you were too sure" if right < expected else "you were not sure enough"
    brier = sum((share - hit) ** 2 for share, hit in shares) / len(shares)
    bets = "bet" if asked == 1 else "bets"
    return (
        f"You placed {len(shares)} of {asked} {bets} and were right on {right}. If you were as often right as you were sure, "
        f"it would have been {fixed(expected, 1)}: {verdict}. Your Brier score is {fixed(brier, 2)}, where 0 is best and saying "
        "50% every time gives 0.25."
    )
