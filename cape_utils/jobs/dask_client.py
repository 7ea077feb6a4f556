"""A Dask client: workers on this machine, or the scheduler of a cluster."""

from __future__ import annotations

from typing import Any

__all__ = ["open_client"]

_ANSWER_S = 10  # a scheduler that says nothing for so long is not there


def open_client(scheduler: str | None, workers: int) -> Any:
    """Connect to a scheduler, or start workers on this machine.

    Parameters
    ----------
    scheduler : str or None
        Address such as ``"tcp://host:8786"``; None for workers of one process and one thread each here.
    workers : int
        How many of them; of no use with an address.

    Returns
    -------
    distributed.Client
        To be closed by the caller.

    Raises
    ------
    ImportError
        If dask.distributed is not installed.
    ConnectionError
        If no scheduler answers at the address.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise ImportError(
            "a survey needs dask.distributed and pyarrow: pip install 'cape-book[cluster]'"
        ) from error
    if scheduler is None:
        # One thread a process: a model's own threads are enough, and two models in one process would share its memory.
        return Client(n_workers=workers, threads_per_worker=1, dashboard_address=":0")
    try:
        return Client(scheduler, timeout=_ANSWER_S)
    except (OSError, TimeoutError, ValueError) as error:
        raise ConnectionError(
            f"no dask scheduler answers at {scheduler!r}; start one with `dask scheduler`, or leave the address out"
        ) from error
