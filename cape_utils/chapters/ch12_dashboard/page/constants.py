"""What the dashboard in the page must know, written from the tables and the modules that hold it: no constant is typed there.

``book/_ext/cape_dashboard.py`` writes it into the page's script at every build; ``answer`` is what the arithmetic of
the page is held to.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from scipy import stats

from cape_utils import __version__, data
from cape_utils.chapters.ch12_dashboard import size_baseline
from cape_utils.chapters.ch12_dashboard.page import (
    critical_scale,
    eigenstructure,
    frontier,
    interventions,
    next_size,
    prior,
    web_distance,
)
from cape_utils.chapters.ch12_dashboard.page.answer import LEVEL, RISES, TIE
from cape_utils.chapters.ch12_dashboard.page.results import results_constants
from cape_utils.chapters.ch12_dashboard.recompute import dashboard_formula
from cape_utils.charts.parts import PHASE_COLOURS
from cape_utils.data import benchmarks, model_names, schema, user_scores
from cape_utils.data.benchmarks import benchmark_items
from cape_utils.diagnosis import panel_comparison, score_warnings
from cape_utils.reports.dashboard_link import MOST_MODELS, published_page
from cape_utils.reports.sections import ANY_FAMILY, CALIBRATED, NOISE_ALONE, UPPER_BOUND
from cape_utils.scaling.coupling import PHASES, TAX_BELOW
from cape_utils.stats import bivariate_normal

__all__ = ["BOOK", "EXAMPLE", "FIRST_TO_ADD", "constants"]

BOOK = "Lying Is Just a Phase, executed"
"""Title of the book, as in ``_config.yml``."""

EXAMPLE = ("open", "Pythia")
"""The family that stands in the form at first."""

FIRST_TO_ADD = "swe_bench_verified"
"""The benchmark that is offered first beside the five, as on the paper's dashboard."""

# The nodes of scaling.coupling._ratio_cdf; a test in a browser holds the two to each other.
_POINTS, _REACH = 4000, 8


def _fields(fields: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The columns of a reader's table, with what a cell may hold in the words of the check."""
    shown = []
    for field in fields:
        rules = field.get("constraints", {})
        shown.append(
            {
                "name": field["name"],
                "type": field["type"],
                "description": field.get("description", ""),
                "required": bool(rules.get("required")),
                "minimum": rules.get("minimum"),
                "maximum": rules.get("maximum"),
                "listed": field.get("listed", True),
                "allowed": schema._allowed(field),
            }
        )
    return shown


def _rows(which: data.Panel) -> list[list[Any]]:
    """Model, family, size and the scores of every row, and whether it belongs to its family's one recipe."""
    one_recipe = set(data.panel(which, rows="one_recipe")["model"])
    table = data.panel(which)
    return [
        [
            str(row["model"]),
            str(row["family"]),
            float(row["params_b"]),
            *(None if pd.isna(row.get(name)) else float(row[name]) for name in _panel_columns()),
            int(row["model"] in one_recipe),
        ]
        for row in table.to_dict("records")
    ]


def _panel_columns() -> list[str]:
    """Benchmarks of the open panel: the five of both panels, then the others."""
    others = [name for name in data.load("benchmarks")["benchmark"] if name in data.panel("open")]
    return list(dict.fromkeys([*data.BENCHMARKS, *others]))


def _items(benchmark: str) -> float | None:
    """Test items of a benchmark; None for JSON where they are not stated."""
    items = benchmark_items(benchmark)
    return None if math.isnan(items) else items


def constants() -> dict[str, Any]:
    """The constants, words and rows of the page, as plain objects for JSON.

    Examples
    --------
    >>> known = constants()
    >>> known["benchmarks"]["truthfulqa_mc2"]["items"], known["edge"], len(known["panels"]["paper"])
    (817.0, 0.1, 63)
    """
    slope, intercept = dashboard_formula()
    rule = size_baseline.formula()
    every = data.load("benchmarks")["benchmark"]
    known_schema = user_scores.score_schema()
    return {
        "pair": ["hellaswag", "truthfulqa_mc2"],
        "columns": list(data.BENCHMARKS),
        "panel_columns": _panel_columns(),
        "benchmarks": {
            name: {
                "title": data.benchmark_title(name),
                "chance": data.chance_pct(name),
                "items": _items(name),
            }
            for name in every
        },
        "phases": list(PHASES),
        "colours": PHASE_COLOURS,
        "edge": TAX_BELOW,
        "quadrature": {"points": _POINTS, "reach": _REACH},
        "z": float(stats.norm.ppf(0.5 + LEVEL / 2)),
        "rises": RISES,
        "tie": TIE,
        "lines": {
            "dashboard": {"slope": slope, "intercept": intercept},
            "text": {"slope": rule.slope, "critical_b": rule.critical_b},
        },
        "warnings": {
            "floor": score_warnings._FLOOR_PCT,
            "ceiling": score_warnings._CEILING_PCT,
            "high": score_warnings._HIGH_PCT,
            "near": score_warnings._NEAR_BEST_PP,
            "words": score_warnings.CAUTION_WORDS,
        },
        "limits": [NOISE_ALONE, UPPER_BOUND, CALIBRATED, *ANY_FAMILY],
        "same": panel_comparison._SAME,
        "names": {
            **{
                key: getattr(model_names, f"_{key.upper()}").pattern
                for key in ("split", "underscore", "size", "glued", "active", "mixture", "effective")
            },
            "per_b": model_names._PER_B,
            "another": model_names._ANOTHER_THING,
            "low": model_names._LOW,
            "high": model_names._HIGH,
        },
        "schema": {
            "fields": _fields(known_schema["fields"]),
            "own": _fields(user_scores._fields_of_own("NAME")),
            "own_name": benchmarks.OWN_NAME.pattern,
            "conditions": list(user_scores.CONDITIONS),
            "beside": list(user_scores.SCORE_CONDITIONS),
            "missing": known_schema["missingValues"],
            "aliases": user_scores.ALIASES,
            "number": schema._NUMBER.pattern,
            "integer": schema._FORMS["integer"].pattern,
        },
        "alike": {
            "pp": user_scores._ALIKE_PP,
            "least": user_scores._LEAST_PCT,
            "fewest": user_scores._FEWEST,
            "by": list(user_scores._ALIKE_BY),
        },
        "results": results_constants(),
        "add": FIRST_TO_ADD,
        "most": MOST_MODELS,
        "book": {"title": BOOK, "version": __version__, "page": published_page()},
        "example": list(EXAMPLE),
        "eigenstructure": eigenstructure.known(MOST_MODELS),
        "frontier": frontier.known(),
        "interventions": interventions.known(),
        "panels": {which: _rows(which) for which in ("open", "paper")},
        "legendre": {
            "nodes": [float(node) for node in bivariate_normal._NODES],
            "weights": [float(weight) for weight in bivariate_normal._WEIGHTS],
            "widest": bivariate_normal._WIDEST,
        },
        "prior": prior.constants(),
        "scale": critical_scale.constants(),
        "next": next_size.constants(),
        "web": web_distance.constants(),
    }
