"""The long measurements of chapter 10 in a real model, kept line by line: the choice, and the test with its controls.

Each is a sweep of ``jobs.result_cache``, keyed by the weights, the tables and the settings, so that the book reuses
what came with it and a reader's other model gets its own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cape_utils import data
from cape_utils.chapters.ch10_steering import label_test
from cape_utils.chapters.ch10_steering.label_test import LabelDraws, Responses, SteeringTest
from cape_utils.chapters.ch10_steering.prefix_cache import Replay, prepare, replay_logp
from cape_utils.chapters.ch10_steering.recompute import DEFAULT
from cape_utils.chapters.ch10_steering.run_sizes import FULL, RunSize, run_size
from cape_utils.chapters.ch10_steering.selection import (
    KL_LIMIT,
    Choice,
    depth_table,
    grid_layers,
    matched_strength,
    split_topics,
    stack,
    unit,
)
from cape_utils.jobs import result_cache
from cape_utils.jobs.provenance import book_provenance
from cape_utils.models.bundled import EMBEDDED
from cape_utils.models.completions import split_texts
from cape_utils.models.loading import Loaded
from cape_utils.stats.results import Floats, Null
from cape_utils.steering import layer_map
from cape_utils.steering.directions import Direction
from cape_utils.steering.evaluation import KlReference, kl_cost, kl_reference
from cape_utils.steering.interventions import add_vector
from cape_utils.steering.layer_map import Slopes, margin_gradients, sign_flips
from cape_utils.steering.pairs import contrast_set, pairs_digest

__all__ = [
    "LABELLINGS",
    "SHARES",
    "Study",
    "sentiment_pairs",
    "sentiment_study",
    "study",
]

LABELLINGS = 999
"""Labellings that the gradient is asked about; the measured ones are the first of them."""

SHARES = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0)
"""Planted lengths tried, over the mean length of permuted mean differences."""

_BATCH = 16
Progress = Callable[[Sequence[str]], Iterator[str]]


def _short(values: Any) -> list[float]:
    return [float(f"{value:.5g}") for value in np.asarray(values, dtype=float)]


def _digits(value: float) -> float:
    return float(f"{value:.5g}")


@dataclass(frozen=True)
class Study:
    """One model, the pairs and the neutral prompts, and where results are kept.

    Attributes
    ----------
    loaded : Loaded
    pairs : DataFrame
        With ``topic`` and ``kind``.
    neutral : tuple of str
        Prompts about nothing in the pairs.
    folder : Path or None
        For new results; the user's cache folder by default.
    seed : int
    progress : callable
        Wraps the tasks that are left, as ``tqdm`` does.
    run : RunSize
    kept : bool
        Whether the results that came with the repository are taken where they are of this very model and these pairs;
        otherwise all is measured here, once.
    """

    loaded: Loaded
    pairs: pd.DataFrame
    neutral: tuple[str, ...]
    folder: Path | None = None
    seed: int = 0
    progress: Progress | None = None
    run: RunSize = FULL
    kept: bool = True

    @property
    def title(self) -> str:
        """The model's name, and whether the run is a quick one."""
        return f"{self.loaded.info.title}{'' if self.run == FULL else ' (a quick run)'}"

    @property
    def layers(self) -> tuple[int, ...]:
        """Those that are tried."""
        return grid_layers(self.loaded.info.layers, self.run.depths)

    @functools.cached_property
    def slopes(self) -> Slopes:
        """States and gradients of all pairs at every layer, from one backward pass; kept here, for it takes a minute.

        Forty megabytes do not come with the repository; what the chapter shows of them does: ``slope_map``, ``joint_test``
        and ``chosen_slopes``.
        """
        made_by = book_provenance().depends_on(margin_gradients.__module__, margin_gradients.__name__).digest
        arrays = result_cache.kept_arrays(
            "slopes",
            self.settings(code=made_by),
            lambda: vars(margin_gradients(self.loaded, self.pairs)),
            folder=self.folder,
        )
        return Slopes(**arrays)

    @functools.cached_property
    def chosen_slopes(self) -> Slopes:
        """The same at the chosen layer alone, as layer 0."""
        at = self.choice.layer

        def cut() -> dict[str, NDArray[Any]]:
            whole = self.slopes
            return {
                "difference": whole.difference[:, [at]],
                "gradient": whole.gradient[:, [at]],
                "norms": whole.norms[[at]],
                "margin": whole.margin,
            }

        arrays = result_cache.kept_arrays("steering_slopes", self.settings(layer=at), cut, folder=self.folder)
        return Slopes(**arrays)

    def slope_map(self, *, draws: int = 1000) -> pd.DataFrame:
        """The slope at every layer beside permuted labels; see ``steering.layer_map.slope_map``."""

        def run(_: str) -> list[dict[str, Any]]:
            rows = layer_map.slope_map(self.slopes, self.pairs, draws=draws).to_dict("records")
            return [{str(key): value for key, value in row.items()} for row in rows]

        table = self.sweep("steering_slope_map", self.settings(draws=draws), ["map"], run)
        return table.drop(columns="task")

    def joint_test(self, *, draws: int = 1000) -> Null:
        """Whether the slopes of all layers together rise; see ``steering.layer_map.joint_test``."""

        def run(_: str) -> list[dict[str, Any]]:
            return [vars(layer_map.joint_test(self.slopes, self.pairs, draws=draws))]

        table = self.sweep("steering_joint", self.settings(draws=draws), ["joint"], run)
        return Null(
            **{str(key): value for key, value in table.drop(columns="task").iloc[0].to_dict().items()}
        )

    @functools.cached_property
    def learn(self) -> NDArray[np.bool_]:
        """Which pairs are of the calibration topics."""
        calibration, _ = split_topics(self.pairs["topic"].tolist(), seed=self.seed)
        return self.pairs["topic"].isin(calibration).to_numpy()

    @functools.cached_property
    def labellings(self) -> Floats:
        """Signs of the labels, shape (1 + LABELLINGS, pairs); the first row is the labels as they are."""
        permuted = sign_flips(self.pairs, draws=LABELLINGS, rng=self.seed)
        return np.concatenate([np.ones((1, len(self.pairs))), permuted])

    @property
    def calibration(self) -> pd.DataFrame:
        """The calibration pairs."""
        return self.pairs[self.learn].reset_index(drop=True)

    @property
    def tested(self) -> pd.DataFrame:
        """The test pairs, in the order of every list of margins in the test."""
        return self.pairs[~self.learn].reset_index(drop=True)

    @property
    def matching(self) -> tuple[str, ...]:
        """Neutral prompts on which doses are matched."""
        return self.neutral[:: self.run.neutral_every]

    @property
    def reporting(self) -> tuple[str, ...]:
        """Other neutral prompts, on which the cost is reported."""
        return self.neutral[self.run.neutral_every // 2 :: self.run.neutral_every]

    def settings(self, **more: Any) -> dict[str, Any]:
        """What all results depend on."""
        parts = [name for name in ("topic", "kind", "couple") if name in self.pairs]
        words = [[str(cell) for cell in row] for row in self.pairs[parts].to_numpy().tolist()]
        return {
            "model": self.loaded.info.sha256,
            "dtype": self.loaded.info.dtype,
            "pairs": pairs_digest(self.pairs),
            "order": result_cache.digest({"stems": self.pairs["stem"].tolist(), "parts": words}),
            "neutral": result_cache.digest({"prompts": list(self.neutral)}),
            "seed": self.seed,
            "version": 1,
            **({} if self.kept else {"run": asdict(self.run)}),
            **more,
        }

    def sweep(self, name: str, settings: dict[str, Any], tasks: Sequence[str], run: Any) -> pd.DataFrame:
        """Do a sweep of ``jobs.result_cache`` in this study's folder, telling its progress."""
        return result_cache.sweep(name, settings, tasks, run, folder=self.folder, progress=self.progress)

    def _texts(self, pairs: pd.DataFrame) -> Any:
        stems = pairs["stem"].tolist()
        return split_texts(self.loaded, stems * 2, [*pairs["true_completion"], *pairs["false_completion"]])

    def _at(self, layer: int) -> tuple[Slopes, int]:
        """The slopes that hold a layer, and its place in them: the small ones where they do and the large are not there."""
        if "slopes" not in vars(self) and layer == self.choice.layer:
            return self.chosen_slopes, 0
        return self.slopes, layer

    def _learnt(
        self, held: tuple[Slopes, int], rows: NDArray[np.bool_], signs: Floats | None = None
    ) -> Floats:
        """Unit direction from some pairs at a layer of slopes that hold it, labels shuffled by the signs if given."""
        slopes, place = held
        differences = slopes.difference[rows, place].astype(float)
        return unit(differences.mean(0) if signs is None else signs[rows] @ differences)

    def _margins(self, replay: Replay, vector: Floats) -> tuple[Floats, Floats]:
        logp = replay_logp(self.loaded, replay, vector)
        tokens = replay.texts.lengths - replay.texts.starts
        n = len(logp) // 2
        return logp[:n] - logp[n:], (logp / tokens)[:n] - (logp / tokens)[n:]

    def _kl(self, layer: int, vector: Floats, unsteered: KlReference) -> tuple[float, float]:
        with add_vector(self.loaded.model, layer, vector):
            measured = kl_cost(self.loaded, unsteered)
        return measured.kl, measured.perplexity

    @functools.cached_property
    def _for_matching(self) -> KlReference:
        return kl_reference(self.loaded, self.matching)

    @functools.cached_property
    def _for_reporting(self) -> KlReference:
        return kl_reference(self.loaded, self.reporting)

    # ------------------------------------------------------------ choice

    def choice_sweep(self) -> pd.DataFrame:
        """Every layer of the grid and every strength on the calibration topics, each held out from its direction.

        Returns
        -------
        DataFrame
            ``layer, strength, kl`` and the list ``margins`` in the order of ``calibration``; at strength 0 unsteered.
        """
        pairs = self.calibration
        topics = pairs["topic"].to_numpy()
        where = self.pairs["topic"].to_numpy()

        def run(task: str) -> list[dict[str, Any]]:
            if task == "unsteered":
                plain = _short(self.slopes.margin[self.learn])
                return [{"layer": -1, "strength": 0.0, "kl": 0.0, "margins": plain}]
            layer = int(task.split()[1])
            norm = float(self.slopes.norms[layer])
            from_all = self._learnt((self.slopes, layer), self.learn)
            by_strength = {strength: np.zeros(len(pairs)) for strength in self.run.strengths}
            for topic in sorted(set(topics)):
                replay = prepare(self.loaded, self._texts(pairs[topics == topic]), layer, batch_size=_BATCH)
                direction = self._learnt((self.slopes, layer), self.learn & (where != topic))
                for strength, margins in by_strength.items():
                    margins[topics == topic] = self._margins(replay, direction * norm * strength)[0]
            return [
                {
                    "layer": layer,
                    "strength": strength,
                    "kl": _digits(self._kl(layer, from_all * norm * strength, self._for_matching)[0]),
                    "margins": _short(margins),
                }
                for strength, margins in by_strength.items()
            ]

        tasks = ["unsteered", *(f"layer {layer}" for layer in self.layers)]
        settings = self.settings(strengths=list(self.run.strengths))
        return self.sweep("steering_choice", settings, tasks, run)

    def choice_table(self, *, draws: int = 2000) -> pd.DataFrame:
        """Effect of every setting on the calibration topics; see ``ch10_steering.selection.depth_table``."""
        rows = self.choice_sweep()
        before = stack(rows.loc[rows["strength"] == 0, "margins"])[0]
        topics = self.calibration["topic"].tolist()
        steered = rows[rows["strength"] != 0]
        return depth_table(steered, before, topics, self.loaded.info.layers, draws=draws)

    # ------------------------------------------------------------ labels

    @functools.cached_property
    def responses(self) -> Responses:
        """Slopes of all margins along the differences of the calibration pairs, at the layers of the grid."""
        layers = self.layers
        return label_test.responses(self.slopes, self.pairs["topic"].tolist(), self.learn, layers)

    def dose_table(self) -> pd.DataFrame:
        """How far the limit on the cost lets one push at each layer of the grid.

        Returns
        -------
        DataFrame
            ``layer``; ``norm``, the stream's mean length; ``reach``, the length of a push that costs ``KL_LIMIT`` along the
            longest mean difference of all labellings; ``length`` of the true one, times the multiplier that follows, its
            ``kl`` on the matching prompts, and its ``gain``: slope times length on calibration topics held out from it.
        """
        layers = self.layers

        def run(task: str) -> list[dict[str, Any]]:
            layer = int(task.split()[1])
            at, norm = layers.index(layer), float(self.slopes.norms[layer])
            signs = self.labellings[:, self.learn]
            lengths = label_test.label_draws(self.responses, signs, np.ones(len(layers))).length[:, at]
            longest = self._learnt((self.slopes, layer), self.learn, self.labellings[int(lengths.argmax())])
            reach = norm * matched_strength(
                lambda s: self._kl(layer, longest * norm * s, self._for_matching)[0], KL_LIMIT, tolerance=0.02
            )
            length = reach * float(lengths[0] / lengths.max())
            truth = self._learnt((self.slopes, layer), self.learn)
            gains = label_test.label_draws(self.responses, signs[:1], np.full(len(layers), length)).gain
            return [
                {
                    "layer": layer,
                    "norm": _digits(norm),
                    "reach": _digits(reach),
                    "length": _digits(length),
                    "kl": _digits(self._kl(layer, truth * length, self._for_matching)[0]),
                    "gain": _digits(gains[0, at]),
                }
            ]

        settings = self.settings(limit=KL_LIMIT, labellings=LABELLINGS)
        return self.sweep("steering_doses", settings, [f"layer {layer}" for layer in layers], run)

    @functools.cached_property
    def choice(self) -> Choice:
        """The layer and strength taken to the test: the layer of the largest gain, as far as the limit lets one push."""
        table = self.dose_table()
        row = table.iloc[int(table["gain"].to_numpy().argmax())]
        strength = _digits(row["length"] / row["norm"])
        return Choice(int(row["layer"]), strength, float(row["gain"]), float(row["kl"]))

    def _draws(self, *, full_dose: bool = False) -> LabelDraws:
        reach = self.dose_table()["reach"].to_numpy(dtype=float)
        return label_test.label_draws(
            self.responses, self.labellings[:, self.learn], reach, full_dose=full_dose
        )

    def label_table(self) -> pd.DataFrame:
        """Where each labelling leads by the gradient, the true one first.

        Returns
        -------
        DataFrame
            One row for each labelling: ``layer`` it chooses, ``strength`` and ``effect`` (nats, on the test topics) with the
            common multiplier, ``full_dose`` (nats) with every direction as long as the limit allows, and ``cosine``, the absolute
            cosine with the true direction at the layer chosen for the true labels.
        """
        layers = self.layers

        def run(_: str) -> list[dict[str, Any]]:
            draws = self._draws()
            rows = np.arange(len(draws.layer))
            norms = self.slopes.norms[list(layers)]
            strength = draws.multiplier * draws.length[rows, draws.layer] / norms[draws.layer]
            cosines = label_test.full_dose_cosines(
                self.responses, self.labellings[:, self.learn], layers.index(self.choice.layer)
            )
            return [
                {
                    "layers": [layers[i] for i in draws.layer],
                    "strengths": _short(strength),
                    "effects": _short(draws.effect),
                    "full_doses": _short(self._draws(full_dose=True).effect),
                    "cosines": _short(cosines),
                }
            ]

        settings = self.settings(limit=KL_LIMIT, labellings=LABELLINGS)
        row = self.sweep("steering_labels", settings, ["labels"], run).iloc[0]
        return pd.DataFrame({name.removesuffix("s"): row[name] for name in row.index if name != "task"})

    def power_table(self, *, seeds: int = 200) -> pd.DataFrame:
        """How often the whole test finds a planted direction; see ``label_test.planted_power``."""

        def run(task: str) -> list[dict[str, Any]]:
            reach = self.dose_table()["reach"].to_numpy(dtype=float)
            # Labellings of each planted set, as many as the model itself is asked about with their reverses.
            signs = self.labellings[: 1 + self.run.labellings + seeds, self.learn]
            table = label_test.planted_power(
                self.responses, signs, reach, [float(task.split()[1])], seeds=seeds
            )
            return [{str(key): _digits(value) for key, value in table.iloc[0].to_dict().items()}]

        settings = self.settings(
            limit=KL_LIMIT, labellings=LABELLINGS, seeds=seeds, measured=self.run.labellings
        )
        table = self.sweep("steering_power", settings, [f"share {share:g}" for share in SHARES], run)
        return table.drop(columns="task")

    # ------------------------------------------------------------ test

    def vector(self, kind: str, draw: int = 0, layer: int | None = None) -> Floats:
        """Unit vector of the truth direction or of a control, by name.

        Parameters
        ----------
        kind : {"truth", "negative", "planted", "shuffled", "random"}
            ``planted`` is the steepest direction, the mean gradient over all pairs: a ceiling that nobody could learn, since
            the tested pairs are among them.
        draw : int
            Which shuffled or random one.
        layer : int, optional
            The chosen one by default.
        """
        at = self.choice.layer if layer is None else layer
        if kind == "random":
            return unit(np.random.default_rng([self.seed, 1, draw]).normal(size=self.loaded.info.width))
        if kind == "shuffled":
            return self._learnt(self._at(at), self.learn, self.labellings[1 + draw])
        if kind == "planted":
            slopes, place = self._at(at)
            return unit(slopes.gradient[:, place].astype(float).mean(0))
        if kind in ("truth", "negative"):
            return self._learnt(self._at(at), self.learn) * (1 if kind == "truth" else -1)
        raise ValueError(f"kind is {kind!r}; allowed: truth, negative, planted, shuffled, random")

    def test_sweep(self) -> pd.DataFrame:
        """The chosen setting and all controls on the test topics, pushed towards and away, and the other layers of the grid.

        A new method of steering joins here: a kind of its own among the tasks, with its dose in ``_dose``.

        Returns
        -------
        DataFrame
            ``kind, draw, layer, strength, kl, perplexity, predicted`` (effect by the gradient) and the lists ``margins`` and
            ``per_token`` in the order of ``tested``, and ``pulled`` and ``pulled_per_token`` under the push away.
        """
        layers = self.layers

        @functools.cache
        def replay(layer: int) -> Replay:
            return prepare(self.loaded, self._texts(self.tested), layer, batch_size=_BATCH)

        def run(task: str) -> list[dict[str, Any]]:
            kind, _, number = task.partition(" ")
            draw = int(number or 0)
            layer, strength = self._dose(kind, draw)
            name = {"unsteered": "truth", "depth": "truth"}.get(kind, kind)
            push = self.vector(name, draw, layer) * self.slopes.norms[layer] * strength
            towards, back = (self._margins(replay(layer), sign * push) for sign in (1, -1))
            kl, perplexity = self._kl(layer, push, self._for_reporting)
            mean_gradient = self.slopes.gradient[~self.learn, layer].astype(float).mean(0)
            return [
                {
                    "kind": kind,
                    "draw": draw,
                    "layer": layer,
                    "strength": _digits(strength),
                    "kl": _digits(kl),
                    "perplexity": _digits(perplexity),
                    "predicted": _digits(float(push @ mean_gradient)),
                    "margins": _short(towards[0]),
                    "per_token": _short(towards[1]),
                    "pulled": _short(back[0]),
                    "pulled_per_token": _short(back[1]),
                }
            ]

        tasks = ["unsteered", "truth", "planted", *(f"depth {layer}" for layer in layers)]
        tasks += [f"random {i}" for i in range(self.run.random)]
        tasks += [f"shuffled {i}" for i in range(self.run.labellings)]
        settings = self.settings(
            limit=KL_LIMIT, labellings=LABELLINGS, layer=self.choice.layer, strength=self.choice.strength
        )
        return self.sweep("steering_test", settings, tasks, run)

    def _dose(self, kind: str, draw: int) -> tuple[int, float]:
        """Layer and strength of a direction of the test."""
        chosen = self.choice
        if kind == "unsteered":
            return chosen.layer, 0.0
        if kind == "depth":
            doses = self.dose_table()
            strengths = doses["length"].to_numpy(dtype=float) / doses["norm"].to_numpy(dtype=float)
            return draw, float(strengths[doses["layer"].to_numpy() == draw][0])
        if kind == "shuffled":
            # A layer and a length of its own, by the rule that the true labels went through.
            row = self.label_table().iloc[1 + draw]
            return int(row["layer"]), float(row["strength"])
        if kind == "truth":
            return chosen.layer, chosen.strength
        along = self.vector(kind, draw) * self.slopes.norms[chosen.layer]
        cost = chosen.kl if kind == "random" else KL_LIMIT
        strength = matched_strength(
            lambda s: self._kl(chosen.layer, along * s, self._for_matching)[0], cost, start=chosen.strength
        )
        return chosen.layer, strength

    def result(self) -> SteeringTest:
        """Whether the direction does more than its null, with the test's power; see ``label_test.steering_test``."""
        return label_test.steering_test(self.test_sweep(), self.power_table())

    def direction(self, vector: Floats | None = None, layer: int | None = None) -> Direction:
        """A vector as ``steering.interventions.steer`` takes it; the truth direction at the chosen layer by default."""
        at = self.choice.layer if layer is None else layer
        slopes, place = self._at(at)
        return Direction(
            vector=(self.vector("truth", layer=at) if vector is None else vector).astype(np.float32),
            layer=at,
            residual_norm=float(slopes.norms[place]),
            method="means, last token",
            model_name=self.loaded.info.name,
            model_sha256=self.loaded.info.sha256,
            pairs_digest=pairs_digest(self.calibration),
            pairs=int(self.learn.sum()),
        )


def study(
    loaded: Loaded,
    *,
    pairs: pd.DataFrame | None = None,
    folder: Path | None = None,
    progress: Progress | None = None,
    run: str = "auto",
) -> Study:
    """The chapter's measurements for a model, with the project's pairs and neutral prompts.

    Parameters
    ----------
    loaded : Loaded
        From ``models.loading.load_model``.
    pairs : DataFrame, optional
        The reader's own, from ``steering.pairs.read_pairs``, over four topics or more.
    folder : Path, optional
        For new results; the user's cache folder by default.
    progress : callable
        As ``tqdm``.
    run : {"auto", "quick", "full"}
        How much is measured; see ``run_sizes.run_size``.
    """
    size, kept = run_size(run, bundled=loaded.info.sha256 == EMBEDDED[DEFAULT].sha256)
    prompts = data.load("prompts")
    neutral = tuple(prompts.loc[prompts["kind"] == "control", "prompt"])
    asked = size.part_of(data.load("truth_pairs") if pairs is None else pairs)
    return Study(loaded, asked, neutral, folder, progress=progress, run=size, kept=kept)


def sentiment_pairs() -> pd.DataFrame:
    """The table ``sentiment_pairs`` under the names that a study knows: what is pleased stands for true.

    Examples
    --------
    >>> sentiment_pairs()["true_completion"].iloc[0]
    ' delicious.'
    """
    return contrast_set("sentiment")


def sentiment_study(
    loaded: Loaded, *, folder: Path | None = None, progress: Progress | None = None, run: str = "auto"
) -> Study:
    """The same measurements for pleased against displeased endings: the positive control.

    What the test of truth does is done to a direction that is known to work in many models. Where the test does not see it,
    the test is blind.

    Parameters
    ----------
    loaded, folder, progress, run
        As for ``study``.
    """
    return study(loaded, pairs=sentiment_pairs(), folder=folder, progress=progress, run=run)
