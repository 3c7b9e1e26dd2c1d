"""One Panel code base for Voila, `panel serve` and a notebook cell, without a request to a CDN.

What is worked around here was measured on Panel 1.9, jupyter_bokeh 4.1 and Voila 0.5; each place
says what happens without it.
"""

import asyncio
import base64
import collections
import functools
import time
import weakref
from collections.abc import Callable
from typing import Any

import panel as pn
import panel.io.resources
import panel.reactive

from landscape_lab.bridge.host import mode

LONGEST_PAUSE = 3.0
"""Seconds between two attempts to show something in a notebook whose page is not ready."""


def setup() -> None:
    """Load Panel for whoever shows the app; call it before any component is built."""
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
    widget = _quiet_model()(view.get_root(), combine_events=False)
    if mode() == "voila":
        return widget
    return _once_loaded(widget)


class Messages:
    """Mix-in before `JSComponent`: messages to the browser that arrive in kernels too.

    There Panel would send them to a document that no browser shows: the model lives in the
    document of jupyter_bokeh's widget.
    """

    _models: dict[str, Any]

    def _send_msg(self, data: Any) -> None:
        if mode() == "server":
            super()._send_msg(data)  # type: ignore[misc] # JSComponent's, behind this mix-in
            return
        from panel.models.esm import ESMEvent

        for model, _ in list(self._models.values()):
            if model.document is not None:
                model.document.callbacks.send_event(ESMEvent(model=model, data=data))


_WIDGETS: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
"""The widgets of a kernel by their documents."""


def no_echoes(document: Any) -> None:
    """The browser sends no echoes of what changes in this document any more."""
    if document in _WIDGETS:
        _WIDGETS[document].echoes = False


@functools.cache
def _quiet_model() -> type:  # noqa: C901 - a class with three small methods
    """BokehModel without echoes, that sends what changes at once in one message.

    jupyter_bokeh sends every change made in Python back from the browser as if the user had made
    it, late: a value set twice in a row swings back. Such echoes are dropped here until the browser
    says that it sends none. And it sends each change by itself, and each
    array of it: some hundred messages for a picture, which the browser paints piece by piece.
    """
    from bokeh.core.serialization import Serializer
    from bokeh.protocol.messages.patch_doc import patch_doc
    from jupyter_bokeh import BokehModel

    class QuietBokehModel(BokehModel):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            self.ready, self.echoes = False, True
            self._sent: dict[tuple[str, str], collections.deque[tuple[float, Any]]] = {}
            self._waiting: list[Any] = []
            super().__init__(*arguments, **options)
            _WIDGETS[self._document] = self

        def _document_patched(self, event: Any) -> None:
            known = event.setter is self or not self.echoes
            if not known and getattr(event, "kind", "") == "ModelChanged":
                key = (event.model.id, event.attr)
                queue = self._sent.setdefault(key, collections.deque(maxlen=64))
                queue.append((time.monotonic(), event.new))
            if event.setter is self:
                return
            self._waiting.append(event)
            if len(self._waiting) > 1:  # the first one has asked for the sending
                return
            try:
                asyncio.get_running_loop().call_soon(self._send_waiting)
            except RuntimeError:  # no event loop: a script
                self._send_waiting()

        def _send_waiting(self) -> None:
            """Send the changes that have gathered, their arrays in the same text."""
            events, self._waiting = self._waiting, []
            models = self._document.models
            serializer = Serializer(references=models.synced_references, deferred=False)
            content = {"events": serializer.encode(events)}
            models.flush_synced(lambda model: not serializer.has_ref(model))
            message = patch_doc(patch_doc.create_header(), {}, content)
            for part in (message.header_json, message.metadata_json, message.content_json):
                self.send({"msg": "patch", "payload": part})

        def _sync_model(self, model: Any, content: dict[str, Any], buffers: Any) -> None:
            if content.get("event") == "jsevent":
                self.ready = True
            if self.echoes and content.get("kind") == "ModelChanged" and self._is_echo(content):
                return
            super()._sync_model(model, content, buffers)

        def _is_echo(self, content: dict[str, Any]) -> bool:
            queue = self._sent.get((content["model"]["id"], content["attr"]))
            new = content.get("new")
            plain = isinstance(new, bool | int | float | str | type(None))
            while queue and time.monotonic() - queue[0][0] > 5:
                queue.popleft()
            for place, (_, value) in enumerate(queue or ()):
                if not plain or (type(value) is type(new) and value == new):
                    for _ in range(place + 1):
                        queue.popleft()  # type: ignore[union-attr] # it has at least this one
                    return True
            return False

    return QuietBokehModel


def _once_loaded(widget: Any) -> Any:
    """The widget in a box that attaches it as soon as the page can show it, and only once.

    On "Run All" JupyterLab builds views before BokehJS has loaded, and gives up. Something small is
    therefore attached again and again until the browser says that it is there. The widget itself
    must not be: Panel's components ask for their view by the model's name and fill the first that
    has it, so that in a second view of the same models they stay empty.
    """
    import ipywidgets

    waiting = ipywidgets.HTML("<p role='status'>Loading the app…</p>")
    box = ipywidgets.VBox([waiting])
    probe = _quiet_model()(pn.Column().get_root(), combine_events=False)

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
