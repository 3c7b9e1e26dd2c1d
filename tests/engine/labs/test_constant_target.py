"""The network, its gradient and the Lyapunov function of `constant_target`, in float64."""

import numpy as np
import pytest
import torch

from landscape_core.labs import constant_target as lab
from landscape_core.labs.constant_target import ConstantTarget

TARGET = -1.5


@pytest.fixture
def layers():
    return lab.start(0, 2)


@pytest.fixture
def inputs():
    return torch.rand(3, 50, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def leaves(layers):
    return [
        (weight.clone().requires_grad_(), bias.clone().requires_grad_()) for weight, bias in layers
    ]


def test_the_gradient_is_that_of_autograd(layers, inputs):
    free = leaves(layers)
    lab.risk(free, inputs, TARGET).sum().backward()
    for (dw, db), (weight, bias) in zip(lab.gradient(layers, inputs, TARGET), free, strict=True):
        assert torch.allclose(dw, weight.grad, rtol=1e-12, atol=1e-14)
        assert torch.allclose(db, bias.grad, rtol=1e-12, atol=1e-14)


def test_the_lyapunov_identity_holds(layers, inputs):
    """⟨∇V, ∇R⟩ = 4K·R for the risk on any inputs."""
    free = leaves(layers)
    lab.lyapunov(free, TARGET).sum().backward()
    found = sum(
        (grad * free_part.grad).sum((1, 2))
        for parts, free_parts in zip(lab.gradient(layers, inputs, TARGET), free, strict=True)
        for grad, free_part in zip(parts, free_parts, strict=True)
    )
    expected = 4 * lab.LAYERS * lab.risk(layers, inputs, TARGET)
    assert torch.allclose(found, expected, rtol=1e-8)


def test_the_outputs_are_those_of_a_plain_network(layers, inputs):
    hidden = inputs
    for weight, bias in layers[:-1]:
        hidden = (weight[0] @ hidden + bias[0]).clamp(min=0)
    plain = layers[-1][0][0] @ hidden + layers[-1][1][0]
    assert torch.allclose(lab.outputs(layers, inputs)[0], plain, rtol=1e-12)


def test_schedules_sum_as_they_say():
    rates = ConstantTarget(learning_rate=0.1, exponent=0.5).rates()
    late = 1 + np.arange(lab.STEPS) / lab.DELAY
    assert rates[0].tolist() == [0.1] * lab.STEPS
    assert np.allclose(rates[1], 0.1 / np.sqrt(late))
    assert np.allclose(rates[2], 0.1 / late)
    assert float(rates[3].sum()) < 0.1 * 0.4 * (lab.DELAY + 1)  # of infinitely many steps, too
