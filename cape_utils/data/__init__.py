"""The tables of the book by name, their schema, and readers of other people's scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cape_utils import lazy_names

if TYPE_CHECKING:
    from cape_utils.data.benchmarks import (
        benchmark_title as benchmark_title,
    )
    from cape_utils.data.benchmarks import (
        chance_pct as chance_pct,
    )
    from cape_utils.data.loading import (
        BENCHMARKS as BENCHMARKS,
    )
    from cape_utils.data.loading import (
        Panel as Panel,
    )
    from cape_utils.data.loading import (
        Rows as Rows,
    )
    from cape_utils.data.loading import (
        bootstrap_rows as bootstrap_rows,
    )
    from cape_utils.data.loading import (
        both_panels as both_panels,
    )
    from cape_utils.data.loading import (
        compare_panels as compare_panels,
    )
    from cape_utils.data.loading import (
        load as load,
    )
    from cape_utils.data.loading import (
        missing_counts as missing_counts,
    )
    from cape_utils.data.loading import (
        panel as panel,
    )
    from cape_utils.data.loading import (
        pythia_copies as pythia_copies,
    )
    from cape_utils.data.loading import (
        table_schema as table_schema,
    )
    from cape_utils.data.loading import (
        tables as tables,
    )
    from cape_utils.data.loading import (
        tables_folder as tables_folder,
    )
    from cape_utils.data.loading import (
        with_architecture as with_architecture,
    )
    from cape_utils.data.schema import (
        DataError as DataError,
    )
    from cape_utils.data.user_scores import (
        load_scores as load_scores,
    )
    from cape_utils.data.user_scores import (
        refuse_fractions as refuse_fractions,
    )
    from cape_utils.data.user_scores import (
        score_schema as score_schema,
    )

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "benchmarks": (
            "benchmark_title",
            "chance_pct",
        ),
        "loading": (
            "BENCHMARKS",
            "Panel",
            "Rows",
            "bootstrap_rows",
            "both_panels",
            "compare_panels",
            "load",
            "missing_counts",
            "panel",
            "pythia_copies",
            "table_schema",
            "tables",
            "tables_folder",
            "with_architecture",
        ),
        "schema": ("DataError",),
        "user_scores": (
            "load_scores",
            "refuse_fractions",
            "score_schema",
        ),
    },
)
