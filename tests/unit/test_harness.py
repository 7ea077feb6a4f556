"""Results of lm-evaluation-harness: every layout that is read, and every broken one that is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cape_utils import cli, data
from cape_utils.data import model_names
from cape_utils.data.schema import DataError
from cape_utils.diagnosis import family_diagnosis
from cape_utils.evaluations import reading
from cape_utils.evaluations.tasks import SUBJECTS, TASKS


def current(model: str = "org/fam-410m", hs: float = 0.40, tqa: float = 0.42, **more) -> dict:
    """A file as the harness writes it now."""
    return {
        "results": {
            "hellaswag": {
                "alias": "hellaswag",
                "acc,none": 0.3,
                "acc_norm,none": hs,
                "acc_norm_stderr,none": 0.01,
            },
            "truthfulqa_mc2": {"alias": "truthfulqa_mc2", "acc,none": tqa, "acc_stderr,none": 0.01},
        },
        "n-shot": {"hellaswag": 10, "truthfulqa_mc2": 0},
        "config": {"model": "hf", "model_args": f"pretrained={model},dtype=float16", "limit": None},
        "date": 1721565296.0,
        "model_name": model,
        **more,
    }


def write(folder: Path, name: str, content: object) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def family(folder: Path) -> Path:
    """Two models of one family, one folder each."""
    write(folder, "org__fam-410m/results_2024-07-21T12-34-56.789.json", current())
    write(folder, "org__fam-1.4b/results_2024-07-21T13-34-56.789.json", current("org/fam-1.4b", 0.52, 0.38))
    return folder


def test_the_present_layout(tmp_path):
    table = reading.read_scores(family(tmp_path / "results"))
    assert table["model"].tolist() == ["org/fam-410m", "org/fam-1.4b"]
    assert table["family"].tolist() == ["fam", "fam"]
    assert table["params_b"].tolist() == [0.41, 1.4]
    assert table["hellaswag"].tolist() == [40.0, 52.0]
    assert table["truthfulqa_mc2"].tolist() == [42.0, 38.0]
    assert table.attrs["notes"] == []


@pytest.mark.parametrize(
    "results",
    [
        {"hellaswag": {"acc": 0.3, "acc_norm": 0.4}, "truthfulqa_mc": {"mc1": 0.2, "mc2": 0.42}},
        {
            "harness|hellaswag|10": {"acc": 0.3, "acc_norm": 0.4},
            "harness|truthfulqa:mc|0": {"mc1": 0.2, "mc2": 0.42},
        },
    ],
    ids=["flat", "first leaderboard"],
)
def test_older_layouts(tmp_path, results):
    doc = {
        "results": results,
        "versions": {},
        "config": {"model": "hf-causal", "model_args": "pretrained=org/fam-410m"},
    }
    row = reading.read_scores(write(tmp_path, "out.json", doc).parent).iloc[0]
    assert (row["hellaswag"], row["truthfulqa_mc1"], row["truthfulqa_mc2"]) == (40, 20, 42)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: f"{task.column} from {task.names[0]}")
def test_every_task_gives_its_column(tmp_path, task):
    for place, metric in enumerate(task.metrics):
        # A decoy stands beside it: another metric of the same task.
        entry = {"bits,none": 0.9, **dict.fromkeys(task.metrics[place + 1 :], 0.1), metric: 0.25}
        if task.names == ("truthfulqa_mc",):  # one task that gives two columns
            entry = {"mc1": 0.1, "mc2": 0.1, **entry}
        doc = {**current(), "results": dict.fromkeys(task.names, entry)}
        table = reading.read_scores(write(tmp_path / f"{place}", "results_x.json", doc))
        assert table[task.column].tolist() == [25.0]


def test_the_columns_of_tasks_are_benchmarks():
    assert {task.column for task in TASKS} <= set(data.load("benchmarks")["benchmark"])


def test_mmlu_from_its_groups_counts_questions_and_from_subjects_counts_subjects(tmp_path):
    groups = {"mmlu_humanities": 0.1, "mmlu_social_sciences": 0.2, "mmlu_other": 0.3, "mmlu_stem": 0.4}
    doc = {**current(), "results": {name: {"acc,none": value} for name, value in groups.items()}}
    table = reading.read_scores(write(tmp_path / "a", "results_x.json", doc))
    assert table["mmlu"].iloc[0] == pytest.approx(100 * (470.5 + 615.4 + 932.1 + 1261.2) / 14042, abs=1e-5)
    named = sorted(SUBJECTS)
    subjects = {f"hendrycksTest-{s}": {"acc": i / 100, "acc_norm": 0.9} for i, s in enumerate(named)}
    table = reading.read_scores(write(tmp_path / "b", "results_x.json", {**current(), "results": subjects}))
    assert table["mmlu"].iloc[0] == pytest.approx(28.0)
    del subjects[f"hendrycksTest-{named[3]}"]  # 56 subjects are not MMLU
    with pytest.raises(DataError, match=f"56 of its 57 subjects are there; missing are {named[3]}"):
        reading.read_scores(write(tmp_path / "c", "results_x.json", {**current(), "results": subjects}))


def test_the_newest_of_several_results_wins_task_by_task_and_a_note_says_so(tmp_path):
    write(tmp_path, "m/results_b.json", current(hs=0.5, date=100.0))
    write(
        tmp_path,
        "m/results_a.json",
        {**current(hs=0.6, date=200.0), "results": {"hellaswag": {"acc_norm,none": 0.6}}},
    )
    table = reading.read_scores(tmp_path)
    assert len(table) == 1
    assert table.loc[0, ["hellaswag", "truthfulqa_mc2"]].tolist() == [60.0, 42.0]
    assert table.attrs["notes"] == [
        "org/fam-410m: several results of hellaswag; the newest was taken (m/results_a.json)"
    ]


def test_without_a_date_inside_that_of_the_file_name_counts(tmp_path):
    for name, hs in (
        ("results_2024-09-01T00-00-00.1.json", 0.7),
        ("results_2024-10-01T00-00-00.1.json", 0.5),
    ):
        doc = current(hs=hs)
        del doc["date"]
        write(tmp_path, name, doc)
    assert reading.read_scores(tmp_path)["hellaswag"].tolist() == [50.0]


def test_other_tasks_and_other_prompts_are_noted(tmp_path):
    doc = current(**{"n-shot": {"hellaswag": 0, "truthfulqa_mc2": 0}})
    doc["results"]["piqa"] = {"acc,none": 0.7}
    notes = reading.read_scores(write(tmp_path / "a", "results_x.json", doc)).attrs["notes"]
    assert notes[0] == "tasks that are no benchmark of the book were left out: piqa"
    assert notes[1].startswith("hellaswag: 0 examples in the prompt where the open panel has 10")
    folder = family(tmp_path / "b")
    write(
        folder,
        "org__fam-1.4b/results_2024-07-21T13-34-56.789.json",
        {**current("org/fam-1.4b"), "n-shot": {"hellaswag": 0}},
    )
    (note,) = reading.read_scores(folder).attrs["notes"]
    assert "different numbers of examples in the prompt (0, 10)" in note


def test_checkpoints_of_one_model_stay_apart(tmp_path):
    doc = current()
    doc["config"]["model_args"] = "pretrained=org/fam-410m,revision=step1000"
    write(tmp_path, "a/results_x.json", doc)
    write(tmp_path, "b/results_x.json", current())
    assert set(reading.read_scores(tmp_path)["model"]) == {"org/fam-410m", "org/fam-410m@step1000"}


def test_sizes_come_from_the_table_then_the_count_then_the_name(tmp_path):
    doc = current()
    doc["config"]["model_num_parameters"] = 405334016
    path = write(tmp_path / "r", "results_x.json", doc)
    assert reading.read_scores(path)["params_b"].tolist() == [pytest.approx(0.405334016)]
    sizes = write(tmp_path, "sizes.csv", "model,params_b,family\nfam-410m,0.5,Mine\n")
    table = reading.read_scores(path, sizes=sizes)
    assert table.loc[0, ["params_b", "family"]].tolist() == [0.5, "Mine"]
    named = current("org/gpt2-large")
    named["config"]["model_num_parameters"] = 774030080
    table = reading.read_scores(write(tmp_path / "s", "results_x.json", named))
    assert table["params_b"].tolist() == [pytest.approx(0.77403008)]


def test_the_noise_of_a_run_cut_short_is_that_of_the_items_that_ran(tmp_path):
    folder = family(tmp_path / "r")
    whole = family_diagnosis.diagnose(reading.read_scores(folder)).last
    for name, model in (("410m", "org/fam-410m"), ("1.4b", "org/fam-1.4b")):
        doc = current(model, 0.40 if name == "410m" else 0.52, 0.42 if name == "410m" else 0.38)
        doc["config"]["limit"] = 200
        doc["n-samples"] = {
            "hellaswag": {"original": 10042, "effective": 200},
            "truthfulqa_mc2": {"original": 817, "effective": 200},
        }
        stamp = "12-34-56.789" if name == "410m" else "13-34-56.789"
        write(folder, f"org__fam-{name}/results_2024-07-21T{stamp}.json", doc)
    scores = reading.read_scores(folder)
    assert scores["hellaswag_items"].tolist() == [200, 200]
    assert any("hellaswag: the run was cut short" in note for note in scores.attrs["notes"])
    cut = family_diagnosis.diagnose(scores).last
    assert cut.se_dx == pytest.approx(whole.se_dx * (10042 / 200) ** 0.5)
    assert cut.se_dy == pytest.approx(whole.se_dy * (817 / 200) ** 0.5)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("EleutherAI/pythia-1.4b-deduped", 1.4),
        ("410m", 0.41),
        ("Llama-2-7B", 7),
        ("Qwen1.5-0.5B", 0.5),
        ("meta-llama/Llama-2-70b-hf", 70),
        ("TinyLlama-1.1B-3T", 1.1),
        ("a/b-13b/", 13),
    ],
)
def test_sizes_in_names(name, size):
    assert model_names.size_from_name(name) == pytest.approx(size)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Mixtral-8x7B", "mixture of experts"),
        ("Qwen3-30B-A3B", "mixture of experts"),
        ("Qwen1.5-MoE-A2.7B", "mixture of experts"),
        ("gpt2-large", "holds no size"),
        ("SmolLM-135M-600M", "more than one size (0.135B, 0.6B)"),
        ("x-0b", "size of zero"),
        ("7b/model", "holds no size"),
        ("model-v7", "holds no size"),
    ],
)
def test_names_that_do_not_tell_the_size_are_refused_with_the_remedy(name, words):
    with pytest.raises(model_names.SizeError) as caught:
        model_names.size_from_name(name)
    assert words in str(caught.value)
    assert "--sizes FILE" in str(caught.value)


def spoilt(**changes):
    return lambda: {**current(), **changes}


def metric(value: object, key: str = "acc_norm,none"):
    return lambda: {**current(), "results": {"hellaswag": {key: value}}}


def configured(**changes):
    return lambda: {**current(), "config": {**current()["config"], **changes}}


# What stands in the file, then what the message must hold: the file, the key, what is allowed, the remedy.
BROKEN = {
    "empty": (lambda: "", ["the file is empty", "run the evaluation again"]),
    "only spaces": (lambda: " \n ", ["the file is empty"]),
    "cut short": (lambda: '{"results": {"hellaswag": ', ["not JSON", "line 1", "cut short"]),
    "text": (lambda: "hellaswag 0.4", ["not JSON", "run the evaluation again"]),
    "too deep": (lambda: "[" * 100_000, ["not JSON"]),
    "a list": (lambda: [1, 2], ["got 'list'", "a JSON object with the key 'results'"]),
    "no results": (lambda: {"config": {}}, ["key 'results'", "one entry for each task"]),
    "results of another kind": (spoilt(results=[0.4]), ["key 'results'", "got '[0.4]'"]),
    "no task": (spoilt(results={}), ["key 'results'", "one entry for each task"]),
    "a task that is a number": (
        spoilt(results={"hellaswag": 0.4}),
        ["key 'results.hellaswag'", "an object of metrics"],
    ),
    "no usable metric": (
        metric(0.4, "f1,none"),
        ["key 'results.hellaswag'", "got 'f1,none'", "'acc_norm,none' is needed"],
    ),
    "only plain accuracy": (metric(0.4, "acc,none"), ["'acc_norm,none' is needed", "with its own metrics"]),
    "a metric that is text": (
        metric("N/A"),
        ["key 'results.hellaswag.acc_norm,none'", "got 'N/A'", "from 0 to 1"],
    ),
    "a metric that is missing": (metric(None), ["got 'None'", "a number from 0 to 1"]),
    "a metric that is true": (metric(True), ["got 'True'", "a number from 0 to 1"]),
    "percent": (metric(40.5), ["got '40.5'", "a number from 0 to 1"]),
    "a negative metric": (metric(-0.1), ["got '-0.1'"]),
    "not a number": (metric(float("nan")), ["got 'nan'", "a number from 0 to 1"]),
    "infinite": (metric(float("inf")), ["got 'inf'"]),
    "cut by a limit": (configured(limit=100), ["key 'config.limit'", "got '100'", "run it without a limit"]),
    "no model": (
        lambda: {"results": current()["results"]},
        ["key 'model_name'", "pretrained=... in config.model_args"],
    ),
    "a model that is a number": (spoilt(model_name=7), ["key 'model_name'", "got '7'"]),
    "no size": (
        spoilt(model_name="org/large"),
        ["got 'org/large'", "holds no size", "--sizes sizes.csv", "org/large,,large"],
    ),
    "a mixture": (spoilt(model_name="org/fam-8x7B"), ["mixture of experts", "leave such models out"]),
    "two sizes": (spoilt(model_name="org/fam-1b-to-3b"), ["more than one size (1B, 3B)"]),
    "packed weights": (
        configured(model_num_parameters=100_000_000),
        ["says 0.1B and the name 0.41B", "4 bits", "--sizes sizes.csv"],
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_named_with_its_key_and_the_remedy_and_nothing_is_written(case, tmp_path, capsys):
    make, words = BROKEN[case]
    folder = family(tmp_path / "results")
    write(folder, "bad/results_9.json", make())
    before = sorted(tmp_path.rglob("*"))
    assert cli.main(["diagnose", str(folder), "--report", str(tmp_path / "out.html")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "bad/results_9.json" in err
    for word in words:
        assert word in err
    assert "Traceback" not in err
    assert sorted(tmp_path.rglob("*")) == before


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "results_x.json"
    path.write_bytes(b"\xff\xfe{}")
    with pytest.raises(DataError, match="not UTF-8"):
        reading.read_scores(tmp_path)


def test_every_broken_file_of_a_folder_is_named(tmp_path):
    for name in "abc":
        write(tmp_path, f"{name}/results_1.json", "{")
    with pytest.raises(DataError) as caught:
        reading.read_scores(tmp_path)
    assert [problem.table for problem in caught.value.problems] == [f"{n}/results_1.json" for n in "abc"]


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        (
            "model,params_b\nfam-410m,0.5\nfam-9b,9\n",
            ["sizes.csv, line 3", "got 'fam-9b'", "no result of this model"],
        ),
        ("model,params_b\nfam-410m,big\n", ["sizes.csv, line 2", "got 'big'"]),
        ("model,size\nfam-410m,0.5\n", ["sizes.csv, line 1", "'params_b'"]),
        ("model,params_b\nfam-410m,0.5\nfam-410m,0.6\n", ["stands in another row too"]),
        ("", ["the file is empty"]),
    ],
)
def test_a_broken_table_of_sizes_is_refused(sizes, words, tmp_path):
    with pytest.raises(DataError) as caught:
        reading.read_scores(family(tmp_path / "r"), sizes=write(tmp_path, "sizes.csv", sizes))
    for word in words:
        assert word in str(caught.value)


def test_a_folder_without_results_or_that_is_not_there(tmp_path):
    write(tmp_path, "samples_hellaswag.jsonl", "{}")
    with pytest.raises(DataError, match="no file results_"):
        reading.read_scores(tmp_path)
    with pytest.raises(FileNotFoundError, match="the output folder of lm_eval"):
        reading.read_scores(tmp_path / "none")


def test_a_table_of_sizes_with_a_csv_is_refused(tmp_path):
    with pytest.raises(ValueError, match="its own column params_b"):
        reading.read_scores(
            write(tmp_path, "s.csv", "model,family,params_b,mmlu\na,A,1,30\n"), sizes="sizes.csv"
        )
