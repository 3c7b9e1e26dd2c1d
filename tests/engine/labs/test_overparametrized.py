"""Over-parameterized networks: gradients, the tangent kernel, projections and the slope."""

import numpy as np
import pytest
import torch
from torch.nn.functional import logsigmoid

from landscape_core.labs.overparametrized import (
    Network,
    Overparametrized,
    examples,
    projected,
    slope,
    start,
)


@pytest.fixture
def setting():
    inputs, labels = examples(0, "random")
    weights = start(torch.Generator().manual_seed(1), 8, 3)
    return Network(8, 1.5), weights, inputs, labels


def outputs(network, weights, inputs):
    return network.hidden(weights, inputs)[-1] @ network.output


def test_the_gradient_is_that_of_autograd(setting):
    network, weights, inputs, labels = setting
    free = [w.clone().requires_grad_() for w in weights]
    loss = -logsigmoid(labels * outputs(network, free, inputs)).mean()
    expected = torch.autograd.grad(loss, free)
    value, found = network.loss_and_gradient(weights, inputs, labels)
    assert value == pytest.approx(loss.item(), rel=1e-12)
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other, rtol=1e-11, atol=1e-14)


def test_the_kernel_holds_the_products_of_the_gradients_of_the_outputs(setting):
    network, weights, inputs, _ = setting
    rows = []
    for x in inputs[:6]:
        free = [w.clone().requires_grad_() for w in weights]
        slopes = torch.autograd.grad(outputs(network, free, x[None])[0], free)
        rows.append(torch.cat([each.flatten() for each in slopes]))
    jacobian = torch.stack(rows)
    found = network.kernel(weights, inputs[:6])
    assert torch.allclose(found, jacobian @ jacobian.T, rtol=1e-11, atol=1e-12)


def test_nothing_has_changed_between_a_network_and_itself(setting):
    network, weights, inputs, _ = setting
    kernel = network.kernel(weights, inputs)
    assert network.changes(weights, weights, inputs, kernel) == {
        "movement": 0.0, "flips": 0.0, "drift": 0.0,
    }  # fmt: skip
    longer = network.changes(weights, [1.5 * weights[0], *weights[1:]], inputs, kernel)
    assert longer["movement"] == pytest.approx(0.5 / 3, rel=1e-12)
    assert longer["flips"] == 0.0


def test_the_projection_keeps_the_distances_of_a_plane_path():
    t = torch.linspace(0, 1, 20, dtype=torch.float64)
    path = torch.zeros(20, 7, dtype=torch.float64)
    path[:, 0], path[:, 3], path[:, 5] = 2.0, 2 * t, t * (1 - t)
    x, y = projected(path)
    assert np.allclose(x, t.numpy(), atol=1e-12)
    assert np.allclose(y, (t * (1 - t) / 2).numpy(), atol=1e-10)


def test_the_slope_is_that_of_a_power_law():
    widths = np.array([32.0, 64.0, 128.0])
    assert slope(widths, 3 * widths**-0.5) == pytest.approx(-0.5)
    assert np.isnan(slope(widths, np.array([1.0, 0.5, np.nan])))


@pytest.mark.parametrize(
    ("widest", "widths"), [(64, [32, 64]), (100, [32, 64, 100]), (256, [32, 64, 128, 256])]
)
def test_the_greatest_width_is_the_one_that_was_asked_for(widest, widths):
    first = next(iter(Overparametrized(widest=widest).work(0)))
    assert first["width"].values.tolist() == widths
