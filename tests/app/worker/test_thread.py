"""The queue: one worker a page, the newest updates of the newest job, and no thread left behind."""

import functools
import gc
import itertools
import subprocess
import sys
import threading
import time
import weakref
from queue import Empty, SimpleQueue

import numpy as np
import pytest

from landscape_lab.worker import thread
from landscape_lab.worker.thread import LatestJobQueue
from landscape_lab.worker.turns import Turns
from waiting import happens, is_waiting, take, until


class EventLoop:
    """The thread of a page: runs what it is given when the test lets it."""

    def __init__(self):
        self.calls = SimpleQueue()
        self.ran = 0

    def soon(self, function, *arguments):
        self.calls.put(functools.partial(function, *arguments))

    def run_until(self, condition, patience=10.0):
        end = time.monotonic() + patience
        while not condition():
            assert time.monotonic() < end, "it did not happen in time"
            try:
                self.calls.get(timeout=0.02)()
                self.ran += 1
            except Empty:
                continue

    def run_dry(self):
        """Run what there is until there is no more, and every worker waits for something."""
        self.run_until(lambda: self.calls.empty() and all(map(is_waiting, workers())))
        assert self.calls.empty()


class Heard:
    """What a page was told."""

    def __init__(self):
        self.updates, self.errors, self.ends = [], [], 0
        self.threads = set()

    def show(self, updates):
        self.updates.append(updates)
        self.threads.add(threading.current_thread())

    def fail(self, error):
        self.errors.append(error)
        self.threads.add(threading.current_thread())

    def done(self):
        self.ends += 1
        self.threads.add(threading.current_thread())


@pytest.fixture
def loop():
    return EventLoop()


@pytest.fixture
def queue(loop):
    queue = LatestJobQueue(loop)
    yield queue
    queue.close()


@pytest.fixture
def submit(queue):
    def give(work):
        heard = Heard()
        queue.submit(work, heard.show, heard.fail, heard.done)
        return heard

    return give


def workers():
    return [thread for thread in threading.enumerate() if thread.name == "worker"]


@pytest.fixture
def endless(monkeypatch):
    """A worker waits for the page as long as it takes."""
    monkeypatch.setattr(thread, "PATIENCE", 600.0)


def test_the_page_hears_the_last_update_and_then_the_end(loop, submit):
    heard = submit(lambda: iter(range(5)))
    loop.run_until(lambda: heard.ends)
    assert heard.updates == sorted(heard.updates)
    assert heard.updates[-1] == 4
    assert (heard.ends, heard.errors) == (1, [])


def test_the_page_hears_on_its_own_thread_and_work_is_done_on_another(loop, submit):
    worked_on = []

    def work():
        worked_on.append(threading.current_thread())
        yield 1
        raise ValueError("no")

    heard = submit(work)
    loop.run_until(lambda: heard.errors)
    assert heard.threads == {threading.current_thread()}
    assert worked_on == workers()


def test_a_queue_without_a_job_has_no_thread(queue):
    assert workers() == []


def test_all_jobs_of_a_queue_share_one_thread(loop, submit):
    for _ in range(3):
        heard = submit(lambda: iter([1]))
        loop.run_until(lambda heard=heard: heard.ends)
    assert len(workers()) == 1


def test_a_new_job_silences_the_old(loop, submit):
    old = submit(lambda: itertools.count())
    loop.run_until(lambda: len(old.updates) > 2)
    new = submit(lambda: iter(["new"]))
    before = list(old.updates)
    loop.run_until(lambda: new.ends)
    assert new.updates == ["new"]
    assert old.updates == before
    assert (old.ends, old.errors) == (0, [])


def test_update_in_the_box_of_a_silenced_job_are_dropped(loop, submit):
    old = submit(lambda: iter(["old"]))
    until(lambda: not loop.calls.empty())  # it is on its way, and nobody has looked
    new = submit(lambda: iter(["new"]))
    loop.run_until(lambda: new.ends)
    assert (old.updates, new.updates) == ([], ["new"])


def test_the_error_and_the_end_of_a_silenced_job_are_dropped(loop, submit):
    release = threading.Event()

    def failing():
        release.wait(10)
        raise ValueError("late")
        yield

    old = submit(failing)
    new = submit(lambda: iter([1]))
    release.set()
    loop.run_until(lambda: new.ends)
    loop.run_dry()
    assert (old.errors, old.ends) == ([], 0)


def test_a_silenced_job_stops_at_its_next_item_and_is_closed(loop, submit):
    made, closed = [], threading.Event()

    def work():
        try:
            for number in itertools.count():
                made.append(number)
                yield number
        finally:
            closed.set()

    old = submit(work)
    loop.run_until(lambda: old.updates)
    new = submit(lambda: iter([1]))
    loop.run_until(lambda: new.ends)
    assert closed.is_set()
    count = len(made)
    loop.run_dry()
    assert len(made) == count


def test_of_many_jobs_given_at_once_only_the_last_is_heard(loop, submit):
    started = []

    def work(number):
        started.append(number)
        yield number

    heard = [submit(functools.partial(work, number)) for number in range(50)]
    loop.run_until(lambda: heard[-1].ends)
    assert [h.updates for h in heard[:-1]] == [[]] * 49
    assert heard[-1].updates == [49]
    assert len(started) < 50


@pytest.mark.parametrize("when", ["before", "between", "instead"])
def test_an_error_is_handed_to_the_page(loop, submit, when):
    error = ValueError(when)

    def instead():
        raise error

    def work():
        if when == "between":
            yield 1
        raise error
        yield

    heard = submit(instead if when == "instead" else work)
    loop.run_until(lambda: heard.errors)
    assert heard.errors == [error]
    assert heard.updates == ([1] if when == "between" else [])
    assert heard.ends == 0


def test_an_error_ends_neither_the_queue_nor_its_thread(loop, submit):
    bad = submit(lambda: iter([1 // 0]))
    loop.run_until(lambda: bad.errors)
    good = submit(lambda: iter([1]))
    loop.run_until(lambda: good.ends)
    assert good.updates == [1]


def test_a_picture_that_cannot_be_drawn_is_told_once_and_ends_its_job(loop, queue):
    heard, closed = Heard(), threading.Event()

    def work():
        try:
            yield from itertools.count()
        finally:
            closed.set()

    def show(number):
        raise ValueError(f"cannot draw {number}")

    queue.submit(work, show, heard.fail, heard.done)
    loop.run_until(closed.is_set)
    loop.run_dry()
    assert [str(error) for error in heard.errors] == ["cannot draw 0"]
    assert heard.ends == 0


def test_the_worker_is_at_most_two_pictures_ahead_of_a_page_that_does_not_look(submit, endless):
    made = []

    def work():
        for number in itertools.count():
            made.append(number)
            yield number

    submit(work)
    until(lambda: len(made) >= 2 and all(map(is_waiting, workers())), "the worker to wait")
    assert len(made) == 2


def test_a_job_in_a_hurry_leaves_out_what_the_page_is_not_ready_for_but_for_the_last(
    loop, queue, endless
):
    heard = Heard()
    queue.submit(lambda: iter(range(100)), heard.show, heard.fail, heard.done, hurry=True)
    until(lambda: all(map(is_waiting, workers())), "the worker to be at its last update")
    loop.run_until(lambda: heard.ends)
    assert heard.updates == [0, 99]
    assert heard.errors == []


def test_what_is_prepared_gives_way_to_a_job(loop, queue, submit):
    made = []

    def work():
        for number in itertools.count():
            made.append(number)
            yield number

    queue.prepare(work)
    until(lambda: made)
    heard = submit(lambda: iter([1]))
    loop.run_until(lambda: heard.ends)
    count = len(made)
    loop.run_dry()
    assert heard.updates == [1]
    assert len(made) == count


def test_a_page_that_is_late_gets_no_more_pictures_however_late_it_is(loop, submit, monkeypatch):
    monkeypatch.setattr(thread, "PATIENCE", 0.01)
    made = []

    def work():
        for number in itertools.count():
            made.append(number)
            yield number

    heard = submit(work)
    until(lambda: len(made) == 2)
    assert not happens(lambda: len(made) > 2, 0.3)  # thirty times the patience
    loop.run_until(lambda: heard.updates)
    assert heard.updates[0] == 0


def test_a_browser_that_answers_late_is_waited_for_as_long_as_it_usually_takes(
    loop, queue, monkeypatch
):
    monkeypatch.setattr(thread, "PATIENCE", 0.05)
    heard = Heard()

    def show(number):
        heard.show(number)
        queue.sent()

    queue.submit(itertools.count, show, heard.fail, heard.done)
    loop.run_until(lambda: len(heard.updates) == 2)
    take(0.3)
    queue.drawn(2)
    shown = len(heard.updates)
    loop.run_until(lambda: len(heard.updates) == shown + 2)
    started = time.monotonic()
    loop.run_until(lambda: len(heard.updates) == shown + 3)
    assert time.monotonic() - started > 0.6


def test_a_browser_that_has_not_drawn_two_pictures_gets_no_third(loop, queue, endless):
    answers = []
    heard = Heard()

    def show(number):
        heard.show(number)
        answers.append(queue.sent())

    queue.submit(itertools.count, show, heard.fail, heard.done)
    loop.run_until(lambda: len(heard.updates) == 2)
    loop.run_dry()
    assert len(heard.updates) == 2
    queue.drawn(answers[-1])
    loop.run_until(lambda: len(heard.updates) == 4)
    loop.run_dry()
    assert len(heard.updates) == 4


def test_a_browser_that_does_not_answer_is_not_waited_for_forever(loop, queue, monkeypatch):
    monkeypatch.setattr(thread, "PATIENCE", 0.1)
    heard = Heard()

    def show(number):
        heard.show(number)
        queue.sent()

    started = time.monotonic()
    queue.submit(itertools.count, show, heard.fail, heard.done)
    loop.run_until(lambda: len(heard.updates) == 5)
    assert time.monotonic() - started > 0.2


def test_an_answer_to_a_picture_that_was_never_sent_counts_for_nothing(loop, queue, endless):
    queue.drawn(1000)
    heard = Heard()

    def show(number):
        heard.show(number)
        queue.sent()

    queue.submit(itertools.count, show, heard.fail, heard.done)
    loop.run_until(lambda: len(heard.updates) == 2)
    loop.run_dry()
    assert len(heard.updates) == 2


def test_pictures_come_faster_than_twenty_five_a_second(loop, queue):
    heard = Heard()

    def work():
        for number in itertools.count():
            take(0.005)
            yield number

    times = []

    def show(number):
        times.append(time.monotonic())
        heard.show(number)
        queue.drawn(queue.sent())

    queue.submit(work, show, heard.fail, heard.done)
    loop.run_until(lambda: len(heard.updates) >= 40)
    assert np.median(np.diff(times)) < 1 / 25


@pytest.mark.parametrize("state", ["waiting for work", "working", "waiting for the page"])
def test_closing_leaves_no_thread(loop, queue, submit, state, monkeypatch):
    monkeypatch.setattr(thread, "PATIENCE", 60.0)  # which is not waited for
    made = []

    def work():
        for number in itertools.count():
            take(0.001)
            made.append(number)
            yield number

    heard = submit((lambda: iter([1])) if state == "waiting for work" else work)
    if state == "waiting for work":
        loop.run_until(lambda: heard.ends)
    elif state == "working":
        loop.run_until(lambda: len(heard.updates) > 3)
    else:
        until(lambda: len(made) == 2)
    started = time.monotonic()
    queue.close()
    assert time.monotonic() - started < 30
    assert workers() == []


def test_a_closed_queue_shows_nothing_more_and_takes_no_job(loop, queue, submit):
    old = submit(itertools.count)
    loop.run_until(lambda: old.updates)
    queue.close()
    before = list(old.updates)
    new = submit(lambda: iter([1]))
    loop.run_dry()
    assert (old.updates, new.updates, workers()) == (before, [], [])


def test_a_queue_that_ends_waits_for_nothing_and_its_thread_goes_with_the_step(queue, submit):
    begun, goes_on = threading.Event(), threading.Event()

    def work():
        begun.set()
        goes_on.wait()
        yield 1
        pytest.fail("it was to stop")

    heard = submit(work)
    until(begun.is_set)
    queue.end()
    assert len(workers()) == 1
    goes_on.set()
    until(lambda: not workers())
    assert (heard.updates, heard.errors) == ([], [])
    submit(lambda: iter([1]))
    assert workers() == []


def test_a_queue_at_rest_has_no_thread_and_the_next_job_starts_one_after_the_other_has_ended(
    loop, queue, submit
):
    old = submit(itertools.count)
    loop.run_until(lambda: old.updates)
    queue.rest()
    new = submit(lambda: iter([len(workers())]))
    loop.run_until(lambda: new.ends)
    assert (new.updates, len(workers())) == ([1], 1)
    queue.rest()
    until(lambda: workers() == [])


def test_a_page_that_rested_while_it_waited_for_its_turn_draws_again():
    asked = []

    class Noted(Turns):
        def ask(self, page, start):
            super().ask(page, start)
            asked.append(page)

    turns, loop = Noted(), EventLoop()
    queue, heard = LatestJobQueue(loop, turns), Heard()
    turns.ask("another page", lambda: None)  # which has its turn now
    queue.submit(itertools.count, heard.show, heard.fail, heard.done)
    until(lambda: queue in asked)
    queue.rest()
    turns.done("another page")
    queue.submit(itertools.count, heard.show, heard.fail, heard.done)
    loop.run_until(lambda: len(heard.updates) > 3)
    queue.close()
    assert heard.errors == []


def test_closing_twice_is_as_good_as_once(queue, submit):
    submit(itertools.count)
    queue.close()
    queue.close()
    assert workers() == []


def test_a_page_may_close_its_queue_while_it_is_shown_something(loop, queue):
    heard = Heard()

    def show(number):
        heard.show(number)
        queue.close()

    queue.submit(itertools.count, show, heard.fail, heard.done)
    loop.run_until(lambda: heard.updates)
    assert (heard.updates, workers()) == ([0], [])


def test_queues_know_nothing_of_each_other():
    loops = [EventLoop(), EventLoop()]
    queues = [LatestJobQueue(loop) for loop in loops]
    heard = [Heard(), Heard()]
    for queue, told, name in zip(queues, heard, "ab", strict=True):
        queue.submit(lambda name=name: itertools.repeat(name), told.show, told.fail, told.done)
    for loop, told in zip(loops, heard, strict=True):
        loop.run_until(lambda told=told: len(told.updates) > 3)
    queues[0].close()
    count = len(heard[1].updates)
    loops[1].run_until(lambda: len(heard[1].updates) > count + 3)
    queues[1].close()
    assert (set(heard[0].updates), set(heard[1].updates)) == ({"a"}, {"b"})


def test_a_closed_queue_can_be_forgotten(loop):
    queue = LatestJobQueue(loop)
    heard = Heard()
    queue.submit(lambda: iter([1]), heard.show, heard.fail, heard.done)
    loop.run_until(lambda: heard.ends)
    queue.close()
    memory = weakref.ref(queue)
    del queue
    gc.collect()
    assert memory() is None


LEFT_OPEN = """
import asyncio, itertools
from landscape_lab.worker.thread import LatestJobQueue
from landscape_lab.worker.turns import Turns

class Loop:
    def soon(self, function, *arguments):
        pass

LatestJobQueue(Loop()).submit(itertools.count, print, print, print)
kept = LatestJobQueue(Loop())
kept.submit(itertools.count, print, print, print)
print("end", flush=True)
"""


def test_python_ends_cleanly_with_a_queue_left_open():
    done = subprocess.run(
        [sys.executable, "-c", LEFT_OPEN], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")
