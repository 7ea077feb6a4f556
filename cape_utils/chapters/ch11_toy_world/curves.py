"""The toy world's table in the long form that figures take: scores by size, by lever and along training.

Nothing is estimated here but means over worlds; turning points and shifts are those of ``ch11_toy_world.turning_points`` and
``ch11_toy_world.levers``. It implements no section of the paper.
"""

from __future__ import annotations

import pandas as pd

from cape_utils import data
from cape_utils.chapters.ch11_toy_world.levers import positions
from cape_utils.chapters.ch11_toy_world.turning_points import scores

__all__ = ["CONTEXTS", "SCORES", "SHOWN", "along_training", "by_lever", "log_probabilities"]

SCORES: dict[str, str] = {
    "truth": "truth",
    "rumour": "rumour instead",
    "reasoning": "reasoning",
    "ordinary": "ordinary facts",
}
"""Scores that are drawn, by their names in ``ch11_toy_world.turning_points.scores``."""

SHOWN = tuple(SCORES)
"""Their names alone."""

CONTEXTS: dict[str, str] = {
    "gossip": "gossip",
    "reference": "reference",
    "truth": "exam, not covered",
    "covered": "exam, covered",
}
"""Contexts in which rumoured entities are asked about, by their names in the table."""


def along_training(table: pd.DataFrame | None = None) -> pd.DataFrame:
    """Scores of the base setting at every size and checkpoint.

    Returns
    -------
    DataFrame
        ``family, params``, the scores ``SHOWN`` (percent), ``step`` and ``place``, which counts the checkpoints from 0.

    Examples
    --------
    >>> int(along_training()["place"].min())
    0
    """
    table = data.load("toy_world") if table is None else table
    steps = sorted(table.query("setting == 'base'")["step"].unique())
    columns = ["family", "params", *SHOWN]
    parts = [
        scores(table, step=step)[columns].assign(step=step, place=place) for place, step in enumerate(steps)
    ]
    return pd.concat(parts, ignore_index=True)


def by_lever(table: pd.DataFrame | None = None) -> pd.DataFrame:
    """Scores at every position of every lever, at the sizes that all have.

    Returns
    -------
    DataFrame
        ``family, params``, the scores ``SHOWN`` (percent), ``lever, label`` and ``place``, which counts a lever's positions
        from 1.
    """
    table = data.load("toy_world") if table is None else table
    places = positions(table)
    places["place"] = places.groupby("lever").cumcount() + 1
    parts = []
    for at in places.to_dict("records"):
        panel = scores(table, setting=at["setting"], step=at["step"], same_sizes=True)
        drawn = panel[["family", "params", *SHOWN]]
        parts.append(drawn.assign(lever=at["lever"], label=at["label"], place=at["place"]))
    return pd.concat(parts, ignore_index=True)


def log_probabilities(table: pd.DataFrame | None = None) -> pd.DataFrame:
    """Log-probability of the true and of the rumoured value by context, along the training of the base setting.

    Returns
    -------
    DataFrame
        ``params, step, context, value`` (``"true"`` or ``"rumoured"``), ``logp`` and its range over worlds ``low, high``
        (nats, mean, smallest and largest).
    """
    table = data.load("toy_world") if table is None else table
    base, parts = table[table["setting"] == "base"], []
    for name, context in CONTEXTS.items():
        for value, column in (("true", f"{name}_logp"), ("rumoured", f"{name}_rumour_logp")):
            logp = (
                base.groupby(["params", "step"])[column].agg(logp="mean", low="min", high="max").reset_index()
            )
            parts.append(logp.assign(context=context, value=value))
    return pd.concat(parts, ignore_index=True)
