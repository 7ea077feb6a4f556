"""Every method of steering against its formula written out by hand; prompts, chats, padding, caches and exceptions."""

from __future__ import annotations

import contextlib
import copy

import numpy as np
import pandas as pd
import pytest

torch = pytest.importorskip("torch")

from cape_utils import data  # noqa: E402
from cape_utils.models import activations, chat  # noqa: E402
from cape_utils.models.completions import completion_logp  # noqa: E402
from cape_utils.models.loading import encode, own_tokens  # noqa: E402
from cape_utils.steering import directions, evaluation, interventions  # noqa: E402
from tests.tiny_models import DEPTH, WIDTH, tiny  # noqa: E402

SOME = ("llama", "gpt2", "bloom", "gptj", "gemma2")
STREAM_METHODS = ("add", "adaptive", "clamp", "ablate")
PROMPTS = ["The sky", "A much longer prompt than that", "x"]
STRENGTHS = {"add": 0.6, "adaptive": -0.6, "clamp": 0.6, "ablate": 0.0}


def pairs(n: int = 4) -> pd.DataFrame:
    return data.load("truth_pairs").head(n)


def along(architecture: str, layer: int = 1) -> directions.Direction:
    return directions.truth_direction(tiny(architecture), pairs(), layer=layer)


def by_hand(method, stream, attended, ends, direction, strength, positions="all"):
    """The formulas of the docstring in plain loops over texts and tokens, in double precision."""
    v, R = direction.vector.astype(float), direction.residual_norm
    new = stream.astype(float).copy()
    for text in range(len(stream)):
        first = int(np.flatnonzero(attended[text])[0])
        last = stream[text, ends[text]].astype(float)
        cosine = last @ v / np.linalg.norm(last) / np.linalg.norm(v)
        for token in np.flatnonzero(attended[text]):
            if token == first or (positions == "prompt_end" and token < ends[text]):
                continue
            r = stream[text, token].astype(float)
            new[text, token] = {
                "add": r + strength * R * v,
                "adaptive": r + strength * (1 - np.sign(strength) * cosine) * R * v,
                "clamp": r - (r @ v) * v + strength * R * v,
                "ablate": r - (r @ v) * v,
            }[method]
    return new


@contextlib.contextmanager
def own_hook(loaded, method, direction, strength, attended, ends, positions="all"):
    """Steer by the formulas above with a hook that shares nothing with the package but where the layers are."""

    def hook(_module, _inputs, output):
        stream = output[0] if isinstance(output, tuple) else output
        new = by_hand(method, stream.numpy(), attended, ends, direction, strength, positions)
        new = torch.as_tensor(new, dtype=stream.dtype)
        return (new, *output[1:]) if isinstance(output, tuple) else new

    handle = activations.decoder(loaded.model).layers[direction.layer].register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


# ---------------------------------------------------------------- the stream


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("positions", ["all", "prompt_end"])
@pytest.mark.parametrize("method", STREAM_METHODS)
@pytest.mark.parametrize("architecture", SOME)
def test_each_method_does_what_its_formula_says(architecture, method, positions, side):
    loaded, strength = tiny(architecture), STRENGTHS[method]
    direction = along(architecture)
    batch = encode(loaded.tokenizer, PROMPTS, side=side)
    attended = batch["attention_mask"].numpy().astype(bool)
    # Half of each text is the prompt, the rest its answer.
    ends = [int(np.flatnonzero(row)[(row.sum() - 1) // 2]) for row in attended]
    with activations.capture(loaded.model, layers=[1]) as plain, torch.no_grad():
        before = loaded.model(**batch).logits
    how = {"method": method, "positions": positions}
    told = activations.prompts_end_at(ends)
    seen = activations.capture(loaded.model, layers=[1])
    with interventions.steer(loaded, direction, strength, **how), told, torch.no_grad(), seen as steered:
        after = loaded.model(**batch).logits
    expected = by_hand(method, plain.hidden[1].numpy(), attended, ends, direction, strength, positions)
    scale = direction.residual_norm
    assert steered.hidden[1].numpy() / scale == pytest.approx(expected / scale, abs=2e-5)
    with own_hook(loaded, method, direction, strength, attended, ends, positions), torch.no_grad():
        own = loaded.model(**batch).logits
    assert torch.allclose(after, own, atol=1e-4)
    assert not torch.allclose(after, before, atol=1e-4)
    with torch.no_grad():
        assert torch.equal(before, loaded.model(**batch).logits)


@pytest.mark.parametrize("method", STREAM_METHODS)
def test_without_word_of_it_the_prompt_is_all_of_a_text(method):
    loaded, direction = tiny(), along("llama")
    for side, ends in (("left", [30, 30, 30]), ("right", [7, 30, 1])):
        batch = encode(loaded.tokenizer, PROMPTS, side=side)
        assert batch["input_ids"].shape[1] == 31
        how = {"method": method, "positions": "prompt_end"}
        with torch.no_grad(), interventions.steer(loaded, direction, STRENGTHS[method], **how):
            guessed = loaded.model(**batch).logits
            with activations.prompts_end_at(ends):
                told = loaded.model(**batch).logits
        assert torch.equal(guessed, told)


def test_old_calls_give_the_same_bits():
    loaded, direction = tiny(), along("llama")
    batch = encode(loaded.tokenizer, PROMPTS)
    vector = direction.vector * (0.3 * direction.residual_norm)
    with torch.no_grad(), interventions.add_vector(loaded.model, direction.layer, vector):
        was = loaded.model(**batch).logits
    with torch.no_grad(), interventions.steer(loaded, direction, 0.3):
        assert torch.equal(was, loaded.model(**batch).logits)


def test_clamping_at_nothing_is_ablation_and_sets_what_it_says():
    loaded, direction = tiny(), along("llama")
    batch = encode(loaded.tokenizer, ["one text"])
    found = {}
    for method, strength in (("clamp", 0.0), ("ablate", 0.0), ("clamp", -0.4)):
        block, watch = interventions.steer(loaded, direction, strength, method=method), torch.no_grad()
        with block, watch, activations.capture(loaded.model, layers=[1]) as seen:
            loaded.model(**batch)
        found[method, strength] = seen.hidden[1][0, 1:] @ torch.as_tensor(direction.vector)
    assert found["clamp", 0.0].numpy() == pytest.approx(0, abs=1e-5)
    assert torch.allclose(found["clamp", 0.0], found["ablate", 0.0], atol=1e-6)
    assert found["clamp", -0.4].numpy() == pytest.approx(-0.4 * direction.residual_norm, rel=1e-4)


@pytest.mark.parametrize("sign", [1, -1])
def test_adaptive_moves_a_prompt_that_is_there_already_less(sign):
    loaded, batch = tiny(), encode(tiny().tokenizer, ["one text"])
    with activations.capture(loaded.model, layers=[1]) as plain, torch.no_grad():
        loaded.model(**batch)
    last = plain.hidden[1][0, -1].numpy()
    moved = {}
    for name, vector in (("there", last), ("against", -last)):
        direction = copy.copy(along("llama"))
        object.__setattr__(direction, "vector", sign * vector / np.linalg.norm(vector))
        block = interventions.steer(loaded, direction, 0.5 * sign, method="adaptive")
        with block, torch.no_grad(), activations.capture(loaded.model, layers=[1]) as steered:
            loaded.model(**batch)
        moved[name] = (steered.hidden[1] - plain.hidden[1])[0, -1].norm() / direction.residual_norm
    assert float(moved["there"]) == pytest.approx(0, abs=1e-5)
    assert float(moved["against"]) == pytest.approx(1, rel=1e-4)  # twice the strength


def test_several_directions_and_layers_at_once():
    loaded = tiny()
    two = [along("llama", layer) for layer in (0, 2)]
    batch = encode(loaded.tokenizer, PROMPTS)

    def logits(*blocks):
        with contextlib.ExitStack() as stack, torch.no_grad():
            for block in blocks:
                stack.enter_context(block)
            return loaded.model(**batch).logits

    together = logits(interventions.steer(loaded, two, 0.4))
    assert torch.equal(together, logits(*(interventions.steer(loaded, one, 0.4) for one in two)))
    everywhere = logits(interventions.steer(loaded, two[0], method="ablate", layers=range(DEPTH)))
    by_one = [interventions.steer(loaded, two[0], method="ablate", layers=[i]) for i in range(DEPTH)]
    assert torch.equal(everywhere, logits(*by_one))
    assert not torch.equal(everywhere, logits(interventions.steer(loaded, two[0], method="ablate")))


@pytest.mark.parametrize("method", STREAM_METHODS)
def test_half_precision_stays_half(method):
    loaded = tiny("llama", seed=3)
    model = copy.deepcopy(loaded.model).to(torch.bfloat16)
    half = loaded._replace(model=model)
    direction = directions.truth_direction(loaded, pairs(), layer=1)
    batch = encode(loaded.tokenizer, PROMPTS)
    block = interventions.steer(half, direction, STRENGTHS[method], method=method)
    with block, torch.no_grad(), activations.capture(model, layers=[1]) as seen:
        assert model(**batch).logits.dtype == torch.bfloat16
    assert seen.hidden[1].dtype == torch.bfloat16


@pytest.mark.parametrize("method", STREAM_METHODS)
def test_mask_vector_and_prompt_ends_follow_the_stream_to_another_device(method):
    """The device meta stands for a second GPU: torch refuses to mix it with the CPU just as well."""
    loaded, direction = tiny(), along("llama")
    layer = activations.decoder(loaded.model).layers[1]
    batch = encode(loaded.tokenizer, PROMPTS)
    here = torch.zeros(3, 31, WIDTH)
    how = {"method": method, "positions": "prompt_end"}
    own = type(layer).forward
    try:
        with interventions.steer(loaded, direction, STRENGTHS[method], **how), torch.no_grad():
            loaded.model(**batch)  # the mask of this pass and, for adaptive, its strengths stand on the CPU
            type(layer).forward = lambda _self, stream, **_: stream.to("meta")
            assert layer(here).device.type == "meta"
            type(layer).forward = lambda _self, stream, **_: stream
            assert layer(here).device.type == "cpu"
    finally:
        type(layer).forward = own


@pytest.mark.parametrize("method", STREAM_METHODS)
def test_nothing_is_left_after_an_exception(method):
    loaded, direction = tiny(), along("llama")
    modules = list(loaded.model.modules())

    def hooks() -> int:
        return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in modules)

    before = hooks()
    how = {"method": method, "positions": "prompt_end"}
    with interventions.steer(loaded, direction, STRENGTHS[method], **how):
        assert hooks() > before
    with pytest.raises(KeyError), interventions.steer(loaded, direction, STRENGTHS[method], **how):
        raise KeyError
    assert hooks() == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "multiply"}, "method is 'multiply'; allowed: add, adaptive, clamp, ablate, prompt"),
        ({"method": "ablate", "strength": 0.5}, "strength is 0.5, and the method 'ablate' has none"),
        ({"method": "prompt"}, "changes the text and not the model"),
        ({"positions": "end"}, "positions is 'end'; allowed: all, prompt_end"),
        ({"direction": []}, "no direction to steer along"),
        ({"layers": [3], "strength": 1.0}, "layer 3 does not exist"),
        ({"direction": 2, "layers": [1]}, "several directions have their own layers"),
    ],
)
def test_wrong_options_are_named(options, words):
    asked = {"direction": along("llama"), **options}
    if asked["direction"] == 2:
        asked["direction"] = [along("llama"), along("llama", 0)]
    with pytest.raises(ValueError, match=words), interventions.steer(tiny(), **asked):
        pass


# ---------------------------------------------------------------- generating


@pytest.mark.parametrize("positions", ["all", "prompt_end"])
@pytest.mark.parametrize("method", STREAM_METHODS)
@pytest.mark.parametrize("architecture", SOME)
def test_generating_is_the_same_in_a_batch_alone_with_a_cache_and_without(architecture, method, positions):
    loaded, strength = tiny(architecture), STRENGTHS[method]
    direction = along(architecture)
    how = {"direction": direction, "strength": strength, "method": method, "positions": positions}
    together = interventions.generate(loaded, PROMPTS, max_new_tokens=6, **how)
    assert together == [interventions.generate(loaded, [p], max_new_tokens=6, **how)[0] for p in PROMPTS]
    # By hand: one text, every pass over all of it, the hook of this file.
    ids = encode(loaded.tokenizer, PROMPTS[:1])["input_ids"]
    end = ids.shape[1] - 1
    for _ in range(6):
        attended = np.ones(ids.shape, bool)
        with own_hook(loaded, method, direction, strength, attended, [end], positions), torch.no_grad():
            ids = torch.cat([ids, loaded.model(ids).logits[:, -1].argmax(-1, keepdim=True)], 1)
        if ids[0, -1] == loaded.tokenizer.eos_token_id:
            break
    assert together[0] == loaded.tokenizer.decode(ids[0, end + 1 :], skip_special_tokens=True)


def test_prompts_of_several_batches_keep_their_own_strengths():
    loaded, direction = tiny(), along("llama")
    how = {"direction": direction, "strength": 2.0, "method": "adaptive", "max_new_tokens": 5}
    want = [interventions.generate(loaded, [p], **how)[0] for p in PROMPTS]
    assert interventions.generate(loaded, PROMPTS, batch_size=2, **how) == want


def test_a_prompt_is_an_instruction_before_the_text():
    loaded = tiny()
    asked = interventions.generate(
        loaded, ["Bats are"], method="prompt", instruction="Be true.", max_new_tokens=5
    )
    assert asked == interventions.generate(loaded, ["Be true.\n\nBats are"], max_new_tokens=5)
    with pytest.raises(ValueError, match="only the method 'prompt' takes an instruction"):
        interventions.generate(loaded, ["a"], instruction="Be true.")
    with pytest.raises(ValueError, match=r"strength is 0\.5, and the method 'prompt' has none"):
        interventions.generate(loaded, ["a"], method="prompt", strength=0.5)
    with pytest.raises(ValueError, match="method is 'ablate' and there is no direction"):
        interventions.generate(loaded, ["a"], method="ablate")


# ---------------------------------------------------------------- margins


@pytest.mark.parametrize("method", [*STREAM_METHODS, "prompt"])
def test_margins_of_a_method_are_log_probabilities_one_text_at_a_time(method):
    loaded, direction, table = tiny(), along("llama"), pairs(3)
    strength = STRENGTHS.get(method, 0.0)
    how = {} if method == "prompt" else {"direction": direction, "positions": "prompt_end"}
    asked = {"instruction": "Be true."} if method == "prompt" else how
    found = evaluation.pair_margins(loaded, table, strength=strength, method=method, **asked)
    prefix = "Be true.\n\n" if method == "prompt" else ""
    for margin, row in zip(found, table.itertuples(), strict=True):
        logp = {}
        for which in ("true_completion", "false_completion"):
            stem = encode(loaded.tokenizer, [prefix + str(row.stem)])["input_ids"]
            ids = encode(loaded.tokenizer, [prefix + f"{row.stem} {getattr(row, which).strip()}"])[
                "input_ids"
            ]
            end = stem.shape[1] - 1
            with contextlib.ExitStack() as stack, torch.no_grad():
                if method != "prompt":
                    attended = np.ones(ids.shape, bool)
                    stack.enter_context(
                        own_hook(loaded, method, direction, strength, attended, [end], "prompt_end")
                    )
                steps = loaded.model(ids).logits[0].double().log_softmax(-1)
            logp[which] = sum(float(steps[i - 1, ids[0, i]]) for i in range(end + 1, ids.shape[1]))
        assert margin == pytest.approx(logp["true_completion"] - logp["false_completion"], abs=5e-4)


def test_unsteered_margins_are_those_of_the_completions():
    loaded, table = tiny(), pairs(3)
    true, _ = completion_logp(loaded, table["stem"].tolist(), table["true_completion"].tolist())
    false, _ = completion_logp(loaded, table["stem"].tolist(), table["false_completion"].tolist())
    assert evaluation.pair_margins(loaded, table) == pytest.approx(true - false, abs=1e-5)


# ---------------------------------------------------------------- chats

TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}"
)
NO_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}" + TEMPLATE
)


def chatty(template: str = TEMPLATE):
    loaded = tiny("llama", seed=5)
    tokenizer = copy.deepcopy(loaded.tokenizer)
    tokenizer.chat_template = template
    return loaded._replace(tokenizer=tokenizer)


def test_a_chat_is_the_template_with_the_answer_begun():
    loaded = chatty()
    assert chat.chat_text(loaded, "Hi") == "<s>[user]Hi[assistant]"
    assert chat.chat_text(loaded, "<s>Hi", system="Be kind.") == "<s>[system]Be kind.[user]Hi[assistant]"
    assert chat.chat_text(chatty(NO_SYSTEM), "Hi", system="Be kind.") == "<s>[user]Be kind.\n\nHi[assistant]"


@pytest.mark.parametrize("text", ["Hi", "<s>Hi", "<s><s>Hi", "<s>"])
def test_there_is_one_beginning_ever(text):
    loaded = chatty()
    for whole in (text, chat.chat_text(loaded, text)):
        ids = encode(loaded.tokenizer, [whole])["input_ids"][0].tolist()
        assert ids[0] == loaded.tokenizer.bos_token_id
        assert ids[1:] == own_tokens(loaded.tokenizer, whole)
        assert ids[1] != loaded.tokenizer.bos_token_id if len(ids) > 1 else text == "<s>"


def test_generating_in_a_chat_with_a_system_message_and_an_instruction():
    loaded, more = chatty(), {"max_new_tokens": 5}
    got = interventions.generate(loaded, ["Hi"], chat=True, system="Be kind.", **more)
    assert got == interventions.generate(loaded, ["[system]Be kind.[user]Hi[assistant]"], **more)
    asked = {"method": "prompt", "instruction": "Be true."}
    got = interventions.generate(loaded, ["Hi"], chat=True, system="Be kind.", **asked, **more)
    assert got == interventions.generate(loaded, ["[system]Be kind.\n\nBe true.[user]Hi[assistant]"], **more)


def test_a_base_model_refuses_a_chat_and_says_why():
    with pytest.raises(ValueError, match="tiny-llama has no chat template, so it is a base model"):
        interventions.generate(tiny(), ["Hi"], chat=True)
    with pytest.raises(ValueError, match="a system message needs a chat"):
        interventions.generate(tiny(), ["Hi"], system="Be kind.")


# ---------------------------------------------------------------- learning and contrast sets


def test_pca_is_the_first_component_of_centred_pairs_and_points_towards():
    rng = np.random.default_rng(0)
    planted = np.zeros(12)
    planted[4] = 1
    shared = 5 * rng.normal(size=(60, 12))  # what both sentences of a pair have in common
    push = rng.uniform(1, 5, size=(60, 1)) * planted
    true, false = (shared + sign * push + 0.1 * rng.normal(size=(60, 12)) for sign in (1, -1))
    found = directions.mean_centred_pca(true - false)
    assert found @ planted > 0.99
    assert directions.mean_centred_pca(false - true) @ planted < -0.99
    decomposition = pytest.importorskip("sklearn.decomposition")
    middle = (true + false) / 2
    centred = np.concatenate([true - middle, false - middle])
    theirs = decomposition.PCA(1).fit(centred).components_[0]
    assert abs(found @ theirs) == pytest.approx(1, abs=1e-6)
    learnt = directions.truth_direction(tiny(), pairs(), method="pca")
    assert learnt.method == "pca, last token"
    assert np.linalg.norm(learnt.vector) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("name", ["truth", "sentiment", "politeness"])
def test_contrast_sets_can_be_learnt_from(name):
    from cape_utils.steering.pairs import contrast_set

    table = contrast_set(name)
    assert len(table) >= 40
    learnt = directions.truth_direction(tiny(), table.head(4))
    assert learnt.pairs == 4
    with pytest.raises(ValueError, match="no pairs 'anger'; allowed: truth, sentiment, politeness"):
        contrast_set("anger")


# ---------------------------------------------------------------- two texts side by side


@pytest.mark.parametrize("method", [*STREAM_METHODS, "prompt"])
def test_a_comparison_is_what_a_plain_loop_gives(method):
    from cape_utils.steering.comparison import compare

    loaded, direction = tiny("gpt2"), along("gpt2")
    strength = STRENGTHS.get(method, 0.0)
    how = {"method": method} if method == "prompt" else {"method": method, "direction": direction}
    asked = {"instruction": "Be true."} if method == "prompt" else {}
    rows = compare(loaded, PROMPTS, strength=strength, max_new_tokens=4, **how, **asked)
    for prompt, row in zip(PROMPTS, rows, strict=True):
        options = {"max_new_tokens": 4}
        assert row["plain"] == interventions.generate(loaded, [prompt], **options)[0]
        assert (
            row["steered"]
            == interventions.generate(loaded, [prompt], strength=strength, **options, **how, **asked)[0]
        )
        ((ids, start),) = interventions.generated_ids(loaded, [prompt], **options)
        with torch.no_grad():
            was = loaded.model(ids).logits[0, start - 1 : -1].log_softmax(-1)
        head = encode(loaded.tokenizer, [f"Be true.\n\n{prompt}" if asked else prompt])["input_ids"]
        both = torch.cat([head, ids[:, start:]], 1)
        end = head.shape[1] - 1
        with contextlib.ExitStack() as stack, torch.no_grad():
            if not asked:
                attended = np.ones(both.shape, bool)
                stack.enter_context(own_hook(loaded, method, direction, strength, attended, [end]))
            now = loaded.model(both).logits[0, end:-1].log_softmax(-1)
        logp = was.gather(1, ids[0, start:].unsqueeze(1)).sum()
        kl = torch.distributions.kl_divergence(
            *(torch.distributions.Categorical(logits=x) for x in (was, now))
        )
        assert row["plain_logp"] == pytest.approx(float(logp), abs=1e-3)
        assert row["kl"] == pytest.approx(float(kl.mean()), abs=1e-5)
        assert row["kl"] > 0
        ((steered_ids, _),) = interventions.generated_ids(
            loaded, [prompt], strength=strength, **options, **how, **asked
        )
        if steered_ids[0].tolist()[-4:] == ids[0].tolist()[-4:]:
            moved = now.gather(1, ids[0, start:].unsqueeze(1)).sum()
            assert row["steered_logp"] == pytest.approx(float(moved), abs=1e-3)
            assert row["steered_logp_plain"] == pytest.approx(row["plain_logp"], abs=1e-4)


def test_without_an_intervention_nothing_differs():
    from cape_utils.steering.comparison import compare

    for row in compare(tiny(), PROMPTS, max_new_tokens=4):
        assert not row["changed"]
        assert row["kl"] == pytest.approx(0, abs=1e-7)
        assert row["plain_logp"] == row["steered_logp"] == row["steered_logp_plain"]
