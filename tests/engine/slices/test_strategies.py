"""Strategies against each other and against a plain loop over `load_state_dict`."""

import copy
import itertools
import types
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import cross_entropy

import cases
import oracles
from landscape_core.foundation import random_streams
from landscape_core.foundation.registry import entries, make
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.architectures.residual_mlp import ResidualMLP
from landscape_core.models.losses.base import Loss
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.measures.accuracy import Accuracy
from landscape_core.models.measures.loss import LossMeasure
from landscape_core.models.network_blocks import Residual
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.normalizations.base import Normalization
from landscape_core.planes.plane import Plane
from landscape_core.slices.layers_on_plane import ELEMENTWISE
from landscape_core.slices.one_call import landscape
from landscape_core.slices.reading import Reading
from landscape_core.slices.strategies import plane_algebra
from landscape_core.slices.strategies.loop import Loop
from landscape_core.slices.strategies.plane_algebra import PlaneAlgebra
from landscape_core.slices.strategies.shared_layers import SharedLayers

MEASURES = [LossMeasure(), Accuracy()]
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}
"""Relative; float32 rounds at 1e-7, and a loss is a sum over a few hundred roundings."""


def reading(objective, plane, measures=MEASURES, classes=4):
    return Reading(objective, plane, measures, classes)


def reader(strategy, objective, plane, measures=MEASURES):
    return strategy.reader(reading(objective, plane, measures))


def plane_of(objective, seed=0, size=0.3, dimensions=2):
    axes = size * cases.normal(dimensions, len(objective.start), seed=seed + 7)
    return Plane(objective.start, axes.to(objective.start))


def coords(count=13, dimensions=2):
    return cases.normal(count, dimensions, seed=3)


def read_both(objective, plane, where):
    where = where.to(plane.origin)
    algebra, loop = (reader(s, objective, plane) for s in (PlaneAlgebra(), Loop()))
    return algebra(where), loop(where)


def agree(objective, plane, where):
    algebra, loop = read_both(objective, plane, where)
    tolerance = TOLERANCE[objective.start.dtype]
    torch.testing.assert_close(algebra[0], loop[0], rtol=tolerance, atol=tolerance)
    assert torch.equal(algebra[1], loop[1])


@settings(max_examples=40)
@given(
    widths=st.lists(st.integers(1, 9), min_size=0, max_size=4),
    inputs=st.integers(1, 5),
    classes=st.integers(2, 4),
    activation=st.sampled_from(sorted(ELEMENTWISE, key=lambda kind: kind.__name__)),
    loss=st.sampled_from(sorted(entries(Loss))),
    bias=st.booleans(),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    seed=st.integers(0, 100),
)
def test_plane_algebra_and_loop_agree_on_any_small_mlp(
    widths, inputs, classes, activation, loss, bias, dtype, seed
):
    sizes = [inputs, *widths, classes]
    layers = []
    for size, following in itertools.pairwise(sizes):
        layers += [nn.Linear(size, following, bias=bias), activation()]
    module = cases.filled(nn.Sequential(*layers[:-1]), seed=seed).to(dtype)
    data = cases.normal(11, inputs, seed=seed).to(dtype)
    targets = torch.randint(classes, (11,), generator=random_streams.stream(seed, "targets"))
    objective = ModelObjective(module, make(Loss, loss), data, targets)
    plane = plane_of(objective, seed)
    assert PlaneAlgebra().applies(reading(objective, plane))
    algebra, loop = read_both(objective, plane, coords())
    tolerance = TOLERANCE[dtype]
    torch.testing.assert_close(algebra[0], loop[0], rtol=tolerance, atol=tolerance)
    # A tie of two classes may fall either way by rounding; one example is 1/11.
    assert float((algebra[1] - loop[1]).abs().max()) <= (0.1 if dtype == torch.float32 else 0.0)


@pytest.mark.parametrize("architecture", [MLP, ResidualMLP])
@pytest.mark.parametrize("normalization", ["none", "batch", "layer", "group"])
@pytest.mark.parametrize("batch_norm", ["running", "batch"])
@pytest.mark.parametrize("skips", [True, False])
def test_plane_algebra_knows_every_network_of_ours_that_is_fully_connected(
    architecture, normalization, batch_norm, skips
):
    more = {"skips": skips} if architecture is ResidualMLP else {}
    recipe = architecture(
        depth=4, width=8, normalization=make(Normalization, normalization), **more
    )
    module = cases.filled(recipe.build((1, 2, 2), 3, random_streams.stream(0, "init")))
    data = cases.normal(14, 1, 2, 2, seed=1)
    objective = ModelObjective(
        module, CrossEntropy(), data, cases.classes(14), batch_norm=batch_norm
    )
    plane = plane_of(objective)
    assert PlaneAlgebra().applies(reading(objective, plane))
    agree(objective, plane, coords())


def test_plane_algebra_agrees_with_a_plain_loop_over_load_state_dict():
    module, (inputs, targets) = cases.mlp(), cases.vectors(40)
    objective = ModelObjective(module, CrossEntropy(), inputs, targets)
    plane, where = plane_of(objective), coords(30)
    found = reader(PlaneAlgebra(), objective, plane)(where)[0]
    expected = oracles.plain_loop(
        module, nn.functional.cross_entropy, inputs, targets, plane.origin, plane.axes, where
    )
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-10)


def test_chunks_of_points_give_what_all_at_once_give(monkeypatch):
    objective = ModelObjective(cases.mlp(), CrossEntropy(), *cases.vectors())
    plane, where = plane_of(objective), coords(30)
    whole = reader(PlaneAlgebra(), objective, plane)(where)
    monkeypatch.setattr(plane_algebra, "CACHE_BYTES", 4000)
    parts = reader(PlaneAlgebra(), objective, plane)(where)
    torch.testing.assert_close(parts, whole, rtol=1e-12, atol=1e-12)


def residual(shortcut=None, *, inputs=5, width=5):
    branch = nn.Sequential(nn.Linear(inputs, 7), nn.Tanh(), nn.Linear(7, width))
    return Residual(branch, "relu", skips=True, shortcut=shortcut)


TWICE = residual()
CHAINS = {
    "a layer alone": [],
    "an activation last": [nn.ReLU(), nn.Linear(5, 4), nn.Softplus()],
    "blocks after another": [nn.ReLU(), residual(), residual(), residual(), nn.Linear(5, 4)],
    "a block last": [residual(), residual(nn.Linear(5, 4), width=4)],
    "a long shortcut": [residual(nn.Sequential(*[nn.Linear(5, 5) for _ in range(3)]))],
    "a block twice": [TWICE, TWICE, nn.Linear(5, 4)],
    "a flattening of vectors": [nn.ReLU(), nn.Flatten(), nn.Linear(5, 4)],
}


@pytest.mark.parametrize("examples", [12, 75])
@pytest.mark.parametrize("name", CHAINS)
def test_layers_do_not_write_over_what_others_still_need(name, examples, monkeypatch):
    monkeypatch.setattr(plane_algebra, "EXAMPLES", 16)  # then 75 are four blocks, the last longer
    module = cases.filled(nn.Sequential(nn.Linear(3, 5), *copy.deepcopy(CHAINS[name])))
    objective = ModelObjective(module, CrossEntropy(), *cases.vectors(examples))
    plane = plane_of(objective)
    assert PlaneAlgebra().applies(reading(objective, plane))
    agree(objective, plane, coords(40))


def test_frozen_and_shared_parameters_stay_what_they_are():
    shared = nn.Linear(4, 4)
    module = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), shared, nn.Tanh(), shared, nn.Linear(4, 3))
    module = cases.filled(module)
    module[0].requires_grad_(requires_grad=False)
    objective = ModelObjective(module, CrossEntropy(), *cases.vectors())
    plane = plane_of(objective)
    assert PlaneAlgebra().applies(reading(objective, plane))
    agree(objective, plane, coords())


def test_on_a_line_strategies_agree_too():
    objective = ModelObjective(cases.mlp(), CrossEntropy(), *cases.vectors())
    agree(objective, plane_of(objective, dimensions=1), coords(dimensions=1))


class Doubled(nn.Sequential):
    def forward(self, values):
        return 2 * super().forward(values)


def hooked():
    module = cases.mlp()
    module[0].register_forward_hook(lambda module, inputs, output: 2 * output)
    return module


def patched():
    module = cases.mlp()
    layer, weight = module[0], nn.Parameter(torch.ones(5, 3).double(), requires_grad=False)
    layer.forward = lambda values: nn.functional.linear(values, weight)
    return module


@pytest.mark.parametrize(
    "module",
    [
        hooked(),
        patched(),
        Doubled(nn.Linear(3, 3)).double(),
        nn.Sequential(nn.Linear(3, 3), nn.Softmax(1)).double(),
        nn.Sequential(nn.Tanh()).double().append(cases.mlp()).append(nn.PReLU().double()),
    ],
    ids=["hooks", "a forward put there", "own forward", "unknown layer", "unknown last layer"],
)
def test_networks_that_only_look_like_an_mlp_go_through_the_loop(module):
    inputs, targets = cases.vectors()
    objective = ModelObjective(module, CrossEntropy(), inputs, targets)
    plane, where = plane_of(objective), coords(5)
    assert not PlaneAlgebra().applies(reading(objective, plane))
    found = reader(Loop(), objective, plane)(where)[0]
    expected = oracles.plain_loop(
        module, nn.functional.cross_entropy, inputs, targets, plane.origin, plane.axes, where
    )
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-10)


def test_infinite_losses_are_the_same_in_both():
    objective = ModelObjective(cases.mlp(), make(Loss, "squared_error"), *cases.vectors())
    plane = plane_of(objective, size=1.0)
    far = torch.tensor([[0.0, 0.0], [1e200, 0.0], [float("nan"), 0.0]], dtype=torch.float64)
    algebra, loop = read_both(objective, plane, far)
    torch.testing.assert_close(algebra, loop, equal_nan=True)
    assert not bool(algebra[0, 1:].isfinite().any())


@pytest.mark.parametrize("strategy", [PlaneAlgebra(), Loop()])
@pytest.mark.parametrize("batch_norm", ["running", "batch"])
def test_neither_the_users_module_nor_the_data_is_changed(strategy, batch_norm):
    layers = [nn.ReLU(), nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 3)]
    module = cases.filled(nn.Sequential(*layers)).train()
    before = copy.deepcopy(module.state_dict())
    inputs, targets = cases.vectors()
    kept = inputs.clone()
    objective = ModelObjective(module, CrossEntropy(), inputs, targets, batch_norm=batch_norm)
    reader(strategy, objective, plane_of(objective))(coords())
    assert torch.equal(inputs, kept)
    assert module.training
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name]), name
    for name, value in objective.buffers.items():
        assert torch.equal(value, before[name]), name


def test_a_module_that_fails_on_the_way_is_left_unchanged():
    class Failing(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.calls = cases.mlp(), 0

        def forward(self, values):
            self.calls += 1
            if float(self.inner[0].bias.abs().max()) > far:
                raise RuntimeError("no more")
            return self.inner(values)

    module = Failing().train()
    far = float(module.inner[0].bias.detach().abs().max()) + 1e-6
    before = copy.deepcopy(module.state_dict())
    objective = ModelObjective(module, CrossEntropy(), *cases.vectors())
    with pytest.raises(RuntimeError, match="no more"):
        reader(Loop(), objective, plane_of(objective))(coords())
    assert module.training
    assert module.calls == 0
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name]), name


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_a_graphics_card_gives_what_the_processor_gives():
    inputs, targets = cases.vectors()
    here = ModelObjective(cases.mlp(), CrossEntropy(), inputs, targets)
    there = ModelObjective(cases.mlp(), CrossEntropy(), inputs.cuda(), targets.cuda())
    plane = plane_of(here)
    moved = Plane(plane.origin.cuda(), plane.axes.cuda())
    for strategy in (PlaneAlgebra(), Loop()):
        expected = reader(strategy, here, plane)(coords())
        found = reader(strategy, there, moved)(coords().cuda())
        torch.testing.assert_close(found.cpu(), expected, rtol=1e-10, atol=1e-10)


def test_a_layer_with_a_forward_put_there_is_not_shared():
    module = cases.mlp()
    module[0].forward = types.MethodType(lambda self, x: (x @ self.weight.T).tanh(), module[0])
    objective = ModelObjective(module, CrossEntropy(), *cases.vectors())
    plane, where = plane_of(objective), coords(5)
    found = reader(SharedLayers(), objective, plane)(where)[0]
    expected = oracles.plain_loop(
        module, nn.functional.cross_entropy, *cases.vectors(), plane.origin, plane.axes, where
    )
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-10)


@pytest.mark.parametrize("strategy", [None, "vmap"])
def test_torch_says_nothing_of_how_it_batches(strategy):
    layer = nn.utils.parametrizations.weight_norm(nn.Linear(3, 4))
    module = cases.filled(nn.Sequential(layer, nn.Tanh(), nn.Linear(4, 3)))
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        landscape(module, cross_entropy, cases.vectors(), resolution=5, strategy=strategy)
    assert not [str(one.message) for one in heard]
