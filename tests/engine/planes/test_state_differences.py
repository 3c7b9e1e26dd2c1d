"""States that a plane goes through: what differs is told, states of other networks are named."""

import copy
import warnings

import numpy as np
import pytest
import torch
from jaxtyping import config
from torch import nn
from torch.nn.functional import cross_entropy, relu

import cases
from landscape_core import Plane, landscape, user_problem
from landscape_core.foundation.errors import PlaneError, SpecError

FEW = {"resolution": 3, "dimensions": 1}


class Holding(nn.Module):
    """A network with a mask, a count, a scale, a list of tensors, and state of its own."""

    def __init__(self):
        super().__init__()
        self.layer, self.last, self.act = nn.Linear(3, 4), nn.Linear(4, 3), nn.Tanh()
        self.register_buffer("mask", torch.tensor([True, True, False, True]))
        self.register_buffer("shift", torch.tensor([1, 2, 3, 4]))
        self.register_buffer("num_batches_tracked", torch.tensor(3))
        self.scale, self.gains, self.kept = 2.0, [torch.ones(4)], "a"
        self.function = relu

    def get_extra_state(self):
        return {"kept": self.kept}

    def set_extra_state(self, state):
        self.kept = state["kept"]

    def forward(self, inputs):
        inner = self.act(self.layer(inputs)) * self.mask + self.shift
        return self.last(self.function(self.scale * inner * self.gains[0]))


def pair():
    first = cases.filled(Holding())
    second = copy.deepcopy(first)
    with torch.no_grad():
        for parameter in second.parameters():
            parameter += 0.1
    return first, second


def set_mask(module):
    module.mask[0] = False


def set_shift(module):
    module.shift[0] = 7


def set_count(module):
    module.num_batches_tracked += 1


def set_list(module):
    module.gains = [torch.zeros(4)]


def set_function(module):
    module.function = torch.sigmoid


CHANGES = {
    "mask": (set_mask, r"differ in mask \(bool\), .* that of the first state"),
    "whole numbers": (set_shift, r"differ in shift \(int64\), .* that of the first state"),
    "a number": (
        lambda module: setattr(module, "scale", 3.0),
        r"differ in scale \(float\), .* that of the network that is given",
    ),
    "a list of tensors": (set_list, r"differ in gains \(list\), .* the network that is given"),
    "a function": (set_function, r"differ in function \(builtin_function_or_method\)"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_differs_between_modules_is_told_once(name):
    change, says = CHANGES[name]
    first, second = pair()
    change(second)
    with pytest.warns(UserWarning, match=says) as heard:
        landscape(
            first, cross_entropy, cases.vectors(), directions=Plane.through(first, second), **FEW
        )
    assert len(heard) == 1


IN_DICTIONARIES = {
    "mask": (set_mask, r"differ in mask \(bool\)"),
    "extra state": (lambda module: setattr(module, "kept", "b"), r"differ in _extra_state"),
}


@pytest.mark.parametrize("name", IN_DICTIONARIES)
def test_what_differs_between_dictionaries_is_told(name):
    change, says = IN_DICTIONARIES[name]
    first, second = pair()
    change(second)
    plane = Plane.through(first.state_dict(), second.state_dict())
    with pytest.warns(UserWarning, match=says):
        landscape(first, cross_entropy, cases.vectors(), directions=plane, **FEW)


def recurrent():
    return nn.LSTM(3, 4, batch_first=True)


SILENT = {
    "nothing": lambda: pair(),
    "counts of batches": lambda: pair(),
    "weights of an LSTM, which it lists": lambda: tuple(
        cases.filled(nn.Sequential(nn.Unflatten(1, (1, 3)), recurrent(), First()), seed=seed)
        for seed in (0, 1)
    ),
    "weights that are computed": lambda: tuple(
        cases.filled(nn.Sequential(parametrized(), nn.Dropout(0.1 + seed / 2)), seed=seed)
        for seed in (0, 1)
    ),
}


class First(nn.Module):
    def forward(self, found):
        return found[0][:, 0]


def parametrized():
    return nn.utils.parametrizations.weight_norm(nn.Linear(3, 4))


@pytest.mark.parametrize("name", SILENT)
def test_what_makes_no_difference_is_not_told(name):
    first, second = SILENT[name]()
    if name == "counts of batches":
        set_count(second)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = landscape(
            first,
            cross_entropy,
            cases.vectors(),
            directions=Plane.through(first, second),
            strategy="loop",
            **FEW,
        )
    with torch.no_grad():
        inputs, targets = cases.vectors()
        truth = float(cross_entropy(second.eval()(inputs), targets))
    assert float(found["loss"][0, -1]) == pytest.approx(truth, rel=1e-10)


def test_another_activation_is_refused_by_its_name():
    first, second = pair()
    second.act = nn.ReLU()
    with pytest.raises(PlaneError, match=r"act \(ReLU for Tanh\)"):
        landscape(
            first, cross_entropy, cases.vectors(), directions=Plane.through(first, second), **FEW
        )


def prefixed(state):
    return {f"module.{name}": value for name, value in state.items()}


KEYS = {
    "an unusual entry": (
        lambda state: {"ema": state, "epoch": 3},
        r"'state_dict', 'model' or another usual name; .*entry='ema'.* got 'ema'",
    ),
    "a part in an entry": (
        lambda state: {"model": prefixed(dict(list(state.items())[1:])), "epoch": 3},
        r"in the entry 'model' without the prefix 'module\.', 0\.weight is missing; got 'module",
    ),
    "an unknown prefix": (
        lambda state: {f"trunk.{name}": value for name, value in state.items()},
        r"missing, trunk\.0\.weight, .* unexpected; without the prefix 'trunk\.' they would be",
    ),
    "another network": (
        lambda state: {"other": torch.ones(2)},
        r"0\.weight, .* missing, other is unexpected; got 'other'",
    ),
    "a part": (
        lambda state: {name: state[name] for name in list(state)[1:]},
        r"0\.weight is missing; got '0\.bias",
    ),
}


@pytest.mark.parametrize("name", KEYS)
def test_keys_that_do_not_fit_are_named(name, monkeypatch):
    monkeypatch.setattr(config, "jaxtyping_disable", True)  # as it is outside the tests
    change, says = KEYS[name]
    module = cases.mlp()
    plane = Plane.through(module, change(module.state_dict()))
    with pytest.raises(PlaneError, match=says):
        landscape(module, cross_entropy, cases.vectors(), directions=plane, **FEW)
    with pytest.raises(SpecError, match=says):
        user_problem(module, cross_entropy, cases.vectors(), path=[change(module.state_dict())])


def test_a_prefix_that_the_network_has_is_named():
    wrapped = nn.Sequential(cases.mlp())
    with pytest.raises(PlaneError, match=r"behind the prefix '0\.' they would be"):
        landscape(
            wrapped,
            cross_entropy,
            cases.vectors(),
            directions=Plane.through(wrapped, wrapped[0].state_dict()),
            **FEW,
        )


class OwnNorm(nn.Module):
    """Batch normalization of the user's own class."""

    def __init__(self, size):
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))

    def forward(self, inputs):
        return inputs - self.mean


def normalized(kind):
    return cases.filled(nn.Sequential(nn.Linear(3, 4), kind(4), nn.Tanh(), nn.Linear(4, 3)))


@pytest.mark.parametrize("asked", [None, "running", "batch", "reestimated"])
@pytest.mark.parametrize("kind", [nn.BatchNorm1d, OwnNorm, nn.Identity])
def test_a_slice_names_the_statistics_that_it_uses(kind, asked):
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        found = landscape(normalized(kind), cross_entropy, cases.vectors(), batch_norm=asked, **FEW)
    told = [str(one.message) for one in heard]
    if kind is nn.BatchNorm1d:
        assert found.attrs["batch_norm"] == (asked or "running")
    else:
        assert found.attrs["batch_norm"] == "none"
    if kind is OwnNorm and asked not in (None, "running"):
        assert len(told) == 1
        assert f"batch_norm='{asked}' changes nothing" in told[0]
    else:
        assert not told


def test_interpolated_statistics_of_ones_own_class_are_named_as_such():
    first, second = normalized(OwnNorm), normalized(OwnNorm)
    with torch.no_grad():
        second[0].weight += 0.1
        second[1].mean += 1.0
    plane = Plane.through(first, second)
    found = landscape(first, cross_entropy, cases.vectors(), directions=plane, **FEW)
    assert found.attrs["batch_norm"] == "interpolated"


@pytest.mark.parametrize("tolerance", [None, 0.05])
def test_points_at_which_a_variance_is_held_are_counted_and_told(tolerance):
    first = normalized(nn.BatchNorm1d)
    second = copy.deepcopy(first)
    with torch.no_grad():
        second[0].weight += 0.1
        second[1].running_var += 3.0
    plane = Plane.through(first, second)
    asked = {"directions": plane, "resolution": 17, "span": 2.0, "tolerance": tolerance}
    with pytest.warns(UserWarning, match=r"At \d+ of \d+ computed points a running variance"):
        found = landscape(first, cross_entropy, cases.vectors(), **asked)
    least = float((first[1].running_var / 3).min())
    below = found["alpha"].values < -least
    assert found.attrs["held_variances"] == int((below & found["computed"].values).sum()) > 0
    calm = landscape(first, cross_entropy, cases.vectors(), **asked | {"span": 0.01})
    assert calm.attrs["held_variances"] == 0
    assert np.isfinite(calm["loss"]).all()
