"""The extent that a rule chooses: its ends by plain loops over the network, and its reason."""

import math
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

import landscape_core as lc
from landscape_core.analysis.explain import explain
from landscape_core.experiments.slice_of_run import slice_of_run
from landscape_core.foundation.progress import result
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.datasets.moons import Moons
from landscape_core.models.problems.supervised import Supervised
from landscape_core.planes.directions.pca import PCA
from landscape_core.planes.directions.random import Random
from landscape_core.session.session import Session
from landscape_core.slices.chosen_extent import CLEAR, Extent
from landscape_core.slices.slice_spec import SliceSpec
from landscape_core.training.run import Run

FEW = {"resolution": 3, "strategy": "loop"}


@pytest.fixture(scope="module")
def data():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(60, 3, generator=generator)
    return x, (x[:, 0] > 0).long()


@pytest.fixture(scope="module")
def trained(data):
    """A small network after 150 steps, and the states on the way."""
    generator = torch.Generator().manual_seed(1)
    net = nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 2))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(0.4 * torch.randn(parameter.shape, generator=generator))
    optimizer, states = torch.optim.Adam(net.parameters(), 0.02), []
    for step in range(150):
        if step % 15 == 0:
            states.append({name: one.clone() for name, one in net.state_dict().items()})
        optimizer.zero_grad()
        cross_entropy(net(data[0]), data[1]).backward()
        optimizer.step()
    return net, states


def loss_at(net, data, moved):
    """The loss of a copy whose parameters are moved, by the module itself."""
    kept = [one.detach().clone() for one in net.parameters()]
    vector = torch.cat([one.reshape(-1) for one in kept])
    try:
        with torch.no_grad():
            nn.utils.vector_to_parameters(vector + moved, net.parameters())
            return float(cross_entropy(net(data[0]), data[1]))
    finally:
        with torch.no_grad():
            for one, value in zip(net.parameters(), kept, strict=True):
                one.copy_(value)


def ends(slice_):
    return [float(slice_[side].values[at]) for side in ("alpha", "beta") for at in (0, -1)]


@pytest.mark.parametrize("directions", ["random", "hessian"])
def test_around_one_state_it_ends_where_the_loss_is_ten_times_that_at_the_centre(
    trained, data, directions
):
    net, _ = trained
    found = lc.landscape(net, cross_entropy, data, span="auto", directions=directions, **FEW)
    axes = torch.from_numpy(found["plane_axes"].values.copy())
    half = ends(found)[1]
    assert ends(found) == [-half, half, -half, half]
    centre = loss_at(net, data, 0 * axes[0])

    def highest(width):
        return max(loss_at(net, data, sign * width * axis) for axis in axes for sign in (-1, 1))

    assert highest(half) >= 10 * centre > highest(half / math.sqrt(2))
    assert (
        f"10 times that at the centre or more: the loss goes from {centre:.3g}"
        in (found.attrs["span_reason"])
    )


def test_it_is_no_larger_than_the_parameters_are_long(data):
    net = nn.Linear(3, 2)
    found = lc.landscape(net, cross_entropy, data, span="auto", directions="hessian", **FEW)
    norm = float(torch.cat([one.detach().reshape(-1) for one in net.parameters()]).norm())
    half = ends(found)[1]
    assert 2**-0.25 <= half / norm <= 2**0.25  # rounded to a power of the square root of two
    assert "about as long as the parameters" in found.attrs["span_reason"]


def test_of_parameters_that_are_all_zero_it_is_one_unit_of_the_axes(data):
    net = nn.Linear(3, 2)
    with torch.no_grad():
        net.weight.zero_(), net.bias.zero_()
    found = lc.landscape(net, cross_entropy, data, span="auto", directions="hessian", **FEW)
    assert ends(found)[1] == 1.0
    assert "all parameters are 0" in found.attrs["span_reason"]


def test_what_is_not_finite_is_left_outside(data):
    net = nn.Linear(3, 1)
    with torch.no_grad():
        net.weight.fill_(1.0), net.bias.zero_()
        largest = float(net(data[0]).abs().max())

    def loss(outputs, targets):
        del targets
        beyond = outputs.abs().max() > 1.2 * largest
        return torch.where(beyond, torch.inf, outputs.square().mean())

    found = lc.landscape(net, loss, data, span="auto", **FEW)
    assert np.isfinite(found["loss"].values[0, 1]).all()
    assert np.isfinite(found["loss"].values[0, :, 1]).all()
    assert ends(found)[1] > 0.1
    assert "not finite farther out" in found.attrs["span_reason"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_it_is_never_flat_to_rounding(data, dtype):
    net = nn.Linear(3, 1).to(dtype)
    x = data[0].to(dtype)
    with torch.no_grad():
        y = net(x)  # the loss at the centre is 0
    found = lc.landscape(net, mse_loss, (x, y), span="auto", resolution=11, strategy="loop")
    beside = found["loss"].values[0, 5, [0, -1]].max()
    assert beside >= 0.1 * CLEAR * torch.finfo(dtype).eps
    assert "flat" not in explain(found).names()
    assert "times its rounding" in found.attrs["span_reason"]


def test_a_negative_loss_rises_by_nine_times_its_size(data):
    net = nn.Linear(3, 2)

    with torch.no_grad():
        shift = float(cross_entropy(net(data[0]), data[1])) + 0.002

    def energy(model, batch):
        return cross_entropy(model(batch[0]), batch[1]) - shift

    found = lc.landscape(net, objective=energy, data=[data], span="auto", **FEW)
    with torch.no_grad():
        centre = float(energy(net, data))
    assert centre < 0
    highest = float(found["loss"].values[0, [1, 1, 0, 2], [0, 2, 1, 1]].max())
    assert highest >= centre + 9 * abs(centre)
    assert "higher by 9 |loss|" in found.attrs["span_reason"]


@pytest.mark.parametrize("dimensions", [1, 2])
def test_the_plane_of_a_path_is_framed_by_it(trained, data, dimensions):
    net, states = trained
    asked = {"path": states, "directions": PCA(), "dimensions": dimensions, **FEW}
    found = lc.landscape(net, cross_entropy, data, span="auto", **asked)
    usual = lc.landscape(net, cross_entropy, data, **asked)
    np.testing.assert_array_equal(found["alpha"], usual["alpha"])
    assert found.attrs["span_reason"] == "shows the path, with a margin"
    assert "span_reason" not in usual.attrs


def test_the_states_of_a_plane_are_framed(trained, data):
    net, states = trained
    line = lc.Plane.through(net, states[0])
    found = lc.landscape(net, cross_entropy, data, span="auto", directions=line, **FEW)
    low, high = float(found["alpha"][0]), float(found["alpha"][-1])
    assert -0.5 <= low < 0
    assert 1 < high <= 1.5
    assert "states that the plane goes through" in found.attrs["span_reason"]


def test_a_path_on_a_random_plane_is_shown(trained, data):
    net, states = trained
    far = [{name: 3 * one for name, one in states[0].items()}, *states]
    found = lc.landscape(
        net, cross_entropy, data, span="auto", directions=Random(), path=far, **FEW
    )
    reach = max(float(abs(found[f"path_{side}"]).max()) for side in ("alpha", "beta"))
    assert ends(found)[1] >= reach
    assert "path_outside" not in explain(found).names()


def test_several_models_get_one_extent_that_contains_those_of_each(trained, data):
    net, _ = trained
    other = nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 2))
    models = {"trained": net, "new": other}
    common = lc.common_span(models, cross_entropy, data)
    own = [lc.landscape(m, cross_entropy, data, span="auto", **FEW) for m in models.values()]
    assert list(common.ends) == [
        pick(one)
        for one, pick in zip(zip(*map(ends, own), strict=True), [min, max] * 2, strict=True)
    ]
    assert ends(own[0]) != ends(own[1])
    slices = {
        name: lc.landscape(one, cross_entropy, data, span=common, **FEW)
        for name, one in models.items()
    }
    assert ends(slices["trained"]) == ends(slices["new"]) == list(common.ends)
    assert slices["new"].attrs["span_reason"] == common.reason
    assert "trained" in common.reason
    assert "new" in common.reason
    assert "not_comparable" not in explain(slices).names()
    assert "not_comparable" in explain(own).names()
    assert str(common).startswith(f"{common.ends[0]:.4g} to {common.ends[1]:.4g}: ")


def test_paths_of_several_models_are_all_shown(trained, data):
    net, states = trained
    short = lc.common_span([net], cross_entropy, data, paths=[states[:4]])
    both = lc.common_span([net, net], cross_entropy, data, paths=[states[:4], states])
    assert short.reason == "shows the path, with a margin"
    assert both.ends[0] <= short.ends[0]
    assert both.ends[1] >= short.ends[1]


def test_the_extent_of_one_model_is_its_own(trained, data):
    net, _ = trained
    common = lc.common_span([net], cross_entropy, data)
    found = lc.landscape(net, cross_entropy, data, span="auto", **FEW)
    assert ends(found) == list(common.ends)
    assert found.attrs["span_reason"] == common.reason


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"models": []}, "models"),
        ({"models": "net"}, "models"),
        ({"models": [3]}, "models[model 1]"),
        ({"paths": []}, "paths"),
        ({"paths": [None, None]}, "paths"),
        ({"directions": lc.Plane(torch.zeros(8), torch.eye(8)[:2])}, "directions"),
    ],
)
def test_models_that_are_none_are_refused(data, given, field):
    asked = {"models": [nn.Linear(3, 2)], "loss": cross_entropy, "data": data, **given}
    with pytest.raises(lc.SpecError) as raised:
        lc.common_span(**asked)
    assert raised.value.field == field


@pytest.mark.parametrize("span", ["far", "", 0.0, (1.0, 0.0), Extent((1.0, 0.0, 0.0, 1.0), "")])
def test_other_spans_are_refused(data, span):
    with pytest.raises(lc.SpecError, match="span"):
        lc.landscape(nn.Linear(3, 2), cross_entropy, data, span=span)


@pytest.mark.parametrize("directions", [PCA(), Random()])
def test_slice_of_a_run_and_session_choose_the_same(directions):
    problem = Supervised(dataset=Moons(points=20), architecture=MLP(width=4, depth=1))
    run = Run(problem=problem, steps=12, batch_size=8)
    spec = SliceSpec(directions=directions, resolution=3, extent="auto", span=3.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = result(slice_of_run(run, spec))
        session = Session(run, spec)
        session.advance_to(12)
        *_, picture = session.refine()
    assert found.attrs["span_reason"] == picture.slice.attrs["span_reason"]
    assert ends(found) == pytest.approx(ends(picture.slice))
    if isinstance(directions, PCA):
        plain = result(slice_of_run(run, spec.replace(extent="", span=1.0)))
        assert ends(found) == ends(plain)
    assert spec.ends() is None
    assert spec.chooses_extent
