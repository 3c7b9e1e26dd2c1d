"""Switchable normalization against the layers of torch that it mixes."""

import pytest
import torch
from torch import nn

from landscape_core.models.normalizations.switchable import Switchable

LARGE = 40.0


def images():
    drawn = torch.Generator().manual_seed(0)
    return 2 + 3 * torch.randn(4, 6, 5, 5, generator=drawn, dtype=torch.float64)


def layer(values, chosen=None):
    found = Switchable().layer(values.shape[1], values.ndim - 2).double()
    if chosen is not None:
        with torch.no_grad():
            for weights in (found.mean_weight, found.var_weight):
                weights.zero_()
                weights[chosen] = LARGE
    return found


@pytest.mark.parametrize(
    ("chosen", "other"),
    [(0, nn.InstanceNorm2d(6)), (1, nn.GroupNorm(1, 6)), (2, nn.BatchNorm2d(6))],
    ids=["instance", "layer", "batch"],
)
def test_with_all_weight_on_one_kind_it_is_the_layer_of_torch(chosen, other):
    values = images()
    found = layer(values, chosen)
    torch.testing.assert_close(found(values), other.double()(values))


@pytest.mark.parametrize(
    ("chosen", "other"), [(0, nn.LayerNorm(6)), (1, nn.BatchNorm1d(6))], ids=["layer", "batch"]
)
def test_for_vectors_it_mixes_layer_and_batch_normalization(chosen, other):
    values = images()[:, :, 0, 0]
    torch.testing.assert_close(layer(values, chosen)(values), other.double()(values))


def test_means_and_variances_are_mixed_by_their_own_softmax():
    values, found = images(), layer(images())
    with torch.no_grad():
        found.mean_weight.copy_(torch.tensor([0.3, -0.4, 1.0]))
        found.var_weight.copy_(torch.tensor([-1.0, 0.2, 0.5]))
        found.weight.copy_(torch.linspace(0.5, 2, 6))
        found.bias.copy_(torch.linspace(-1, 1, 6))
    dims = [(2, 3), (1, 2, 3), (0, 2, 3)]
    center = sum(
        w * values.mean(d, keepdim=True)
        for w, d in zip(found.mean_weight.softmax(0), dims, strict=True)
    )
    spread = sum(
        w * values.var(d, correction=0, keepdim=True)
        for w, d in zip(found.var_weight.softmax(0), dims, strict=True)
    )
    expected = (values - center) / (spread + 1e-5).sqrt()
    expected = expected * found.weight[:, None, None] + found.bias[:, None, None]
    torch.testing.assert_close(found(values), expected)


def test_in_evaluation_batch_statistics_are_the_running_averages_of_torch():
    values, found, other = images(), layer(images(), 2), nn.BatchNorm2d(6, affine=False).double()
    for shift in range(3):
        found(values + shift)
        other(values + shift)
    assert torch.equal(found.batch.running_mean, other.running_mean)
    torch.testing.assert_close(found.eval()(values[:1]), other.eval()(values[:1]))
    assert not torch.equal(found.batch.running_mean, torch.zeros(6))


def test_a_large_mean_does_not_cost_the_variance_its_digits():
    values = images().float()
    found = Switchable().layer(6, 2)
    torch.testing.assert_close(found(values + 3000), found(values), rtol=1e-2, atol=1e-2)
