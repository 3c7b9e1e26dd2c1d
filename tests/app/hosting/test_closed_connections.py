"""A browser that goes away while something is written to it leaves no traceback in the log."""

import asyncio
import gc
import logging

import pytest
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError

from landscape_lab.hosting import closed_connections


@pytest.fixture(autouse=True)
def _quiet():
    log = logging.getLogger("asyncio")
    before = list(log.filters)
    closed_connections.keep_quiet()
    closed_connections.keep_quiet()
    yield
    log.filters[:] = before


async def left_alone(error):
    """A task that fails, and that nobody waits for."""

    async def write():
        raise error

    task = asyncio.ensure_future(write())
    await asyncio.wait([task])
    del task
    gc.collect()


@pytest.mark.parametrize("error", [WebSocketClosedError(), StreamClosedError()])
def test_a_closed_connection_is_not_logged(error, caplog):
    asyncio.run(left_alone(error))
    assert caplog.records == []


def test_whatever_else_fails_is_logged(caplog):
    asyncio.run(left_alone(ValueError("odd")))
    assert "odd" in caplog.text
