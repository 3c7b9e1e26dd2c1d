"""Heavy work in another process: the same numbers, broken off when unwanted, never a hang."""

import asyncio
import contextlib
import functools
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
import psutil
import pytest
import xarray as xr

from landscape_core import labs
from landscape_core.analysis.verdict import Criterion
from landscape_core.experiments.lab_pictures import Curves
from landscape_core.foundation.errors import BackendError, SpecError
from landscape_core.foundation.recipes import Note
from landscape_core.foundation.registry import find
from landscape_core.labs.base import Lab
from landscape_core.session.inspection import inspection_point
from landscape_core.storage.store import Store
from landscape_lab.hosting import study_workers
from landscape_lab.hosting.study_workers import StudyWorkers
from landscape_lab.state.lab_place import LabPlace
from landscape_lab.state.link import place
from landscape_lab.state.navigator import Navigator
from landscape_lab.worker import studies
from landscape_lab.worker.elsewhere import Elsewhere
from landscape_lab.worker.kept_runs import KeptRuns
from landscape_lab.worker.lab_work import every_seed
from waiting import until

pytest.importorskip("distributed")
cloudpickle = pytest.importorskip("cloudpickle")

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.skipif(not study_workers.possible, reason="this system has no process groups"),
]

ROOT = Path(__file__).parents[3]
SPIRALS = "preset=spirals&step=12&slice.resolution=11"


@pytest.fixture(scope="module", autouse=True)
def _travels():
    """The functions of this module go to the worker as they are: it could not import them."""
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    yield
    cloudpickle.unregister_pickle_by_value(sys.modules[__name__])


@contextlib.contextmanager
def served(count=1, alone=None):
    """The workers of a server whose event loop runs in a thread, and the way there."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    workers, elsewhere = StudyWorkers(count), Elsewhere()
    elsewhere.use(lambda: loop.call_soon_threadsafe(workers.ask, elsewhere.report), count, alone)
    try:
        yield workers, elsewhere
    finally:
        elsewhere.close()
        loop.call_soon_threadsafe(workers.end)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture(scope="module")
def both():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join((str(ROOT), str(ROOT / "app"))))
        with served() as both:
            yield both


@pytest.fixture
def elsewhere(both):
    return both[1]


def whereabouts():
    """The process that does the work."""
    yield os.getpid()


def endless(file):
    """Work without an end, in a single step after the first."""
    try:
        yield os.getpid()
        while True:
            sum(range(1000))
    finally:
        file.write_text("ended")


def failing():
    yield 1
    raise SpecError("the setting", 3, "two")


@dataclass(frozen=True, kw_only=True)
class Whereabouts(Lab):
    """The process that computes a seed; without an end, if a file is to say when that comes."""

    label: ClassVar[str] = "Whereabouts"
    seconds: ClassVar[float] = 1.0
    criterion: ClassVar[Criterion] = Criterion("process", "at least", 0.0)
    pictures: ClassVar = (Curves(title="Processes", x="step", y=("line",)),)

    file: Annotated[str, Note("what is written at the end")] = ""

    def work(self, seed: int) -> Iterator[xr.Dataset]:
        try:
            end = time.monotonic() + 1.0
            while self.file or time.monotonic() < end:
                yield xr.Dataset({"line": ("step", [1.0]), "effect": np.nan}, {"step": [0]})
            line = ("step", [1.0])
            yield xr.Dataset({"line": line, "effect": float(os.getpid())}, {"step": [0]})
        finally:
            if self.file:
                Path(self.file).write_text("ended")


def something(items):
    """What is not None among some items."""
    return [item for item in items if item is not None]


def point_of(scene_link, store=None):
    there = place(scene_link)
    navigator = Navigator(there)
    for _ in navigator.pictures():
        pass
    session = navigator.session
    path, observed = session.trajectory(), session.live_run.observed()
    return there.scene, inspection_point(observed, session.live_slice, path, store)


def test_nothing_is_started_before_somebody_asks():
    workers = StudyWorkers(1)
    assert workers.pid is None
    workers.end()


def test_work_is_done_by_another_process_of_lower_priority(elsewhere):
    (pid,) = something(elsewhere.items(whereabouts))
    assert pid != os.getpid()
    assert psutil.Process(pid).nice() > psutil.Process().nice()


def test_an_error_of_the_work_is_the_same_as_here(elsewhere):
    with pytest.raises(SpecError, match="the setting"):
        something(elsewhere.items(failing))


@pytest.mark.parametrize(
    "panel",
    [
        "curvature&display.side_panel.max_examples=50",
        "convexity&display.side_panel.resolution=3",
        "planes&display.side_panel.count=2&display.side_panel.resolution=5",
    ],
)
def test_a_study_gives_equal_numbers_there_and_here(panel, elsewhere, monkeypatch):
    monkeypatch.setattr(studies, "LONG", 0.0)
    scene, point = point_of(f"{SPIRALS}&display.side_panel={panel}")
    *_, here = (one for one in scene.display.side_panel.study(point) if one is not None)
    *_, there = something(studies.study(scene, point.step, elsewhere)(point))
    if panel.startswith("planes"):  # evaluated by the fastest of a trial: the last digit differs
        xr.testing.assert_allclose(there, here, rtol=1e-5)
    else:
        assert there.identical(here)


def test_a_step_that_nobody_wants_is_broken_off(elsewhere, tmp_path):
    work = elsewhere.items(functools.partial(endless, tmp_path / "end"))
    next(item for item in work if item)
    assert next(work) is None
    work.close()
    until((tmp_path / "end").exists)
    assert something(elsewhere.items(whereabouts))


def test_a_worker_that_is_killed_is_told_of_and_replaced(elsewhere, tmp_path):
    work = elsewhere.items(functools.partial(endless, tmp_path / "end"))
    pid = next(item for item in work if item)
    assert next(work) is None
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(BackendError, match="The worker process ended"):
        something(work)
    assert something(elsewhere.items(whereabouts)) != [pid]


def test_a_cluster_that_is_killed_is_told_of_and_replaced(both, tmp_path):
    workers, elsewhere = both
    work = elsewhere.items(functools.partial(endless, tmp_path / "end"))
    next(item for item in work if item)
    killed = workers.pid
    os.kill(killed, signal.SIGKILL)
    with pytest.raises(BackendError, match="The worker process ended"):
        something(work)
    assert something(elsewhere.items(whereabouts))
    assert workers.pid != killed


def test_what_cannot_be_started_leaves_the_work_here(monkeypatch):
    monkeypatch.setattr(study_workers, "MODULE", "landscape_lab.no_such_module")
    with served() as (_, elsewhere):
        assert something(elsewhere.items(whereabouts)) == [os.getpid()]


def test_what_cannot_be_sent_is_done_here(elsewhere):
    lock = threading.Lock()
    with lock:
        found = something(elsewhere.items(lambda: iter([lock.locked(), os.getpid()])))
    assert found == [True, os.getpid()]


def test_a_kept_study_starts_no_worker(tmp_path, monkeypatch):
    monkeypatch.setattr(studies, "LONG", 0.0)
    scene, point = point_of(f"{SPIRALS}&display.side_panel=curvature", Store(tmp_path))
    *_, here = scene.display.side_panel.study(point)
    elsewhere = Elsewhere()
    elsewhere.use(lambda: pytest.fail("asked for workers"))
    (found,) = studies.study(scene, point.step, elsewhere)(point)
    assert found["trace"].equals(here["trace"])


def test_a_kept_run_is_trained_there_as_here(elsewhere, monkeypatch):
    monkeypatch.setattr(studies, "LONG", 0.0)
    there = place(f"{SPIRALS}&strategy=loop")
    other = place(f"{SPIRALS}&strategy=loop&run.seed=7")
    found = []
    for runs in (KeptRuns(None, Elsewhere()), KeptRuns(None, elsewhere)):
        for _ in runs.train_unknown((there, other), there.scene):
            pass
        plane = something(runs.on_one_plane((there, other), None, there.scene))[-1]
        found.append((*runs.known((there, other)), plane.dataset))
    here, away = found
    for one, same in zip(here[:2], away[:2], strict=True):
        assert same.path["theta"].equals(one.path["theta"])
        assert same.picture.slice["loss"].equals(one.picture.slice["loss"])
    xr.testing.assert_allclose(away[2]["loss"], here[2]["loss"], rtol=1e-5)  # as a trial chose


def test_a_lab_grows_there_and_ends_as_here(elsewhere, tmp_path):
    there, store = LabPlace(find(Lab, "games")(), 2), Store(tmp_path)
    seen = list(every_seed(there, store, again=False, elsewhere=elsewhere))
    grown = [one for one in seen if one.dataset is not None and one.done < 2]
    assert len(grown) > 3  # more than one a seed, however slow the machine
    assert [one.done for one in seen] == sorted(one.done for one in seen)
    here = labs.run(there.lab, there.seeds)
    assert labs.repeatable(seen[-1].dataset).identical(labs.repeatable(here))
    nobody = Elsewhere()
    nobody.use(lambda: pytest.fail("asked for workers"))
    *_, again = every_seed(there, store, again=False, elsewhere=nobody)
    assert again.dataset.identical(seen[-1].dataset)


def test_seeds_of_a_lab_are_shared_out_among_workers(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(ROOT), str(ROOT / "app"))))
    there = LabPlace(Whereabouts(), 6)
    with served(2) as (_, elsewhere):
        *_, last = every_seed(there, None, again=False, elsewhere=elsewhere)
    assert os.getpid() not in last.dataset["effect"].values
    assert len(set(last.dataset["effect"].values)) == 2
    *_, last = every_seed(there, None, again=False, elsewhere=Elsewhere())
    assert set(last.dataset["effect"].values) == {os.getpid()}


@pytest.mark.exhaustive
def test_a_page_alone_computes_a_lab_here_as_well_until_others_come(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(ROOT), str(ROOT / "app"))))
    there, others = LabPlace(Whereabouts(), 6), threading.Event()
    with served(alone=lambda: not others.is_set()) as (_, elsewhere):
        list(elsewhere.arriving())  # they are there from now on
        *_, last = every_seed(there, None, again=False, elsewhere=elsewhere)
        places = last.dataset["effect"].values
        assert 2 <= np.sum(places == os.getpid()) <= 4
        assert len(set(places)) == 2
        work = every_seed(there, None, again=False, elsewhere=elsewhere)
        next(one for one in work if one.done)
        others.set()
        *_, last = work
        assert np.sum(last.dataset["effect"].values == os.getpid()) <= 2
        others.clear()
        endless = LabPlace(Whereabouts(file=str(tmp_path / "end")), 2)
        work = every_seed(endless, None, again=False, elsewhere=elsewhere)
        for _ in zip(range(50), work, strict=False):
            pass
        work.close()
        until((tmp_path / "end").exists)
        assert something(elsewhere.items(whereabouts)) != [os.getpid()]


def test_a_page_alone_does_not_wait_for_workers_that_start():
    asked, elsewhere = [], Elsewhere()
    elsewhere.use(lambda: asked.append("workers"), 2, lambda: True)
    there = LabPlace(find(Lab, "games")(), 3)
    *_, last = every_seed(there, None, again=False, elsewhere=elsewhere)
    assert asked
    assert last.done == 3
    here = labs.run(there.lab, there.seeds)
    assert labs.repeatable(last.dataset).identical(labs.repeatable(here))


def test_a_lab_that_is_stopped_stops_on_the_worker(elsewhere, tmp_path):
    there = LabPlace(Whereabouts(file=str(tmp_path / "end")), 6)
    work = every_seed(there, None, again=False, elsewhere=elsewhere)
    assert next(one for one in work if one.dataset is not None).done == 0
    work.close()
    until((tmp_path / "end").exists)
    assert something(elsewhere.items(whereabouts))
