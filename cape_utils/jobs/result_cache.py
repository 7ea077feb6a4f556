"""Results of long sweeps over a model: cached, resumed where they stopped, and reused where nothing has changed.

A sweep is a list of tasks and a function that does one. Each finished task is one line of a file whose name carries a
digest of everything the results depend on, so that a stale result cannot be mistaken for a fresh one. The results
behind the published book come with the repository, in ``data/kept``; a reader's own go to the user's cache folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cape_utils import data
from cape_utils.jobs.own_files import write_in_one_step
from cape_utils.jobs.progress import progress_bar
from cape_utils.runtime import edited_since_import

__all__ = ["digest", "kept_arrays", "results_folder", "sweep", "write_whole"]

Row = Mapping[str, Any]


def digest(settings: Mapping[str, Any]) -> str:
    """Return 16 hexadecimal digits that change with any of the settings, whatever their order.

    Examples
    --------
    >>> digest({"a": 1, "b": [2.5]}) == digest({"b": [2.5], "a": 1})
    True
    >>> digest({"a": 1}) == digest({"a": 2})
    False
    """
    words = json.dumps(settings, sort_keys=True, ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def results_folder() -> Path:
    """Return where a reader's own results go: ``CAPE_RESULTS``, else the user's cache folder."""
    if named := os.environ.get("CAPE_RESULTS"):
        return Path(named)
    from platformdirs import user_cache_path

    return user_cache_path("cape-book", appauthor=False) / "results"


def write_whole(path: Path, text: str) -> None:
    """Write a file so that no reader, and no crash, ever meets half of it; a folder that refuses is no error.

    Results are written for speed alone: where none can be kept, they are computed again.
    """
    _replace(path, lambda out: out.write(text.encode()))


def _replace(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_in_one_step(path, write)
    except OSError:
        return


def kept_arrays(
    name: str,
    settings: Mapping[str, Any],
    compute: Callable[[], dict[str, NDArray[Any]]],
    *,
    folder: Path | None = None,
) -> dict[str, NDArray[Any]]:
    """Arrays that a minute of a model gives, kept for the next time; those that came with the repository are used first.

    Parameters
    ----------
    name, settings
        As for ``sweep``.
    compute : callable
        Gives them by name.
    folder : Path, optional
        Where to keep them; ``results_folder()`` by default.
    """
    file = f"{name}-{digest(settings)}.npz"
    path = (folder or results_folder()) / file
    for known in (data.tables_folder() / "kept" / file, path):
        try:
            with np.load(known) as stored:
                return {key: stored[key] for key in stored.files}
        except (OSError, ValueError, zipfile.BadZipFile, EOFError):
            pass  # not there yet, or cut short
    arrays = compute()
    if not edited_since_import():
        _replace(path, lambda out: np.savez(out, **arrays))  # type: ignore[arg-type]
    return arrays


def sweep(
    name: str,
    settings: Mapping[str, Any],
    tasks: Sequence[str],
    run: Callable[[str], Sequence[Row]],
    *,
    folder: Path | None = None,
    progress: Callable[[Sequence[str]], Iterator[str]] | None = None,
) -> pd.DataFrame:
    """Do the tasks that are not done yet and return the rows of all.

    Parameters
    ----------
    name : str
        Of the sweep; the first part of its file's name.
    settings : mapping
        Everything the results depend on besides the tasks: the model's sha256, a digest of the prompts, seeds. Plain
        values that JSON can hold.
    tasks : sequence of str
        What is to be done, each a name of its own.
    run : callable
        Does one task and returns its rows, all of plain values.
    folder : Path, optional
        Where to keep them; ``results_folder()`` by default. Results that came with the repository are used first.
    progress : callable
        Wraps the tasks still to be done, as ``tqdm`` does; a bar in a terminal and in a live notebook by default.

    Returns
    -------
    DataFrame
        A column ``task`` and the columns of the rows, in the order of the tasks.

    Raises
    ------
    ValueError
        If two tasks have one name.
    """
    if len(set(tasks)) != len(tasks):
        raise ValueError("two tasks have the same name; every task needs its own")
    file = f"{name}-{digest(settings)}.jsonl"
    done = _read(data.tables_folder() / "kept" / file)
    store = (folder or results_folder()) / file
    if not set(tasks) <= set(done):
        done |= _read(store)
    missing = [task for task in tasks if task not in done]
    if missing:
        store.parent.mkdir(parents=True, exist_ok=True)
        with store.open("ab", buffering=0) as out:
            if not store.stat().st_size:
                _append(out, store, {"settings": dict(settings)})
            for task in (progress or progress_bar(name.replace("_", " ")))(missing):
                done[task] = [dict(row) for row in run(task)]
                _append(out, store, {"task": task, "rows": done[task]})
    return pd.DataFrame([{"task": task, **row} for task in tasks for row in done[task]])


def _append(out: IO[bytes], path: Path, line: Mapping[str, Any]) -> None:
    """Add a line in one call, so that two processes that share a file do not mix theirs."""
    words = json.dumps(line, sort_keys="settings" in line, allow_nan=False).encode() + b"\n"
    with path.open(
        "rb"
    ) as written:  # a process that was killed may have left half a line, which stays one of its own
        if written.seek(0, os.SEEK_END):
            written.seek(-1, os.SEEK_END)
            words = words if written.read(1) == b"\n" else b"\n" + words
    out.write(words)


def _read(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Read the finished tasks of a file; a line that a crash cut short is done again."""
    done: dict[str, list[dict[str, Any]]] = {}
    if path.is_file():
        for line in path.read_bytes().splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError):
                one = json.loads(line)
                done[one["task"]] = one["rows"]
    return done
