"""What the papers say: the rows of the ledger, and the reading that comes nearest to a quoted number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from cape_utils import data
from cape_utils.claims.verdicts import Claim, Value, finite
from cape_utils.stats.resampling import Alternative

__all__ = ["claims_by_id", "claims_of", "ledger", "nearest", "quote", "quoted"]


def ledger(rows: pd.DataFrame | None = None) -> list[Claim]:
    """All claims, in the order of the table.

    Parameters
    ----------
    rows : pandas.DataFrame, optional
        A table like ``claims``; the project's own by default.

    Examples
    --------
    >>> ledger()[0].id
    'pythia_r_hs_tqa'
    """
    frame = data.load("claims") if rows is None else rows
    sides: dict[str, Alternative] = {"greater": "greater", "less": "less", "two-sided": "two-sided"}
    claims = []
    for row in frame.to_dict("records"):
        number, text = finite(row["paper_value"]), row["paper_text"]
        quoted: float | str | None = number
        if row["criterion"] == "equals_text" and isinstance(text, str):
            quoted = text
        meaning = row["interval_meaning"] if isinstance(row["interval_meaning"], str) else None
        value = (
            None
            if quoted is None
            else Value(quoted, finite(row["paper_low"]), finite(row["paper_high"]), None, meaning)
        )
        claims.append(
            Claim(
                id=row["id"],
                paper=row["paper"],
                section=row["section"],
                statement=row["statement"],
                chapter=row["chapter"],
                unit=row["unit"],
                criterion=row["criterion"],
                paper_value=value,
                bound=finite(row["criterion_value"]),
                tolerance=finite(row["tolerance"]) or 0.0,
                alternative=sides.get(row["alternative"]),
                no_null=row["no_null"] if isinstance(row["no_null"], str) else "",
            )
        )
    return claims


def quote(
    claim_id: str,
    statement: str,
    quoted: float | str | None = None,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    tolerance: float = 0.0,
    unit: str = "",
    paper: str = "",
    section: str = "",
    alternative: Alternative | None = None,
    no_null: str = "",
) -> Claim:
    """A claim of any paper, to be judged by the same rule as those of the ledger.

    Parameters
    ----------
    claim_id, statement : str
        A short name, and what is said.
    quoted : float or str, optional
        The number, or the words that must come out equal.
    at_least, at_most : float, optional
        The bound that a number must keep; without ``quoted``, the bound that words are read as.
    tolerance : float
        How far a number may lie from the one quoted: half of its last digit, or a whole one.
    unit, paper, section : str
        Of the number, and where it stands.
    alternative : {"greater", "less", "two-sided"}, optional
        Direction in which the number would stand out from a null.
    no_null : str
        Why no null applies, such as that a count has no pattern in it.

    Returns
    -------
    Claim
        For ``judge``.

    Raises
    ------
    ValueError
        Without a number, words or exactly one bound; or unless exactly one of ``alternative`` and ``no_null`` is given.

    Examples
    --------
    >>> quote("r", "Size and score go together", 0.9, tolerance=0.05, unit="r", alternative="greater").criterion
    'within'
    """
    if bool(alternative) == bool(no_null):
        raise ValueError(
            f"claim {claim_id}: got alternative={alternative!r} and no_null={no_null!r}, expected one of them: "
            "the direction in which a null is to be beaten, or why there is none"
        )
    bounds = {"at_least": at_least, "at_most": at_most}
    given = {name: bound for name, bound in bounds.items() if bound is not None}
    if len(given) > 1 or (not given and quoted is None) or (given and isinstance(quoted, str)):
        raise ValueError(
            f"claim {claim_id}: got quoted={quoted!r} and bounds {given}, expected a number, words, or one bound"
        )
    usual = "equals_text" if isinstance(quoted, str) else "within"
    return Claim(
        id=claim_id,
        paper=paper,
        section=section,
        statement=statement,
        chapter="",
        unit=unit,
        criterion=next(iter(given), usual),
        paper_value=None if quoted is None else Value(quoted),
        bound=next(iter(given.values()), None),
        tolerance=tolerance,
        alternative=alternative,
        no_null=no_null,
    )


def claims_of(chapter: str | None) -> tuple[Claim, ...]:
    """The claims of a chapter, or of the book, in the order of the table.

    Raises
    ------
    KeyError
        If there is no such chapter; the message lists those there are.
    """
    known = list(data.load("chapters")["chapter"])
    if chapter is not None and chapter not in known:
        raise KeyError(f"no chapter {chapter!r}; the chapters are {', '.join(known)}")
    return tuple(claim for claim in ledger() if chapter is None or claim.chapter == chapter)


def claims_by_id(ids: Sequence[str]) -> tuple[Claim, ...]:
    """A few claims, in the order asked for.

    Raises
    ------
    KeyError
        If there is no such claim.
    """
    known = {claim.id: claim for claim in ledger()}
    if unknown := [name for name in ids if name not in known]:
        raise KeyError(f"no claim {', '.join(map(repr, unknown))}; cape claims lists them all")
    return tuple(known[name] for name in ids)


def quoted(claim_id: str) -> float:
    """The number that the papers quote for a claim.

    Raises
    ------
    KeyError
        If there is no such claim.
    ValueError
        If it quotes words and no number.

    Examples
    --------
    >>> quoted("panel_families")
    16.0
    """
    (claim,) = claims_by_id([claim_id])
    value = None if claim.paper_value is None else claim.paper_value.value
    if value is None or isinstance(value, str):
        raise ValueError(f"claim {claim_id!r} quotes {value!r}, which is no number")
    return float(value)


def nearest(readings: Mapping[str, float], quoted: float) -> tuple[str, str]:
    """The reading whose number lies nearest to the one quoted, and a sentence that names all."""
    best = min(readings, key=lambda name: abs(readings[name] - quoted))
    listed = ", ".join(f"{name} {value:.3g}" for name, value in readings.items())
    return best, f"Readings tried: {listed}."
