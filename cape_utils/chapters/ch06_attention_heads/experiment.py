"""What chapter 06 measures inside a model and beside one of random weights, kept as what it shows.

The vectors of 150 prompts in two networks are 40 megabytes and do not come with the repository. What the chapter makes
of them is small and does, keyed by the weights, the prompts and the code: where one of these differs, the networks are
read. The measures are in ``internals.cosine``, their controls in ``ch06_attention_heads.controls``, attention weights in
``ch06_attention_heads.attention``; nothing is computed here that is not theirs.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cape_utils.chapters.ch06_attention_heads import attention, controls
from cape_utils.chapters.ch06_attention_heads.controls import FirstSeen
from cape_utils.internals.cosine import InternalCoupling, prompt_sets, read_units, read_vectors
from cape_utils.jobs import result_cache
from cape_utils.jobs.progress import progress_bar
from cape_utils.jobs.provenance import book_provenance
from cape_utils.models.activations import Pool
from cape_utils.models.loading import Loaded
from cape_utils.stats.results import Floats

__all__ = ["MEASURED", "NETWORKS", "Study", "study"]

NETWORKS = ("trained", "random weights")
UNITS = ("layer", "head")
MEASURED = 16
"""Prompts of each kind that are measured, as in the paper; the others serve as references."""

Arrays = dict[str, NDArray[Any]]
Progress = Callable[[Sequence[Any]], Iterator[Any]]
Record = TypeVar("Record")


@dataclass(frozen=True)
class Study:
    """One model, the prompts of three kinds, and where results are kept.

    Attributes
    ----------
    loaded : Loaded
    prompts : mapping of str to sequence of str
        By kind, more than ``MEASURED`` of each.
    folder : Path or None
        For new results; the user's cache folder by default.
    progress : callable or None
        Wraps the sets of prompts that are read, as ``tqdm`` does; a bar in a terminal and in a live notebook by default.
    """

    loaded: Loaded
    prompts: Mapping[str, Sequence[str]]
    folder: Path | None = None
    progress: Progress | None = None

    @functools.cached_property
    def networks(self) -> dict[str, Loaded]:
        """The model, and one of its architecture whose weights are random numbers."""
        return dict(zip(NETWORKS, (self.loaded, controls.random_weights(self.loaded)), strict=True))

    @functools.cached_property
    def vectors(self) -> dict[tuple[str, str, str], Floats]:
        """One vector a prompt and unit, by network, unit ("layer", "head") and kind; see ``internals.read_units``."""
        return {
            (name, unit, kind): array
            for name, kind in self._each(list(itertools.product(NETWORKS, self.prompts)))
            for unit, array in read_units(self.networks[name], self.prompts[kind]).items()
        }

    @property
    def short(self) -> dict[str, list[str]]:
        """The prompts of each kind that are measured."""
        return {kind: list(texts[:MEASURED]) for kind, texts in self.prompts.items()}

    @functools.cached_property
    def tokens(self) -> int:
        """So many first tokens do all measured prompts have."""
        return attention.common_length(self.loaded, *self.short.values())

    def compare_kinds(self) -> dict[tuple[str, str], dict[tuple[str, str], InternalCoupling]]:
        """``controls.compare_kinds`` of the vectors, by network and unit."""

        def compute() -> Arrays:
            return _arrays(
                {
                    (name, unit, *key): coupling
                    for name, unit in itertools.product(NETWORKS, UNITS)
                    for key, coupling in controls.compare_kinds(
                        {kind: self.vectors[name, unit, kind] for kind in self.prompts}, n=MEASURED
                    ).items()
                }
            )

        compared: dict[tuple[str, str], dict[tuple[str, str], InternalCoupling]] = {}
        arrays = self._kept("cosine_kinds", compute)
        for (name, unit, pair, measure), coupling in _records(InternalCoupling, arrays).items():
            compared.setdefault((name, unit), {})[pair, measure] = coupling
        return compared

    def halves(self, unit: str) -> list[Floats]:
        """Two sets of reasoning prompts, which do not differ, and the reasoning prompts left; of the trained network."""
        return np.split(self.vectors["trained", unit, "reasoning"], [MEASURED, 2 * MEASURED])

    def planted_curve(self, sizes: Sequence[float]) -> pd.DataFrame:
        """``controls.planted_curve`` of two halves of the reasoning prompts, with a column ``unit``."""

        def compute() -> Arrays:
            curves = []
            for unit in UNITS:
                first, second, others = self.halves(unit)
                curves.append(
                    controls.planted_curve(first, second, sizes, reference=others).assign(unit=unit)
                )
            return _columns(pd.concat(curves))

        return pd.DataFrame(self._kept("cosine_planted", compute, sizes=[float(size) for size in sizes]))

    def first_seen(self, planted: pd.DataFrame) -> dict[str, FirstSeen]:
        """``controls.first_seen`` of the heads, on a curve from ``planted_curve``."""

        def compute() -> Arrays:
            seen = controls.first_seen(planted, *self.halves("head"))
            return _arrays({(measure,): record for measure, record in seen.items()})

        curve = result_cache.digest({"curve": planted.to_json(orient="records", double_precision=15)})
        arrays = self._kept("cosine_seen", compute, curve=curve)
        return {measure: record for (measure,), record in _records(FirstSeen, arrays).items()}

    def random_halves_table(self) -> pd.DataFrame:
        """``controls.random_halves_table`` of the heads of both networks."""

        def compute() -> Arrays:
            by_head = {
                (name, kind): self.vectors[name, "head", kind] for name in NETWORKS for kind in self.prompts
            }
            return _columns(controls.random_halves_table(by_head, n=MEASURED))

        return pd.DataFrame(self._kept("cosine_halves", compute))

    def pair_couplings(
        self, texts: Mapping[str, Sequence[str]], *, pool: Pool = "mean"
    ) -> dict[str, InternalCoupling]:
        """``controls.pair_couplings`` of the trained network's heads under any sets of texts.

        Parameters
        ----------
        texts : mapping of str to sequence of str
            Two sets or more, by name.
        pool : {"mean", "last"}
            Mean over the tokens after the first, or the last token.
        """

        def compute() -> Arrays:
            vectors = {
                name: read_vectors(self.loaded, texts[name], unit="head", pool=pool)
                for name in self._each(list(texts))
            }
            return _arrays({(pair,): coupling for pair, coupling in controls.pair_couplings(vectors).items()})

        arrays = self._kept("cosine_pairs", compute, sets=_digest_of(texts), pool=pool)
        return {"/".join(pair): coupling for pair, coupling in _records(InternalCoupling, arrays).items()}

    def pattern_cosines(self) -> dict[tuple[str, str, str], Floats]:
        """``attention.pattern_cosine`` of every two kinds, in both networks.

        Returns
        -------
        dict of (pair, network, part) to ndarray, shape (layers, heads)
            Pairs such as ``"reasoning and control"``. Parts are ``"weights"``, the attention weights among the first
            ``tokens`` tokens; ``"without first token"``; and ``"mean"``, what averaging over keys leaves.
        """
        cosines = {}
        for path, cosine in self._attention.items():
            if path != "first token":
                pair, network, part = path.split("/")
                cosines[pair, network, part] = cosine
        return cosines

    @property
    def first_token_share(self) -> float:
        """``attention.first_token_share`` of the trained network under the reasoning prompts."""
        return float(self._attention["first token"])

    @functools.cached_property
    def _attention(self) -> Arrays:
        def compute() -> Arrays:
            parts: dict[tuple[str, str, str], Floats] = {}
            for name, kind in self._each(list(itertools.product(NETWORKS, self.short))):
                weights, means = attention.read_attention(
                    self.networks[name], self.short[kind], tokens=self.tokens
                )
                parts[name, kind, "weights"] = weights
                parts[name, kind, "without first token"] = attention.without_first_token(weights)
                parts[name, kind, "mean"] = means
            share = attention.first_token_share(parts["trained", "reasoning", "weights"])
            cosines = {
                f"{one} and {two}/{name}/{part}": attention.pattern_cosine(
                    parts[name, one, part], parts[name, two, part]
                )
                for one, two in itertools.combinations(self.short, 2)
                for name, part in itertools.product(NETWORKS, ("weights", "without first token", "mean"))
            }
            return {"first token": np.asarray(share), **cosines}

        return self._kept("attention_cosines", compute)

    def _each(self, sets: Sequence[Any]) -> Iterator[Any]:
        return (self.progress or progress_bar("sets of prompts"))(sets)

    @functools.cached_property
    def _settings(self) -> dict[str, Any]:
        # The class stands for all that it calls, so that no part of a computation can be forgotten.
        return {
            "model": self.loaded.info.sha256,
            "dtype": self.loaded.info.dtype,
            "texts": _digest_of(self.prompts),
            "code": book_provenance().depends_on(Study.__module__, Study.__name__).digest,
        }

    def _kept(self, name: str, compute: Callable[[], Arrays], **more: Any) -> Arrays:
        return result_cache.kept_arrays(name, {**self._settings, **more}, compute, folder=self.folder)


def _digest_of(texts: Mapping[str, Sequence[str]]) -> str:
    """Of sets of texts in their order, which is that of the pairs."""
    return result_cache.digest({"sets": [[name, *part] for name, part in texts.items()]})


def _columns(table: pd.DataFrame) -> Arrays:
    return {str(name): np.asarray(table[name].tolist()) for name in table}


def _arrays(records: Mapping[tuple[str, ...], object]) -> Arrays:
    """Every field of every record, under the record's key and the field's name."""
    return {
        "/".join((*key, field)): np.asarray(value)
        for key, record in records.items()
        for field, value in vars(record).items()
    }


def _records(
    kind: Callable[..., Record], arrays: Mapping[str, NDArray[Any]]
) -> dict[tuple[str, ...], Record]:
    """The records that ``_arrays`` took apart."""
    fields: dict[tuple[str, ...], dict[str, Any]] = {}
    for path, value in arrays.items():
        *key, field = path.split("/")
        fields.setdefault(tuple(key), {})[field] = value if value.ndim else value.item()
    return {key: kind(**parts) for key, parts in fields.items()}


def study(
    loaded: Loaded,
    prompts: Mapping[str, Sequence[str]] | None = None,
    *,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> Study:
    """The chapter's measurements for a model.

    Parameters
    ----------
    loaded : Loaded
        From ``models.loading.load_model``.
    prompts : mapping of str to sequence of str, optional
        Of the kinds ``reasoning``, ``truthfulness`` and ``control``; 50 each of the project's own by default.
    folder : Path, optional
        For new results; the user's cache folder by default.
    progress : callable
        As ``tqdm``.
    """
    return Study(loaded, prompt_sets(50) if prompts is None else prompts, folder, progress)
