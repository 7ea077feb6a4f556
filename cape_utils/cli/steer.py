"""``cape steer``: continue prompts with and without a direction, by any method; learn directions, write and read them."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import pandas as pd

    from cape_utils.models.loading import Loaded
    from cape_utils.steering.directions import Direction, Method

__all__ = ["DESCRIPTION", "EXAMPLES", "SUMMARY", "add_arguments", "run"]

SUMMARY = "continue prompts with and without a truth direction"
DESCRIPTION = (
    "Continue prompts as they are and with a truth direction added to the residual stream, greedily.\n"
    "--method prompt asks in words instead, the baseline that steering has to beat.\n"
    "A text that changed is not a text that was corrected: chapter 10 measures which of the two happens."
)
EXAMPLES = """\
  cape steer --prompt "The best way to learn the violin is"
  cape steer --prompt "Bats are" --strength -0.2 --layer auto
  cape steer --model EleutherAI/pythia-410m --prompts prompts.txt --json
  cape steer --calibrate pairs.csv --save mine.safetensors
  cape steer --prompt "Sugar makes children" --direction mine.safetensors
  cape steer --prompt "Do bats see?" --chat --method prompt
  cape steer --concept sentiment --prompts prompts.txt --method clamp --out results.jsonl
  cape steer --layer 7,8 --strength 0.2 --export truth.pt
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
    source.add_argument(
        "--direction",
        metavar="FILE",
        help="a direction saved before, or another program's: .pt, .gguf, .svec",
    )
    source.add_argument(
        "--calibrate",
        metavar="FILE",
        help="learn from a CSV of pairs: stem, true_completion, false_completion",
    )
    source.add_argument(
        "--concept",
        metavar="NAME",
        default="truth",
        help="learn from the book's own pairs: truth, sentiment or politeness (default truth)",
    )
    command.add_argument(
        "--learn", default="means", metavar="HOW", help="means, logistic or pca (default means)"
    )
    command.add_argument(
        "--save", metavar="FILE", help="write the direction; an existing file is not replaced"
    )
    command.add_argument(
        "--export",
        metavar="FILE",
        help="write it for lm-evaluation-harness (.pt), llama.cpp and repeng (.gguf), CAST (.svec), steering-vectors (.sv.pt)",
    )
    command.add_argument(
        "--layer",
        metavar="L",
        help="layer to learn at, from 0, or several (7,8); 'auto' where the margin answers most (default a quarter of the depth)",
    )
    command.add_argument(
        "--method",
        default="add",
        metavar="M",
        help="add, adaptive, clamp, ablate or prompt (default add)",
    )
    command.add_argument(
        "--strength",
        type=float,
        metavar="S",
        help="in residual norms; negative away from truth (default 0.2; ablate and prompt have none)",
    )
    command.add_argument(
        "--from-prompt-end", action="store_true", help="steer from the prompt's last token on, not everywhere"
    )
    command.add_argument("--instruction", metavar="TEXT", help="what --method prompt asks for")
    command.add_argument("--chat", action="store_true", help="put each prompt into the model's chat template")
    command.add_argument("--system", metavar="TEXT", help="system message of the chat")
    command.add_argument(
        "--out", metavar="FILE", help="write a line of JSON for each prompt, and go on where the file ends"
    )
    command.add_argument("--max-new-tokens", type=int, default=40, metavar="N", help="at most (default 40)")
    command.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default auto)")
    command.add_argument("--json", action="store_true", help="print a JSON object instead of text")


def run(arguments: argparse.Namespace) -> int:
    """Learn or load a direction, continue the prompts, and return the exit status."""
    from cape_utils.data.schema import DataError
    from cape_utils.models.bundled import ModelError

    try:
        prompts = _prompts(arguments)
        _check(arguments, prompts)
        result = _steer(arguments, prompts, _layers(arguments.layer))
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


def _check(arguments: argparse.Namespace, prompts: list[str]) -> None:
    """Refuse what does not go together before a model is opened."""
    from cape_utils.steering.interventions import check_method

    if not prompts and not arguments.save and not arguments.export:
        raise ValueError(
            "there is nothing to do; give --prompt, --prompts, or --save or --export for the direction alone"
        )
    for option in ("save", "export"):
        name = getattr(arguments, option)
        if name and Path(name).exists():
            raise ValueError(f"{name} exists and is not replaced; name another file")
    if arguments.out and not prompts:
        raise ValueError("--out is for the results of prompts; give --prompts or --prompt")
    if arguments.direction and arguments.layer:
        raise ValueError("a saved direction belongs to its layer; leave --layer out")
    if arguments.system and not arguments.chat:
        raise ValueError("--system is the system message of a chat; give --chat too")
    if arguments.strength is None:
        arguments.strength = 0.0 if arguments.method in ("ablate", "prompt") else 0.2
    check_method(arguments.method, arguments.strength)
    if arguments.instruction and arguments.method != "prompt":
        raise ValueError("--instruction is what --method prompt asks for; give that method too")
    if arguments.method == "prompt" and (arguments.save or arguments.export):
        raise ValueError("--method prompt has no direction to write; leave --save and --export out")


def _layers(asked: str | None) -> list[int] | str | None:
    if asked is None or asked == "auto":
        return asked
    try:
        return [int(part) for part in asked.split(",")]
    except ValueError:
        raise ValueError(f"--layer is {asked!r}; expected a number from 0, several as 7,8, or auto") from None


def _prompts(arguments: argparse.Namespace) -> list[str]:
    if arguments.prompts is None:
        prompts = arguments.prompt or []
        if any(not text.strip() for text in prompts):
            raise ValueError("--prompt is empty; give a text to continue")
        return list(prompts)
    try:
        lines = Path(arguments.prompts).read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{arguments.prompts} is not a text file in UTF-8; it should hold one prompt per line"
        ) from error
    if not (prompts := [line for line in lines if line.strip()]):
        raise ValueError(f"{arguments.prompts} holds no prompt; write one per line")
    return prompts


def _pairs(arguments: argparse.Namespace) -> pd.DataFrame:
    from cape_utils.steering.pairs import contrast_set, read_pairs

    if arguments.calibrate is None:
        return contrast_set(arguments.concept)
    return read_pairs(arguments.calibrate)


def _steer(
    arguments: argparse.Namespace, prompts: list[str], layers: list[int] | str | None
) -> dict[str, Any]:
    from cape_utils.models.chat import has_chat_template
    from cape_utils.models.loading import load_model
    from cape_utils.steering.comparison import compare_to_file
    from cape_utils.steering.directions import save_direction
    from cape_utils.steering.exchange import export_directions, import_directions
    from cape_utils.steering.interventions import INSTRUCTION, How, generate

    by_words = arguments.method == "prompt"
    pairs = None if by_words or arguments.direction else _pairs(arguments)
    _say(f"Opening {arguments.model} ...")
    loaded = load_model(arguments.model, device=arguments.device)
    directions: list[Direction] = []
    if arguments.direction:
        directions = list(import_directions(arguments.direction, loaded).directions)
    elif pairs is not None:
        directions = _learn(loaded, pairs, layers, arguments.learn)
    if arguments.save:
        if len(directions) > 1:
            raise ValueError(
                f"--save writes one direction and there are {len(directions)}; take --export with .pt or .gguf"
            )
        save_direction(arguments.save, directions[0])
    if arguments.export:
        asked = {"strength": arguments.strength, "method": arguments.method}
        export_directions(arguments.export, loaded, directions, **asked)
    # The baseline belongs into the template where there is one; the plain text then stands there too.
    chat = arguments.chat or (by_words and has_chat_template(loaded))
    how: How = {"method": arguments.method}
    if by_words:
        how["instruction"] = arguments.instruction or INSTRUCTION
    elif arguments.from_prompt_end:
        how["positions"] = "prompt_end"
    same: dict[str, Any] = {
        "max_new_tokens": arguments.max_new_tokens,
        "chat": chat,
        "system": arguments.system,
    }
    steering: dict[str, Any] = {"direction": directions or None, "strength": arguments.strength, **how}
    outputs: list[dict[str, Any]] = []
    if arguments.out:
        outputs = compare_to_file(arguments.out, loaded, prompts, **same, **steering)
    elif prompts:
        plain = generate(loaded, prompts, **same)
        steered = generate(loaded, prompts, **same, **steering)
        outputs = [
            {"prompt": prompt, "plain": before, "steered": after, "changed": before != after}
            for prompt, before, after in zip(prompts, plain, steered, strict=True)
        ]
    first = directions[0] if directions else None
    return {
        "model": str(loaded.info),
        "layer": first.layer if first else None,
        "layers": loaded.info.layers,
        "strength": arguments.strength,
        "method": first.method if first else None,
        "pairs": first.pairs if first else None,
        "saved": arguments.save,
        "steered_by": arguments.method,
        "steered_layers": [one.layer for one in directions],
        "chat": chat,
        "instruction": how.get("instruction"),
        "exported": arguments.export,
        "out": arguments.out,
        "outputs": outputs,
    }


def _learn(
    loaded: Loaded, pairs: pd.DataFrame, layers: list[int] | str | None, learn: str
) -> list[Direction]:
    """Learn a direction at each layer, or take it from the cache if the same one was learnt before."""
    return [
        _learn_one(loaded, pairs, layer, learn)
        for layer in (layers if isinstance(layers, list) else [layers])
    ]


def _learn_one(loaded: Loaded, pairs: pd.DataFrame, asked: int | str | None, learn: str) -> Direction:
    from cape_utils.jobs import result_cache
    from cape_utils.steering.directions import DirectionError, load_direction, save_direction, truth_direction
    from cape_utils.steering.pairs import pairs_digest

    wanted = {
        "model": loaded.info.sha256,
        "dtype": loaded.info.dtype,
        "pairs": pairs_digest(pairs),
        "layer": asked,
        "learn": learn,
    }
    file = result_cache.results_folder() / f"direction-{result_cache.digest(wanted)}.safetensors"
    if file.is_file():
        try:
            return load_direction(file, loaded)
        except DirectionError:
            file.unlink()  # cut short by a crash
    _say(f"Learning a direction from {len(pairs)} pairs; kept for the next time ...")
    if asked == "auto":
        from cape_utils.steering.layer_map import best_layer

        asked = best_layer(loaded, pairs)
    layer = asked if isinstance(asked, int) else None
    direction = truth_direction(loaded, pairs, layer=layer, method=cast("Method", learn))
    file.parent.mkdir(parents=True, exist_ok=True)
    save_direction(file, direction)
    return direction


def _say(words: str) -> None:
    if sys.stderr.isatty():
        print(words, file=sys.stderr)


def _print(result: dict[str, Any]) -> None:
    print(result["model"])
    if result["instruction"]:
        place = "in the system message" if result["chat"] else "in front of the prompt"
        print(f"asked {place}: {result['instruction']}")
    else:
        layers = ", ".join(map(str, result["steered_layers"]))
        source = f"from {result['pairs']} pairs ({result['method']})" if result["pairs"] else result["method"]
        strength = (
            "" if result["steered_by"] == "ablate" else f", strength {result['strength']:+g} residual norms"
        )
        by = "" if result["steered_by"] == "add" else f", {result['steered_by']}"
        print(f"direction {source}, after layer {layers} of {result['layers']}{by}{strength}")
    for key in ("saved", "exported"):
        if result[key]:
            print(f"{key} to {result[key]}")
    for output in result["outputs"]:
        print(f"\n> {output['prompt']}")
        print(f"  plain:   {' '.join(output['plain'].split())}")
        print(f"  steered: {' '.join(output['steered'].split()) if output['changed'] else '(the same)'}")
    if result["outputs"]:
        changed = sum(output["changed"] for output in result["outputs"])
        print(
            f"\n{changed} of {len(result['outputs'])} texts changed, which does not say that any was corrected."
        )
    if result["out"]:
        print(f"written to {result['out']}")
