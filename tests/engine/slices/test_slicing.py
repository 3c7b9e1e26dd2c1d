"""Slices as they are asked for: kept, resumed after any end, and keyed by their content alone."""

import collections
import copy
import enum
import functools
import operator
import os
import signal
import subprocess
import sys
import threading
import time
import types
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

import cases
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.measures.accuracy import Accuracy
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.user_model import user_problem
from landscape_core.planes.directions.random import Random
from landscape_core.slices import last_dataset
from landscape_core.slices.backends.serial import Serial
from landscape_core.slices.grid import Grid
from landscape_core.slices.model_plan import probe_of
from landscape_core.slices.one_call import landscape
from landscape_core.slices.probe import Probe
from landscape_core.slices.slice import compute_slice
from landscape_core.slices.slice_key import slice_key
from landscape_core.slices.strategies.loop import Loop
from landscape_core.slices.strategies.vmap import Vmap
from landscape_core.slices.tolerance import Tolerance
from landscape_core.storage.store import UNFINISHED, Store

ROOT = Path(__file__).resolve().parents[3]
PYTHONPATH = os.pathsep.join((str(ROOT), str(ROOT / "tests" / "support")))
"""What another process needs to import this file."""

MODULE = sys.modules["landscape_core.slices.slice"]
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
    """All coordinates at which anything is evaluated but for a check, in their order."""
    seen, real, check, checking = [], Probe.__call__, MODULE.spot_check, []

    def counting(self, coords):
        if not checking:
            seen.extend(map(tuple, coords.round(9).tolist()))
        return real(self, coords)

    def checked(*given, **more):
        checking.append(True)
        found = check(*given, **more)
        checking.clear()
        return found

    monkeypatch.setattr(Probe, "__call__", counting)
    for module in (MODULE, last_dataset):
        monkeypatch.setattr(module, "spot_check", checked)
    return seen


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "kept")


def test_what_was_asked_once_comes_from_the_store_without_an_evaluation(store, asked):
    first = last(compute_slice(read(), SMALL, {"seed": 0}, store=store))
    count = len(asked)
    assert count == 15**2
    again = list(compute_slice(read(), SMALL, {"seed": 0}, store=store))
    assert len(asked) == count
    assert len(again) == 1
    assert first.identical(again[0])


def test_a_store_of_another_folder_knows_nothing(store, asked, tmp_path):
    last(compute_slice(read(), SMALL, store=store))
    last(compute_slice(read(), SMALL, store=Store(tmp_path / "other")))
    assert len(asked) == 2 * 15**2


def test_an_exact_slice_serves_whoever_asks_for_a_tolerance_but_not_the_reverse(store, asked):
    grid = Grid.square(1.0, 31)
    part = last(compute_slice(read(), grid, tolerance=Tolerance(), store=store))
    assert not part["computed"].values.all()
    last(compute_slice(read(), grid, store=store))
    count = len(asked)
    whole = last(compute_slice(read(), grid, tolerance=Tolerance(), store=store))
    assert len(asked) == count
    assert whole["computed"].values.all()


@pytest.mark.parametrize("tolerance", [None, Tolerance(relative_tolerance=1e-4)])
def test_who_stops_looking_may_go_on_later_and_no_point_is_computed_twice(
    store, asked, monkeypatch, tolerance
):
    monkeypatch.setattr(MODULE, "KEEP", 0.0)
    monkeypatch.setattr("landscape_core.slices.refinement.UPDATE_INTERVAL", 0.0)
    monkeypatch.setattr("landscape_core.slices.grid_values.UPDATE_INTERVAL", 0.0)
    grid = Grid.square(1.0, 41)
    seen = compute_slice(read(), grid, tolerance=tolerance, store=store)
    next(seen), next(seen)
    seen.close()
    begun = len(asked)
    assert 0 < begun < 41**2
    found = last(compute_slice(read(), grid, tolerance=tolerance, store=store))
    assert len(asked) == len(set(asked)) == int(found["computed"].sum())
    assert [entry.key for entry in store.entries() if entry.key.endswith(UNFINISHED)] == []
    straight = last(compute_slice(read(), grid, tolerance=tolerance))
    np.testing.assert_array_equal(found["loss"].values, straight["loss"].values)


KILLED = """
import sys, threading
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import test_slicing
from waiting import take
from landscape_core.slices import grid_values
from landscape_core.slices.probe import Probe

grid_values.UPDATE_INTERVAL = test_slicing.MODULE.KEEP = 0.0
real = Probe.__call__

def slow(self, coords):
    take(0.01)
    return real(self, coords)

Probe.__call__ = slow
store = test_slicing.Store(Path(sys.argv[1]))
grid = test_slicing.Grid.square(1.0, 41)
for number, _ in enumerate(test_slicing.compute_slice(test_slicing.read(), grid, store=store), 1):
    print("kept", flush=True)
    if number == 2:
        threading.Event().wait()  # until it is killed, however busy the machine is
"""


def test_after_a_kill_in_mid_slice_the_next_process_goes_on(store, asked):
    argv = [sys.executable, "-c", KILLED, str(store.folder), str(Path(__file__).parent)]
    env = {**os.environ, "PYTHONPATH": PYTHONPATH, "OMP_NUM_THREADS": "1"}
    child = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=env)
    try:
        for _ in range(2):
            assert child.stdout.readline() == "kept\n"
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    grid = Grid.square(1.0, 41)
    found = last(compute_slice(read(), grid, store=store))
    assert 0 < len(asked) < 41**2
    np.testing.assert_array_equal(
        found["loss"].values, last(compute_slice(read(), grid))["loss"].values
    )


def test_a_damaged_entry_is_told_set_aside_and_computed_anew(store, asked):
    first = last(compute_slice(read(), SMALL, store=store))
    (path,) = store.folder.glob("*.nc")
    spoilt = bytearray(path.read_bytes())
    spoilt[len(spoilt) // 2] ^= 8
    path.write_bytes(spoilt)
    with pytest.warns(UserWarning, match="damaged"):
        again = last(compute_slice(read(), SMALL, store=store))
    assert len(asked) == 2 * 15**2
    np.testing.assert_array_equal(again["loss"].values, first["loss"].values)
    assert list(store.folder.glob("*.damaged"))


@pytest.mark.skipif(os.name != "posix", reason="needs a device that is full")
def test_a_store_that_cannot_keep_warns_once_and_the_slice_is_right(monkeypatch, store):
    def full(*_):
        raise OSError(28, "No space left on device")

    expected = last(compute_slice(read(), SMALL))
    monkeypatch.setattr(os, "write", full)
    with pytest.warns(UserWarning, match="No space left"):
        found = last(compute_slice(read(), SMALL, store=store))
    last(compute_slice(read(seed=1), SMALL, store=store))  # a second warning would be an error here
    np.testing.assert_array_equal(found["loss"].values, expected["loss"].values)


def test_what_cannot_be_told_by_content_is_computed_and_not_kept(store, tmp_path):
    with (tmp_path / "log").open("w") as file:

        def telling(outputs, targets):
            file.write(".")
            return cross_entropy(outputs, targets)

        objective = ModelObjective(cases.mlp(), telling, *cases.vectors())
        with pytest.warns(UserWarning, match="not kept.*TextIOWrapper"):
            found = last(compute_slice(read(objective), SMALL, store=store))
    expected = last(compute_slice(read(), SMALL))
    np.testing.assert_allclose(found["loss"].values, expected["loss"].values, rtol=1e-12)
    assert list(store.entries()) == []


def test_a_backend_gives_what_this_process_gives(asked):
    grid = Grid.square(1.0, 25)
    here, there = (
        last(compute_slice(read(), grid)),
        last(compute_slice(read(), grid, backend=Serial())),
    )
    np.testing.assert_array_equal(here["loss"].values, there["loss"].values)


def scaled(factor):
    return lambda outputs, targets: factor * cross_entropy(outputs, targets)


def doubled(outputs, targets):
    return FACTOR * cross_entropy(outputs, targets)


def objective_of(**changes):
    inputs, targets = cases.vectors()
    user_problem = {
        "module": cases.mlp(),
        "loss": CrossEntropy(),
        "inputs": inputs,
        "targets": targets,
    }
    user_problem |= changes
    more = {
        name: user_problem.pop(name) for name in ("batch_norm", "adapter") if name in user_problem
    }
    return ModelObjective(*user_problem.values(), **more)


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


def powered(outputs, targets, *, power=1.0, factor=1.0):
    return factor * cross_entropy(outputs, targets) ** power


def dispatching(factor):
    by_kind = functools.singledispatch(lambda outputs, targets: 0.0)
    by_kind.register(torch.Tensor, lambda o, t: factor * cross_entropy(o, t))
    return by_kind


def with_body(**body):
    """A loss whose class is made of this."""
    made = type("Made", (), {"__call__": lambda self, o, t: cross_entropy(o, t), **body})
    made.__module__ = __name__
    return made()


class Slotted:
    """A loss that keeps its factor in a slot."""

    __slots__ = ("factor",)

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, outputs, targets):
        return self.factor * cross_entropy(outputs, targets)


class Settings(dict):
    """A dictionary that has an attribute besides."""

    def __init__(self, power):
        self.power = power


class Holding(nn.Module):
    """The small network with something held as an attribute."""

    def __init__(self, held):
        super().__init__()
        self.network, self.held = cases.mlp(), held

    def forward(self, inputs):
        return self.network(inputs)


def attributed(factor):
    def loss(outputs, targets):
        return loss.factor * cross_entropy(outputs, targets)

    loss.factor = factor
    return loss


class Bits(enum.IntFlag, boundary=enum.KEEP):
    """Numbers without names."""

    ONE = 1


def marked(array, factor):
    array.factor = factor
    return array


def of_kind(factor):
    """An object that has an attribute by the class of its class."""
    return type("Kind", (type,), {"factor": factor, "__module__": __name__})(
        "Kept", (), {"__module__": __name__}
    )


def in_module(factor):
    """A loss that takes something out of a module of the user's own."""
    helpers = types.ModuleType("helpers")
    helpers.within = types.ModuleType("helpers.within")
    helpers.within.factor = factor
    return lambda outputs, targets: helpers.within.factor * cross_entropy(outputs, targets)


def in_a_buffer(factor):
    module = nn.Module()
    module.register_buffer("factor", torch.tensor(factor))
    return [module]


def later():
    """A function that refers to a variable that has no value yet."""

    def first():
        return second

    held = first
    if held is None:
        second = 1
    return held


def with_method(factor):
    return with_body(scaled=functools.partialmethod(powered, factor=factor))


PARTIAL = functools.partial
HELD = {
    "a partial's keyword": [PARTIAL(powered, power=p) for p in (1.0, 2.0)],
    "a partial's argument": [PARTIAL(torch.add, 1.0), PARTIAL(torch.add, 2.0)],
    "a partial's function": [PARTIAL(powered), PARTIAL(cross_entropy)],
    "a partial of a partial": [PARTIAL(PARTIAL(powered, power=p), factor=2.0) for p in (1.0, 2.0)],
    "a tensor in a partial": [PARTIAL(powered, factor=torch.tensor(f)) for f in (1.0, 2.0)],
    "a method that is a partial": [with_method(1.0), with_method(2.0)],
    "a getter of an item": [operator.itemgetter(0), operator.itemgetter(1)],
    "a getter of an attribute": [operator.attrgetter("mT"), operator.attrgetter("T")],
    "a caller of a method": [operator.methodcaller("sum", dim=d) for d in (0, 1)],
    "a function with a cache": [functools.lru_cache(f) for f in (lambda x: 2 * x, lambda x: 3 * x)],
    "a function of NumPy": [np.abs, np.square],
    "a function by the kind of its argument": [dispatching(1.0), dispatching(2.0)],
    "a method of a tensor": [torch.ones(2).mul, torch.zeros(2).mul],
    "an item of a list": [[1.0].__getitem__, [2.0].__getitem__],
    "what a function of torch was made of": [nn.functional.max_pool2d, nn.functional.max_pool1d],
    "a function's attribute": [attributed(1.0), attributed(2.0)],
    "a slot": [Slotted(1.0), Slotted(2.0)],
    "a class attribute": [with_body(factor=1.0), with_body(factor=2.0)],
    "a property": [with_body(f=property(lambda self: 1)), with_body(f=property(lambda self: 2))],
    "a static method": [with_body(f=staticmethod(lambda: 1)), with_body(f=staticmethod(lambda: 2))],
    "a class method": [
        with_body(f=classmethod(lambda c: 1)),
        with_body(f=classmethod(lambda c: 2)),
    ],
    "an attribute of a dictionary": [Settings(1.0), Settings(2.0)],
    "where a list ends": [[1, [2], 3], [1, [2, 3]]],
    "where a dictionary ends": [{1: {2: 3}, 4: 5}, {1: {2: 3, 4: 5}}],
    "objects in an array": [np.array([f], dtype=object) for f in ("one", "two")],
    "what is hidden in an array": [np.ma.array([1.0, 2.0], mask=[0, hidden]) for hidden in (0, 1)],
    "a network that is no part": [[moved(nn.Linear(1, 1), 1.0)], [moved(nn.Linear(1, 1), 2.0)]],
    "the mode of what is no part": [[nn.Dropout().train()], [nn.Dropout().eval()]],
    "a buffer of what is no part": [in_a_buffer(1.0), in_a_buffer(2.0)],
    "the order of arguments": [
        PARTIAL(lambda o, t, a, b: o * a + b, a=2, b=3),
        PARTIAL(lambda o, t, b, a: o * b + a, a=2, b=3),
    ],
    "a module of one's own": [in_module(1.0), in_module(2.0)],
    "a class attribute with a special name": [with_body(__f__=1.0), with_body(__f__=2.0)],
    "an attribute of the class of a class": [of_kind(1.0), of_kind(2.0)],
    "a number of an enumeration": [Bits(8), Bits(16)],
    "an attribute of a tensor": [marked(torch.ones(2), f) for f in (1, 2)],
    "what fills an array": [np.ma.array([1.0], mask=[1], fill_value=f) for f in (1.0, 2.0)],
    "a conjugate": [torch.tensor([1 + 2j]), torch.tensor([1 + 2j]).conj()],
    "a variable without a value": [later(), None],
    "a default of a dictionary": [collections.defaultdict(kind) for kind in (int, float)],
}


@pytest.mark.parametrize("name", HELD)
def test_a_key_changes_with_what_a_network_holds(name):
    keys = [[key(objective_of(module=Holding(held))) for held in HELD[name]] for _ in range(2)]
    assert keys[0][0] != keys[0][1]
    assert keys[0] == keys[1]


PLACES = {
    "loss": lambda held: objective_of(loss=held),
    "adapter": lambda held: objective_of(adapter=held),
}


@pytest.mark.parametrize("place", PLACES)
def test_two_partials_have_two_keys(place):
    one, other, again = (PARTIAL(powered, power=power) for power in (1.0, 2.0, 1.0))
    made = PLACES[place]
    assert key(made(one)) != key(made(other))
    assert key(made(one)) == key(made(again))


def test_two_measures_that_are_partials_have_two_keys():
    one, other = ({"own": PARTIAL(powered, power=power)} for power in (1.0, 2.0))
    assert key(measures=one) != key(measures=other)


def test_a_partial_is_not_answered_with_what_another_gave(store):
    model, data = cases.mlp(), cases.vectors()
    found = [
        landscape(model, PARTIAL(powered, factor=factor), data, resolution=5, store=store)
        for factor in (1.0, 3.0)
    ]
    np.testing.assert_allclose(found[1]["loss"], 3 * found[0]["loss"], rtol=1e-9)


class Waiting(collections.deque):
    """A queue of one's own, whose items stand in no attribute."""

    def __call__(self):
        return self[0]


def endless():
    held = []
    held.append(held)
    return held


UNKNOWN = {
    "a list that holds itself": endless,
    "a sparse tensor": lambda: torch.eye(2).to_sparse(),
    "a made ufunc": lambda: np.frompyfunc(lambda x: x, 1, 1),
    "a part of a C object with a dictionary": lambda: Waiting([1]),
    "a generator of random numbers": torch.Generator,
    "an iterator": lambda: iter([1, 2]),
    "a lock": threading.Lock,
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_hides_its_state_is_computed_and_not_kept(name, store):
    held = UNKNOWN[name]()

    def loss(outputs, targets):
        assert held is not None
        return cross_entropy(outputs, targets)

    with pytest.warns(UserWarning, match="not kept"):
        landscape(cases.mlp(), loss, cases.vectors(), resolution=3, store=store)
    assert list(store.entries()) == []


def test_two_teachers_that_a_loss_asks_have_two_slices(store):
    """Kept under one key, the slice by the second would be that by the first."""

    def taught(factor):
        teacher = nn.Linear(3, 3, bias=False, dtype=torch.float64)
        nn.init.eye_(teacher.weight).data.mul_(factor)
        return lambda outputs, targets: (outputs - teacher(outputs)).square().mean()

    found = [
        landscape(cases.mlp(), taught(factor), cases.vectors(), resolution=3, store=store)["loss"]
        for factor in (2.0, 3.0)
    ]
    np.testing.assert_allclose(found[1], 4 * found[0], rtol=1e-9)


def test_a_key_changes_with_a_number_that_a_function_looks_up(monkeypatch):
    before = key(objective_of(loss=doubled))
    assert before == key(objective_of(loss=doubled))
    monkeypatch.setitem(globals(), "FACTOR", 3.0)
    assert key(objective_of(loss=doubled)) != before


def test_a_key_does_not_change_with_mode_name_or_time(monkeypatch):
    before = key(objective_of())
    assert key(objective_of(module=cases.mlp().train())) == before
    assert key(objective_of(module=cases.mlp().eval())) == before
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert key(objective_of()) == before


def test_a_strategy_that_is_asked_for_by_name_has_a_key_of_its_own():
    keys = [key(objective_of(), strategy=one) for one in (Vmap(), Loop(), Loop(block=2))]
    assert len(set(keys)) == 3


def test_a_tolerance_has_a_key_of_its_own():
    asked = read()
    keys = {
        slice_key(asked, SMALL, *more)
        for more in ((), (Tolerance(),), (Tolerance(relative_tolerance=0.1),))
    }
    assert len(keys) == 3


PRINTED = """
import sys
sys.path.insert(0, sys.argv[1])
import test_slicing
print(test_slicing.key(test_slicing.objective_of(loss=test_slicing.doubled)))
"""


@pytest.mark.parametrize("hash_seed", ["1", pytest.param("2", marks=pytest.mark.exhaustive)])
def test_a_key_is_the_same_in_every_process(hash_seed):
    root = Path(__file__).parent
    env = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": PYTHONPATH}
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
    assert user_problem(model, cross_entropy, data) == user_problem(model, cross_entropy, data)
