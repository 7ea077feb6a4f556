"""Show an app where a kernel can run it, and its static twin where none can.

Which of the two it is follows from where the code runs; the apps themselves know nothing of it.
"""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

from cape_utils.runtime import in_book, in_live_kernel

__all__ = ["show"]


def show(app: Callable[[], Any], *, twin: Any = None, above: str = "") -> Any:
    """Display an app in a live kernel; elsewhere a chart with controls of its own, and where to find the app.

    Parameters
    ----------
    app : callable
        One of this package, called only where a kernel can answer its controls.
    twin : altair.Chart, optional
        What takes the place of the app in the built page.
    above : str
        Title of a chart that stands further up on the page and takes the place of a twin.

    Returns
    -------
    object or None
        The app or the twin where nothing could be displayed, as in a plain script; otherwise None.

    Examples
    --------
    >>> show(dict, twin="a chart")
    'a chart'
    """
    if in_live_kernel():
        from IPython.display import display

        display(app())
        return None
    if not in_book():
        return twin
    from IPython.display import HTML, display

    if twin is not None:
        display(twin)
    lead = f"<em>{html.escape(above)}</em>, above, has controls that work on this page. " if above else ""
    words = f"{lead}The full explorer runs in a live notebook; the links under the title open this chapter as one."
    display(HTML(f'<p class="cape-note">{words}</p>'))
    return None
