"""One Panel code base for Voila, `panel serve` and a notebook cell, without a request to a CDN.

What is worked around here was measured on Panel 1.9, jupyter_bokeh 4.1 and Voila 0.5; each place
says what happens without it.
"""

import asyncio
import base64
import functools
import time
from collections.abc import Callable
from typing import Any

import panel as pn
import panel.io.resources
import panel.reactive

from landscape_lab.bridge.host import mode

LONGEST_PAUSE = 3.0
"""Seconds between two attempts to show something in a notebook whose page is not ready."""


def setup() -> None:
    """Load Panel for the host that shows the app; call it before any component is built."""
    if mode() == "server":
        pn.extension()
        return
    _inline_styles()
    # Voila's page has no default comms of Panel, and without `inline` it waits for a CDN.
    pn.extension(inline=True, comms="ipywidgets")


def show(view: pn.viewable.Viewable) -> Any:
    """The view as the last expression of a cell or of a served script."""
    if mode() == "server":
        return view.servable(title="Landscape Lab")
    from landscape_lab.bridge.quiet_model import QuietBokehModel

    widget = QuietBokehModel(view.get_root(), combine_events=False)
    if mode() == "voila":
        return widget
    return _once_loaded(widget)


class Messages:
    """Mix-in before `JSComponent`: messages to the browser that arrive in kernels too.

    There Panel would send them to a document that no browser shows: the model lives in the
    document of jupyter_bokeh's widget.
    """

    _models: dict[str, Any]

    def _process_bokeh_event(self, doc: Any, event: Any) -> None:
        from panel.io.state import set_curdoc
        from panel.models.esm import DataEvent

        if not isinstance(event, DataEvent):
            super()._process_bokeh_event(doc, event)  # type: ignore[misc] # JSComponent's
            return
        # Panel counts each message as work, tells all that watch the count, and takes as long for
        # it as a third of a picture: every picture is answered by a message.
        with set_curdoc(doc):
            self._handle_msg(event.data)  # type: ignore[attr-defined] # the component's

    def _send_msg(self, data: Any) -> None:
        if mode() == "server":
            super()._send_msg(data)  # type: ignore[misc] # JSComponent's, behind this mix-in
            return
        from panel.models.esm import ESMEvent

        for model, _ in list(self._models.values()):
            if model.document is not None:
                model.document.callbacks.send_event(ESMEvent(model=model, data=data))


def no_echoes(document: Any) -> None:
    """The browser sends no echoes of what changes in this document any more."""
    from landscape_lab.bridge.quiet_model import WIDGETS

    if document in WIDGETS:
        WIDGETS[document].echoes = False


def _once_loaded(widget: Any) -> Any:
    """The widget in a box that attaches it as soon as the page can show it, and only once.

    On "Run All" JupyterLab builds views before BokehJS has loaded, and gives up. Something small is
    therefore attached again and again until the browser says that it is there. The widget itself
    must not be: Panel's components ask for their view by the model's name and fill the first that
    has it, so that in a second view of the same models they stay empty.
    """
    import ipywidgets

    from landscape_lab.bridge.quiet_model import QuietBokehModel

    waiting = ipywidgets.HTML("<p role='status'>Loading the app…</p>")
    box = ipywidgets.VBox([waiting])
    probe = QuietBokehModel(pn.Column().get_root(), combine_events=False)

    async def attach() -> None:
        pause = 0.2
        while not probe.ready:
            box.children = (waiting,)
            box.children = (waiting, probe)
            await _until(lambda: probe.ready, pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        box.children = (widget,)
        probe.close()

    try:
        box.attaching = asyncio.get_running_loop().create_task(attach())
    except RuntimeError:  # no event loop: a script that only wants the widget
        box.children = (widget,)
    return box


async def _until(condition: Callable[[], bool], patience: float) -> None:
    """Wait until something holds, or for so many seconds."""
    end = time.monotonic() + patience
    while not condition() and time.monotonic() < end:
        await asyncio.sleep(0.05)


def _inline_styles() -> None:
    """Give Panel's style sheets as data: with comms="ipywidgets" it asks a CDN for them."""
    resources = panel.io.resources
    if getattr(resources, "landscape_inlined", False):
        return
    original = resources.patch_stylesheet

    @functools.cache
    def inlined(url: str) -> str:
        path = resources.DIST_DIR / url[len(resources.CDN_DIST) :].split("?")[0]
        if not path.is_file():
            return url
        return "data:text/css;base64," + base64.b64encode(path.read_bytes()).decode()

    def patch(stylesheet: Any, dist_url: str) -> None:
        original(stylesheet, dist_url)
        url = getattr(stylesheet, "url", "") or ""
        if url.startswith(resources.CDN_DIST):
            stylesheet.url = inlined(url)

    resources.patch_stylesheet = panel.reactive.patch_stylesheet = patch
    resources.landscape_inlined = True
