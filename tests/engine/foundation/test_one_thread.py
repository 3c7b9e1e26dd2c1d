"""One thread of PyTorch for some threads of Python, and what they and others have afterwards."""

import os
import subprocess
import sys
import threading

import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from landscape_core.foundation.one_thread import OneThread

PATIENCE = 10.0


@pytest.fixture(autouse=True)
def _two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


class Other:
    """A thread of Python that does one thing after another, as it is told."""

    def __init__(self):
        self._asked, self._done = threading.Semaphore(0), threading.Semaphore(0)
        self._call, self.found = None, None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def do(self, call):
        self._call = call
        self._asked.release()
        assert self._done.acquire(timeout=PATIENCE)
        return self.found

    def _serve(self):
        while self._asked.acquire():
            self.found = self._call()
            self._done.release()


def test_two_threads_that_interleave_have_their_number_back():
    one, first, second = OneThread(), Other(), Other()
    assert [other.do(torch.get_num_threads) for other in (first, second)] == [2, 2]
    holds = [one.hold(), one.hold()]
    first.do(holds[0].__enter__)
    second.do(holds[1].__enter__)
    assert [other.do(torch.get_num_threads) for other in (first, second)] == [1, 1]
    first.do(lambda: holds[0].__exit__(None, None, None))
    assert [other.do(torch.get_num_threads) for other in (first, second)] == [2, 1]
    second.do(lambda: holds[1].__exit__(None, None, None))
    assert [other.do(torch.get_num_threads) for other in (first, second)] == [2, 2]
    assert Other().do(torch.get_num_threads) == 2


def test_a_thread_that_begins_meanwhile_has_the_usual_number():
    one, first, later = OneThread(), Other(), Other()
    hold = one.hold()
    first.do(hold.__enter__)
    later.do(one.begin)
    assert later.do(torch.get_num_threads) == 2
    assert first.do(torch.get_num_threads) == 1
    first.do(lambda: hold.__exit__(None, None, None))
    assert [other.do(torch.get_num_threads) for other in (first, later, Other())] == [2, 2, 2]


def test_within_each_other_only_the_outer_one_counts():
    one = OneThread()
    with one.hold():
        with one.hold():
            pass
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2


def test_an_error_gives_the_number_back():
    one = OneThread()
    with pytest.raises(ZeroDivisionError), one.hold():
        _ = 1 / 0
    assert torch.get_num_threads() == 2


def blas_threads():
    """The numbers of threads of the BLAS libraries."""
    return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}


def test_blas_has_one_thread_while_anybody_works_on_one():
    one, first, second = OneThread(), Other(), Other()
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        holds = [one.hold(), one.hold()]
        first.do(holds[0].__enter__)
        second.do(holds[1].__enter__)
        assert blas_threads() == {1}
        first.do(lambda: holds[0].__exit__(None, None, None))
        assert blas_threads() == {1}
        second.do(lambda: holds[1].__exit__(None, None, None))
        assert blas_threads() == before
        with pytest.raises(ZeroDivisionError), one.hold():
            _ = 1 / 0
        assert blas_threads() == before
    if os.cpu_count() != 1 and "OMP_NUM_THREADS" not in os.environ:
        assert before == {2}


def test_the_blas_of_scipy_is_among_them():
    with OneThread().hold():
        import scipy.linalg

        assert len(scipy.linalg.solve(torch.eye(2).numpy(), [1.0, 1.0])) == 2
        assert blas_threads() == {1}


def test_what_is_there_already_is_limited_without_loading_more_and_the_rest_once_it_is_asked_for():
    one, other = OneThread(), Other()
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        hold, within = one.hold(whole=False), one.hold()
        other.do(hold.__enter__)
        assert other.do(torch.get_num_threads) == 1
        assert blas_threads() == {1}
        with one.hold():
            assert blas_threads() == {1}
        assert blas_threads() == {1}  # the other thread still works on one
        other.do(within.__enter__)
        other.do(lambda: within.__exit__(None, None, None))
        assert other.do(torch.get_num_threads) == 1
        other.do(lambda: hold.__exit__(None, None, None))
        assert blas_threads() == before
        assert other.do(torch.get_num_threads) == 2


LIGHTLY = """
import sys
import numpy, torch
from threadpoolctl import threadpool_info
from landscape_core.foundation.one_thread import ONE_THREAD

def threads():
    return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}

torch.set_num_threads(2)
before = threads()
with ONE_THREAD.hold(whole=False):
    print(torch.get_num_threads(), *threads(), "scipy" in sys.modules)
print(torch.get_num_threads(), threads() == before)
"""


def test_a_light_hold_loads_nothing():
    found = subprocess.run([sys.executable, "-c", LIGHTLY], capture_output=True, text=True)
    assert found.stdout.splitlines() == ["1 1 False", "2 True"], found.stderr


FORKED = """
import os, signal
from landscape_core.foundation.one_thread import ONE_THREAD

with ONE_THREAD.hold():
    pass
child = os.fork()
if not child:
    signal.alarm(20)
    with ONE_THREAD.hold():
        os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_that_was_forked_works_as_well():
    found = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True)
    assert found.stdout.strip() == "0", found.stderr
