"""One function for each figure of the book.

Every function takes finished results and returns an ``altair.Chart`` with a title, a caption that states the
finding and n, and a text alternative. Nothing is estimated here; how charts look and reach the reader is the job
of ``rendering``.
"""

from __future__ import annotations

from cape_utils.charts._base import name
from cape_utils.charts.coupling import (
    chance_chart,
    null_chart,
    pair_grid,
    pair_signs,
    phase_dots,
    score_path,
)
from cape_utils.charts.dashboard import (
    agreement_chart,
    family_phases,
    size_scatter,
)
from cape_utils.charts.data import (
    copies_chart,
    difference_chart,
    noise_chart,
    panel_explorer,
    variant_chart,
)
from cape_utils.charts.diagnosis import (
    diagnosis_frontier,
    diagnosis_path,
    diagnosis_phases,
)
from cape_utils.charts.dynamics import (
    duel_chart,
    league_chart,
    path_explorer,
    reading_chart,
    recovery_chart,
    rival_chart,
    source_chart,
)
from cape_utils.charts.frontier import (
    forecast_chart,
    frontier_scatter,
    h_explorer,
    h_timeline,
    matrix_explorer,
    saturation_chart,
    slope_chart,
)
from cape_utils.charts.internals import (
    gate_chart,
    head_map,
    layer_cosines,
    pattern_chart,
    planted_chart,
    released_cosines,
)
from cape_utils.charts.recipes import (
    cosine_chart,
    field_chart,
    generation_chart,
    recipe_explorer,
    sensitivity_chart,
    tokens_chart,
)
from cape_utils.charts.scorecard import (
    verdict_chart,
)
from cape_utils.charts.spectrum import (
    dimension_chart,
    exponent_chart,
    flip_chart,
    rotation_chart,
    small_sample_chart,
)
from cape_utils.charts.steering import (
    changed_chart,
    controls_chart,
    depth_chart,
    outputs_chart,
    parts_chart,
    power_chart,
    slope_map_chart,
)
from cape_utils.charts.toyworld import (
    toy_growth_chart,
    toy_lever_chart,
    toy_logp_chart,
    toy_pair_chart,
    toy_shift_chart,
    toy_step_chart,
)
from cape_utils.charts.transition import (
    estimator_chart,
    gradient_chart,
    isocline_chart,
    loss_chart,
    predictor_chart,
    scale_histogram,
    sign_chart,
    turning_chart,
)
from cape_utils.charts.width import (
    given_chart,
    growth_chart,
    matched_chart,
    normalised_chart,
    pair_scatter,
    projection_chart,
    ratio_scatter,
)
from cape_utils.rendering import PALETTE, enable

__all__ = [
    "PALETTE",
    "agreement_chart",
    "chance_chart",
    "changed_chart",
    "controls_chart",
    "copies_chart",
    "cosine_chart",
    "depth_chart",
    "diagnosis_frontier",
    "diagnosis_path",
    "diagnosis_phases",
    "difference_chart",
    "dimension_chart",
    "duel_chart",
    "enable",
    "estimator_chart",
    "exponent_chart",
    "family_phases",
    "field_chart",
    "flip_chart",
    "forecast_chart",
    "frontier_scatter",
    "gate_chart",
    "generation_chart",
    "given_chart",
    "gradient_chart",
    "growth_chart",
    "h_explorer",
    "h_timeline",
    "head_map",
    "isocline_chart",
    "layer_cosines",
    "league_chart",
    "loss_chart",
    "matched_chart",
    "matrix_explorer",
    "name",
    "noise_chart",
    "normalised_chart",
    "null_chart",
    "outputs_chart",
    "pair_grid",
    "pair_scatter",
    "pair_signs",
    "panel_explorer",
    "parts_chart",
    "path_explorer",
    "pattern_chart",
    "phase_dots",
    "planted_chart",
    "power_chart",
    "predictor_chart",
    "projection_chart",
    "ratio_scatter",
    "reading_chart",
    "recipe_explorer",
    "recovery_chart",
    "released_cosines",
    "rival_chart",
    "rotation_chart",
    "saturation_chart",
    "scale_histogram",
    "score_path",
    "sensitivity_chart",
    "sign_chart",
    "size_scatter",
    "slope_chart",
    "slope_map_chart",
    "small_sample_chart",
    "source_chart",
    "tokens_chart",
    "toy_growth_chart",
    "toy_lever_chart",
    "toy_logp_chart",
    "toy_pair_chart",
    "toy_shift_chart",
    "toy_step_chart",
    "turning_chart",
    "variant_chart",
    "verdict_chart",
]
