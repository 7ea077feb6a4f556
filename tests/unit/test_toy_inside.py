"""Inside the toy world: heads, hooks and wiring do what they say; planted phases and repairs are found, nulls are not."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from cape_utils import data
from cape_utils.chapters.ch06_attention_heads import findings as ch06
from cape_utils.chapters.ch10_steering import findings as ch10
from cape_utils.chapters.ch11_toy_world import findings as ch11
from cape_utils.internals.toy import models as toy_models
from cape_utils.internals.toy import phases as toy_phases
from cape_utils.internals.toy import words as toy_words
from cape_utils.internals.toy.phases import CONTROL, CORRECTED, CORRECTED_CHEAP, PAIR, Inside, Sight
from cape_utils.toyworld.transformer import Shape, logits, parameter_count, start_weights
from cape_utils.toyworld.world import WORLDS, Recipe, build_world, documents
from tests.notebooks.test_structure import MOST_NUMBERS, NUMBER

TINY = WORLDS["tiny"]


def stack(shape: Shape, seeds=(0, 1)) -> torch.Tensor:
    return torch.tensor(np.stack([start_weights(shape, TINY, seed) for seed in seeds]))


def texts(n: int = 4) -> torch.Tensor:
    worlds = [build_world(TINY, seed) for seed in (0, 1)]
    drawn = [documents(world, Recipe(), n, rng=np.random.default_rng(0))[0] for world in worlds]
    return torch.tensor(np.stack(drawn))


# ---------------------------------------------------------------- heads and hooks


def by_hand(flat: np.ndarray, tokens: np.ndarray, shape: Shape) -> np.ndarray:
    """One text through one model, head by head and place by place, from the description alone."""
    d, m, place = shape.width, shape.hidden, 0

    def take(*part: int) -> np.ndarray:
        nonlocal place
        size = int(np.prod(part))
        place += size
        return flat[place - size : place].astype(float).reshape(part)

    def norm(x: np.ndarray) -> np.ndarray:
        return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)

    token, where = take(TINY.vocabulary, d), take(13, d)
    x = token[tokens] + where[: len(tokens)]
    for _ in range(shape.layers):
        look, join = take(d, 3 * d), take(d, d)
        up, up_bias, down, down_bias = take(d, m), take(m), take(m, d), take(d)
        h = norm(x)
        query, key, value = np.split(h @ look, 3, axis=1)
        mixed = np.zeros_like(x)
        for part in np.split(np.arange(d), shape.heads):
            for at in range(len(tokens)):
                weight = np.exp(key[: at + 1, part] @ query[at, part] / np.sqrt(len(part)))
                mixed[at, part] = weight / weight.sum() @ value[: at + 1, part]
        x = x + mixed @ join
        x = x + np.maximum(norm(x) @ up + up_bias, 0) @ down + down_bias
    return (norm(x) @ take(d, TINY.values) + take(TINY.values))[2::2]


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_heads_are_those_of_the_textbook(heads):
    shape = Shape(8, heads=heads)
    flat, tokens = stack(shape), texts()
    ours = logits(flat, tokens, shape, TINY).numpy()
    for run, text in ((0, 0), (1, 3)):
        assert np.allclose(
            ours[run, text], by_hand(flat[run].numpy(), tokens[run, text].numpy(), shape), atol=1e-4
        )
    assert parameter_count(shape, TINY) == parameter_count(Shape(8), TINY)


def test_heads_share_the_width():
    with pytest.raises(ValueError, match="3 heads cannot share a width of 8"):
        Shape(8, heads=3)


def test_a_hook_that_looks_changes_nothing_and_one_that_edits_does():
    shape, seen = Shape(8, heads=2), []
    flat, tokens = stack(shape), texts()
    plain = logits(flat, tokens, shape, TINY)
    looked = logits(flat, tokens, shape, TINY, edit=lambda kind, layer, x: seen.append((kind, layer)) or x)
    assert torch.equal(plain, looked)
    assert seen == [("head", 0), ("layer", 0), ("head", 1), ("layer", 1)]
    cut = logits(flat, tokens, shape, TINY, edit=toy_models._without(1, 0))
    # A head that gives nothing is one whose rows of the joining weights are zero.
    without = flat.clone()
    start = 8 * (TINY.vocabulary + 13) + (8 * 24 + 64 + 8 * 32 + 32 + 32 * 8 + 8) + 8 * 24
    without[:, start : start + 4 * 8] = 0
    assert torch.allclose(cut, logits(without, tokens, shape, TINY), atol=1e-5)
    assert not torch.allclose(cut, plain, atol=1e-3)


def test_shuffled_labels_hold_no_hint_of_the_true_ones():
    signs = toy_models._balanced_signs(115, np.random.default_rng(0))
    assert signs.sum() == 0
    assert (signs == 0).sum() == 1


def test_an_opposition_is_seen_where_it_is_planted_and_only_if_it_is_large():
    shape = Shape(8, heads=2)
    models = toy_models._Models(stack(shape), shape, [build_world(TINY, seed) for seed in (0, 1)], 20)
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(2, 1, 2, 4))
    alike = [shared + 0.01 * rng.normal(size=(2, 30, 2, 4)) for _ in range(2)]
    found = toy_models._planted_from(models, alike[:1], alike[1:])
    # With a shared part of length 1 the cosine is below -0.5 only beyond the root of three, give or take the angle.
    assert all(1.0 <= size <= 3.0 for sizes in found for size in sizes.values())
    assert [len(sizes) for sizes in found] == [2, 2]
    opposed = toy_models.internal_coupling(alike[0][0][:, None], -alike[0][0][:, None])
    assert opposed.competes.all()


# ---------------------------------------------------------------- what is kept


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inside")
    return folder, toy_models.run(toy_models.PLANS["tiny"], folder=folder)


def test_a_small_run_fills_both_tables(tiny):
    tables = toy_models.tables(tiny[1])
    for name, table in tables.items():
        assert list(table.columns) == list(data.load(name).columns)
    units, pushes = tables["toy_internals"], tables["toy_steering"]
    assert len(units) == 2 * (2 + 4)  # worlds, streams and heads
    assert len(pushes) == 2 * (
        (1 + 4 * 2 + 1) + (1 + 2 * 2 + 1)
    )  # worlds; nothing, directions by price, the prompt
    assert units.loc[units["unit"] == "head", "out_truth"].notna().all()
    assert pushes.loc[pushes["direction"] == "none", "truth_pct"].between(0, 100).all()


def test_what_is_done_is_not_done_again(tiny, monkeypatch):
    folder, rows = tiny
    monkeypatch.setattr(toy_models, "cell", lambda plan, name: pytest.fail("done again"))
    again = toy_models.run(toy_models.PLANS["tiny"], folder=folder)
    pd.testing.assert_frame_equal(rows, again)


def test_the_book_s_tables_are_those_of_the_plans():
    units, pushes = data.load("toy_internals"), data.load("toy_steering")
    for name in toy_models.BOOK:
        plan = toy_models.PLANS[name]
        models = len(plan.widths) * plan.seeds * len(plan.checkpoints)
        of_units, of_pushes = (table[table["heads"] == plan.heads] for table in (units, pushes))
        assert len(of_units) == models * 2 * (1 + plan.heads)
        assert len(of_pushes) == models * 16
        assert set(of_units["step"]) == set(plan.checkpoints)


def test_the_models_are_those_of_the_sweep():
    """One head a layer: the same scores as in the table of the sweep, within what rounding can do in training."""
    pushes = data.load("toy_steering")
    inside = pushes[(pushes["heads"] == 1) & (pushes["direction"] == "none") & (pushes["asked"] == "exam")]
    sweep = data.load("toy_world").query("setting == 'base'")
    both = inside.merge(sweep, on=["width", "seed", "step"], suffixes=("", "_kept"))
    assert len(both) == len(inside)
    assert (both["params"] == both["params_kept"]).all()
    assert (both["truth_pct"] - both["truth_pct_kept"]).abs().median() < 2.5


# ---------------------------------------------------------------- phases that are planted


def made(shift=None, *, seed: int = 0, worlds: int = 5, repairs=(0.0, 0.0, 0.0)) -> Inside:
    """Tables of worlds that turn at the middle of five sizes; readings are noise plus what is planted by phase."""
    rng, shift = np.random.default_rng(seed), shift or {}
    units, pushes = [], []
    truths = [20.0, 14.0, 6.0, 40.0, 80.0]
    for world in range(worlds):
        for place, truth in enumerate(truths):
            phase = int(np.sign(place - 2)) + 1
            model = {"heads": 1, "width": place, "params": 1000 * 2**place, "seed": world, "step": 800}
            for unit in ("layer", "head"):
                row = {**model, "unit": unit, "layer": 0, "head": 0, "planted_from": 2.0}
                for name, pair in (("", PAIR), ("control_", CONTROL)):
                    for column in ("cosine", "centred"):
                        row[f"{name}{column}"] = 0.5 + shift.get(pair, (0, 0, 0))[phase] + rng.normal() * 0.02
                    row[f"{name}opposed"] = 0.1
                for case in ("out", "wired"):
                    for kind, sign in (("truth", 1.0), ("reasoning", -1.0)):
                        row |= {f"{case}_{kind}": sign * 20.0, f"{case}_{kind}_error": 2.0}
                units.append(row | {"wired_opposed": 0.0})
            asked = {**model, "asked": "exam", "price": np.nan, "draws": 1, "ordinary_change": -3.0}
            wrong = {"truth_pct": truth, "rumour_preferred": 50}
            pushes.append({**asked, "direction": "none", **wrong})
            pushes.append({**asked, "asked": "gossip", "direction": "none", **wrong})
            for direction in ("truth", "random", "shuffled", "prompt"):
                for price in (np.nan, 5.0):
                    pct = 20.0 + rng.normal() + (repairs[phase] if direction == "truth" else 0.0)
                    pushes.append({**asked, "direction": direction, "price": price, "corrected_pct": pct})
                    pushes.append({**pushes[-1], "asked": "gossip"})
    frame = pd.DataFrame(pushes)
    return Inside(pd.DataFrame(units), frame[~((frame["direction"] == "prompt") & frame["price"].notna())])


def test_phases_follow_the_lowest_truth():
    where = toy_phases.phases(made().pushes)
    assert where.groupby("phase").size().to_dict() == {"before": 10, "at": 5, "after": 10}
    flat = made().pushes.assign(truth_pct=25.0)
    with pytest.raises(ValueError, match="no curve of truth"):
        toy_phases.phases(flat)


@pytest.mark.parametrize(
    ("planted", "outcome"),
    [
        ({}, Sight.NOTHING),
        ({PAIR: (-0.3, 0.0, 0.0)}, Sight.SEES),
        ({PAIR: (0.3, 0.0, 0.0)}, Sight.REVERSED),
        ({PAIR: (-0.3, 0.0, 0.0), CONTROL: (-0.3, 0.0, 0.0)}, Sight.SIZE),
    ],
)
def test_a_detector_sees_a_phase_that_is_planted_and_no_other(planted, outcome):
    worlds = toy_phases.by_world(made(planted))
    assert toy_phases.sight(worlds, heads=1, detector="cosine of heads")[0] is outcome
    assert toy_phases.sight(worlds, heads=1, detector="competing heads (%)")[0] is Sight.NOTHING


def test_a_repair_that_is_planted_is_found_and_so_is_its_end():
    fading = toy_phases.repair(toy_phases.by_world(made(repairs=(15.0, 5.0, 0.0))), heads=1)
    assert fading.repairs
    assert fading.vanishes
    lasting = toy_phases.repair(toy_phases.by_world(made(repairs=(15.0, 15.0, 15.0))), heads=1)
    assert lasting.repairs
    assert not lasting.vanishes
    assert fading.beyond["random"].estimate == pytest.approx(15, abs=2)


def test_where_nothing_repairs_the_rule_seldom_says_so():
    found = [
        toy_phases.repair(toy_phases.by_world(made(seed=seed)), heads=1, reading=reading).repairs
        for seed in range(12)
        for reading in (CORRECTED, CORRECTED_CHEAP)
    ]
    assert sum(found) <= 1


def test_knock_outs_name_a_wired_head_and_miss_one_that_is_not():
    out = toy_phases.heads_out(made(), heads=1)
    assert (out.wired, out.found, out.by_cosine) == (25, 25, 0)
    assert sum(out.opposed.values()) == 25
    inside = made()
    inside.units["wired_reasoning"] = 0.0
    assert toy_phases.heads_out(inside, heads=1).found == 0


def test_in_the_book_s_models_a_wired_head_is_found_by_its_absence():
    for heads in (1, 4):
        out = toy_phases.heads_out(heads=heads)
        assert out.found > 0.9 * out.wired
        assert out.planted[toy_models.PLANTED_SIZES[-1]] > 95


# ---------------------------------------------------------------- words


def test_the_words_turn_with_the_numbers():
    nothing, seen = (toy_phases.by_world(made(p)) for p in ({}, {PAIR: (-0.3, 0.0, 0.0)}))
    assert "4 show no change over the turn" in toy_words.detectors_words(nothing)
    assert "more competition before the turn than after" in toy_words.detectors_words(seen)
    repaired = toy_words.steering_words(toy_phases.by_world(made(repairs=(15.0, 5.0, 0.0))))
    assert "whatever it costs, the truth direction repairs more than each control" in repaired
    assert "is gone" in repaired
    idle = toy_words.steering_words(toy_phases.by_world(made()))
    assert "does not repair more than each control" in idle
    assert "none was there to vanish" in idle
    assert "reverse of the claim" in toy_words.steering_words(
        toy_phases.by_world(made(repairs=(0.0, 0.0, 15.0)))
    )
    out = toy_phases.heads_out(made(), heads=1)
    assert "damage alone" in toy_words.heads_out_words({1: out})
    harmless = replace(out, truth=out.reasoning)
    assert "damage alone" not in toy_words.heads_out_words({1: harmless})


def test_what_is_said_of_the_toy_world_holds_at_most_four_numbers_a_paragraph():
    out = toy_phases.heads_out(made(), heads=1)
    kinds = [
        made(),
        made({PAIR: (-0.3, 0.0, 0.0)}),
        made(repairs=(15.0, 5.0, 0.0)),
        made(repairs=(0.0, 0.0, 15.0)),
    ]
    for worlds in [toy_phases.by_world(), *map(toy_phases.by_world, kinds)]:
        said = [
            ch06.known_turn(worlds, out).data,
            ch10.known_turn(worlds).data,
            ch11.seen_inside(worlds, {1: out}).data,
        ]
        paragraphs = [words for one in said for words in re.split(r"\n\n|\n- ", one)]
        assert [words for words in paragraphs if len(NUMBER.findall(words)) > MOST_NUMBERS] == []
