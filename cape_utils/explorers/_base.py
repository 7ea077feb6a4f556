"""The frame that the apps share: labelled controls, a chart, a status line, and a timer between them.

An app never raises into its cell: what goes wrong becomes one sentence in the status line. What an app computes and
draws is the job of the other modules of this package.
"""

from __future__ import annotations

import asyncio
import copy
import html
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import ipywidgets as widgets

from cape_utils.charts.rendering import responsive, theme
from cape_utils.data.visible import visible

__all__ = [
    "DELAY_S",
    "WIDE",
    "Debounce",
    "Explorer",
    "choose_some",
    "mime_bundle",
    "remedy",
    "sentence",
    "while_working",
]

DELAY_S = 0.12
"""Seconds without a further movement after which a control counts as set."""

WIDE = {"description_width": "110px"}
"""Style of a control whose label must be read whole."""

Settings = dict[str, Any]

# JupyterLab and Voila draw this one with the Vega that they carry, so that no script is fetched from elsewhere.
_VEGALITE = "application/vnd.vegalite.v5+json"
_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
_STYLE = "<style>.cape-explorer .vega-embed{width:100%}.cape-explorer .cape-words{line-height:1.4}</style>"


class Debounce:
    """Call a function once, some time after the last of several calls.

    Parameters
    ----------
    function : callable
        Without arguments.
    delay_s : float
        Seconds. The timer is the running event loop's; where none runs, as in a plain script, the call waits for `flush`.

    Examples
    --------
    >>> seen = []
    >>> late = Debounce(lambda: seen.append(1))
    >>> for _ in range(10):
    ...     late()
    >>> late.flush()
    >>> seen
    [1]
    """

    def __init__(self, function: Callable[[], None], delay_s: float = DELAY_S) -> None:
        self.function, self.delay_s = function, delay_s
        self.pending = False
        self._timer: asyncio.TimerHandle | None = None

    def __call__(self) -> None:
        """Ask for a call, and restart the timer."""
        self._stop()
        self.pending = True
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        self._timer = loop.call_later(self.delay_s, self.flush)

    def flush(self) -> None:
        """Make the pending call now, if there is one."""
        self._stop()
        if self.pending:
            self.pending = False
            self.function()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def mime_bundle(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A chart as JupyterLab's own renderer takes it, as wide as its place; the words stand beside it as text.

    Parameters
    ----------
    spec : mapping
        A Vega-Lite specification. It is not modified.

    Examples
    --------
    >>> bundle = mime_bundle({"mark": "point", "title": "T", "description": "One dot."})
    >>> bundle["text/plain"], "title" in bundle["application/vnd.vegalite.v5+json"]
    ('One dot.', False)
    """
    return {
        _VEGALITE: _untitled(spec) | {"$schema": _SCHEMA},
        "text/plain": str(spec.get("description", "")),
    }


def _untitled(spec: Mapping[str, Any]) -> dict[str, Any]:
    drawn = responsive(copy.deepcopy(dict(spec)))
    drawn.pop("title", None)
    # The text of the theme is dark, and a dark JupyterLab would show through a transparent chart.
    return drawn | {"config": theme()["config"], "background": "white"}


def sentence(error: Exception) -> str:
    """An error as one sentence for the reader, with a remedy where it has none of its own.

    Examples
    --------
    >>> sentence(ValueError("there is one row; add another"))
    'There is one row; add another.'
    """
    words = " ".join(str(error).split()) or "something failed without a message"
    if not isinstance(error, ValueError):
        words = f"{type(error).__name__}: {words}; go back to the last setting that worked"
    return f"{words[0].upper()}{words[1:]}" + ("" if words.endswith((".", "!", "?")) else ".")


def choose_some(chosen: Mapping[str, Any] | tuple[Any, ...] | list[Any], what: str) -> None:
    """Raise the sentence for an empty selection.

    Examples
    --------
    >>> choose_some((), "family")
    Traceback (most recent call last):
    ...
    ValueError: no family is chosen; at least one is needed; click one, or press Ctrl+A in the list for all
    """
    if not chosen:
        raise ValueError(
            f"no {what} is chosen; at least one is needed; click one, or press Ctrl+A in the list for all"
        )


@contextmanager
def remedy(words: str) -> Iterator[None]:
    """Add what the reader can do to the message of an analysis function, which knows of no controls.

    Examples
    --------
    >>> with remedy("add families"):
    ...     raise ValueError("there is one row")
    Traceback (most recent call last):
    ...
    ValueError: there is one row; add families
    """
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{error}; {words}") from error


@contextmanager
def while_working(button: Any, status: Any, *, missing: str = "") -> Iterator[None]:
    """Keep a button from being pressed again while its work is done; an error becomes words in the status line.

    Parameters
    ----------
    button, status : ipywidgets.Button, ipywidgets.HTML
    missing : str
        What to do about a package that is not installed.

    Examples
    --------
    >>> button, status = widgets.Button(), widgets.HTML()
    >>> with while_working(button, status, missing="install it"):
    ...     raise ImportError("no torch")
    >>> status.value, button.disabled
    ('<b>no torch; install it</b>', False)
    """
    button.disabled = True
    try:
        yield
    except (RuntimeError, ValueError, ImportError, OSError, AssertionError) as error:
        extra = f"; {missing}" if missing and isinstance(error, ImportError) else ""
        status.value = f"<b>{html.escape(visible(f'{error}{extra}'))}</b>"
    finally:
        button.disabled = False


class Explorer(widgets.VBox):  # type: ignore[misc]
    """An app: controls that all carry a label, the chart they make, and a status line.

    Parameters
    ----------
    title : str
    controls : mapping of str to widget
        In the order of the page, which is also the order of the Tab key.
    draw : callable
        From the values of the controls to a chart of `cape_utils.charts`. A ValueError becomes the status line.
    busy : callable, optional
        From the values to what the status line says while they are computed; empty where that takes no time.
    adapt : callable, optional
        Called with the controls and the name of the one that moved, to change what the others offer.
    delay_s : float
        Seconds that the timer waits after the last movement.

    Attributes
    ----------
    controls : dict of str to widget
    chart : altair.Chart or None
        What is shown; None where a sentence is shown instead. Reading it does at once what the timer would do later.
    status : str
        The sentence below the chart.
    busy : bool
        Whether something is being computed.
    computed : int
        How often the app has computed since it was made.
    """

    def __init__(
        self,
        title: str,
        controls: Mapping[str, Any],
        draw: Callable[[Settings], Any],
        *,
        busy: Callable[[Settings], str] = lambda _: "",
        adapt: Callable[[dict[str, Any], str], None] = lambda _, __: None,
        delay_s: float = DELAY_S,
    ) -> None:
        self.controls = dict(controls)
        self.computed, self.busy = 0, False
        self._draw, self._words, self._adapt = draw, busy, adapt
        self._chart: Any = None
        self._status = ""
        self._lock, self._adapting = threading.RLock(), False
        self._later = Debounce(self._compute, delay_s)
        self.output = widgets.Output(layout=widgets.Layout(min_height="340px", overflow="hidden"))
        self.status_line = widgets.HTML()
        self._heading, self._caption = widgets.HTML(f"<h3>{html.escape(title)}</h3>"), widgets.HTML()
        for name, control in self.controls.items():
            if not control.description:
                raise ValueError(f"the control {name!r} has no description; every control needs a label")
            control.layout.width, control.layout.max_width = "auto", "420px"
            control.observe(lambda _, name=name: self._moved(name), "value")
        side = widgets.VBox(
            # The sentence stands where the reader's hands are, and before the chart on a narrow output.
            [*self.controls.values(), self.status_line],
            layout=widgets.Layout(flex="1 1 330px", min_width="0"),
        )
        view = widgets.VBox(
            [self.output, self._caption],
            layout=widgets.Layout(flex="2 1 400px", min_width="0"),
        )
        # A row that wraps: on a narrow output the chart comes below the controls.
        body = widgets.Box(
            [side, view], layout=widgets.Layout(display="flex", flex_flow="row wrap", width="100%")
        )
        super().__init__([widgets.HTML(_STYLE), self._heading, body])
        self.add_class("cape-explorer")
        self._compute()

    @property
    def settings(self) -> Settings:
        """Values of the controls by name."""
        return {name: control.value for name, control in self.controls.items()}

    @property
    def chart(self) -> Any:
        """The chart shown, after anything that is still waiting."""
        self._later.flush()
        return self._chart

    @property
    def status(self) -> str:
        """The sentence shown, after anything that is still waiting."""
        self._later.flush()
        return self._status

    def _moved(self, name: str) -> None:
        if self._adapting:
            return
        self._adapting = True
        try:
            self._adapt(self.controls, name)
        except Exception as error:  # noqa: BLE001 - the reader gets a sentence, whatever went wrong
            self._say(sentence(error))
        finally:
            self._adapting = False
        self._later()

    def _compute(self) -> None:
        with self._lock:
            self.computed += 1
            settings = self.settings
            try:
                if words := self._words(settings):
                    self.busy = True
                    self._say(words)
                with warnings.catch_warnings():
                    # What a resample without an answer makes NumPy say is counted in the caption instead.
                    warnings.simplefilter("ignore", RuntimeWarning)
                    chart = self._draw(settings)
                    spec = chart.to_dict()
                self._chart = chart
                self._show(spec)
                self._say("Up to date.")
            except Exception as error:  # noqa: BLE001 - the reader gets a sentence, whatever went wrong
                self._chart = None
                self._put(None)
                self._caption.value = ""
                self._say(sentence(error))
            finally:
                self.busy = False

    def _say(self, words: str) -> None:
        self._status = words
        self.status_line.value = f'<p class="cape-words" role="status">{html.escape(visible(words))}</p>'

    def _show(self, spec: Mapping[str, Any]) -> None:
        caption = str(spec["usermeta"]["caption"])
        title, seen = html.escape(str(spec["title"])), html.escape(str(spec["description"]))
        stop = "" if title.endswith("?") else "."
        self._caption.value = (
            f'<div class="cape-words"><p><b>{title}{stop}</b> {html.escape(caption)}</p>'
            f"<details><summary>Text alternative</summary><p>{seen}</p></details></div>"
        )
        self._put(spec)

    def _put(self, spec: Mapping[str, Any] | None) -> None:
        if "google.colab" in sys.modules:  # Colab knows no Vega by itself, and takes a page with scripts
            from altair.vegalite.v6.display import html_renderer
            from IPython.display import clear_output, display

            with self.output:
                clear_output(wait=spec is not None)
                if spec is not None:
                    display(html_renderer(_untitled(spec)), raw=True)
            return
        # Set as a whole: from a timer there is no cell whose output could be captured.
        self.output.outputs = (
            ({"output_type": "display_data", "data": mime_bundle(spec), "metadata": {}},) if spec else ()
        )
