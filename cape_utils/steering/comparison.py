"""Plain and steered continuations of many prompts side by side, with what each is worth to the model.

A file of them grows line by line and goes on where it stopped. Which of two texts is better is not decided here.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from cape_utils.jobs.progress import progress_bar
from cape_utils.models.activations import prompts_end_at
from cape_utils.models.loading import Loaded
from cape_utils.steering.directions import Direction
from cape_utils.steering.interventions import How, as_list, generated_ids, intervention

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["compare", "compare_to_file", "settings_of"]


_FIRST = b'{"number": '


def compare(
    loaded: Loaded,
    prompts: Sequence[str],
    *,
    direction: Direction | Sequence[Direction] | None = None,
    strength: float = 0.0,
    max_new_tokens: int = 40,
    chat: bool = False,
    system: str | None = None,
    **how: Unpack[How],
) -> list[dict[str, Any]]:
    """Continue prompts greedily without and with an intervention, and measure both texts.

    Parameters
    ----------
    loaded, prompts, direction, strength, max_new_tokens, chat, system, **how
        As ``steering.interventions.generate`` takes them. All prompts are continued at once.

    Returns
    -------
    list of dict
        One for each prompt: ``prompt``; ``plain`` and ``steered``, the texts; ``changed``; ``plain_logp`` and ``steered_logp``,
        the log-probability of each text under the model that wrote it, and ``steered_logp_plain``, of the steered text under the
        plain model, all in nats, summed over tokens; ``kl``, the Kullback-Leibler divergence of the steered model's next token
        from the plain model's along the plain text, in nats a token.
    """
    fixed: dict[str, Any] = {"max_new_tokens": max_new_tokens, "chat": chat, "system": system}
    fixed["batch_size"] = len(prompts)
    ((plain_ids, plain_start),) = generated_ids(loaded, prompts, **fixed)
    ((steered_ids, steered_start),) = generated_ids(
        loaded, prompts, direction=direction, strength=strength, **fixed, **how
    )
    asked, plain = _split(loaded, plain_ids, plain_start)
    asked_steered, steered = _split(loaded, steered_ids, steered_start)
    with contextlib.ExitStack() as stack:
        own = _expected(loaded, asked, plain)
        crossed = _expected(loaded, asked, steered)
        stack.enter_context(intervention(loaded, direction, strength, **how))
        moved = _expected(loaded, asked_steered, plain)
        moved_own = _expected(loaded, asked_steered, steered)
    rows = []
    for i, prompt in enumerate(prompts):
        texts = [
            str(loaded.tokenizer.decode(answer[i], skip_special_tokens=True)) for answer in (plain, steered)
        ]
        rows.append(
            {
                "prompt": prompt,
                "plain": texts[0],
                "steered": texts[1],
                "changed": texts[0] != texts[1],
                "plain_logp": _taken(own[i], plain[i]),
                "steered_logp": _taken(moved_own[i], steered[i]),
                "steered_logp_plain": _taken(crossed[i], steered[i]),
                "kl": float((own[i].exp() * (own[i] - moved[i])).sum(-1).mean()),
            }
        )
    return rows


def _split(loaded: Loaded, ids: Tensor, start: int) -> tuple[list[list[int]], list[list[int]]]:
    """Prompts from their first token on, and answers up to the end-of-sequence token that ends them."""
    padding, first = loaded.tokenizer.pad_token_id, loaded.tokenizer.bos_token_id
    ends = loaded.model.generation_config.eos_token_id
    stops = {*(ends if isinstance(ends, list) else [ends]), loaded.tokenizer.eos_token_id}
    asked, answers = [], []
    for row in ids.tolist():
        prompt, answer = row[:start], row[start:]
        at = 0
        while padding != first and prompt[at] == padding:
            at += 1
        while padding == first and at + 1 < start and prompt[at + 1] == padding:
            at += 1  # where one token is both, the last of them begins the text
        end = next((i + 1 for i, token in enumerate(answer) if token in stops), len(answer))
        asked.append(prompt[at:])
        answers.append(answer[:end])
    return asked, answers


def _expected(loaded: Loaded, asked: Sequence[list[int]], answers: Sequence[list[int]]) -> list[Tensor]:
    """Log-probabilities of the next token before each token of the answers; one text a pass spares memory."""
    import torch

    out = []
    for prompt, answer in zip(asked, answers, strict=True):
        ids = torch.tensor([prompt + answer], device=loaded.model.device)
        with torch.no_grad(), prompts_end_at([len(prompt) - 1]):
            logits = loaded.model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits
        out.append(logits[0, len(prompt) - 1 : -1].float().log_softmax(-1).cpu())
    return out


def _taken(logp: Tensor, answer: Sequence[int]) -> float:
    import torch

    return float(logp.gather(1, torch.tensor(answer).unsqueeze(1)).sum())


def settings_of(
    loaded: Loaded,
    *,
    direction: Direction | Sequence[Direction] | None,
    strength: float,
    max_new_tokens: int,
    chat: bool,
    system: str | None,
    **how: Unpack[How],
) -> dict[str, Any]:
    """Everything that the texts of ``compare`` depend on, in plain values."""
    import hashlib

    vectors = [] if direction is None else as_list(direction)
    return {
        "model": loaded.info.name,
        "model_sha256": loaded.info.sha256,
        "dtype": loaded.info.dtype,
        "layers": [one.layer for one in vectors],
        "direction": hashlib.sha256(b"".join(one.vector.tobytes() for one in vectors)).hexdigest()[:16],
        "strength": strength,
        "max_new_tokens": max_new_tokens,
        "chat": chat,
        "system": system,
        **how,
    }


def compare_to_file(
    path: str | Path, loaded: Loaded, prompts: Sequence[str], *, batch_size: int = 8, **asked: Any
) -> list[dict[str, Any]]:
    """Compare many prompts and write a line for each as soon as it is done; what the file holds is not done again.

    Parameters
    ----------
    path : path
        A file of JSON lines; each holds ``number``, ``settings`` and what ``compare`` returns.
    loaded, prompts, **asked
        As for ``compare``.
    batch_size : int
        Prompts done at once.

    Returns
    -------
    list of dict
        The lines, in the order of the prompts.

    Raises
    ------
    ValueError
        If the file was written for other prompts or with other settings.
    """
    place = Path(path)
    full = {"direction": None, "strength": 0.0, "max_new_tokens": 40, "chat": False, "system": None} | asked
    settings = json.loads(json.dumps(settings_of(loaded, **full)))
    done = {row["number"]: row for row in _known(place)}
    for number, row in done.items():
        if row["settings"] != settings:
            differ = sorted(
                k for k in {*row["settings"], *settings} if row["settings"].get(k) != settings.get(k)
            )
            raise ValueError(f"{place.name} was written with another {', '.join(differ)}; name another file")
        if number > len(prompts) or row["prompt"] != prompts[number - 1]:
            raise ValueError(
                f"{place.name} was written for other prompts (number {number}); name another file"
            )
    missing = [number for number in range(1, len(prompts) + 1) if number not in done]
    batches = [missing[i : i + batch_size] for i in range(0, len(missing), batch_size)]
    with place.open("a", encoding="utf-8") as out:
        for batch in progress_bar("batches of prompts")(batches):
            rows = compare(loaded, [prompts[number - 1] for number in batch], **full)
            for number, row in zip(batch, rows, strict=True):
                done[number] = {"number": number, "settings": settings, **row}
                out.write(json.dumps(done[number], ensure_ascii=False, allow_nan=False) + "\n")
            out.flush()
    return [done[number] for number in range(1, len(prompts) + 1)]


def _known(path: Path) -> list[dict[str, Any]]:
    """Finished lines of a file; a last one that a crash cut short is dropped from it."""
    if not path.is_file():
        return []
    raw = path.read_bytes()
    end = raw.rfind(b"\n") + 1
    if not raw[end:].startswith(_FIRST[: len(raw) - end]):  # nothing of ours, and not to be cut
        raise ValueError(f"{path.name} does not end as a result of this command does; name another file")
    raw = raw[:end]
    rows = []
    # Not splitlines: a text may hold what Unicode calls a line separator.
    for number, line in enumerate(raw.decode("utf-8").split("\n")[:-1], 1):
        try:
            row = json.loads(line)
            complete = {"number", "settings", "prompt"} <= set(row)
        except (ValueError, TypeError):
            complete = False
        if not complete:
            raise ValueError(f"{path.name}, line {number} is no result of this command; name another file")
        rows.append(row)
    path.write_bytes(raw)
    return rows
