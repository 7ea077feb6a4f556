"""Which models of a family were measured under the same conditions, and so form a ladder.

An adapter, a packed weight, a chat template or another number of examples changes a score by more than many a step in
size. It implements no section of the papers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from cape_utils.data.model_names import is_pinned
from cape_utils.data.user_scores import CONDITIONS, SCORE_CONDITIONS
from cape_utils.evaluations.merging import listed

__all__ = ["differing", "known_conditions", "one_condition", "text_records"]

_WORDS = {"chat_template": "chat template", "system_prompt": "system prompt", "dtype": "number format"}


def text_records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table as mappings from the names of its columns."""
    return [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]


def known_conditions(row: Mapping[str, Any], benchmarks: Sequence[str]) -> dict[str, str]:
    """What is known of how a model was measured, as far as it concerns these benchmarks.

    Each model has an adapter or a commit of its own, so that only the first's presence counts, and the second not at all.

    Examples
    --------
    >>> known_conditions({"adapter": "peft=a", "hellaswag_shots": 10, "mmlu_shots": 5}, ["hellaswag"])
    {'adapter': 'with one', 'shots of hellaswag': '10'}
    """
    found = {}
    for name in CONDITIONS:
        value = row.get(name)
        if value is None or pd.isna(value) or (name == "revision" and is_pinned(str(value))):
            continue
        with_one = name == "adapter" and value != "none"
        found[_WORDS.get(name, name)] = "with one" if with_one else str(value)
    for benchmark in benchmarks:
        for name in SCORE_CONDITIONS:
            value = row.get(f"{benchmark}_{name}")
            if name == "items" or value is None or pd.isna(value):
                continue
            # Versions are counted by task: 3 of truthfulqa_mc2 and 1 of truthfulqa_mc contradict nothing.
            task, _, version = str(value).rpartition(" ")
            found[f"{name} of {task or benchmark}"] = version
    return found


def one_condition(
    rows: pd.DataFrame, benchmarks: Sequence[str], *, mixed: bool = False
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The models of one family that were measured alike, and what is to be said of the others.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of one family, with ``model, family, params_b`` and, where known, the columns of ``CONDITIONS``.
    benchmarks : sequence of str
        Those of the pair.
    mixed : bool
        Keep them all; the note says what differs.

    Returns
    -------
    pandas.DataFrame
        The largest set of models that nothing known sets apart. Of two sets as large, the plainer one: without adapter,
        packed weights, template or system prompt.
    tuple of str
        Notes.

    Raises
    ------
    ValueError
        If that set has one model only, or nothing decides between two.

    Examples
    --------
    >>> toy = pd.DataFrame({"model": ["a-1b", "a-3b", "a-7b"], "family": "a", "params_b": [1.0, 3.0, 7.0],
    ...                     "chat_template": ["none", "none", "applied"]})
    >>> kept, notes = one_condition(toy, [])
    >>> list(kept["model"]), notes
    (['a-1b', 'a-3b'], ('a: diagnosed on no chat template; left out: a-7b (chat template applied); --mixed keeps them',))
    """
    known = [known_conditions(row, benchmarks) for row in text_records(rows)]
    if any(
        "revision" in row for row in known
    ):  # beside a training step, one that states none is the finished model
        known = [{"revision": "main", **row} for row in known]
    differs = differing(known)
    if not differs:
        return rows, ()
    family = str(rows["family"].iloc[0])
    spread = "; ".join(f"{key} {_values(rows, known, key)}" for key in differs)
    if mixed:
        return rows, (
            f"{family}: models measured under different conditions are compared, as asked for ({spread})",
        )
    sets = {_grown(known, start) for start in range(len(known))}
    sizes = rows["params_b"].to_numpy()
    ranked = sorted(sets, key=lambda places: _rank(places, known, sizes), reverse=True)
    best = ranked[0]
    tied = len(ranked) > 1 and _rank(ranked[1], known, sizes) == _rank(best, known, sizes)
    if len({float(sizes[place]) for place in best}) < 2 or tied:
        raise ValueError(
            f"family {family!r} was measured under different conditions ({spread}), so a step between its models is not one of "
            "size alone; leave one side out, or compare them all the same with mixed=True (cape diagnose: --mixed)"
        )
    kept = rows.iloc[sorted(best)]
    alike = {key: value for place in sorted(best) for key, value in known[place].items() if key in differs}
    out = [
        f"{model} ({', '.join(_worded(key, known[place][key]) for key in differs if _other(known[place], alike, key))})"
        for place, model in enumerate(rows["model"])
        if place not in best
    ]
    on = ", ".join(_worded(key, value) for key, value in alike.items())
    kept.attrs = dict(rows.attrs)
    return kept, (f"{family}: diagnosed on {on}; left out: {listed(out)}; --mixed keeps them",)


def _worded(key: str, value: str) -> str:
    """A condition in a sentence.

    Examples
    --------
    >>> _worded("adapter", "with one"), _worded("adapter", "none"), _worded("shots of mmlu", "5")
    ('with an adapter', 'no adapter', 'shots of mmlu 5')
    """
    if value in ("none", "with one"):
        return f"no {key}" if value == "none" else f"with an {key}"
    return f"{key} {value}"


def differing(known: Sequence[Mapping[str, str]]) -> list[str]:
    """Conditions that are known to differ between models.

    Examples
    --------
    >>> differing([{"harness": "HELM", "dtype": "float16"}, {"harness": "OLMES"}])
    ['harness']
    """
    keys = dict.fromkeys(key for row in known for key in row)
    return [key for key in keys if len({row[key] for row in known if key in row}) > 1]


def _values(rows: pd.DataFrame, known: Sequence[Mapping[str, str]], key: str) -> str:
    models: dict[str, list[str]] = {}
    for model, row in zip(rows["model"], known, strict=True):
        if key in row:
            models.setdefault(row[key], []).append(str(model))
    return " / ".join(f"{value} ({listed(names, 4)})" for value, names in models.items())


def _grown(known: Sequence[Mapping[str, str]], start: int) -> frozenset[int]:
    """The first model and, one after the other, all that contradict none taken before."""
    places, so_far = {start}, dict(known[start])
    for place, row in enumerate(known):
        if all(so_far.get(key, value) == value for key, value in row.items()):
            places.add(place)
            so_far |= row
    return frozenset(places)


def _rank(places: frozenset[int], known: Sequence[Mapping[str, str]], sizes: Any) -> tuple[int, int]:
    """Sizes in a set, then how plain it is."""
    bare = ("adapter", "quantisation", "chat template", "system prompt")
    marked = sum(known[place].get(key, "none") != "none" for place in places for key in bare)
    return len({float(sizes[place]) for place in places}), -marked


def _other(row: Mapping[str, str], alike: Mapping[str, str], key: str) -> bool:
    return key in row and row[key] != alike.get(key)
