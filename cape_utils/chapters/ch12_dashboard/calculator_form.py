"""The form of the two-model calculator, filled with the constants that the page needs."""

from __future__ import annotations

import html
import json
from dataclasses import dataclass

from cape_utils import data
from cape_utils.chapters.ch12_dashboard.calculator import _EXAMPLE_PAIR, EXAMPLE, constants, pair_benchmarks
from cape_utils.frontier import benchmark_pair
from cape_utils.runtime import in_book

__all__ = ["Form", "form"]

_WORDS = {
    "sizes": ("Two sizes of one family", ("First model", "Second model")),
    "frontier": ("Two releases of a frontier lab", ("Earlier release", "Later release")),
}


def _field(kind: str, name: str, label: str, unit: str, value: float) -> str:
    field_id = f"calculator-{kind}-{name.replace('_', '-')}"
    return (
        f'<div class="calc-field"><label for="{field_id}"><span data-label="{name}">{html.escape(label)}</span> ({unit})</label>'
        f'<input id="{field_id}" name="{name}" type="text" inputmode="decimal" autocomplete="off" value="{value:g}" '
        f'aria-describedby="{field_id}-error"><p class="calc-error" id="{field_id}-error"></p></div>'
    )


def _choice(kind: str, name: str, label: str, chosen: str) -> str:
    field_id = f"calculator-{kind}-{name}"
    options = "".join(
        f'<option value="{b}"{" selected" if b == chosen else ""}>{html.escape(data.benchmark_title(b))}</option>'
        for b in pair_benchmarks()
    )
    return (
        f'<div class="calc-field"><label for="{field_id}">{label}</label><select id="{field_id}" name="{name}" '
        f'aria-describedby="{field_id}-error">{options}</select><p class="calc-error" id="{field_id}-error"></p></div>'
    )


@dataclass(frozen=True)
class Form:
    """A form for one page; in a live notebook, where its script does not run, one sentence that says what does."""

    kind: str

    def html(self) -> str:
        """The form as HTML; everything it needs but ``calculator.js`` stands inside."""
        title, models = _WORDS[self.kind]
        pair = _EXAMPLE_PAIR if self.kind == "sizes" else (benchmark_pair.SWE, benchmark_pair.GPQA)
        choices = (
            '<div class="calc-row">'
            + _choice(self.kind, "x", "Change of", pair[0])
            + _choice(self.kind, "y", "goes with change of", pair[1])
            + "</div>"
            if self.kind == "sizes"
            else ""
        )
        groups = []
        for key, model in zip("ab", models, strict=True):
            fields = [
                ("x", data.benchmark_title(pair[0]), "percent"),
                ("y", data.benchmark_title(pair[1]), "percent"),
            ]
            if self.kind == "sizes":
                fields.insert(0, ("size", "Parameters", "billions"))
            inner = "".join(
                _field(self.kind, f"{name}_{key}", label, unit, EXAMPLE[self.kind][f"{name}_{key}"])
                for name, label, unit in fields
            )
            groups.append(f'<fieldset><legend>{model}</legend><div class="calc-row">{inner}</div></fieldset>')
        known = html.escape(
            json.dumps(constants(self.kind), separators=(",", ":"), allow_nan=False), quote=True
        )
        return (
            f'<form class="cape-calculator" data-constants="{known}" aria-label="{title}" novalidate>'
            f'<p class="cape-title">{title}</p>{choices}{"".join(groups)}'
            '<div class="calc-results" role="status" aria-live="polite" aria-atomic="true"></div>'
            '<noscript><p class="cape-note">The calculator needs JavaScript; '
            "<code>cape diagnose</code> computes the same.</p></noscript></form>"
        )

    def _repr_html_(self) -> str:
        if in_book():
            return self.html()
        shown = EXAMPLE[self.kind]
        models = ", ".join(
            str(tuple(value for name, value in shown.items() if name.endswith(f"_{key}"))) for key in "ab"
        )
        call = {
            "sizes": f"calculator.size_step({models}, {', '.join(map(repr, _EXAMPLE_PAIR))})",
            "frontier": f"calculator.frontier_step({models})",
        }[self.kind]
        return f'<p class="cape-note">In the built book this is a form to type into; here call <code>{call}</code>.</p>'


def form(kind: str = "sizes") -> Form:
    """The form for two sizes of a family, or for two releases of a frontier lab.

    Parameters
    ----------
    kind : {"sizes", "frontier"}

    Examples
    --------
    >>> form("frontier").html().count("<input")
    4
    """
    if kind not in _WORDS:
        raise ValueError(f"kind={kind!r}; allowed are {', '.join(map(repr, _WORDS))}")
    return Form(kind)
