"""Backends: all equal the serial one; dask through lost workers, errors and bad addresses."""

import contextlib
import os
import pickle
import signal
import sys

import numpy as np
import pytest
import torch
import xarray as xr

import cases
from card import card
from landscape_core.foundation.errors import BackendError, SpecError
from landscape_core.foundation.registry import entries
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.network_objective import ModelObjective
from landscape_core.planes.directions.random import Random
from landscape_core.slices.backends.base import Backend
from landscape_core.slices.backends.dask import CALM, Dask, card_of, local_cluster
from landscape_core.slices.backends.serial import Serial
from landscape_core.slices.grid import Grid
from landscape_core.slices.model_plan import probe_of
from landscape_core.slices.slice import Travelling, compute_slice
from landscape_core.slices.sweep import exact
from landscape_core.slices.tolerance import Tolerance
from landscape_core.storage import netcdf
from waiting import take, until

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture(scope="module")
def cluster():
    with local_cluster(2) as address:
        yield address


class Square:
    """Squares, and says in which process, and which call it was since it arrived there."""

    def __init__(self):
        self.calls = 0

    def __setstate__(self, state):
        self.calls = 0  # one worker may have it from another that has called it already

    def __call__(self, values):
        self.calls += 1
        return np.array([*(values**2), os.getpid(), self.calls])


def made(name, cluster):
    return Dask(scheduler=cluster) if name == "dask" else entries(Backend)[name]()


def items(count=12):
    return [np.arange(3.0) + i for i in range(count)]


@pytest.mark.parametrize("name", list(entries(Backend)))
def test_every_backend_makes_every_call_once(name, cluster):
    found = dict(made(name, cluster).map(Square(), items()))
    assert sorted(found) == list(range(12))
    for i, item in enumerate(items()):
        np.testing.assert_array_equal(found[i][:3], item**2)


@pytest.mark.parametrize("name", list(entries(Backend)))
def test_every_backend_gives_the_slice_of_the_serial_one(name, cluster):
    objective = ModelObjective(cases.residual(), CrossEntropy(), *cases.images())
    read, grid = probe_of({"train": objective}, Random()), Grid.square(0.5, 15)
    *_, expected = exact(read, grid)
    for asked in (None, Tolerance(relative_tolerance=0.01)):
        *_, found = compute_slice(read, grid, tolerance=asked, backend=made(name, cluster))
        where = found["computed"].values
        for measure in ("loss", "accuracy"):
            np.testing.assert_allclose(
                found[measure].values[:, where], expected[measure].values[:, where], rtol=1e-10
            )


def test_what_is_called_arrives_once_at_each_worker(cluster):
    found = dict(made("dask", cluster).map(Square(), items(20)))
    by_process = {}
    for values in found.values():
        by_process.setdefault(values[3], []).append(int(values[4]))
    assert os.getpid() not in by_process
    for counts in by_process.values():
        assert sorted(counts) == list(range(1, len(counts) + 1))


def test_no_call_and_no_item_is_no_error(cluster):
    assert list(made("dask", cluster).map(Square(), [])) == []


class Killing:
    """Ends its process the first time, by a file that says that there was one."""

    def __init__(self, mark):
        self.mark = mark

    def __call__(self, values):
        take(0.02)
        if not self.mark.exists() and values[0] == 3:
            self.mark.write_text("killed")
            os.kill(os.getpid(), signal.SIGKILL)
        return values + 1


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_worker_that_is_killed_loses_nothing(tmp_path):
    mark = tmp_path / "mark"
    found = dict(Dask(workers=2).map(Killing(mark), items(30)))
    assert mark.exists()
    assert sorted(found) == list(range(30))
    for i, item in enumerate(items(30)):
        np.testing.assert_array_equal(found[i], item + 1)


def fail(values):
    raise ZeroDivisionError(f"no {values[0]:g}")


def test_an_error_of_the_call_is_raised_as_it_is(cluster):
    with pytest.raises(ZeroDivisionError, match="no "):
        list(made("dask", cluster).map(fail, items()))


class Nap:
    """Sleeps, and leaves a file for each time."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, values):
        (self.folder / f"{values[0]:g}").touch()
        take(0.2)
        return values

    def taken(self):
        return len(list(self.folder.iterdir()))


def test_results_come_as_they_are_ready_and_stopping_cancels_the_rest(cluster, tmp_path):
    backend, nap = made("dask", cluster), Nap(tmp_path)
    results = backend.map(nap, items(40))
    next(results)
    assert nap.taken() < 40
    results.close()
    list(backend.map(Square(), items(4)))
    with distributed.Client(cluster) as client:
        until(lambda: not any(client.processing().values()), "the workers to have nothing to do")
    assert nap.taken() < 40


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch):
    monkeypatch.setattr("landscape_core.slices.backends.dask.PATIENCE", 1.0)
    with pytest.raises(BackendError, match=r"tcp://127\.0\.0\.1:9 does not answer"):
        list(Dask(scheduler="tcp://127.0.0.1:9").map(fail, items()))


def test_workers_of_this_machine_leave_its_processors_to_the_work(cluster):
    def watches():
        return {name: dask.config.get(name) for name in CALM}

    with distributed.Client(cluster) as client:
        assert list(client.run(torch.get_num_threads).values()) == [1, 1]
        assert list(client.run(watches).values()) == [CALM, CALM]


def test_a_missing_package_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(BackendError, match=r"pip install 'landscape-lab\[cluster\]'"):
        list(Dask().map(fail, items()))


def test_fields_are_checked():
    with pytest.raises(SpecError, match="workers"):
        Dask(workers=-1)
    with pytest.raises(SpecError, match="threads"), local_cluster(threads=0):
        pass
    assert list(Serial().map(len, ["a", "bc"])) == [(0, 1), (1, 2)]


def test_files_are_written_while_a_client_is_there(cluster):
    dataset = xr.Dataset({"values": ("x", np.arange(5.0))})
    with distributed.Client(cluster):
        for _ in range(20):
            assert netcdf.from_bytes(netcdf.to_bytes(dataset)).equals(dataset)


class WithCards:
    """Says on which of two cards, which are not there, which worker computes."""

    def __init__(self, *, on_card):
        self.on_card = on_card

    def __setstate__(self, state):
        vars(self).update(state)
        self.now = []
        torch.cuda.device_count = lambda: 2  # of the worker's process alone
        torch.cuda.device = lambda card: contextlib.nullcontext(self.now.append(card))

    def __call__(self, values):
        take(0.05)
        card = self.now.pop() if self.now else None
        return card, distributed.get_worker().name, os.getpid()


@pytest.mark.exhaustive
def test_each_worker_computes_on_a_card_of_its_own_unless_the_processor_is_asked_for():
    with local_cluster(2) as address:
        found = [
            value for _, value in Dask(scheduler=address).map(WithCards(on_card=True), items())
        ]
        assert {(card, int(name)) for card, name, _ in found} == {(0, 0), (1, 1)}
        asked = Dask(scheduler=address).map(WithCards(on_card=False), items())
        assert {card for _, (card, *_) in asked} == {None}


@pytest.mark.exhaustive
def test_there_is_one_worker_a_card(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    found = [value for _, value in Dask().map(Pid(), items(6))]
    assert len(set(found)) == 1


class Pid:
    """Computes on a card, if there is one."""

    on_card = True

    def __call__(self, values):
        take(0.05)
        return os.getpid()


def test_workers_of_others_are_spread_over_the_cards():
    assert [card_of(name, 3) for name in (0, 1, 2, 3, "4")] == [0, 1, 2, 0, 1]
    assert {card_of(f"tcp://host:{port}", 2) for port in range(8000, 8020)} == {0, 1}


@pytest.mark.parametrize(
    ("asked", "expected"), [(None, "cuda:0"), ("cuda:1", "cuda:0"), ("cpu", "cpu")]
)
def test_an_asked_processor_is_obeyed_where_workers_have_cards(asked, expected):
    objective = ModelObjective(cases.mlp(), CrossEntropy(), *cases.vectors())
    read, grid = probe_of({"train": objective}, Random(), {}), Grid.square(0.5, 3)

    class Here(Serial):
        def map(self, call, items):
            calls.append(pickle.loads(pickle.dumps(call)))
            return Serial().map(calls[-1], items)

    calls = []
    with card():
        *_, found = compute_slice(read, grid, backend=Here(), device=asked)
        assert isinstance(calls[0], Travelling)
        assert calls[0].arrived.plane.origin.device == torch.device(expected)
    *_, plain = exact(read, grid)
    np.testing.assert_allclose(found["loss"], plain["loss"], rtol=1e-12)
