"""How the models were measured, as far as the table says: what differs, and prompts and items that are not the usual ones."""

from __future__ import annotations

from cape_utils.chapters.ch12_dashboard.page.case import Case
from cape_utils.evaluations.conditions import one_condition
from cape_utils.evaluations.merging import condition_notes

__all__ = ["measured"]


def measured(case: Case) -> list[str]:
    """What a reader should know of the measurement, in the sentences of the package.

    The page compares all models of the form, as ``cape diagnose --mixed`` does.

    Examples
    --------
    >>> import pandas as pd
    >>> toy = pd.DataFrame({"model": ["a", "b"], "family": "f", "params_b": [1.0, 3.0], "mmlu": [30.0, 40.0],
    ...                     "gsm8k": [5.0, 9.0], "dtype": ["float16", "float32"]})
    >>> measured(Case("f", "mmlu", "gsm8k", toy, toy, frozenset(), ""))
    ['f: models measured under different conditions are compared, as asked for (number format float16 (a) / float32 (b))']
    """
    differs: tuple[str, ...] = ()
    if len(case.ladder) > 1 and {case.x, case.y} <= set(case.ladder):
        differs = one_condition(case.ladder, (case.x, case.y), mixed=True)[1]
    return [*differs, *condition_notes(case.scores)]
