"""``cape steer``: continue prompts with and without a truth direction."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from cape_utils.models.loading import Loaded
    from cape_utils.steering.directions import Direction

__all__ = ["DESCRIPTION", "EXAMPLES", "SUMMARY", "add_arguments", "run"]

SUMMARY = "continue prompts with and without a truth direction"
DESCRIPTION = (
    "Continue prompts as they are and with a truth direction added to the residual stream, greedily.\n"
    "A text that changed is not a text that was corrected: chapter 10 measures which of the two happens."
)
EXAMPLES = """\
  cape steer --prompt "The best way to learn the violin is"
  cape steer --prompt "Bats are" --strength -0.2 --layer auto
  cape steer --model EleutherAI/pythia-410m --prompts prompts.txt --json
  cape steer --calibrate pairs.csv --save mine.safetensors
  cape steer --prompt "Sugar makes children" --direction mine.safetensors
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Describe the arguments to the parser."""
    command.add_argument(
        "--model",
        default="smollm2-135m",
        metavar="NAME",
        help="embedded model, folder or hub name (default smollm2-135m)",
    )
    texts = command.add_mutually_exclusive_group()
    texts.add_argument(
        "--prompt", action="append", metavar="TEXT", help="a text to continue; may be repeated"
    )
    texts.add_argument("--prompts", metavar="FILE", help="a file of texts, one per line")
    source = command.add_mutually_exclusive_group()
    source.add_argument("--direction", metavar="FILE", help="a direction saved before")
    source.add_argument(
        "--calibrate",
        metavar="FILE",
        help="learn from a CSV of pairs: stem, true_completion, false_completion",
    )
    command.add_argument(
        "--save", metavar="FILE", help="write the direction; an existing file is not replaced"
    )
    command.add_argument(
        "--layer",
        metavar="L",
        help="layer to learn at, from 0; 'auto' where the margin answers most (default: a quarter of the depth)",
    )
    command.add_argument(
        "--strength",
        type=float,
        default=0.2,
        metavar="S",
        help="in residual norms; negative away from truth (default 0.2)",
    )
    command.add_argument("--max-new-tokens", type=int, default=40, metavar="N", help="at most (default 40)")
    command.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default auto)")
    command.add_argument("--json", action="store_true", help="print a JSON object instead of text")


def run(arguments: argparse.Namespace) -> int:
    """Learn or load a direction, continue the prompts, and return the exit status."""
    from cape_utils.data.schema import DataError
    from cape_utils.models.bundled import ModelError

    try:
        layer = _layer(arguments.layer)
        prompts = _prompts(arguments)
        if not prompts and not arguments.save:
            raise ValueError(
                "there is nothing to do; give --prompt, --prompts, or --save for the direction alone"
            )
        if arguments.save and Path(arguments.save).exists():
            raise ValueError(f"{arguments.save} exists and is not replaced; name another file")
        if arguments.direction and arguments.layer:
            raise ValueError("a saved direction belongs to its layer; leave --layer out")
        pairs = _pairs(arguments.calibrate)
        result = _steer(arguments, prompts, pairs, layer)
    except (ValueError, DataError, OSError) as error:
        print(f"cape steer: {error}", file=sys.stderr)
        return 2
    except (ModelError, ImportError, MemoryError) as error:
        print(f"cape steer: {error}", file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False))
    else:
        _print(result)
    return 0


def _layer(asked: str | None) -> int | str | None:
    if asked is None or asked == "auto":
        return asked
    try:
        return int(asked)
    except ValueError:
        raise ValueError(f"--layer is {asked!r}; expected a number from 0, or auto") from None


def _prompts(arguments: argparse.Namespace) -> list[str]:
    if arguments.prompts is None:
        prompts = arguments.prompt or []
        if any(not text.strip() for text in prompts):
            raise ValueError("--prompt is empty; give a text to continue")
        return list(prompts)
    from cape_utils.data.files import read_lines

    lines = read_lines(arguments.prompts, "one prompt per line")
    if not (prompts := [line for line in lines if line.strip()]):
        raise ValueError(f"{arguments.prompts} holds no prompt; write one per line")
    return prompts


def _pairs(path: str | None) -> pd.DataFrame:
    from cape_utils import data
    from cape_utils.steering.pairs import read_pairs

    return data.load("truth_pairs") if path is None else read_pairs(path)


def _steer(
    arguments: argparse.Namespace, prompts: list[str], pairs: pd.DataFrame, layer: int | str | None
) -> dict[str, Any]:
    from cape_utils.models.loading import load_model
    from cape_utils.steering.directions import load_direction, save_direction
    from cape_utils.steering.interventions import generate

    _say(f"Opening {arguments.model} ...")
    loaded = load_model(arguments.model, device=arguments.device)
    given = arguments.direction
    direction = load_direction(given, loaded) if given else _learn(loaded, pairs, layer)
    if arguments.save:
        save_direction(arguments.save, direction)
    plain = generate(loaded, prompts, max_new_tokens=arguments.max_new_tokens) if prompts else []
    steered = (
        generate(
            loaded,
            prompts,
            direction=direction,
            strength=arguments.strength,
            max_new_tokens=arguments.max_new_tokens,
        )
        if prompts
        else []
    )
    return {
        "model": str(loaded.info),
        "layer": direction.layer,
        "layers": loaded.info.layers,
        "strength": arguments.strength,
        "method": direction.method,
        "pairs": direction.pairs,
        "saved": arguments.save,
        "outputs": [
            {"prompt": prompt, "plain": before, "steered": after, "changed": before != after}
            for prompt, before, after in zip(prompts, plain, steered, strict=True)
        ],
    }


def _learn(loaded: Loaded, pairs: pd.DataFrame, layer: int | str | None) -> Direction:
    """Learn a direction, or take it from the cache if the same one was learnt before."""
    from cape_utils.jobs import result_cache
    from cape_utils.steering.directions import DirectionError, load_direction, save_direction, truth_direction
    from cape_utils.steering.pairs import pairs_digest

    wanted = {
        "model": loaded.info.sha256,
        "dtype": loaded.info.dtype,
        "pairs": pairs_digest(pairs),
        "layer": layer,
    }
    file = result_cache.results_folder() / f"direction-{result_cache.digest(wanted)}.safetensors"
    if file.is_file():
        try:
            return load_direction(file, loaded)
        except DirectionError:
            file.unlink()  # cut short by a crash
    _say(f"Learning a direction from {len(pairs)} pairs; kept for the next time ...")
    if layer == "auto":
        from cape_utils.steering.layer_map import best_layer

        layer = best_layer(loaded, pairs)
    direction = truth_direction(loaded, pairs, layer=layer if isinstance(layer, int) else None)
    file.parent.mkdir(parents=True, exist_ok=True)
    save_direction(file, direction)
    return direction


def _say(words: str) -> None:
    if sys.stderr.isatty():
        print(words, file=sys.stderr)


def _print(result: dict[str, Any]) -> None:
    print(result["model"])
    print(
        f"direction from {result['pairs']} pairs ({result['method']}), after layer {result['layer']} of "
        f"{result['layers']}, strength {result['strength']:+g} residual norms"
    )
    if result["saved"]:
        print(f"saved to {result['saved']}")
    for output in result["outputs"]:
        print(f"\n> {output['prompt']}")
        print(f"  plain:   {' '.join(output['plain'].split())}")
        print(f"  steered: {' '.join(output['steered'].split()) if output['changed'] else '(the same)'}")
    if result["outputs"]:
        changed = sum(output["changed"] for output in result["outputs"])
        print(
            f"\n{changed} of {len(result['outputs'])} texts changed, which does not say that any was corrected."
        )
