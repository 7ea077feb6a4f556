"""What was recomputed for each claim, kept until the code or a table behind it changes.

The results of the published book come with the repository, in ``data/kept/claims.json``; what a change makes stale is
recomputed once, and kept in the reader's own folder of results. Verdicts are not kept: they follow from these numbers,
and from the quoted ones, each time.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cape_utils import data
from cape_utils.claims import registry
from cape_utils.claims.verdicts import NullRange, Recomputed, Value
from cape_utils.jobs.result_cache import results_folder, write_whole
from cape_utils.runtime import edited_since_import

__all__ = ["SHIPPED", "as_object", "from_object", "recompute", "result"]

SHIPPED = Path("kept", "claims.json")
"""Below the folder of the tables: by claim, its digest and its result."""


def as_object(recomputed: Recomputed) -> dict[str, Any]:
    """Plain object for JSON."""
    return asdict(recomputed)


def from_object(plain: Mapping[str, Any]) -> Recomputed:
    """The inverse of ``as_object``."""

    def value(part: Mapping[str, Any] | None) -> Value | None:
        return None if part is None else Value(**part)

    def null(part: Mapping[str, Any] | None) -> NullRange | None:
        return None if part is None else NullRange(**part)

    return Recomputed(
        paper_panel=value(plain["paper_panel"]),
        open_panel=value(plain["open_panel"]),
        null=null(plain["null"]),
        remark=plain["remark"],
        open_null=null(plain["open_null"]),
        readings=plain["readings"],
    )


@functools.cache
def _shipped() -> dict[str, Any]:
    path = data.tables_folder() / SHIPPED
    known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return known


def recompute(claim_id: str) -> Recomputed | None:
    """Run the function behind a claim, whatever is kept; None where no chapter recomputes it."""
    function = registry.recomputations().get(claim_id)
    return None if function is None else function()


@functools.cache
def result(claim_id: str) -> Recomputed | None:
    """What is recomputed for a claim, from a kept result where code and tables are those that gave it.

    Returns
    -------
    Recomputed or None
        None where no chapter recomputes it.
    """
    digest = registry.digests().get(claim_id)
    if digest is None:
        return None
    shipped = _shipped().get(claim_id)
    if shipped is not None and shipped["digest"] == digest:
        return from_object(shipped["result"])
    own = results_folder() / "claims" / f"{claim_id}-{digest}.json"
    try:
        return from_object(json.loads(own.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not there yet, or cut short
    computed = recompute(claim_id)
    if computed is not None and not edited_since_import():
        write_whole(own, json.dumps(as_object(computed)))
    return computed
