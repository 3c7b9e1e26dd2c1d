"""Fused layers against the plain loop over the user's own module, in float64."""

from collections import Counter

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils._python_dispatch import TorchDispatchMode

import cases
import oracles
from landscape_core import landscape
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.measures.accuracy import Accuracy
from landscape_core.models.measures.gradient_norm import GradientNorm
from landscape_core.models.network_objective import ModelObjective
from landscape_core.planes.directions.random import Random
from landscape_core.slices import strategy_choice
from landscape_core.slices.fused_operations import ATEN, fused
from landscape_core.slices.model_plan import probe_of
from landscape_core.slices.recorded_operations import recorded
from landscape_core.slices.strategies.fused_layers import FusedLayers
from landscape_core.slices.strategies.loop import Loop
from landscape_core.slices.strategy_choice import trial

WHERE = np.array([[0.0, 0.0], [0.3, -0.7], [-1.1, 0.4]])


def images(examples=12, channels=2):
    return cases.normal(examples, channels, 5, 5), cases.classes(examples)


class Block(nn.Module):
    """Two convolutions with batch normalization, and a skip connection."""

    def __init__(self, channels, activation):
        super().__init__()
        self.one, self.two = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
        self.norm, self.last = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels, affine=False)
        self.activation = activation

    def forward(self, values):
        hidden = self.activation(self.norm(self.one(values)))
        return self.activation(values + self.last(self.two(hidden)))


class Twice(nn.Module):
    """Uses the values of a convolution as they are, too, beside their normalization."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(2, 4, 3, bias=False), nn.BatchNorm2d(4)

    def forward(self, values):
        values = self.conv(values)
        return torch.relu(self.norm(values)) + values


class Overwriting(nn.Module):
    """Writes to its values, and adds what has been activated to what has not."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4)

    def forward(self, values):
        values = self.norm(self.conv(values))
        kept = values[:, :2]
        values = torch.tanh(values)
        values[:, 2:] += kept
        return values.transpose(2, 3) + values


class Viewed(nn.Module):
    """Reads what an activation gives once as it is and once through a view."""

    def __init__(self):
        super().__init__()
        self.conv, self.next = nn.Conv2d(2, 4, 3), nn.Conv2d(4, 4, 1)

    def forward(self, values):
        values = self.conv(values)
        moving, viewed = self.next(values), values.detach()
        hidden = torch.tanh(moving)
        return torch.tanh(viewed) + torch.tanh(hidden.detach()) + hidden + hidden.mT


class Counting(TorchDispatchMode):
    """Counts the examples that go through convolutions, by the number of channels."""

    def __init__(self):
        super().__init__()
        self.examples = Counter()

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        if operation is ATEN.convolution.default:
            self.examples[args[0].shape[1]] += len(args[0])
        return operation(*args, **(kwargs or {}))


def beginning_frozen(module):
    module.conv.requires_grad_(requires_grad=False)
    return module


def headed(*body):
    return nn.Sequential(*body, nn.Flatten(), nn.LazyLinear(3))


NETWORKS = {
    "residual, relu": lambda: headed(nn.Conv2d(2, 4, 3), Block(4, nn.ReLU()), Block(4, nn.ReLU())),
    "residual, relu in place": lambda: headed(nn.Conv2d(2, 4, 3), Block(4, nn.ReLU(inplace=True))),
    "residual, gelu": lambda: headed(nn.Conv2d(2, 4, 3), Block(4, nn.GELU())),
    "norm before convolution": lambda: headed(nn.BatchNorm2d(2), nn.ReLU(), nn.Conv2d(2, 4, 3)),
    "transposed": lambda: headed(nn.ConvTranspose2d(2, 4, 3), nn.BatchNorm2d(4), nn.SiLU()),
    "groups": lambda: headed(nn.Conv2d(2, 4, 3, groups=2), nn.BatchNorm2d(4), nn.ELU()),
    "values used twice": lambda: headed(Twice()),
    "values written to": lambda: headed(Overwriting()),
    "views of values": lambda: headed(Viewed()),
    "views of values that stay": lambda: headed(beginning_frozen(Viewed())),
    "own weight norm": lambda: headed(
        nn.utils.parametrizations.weight_norm(nn.Conv2d(2, 4, 3)), nn.BatchNorm2d(4)
    ),
    "one dimension": lambda: headed(
        nn.Flatten(2), nn.Conv1d(2, 4, 3), nn.BatchNorm1d(4), nn.Hardtanh()
    ),
}


def network(name):
    module = NETWORKS[name]()
    module(torch.zeros(1, 2, 5, 5))
    return cases.filled(module)


def read(module, data=None, measures=None, **more):
    objective = ModelObjective(module.eval(), CrossEntropy(), *(data or images()))
    return probe_of({"train": objective}, Random(), measures or {}, **more)


def plain(module, data, probe):
    plane = probe.plane
    return oracles.plain_loop(module, cross_entropy, *data, plane.origin, plane.axes, WHERE)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("block", [0, 5])
def test_the_values_are_those_of_a_plain_loop(name, block):
    module, data = network(name), images()
    probe = read(module, data, strategy=FusedLayers(block=block))
    np.testing.assert_allclose(probe(WHERE)[0, 0], plain(module, data, probe), rtol=1e-11)


def test_measures_and_losses_of_ones_own_are_read_as_by_the_loop():
    module = network("residual, relu")
    measures = {
        "accuracy": Accuracy(),
        "largest": lambda outputs, targets: outputs.amax(1),
        "spread": lambda outputs, targets: outputs.std(),
    }
    found = [
        landscape(
            module,
            lambda outputs, targets: cross_entropy(outputs, targets) ** 2,
            images(),
            measures=measures,
            resolution=3,
            strategy=strategy,
        )
        for strategy in ("fused_layers", "loop")
    ]
    for name in ("loss", *measures):
        np.testing.assert_allclose(*(one[name].values for one in found), rtol=1e-10)
    assert list(found[0].attrs["strategy"]) == ["fused_layers"]
    assert found[0].attrs["checked_points"] > 0


class Smooth(nn.Module):
    """A loss that calls the network on other inputs than the data."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, outputs, targets):
        return cross_entropy(outputs, targets) + self.network(torch.ones_like(INPUTS)).std()


INPUTS = images()[0]


def test_a_loss_may_call_the_network_on_other_inputs():
    module = network("residual, relu").eval()
    found = [
        landscape(module, Smooth(module), images(), measures={}, resolution=3, strategy=strategy)
        for strategy in ("fused_layers", "loop")
    ]
    np.testing.assert_allclose(*(one["loss"].values for one in found), rtol=1e-10)
    assert list(found[0].attrs["strategy"]) == ["fused_layers"]


def test_batch_normalization_becomes_part_of_the_convolutions_and_activations_work_in_place():
    module = network("residual, relu").eval()
    recording = fused(recorded(module, images()[0]), lambda _: True)
    calls = [one.call for one in recording.operations]
    assert ATEN.native_batch_norm.default not in calls
    assert ATEN.relu.default not in calls
    assert calls.count(ATEN.relu_.default) == 4
    assert calls.count(ATEN.add_.Tensor) == 2


def test_a_normalization_whose_input_is_used_again_stays():
    module = network("values used twice").eval()
    calls = [one.call for one in fused(recorded(module, images()[0]), lambda _: True).operations]
    assert ATEN.native_batch_norm.default in calls


def test_the_data_and_parameters_stay_as_they_were():
    module, (inputs, targets) = network("values written to"), images()
    before = inputs.clone(), {name: one.clone() for name, one in module.state_dict().items()}
    probe = read(module, (inputs, targets), strategy=FusedLayers())
    first = probe(WHERE)
    np.testing.assert_array_equal(probe(WHERE), first)
    assert torch.equal(inputs, before[0])
    assert all(torch.equal(one, before[1][name]) for name, one in module.state_dict().items())


@pytest.mark.parametrize("inplace", [True, False])
def test_a_part_that_does_not_move_is_computed_once_for_all_points(inplace):
    module = headed(
        nn.Conv2d(2, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace),
        nn.Conv2d(4, 4, 2),
        nn.ReLU(inplace),
    )
    module(torch.zeros(1, 2, 5, 5))
    module = cases.filled(module)
    for part in module[:2]:
        part.requires_grad_(requires_grad=False)
    data = images()
    probe = read(module, data, strategy=FusedLayers())
    reader = FusedLayers().reader(probe.reading("train"))
    reader(torch.from_numpy(WHERE))  # with a trace of the network as it is
    with Counting() as counting:
        found = reader(torch.from_numpy(WHERE))
    assert counting.examples[4] >= len(WHERE) * len(data[0])
    assert counting.examples[2] == 0
    np.testing.assert_allclose(found[0], plain(module, data, probe), rtol=1e-11)


class ByView(nn.Module):
    """Cannot have its channels last in memory."""

    def __init__(self):
        super().__init__()
        self.conv, self.last = nn.Conv2d(2, 4, 3), nn.Linear(36, 3)

    def forward(self, values):
        return self.last(torch.relu(self.conv(values)).view(len(values), 36))


def test_values_that_are_viewed_in_another_shape_keep_their_order():
    module, data = cases.filled(ByView()), images()
    probe = read(module, data, strategy=FusedLayers())
    np.testing.assert_allclose(probe(WHERE)[0, 0], plain(module, data, probe), rtol=1e-11)


def applies(module, data=None, measures=None, **more):
    objective = ModelObjective(module, CrossEntropy(), *(data or images()), **more)
    reading = probe_of({"train": objective}, Random(), measures or {}, strategy=Loop())
    return FusedLayers().applies(reading.reading("train"))


def test_it_applies_to_convolutions_by_stored_statistics_alone():
    module = network("residual, relu")
    assert applies(module)
    assert not applies(cases.mlp(), cases.vectors())
    assert not applies(module, batch_norm="batch")
    assert not applies(module, batch_norm="reestimated")
    assert not applies(module, measures={"gradient": GradientNorm()})
    hooked = network("residual, relu")
    hooked.register_forward_hook(lambda *_: None)
    assert not applies(hooked)


class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = network("residual, relu")

    def forward(self, values):
        return self.inner(values + torch.randn_like(values))


class Branching(Noisy):
    def forward(self, values):
        values = self.inner(values)
        return values if values.sum() > 0 else -values


@pytest.mark.parametrize("kind", [Noisy, Branching])
def test_networks_that_may_go_another_way_elsewhere_are_left_to_the_loop(kind):
    found = landscape(kind(), cross_entropy, images(), resolution=3)
    assert list(found.attrs["strategy"]) == ["loop"]


def test_the_trial_of_few_points_takes_few_evaluations(monkeypatch):
    module = headed(nn.Conv2d(2, 4, 3), nn.ReLU())
    module(torch.zeros(1, 2, 5, 5))
    reading = read(cases.filled(module), images(1000), strategy=Loop()).reading("train")
    monkeypatch.setattr(strategy_choice, "LEAST", 0.0)
    with Counting() as counting:
        found = trial(reading, points=225)
    assert FusedLayers() in [timing.strategy for timing in found]
    assert counting.examples[2] <= 0.035 * 225 * 1000


def test_a_trial_of_few_points_is_shorter_than_one_of_many(monkeypatch):
    budgets = []
    monkeypatch.setattr(strategy_choice, "LEAST", 0.0)
    monkeypatch.setattr(
        strategy_choice,
        "_tried",
        lambda *given: budgets.append(given[-1] / given[-2].seconds) or [given[-2]],
    )
    reading = read(network("residual, relu"), strategy=Loop()).reading("train")
    for points in (100, 225, 2601, None):
        trial(reading, points=points)
    assert budgets == pytest.approx([1.0, 2.25, strategy_choice.WORTH, strategy_choice.WORTH])


def test_the_reader_of_the_trial_is_used_again(monkeypatch):
    made = []
    real = FusedLayers.reader
    monkeypatch.setattr(
        FusedLayers, "reader", lambda self, reading: made.append(1) or real(self, reading)
    )
    monkeypatch.setattr(strategy_choice, "MARGIN", 0)  # so that it is chosen
    monkeypatch.setattr(strategy_choice, "_candidates", lambda _: iter([FusedLayers()]))
    module, data = network("residual, relu"), images()
    probe = read(module, data)
    assert probe.strategies == {"train": FusedLayers()}
    np.testing.assert_allclose(probe(WHERE)[0, 0], plain(module, data, probe), rtol=1e-11)
    assert len(made) == 1
