"""The ledger: what the papers say, what we compute, and the verdict by rule.

The quoted numbers come from ``quotations``, the functions that recompute them from ``registry``. This module joins the
two; the rule is in ``claims.verdicts``, the tables of a notebook are in ``claims.scoreboards``.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from cape_utils.claims import results
from cape_utils.claims.quotations import claims_by_id, claims_of
from cape_utils.claims.registry import cited_claims, recomputations, remarks
from cape_utils.claims.scoreboards import Reproduction, Scoreboard, Statements
from cape_utils.claims.verdicts import (
    VERDICTS,
    Assessment,
    Claim,
    judge,
)
from cape_utils.stats.resampling import null_from_draws
from cape_utils.stats.results import Null

__all__ = [
    "agreement_by_luck",
    "assess",
    "assess_some",
    "false_discovery",
    "flat_table",
    "reproduce",
    "scoreboard",
    "statements",
    "verdict_counts",
]


def _assessed(claim: Claim, *, anew: bool = False) -> Assessment:
    return judge(claim, results.recompute(claim.id) if anew else results.result(claim.id))


def assess(
    chapter: str | None = None,
    *,
    anew: bool = False,
    progress: Callable[[Sequence[Claim]], Iterable[Claim]] = iter,
) -> list[Assessment]:
    """Every claim of a chapter, or of the book, with our numbers and the verdict.

    Parameters
    ----------
    chapter : str, optional
        Such as ``"02_coupling"``.
    anew : bool
        Recompute every number, whatever is kept from before.
    progress : callable
        Wraps the claims, as ``tqdm`` does.

    Raises
    ------
    KeyError
        If there is no such chapter; the message lists those there are.

    Examples
    --------
    >>> {item.claim.chapter for item in assess("01_data")}
    {'01_data'}
    """
    return [_assessed(claim, anew=anew) for claim in progress(claims_of(chapter))]


def assess_some(ids: Sequence[str]) -> list[Assessment]:
    """A few claims with our numbers and the verdict, without recomputing the rest of the ledger.

    Parameters
    ----------
    ids : sequence of str
        Identifiers of claims; the answer keeps their order.

    Raises
    ------
    KeyError
        If there is no such claim.

    Examples
    --------
    >>> assess_some(["panel_families"])[0].verdict
    'reproduced'
    """
    return [_assessed(claim) for claim in claims_by_id(ids)]


def verdict_counts(items: Iterable[Assessment] | None = None) -> dict[str, int]:
    """Number of claims with each verdict, in the order of ``VERDICTS``.

    Parameters
    ----------
    items : iterable of Assessment, optional
        The claims to count; all of the book by default.

    Examples
    --------
    >>> verdict_counts(assess("01_data"))["reproduced"] > 0
    True
    """
    verdicts = [item.verdict for item in (assess() if items is None else items)]
    return {name: verdicts.count(name) for name in VERDICTS}  # type: ignore[arg-type]


def reproduce(claim_id: str) -> Reproduction:
    """Recompute one number of the papers, and show how.

    Parameters
    ----------
    claim_id : str
        Such as ``"pythia_r_hs_tqa"``; ``ledger()`` and ``cape claims`` list them.

    Raises
    ------
    KeyError
        If there is no such claim.

    Examples
    --------
    >>> reproduce("panel_families").item.verdict
    'reproduced'
    """
    (item,) = assess_some([claim_id])
    function = recomputations().get(claim_id)
    if function is None:
        return Reproduction(item, "", "")
    return Reproduction(item, textwrap.dedent(inspect.getsource(function)).rstrip(), function.__module__)


def statements(chapter: str) -> Statements:
    """What the papers say that a chapter tests or cites, in their terms; nothing is recomputed for it.

    Parameters
    ----------
    chapter : str
        Such as ``"02_coupling"``.

    Raises
    ------
    KeyError
        If there is no such chapter; the message lists those there are.

    Examples
    --------
    >>> statements("01_data")._repr_html_().startswith("<")
    True
    """
    cited = cited_claims(chapter)
    return Statements(claims_by_id(cited) if cited else claims_of(chapter))


def scoreboard(chapter: str | None = None) -> Scoreboard:
    """Paper says, we find: the claims of a chapter, or of the book (with filters), with verdicts.

    Parameters
    ----------
    chapter : str, optional
        Such as ``"02_coupling"``.

    Raises
    ------
    KeyError
        If there is no such chapter; the message lists those there are.

    Examples
    --------
    >>> scoreboard("01_data")._repr_html_().startswith("<")
    True
    """
    if chapter is not None and (cited := cited_claims(chapter)):
        return Scoreboard(tuple(assess_some(cited)), world=remarks(chapter))
    return Scoreboard(tuple(assess(chapter)), filters=chapter is None)


def flat_table() -> pd.DataFrame:
    """The whole ledger with one number per column, as published in ``scorecard.csv``.

    Returns
    -------
    pandas.DataFrame
        Columns ``id, chapter, statement, unit, paper_value, paper_low, paper_high``, the same three for ``ours`` and
        ``open_panel``, ``null_value, null_low, null_high``, the same three for ``open_null``, ``alternative``, ``p`` and
        ``open_p`` (of the two nulls, in the direction of the claim), ``q`` (from ``false_discovery``), ``verdict`` and
        ``reason``.

    Examples
    --------
    >>> len(flat_table()) == len(assess())
    True
    """
    rows = []
    items = assess()
    q = false_discovery(items)
    for item in items:
        row: dict[str, Any] = {
            "id": item.claim.id,
            "chapter": item.claim.chapter,
            "statement": item.claim.statement,
            "unit": item.claim.unit,
        }
        sides = {
            "paper": item.claim.paper_value,
            "ours": item.paper_panel,
            "open_panel": item.open_panel,
            "null": item.null,
            "open_null": item.open_null,
        }
        for name, part in sides.items():
            for key in ("value", "low", "high"):
                row[f"{name}_{key}"] = None if part is None else getattr(part, key)
        against = {"alternative": item.claim.alternative, "p": item.p, "open_p": item.open_p}
        judged = {"q": q.get(item.claim.id), "verdict": item.verdict, "reason": item.reason}
        rows.append({**row, **against, **judged})
    return pd.DataFrame(rows)


def false_discovery(items: Iterable[Assessment]) -> dict[str, float]:
    """The p of each claim on the paper's data, adjusted for their number (Benjamini and Hochberg).

    Calling all claims with an adjusted p of at most 5% distinguishable is wrong for 5% of these on average, if the tests are
    independent or positively dependent. Verdicts do not use it: it says what their number does to them.

    Parameters
    ----------
    items : iterable of Assessment
        Claims with verdicts, as from ``assess``.

    Returns
    -------
    dict of str to float
        By claim; those without a null are left out.

    Examples
    --------
    >>> false_discovery(assess("01_data"))
    {}
    """
    p = {item.claim.id: item.p for item in items if item.p is not None}
    if not p:
        return {}
    adjusted = stats.false_discovery_control(list(p.values()))
    return dict(zip(p, map(float, adjusted), strict=True))


def agreement_by_luck(*, draws: int = 2000, rng: np.random.Generator | int = 0) -> Null:
    """How many numbers would be recomputed if the quoted ones were permuted among the claims of each unit.

    Where the nearest of several readings stands, the nearest to the permuted number stands in each draw too: with a hundred
    readings some number comes near to anything.

    Parameters
    ----------
    draws : int
        Permutations.
    rng : Generator or int
        Or its seed.

    Returns
    -------
    Null
        Of the number of claims whose recomputed value lies within tolerance of the quoted one. Only claims that quote a
        number, are recomputed and share their unit with another can be permuted; ``n`` counts these.

    Examples
    --------
    >>> luck = agreement_by_luck(draws=200)
    >>> bool(luck.high < luck.observed)
    True
    """
    items = [
        item
        for item in assess()
        if item.claim.criterion == "within"
        and item.paper_panel is not None
        and item.claim.paper_value is not None
        and not isinstance(item.claim.paper_value.value, str)
    ]
    shared = pd.Series([item.claim.unit for item in items]).duplicated(keep=False)
    items = [
        item for item, more in zip(items, shared, strict=True) if more
    ]  # a value alone in its unit stays where it is
    quoted = np.array([float(item.claim.paper_value.value) for item in items if item.claim.paper_value])
    units = pd.factorize(np.array([item.claim.unit for item in items], dtype=object))[0]
    generator = np.random.default_rng(rng)
    # Sorting by unit, then by a random key, permutes the values within each unit.
    keys = generator.random((draws, len(items)))
    order = np.argsort(units + keys / 2, axis=1)
    home = np.argsort(units, kind="stable")
    permuted = np.empty((draws, len(items)))
    permuted[:, home] = quoted[order]
    hits = np.zeros(draws + 1)
    for place, item in enumerate(items):
        ours = float(item.paper_panel.value) if item.paper_panel is not None else np.nan
        readings = np.array([ours, *item.readings.values()])
        target = np.append(quoted[place], permuted[:, place])
        hits += (np.abs(target[:, None] - readings) <= item.claim.slack).any(axis=1)
    method = "quoted values permuted within each unit, readings chosen anew"
    return null_from_draws(float(hits[0]), hits[1:], len(items), method)
