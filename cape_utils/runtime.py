"""Where this code runs: in the build of the book, or in a reader's own kernel."""

from __future__ import annotations

import os
import time
from pathlib import Path

__all__ = ["edited_since_import", "in_book", "in_live_kernel"]


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
