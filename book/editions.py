"""The ledger of every edition, and what changed between two: ``python book/editions.py`` writes the present one.

Each version keeps every claim with its verdict and numbers in ``data/editions/<version>/scorecard.json``. The ledger of a
version that is not released yet is renewed by ``make tables``; once the change log dates the version, its ledger stays as it is.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
NEW, GONE = "new", "no longer a claim"

Ledger = dict[str, Any]


def place(root: Path, version: str) -> Path:
    """Where the ledger of a version lies."""
    return root / "data" / "editions" / version / "scorecard.json"


def present(root: Path = ROOT) -> Ledger:
    """Version, date and every claim as the package judges it now."""
    from cape_utils.claims.assessment import assess

    citation = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    return {
        "version": str(citation["version"]),
        "date": str(citation["date-released"]),
        "claims": [item.as_dict() for item in assess()],
    }


def released(root: Path, version: str) -> bool:
    """Whether the change log dates the version."""
    log = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    return re.search(rf"^## {re.escape(version)} \(\d{{4}}-\d\d-\d\d\)$", log, flags=re.MULTILINE) is not None


def ledgers(root: Path = ROOT) -> list[Ledger]:
    """The ledgers of all editions, the first one first."""
    found = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in (root / "data" / "editions").glob("*/scorecard.json")
    ]
    return sorted(found, key=lambda one: [int(part) for part in one["version"].split(".")])


def verdicts(ledger: Ledger) -> dict[str, str]:
    """The verdict of each claim."""
    return {claim["id"]: claim["verdict"] for claim in ledger["claims"]}


def counts(ledger: Ledger) -> dict[str, int]:
    """How many claims have each verdict."""
    return dict(Counter(verdicts(ledger).values()))


def changes(before: Ledger, after: Ledger, reasons: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Which verdicts differ between two editions, and why.

    Parameters
    ----------
    before, after
        The ledgers.
    reasons
        Rows of ``verdict_changes``: ``claim``, ``changed`` (a date), ``before``, ``after``, ``why``.

    Returns
    -------
    list of dict
        ``claim``, ``before``, ``after`` and ``why``, in the order of the later ledger; a claim that only one of the two has is
        new, or no longer a claim.

    Raises
    ------
    ValueError
        If a verdict differs and no row between the two dates says why it became what it is.
    """
    old, new = verdicts(before), verdicts(after)
    found = []
    for claim, verdict in new.items():
        was = old.get(claim, NEW)
        if was == verdict:
            continue
        told = [row for row in reasons if row["claim"] == claim and str(before["date"]) < str(row["changed"])]
        if was != NEW and (not told or told[-1]["after"] != verdict):
            raise ValueError(
                f"{claim} was {was!r} in {before['version']} and is {verdict!r} in {after['version']}; "
                "data/verdict_changes.csv must say why"
            )
        why = "; ".join(row["why"] for row in told) if was != NEW else ""
        found.append({"claim": claim, "before": was, "after": verdict, "why": why})
    gone = [claim for claim in old if claim not in new]
    return found + [{"claim": claim, "before": old[claim], "after": GONE, "why": ""} for claim in gone]


def write(root: Path = ROOT) -> str:
    """Write the ledger of the present version, and say what was done.

    Raises
    ------
    ValueError
        If that version is released and its ledger says something else.
    """
    now = present(root)
    path = place(root, now["version"])
    kept = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    if kept is not None and verdicts(kept) == verdicts(now) and kept["date"] == now["date"]:
        return f"{path.relative_to(root)}: fresh"
    if kept is not None and verdicts(kept) != verdicts(now) and released(root, now["version"]):
        raise ValueError(
            f"verdicts have changed since {now['version']} was released; give the next version a number first"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(now, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    return f"{path.relative_to(root)}: written"


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    try:
        print(write())
    except ValueError as error:
        sys.exit(f"Not done: {error}")
