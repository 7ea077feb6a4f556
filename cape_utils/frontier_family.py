"""A family's models on paper B's map, where they have both scores of its pair.

Used by ``diagnosis``, so that a report on a family holds what ``cape frontier`` says of a model. One model is the job of
``frontier_diagnosis``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from cape_utils import frontier
from cape_utils.frontier_diagnosis import FrontierDiagnosis, band_of, frontier_diagnosis
from cape_utils.frontier_pair import GPQA, SWE

__all__ = ["FamilyFrontier", "PlacedModel", "family_frontier"]


@dataclass(frozen=True)
class PlacedModel:
    """One model of the family on the map, with its band."""

    model: str
    params_b: float
    location: frontier.Location
    band: str
    band_sure: bool


@dataclass(frozen=True)
class FamilyFrontier:
    """A family among the frontier models.

    Attributes
    ----------
    models : tuple of PlacedModel
        Those with both scores, by size.
    largest : FrontierDiagnosis
        Of the largest of them, against the releases of the lab that bears the family's name, if there is one.
    """

    models: tuple[PlacedModel, ...]
    largest: FrontierDiagnosis

    def as_dict(self) -> dict[str, Any]:
        """Plain object for JSON."""
        placed = [
            {
                "model": one.model,
                "params_b": one.params_b,
                **one.location.as_dict(),
                "band": one.band,
                "band_sure": one.band_sure,
            }
            for one in self.models
        ]
        return {"models": placed, "largest": self.largest.as_dict()}


def family_frontier(rows: pd.DataFrame) -> FamilyFrontier | None:
    """Place a family's models on the map; None where none has both SWE-bench Verified and GPQA Diamond.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of one family: ``model, family, params_b`` (billions) and benchmarks in percent.

    Examples
    --------
    >>> toy = pd.DataFrame({"model": ["a"], "family": "Google", "params_b": [27.0], SWE: [80.8], GPQA: [91.3]})
    >>> found = family_frontier(toy)
    >>> round(found.models[0].location.h, 1), found.largest.lab
    (3.5, 'Google')
    """
    if SWE not in rows or GPQA not in rows:
        return None
    used = rows.dropna(subset=[SWE, GPQA]).sort_values("params_b", kind="stable")
    if used.empty:
        return None
    line = frontier.fit_line(frontier.models())
    placed = []
    for row in used.to_dict("records"):
        here = frontier.locate(float(row[SWE]), float(row[GPQA]), line)
        placed.append(PlacedModel(str(row["model"]), float(row["params_b"]), here, *band_of(here)))
    family = str(used["family"].iloc[0])
    labs = {str(lab).casefold(): str(lab) for lab in frontier.models("all")["lab"]}
    last = placed[-1].location
    return FamilyFrontier(
        tuple(placed), frontier_diagnosis(last.x_pct, last.y_pct, lab=labs.get(family.casefold()))
    )
