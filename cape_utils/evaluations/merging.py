"""One table of scores from many runs: who is the same model, which result counts, and what a reader should know.

Runs of one model under different conditions are never merged: each has a row of its own, named after what differs. Which
of them form a ladder is decided in ``evaluations.conditions``. It implements no section of the papers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from cape_utils import data
from cape_utils.data.benchmarks import benchmark_items, benchmark_title
from cape_utils.data.model_names import MixtureError, SizeError, is_pinned, same_size, size_from_name
from cape_utils.data.schema import DataError, Problem
from cape_utils.data.user_scores import CONDITIONS, SCORE_CONDITIONS, load_scores
from cape_utils.data.visible import visible
from cape_utils.evaluations.identity import family_of, named_model, names_a_family
from cape_utils.evaluations.runs import Run
from cape_utils.evaluations.sizes import SizeRow, SizeTable, UnknownSizes
from cape_utils.evaluations.tasks import NO_BENCHMARK, usual_shots

__all__ = ["Keyed", "condition_notes", "listed", "merge_runs"]


class Keyed(Problem):
    """A problem of a file that has keys, not columns."""

    def __str__(self) -> str:
        return super().__str__().replace(", column ", ", key ", 1)


@dataclass
class _Measured:
    """One model under one set of conditions."""

    model: str
    runs: list[Run] = field(default_factory=list)
    conditions: dict[str, str] = field(default_factory=dict)

    def takes(self, run: Run) -> bool:
        """Whether nothing that is known of a run contradicts what is known here."""
        return all(self.conditions.get(key, value) == value for key, value in run.conditions.items())

    def add(self, run: Run) -> None:
        """Add a run, and what it tells of the conditions."""
        self.runs.append(run)
        self.conditions |= run.conditions


def merge_runs(
    runs: Sequence[Run], *, sizes: SizeTable | None = None, active: bool = False, notes: Sequence[str] = ()
) -> pd.DataFrame:
    """A checked table of scores from runs, as ``data.user_scores.load_scores`` returns it.

    Parameters
    ----------
    runs : sequence of Run
    sizes : SizeTable, optional
        Sizes, and families, that go before those of the files.
    active : bool
        Take the active parameters of mixtures of experts whose names tell them.
    notes : sequence of str
        What was said before.

    Returns
    -------
    pandas.DataFrame
        With the columns of ``CONDITIONS`` and of ``SCORE_CONDITIONS`` that are known. ``attrs["notes"]`` says what a reader
        should know, ``attrs["left_out"]`` why a benchmark has no score, ``attrs["sources"]`` the file of each score, by model and
        benchmark.

    Raises
    ------
    UnknownSizes
        If nothing tells a model's size or family; it holds the table to complete.
    DataError
        If two results of one model contradict each other, or a row of ``sizes`` is not used.
    """
    measured = _by_model(_with_identity(run) for run in runs)
    names = _names(measured)
    if sizes is not None:
        sizes.refuse_unused(sorted({one.model for one in measured}))
    said, problems, rows = list(notes), list[Problem](), []
    sources: dict[str, dict[str, str]] = {}
    size_rows: list[SizeRow] = []
    for one, name in zip(measured, names, strict=True):
        chosen, words, faults = _chosen_runs(one, name)
        said += words
        problems += faults
        size = _size_row(one, sizes, active)
        size_rows.append(size)
        row: dict[str, Any] = {"model": name, "family": size.family, "params_b": size.params_b}
        row |= {key: value for key, value in one.conditions.items() if key in CONDITIONS}
        sources[name] = {column: run.file for column, run in chosen.items()}
        for column, score in ((column, run.scores[column]) for column, run in chosen.items()):
            row[column] = score.percent
            known = {key: getattr(score, key) for key in SCORE_CONDITIONS}
            row |= {f"{column}_{key}": value for key, value in known.items() if value is not None}
        rows.append(row)
    if problems:
        raise DataError(problems)
    if any(row.problem for row in size_rows):
        raise UnknownSizes(list({row.model: row for row in size_rows}.values()))
    said += _notes(runs, measured, names, rows, sizes)
    order = [field["name"] for field in data.score_schema()["fields"]]
    table = pd.DataFrame(rows)
    table = table[[name for name in order if name in table]]
    for column in map(str, table.columns):
        if column.endswith(("_items", "_shots")):
            table[column] = table[column].astype("Int64")
    scores = load_scores(table)
    scores.attrs["notes"] = list(dict.fromkeys([*said, *condition_notes(scores)]))
    scores.attrs["left_out"] = _left_out(runs, scores)
    scores.attrs["sources"] = sources
    return scores


def _with_identity(run: Run) -> Run:
    """The run under its model's name, its revision among the conditions."""
    model, revision = named_model(run.named)
    conditions = dict(run.conditions)
    if revision is not None:
        conditions["revision"] = revision
    return replace(run, named=visible(model), conditions=conditions)


def _by_model(runs: Iterable[Run]) -> list[_Measured]:
    """Runs put together that are of one model under conditions that do not contradict each other."""
    groups: dict[str, list[_Measured]] = {}
    # Those of which most is known come first, so that what is less known joins them and does not bridge two.
    for run in sorted(runs, key=lambda run: (-len(run.conditions), run.file)):
        # A checkpoint and the finished model are two, though only one of them states its revision.
        same = [
            one
            for one in groups.setdefault(run.named.lower(), [])
            if one.takes(run) and _step(one.conditions) == _step(run.conditions)
        ]
        if not same:
            same = [_Measured(run.named)]
            groups[run.named.lower()] += same
        same[0].add(run)
    return [one for many in groups.values() for one in many]


def _step(conditions: Mapping[str, str]) -> str | None:
    revision = conditions.get("revision")
    return None if is_pinned(revision) else revision


def _names(measured: Sequence[_Measured]) -> list[str]:
    """A name for each: that of the model, with what differs where one model was measured in several ways."""
    names, taken = list[str](), Counter[str]()
    by_model: dict[str, list[_Measured]] = {}
    for one in measured:
        by_model.setdefault(one.model.lower(), []).append(one)
    for one in measured:
        twins = by_model[one.model.lower()]
        differs = [key for key in CONDITIONS if _differs([twin.conditions.get(key) for twin in twins], key)]
        name = one.model
        if "revision" in differs and "revision" in one.conditions:
            name += f"@{one.conditions['revision']}"
        if "quantisation" in differs:  # packed weights have a number format of their own
            differs = [key for key in differs if key != "dtype"]
        words = [
            _in_name(key, one.conditions[key])
            for key in differs
            if key != "revision" and key in one.conditions
        ]
        words = [word for word in words if word]
        name = f"{name} [{', '.join(words)}]" if words else name
        taken[name] += 1
        names.append(name if taken[name] == 1 else f"{name} ({taken[name]})")
    return names


def _differs(values: Sequence[str | None], key: str) -> bool:
    """Whether what is known differs; a training step differs from a run that states none."""
    known = {value for value in values if value is not None}
    return len(known) > 1 or (key == "revision" and None in values and any(not is_pinned(v) for v in known))


def _in_name(key: str, value: str) -> str:
    if value == "none":
        return ""
    named = {"adapter": "adapter", "chat_template": "chat template", "system_prompt": "system prompt"}
    return named.get(key, value.replace(",", " "))


def _chosen_runs(one: _Measured, name: str) -> tuple[dict[str, Run], list[str], list[Problem]]:
    """The run whose score of each benchmark counts, what is to be said of the others, and what cannot be decided."""
    chosen: dict[str, Run] = {}
    notes, problems = list[str](), list[Problem]()
    newest: dict[str, list[str]] = {}
    undated: dict[str, list[str]] = {}
    for column in dict.fromkeys(column for run in one.runs for column in run.scores):
        having = [run for run in one.runs if column in run.scores]
        settings = {tuple(sorted(run.scores[column].conditions().items())) for run in having}
        if not _agree([dict(setting) for setting in settings]):
            usual = [run for run in having if run.scores[column].shots == usual_shots(column)]
            others = [run for run in having if run not in usual]
            if not usual or not _agree([run.scores[column].conditions() for run in usual]):
                problems.append(
                    Keyed(
                        having[0].file, None, None, name, f"{_several(column, having)}; keep one of the files"
                    )
                )
                continue
            notes.append(
                f"{name}: {_several(column, having)}; that of the open panel was taken, not {listed(r.file for r in others)}"
            )
            having = usual
        if len({run.scores[column].percent for run in having}) == 1:
            best = having[0]
        elif all(run.when is not None for run in having) and len({run.when for run in having}) == len(having):
            best = max(having, key=lambda run: run.when or 0.0)
            newest.setdefault(f"the newest was taken ({best.file})", []).append(column)
        elif all(run.stamped is not None for run in having) and len({r.stamped for r in having}) == len(
            having
        ):
            best = max(having, key=lambda run: run.stamped or 0.0)
            words = f"that with the latest time stamp in its name was taken ({best.file}), for no date inside tells them apart"
            newest.setdefault(words, []).append(column)
        else:
            undated.setdefault(listed(run.file for run in having), []).append(column)
            continue
        chosen[column] = best
    notes += [f"{name}: several results of {', '.join(sorted(c))}; {words}" for words, c in newest.items()]
    problems += [
        Keyed(
            one.runs[0].file,
            None,
            None,
            None,
            f"{files} hold different scores of {name} ({', '.join(columns)}), and no date inside tells which is newer; keep one",
        )
        for files, columns in undated.items()
    ]
    return chosen, notes, problems


def _agree(settings: Sequence[Mapping[str, str]]) -> bool:
    """Whether no two of them give one condition different values."""
    known: dict[str, str] = {}
    for setting in settings:
        if any(known.get(key, value) != value for key, value in setting.items()):
            return False
        known |= setting
    return True


def _several(column: str, runs: Sequence[Run]) -> str:
    settings = []
    for run in runs:
        known = run.scores[column].conditions()
        settings.append(", ".join(f"{key} {value}" for key, value in known.items()))
    return f"{column} was measured in several ways ({' / '.join(dict.fromkeys(settings))})"


def _size_row(one: _Measured, sizes: SizeTable | None, active: bool) -> SizeRow:
    """Size and family of a model: from the reader's table, else the count in the file, else the name."""
    file = one.runs[0].file
    family = family_of(one.model) if names_a_family(one.model) else ""
    row = sizes.find(one.model) if sizes is not None else None
    if row is not None:
        own = row["family"] if isinstance(row["family"], str) else family
        return SizeRow(one.model, float(row["params_b"]), own, "" if own else _no_family(one), file)
    count = next((run.count for run in one.runs if run.count is not None), None)
    counted = None if count is None else count / 1e9
    try:
        named = size_from_name(one.model, active=active)
    except SizeError as error:
        # What a name does not tell a count may, except of which parameters of a mixture there is talk.
        if counted is None or isinstance(error, MixtureError):
            return SizeRow(one.model, None, family, error.reason, file)
        named = counted
    size = named if counted is None else counted
    if not same_size(size, named):
        problem = (
            f"config.model_num_parameters says {size:.3g}B and the name {named:g}B (weights in 4 bits count "
            "wrongly)"
        )
        return SizeRow(one.model, None, family, problem, file)
    return SizeRow(one.model, size, family, "" if family else _no_family(one), file)


def _no_family(one: _Measured) -> str:
    return f"this name, from {one.runs[0].named_by}, tells no family"


def _notes(
    runs: Sequence[Run],
    measured: Sequence[_Measured],
    names: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    sizes: SizeTable | None,
) -> list[str]:
    notes = []
    by_file = [name for one, name in zip(measured, names, strict=True) if "file" in one.runs[0].named_by]
    if by_file:
        notes.append(f"named after the file, for nothing inside names the model: {listed(by_file)}")
    pinned = [
        name for one, name in zip(measured, names, strict=True) if is_pinned(one.conditions.get("revision"))
    ]
    if pinned:
        notes.append(f"measured at a pinned commit, which the name does not show: {listed(pinned)}")
    off = [
        f"{row['model']} ({row['params_b']:.3g}B)"
        for one, row in zip(measured, rows, strict=True)
        if sizes is None and _off_name(one.model, row["params_b"])
    ]
    if off:
        notes.append(f"sizes as counted, where the name rounds by more than a quarter: {listed(off)}")
    unused = sorted({t for run in runs for t, why in run.left_out.items() if why == NO_BENCHMARK})
    if unused:
        notes.append(f"tasks that are no benchmark of the book were left out: {listed(unused)}")
    together: dict[tuple[str, str], list[str]] = {}
    for (column, why), models in _reasons(runs).items():
        together.setdefault((why, listed(models)), []).append(column)
    notes += [
        f"{listed(columns)} left out for {models}: {why}" for (why, models), columns in together.items()
    ]
    return notes


def _off_name(model: str, params_b: float | None) -> bool:
    try:
        return params_b is not None and not 0.8 < params_b / size_from_name(model) < 1.25
    except SizeError:
        return False


def _reasons(runs: Sequence[Run]) -> dict[tuple[str, str], list[str]]:
    """Models by the benchmark they lack and why."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for run in runs:
        for column, why in run.left_out.items():
            if why != NO_BENCHMARK:
                reasons.setdefault((column, why), []).append(named_model(run.named)[0])
    return reasons


def condition_notes(scores: pd.DataFrame) -> list[str]:
    """What a reader should know of how scores were measured, from the table alone, wherever it came from.

    Parameters
    ----------
    scores : pandas.DataFrame
        As from ``data.user_scores.load_scores``.
    """
    notes = []
    if "mmlu_version" in scores:
        old = scores.loc[scores["mmlu_version"].fillna("").str.startswith("hendrycksTest 0"), "model"]
        if len(old):
            notes.append(
                "mmlu: version 0 of hendrycksTest put the questions in another way, and is not comparable with later ones or "
                f"with the open panel: {listed(old)}"
            )
    for column in data.load("benchmarks")["benchmark"]:
        notes += _cut_short(scores, column)
        shots = {int(n) for n in scores[f"{column}_shots"].dropna()} if f"{column}_shots" in scores else set()
        usual = usual_shots(column)
        given = ", ".join(map(str, sorted(shots)))
        if len(shots) > 1:
            notes.append(
                f"{column}: models were given different numbers of examples in the prompt ({given}), so a step "
                "between them is not one of size alone"
            )
        elif shots and usual is not None and shots != {usual}:
            notes.append(
                f"{column}: {given} examples in the prompt where the open panel has {usual}; comparisons with the "
                "panel's level are off"
            )
    return notes


def _cut_short(scores: pd.DataFrame, column: str) -> list[str]:
    """That fewer items ran than a benchmark has."""
    if f"{column}_items" not in scores:
        return []
    ran = scores[f"{column}_items"].astype("float64")
    cut = [
        f"{m} ({n:.0f} items)"
        for m, n in zip(scores["model"], ran, strict=True)
        if n < benchmark_items(column)
    ]
    words = f"{column}: the run was cut short, and its noise is that of the items that ran"
    return [f"{words}: {listed(cut)}"] if cut else []


def _left_out(runs: Sequence[Run], scores: pd.DataFrame) -> dict[str, str]:
    """Why a benchmark of the book has no score at all, for whoever asks for it."""
    reasons = {column: why for (column, why), _ in _reasons(runs).items()}
    known = set(data.load("benchmarks")["benchmark"]) - set(scores.columns)
    return {
        column: f"{benchmark_title(column)} was left out: {why}"
        for column, why in reasons.items()
        if column in known
    }


def listed(names: Iterable[str], most: int = 8) -> str:
    """Names in a sentence, each once, the first few of many.

    Examples
    --------
    >>> listed("abc", most=2)
    'a, b and 1 more'
    """
    given = list(dict.fromkeys(map(str, names)))
    return ", ".join(given[:most]) + (f" and {len(given) - most} more" if len(given) > most else "")
