"""Steer a model of the reader's choice, with its outputs beside the plain ones.

Section 6.3 of paper A. In the built book there is no kernel, so that the static twin is handed back there.
"""

from __future__ import annotations

import html
from typing import Any, get_args

from cape_utils import data, runtime
from cape_utils.models.loading import Loaded, load_model

__all__ = ["MODELS", "side_by_side", "steering_explorer"]

MODELS = (
    "smollm2-135m",
    "EleutherAI/pythia-410m",
    "EleutherAI/pythia-1b",
    "EleutherAI/pythia-2.8b",
    "openai-community/gpt2",
    "facebook/opt-350m",
    "Qwen/Qwen2.5-0.5B",
    "meta-llama/Llama-3.2-1B",
)
"""Offered in the drop-down; any other name of the hub can be typed."""


def side_by_side(prompt: str, plain: str, steered: str) -> str:
    """Two continuations of a prompt beside each other, as HTML.

    Examples
    --------
    >>> "&lt;b&gt;" in side_by_side("a", "<b>", "c")
    True
    """
    cells = "".join(
        f'<td style="width:50%;text-align:left;vertical-align:top"><b>{head}</b><br>{html.escape(prompt)}'
        f"<i>{html.escape(text)}</i></td>"
        for head, text in (("as it is", plain), ("steered", steered))
    )
    return f'<table style="width:100%"><tr>{cells}</tr></table>'


def steering_explorer(loaded: Loaded, twin: Any, *, max_new_tokens: int = 30) -> Any:
    """A prompt box with greedy outputs side by side, and controls for model, method, layer, strength and sign.

    Parameters
    ----------
    loaded : Loaded
        The model to begin with.
    twin : chart
        Handed back in the built book.
    max_new_tokens : int
        Length of the outputs.

    Returns
    -------
    VBox or chart
        An ipywidgets application, or the twin.
    """
    if runtime.in_book():
        return twin
    import ipywidgets as widgets

    from cape_utils.explorers._base import while_working
    from cape_utils.steering import directions, interventions

    pairs = data.load("truth_pairs")
    now: dict[str, Any] = {"loaded": loaded, "directions": {}}
    wide = widgets.Layout(width="98%")
    model = widgets.Combobox(
        value=loaded.info.name, options=MODELS, description="Model", ensure_option=False, layout=wide
    )
    prompt = widgets.Textarea("The capital of Australia is", description="Prompt", layout=wide)
    method = widgets.Dropdown(options=get_args(interventions.Method), description="Method")
    layer = widgets.IntSlider(
        directions.paper_layer(loaded),
        0,
        loaded.info.layers - 1,
        description="Layer",
        continuous_update=False,
    )
    strength = widgets.FloatSlider(
        0.2, min=0, max=1, step=0.05, description="Strength", continuous_update=False
    )
    sign = widgets.ToggleButtons(
        options=[("towards truth", 1), ("away from it", -1)], description="Sign", value=1
    )
    button = widgets.Button(description="Continue the prompt", button_style="primary")
    shown = widgets.HTML()

    def use_model() -> None:
        if model.value != now["loaded"].info.name:
            shown.value = f"Opening {html.escape(model.value)} ..."
            now.update(loaded=load_model(model.value), directions={})
            layer.max = now["loaded"].info.layers - 1
            layer.value = directions.paper_layer(now["loaded"])

    def run(_button: Any) -> None:
        with while_working(button, shown):
            use_model()
            known, by_words = now["directions"], method.value == "prompt"
            if layer.value not in known and not by_words:
                shown.value = f"Learning the direction at layer {layer.value} ..."
                known[layer.value] = directions.truth_direction(now["loaded"], pairs, layer=layer.value)
            asked: dict[str, Any] = {"max_new_tokens": max_new_tokens}
            plain = interventions.generate(now["loaded"], [prompt.value], **asked)
            if not by_words:
                asked["direction"] = known[layer.value]
            if method.value not in ("ablate", "prompt"):
                asked["strength"] = sign.value * strength.value
            asked["method"] = method.value
            steered = interventions.generate(now["loaded"], [prompt.value], **asked)
            shown.value = side_by_side(prompt.value, plain[0], steered[0])

    button.on_click(run)

    def fit(_change: Any) -> None:
        strength.disabled = sign.disabled = method.value in ("ablate", "prompt")
        layer.disabled = method.value == "prompt"

    method.observe(fit, "value")
    controls = [method, widgets.HBox([layer, strength]), sign, button, shown]
    return widgets.VBox([model, prompt, *controls])
