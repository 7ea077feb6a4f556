"""Answers to each item beside results: which file belongs to which model, what is read, and what a diagnosis makes of it."""

from __future__ import annotations

import hashlib
import json
import re
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cape_utils.diagnosis.advice import advise
from cape_utils.diagnosis.family_diagnosis import diagnose
from cape_utils.diagnosis.paired_noise import paired_noise
from cape_utils.evaluations.reading import read_scores
from cape_utils.evaluations.sample_logs import is_log, logs_of_runs, match_items, read_log
from cape_utils.evaluations.tasks import SUBJECTS
from cape_utils.reports.render import as_text

STAMP = "2025-05-01T10-00-00.000000"
X, Y = "hellaswag", "truthfulqa_mc2"
METRIC = {X: "acc_norm", Y: "acc", "mmlu": "acc", "gsm8k": "exact_match"}
MODELS = ("org/fam-410m", "org/fam-1.4b", "org/fam-6.9b")


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def rows_of(task: str, scores, *, start: int = 0, prompt: str = "", **more) -> list[dict]:
    """Rows as the harness logs them, with a decoy beside the metric that counts."""
    metric = METRIC["mmlu" if task.startswith(("mmlu_", "hendrycksTest-")) else task]
    return [
        {
            "doc_id": place,
            "doc": {"query": f"question {place}"},
            "target": "1",
            "resps": [[["-1.5", "False"]]],
            "doc_hash": sha(f"{task} {place}"),
            "prompt_hash": sha(f"{prompt}{task} prompt {place}"),
            "target_hash": sha("1"),
            "filter": "none",
            "acc": 1.0 - round(float(score)),
            metric: float(score),
            **more,
        }
        for place, score in enumerate(scores, start)
    ]


def write_rows(path: Path, rows) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_run(
    folder: Path, model: str, logs: dict[str, list[dict]], *, stamp: str = STAMP, results=None, without=()
) -> Path:
    """One run of the harness: its results, and the answers behind each of them beside it."""
    own = folder / model.replace("/", "__")
    means = {
        task: {
            f"{METRIC.get(task, 'acc')},none": float(np.mean([row[METRIC.get(task, "acc")] for row in rows]))
        }
        for task, rows in logs.items()
    }
    document = {
        "results": means if results is None else results,
        "n-shot": {X: 10, Y: 0},
        "n-samples": {task: {"original": len(rows), "effective": len(rows)} for task, rows in logs.items()},
        "config": {"model": "hf", "model_args": f"pretrained={model},dtype=float16", "limit": None},
        "model_name": model,
    }
    own.mkdir(parents=True, exist_ok=True)
    path = own / f"results_{stamp}.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    for task, rows in logs.items():
        if task not in without:
            write_rows(own / f"samples_{task}_{stamp}.jsonl", rows)
    return path


def ladder_scores(n_x: int = 1000, n_y: int = 800, seed: int = 0) -> list[dict[str, np.ndarray]]:
    """Answers of three models that find the same items hard; the second score falls far and then rises a little."""
    rng = np.random.default_rng(seed)
    hard, level = rng.normal(size=n_x), rng.uniform(0.12, 0.8, size=n_y)
    found = []
    for threshold, shift in ((-0.25, 0.0), (0.05, -0.08), (0.36, -0.05)):
        own = 0.95 * hard + np.sqrt(1 - 0.95**2) * rng.normal(size=n_x)
        mc2 = np.clip(level + shift + rng.normal(0, 0.06, size=n_y), 0, 1)
        found.append({X: (own < threshold).astype(float), Y: mc2})
    return found


def family(folder: Path, *, without=(), change=None, **sizes) -> Path:
    """Three models of one family with the answers to both benchmarks; ``change`` may spoil the logs of one model."""
    for place, (model, scores) in enumerate(zip(MODELS, ladder_scores(**sizes), strict=True)):
        logs = {task: rows_of(task, values) for task, values in scores.items()}
        if change is not None:
            logs = change(place, logs)
        write_run(folder, model, logs, without=without if place == 2 else ())
    return folder


SMALL = {"n_x": 60, "n_y": 50}


def matched(table, benchmark: str):
    own = table.attrs["samples"][benchmark]
    reported = dict(zip(table["model"], table[benchmark], strict=True))
    return match_items({model: own[model] for model in reported}, benchmark, reported)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (f"samples_hellaswag_{STAMP}.jsonl", True),
        ("samples_hellaswag.jsonl", True),
        ("samples_mmlu_us_foreign_policy_2024-07-21T12:34:56.789.jsonl", True),
        ("samples_hendrycksTest-anatomy_2024-07-21T12-34-56.jsonl", True),
        ("details_leaderboard|hellaswag|10_2025-05-01T10-00-00.000000.parquet", True),
        (f"results_{STAMP}.json", False),
        ("samples.jsonl", False),
        ("samples_hellaswag.json", False),
        ("my_samples_hellaswag.jsonl", False),
        ("samples_hellaswag.jsonl.bak", False),
    ],
)
def test_the_names_of_logs(name, expected):
    assert is_log(Path("folder", name)) is expected


def test_logs_are_found_and_tied_to_their_models(tmp_path):
    table = read_scores(family(tmp_path, **SMALL))
    assert table["model"].tolist() == list(MODELS)
    for benchmark in (X, Y):
        own = table.attrs["samples"][benchmark]
        assert set(own) == set(MODELS)
        for model in MODELS:
            expected = tmp_path / model.replace("/", "__") / f"samples_{benchmark}_{STAMP}.jsonl"
            assert [Path(path) for path in own[model]] == [expected]
    assert set(table.attrs["samples"]) == {X, Y}
    assert table.attrs["read"] == "read 9 of 9 files"
    assert not any("samples_" in note for note in table.attrs["notes"])


def test_the_scores_of_a_log_are_those_of_its_metric_in_the_order_of_the_file(tmp_path):
    scores = ladder_scores(**SMALL)[0]
    for benchmark, values in scores.items():
        rows = rows_of(benchmark, values)
        found = read_log(write_rows(tmp_path / f"samples_{benchmark}_{STAMP}.jsonl", rows), benchmark)
        assert found.scores.tolist() == pytest.approx(values.tolist())
        assert found.scores.dtype == np.float32
        assert len(set(found.items.tolist())) == len(set(found.prompts.tolist())) == len(values)


@pytest.mark.parametrize("key", ["doc_hash", "doc_id"])
def test_answers_are_matched_in_whatever_order_the_rows_stand(tmp_path, key):
    def shuffled(place, logs):
        order = np.random.default_rng(place)
        for rows in logs.values():
            order.shuffle(rows)
            if key == "doc_hash":  # then the number says nothing
                for number, row in enumerate(rows):
                    row["doc_id"] = number
            else:
                for row in rows:
                    del row["doc_hash"]
        return logs

    table = read_scores(family(tmp_path, change=shuffled, **SMALL))
    for benchmark in (X, Y):
        found = matched(table, benchmark)
        expected = np.column_stack([scores[benchmark] for scores in ladder_scores(**SMALL)])
        assert found.scores.models == MODELS
        assert sorted(found.scores.values.tolist()) == sorted(expected.astype(np.float32).tolist())
        assert found.scores.covariance() == pytest.approx(
            np.cov(100 * expected, rowvar=False) / len(expected), rel=1e-5
        )
        assert found.unmatched == {}


def test_an_item_that_one_model_lacks_is_counted_and_named(tmp_path):
    table = read_scores(
        family(tmp_path, change=lambda p, logs: {**logs, X: logs[X][3 * (p == 1) :]}, **SMALL)
    )
    found = matched(table, X)
    assert found.scores.n == 57
    assert found.unmatched == {MODELS[0]: 3, MODELS[2]: 3}
    diagnosis = diagnose(table, draws=200)
    assert diagnosis.paired.items == {X: 57, Y: 50}
    assert diagnosis.paired.unmatched[X] == {MODELS[0]: 3, MODELS[2]: 3}
    report = plain(diagnosis)
    assert "HellaSwag: 3 items of fam-410m were not answered by every model, and left out" in report
    # The draws lie around the scores reported, which rest on all items of each model.
    assert diagnosis.intervals[0].dx == pytest.approx(table[X].diff().iloc[1])


def test_too_few_items_in_common_are_refused(tmp_path):
    def other_items(place, logs):
        return {**logs, X: rows_of(X, [row["acc_norm"] for row in logs[X]], start=40 * place)}

    with pytest.raises(ValueError, match="HellaSwag: only 0 of 60 items were answered by every model"):
        matched(read_scores(family(tmp_path, change=other_items, **SMALL)), X)


@pytest.mark.parametrize("count", [1, 60])
def test_different_prompts_are_refused(tmp_path, count):
    def reworded(place, logs):
        for row in logs[X][: count * (place == 1)]:
            row["prompt_hash"] = sha("another wording" + row["prompt_hash"])
        return logs

    table = read_scores(family(tmp_path, change=reworded, **SMALL))
    with pytest.raises(ValueError, match="HellaSwag: the models were shown different prompts"):
        matched(table, X)
    paired = diagnose(table, draws=200).paired
    assert set(paired.items) == {Y}
    (why,) = paired.refused
    assert "different prompts" in why


def test_logs_without_hashes_of_prompts_are_taken(tmp_path):
    def silent(place, logs):
        for rows in logs.values():
            for row in rows if place == 0 else ():
                del row["prompt_hash"]
        return logs

    assert matched(read_scores(family(tmp_path, change=silent, **SMALL)), X).scores.n == 60


@pytest.mark.parametrize("off_by", [0.002, 0.2])
def test_answers_that_do_not_give_the_reported_score_are_refused(tmp_path, off_by):
    family(tmp_path, **SMALL)
    path = tmp_path / "org__fam-1.4b" / f"results_{STAMP}.json"
    document = json.loads(path.read_text())
    document["results"][X]["acc_norm,none"] += off_by
    path.write_text(json.dumps(document))
    table = read_scores(tmp_path)
    with pytest.raises(
        ValueError, match=r"HellaSwag: the answers of org/fam-1\.4b give .*where its result says"
    ):
        matched(table, X)
    diagnosis = diagnose(table, draws=200)
    assert set(diagnosis.paired.items) == {Y}
    assert "org/fam-1.4b" in diagnosis.paired.refused[0]
    assert "Not used, or not there: HellaSwag" in plain(diagnosis)


def test_where_one_model_has_no_answers_its_steps_alone_keep_the_upper_bound(tmp_path):
    table = read_scores(family(tmp_path, without=(X,), **SMALL))
    assert set(table.attrs["samples"][X]) == set(MODELS[:2])
    diagnosis = diagnose(table, draws=200)
    assert set(diagnosis.paired.items) == {X, Y}
    assert diagnosis.paired.refused == (f"{X}: no answers of {MODELS[2]}, whose steps keep the upper bound",)
    whole = diagnose(read_scores(family(tmp_path / "whole", **SMALL)), draws=200)
    bare = diagnose(without_logs(table), draws=200)
    paired, bound = ([step.se_dx for step in one.intervals] for one in (whole, bare))
    assert diagnosis.intervals[0].se_dx == pytest.approx(paired[0])
    assert diagnosis.intervals[1].se_dx == pytest.approx(bound[1], rel=0.05)
    assert paired[1] < 0.9 * bound[1]


def test_the_answers_of_one_model_alone_are_told(tmp_path):
    table = read_scores(family(tmp_path, **SMALL))
    logs = {X: {MODELS[0]: ["nowhere.jsonl"]}}
    noise, remeasured = paired_noise(table, (X, Y), logs)
    assert remeasured == {}
    assert noise.refused == (f"{X}: answers of {MODELS[0]} alone, and a step needs those of two models",)


def test_paired_noise_without_any_logs_is_none(tmp_path):
    table = read_scores(family(tmp_path, **SMALL))
    assert paired_noise(table, (X, Y), {}) == (None, {})


GSM8K = {"strict-match": [1.0, 0.0, 0.0, 1.0] * 10, "flexible-extract": [1.0, 1.0, 0.0, 1.0] * 10}


def gsm8k_rows(order: str) -> list[dict]:
    by_filter = {name: rows_of("gsm8k", values, filter=name) for name, values in GSM8K.items()}
    strict, flexible = by_filter.values()
    if order == "one after the other":
        return strict + flexible
    if order == "the other way round":
        return flexible + strict
    return [row for pair in zip(flexible, strict, strict=True) for row in pair]


@pytest.mark.parametrize("order", ["one after the other", "the other way round", "in turns"])
def test_of_two_filters_that_of_the_score_is_taken(tmp_path, order):
    path = write_rows(tmp_path / f"samples_gsm8k_{STAMP}.jsonl", gsm8k_rows(order))
    found = read_log(path, "gsm8k")
    assert found.scores.tolist() == GSM8K["strict-match"]


def test_two_filters_through_a_whole_folder(tmp_path):
    results = {
        "gsm8k": {f"exact_match,{name}": float(np.mean(values)) for name, values in reversed(GSM8K.items())}
    }
    for model in MODELS:
        write_run(tmp_path, model, {"gsm8k": gsm8k_rows("one after the other")}, results=results)
    table = read_scores(tmp_path)
    assert table["gsm8k"].tolist() == [50.0] * 3
    assert matched(table, "gsm8k").scores.score_pct().tolist() == [50.0] * 3


def test_logs_of_old_versions_without_filters_and_stamps(tmp_path):
    rows = rows_of(X, [1.0, 0.0] * 20)
    for row in rows:
        del row["filter"]
    assert read_log(write_rows(tmp_path / "samples_hellaswag.jsonl", rows), X).scores.mean() == 0.5


def test_two_runs_in_one_folder_are_tied_to_their_own_logs(tmp_path):
    later = "2025-06-01T10-00-00.000000"
    for place, model in enumerate(MODELS):
        rng = np.random.default_rng(place)
        old = {X: rows_of(X, rng.integers(0, 2, 60)), Y: rows_of(Y, rng.uniform(size=50))}
        write_run(tmp_path, model, old)
        # Run again later, HellaSwag alone.
        write_run(tmp_path, model, {X: rows_of(X, rng.integers(0, 2, 60))}, stamp=later)
    table = read_scores(tmp_path)
    for benchmark, stamp in ((X, later), (Y, STAMP)):
        for model in MODELS:
            (path,) = table.attrs["samples"][benchmark][model]
            assert Path(path).name == f"samples_{benchmark}_{stamp}.jsonl"
        assert matched(table, benchmark).scores.score_pct() == pytest.approx(
            table[benchmark].to_numpy(), abs=1e-4
        )


def test_a_log_without_a_stamp_belongs_to_the_only_results_of_its_folder(tmp_path):
    logs = {}
    for name in ("one", "two"):
        logs[name] = write_rows(tmp_path / name / "samples_hellaswag.jsonl", rows_of(X, [1.0] * 3))
    for name in ("one/results_a.json", "two/results_a.json", "two/results_b.json"):
        (tmp_path / name).write_text("{}")
    files = {path.relative_to(tmp_path).as_posix(): path for path in tmp_path.rglob("*.json*")}
    found = logs_of_runs({"m": {X: "one/results_a.json"}, "n": {X: "two/results_a.json"}}, files)
    assert found == {X: {"m": [str(logs["one"])]}}


@pytest.mark.parametrize("prefix", ["mmlu_", "hendrycksTest-"])
def test_mmlu_comes_from_the_logs_of_its_57_subjects(tmp_path, prefix):
    rng = np.random.default_rng(5)
    hard = rng.normal(size=(len(SUBJECTS), 12))
    for place, model in enumerate(MODELS):
        logs = {
            f"{prefix}{subject}": rows_of(f"{prefix}{subject}", values < 0.2 * place)
            for subject, values in zip(sorted(SUBJECTS), hard, strict=True)
        }
        write_run(tmp_path, model, logs)
    table = read_scores(tmp_path)
    own = table.attrs["samples"]["mmlu"]
    assert set(own) == set(MODELS)
    assert {len(paths) for paths in own.values()} == {57}
    found = matched(table, "mmlu")
    assert found.scores.n == 57 * 12  # questions of the same number in two subjects are two
    assert found.scores.score_pct() == pytest.approx(table["mmlu"].to_numpy(), abs=1e-4)
    assert found.unmatched == {}


def test_mmlu_from_subjects_of_different_lengths_with_the_whole_score(tmp_path):
    rng = np.random.default_rng(6)
    sizes = rng.integers(5, 20, len(SUBJECTS))
    for place, model in enumerate(MODELS):
        logs = {
            f"mmlu_{subject}": rows_of(f"mmlu_{subject}", rng.uniform(size=size) < 0.3 + 0.1 * place)
            for subject, size in zip(sorted(SUBJECTS), sizes, strict=True)
        }
        whole = float(np.mean([row["acc"] for rows in logs.values() for row in rows]))
        write_run(tmp_path, model, logs, results={"mmlu": {"acc,none": whole}})
    found = matched(read_scores(tmp_path), "mmlu")
    assert found.scores.n == sizes.sum()


def test_the_same_question_twice_counts_twice(tmp_path):
    def repeated(place, logs):
        for row in logs[X][50:]:
            row["doc_hash"] = logs[X][0]["doc_hash"]  # eleven times the first question
            row["prompt_hash"] = logs[X][0]["prompt_hash"]
        return logs

    table = read_scores(family(tmp_path, change=repeated, **SMALL))
    found = matched(table, X)
    assert found.scores.n == 60
    assert found.unmatched == {}
    log = read_log(Path(table.attrs["samples"][X][MODELS[0]][0]), X)
    assert len(set(log.items.tolist())) == 60


BROKEN = {
    "empty": b"",
    "cut short": b'{"doc_id": 0, "filter": "none", "acc_norm": 1.0}\n{"doc_id": 1, "fil',
    "another metric": b'{"doc_id": 0, "filter": "none", "f1": 1.0}\n',
    "percent": b'{"doc_id": 0, "filter": "none", "acc_norm": 45.0}\n',
    "not a number": b'{"doc_id": 0, "filter": "none", "acc_norm": NaN}\n',
    "no number": b'{"doc_id": 0, "filter": "none", "acc_norm": null}\n',
    "text": b'{"doc_id": 0, "filter": "none", "acc_norm": "yes"}\n',
    "a list": b"[1, 2]\n",
    "no text": b"\xff\xfe\x00{}\n",
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_log_is_refused_by_its_name(tmp_path, case):
    path = tmp_path / "samples_hellaswag.jsonl"
    path.write_bytes(BROKEN[case])
    with pytest.raises(ValueError, match=r"samples_hellaswag\.jsonl"):
        read_log(path, X)


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_log_does_not_stop_a_diagnosis(tmp_path, case):
    table = read_scores(family(tmp_path, **SMALL))
    Path(table.attrs["samples"][X][MODELS[1]][0]).write_bytes(BROKEN[case])
    diagnosis = diagnose(table, draws=100)
    assert set(diagnosis.paired.items) == {Y}
    (why,) = diagnosis.paired.refused
    assert "samples_hellaswag" in why


@pytest.mark.slow
def test_a_log_of_40_megabytes_is_read_in_less_than_20(tmp_path):
    path = tmp_path / f"samples_hellaswag_{STAMP}.jsonl"
    values = np.random.default_rng(7).integers(0, 2, 10_000)
    with path.open("w", encoding="utf-8") as out:
        for row in rows_of(X, values):
            row["resps"] = [[["a long answer " * 280, "False"]]]
            out.write(json.dumps(row) + "\n")
    assert path.stat().st_size > 40e6
    tracemalloc.start()
    try:
        found = read_log(path, X)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.scores.sum() == values.sum()
    assert peak < 20e6


# Inspect.


def sample(item: int, epoch: int, value, text: str | list | None = None) -> dict:
    return {
        "id": item,
        "epoch": epoch,
        "input": f"question {item}" if text is None else text,
        "target": "A",
        "scores": {"choice": {"value": value, "answer": "A"}},
    }


def inspect_log(
    model: str, samples: list[dict] | None, accuracy: float, count: int, task: str = "truthfulqa"
) -> dict:
    return {
        "version": 2,
        "status": "success",
        "eval": {
            "created": "2025-05-01T10:00:00+00:00",
            "task": f"inspect_evals/{task}",
            "model": f"hf/{model}",
            "model_args": {},
            "task_args": {},
            "dataset": {"name": "truthful_qa", "samples": count},
        },
        "results": {
            "completed_samples": count,
            "scores": [{"name": "choice", "metrics": {"accuracy": {"name": "accuracy", "value": accuracy}}}],
        },
        **({} if samples is None else {"samples": samples}),
    }


def write_inspect(folder: Path, model: str, samples, accuracy: float, count: int, kind: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"2025-05-01T10-00-00_truthfulqa_{model.rpartition('/')[2]}{kind}"
    if kind == ".json":
        path.write_text(json.dumps(inspect_log(model, samples, accuracy, count)), encoding="utf-8")
        return path
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("_journal/start.json", "{}")
        for one in samples or ():
            archive.writestr(f"samples/{one['id']}_epoch_{one['epoch']}.json", json.dumps(one))
        archive.writestr("summaries.json", "[]")
        archive.writestr("header.json", json.dumps(inspect_log(model, None, accuracy, count)))
    return path


@pytest.mark.parametrize("kind", [".json", ".eval"])
def test_inspect_logs_with_two_epochs_are_averaged_by_item(tmp_path, kind):
    rng = np.random.default_rng(8)
    expected = {}
    for model in MODELS:
        letters = rng.choice(["C", "I"], size=(40, 2))
        samples = [
            sample(item, epoch + 1, letters[item, epoch])
            for epoch in range(2)
            for item in rng.permutation(40).tolist()
        ]
        expected[model] = (letters == "C").mean(1)
        write_inspect(tmp_path, model, samples, float(expected[model].mean()), 40, kind)
    table = read_scores(tmp_path)
    assert table["model"].tolist() == list(MODELS)
    assert set(table.attrs["samples"]["truthfulqa_mc1"]) == set(MODELS)
    found = matched(table, "truthfulqa_mc1")
    values = np.column_stack([expected[model] for model in MODELS])
    assert sorted(found.scores.values.tolist()) == sorted(values.tolist())
    assert found.scores.n == 40
    assert found.unmatched == {}


@pytest.mark.parametrize("kind", [".json", ".eval"])
@pytest.mark.parametrize(
    ("value", "expected"), [("C", 1), ("I", 0), ("P", 0.5), ("N", 0), (1, 1), (0.25, 0.25), (True, 1)]
)
def test_the_values_of_inspect(tmp_path, kind, value, expected):
    path = write_inspect(tmp_path, MODELS[0], [sample(1, 1, value)], 1.0, 1, kind)
    assert read_log(path, "truthfulqa_mc1").scores.tolist() == [expected]


@pytest.mark.parametrize("kind", [".json", ".eval"])
def test_inspect_questions_that_differ_are_refused_though_their_numbers_agree(tmp_path, kind):
    for place, model in enumerate(MODELS):
        samples = [sample(item, 1, "C", f"wording {place} of {item}") for item in range(40)]
        write_inspect(tmp_path, model, samples, 1.0, 40, kind)
    with pytest.raises(ValueError, match="different prompts"):
        matched(read_scores(tmp_path), "truthfulqa_mc1")


def test_the_running_ids_of_inspect_messages_do_not_make_prompts_differ(tmp_path):
    for place, model in enumerate(MODELS):
        samples = [
            sample(
                item,
                1,
                "C",
                [{"id": sha(f"{place} {item}")[:22], "role": "user", "content": f"question {item}"}],
            )
            for item in range(40)
        ]
        write_inspect(tmp_path, model, samples, 1.0, 40, ".json")
    assert matched(read_scores(tmp_path), "truthfulqa_mc1").scores.n == 40


def test_inspect_logs_without_samples_are_no_refused_answers(tmp_path):
    for model in MODELS:
        write_inspect(tmp_path, model, None, 0.4, 817, ".json")
    table = read_scores(tmp_path)
    assert table["truthfulqa_mc1"].tolist() == [40.0] * 3
    assert table.attrs["samples"] == {}


def test_a_spoilt_inspect_archive_is_refused_by_its_name(tmp_path):
    path = write_inspect(tmp_path, MODELS[0], [sample(1, 1, "C")], 1.0, 1, ".eval")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=re.escape(path.name)):
        read_log(path, "truthfulqa_mc1")


# From a folder to the report.


def without_logs(table):
    bare = table.copy()
    bare.attrs = {key: value for key, value in table.attrs.items() if key != "samples"}
    return bare


def plain(diagnosis) -> str:
    return " ".join(as_text(diagnosis, advise(diagnosis)).split())


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The diagnosis of one family with its answers and without, and the answers."""
    table = read_scores(family(tmp_path_factory.mktemp("family")))
    return diagnose(table, draws=3000), diagnose(without_logs(table), draws=3000), ladder_scores()


def test_paired_errors_are_smaller_than_assumed_and_stand_in_the_intervals(both):
    paired, assumed, scores = both
    assert paired.paired.refused == ()
    assert paired.paired.items == {X: 1000, Y: 800}
    assert paired.paired.unmatched == {X: {}, Y: {}}
    assert assumed.paired is None
    steps = {(s.benchmark, s.from_model): s for s in paired.paired.steps}
    assert len(steps) == 4
    for place in range(2):
        one, plain_one = paired.intervals[place], assumed.intervals[place]
        for name, se, old in ((X, one.se_dx, plain_one.se_dx), (Y, one.se_dy, plain_one.se_dy)):
            step = steps[name, MODELS[place]]
            difference = 100 * (scores[place + 1][name] - scores[place][name])
            assert step.to_model == MODELS[place + 1]
            assert step.change == pytest.approx(difference.mean(), abs=1e-4)
            assert step.error == pytest.approx(difference.std(ddof=1) / np.sqrt(len(difference)), rel=1e-4)
            assert se == pytest.approx(step.error, rel=1e-4)
            assert old == pytest.approx(step.assumed)
            assert step.error < 0.6 * step.assumed
            assert step.correlation > 0.6
            assert step.test == ("exact McNemar" if name == X else "paired bootstrap")


def test_with_the_answers_phases_are_more_decided_and_ranges_narrower(both):
    paired, assumed, _ = both
    for one, plain_one in zip(paired.intervals, assumed.intervals, strict=True):
        assert one.coupling == plain_one.coupling
        assert one.probability >= plain_one.probability
        assert one.high - one.low < plain_one.high - plain_one.low
    assert assumed.last.p_bonus < 0.9
    assert paired.last.p_bonus > 0.97
    assert (paired.phase, paired.probability) == ("bonus", paired.last.calibrated_bonus)


def test_with_the_answers_a_turn_is_told_that_the_upper_bound_hides(both):
    paired, assumed, _ = both
    assert paired.scale.identified
    assert paired.scale.low < paired.scale.estimate < paired.scale.high
    assert not assumed.scale.identified
    assert "a curve that never turns fits the scores nearly as well" in assumed.scale.reason
    assert paired.scale.lead > 3 * assumed.scale.lead
    assert paired.scale.valid >= assumed.scale.valid


def test_the_report_shows_both_errors_and_without_answers_calls_the_noise_an_upper_bound(both):
    paired, assumed, _ = both
    report = as_text(paired, advise(paired))
    lines = report.splitlines()
    head = next(line for line in lines if "paired error" in line)
    assert "upper bound" in head
    for step in paired.paired.steps:
        title = "HellaSwag" if step.benchmark == X else "TruthfulQA MC2"
        name = f"{title}, {step.from_model[4:]} to {step.to_model[4:]}"
        row = next(line for line in lines if name in line)
        numbers = [f"{step.change:+.1f}", f"{step.error:.1f}", f"{step.assumed:.1f}"]
        assert all(number in row.split() for number in numbers)
    words = plain(paired)
    assert "p of no change: exact McNemar for HellaSwag, paired bootstrap for TruthfulQA MC2." in words
    assert "HellaSwag 1,000, TruthfulQA MC2 800 items that every model with answers has" in words
    assert "Item noise: of HellaSwag and TruthfulQA MC2 measured on the items that the models share." in words
    assert "is an upper bound: models answer" not in words
    bare = plain(assumed)
    assert "the noise of a change is an upper bound" in bare
    assert "Item noise: of HellaSwag and TruthfulQA MC2 an upper bound" in bare
    assert "paired error" not in bare


def test_the_diagnosis_as_a_plain_object_holds_the_paired_noise(both):
    paired, assumed, _ = both
    found = json.loads(json.dumps(paired.as_dict()))
    assert found["paired"]["items"] == {X: 1000, Y: 800}
    assert len(found["paired"]["steps"]) == 4
    assert assumed.as_dict()["paired"] is None


def test_the_same_seed_gives_the_same_diagnosis(tmp_path):
    table = read_scores(family(tmp_path, **SMALL))
    one, same = (diagnose(table, draws=200, rng=3) for _ in range(2))
    assert one.intervals == same.intervals
    assert one.paired == same.paired


@pytest.mark.parametrize("edge", ["", "__"])
def test_details_of_lighteval_are_read_and_tied_to_their_model(tmp_path, edge):
    stamp = "2025-03-05T14-43-47.148527"
    rng = np.random.default_rng(0)
    for size, share in (("135M", 40), ("360M", 55)):
        model = f"org/Fam-{size}"
        right = (rng.permutation(100) < share).astype(float)
        frame = pd.DataFrame(
            {
                f"{edge}doc{edge}": [{"query": f"question {i}", "id": str(i)} for i in range(100)],
                f"{edge}metric{edge}": [{"acc": 0.0, "acc_norm": value} for value in right],
            }
        )
        details = tmp_path / "details" / model / stamp
        details.mkdir(parents=True)
        frame.to_parquet(details / f"details_leaderboard|hellaswag|10_{stamp}.parquet")
        results = tmp_path / "results" / model / f"results_{stamp}.json"
        results.parent.mkdir(parents=True)
        entry = {"acc_norm": float(right.mean())}
        document = {"config_general": {"model_name": model}, "results": {"leaderboard|hellaswag|10": entry}}
        results.write_text(json.dumps(document), encoding="utf-8")
    scores = read_scores(tmp_path)
    assert sorted(scores.attrs["samples"]["hellaswag"]) == ["org/Fam-135M", "org/Fam-360M"]
    reported = dict(zip(scores["model"], scores["hellaswag"], strict=True))
    matched = match_items(scores.attrs["samples"]["hellaswag"], "hellaswag", reported)
    assert matched.scores.n == 100
    assert matched.scores.chosen(["org/Fam-360M"]).score_pct().tolist() == pytest.approx([55.0])
