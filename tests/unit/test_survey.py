"""Measuring many models: nothing is done twice, one failure stops nothing, a killed worker costs its own task."""

from __future__ import annotations

import os
import signal
import threading
import time

import pandas as pd
import pytest
from distributed import LocalCluster

from cape_utils import cli
from cape_utils.internals import model_survey
from cape_utils.jobs import dask_client
from tests.tiny_models import save_tiny

ARCHITECTURES = ("llama", "gpt2", "gpt_neox")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    return [str(save_tiny(name, root / name)) for name in ARCHITECTURES]


@pytest.fixture(scope="module")
def cluster():
    """Two workers with a restarting nanny each, as on a lab's cluster, reached by address."""
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as running:
        yield running


# ---------------------------------------------------------------- the list


def write(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "models.txt"
    path.write_bytes(text.encode(encoding))
    return path


def test_a_list_of_names_with_remarks(tmp_path):
    text = "# ours\nEleutherAI/pythia-70m\n\n  gpt2  # small\r\n./folder#1\n"
    assert model_survey.read_models(write(tmp_path, text)) == ["EleutherAI/pythia-70m", "gpt2", "./folder#1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no model; write one name per line"),
        ("# nothing\n", "names no model"),
        ("a/b\nc d\n", "line 2: 'c d' is more than one name"),
        ("a/b\n\na/b\n", "line 3: a/b already stands in line 1"),
    ],
)
def test_a_list_that_cannot_be_used(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        model_survey.read_models(write(tmp_path, text))


def test_a_list_that_is_no_text(tmp_path):
    path = tmp_path / "models.txt"
    path.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(ValueError, match="not a text file in UTF-8"):
        model_survey.read_models(path)


def test_names_that_differ_have_files_that_differ():
    names = ["a/b", "a-b", "a b", "A/b", "x" * 300, "x" * 301]
    assert len({model_survey._file(name) for name in names}) == len(names)
    assert all(len(model_survey._file(name)) < 100 for name in names)


# ---------------------------------------------------------------- the work


def test_each_model_has_a_row_and_a_failure_is_one_of_them(folders, cluster, tmp_path):
    names = [*folders, str(tmp_path / "nowhere")]
    seen = []
    found = model_survey.survey_models(
        names,
        tmp_path / "out",
        scheduler=cluster.scheduler_address,
        device="cpu",
        progress=lambda row, done, total: seen.append((row["model"], done, total)),
    )
    assert found["model"].tolist() == names
    assert found["status"].tolist() == ["ok", "ok", "ok", "failed"]
    assert "there is no folder" in found["error"].iloc[-1]
    assert found["architecture"].tolist()[:3] == ["LlamaForCausalLM", "GPT2LMHeadModel", "GPTNeoXForCausalLM"]
    for column in ("sha256", "head_centred_cosine", "best_p_corrected", "torch_version", "prompts_digest"):
        assert found[column].iloc[:3].notna().all(), column
    assert sorted(name for name, _, _ in seen) == sorted(names)
    assert [count for _, *count in seen] == [[i, 4] for i in range(1, 5)]
    # A second run tries only the failed one again, and what was there is unchanged.
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.parquet")}
    again = model_survey.survey_models(
        names, tmp_path / "out", scheduler=cluster.scheduler_address, device="cpu"
    )
    changed = [path for path, stamp in stamps.items() if path.stat().st_mtime_ns != stamp]
    assert len(changed) == 1
    assert again["model"].tolist() == names
    assert not list((tmp_path / "out").glob(".*"))
    # The result does not depend on where it was measured.
    here = model_survey.measure(folders[0], "cpu")
    there = found.iloc[0]
    assert {k: v for k, v in here.items() if k != "seconds"} == {k: there[k] for k in here if k != "seconds"}


def slow(name: str, device: str) -> dict[str, object]:
    """Stand in for a large model: say which process has it, then wait to be killed or to end."""
    path = f"{name}.{os.getpid()}"
    with open(path, "w"):
        pass
    time.sleep(0.2 if "quick" in name else 3)
    return {"model": name, "status": "ok", "error": "", "seconds": 0.0, "process": os.getpid()}


def test_a_killed_worker_costs_its_own_task_only(cluster, tmp_path, monkeypatch):
    import cloudpickle

    cloudpickle.register_pickle_by_value(__import__(slow.__module__, fromlist=["slow"]))
    monkeypatch.setattr(model_survey, "measure", slow)
    names = [str(tmp_path / name) for name in ("long", "quick1", "quick2", "quick3")]
    done: list[str] = []
    results: list[pd.DataFrame] = []

    def work():
        results.append(
            model_survey.survey_models(
                names,
                tmp_path / "out",
                scheduler=cluster.scheduler_address,
                progress=lambda row, *_: done.append(row["model"]),
            )
        )

    thread = threading.Thread(target=work)
    thread.start()
    deadline = time.monotonic() + 60
    while not (begun := list(tmp_path.glob("long.*"))) or not done:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(int(begun[0].suffix[1:]), signal.SIGKILL)
    thread.join(timeout=60)
    assert not thread.is_alive()
    assert results[0]["status"].tolist() == ["ok"] * 4
    begins = {name: len(list(tmp_path.glob(f"{name}.*"))) for name in ("long", "quick1", "quick2", "quick3")}
    assert begins["long"] == 2
    assert sum(begins.values()) <= 6  # at most the one that waited behind it begins again


def deadly(name: str, device: str) -> dict[str, object]:
    """Stand in for a model that takes its process down with it."""
    if name.endswith("deadly"):
        os.kill(os.getpid(), signal.SIGKILL)
    return {"model": name, "status": "ok", "error": "", "seconds": 0.0}


def test_a_model_that_kills_every_worker_becomes_a_row(tmp_path, monkeypatch):
    import cloudpickle
    import dask

    cloudpickle.register_pickle_by_value(__import__(deadly.__module__, fromlist=["deadly"]))
    monkeypatch.setattr(model_survey, "measure", deadly)
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
        found = model_survey.survey_models(["deadly", "fine"], tmp_path / "out", workers=2)
    assert found["status"].tolist() == ["failed", "ok"]
    assert "KilledWorker" in found["error"].iloc[0]


def test_a_scheduler_that_does_not_answer_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(dask_client, "_ANSWER_S", 1)
    with pytest.raises(ConnectionError, match=r"no dask scheduler answers at 'tcp://127\.0\.0\.1:1'"):
        model_survey.survey_models(["a"], tmp_path, scheduler="tcp://127.0.0.1:1")


# ---------------------------------------------------------------- the command


def test_the_command_measures_and_prints_a_line_a_model(folders, tmp_path, capsys):
    listed = write(tmp_path, "\n".join(folders[:1]))
    assert (
        cli.main(["internals", "--models", str(listed), "--out", str(tmp_path / "out"), "--device", "cpu"])
        == 0
    )
    out, err = capsys.readouterr()
    assert out.startswith(f"{folders[0]}: 0 of 12 heads compete")
    assert f"[1/1] {folders[0]}: ok" in err
    assert cli.main(["internals", "--models", str(listed), "--out", str(tmp_path / "out"), "--json"]) == 0
    assert '"status": "ok"' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--models", "no-such-file.txt"], "no-such-file.txt"),
        (["--models", "{empty}"], "names no model"),
        (["--models", "{empty}", "--workers", "0"], "--workers is 0; at least 1"),
    ],
)
def test_arguments_that_cannot_be_used_end_with_2(arguments, message, tmp_path, capsys):
    empty = write(tmp_path, "")
    arguments = [str(empty) if a == "{empty}" else a for a in arguments]
    assert cli.main(["internals", *arguments, "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
