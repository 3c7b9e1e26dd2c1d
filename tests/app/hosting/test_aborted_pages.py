"""The log is silent about the kernels of closed pages, and about nothing else."""

import contextvars
import logging

import pytest
from nbclient.exceptions import DeadKernelError

from landscape_lab.hosting.aborted_pages import AbortedPages
from landscape_lab.hosting.page_opening import OPENING, Opening

NO_REPLY = "Kernel died before replying to kernel_info"


@pytest.fixture
def log(caplog):
    """A log behind the filter."""
    made = logging.getLogger("test_aborted_pages")
    made.addFilter(one := AbortedPages())
    yield made
    made.removeFilter(one)


def fail(log, error):
    """Tell of an error where it happens, as Voila does."""
    try:
        raise error
    except type(error):
        log.exception("Error at server while executing cell")


def of_page(opening, work, *args):
    """Do something as the handler of a page does."""

    def run():
        OPENING.set(opening)
        work(*args)

    contextvars.copy_context().run(run)


DEATHS = [DeadKernelError("Kernel died"), RuntimeError(NO_REPLY)]


@pytest.mark.parametrize("error", DEATHS, ids=lambda error: type(error).__name__)
def test_the_end_of_a_kernel_whose_page_was_closed_is_no_error(log, caplog, error):
    of_page(Opening(aborted=True), fail, log, error)
    of_page(Opening(aborted=True), log.error, "Kernel died while waiting for execute reply.")
    log.error("Task exception was never retrieved", exc_info=error)  # nobody knows of which page
    assert caplog.records == []


@pytest.mark.parametrize("error", DEATHS, ids=lambda error: type(error).__name__)
def test_the_end_of_any_other_kernel_is_told(log, caplog, error):
    error = type(error)(*error.args)
    of_page(Opening(), fail, log, error)
    of_page(None, fail, log, error)
    log.error("Task exception was never retrieved", exc_info=error)
    assert len(caplog.records) == 3


def test_other_errors_of_a_closed_page_are_told(log, caplog):
    for error in (RuntimeError("no memory"), ValueError("Kernel died")):
        of_page(Opening(aborted=True), fail, log, error)
    of_page(Opening(aborted=True), log.warning, "something else")
    assert len(caplog.records) == 3
