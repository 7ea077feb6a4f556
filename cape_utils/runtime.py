"""Where this code runs: in the build of the book, or in a reader's own kernel."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

__all__ = ["brought", "edited_since_import", "in_book", "in_live_kernel"]


def in_book() -> bool:
    """Tell whether this kernel was started by the book's build.

    Returns
    -------
    bool
        True where the environment variable ``CAPE_BOOK`` is ``1``, which the build sets for its kernels.

    Examples
    --------
    >>> in_book() in (True, False)
    True
    """
    return os.environ.get("CAPE_BOOK") == "1"


def in_live_kernel() -> bool:
    """Tell whether a reader's own kernel runs this, so that a control can be answered.

    Returns
    -------
    bool
        True in Jupyter, Colab and Voila; False in the build of the book and in a plain script.

    Examples
    --------
    >>> in_live_kernel()
    False
    """
    if in_book():
        return False
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return getattr(shell, "kernel", None) is not None


_IMPORTED = time.time()


def edited_since_import() -> bool:
    """Tell whether a file of the package is newer than this process's copy of it.

    Such a process runs code that no longer stands on disk, so that nothing it computes may be kept under the digest of
    what stands there.

    Examples
    --------
    >>> edited_since_import()
    False
    """
    return any(path.stat().st_mtime > _IMPORTED for path in Path(__file__).parent.rglob("*.py"))


def brought(had: Mapping[str, str]) -> str:
    """Say what an installation changed in this kernel's environment, and whether the kernel must be restarted for it.

    Parameters
    ----------
    had
        The version of each distribution by its name, from before.

    Returns
    -------
    str
        One line: what is new or in another version, and which of it the kernel had loaded already in the old one.

    Examples
    --------
    >>> from importlib import metadata
    >>> brought({one.name: one.version for one in metadata.distributions()})
    'Installed: nothing new. No restart is needed.'
    """
    import importlib
    from importlib import metadata

    importlib.invalidate_caches()  # the files are younger than the finders' lists
    # Where a folder later on the path has an older copy, the first counts, as for an import.
    now = {one.name: one.version for one in reversed([*metadata.distributions()]) if one.name}
    changed = {name for name, version in now.items() if had.get(name) != version}
    said = [
        f"{name} {now[name]}" + (f" (was {had[name]})" if name in had else "") for name in sorted(changed)
    ]
    old = {
        name
        for module, names in metadata.packages_distributions().items()
        if sys.modules.get(module) is not None
        for name in names
        if name in changed and name in had
    }
    advice = "No restart is needed."
    if old:
        advice = (
            f"The kernel still holds the old {', '.join(sorted(old))}: restart it "
            "(Runtime, Restart session), then run this cell again."
        )
    return f"Installed: {', '.join(said) or 'nothing new'}. {advice}"
