"""What the log says of pages that were closed while they loaded: a line, and no tracebacks.

Their kernels are ended while Voila still waits for an answer of them, and it takes that for an
error. Whatever else fails is logged as before.
"""

import logging
import sys

from nbclient.exceptions import DeadKernelError

from landscape_lab.hosting.page_opening import OPENING

DIED = "Kernel died"
"""How the sentences about a kernel begin that has ended before it answered."""

EXPECTED = "of_an_aborted_page"


class AbortedPages(logging.Filter):
    """Leaves out that the kernel of a page has died, if the page was closed while it loaded.

    The log of the server runs where the page is known; asyncio logs the same exceptions later.
    """

    @classmethod
    def put_before(cls, log: logging.Logger) -> None:
        """Filter the log of a server, and that of asyncio."""
        for each in (log, logging.getLogger("asyncio")):
            each.addFilter(cls())

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is logged."""
        error = record.exc_info[1] if record.exc_info else sys.exc_info()[1]
        opening = OPENING.get()
        if opening is not None and opening.aborted and _says_died(record, error):
            if error is not None:
                vars(error)[EXPECTED] = True
            return False
        return not getattr(error, EXPECTED, False)


def _says_died(record: logging.LogRecord, error: BaseException | None) -> bool:
    if error is None:
        return record.getMessage().startswith(DIED)
    return isinstance(error, DeadKernelError | RuntimeError) and str(error).startswith(DIED)
