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
        ({"prompt": "a", "layer": "x"}, 2, "--layer is 'x'; expected a number from 0, or auto"),
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
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(arguments, status, message, folder, pairs, tmp_path, capsys):
    (tmp_path / "empty.txt").write_text("\n\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x81")
    one = {"stem": ["Ice is"], "true_completion": ["cold."], "false_completion": ["hot."]}
    pd.DataFrame(one).to_csv(tmp_path / "one.csv", index=False)
    pd.DataFrame({"stem": ["Ice is"]}).to_csv(tmp_path / "columns.csv", index=False)
    given = {key: str(value).replace("{tmp}", str(tmp_path)) for key, value in arguments.items()}
    rest = {} if "direction" in given or "calibrate" in given else {"calibrate": pairs}
    assert steer(**({"model": folder} | given | rest)) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.startswith("cape steer: ")


def test_help_is_quick_and_loads_no_torch():
    import subprocess
    import sys

    code = "import sys\nfrom cape_utils import cli\ntry:\n    cli.main(['steer', '--help'])\nexcept SystemExit: pass\n"
    code += "sys.exit(bool({'torch', 'transformers', 'pandas'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0
