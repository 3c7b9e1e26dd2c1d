"""Seeds of a lab in this process and a second one: equal numbers, no second one too many."""

import os
import pickle
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import pytest
import xarray as xr

from landscape_core import labs
from landscape_core.analysis.verdict import Criterion
from landscape_core.experiments.lab_pictures import Curves
from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.registry import find
from landscape_core.labs.base import Lab
from landscape_core.storage.store import Store
from landscape_lab.state.lab_place import LabPlace
from landscape_lab.worker import lab_work, second_process
from landscape_lab.worker.lab_work import every_seed
from landscape_lab.worker.second_process import SecondProcess

pytestmark = pytest.mark.skipif(not second_process.possible, reason="this system has no flock")


@dataclass(frozen=True, kw_only=True)
class Homely(Lab):
    """A lab whose work fails in any other process."""

    label: ClassVar[str] = "Homely"
    seconds: ClassVar[float] = 10.0
    criterion: ClassVar[Criterion] = Criterion("process", "at least", 0.0)
    pictures: ClassVar = (Curves(title="Processes", x="step", y=("line",)),)

    home: Annotated[int, Knob(0, 2**31, "process in which it works")] = 0

    def work(self, seed: int) -> Iterator[xr.Dataset]:
        if os.getpid() != self.home:
            raise RuntimeError("not at home")
        line, effect = ("step", [1.0]), float(os.getpid())
        yield xr.Dataset({"line": line, "effect": effect}, {"step": [0]})


HERE = LabPlace(Homely(home=os.getpid()), 8)


@pytest.fixture
def cores(tmp_path, monkeypatch):
    """A machine of two processors, nobody on the second."""
    monkeypatch.setattr(second_process.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


@pytest.fixture
def second(cores):
    second = SecondProcess()
    yield second
    second.end()


def drained(work):
    """What a generator returns, and how often it yielded before."""
    count = 0
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value, count
        count += 1


def started(second):
    """The second process, taken and there."""
    with second.taken() as there:
        assert there
        assert drained(second.ready())[0]


def test_two_processes_find_the_same_and_both_have_worked(second, tmp_path, monkeypatch):
    monkeypatch.setattr(lab_work, "LONG", 0.0)
    started(second)
    there = LabPlace(find(Lab, "games")(), 4)
    asked = []
    finished = second.finished
    second.finished = lambda lab, seed: asked.append(seed) or finished(lab, seed)
    *_, last = every_seed(there, Store(tmp_path), again=False, second=second)
    assert 0 < len(asked) < 4
    here = labs.run(there.lab, there.seeds)
    assert labs.repeatable(last.dataset).identical(labs.repeatable(here))


def test_what_the_second_process_cannot_do_is_done_here(second):
    started(second)
    assert drained(second.finished(HERE.lab, 0))[0] is None
    *_, last = every_seed(HERE, None, again=False, second=second)
    assert set(last.dataset["effect"].values) == {os.getpid()}
    assert drained(second.finished(lambda: None, 0)) == (None, 0)  # which cannot be sent


@pytest.mark.exhaustive
def test_work_that_is_stopped_leaves_the_second_process_free(second):
    started(second)
    lab = find(Lab, "skip_connections")()
    with second.taken():
        work = second.finished(lab, 0)
        next(work)
        work.close()
    quick = find(Lab, "games")()
    with second.taken():
        dataset, _ = drained(second.finished(quick, 3))
    assert labs.repeatable(dataset).identical(labs.repeatable(list(quick.work(3))[-1]))


def test_a_second_process_that_dies_is_replaced(second):
    started(second)
    with second.taken():
        work = second.finished(find(Lab, "skip_connections")(), 0)
        next(work)
        os.kill(second.pid, signal.SIGKILL)
        assert drained(work)[0] is None
    started(second)


@pytest.mark.exhaustive
def test_of_two_processors_one_is_left_to_others_on_the_machine(second, cores):
    started(second)
    other = SecondProcess()
    with other.taken() as there:
        assert not there
    *_, last = every_seed(HERE, None, again=False, second=other)
    assert last.done == 8
    second.end()
    started(other)
    other.end()


def test_one_page_of_a_process_at_a_time_has_it(second):
    with second.taken() as there, second.taken() as too:
        assert there
        assert not too
    second.allowed = False
    with second.taken() as there:
        assert not there


def test_short_work_starts_no_second_process(second, monkeypatch):
    monkeypatch.setattr(lab_work, "LONG", 1e9)
    list(every_seed(HERE, None, again=False, second=second))
    assert second.pid is None


def test_it_ends_with_the_line_and_after_a_rest(monkeypatch):
    here, there = second_process.Pipe()
    monkeypatch.setattr(second_process, "IDLE", 0.0)
    second_process.serve(there)
    assert pickle.loads(here.recv_bytes()) == (second_process.STARTED, None)
    monkeypatch.setattr(second_process, "IDLE", 20.0)
    here.close()
    second_process.serve(there)
