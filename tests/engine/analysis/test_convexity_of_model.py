"""The map of convexity of a user's own network in one call, against dense Hessians in float64."""

import copy
import inspect

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

import cases
import landscape_core as lc
from landscape_core.foundation.errors import PlaneError, SpecError


def network(*, seed=0):
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Tanh(), nn.Linear(3, 3))
    return cases.filled(model, seed=seed)


def extremes(model, theta, buffers, data):
    """The smallest and the largest eigenvalue of the dense Hessian at theta with these buffers."""
    own = copy.deepcopy(model).eval()
    moving = dict(own.named_parameters())
    sizes = [p.numel() for p in moving.values()]

    def value(point):
        pieces = zip(moving.items(), point.split(sizes), strict=True)
        state = {name: piece.view_as(p) for (name, p), piece in pieces}
        return cross_entropy(functional_call(own, {**buffers, **state}, (data[0],)), data[1])

    values = torch.linalg.eigvalsh(torch.autograd.functional.hessian(value, theta))
    return float(values[0]), float(values[-1])


def flat(model):
    return torch.cat([p.detach().reshape(-1) for p in model.parameters()])


def test_at_every_point_of_a_plane_the_eigenvalues_are_those_of_the_dense_hessian():
    model, data = network(), cases.vectors()
    found = lc.convexity(model.train(), cross_entropy, data, resolution=3, span=0.5, seed=2)
    plane, buffers = lc.plane_of(found), dict(model.named_buffers())
    assert torch.equal(plane.origin, flat(model))
    for alpha in (-0.5, 0.0, 0.5):
        for beta in (-0.5, 0.0, 0.5):
            theta = plane.points(torch.tensor([[alpha, beta]], dtype=torch.float64))[0]
            low, high = extremes(model, theta, buffers, data)
            here = found.sel(alpha=alpha, beta=beta)
            assert float(here["lambda_min"]) == pytest.approx(low, rel=1e-6)
            assert float(here["lambda_max"]) == pytest.approx(high, rel=1e-6)
            assert float(here["ratio"]) == pytest.approx(abs(min(low, 0) / high), rel=1e-6)
    assert found.attrs["checked_products"] == 9
    assert found.attrs["schema_version"] == 1


def test_on_a_line_between_two_models_each_has_its_own_statistics():
    one, other, data = network(), network(seed=1), cases.vectors()
    line = lc.Plane.through(one, other)
    found = lc.convexity(one, cross_entropy, data, directions=line, resolution=3)
    assert found["ratio"].dims == ("alpha",)
    assert found.attrs["batch_norm"] == "interpolated"
    for alpha, model in ((0.0, one), (1.0, other)):
        low, high = extremes(model, flat(model), dict(model.named_buffers()), data)
        here = found.sel(alpha=alpha)
        np.testing.assert_allclose([here["lambda_min"], here["lambda_max"]], [low, high], rtol=1e-6)


def test_a_map_on_the_plane_of_another_map_is_bit_for_bit_the_same():
    model, data = network(), cases.vectors()
    first = lc.convexity(model, cross_entropy, data, resolution=3, max_examples=10)
    again = lc.convexity(
        model, cross_entropy, data, resolution=3, max_examples=10, directions=lc.plane_of(first)
    )
    for name in ("lambda_min", "lambda_max", "ratio"):
        np.testing.assert_array_equal(first[name], again[name])
    assert first.attrs["plane_digest"] == again.attrs["plane_digest"]
    assert first.attrs["examples"] == 10


def test_the_model_stays_as_it_is():
    model, data = network().train(), cases.vectors()
    before = copy.deepcopy(model.state_dict())
    lc.convexity(model, cross_entropy, data, resolution=2, dimensions=1)
    assert model.training
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name


REFUSED = {
    "examples": ({"max_examples": 0}, "max_examples must be a whole number from 1 on"),
    "matrix": ({"matrix": "fischer"}, r"did you mean 'fisher'\?"),
    "resolution": ({"resolution": 1}, "resolution must be a whole number of at least 2"),
    "span": ({"span": 0.0}, "span must be a positive number"),
    "dimensions": ({"dimensions": 3}, "dimensions must be 1 for a line or 2 for a plane"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_accepted_is_said_before_any_work(name):
    asked, told = REFUSED[name]
    with pytest.raises(SpecError, match=told):
        lc.convexity(network(), cross_entropy, cases.vectors(), **asked)


def test_a_centre_that_is_not_finite_and_empty_data_are_refused():
    model = network()
    with torch.no_grad():
        model[0].weight.fill_(torch.nan)
    with pytest.raises(PlaneError, match="centre of the plane must be finite"):
        lc.convexity(model, cross_entropy, cases.vectors())
    with pytest.raises(SpecError, match="the data are empty"):
        lc.convexity(network(), cross_entropy, tuple(part[:0] for part in cases.vectors()))


def test_its_arguments_have_the_names_of_those_of_landscape():
    own = inspect.signature(lc.convexity).parameters
    others = inspect.signature(lc.landscape).parameters
    assert own.keys() - others.keys() == {"matrix"}
    for name in own.keys() & others.keys() - {"resolution", "loss", "data"}:
        assert own[name].default == others[name].default, name
