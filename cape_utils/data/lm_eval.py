"""Read a folder of lm-evaluation-harness results into a table of scores.

Several results of one model are merged, the newest going before the older ones, and what a reader should
know about them stands in notes. One file is read by ``data.lm_eval_file``, sizes by ``data.model_names``; the result goes through
the checks of ``data.user_scores.load_scores``. It implements no section of the papers.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cape_utils.data import user_scores
from cape_utils.data.lm_eval_file import PANEL_SHOTS, TASKS, BrokenFile, Run, read_run
from cape_utils.data.model_names import SizeError, SizeTable, family_from_name, read_sizes, size_from_name
from cape_utils.data.schema import DataError, Problem

__all__ = ["read_harness", "read_source", "read_uploads"]


def read_harness(source: str | Path, *, sizes: SizeTable | str | Path | None = None) -> pd.DataFrame:
    """Scores of every model in a folder of lm-evaluation-harness results, in percent.

    Parameters
    ----------
    source : path
        The folder, searched with all its subfolders for ``results*.json`` (or, where there is none, for any JSON
        file), or one such file.
    sizes : SizeTable or path, optional
        Sizes, and families, that go before those of the files.

    Returns
    -------
    pandas.DataFrame
        As from ``data.user_scores.load_scores``. ``attrs["notes"]`` says what a reader should know: which result of several was
        taken, which tasks were left out, and where the number of examples in the prompt is not that of the panel.

    Raises
    ------
    DataError
        With every problem: the file, the key, what is allowed and the remedy.
    FileNotFoundError
        If there is no such folder or file.

    Notes
    -----
    The size is that of ``sizes``, else ``config.model_num_parameters``, else the one in the model's name. Where the
    last two differ by more than half the model is refused: weights packed into 4 bits, for one, count wrongly.
    """
    root = Path(source)
    if not root.exists():
        raise FileNotFoundError(f"no folder or file {str(source)!r}; give the output folder of lm_eval")
    files = [root] if root.is_file() else sorted(root.rglob("results*.json")) or sorted(root.rglob("*.json"))
    files = [path for path in files if path.is_file() and not path.name.startswith("samples_")]
    if not files:
        raise DataError(
            [
                Problem(
                    root.name,
                    None,
                    None,
                    None,
                    "no file results_*.json in this folder; give the --output_path of lm_eval",
                )
            ]
        )
    named = [(path, path.name if root.is_file() else path.relative_to(root).as_posix()) for path in files]
    return _merged(named, read_sizes(sizes) if isinstance(sizes, str | Path) else sizes)


def _merged(files: list[tuple[Path, str]], sizes: SizeTable | None) -> pd.DataFrame:
    """Scores of several result files, each with the name that messages call it by."""
    runs, problems = [], []
    for path, name in files:
        try:
            runs.append(read_run(path, name))
        except BrokenFile as error:
            value = None if error.value is None else str(error.value)
            problems.append(_Keyed(name, None, error.key, value, error.allowed))
        except OSError as error:
            problems.append(_Keyed(name, None, None, None, f"cannot be read ({error.strerror})"))
    if problems:
        raise DataError(problems)
    table = _table(runs, sizes)
    notes = _notes(runs)
    scores = user_scores.load_scores(table)
    scores.attrs["notes"] = notes
    return scores


def read_uploads(files: Sequence[tuple[str, bytes]]) -> pd.DataFrame:
    r"""A table of scores from files that came without a folder, as from a browser.

    Parameters
    ----------
    files : sequence of (str, bytes)
        Names and contents: one CSV of scores, or results of lm-evaluation-harness (JSON), beside them if needed one CSV of
        sizes with the columns ``model, params_b`` and, where wanted, ``family``.

    Raises
    ------
    ValueError
        If it is neither; and as ``data.user_scores.load_scores`` and ``read_harness``.

    Examples
    --------
    >>> table = read_uploads([("mine.csv", b"model,family,params_b,mmlu\na,A,1,30\nb,A,3,40\n")])
    >>> list(table["mmlu"])
    [30.0, 40.0]
    """
    kinds = [Path(name).suffix.lower() for name, _ in files]
    tables, results = kinds.count(".csv"), kinds.count(".json")
    if tables + results < len(files) or not files or tables > 1:
        given = ", ".join(name for name, _ in files) or "none"
        raise ValueError(
            f"got these files: {given}; expected one .csv of scores, or .json files of lm-evaluation-harness with, "
            "if needed, one .csv of sizes; choose these alone"
        )
    with tempfile.TemporaryDirectory() as folder:
        # A folder for each, for two results may bear one name; only the last part of a name is trusted.
        paths = [Path(folder, str(place), Path(name).name) for place, (name, _) in enumerate(files)]
        for path, (_, content) in zip(paths, files, strict=True):
            path.parent.mkdir()
            path.write_bytes(content)
        csv = next((path for path in paths if path.suffix.lower() == ".csv"), None)
        if csv is not None and not results:
            return user_scores.load_scores(csv)
        named = [(path, path.name) for path in paths if path is not csv]
        return _merged(named, None if csv is None else read_sizes(csv))


class _Keyed(Problem):
    """A problem of a file that has keys, not columns."""

    def __str__(self) -> str:
        return super().__str__().replace(", column ", ", key ", 1)


def _table(runs: list[Run], sizes: SizeTable | None) -> pd.DataFrame:
    merged: dict[str, dict[str, Any]] = {}
    problems = []
    if sizes is not None:
        sizes.refuse_unused(sorted({run.model for run in runs}))
    for run in sorted(runs, key=lambda run: (run.when, run.file)):  # the newest is written last, and stays
        row = merged.setdefault(run.model, {"model": run.model})
        row |= run.scores
        try:
            row["params_b"], family = _size(run, sizes)
        except SizeError as error:
            problems.append(_Keyed(run.file, None, "model_name", run.model, str(error)))
            continue
        row["family"] = family or family_from_name(run.model)
    if problems:
        raise DataError({p.value: p for p in problems}.values())
    columns = ["model", "family", "params_b", *dict.fromkeys(task.column for task in TASKS)]
    table = pd.DataFrame(list(merged.values()))
    return table[[name for name in columns if name in table]]


def _size(run: Run, sizes: SizeTable | None) -> tuple[float, str | None]:
    row = sizes.find(run.model) if sizes is not None else None
    if row is not None:
        return float(row["params_b"]), row["family"] if isinstance(row["family"], str) else None
    bare = run.model.partition("@")[0]
    if run.count is None:
        return size_from_name(bare), None
    counted = run.count / 1e9
    try:
        named = size_from_name(bare)
    except SizeError as error:
        if "mixture" in str(error):
            raise
        return counted, None
    if not 1 / 1.5 < counted / named < 1.5:
        raise SizeError(
            f"config.model_num_parameters says {counted:.3g}B and the name {named:g}B (weights in 4 bits count "
            "wrongly); give the right one in a table of sizes with the columns model, params_b (--sizes FILE)"
        )
    return counted, None


def _notes(runs: list[Run]) -> list[str]:
    notes = []
    newest: dict[tuple[str, str], Run] = {}
    replaced: dict[str, list[str]] = {}
    for run in sorted(runs, key=lambda run: (run.when, run.file)):
        for column in run.scores:
            if (run.model, column) in newest:
                replaced.setdefault(run.model, []).append(column)
            newest[run.model, column] = run
    for model, columns in sorted(replaced.items()):
        files = ", ".join(sorted({newest[model, column].file for column in columns}))
        notes.append(
            f"{model}: several results of {', '.join(sorted(set(columns)))}; the newest was taken ({files})"
        )
    unused = sorted({task for run in runs for task in run.unused})
    if unused:
        shown = ", ".join(unused[:8]) + (f" and {len(unused) - 8} more" if len(unused) > 8 else "")
        notes.append(f"tasks that are no benchmark of the book were left out: {shown}")
    for column in dict.fromkeys(task.column for task in TASKS):
        shots = {run.shots[column] for (_, c), run in newest.items() if c == column and column in run.shots}
        usual = PANEL_SHOTS.get(column, 0 if column.startswith("truthfulqa") else None)
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


def read_source(source: str | Path | pd.DataFrame, *, sizes: str | Path | None = None) -> pd.DataFrame:
    """A table of scores from whatever the reader has: a CSV or table, or a folder or file of lm-evaluation-harness.

    Raises
    ------
    ValueError
        If a table of sizes comes with a CSV, which has its own column ``params_b``; and as ``read_harness``.
    """
    if isinstance(source, pd.DataFrame):
        return user_scores.load_scores(source)
    path = Path(source)
    if path.is_dir() or path.suffix.lower() == ".json":
        return read_harness(path, sizes=sizes)
    if sizes is not None:
        raise ValueError("--sizes is for folders of lm-evaluation-harness; a CSV has its own column params_b")
    return user_scores.load_scores(path)
