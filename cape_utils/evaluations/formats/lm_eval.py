"""Results of lm-evaluation-harness and lighteval: every layout that has the key ``results``.

The present one (``results/<model>/results_<date>.json``, keys such as ``acc_norm,none``), the flat ones of versions 0.2 and
0.3 (``acc_norm``, ``mc2``), both Open LLM Leaderboards (``harness|hellaswag|10``; ``leaderboard_ifeval``), what
``simple_evaluate`` returns, and lighteval's keys of two, three and four parts (``leaderboard|hellaswag|10|0``).
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cape_utils.evaluations.identity import arguments_of, conditions_of_arguments
from cape_utils.evaluations.runs import BrokenFile, Run
from cape_utils.evaluations.tasks import Entry, find_scores

__all__ = ["NAME", "read", "recognises"]

NAME = "lm-evaluation-harness or lighteval"
# Names of what ran a model, which old and new harness write where a model's own name may stand.
_BACKENDS = frozenset(
    """
    hf hf-auto hf-causal hf-causal-experimental hf-seq2seq hf-multimodal hf-mistral3 huggingface vllm vllm-vlm
    sglang sglang-generate local-completions local-chat-completions openai-completions openai-chat-completions
    openai anthropic anthropic-chat anthropic-chat-completions anthropic-completions gguf ggml mamba_ssm nemo_lm
    megatron_lm neuronx openvino optimum-causal deepsparse sparseml textsynth watsonx_llm dummy ipex steered habana
    winml gpt2 gpt3 accelerate HFLM VLLM
    """.split()  # noqa: SIM905 - one word a name
)
_NAMING = ("pretrained", "model", "path", "model_name", "engine", "base_model")


def recognises(document: Any, path: Path) -> bool:
    """Whether the file has results by task; a file of that name is one even where they are broken."""
    if not isinstance(document, Mapping) or "results" not in document:
        return False
    return isinstance(document["results"], Mapping) or path.name.startswith("results")


def read(document: Any, path: Path, name: str) -> Sequence[Run]:
    """Read one file.

    Raises
    ------
    BrokenFile
        If it cannot be used.
    """
    results = document.get("results")
    if not isinstance(results, Mapping) or not results:
        got = None if results is None else str(results)[:40]
        raise BrokenFile("results", got, "an object with one entry for each task is needed")
    config, general = _part(document, "config"), _part(document, "config_general")
    arguments = arguments_of(config)
    named, named_by = _named(document, config, general, arguments)
    tasks = task_entries(document, results, config)
    found = find_scores(tasks)
    counted = all(score.items is not None for score in found.scores.values())
    limit = next(
        ((key, value) for key, value in _limits(config, general) if value not in (None, "None", "", "null")),
        None,
    )
    if limit is not None and not _positive(limit[1]):
        raise BrokenFile(
            limit[0],
            str(limit[1]),
            "a limit is a number above 0; what ran is not known, so run it without one",
        )
    if limit is not None and not counted:
        raise BrokenFile(
            limit[0],
            str(limit[1]),
            "the run was cut short, and the file does not say how many items ran, which is its noise; run it without a limit",
        )
    if named is None:
        raise BrokenFile(
            "model_name", None, "a model name is needed, here or as pretrained=... in config.model_args"
        )
    count = config.get("model_num_parameters")
    number = (
        float(count) if isinstance(count, int | float) and not isinstance(count, bool) and count > 0 else None
    )
    harness = "lighteval" if general and "config" not in document else "lm-evaluation-harness"
    return (
        Run(
            file=name,
            named=named,
            named_by=named_by,
            scores=found.scores,
            conditions={
                **conditions_of_arguments(arguments, named),
                **_prompt_conditions(document),
                **_general_conditions(general),
                "harness": harness,
            },
            when=_date(document),
            stamped=_stamp(path),
            count=number if number is not None and math.isfinite(number) else None,
            left_out=found.left_out,
        ),
    )


def _part(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    part = document.get(key)
    return part if isinstance(part, Mapping) else {}


def _limits(config: Mapping[str, Any], general: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [
        ("config.limit", config.get("limit")),
        ("config.max_samples", config.get("max_samples")),
        ("config_general.max_samples", general.get("max_samples")),
    ]


def _positive(limit: Any) -> bool:
    try:
        return float(limit) > 0
    except (TypeError, ValueError):
        return False


def task_entries(
    document: Mapping[str, Any], results: Mapping[str, Any], config: Mapping[str, Any]
) -> dict[str, list[Entry]]:
    """Every task of a file, by the name that ``evaluations.tasks`` knows, with how it was run."""
    shots, versions, samples = (_part(document, key) for key in ("n-shot", "versions", "n-samples"))
    configs, lighteval = _part(document, "configs"), _part(document, "config_tasks")
    tasks: dict[str, list[Entry]] = {}
    for key, metrics in results.items():
        if not isinstance(metrics, Mapping):
            raise BrokenFile(
                f"results.{key}",
                str(metrics)[:40],
                "an object of metrics is needed, such as {'acc,none': 0.5}",
            )
        if key == "all":  # lighteval's mean over its tasks
            continue
        name, in_key = _plain_task(key)
        own = _part(configs, key) or _part(lighteval, key.rpartition("|")[0]) or _part(lighteval, key)
        given = [in_key, shots.get(key), own.get("num_fewshot"), config.get("num_fewshot")]
        counts = _part(samples, key)
        version = versions.get(key)
        tasks.setdefault(name, []).append(
            Entry(
                key=key,
                metrics=metrics,
                shots=next((int(str(n)) for n in given if str(n).isdigit()), None),
                version=None
                if version is None or str(version) in ("N/A", "Yaml")
                else f"{version:g}"
                if isinstance(version, int | float)
                else str(version),
                ran=_count(counts.get("effective"), own.get("effective_num_docs"), metrics.get("sample_len")),
            )
        )
    return tasks


def _count(*values: Any) -> int | None:
    return next((int(v) for v in values if isinstance(v, int) and not isinstance(v, bool) and v > 0), None)


def _plain_task(key: str) -> tuple[str, str | None]:
    """Task and number of examples from a key such as ``harness|arc:challenge|25`` or ``hellaswag|10``."""
    parts = key.split("|")
    if len(parts) == 1:
        return key, None
    numbers = [part for part in parts if part.isdigit()]
    words = [part for part in parts if not part.isdigit()]
    name = words[-1] if words else key
    name = name if name.startswith("mmlu:") else name.replace(":", "_")
    return name, numbers[0] if numbers else None


def _named(
    document: Mapping[str, Any],
    config: Mapping[str, Any],
    general: Mapping[str, Any],
    arguments: Mapping[str, str],
) -> tuple[str | None, str]:
    """The model as the file names it, and the key that did; an adapter does not rename its model."""
    stated: list[tuple[str, Any]] = [
        ("model_name", document.get("model_name")),
        ("config_general.model_name", general.get("model_name")),
        *((f"config.model_args, {key}=", arguments.get(key)) for key in _NAMING),
        ("config_general.model_config.model_name", _part(general, "model_config").get("model_name")),
    ]
    backend = config.get("model")
    if isinstance(backend, str) and backend not in _BACKENDS:
        stated.append(("config.model", backend))
    stated.append(("model_name_sanitized", document.get("model_name_sanitized")))
    for key, value in stated:
        if value is None or value == "":
            continue
        if not isinstance(value, str) or not value.strip():
            raise BrokenFile(
                key, str(value)[:40], "a model name is needed, here or as pretrained=... in config.model_args"
            )
        return value.strip() + _revision(arguments), key
    return None, ""


def _revision(arguments: Mapping[str, str]) -> str:
    revision = arguments.get("revision", "main")
    return "" if revision in ("main", "None", "") else f"@{revision}"


def _prompt_conditions(document: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    if "chat_template" in document or "chat_template_sha" in document:
        template = document.get("chat_template") or document.get("chat_template_sha")
        found["chat_template"] = "applied" if template else "none"
    if "system_instruction" in document:
        text = document["system_instruction"]
        found["system_prompt"] = str(text)[:60] if text else "none"
    return found


def _general_conditions(general: Mapping[str, Any]) -> dict[str, str]:
    """What lighteval and the first leaderboard say of a model beside its name."""
    dtype = str(general.get("model_dtype") or "").removeprefix("torch.")
    if dtype in ("float16", "bfloat16", "float32"):
        return {"dtype": dtype}
    return {"quantisation": dtype} if dtype in ("4bit", "8bit", "GPTQ") else {}


def _date(document: Mapping[str, Any]) -> float | None:
    date = document.get("date")
    known = isinstance(date, int | float) and not isinstance(date, bool) and math.isfinite(date)
    return float(date) if known and date else None


def _stamp(path: Path) -> float | None:
    """The time stamp that the harness writes into a file's name."""
    stamp = re.search(r"(\d{4})-(\d\d)-(\d\d)T(\d\d)[-:](\d\d)[-:](\d\d)", path.name)
    try:
        parts = [int(part) for part in stamp.groups()] if stamp else []
        return dt.datetime(*parts, tzinfo=dt.UTC).timestamp() if stamp else None  # type: ignore[arg-type, misc]
    except ValueError:
        return None
