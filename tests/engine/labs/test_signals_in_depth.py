"""Signals in deep networks: Jacobians, small singular values, the edge of chaos, the criterion."""

import math

import mpmath
import numpy as np
import pytest
import torch
from torch import nn

from landscape_core.foundation.errors import SpecError
from landscape_core.labs.signals_in_depth import LEAST, SignalsInDepth, deep, finished
from landscape_core.models.initializations.gaussian import Gaussian
from landscape_core.models.initializations.he import He
from landscape_core.models.initializations.lsuv import LSUV
from landscape_core.models.initializations.mean_field import MeanField
from landscape_core.models.initializations.meta_init import MetaInit
from landscape_core.models.initializations.orthogonal import Orthogonal
from landscape_core.models.normalizations.batch import Batch
from landscape_core.models.normalizations.instance import Instance
from landscape_core.models.normalizations.layer import Layer
from landscape_core.models.normalizations.none import NoNormalization
from landscape_core.models.normalizations.weight import Weight

PLAIN = (0.0, 1.0)


def test_an_initialization_that_takes_its_time_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(SignalsInDepth, "network", None)  # no network is built yet
    lab = SignalsInDepth(initialization=MetaInit())
    first = next(lab.work(0))
    assert math.isnan(first["effect"])
    assert bool(first["signal"].isnull().all())


def drawn(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=drawn(seed), dtype=torch.float64)


def chain(
    depth=3, *, initialization=None, normalization=None, activation="tanh", skip=PLAIN, **more
):
    stack = deep.Stack(
        initialization=initialization or Gaussian(),
        normalization=normalization or NoNormalization(),
        activation=activation, depth=depth, skip=skip,
    )  # fmt: skip
    return stack.network(drawn(1), **more)


def product_of(network, inputs):
    values, _ = deep.signals(network, inputs, inputs)
    found = torch.eye(deep.WIDTH, dtype=torch.float64)
    for factor in deep.jacobians(network, values):
        found = factor @ found
    return values, found


@pytest.mark.parametrize("normalization", [NoNormalization(), Layer(), Weight()])
@pytest.mark.parametrize(("activation", "skip"), [("tanh", PLAIN), ("relu", (1.0, 0.5))])
def test_jacobians_of_layers_multiply_to_that_of_the_network(normalization, activation, skip):
    network = chain(normalization=normalization, activation=activation, skip=skip)
    inputs = normal(4, deep.WIDTH, seed=2)
    values, found = product_of(network, inputs)
    expected = torch.autograd.functional.jacobian(network, inputs[:1])[0, :, 0]
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(values[-1], network(inputs).detach())


def test_batch_normalization_holds_the_statistics_of_its_batch():
    network = chain(depth=1, normalization=Batch())
    inputs = normal(16, deep.WIDTH, seed=2)
    values, found = product_of(network, inputs)
    linear = network[0].branch[0]
    before = inputs @ linear.weight.T
    deviation = (before.var(0, correction=0) + 1e-5).sqrt()
    outputs = ((before - before.mean(0)) / deviation).tanh()
    torch.testing.assert_close(values[1], outputs)
    slopes = (1 - outputs[0] ** 2) / deviation
    torch.testing.assert_close(found, slopes[:, None] * linear.weight, rtol=1e-9, atol=1e-12)


def test_norms_of_gradients_are_those_of_the_rest_of_the_network():
    network, inputs, outer = chain(), normal(5, deep.WIDTH), normal(5, deep.WIDTH, seed=3)
    values, found = deep.signals(network, inputs, outer)
    for start in range(4):
        free = values[start].clone().requires_grad_()
        (network[start:](free) * outer).sum().backward()
        assert found[start] == pytest.approx(float(free.grad.norm()), rel=1e-12)


def test_small_singular_values_of_a_long_product_are_exact():
    size, count = 5, 40
    factors = normal(count, size, size, seed=4) / size**0.5
    product = deep.LongProduct(size, drawn(5))
    with mpmath.workdps(120):
        exact = mpmath.eye(size)
        for factor in factors:
            product.extend(factor)
            exact = mpmath.matrix(factor.tolist()) * exact
        expected = [float(mpmath.log10(value)) for value in mpmath.svd_r(exact, compute_uv=False)]
    assert expected[0] - expected[-1] > 20  # far more than the digits of a double
    np.testing.assert_allclose(product.logarithms(), expected, rtol=0, atol=1e-10)


def test_directions_that_are_lost_have_no_logarithm_and_the_others_keep_theirs():
    off = torch.diag(torch.tensor([0.0, 1.0, 1.0, 0.0, 1.0, 1.0], dtype=torch.float64))
    factors = [off @ normal(6, 6, seed=k) for k in range(3)]
    product, whole = deep.LongProduct(6, drawn()), torch.eye(6, dtype=torch.float64)
    for factor in factors:
        product.extend(factor)
        whole = factor @ whole
    found = product.logarithms()
    expected = torch.linalg.svdvals(whole)[:4].log10().numpy()
    np.testing.assert_allclose(found[:4], expected, atol=1e-9)
    assert (found[4:] == -np.inf).all()
    product.extend(torch.zeros(6, 6, dtype=torch.float64))
    product.extend(factors[0])
    assert (product.logarithms() == -np.inf).all()


def test_the_control_has_the_variances_and_the_biases_of_the_network():
    kinds = {"initialization": LSUV(), "normalization": Weight()}
    own, control = (chain(**kinds, gaussian=gaussian) for gaussian in (False, True))
    for one, other in zip(own, control, strict=True):
        weight, drawn_anew = (layer.branch[0].weight for layer in (one, other))
        assert deep.scale(drawn_anew) == pytest.approx(deep.scale(weight), rel=0.05)
        assert abs(float((weight * drawn_anew).mean())) < 0.1 * deep.scale(weight) ** 2
    biased = MeanField(sigma_w=1.3, sigma_b=0.4)
    own, control = (chain(initialization=biased, gaussian=one) for one in (False, True))
    assert torch.equal(own[1].branch[0].bias, control[1].branch[0].bias)
    assert deep.plane_point(own) == pytest.approx((1.3, 0.4), rel=0.15)


def test_the_edge_of_chaos_is_the_one_that_is_known():
    zero_and_known = np.array([0.0, 0.05**0.5])
    found = deep.edge("tanh", zero_and_known)
    # Schoenholz et al., 2017: χ = 1 at σ_w² = 1.76 for σ_b² = 0.05.
    np.testing.assert_allclose(found**2, [1.0, 1.76], rtol=2e-3)
    np.testing.assert_allclose(deep.edge("relu", zero_and_known), math.sqrt(2.0), rtol=1e-9)
    np.testing.assert_allclose(deep.edge("identity", zero_and_known), 1.0, rtol=1e-9)


def plane(activation, sigma_w, sigma_b):
    numbers = deep.Drawn.by(np.random.default_rng(0), 30, 300, 8)
    return deep.growth(activation, sigma_w, np.array([sigma_b]), numbers)[0]


def test_measured_growth_is_that_of_the_mean_field():
    assert plane("relu", 2.0, 0.5) == pytest.approx(math.log10(2.0), abs=0.02)
    assert plane("identity", 0.5, 0.3) == pytest.approx(2 * math.log10(0.5), abs=0.02)
    on_the_edge = float(deep.edge("tanh", np.array([0.4]))[0])
    assert plane("tanh", on_the_edge, 0.4) == pytest.approx(0.0, abs=0.02)
    assert plane("tanh", 0.7 * on_the_edge, 0.4) < -0.1 < 0.1 < plane("tanh", 2.0, 0.1)


@pytest.mark.parametrize(("factors", "steps"), [(3, 102), (5, 251), (7, 644), (9, 1843)])
def test_steps_to_escape_are_those_that_were_measured_before(factors, steps):
    assert deep.escape(np.full(factors, 0.5), 0.01, 10_000) == pytest.approx(steps, abs=1)


def test_steps_to_escape_follow_the_gradient_of_the_loss():
    start = np.array([0.42, 0.5, 0.58])
    weights = torch.tensor(start, requires_grad=True)
    steps = 0
    while float(weights.detach().prod()) <= 0.5:
        (slope,) = torch.autograd.grad((weights.prod() - 1) ** 2 / 2, weights)
        weights = (weights - 0.01 * slope).detach().requires_grad_()
        steps += 1
    assert deep.escape(start, 0.01, 1000) == steps
    assert math.isnan(deep.escape(start, 0.01, steps - 1))


def test_the_effect_is_the_difference_of_the_smallest_values_at_the_last_layer():
    found = SignalsInDepth(depth=4).empty()
    assert np.isnan(finished(found)["effect"])
    found["log_value"].values[0] = np.linspace(0, -2, 64)
    found["log_value"].values[1] = np.linspace(0, -20, 64)
    whole = finished(found)
    assert float(whole["effect"]) == pytest.approx(18.0)
    assert whole["median"].values[1, -1] == pytest.approx(-10.0)
    assert whole["condition"].values[0, -1] == pytest.approx(2.0)
    found["log_value"].values[0, -1, -1] = -np.inf
    lost = finished(found)
    assert float(lost["effect"]) == pytest.approx(LEAST + 20)
    assert np.isnan(lost["log_value"].values[0, -1, -1])
    found["log_value"].values[1, -1, -1] = -np.inf
    assert float(finished(found)["effect"]) == 0.0


def last(**settings):
    *_, found = SignalsInDepth(depth=8, **settings).work(1)
    return found


def test_orthogonal_weights_are_an_isometry_in_linear_networks_and_not_with_relu():
    linear = last(activation="identity")
    assert np.abs(linear["log_value"].values[0]).max() < 1e-6  # weights are float32 numbers
    assert linear["smallest"].values[1, -1] < -3
    bent = last(activation="relu")
    assert (np.isnan(bent["log_value"].values[:, -1]).sum(-1) > 16).all()
    assert float(bent["effect"]) == 0.0
    assert np.isfinite(linear["growth"].values).all()
    assert (np.diff(linear["steps"].values) > 0).all()


def test_branches_over_the_root_of_the_depth_keep_the_spread_small():
    conditions = [
        last(initialization=He(), activation="relu", skip=skip)["condition"].values[0, -1]
        for skip in ("h + F(h)", "h + F(h)/√L")
    ]
    assert conditions[1] < conditions[0] < np.inf


def test_normalizations_of_images_are_refused():
    with pytest.raises(SpecError, match="instance normalization"):
        SignalsInDepth(normalization=Instance())


def test_the_lab_is_of_layers_of_units():
    network = SignalsInDepth(depth=2).network(0, gaussian=False)
    linears = [one for one in network.modules() if isinstance(one, nn.Linear)]
    expected = torch.eye(deep.WIDTH, dtype=torch.float64)
    for linear in linears:
        torch.testing.assert_close(linear.weight @ linear.weight.T, expected, atol=1e-5, rtol=0)
    assert isinstance(SignalsInDepth().initialization, Orthogonal)
