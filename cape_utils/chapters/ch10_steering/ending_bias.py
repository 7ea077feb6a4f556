"""Whether the true and false endings of the table can be told apart without reading the sentences.

A direction learned from true against false text may pick up wording instead of truth. Here a simple classifier sees
the endings alone, never the stems, learns on all topics but one and judges the pairs of that one. If it does
better than with labels swapped at random within pairs, the wording gives the labels away. It opens no language model
and says nothing about what a model does with the stems. It guards the truth direction of paper A's steering section.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from scipy import stats

from cape_utils.stats.resampling import interval
from cape_utils.stats.results import Floats

__all__ = ["CompletionBias", "Features", "completion_bias"]

Features = Literal["words", "characters", "length"]

_NEEDED = ("topic", "true_completion", "false_completion")
_TIE = 1e-9  # scores closer than this differ by rounding only


@dataclass(frozen=True)
class CompletionBias:
    """How often endings alone tell the true one of a pair, on topics that the classifier has not seen.

    Attributes
    ----------
    features : {"words", "characters", "length"}
        What the classifier sees of an ending.
    estimate, low, high : float
        Share of pairs whose true ending scores higher, a tie counting one half, with Wilson's 95% interval. The
        interval takes pairs as independent; where two pairs share their endings it says too little.
    null_low, null_high : float
        95% range of the share when true and false are swapped at random within pairs.
    p : float
        Share of swaps at least as far from one half as the data, the data counted among them.
    n, topics, ties : int
        Pairs, topics, and pairs whose two endings score the same.
    draws : int
        Swaps taken.
    method : str
    """

    features: Features
    estimate: float
    low: float
    high: float
    null_low: float
    null_high: float
    p: float
    n: int
    topics: int
    ties: int
    draws: int
    method: str

    @property
    def at_chance(self) -> bool:
        """Whether the share lies within the 95% range of the swaps."""
        return self.null_low <= self.estimate <= self.null_high


def completion_bias(
    pairs: pd.DataFrame,
    *,
    features: Features = "words",
    penalty: float = 1.0,
    draws: int = 1000,
    rng: np.random.Generator | int = 0,
) -> CompletionBias:
    """Measure how well a classifier that sees only the endings finds the true one, leaving one topic out at a time.

    Parameters
    ----------
    pairs : pandas.DataFrame
        With the columns ``topic``, ``true_completion`` and ``false_completion``; the table ``truth_pairs`` or rows
        of it.
    features : {"words", "characters", "length"}
        Which words occur; how often each run of two to four characters occurs, within words; or the number of
        characters, of words and of characters a word.
    penalty : float
        Ridge penalty of the least-squares classifier.
    draws : int
        Number of random swaps of true and false within pairs; each is learned and judged anew.
    rng : numpy.random.Generator or int
        Generator or seed.

    Returns
    -------
    CompletionBias

    Raises
    ------
    ValueError
        If a column or a value is missing, the two endings of a pair are equal, there are fewer than two topics,
        or an option is not allowed.
    ModuleNotFoundError
        If scikit-learn is not installed.

    Notes
    -----
    The classifier is linear and has no intercept: a pair enters as the difference of its two feature vectors, and a
    share of one half is what guessing gives. Where every ending is true in one pair and false in another of
    the same topic, the share is one half for this and any other classifier that sees endings alone.

    Examples
    --------
    >>> from cape_utils import data
    >>> pairs = data.load("truth_pairs")
    >>> bias = completion_bias(pairs[pairs["kind"] == "misconception"], draws=199)
    >>> bias.n, bias.topics, bias.at_chance
    (100, 10, True)
    """
    _check(pairs, features, penalty, draws)
    try:
        from sklearn.linear_model import Ridge
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "scikit-learn is needed to learn from the endings and is not installed; "
            "install the extra models: pip install 'cape-book[models]'"
        ) from error
    difference = _difference(pairs, features)
    topics, group = np.unique(pairs["topic"].to_numpy(dtype=str), return_inverse=True)
    # Column 0 holds the labels as they are, +1 for the pair as written; the others are swapped at random.
    signs = np.random.default_rng(rng).choice([-1.0, 1.0], size=(len(pairs), draws + 1))
    signs[:, 0] = 1.0
    scores = np.zeros_like(signs)
    for number in range(len(topics)):
        out = group == number
        model = Ridge(alpha=penalty, fit_intercept=False, solver="cholesky")
        model.fit(difference[~out], signs[~out])
        scores[out] = np.reshape(model.predict(difference[out]), (int(out.sum()), draws + 1))
    scores[np.abs(scores) < _TIE] = 0.0
    shares = ((np.sign(scores) * signs + 1) / 2).mean(axis=0)
    estimate, null = float(shares[0]), shares[1:]
    low, high = _wilson(estimate, len(pairs))
    null_low, null_high = interval(null)
    hits = int(np.sum(np.abs(null - 0.5) >= abs(estimate - 0.5) - _TIE))
    return CompletionBias(
        features=features,
        estimate=estimate,
        low=low,
        high=high,
        null_low=null_low,
        null_high=null_high,
        p=(hits + 1) / (draws + 1),
        n=len(pairs),
        topics=len(topics),
        ties=int(np.sum(scores[:, 0] == 0.0)),
        draws=draws,
        method=f"least squares on {features} of the endings, one topic left out; swaps within pairs",
    )


def _check(pairs: pd.DataFrame, features: str, penalty: float, draws: int) -> None:
    if features not in get_args(Features):
        raise ValueError(f"features={features!r}; allowed are {', '.join(map(repr, get_args(Features)))}")
    if not (np.isfinite(penalty) and penalty > 0):
        raise ValueError(f"penalty={penalty!r}; a positive number is needed")
    if draws < 1:
        raise ValueError(f"draws={draws!r}; at least 1 is needed")
    absent = [name for name in _NEEDED if name not in pairs]
    if absent:
        raise ValueError(
            f"columns {absent} are missing; the columns are {', '.join(map(str, pairs.columns))}"
        )
    empty = pairs[list(_NEEDED)].isna().any(axis=1)
    if empty.any():
        raise ValueError(f"{int(empty.sum())} rows lack a topic or an ending; fill them in or leave them out")
    equal = pairs["true_completion"].str.strip() == pairs["false_completion"].str.strip()
    if equal.any():
        came = pairs.loc[equal, "true_completion"].iloc[0]
        raise ValueError(
            f"the two endings of a pair are equal ({came!r}); a pair needs two different endings"
        )
    if pairs["topic"].nunique() < 2:
        raise ValueError(f"{pairs['topic'].nunique()} topics came; at least two are needed to leave one out")


def _difference(pairs: pd.DataFrame, features: Features) -> Any:
    """Features of the true ending less those of the false one, shape (pairs, features), sparse but for lengths."""
    true = pairs["true_completion"].str.strip().to_list()
    false = pairs["false_completion"].str.strip().to_list()
    if features == "length":
        both = np.array([_lengths(text) for text in true + false])
        spread = both.std(axis=0)
        both = both / np.where(spread > 0, spread, 1.0)
        return both[: len(true)] - both[len(true) :]
    from sklearn.feature_extraction.text import CountVectorizer

    if features == "words":
        # Single letters are words here: an article may give an ending away.
        counter = CountVectorizer(binary=True, token_pattern=r"(?u)\b\w+\b")
    else:
        counter = CountVectorizer(analyzer="char_wb", ngram_range=(2, 4))
    # The vocabulary is that of all topics: a word that the training topics lack gets no weight from them.
    counts = counter.fit_transform(true + false).astype(float)
    return counts[: len(true)] - counts[len(true) :]


def _lengths(text: str) -> Floats:
    words = max(len(text.split()), 1)
    return np.array([len(text), words, len(text) / words], dtype=float)


def _wilson(share: float, n: int) -> tuple[float, float]:
    # By hand: ties count one half, and the library takes whole counts only.
    z = float(stats.norm.ppf(0.975))
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * float(np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)))
    return middle - half, middle + half
