"""The curvature of a user's own network in one call, against dense matrices of torch in float64."""

import copy
import inspect

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy, mse_loss
from torch.optim.swa_utils import update_bn

import cases
import landscape_core as lc
from landscape_core.curvature.eigenpairs import DENSE
from landscape_core.curvature.matrices.fisher import Fisher
from landscape_core.foundation.errors import SpecError

EXACT = {"probes": 0}


class Tied(nn.Module):
    """A network whose last layer is the transpose of its first."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(4, 3))
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(self, inputs):
        return (inputs @ self.weight.T).tanh() @ self.weight + self.bias


class Repeated(nn.Module):
    """A network that calls one layer twice, and whose head has the weights of another layer."""

    def __init__(self):
        super().__init__()
        self.first, self.middle, self.head = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 3)
        self.head.weight = self.first.weight

    def forward(self, inputs):
        hidden = self.middle(self.first(inputs).tanh()).tanh()
        return self.head(self.middle(hidden).tanh())


def with_dropout():
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Dropout(0.5), nn.Linear(4, 3))


def with_norm():
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 3))


def with_frozen_layer():
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 3))
    model[0].requires_grad_(requires_grad=False)
    return model


MODELS = {
    "an MLP": cases.mlp,
    "dropout": with_dropout,
    "batch normalization": with_norm,
    "tied weights": Tied,
    "a layer used twice": Repeated,
    "a frozen layer": with_frozen_layer,
}


def made(name):
    return cases.filled(MODELS[name]())


def dense(model, loss, inputs, targets, *, evaluated=None):
    """The Hessian of the loss of a model in evaluation mode in its trainable parameters."""
    own = copy.deepcopy(model).eval()
    if evaluated:
        evaluated(own)
    moving = {name: p for name, p in own.named_parameters() if p.requires_grad}
    flat = torch.cat([p.detach().reshape(-1) for p in moving.values()])
    sizes = [p.numel() for p in moving.values()]

    def value(theta):
        pieces = zip(moving.items(), theta.split(sizes), strict=True)
        state = {name: piece.view_as(p) for (name, p), piece in pieces}
        return loss(functional_call(own, state, (inputs,)), targets)

    return torch.autograd.functional.hessian(value, flat), flat, value


@pytest.mark.parametrize("name", MODELS)
def test_eigenvalues_and_trace_are_those_of_the_dense_hessian(name):
    model, data = made(name), cases.vectors()
    hessian, _, _ = dense(model, cross_entropy, *data)
    values = torch.linalg.eigvalsh(hessian).flip(0)
    found = lc.spectrum(model.train(), cross_entropy, data, top=3, bottom=2, **EXACT)
    assert found["rank"].values.tolist() == [1, 2, 3, -2, -1]
    expected = [*values[:3].tolist(), *values[-2:].tolist()]
    np.testing.assert_allclose(found["eigenvalue"].sel(block="network"), expected, atol=1e-9)
    away = abs(float(found["trace"][0]) - float(hessian.trace()))
    assert away <= 5 * float(found["trace_error"][0]) + 1e-9
    if len(hessian) <= DENSE:
        assert float(found["trace_error"][0]) == 0
    assert int(found["parameters"][0]) == len(hessian)
    assert found.attrs["checked_products"] == 1
    assert found.attrs["checked_deviation"] < 1e-8


def test_the_blocks_of_layers_are_those_of_the_dense_hessian():
    model, data = made("batch normalization"), cases.vectors()
    hessian, _, _ = dense(model, cross_entropy, *data)
    found = lc.spectrum(model, cross_entropy, data, top=1, bottom=1, each_layer=True, **EXACT)
    start = 0
    for layer in ("0", "1", "3"):
        size = sum(p.numel() for p in model.get_submodule(layer).parameters())
        block = hessian[start : start + size, start : start + size]
        values = torch.linalg.eigvalsh(block)
        here = found["eigenvalue"].sel(block=layer)
        np.testing.assert_allclose(here, [float(values[-1]), float(values[0])], atol=1e-9)
        start += size


def of_batch(model):
    model[1].training = True


def estimated_anew(inputs):
    def evaluated(model):
        update_bn([inputs], model)
        model.eval()

    return evaluated


@pytest.mark.parametrize("choice", ["batch", "reestimated"])
def test_each_choice_of_statistics_has_its_own_hessian(choice):
    model, data = made("batch normalization"), cases.vectors()
    prepare = of_batch if choice == "batch" else estimated_anew(data[0])
    hessian, _, _ = dense(model, cross_entropy, *data, evaluated=prepare)
    stored, _, _ = dense(model, cross_entropy, *data)
    values = torch.linalg.eigvalsh(hessian)
    assert not torch.allclose(values, torch.linalg.eigvalsh(stored), atol=1e-3)
    found = lc.spectrum(model, cross_entropy, data, top=1, batch_norm=choice, **EXACT)
    expected = [float(values[-1]), float(values[0])]
    np.testing.assert_allclose(found["eigenvalue"][0], expected, atol=1e-9)
    assert found.attrs["batch_norm"] == choice


def test_the_empirical_fisher_matrix_is_that_of_the_examples_gradients():
    model, (inputs, targets) = made("dropout"), cases.vectors()
    _, flat, _ = dense(model, cross_entropy, inputs, targets)
    rows = []
    for x, y in zip(inputs.split(1), targets.split(1), strict=True):
        _, _, value = dense(model, cross_entropy, x, y)
        rows.append(torch.autograd.functional.jacobian(value, flat))
    gradients = torch.stack(rows)
    values = torch.linalg.eigvalsh(gradients.T @ gradients / len(gradients)).flip(0)
    for matrix in ("fisher", Fisher()):
        found = lc.spectrum(
            model, cross_entropy, (inputs, targets), matrix=matrix, bottom=0, **EXACT
        )
        np.testing.assert_allclose(found["eigenvalue"][0], values[:5], atol=1e-9)
        assert found.attrs["matrix"] == "fisher"


def test_the_gauss_newton_matrix_of_squared_errors_is_that_of_the_jacobian():
    model, inputs = made("tied weights"), cases.normal(20, 3)
    targets = cases.normal(20, 3, seed=1)
    _, flat, _ = dense(model, mse_loss, inputs, targets)
    own = copy.deepcopy(model).eval()

    def outputs(theta):
        state = {"weight": theta[:12].view(4, 3), "bias": theta[12:]}
        return functional_call(own, state, (inputs,)).reshape(-1)

    jacobian = torch.autograd.functional.jacobian(outputs, flat)
    values = torch.linalg.eigvalsh(2 * jacobian.T @ jacobian / targets.numel()).flip(0)
    found = lc.spectrum(
        model, nn.MSELoss(), (inputs, targets), matrix="gauss_newton", bottom=0, **EXACT
    )
    np.testing.assert_allclose(found["eigenvalue"][0], values[:5], atol=1e-9)


def test_some_examples_are_the_first_ones_and_by_default_all_count():
    model, data = made("an MLP"), cases.vectors(1100)
    for count in (None, 40):
        hessian, _, _ = dense(model, cross_entropy, *(part[:count] for part in data))
        found = lc.spectrum(model, cross_entropy, data, max_examples=count, top=1, **EXACT)
        largest = float(torch.linalg.eigvalsh(hessian)[-1])
        assert float(found["eigenvalue"][0, 0]) == pytest.approx(largest, abs=1e-9)
        assert found.attrs["examples"] == (count or 1100)


def test_the_model_the_mode_the_gradients_and_the_generators_stay_as_they_are():
    model, data = made("batch normalization").train(), cases.vectors()
    cross_entropy(model(data[0]), data[1]).backward()
    before = copy.deepcopy(model.state_dict()), [p.grad.clone() for p in model.parameters()]
    state = torch.get_rng_state()
    with torch.no_grad():
        lc.spectrum(model, cross_entropy, data)
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[0][name]), name
    for parameter, gradient in zip(model.parameters(), before[1], strict=True):
        assert torch.equal(parameter.grad, gradient)


def test_a_repetition_is_bit_for_bit_equal_and_holds_the_density_and_its_version():
    model, data = made("an MLP"), cases.vectors()
    first, again = (lc.spectrum(model, cross_entropy, data, seed=3) for _ in range(2))
    assert first.identical(again)
    assert first["density"].notnull().all()
    assert (first["density_low"] <= first["density"]).all()
    assert first.attrs["schema_version"] == 1
    assert first.attrs["model"] == "Sequential"


def wrong(model):
    with torch.no_grad():
        model[0].weight[0, 0] = torch.nan
    return model


REFUSED = {
    "top 0": ({"top": 0}, "top must be between 1 and 100; got 0"),
    "top above P": ({"top": 60}, "top must be at most 59, the number of parameters"),
    "bottom above the rest": ({"top": 58, "bottom": 2}, "bottom must be at most 1: 59 parameters"),
    "bottom below 0": ({"bottom": -1}, "bottom must be between 0 and 100"),
    "no matrix": ({"matrix": "hesian"}, r"did you mean 'hessian'\?"),
    "examples 0": ({"max_examples": 0}, "max_examples must be a whole number from 1 on"),
    "examples of a switch": ({"max_examples": True}, "max_examples must be a whole number"),
    "one probe": ({"probes": 1}, "probes must be 0, or at least 2"),
    "a negative seed": ({"seed": -1}, "seed must be between 0 and"),
    "statistics between": ({"batch_norm": "interpolated"}, "one point and nothing to interpolate"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_accepted_is_said_by_its_name_in_the_call(name):
    asked, told = REFUSED[name]
    with pytest.raises(SpecError, match=told):
        lc.spectrum(made("an MLP"), cross_entropy, cases.vectors(), **asked)


def test_bottom_may_be_none_and_a_network_may_be_asked_for_all_its_eigenvalues():
    model, data = made("dropout"), cases.vectors()
    hessian, _, _ = dense(model, cross_entropy, *data)
    found = lc.spectrum(model, cross_entropy, data, top=len(hessian), bottom=0, **EXACT)
    expected = torch.linalg.eigvalsh(hessian).flip(0)
    np.testing.assert_allclose(found["eigenvalue"][0], expected, atol=1e-9)


@pytest.mark.parametrize(("inputs", "ranks"), [(1, [1]), (2, [1, 2]), (5, [1, 2, 3, 4, 5])])
def test_a_network_of_few_parameters_has_as_many_eigenvalues_by_default(inputs, ranks):
    model = torch.nn.Linear(inputs, 1, bias=False).double()
    data = cases.normal(9, inputs), cases.normal(9, 1)
    found = lc.spectrum(model, torch.nn.functional.mse_loss, data, **EXACT)
    assert found["rank"].values.tolist() == ranks
    expected = 2 * torch.linalg.eigvalsh(data[0].T @ data[0] / 9).flip(0)
    np.testing.assert_allclose(found["eigenvalue"][0], expected, atol=1e-9)


def test_parameters_data_and_losses_that_have_no_curvature_are_refused():
    data = cases.vectors()
    with pytest.raises(SpecError, match=r"NaN or infinity in 0.weight"):
        lc.spectrum(wrong(made("an MLP")), cross_entropy, data)
    with pytest.raises(SpecError, match="the data are empty"):
        lc.spectrum(made("an MLP"), cross_entropy, tuple(part[:0] for part in data))
    with pytest.raises(SpecError, match="one without a gradient"):
        lc.spectrum(made("an MLP"), lambda out, y: (out.argmax(1) == y).double().mean(), data)
    with pytest.raises(SpecError, match="the network raised RuntimeError"):
        lc.spectrum(made("an MLP"), cross_entropy, (cases.normal(4, 2), data[1][:4]))


def test_the_contract_s_arguments_have_their_names_and_defaults():
    parameters = inspect.signature(lc.spectrum).parameters
    assert list(parameters)[:3] == ["model", "loss", "data"]
    expected = {"matrix": "hessian", "top": 5, "bottom": 1, "each_layer": False}
    expected |= {"max_examples": None, "seed": 0}
    for name, default in expected.items():
        assert parameters[name].default == default
        assert parameters[name].kind is inspect.Parameter.KEYWORD_ONLY
