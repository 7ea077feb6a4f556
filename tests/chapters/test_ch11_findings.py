"""Chapter 11: the rule of the levers, and the words that turn with the numbers."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cape_utils.chapters.ch11_toy_world import captions, findings, in_words, levers, method_trial
from cape_utils.chapters.ch11_toy_world.levers import Shift
from cape_utils.stats.results import Estimate
from cape_utils.toyworld.sweep import LEVERS, STEPS
from cape_utils.toyworld.world import Recipe, WorldSize, build_world, rumours_per_truth


def factor(low: float = 0.8, high: float = 1.4, n: int = 3) -> Estimate:
    return Estimate(estimate=(low * high) ** 0.5, low=low, high=high, n=n, method="")


@pytest.mark.parametrize(
    ("dips", "turns", "lowest", "moves", "shift", "words"),
    [
        (0, 0, 24.0, None, Shift.NO_DIP, "removes the dip"),
        (0, 0, 15.0, None, Shift.SHALLOW_DIP, "makes the dip too shallow for any one world to show"),
        (2, 2, 8.0, factor(n=2), Shift.DIP_IN_SOME, "leaves a dip in 2 of 3 worlds"),
        (3, 0, 8.0, factor(n=0), Shift.BEYOND, "moves the turning point beyond the sizes tried"),
        (
            3,
            1,
            8.0,
            factor(n=1),
            Shift.TURN_IN_SOME,
            "leaves a turn within the sizes tried in 1 of 3 worlds",
        ),
        (3, 3, 8.0, factor(1.1, 2.0), Shift.UP, "moves the turning point up"),
        (3, 3, 8.0, factor(0.3, 0.9), Shift.DOWN, "moves the turning point down"),
        (3, 3, 8.0, factor(), Shift.UNSEEN, "no shift seen"),
    ],
)
def test_the_rule_decides_first_and_the_words_follow(dips, turns, lowest, moves, shift, words):
    counts = {"worlds": 3, "dips": dips, "turns": turns}
    assert levers.shift_of(**counts, lowest_mean_pct=lowest, moves=moves) is shift
    assert levers.shift_words(shift, counts) == words


def lever_row(lever: str, label: str, shift: Shift, **more) -> dict[str, object]:
    row: dict[str, object] = {"lever": lever, "label": label, "setting": lever, "step": STEPS, "worlds": 3}
    row |= {"dips": 1, "turns": 1, "largest_pct": 80.0, "mean_dips": False, "shift": shift}
    row |= {"rumours_per_truth": rumours_per_truth(Recipe()), "rumours_per_truth_asked": 4.43}
    for name in ("moves", "back_moves", "lifts"):
        row |= {name: 2.0, f"{name}_low": 1.5, f"{name}_high": 3.0, f"{name}_n": 3}
    return row | {"words": levers.shift_words(shift, row)} | more


def lever_rows(*shifts: Shift, **more) -> pd.DataFrame:
    base = lever_row("exams", "6%", Shift.BASE, setting="base", largest_pct=10.0)
    return pd.DataFrame([base, *(lever_row("exams", f"{n}%", s, **more) for n, s in enumerate(shifts, 1))])


def test_every_lever_has_its_line_without_the_base_setting():
    few = lever_row("depth", "4", Shift.DIP_IN_SOME, moves_n=2)
    text = findings.lever_sentences(pd.concat([lever_rows(Shift.UP), pd.DataFrame([few])])).data
    assert f"- {LEVERS['exams']}:\n  - 1%: moves the turning point up, factor 2.00 [1.50, 3.00]" in text
    assert f"- {LEVERS['depth']}:\n  - 4: leaves a dip in 1 of 3 worlds" in text
    assert "base setting" not in text


def base_panel() -> pd.DataFrame:
    seeds, sizes = [0, 1, 2, 3], [1000, 2000, 4000]
    rows = [(s, p, 10.0 * (p == 1000) + 90 * (p == 4000) * (s < 3)) for s in seeds for p in sizes]
    return pd.DataFrame(rows, columns=["seed", "params", "truth"])


@pytest.mark.parametrize(
    ("shifts", "words"),
    [
        ((Shift.UP, Shift.NO_DIP, Shift.TURN_IN_SOME), "is said of 0 positions: none."),
        ((Shift.DIP_IN_SOME, Shift.UP), f"is said of 1 positions: {LEVERS['exams']} (1%)."),
        ((Shift.SHALLOW_DIP, Shift.DIP_IN_SOME), "is said of 2 positions"),
    ],
)
def test_partial_dips_are_those_in_some_worlds_or_too_shallow(shifts, words):
    text = findings.partial_dips(lever_rows(*shifts), base_panel(), 0.07).data
    assert words in text
    assert "would say so of 7% of positions" in text
    assert "80 percent, against 90 in the base setting" in text, (
        "the same worlds, and not the base's own rows"
    )


def test_looks_count_positions_and_not_the_base_setting():
    shifts = lever_rows(Shift.UP, Shift.SHALLOW_DIP, mean_dips=True)
    text = findings.looks_and_alarms(shifts, moves=0.5, dips=0.1, wide=0.2).data
    assert text.startswith("2 positions are 2 looks; at a false alarm rate of 50% about 1.0")
    assert "in 1 of these 1" in text
    assert "10% of cases, and in 20%" in text


def test_mixtures_name_only_what_changes_them():
    text = findings.mixtures(
        pd.DataFrame(
            [
                lever_row("depth", "4", Shift.UP),
                lever_row("rumours", "30%", Shift.UP, rumours_per_truth=0.92, rumours_per_truth_asked=1.16),
            ]
        ),
        Recipe(),
    ).data
    assert f"| {LEVERS['rumours']} (30%) | 0.92 | 1.16 |" in text
    assert "| everywhere else | 3.49 | 4.43 |" in text
    assert LEVERS["depth"] not in text


@pytest.mark.parametrize(
    ("moves", "reading"), [((1.8, 2.2), "one amount of compute"), ((2.5, 3.0), "neither size nor compute")]
)
def test_compute_is_constant_only_where_the_interval_holds_one(moves, reading):
    half = {"setting": "base", "step": STEPS // 2, "moves_low": moves[0], "moves_high": moves[1]}
    few = {"setting": "base", "step": 2 * STEPS, "moves_n": 2}
    rows = [lever_row("length", "400", Shift.UP, **half), lever_row("length", "1,600", Shift.DOWN, **few)]
    text = findings._compute_at_the_turn(pd.DataFrame(rows))
    assert f"- with 400 steps, 1.00 [{moves[0] / 2:.2f}, {moves[1] / 2:.2f}]\n\nSo" in text
    assert reading in text


@pytest.mark.parametrize(
    ("end", "reading"),
    [(90.0, "training decides between dip and recovery"), (20.0, "at no size does training alone")],
)
def test_training_alone_recovers_only_past_chance(end, reading):
    rows = [("base", 4000, STEPS // 2, 10.0), ("base", 4000, STEPS, end), ("base", 4000, 0, 99.0)]
    rows += [("base", 1000, step, 25.0) for step in (STEPS // 2, STEPS)] + [("exams", 4000, STEPS, 0.0)]
    table = pd.DataFrame(rows, columns=["setting", "params", "step", "truth_pct"])
    text = findings._same_size_longer(table)
    assert (
        f"4,000 parameters have 10 percent of truth right after {STEPS // 2:,} steps and {end:.0f} after the longest"
        in text
    )
    assert reading in text


@pytest.mark.parametrize(
    ("reference", "logp", "words"),
    [
        (10.0, -3.0, "it has hardly kept the reference's value"),
        (10.0, -1.0, "it has partly kept the reference's value"),
        (60.0, -1.0, "It answers references better than exams"),
    ],
)
def test_what_is_lacking_depends_on_chance_and_on_equal_odds(reference, logp, words):
    panel = pd.DataFrame({"params": [1000, 4000], "truth": [8.0, 21.0], "reference": [reference, 40.0]})
    panel = panel.assign(covered=[30.0, 30.0], ordinary=[96.0, 99.0])
    rows = pd.DataFrame({"reference_logp": [logp, logp], "gossip_logp": [logp - 0.2, logp - 0.3]})
    rows = rows.assign(setting="base", step=STEPS, params=1000)
    text = findings.what_is_learnt(rows, panel, 1000, 1200.0).data
    assert words in text
    assert ("higher than in gossip by 0.25" in text) == (reference < 25)
    assert (
        "references (40 percent), then exams on covered entities (30 percent), then exams on uncovered"
        in text
    )


def test_steps_without_an_interval_are_counted_and_not_listed():
    steps = pd.DataFrame({"from_params": [1e3, 2e3], "to_params": [2e3, 4e3], "coupling": [-1.0, 9.0]})
    steps = steps.assign(coupling_low=[-2.0, np.nan], coupling_high=[-0.5, np.nan])
    text = findings.finite_couplings(steps).data
    assert "Of 2 steps 1 have" in text
    assert "it lies below zero at 1 and above at 0." in text


def test_the_documents_are_those_of_the_recipe():
    world = build_world(WorldSize(), seed=0)
    text = findings.what_documents_tell(world, Recipe(batch=32, rumours_in_gossip=0.2)).data
    assert "230 of them rumoured" in text
    assert "62% are gossip" in text
    assert "1.7 times as often as the truth about the same entities is told, and 2.2 times" in text


def test_trial_counts_each_verdict():
    trial = pd.DataFrame({"verdict": ["misses", "recovers", "misses"]})
    assert (
        "Of 3 analyses 1 recover the known answer, 2 miss it and 0 cannot tell"
        in findings.trial_counts(trial).data
    )


# ---------------------------------------------------------------- verdicts of the trial


@pytest.mark.parametrize(
    ("observed", "shift", "verdict"),
    [(0.9, Shift.UP, "cannot tell"), (1.0, Shift.UP, "recovers"), (1.0, Shift.DIP_IN_SOME, "misses")],
)
def test_the_verdict_on_width_hangs_on_the_outcome_of_depth(monkeypatch, observed, shift, verdict):
    null = SimpleNamespace(observed=observed, value=0.5, low=0.2, high=0.95)
    monkeypatch.setattr(method_trial, "normalised", lambda table: (factor(), null))
    rows = [
        lever_row("depth", "1", shift, setting="depth_1"),
        lever_row("depth", "4", Shift.UNSEEN, setting="depth_4"),
    ]
    row = method_trial._width(pd.DataFrame(), pd.DataFrame(rows))
    assert row["verdict"] == verdict
    assert row["what is known"].startswith("at one parameter count, 1 layer: ")
    assert "; 4 layers: no shift seen" in row["what is known"]


@pytest.mark.parametrize(
    ("ends", "shift", "verdict"),
    [
        ((0.1, 0.3), Shift.DOWN, "recovers"),
        ((-0.3, -0.1), Shift.BEYOND, "misses"),
        ((0.1, 0.3), Shift.UNSEEN, "cannot tell"),
        ((-0.1, 0.1), Shift.UP, "cannot tell"),
    ],
)
def test_the_verdict_on_rivals_hangs_on_the_outcome_of_length(monkeypatch, ends, shift, verdict):
    areas = pd.DataFrame({"predictor": ["parameters", "documents"], "auc": [0.7, 0.8], "difference": 0.1})
    areas = areas.assign(difference_low=ends[0], difference_high=ends[1])
    monkeypatch.setattr(method_trial, "predictors", lambda table: areas)
    row = method_trial._rival(pd.DataFrame(), pd.DataFrame([lever_row("length", "400", shift)]))
    assert row["verdict"] == verdict


# ---------------------------------------------------------------- tables


def test_a_method_that_diverges_has_a_dash_and_its_count():
    errors = pd.DataFrame({"median": [9.63, np.inf], "low": [9.2, np.inf], "high": [11.5, np.inf]})
    errors = errors.assign(wins=[4.5, 0.0], diverges=[0, 5], families=5)
    errors.index = pd.Index(["a parabola", "an equation"], name="method")
    assert findings.error_table(errors).rows == (
        ("a parabola", "9.6 [9.2, 11.5]", "4.5", "0", "5"),
        ("an equation", "\u2013", "0", "5", "5"),
    )


def test_a_loss_before_training_is_a_dash():
    scores = {"truth_pct": 29.5, "ordinary_pct": 25.63, "reasoning_pct": 27.33}
    shown = findings.training_table([{"step": 0, "loss": float("nan")} | scores])
    assert shown.rows == (("0", "\u2013", "29.5", "25.6", "27.3"),)
    assert "truth (%)" in shown.headings


# ---------------------------------------------------------------- captions


def test_captions_of_levers_name_what_moves_and_what_is_gone():
    shifts = lever_rows(Shift.UP, Shift.NO_DIP, Shift.SHALLOW_DIP, Shift.UNSEEN, Shift.DIP_IN_SOME)
    means = pd.DataFrame({"lever": "exams", "label": "1%", "params": [1000, 2000], "truth": [5.0, 30.0]})
    name = LEVERS["exams"]
    title = captions.levers(shifts, means, "exams", "truth")["title"]
    assert (
        title == f"{name[0].upper()}{name[1:]}: at 1% it moves the turning point and at 2%, 3% no world dips"
    )
    nothing = captions.levers(lever_rows(Shift.UNSEEN), means, "exams", "truth")
    assert nothing["title"].endswith("no position is seen to move the dip")
    assert "1%, lowest 5 percent at 1,000 parameters, 30 in the largest model" in nothing["alternative"]


def test_the_figure_of_shifts_counts_the_intervals_that_leave_no_change_out():
    changed = levers.changed_positions(lever_rows(Shift.UP, Shift.NO_DIP, Shift.UNSEEN))
    row = {"what": "turning point (factor)", "none": 1.0, "n": levers.MIN_WORLDS, "change": 1.0}
    ends = {"a": (1.1, 1.5), "b": (0.5, 0.9), "c": (0.5, 1.5), "d": (2.0, 3.0)}
    rows = pd.DataFrame(
        [{**row, "position": key, "low": low, "high": high} for key, (low, high) in ends.items()]
    )
    rows.loc[rows["position"] == "d", "n"] = levers.MIN_WORLDS - 1  # two worlds are not spoken of
    said = captions.shifts(rows, changed, "turning point (factor)")
    assert said["title"] == "2 of 3 positions move the turning point"
    assert said["caption"].startswith("a raises it; b lowers it. ")
    assert "At 1 positions no world dips" in said["caption"]
    none = captions.shifts(rows.query("position == 'c'"), changed, "turning point (factor)")
    assert (none["title"][:4], none["caption"][:18]) == ("0 of", "None is seen to. P")


def test_steps_in_size_are_counted_by_their_signs():
    changes = pd.DataFrame(
        {"truth": [-2.0, 3.0], "truth_low": [-3.0, 1.0], "truth_high": [-1.0, 5.0], "worlds": 5}
        | {"reasoning": [1.0, 2.0], "reasoning_low": [-1.0, 1.0], "reasoning_high": 3.0}
    )
    said = captions.steps(changes, "both")
    assert said["title"] == "Of 2 steps in size, truth falls at 1 and reasoning at 0"
    assert (
        "Truth surely falls at 1 of 2 steps and surely rises at 1; reasoning surely falls at 0"
        in said["caption"]
    )
    assert "reasoning" not in captions.steps(changes, "truth")["caption"]


def test_the_likelier_value_is_named_by_the_end_of_training():
    long = pd.DataFrame(
        {"params": 10, "context": "exam", "step": [0, 0, 9, 9], "value": ["true", "rumoured"] * 2}
        | {"logp": [-3.0, -2.0, -1.0, -2.0]}
    )
    said = captions.log_probabilities(long, 10, "exam")
    assert said["title"] == "With 10 parameters, exam: the true value ends up likelier"
    assert "likelier one at 1 of 2 checkpoints" in said["caption"]
    turned = captions.log_probabilities(long.assign(logp=[-2.0, -3.0, -2.0, -1.0]), 10, "exam")
    assert "the rumoured value" in turned["title"]


@pytest.mark.parametrize(
    ("n", "words"), [(2, "lowest at 2,000 parameters"), (1, "too few to place a turning point")]
)
def test_a_turning_point_is_said_of_two_worlds_or_more(n, words):
    size = Estimate(estimate=2000.0, low=1500.0, high=2500.0, n=n, method="")
    summary = {"lowest_params": size, "lowest_pct": factor(), "largest_pct": factor()}
    caption = captions.growth(summary, worlds=5, sizes=10, steps=STEPS)["caption"]
    assert words in caption
    assert f"in {n} of 5 worlds" in caption


# ---------------------------------------------------------------- a document in words


def test_a_document_in_words_says_what_its_numbers_say():
    world = build_world(WorldSize(), seed=0)
    told = in_words.told(world, Recipe())
    assert told.groupby("source").size().to_dict() == dict.fromkeys(
        ("gossip", "reference", "exam", "reasoning"), 6
    )
    entities = told[told["standing"] != "reasoning"]
    number = entities["said"].str.extract(r"Entity (\d+) has the value (\d+)").astype(int)
    true, gossiped = world.true[number[0] - 1], world.gossiped[number[0] - 1]
    assert (number[1][entities["standing"] == "rumour"] == gossiped[entities["standing"] == "rumour"]).all()
    assert (number[1] == true).tolist() == (entities["standing"] != "rumour").tolist()
    assert set(entities.loc[entities["standing"] == "rumour", "source"]) == {"gossip"}
    ordinary = (entities["standing"] == "ordinary fact").to_numpy()
    assert (true == gossiped).tolist() == ordinary.tolist()


def test_the_title_of_a_document_counts_its_rumours():
    rows = pd.DataFrame({"standing": ["rumour", "ordinary fact"], "said": "S", "note": "n"})
    assert captions.document(rows, "gossip")["title"] == "Gossip: 1 of 2 statements repeat a rumour"
    none = captions.document(rows.tail(1), "exam")
    assert none["title"] == "Exam: no statement repeats a rumour"
    assert "names no source" in captions.document(rows, "unmarked")["caption"]
