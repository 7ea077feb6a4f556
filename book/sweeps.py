"""Do the long measurements of the book in the default model and keep them in data/kept, so that the build reuses them.

What is there is not done again; a changed table, model, setting or measure has a new file name. Several minutes on two cores.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from cape_utils import data, models  # noqa: E402
from cape_utils.chapters.ch06_attention_heads import experiment as inner_cosines  # noqa: E402
from cape_utils.chapters.ch06_attention_heads import head_gates  # noqa: E402
from cape_utils.chapters.ch10_steering import experiment, methods, outputs  # noqa: E402
from cape_utils.chapters.ch12_dashboard import pair_logs  # noqa: E402


def _words(task: Any) -> str:
    return task if isinstance(task, str) else ", ".join(task)


def told(tasks: Sequence[Any]) -> Iterator[Any]:
    """Say which task is being done, and how long the last one took."""
    for number, task in enumerate(tasks, 1):
        start = time.monotonic()
        print(f"  {number} of {len(tasks)}: {_words(task)} ...", end="", flush=True)
        yield task
        print(f" {time.monotonic() - start:.0f} s", flush=True)


def steering(loaded: models.Loaded, folder: Path) -> None:
    """Chapter 10."""
    control = experiment.sentiment_study(loaded, folder=folder, progress=told)
    study = experiment.study(loaded, folder=folder, progress=told)
    study.choice_sweep()
    _ = study.slope_map(), study.joint_test(), study.chosen_slopes
    for one in (control, study):
        _ = one.label_table(), one.power_table(), one.test_sweep()
    outputs.outputs_sweep(study)
    outputs.changed_sweep(study)
    for name, one in (("sentiment", control), ("truth", study)):
        methods.method_sweep(one, methods.ASKED[name])
    for whole in folder.glob("slopes-*.npz"):  # every layer is too much to ship; the chosen one is beside it
        whole.unlink()


def heads(loaded: models.Loaded, folder: Path) -> None:
    """Chapter 06."""
    for table in ("reasoning_pairs", "truth_pairs"):
        head_gates.kept_slopes(loaded, data.load(table), folder=folder, progress=told)
    inside = inner_cosines.study(loaded, folder=folder, progress=told)
    inside.compare_kinds()
    inside.first_seen(inside.planted_curve(np.arange(0, 2.01, 0.05).round(2)))
    inside.random_halves_table()
    inside.pattern_cosines()
    inside.pair_couplings(inside.short, pool="last")
    topics = data.load("prompts").groupby("topic")["prompt"].apply(list)
    inside.pair_couplings({topic: topics[topic][:16] for topic in ("recipes", "small_talk")})


def answers(loaded: models.Loaded, folder: Path) -> None:
    """Chapter 12."""
    for name in told(pair_logs.VARIANTS):
        if not pair_logs.results_file(name, folder.parent / "pair_logs").exists():
            pair_logs.write_logs(pair_logs.variant(loaded, name), name, folder.parent / "pair_logs")


SWEEPS = {"06_attention_heads": heads, "10_steering": steering, "12_dashboard": answers}


def main() -> None:
    """Do all sweeps, or those of the chapters named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapters", nargs="*", default=list(SWEEPS), help=f"of {', '.join(SWEEPS)}")
    chapters = parser.parse_args().chapters
    if unknown := [name for name in chapters if name not in SWEEPS]:
        parser.error(f"no sweeps for {unknown[0]!r}; there are some for {', '.join(SWEEPS)}")
    loaded = models.load_model(device="cpu", dtype="float32")
    for name in chapters:
        print(name)
        SWEEPS[name](loaded, data.tables_folder() / "kept")


if __name__ == "__main__":
    main()
