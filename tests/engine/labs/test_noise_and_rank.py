"""A deep linear network with noise: gradients, and what keeps the rank."""

import pytest
import torch

from landscape_core.labs.noise_and_rank import (
    Data,
    NoiseAndRank,
    clipped,
    dropout_gradient,
    examples,
    loss,
    moment_gradient,
    product,
    rank,
    start,
)


@pytest.fixture
def data():
    drawn = torch.Generator().manual_seed(0)
    return Data(*examples(0, 10), size=0.0, drawn=drawn)


def test_the_gradient_from_moments_is_that_of_autograd(data):
    layers = start(1, 7).repeat(10, 1, 1, 1).requires_grad_()
    value = loss(product(layers), data.inputs, data.targets).sum()
    (expected,) = torch.autograd.grad(value, layers)
    found = moment_gradient(layers.detach(), *data.moments())
    assert torch.allclose(found, expected, rtol=1e-12, atol=1e-13)


def test_the_gradient_with_dropout_is_that_of_autograd(data):
    drawn = torch.Generator().manual_seed(1)
    masks = (torch.rand(2, 10, 200, generator=drawn) > 0.3).double() / 0.7
    layers = start(1, 10).requires_grad_()
    hidden = masks[1] * (layers[1] @ (masks[0] * (layers[0] @ data.inputs)))
    value = (layers[2] @ hidden - data.targets).square().sum() / 400
    (expected,) = torch.autograd.grad(value, layers)
    found = dropout_gradient(layers.detach(), data.inputs, data.targets, masks)
    assert torch.allclose(found, expected, rtol=1e-12, atol=1e-13)
    whole = dropout_gradient(layers.detach(), data.inputs, data.targets, torch.ones_like(masks))
    plain = moment_gradient(layers.detach()[None].repeat(10, 1, 1, 1), *data.moments())[0]
    assert torch.allclose(whole, plain, rtol=1e-12, atol=1e-13)


def test_the_start_has_its_rank_and_descent_without_noise_keeps_it(data):
    layers = start(2, 3).repeat(10, 1, 1, 1)
    values = torch.linalg.svdvals(product(layers))
    assert torch.allclose(values[:, :3], torch.tensor(0.8**3, dtype=torch.float64))
    assert float(values[:, 3:].max()) < 1e-15
    for _ in range(100):
        layers = layers - 0.05 * clipped(moment_gradient(layers, *data.moments()))
    values = torch.linalg.svdvals(product(layers))
    assert float(values[:, 3:].max()) < 1e-14
    assert rank(values).tolist() == [3] * 10


def test_noise_that_passes_through_the_layers_keeps_the_rank_and_gradient_noise_does_not():
    seen = next(one for one in NoiseAndRank().work(0) if one["rank"].notnull()[20].all())
    assert int(seen["step"][20]) < 100
    kept = ["none", "dropout", "inputs", "inputs, fixed", "labels", "labels, fixed"]
    assert seen["rank"][20].sel(noise=kept).values.tolist() == [3] * len(kept)
    assert float(seen["singular_value"][20, 3]) > 1e-6


def test_targets_have_the_rank_asked_for():
    inputs, targets = examples(0, 3)
    matrix = targets @ inputs.T @ torch.linalg.inv(inputs @ inputs.T)
    values = torch.linalg.svdvals(matrix)
    assert torch.allclose(values[:3], torch.linspace(2, 1, 10, dtype=torch.float64)[:3])
    assert float(values[3:].max()) < 1e-12


def test_clipping_shortens_long_gradients_alone():
    slopes = torch.stack([torch.ones(3, 10, 10), 0.1 * torch.ones(3, 10, 10)]).double()
    found = clipped(slopes).flatten(1).norm(dim=1)
    assert found[0] == pytest.approx(10.0)
    assert torch.equal(clipped(slopes)[1], slopes[1])
