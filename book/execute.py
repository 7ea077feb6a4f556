"""Execute the book's notebooks side by side, into the cache that Jupyter Book reads.

Jupyter Book executes one notebook after another. This runs those that its cache lacks in processes of their own, the
longest first, and puts their outputs where it looks for them; a notebook that fails is left to it, for it names the cell.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import resource
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Executed", "execute", "workers"]

_PAGE = re.compile(r"^\s*(?:- )?(?:file|root):\s*(\S+)\s*$", re.MULTILINE)
_GB_EACH = 3.0  # what a chapter with a model holds at most, with room


@dataclass(frozen=True)
class Executed:
    """One notebook that was executed: seconds, and the most memory that its kernel held, MB."""

    name: str
    seconds: float
    peak_mb: float


def workers(cores: int | None = None, free_gb: float | None = None) -> int:
    """How many notebooks run at once: one a core, and no more than there is memory for a model in each.

    Examples
    --------
    >>> workers(2, 16.0), workers(8, 7.0), workers(2, 1.0)
    (2, 2, 1)
    """
    cores = (
        len(os.sched_getaffinity(0))
        if cores is None and hasattr(os, "sched_getaffinity")
        else cores or os.cpu_count()
    )
    if free_gb is None:
        free_gb = _free_gb()
    return max(1, min(cores or 1, int(free_gb / _GB_EACH)))


def _free_gb() -> float:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        (free,) = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
        return int(free) / 1e6
    except (OSError, ValueError):  # another system: two chapters at once ask no more than a browser does
        return 2 * _GB_EACH


def pages(root: Path) -> list[Path]:
    """The notebooks of the table of contents."""
    names = _PAGE.findall((root / "_toc.yml").read_text(encoding="utf-8"))
    return [path for name in names if (path := root / f"{name.removesuffix('.ipynb')}.ipynb").is_file()]


def _run(path: str, timeout: int) -> tuple[Any, float, float]:
    """Executed notebook (None where a cell failed), seconds, and peak MB of its kernel; in a process of its own."""
    import nbformat
    from jupyter_cache.executors.utils import single_nb_execution

    # What kernels say beside their outputs belongs in no one's terminal; an error of a cell is in the notebook.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    notebook = nbformat.read(path, as_version=4)
    result = single_nb_execution(notebook, cwd=str(Path(path).parent), allow_errors=False, timeout=timeout)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    return (None if result.err else notebook), result.time, peak


def execute(
    root: Path, environment: Mapping[str, str], *, usual: Mapping[str, float], timeout: int = 300
) -> Iterator[Executed]:
    """Execute what the cache lacks, and yield each notebook when it is done.

    Parameters
    ----------
    root : Path
        Of the book.
    environment : mapping
        Of the kernels.
    usual : mapping of str to float
        Seconds that a notebook took before, by name; one without is taken for a long one.
    timeout : int
        Seconds that a cell may take.
    """
    import nbformat
    from jupyter_cache import get_cache
    from jupyter_cache.base import CacheBundleIn

    cache = get_cache(root / "_build" / ".jupyter_cache")
    waiting = []
    for path in pages(root):
        try:
            cache.match_cache_notebook(nbformat.read(path, as_version=4))
        except KeyError:
            waiting.append(path)
    side_by_side = min(workers(), len(waiting))
    if side_by_side < 2:
        return  # one notebook is executed by Jupyter Book as well as by us
    waiting.sort(key=lambda path: -usual.get(path.stem, float("inf")))
    # Each kernel takes its share of the cores; a library that takes all of them waits for the others.
    threads = str(max(1, (os.cpu_count() or 1) // side_by_side))
    kernels = {"OMP_NUM_THREADS": threads, **environment}
    before = dict(os.environ)
    os.environ |= kernels
    try:
        with ProcessPoolExecutor(
            side_by_side, mp_context=multiprocessing.get_context("spawn"), max_tasks_per_child=1
        ) as pool:
            tasks = {pool.submit(_run, str(path), timeout): path for path in waiting}
            for task in as_completed(tasks):
                path = tasks[task]
                notebook, seconds, peak_mb = task.result()
                if notebook is None:
                    continue
                bundle = CacheBundleIn(notebook, str(path), data={"execution_seconds": seconds})
                cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
                yield Executed(path.stem, seconds, peak_mb)
    finally:
        os.environ.clear()
        os.environ.update(before)
