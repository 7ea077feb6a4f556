"""Scripts that lie beside the package, not in it: loaded as modules, so that their functions can be tested."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

__all__ = ["ROOT", "load"]

ROOT = Path(__file__).resolve().parents[1]


def load(path: str) -> ModuleType:
    """Load the script at a path of the repository under its own name, each time anew; it finds what lies beside it."""
    place = ROOT / path
    name = place.stem.strip("_")  # __main__ is the program that runs
    specification = importlib.util.spec_from_file_location(name, place)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    # A dataclass looks its module up while it is made.
    sys.modules[name] = module
    sys.path.insert(0, str(place.parent))
    try:
        specification.loader.exec_module(module)
    finally:
        sys.path.remove(str(place.parent))
    return module
