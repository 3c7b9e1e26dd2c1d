"""One Panel code base for Voila, `panel serve` and a notebook cell, without a request to a CDN.

What is worked around here was measured on Panel 1.9; each place says what happens without it.
"""

import base64
import functools
from collections.abc import Callable
from typing import Any

import bokeh.settings
import panel as pn
import panel.io.resources
import panel.reactive

from landscape_lab.bridge.host import mode


def setup() -> None:
    """Prepare Panel for the host that shows the app; call it before any component is built."""
    if mode() == "server":
        pn.extension()
        return
    # `pn.extension` would put all scripts into the output of the cell, again at every call, and the
    # file of the notebook with them. The widget brings them to the pages that have none.
    _inline_styles()
    pn.config.inline = True
    pn.config.comms = "ipywidgets"
    # Pages of several kernels are shown by one JupyterLab: numbers from 1 on would be found twice.
    bokeh.settings.settings.simple_ids.set_value(False)


def show(view: pn.viewable.Viewable, left: Callable[[], None] = lambda: None) -> Any:
    """The view as the last expression of a cell or of a served script.

    Args:
        view: what is shown.
        left: called in a notebook when the cell that shows it was run again or deleted.
    """
    if mode() == "server":
        # Panel's location would answer each Back with a new entry of the browser's history.
        return view.servable(title="Landscape Lab", location=False)
    from landscape_lab.bridge.document_widget import DocumentWidget

    return DocumentWidget(view.get_root(), left)


class Messages:
    """Mix-in before `JSComponent`: messages to the browser that arrive in kernels too.

    There Panel would send them to a document that no browser shows: the model lives in the
    document of the widget.
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
