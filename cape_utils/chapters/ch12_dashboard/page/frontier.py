"""Where the models in the form stand among those of the frontier: ``frontier.model_diagnosis``, for every lab at once."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import pandas as pd
from scipy import stats

from cape_utils import data
from cape_utils.chapters.ch12_dashboard.page.case import Case
from cape_utils.frontier import model_diagnosis, regression
from cape_utils.frontier.benchmark_pair import GPQA, PAPER_PAIR, SWE
from cape_utils.frontier.model_diagnosis import FrontierDiagnosis, Release
from cape_utils.reports import frontier_words

__all__ = ["known", "part"]

IFEVAL = "ifeval"


@functools.cache
def _labs() -> tuple[str, ...]:
    return tuple(sorted(set(regression.models("all")["lab"])))


@functools.cache
def _history(lab: str) -> tuple[Release, ...]:
    return model_diagnosis.lab_history(lab)


@functools.cache
def _everyone() -> FrontierDiagnosis:
    """Of the best model known: what it says of the table is the same for every model."""
    best = regression.models("all").sort_values(GPQA).iloc[-1]
    return model_diagnosis.frontier_diagnosis(float(best[SWE]), float(best[GPQA]))


def _beside(largest: FrontierDiagnosis, lab: str) -> dict[str, Any]:
    history = _history(lab)
    change, low, high = model_diagnosis.change_since(largest.location, history[-1])
    changed = abs(change) > model_diagnosis.CHANGE_PP
    held = replace(
        largest,
        lab=lab,
        history=history,
        change=change,
        change_low=low,
        change_high=high,
        changed=changed,
    )
    return {
        "releases": [[one.model, one.released, one.h, one.h_se] for one in history],
        "change": change,
        "change_low": low,
        "change_high": high,
        "changed": changed,
        "words": frontier_words.playbook_words(held)["change"],
    }


def part(case: Case) -> dict[str, Any] | None:
    """Models with both scores on the map, the largest against every lab; None where no model has both.

    Examples
    --------
    >>> from cape_utils.chapters.ch12_dashboard.page.answer import answer
    >>> toy = pd.DataFrame({"model": ["a"], "family": "google", "params_b": [27.0], "hellaswag": [80.0],
    ...                     "truthfulqa_mc2": [60.0], SWE: [80.8], GPQA: [91.3]})
    >>> found = answer(toy)["frontier"]
    >>> found["models"][0]["band"], found["lab"], found["labs"]["MiniMax"]["changed"]
    ('on', 'Google', False)
    """
    placed = model_diagnosis.family_frontier(case.scores)
    if placed is None:
        return None
    largest, names = (
        placed.largest,
        ("h", "h_low", "h_high", "expected", "expected_low", "expected_high", "position", "usual"),
    )
    words = frontier_words.playbook_words(largest)
    return {
        "models": [
            {
                "model": one.model,
                "params_b": one.params_b,
                "x_pct": one.location.x_pct,
                "y_pct": one.location.y_pct,
                **{name: getattr(one.location, name) for name in names},
                "band": one.band,
                "band_sure": one.band_sure,
            }
            for one in placed.models
        ],
        "place": list(frontier_words.place_words(largest.location)),
        "lab": largest.lab,
        "labs": {lab: _beside(largest, lab) for lab in _labs()},
        "band": words["band"],
        "saturation": words["saturation"],
        "next": frontier_words.next_words(largest),
        "trust": words["trust"],
        "cautions": list(largest.cautions),
    }


@functools.cache
def known() -> dict[str, Any]:
    """What the page must know: the line, the models behind it and after it, and what the table says by itself."""
    table, line, found = regression.models("all"), regression.fit_line(regression.models()), _everyone()
    words = frontier_words.playbook_words(found)
    table = table.sort_values(["date", "model"], kind="stable")
    return {
        "names": [SWE, GPQA, IFEVAL],
        "items": [PAPER_PAIR.items_of(SWE), PAPER_PAIR.items_of(GPQA)],
        "line": {
            "slope": line.slope.estimate,
            "intercept": line.intercept.estimate,
            "t": float(stats.t.ppf(0.975, line.n - 2)),
            "sigma": line.sigma,
            "mean": line.mean_x,
            "spread": line.spread_x,
            "low": line.low_x,
            "high": line.high_x,
            "n": line.n,
            "r": line.r.estimate,
            "r_low": line.r.low,
            "r_high": line.r.high,
        },
        "z": regression.Z95,
        "bands": [model_diagnosis.BAND_PP, model_diagnosis.CHANGE_PP, regression.SPECIALIST_PP],
        "positions": [regression.position(h * regression.SPECIALIST_PP) for h in (-2, 0, 2)],
        "saturation": words["saturation"],
        "next": frontier_words.next_words(found),
        "trust": words["trust"],
        "axes": [
            [one.benchmark, data.benchmark_title(one.benchmark), one.models]
            + [None if pd.isna(value) else value for value in (one.spread, one.ratio)]
            for one in found.axes
        ],
        "models": [
            [row["model"], row["lab"], row["released"], row["date"], int(row["subset"] != "after_cutoff")]
            + [None if pd.isna(row[name]) else float(row[name]) for name in (SWE, GPQA, IFEVAL)]
            for row in table.to_dict("records")
        ],
    }
