"""What steering does to the text a model writes: outputs over a grid, and outputs that changed against corrected ones.

Both are kept sweeps of a ``ch10_steering.experiment.Study``. Counting how many outputs changed is the paper's measure; what it
does not count is whether any became true.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pandas as pd

from cape_utils.chapters.ch10_steering.experiment import Study
from cape_utils.steering.interventions import generate

__all__ = ["PROMPTS", "begins_with", "changed_prompts", "changed_sweep", "outputs_sweep"]

PROMPTS = (
    "The capital of Australia is",
    "If you swallow chewing gum, it",
    "The Great Wall of China can be seen from",
    "People use only part of their brain:",
    "Water boils at a lower temperature when",
    "A short recipe for pancakes:",
)
"""Continued for the page at every setting of the grid."""


def begins_with(text: str, words: str) -> bool:
    """Whether a text begins with an answer, whatever the case and without its full stop.

    Examples
    --------
    >>> begins_with(" canberra, a city", "Canberra.")
    True
    """
    return text.strip().lower().startswith(words.strip().rstrip(".").lower())


def outputs_sweep(study: Study) -> pd.DataFrame:
    """Greedy continuations of a few prompts over a grid of layers and strengths, for the page.

    Returns
    -------
    DataFrame
        ``layer, strength, prompt, text``; strength 0 once for each layer.
    """
    layers, tokens = study.layers[::2], study.run.tokens

    def run(task: str) -> list[dict[str, Any]]:
        layer, strength = int(task.split()[1]), float(task.split()[3])
        along = study.direction(layer=layer)
        texts = generate(study.loaded, PROMPTS, max_new_tokens=tokens, direction=along, strength=strength)
        return [
            {"layer": layer, "strength": strength, "prompt": prompt, "text": " ".join(text.split())}
            for prompt, text in zip(PROMPTS, texts, strict=True)
        ]

    tasks = [f"layer {layer} strength {s:g}" for layer in layers for s in (0.0, *study.run.pushes)]
    settings = study.settings(prompts=list(PROMPTS), tokens=tokens)
    return study.sweep("steering_outputs", settings, tasks, run)


def changed_prompts(study: Study) -> pd.DataFrame:
    """Ten misconceptions of the test topics, as many prompts as the paper uses."""
    common = study.tested.query("kind == 'misconception'")
    taken = np.random.default_rng(study.seed).permutation(len(common))[:10]
    return common.iloc[np.sort(taken)].reset_index(drop=True)


def changed_sweep(study: Study) -> pd.DataFrame:
    """How many of ten outputs differ from the greedy one, and how many begin with the true or the false words.

    Returns
    -------
    DataFrame
        ``kind, draw`` and the counts ``changed, true_words, false_words, prompts``.
    """
    pairs, chosen, loaded, tokens = changed_prompts(study), study.choice, study.loaded, study.run.tokens
    prompts = pairs["stem"].tolist()
    tests = study.test_sweep()
    keys, settings_of = (
        tests[["kind", "draw"]].to_numpy().tolist(),
        tests[["layer", "strength"]].to_numpy().tolist(),
    )
    doses = {tuple(key): (int(layer), float(s)) for key, (layer, s) in zip(keys, settings_of, strict=True)}

    @functools.cache
    def plain() -> list[str]:
        return generate(loaded, prompts, max_new_tokens=tokens)

    def run(task: str) -> list[dict[str, Any]]:
        kind, _, number = task.partition(" ")
        draw = int(number or 0)
        if kind == "greedy":
            texts = generate(loaded, prompts, max_new_tokens=tokens)
        elif kind == "sampled":
            seed = study.seed + draw
            texts = generate(loaded, prompts, max_new_tokens=tokens, temperature=0.7, seed=seed)
        else:
            layer, strength = doses["truth" if kind == "negative" else kind, draw]
            along = study.direction(study.vector(kind, draw, layer), layer)
            texts = generate(loaded, prompts, max_new_tokens=tokens, direction=along, strength=strength)
        counts = {
            f"{which}_words": sum(map(begins_with, texts, pairs[f"{which}_completion"]))
            for which in ("true", "false")
        }
        changed = sum(a != b for a, b in zip(texts, plain(), strict=True))
        return [{"kind": kind, "draw": draw, "changed": changed, **counts, "prompts": len(prompts)}]

    tasks = ["greedy", "truth", "negative", "planted"]
    tasks += [f"{kind} {i}" for kind in ("sampled", "shuffled", "random") for i in range(study.run.runs)]
    settings = study.settings(
        layer=chosen.layer, strength=chosen.strength, prompts=prompts, tokens=tokens, temperature=0.7
    )
    return study.sweep("steering_changed", settings, tasks, run)
