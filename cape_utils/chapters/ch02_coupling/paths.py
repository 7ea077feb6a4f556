"""Population couplings of single families, for the figure of their paths.

Intervals are left to `scaling.coupling`: most families have too few sizes for one.
"""

from __future__ import annotations

import pandas as pd

from cape_utils.stats.correlation import pearson

__all__ = ["path_couplings"]

MIN_SIZES = 3


def path_couplings(panels: pd.DataFrame) -> pd.DataFrame:
    """Pearson's r of HellaSwag and TruthfulQA for each family with three sizes or more, in each panel.

    Parameters
    ----------
    panels : pandas.DataFrame
        Columns ``panel, family, model, params_b, hellaswag, truthfulqa_mc2, flags``. Rows that a flag calls misfiled belong
        to another family and do not count.

    Returns
    -------
    pandas.DataFrame
        Columns ``panel, family, n, r, misfiled``, the last the models left out, with *and* between them.

    Examples
    --------
    >>> from cape_utils import data
    >>> table = path_couplings(data.both_panels()).set_index(["panel", "family"])
    >>> list(table.loc[("the paper's panel", "Pythia"), ["n", "misfiled"]].map(str))
    ['8', 'GPT-J-6B and GPT-NeoX-20B']
    """
    rows = []
    measured = panels.dropna(subset=["hellaswag", "truthfulqa_mc2"])
    for (panel, family), part in measured.groupby(["panel", "family"], sort=False):
        misfiled = part["flags"].fillna("").str.contains("misfiled")
        own = part[~misfiled]
        if own["params_b"].nunique() >= MIN_SIZES:
            r = pearson(own["hellaswag"].to_numpy(float), own["truthfulqa_mc2"].to_numpy(float))
            left_out = " and ".join(part.loc[misfiled, "model"])
            rows.append({"panel": panel, "family": family, "n": len(own), "r": r, "misfiled": left_out})
    return pd.DataFrame(rows)
