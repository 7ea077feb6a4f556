"""Results as people have them, in every layout that is read, and what is said where one cannot be.

The inputs lie in ``tests/unit/results``, one folder a case, reduced from public layouts and bug reports.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest

from cape_utils import cli
from cape_utils.data import model_names
from cape_utils.data.schema import DataError
from cape_utils.diagnosis.family_diagnosis import diagnose_all
from cape_utils.diagnosis.panel_comparison import overlapping_families
from cape_utils.evaluations.reading import read_scores
from cape_utils.evaluations.sizes import UnknownSizes

RESULTS = Path(__file__).with_name("results")
HELLA, MC2, WINO, ARC = "hellaswag", "truthfulqa_mc2", "winogrande", "arc_challenge"
PAIR, OLD_PAIR = (HELLA, MC2), (WINO, ARC)
NAN = float("nan")


def folder_of(case: str) -> Path:
    (folder,) = RESULTS.glob(f"{case}-*")
    return folder


def given(case: str) -> Path:
    """What a reader has: the folder ``in``, or the one file."""
    folder = folder_of(case)
    if (folder / "in").is_dir():
        return folder / "in"
    (file,) = folder.iterdir()
    return file


def words_of(text: str) -> str:
    return " ".join(text.split())


class Expected(NamedTuple):
    """By model its size and two scores, the family (or that of each model), and words of each note."""

    family: str | tuple[str, ...]
    pair: tuple[str, str]
    rows: dict[str, tuple[float, float, float]]
    notes: tuple[tuple[str, ...], ...] = ()


ZERO_SHOT = tuple(
    (f"{name}: 0 examples in the prompt where the open panel has {shots}",)
    for name, shots in ((ARC, 25), (WINO, 5))
)
ZERO_HELLA = (f"{HELLA}: 0 examples in the prompt where the open panel has 10",)
PYTHIA = {"EleutherAI/pythia-410m": (0.41, 40.86, 40.93), "EleutherAI/pythia-1.4b": (1.4, 54.96, 38.63)}
COUNTED = {
    "EleutherAI/pythia-410m": (0.405334016, 40.86, 40.93),
    "EleutherAI/pythia-1.4b": (1.414647808, 54.96, 38.63),
}
LLAMA = {
    "meta-llama/Llama-2-7b-hf": (7, 77.74, 38.98),
    "meta-llama/Llama-2-13b-hf": (13, 80.97, 34.17),
    "meta-llama/Llama-2-70b-hf": (70, 87.33, 44.92),
}
SMOLLM = {
    "HuggingFaceTB/SmolLM-135M": (0.135, 42.77, 41.8),
    "HuggingFaceTB/SmolLM-360M": (0.36, 54.2, 38.05),
    "HuggingFaceTB/SmolLM-1.7B": (1.7, 68.59, 39.75),
}
TYPED = {"Llama-2-7b": (7, 77.74, 38.98), "Llama-2-13b": (13, 80.97, 34.17)}
DEDUPED = {
    "EleutherAI/pythia-70m-deduped": (0.07, 27.29, 47.05),
    "EleutherAI/pythia-160m-deduped": (0.16, 31.4, 43.97),
    "EleutherAI/pythia-410m-deduped": (0.41, 40.86, 40.93),
    "EleutherAI/pythia-1b-deduped": (1, 49.65, 38.92),
    "EleutherAI/pythia-1.4b-deduped": (1.4, 54.96, 38.63),
    "EleutherAI/pythia-2.8b-deduped": (2.8, 60.66, 35.56),
    "EleutherAI/pythia-6.9b-deduped": (6.9, 67.05, 35.19),
    "EleutherAI/pythia-12b-deduped": (12, 68.82, 33.86),
}
PINNED = ("measured at a pinned commit",)
FRACTIONS = ("every score lies between 0 and 1", "multiplied by 100")

READ = {
    "01": Expected(
        "pythia-v1.1",
        (WINO, "mmlu"),
        {
            "EleutherAI/pythia-v1.1-410m": (0.41, 53.670087, 25.521163),
            "EleutherAI/pythia-v1.1-1.4b": (1.4, 57.30071, 26.87371),
            "EleutherAI/pythia-v1.1-2.8b": (2.8, 59.431728, 26.144477),
        },
        (
            ("no benchmark of the book", "piqa"),
            ("mmlu", "version 0 of hendrycksTest", "not comparable", "pythia-v1.1-1.4b", "-2.8b", "-410m"),
            *ZERO_SHOT,
            ("mmlu: 0 examples in the prompt where the open panel has 5",),
        ),
    ),
    "02": Expected(
        "bloom",
        OLD_PAIR,
        {
            "bigscience/bloom-560m": (0.56, 50.434096, 24.061433),
            "bigscience/bloom-1b1": (1.1, 54.696133, 25.682594),
            "bigscience/bloom-1b7": (1.7, 57.221784, 26.877133),
            "bigscience/bloom-3b": (3, 58.642463, 30.375427),
            "bigscience/bloom-7b1": (7.1, 64.404104, 33.532423),
        },
        ZERO_SHOT,
    ),
    "03": Expected(
        "opt",
        OLD_PAIR,
        {
            "facebook/opt-125m": (0.125, 50.276243, 22.78157),
            "facebook/opt-350m": (0.35, 52.328335, 23.890785),
            "facebook/opt-1.3b": (1.3, 59.747435, 29.43686),
            "facebook/opt-2.7b": (2.7, 61.01026, 31.228669),
            "facebook/opt-6.7b": (6.7, 65.272297, 34.726962),
            "facebook/opt-13b": (13, 65.19337, 35.750853),
            "facebook/opt-30b": (30, 68.192581, 37.969283),
            "facebook/opt-66b": (66, 68.745067, 40.102389),
        },
        ZERO_SHOT,
    ),
    "04": Expected(
        "pythia",
        OLD_PAIR,
        {
            "EleutherAI/pythia-410m": (0.41, 53.35, 21.33),
            "EleutherAI/pythia-1.4b@step143000": (1.4, 57.22, 26.02),
            "EleutherAI/pythia-1.4b@step23000": (1.4, 53, 24),
        },
        ZERO_SHOT,
    ),
    "05": Expected(
        "open_llama",
        PAIR,
        {"open_llama_3b": (3, 62.65, 35.54), "open_llama_7b": (7, 71.93, 35.278434)},
        (ZERO_HELLA,),
    ),
    "06": Expected("pythia", PAIR, COUNTED, (ZERO_HELLA,)),
    "07": Expected(
        "internlm2",
        PAIR,
        {
            "internlm/internlm2-1_8b": (1.8, 46.79, 39.42),
            "internlm/internlm2-7b": (7, 79.24, 48.46),
            "internlm/internlm2-20b": (20, 83.51, 51.84),
        },
    ),
    "09": Expected(
        "llama",
        PAIR,
        {
            "huggyllama/llama-7b": (7, 77.81, 34.33),
            "huggyllama/llama-7b [adapter]": (7, 75.02, 53.1),
            "huggyllama/llama-13b": (13, 80.92, 39.48),
        },
    ),
    "10": Expected("pythia", PAIR, {**PYTHIA, "EleutherAI/pythia-6.9b": (6.9, 67.05, 35.19)}),
    "11": Expected(
        "pythia",
        (MC2, MC2),
        {model: (size, tqa, tqa) for model, (size, _, tqa) in PYTHIA.items()},
        ((f"{HELLA} left out for EleutherAI/pythia-1.4b, EleutherAI/pythia-410m", "bypass", "acc_norm"),),
    ),
    "12": Expected(
        "pythia",
        ("ifeval", "gpqa_diamond"),
        {
            "EleutherAI/pythia-410m": (0.41, 21.76, 25.95),
            "EleutherAI/pythia-1b": (1, 16.820702, 27.272727),
            "EleutherAI/pythia-2.8b": (2.8, 21.72, 25),
            "EleutherAI/pythia-12b": (12, 24.71, 24.68),
        },
        (("no benchmark of the book", "leaderboard_bbh", "leaderboard_mmlu_pro"),),
    ),
    "13": Expected("Llama-2-hf", PAIR, LLAMA),
    "16": Expected(
        "Llama-2-hf",
        ("mmlu", MC2),
        {
            model: (size, mmlu, tqa)
            for (model, (size, _, tqa)), mmlu in zip(LLAMA.items(), (37.8, 41, 45), strict=True)
        },
        (("mmlu", "version 0 of hendrycksTest", "not comparable", *LLAMA),),
    ),
    "19": Expected(
        "pythia",
        PAIR,
        PYTHIA,
        (("read 2 of 6 files", "pythia-410m/config.json", "pythia-1.4b/trainer_state.json"),),
    ),
    "20": Expected("SmolLM", PAIR, SMOLLM),
    "21": Expected("SmolLM", PAIR, SMOLLM),
    "22": Expected("SmolLM", PAIR, SMOLLM),
    "23": Expected(
        "Llama-2-hf",
        PAIR,
        LLAMA,
        (("harness|hellaswag|0 left out", "0 examples in the prompt", "open panel was taken", *LLAMA),),
    ),
    "24": Expected("pythia", (HELLA, HELLA), {"EleutherAI/pythia-6.9b": (6.9, 67.1, 67.1)}),
    "25": Expected("pythia", (HELLA, HELLA), {"EleutherAI/pythia-1.4b": (1.4, 52, 52)}),
    "26": Expected(
        "internlm2-hf",
        (HELLA, "mmlu"),
        {
            "internlm2-1.8b-hf": (1.8, 60.01, 46),
            "internlm2-7b-hf": (7, 77.58, 63.8),
            "internlm2-20b-hf": (20, 81.2, 67),
        },
        (("truthful_qa",),),
    ),
    "27": Expected("OLMo-hf", (HELLA, HELLA), {"OLMo-1B-hf": (1, 71.1, 71.1)}),
    "29": Expected(
        "Qwen2.5",
        PAIR,
        {"Qwen2.5-0.5B": (0.5, 52, 40), "Qwen2.5-1.5B": (1.5, 52, 40)},
        (("named after the file", "Qwen2.5-0.5B", "Qwen2.5-1.5B"), ZERO_HELLA),
    ),
    "31": Expected(
        ("Llama",) * 3 + ("Llama-2",) * 3,
        ("mmlu", MC2),
        {
            "huggyllama/llama-7b": (6.7, 35.693306, 34.327933),
            "huggyllama/llama-13b": (13, 47.610588, 39.478883),
            "huggyllama/llama-30b": (32.5, 58.446613, 42.273876),
            "meta-llama/Llama-2-7b-hf": (7, 43.796096, 38.980203),
            "meta-llama/Llama-2-13b-hf": (13, 54.337843, 34.172403),
            "meta-llama/Llama-2-70b-hf": (70, 69.832089, 44.923494),
        },
        (
            ("'Model Size (B)' is params_b", "'Winograd' is winogrande", "'TruthfulQA' is truthfulqa_mc2"),
            ("left out", "Pretraining Data Size (T)", "FLOPs (1E21)"),
            FRACTIONS,
        ),
    ),
    "32": Expected(
        "Llama-2-hf",
        PAIR,
        {"meta-llama/Llama-2-13b-hf": (13.02, 82.13, 37.38), "meta-llama/Llama-2-70b-hf": (68.98, 87.33, 44.92)},
        (
            ("'ARC' is arc_challenge", "'TruthfulQA' is truthfulqa_mc2", "'#Params (B)' is params_b"),
            ("columns left out", "Precision", "Hub License"),
            ("no column family", "the models' names"),
        ),
    ),
    "34": Expected("Llama-2", PAIR, TYPED, (("scores.csv", "Markdown"),)),
    "35": Expected("Llama-2", PAIR, TYPED, (("scores.csv", "decimal commas"),)),
    "36": Expected("Llama-2", PAIR, TYPED, (("scores.csv", "the first column, an index", "left out"),)),
    "37": Expected("Llama-2", PAIR, TYPED, (("scores.csv", "columns left out", "piqa, boolq, average"),)),
    "39": Expected(
        "Llama-2",
        PAIR,
        {"Llama-2-7b": (6.738415616, 77.74, 38.98), "Llama-2-13b": (13.01586432, 80.97, 34.17)},
        (("scores.csv", "sizes as numbers of parameters"),),
    ),
    "40": Expected("Llama-2", PAIR, TYPED, (("scores.txt", "UTF-16"),)),
    "41": Expected("Llama-2", PAIR, TYPED, (("scores.csv", "1 line above the headings left out"),)),
    "44": Expected("llama", PAIR, {"llama/7B": (7, 77.74, 38.98), "llama/13B": (13, 80.97, 34.17)}),
    "45": Expected(
        "Llama-2-hf",
        PAIR,
        {
            "meta-llama/Llama-2-7b-hf": (7, 77.74, 38.98),
            "meta-llama/Llama-2-7b-hf [4-bit]": (7, 76.01, 38.12),
            "meta-llama/Llama-2-13b-hf": (13, 80.97, 34.17),
        },
    ),
    "46": Expected(
        "Qwen2",
        PAIR,
        {
            "Qwen/Qwen2-0.5B": (0.5, 49.2, 39.7),
            "Qwen/Qwen2-1.5B": (1.5, 67.1, 45.9),
            "Qwen/Qwen2-7B": (7, 78.7, 59.4),
        },
    ),
    "48": Expected(
        "Llama-3.2",
        PAIR,
        {"meta-llama/Llama-3.2-1B": (1, 64.06, 37.66), "meta-llama/Llama-3.2-3B": (3, 74.36, 39.22)},
    ),
    "49": Expected(
        "Qwen2.5-Instruct-1M",
        PAIR,
        {"Qwen/Qwen2.5-7B-Instruct-1M": (7, 80, 60), "Qwen/Qwen2.5-14B-Instruct-1M": (14, 84, 64)},
    ),
    "51": Expected(
        "Llama-2",
        PAIR,
        {**TYPED, "Llama-2-70b": (70, 87.33, 44.92)},
        (("named after the file", "Llama-2-13b", "Llama-2-70b", "Llama-2-7b"),),
    ),
    "53": Expected(
        "Llama-2-hf",
        PAIR,
        dict(list(LLAMA.items())[:2]),
        (("read 2 of 4 files", "pretrained__Llama-2-7b-hf_hellaswag.json", "samples"),),
    ),
    "61": Expected(
        "internlm2",
        PAIR,
        {
            "internlm/internlm2-1_8b": (1.889110016, 46.79, 39.42),
            "internlm/internlm2-7b": (7.737708544, 79.24, 48.46),
        },
    ),
    "64": Expected(
        "pythia-v1.1",
        OLD_PAIR,
        {
            "EleutherAI/pythia-v1.1-410m": (0.41, 53.35, 21.33),
            "EleutherAI/pythia-v1.1-1b-bf16": (1, 53.67, 24.4),
            "EleutherAI/pythia-v1.1-1.4b": (1.4, 57.22, 26.02),
        },
        ZERO_SHOT,
    ),
    "65": Expected("pythia", PAIR, PYTHIA),
    "66": Expected("nemotron", PAIR, {"nemotron-2b": (2, 60, 37), "nemotron-8b": (8, 75, 40)}),
    "67": Expected(
        "pythia",
        PAIR,
        PYTHIA,
        (("no benchmark of the book", "mmlu_generative"), ("mmlu left out for", *PYTHIA, "no metric")),
    ),
    "68": Expected("pythia", PAIR, PYTHIA, (("gsm8k left out for", *PYTHIA, "flexible-extract", "strict-match"),)),
    "71": Expected("pythia", PAIR, COUNTED, ((*PINNED, *PYTHIA),)),
    "72": Expected(
        "pythia-sft",
        PAIR,
        {"pythia-410m-sft": (0.405334016, 40.86, 40.93), "pythia-1.4b-sft": (1.414647808, 54.96, 38.63)},
    ),
    "73": Expected(
        "Falcon3-Base",
        PAIR,
        {"tiiuae/Falcon3-1B-Base": (1.669408768, 63, 39.5), "tiiuae/Falcon3-3B-Base": (3.227655168, 69.2, 40.1)},
        (("sizes as counted", "tiiuae/Falcon3-1B-Base (1.67B)"),),
    ),
    "76": Expected(
        "Llama-3",
        PAIR,
        {"meta-llama/Meta-Llama-3-8B": (8, 82.01, 43.95), "meta-llama/Meta-Llama-3-70B": (70, 87.98, 45.56)},
        (FRACTIONS,),
    ),
    "80": Expected("pythia-deduped", PAIR, DEDUPED, ((*PINNED, *DEDUPED),)),
    "80b": Expected("pythia-deduped", PAIR, DEDUPED),
    "80d": Expected(
        "pythia-deduped",
        PAIR,
        {
            "EleutherAI/pythia-70m-deduped": (0.07, 27.924364, 45.702566),
            "EleutherAI/pythia-160m-deduped": (0.16, 32.663775, 43.214931),
            "EleutherAI/pythia-410m-deduped": (0.41, 41.855435, 39.980509),
            "EleutherAI/pythia-1b-deduped": (1, 50.801593, 37.631277),
            "EleutherAI/pythia-1.4b-deduped": (1.4, 55.55386, 38.101653),
            "EleutherAI/pythia-2.8b-deduped": (2.8, 61.995765, 34.627233),
            "EleutherAI/pythia-6.9b-deduped": (6.9, 68.31228, 34.687894),
            "EleutherAI/pythia-12b-deduped": (12, 69.765387, 32.63846),
        },
    ),
    "81": Expected(
        "bloom",
        OLD_PAIR,
        {
            "bigscience/bloom-560m": (0.56, 51.46, 22.4),
            "bigscience/bloom-1b7": (1.7, 57.06, 26.79),
            "bigscience/bloom-7b1": (7.1, 64.4, 33.1),
        },
        ((*PINNED, "bigscience/bloom-1b7"),),
    ),
}  # fmt: skip


def check(table: pd.DataFrame, expected: Expected) -> None:
    found = {
        row["model"]: (row["params_b"], row[expected.pair[0]], row[expected.pair[1]])
        for row in table.to_dict("records")
    }
    assert set(found) == set(expected.rows)
    for model, values in expected.rows.items():
        assert found[model] == pytest.approx(values, abs=2e-6), model
    families = [expected.family] * len(table) if isinstance(expected.family, str) else list(expected.family)
    assert table["family"].tolist() == families
    assert table.sort_values(["family", "params_b"], kind="stable").index.tolist() == table.index.tolist()
    notes = table.attrs["notes"]
    assert len(notes) == len(expected.notes), notes
    for words in expected.notes:
        assert any(all(word in note for word in words) for note in notes), (words, notes)


@pytest.mark.parametrize("case", READ)
def test_results_are_read_with_their_models_sizes_families_and_notes(case):
    sizes = folder_of(case) / "sizes.csv"
    check(read_scores(given(case), sizes=sizes if sizes.exists() else None), READ[case])


@pytest.mark.parametrize("case", READ)
def test_a_table_written_by_cape_scores_reads_back_the_same(case, tmp_path, capsys):
    out = tmp_path / "out.csv"
    assert cli.main(["scores", str(given(case)), "--to", str(out)]) == 0
    said = words_of(capsys.readouterr().out)
    table = read_scores(given(case))
    for model in table["model"]:
        assert model in said
    for note in table.attrs["notes"]:
        assert f"Note:{note}".replace(" ", "") in said.replace(" ", "")
    pd.testing.assert_frame_equal(read_scores(out), table)


def test_a_name_in_a_note_is_not_broken_at_the_end_of_a_line(capsys):
    for case, names in (("16", LLAMA), ("23", LLAMA), ("53", ["pretrained__Llama-2-7b-hf_hellaswag.json"])):
        assert cli.main(["scores", str(given(case))]) == 0
        (note,) = capsys.readouterr().out.split("Note: ")[1:]
        assert [name for name in names if name not in note] == []


# What is known of each measurement, in the order of the rows above.
CONDITIONS = {
    "04": {"revision": ["step143000", "step143000", "step23000"]},
    "09": {"adapter": ["none", "peft=/runs/lora-truth/adapter", "none"]},
    "10": {f"{MC2}_version": [f"{MC2} 2", f"{MC2} 2", f"{MC2} 3"], f"{HELLA}_version": [f"{HELLA} 1"] * 3},
    "16": {"mmlu_version": ["hendrycksTest 0"] * 3},
    "13": {"mmlu_version": ["hendrycksTest 1"] * 3, "dtype": ["float16"] * 3, f"{ARC}_shots": [25] * 3},
    "20": {f"{HELLA}_shots": [10] * 3, "harness": ["lighteval"] * 3},
    "21": {f"{HELLA}_shots": [10] * 3, f"{MC2}_shots": [0] * 3},
    "22": {f"{HELLA}_shots": [10] * 3, f"{MC2}_shots": [0] * 3},
    "23": {f"{HELLA}_shots": [10] * 3},
    "24": {"harness": ["HELM"]},
    "25": {"harness": ["Inspect"], f"{HELLA}_items": [10042]},
    "26": {"harness": ["OpenCompass"] * 3, f"{HELLA}_formulation": ["ppl"] * 3},
    "27": {"harness": ["OLMES"], f"{HELLA}_formulation": ["mc"]},
    "29": {"harness": ["mlx_lm"] * 2, f"{HELLA}_shots": [0] * 2},
    "45": {"quantisation": ["none", "4-bit", "none"], "dtype": ["float16", None, "float16"]},
    "46": {
        "chat_template": ["none", "none", "applied"],
        "system_prompt": ["none", "none", "You are a helpful assistant."],
    },
    "64": {"dtype": [None, "bfloat16", None]},
    "71": {"revision": ["9879c9b5f8bea9051dcb0e68dff21493d67e9d4f", "fedc38a16eea3bd36a96b906d78d11d2ce18ed79"]},
    "72": {"revision": ["checkpoint-2000"] * 2},
    "80": {"revision": ["9c1bb2f4d0b0c3e2b2f3c7e1d5a6b7c8d9e0f1a2"] * 8, "dtype": ["bfloat16"] * 8},
    "81": {"revision": ["cc72a88036c2fb937d65efeacc57a0c2ef5d6fe5"] * 3},
}  # fmt: skip


@pytest.mark.parametrize("case", CONDITIONS)
def test_how_each_model_was_measured_stands_beside_its_scores(case):
    table = read_scores(given(case)).set_index("model").loc[list(READ[case].rows)]
    for column, values in CONDITIONS[case].items():
        assert [None if pd.isna(value) else value for value in table[column]] == values, column


# What the message must hold: the place, what is there, the remedy.
REFUSED = {
    "14": (
        "Llama-2-13b-hf/results_2023-08-19",
        "harness|truthfulqa:mc|0.mc2",
        "got 'nan'",
        "run it again",
    ),
    "15": ("Llama-2-70b-hf/results_2024-02-19", "config_general.max_samples", "got '10'", "cut short"),
    "17": ("pythia-410m_01-05-2023.json", "pythia-410m_12-30-2022.json", "no date inside", "keep one"),
    "28": ("reports/Qwen2.5-0.5B/hellaswag.json", "EvalScope", "into a CSV (model, params_b"),
    "30": ("results.yml", "NeMo Evaluator", "into a CSV (model, params_b"),
    "33": ("results.md", "the table that lm_eval prints", "does not name its model", "--output_path", "CSV"),
    "38": ("scores.csv, line 4, column 'params_b'", "got '8x7B'", "mixture of experts", "in billions"),
    "42": ("scores.csv, line 3, column 'model'", "got 'Llama-2-7b'", "another row"),
    "43": ("scores.csv, line 2, column 'hellaswag'", "got '0.7774'", "looks like a fraction", "77.74"),
    "52": ("samples_hellaswag_", "samples of lm-evaluation-harness", "name no model", "give the folder"),
    "59": ("line 2, column 'params_b': got '70'", "write 0.07", "line 5", "got '1400'", "write 1.4"),
    "60": ("scores.csv, line 3, column 'params_b'", "got '410'", "in billions", "write 0.41"),
    "70": ("EleutherAI__pythia-1.4b/results_2025-05-01", "config.limit", "got '-1'", "without one"),
    "74": ("scores_BIG-G_2b_T=0.json", "BIG-bench", "none of the book's benchmarks", "into a CSV"),
    "75": ("EleutherAI__pythia-410m/results_2025-05-01", "no benchmark", "tinyHellaswag", "tinyTruthfulQA"),
    "77": ("scores.csv", "column 'gsm8k'", "0.5406", "fractions", "multiply the column by 100"),
    "78": ("scores.xlsx", "cannot be opened", "as CSV"),
    "79": ("scores.parquet", "cannot be opened", "as CSV"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_refused_with_the_place_and_the_remedy(case, tmp_path, capsys):
    with pytest.raises(DataError) as caught:
        read_scores(given(case))
    for word in REFUSED[case]:
        assert word in str(caught.value)
    out = tmp_path / "out.csv"
    for command in (["scores", str(given(case)), "--to", str(out)], ["diagnose", str(given(case))]):
        assert cli.main(command) == 2
        printed, err = capsys.readouterr()
        assert printed == ""
        assert err.startswith(f"cape {command[0]}: ")
        assert all(word in err for word in REFUSED[case])
        assert "Traceback" not in err
    assert not out.exists()


def test_a_refusal_does_not_deny_files_that_are_there():
    with pytest.raises(DataError) as caught:
        read_scores(given("75"))
    assert "no file results_" not in str(caught.value)


def test_only_the_broken_rows_and_files_are_named():
    named = {"14": "Llama-2-13b-hf", "43": "line 2", "60": "line 3"}
    others = {"14": ("Llama-2-7b", "Llama-2-70b"), "43": ("line 3",), "60": ("line 2", "line 4")}
    for case, word in named.items():
        with pytest.raises(DataError) as caught:
            read_scores(given(case))
        assert word in str(caught.value)
        assert not any(other in str(caught.value) for other in others[case])


# Pair asked for, and what the refusal must hold.
NOT_THERE = {
    "11": (PAIR, ("no score of hellaswag", "bypass", "'acc_norm,none' is needed", "--x, --y")),
    "12": (PAIR, ("no score of hellaswag", "it holds gpqa_diamond, ifeval", "--x gpqa_diamond --y ifeval")),
    "26": ((HELLA, MC2), ("no score of truthfulqa_mc2", "it holds hellaswag, mmlu")),
    "67": (("mmlu", MC2), ("no score of mmlu", "MMLU was left out", "no metric")),
    "68": ((HELLA, "gsm8k"), ("no score of gsm8k", "GSM8K was left out", "flexible-extract", "strict-match")),
    "77": (("gsm8k", MC2), ("column 'gsm8k'", "0.5406", "multiply the column by 100")),
}


@pytest.mark.parametrize("case", NOT_THERE)
def test_a_benchmark_that_was_left_out_is_explained_when_asked_for(case, capsys):
    (x, y), words = NOT_THERE[case]
    assert cli.main(["diagnose", str(given(case)), "--x", x, "--y", y]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    for word in words:
        assert word in err


class Ladder(NamedTuple):
    """Models on the condition that is diagnosed, words on it, the model left out and words on that."""

    family: str
    pair: tuple[str, str]
    kept: list[str]
    on: str
    left_out: str
    other: str
    mixed: str


LADDERS = {
    "04": Ladder(
        "pythia", OLD_PAIR, ["EleutherAI/pythia-410m", "EleutherAI/pythia-1.4b@step143000"],
        "step143000", "EleutherAI/pythia-1.4b@step23000", "step23000", "one size",
    ),
    "09": Ladder(
        "llama", PAIR, ["huggyllama/llama-7b", "huggyllama/llama-13b"],
        "no adapter", "huggyllama/llama-7b [adapter]", "adapter", "one size",
    ),
    "10": Ladder(
        "pythia", PAIR, ["EleutherAI/pythia-410m", "EleutherAI/pythia-1.4b"],
        f"version of {MC2} 2", "EleutherAI/pythia-6.9b", f"version of {MC2} 3", f"version of {MC2} 2 (",
    ),
    "45": Ladder(
        "Llama-2-hf", PAIR, ["meta-llama/Llama-2-7b-hf", "meta-llama/Llama-2-13b-hf"],
        "no quantisation", "meta-llama/Llama-2-7b-hf [4-bit]", "4-bit", "one size",
    ),
    "46": Ladder(
        "Qwen2", PAIR, ["Qwen/Qwen2-0.5B", "Qwen/Qwen2-1.5B"],
        "no chat template", "Qwen/Qwen2-7B", "chat template applied", "chat template none (",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", LADDERS)
def test_a_family_is_diagnosed_on_one_condition_and_a_note_names_who_is_left_out(case):
    expected = LADDERS[case]
    x, y = expected.pair
    diagnoses, left_out = diagnose_all(read_scores(given(case)), x=x, y=y, draws=200)
    assert list(diagnoses) == [expected.family]
    assert left_out == ()
    diagnosis = diagnoses[expected.family]
    assert [score.model for score in diagnosis.scores] == expected.kept
    assert [(step.from_model, step.to_model) for step in diagnosis.intervals] == [tuple(expected.kept)]
    (note,) = diagnosis.condition
    assert note.startswith(f"{expected.family}: diagnosed on ")
    on, _, others = note.partition("; left out: ")
    assert expected.on in on
    assert expected.left_out in others
    assert expected.other in others.replace(expected.left_out, "")
    assert not any(f"{model} (" in others for model in expected.kept)


@pytest.mark.parametrize("case", LADDERS)
def test_mixed_conditions_are_compared_only_when_asked_for_and_never_at_one_size(case):
    expected = LADDERS[case]
    x, y = expected.pair
    scores = read_scores(given(case))
    if expected.mixed == "one size":
        with pytest.raises(ValueError, match="several models of one size") as caught:
            diagnose_all(scores, x=x, y=y, mixed=True, draws=200)
        assert expected.left_out in str(caught.value)
        return
    diagnosis = diagnose_all(scores, x=x, y=y, mixed=True, draws=200)[0][expected.family]
    assert [score.model for score in diagnosis.scores] == [*expected.kept, expected.left_out]
    (note,) = diagnosis.condition
    assert "under different conditions" in note
    assert expected.mixed in note
    assert expected.left_out in note


def test_the_terminal_says_who_is_left_out_and_mixed_keeps_everyone(capsys):
    assert cli.main(["diagnose", str(given("46"))]) == 0
    alone = words_of(capsys.readouterr().out)
    assert "diagnosed on no chat template" in alone
    assert "left out: Qwen/Qwen2-7B (chat template applied" in alone
    assert cli.main(["diagnose", str(given("46")), "--mixed"]) == 0
    mixed = words_of(capsys.readouterr().out)
    assert "models measured under different conditions are compared, as asked for" in mixed
    assert "left out: Qwen" not in mixed
    assert cli.main(["diagnose", str(given("45")), "--mixed"]) == 2
    assert "several models of one size" in capsys.readouterr().err


@pytest.mark.parametrize("case", ["02", "12", "64"])
def test_all_sizes_measured_alike_form_one_ladder(case):
    expected = READ[case]
    diagnoses, left_out = diagnose_all(
        read_scores(given(case)), x=expected.pair[0], y=expected.pair[1], draws=200
    )
    assert left_out == ()
    assert [score.model for score in diagnoses[expected.family].scores] == list(expected.rows)


@pytest.mark.parametrize("case", ["80", "80b", "80d"])
def test_models_of_the_panel_are_known_again_under_a_commit_and_when_measured_again(case):
    assert overlapping_families(read_scores(given(case))) == {"Pythia"}


def test_mixtures_are_asked_for_or_taken_at_their_active_size(capsys):
    with pytest.raises(UnknownSizes) as caught:
        read_scores(given("47"))
    for word in ("granite-3.1-1b-a400m-base", "mixture of experts", "0.4B", "0.8B", "--active", "sizes.csv"):
        assert word in str(caught.value)
    table = read_scores(given("47"), active=True)
    assert dict(zip(table["model"], table["params_b"], strict=True)) == {
        "ibm-granite/granite-3.1-1b-a400m-base": 0.4,
        "ibm-granite/granite-3.1-3b-a800m-base": 0.8,
    }
    assert set(table["family"]) == {"granite-3.1-base"}
    assert table[HELLA].tolist() == [62.15, 73.36]
    assert cli.main(["scores", str(given("47")), "--active"]) == 0
    assert "granite-3.1-1b-a400m-base (0.4B): hellaswag 62.1" in capsys.readouterr().out


def test_active_does_not_help_where_the_name_tells_no_active_size():
    with pytest.raises(UnknownSizes, match="gpt-oss-20b"):
        read_scores(given("58"), active=True)


@pytest.mark.parametrize(
    ("case", "family", "wanted"),
    [
        ("58", "gpt-oss", {"openai/gpt-oss-20b": 20.9, "openai/gpt-oss-120b": 116.8}),
        (
            "47",
            "granite-3.1-base",
            {"ibm-granite/granite-3.1-1b-a400m-base": 1.33, "ibm-granite/granite-3.1-3b-a800m-base": 3.3},
        ),
    ],
)
def test_the_table_to_paste_works_once_it_is_completed(case, family, wanted, tmp_path, capsys):
    with pytest.raises(UnknownSizes) as caught:
        read_scores(given(case))
    paste = caught.value.paste
    asked = list(csv.DictReader(io.StringIO(paste)))
    assert {row["model"]: (row["params_b"], row["family"]) for row in asked} == dict.fromkeys(
        wanted, ("", family)
    )
    assert cli.main(["diagnose", str(given(case))]) == 2
    assert paste in capsys.readouterr().err  # the lines stand alone, ready to copy
    sizes = tmp_path / "sizes.csv"
    for row in asked:
        row["params_b"] = wanted[row["model"]]
    pd.DataFrame(asked).to_csv(sizes, index=False)
    table = read_scores(given(case), sizes=sizes)
    assert dict(zip(table["model"], table["params_b"], strict=True)) == wanted
    assert set(table["family"]) == {family}
    assert cli.main(["diagnose", str(given(case)), "--sizes", str(sizes)]) == 0


@pytest.mark.parametrize(
    ("case", "sizes", "families", "params_b"),
    [
        ("02", "57", {"bloom"}, [0.56, 1.1, 1.7, 3.0, 7.1]),
        ("44", "63", {"LLaMA"}, [6.7, 13.0]),
        ("81", "81", {"bloom"}, [0.56, 1.7, 7.1]),
    ],
)
def test_a_table_of_sizes_goes_before_the_names(case, sizes, families, params_b):
    table = read_scores(given(case), sizes=folder_of(sizes) / "sizes.csv")
    assert set(table["family"]) == families
    assert table["params_b"].tolist() == params_b


def test_units_percent_signs_and_gaps_are_understood_without_the_mixture(tmp_path):
    lines = given("38").read_text(encoding="utf-8").splitlines(keepends=True)
    path = tmp_path / "scores.csv"
    path.write_text("".join(line for line in lines if "8x7B" not in line), encoding="utf-8")
    table = read_scores(path).set_index("model")
    assert table["params_b"].to_dict() == {"Llama-2-7b": 7.0, "Llama-2-13b": 13.0, "OPT": 0.35}
    assert table.loc["Llama-2-7b", HELLA] == 77.74
    assert table["mmlu"].isna().to_dict() == {"Llama-2-7b": True, "Llama-2-13b": False, "OPT": True}
    (note,) = table.attrs["notes"]
    for word in ("missing values", "percent signs", "sizes with their unit"):
        assert word in note


def test_a_fault_below_a_title_is_named_with_the_line_of_the_file(tmp_path):
    path = tmp_path / "scores.csv"
    path.write_text(
        "\n\n" + given("41").read_text(encoding="utf-8").replace("80.97", "80.97x"), encoding="utf-8"
    )
    with pytest.raises(DataError) as caught:
        read_scores(path)
    assert "scores.csv, line 6, column 'hellaswag': got '80.97x'" in str(caught.value)


def test_two_runs_of_one_model_are_one_though_only_one_of_them_states_its_commit(tmp_path):
    folder = tmp_path / "results"
    shutil.copytree(given("65"), folder)
    for path in folder.glob("*/results_2025-05-02*.json"):
        document = json.loads(path.read_text(encoding="utf-8"))
        document["config"]["model_args"] += ",revision=9c1bb2f4d0b0c3e2b2f3c7e1d5a6b7c8d9e0f1a2"
        path.write_text(json.dumps(document), encoding="utf-8")
    check(read_scores(folder), Expected("pythia", PAIR, PYTHIA, ((*PINNED, *PYTHIA),)))


def own_table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "model": ["Llama-2-7b", "Llama-2-13b"],
            "family": "Llama-2",
            "params_b": [7.0, 13.0],
            HELLA: [77.74, 80.97],
            MC2: [38.98, 34.17],
        }
    )


def test_parquet_is_read(tmp_path):
    own_table().to_parquet(tmp_path / "scores.parquet", index=False)
    check(
        read_scores(tmp_path / "scores.parquet"),
        Expected("Llama-2", PAIR, TYPED, (("scores.parquet", "Parquet"),)),
    )


def workbook(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return path


def test_a_workbook_without_openpyxl_is_refused_by_its_name(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openpyxl", None)  # as where it is not installed
    with pytest.raises(DataError) as caught:
        read_scores(workbook(tmp_path / "scores.xlsx"))
    for word in ("scores.xlsx", "pip install openpyxl", "save it as CSV"):
        assert word in str(caught.value)


def test_a_workbook_is_read_where_pandas_reads_it(tmp_path, monkeypatch):
    monkeypatch.setattr(pd, "read_excel", lambda _: own_table())
    check(
        read_scores(workbook(tmp_path / "scores.xlsx")),
        Expected("Llama-2", PAIR, TYPED, (("scores.xlsx", "first sheet"),)),
    )


def test_a_file_that_is_there_is_not_replaced(tmp_path, capsys):
    out = tmp_path / "out.csv"
    out.write_text("mine\n", encoding="utf-8")
    assert cli.main(["scores", str(given("65")), "--to", str(out)]) == 2
    printed, err = capsys.readouterr()
    assert printed == ""
    assert "out.csv exists and is not replaced" in err
    assert "--force" in err
    assert out.read_text(encoding="utf-8") == "mine\n"
    assert cli.main(["scores", str(given("65")), "--to", str(out), "--force"]) == 0
    assert read_scores(out)["model"].tolist() == list(PYTHIA)


def test_a_result_of_other_tasks_alone_is_counted_and_left_out(tmp_path, capsys):
    folder = tmp_path / "results"
    shutil.copytree(given("10"), folder)
    path = next(folder.glob("EleutherAI__pythia-6.9b/results_*.json"))
    document = json.loads(path.read_text(encoding="utf-8"))
    document["results"] = {"piqa": {"acc,none": 0.7}}
    path.write_text(json.dumps(document), encoding="utf-8")
    table = read_scores(folder)
    assert table["model"].tolist() == list(PYTHIA)
    (note,) = (note for note in table.attrs["notes"] if note.startswith("read 2 of 3 files"))
    assert "EleutherAI__pythia-6.9b/results_" in note
    assert "piqa" in note
    assert table.attrs["read"] == "read 2 of 3 files"
    assert cli.main(["scores", str(folder)]) == 0
    assert "Note: read 2 of 3 files; left out EleutherAI__pythia-6.9b/" in words_of(capsys.readouterr().out)


NAMES = [
    (row["name"], row["params_b"])
    for row in csv.DictReader(io.StringIO((RESULTS / "model_names.csv").read_text(encoding="utf-8")))
]


def test_there_are_names_with_and_without_a_size():
    assert (len(NAMES), sum(not size for _, size in NAMES)) == (142, 29)


@pytest.mark.parametrize(("name", "params_b"), NAMES, ids=[name for name, _ in NAMES])
def test_a_public_name_gives_its_published_size_or_is_refused(name, params_b):
    if params_b:
        assert model_names.size_from_name(name) == pytest.approx(float(params_b), rel=1e-9)
        return
    with pytest.raises(model_names.SizeError) as caught:
        model_names.size_from_name(name)
    assert name.rpartition("/")[2] in str(caught.value)
    assert "--sizes FILE" in str(caught.value)


CARD = """# MyLM

Some words | with a bar in them.

| Use | Licence |
|---|---|
| research | apache-2.0 |

| Benchmark | MyLM-0.5B | MyLM-1.5B |
|:--|--:|--:|
| HellaSwag (10-shot) | 49.1 | 61.4 |
| TruthfulQA (MC2) | 39.7 | 45.9 |
| PIQA | 70.1 | 75.5 |
"""


def test_a_model_card_is_searched_for_its_table_and_turned(tmp_path):
    path = tmp_path / "README.md"
    path.write_text(CARD, encoding="utf-8")
    table = read_scores(path)
    assert table["model"].tolist() == ["MyLM-0.5B", "MyLM-1.5B"]
    assert table["family"].tolist() == ["MyLM", "MyLM"]
    assert table[["params_b", "hellaswag", "truthfulqa_mc2"]].to_numpy().tolist() == [
        [0.5, 49.1, 39.7],
        [1.5, 61.4, 45.9],
    ]
    notes = "\n".join(table.attrs["notes"])
    for words in ("turned, so that each model is a row", "'HellaSwag (10-shot)' is hellaswag", "PIQA"):
        assert words in notes


def test_a_folder_of_tables_asks_for_one_of_them(tmp_path):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("model,family,params_b,mmlu\nm,f,1,30\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"2 tables \(a.csv, b.csv\); give one of them"):
        read_scores(tmp_path)
    (tmp_path / "b.csv").unlink()
    assert read_scores(tmp_path)["mmlu"].tolist() == [30.0]


def test_arc_of_no_set_is_asked_for_and_never_dropped(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("model,family,params_b,ARC,mmlu\na,f,1,40,30\nb,f,3,50,35\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"column 'ARC'.*name the column arc_challenge"):
        read_scores(path)


def test_one_row_for_each_benchmark_in_a_csv_is_turned_too(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("task,fam-1b,fam-3b\nhellaswag,40,50\nmmlu,30,35\n", encoding="utf-8")
    assert read_scores(path)[["hellaswag", "mmlu"]].to_numpy().tolist() == [[40.0, 30.0], [50.0, 35.0]]


def test_json_of_another_program_with_results_is_left_out(tmp_path):
    folder = tmp_path / "r"
    shutil.copytree(given("65"), folder)
    (folder / "scan.json").write_text('{"results": [{"rule": "x"}]}', encoding="utf-8")
    table = read_scores(folder)
    assert len(table) == 2
    assert "scan.json: no results of an evaluation" in table.attrs["notes"][0]
