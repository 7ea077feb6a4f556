"""Apps for a live kernel: controls on the left, a chart on the right, a sentence below.

Each app is a thin layer over the analysis functions and `cape_utils.charts`; nothing is estimated here. In the
built book there is no kernel, so that `show` puts a chart with its own controls in the place of an app. They implement
no section of the paper: they put its settings in the reader's hands.
"""

from __future__ import annotations

from cape_utils.explorers._app import as_app
from cape_utils.explorers._base import Debounce, Explorer
from cape_utils.explorers._show import show
from cape_utils.explorers.critical_scale import critical_scale_explorer
from cape_utils.explorers.family import family_explorer
from cape_utils.explorers.frontier import frontier_explorer
from cape_utils.explorers.ode import ode_explorer
from cape_utils.explorers.scores import scores_editor
from cape_utils.explorers.steering import steering_explorer
from cape_utils.explorers.toyworld import toyworld_explorer
from cape_utils.explorers.what_if import dashboard, what_if_explorer
from cape_utils.explorers.width import width_explorer
from cape_utils.runtime import in_live_kernel

__all__ = [
    "Debounce",
    "Explorer",
    "as_app",
    "critical_scale_explorer",
    "dashboard",
    "family_explorer",
    "frontier_explorer",
    "in_live_kernel",
    "ode_explorer",
    "scores_editor",
    "show",
    "steering_explorer",
    "toyworld_explorer",
    "what_if_explorer",
    "width_explorer",
]
