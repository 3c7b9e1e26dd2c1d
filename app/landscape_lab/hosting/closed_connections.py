"""What the log says of connections that a browser closes while something is written: nothing."""

import logging

from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError


def is_worth_logging(record: logging.LogRecord) -> bool:
    """Whether a record of asyncio is about more than a connection that was closed."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, StreamClosedError | WebSocketClosedError)


def keep_quiet() -> None:
    """Leave such records out of asyncio's log; a second time changes nothing."""
    logging.getLogger("asyncio").addFilter(is_worth_logging)
