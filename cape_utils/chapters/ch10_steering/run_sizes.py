"""How much of chapter 10 is measured in a model: everything, or as little as still makes every figure.

Only sizes stand here. The quick run has fewer pairs, depths, controls and words; its p are those of the same tests, and
can be as small as 1 in 21. It is there to try a model, not to judge paper A's section 6.3 by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import pandas as pd

from cape_utils.chapters.ch10_steering.selection import split_topics

__all__ = ["FULL", "QUICK", "RunName", "RunSize", "run_size"]

RunName = Literal["auto", "quick", "full"]


@dataclass(frozen=True)
class RunSize:
    """Numbers of everything that costs time in the model.

    Attributes
    ----------
    learning, tested : int or None
        Pairs of each topic that is learnt from, and of each that is tested; even, so that couples stay whole. None takes all.
    neutral_every : int
        Every how many-th neutral prompt the doses are matched on, and as many others the cost is reported on.
    depths : int
        Parts the depth is cut into; the layers between them are tried.
    strengths : tuple of float
        Tried at each of these layers.
    labellings, random : int
        Permuted labellings and random directions of the test. Each labelling stands for its reverse too, so that with ten of
        them p can be 0.05.
    rules, asking : tuple of str
        Other ways of steering: rules for the stream, and ways to ask in words.
    rule_labellings, rule_random, neutral_words : int
        Controls of each.
    runs : int
        Runs of each kind for the outputs that change.
    pushes : tuple of float
        Strengths of the outputs to read.
    tokens : int
        Of each output.
    """

    learning: int | None
    tested: int | None
    neutral_every: int
    depths: int
    strengths: tuple[float, ...]
    labellings: int
    random: int
    rules: tuple[str, ...]
    asking: tuple[str, ...]
    rule_labellings: int
    rule_random: int
    neutral_words: int
    runs: int
    pushes: tuple[float, ...]
    tokens: int

    def part_of(self, pairs: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
        """The first pairs of each topic; learning costs one pass of the model, a tested pair one for every push.

        Parameters
        ----------
        pairs : DataFrame
        seed : int
            Of the split of the topics.

        Examples
        --------
        >>> from cape_utils import data
        >>> len(QUICK.part_of(data.load("truth_pairs"))), len(FULL.part_of(data.load("truth_pairs")))
        (30, 200)
        """
        learnt, _ = split_topics(pairs["topic"].tolist(), seed=seed)
        most = (
            pairs["topic"]
            .isin(learnt)
            .map({True: self.learning or len(pairs), False: self.tested or len(pairs)})
        )
        return pairs[pairs.groupby("topic").cumcount() < most].reset_index(drop=True)


FULL = RunSize(
    learning=None,
    tested=None,
    neutral_every=6,
    depths=8,
    strengths=(0.1, 0.2, 0.4),
    labellings=40,
    random=20,
    rules=("adaptive", "clamp", "ablate"),
    asking=("prompt", "chat"),
    rule_labellings=19,
    rule_random=5,
    neutral_words=5,
    runs=10,
    pushes=(-0.4, -0.2, -0.1, 0.1, 0.2, 0.4),
    tokens=24,
)
"""What came with the repository for the bundled model."""

QUICK = RunSize(
    learning=4,
    tested=2,
    neutral_every=24,
    depths=4,
    strengths=(0.2,),
    labellings=10,
    random=2,
    rules=(),
    asking=("prompt",),
    rule_labellings=0,
    rule_random=0,
    neutral_words=5,
    runs=1,
    pushes=(0.2,),
    tokens=8,
)
"""A minute or two for 135 million parameters on two cores."""


def run_size(name: str, *, bundled: bool) -> tuple[RunSize, bool]:
    """What a name stands for, and whether the results that came with the repository are taken.

    Parameters
    ----------
    name : {"auto", "quick", "full"}
        ``auto`` is the kept full run for the bundled model and a quick one for any other; ``quick`` and ``full`` measure here.
    bundled : bool
        Whether the model is the bundled one.

    Raises
    ------
    ValueError
        For any other name.

    Examples
    --------
    >>> size, kept = run_size("auto", bundled=True)
    >>> size is FULL, kept
    (True, True)
    """
    if name not in get_args(RunName):
        raise ValueError(
            f"RUN is {name!r}; allowed are 'auto' (the kept full run for the bundled model, else a quick one), 'quick' (a minute "
            "or two) and 'full' (everything, measured here)"
        )
    kept = bundled and name == "auto"
    return (FULL if kept or name == "full" else QUICK), kept
