"""The last catch of a page: what a button does either works or says in a sentence why not."""

import functools
import logging
import os
from collections.abc import Callable
from typing import ParamSpec

from landscape_lab.page.form_sections import message_of

P = ParamSpec("P")

DEBUG = "LANDSCAPE_DEBUG"
"""The environment variable with which failures are logged with their traceback."""


def caught(command: Callable[P, None], report: Callable[[str], None]) -> Callable[P, None]:
    """The command, whose failures are reported instead of raised.

    Args:
        command: called by a component, on the page's thread.
        report: shows a sentence on the page.
    """

    @functools.wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except Exception as error:
            if os.environ.get(DEBUG):
                logging.getLogger(__name__).exception("A command of the page failed.")
            report(message_of(error))

    return guarded
