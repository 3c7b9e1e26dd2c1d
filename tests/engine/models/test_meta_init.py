"""MetaInit against dense Hessians and differences of its quotient, step by step."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.initializations.gaussian import Gaussian
from landscape_core.models.initializations.meta_init import (
    EPSILON,
    MetaInit,
    gradient_quotient,
    random_loss,
)


def drawn(seed=0):
    return torch.Generator().manual_seed(seed)


def small(outputs=3):
    recipe = MLP(depth=2, width=4, activation="tanh", initialization=MetaInit(steps=1))
    return recipe.build((3,), outputs, drawn()).double()


def quotient(net, inputs, targets):
    """GQ by its definition, with the whole Hessian."""
    names, start = zip(*net.named_parameters(), strict=True)
    sizes = [one.numel() for one in start]

    def loss(theta):
        pieces = theta.split(sizes)
        own = {n: p.view(s.shape) for n, p, s in zip(names, pieces, start, strict=True)}
        return cross_entropy(torch.func.functional_call(net, own, (inputs,)), targets)

    theta = torch.cat([one.detach().flatten() for one in start])
    hessian = torch.autograd.functional.hessian(loss, theta)
    g = torch.autograd.functional.jacobian(loss, theta)
    sign = torch.where(g >= 0, 1.0, -1.0)
    return float((((g - hessian @ g) / (g + EPSILON * sign)) - 1).abs().mean())


def test_the_gradient_quotient_is_its_definition():
    net, inputs, targets = small(), torch.randn(7, 3).double(), torch.randint(3, (7,))
    found = gradient_quotient(cross_entropy(net(inputs), targets), list(net.parameters()))
    assert float(found.detach()) == pytest.approx(quotient(net, inputs, targets), rel=1e-9)


def test_norms_take_the_steps_of_the_algorithm_and_nothing_else_changes():
    recipe = MetaInit(steps=4, learning_rate=0.03, examples=6)
    net = small()
    expected = copy.deepcopy(net)
    recipe.settle(net, (3,), drawn(1))
    rng = drawn(1)
    weights = [layer.weight for layer in expected if isinstance(layer, nn.Linear)]
    velocities = [0.0] * len(weights)
    for _ in range(4):
        inputs = torch.randn(6, 3, generator=rng).double()
        targets = torch.randint(3, (6,), generator=rng)
        signs = []
        for weight in weights:
            values = weight.detach().clone()
            ends = []
            for change in (1 + 1e-6, 1 - 1e-6):
                weight.data = change * values
                ends.append(quotient(expected, inputs, targets))
            weight.data = values
            signs.append(1.0 if ends[0] > ends[1] else -1.0)
        for k, weight in enumerate(weights):
            velocities[k] = 0.9 * velocities[k] - 0.03 * signs[k]
            norm = float(weight.detach().norm())
            weight.data *= (norm + velocities[k]) / norm
    for one, other in zip(net.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("gain", [1.0, 2.0])
def test_the_quotient_falls_at_least_twofold(gain):
    recipe = MLP(depth=6, width=16, activation="tanh", initialization=Gaussian(gain=gain))
    net, inputs = recipe.build((6,), 4, drawn()), torch.randn(128, 6, generator=drawn(2))

    def value():
        loss = random_loss(net(inputs), drawn(3))
        return float(gradient_quotient(loss, list(net.parameters())).detach())

    before = value()
    MetaInit(steps=50).settle(net, (6,), drawn(4))
    assert value() < before / 2


def test_one_output_has_the_logistic_loss():
    outputs = torch.tensor([[0.3], [-1.0], [2.0]])
    targets = torch.randint(2, (3,), generator=drawn(5)).float()
    expected = binary_cross_entropy_with_logits(outputs[:, 0], targets)
    torch.testing.assert_close(random_loss(outputs, drawn(5)), expected)
    recipe = MLP(depth=1, width=3, initialization=MetaInit(steps=2))
    assert all(one.isfinite().all() for one in recipe.build((2,), 1, drawn()).parameters())


def test_layers_of_zeros_and_the_mode_stay_as_they_are():
    net = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 2)).train()
    nn.init.zeros_(net[0].weight)
    MetaInit(steps=3).settle(net, (3,), drawn())
    assert net.training
    assert not net[0].weight.any()
    assert net[2].weight.isfinite().all()
