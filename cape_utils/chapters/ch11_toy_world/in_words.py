"""A document of the toy world as a person would read it: who says what of whom, and whether it is true.

``toyworld.world.documents`` writes the documents, as numbers; nothing is drawn here but what it wrote.
"""

from __future__ import annotations

from typing import get_args

import numpy as np
import pandas as pd

from cape_utils.toyworld.world import STATEMENTS, Recipe, Source, World, documents

__all__ = ["STANDINGS", "told"]

STANDINGS = ("rumour", "truth against a rumour", "ordinary fact", "reasoning")
"""What a statement can be."""


def _statement(world: World, pair: tuple[int, int], value: int) -> tuple[str, str, str]:
    """A statement in words, what it is, and a note on it."""
    size, first = world.size, world.size.first
    if pair[0] >= first["item"]:
        thing, probe = pair[0] - first["item"] + 1, pair[1] - first["probe"] + 1
        return (
            f"Thing {thing} under probe {probe} gives {value}",
            "reasoning",
            "follows from the hidden table",
        )
    entity = (pair[0] - first["a"]) * size.side + pair[1] - first["b"]
    true, gossiped = int(world.true[entity]), int(world.gossiped[entity])
    said = f"Entity {entity + 1} has the value {value}"
    if true == gossiped:
        return said, "ordinary fact", "true, and every source says so"
    if value == true:
        return said, "truth against a rumour", f"true, but gossip says {gossiped}"
    return said, "rumour", f"a rumour: its true value is {true}"


def told(
    world: World, recipe: Recipe, *, drawn: int = 200, rng: np.random.Generator | int = 1
) -> pd.DataFrame:
    """The first document of each source among those sampled, one row a statement.

    Parameters
    ----------
    world : World
    recipe : Recipe
    drawn : int
        Documents to sample.
    rng : Generator or int

    Returns
    -------
    pandas.DataFrame
        ``source, place`` (from 1), ``said``, ``standing`` (one of ``STANDINGS``) and ``note``.

    Raises
    ------
    ValueError
        If the sample holds no document of any source.

    Examples
    --------
    >>> from cape_utils.toyworld import WorldSize, build_world
    >>> table = told(build_world(WorldSize(), seed=0), Recipe())
    >>> set(table.loc[table["source"] == "reasoning", "standing"])
    {'reasoning'}
    """
    if drawn < 1:
        raise ValueError(f"drawn is {drawn}; at least one document is needed")
    text, values = documents(world, recipe, drawn, rng=np.random.default_rng(rng))
    rows = []
    for number, source in enumerate(get_args(Source)):
        found = np.flatnonzero(text[:, 0] == number)
        for place in range(STATEMENTS) if len(found) else ():
            words = text[found[0]]
            pair = int(words[1 + 2 * place]), int(words[2 + 2 * place])
            said, standing, note = _statement(world, pair, int(values[found[0], place]))
            rows.append(
                {"source": source, "place": place + 1, "said": said, "standing": standing, "note": note}
            )
    return pd.DataFrame(rows)
