"""Every diagnostic against plain loops, finite differences, NumPy and closed forms, in float64."""

import json

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

import cases
import oracles
from landscape_core.analysis.diagnostics.base import Diagnostic
from landscape_core.analysis.diagnostics.dead_units import DeadUnits
from landscape_core.analysis.diagnostics.distance import Distance
from landscape_core.analysis.diagnostics.gradient_noise import GradientNoise
from landscape_core.analysis.diagnostics.input_jacobian import InputJacobian
from landscape_core.analysis.diagnostics.layer_gradients import LayerGradients
from landscape_core.analysis.diagnostics.neuron_angles import NeuronAngles
from landscape_core.analysis.diagnostics.product_spectrum import ProductSpectrum
from landscape_core.analysis.diagnostics.tangent_kernel import TangentKernel
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.registry import entries, from_plain
from landscape_core.models import derivatives
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.losses.squared_error import SquaredError
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.user_model import from_module
from landscape_core.storage import netcdf

KINDS = entries(Diagnostic)
APART = ("gradient_noise", "input_jacobian", "tangent_kernel")


def at_random(objective):
    """A point beside the start."""
    return objective.start + 0.1 * cases.normal(objective.layout.size, seed=5).to(objective.start)


def linear(examples=7, inputs=4, outputs=1, *, bias=False):
    """Least squares with one linear layer."""
    module = cases.filled(nn.Linear(inputs, outputs, bias=bias))
    data = cases.normal(examples, inputs, seed=3), cases.normal(examples, outputs, seed=4)
    return ModelObjective(module, SquaredError(), *data)


class Untouched(nn.Module):
    """A network that must not be evaluated."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2).double()

    def forward(self, x):
        raise AssertionError("evaluated")


class Fork(nn.Module):
    """A layer whose control flow depends on the data: nothing of it can be batched."""

    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Linear(3, 4), nn.Linear(3, 4)

    def forward(self, x):
        return torch.cat([self.one(r) if float(r.sum()) > 0 else self.other(r) for r in x[:, None]])


def forked(*, sequence=False):
    """Classification by a network with data-dependent control flow."""
    module = nn.Sequential(Fork(), nn.Tanh(), nn.Linear(4, 3))
    module = cases.filled(module if sequence else Wrapped(module))
    return ModelObjective(module, cross_entropy, *cases.vectors(6))


class Wrapped(nn.Module):
    """A network that does not show that it is a sequence."""

    def __init__(self, module):
        super().__init__()
        self.inner = module

    def forward(self, x):
        return self.inner(x)


def differences(function, x, step=1e-6):
    """The Jacobian (C, D) of a function at x, by central differences; good to about 1e-9."""
    columns = []
    with torch.no_grad():
        for move in step * torch.eye(x.numel(), dtype=torch.float64):
            move = move.reshape(x.shape)
            columns.append((function(x + move) - function(x - move)).reshape(-1) / (2 * step))
    return torch.stack(columns, dim=1).numpy()


# What holds for every diagnostic.


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(
    ("theta", "said"),
    [
        (torch.zeros(9).double(), r"the shape of theta must be the network's, \(8,\); got \(9,\)"),
        (torch.full((8,), torch.nan).double(), "theta must be finite"),
        (torch.full((8,), torch.inf).double(), "theta must be finite"),
    ],
)
def test_a_point_that_does_not_fit_is_refused_before_any_work(name, theta, said):
    objective = ModelObjective(Untouched(), cross_entropy, *cases.vectors(4))
    with pytest.raises(SpecError, match=said):
        KINDS[name]().at(objective, theta)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("make", [cases.mlp_objective, cases.residual_objective])
def test_what_comes_back_says_what_it_is_and_survives_a_file(name, make):
    objective, asked = make(), KINDS[name]()
    theta = at_random(objective)
    before = (theta.clone(), objective.start.clone(), dict(objective.buffers))
    found = asked.at(objective, theta)
    for variable in found.data_vars.values():
        assert variable.attrs["units"]
        assert variable.attrs["long_name"]
        assert not np.isinf(variable.values).any()
    assert from_plain(Diagnostic, json.loads(found.attrs["diagnostic"])) == asked
    assert found.attrs["dtype"] == "float64"
    most = getattr(asked, "max_examples", objective.examples)
    assert found.attrs["examples"] == min(most, objective.examples)
    xr.testing.assert_identical(netcdf.from_bytes(netcdf.to_bytes(found)), found)
    xr.testing.assert_identical(asked.at(objective, theta), found)
    torch.testing.assert_close((theta, objective.start, dict(objective.buffers)), before)


@pytest.mark.parametrize("name", KINDS)
def test_single_precision_gives_the_same_numbers_roughly(name):
    double = cases.mlp_objective()
    single = ModelObjective(
        cases.mlp().float(), cross_entropy, double.inputs.float(), double.targets
    )
    theta = at_random(double)
    asked = KINDS[name]()
    found, expected = asked.at(single, theta.float()), asked.at(double, theta)
    assert found.attrs["dtype"] == "float32"
    for key, variable in expected.data_vars.items():
        scale = float(np.nanmax(np.abs(variable.values), initial=1.0))
        np.testing.assert_allclose(found[key], variable, rtol=1e-3, atol=1e-4 * scale)


@pytest.mark.parametrize("name", APART)
@pytest.mark.parametrize("statistics", ["batch", "reestimated"])
def test_statistics_of_the_batch_are_refused_where_examples_are_taken_apart(name, statistics):
    objective = cases.residual_objective(batch_norm=statistics)
    with pytest.raises(SpecError, match="batch_norm must be running"):
        KINDS[name]().at(objective, objective.start)


@pytest.mark.parametrize("name", sorted(set(KINDS) - set(APART)))
def test_others_take_the_statistics_of_the_batch_as_they_are(name):
    objective = cases.residual_objective(batch_norm="batch")
    assert KINDS[name]().at(objective, objective.start).attrs["dtype"] == "float64"


@pytest.mark.parametrize("name", KINDS)
def test_overflow_comes_back_as_numbers_that_are_not_finite_and_not_as_an_error(name):
    layers = [nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 4), nn.Linear(4, 1)]
    module = cases.filled(nn.Sequential(*layers))
    data = cases.normal(5, 3), cases.normal(5, 1)
    objective = ModelObjective(module, SquaredError(), *data)
    found = KINDS[name]().at(objective, torch.full_like(objective.start, 1e200))
    finite = [np.isfinite(one.values).all() for one in found.data_vars.values()]
    assert all(finite) == (name == "dead_units")  # units above zero can still be counted


# Derivatives example by example.


def rows_one_by_one(objective, theta):
    """The gradient of each example by plain autograd, (N, P)."""
    return torch.stack(
        [objective.reordered(torch.tensor([i])).gradient(theta) for i in range(objective.examples)]
    )


@pytest.mark.parametrize(
    "make",
    [
        cases.mlp_objective,
        cases.residual_objective,
        forked,
        lambda: cases.mlp_objective().with_loss(SquaredError()),
        lambda: cases.mlp_objective().with_loss(CrossEntropy()),
    ],
)
def test_gradients_of_examples_are_those_of_each_alone(make, monkeypatch):
    objective = make()
    theta = at_random(objective)
    expected = rows_one_by_one(objective, theta)
    for held in (derivatives.HELD, 1, 3 * len(theta)):
        monkeypatch.setattr(derivatives, "HELD", held)
        found = torch.cat(list(derivatives.gradients(objective, theta)))
        torch.testing.assert_close(found, expected)


# Gradient noise.


def test_gradient_noise_is_what_numpy_says_of_all_gradients():
    objective = cases.mlp_objective(examples=15)
    theta = at_random(objective)
    rows = rows_one_by_one(objective, theta).numpy()

    def three(some):
        square = float(np.square(some.mean(0)).sum())
        trace = float(np.trace(np.cov(some.T, bias=True)))
        return np.array([square, trace, trace / square])

    found = GradientNoise().at(objective, theta).sel(estimate="examples")
    left = np.stack([three(np.delete(rows, i, axis=0)) for i in range(15)])
    errors = np.sqrt(14 / 15 * np.square(left - left.mean(0)).sum(0))
    for i, name in enumerate(("gradient_square", "trace", "noise_scale")):
        assert float(found[name]) == pytest.approx(three(rows)[i])
        assert float(found[f"{name}_error"]) == pytest.approx(errors[i])


def test_the_noise_scale_of_linear_regression_is_its_closed_form():
    objective = linear(examples=9)
    theta = at_random(objective)
    x, y = objective.inputs.numpy(), objective.targets.numpy()[:, 0]
    residuals = x @ theta.numpy() - y
    mean = x.T @ residuals / 9
    trace = np.mean(residuals**2 * (x**2).sum(1)) - mean @ mean
    found = GradientNoise().at(objective, theta).sel(estimate="examples")
    assert float(found["trace"]) == pytest.approx(trace)
    assert float(found["noise_scale"]) == pytest.approx(trace / (mean @ mean))


def test_two_batch_sizes_find_the_same_within_their_standard_errors():
    objective = linear(examples=12)
    asked = GradientNoise(small=2, large=16, draws=1600)
    found = asked.at(objective, at_random(objective))
    exact, drawn = found.sel(estimate="examples"), found.sel(estimate="two batches")
    for name in ("gradient_square", "trace", "noise_scale"):
        error = float(drawn[f"{name}_error"])
        assert abs(float(drawn[name] - exact[name])) < 4 * error
        assert error < 0.1 * float(exact[name])
    fewer = asked.replace(draws=160).at(objective, at_random(objective))
    ratio = float(fewer["trace_error"].sel(estimate="two batches") / drawn["trace_error"])
    assert ratio == pytest.approx(np.sqrt(10), rel=0.2)


def test_examples_that_are_all_alike_have_no_noise():
    one = linear(examples=1)
    objective = one.reordered(torch.zeros(6, dtype=torch.int64))
    found = GradientNoise(draws=3).at(objective, at_random(objective))
    square = float(one.gradient(at_random(objective)).square().sum())
    np.testing.assert_allclose(found["trace"] / square, 0, atol=1e-13)
    np.testing.assert_allclose(found["gradient_square"], square)


def test_a_smaller_batch_that_is_not_smaller_is_refused():
    with pytest.raises(SpecError, match=r"GradientNoise\.small must be below large, 8; got 8"):
        GradientNoise(small=8, large=8)


# The tangent kernel.


@pytest.mark.parametrize("bias", [False, True])
def test_the_tangent_kernel_of_a_linear_model_is_its_gram_matrix(bias):
    objective = linear(outputs=2, bias=bias)
    x = objective.inputs.numpy()
    expected = np.kron(x @ x.T + bias, np.eye(2))
    found = TangentKernel().at(objective, at_random(objective))
    np.testing.assert_allclose(found["kernel"].values.reshape(14, 14), expected)
    np.testing.assert_allclose(found["eigenvalue"], np.linalg.eigvalsh(expected)[::-1], atol=1e-12)
    assert float(found["trace"]) == pytest.approx(np.trace(expected))


@pytest.mark.parametrize("held", [1, 400, 2**25])
@pytest.mark.parametrize("make", [cases.mlp_objective, cases.residual_objective, forked])
def test_the_tangent_kernel_is_that_of_differences_of_the_outputs(make, held, monkeypatch):
    monkeypatch.setattr(derivatives, "HELD", held)
    objective = make()
    theta = at_random(objective)
    part = objective.first(4)
    jacobian = differences(part.outputs, theta)
    found = TangentKernel(max_examples=4).at(objective, theta)
    assert found["kernel"].shape == (4, 3, 4, 3)
    expected = (jacobian @ jacobian.T).reshape(4, 3, 4, 3)
    np.testing.assert_allclose(found["kernel"], expected, atol=1e-6 * expected.max())


# The Jacobian by the inputs.


def placed(objective, theta):
    """The objective's network with theta in it."""
    module = objective.to("cpu").module.eval()
    module.load_state_dict(oracles._state_at(module, theta))
    return module


def images_sequence():
    """Convolution, normalization, pooling and nested sequences."""
    body = nn.Sequential(nn.Conv2d(1, 2, 3, stride=2), nn.BatchNorm2d(2), nn.Tanh())
    module = nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 3))
    return ModelObjective(cases.filled(module), cross_entropy, *cases.images(5))


@pytest.mark.parametrize("make", [cases.mlp_objective, images_sequence])
def test_singular_values_after_each_layer_are_those_of_differences(make):
    objective = make()
    theta = at_random(objective)
    found = InputJacobian(max_examples=3).at(objective, theta)
    module = placed(objective, theta)
    layers = [one for one in module.modules() if not list(one.children())]
    assert found["kind"].values.tolist() == [type(one).__name__ for one in layers]
    for depth in range(len(layers)):
        prefix = nn.Sequential(*layers[: depth + 1])
        squares = []
        for i, x in enumerate(objective.inputs[:3]):
            jacobian = differences(lambda at, prefix=prefix: prefix(at[None]), x)
            expected = np.linalg.svd(jacobian, compute_uv=False)
            values = found["singular_value"][depth, i].values
            np.testing.assert_allclose(values[: len(expected)], expected, rtol=1e-6, atol=1e-7)
            assert np.isnan(values[len(expected) :]).all()
            if expected[-1] > 1e-3:
                condition = expected[0] / expected[-1]
                np.testing.assert_allclose(found["condition"][depth, i], condition, rtol=1e-4)
            squares.append(np.square(expected).mean())
        np.testing.assert_allclose(found["mean_square"][depth], np.mean(squares), rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "layers"),
    [
        (cases.residual_objective, ["network"]),
        (forked, ["network"]),
        (lambda: forked(sequence=True), ["0", "1", "2"]),
    ],
)
def test_singular_values_of_any_network_are_those_of_differences(make, layers):
    objective = make()
    theta = at_random(objective)
    found = InputJacobian(max_examples=2).at(objective, theta)
    assert found["layer"].values.tolist() == layers
    for i, x in enumerate(objective.inputs[:2]):
        jacobian = differences(lambda at: objective.outputs(theta, at[None]), x)
        expected = np.linalg.svd(jacobian, compute_uv=False)
        np.testing.assert_allclose(
            found["singular_value"][-1, i, : len(expected)], expected, rtol=1e-6, atol=1e-8
        )


def test_the_output_is_the_same_with_the_layers_and_without():
    objective = cases.mlp_objective()
    theta = at_random(objective)
    through = InputJacobian().at(objective, theta)["singular_value"][-1, :, :3]
    whole = InputJacobian(each_layer=False).at(objective, theta)["singular_value"][0]
    np.testing.assert_allclose(through, whole)


def test_orthogonal_linear_layers_are_an_isometry_at_any_depth():
    layers = [nn.Linear(16, 16, bias=False).double() for _ in range(50)]
    for i, layer in enumerate(layers):
        layer.weight.data = torch.linalg.qr(cases.normal(16, 16, seed=i))[0]
    objective = ModelObjective(
        nn.Sequential(*layers), SquaredError(), cases.normal(2, 16), cases.normal(2, 16)
    )
    found = InputJacobian().at(objective, objective.start)
    assert found.sizes["layer"] == 50
    np.testing.assert_allclose(found["singular_value"], 1, atol=1e-10)
    np.testing.assert_allclose(found["condition"], 1, atol=1e-10)


def test_a_layer_used_twice_moves_with_theta_at_both_places():
    shared = nn.Linear(3, 3)
    module = cases.filled(nn.Sequential(shared, nn.Tanh(), shared))
    objective = ModelObjective(module, cross_entropy, *cases.vectors(2))
    theta = at_random(objective)
    found = InputJacobian().at(objective, theta)
    jacobian = differences(lambda at: objective.outputs(theta, at[None]), objective.inputs[0])
    expected = np.linalg.svd(jacobian, compute_uv=False)
    np.testing.assert_allclose(found["singular_value"][-1, 0], expected, rtol=1e-6)


def test_inputs_that_are_no_numbers_have_no_jacobian():
    module = nn.Sequential(nn.Embedding(5, 3), nn.Flatten(), nn.Linear(6, 3))
    tokens = torch.randint(5, (4, 2), generator=torch.Generator().manual_seed(0))
    objective = ModelObjective(cases.filled(module), cross_entropy, tokens, cases.classes(4))
    with pytest.raises(SpecError, match=r"the inputs must be floating-point.*int64"):
        InputJacobian().at(objective, objective.start)


# Norms by layer.


def test_norms_by_layer_are_those_of_a_gradient_by_differences():
    objective = cases.mlp_objective()
    theta = at_random(objective)
    gradient = oracles.difference_gradient(objective.loss, theta).numpy()
    found = LayerGradients().at(objective, theta)
    assert found["block"].values.tolist() == ["network", "0", "2", "4"]
    starts = {"network": (0, 59), "0": (0, 20), "2": (20, 44), "4": (44, 59)}
    starts |= {"0.weight": (0, 15), "0.bias": (15, 20), "4.bias": (56, 59)}
    for name, (start, stop) in starts.items():
        prefix, dims = ("tensor_", "tensor") if "." in name else ("", "block")
        slope = np.linalg.norm(gradient[start:stop])
        weight = np.linalg.norm(theta.numpy()[start:stop])
        for key, expected in (
            ("gradient_norm", slope),
            ("weight_norm", weight),
            ("ratio", slope / weight),
        ):
            value = float(found[prefix + key].sel({dims: name}))
            assert value == pytest.approx(expected, rel=1e-6)


def test_norms_are_of_the_examples_asked_for():
    objective = cases.mlp_objective()
    found = LayerGradients(max_examples=3).at(objective, objective.start)
    expected = float(objective.first(3).gradient(objective.start).norm())
    assert float(found["gradient_norm"].sel(block="network")) == pytest.approx(expected)


# Dead units.


def given_by_a_user(module, loss, *data):
    return from_module(module, loss, data)


def test_units_that_no_example_activates_are_dead():
    module = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 2), nn.ReLU6())
    module = module.double()
    with torch.no_grad():
        module[0].weight.copy_(torch.tensor([[1.0, 0], [0, 1], [-1, -1], [1, 1]]))
        module[0].bias.copy_(torch.tensor([0.0, -10, 0, 1]))
        module[2].weight.fill_(1.0)
        module[2].bias.copy_(torch.tensor([0.0, -100]))
    inputs = torch.tensor([[1.0, 2], [3, 1], [-1, 0.5], [0, 0]]).double()
    objective = ModelObjective(module, mse_loss, inputs, torch.zeros(4, 2).double())
    found = DeadUnits().at(objective, objective.start)
    assert found["layer"].values.tolist() == ["1", "3"]
    assert found["dead"].values.tolist() == [1, 1]
    assert found["units"].values.tolist() == [4, 2]
    assert found["dead_share"].values.tolist() == [0.25, 0.5]
    np.testing.assert_array_equal(found["active"], [[0.5, 0, 0.25, 1.0], [1.0, 0, np.nan, np.nan]])


@pytest.mark.parametrize("made", [lambda *given: ModelObjective(*given), given_by_a_user])
def test_dead_units_move_with_theta_and_leave_no_hooks(made):
    module = cases.filled(nn.Sequential(nn.Linear(3, 6), nn.ReLU(), nn.Linear(6, 3)))
    objective = made(module, cross_entropy, *cases.vectors(10))
    buried = objective.start.clone()
    buried[18:22] = -1e3
    assert DeadUnits().at(objective, buried)["dead"].values.tolist() == [4]
    assert DeadUnits().at(objective, objective.start)["dead"].values.tolist() == [0]
    assert not any(one._forward_hooks for one in objective.module.modules())


def test_a_channel_is_dead_if_it_is_so_at_every_place_and_layers_used_again_count_again():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.act, self.head = nn.Conv2d(1, 3, 1), nn.ReLU(), nn.Linear(3, 5)

        def forward(self, x):
            return self.act(self.head(self.act(self.conv(x)).mean((2, 3))))

    module = Net().double()
    with torch.no_grad():
        module.conv.weight.copy_(torch.tensor([1.0, -1.0, 0.0])[:, None, None, None])
        module.conv.bias.zero_()
        module.head.weight.zero_()
        module.head.bias.copy_(torch.tensor([1.0, -1, 1, -1, -1]))
    inputs, targets = cases.images(4)
    objective = ModelObjective(module, cross_entropy, inputs, targets)
    found = DeadUnits().at(objective, objective.start)
    assert found["layer"].values.tolist() == ["act", "act (2)"]
    assert found["dead"].values.tolist() == [1, 3]
    np.testing.assert_array_equal(found["active"][0, :3], [1, 1, 0])


def test_units_of_a_layer_on_sequences_are_its_outputs_and_those_of_a_convolution_its_channels():
    inputs, targets = cases.normal(5, 4, 3), cases.classes(5)
    linear = cases.filled(nn.Sequential(nn.Linear(3, 6), nn.ReLU(), nn.Flatten()))
    conv = cases.filled(nn.Sequential(nn.Conv1d(4, 2, 1), nn.ReLU(), nn.Flatten()))
    for module, dimension in ((linear, 2), (conv, 1)):
        objective = ModelObjective(module, cross_entropy, inputs, targets)
        above = (module[:2](inputs) > 0).movedim(dimension, 1).flatten(2).any(dim=2)
        found = DeadUnits().at(objective, objective.start)
        np.testing.assert_array_equal(found["active"][0], above.double().mean(0))


def test_a_network_without_rectified_units_has_no_entries():
    found = DeadUnits().at(cases.mlp_objective(), cases.mlp_objective().start)
    assert found["dead_share"].shape == (0,)
    assert found["active"].shape == (0, 0)


# Spectra of weights and of their product.


def deep_linear():
    """Three linear layers in a row, of ranks 5, 2 and 3."""
    layers = [nn.Linear(6, 5), nn.Identity(), nn.Linear(5, 4), nn.Linear(4, 3)]
    module = cases.filled(nn.Sequential(*layers))
    left, right = cases.normal(4, 2, seed=1), cases.normal(2, 5, seed=2)
    module[2].weight.data = left @ right
    data = cases.normal(8, 6), cases.normal(8, 3)
    return ModelObjective(module, SquaredError(), *data)


def test_ranks_of_a_deep_linear_network_are_those_of_numpy():
    objective = deep_linear()
    found = ProductSpectrum().at(objective, objective.start)
    split = {name: one.numpy() for name, one in objective.layout.split(objective.start).items()}
    matrices = {name: one for name, one in split.items() if one.ndim > 1}
    matrices["product 0 to 3"] = matrices["3.weight"] @ matrices["2.weight"] @ matrices["0.weight"]
    assert found["matrix"].values.tolist() == list(matrices)
    assert found["kind"].values.tolist() == ["weight"] * 3 + ["product"]
    for name, matrix in matrices.items():
        values = np.linalg.svd(matrix, compute_uv=False)
        row = found.sel(matrix=name)
        np.testing.assert_allclose(row["singular_value"][: len(values)], values, atol=1e-12)
        assert np.isnan(row["singular_value"][len(values) :]).all()
        assert float(row["numerical_rank"]) == np.sum(values > 0.01 * values[0])
        stable = np.linalg.norm(matrix) ** 2 / np.linalg.norm(matrix, 2) ** 2
        assert float(row["stable_rank"]) == pytest.approx(stable)
        shares = values[values > 1e-12] / values.sum()
        effective = np.exp(-np.sum(shares * np.log(shares)))
        assert float(row["effective_rank"]) == pytest.approx(effective)
    assert float(found["numerical_rank"].sel(matrix="product 0 to 3")) == 2


def test_the_product_is_the_jacobian_of_the_chain():
    objective = deep_linear()
    theta = at_random(objective)
    product = ProductSpectrum().at(objective, theta)["singular_value"].values[-1, :3]
    jacobian = (
        InputJacobian(max_examples=1).at(objective, theta)["singular_value"].values[-1, 0, :3]
    )
    np.testing.assert_allclose(product, jacobian, atol=1e-12)


def test_a_threshold_decides_the_numerical_rank():
    module = nn.Linear(3, 3, bias=False).double()
    module.weight.data = torch.tensor([1.0, 1e-3, 0.0]).double().diag()
    objective = ModelObjective(module, SquaredError(), cases.normal(2, 3), cases.normal(2, 3))
    ranks = [
        float(ProductSpectrum(tolerance=one).at(objective, objective.start)["numerical_rank"][0])
        for one in (1e-2, 1e-4)
    ]
    assert ranks == [1, 2]
    zero = ProductSpectrum().at(objective, 0 * objective.start)
    assert float(zero["numerical_rank"][0]) == 0
    assert np.isnan([float(zero["stable_rank"][0]), float(zero["effective_rank"][0])]).all()


class Bent(nn.Linear):
    def forward(self, values):
        return super().forward(values).tanh()


class Turned(nn.Flatten):
    def forward(self, values):
        return super().forward(values).flip(1)


@pytest.mark.parametrize(
    "layers",
    [
        [Bent(3, 5), nn.Linear(5, 3)],
        [nn.Linear(3, 5), Bent(5, 3)],
        [nn.Linear(3, 5), Turned(), nn.Linear(5, 3)],
    ],
)
def test_layers_with_a_forward_of_their_own_have_no_product(layers):
    module = cases.filled(nn.Sequential(*layers))
    objective = ModelObjective(module, cross_entropy, *cases.vectors())
    kinds = ProductSpectrum().at(objective, objective.start)["kind"].values
    assert "product" not in kinds


def test_layers_with_a_bend_between_them_have_no_product():
    found = ProductSpectrum().at(cases.mlp_objective(), cases.mlp_objective().start)
    assert found["kind"].values.tolist() == ["weight"] * 3
    conv = ProductSpectrum().at(images_sequence(), images_sequence().start)
    kernel = images_sequence().layout.split(images_sequence().start)["0.0.weight"]
    expected = np.linalg.svd(kernel.numpy().reshape(2, 9), compute_uv=False)
    np.testing.assert_allclose(conv["singular_value"].sel(matrix="0.0.weight"), expected)


# The way from the start.


def test_distances_are_those_of_numpy_for_the_network_and_each_layer():
    objective = cases.mlp_objective()
    theta, given = at_random(objective), cases.normal(59, seed=9)
    slices = {"network": slice(0, 59), "0": slice(0, 20), "2": slice(20, 44), "4": slice(44, 59)}
    for start in (None, given):
        found = Distance().at(objective, theta, start)
        origin = objective.start if start is None else start
        assert found["block"].values.tolist() == list(slices)
        for name, where in slices.items():
            here, there = theta.numpy()[where], origin.numpy()[where]
            row = found.sel(block=name)
            length = np.linalg.norm(there)
            assert float(row["distance"]) == pytest.approx(np.linalg.norm(here - there))
            assert float(row["relative"]) == pytest.approx(np.linalg.norm(here - there) / length)
            cosine = here @ there / (length * np.linalg.norm(here))
            assert float(row["cosine"]) == pytest.approx(cosine)


@pytest.mark.parametrize("bad", [torch.zeros(3).double(), torch.full((59,), torch.nan).double()])
def test_a_start_that_does_not_fit_is_refused(bad):
    objective = cases.mlp_objective()
    with pytest.raises(SpecError, match="start"):
        Distance().at(objective, objective.start, bad)


# Angles of neurons.


def cosine(one, other):
    """The cosine between two vectors, by NumPy."""
    one, other = np.ravel(one), np.ravel(other)
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


@pytest.mark.parametrize("make", [cases.mlp_objective, cases.residual_objective])
def test_cosines_between_neurons_agree_with_numpy(make):
    objective = make()
    theta = at_random(objective)
    found = NeuronAngles().at(objective, theta)
    weights = {
        name: value.numpy()
        for name, value in objective.layout.split(theta).items()
        if value.dim() > 1
    }
    assert list(found["layer"].values) == list(weights)
    for name, weight in weights.items():
        part = found.sel(layer=name)
        size = len(weight)
        table = np.array([[cosine(a, b) for b in weight] for a in weight])
        np.testing.assert_allclose(part["cosine"][:size, :size], table, rtol=1e-10, atol=1e-12)
        assert part["cosine"][size:].isnull().all()
        assert part["cosine"][:, size:].isnull().all()
        others = table - 9 * np.eye(size)
        np.testing.assert_allclose(part["nearest"][:size], others.max(1), rtol=1e-10, atol=1e-12)
        assert part["nearest"][size:].isnull().all()
        pairs = [abs(table[i, j]) for i in range(size) for j in range(i)]
        assert float(part["mean_absolute"]) == pytest.approx(np.mean(pairs), rel=1e-10)


def test_cosines_with_directions_are_those_of_the_first_layer():
    objective = cases.mlp_objective()
    directions = cases.normal(2, 3, seed=8)
    found = NeuronAngles().at(objective, objective.start, directions)
    rows = objective.layout.split(objective.start)["0.weight"]
    expected = [[cosine(row, one) for one in directions] for row in rows]
    assert found["toward"].dims == ("first", "direction")
    np.testing.assert_allclose(found["toward"], expected, rtol=1e-10, atol=1e-12)


def test_a_neuron_without_weights_has_no_angle_and_a_single_one_no_neighbour():
    module = cases.filled(nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1)))
    with torch.no_grad():
        module[0].weight[1] = 0
    objective = ModelObjective(module, SquaredError(), *cases.vectors(5))
    found = NeuronAngles().at(objective, objective.start)
    np.testing.assert_allclose(found["cosine"][0], [[1, np.nan], [np.nan, np.nan]], rtol=1e-12)
    assert found["nearest"].isnull().all()
    assert found["mean_absolute"].isnull().all()


@pytest.mark.parametrize("form", ["weight_norm", "spectral_norm"])
def test_weights_in_another_form_are_taken_as_they_act(form):
    layer = getattr(nn.utils.parametrizations, form)(nn.Linear(3, 4))
    module = cases.filled(nn.Sequential(layer, nn.Tanh(), nn.Linear(4, 3)))
    objective = ModelObjective(module, cross_entropy, *cases.vectors(5))
    theta = at_random(objective)
    found = NeuronAngles().at(objective, theta)
    assert list(found["layer"].values) == ["0.weight", "2.weight"]
    kept = {key.rpartition(".")[2]: one for key, one in objective.layout.split(theta).items()}
    # A length may be negative; what a spectral norm divides by is not.
    turned = form == "weight_norm"
    rows = kept["original0"] * kept["original1"] if turned else kept["original"]
    expected = [[cosine(a, b) for b in rows] for a in rows]
    np.testing.assert_allclose(found["cosine"][0], expected, rtol=1e-10, atol=1e-12)


def test_only_the_first_neurons_are_taken_where_there_are_more():
    objective = cases.mlp_objective()
    some, every = (NeuronAngles(neurons=n).at(objective, objective.start) for n in (3, 100))
    assert some["cosine"].shape == (3, 3, 3)
    np.testing.assert_allclose(some["cosine"], every["cosine"][:, :3, :3], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("shape", [(2, 4), (3,)])
def test_directions_that_do_not_fit_the_first_layer_are_refused(shape):
    objective = cases.mlp_objective()
    with pytest.raises(SpecError, match=r"shape of directions must be \(any, 3\)"):
        NeuronAngles().at(objective, objective.start, torch.zeros(shape))


def test_of_a_closure_what_needs_single_examples_is_refused_and_the_rest_is_that_of_the_loss():
    model, (inputs, targets) = cases.mlp(), cases.vectors()
    closure = lambda net, batch: cross_entropy(net(batch[0]), batch[1])  # noqa: E731
    batches = [(inputs[:14], targets[:14]), (inputs[14:], targets[14:])]
    plain = from_module(model, cross_entropy, (inputs, targets))
    whole = from_module(model, objective=closure, data=batches)
    refused = {*APART, "dead_units", "gradient_split"}
    theta = at_random(plain)
    for name, kind in KINDS.items():
        if name in refused:
            with pytest.raises(SpecError, match="a loss of outputs of one tensor"):
                kind().at(whole, theta)
        else:
            xr.testing.assert_allclose(kind().at(whole, theta), kind().at(plain, theta), rtol=1e-9)
            assert kind().at(whole, theta).attrs["examples"] == len(targets)
