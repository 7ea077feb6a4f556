"""Train the toy world of chapter 11 and write its tables; what is trained already is not trained again.

Under 45 minutes on two cores for the scores, and a quarter of an hour on one for what is measured inside. Finished cells
are kept in the user's cache folder (or in CAPE_RESULTS), so that a run that is cut off goes on where it stopped; the book's
tables are only replaced once all cells are done.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import pandas as pd  # noqa: E402

from cape_utils import data  # noqa: E402
from cape_utils.internals.toy import models as toy_models  # noqa: E402
from cape_utils.jobs import result_cache  # noqa: E402
from cape_utils.jobs.own_files import write_own  # noqa: E402
from cape_utils.toyworld import sweep  # noqa: E402


def told(cells: Sequence[str]) -> Iterator[str]:
    """Say which cell is waited for, and how long the sweep has been running."""
    start = time.monotonic()
    for number, name in enumerate(cells, 1):
        yield name
        print(f"  {number} of {len(cells)}: {name}, {(time.monotonic() - start) / 60:.1f} min", flush=True)


def look_inside() -> None:
    """Train the models that are looked into, and write both tables of what is in them."""
    rows = pd.concat([toy_models.run(toy_models.PLANS[name], progress=told) for name in toy_models.BOOK])
    for name, table in toy_models.tables(rows).items():
        path = data.tables_folder() / f"{name}.csv"
        table.to_csv(path, index=False, lineterminator="\n")
        print(f"{len(table)} rows in {path}")


def main() -> None:
    """Do the sweep, look inside, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--world", default="book", choices=list(sweep.PLANS), help="the book's world, or a larger one"
    )
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--workers", type=int, default=2, help="processes on this machine (default 2)")
    parser.add_argument("--scheduler", help="address of a running dask scheduler")
    parser.add_argument("--only", choices=["scores", "inside"], help="one half of the work alone")
    asked = parser.parse_args()
    if asked.only == "inside":
        look_inside()
        return
    rows = sweep.run(
        sweep.PLANS[asked.world],
        workers=asked.workers,
        scheduler=asked.scheduler,
        device=asked.device,
        progress=told,
    )
    own = result_cache.results_folder() / f"toy_world_{asked.world}.csv"
    path = data.tables_folder() / "toy_world.csv" if asked.world == "book" else own
    write_own(path, sweep.tidy(rows).to_csv(index=False, lineterminator="\n"), force=True)
    print(f"{len(rows)} rows in {path}")
    if asked.world == "book" and asked.only is None:
        look_inside()


if __name__ == "__main__":
    main()
