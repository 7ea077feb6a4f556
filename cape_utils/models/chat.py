"""Put a prompt into a model's own chat template.

Encoding it, with one begin-of-sequence token at its head, is ``models.loading.encode``.
"""

from __future__ import annotations

from cape_utils.models.loading import Loaded

__all__ = ["chat_text", "has_chat_template", "instructed"]


def has_chat_template(loaded: Loaded) -> bool:
    """Whether the model's tokenizer comes with a chat template; base models have none."""
    return bool(getattr(loaded.tokenizer, "chat_template", None))


def chat_text(loaded: Loaded, prompt: str, *, system: str | None = None) -> str:
    """A prompt as a user's turn, with the words that begin the model's answer behind it.

    Parameters
    ----------
    loaded : Loaded
        From ``models.loading.load_model``.
    prompt : str
        What the user says; a begin-of-sequence token at its head is dropped, for the template has its own.
    system : str, optional
        System message. It goes before the prompt, in the same turn, where a template takes no system message.

    Raises
    ------
    ValueError
        If the model has no chat template.
    """
    if not has_chat_template(loaded):
        raise ValueError(
            f"{loaded.info.name} has no chat template, so it is a base model that continues text; "
            "leave the chat out, or take a model that was tuned on conversations"
        )
    from jinja2 import TemplateError

    said = prompt.removeprefix(str(loaded.tokenizer.bos_token))
    turns = [{"role": "user", "content": said}]
    if system is not None:
        try:
            return _rendered(loaded, [{"role": "system", "content": system}, *turns])
        except TemplateError:
            turns = [{"role": "user", "content": f"{system}\n\n{said}"}]
    return _rendered(loaded, turns)


def _rendered(loaded: Loaded, turns: list[dict[str, str]]) -> str:
    return str(loaded.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))


def instructed(
    loaded: Loaded, prompt: str, instruction: str | None, *, chat: bool = False, system: str | None = None
) -> str:
    """A prompt with an instruction: in the system message of a chat, else in front of the text.

    Parameters
    ----------
    loaded : Loaded
    prompt : str
    instruction : str or None
        None leaves the prompt without one.
    chat : bool
        Whether to use the model's chat template.
    system : str, optional
        Another system message, before the instruction; in a chat only.
    """
    if chat:
        parts = [part for part in (system, instruction) if part]
        return chat_text(loaded, prompt, system="\n\n".join(parts) if parts else None)
    if system:
        raise ValueError("a system message needs a chat; ask for the chat template too")
    return f"{instruction}\n\n{prompt}" if instruction else prompt
