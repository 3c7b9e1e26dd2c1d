"""A widget for a Bokeh document in a kernel: one message for many changes, and no echoes.

It is imported where a kernel shows the app: a server needs no jupyter_bokeh.
"""

import asyncio
import collections
import time
import weakref
from typing import Any

from bokeh.core.serialization import Serializer
from bokeh.protocol.messages.patch_doc import patch_doc
from jupyter_bokeh import BokehModel

WIDGETS: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
"""The widgets of a kernel by their documents."""

LATEST = 5.0
"""Seconds after which a change is no echo of the same change made in Python."""


class QuietBokehModel(BokehModel):
    """BokehModel without echoes, that sends what changes at once in one message.

    jupyter_bokeh sends every change made in Python back from the browser as if the user had made
    it, late: a value set twice in a row swings back. Such echoes are dropped here until the browser
    says that it sends none. And it sends each change by itself, and each array of it: some hundred
    messages for a picture, which the browser paints piece by piece.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.ready, self.echoes = False, True
        self._sent: dict[tuple[str, str], collections.deque[tuple[float, Any]]] = {}
        self._waiting: list[Any] = []
        super().__init__(*arguments, **options)
        WIDGETS[self._document] = self

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
        while queue and time.monotonic() - queue[0][0] > LATEST:
            queue.popleft()
        for place, (_, value) in enumerate(queue or ()):
            if not plain or (type(value) is type(new) and value == new):
                for _ in range(place + 1):
                    queue.popleft()  # type: ignore[union-attr] # it has at least this one
                return True
        return False
