"""The toy world: facts, documents, questions, tiny models, and extremes whose outcome is known beforehand."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from cape_utils import data
from cape_utils.toyworld import sweep, transformer
from cape_utils.toyworld import world as toyworld_world
from cape_utils.toyworld.transformer import Shape, matched_shape, parameter_count, train
from cape_utils.toyworld.world import Recipe, WorldSize, build_world, choice_pct, documents, questions

SMALL = WorldSize(side=10, values=6, items=8, kinds=3)
TINY = toyworld_world.WORLDS["tiny"]


# ---------------------------------------------------------------- the world


def test_rumours_differ_from_the_truth_and_nothing_else_does():
    world = build_world(WorldSize(), seed=3)
    rumoured = np.concatenate([world.covered, world.uncovered])
    assert (world.gossiped != world.true)[rumoured].all()
    assert (world.gossiped == world.true)[world.ordinary].all()
    everyone = np.sort(np.concatenate([rumoured, world.ordinary]))
    assert everyone.tolist() == list(range(world.size.entities))


def test_a_seed_is_a_world():
    one, same, other = (build_world(SMALL, seed) for seed in (1, 1, 2))
    assert (one.true == same.true).all()
    assert (one.true != other.true).any()


def written(recipe: Recipe, n: int = 4000):
    world = build_world(WorldSize(), seed=0)
    text, said = documents(world, recipe, n, rng=np.random.default_rng(0))
    side, first = world.size.side, world.size.first
    facts = text[:, 0] != toyworld_world._SOURCES.index("reasoning")
    entity = (text[facts, 1::2] - first["a"]) * side + text[facts, 2::2] - first["b"]
    return world, text, said, facts, entity


@pytest.mark.parametrize("recipe", [Recipe(), sweep.settings()["true_x2"].recipe, Recipe(gossip=0.2)])
def test_documents_tell_as_much_truth_and_rumour_as_the_recipe_says(recipe):
    world, _, said, facts, entity = written(recipe)
    rumoured = np.isin(entity, np.concatenate([world.covered, world.uncovered]))
    true = (said[facts] == world.true[entity]) & rumoured
    false = (said[facts] == world.gossiped[entity]) & rumoured
    wanted = toyworld_world.true_and_false(recipe)
    assert true.sum() / said.size == pytest.approx(wanted[0], abs=0.01)
    assert false.sum() / said.size == pytest.approx(wanted[1], abs=0.01)


def test_exams_never_ask_what_is_asked_in_the_test_and_reasoning_never_shows_it():
    world, text, said, facts, entity = written(Recipe())
    exams = text[facts, 0] == toyworld_world._SOURCES.index("exam")
    assert not np.isin(entity[exams], world.uncovered).any()
    assert np.isin(entity[exams], world.covered).any()
    rows, first = text[~facts], world.size.first
    pair = (rows[:, 1::2] - first["item"]) * world.size.items + rows[:, 2::2] - first["probe"]
    assert not np.isin(pair, world.untrained).any()
    assert (said[~facts] == world.answers[pair]).all()


def test_unmarked_documents_hide_their_source():
    _, text, _, facts, _ = written(Recipe(marked=0.25))
    assert (text[facts, 0] == toyworld_world._SOURCES.index("unmarked")).mean() == pytest.approx(
        0.75, abs=0.03
    )


def test_fewer_false_and_more_true_statements_change_one_of_the_two():
    base = toyworld_world.true_and_false(Recipe(exam=0.0))
    for name, true, false in (("false_1/2", 1, 0.5), ("true_x2", 2, 1)):
        recipe = replace(sweep.settings()[name].recipe, exam=0.0)
        shares = toyworld_world.true_and_false(recipe)
        assert shares[0] == pytest.approx(true * base[0]), name
        assert shares[1] == pytest.approx(false * base[1]), name


# ---------------------------------------------------------------- the score


def brute(scores, right, against):
    """Every set of options, one by one."""
    n, won = len(scores), []
    fixed = [right] if against is None else [right, against]
    for others in itertools.combinations([v for v in range(n) if v not in fixed], 4 - len(fixed)):
        won.append(all(scores[right] > scores[v] for v in (*fixed, *others) if v != right))
    return 100 * np.mean(won)


def test_the_score_is_the_mean_over_all_options():
    scores = np.random.default_rng(0).normal(size=(40, 7))
    right, against = np.arange(40) % 7, (np.arange(40) + 3) % 7
    plain = np.mean([brute(s, r, None) for s, r in zip(scores, right, strict=True)])
    fixed = np.mean([brute(s, r, a) for s, r, a in zip(scores, right, against, strict=True)])
    assert choice_pct(scores, right) == pytest.approx(plain)
    assert choice_pct(scores, right, against=against) == pytest.approx(fixed)


def test_a_guesser_is_at_chance():
    scores = np.random.default_rng(1).normal(size=(20_000, 16))
    zero, one = np.zeros(20_000, dtype=int), np.ones(20_000, dtype=int)
    assert choice_pct(scores, zero) == pytest.approx(25, abs=1)
    assert choice_pct(scores, zero, against=one) == pytest.approx(25, abs=1)


# ---------------------------------------------------------------- the models


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
@pytest.mark.parametrize("width", [4, 8, 16, 24, 48])
def test_matched_shapes_differ_by_less_than_half_a_hidden_unit_a_layer(width, layers):
    reference = Shape(width)
    found = matched_shape(reference, layers)
    gap = abs(parameter_count(found) - parameter_count(reference))
    unit = layers * (2 * found.width + 1)
    assert 2 * gap <= unit
    for hidden in (found.hidden - 1, found.hidden + 1):
        other = parameter_count(replace(found, hidden=hidden))
        assert abs(other - parameter_count(reference)) >= gap


def test_a_shape_is_matched_by_itself():
    assert matched_shape(Shape(16), 2) == Shape(16)


@pytest.mark.parametrize("shape", [Shape(5), Shape(6, 3, 7)])
def test_the_count_is_that_of_the_weights(shape):
    assert parameter_count(shape, TINY) == len(transformer.start_weights(shape, TINY, 0))


def test_no_shape_is_found_where_none_is_small_enough():
    with pytest.raises(ValueError, match="no model of 40 layers has as few as"):
        matched_shape(Shape(2), 40)


def by_hand(flat, tokens, shape, size):
    """The same model for one text, written from its definition with loops and NumPy."""
    parts, at = {}, 0
    for name, part in transformer._parts(shape, size):
        n = int(np.prod(part))
        parts[name], at = flat[at : at + n].reshape(part), at + n
    norm = lambda v: (v - v.mean()) / np.sqrt(v.var() + 1e-5)  # noqa: E731
    x = [parts["token"][t] + parts["place"][i] for i, t in enumerate(tokens)]
    d = shape.width
    for layer in range(shape.layers):
        look = [norm(v) @ parts[f"look{layer}"] for v in x]
        out = []
        for i in range(len(x)):
            w = np.array([look[i][:d] @ look[j][d : 2 * d] for j in range(i + 1)]) / np.sqrt(d)
            w = np.exp(w - w.max())
            seen = sum(a * look[j][2 * d :] for j, a in enumerate(w / w.sum()))
            v = x[i] + seen @ parts[f"join{layer}"]
            h = np.maximum(norm(v) @ parts[f"up{layer}"] + parts[f"up_bias{layer}"], 0)
            out.append(v + h @ parts[f"down{layer}"] + parts[f"down_bias{layer}"])
        x = out
    return np.array([norm(v) @ parts["head"] + parts["head_bias"] for v in x[2::2]])


@pytest.mark.parametrize("shape", [Shape(4), Shape(3, 3, 5), Shape(6, 1)])
def test_a_stack_computes_what_each_of_its_models_does_by_hand(shape):
    rng = np.random.default_rng(0)
    weights = np.stack([transformer.start_weights(shape, TINY, seed) for seed in (0, 1)])
    weights += rng.normal(0, 0.1, weights.shape).astype(np.float32)
    tokens = rng.integers(TINY.vocabulary, size=(2, 3, 13))
    got = transformer.logits(torch.tensor(weights), torch.tensor(tokens), shape, TINY).numpy()
    for run, text in itertools.product(range(2), range(3)):
        wanted = by_hand(weights[run].astype(float), tokens[run, text], shape, TINY)
        assert got[run, text] == pytest.approx(wanted, abs=1e-4)


def test_training_is_the_same_again_and_a_seed_does_not_see_its_neighbours():
    asked = {"size": TINY, "checkpoints": [0, 20]}
    recipe = Recipe(batch=8)
    both = train(Shape(4), recipe, seeds=[0, 1], **asked)
    assert [row["step"] for row in both] == [0, 0, 20, 20]
    assert train(Shape(4), recipe, seeds=[0, 1], **asked)[2:] == both[2:]
    alone = train(Shape(4), recipe, seeds=[1], **asked)[-1]
    assert alone["truth_logp"] == pytest.approx(both[-1]["truth_logp"], abs=1e-3)


@pytest.mark.parametrize("asked", [{"seeds": []}, {"checkpoints": []}, {"checkpoints": [-1]}])
def test_training_without_a_seed_or_a_checkpoint_is_refused(asked):
    with pytest.raises(ValueError, match="at least one seed and one checkpoint"):
        train(Shape(4), Recipe(), **asked)


# ---------------------------------------------------------------- planted extremes


def truth_and_rumour(recipe: Recipe, width: int, steps: int = 300) -> tuple[float, float]:
    rows = train(Shape(width), recipe, size=SMALL, seeds=[0, 1, 2], checkpoints=[steps])
    return tuple(float(np.mean([row[name] for row in rows])) for name in ("truth_pct", "truth_rumour_pct"))


def test_without_rumours_there_is_no_dip():
    recipe = Recipe(gossip=0.0, reference=0.6, exam=0.2, reasoning=0.2, batch=32)
    noise = 100 * np.sqrt(0.25 * 0.75 / (3 * 20))
    found = [truth_and_rumour(recipe, width)[0] for width in (4, 8, 24)]
    assert min(found) > 25 - 2 * noise
    assert found[-1] > 80


def test_with_rumours_alone_truth_never_recovers():
    recipe = Recipe(gossip=1.0, reference=0.0, exam=0.0, reasoning=0.0, batch=32)
    for width in (8, 24):
        truth, rumour = truth_and_rumour(recipe, width)
        assert truth < 15, width
        assert rumour > 60, width


# ---------------------------------------------------------------- the book's table


def test_a_kept_cell_is_got_again():
    """One cell anew: its start exactly, its end within what rounding can do on another processor."""
    table = data.load("toy_world").query("setting == 'base' and base_width == 4")
    plan = sweep.PLANS["book"]
    short = replace(plan, checkpoints=plan.checkpoints[:4])
    for row in sweep.cell(short, "base@4"):
        kept = table.query("seed == @row['seed'] and step == @row['step']").iloc[0]
        assert row["params"] == kept["params"]
        # Weights that differ by a millionth come to differ by this much after so many steps, and by five points at the end.
        for name in ("truth", "reasoning", "ordinary"):
            assert row[f"{name}_logp"] == pytest.approx(kept[f"{name}_logp"], abs=0.05), (name, row["step"])
            assert row[f"{name}_pct"] == pytest.approx(kept[f"{name}_pct"], abs=2.5), (name, row["step"])


def test_the_table_is_that_of_the_plan():
    table, plan = data.load("toy_world"), sweep.PLANS["book"]
    have = set(table["setting"] + "@" + table["base_width"].astype(str))
    assert have == set(sweep.cells(plan))
    counts = table.groupby("setting").size()
    assert counts["base"] == len(plan.widths) * plan.seeds * len(plan.checkpoints)
    assert (
        counts.drop("base") == len(plan.lever_widths) * plan.lever_seeds * len(plan.lever_checkpoints)
    ).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: WorldSize(values=3), "values is 3"),
        (lambda: WorldSize(side=1), "side is 1"),
        (lambda: WorldSize(rumoured=1.2), "rumoured is 1.2"),
        (lambda: Recipe(gossip=-1.0), "none may be negative"),
        (lambda: Recipe(marked=2.0), "marked is 2.0"),
        (lambda: Recipe(batch=0), "at least one document"),
        (lambda: Shape(1), "width is at least 2"),
        (lambda: choice_pct(np.zeros((0, 5)), np.zeros(0, dtype=int)), "no question"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_questions_are_asked_in_their_context():
    world = build_world(SMALL, seed=0)
    asked = questions(world)
    assert set(asked["truth"].prompts[:, 0]) == {toyworld_world._SOURCES.index("exam")}
    assert (asked["truth"].prompts[:, 1:] == asked["gossip"].prompts[:, 1:]).all()
    assert (asked["truth"].right != asked["truth"].rumour).all()
