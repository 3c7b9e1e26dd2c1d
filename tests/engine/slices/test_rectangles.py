"""Rectangles: other ends and other numbers of points along the two axes of a plane."""

import numpy as np
import pytest
import torch
from scipy.interpolate import RectBivariateSpline
from torch import nn

import landscape_lab as ll
from landscape_core import Grid, Plane, Store, Tolerance, landscape
from landscape_core.foundation.errors import SpecError
from landscape_core.models.network_objective import ModelObjective
from landscape_core.slices.interpolation import filled_between, levels_of
from landscape_core.slices.model_plan import probe_of
from landscape_core.slices.slice_spec import SliceSpec
from landscape_core.slices.sweep import coarse, exact, levels, sweep

X = torch.linspace(-1, 1, 12)[:, None]
Y = X.square()


def model():
    network = nn.Sequential(nn.Linear(1, 3), nn.Tanh(), nn.Linear(3, 1))
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(generator=rng)
    return network


@pytest.fixture(scope="module")
def network():
    return model()


@pytest.fixture(scope="module")
def plane(network):
    theta = torch.cat([p.detach().ravel() for p in network.parameters()])
    rng = torch.Generator().manual_seed(1)
    return Plane(origin=theta, axes=torch.randn(2, len(theta), generator=rng))


def plain_losses(network, plane, alphas, betas):
    """The losses (beta, alpha), one point after another in a plain loop over the module."""
    found = np.empty((len(betas), len(alphas)))
    probe = model()
    for i, beta in enumerate(betas):
        for j, alpha in enumerate(alphas):
            theta = plane.origin + alpha * plane.axes[0] + beta * plane.axes[1]
            nn.utils.vector_to_parameters(theta.float(), probe.parameters())
            with torch.no_grad():
                found[i, j] = float((probe(X) - Y).square().mean())
    return found


def of(network, plane, **settings):
    return landscape(network, nn.MSELoss(), (X, Y), directions=plane, **settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"span": (-0.5, 1.0, -2.0, 0.25), "resolution": (7, 4)},
        {
            "span": Grid(
                resolution=7, beta_resolution=4, alpha_low=-0.5, alpha_high=1.0, beta_low=-2.0,
                beta_high=0.25,
            )
        },
    ],
    ids=["pairs", "a grid"],
)  # fmt: skip
def test_a_rectangle_has_the_losses_of_a_plain_loop(network, plane, settings):
    found = of(network, plane, **settings)
    assert dict(found["loss"].sizes) == {"split": 1, "beta": 4, "alpha": 7}
    np.testing.assert_allclose(found["alpha"], np.linspace(-0.5, 1.0, 7))
    np.testing.assert_allclose(found["beta"], np.linspace(-2.0, 0.25, 4))
    expected = plain_losses(network, plane, found["alpha"].values, found["beta"].values)
    np.testing.assert_allclose(found["loss"].isel(split=0), expected, rtol=1e-5)


def test_equal_numbers_are_a_square_and_one_number_is_both(network, plane):
    one, pair = of(network, plane, resolution=5), of(network, plane, resolution=(5, 5))
    np.testing.assert_array_equal(one["loss"], pair["loss"])


def test_a_path_is_laid_into_a_rectangle(network):
    states = []
    for step in range(4):
        moved = model()
        with torch.no_grad():
            for p in moved.parameters():
                p.add_(0.1 * step * torch.ones_like(p) + 0.01 * step**2 * p)
        states.append(moved.state_dict())
    found = landscape(network, nn.MSELoss(), (X, Y), path=states, resolution=(6, 3))
    assert dict(found["loss"].sizes) == {"split": 1, "beta": 3, "alpha": 6}
    assert np.isfinite(found["path_loss"]).all()


def test_a_rectangle_is_kept_apart_from_a_square(network, plane, tmp_path):
    store = Store(tmp_path)
    wide = of(network, plane, resolution=(6, 3), store=store)
    square = of(network, plane, resolution=6, store=store)
    again = of(network, plane, resolution=(6, 3), store=store)
    assert square["loss"].shape == (1, 6, 6)
    np.testing.assert_array_equal(wide["loss"], again["loss"])


@pytest.mark.parametrize("resolution", [1, (5, 1), (5, 4, 3), "55", (5.5, 4), ()], ids=repr)
def test_what_is_no_resolution_is_refused(network, plane, resolution):
    with pytest.raises(SpecError, match="resolution must be"):
        of(network, plane, resolution=resolution)


def test_a_grid_and_another_resolution_or_a_tolerance_do_not_go_together(network, plane):
    with pytest.raises(SpecError, match="left out with a Grid"):
        of(network, plane, span=Grid(resolution=5), resolution=9)
    with pytest.raises(SpecError, match="equal along both axes where a tolerance"):
        of(network, plane, resolution=(9, 5), tolerance=Tolerance(relative_tolerance=0.1))
    with pytest.raises(SpecError, match="0 where a tolerance allows"):
        SliceSpec(beta_resolution=9, tolerance=0.1)
    for kind in (Grid, SliceSpec):
        with pytest.raises(SpecError, match="beta_resolution must be 0, or at least 2"):
            kind(beta_resolution=1)


def test_what_lies_between_the_lines_is_the_bicubic_spline():
    shape = (23, 40)
    b, a = np.linspace(-1, 1, shape[0]), np.linspace(-2, 2, shape[1])
    values = np.cos(b)[:, None] + np.sin(a)[None] * b[:, None]
    lines = levels_of(shape)[0]
    known = values[np.ix_(*lines)]
    spline = RectBivariateSpline(lines[0], lines[1], known)
    expected = spline(np.arange(shape[0]), np.arange(shape[1]))
    np.testing.assert_allclose(filled_between(known, lines, shape), expected, atol=1e-10)
    known[3, 2] = np.inf
    filled = filled_between(known, lines, shape)
    assert np.isinf(filled[lines[0][3], lines[1][2]])
    assert 0 < np.isinf(filled).mean() < 0.05


def test_a_rectangle_comes_from_coarse_to_fine(network, plane):
    objective = ModelObjective(network, nn.MSELoss(), X, Y)
    read, grid = probe_of({"train": objective}, plane), Grid(resolution=30, beta_resolution=9)
    counts = levels(grid)
    assert counts[-1] == 270
    first = coarse(read, grid, 0)
    assert int(first["computed"].sum()) == counts[0]
    assert np.isfinite(first["loss"]).all()
    *_, last = sweep(read, grid)
    *_, whole = exact(read, grid)
    np.testing.assert_array_equal(last["loss"], whole["loss"])


def test_files_and_pictures_of_a_rectangle_have_its_shape(network, plane, tmp_path):
    found = of(network, plane, resolution=(6, 3), span=(-1, 1, 0, 3))
    ll.save(found, tmp_path / "a.csv")
    table = np.genfromtxt(tmp_path / "a.csv", delimiter=",", names=True)
    assert len(table) == 18
    ll.save(found, tmp_path / "a.vtp")
    assert 'NumberOfPoints="18"' in (tmp_path / "a.vtp").read_text()
    ll.save(found, tmp_path / "a.nc")
    assert ll.load(tmp_path / "a.nc")["loss"].shape == (1, 3, 6)
    axes = ll.plot(found)
    assert axes.get_xlim() == (-1, 1)
    assert axes.get_ylim() == (0, 3)
