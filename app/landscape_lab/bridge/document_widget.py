"""A Bokeh document as a widget of a notebook: its views, and what changes on either side.

It is imported where a kernel shows the app: a server needs no anywidget.
"""

import asyncio
import functools
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets
from bokeh.core.json_encoder import serialize_json
from bokeh.core.serialization import Serializer
from bokeh.document import Document
from bokeh.document.events import DocumentPatchedEvent
from bokeh.model import Model
from bokeh.resources import INLINE
from panel.io.resources import Resources, bundle_resources, set_resource_mode

from landscape_lab.bridge.event_loop import UiLoop

WAITING = "Loading the app…"
"""What stands in a cell until there is more."""


class DocumentWidget(anywidget.AnyWidget):
    """Shows a Bokeh model with all that belongs to it, in one view at a time, the newest.

    A view is given the document as it is when it opens, and then every change: a page that is
    reloaded, or an output that is shown in another place, has the present state. When the newest
    view is closed, the one before it in the same page opens again. What changes at once is sent in
    one message, and none of it comes back.
    """

    _esm = Path(__file__).with_name("document_view.js").read_text("utf-8")

    waiting = traitlets.Unicode(WAITING).tag(sync=True)

    def __init__(self, model: Model, left: Callable[[], None] = lambda: None) -> None:
        """No view yet.

        Args:
            model: becomes the root of a document of its own.
            left: called when the last view has gone, because its cell was run again or deleted.
        """
        super().__init__()
        self._left = left
        self._page = ""
        self._views: list[str] = []
        self._changes: list[DocumentPatchedEvent] = []
        self._loop = UiLoop()
        self._document = Document()
        self._document.add_root(model)
        self._document.on_change(self._changed)
        self.on_msg(lambda _, content, buffers: self._loop.now(self._heard, content))

    def close(self) -> None:
        """Take the views away, and follow the document no more."""
        self._document.remove_on_change(self._changed)
        super().close()

    def _heard(self, content: dict[str, Any]) -> None:
        if "open" in content:
            self._send_changes()  # to the view before
            self._opened(content["open"], content["page"])
            scripts = [page_scripts()] if content["scripts"] else []
            text = serialize_json(self._document.to_json(deferred=False))
            self._document.models.flush_synced()
            self.send({"view": content["open"], "document": text}, scripts)
        elif "event" in content:
            self._send_changes()  # Bokeh takes all models that it has to be known to the sender
            self._document.apply_json_patch({"events": [content["event"]]}, setter=self)
        elif content.get("closed") in self._views:
            self._closed(content["closed"])

    def _opened(self, view: str, page: str) -> None:
        """Note the newest view; a page that was reloaded no longer has its earlier ones."""
        before = self._views if page == self._page else []
        self._page, self._views = page, [one for one in before if one != view] + [view]

    def _closed(self, view: str) -> None:
        newest = view == self._views[-1]
        self._views.remove(view)
        if not self._views:
            self._left()
        elif newest:
            self.send({"again": self._views[-1]})

    def _changed(self, event: Any) -> None:
        """Note what is to be sent, which is done once all that changes now has changed."""
        if event.setter is self or not isinstance(event, DocumentPatchedEvent):
            return
        self._changes.append(event)
        if len(self._changes) > 1:  # the first one has asked for the sending
            return
        try:
            asyncio.get_running_loop().call_soon(self._send_changes)
        except RuntimeError:  # no event loop: a script
            self._send_changes()

    def _send_changes(self) -> None:
        """Send the changes that have gathered; without a view, the next one has them anyway."""
        changes, self._changes = self._changes, []
        if not changes or not self._views:
            return
        models = self._document.models
        serializer = Serializer(references=models.synced_references, deferred=False)
        patch = {"events": serializer.encode(changes)}
        models.flush_synced(lambda model: not serializer.has_ref(model))
        self.send({"patch": serialize_json(patch)})


@functools.cache
def page_scripts() -> bytes:
    """The scripts and styles of Bokeh and Panel, compressed: JSON of two lists of texts."""
    with set_resource_mode("inline"):
        resources = Resources.from_bokeh(INLINE, notebook=True)
        bundle = bundle_resources(None, resources, notebook=True, enable_mathjax=False)
    texts = {"scripts": list(bundle.js_raw), "styles": list(bundle.css_raw)}
    return gzip.compress(json.dumps(texts).encode(), compresslevel=6)
