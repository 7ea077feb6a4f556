"""``cape steer`` for tiny models of every architecture, saved to disk, and every way to call it wrongly."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from cape_utils import cli, data
from cape_utils.steering import directions
from tests.tiny_models import DEPTH, FEW, save_tiny, tiny


@pytest.fixture(autouse=True)
def own_results(tmp_path, monkeypatch):
    monkeypatch.setenv("CAPE_RESULTS", str(tmp_path / "results"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(save_tiny("llama", tmp_path_factory.mktemp("tiny") / "llama"))


@pytest.fixture
def pairs(tmp_path):
    path = tmp_path / "pairs.csv"
    columns = ["stem", "true_completion", "false_completion"]
    data.load("truth_pairs")[columns].head(12).to_csv(path, index=False)
    return str(path)


def steer(*arguments, **named):
    words = [word for key, value in named.items() for word in (f"--{key.replace('_', '-')}", str(value))]
    return cli.main(["steer", "--device", "cpu", "--max-new-tokens", "4", *arguments, *words])


@pytest.mark.parametrize("architecture", FEW)
def test_it_answers_for_every_architecture(architecture, tmp_path, pairs, capsys):
    place = save_tiny(architecture, tmp_path / architecture)
    capsys.readouterr()  # saving shows a progress bar
    assert steer("--json", model=place, prompt="Salt is", calibrate=pairs, strength=3) == 0
    out, err = capsys.readouterr()
    assert err == ""
    said = json.loads(out)
    assert said["layers"] == DEPTH
    assert said["layer"] == DEPTH // 4
    assert said["pairs"] == 12
    (output,) = said["outputs"]
    assert output["prompt"] == "Salt is"
    assert output["changed"] == (output["plain"] != output["steered"])


def test_the_text_shows_both_outputs(folder, pairs, capsys):
    assert steer(model=folder, prompt="Salt is", calibrate=pairs, strength=0) == 0
    out, _ = capsys.readouterr()
    assert "> Salt is" in out
    assert "steered: (the same)" in out
    assert "0 of 1 texts changed, which does not say that any was corrected." in out


def test_prompts_come_from_a_file_and_empty_lines_are_left_out(folder, pairs, tmp_path, capsys):
    (tmp_path / "prompts.txt").write_text("One is\n\nTwo is\n", encoding="utf-8")
    assert steer("--json", model=folder, prompts=tmp_path / "prompts.txt", calibrate=pairs) == 0
    assert [output["prompt"] for output in json.loads(capsys.readouterr().out)["outputs"]] == [
        "One is",
        "Two is",
    ]


def test_a_direction_is_saved_and_used_again(folder, pairs, tmp_path, capsys):
    saved = tmp_path / "mine.safetensors"
    assert steer(model=folder, calibrate=pairs, save=saved, layer=1) == 0
    assert f"saved to {saved}" in capsys.readouterr().out
    kept = saved.read_bytes()
    assert steer("--json", model=folder, prompt="Salt is", direction=saved, strength=2) == 0
    assert json.loads(capsys.readouterr().out)["layer"] == 1
    assert steer(model=folder, calibrate=pairs, save=saved) == 2
    assert "exists and is not replaced" in capsys.readouterr().err
    assert saved.read_bytes() == kept


def test_what_was_learnt_is_kept_and_a_spoilt_file_is_learnt_anew(
    folder, pairs, tmp_path, monkeypatch, capsys
):
    assert steer("--json", model=folder, prompt="Salt is", calibrate=pairs) == 0
    first = capsys.readouterr().out
    (file,) = (tmp_path / "results").glob("direction-*.safetensors")
    with monkeypatch.context() as patched:
        patched.setattr(directions, "truth_direction", None)  # calling it would be an error
        assert steer("--json", model=folder, prompt="Salt is", calibrate=pairs) == 0
    assert capsys.readouterr().out == first
    file.write_bytes(file.read_bytes()[:-5])
    assert steer("--json", model=folder, prompt="Salt is", calibrate=pairs) == 0
    assert capsys.readouterr().out == first


def test_the_layer_can_be_chosen_by_the_margin(folder, pairs, capsys):
    from cape_utils.steering import layer_map
    from cape_utils.steering import pairs as steering_pairs

    assert steer("--json", model=folder, prompt="Salt is", calibrate=pairs, layer="auto") == 0
    chosen = json.loads(capsys.readouterr().out)["layer"]
    assert chosen == layer_map.best_layer(tiny("llama"), steering_pairs.read_pairs(pairs))


def test_a_direction_of_another_model_is_refused(folder, pairs, tmp_path, capsys):
    saved = tmp_path / "mine.safetensors"
    assert steer(model=folder, calibrate=pairs, save=saved) == 0
    other = save_tiny("gpt2", tmp_path / "other")
    capsys.readouterr()
    assert steer(model=other, prompt="Salt is", direction=saved) == 2
    err = capsys.readouterr().err
    assert "llama" in err
    assert "other" in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ({}, 2, "there is nothing to do; give --prompt, --prompts, or --save"),
        ({"prompt": " "}, 2, "--prompt is empty"),
        ({"prompts": "{tmp}/none.txt"}, 2, "none.txt"),
        ({"prompts": "{tmp}/empty.txt"}, 2, "holds no prompt; write one per line"),
        ({"prompts": "{tmp}/binary"}, 2, "not a text file in UTF-8"),
        (
            {"prompt": "a", "layer": "x"},
            2,
            "--layer is 'x'; expected a number from 0, several as 7,8, or auto",
        ),
        ({"prompt": "a", "layer": 3}, 2, "layer 3 does not exist; there are 3, from 0 to 2"),
        ({"prompt": "a", "strength": "nan"}, 2, "strength is nan"),
        ({"prompt": "a", "direction": "{tmp}/none.safetensors"}, 2, "none.safetensors"),
        ({"prompt": "a", "direction": "{tmp}/binary"}, 2, "binary"),
        (
            {"prompt": "a", "direction": "{tmp}/binary", "layer": 1},
            2,
            "belongs to its layer; leave --layer out",
        ),
        ({"prompt": "a", "calibrate": "{tmp}/none.csv"}, 2, "none.csv"),
        ({"prompt": "a", "calibrate": "{tmp}/one.csv"}, 2, "at least two pairs"),
        ({"prompt": "a", "calibrate": "{tmp}/columns.csv"}, 2, "true_completion"),
        ({"prompt": "a" * 200}, 2, "prompt 1 has 201 tokens"),
        ({"prompt": "a", "model": "/no/such"}, 1, "there is no folder /no/such"),
        ({"save": "{tmp}/no/folder/x"}, 2, "no folder"),
        ({"export": "{tmp}/no/folder/x.pt"}, 2, "no folder"),
        ({"export": "{tmp}/x.bin"}, 2, "x.bin ends in none of .sv.pt, .pt, .gguf"),
        ({"export": "{tmp}/x.gguf", "layer": 0}, 2, "counts control vectors from layer 1"),
        ({"save": "{tmp}/x.safetensors", "layer": "0,1"}, 2, "--save writes one direction and there are 2"),
        ({"prompt": "a", "method": "multiply"}, 2, "method is 'multiply'; allowed: add"),
        ({"prompt": "a", "method": "ablate", "strength": 1}, 2, "the method 'ablate' has none"),
        ({"prompt": "a", "learn": "median"}, 2, "method is 'median'; allowed: means, logistic, pca"),
        ({"prompt": "a", "concept": "anger"}, 2, "no pairs 'anger'; allowed: truth, sentiment, politeness"),
        ({"prompt": "a", "system": "Be kind."}, 2, "give --chat too"),
        ({"prompt": "a", "instruction": "Be true."}, 2, "give that method too"),
        ({"save": "{tmp}/x", "method": "prompt"}, 2, "has no direction to write"),
        ({"save": "{tmp}/x", "out": "{tmp}/x.jsonl"}, 2, "--out is for the results of prompts"),
        ({"prompt": "a", "out": "{tmp}/binary"}, 2, "binary"),
        ({"prompt": "a", "direction": "{tmp}/bad.pt"}, 2, "bad.pt is no file of tensors alone"),
        ({"prompt": "a", "direction": "{tmp}/bad.gguf"}, 2, "bad.gguf is not a GGUF file"),
        ({"prompt": "a", "direction": "{tmp}/bad.svec"}, 2, "bad.svec is no file of CAST"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(arguments, status, message, folder, pairs, tmp_path, capsys):
    (tmp_path / "empty.txt").write_text("\n\n")
    for name in ("binary", "bad.pt", "bad.gguf", "bad.svec"):
        (tmp_path / name).write_bytes(b"\xff\xfe\x81")
    one = {"stem": ["Ice is"], "true_completion": ["cold."], "false_completion": ["hot."]}
    pd.DataFrame(one).to_csv(tmp_path / "one.csv", index=False)
    pd.DataFrame({"stem": ["Ice is"]}).to_csv(tmp_path / "columns.csv", index=False)
    given = {key: str(value).replace("{tmp}", str(tmp_path)) for key, value in arguments.items()}
    rest = {} if {"direction", "calibrate", "concept"} & set(given) else {"calibrate": pairs}
    assert steer(**({"model": folder} | given | rest)) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.startswith("cape steer: ")


@pytest.mark.parametrize("method", ["adaptive", "clamp", "ablate", "prompt"])
def test_every_method_can_be_asked_for(method, folder, pairs, capsys):
    from cape_utils.models.loading import load_model
    from cape_utils.steering import directions as learnt
    from cape_utils.steering import interventions
    from cape_utils.steering.pairs import read_pairs

    loaded = load_model(folder, device="cpu")
    direction = learnt.truth_direction(loaded, read_pairs(pairs), layer=1, method="pca")
    strength = {} if method in ("ablate", "prompt") else {"strength": 2}
    asked = {"model": folder, "prompt": "Salt is", "calibrate": pairs, "layer": 1, "learn": "pca"}
    assert steer("--json", method=method, **strength, **asked) == 0
    said = json.loads(capsys.readouterr().out)
    how = {} if method == "prompt" else {"direction": direction, **strength}
    want = interventions.generate(loaded, ["Salt is"], max_new_tokens=4, method=method, **how)
    assert said["outputs"][0]["steered"] == want[0]
    assert (said["steered_by"], said["steered_layers"]) == (method, [] if method == "prompt" else [1])
    assert steer(method=method, **strength, **asked) == 0
    out = capsys.readouterr().out
    assert (f", {method}" in out) != ("asked in front of the prompt: Say only" in out)


def test_a_chat_needs_a_template_and_the_prompt_method_uses_it_where_there_is_one(tmp_path, folder, capsys):
    assert steer("--chat", model=folder, prompt="Hi", method="prompt") == 2
    assert "no chat template, so it is a base model" in capsys.readouterr().err
    place = save_tiny("llama", tmp_path / "chatty")
    template = "{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}{% endfor %}[assistant]"
    (place / "chat_template.jinja").write_text(template, encoding="utf-8")
    capsys.readouterr()
    assert steer("--json", model=place, prompt="Hi", method="prompt", instruction="Be true.") == 0
    asked = json.loads(capsys.readouterr().out)
    assert asked["chat"]
    assert steer("--json", model=folder, prompt="[user]Hi[assistant]", method="prompt") == 0
    plain = json.loads(capsys.readouterr().out)
    assert not plain["chat"]
    assert asked["outputs"][0]["plain"] == plain["outputs"][0]["plain"]
    assert steer("--json", "--chat", model=place, prompt="Hi", system="Be true.", method="prompt") == 0
    assert json.loads(capsys.readouterr().out)["chat"]


@pytest.mark.parametrize("ending", [".pt", ".gguf", ".svec", ".sv.pt"])
def test_an_exported_direction_steers_as_the_learnt_one_does(ending, folder, pairs, tmp_path, capsys):
    place = tmp_path / f"truth{ending}"
    asked = {"model": folder, "prompt": "Salt is", "strength": 2}
    assert steer("--json", calibrate=pairs, layer="1,2", export=place, **asked) == 0
    learnt = json.loads(capsys.readouterr().out)
    assert (learnt["exported"], learnt["steered_layers"]) == (str(place), [1, 2])
    assert steer("--json", direction=place, **asked) == 0
    read = json.loads(capsys.readouterr().out)
    assert (read["outputs"], read["steered_layers"]) == (learnt["outputs"], [1, 2])
    assert steer(direction=place, **asked) == 0
    assert "direction read from a file for" in capsys.readouterr().out
    assert steer(calibrate=pairs, layer="1,2", export=place, **asked) == 2
    assert "exists and is not replaced" in capsys.readouterr().err


def test_results_go_to_a_file_that_goes_on_where_it_stopped(folder, pairs, tmp_path, monkeypatch, capsys):
    from cape_utils.steering import comparison

    (tmp_path / "prompts.txt").write_text("One is\nTwo is\nOne is\n", encoding="utf-8")
    place = tmp_path / "results.jsonl"
    asked = {"model": folder, "prompts": tmp_path / "prompts.txt", "calibrate": pairs, "out": place}
    assert steer(strength=2, **asked) == 0
    assert f"written to {place}" in capsys.readouterr().out
    whole = place.read_text(encoding="utf-8")
    rows = [json.loads(line) for line in whole.splitlines()]
    assert [(row["number"], row["prompt"]) for row in rows] == [(1, "One is"), (2, "Two is"), (3, "One is")]
    assert {"settings", "plain", "steered", "plain_logp", "steered_logp", "kl"} <= set(rows[0])
    place.write_text(whole[: whole.index('"number": 3') + 5], encoding="utf-8")  # a crash in the last line
    done = []
    real = comparison.compare
    monkeypatch.setattr(comparison, "compare", lambda *a, **k: done.append(a[1]) or real(*a, **k))
    assert steer(strength=2, **asked) == 0
    assert done == [["One is"]]
    assert place.read_text(encoding="utf-8") == whole
    assert steer(strength=1, **asked) == 2
    assert "results.jsonl was written with another strength; name another file" in capsys.readouterr().err
    (tmp_path / "prompts.txt").write_text("One is\nThree is\n", encoding="utf-8")
    assert steer(strength=2, **asked) == 2
    assert "written for other prompts (number 2)" in capsys.readouterr().err
    assert place.read_text(encoding="utf-8") == whole


def test_help_is_quick_and_loads_no_torch():
    import subprocess
    import sys

    code = "import sys\nfrom cape_utils import cli\ntry:\n    cli.main(['steer', '--help'])\nexcept SystemExit: pass\n"
    code += "sys.exit(bool({'torch', 'transformers', 'pandas'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0
