"""Other ways to steer than adding, and plain asking, at one cost on the topics of the test: each with controls of its own.

The rules for the residual stream are those of ``steering.interventions``. Each takes the truth direction of the test, at the
strength at which it costs as much as adding it does; directions from permuted labels, each at the layer and with the share of
the length that the label test gave it; and random ones of the same cost. Asking is compared with other words as long. What
adding gives is the test itself, ``Study.test_sweep``.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cape_utils.chapters.ch10_steering.experiment import _BATCH, Study, _digits, _short
from cape_utils.chapters.ch10_steering.label_test import label_null
from cape_utils.chapters.ch10_steering.prefix_cache import Replay, prepare, replay_logp
from cape_utils.chapters.ch10_steering.run_sizes import FULL
from cape_utils.chapters.ch10_steering.selection import matched_strength, stack
from cape_utils.models.chat import chat_text, has_chat_template, instructed
from cape_utils.models.completions import completion_logp
from cape_utils.models.loading import own_tokens
from cape_utils.stats.resampling import null_from_draws
from cape_utils.stats.results import Floats, Null
from cape_utils.steering.directions import Direction
from cape_utils.steering.evaluation import kl_cost, margin_summary, prompt_cost, topic_effect
from cape_utils.steering.interventions import INSTRUCTION, steer

__all__ = ["ASKED", "RULES", "Asked", "method_sweep", "method_table", "neutral_words"]

RULES = FULL.rules
"""Rules for the stream that are measured here, beside adding."""

_CHAT_TASK = "Complete this sentence: "


@dataclass(frozen=True)
class Asked:
    """What the model is asked for in words.

    Attributes
    ----------
    towards, away : str
        Instructions to the one end and to the other.
    """

    towards: str
    away: str


ASKED = {
    "truth": Asked(
        INSTRUCTION, "Say only what is false, and repeat common misconceptions as often as you can."
    ),
    "sentiment": Asked(
        "You are delighted with everything, and say only what is pleasant.",
        "You are disgusted with everything, and say only what is unpleasant.",
    ),
}
"""By the name of the study."""


def neutral_words(study: Study, length: int, draw: int) -> str:
    """Words about nothing in the pairs, as many tokens of the model as an instruction has.

    Parameters
    ----------
    study : Study
        Its neutral prompts on which no cost is measured are joined in an order of their own for each draw.
    length : int
        Tokens.
    draw : int
    """
    used = {*study.matching, *study.reporting}
    free = [prompt for prompt in study.neutral if prompt not in used]
    order = np.random.default_rng([study.seed, 2, draw]).permutation(len(free))
    tokens = own_tokens(study.loaded.tokenizer, " ".join(free[i] for i in order))[:length]
    return str(study.loaded.tokenizer.decode(tokens))


def method_sweep(study: Study, asked: Asked) -> pd.DataFrame:
    """Every rule, and asking with and without a chat template, on the test topics, with all controls.

    Parameters
    ----------
    study : Study
    asked : Asked
        One of ``ASKED``.

    Returns
    -------
    DataFrame
        ``method, kind, draw, layer, strength, kl, perplexity`` (missing where there is none) and the lists ``margins`` and
        ``pulled`` in the order of ``study.tested``, under the push towards and away; ``pulled`` is empty where a method has
        one side only.
    """
    loaded, chosen = study.loaded, study.choice

    @functools.cache
    def replay(layer: int) -> Replay:
        return prepare(loaded, study._texts(study.tested), layer, batch_size=_BATCH)

    @functools.cache
    def strength_of(rule: str) -> float:
        return _matched(study, study.direction(), rule, chosen.strength)

    def steered(rule: str, kind: str, draw: int) -> dict[str, Any]:
        plain = study._for_reporting  # before anything is steered: it is measured when first asked for
        along, strength = study.direction(), 0.0
        if kind == "shuffled":
            row = study.label_table().iloc[1 + draw]
            layer = int(row["layer"])
            along = study.direction(study.vector("shuffled", draw, layer), layer)
            if rule != "ablate":
                strength = strength_of(rule) * float(row["strength"]) / chosen.strength
        elif kind == "random":
            along = study.direction(study.vector("random", draw), chosen.layer)
            strength = _matched(study, along, rule, chosen.strength)
        else:
            strength = strength_of(rule)

        def margins(sign: float) -> list[float]:
            with steer(loaded, along, sign * strength, method=rule):  # type: ignore[arg-type]
                logp = replay_logp(loaded, replay(along.layer), np.zeros(len(along.vector)))
            return _short(_halves(logp))

        with steer(loaded, along, strength, method=rule):  # type: ignore[arg-type]
            cost = kl_cost(loaded, plain)
        return {
            "layer": along.layer,
            "strength": _digits(strength),
            "kl": _digits(cost.kl),
            "perplexity": _digits(cost.perplexity),
            "margins": margins(1.0),
            "pulled": [] if rule == "ablate" else margins(-1.0),
        }

    def words(kind: str, draw: int) -> str | None:
        if kind == "neutral":
            return neutral_words(study, len(own_tokens(loaded.tokenizer, asked.towards)), draw)
        return {"truth": asked.towards, "away": asked.away}.get(kind)

    def told(kind: str, draw: int, *, chat: bool) -> dict[str, Any]:
        text = words(kind, draw)
        if chat:
            stems = [
                chat_text(loaded, _CHAT_TASK + stem, system=text) + stem for stem in study.tested["stem"]
            ]
        else:
            stems = [instructed(loaded, stem, text) for stem in study.tested["stem"]]
        endings = [*study.tested["true_completion"], *study.tested["false_completion"]]
        logp, _ = completion_logp(loaded, stems * 2, endings, batch_size=_BATCH)
        cost = None if chat or not text else prompt_cost(loaded, study._for_reporting, f"{text}\n\n")
        return {
            "layer": -1,
            "strength": 0.0,
            "kl": _digits(cost.kl) if cost else None,
            "perplexity": _digits(cost.perplexity) if cost else None,
            "margins": _short(_halves(logp)),
            "pulled": [],
        }

    def run(task: str) -> list[dict[str, Any]]:
        method, kind, draw = task.split()
        at = {"method": method, "kind": kind, "draw": int(draw)}
        if method in RULES:
            return [at | steered(method, kind, int(draw))]
        return [at | told(kind, int(draw), chat=method == "chat")]

    size = study.run
    drawn = [("truth", 1), ("shuffled", size.rule_labellings), ("random", size.rule_random)]
    said = [("plain", 1), ("truth", 1), ("away", 1), ("neutral", size.neutral_words)]
    tasks = [f"{rule} {kind} {i}" for rule in size.rules for kind, count in drawn for i in range(count)]
    asking = [way for way in size.asking if way != "chat" or has_chat_template(loaded)]
    tasks += [f"{way} {kind} {i}" for way in asking for kind, count in said for i in range(count)]
    settings = study.settings(layer=chosen.layer, strength=chosen.strength, asked=[asked.towards, asked.away])
    return study.sweep("steering_methods", settings, tasks, run)


def _matched(study: Study, along: Direction, rule: str, start: float) -> float:
    """Strength at which a rule costs what adding the truth direction does, on the prompts that doses are set on."""
    if rule == "ablate":
        return 0.0

    plain = study._for_matching

    def cost(strength: float) -> float:
        with steer(study.loaded, along, strength, method=rule):  # type: ignore[arg-type]
            return kl_cost(study.loaded, plain).kl

    return matched_strength(cost, study.choice.kl, start=start)


def _halves(logp: Floats) -> Floats:
    half = len(logp) // 2
    return logp[:half] - logp[half:]


def method_table(
    swept: pd.DataFrame,
    tests: pd.DataFrame,
    topics: Sequence[str],
    *,
    draws: int = 2000,
    rng: np.random.Generator | int = 0,
) -> pd.DataFrame:
    """What each way of steering does to the tested topics, beside what its own controls do.

    The effect of rules with two sides is half the difference between pushing towards and away, as in the test; asking has the
    two instructions as its sides, and pairs of instructions about nothing as its controls. Ablation has one side: its effect
    is the change itself.

    Parameters
    ----------
    swept : DataFrame
        From ``method_sweep``.
    tests : DataFrame
        From ``Study.test_sweep``: adding, and the margins without steering.
    topics : sequence of str
        Of the tested pairs.

    Returns
    -------
    DataFrame
        One row for each method: ``method, layer, strength, kl, perplexity, n``; ``effect, low, high`` (nats, topics resampled),
        ``null_low, null_high, p, smallest_p`` (of its controls, one-sided), ``random_low, random_high`` (missing for asking);
        and for the push towards ``accuracy`` and ``share``, changes of MC1 and MC2, ``repaired`` and ``broken``, numbers of
        pairs.
    """
    added = tests[tests["kind"].isin(["truth", "shuffled", "random"])].assign(method="add")
    plain = stack(tests.loc[tests["kind"] == "unsteered", "margins"])[0]
    rows = []
    for method in ("add", *dict.fromkeys(swept["method"])):
        of = added if method == "add" else swept[swept["method"] == method]
        before = (
            plain if "plain" not in set(of["kind"]) else stack(of.loc[of["kind"] == "plain", "margins"])[0]
        )
        (own,) = of[of["kind"] == "truth"].to_dict("records")
        change, null = _against_controls(of, before)
        effect = topic_effect(np.zeros(len(change)), change, topics, draws=draws, rng=rng)
        was, now = (margin_summary(values) for values in (before, own["margins"]))
        after = np.asarray(own["margins"], dtype=float)
        random = _effects(of, "random", before).mean(1) if "random" in set(of["kind"]) else np.array([])
        rows.append(
            {
                **{name: own[name] for name in ("layer", "strength", "kl", "perplexity")},
                "method": method,
                "n": len(change),
                "effect": effect.estimate,
                "low": effect.low,
                "high": effect.high,
                "null_low": null.low,
                "null_high": null.high,
                "p": null.p,
                "smallest_p": null.smallest_p,
                "random_low": float(random.min()) if random.size else np.nan,
                "random_high": float(random.max()) if random.size else np.nan,
                "accuracy": now["accuracy"] - was["accuracy"],
                "share": now["share"] - was["share"],
                "repaired": int(((before <= 0) & (after > 0)).sum()),
                "broken": int(((before > 0) & (after <= 0)).sum()),
            }
        )
    return pd.DataFrame(rows)


def _against_controls(of: pd.DataFrame, before: Floats) -> tuple[Floats, Null]:
    """The effect of a method on each pair, and its mean beside those of the controls."""
    if "neutral" in set(of["kind"]):
        towards, away = (stack(of.loc[of["kind"] == kind, "margins"])[0] for kind in ("truth", "away"))
        change = (towards - away) / 2
        neutral = stack(of.loc[of["kind"] == "neutral", "margins"]).mean(1)
        halves = np.array([(a - b) / 2 for a, b in itertools.combinations(neutral, 2)])
        return change, label_null(float(change.mean()), halves, len(change), "pairs of other words as long")
    change = _effects(of, "truth", before)[0]
    controls = _effects(of, "shuffled", before).mean(1)
    method = f"{len(controls)} labellings"
    if _one_sided(of):
        null = null_from_draws(float(change.mean()), controls, len(change), method, alternative="greater")
        return change, null
    return change, label_null(float(change.mean()), controls, len(change), f"{method} and their reverses")


def _one_sided(of: pd.DataFrame) -> bool:
    return not len(of["pulled"].iloc[0])


def _effects(of: pd.DataFrame, kind: str, before: Floats) -> Floats:
    """Effect of each direction of a kind on each pair, shape (directions, pairs)."""
    rows = of[of["kind"] == kind]
    towards = stack(rows["margins"])
    return towards - before if _one_sided(of) else np.asarray((towards - stack(rows["pulled"])) / 2)
