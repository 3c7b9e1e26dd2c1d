"""ADINE: the lab's own steps are those of the optimizers, and the ratio of steps."""

import numpy as np
import pytest
import torch
from torch import nn

from landscape_core.labs.adine_saddle import (
    STEP,
    AdineSaddle,
    Switch,
    gradient,
    losses,
    ratio,
    saddle_path,
    start,
    stepped,
)
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.network_objective import ModelObjective
from landscape_core.training.optimizers.adine import ADINE


@pytest.fixture
def data():
    drawn = torch.Generator().manual_seed(0)
    inputs = torch.rand(64, 30, generator=drawn, dtype=torch.float64)
    return inputs, torch.randint(10, (30,), generator=drawn)


def switches():
    return [Switch(0.9, 1.0001), Switch(0.9), Switch(0.99)]


def test_the_gradient_is_that_of_autograd(data):
    theta = [each.requires_grad_() for each in start(1, 3)]
    expected = torch.autograd.grad(losses(theta, *data).sum(), theta)
    found = gradient([each.detach() for each in theta], *data)
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other, rtol=1e-10, atol=1e-14)


def test_steps_are_those_of_the_optimizers(data):
    inputs, labels = data
    network = nn.Sequential(
        nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 10)
    ).double()
    theta, velocity, used = start(1, 3), [torch.zeros(())] * 6, switches()
    with torch.no_grad():
        for own, each in zip(network.parameters(), theta, strict=True):
            own.copy_(each[0].view_as(own))
    objective = ModelObjective(network, CrossEntropy(), inputs.T.contiguous(), labels)
    rules = [ADINE(learning_rate=0.1)]
    rules += [ADINE(learning_rate=0.1, momentum=m, greater_momentum=m) for m in (0.9, 0.99)]
    points = [objective.start] * 3
    memories = [rule.init(objective.start) for rule in rules]
    for step in range(12):
        batch = torch.arange(step, step + 10)
        theta, velocity, _ = stepped(theta, velocity, used, inputs[:, batch], labels[batch], 0.1)
        for k, rule in enumerate(rules):
            points[k], memories[k] = rule.step(objective.minibatch(batch), points[k], memories[k])
    for k, point in enumerate(points):
        found = torch.cat([each[k].flatten() for each in theta])
        assert torch.allclose(found, point, rtol=1e-9, atol=1e-12)


def test_the_greater_momentum_is_used_while_the_smoothed_loss_does_not_increase():
    switch = Switch(0.9, 1.0001)
    assert [switch.momentum(loss) for loss in (1.0, 0.5, 0.7, 2.0, 1.0)] == [
        1.0001, 1.0001, 1.0001, 0.9, 1.0001,
    ]  # fmt: skip
    assert Switch(0.9).momentum(1.0) == 0.9


def test_more_momentum_leaves_the_saddle_in_fewer_steps():
    found = next(AdineSaddle().work(0))
    none, usual, high, beyond, adaptive = found["escape"].values
    assert np.isnan(none)
    assert beyond < high < adaptive < usual
    assert beyond < 0.4 * usual
    assert f"0.9: {usual:.0f} steps" in found["ball"].values.tolist()


def test_a_path_over_the_saddle_is_that_of_gradient_descent_without_momentum():
    path = saddle_path(Switch(0.0), 1e-3, 3)
    x, y = 0.3, 1e-3
    for found in path:
        assert found == pytest.approx([x, y], rel=1e-12)
        x, y = 0.99 * x, y + 0.01 * (y / 10 - y**3)


def test_the_ratio_of_steps():
    falling = np.linspace(1.0, 0.0, len(STEP))
    fast = np.maximum(0.0, 1.0 - 2.0 * STEP / STEP[-1])
    assert ratio(np.stack([fast, falling, falling]), STEP) == pytest.approx(0.5, abs=0.02)
    never = np.ones(len(STEP))
    assert ratio(np.stack([fast, never, fast]), STEP) == pytest.approx(0.4, abs=0.02)
    assert ratio(np.stack([never, fast, fast]), STEP) == np.inf
    assert np.isnan(ratio(np.full((3, len(STEP)), np.nan), STEP))
