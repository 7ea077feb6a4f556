"""How often the toy world's rules speak where nothing is there: a dip or a turn at chance, a shift between equals.

The rules are those of ``ch11_toy_world.turning_points`` and ``ch11_toy_world.levers``; this module applies them to
simulated scores whose answer is known.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from cape_utils.chapters.ch11_toy_world.levers import MOVES, Shift, shift_of
from cape_utils.chapters.ch11_toy_world.turning_points import items, turns
from cape_utils.stats.item_noise import item_error
from cape_utils.stats.resampling import null_from_draws
from cape_utils.stats.results import Floats, Null
from cape_utils.toyworld.turns import over_worlds, turn
from cape_utils.toyworld.world import CHANCE_PCT, WorldSize, choice_pct

__all__ = ["false_dips", "false_shifts", "false_turns"]


def false_turns(panel: pd.DataFrame, *, draws: int = 2000, rng: np.random.Generator | int = 0) -> Null:
    """Share of worlds that turn, if every model guessed and only item noise moved its score.

    Parameters
    ----------
    panel : DataFrame
        From ``ch11_toy_world.turning_points.scores``, for its sizes and worlds.
    draws : int
        The unit drawn is the item noise of each score.

    Returns
    -------
    Null
        Of the number of worlds that turn.
    """
    generator, n_items = np.random.default_rng(rng), items()["truth"]
    params, worlds = np.sort(panel["params"].unique()).astype(float), panel["seed"].nunique()
    observed = float(turns(panel)["turns"].sum())
    guessed = 100 * generator.binomial(int(n_items), CHANCE_PCT / 100, (draws, worlds, len(params))) / n_items
    counts = [sum(turn(params, curve, n_items=n_items).turns for curve in curves) for curves in guessed]
    return null_from_draws(
        observed, np.array(counts, dtype=float), worlds, "every model guesses, item noise only"
    )


def _curves(panel: pd.DataFrame) -> tuple[Floats, Floats]:
    """Sizes, and the truth of every world at each of them, shape (worlds, sizes)."""
    curves = panel.pivot_table(index="seed", columns="params", values="truth").sort_index(axis=1)
    return curves.columns.to_numpy(dtype=float), curves.to_numpy()


def false_shifts(
    panel: pd.DataFrame, *, worlds: int = 3, draws: int = 400, rng: np.random.Generator | int = 0
) -> float:
    """Share of comparisons in which the rule sees a shift between the base setting and itself.

    Parameters
    ----------
    panel : DataFrame
        From ``ch11_toy_world.turning_points.scores``, at the sizes that all settings share.
    worlds : int
        Worlds a comparison.
    draws : int
        Each takes worlds at random and gives their scores item noise twice over, once for each side.

    Returns
    -------
    float
        The rule aims at 0.05.
    """
    generator, n_items = np.random.default_rng(rng), items()["truth"]
    params, truth = _curves(panel)
    alarms = 0
    for _ in range(draws):
        means = truth[generator.integers(0, len(truth), worlds)]
        sides = np.clip(means + generator.normal(size=(2, *means.shape)) * item_error(means, n_items), 0, 100)
        lowest = np.array(
            [[turn(params, curve, n_items=n_items).lowest_params for curve in side] for side in sides]
        )
        moves = over_worlds(lowest[0] / lowest[1], logs=True)
        shift = shift_of(worlds=worlds, dips=worlds, turns=worlds, lowest_mean_pct=0.0, moves=moves)
        alarms += shift in MOVES
    return alarms / draws


def false_dips(
    panel: pd.DataFrame,
    *,
    worlds: int = 3,
    draws: int = 1000,
    wide: bool = False,
    rng: np.random.Generator | int = 0,
) -> float:
    """Share of positions for which the rule speaks of a dip, in some worlds or a shallow one, where there is none.

    The curves are those of the base setting with all that lies below chance lifted to chance, so that small models guess
    and large ones rise.

    Parameters
    ----------
    panel : DataFrame
        From ``ch11_toy_world.turning_points.scores``, at the sizes that all settings share.
    worlds : int
        Worlds a position.
    draws : int
        Each takes worlds at random; a guesser's score is that of random answers to the test's questions, the others have
        item noise.
    wide : bool
        Give guessers binomial item noise too, as the rules assume; it is wider, since scores are means over all options.

    Returns
    -------
    float
        It has no aim; the rules of one curve take two standard errors at every size.
    """
    generator, n_items = np.random.default_rng(rng), int(items()["truth"])
    params, truth = _curves(panel)
    right, rumour = np.zeros(n_items, dtype=int), np.ones(n_items, dtype=int)
    guesses = [
        choice_pct(generator.normal(size=(n_items, WorldSize().values)), right, against=rumour)
        for _ in range(2000)
    ]
    if wide:
        guesses = list(100 * generator.binomial(n_items, CHANCE_PCT / 100, 2000) / n_items)
    alarms = 0
    for _ in range(draws):
        means = truth[generator.integers(0, len(truth), worlds)]
        risen = means + generator.normal(size=means.shape) * item_error(means, n_items)
        drawn = np.where(means > CHANCE_PCT, np.clip(risen, 0, 100), generator.choice(guesses, means.shape))
        read = [turn(params, curve, n_items=n_items) for curve in drawn]
        shift = shift_of(
            worlds=worlds,
            dips=sum(world.dips for world in read),
            turns=sum(world.turns for world in read),
            lowest_mean_pct=float(drawn.mean(axis=0).min()),
        )
        alarms += shift is not Shift.NO_DIP
    return alarms / draws
