"""Measure a list of models, one task a model, on this machine or on a cluster.

Each result is written in one step as it ends, so that a run that is cut off keeps what is done and a second run does
the rest. What is measured comes from ``internals.cosine`` and ``steering.layer_map``; how tasks travel is dask's business.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from cape_utils import __version__
from cape_utils.data.files import read_lines
from cape_utils.internals import cosine
from cape_utils.jobs import result_cache
from cape_utils.jobs.dask_client import open_client
from cape_utils.jobs.own_files import write_in_one_step

__all__ = ["measure", "read_models", "survey_models"]

Row = dict[str, Any]


def read_models(path: str | os.PathLike[str]) -> list[str]:
    """Read model names or folders from a text file, one per line; ``#`` begins a comment.

    Raises
    ------
    ValueError
        If the file is empty or not text, a line holds more than one name, or a name stands twice.
    """
    lines = read_lines(path, "one model name per line")
    names: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        name = re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip()
        if not name:
            continue
        if len(name.split()) > 1 and not Path(name).is_dir():
            raise ValueError(f"{path}, line {number}: {name!r} is more than one name; write one per line")
        if name in names:
            raise ValueError(
                f"{path}, line {number}: {name} already stands in line {names[name]}; remove one"
            )
        names[name] = number
    if not names:
        raise ValueError(f"{path} names no model; write one name per line, such as EleutherAI/pythia-410m")
    return list(names)


def measure(name: str, device: str = "auto") -> Row:
    """Open one model and return the summaries of chapters 06 and 10 as one row of plain values.

    An error becomes a row with the status ``failed`` and the message, since one model of forty must not stop the rest.
    """
    start = time.perf_counter()
    row: Row = {"model": name, "status": "ok", "error": ""}
    try:
        row |= _summaries(name, device)
    except Exception as error:  # noqa: BLE001 - whatever one model's code raises, the others are still measured
        row |= {"status": "failed", "error": f"{type(error).__name__}: {error}"}
    return row | _versions() | {"seconds": round(time.perf_counter() - start, 1)}


def _summaries(name: str, device: str) -> Row:
    from dataclasses import asdict

    from cape_utils.models.loading import load_model
    from cape_utils.steering import layer_map

    loaded = load_model(name, device=device)
    described = {key: value for key, value in asdict(loaded.info).items() if key != "name"}
    row: Row = described | cosine.cosine_summary(loaded) | layer_map.steerability_summary(loaded)
    return row


def _versions() -> Row:
    packages = ("torch", "transformers")
    return {"cape_version": __version__} | {f"{package}_version": version(package) for package in packages}


def survey_models(
    names: Sequence[str],
    out: str | os.PathLike[str],
    *,
    scheduler: str | None = None,
    workers: int = 1,
    device: str = "auto",
    progress: Callable[[Row, int, int], None] = lambda row, done, total: None,
) -> pd.DataFrame:
    """Measure the models that have no result yet and return the results of all.

    Parameters
    ----------
    names : sequence of str
        As ``read_models`` returns them.
    out : path
        Folder for the results, made if missing; one Parquet file of one row for each model.
    scheduler : str, optional
        Address of a running dask scheduler, such as ``tcp://10.0.0.5:8786``. A cluster on this machine by default.
    workers : int
        Processes of the cluster on this machine, each with a model of its own in memory.
    device : str
        As in ``load_model``, on each worker.
    progress : callable
        Called as each result is written, with its row, how many are done and how many were to be done.

    Returns
    -------
    DataFrame
        One row a model in the order of the names; see ``internals.cosine.read_results``. A model that failed is tried
        again next time.

    Raises
    ------
    ConnectionError
        If the scheduler does not answer.
    """
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    missing = [name for name in names if not _is_done(folder / _file(name))]
    if missing:
        with open_client(scheduler, min(workers, len(missing))) as client:
            for done, row in enumerate(_rows(client, missing, device), 1):
                _write(row, folder / _file(row["model"]))
                progress(row, done, len(missing))
    results = cosine.read_results(folder)
    return results.set_index("model").loc[list(names)].reset_index()


def _rows(client: Any, names: Sequence[str], device: str) -> Iterator[Row]:
    """Yield rows as they end; a model whose workers died again and again becomes a failed row."""
    from distributed import as_completed
    from distributed.scheduler import KilledWorker

    tasks = {client.submit(measure, name, device, key=f"measure-{name}", pure=False): name for name in names}
    for task in as_completed(tasks):
        try:
            yield task.result()
        except KilledWorker:
            error = "KilledWorker: the process ended while this model was measured, most likely for want of memory"
            yield {"model": tasks[task], "status": "failed", "error": error} | _versions() | {"seconds": 0.0}


def _file(name: str) -> str:
    """Return a file name that tells the model and cannot clash with another's."""
    return f"{re.sub(r'[^A-Za-z0-9.]+', '-', name).strip('-')[-60:]}-{result_cache.digest({'model': name})[:8]}.parquet"


def _is_done(path: Path) -> bool:
    return path.is_file() and str(pd.read_parquet(path)["status"].iloc[0]) == "ok"


def _write(row: Row, path: Path) -> None:
    write_in_one_step(path, lambda out: pd.DataFrame([row]).to_parquet(out, index=False))
