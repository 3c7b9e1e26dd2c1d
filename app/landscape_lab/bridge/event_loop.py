"""Calls onto the thread of a page, from any other thread."""

import asyncio
import functools
import threading
from collections.abc import Callable

import panel as pn

from landscape_lab.bridge.host import mode


class UiLoop:
    """Runs functions on the thread of the page that made it, from any thread."""

    def __init__(self) -> None:
        """Remember the page's document, or the kernel's event loop."""
        self._document = pn.state.curdoc if mode() == "server" else None
        self._thread = threading.get_ident()
        try:
            self._loop = None if self._document else asyncio.get_running_loop()
        except RuntimeError:  # a plain script: there is no other thread to come from
            self._loop = None

    @property
    def here(self) -> bool:
        """Whether this is the thread of the page."""
        return threading.get_ident() == self._thread

    def now(self, function: Callable[..., object], *arguments: object) -> None:
        """Call the function at once on the page's thread, soon from any other.

        JupyterLab 4.4 and later hand what a widget hears to a thread of its own, at the same time
        as the page draws.
        """
        if self.here:
            function(*arguments)
        else:
            self.soon(function, *arguments)

    def soon(self, function: Callable[..., object], *arguments: object) -> None:
        """Call the function on the page's thread as soon as that is free."""
        call = functools.partial(function, *arguments)
        if self._document is not None:
            self._document.add_next_tick_callback(functools.partial(self._at_once, call))
        elif self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call)
        else:
            call()

    def _at_once(self, call: Callable[[], object]) -> None:
        """Call, and send all that it changes in one message: the browser paints it once."""
        with pn.io.hold(self._document):
            call()
