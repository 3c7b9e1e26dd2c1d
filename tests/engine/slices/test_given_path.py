"""States saved in training on the plane of a slice of the user's network."""

import copy
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import cases
from landscape_core.analysis.convexity_of_model import convexity
from landscape_core.foundation.errors import SpecError
from landscape_core.models.user_model import from_module
from landscape_core.planes.directions.pca import PCA
from landscape_core.planes.directions.random import Random
from landscape_core.planes.plane import Plane
from landscape_core.slices.given_path import states_of
from landscape_core.slices.model_plan import ends_of
from landscape_core.slices.one_call import landscape
from landscape_core.slices.plane_of_slice import plane_of


def normalized():
    layers = [nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 3)]
    return cases.filled(nn.Sequential(*layers)).double()


def data_of(examples=40):
    inputs, targets = cases.vectors(examples)
    return inputs.double(), targets


def trained(model, steps=6):
    """States of a short training, the last one the model's own, and each one's own loss."""
    inputs, targets = data_of()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    states, losses = [], []
    for _ in range(steps):
        model.train()
        optimizer.zero_grad()
        cross_entropy(model(inputs), targets).backward()
        optimizer.step()
        model.eval()
        with torch.no_grad():
            losses.append(float(cross_entropy(model(inputs), targets)))
        states.append(copy.deepcopy(model.state_dict()))
    return states, losses


def vector(model, state):
    return np.concatenate([state[name].numpy().ravel() for name, _ in model.named_parameters()])


@pytest.mark.parametrize("directions", [None, PCA(), Random()], ids=["default", "pca", "random"])
def test_each_state_has_its_own_loss_and_its_projection(directions):
    model = normalized()
    states, losses = trained(model)
    found = landscape(
        model, cross_entropy, data_of(), path=states, directions=directions, resolution=3
    )
    np.testing.assert_allclose(found["path_loss"], losses, rtol=1e-12)
    thetas = np.stack([vector(model, state) for state in states])
    origin, axes = found["plane_origin"].values, found["plane_axes"].values
    coords, *_ = np.linalg.lstsq(axes.T, (thetas - origin).T, rcond=None)
    np.testing.assert_allclose(found["path_alpha"], coords[0], atol=1e-9)
    np.testing.assert_allclose(found["path_beta"], coords[1], atol=1e-9)
    off = np.linalg.norm(thetas - origin - coords.T @ axes, axis=1)
    np.testing.assert_allclose(found["path_distance"], off, atol=1e-9)
    assert found["step"].values.tolist() == list(range(6))


def test_a_path_is_shown_on_its_principal_components_without_being_asked():
    model = normalized()
    states, _ = trained(model)
    found = landscape(model, cross_entropy, data_of(), path=states, resolution=3)
    thetas = np.stack([vector(model, state) for state in states])
    moves = thetas - thetas.mean(axis=0)
    values = np.linalg.svd(moves, compute_uv=False) ** 2
    ratio = found["explained_variance_ratio"]
    assert ratio.dims == ("axis",)
    np.testing.assert_allclose(ratio, (values / values.sum())[:2], rtol=1e-9)
    for axis in ("alpha", "beta"):
        path, side = found[f"path_{axis}"].values, found[axis].values
        assert side[0] < path.min() < path.max() < side[-1]
    assert found["path_alpha"].values[0] == pytest.approx(0, abs=1e-12)


def test_statistics_that_are_none_of_the_states_are_told():
    model = normalized()
    fresh = copy.deepcopy(model)
    states, losses = trained(model)
    around = {"path": states, "resolution": 3}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        landscape(model, cross_entropy, data_of(), **around)
        landscape(fresh, cross_entropy, data_of(), **around, batch_norm="reestimated")
        landscape(fresh, cross_entropy, data_of(), **around, directions="random")
    with pytest.warns(UserWarning, match="which are not those of the last state"):
        found = landscape(fresh, cross_entropy, data_of(), **around)
    assert float(found["path_loss"][-1]) == pytest.approx(losses[-1])
    theta = vector(model, states[-1])
    with torch.no_grad():
        torch.nn.utils.vector_to_parameters(torch.tensor(theta), fresh.parameters())
        stale = float(cross_entropy(fresh.eval()(data_of()[0]), data_of()[1]))
    assert abs(stale - losses[-1]) > 1e-3


def test_of_other_planes_the_explained_variance_is_that_along_their_axes():
    model = normalized()
    states, _ = trained(model)
    found = landscape(
        model, cross_entropy, data_of(), path=states, directions=Random(), resolution=3
    )
    thetas = np.stack([vector(model, state) for state in states])
    moves = thetas - thetas.mean(axis=0)
    basis = np.linalg.qr(found["plane_axes"].values.T)[0]
    expected = ((moves @ basis) ** 2).sum(axis=0) / (moves**2).sum()
    np.testing.assert_allclose(found["explained_variance_ratio"], expected, rtol=1e-9)
    assert found["alpha"].values.tolist() == [-1, 0, 1]


def test_a_state_that_the_plane_does_not_reach_has_no_loss():
    model = normalized()
    model[0].bias.requires_grad_(False)
    states, losses = trained(model)
    states[2]["0.bias"] += 1
    with pytest.warns(UserWarning, match=r"1 of 6 states differ from the network in 0\.bias"):
        found = landscape(
            model, cross_entropy, data_of(), path=states, directions=Random(), resolution=3
        )
    assert np.isnan(found["path_loss"].values[2])
    np.testing.assert_allclose(found["path_loss"].values[3:], losses[3:], rtol=1e-12)


def test_states_without_buffers_have_no_loss_and_a_warning_says_so():
    model = normalized()
    states, losses = trained(model)
    names = [name for name, _ in model.named_parameters()]
    bare = [{name: state[name] for name in names} for state in states[:2]]
    with pytest.warns(UserWarning, match=r"NaN where 2 of 6 states lack buffers .*state_dict"):
        found = landscape(model, cross_entropy, data_of(), path=bare + states[2:], resolution=3)
    assert np.isnan(found["path_loss"].values).tolist() == [True] * 2 + [False] * 4
    np.testing.assert_allclose(found["path_loss"].values[2:], losses[2:], rtol=1e-12)


def test_stored_statistics_are_said_to_be_those_of_whom_they_are():
    model = normalized()
    states, _ = trained(model)
    said = "{} stored statistics at every point"
    around = landscape(model, cross_entropy, data_of(), resolution=3)
    assert around.attrs["statistics"] == said.format("the centre's")
    found = landscape(model, cross_entropy, data_of(), path=states, resolution=3)
    assert found.attrs["statistics"] == said.format("the given network's")
    found = convexity(model, cross_entropy, data_of(), path=states, resolution=2)
    assert found.attrs["statistics"] == said.format("the given network's")
    origin, other = (torch.tensor(vector(model, state)) for state in states[:2])
    found = landscape(
        model, cross_entropy, data_of(), directions=Plane.through(origin, other), resolution=3,
        dimensions=1,
    )  # fmt: skip
    assert found.attrs["statistics"].startswith("the given network's")


@pytest.mark.parametrize("path", [3, {"0.weight": 1}, [3], nn.Sequential(nn.Tanh())], ids=repr)
def test_what_is_no_list_of_states_is_refused(path):
    part = from_module(normalized(), cross_entropy, data_of())
    with pytest.raises(SpecError, match="path must be a list of state dictionaries"):
        states_of(path, part)
    with pytest.raises(SpecError, match=r"path\[0\]: the keys of a state must be the network's"):
        states_of([nn.Linear(2, 2)], part)


def test_a_slice_without_a_path_has_none():
    found = landscape(normalized(), cross_entropy, data_of(), resolution=3)
    assert not [name for name in found.variables if str(name).startswith("path_")]


@pytest.mark.parametrize(
    ("span", "alpha", "beta"),
    [
        (2.0, (-2, 2), (-2, 2)),
        ((-0.5, 1.5), (-0.5, 1.5), (-0.5, 1.5)),
        ((0, 1, -3, 2), (0, 1), (-3, 2)),
    ],
)
def test_a_span_may_be_the_ends_of_the_axes(span, alpha, beta):
    found = landscape(normalized(), cross_entropy, data_of(), span=span, resolution=3)
    assert (found["alpha"].values[0], found["alpha"].values[-1]) == alpha
    assert (found["beta"].values[0], found["beta"].values[-1]) == beta


@pytest.mark.parametrize("span", [0, -1, float("nan"), "1", (1,), (1, 0), (0, 1, 2), (0, 1, 2, 2)])
def test_a_span_that_is_no_extent_is_refused(span):
    with pytest.raises(SpecError, match="span must be a positive number, or the ends"):
        ends_of(span)


def test_a_map_of_convexity_shows_the_states_too():
    model = normalized()
    states, losses = trained(model)
    found = convexity(model, cross_entropy, data_of(), path=states, resolution=3)
    np.testing.assert_allclose(found["path_loss"], losses, rtol=1e-12)
    assert found["alpha"].values[0] < found["path_alpha"].values.min()


@pytest.mark.parametrize("dimensions", [1, 2])
def test_a_given_plane_keeps_its_origin_and_explains_the_path_that_is_given(dimensions):
    model = normalized()
    states, _ = trained(model)
    asked = {"resolution": 3, "dimensions": dimensions}
    first = landscape(model, cross_entropy, data_of(), path=states, **asked)
    plane = plane_of(first)
    few = states[2:5]
    found = landscape(model, cross_entropy, data_of(), path=few, directions=plane, **asked)
    assert torch.equal(plane_of(found).origin, plane.origin)
    np.testing.assert_allclose(found["path_alpha"], first["path_alpha"][2:5], rtol=0, atol=1e-14)
    vectors = np.stack([vector(model, state) for state in few])
    moves = vectors - vectors.mean(axis=0)
    shares = ((moves @ plane.axes.numpy().T) ** 2).sum(axis=0) / (moves**2).sum()
    np.testing.assert_allclose(found["explained_variance_ratio"], shares, rtol=1e-9)


def test_the_losses_of_the_states_are_means_of_as_many_draws_as_those_of_the_slice():
    class Noisy(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 3)

        def forward(self, inputs):
            return self.layer(inputs + torch.randn_like(inputs))

    model = cases.filled(Noisy()).double()
    ends = (-1.0, 1.0)
    found = landscape(
        model, cross_entropy, data_of(), path=[model.state_dict()], span=ends, resolution=3, draws=9
    )
    centre = found["loss"].sel(split="train", alpha=0, beta=0)
    np.testing.assert_allclose(found["path_loss"][0], centre, rtol=1e-12)


@pytest.mark.parametrize("dimensions", [True, 0, 3], ids=repr)
def test_a_number_of_dimensions_that_is_none_is_refused(dimensions):
    with pytest.raises(SpecError, match=r"^dimensions must be 1 for a line or 2 for a plane"):
        landscape(normalized(), cross_entropy, data_of(), dimensions=dimensions)


def in_arrays(states):
    return [{name: value.numpy() for name, value in state.items()} for state in states]


def in_modules(states):
    found = [normalized() for _ in states]
    for module, state in zip(found, states, strict=True):
        module.load_state_dict(state)
    return found


@pytest.mark.parametrize(
    "form", [in_arrays, in_modules, lambda states: [{"model": s} for s in in_arrays(states)]]
)
def test_states_may_be_arrays_of_numpy_and_modules(form):
    model = normalized()
    states, losses = trained(model, steps=4)
    found = landscape(
        model, cross_entropy, data_of(), path=form(states), resolution=3, strategy="loop"
    )
    assert found["path_loss"].values == pytest.approx(losses, rel=1e-9)


def test_one_state_kept_many_times_is_refused_with_what_to_do():
    model = normalized()
    kept = [model.state_dict() for _ in range(4)]
    for directions in (None, "random"):
        with pytest.raises(SpecError, match=r"path\[1\] must be a state of its own.*deepcopy"):
            landscape(
                model, cross_entropy, data_of(), path=kept, directions=directions, resolution=3
            )
    once = copy.deepcopy(kept[0])
    other = {name: value * 1.1 for name, value in once.items()}
    landscape(  # the same state twice is one
        model, cross_entropy, data_of(), path=[once, once, other], resolution=3, directions="random"
    )
    frozen = [{**once, "0.bias": once["0.bias"] + number} for number in range(3)]
    landscape(model, cross_entropy, data_of(), path=frozen, resolution=3, directions="random")


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("checkpoint-{0}/pytorch_model.bin", [50, 100, 1000]),
        ("epoch={1}-step={0}.ckpt", [50, 100, 1000]),
        ("model_{0}.pth", [0, 1, 2]),
    ],
)
def test_steps_are_those_that_the_names_of_checkpoints_say(tmp_path, name, steps):
    model = normalized()
    states, losses = trained(model, steps=3)
    for epoch, (step, state) in enumerate(zip((50, 100, 1000), states, strict=True)):
        file = tmp_path / name.format(step, epoch)
        file.parent.mkdir(exist_ok=True)
        torch.save(state, file)
    found = landscape(model, cross_entropy, data_of(), path=tmp_path, resolution=3, strategy="loop")
    assert found["step"].values.tolist() == steps
    assert found["path_loss"].values == pytest.approx(losses, rel=1e-9)
