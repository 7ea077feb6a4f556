"""The one door for scores: a table, a file or a folder of results, in whichever format, into one checked table.

Every file found is accounted for: read, or left out with a reason. Formats are known to ``evaluations.formats`` and
``evaluations.tables``; sample logs beside results are found here and read by ``evaluations.sample_logs``. It implements no
section of the papers.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from cape_utils.data import user_scores
from cape_utils.data.files import BadJSON, FileRefused, check_regular, files_below, parse_json, read_bytes
from cape_utils.data.schema import DataError, Problem
from cape_utils.evaluations.formats import JSON_FORMATS, unread
from cape_utils.evaluations.formats.inspect_log import open_archive
from cape_utils.evaluations.merging import Keyed, listed, merge_runs
from cape_utils.evaluations.runs import BrokenFile, NoBenchmark, Run
from cape_utils.evaluations.sample_logs import is_log, logs_of_runs
from cape_utils.evaluations.sizes import SizeTable, read_sizes
from cape_utils.evaluations.tables import SUFFIXES, open_table, read_opened
from cape_utils.evaluations.tasks import NO_BENCHMARK

__all__ = ["RESULTS", "read_scores", "read_uploads"]

RESULTS = (".json", ".eval")
"""Suffixes of files of results."""

_MOST_UPLOADED, _MOST_MODELS = 20_000_000, 500  # bytes, rows
# Hidden folders and these hold no results.
_SKIPPED = ("__pycache__",)
_NO_RESULTS, _NO_SUCH_FILE = "no results of an evaluation", "no file of results"


@dataclass
class _Found:
    """What a folder held: runs, why a file is none, and faults of files that should be."""

    runs: list[Run] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    read: int = 0
    samples: list[Path] = field(default_factory=list)


def read_scores(
    source: str | Path | pd.DataFrame, *, sizes: SizeTable | str | Path | None = None, active: bool = False
) -> pd.DataFrame:
    """Scores of models, in percent, from whatever the reader has.

    Parameters
    ----------
    source : path or pandas.DataFrame
        A table (CSV, tab-separated, Markdown, JSON lines, Excel, Parquet), a file of results, or a folder of them, searched
        with all its subfolders: lm-evaluation-harness, lighteval, Inspect, OLMES, Every Eval Ever, HELM, OpenCompass, mlx_lm.
    sizes : SizeTable or path, optional
        Sizes, and families, that go before those of the files.
    active : bool
        Take the active parameters of mixtures of experts whose names tell them.

    Returns
    -------
    pandas.DataFrame
        As from ``data.user_scores.load_scores``, with what is known of how each model was measured. ``attrs["notes"]`` says
        what was understood and what was left out, ``attrs["left_out"]`` why a benchmark has no score, ``attrs["samples"]`` where
        the answers to each item lie, if they do.

    Raises
    ------
    DataError
        With every problem: the place, what is there, what is allowed and the remedy; as ``UnknownSizes`` with a table of sizes
        to complete.
    ValueError
        If a table of sizes comes with a table that has sizes of its own.
    FileNotFoundError
        If there is no such folder or file.

    Notes
    -----
    The size is that of ``sizes``, else the number of parameters that a harness counted, else the one in the model's name. Where
    the last two cannot be the same model's, it is refused: weights packed into 4 bits, for one, count wrongly.

    Examples
    --------
    >>> import pandas as pd
    >>> mine = {"model": ["mine-7b", "mine-1b"], "family": "Mine", "params_b": [7.0, 1.0], "mmlu": [40.0, 30.0]}
    >>> read_scores(pd.DataFrame(mine))["params_b"].tolist()
    [1.0, 7.0]
    """
    if isinstance(source, pd.DataFrame):
        return user_scores.load_scores(source)
    root = Path(source)
    if not root.exists():
        raise FileNotFoundError(
            f"no folder or file {str(source)!r}; give a table of scores or the output folder of lm_eval"
        )
    if not root.is_dir() and root.suffix.lower() not in RESULTS:
        return _read_table(root, root.name, sizes, active)
    table = read_sizes(sizes) if isinstance(sizes, str | Path) else sizes
    if root.is_dir():
        return _read_files(_files(root), table, active, folder=root.name)
    return _read_files([(root, root.name)], table, active, folder=None)


def _read_table(path: Path, name: str, sizes: SizeTable | str | Path | None, active: bool) -> pd.DataFrame:
    opened = open_table(path, name)
    content = read_opened(opened)
    if isinstance(content, list):
        known = read_sizes(sizes) if isinstance(sizes, str | Path) else sizes
        return merge_runs(content, sizes=known, active=active, notes=opened.notes)
    if sizes is not None:
        raise ValueError("--sizes is for folders of results; this table has its own column params_b")
    return content


def _files(root: Path) -> list[tuple[Path, str]]:
    """Every file of a folder, with the name that messages call it by."""
    return [(path, path.relative_to(root).as_posix()) for path in files_below(root, _SKIPPED)]


def _read_files(
    files: Sequence[tuple[Path, str]], sizes: SizeTable | None, active: bool, *, folder: str | None
) -> pd.DataFrame:
    found = _Found()
    for path, name in files:
        _take(path, name, found, alone=folder is None)
    if found.problems:
        raise DataError(found.problems)
    if not found.runs:
        tables = [
            (path, name)
            for path, name in files
            if path.suffix.lower() in SUFFIXES and path not in found.samples
        ]
        if len(tables) == 1:
            return _read_table(*tables[0], sizes, active)
        words = _nothing_read(found)
        if len(tables) > 1:
            words = f"it holds no results but {len(tables)} tables ({listed(name for _, name in tables)}); give one of them"
        raise DataError([Problem(folder or files[0][1], None, None, None, words)])
    scores = merge_runs(found.runs, sizes=sizes, active=active, notes=_file_notes(found, len(files)))
    scores.attrs["read"] = f"read {found.read} of {len(files)} file{'s' if len(files) != 1 else ''}"
    scores.attrs["samples"] = logs_of_runs(scores.attrs["sources"], {name: path for path, name in files})
    return scores


def _take(path: Path, name: str, found: _Found, *, alone: bool) -> None:
    """Read one file of a folder, or note why not."""
    suffix = path.suffix.lower()
    try:
        if suffix not in RESULTS and not is_log(path):
            found.left_out[name] = _NO_SUCH_FILE
            return
        check_regular(path, name, limited=suffix == ".json")
        if is_log(path):
            found.samples.append(path)
            found.read += 1
            return
        document = open_archive(path) if suffix == ".eval" else _parsed(path)
        runs = _runs(document, path, name)
        if runs is None:
            words = unread.named(document, path)
            if alone or (path.name.startswith("results") and not words):
                raise _no_results(document, words)
            found.left_out[name] = words or _NO_RESULTS
            return
        found.runs += runs
        found.read += 1
    except NoBenchmark as error:
        if alone:
            found.problems.append(Keyed(name, None, error.key, str(error.value), error.allowed))
        found.left_out[name] = f"{NO_BENCHMARK} ({error.value})"
    except BrokenFile as error:
        value = None if error.value is None else str(error.value)
        found.problems.append(Keyed(name, None, error.key, value, error.allowed))
    except FileRefused as error:
        found.problems.append(Keyed(name, None, None, None, error.allowed))
    except OSError as error:
        found.problems.append(Keyed(name, None, None, None, f"cannot be read ({error.strerror})"))


def _runs(document: Any, path: Path, name: str) -> Sequence[Run] | None:
    """Runs of the first format that recognises a document; None where none does."""
    for known in JSON_FORMATS:
        if known.recognises(document, path):
            return known.read(document, path, name)
    return None


def _no_results(document: Any, words: str) -> BrokenFile:
    if words:
        return BrokenFile(None, None, words)
    if not isinstance(document, dict):
        return BrokenFile(None, type(document).__name__, "a JSON object with the key 'results' is needed")
    return BrokenFile("results", None, "an object with one entry for each task is needed")


def _parsed(path: Path) -> Any:
    raw = read_bytes(path, path.name)
    if not raw.strip():
        raise BrokenFile(None, None, "the file is empty; it was cut short, so run the evaluation again")
    try:
        return parse_json(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BrokenFile(None, None, "this is not UTF-8 text; a file of results is JSON") from error
    except BadJSON as error:
        cut = (
            ""
            if error.key or "deep" in error.allowed
            else "; it may be cut short, so run the evaluation again"
        )
        raise BrokenFile(error.key, error.value, f"{error.allowed}{cut}") from error


def _nothing_read(found: _Found) -> str:
    """Why a folder gave no score: what its files are, where that is known, and what to give instead."""
    named = {name: why for name, why in found.left_out.items() if why not in (_NO_RESULTS, _NO_SUCH_FILE)}
    if named:
        return f"no score in it: {_grouped(named)}"
    return "no file results_*.json in this folder; give the --output_path of lm_eval, or a table of scores"


def _grouped(left_out: Mapping[str, str]) -> str:
    """Files by the reason why they were left out."""
    reasons: dict[str, list[str]] = {}
    for name, why in left_out.items():
        reasons.setdefault(why, []).append(name)
    return "; ".join(f"{listed(names)}: {why}" for why, names in reasons.items())


def _file_notes(found: _Found, files: int) -> list[str]:
    if not found.left_out:
        return []
    return [f"read {found.read} of {files} files; left out {_grouped(found.left_out)}"]


def _memory_folder() -> str | None:
    """A folder that lies in memory, where the system has one: what a visitor uploads is not for the disk."""
    place = "/dev/shm"
    return place if os.access(place, os.W_OK) else None


def _few(scores: pd.DataFrame) -> pd.DataFrame:
    if len(scores) > _MOST_MODELS:
        raise ValueError(
            f"the files hold {len(scores):,} models; at most {_MOST_MODELS:,} are shown here: use cape diagnose"
        )
    return scores


def read_uploads(files: Sequence[tuple[str, bytes]]) -> pd.DataFrame:
    r"""A table of scores from files that came without a folder, as from a browser.

    Parameters
    ----------
    files : sequence of (str, bytes)
        Names and contents: one table of scores, or files of results, beside them if needed one CSV of sizes with the columns
        ``model, params_b`` and, where wanted, ``family``.

    Raises
    ------
    ValueError
        If it is neither; and as ``read_scores``.

    Examples
    --------
    >>> table = read_uploads([("mine.csv", b"model,family,params_b,mmlu\na,A,1,30\nb,A,3,40\n")])
    >>> list(table["mmlu"])
    [30.0, 40.0]
    """
    logs = [name for name, _ in files if is_log(Path(name))]
    files = [(name, content) for name, content in files if name not in logs]
    suffixes = [Path(name).suffix.lower() for name, _ in files]
    tables = sum(suffix in SUFFIXES for suffix in suffixes)
    results = sum(suffix in RESULTS for suffix in suffixes)
    if tables + results < len(files) or not files or tables > 1:
        given = ", ".join(name for name, _ in files) or "none"
        raise ValueError(
            f"got these files: {given}; expected one table of scores (.csv), or files of results (.json) with, if needed, one "
            ".csv of sizes; choose these alone"
        )
    total = sum(len(content) for _, content in files)
    if total > _MOST_UPLOADED:
        raise ValueError(
            f"the files have {total / 1e6:.0f} MB together; at most {_MOST_UPLOADED / 1e6:.0f} MB are taken: use cape diagnose"
        )
    with tempfile.TemporaryDirectory(dir=_memory_folder()) as folder:
        # A folder for each, for two results may bear one name; only the last part of a name is trusted.
        paths = [Path(folder, str(place), Path(name).name) for place, (name, _) in enumerate(files)]
        for path, (_, content) in zip(paths, files, strict=True):
            path.parent.mkdir()
            path.write_bytes(content)
        table = next((path for path in paths if path.suffix.lower() in SUFFIXES), None)
        if table is not None and not results:
            return _few(_read_table(table, table.name, None, False))
        named = [(path, path.name) for path in paths if path is not table]
        known = None if table is None else read_sizes(table)
        scores = _read_files(named, known, False, folder=None if len(named) == 1 else "the files chosen")
    _few(scores)
    if logs:
        scores.attrs["notes"].append(
            f"answers to each item are not used here ({listed(logs)}); cape diagnose uses those of a folder of results"
        )
    return scores
