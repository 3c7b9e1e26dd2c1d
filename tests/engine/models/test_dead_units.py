"""Dead units: constant within the radius, a local minimum that is not the best point."""

import pytest
import torch

from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.models.architectures.convnet import ConvNet
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.datasets.moons import Moons
from landscape_core.models.initializations.dead_units import DeadUnits
from landscape_core.models.initializations.he import He
from landscape_core.models.normalizations.batch import Batch
from landscape_core.models.problems.supervised import Supervised
from landscape_core.training.optimizers.sgd import SGD
from landscape_core.training.run import Run, train

SHAPES = [(MLP(depth=3, width=8), (5,)), (ConvNet(), (1, 8, 8))]


@pytest.mark.parametrize(("architecture", "shape"), SHAPES, ids=["mlp", "convnet"])
def test_all_hidden_units_are_negative_within_the_radius(architecture, shape):
    start = architecture.replace(initialization=DeadUnits(radius=3.0))
    network = start.build(shape, 2, random_streams.stream(0, "init"))
    inputs = torch.randn(500, *shape, generator=torch.Generator().manual_seed(0))
    inputs *= 2.99 / inputs.flatten(1).norm(dim=1).reshape(-1, *[1] * len(shape))
    seen = []
    layers = [one for one in network.modules() if isinstance(one, torch.nn.ReLU)]
    for layer in layers:
        layer.register_forward_pre_hook(lambda _, given: seen.append(given[0].max().item()))
    outputs = network(inputs)
    assert len(seen) == len(layers) > 0
    assert max(seen) < 0
    assert torch.equal(outputs, outputs[:1].expand(500, -1))
    assert float(network(1000 * inputs).detach().std(0).max()) > 0


def test_weights_are_those_of_he():
    one, other = (
        MLP(initialization=start).build((4,), 2, random_streams.stream(1, "init"))
        for start in (DeadUnits(), He())
    )
    for name, value in one.named_parameters():
        assert torch.equal(value, other.get_parameter(name)) == (
            name.endswith("weight") or "4." in name
        )


@pytest.mark.parametrize(
    ("architecture", "shape"),
    [
        (MLP(depth=0), (3,)),
        (MLP(activation="identity"), (3,)),
        (ConvNet(normalization=Batch()), (1, 8, 8)),
    ],
    ids=["no hidden layer", "linear", "normalization"],
)
def test_networks_that_are_not_constant_are_refused(architecture, shape):
    start = architecture.replace(initialization=DeadUnits())
    with pytest.raises(SpecError, match="a network with a hidden layer, biases"):
        start.build(shape, 2, random_streams.stream(0, "init"))


def test_other_activation_functions_are_refused():
    start = MLP(activation="tanh", initialization=DeadUnits())
    with pytest.raises(SpecError, match="must be relu or binary or identity; got 'tanh'"):
        start.build((3,), 2, random_streams.stream(0, "init"))


def test_descent_ends_at_a_local_minimum_above_a_better_point():
    problem = Supervised(
        dataset=Moons(points=60), architecture=MLP(depth=2, width=6, initialization=DeadUnits())
    )
    run = Run(problem=problem, optimizer=SGD(learning_rate=0.5), steps=60, batch_size=60)
    *_, state = train(run)
    objective = problem.build(run.seed).train.in_double()
    theta = state.theta.double()
    trap = float(objective.loss(theta))
    shares = torch.bincount(objective.targets).double() / len(objective.targets)
    entropy = -float((shares * shares.log()).sum())
    assert trap == pytest.approx(entropy, abs=1e-6)  # of the best constant
    drawn = torch.Generator().manual_seed(0)
    moves = torch.randn(200, len(theta), generator=drawn, dtype=torch.float64)
    nearby = objective.losses(theta + 1e-2 * moves / moves.norm(dim=1, keepdim=True))
    assert float(nearby.min()) >= trap - 1e-9
    better = problem.replace(architecture=problem.architecture.replace(initialization=He()))
    *_, other = train(run.replace(problem=better, steps=200))
    assert float(objective.loss(other.theta.double())) < 0.6 * trap
