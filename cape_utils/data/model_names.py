"""What a model's name tells: its size, its family, and the same model under another spelling.

A size is never guessed: a name that holds none, several, or that of a mixture of experts is refused with the remedy.
Where names come from (a file's keys, a path) is the business of ``evaluations.identity``. It implements no section of
the papers.
"""

from __future__ import annotations

import re

__all__ = [
    "MixtureError",
    "SizeError",
    "active_size",
    "check_size",
    "family_from_name",
    "is_pinned",
    "same_size",
    "short_name",
    "size_from_name",
    "without_account",
]

_NUMBER = r"\d+(?:\.\d+)?"
# 1b7 and 7b1 are 1.7 and 7.1 billions; the letters after the unit must end there, for 4k, 3bit and 10BT are no sizes.
_SPLIT = re.compile(r"(?<![A-Za-z0-9._])(\d+)b(\d)(?![A-Za-z0-9])", re.IGNORECASE)
# 1_8b is 1.8 where the name's own separator is another, as in internlm2-1_8b.
_UNDERSCORE = re.compile(r"(?:^|(?<=-))(\d+)_(\d+)([mbt])(?![A-Za-z0-9])", re.IGNORECASE)
_SIZE = re.compile(rf"(?<![A-Za-z0-9.])({_NUMBER}) ?([mbt])(?![A-Za-z0-9])", re.IGNORECASE)
# mamba370m, Pythia1.4B: letters of a name run into the number. One letter alone, as in A3B or E4B, means something else.
_GLUED = re.compile(rf"(?<=[A-Za-z]{{3}})({_NUMBER})([mb])(?![A-Za-z0-9])", re.IGNORECASE)
_ACTIVE = re.compile(rf"(?<![A-Za-z0-9])A({_NUMBER})([mb])(?![A-Za-z0-9])", re.IGNORECASE)
_MIXTURE = re.compile(
    rf"\d+ ?x ?{_NUMBER}b|{_ACTIVE.pattern}|(?<![A-Za-z0-9])\d+E(?![A-Za-z0-9])|moe(?![a-z])|mixtral"
    r"|(?<![A-Za-z0-9])gpt-oss|grok|(?<![A-Za-z0-9])deepseek[-_]v[23]|arctic|dbrx|jamba",
    re.IGNORECASE,
)
_EFFECTIVE = re.compile(rf"(?<![A-Za-z0-9])E{_NUMBER}b(?![A-Za-z0-9])", re.IGNORECASE)
# Names of number formats and packings are conditions of a measurement, not parts of a family's name.
_PRECISION = re.compile(
    r"[-_. ](?:bf16|fp16|fp32|float16|bfloat16|float32|f16|fp8|int[48]|[48]bit|gguf|gptq|awq|w\d+a\d+)(?=$|[-_. ])",
    re.IGNORECASE,
)
_PER_B = {"m": 1000.0, "b": 1.0, "t": 0.001}
# A number this many times the first one in a name counts tokens (1b-100b-tokens), one this much smaller a context (7B-1M).
_ANOTHER_THING = 20.0
_LOW, _HIGH = (
    1 / 1.5,
    2.0,
)  # weights packed into 4 bits count far too few; embeddings may add half to what a name says
_REMEDY = "name it in a table of sizes with the columns model, params_b (cape diagnose: --sizes FILE)"


class SizeError(ValueError):
    """A model whose size its name does not tell.

    Attributes
    ----------
    reason : str
        Why; the message adds what to do.
    """

    def __init__(self, reason: str, way_out: str = "") -> None:
        super().__init__(f"{reason}; {way_out}{_REMEDY}")
        self.reason = reason


class MixtureError(SizeError):
    """A mixture of experts: it has a total and an active size, and which is meant must be said."""


def without_account(model: str) -> str:
    """A model's name without the account it is published under, its revision and what was added in brackets.

    Examples
    --------
    >>> without_account("EleutherAI/pythia-410m@step1000"), without_account("EleutherAI__pythia-410m [4-bit]")
    ('pythia-410m', 'pythia-410m')
    """
    bare = model.strip().partition(" [")[0].partition("@")[0]
    return bare.replace("__", "/").rstrip("/").rpartition("/")[2]


def short_name(model: str) -> str:
    """The name that two spellings of one model share: no account, no revision, no ``-deduped``, lower case.

    Examples
    --------
    >>> short_name("EleutherAI/pythia-410m-deduped@9c1bb2f"), short_name("pythia_410M")
    ('pythia-410m', 'pythia-410m')
    """
    return without_account(model).lower().replace("_", "-").removesuffix("-deduped")


def is_pinned(revision: str | None) -> bool:
    """Whether a revision is a commit, which tells no training step apart from another.

    Examples
    --------
    >>> is_pinned("9c1bb2f4d0b0c3e2b2f3c7e1d5a6b7c8d9e0f1a2"), is_pinned("step1000")
    (True, False)
    """
    return revision is not None and re.fullmatch(r"[0-9a-f]{7,64}", revision) is not None


def active_size(model: str) -> float | None:
    """Billion parameters active at a time, where the name of a mixture of experts tells them; None where it does not.

    Examples
    --------
    >>> active_size("Qwen3-30B-A3B"), active_size("granite-3.0-1b-a400m-base"), active_size("Mixtral-8x7B")
    (3.0, 0.4, None)
    """
    found = _ACTIVE.search(without_account(model))
    return None if found is None else float(found[1]) / _PER_B[found[2].lower()]


def size_from_name(model: str, *, active: bool = False) -> float:
    """Billion parameters, read from a model's name.

    Parameters
    ----------
    model : str
        Such as ``EleutherAI/pythia-1.4b``; what stands before the last slash is not read.
    active : bool
        Take the active parameters of a mixture of experts whose name tells them.

    Raises
    ------
    MixtureError
        If the name is that of a mixture of experts, whose total and active counts differ.
    SizeError
        If the name holds no size or several.

    Examples
    --------
    >>> size_from_name("EleutherAI/pythia-1.4b"), size_from_name("internlm2-1_8b"), size_from_name("bloom-7b1")
    (1.4, 1.8, 7.1)
    """
    tail = without_account(model)
    if _MIXTURE.search(tail) and not re.search("distil", tail, re.IGNORECASE):
        few = active_size(tail)
        if active and few is not None:
            return few
        told = f"; its name tells the active parameters, {few:g}B: --active takes them" if few else ""
        raise MixtureError(
            f"{tail!r} names a mixture of experts, which has a total and an active size{told}",
            "leave it out, or ",
        )
    if _EFFECTIVE.search(tail):
        raise SizeError(f"{tail!r} names an effective size, which is not its number of parameters")
    sizes = _sizes(tail)
    if not sizes:
        raise SizeError(f"{tail!r} holds no size such as 410m or 7B")
    first = sizes[0]
    if first == 0:
        raise SizeError(f"{tail!r} holds a size of zero")
    others = {size for size in sizes if 1 / _ANOTHER_THING < size / first < _ANOTHER_THING}
    if len(others) > 1:
        listed = ", ".join(f"{size:g}B" for size in sorted(others))
        raise SizeError(f"{tail!r} holds more than one size ({listed})")
    return first


def _sizes(tail: str) -> list[float]:
    """Every size in a name, in billions, in its order; a number glued to a word counts where no other does."""
    found: dict[int, float] = {}
    for match in _SPLIT.finditer(tail):
        found[match.start()] = float(f"{match[1]}.{match[2]}")
    for match in _UNDERSCORE.finditer(tail):
        found[match.start()] = float(f"{match[1]}.{match[2]}") / _PER_B[match[3].lower()]
    spans = [range(*match.span()) for match in (*_SPLIT.finditer(tail), *_UNDERSCORE.finditer(tail))]
    for match in _SIZE.finditer(tail):
        if any(match.start() in span for span in spans):
            continue
        if re.search(r"(?<![A-Za-z0-9.])\d+_$", tail[: match.start()]):
            raise SizeError(
                f"{tail!r} may mean {tail[: match.start()].rstrip('_')[-1]}.{match[0]} or {match[0]}"
            )
        found[match.start()] = float(match[1]) / _PER_B[match[2].lower()]
    if not found:
        found = {m.start(): float(m[1]) / _PER_B[m[2].lower()] for m in _GLUED.finditer(tail)}
    # A bare T is a size only where nothing smaller comes first: in OLMo-7B-Twin-2T it counts tokens.
    return [found[place] for place in sorted(found)]


def same_size(one: float, other: float) -> bool:
    """Whether a counted size and the one in a name can be the same model's.

    Examples
    --------
    >>> same_size(1.67, 1.0), same_size(0.1, 0.41), same_size(70.0, 0.07)
    (True, False, False)
    """
    return _LOW < one / other < _HIGH


def check_size(model: str, params_b: float) -> str:
    """What is wrong with a size beside the one in the model's name; empty if nothing, or if the name tells none.

    Examples
    --------
    >>> check_size("pythia-1.4b", 1.4), check_size("mine", 3.0)
    ('', '')
    """
    try:
        named = size_from_name(model)
    except SizeError:
        return ""
    if same_size(params_b, named):
        return ""
    return f"the name says {named:g}B; sizes are in billions, so write {named:g}, or rename the model"


def family_from_name(model: str) -> str:
    """A model's name without its account, its size and its number format, which its family shares.

    Examples
    --------
    >>> family_from_name("EleutherAI/pythia-1.4b-deduped"), family_from_name("pythia-v1.1-1b-bf16")
    ('pythia-deduped', 'pythia-v1.1')
    """
    tail = _PRECISION.sub("", without_account(model))
    for pattern in (_SPLIT, _UNDERSCORE, _ACTIVE, _SIZE, _GLUED):
        if pattern is not _GLUED or not any(p.search(tail) for p in (_SPLIT, _UNDERSCORE, _SIZE)):
            tail, count = pattern.subn("", tail, count=1)
            if count and pattern is not _ACTIVE:
                break
    shared = re.sub(r"[-_ ]{2,}", "-", _ACTIVE.sub("", tail)).strip("-_ .")
    return shared or without_account(model)
