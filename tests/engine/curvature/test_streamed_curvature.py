"""Curvature of loaders that are read in passes, against the matrix of all examples."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset

import cases
from landscape_core.analysis.convexity_of_model import convexity
from landscape_core.curvature.matrices.hessian import Hessian
from landscape_core.curvature.spectrum_of_model import spectrum
from landscape_core.foundation.errors import SpecError
from landscape_core.models import batch_reading

EXAMPLES = 30
X, Y = cases.normal(EXAMPLES, 3, seed=1), torch.arange(EXAMPLES) * 7 % 3
WEIGHTED = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 3.0, 0.5], dtype=torch.float64))
FEW = {"top": 2, "bottom": 1, "probes": 0, "stream": True}


class Examples(Dataset):
    """Examples that count how many were read."""

    def __init__(self):
        self.read = 0

    def __len__(self):
        return EXAMPLES

    def __getitem__(self, index):
        self.read += 1
        return X[index], Y[index]


def network():
    return cases.filled(nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 3)))


def loader(data=None):
    return DataLoader(Examples() if data is None else data, batch_size=8, shuffle=True)


def hessian(module, loss):
    """The Hessian of the loss on all examples, by torch, (P, P)."""
    names = [name for name, _ in module.named_parameters()]

    def value(theta):
        parts = theta.split([p.numel() for p in module.parameters()])
        pairs = zip(names, parts, module.parameters(), strict=True)
        tensors = {name: part.view_as(like) for name, part, like in pairs}
        return loss(torch.func.functional_call(module, tensors, X), Y)

    theta = nn.utils.parameters_to_vector(module.parameters()).detach()
    return torch.autograd.functional.hessian(value, theta)


@pytest.mark.parametrize("loss", [cross_entropy, WEIGHTED], ids=["mean", "class weights"])
def test_a_spectrum_of_a_stream_is_that_of_all_examples(loss):
    data = Examples()
    found = spectrum(network(), loss, loader(data), **FEW)
    values = torch.linalg.eigvalsh(hessian(network(), loss))
    expected = [values[-1], values[-2], values[0]]
    np.testing.assert_allclose(found["eigenvalue"][0], expected, rtol=1e-6)
    np.testing.assert_allclose(found["trace"], values.sum(), rtol=1e-10)
    assert data.read == found.attrs["passes"] * EXAMPLES
    assert 1 < found.attrs["passes"] <= 1 + int(found["matvecs"].max())
    assert (found.attrs["examples"], found.attrs["examples_of"]) == (EXAMPLES, EXAMPLES)
    assert (found.attrs["checked_products"], found.attrs["draws"]) == (1, 0)
    assert found.attrs["checked_deviation"] < 1e-12
    assert found.attrs["additivity"] == ("mean" if loss is cross_entropy else "weighted mean")


@pytest.mark.parametrize("matrix", ["gauss_newton", "fisher"])
def test_other_matrices_and_layers_are_those_of_memory(matrix):
    options = {"matrix": matrix, "top": 1, "bottom": 0, "probes": 0, "each_layer": True}
    found = spectrum(network(), cross_entropy, loader(), stream=True, **options)
    held = spectrum(network(), cross_entropy, (X, Y), **options)
    for name in ("eigenvalue", "trace"):
        np.testing.assert_allclose(found[name], held[name], rtol=1e-8)


def test_the_first_examples_of_a_stream_are_told_from_all():
    options = {**FEW, "max_examples": 20}
    found = spectrum(network(), cross_entropy, DataLoader(Examples(), batch_size=8), **options)
    held = spectrum(network(), cross_entropy, (X[:20], Y[:20]), **{**FEW, "stream": None})
    np.testing.assert_allclose(found["eigenvalue"], held["eigenvalue"], rtol=1e-8)
    assert (found.attrs["examples"], found.attrs["examples_of"]) == (20, EXAMPLES)


def test_the_cost_of_passes_is_said_where_nobody_asked_for_them(monkeypatch):
    monkeypatch.setattr(batch_reading, "free_memory", lambda: X.nbytes)
    with pytest.warns(UserWarning, match="once for each product with the curvature matrix"):
        found = spectrum(network(), cross_entropy, loader(), **{**FEW, "stream": None})
    assert found.attrs["passes"] > 1


def test_what_can_be_read_once_has_no_spectrum():
    with pytest.raises(SpecError, match=r"can be read more than once.*got 'generator'"):
        spectrum(network(), cross_entropy, (batch for batch in loader()), **FEW)


def test_a_product_that_is_wrong_gives_way_to_the_plain_one(monkeypatch):
    right = Hessian.at

    def wrong(self, objective, theta):
        operator = right(self, objective, theta)
        apply = operator.apply
        monkeypatch.setattr(operator, "apply", lambda vectors: 2 * apply(vectors))
        return operator

    monkeypatch.setattr(Hessian, "at", wrong)
    with pytest.warns(UserWarning, match="the plain one was taken"):
        found = spectrum(network(), cross_entropy, loader(), **FEW)
    values = torch.linalg.eigvalsh(hessian(network(), cross_entropy))
    np.testing.assert_allclose(found["eigenvalue"][0, 0], values[-1], rtol=1e-6)


def test_a_map_of_a_stream_is_that_of_all_examples():
    data, module = Examples(), network()
    states = [copy.deepcopy(module.state_dict()) for _ in range(3)]
    for number, state in enumerate(states):
        state["0.weight"] += 0.1 * cases.normal(2, 3, seed=number)
    options = {"resolution": 2, "path": states}
    found = convexity(module, cross_entropy, loader(data), stream=True, **options)
    held = convexity(module, cross_entropy, (X, Y), **options)
    for name in ("lambda_max", "lambda_min", "ratio"):
        np.testing.assert_allclose(found[name], held[name], rtol=1e-5)
    np.testing.assert_allclose(found["path_loss"], held["path_loss"], rtol=1e-12)
    assert data.read == found.attrs["passes"] * EXAMPLES
