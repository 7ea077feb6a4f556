"""A small world of truths and rumours: its facts, the documents that tell of them, and the questions of its exam.

Nothing like it is in the papers: their tables observe, and cannot say what moves a turning point. Every entity here has
a true value, and some have a rumour that most documents repeat. Nothing is trained in this module; see ``toyworld.transformer``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

__all__ = [
    "CHANCE_PCT",
    "OPTIONS",
    "STATEMENTS",
    "WORLDS",
    "Questions",
    "Recipe",
    "Source",
    "World",
    "WorldSize",
    "build_world",
    "choice_pct",
    "documents",
    "questions",
    "rumours_per_truth",
    "source_token",
    "true_and_false",
    "won_shares",
]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Source = Literal["gossip", "reference", "exam", "reasoning", "unmarked"]

STATEMENTS = 6
"""Statements in a document: each is a pair of tokens, after which a value is to be said."""

OPTIONS = 4
"""Options of every question."""

CHANCE_PCT = 100.0 / OPTIONS
"""Score of a model that guesses, percent."""

_SOURCES: tuple[str, ...] = get_args(Source)


def source_token(source: str) -> int:
    """Number of the token that names a source, with which a document begins.

    Examples
    --------
    >>> source_token("reference")
    1
    """
    return _SOURCES.index(source)


@dataclass(frozen=True)
class WorldSize:
    """How much there is to know.

    Attributes
    ----------
    side : int
        Entities are named by two tokens out of ``side`` each, so that there are ``side ** 2``.
    values : int
        Values that a fact or an answer can take.
    items : int
        Reasoning asks about ``items`` things under ``items`` probes.
    kinds : int
        Hidden kinds of things and of probes; the answer is a table over both.
    rumoured, covered, trained_pairs : float
        Shares: of entities with a rumour, of these that the exams cover, of reasoning pairs that training shows.

    Raises
    ------
    ValueError
        If a world has too few values for a question, or a share is not between 0 and 1.

    Examples
    --------
    >>> WorldSize().entities, WorldSize().vocabulary
    (576, 149)
    """

    side: int = 24
    values: int = 16
    items: int = 48
    kinds: int = 16
    rumoured: float = 0.4
    covered: float = 0.5
    trained_pairs: float = 0.5

    def __post_init__(self) -> None:
        """Refuse a world in which no question can be asked."""
        if self.values < OPTIONS:
            raise ValueError(
                f"values is {self.values}; a question has {OPTIONS} options, so at least {OPTIONS}"
            )
        for name in ("side", "items", "kinds"):
            if getattr(self, name) < 2:
                raise ValueError(f"{name} is {getattr(self, name)}; at least 2 are needed")
        for name in ("rumoured", "covered", "trained_pairs"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; a share lies between 0 and 1")
        # A source without anything to say would be filled with the first entity or fail far from here.
        if self.trained_pairs == 0:
            raise ValueError("trained_pairs is 0; reasoning needs pairs that training shows, so more than 0")
        if self.rumoured == 1 and self.covered == 0:
            raise ValueError(
                "every entity has a rumour and exams cover none, so that exams have nothing to ask; lower rumoured or "
                "raise covered"
            )

    @property
    def entities(self) -> int:
        """Number of entities."""
        return self.side**2

    @property
    def first(self) -> dict[str, int]:
        """Number of the first token of each kind."""
        after = len(_SOURCES)
        item = after + 2 * self.side
        return {"a": after, "b": after + self.side, "item": item, "probe": item + self.items}

    @property
    def vocabulary(self) -> int:
        """Number of tokens that a model reads; values are only said."""
        return self.first["probe"] + self.items


WORLDS: dict[str, WorldSize] = {
    "tiny": WorldSize(side=6, values=6, items=8, kinds=3),
    "book": WorldSize(),
    "large": WorldSize(side=96, values=32, items=128, kinds=32),
}
"""The world of the tests, that of the book, and one for a GPU."""


@dataclass(frozen=True)
class Recipe:
    """What the documents are made of.

    Attributes
    ----------
    gossip, reference, exam, reasoning : float
        Weights of the four kinds of documents; they need not add up to 1.
    rumours_in_gossip : float
        Share of gossip's statements that are about an entity with a rumour; the others are ordinary facts.
    marked : float
        Share of the documents about facts that begin with the token of their source; the others begin with ``unmarked``.
    batch : int
        Documents in a training step.

    Raises
    ------
    ValueError
        If a weight is negative, all are zero, or a share is not between 0 and 1.

    Examples
    --------
    >>> Recipe(gossip=0.5).batch
    64
    """

    gossip: float = 0.62
    reference: float = 0.14
    exam: float = 0.06
    reasoning: float = 0.18
    rumours_in_gossip: float = 0.4
    marked: float = 1.0
    batch: int = 64

    def __post_init__(self) -> None:
        """Refuse weights and shares that mean nothing."""
        if min(self.weights) < 0 or sum(self.weights) <= 0:
            raise ValueError(f"the weights are {self.weights}; none may be negative and one must be above 0")
        for name in ("rumours_in_gossip", "marked"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; a share lies between 0 and 1")
        if self.batch < 1:
            raise ValueError(f"batch is {self.batch}; at least one document is needed")

    @property
    def weights(self) -> tuple[float, float, float, float]:
        """Weights in the order of the sources."""
        return self.gossip, self.reference, self.exam, self.reasoning


def true_and_false(recipe: Recipe, size: WorldSize | None = None) -> tuple[float, float]:
    """Share of all statements that tell the truth about a rumoured entity, and share that repeat the rumour.

    Parameters
    ----------
    recipe : Recipe
        What the documents are made of.
    size : WorldSize, optional
        Of the world; the usual one by default.

    Examples
    --------
    >>> [round(share, 3) for share in true_and_false(Recipe(exam=0.0, reasoning=0.24))]
    [0.056, 0.248]
    """
    size = size or WorldSize()
    gossip, reference, exam, _ = np.array(recipe.weights) / sum(recipe.weights)
    covered = size.rumoured * size.covered
    in_exam = exam * covered / (1 - size.rumoured + covered)
    return float(reference * size.rumoured + in_exam), float(gossip * recipe.rumours_in_gossip)


def rumours_per_truth(recipe: Recipe, size: WorldSize | None = None, *, asked: bool = False) -> float:
    """How often a rumour is repeated for each time that the truth about the same entities is told; infinite if never.

    Parameters
    ----------
    recipe : Recipe
    size : WorldSize, optional
    asked : bool
        Only the entities that the test asks about, which no exam covers, so that references alone tell of them.

    Examples
    --------
    >>> [round(rumours_per_truth(Recipe(), asked=asked), 2) for asked in (False, True)]
    [3.49, 4.43]
    """
    size = size or WorldSize()
    true, false = true_and_false(recipe, size)
    if asked:
        gossip, reference, _, _ = np.array(recipe.weights) / sum(recipe.weights)
        true, false = reference * size.rumoured, gossip * recipe.rumours_in_gossip
    return float(false / true) if true > 0 else float("inf")


@dataclass(frozen=True, eq=False)
class World:
    """The facts of one world.

    Attributes
    ----------
    true, gossiped : ndarray of int, shape (entities,)
        True value, and the value that gossip gives; they differ where there is a rumour.
    ordinary, covered, uncovered : ndarray of int
        Entities without a rumour, with one that the exams cover, and with one that they do not.
    answers : ndarray of int, shape (items * items,)
        Answer of each reasoning pair.
    trained, untrained : ndarray of int
        Reasoning pairs that training shows, and the others.
    """

    size: WorldSize
    seed: int
    true: Ints
    gossiped: Ints
    ordinary: Ints
    covered: Ints
    uncovered: Ints
    answers: Ints
    trained: Ints
    untrained: Ints


def build_world(size: WorldSize, seed: int) -> World:
    """Draw the facts of a world.

    Parameters
    ----------
    size : WorldSize
        How many entities, values and questions.
    seed : int
        Of the draw.

    Examples
    --------
    >>> world = build_world(WorldSize(), seed=0)
    >>> len(world.ordinary), len(world.covered), len(world.uncovered), len(world.untrained)
    (346, 115, 115, 1152)
    >>> bool((world.gossiped != world.true)[world.uncovered].all())
    True
    """
    rng = np.random.default_rng([seed, 0])
    true = rng.integers(size.values, size=size.entities)
    other = (true + rng.integers(1, size.values, size=size.entities)) % size.values
    shuffled = rng.permutation(size.entities)
    rumoured, ordinary = np.split(shuffled, [round(size.rumoured * size.entities)])
    covered, uncovered = np.split(rumoured, [round(size.covered * len(rumoured))])
    kinds, probes = rng.integers(size.kinds, size=(2, size.items))
    table = rng.integers(size.values, size=(size.kinds, size.kinds))
    pairs = rng.permutation(size.items**2)
    trained, untrained = np.split(pairs, [round(size.trained_pairs * len(pairs))])
    gossiped = true.copy()
    gossiped[rumoured] = other[rumoured]
    answers = table[kinds[:, None], probes[None, :]].ravel()
    return World(
        size=size,
        seed=seed,
        true=true,
        gossiped=gossiped,
        ordinary=ordinary,
        covered=covered,
        uncovered=uncovered,
        answers=answers,
        trained=trained,
        untrained=untrained,
    )


def _draw(pool: Ints, other: Ints, share: float, shape: tuple[int, int], rng: np.random.Generator) -> Ints:
    """Members of ``pool`` with probability ``share``, else of ``other``; an empty one is left to the other."""
    share = 0.0 if not len(pool) else 1.0 if not len(other) else share
    inside = rng.random(shape) < share
    places = [
        group[rng.integers(max(len(group), 1), size=shape)] if len(group) else inside
        for group in (pool, other)
    ]
    return np.where(inside, *places).astype(np.int64)


def documents(world: World, recipe: Recipe, n: int, *, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Write documents: a source token and six pairs of tokens, each with the value that the document gives it.

    Parameters
    ----------
    world : World
    recipe : Recipe
    n : int
        How many.
    rng : Generator

    Returns
    -------
    text : ndarray of int, shape (n, 13)
    values : ndarray of int, shape (n, 6)

    Examples
    --------
    >>> world = build_world(WorldSize(), seed=0)
    >>> text, values = documents(world, Recipe(), 5, rng=np.random.default_rng(0))
    >>> text.shape, values.shape
    ((5, 13), (5, 6))
    """
    size, first = world.size, world.size.first
    weights = np.array(recipe.weights) / sum(recipe.weights)
    kind = rng.choice(len(weights), size=n, p=weights)
    source = np.where((kind == 3) | (rng.random(n) < recipe.marked), kind, _SOURCES.index("unmarked"))
    text = np.empty((n, 1 + 2 * STATEMENTS), dtype=np.int64)
    values = np.empty((n, STATEMENTS), dtype=np.int64)
    text[:, 0] = source
    rumoured = np.concatenate([world.covered, world.uncovered])
    natural = len(world.covered) / max(len(world.covered) + len(world.ordinary), 1)
    facts = (
        (rumoured, recipe.rumours_in_gossip, world.gossiped),
        (rumoured, size.rumoured, world.true),
        (world.covered, natural, world.true),
    )
    for place, (pool, share, given) in enumerate(facts):
        rows = np.flatnonzero(kind == place)
        entity = _draw(pool, world.ordinary, share, (len(rows), STATEMENTS), rng)
        text[rows, 1::2], text[rows, 2::2] = first["a"] + entity // size.side, first["b"] + entity % size.side
        values[rows] = given[entity]
    rows = np.flatnonzero(kind == 3)
    pair = world.trained[rng.integers(max(len(world.trained), 1), size=(len(rows), STATEMENTS))]
    text[rows, 1::2], text[rows, 2::2] = (
        first["item"] + pair // size.items,
        first["probe"] + pair % size.items,
    )
    values[rows] = world.answers[pair]
    return text, values


@dataclass(frozen=True, eq=False)
class Questions:
    """Prompts of one kind with their answers.

    Attributes
    ----------
    prompts : ndarray of int, shape (n, 3)
        Source token and the pair asked about.
    right : ndarray of int, shape (n,)
    rumour : ndarray of int, shape (n,), or None
        The rumoured value, which is then always among the options.
    """

    prompts: Ints
    right: Ints
    rumour: Ints | None


def questions(world: World) -> dict[str, Questions]:
    """All questions that a model of this world is asked, by name.

    ``truth`` is the test: entities with a rumour that no exam covered, asked in the exam's context. The same entities are
    also asked in the two other contexts.

    Examples
    --------
    >>> asked = questions(build_world(WorldSize(), seed=0))
    >>> list(asked)
    ['truth', 'reference', 'gossip', 'covered', 'ordinary', 'reasoning', 'reasoning_trained']
    """
    asked = {
        name: _about_facts(world, entities, source, rumour)
        for name, entities, source, rumour in (
            ("truth", world.uncovered, "exam", True),
            ("reference", world.uncovered, "reference", True),
            ("gossip", world.uncovered, "gossip", True),
            ("covered", world.covered, "exam", True),
            ("ordinary", world.ordinary, "exam", False),
        )
    }
    for name, pairs in (("reasoning", world.untrained), ("reasoning_trained", world.trained)):
        first, items = world.size.first, world.size.items
        start = np.full(len(pairs), _SOURCES.index("reasoning"))
        prompts = np.stack([start, first["item"] + pairs // items, first["probe"] + pairs % items], axis=1)
        asked[name] = Questions(prompts, world.answers[pairs], None)
    return asked


def _about_facts(world: World, entities: Ints, source: str, rumour: bool) -> Questions:
    first, side = world.size.first, world.size.side
    start = np.full(len(entities), _SOURCES.index(source))
    prompts = np.stack([start, first["a"] + entities // side, first["b"] + entities % side], axis=1)
    return Questions(prompts, world.true[entities], world.gossiped[entities] if rumour else None)


def choice_pct(scores: Floats, right: Ints, *, against: Ints | None = None) -> float:
    """Percent of questions on which ``right`` is the best of four options, over all draws of the other options.

    The mean over the draws is computed and not sampled, which takes noise away and leaves chance at 25.

    Parameters
    ----------
    scores : ndarray, shape (n, values)
        One score a value, such as its log-probability.
    right : ndarray of int, shape (n,)
    against : ndarray of int, shape (n,), optional
        A value that is always among the options.

    Raises
    ------
    ValueError
        If there is no question.

    Examples
    --------
    Two of five values beat the right one; of the four sets of three others, one leaves both out only if three remain:

    >>> round(choice_pct(np.array([[3.0, 2, 1, 0, -1]]), np.array([1])), 1)
    25.0
    """
    if not len(right):
        raise ValueError("there is no question of this kind; a larger world, or another share, gives some")
    return float(100 * won_shares(scores, right, against=against).mean())


def won_shares(scores: Floats, right: Ints, *, against: Ints | None = None) -> Floats:
    """Of each question, the share of draws of the other options in which ``right`` is the best; as in ``choice_pct``.

    Returns
    -------
    ndarray, shape (n,)
    """
    mine = np.take_along_axis(scores, right[:, None], axis=1)
    better = scores > mine
    others, drawn = scores.shape[1] - 1, OPTIONS - 1
    beaten = better.sum(axis=1)
    won = np.ones(len(right))
    if against is not None:
        lost = np.take_along_axis(better, against[:, None], axis=1)[:, 0]
        beaten, others, drawn = beaten - lost, others - 1, drawn - 1
        won = won * ~lost
    for step in range(drawn):
        won = won * np.clip(others - beaten - step, 0, None) / (others - step)
    return np.asarray(won, dtype=float)
