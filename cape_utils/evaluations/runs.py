"""What one file of results says of one model: its name, its scores, and the conditions under which they were measured.

Every reader in ``evaluations.formats`` returns these records; ``evaluations.merging`` makes a table of them. They
implement no section of the papers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["BrokenFile", "NoBenchmark", "Run", "Score"]


@dataclass(frozen=True)
class Score:
    """One benchmark of one model.

    Attributes
    ----------
    percent : float
        0 to 100.
    items : int or None
        Test items that ran; None where the file does not say.
    shots : int or None
        Examples in the prompt.
    version : str or None
        Of the task, as its harness counts.
    formulation : str or None
        How the question was put, where a harness has several ways.
    """

    percent: float
    items: int | None = None
    shots: int | None = None
    version: str | None = None
    formulation: str | None = None

    def conditions(self) -> dict[str, str]:
        """What must agree between two scores of one benchmark, by name."""
        known = {"shots": self.shots, "version": self.version, "formulation": self.formulation}
        return {name: str(value) for name, value in known.items() if value is not None}


@dataclass(frozen=True)
class Run:
    """What one file says of one model.

    Attributes
    ----------
    file : str
        What messages call it.
    named : str
        The model as the file names it: an identifier of the hub, a path, a bare name.
    named_by : str
        Which key or part of the path said so.
    scores : mapping of str to Score
        By benchmark.
    conditions : mapping of str to str
        Of ``data.user_scores.CONDITIONS``, those that are known; ``"none"`` is a value.
    when : float or None
        Seconds since 1970, from inside the file.
    stamped : float or None
        The same from a time stamp that the harness wrote into the file's name.
    count : float or None
        Parameters, as counted by the harness.
    left_out : mapping of str to str
        Why a benchmark or task of the file has no score here.
    """

    file: str
    named: str
    named_by: str
    scores: Mapping[str, Score]
    conditions: Mapping[str, str] = field(default_factory=dict)
    when: float | None = None
    stamped: float | None = None
    count: float | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)


class BrokenFile(ValueError):
    """A file that cannot be used: the key, what it holds, what is allowed and the remedy."""

    def __init__(self, key: str | None, value: object, allowed: str) -> None:
        super().__init__(allowed)
        self.key, self.value, self.allowed = key, value, allowed


class NoBenchmark(BrokenFile):
    """A sound file without a benchmark of the book: left out where others have one."""
