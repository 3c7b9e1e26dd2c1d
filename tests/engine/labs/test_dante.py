"""DANTE: the lab's own steps are those of the optimizers, gradients, and the best of rates."""

import numpy as np
import pytest
import torch
from torch import nn

from landscape_core.labs.dante import (
    DRAWN,
    LAST,
    RATES,
    best,
    gradient,
    losses,
    ratio,
    scales,
    start,
    walk_pictures,
)
from landscape_core.models.network_objective import ModelObjective
from landscape_core.training.optimizers.dante import DANTE
from landscape_core.training.optimizers.sgd import SGD

ALL = [rate for each in RATES for rate in each]


def squared(outputs, targets):
    return (outputs - targets).square().sum(1)


@pytest.fixture
def images():
    drawn = torch.Generator().manual_seed(0)
    return torch.rand(64, 30, generator=drawn, dtype=torch.float64)


@pytest.mark.parametrize("hidden", ["sigmoid", "relu"])
def test_the_gradient_is_that_of_autograd(images, hidden):
    theta = [each.requires_grad_() for each in start(1, 2, torch.float64)]
    expected = torch.autograd.grad(losses(theta, images, hidden).sum(), theta)
    found = gradient([each.detach() for each in theta], images, hidden)
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other, rtol=1e-10, atol=1e-14)


def test_steps_are_those_of_the_optimizers(images):
    network = nn.Sequential(nn.Linear(64, 32), nn.Sigmoid(), nn.Linear(32, 64), nn.Sigmoid())
    theta = start(1, len(ALL), torch.float64)
    with torch.no_grad():
        for own, each in zip(network.double().parameters(), theta, strict=True):
            own.copy_(each[0].view_as(own))
    shown = images.T.contiguous()
    objective = ModelObjective(network, squared, shown, shown)
    rules = [SGD(learning_rate=rate) for rate in RATES[0]]
    rules += [DANTE(learning_rate=rate) for rate in RATES[1]]
    rules += [DANTE(learning_rate=rate, normalized=False) for rate in RATES[2]]
    points = [objective.start] * len(rules)
    memories = [rule.init(objective.start) for rule in rules]
    for step in range(12):
        batch = torch.arange(step, step + 10)
        slopes = gradient(theta, images[:, batch], "sigmoid")
        factors = scales(slopes, second=(step // 5) % 2 == 0)
        theta = [each - s * g for each, s, g in zip(theta, factors, slopes, strict=True)]
        part = objective.minibatch(batch)
        for k, rule in enumerate(rules):
            points[k], memories[k] = rule.step(part, points[k], memories[k])
    for k, point in enumerate(points):
        found = torch.cat([each[k].flatten() for each in theta])
        assert torch.allclose(found, point, rtol=1e-9, atol=1e-12)


def test_the_plane_begins_at_the_start_and_ends_at_the_last_iterate(images):
    first = start(0, len(ALL), torch.float64)
    slopes = gradient(first, images, "sigmoid")
    last = [each - g for each, g in zip(first, slopes, strict=True)]
    found = walk_pictures([first, last], images, "sigmoid")
    for side in ("path_x", "path_y"):
        dims, values = found[side]
        assert dims == ("path", "walk")
        assert np.allclose(values, [[0, 1], [0, 1]], atol=1e-12)
    dims, heights = found["height"]
    assert dims == ("ground_y", "ground_x")
    assert np.isfinite(heights).all()


def test_before_its_first_turn_a_layer_has_not_moved(images):
    first = start(0, len(ALL), torch.float64)
    later = [first[0] + 1, first[1], first[2] + 1, first[3]]
    later[0][DRAWN[1]], later[0][DRAWN[0]] = first[0][DRAWN[1]], first[0][DRAWN[0]] + 1
    found = walk_pictures([first, later], images, "sigmoid")
    assert found["path_x"][1][1].tolist() == [0, 0]
    assert np.isnan(found["path_x"][1][0]).all()
    assert found["path_y"][1][1].tolist() == pytest.approx([0, 1])


def test_the_best_of_rates_leaves_out_those_that_diverged():
    found = best(np.array([[3.0, 2.0, np.nan], [np.nan, np.inf, np.nan]]))
    assert found.tolist() == [2.0, np.inf]


def test_the_ratio_is_that_of_means_with_the_best_rates():
    loss = np.ones((3, 3, len(LAST) + 4))
    loss[0, 1, -len(LAST) :] = 0.5
    loss[1, 2, -len(LAST) :] = np.linspace(0.2, 0.4, len(LAST))
    loss[1, 0, -1] = np.nan
    assert ratio(loss) == pytest.approx(0.6)
    loss[0, :, -1] = np.nan
    assert np.isnan(ratio(loss))
