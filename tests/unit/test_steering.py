"""Directions, steering, generating, files and the reader's pairs, on tiny random models."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from cape_utils import data, runtime  # noqa: E402
from cape_utils.data.schema import DataError  # noqa: E402
from cape_utils.explorers import steering  # noqa: E402
from cape_utils.models.activations import capture  # noqa: E402
from cape_utils.models.loading import encode  # noqa: E402
from cape_utils.steering import directions, interventions  # noqa: E402
from cape_utils.steering import pairs as steering_pairs  # noqa: E402
from tests.tiny_models import CONFIGS, DEPTH, WIDTH, tiny  # noqa: E402

SOME = ("llama", "gpt2", "bloom", "gptj", "gemma2")


def pairs(n: int = 4) -> pd.DataFrame:
    return data.load("truth_pairs").head(n)


def logits(loaded, texts=("Hallo there", "Hi")):
    return loaded.model(**encode(loaded.tokenizer, list(texts))).logits


# ---------------------------------------------------------------- directions


def test_a_direction_is_the_difference_of_means_read_one_text_at_a_time():
    loaded, table = tiny(), pairs()
    found = directions.truth_direction(loaded, table, layer=1)
    last, lengths = {}, []
    for which in ("true", "false"):
        rows = []
        for text in steering_pairs.statements(table, which):
            with torch.no_grad():
                seen = loaded.model(**encode(loaded.tokenizer, [text]), output_hidden_states=True)
            stream = seen.hidden_states[2][0]  # entry 0 is the embedding
            rows.append(stream[-1].numpy())
            lengths += stream[1:].norm(dim=-1).tolist()
        last[which] = np.mean(rows, 0)
    expected = last["true"] - last["false"]
    assert found.vector == pytest.approx(expected / np.linalg.norm(expected), abs=1e-4)
    assert found.vector.dtype == np.float32
    assert found.residual_norm == pytest.approx(np.mean(lengths), rel=1e-5)
    assert (found.layer, found.pairs, found.method) == (1, 4, "means, last token")
    assert (found.model_name, found.model_sha256) == ("tiny-llama", "llama-0")


def test_the_mean_position_averages_all_tokens_but_the_first():
    loaded, table = tiny("gpt2"), pairs(2)
    read = directions.readings(loaded, table, layers=[0], position="mean")
    text = steering_pairs.statements(table, "false")[1]
    with torch.no_grad(), capture(loaded.model, layers=[0]) as seen:
        loaded.model(**encode(loaded.tokenizer, [text]))
    assert read.false[1, 0] == pytest.approx(seen.hidden[0][0, 1:].mean(0).numpy(), abs=1e-5)


@pytest.mark.parametrize("size", [1, 3, 100])
def test_batches_do_not_matter(size):
    loaded, table = tiny(), pairs(5)
    want = directions.readings(loaded, table, layers=[2, 0], batch_size=4)
    got = directions.readings(loaded, table, layers=[2, 0], batch_size=size)
    assert got.true == pytest.approx(want.true, abs=1e-5)
    assert got.norms == pytest.approx(want.norms, rel=1e-5)
    assert want.layers == (2, 0)


def test_the_default_layer_is_a_quarter_of_the_depth():
    loaded = tiny()
    assert directions.paper_layer(loaded) == DEPTH // 4
    assert directions.truth_direction(loaded, pairs()).layer == DEPTH // 4
    assert directions.truth_direction(loaded, pairs(), layer=-1).layer == DEPTH - 1


def test_logistic_weights_find_a_planted_direction_and_means_ignore_scale():
    rng = np.random.default_rng(0)
    planted = np.zeros(20)
    planted[3] = 1
    noise = rng.normal(size=(200, 20)) * np.linspace(1, 3, 20)
    weights = directions.logistic_weights(noise + 3 * planted)
    assert weights @ planted / np.linalg.norm(weights) > 0.9
    assert directions.logistic_weights(100 * (noise + 3 * planted)) == pytest.approx(weights, rel=1e-6)
    found = directions.truth_direction(tiny(), pairs(), method="logistic")
    assert np.linalg.norm(found.vector) == pytest.approx(1, abs=1e-5)
    assert found.method.startswith("logistic")


def test_a_missing_library_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sklearn.linear_model", None)
    with pytest.raises(ImportError, match=r"cape-book\[models\]"):
        directions.logistic_weights(np.eye(3))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "median"}, "method is 'median'; allowed: means, logistic, pca"),
        ({"position": "first"}, "position is 'first'; allowed: last, mean"),
        ({"layer": 3}, "layer 3 does not exist; there are 3, from 0 to 2"),
    ],
)
def test_wrong_options_are_named(options, words):
    with pytest.raises(ValueError, match=words):
        directions.truth_direction(tiny(), pairs(), **options)


def test_too_few_pairs_and_no_difference_are_refused():
    with pytest.raises(ValueError, match="at least two pairs; there are 1"):
        directions.truth_direction(tiny(), pairs(1))
    same = pairs().assign(false_completion=lambda t: t["true_completion"])
    with pytest.raises(ValueError, match="the same mean at layer 0"):
        directions.truth_direction(tiny(), same)
    with pytest.raises(ValueError, match="a column 'stem' is needed"):
        directions.truth_direction(tiny(), pairs().drop(columns="stem"))


# ---------------------------------------------------------------- steering


@pytest.mark.parametrize("architecture", CONFIGS)
def test_steering_moves_content_positions_by_what_it_says_and_leaves_nothing(architecture):
    loaded = tiny(architecture)
    along = directions.truth_direction(loaded, pairs(), layer=1)
    batch = encode(loaded.tokenizer, ["a longer text", "Hi"], side="left")
    before = logits(loaded)
    with capture(loaded.model, layers=[1]) as plain:
        loaded.model(**batch)
    with interventions.steer(loaded, along, 0.5), capture(loaded.model, layers=[1]) as moved:
        loaded.model(**batch)
    change = (moved.hidden[1] - plain.hidden[1]).numpy()
    seen = batch["attention_mask"].numpy().astype(bool)
    content = seen & (seen.cumsum(1) > 1)
    shift = 0.5 * along.residual_norm * along.vector
    assert change[content] == pytest.approx(
        np.tile(shift, (content.sum(), 1)), abs=1e-4 * along.residual_norm
    )
    assert not change[~content].any()
    assert torch.equal(before, logits(loaded))


@pytest.mark.parametrize("architecture", SOME)
def test_strength_zero_is_bit_equal_and_others_are_not(architecture):
    loaded = tiny(architecture)
    along = directions.truth_direction(loaded, pairs())
    before = logits(loaded)
    with interventions.steer(loaded, along, 0.0):
        assert torch.equal(before, logits(loaded))
    with interventions.steer(loaded, along, 0.2):
        assert not torch.equal(before, logits(loaded))


def test_nothing_is_left_after_an_exception_and_blocks_add_up():
    loaded = tiny()
    along = directions.truth_direction(loaded, pairs())
    before = logits(loaded)
    with pytest.raises(KeyError), interventions.steer(loaded, along, 1.0):
        raise KeyError
    assert torch.equal(before, logits(loaded))
    with interventions.steer(loaded, along, 0.5), interventions.steer(loaded, along, -0.5):
        assert torch.allclose(before, logits(loaded), atol=1e-5)


def test_wrong_steering_is_refused():
    loaded = tiny()
    along = directions.truth_direction(loaded, pairs())
    other = pytest.raises(directions.DirectionError, match=r"learnt in tiny-llama .* this model is tiny-gpt2")
    with other, interventions.steer(tiny("gpt2"), along, 1.0):
        pass
    with pytest.raises(ValueError, match="strength is nan"), interventions.steer(loaded, along, float("nan")):
        pass
    shape = pytest.raises(ValueError, match=rf"shape \(5,\); this model's residual stream takes \({WIDTH},\)")
    with shape, interventions.add_vector(loaded.model, 0, np.ones(5)):
        pass


# ---------------------------------------------------------------- generating


@pytest.mark.parametrize("architecture", SOME)
def test_greedy_is_greedy_whatever_the_batch(architecture):
    loaded = tiny(architecture)
    prompts = ["The sky", "A much longer prompt than that"]
    along = directions.truth_direction(loaded, pairs())
    options = {"max_new_tokens": 6, "direction": along, "strength": 0.3}
    together = interventions.generate(loaded, prompts, **options)
    assert together == interventions.generate(loaded, prompts, **options)
    assert together == [interventions.generate(loaded, [p], **options)[0] for p in prompts]
    ids = encode(loaded.tokenizer, prompts[:1])["input_ids"]
    with interventions.steer(loaded, along, 0.3), torch.no_grad():
        for _ in range(6):
            ids = torch.cat([ids, loaded.model(ids).logits[:, -1].argmax(-1, keepdim=True)], 1)
    own = loaded.tokenizer.decode(ids[0, -6:], skip_special_tokens=True)
    assert together[0] == own


def test_sampling_follows_its_seed_and_leaves_the_global_one_alone():
    loaded, options = tiny(), {"max_new_tokens": 8, "temperature": 0.7}
    torch.manual_seed(5)
    want = torch.rand(1)
    torch.manual_seed(5)
    first = interventions.generate(loaded, ["a", "b"], seed=1, **options)
    assert torch.equal(want, torch.rand(1))
    assert first == interventions.generate(loaded, ["a", "b"], seed=1, **options)
    assert first != interventions.generate(loaded, ["a", "b"], seed=2, **options)


@pytest.mark.parametrize(
    ("prompts", "options", "words"),
    [
        ("one string", {}, "list of at least one string"),
        ([], {}, "list of at least one string"),
        (["a"], {"temperature": -1}, "temperature is -1"),
        (["a"], {"max_new_tokens": 0}, "max_new_tokens is 0"),
        (["a"], {"strength": 0.5}, "no direction to steer along"),
        (["a", "x" * 120], {"max_new_tokens": 20}, "prompt 2 has 121 tokens and 20 more .* ends at 128"),
    ],
)
def test_what_cannot_be_generated_is_refused(prompts, options, words):
    with pytest.raises(ValueError, match=words):
        interventions.generate(tiny(), prompts, **options)


def test_a_prompt_that_just_fits_is_continued():
    assert len(interventions.generate(tiny(), ["x" * 107], max_new_tokens=20)) == 1


# ---------------------------------------------------------------- files


def test_a_direction_survives_its_file(tmp_path):
    loaded, path = tiny(), tmp_path / "truth.safetensors"
    along = directions.truth_direction(loaded, pairs())
    directions.save_direction(path, along)
    back = directions.load_direction(path, loaded)
    assert np.array_equal(back.vector, along.vector)
    assert dataclasses.replace(back, vector=along.vector) == along


def test_files_that_are_not_for_this_model_are_refused(tmp_path):
    from safetensors.numpy import save_file

    path = tmp_path / "truth.safetensors"
    directions.save_direction(path, directions.truth_direction(tiny(), pairs()))
    with pytest.raises(directions.DirectionError, match=r"truth.safetensors .* tiny-llama .* tiny-gpt2"):
        directions.load_direction(path, tiny("gpt2"))
    with pytest.raises(FileNotFoundError, match="no file"):
        directions.load_direction(tmp_path / "none", tiny())
    with pytest.raises(FileNotFoundError, match="no folder"):
        directions.save_direction(tmp_path / "none" / "a", directions.truth_direction(tiny(), pairs()))
    for raw in (b"", b"some words, and no tensors at all"):
        path.write_bytes(raw)
        with pytest.raises(directions.DirectionError, match="not a safetensors file"):
            directions.load_direction(path, tiny())
    save_file({"direction": np.ones(WIDTH, np.float32)}, path)
    with pytest.raises(directions.DirectionError, match="holds no truth direction"):
        directions.load_direction(path, tiny())
    save_file({"direction": np.ones(WIDTH, np.float32)}, path, metadata={"format": "cape truth direction 1"})
    with pytest.raises(directions.DirectionError, match="has no layer in its header"):
        directions.load_direction(path, tiny())


# ---------------------------------------------------------------- the reader's pairs

GOOD = "stem,true_completion,false_completion\nIce is,frozen water.,frozen milk.\nGrass is,green.,blue.\n"


def test_own_pairs_are_read_and_filled_in(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text(GOOD.replace(",", ";"))
    found = steering_pairs.read_pairs(path)
    assert found["stem"].tolist() == ["Ice is", "Grass is"]
    assert found["pair_id"].tolist() == ["pair_1", "pair_2"]
    assert set(found["topic"]) == {"own"}
    assert set(found["kind"]) == {"fact"}


def test_the_project_s_pairs_pass_their_own_check(tmp_path):
    table = data.load("truth_pairs")
    table.to_csv(tmp_path / "pairs.csv", index=False)
    assert steering_pairs.read_pairs(tmp_path / "pairs.csv")["stem"].tolist() == table["stem"].tolist()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD.replace("stem,", "prompt,"), "name the column stem"),
        ("stem,true_completion\nIce is,frozen.\n", "column 'false_completion': the column is missing"),
        (GOOD + ",,\n", "line 4.*the row is empty"),
        (GOOD + "Snow is,white.,\n", "line 4, column 'false_completion'.*a value is needed"),
        (
            GOOD + "Snow is,white.,white.\n",
            "line 4, column 'false_completion': got 'white.'; .* is the same",
        ),
        (GOOD + "Snow is,white.\n", "line 4: the row has 2 cells"),
        (GOOD.splitlines()[0] + "\n", "header but no row"),
        ("\n", "the file is empty"),
    ],
)
def test_faults_of_own_pairs_are_named(tmp_path, text, words):
    path = tmp_path / "own.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=words):
        steering_pairs.read_pairs(path)


def test_pairs_of_one_name_no_file_and_a_folder_are_refused(tmp_path):
    twice = tmp_path / "twice.csv"
    pd.read_csv(__import__("io").StringIO(GOOD)).assign(pair_id="a").to_csv(twice, index=False)
    with pytest.raises(DataError, match="line 3, column 'pair_id': got 'a'"):
        steering_pairs.read_pairs(twice)
    with pytest.raises(FileNotFoundError, match="no file"):
        steering_pairs.read_pairs(tmp_path / "none.csv")
    with pytest.raises(DataError, match="this is a folder"):
        steering_pairs.read_pairs(tmp_path)


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(6)), st.integers(0, 5), st.sampled_from(steering_pairs.NEEDED))
def test_the_digest_knows_words_and_not_order(order, row, column):
    table = pairs(6)
    digest = steering_pairs.pairs_digest(table)
    assert steering_pairs.pairs_digest(table.iloc[list(order)]) == digest
    changed = table.copy()
    changed.loc[row, column] += "!"
    assert steering_pairs.pairs_digest(changed) != digest


# ---------------------------------------------------------------- the explorer


def test_the_explorer_answers_in_a_live_kernel_and_hands_back_its_twin_in_the_book(monkeypatch):
    widgets = pytest.importorskip("ipywidgets")
    monkeypatch.delenv("CAPE_BOOK", raising=False)
    app = steering.steering_explorer(tiny(), "twin", max_new_tokens=4)
    button = next(w for w in app.children if isinstance(w, widgets.Button))
    shown = next(w for w in app.children if isinstance(w, widgets.HTML))
    button.click()
    assert "as it is" in shown.value
    assert "steered" in shown.value
    app.children[1].value = "x" * 200
    button.click()
    assert "shorten the prompt" in shown.value
    assert not button.disabled
    monkeypatch.setattr(runtime, "in_book", lambda: True)
    assert steering.steering_explorer(tiny(), "twin") == "twin"
