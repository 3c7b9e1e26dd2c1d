"""Slices as they are asked for: kept, resumed after any end, and keyed by their content alone."""

import copy
import os
import signal
import subprocess
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path

import cases
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from landscape_core.backends.serial import Serial
from landscape_core.directions.random import Random
from landscape_core.given import given
from landscape_core.keys import slice_key
from landscape_core.landscape import landscape, probe_of
from landscape_core.losses.cross_entropy import CrossEntropy
from landscape_core.measures.accuracy import Accuracy
from landscape_core.objective import ModelObjective
from landscape_core.probes import Probe
from landscape_core.refining import Tolerance
from landscape_core.slices import Grid
from landscape_core.slicing import slicing
from landscape_core.store import UNFINISHED, Store
from landscape_core.strategies.loop import Loop
from landscape_core.strategies.vmap import Vmap

MODULE = sys.modules["landscape_core.slicing"]  # the package's name is the function's
SMALL = Grid.square(1.0, 15)
FACTOR = 2.0


def read(objective=None, measures=None, strategy=None, seed=0):
    """What is read of the small network, by the loop unless told otherwise."""
    objective = objective or cases.mlp_objective()
    return probe_of(
        {"train": objective}, Random(), measures or {}, seed=seed, strategy=strategy or Loop()
    )


def last(datasets):
    *_, dataset = datasets
    return dataset


@pytest.fixture
def asked(monkeypatch):
    """All coordinates at which anything is evaluated, in their order."""
    seen, real = [], Probe.__call__

    def counting(self, coords):
        seen.extend(map(tuple, coords.round(9).tolist()))
        return real(self, coords)

    monkeypatch.setattr(Probe, "__call__", counting)
    return seen


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "kept")


def test_what_was_asked_once_comes_from_the_store_without_an_evaluation(store, asked):
    first = last(slicing(read(), SMALL, {"seed": 0}, store=store))
    count = len(asked)
    assert count == 15**2
    again = list(slicing(read(), SMALL, {"seed": 0}, store=store))
    assert len(asked) == count
    assert len(again) == 1
    assert first.identical(again[0])


def test_a_store_of_another_folder_knows_nothing(store, asked, tmp_path):
    last(slicing(read(), SMALL, store=store))
    last(slicing(read(), SMALL, store=Store(tmp_path / "other")))
    assert len(asked) == 2 * 15**2


def test_an_exact_slice_serves_whoever_asks_for_a_tolerance_but_not_the_reverse(store, asked):
    grid = Grid.square(1.0, 31)
    part = last(slicing(read(), grid, tolerance=Tolerance(), store=store))
    assert not part["computed"].values.all()
    last(slicing(read(), grid, store=store))
    count = len(asked)
    whole = last(slicing(read(), grid, tolerance=Tolerance(), store=store))
    assert len(asked) == count
    assert whole["computed"].values.all()


@pytest.mark.parametrize("tolerance", [None, Tolerance(share=1e-4)])
def test_who_stops_looking_may_go_on_later_and_no_point_is_computed_twice(
    store, asked, monkeypatch, tolerance
):
    monkeypatch.setattr(MODULE, "KEEP", 0.0)
    monkeypatch.setattr("landscape_core.refining.NEWS", 0.0)
    monkeypatch.setattr("landscape_core.slices.NEWS", 0.0)
    grid = Grid.square(1.0, 41)
    seen = slicing(read(), grid, tolerance=tolerance, store=store)
    next(seen), next(seen)
    seen.close()
    begun = len(asked)
    assert 0 < begun < 41**2
    found = last(slicing(read(), grid, tolerance=tolerance, store=store))
    assert len(asked) == len(set(asked)) == int(found["computed"].sum())
    assert [entry.key for entry in store.entries() if entry.key.endswith(UNFINISHED)] == []
    straight = last(slicing(read(), grid, tolerance=tolerance))
    np.testing.assert_array_equal(found["loss"].values, straight["loss"].values)


KILLED = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import test_slicing
from landscape_core.probes import Probe

test_slicing.MODULE.KEEP = 0.0
real = Probe.__call__

def slow(self, coords):
    time.sleep(0.01)
    return real(self, coords)

Probe.__call__ = slow
store = test_slicing.Store(Path(sys.argv[1]))
for _ in test_slicing.slicing(test_slicing.read(), test_slicing.Grid.square(1.0, 41), store=store):
    print("kept", flush=True)
"""


def test_after_a_kill_in_mid_slice_the_next_process_goes_on(store, asked):
    argv = [sys.executable, "-c", KILLED, str(store.folder), str(Path(__file__).parent)]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), "OMP_NUM_THREADS": "1"}
    child = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=env)
    try:
        for _ in range(3):
            assert child.stdout.readline() == "kept\n"
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    grid = Grid.square(1.0, 41)
    found = last(slicing(read(), grid, store=store))
    assert 0 < len(asked) < 41**2
    np.testing.assert_array_equal(found["loss"].values, last(slicing(read(), grid))["loss"].values)


def test_a_damaged_entry_is_told_set_aside_and_computed_anew(store, asked):
    first = last(slicing(read(), SMALL, store=store))
    (path,) = store.folder.glob("*.nc")
    spoilt = bytearray(path.read_bytes())
    spoilt[len(spoilt) // 2] ^= 8
    path.write_bytes(spoilt)
    with pytest.warns(UserWarning, match="damaged"):
        again = last(slicing(read(), SMALL, store=store))
    assert len(asked) == 2 * 15**2
    np.testing.assert_array_equal(again["loss"].values, first["loss"].values)
    assert list(store.folder.glob("*.damaged"))


@pytest.mark.skipif(os.name != "posix", reason="needs a device that is full")
def test_a_store_that_cannot_keep_warns_once_and_the_slice_is_right(monkeypatch, store):
    def full(*_):
        raise OSError(28, "No space left on device")

    expected = last(slicing(read(), SMALL))
    monkeypatch.setattr(os, "write", full)
    with pytest.warns(UserWarning, match="No space left"):
        found = last(slicing(read(), SMALL, store=store))
    last(slicing(read(seed=1), SMALL, store=store))  # a second warning would be an error here
    np.testing.assert_array_equal(found["loss"].values, expected["loss"].values)


def test_what_cannot_be_told_by_content_is_computed_and_not_kept(store, tmp_path):
    with (tmp_path / "log").open("w") as file:

        def telling(outputs, targets):
            file.write(".")
            return cross_entropy(outputs, targets)

        objective = ModelObjective(cases.mlp(), telling, *cases.vectors())
        with pytest.warns(UserWarning, match="not kept.*TextIOWrapper"):
            found = last(slicing(read(objective), SMALL, store=store))
    expected = last(slicing(read(), SMALL))
    np.testing.assert_allclose(found["loss"].values, expected["loss"].values, rtol=1e-12)
    assert list(store.entries()) == []


def test_a_backend_gives_what_this_process_gives(asked):
    grid = Grid.square(1.0, 25)
    here, there = last(slicing(read(), grid)), last(slicing(read(), grid, backend=Serial()))
    np.testing.assert_array_equal(here["loss"].values, there["loss"].values)


def scaled(factor):
    return lambda outputs, targets: factor * cross_entropy(outputs, targets)


def doubled(outputs, targets):
    return FACTOR * cross_entropy(outputs, targets)


def objective_of(**changes):
    inputs, targets = cases.vectors()
    given = {"module": cases.mlp(), "loss": CrossEntropy(), "inputs": inputs, "targets": targets}
    given |= changes
    more = {name: given.pop(name) for name in ("batch_norm", "adapter") if name in given}
    return ModelObjective(*given.values(), **more)


def key(objective=None, grid=SMALL, **changes):
    return slice_key(read(objective, **changes), grid)


def normalized():
    return cases.filled(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 3)))


def moved(module, by=1e-9):
    with torch.no_grad():
        next(module.parameters())[0, 0] += by
    return module


def frozen_at(value):
    module = cases.mlp()
    module[4].bias.data.fill_(value)
    module[4].bias.requires_grad_(requires_grad=False)
    return module


PAIRS = {
    "weights": lambda: (key(objective_of()), key(objective_of(module=moved(cases.mlp())))),
    "frozen weights": lambda: (
        key(objective_of(module=frozen_at(1.0))),
        key(objective_of(module=frozen_at(2.0))),
    ),
    "directions": lambda: (key(), key(seed=1)),
    "inputs": lambda: (key(), key(objective_of(inputs=cases.vectors()[0] + 1e-12))),
    "targets": lambda: (key(), key(objective_of(targets=cases.vectors()[1].flip(0)))),
    "loss": lambda: (key(objective_of(loss=cross_entropy)), key(objective_of(loss=mean_square))),
    "an option of the loss": lambda: (
        key(objective_of(loss=nn.CrossEntropyLoss())),
        key(objective_of(loss=nn.CrossEntropyLoss(label_smoothing=0.1))),
    ),
    "what a function holds": lambda: (
        key(objective_of(loss=scaled(2.0))),
        key(objective_of(loss=scaled(3.0))),
    ),
    "a function's code": lambda: (
        key(objective_of(loss=lambda o, t: cross_entropy(o, t) + 1)),
        key(objective_of(loss=lambda o, t: cross_entropy(o, t) + 2)),
    ),
    "measures": lambda: (key(), key(measures={"accuracy": Accuracy()})),
    "a measure of one's own": lambda: (
        key(measures={"margin": lambda o, t: o.max(1).values}),
        key(measures={"margin": lambda o, t: o.min(1).values}),
    ),
    "batch norm": lambda: (
        key(objective_of(module=normalized())),
        key(objective_of(module=normalized(), batch_norm="batch")),
    ),
    "dtype": lambda: (
        key(objective_of()),
        key(objective_of(module=cases.mlp().float(), inputs=cases.vectors()[0].float())),
    ),
    "grid": lambda: (key(), key(grid=replace(SMALL, resolution=17))),
    "adapter": lambda: (
        key(objective_of(adapter=lambda o: o)),
        key(objective_of(adapter=lambda o: 2 * o)),
    ),
    "activation": lambda: (
        key(objective_of(module=like_mlp(nn.Tanh()))),
        key(objective_of(module=like_mlp(nn.ReLU()))),
    ),
    "an activation's setting": lambda: (
        key(objective_of(module=like_mlp(nn.LeakyReLU(0.1)))),
        key(objective_of(module=like_mlp(nn.LeakyReLU(0.2)))),
    ),
}


def mean_square(outputs, targets):
    return mse_loss(outputs, nn.functional.one_hot(targets, 3).to(outputs.dtype))


def like_mlp(activation):
    return cases.filled(nn.Sequential(nn.Linear(3, 4), activation, nn.Linear(4, 3)))


@pytest.mark.parametrize("name", PAIRS)
def test_a_key_changes_with(name):
    one, other = PAIRS[name]()
    assert one != other
    assert PAIRS[name]() == (one, other)


def test_a_key_changes_with_a_number_that_a_function_looks_up(monkeypatch):
    before = key(objective_of(loss=doubled))
    assert before == key(objective_of(loss=doubled))
    monkeypatch.setitem(globals(), "FACTOR", 3.0)
    assert key(objective_of(loss=doubled)) != before


def test_a_key_does_not_change_with_mode_name_strategy_or_time(monkeypatch):
    before = key(objective_of())
    assert key(objective_of(module=cases.mlp().train())) == before
    assert key(objective_of(module=cases.mlp().eval())) == before
    assert key(objective_of(), strategy=Vmap()) == before
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert key(objective_of()) == before


def test_a_tolerance_has_a_key_of_its_own():
    asked = read()
    keys = {
        slice_key(asked, SMALL, *more) for more in ((), (Tolerance(),), (Tolerance(share=0.1),))
    }
    assert len(keys) == 3


PRINTED = """
import sys
sys.path.insert(0, sys.argv[1])
import test_slicing
print(test_slicing.key(test_slicing.objective_of(loss=test_slicing.doubled)))
"""


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_a_key_is_the_same_in_every_process(hash_seed):
    root = Path(__file__).parent
    env = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(root.parent)}
    found = subprocess.run(
        [sys.executable, "-c", PRINTED, str(root)],
        capture_output=True,
        text=True,
        env=env,
        check=True,
        timeout=60,
    )
    assert found.stdout.strip() == key(objective_of(loss=doubled))


def test_the_public_call_keeps_what_it_is_told_to_keep(store, asked):
    model, data = cases.mlp(), cases.vectors()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first = landscape(model, cross_entropy, data, resolution=9, store=store)
        count = len(asked)
        again = landscape(model, cross_entropy, data, resolution=9, store=store)
    assert len(asked) == count
    assert first.equals(again)


class Recurrent(nn.Module):
    """Classes from the last state of a recurrent layer."""

    def __init__(self, kind):
        super().__init__()
        self.layer, self.head = kind(3, 4, batch_first=True), nn.Linear(4, 3)

    def forward(self, words):
        return self.head(self.layer(words)[0][:, -1])


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_a_recurrent_network_has_a_key_that_evaluating_it_leaves_as_it_is(kind):
    model, data = cases.filled(Recurrent(kind)), (cases.normal(9, 6, 3), cases.classes(9))
    part = ModelObjective(model, cross_entropy, *data)
    probe = read(part)
    key = slice_key(probe, SMALL)
    part.gradient(2 * part.start)
    assert slice_key(probe, SMALL) == key
    changed = copy.deepcopy(model)
    changed.layer.bias = None
    other = ModelObjective(changed, cross_entropy, *data)
    assert slice_key(replace(probe, parts={"train": other}), SMALL) != key
    assert given(model, cross_entropy, data) == given(model, cross_entropy, data)
