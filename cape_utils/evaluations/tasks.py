"""Which task and metric of a harness make which benchmark of the book, and what is left out instead.

The names are those of lm-evaluation-harness, which lighteval, OLMES and mlx_lm share in part; each reader brings its
entries into this form. Nothing is computed here but the mean over the parts of MMLU. It implements no section of the papers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cape_utils.evaluations.runs import BrokenFile, NoBenchmark, Score

__all__ = [
    "NO_BENCHMARK",
    "PANEL_SHOTS",
    "SUBJECTS",
    "TASKS",
    "Entry",
    "Found",
    "Task",
    "find_scores",
    "mmlu_subject",
    "usual_shots",
]


NO_BENCHMARK = "no benchmark of the book"
"""Why a task is left out that measures something else; notes are made from the reason."""


@dataclass(frozen=True)
class Task:
    """Where a column of scores comes from.

    Attributes
    ----------
    column : str
        Benchmark of the table ``benchmarks``.
    names : tuple of str
        Names of the task, the preferred one first.
    metrics : tuple of str
        Keys of the metric, the preferred one first: what the Open LLM Leaderboard took for this task.
    """

    column: str
    names: tuple[str, ...]
    metrics: tuple[str, ...]


_ACC, _NORM = ("acc,none", "acc"), ("acc_norm,none", "acc_norm")
TASKS = (
    Task("hellaswag", ("hellaswag",), _NORM),
    Task("truthfulqa_mc1", ("truthfulqa_mc1",), _ACC),
    Task("truthfulqa_mc1", ("truthfulqa_mc",), ("truthfulqa_mc1", "mc1,none", "mc1")),
    Task("truthfulqa_mc2", ("truthfulqa_mc2",), _ACC),
    Task("truthfulqa_mc2", ("truthfulqa_mc",), ("truthfulqa_mc2", "mc2,none", "mc2")),
    Task("arc_challenge", ("arc_challenge",), _NORM),
    Task("winogrande", ("winogrande",), _ACC),
    Task("mmlu", ("mmlu",), _ACC),
    Task(
        "gsm8k",
        ("gsm8k",),
        (
            "exact_match,strict-match",
            "exact_match,get-answer",
            "exact_match,none",
            "exact_match",
            "qem",
            *_ACC,
        ),
    ),
    Task(
        "ifeval",
        ("ifeval", "leaderboard_ifeval"),
        ("prompt_level_strict_acc,none", "prompt_level_strict_acc"),
    ),
    Task(
        "gpqa_diamond",
        ("leaderboard_gpqa_diamond", "gpqa_diamond_zeroshot", "gpqa_diamond_n_shot"),
        (*_NORM, *_ACC),
    ),
    Task("xwinograd", ("xwinograd",), _ACC),
    Task("humaneval", ("humaneval",), ("pass@1,create_test", "pass@1,none", "pass@1")),
)
"""Task and metric behind each column. The parts of MMLU (``mmlu_*``, ``hendrycksTest-*``) are averaged where no whole
score is given."""

PANEL_SHOTS = {"hellaswag": 10, "arc_challenge": 25, "winogrande": 5, "mmlu": 5, "gsm8k": 5}
"""Examples in the prompt on the Open LLM Leaderboard, and so in the open panel; TruthfulQA has none."""

# Questions in the four groups of MMLU, whose whole score counts every question the same.
_MMLU_GROUPS = {"mmlu_humanities": 4705, "mmlu_social_sciences": 3077, "mmlu_other": 3107, "mmlu_stem": 3153}
SUBJECTS = frozenset(
    """
    abstract_algebra anatomy astronomy business_ethics clinical_knowledge college_biology college_chemistry
    college_computer_science college_mathematics college_medicine college_physics computer_security
    conceptual_physics econometrics electrical_engineering elementary_mathematics formal_logic global_facts
    high_school_biology high_school_chemistry high_school_computer_science high_school_european_history
    high_school_geography high_school_government_and_politics high_school_macroeconomics high_school_mathematics
    high_school_microeconomics high_school_physics high_school_psychology high_school_statistics
    high_school_us_history high_school_world_history human_aging human_sexuality international_law jurisprudence
    logical_fallacies machine_learning management marketing medical_genetics miscellaneous moral_disputes
    moral_scenarios nutrition philosophy prehistory professional_accounting professional_law professional_medicine
    professional_psychology public_relations security_studies sociology us_foreign_policy virology world_religions
    """.split()  # noqa: SIM905 - one word a name
)
"""Subjects of MMLU."""


def usual_shots(column: str) -> int | None:
    """Examples in the prompt behind the open panel's scores; None where the panel has no such benchmark.

    Examples
    --------
    >>> usual_shots("hellaswag"), usual_shots("truthfulqa_mc2"), usual_shots("ifeval")
    (10, 0, None)
    """
    return PANEL_SHOTS.get(column, 0 if column.startswith("truthfulqa") else None)


@dataclass(frozen=True)
class Entry:
    """One task of a file: what it is called there, its metrics, and how it was run.

    Attributes
    ----------
    key : str
        For messages.
    metrics : mapping
    shots, ran : int or None
        Examples in the prompt; items that ran.
    version, formulation : str or None
    """

    key: str
    metrics: Mapping[str, Any]
    shots: int | None = None
    version: str | None = None
    ran: int | None = None
    formulation: str | None = None


@dataclass
class Found:
    """Scores of one file, and what has none and why."""

    scores: dict[str, Score] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


class _Unusable(ValueError):
    """A task whose entry gives no score: what it is called, what it holds, and what is needed."""

    def __init__(self, key: str, got: str | None, allowed: str) -> None:
        got_words = "" if got is None else f"got {got!r}; "
        super().__init__(f"{key}: {got_words}{allowed}")
        self.key, self.got, self.allowed = key, got, allowed


def find_scores(tasks: Mapping[str, Sequence[Entry]], *, where: str = "results.") -> Found:
    """Find every benchmark of the book among the tasks of one file.

    Parameters
    ----------
    tasks : mapping of str to sequence of Entry
        By the name of the task; several entries where it was run with several prompts.
    where : str
        Stands before a key in messages.

    Raises
    ------
    BrokenFile
        If there is no score at all; the message says what was found instead.

    Examples
    --------
    >>> found = find_scores({"hellaswag": [Entry("hellaswag", {"acc_norm": 0.5}, shots=10)], "piqa": []})
    >>> found.scores["hellaswag"].percent, found.left_out
    (50.0, {'piqa': 'no benchmark of the book'})
    """
    found, faults = Found(), list[_Unusable]()
    used: set[str] = set()
    for task in TASKS:
        name = next((n for n in task.names if n in tasks), None)
        if name is None or task.column in found.scores:
            continue
        used.add(name)
        try:
            entry = _one_entry(task.column, tasks[name])
            for other in tasks[name]:
                if other is not entry:
                    why = f"measured with {other.shots} examples in the prompt too; that of the open panel was taken"
                    found.left_out[other.key] = why
            found.scores[task.column] = _score(name, entry, task.metrics, where)
            found.left_out.pop(task.column, None)
        except _Unusable as error:
            found.left_out[task.column] = str(error)
            faults.append(error)
    if "mmlu" not in found.scores:
        used |= _whole_mmlu(tasks, found, where, faults)
    else:
        used |= {name for name in tasks if mmlu_subject(name) or name in _MMLU_GROUPS}
    others = sorted(set(tasks) - used)
    if not found.scores:
        if faults:
            raise BrokenFile(f"{where}{faults[0].key}", faults[0].got, faults[0].allowed)
        known = ", ".join(dict.fromkeys(n for task in TASKS for n in task.names))
        raise NoBenchmark(
            where.rstrip(".") or None, ", ".join(others)[:80], f"no known task; known are {known}"
        )
    for name in others:
        found.left_out.setdefault(name, NO_BENCHMARK)
    return found


def _one_entry(column: str, entries: Sequence[Entry]) -> Entry:
    if len(entries) == 1:
        return entries[0]
    usual = [entry for entry in entries if entry.shots == usual_shots(column)]
    if len(usual) != 1:
        given = ", ".join(str(entry.shots) for entry in entries)
        raise _Unusable(
            entries[0].key,
            None,
            f"measured {len(entries)} times, with {given} examples in the prompt; keep one",
        )
    return usual[0]


def _score(name: str, entry: Entry, metrics: Sequence[str], where: str) -> Score:
    return Score(
        percent=_metric(entry, metrics, where),
        items=entry.ran,
        shots=entry.shots,
        version=None if entry.version is None else f"{name} {entry.version}",
        formulation=entry.formulation,
    )


def _metric(entry: Entry, metrics: Sequence[str], where: str) -> float:
    key = next((key for key in metrics if key in entry.metrics), None)
    if key is None:
        have = ", ".join(sorted(k for k in entry.metrics if k.strip() and "stderr" not in k and k != "alias"))
        filtered = any("," in name for name in entry.metrics)
        wanted = metrics[0] if filtered else metrics[0].partition(",")[0]
        needed = f"the metric {wanted!r} is needed; run the task with its own metrics"
        raise _Unusable(
            entry.key, have or None, needed if have else f"the file holds no metric of it; {needed}"
        )
    value = entry.metrics[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise BrokenFile(
            f"{where}{entry.key}.{key}",
            str(value)[:40],
            "expected a number from 0 to 1; run it again, or take the file out",
        )
    return round(100 * float(value), 6)


def mmlu_subject(name: str) -> str | None:
    """Subject of MMLU that a task is, whichever way its harness writes it; None if it is none.

    Examples
    --------
    >>> mmlu_subject("hendrycksTest-anatomy"), mmlu_subject("mmlu_pro")
    ('anatomy', None)
    """
    bare = name.removeprefix("hendrycksTest-").removeprefix("mmlu:").removeprefix("mmlu_")
    return bare if bare != name and bare in SUBJECTS else None


def _whole_mmlu(
    tasks: Mapping[str, Sequence[Entry]], found: Found, where: str, faults: list[_Unusable]
) -> set[str]:
    """Add the score of MMLU from its parts; return the tasks that are parts of it."""
    by_subject = {subject: name for name in tasks if (subject := mmlu_subject(name)) is not None}
    groups = {name for name in tasks if name in _MMLU_GROUPS}
    parts = set(by_subject.values()) | groups
    if not parts:
        return set()
    try:
        if len(by_subject) == len(SUBJECTS):  # the first leaderboard took the plain mean over subjects
            names = sorted(by_subject.values())
            entries = [_one_entry("mmlu", tasks[name]) for name in names]
            percent = round(sum(_metric(entry, _ACC, where) for entry in entries) / len(entries), 6)
        elif groups == set(_MMLU_GROUPS):
            names = list(_MMLU_GROUPS)
            entries = [_one_entry("mmlu", tasks[name]) for name in names]
            total = sum(
                _metric(e, _ACC, where) * items
                for e, items in zip(entries, _MMLU_GROUPS.values(), strict=True)
            )
            percent = round(total / sum(_MMLU_GROUPS.values()), 6)
        else:
            missing = sorted(SUBJECTS - set(by_subject))
            more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
            raise _Unusable(
                "mmlu",
                None,
                f"{len(by_subject)} of its {len(SUBJECTS)} subjects are there; missing are {', '.join(missing[:5])}{more}",
            )
    except _Unusable as error:
        if "mmlu" not in found.left_out:
            found.left_out["mmlu"] = str(error)
            faults.append(error)
        return parts
    first, versions = entries[0], {entry.version for entry in entries}
    old = names[0].startswith("hendrycksTest-")
    found.scores["mmlu"] = Score(
        percent=percent,
        items=sum(e.ran or 0 for e in entries) if all(e.ran is not None for e in entries) else None,
        shots=first.shots,
        version=f"{'hendrycksTest' if old else 'mmlu'} {first.version}" if versions != {None} else None,
        formulation=first.formulation,
    )
    found.left_out.pop("mmlu", None)
    return parts
