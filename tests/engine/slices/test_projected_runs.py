"""`path=` of projected states: against the whole states of the same run."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import cases
import landscape_core as lc
from landscape_core.analysis.explain import explain
from landscape_core.foundation.errors import PlaneError, SpecError
from landscape_core.storage.recorded_projection import recorded

COMPONENTS, ROUNDING = 120, 1e-10


def network():
    layers = [nn.Linear(10, 12), nn.BatchNorm1d(12), nn.Tanh(), nn.Linear(12, 3)]
    return cases.filled(nn.Sequential(*layers)).double()


def data():
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(40, 10, dtype=torch.float64, generator=generator)
    return inputs, (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A trained network, and the files of its whole and of its projected states."""
    model, folder = network(), tmp_path_factory.mktemp("run")
    whole, few = folder / "whole.nc", folder / "few.nc"
    inputs, targets = data()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    with (
        lc.record(model, every=2, file=whole) as one,
        lc.record(model, every=2, file=few, projection=COMPONENTS) as other,
    ):
        for _ in range(15):
            optimizer.zero_grad()
            cross_entropy(model(inputs), targets).backward()
            optimizer.step()
            one.step()
            other.step()
    return model, whole, few


def sliced(model, path, directions, **settings):
    settings = {"resolution": 3, **settings}
    return lc.landscape(model, cross_entropy, data(), path=path, directions=directions, **settings)


def through(model, whole):
    """A plane through three of the states."""
    found = recorded(whole)
    return lc.Plane.through(found[0], found[3], found[8])


@pytest.mark.parametrize("rule", ["random", "hessian", "through", "given"])
@pytest.mark.filterwarnings("ignore:The slice lies around the states")
def test_coordinates_and_distances_are_those_of_the_states_within_their_standard_errors(run, rule):
    model, whole, few = run
    made = {
        "random": lc.Random,
        "hessian": lc.HessianEigenvectors,
        "through": lambda: through(model, whole),
        "given": lambda: lc.Plane(*_given(model)),
    }
    directions = made[rule]()
    span = (0.0, 1.0) if rule == "through" else 1.0
    found = sliced(model, few, directions, span=span)
    same = lc.plane_of(found) if rule == "hessian" else directions  # whose signs follow a path
    exact = sliced(model, whole, same, span=span)
    np.testing.assert_array_equal(found["step"], exact["step"])
    np.testing.assert_allclose(found["loss"], exact["loss"], rtol=1e-12)
    assert found["step"].values.tolist() == [0, 2, 4, 6, 8, 10, 12, 14, 15]
    for name in ("path_alpha", "path_beta"):
        error = np.abs(found[name] - exact[name]).values
        assert (error <= 4 * found[f"{name}_standard_error"].values + ROUNDING).all()
        assert (found[f"{name}_standard_error"].values[:-1] >= 0).all()
    relative = found.attrs["path_distance_relative_error"]
    assert relative == pytest.approx(1 / np.sqrt(2 * (COMPONENTS - 2)))
    difference = np.abs(found["path_distance"] - exact["path_distance"]).values
    assert (difference <= 4 * relative * exact["path_distance"].values + ROUNDING).all()
    assert found.attrs["path_projection"] == COMPONENTS
    names = ["path_alpha_standard_error", "path_beta_standard_error"]
    expected = [float(found[name].max()) for name in names]
    assert found.attrs["path_standard_error"] == pytest.approx(expected)
    assert not {"path_loss", "explained_variance_ratio"} & set(found)


def _given(model):
    theta = torch.cat([one.detach().flatten() for one in model.parameters()])
    generator = torch.Generator().manual_seed(5)
    axes = torch.randn(2, len(theta), dtype=torch.float64, generator=generator)
    return theta + 0.1, torch.stack([axes[0], 3 * axes[0] + 0.5 * axes[1]])


def test_a_line_and_a_chosen_extent_have_estimates_too(run):
    model, whole, few = run
    exact, found = (
        sliced(model, path, "random", dimensions=1, span="auto") for path in (whole, few)
    )
    error = np.abs(found["path_alpha"] - exact["path_alpha"]).values
    assert (error <= 4 * found["path_alpha_standard_error"].values + ROUNDING).all()
    assert "path_beta" not in found
    assert float(found["path_alpha"].max()) < float(found["alpha"].max())


def test_the_plane_of_another_run_shows_the_path_and_a_convexity_map_has_it(run):
    model, whole, few = run
    plane = sliced(model, whole, "pca")
    given = lc.plane_of(plane)
    assert given.explained_variance_ratio is not None
    found = sliced(model, few, given, resolution=5)
    low, high = (found["alpha"].values[at] for at in (0, -1))
    assert low <= float(found["path_alpha"].min()) < float(found["path_alpha"].max()) <= high
    asked = {"resolution": 2, "directions": lc.Random(), "max_examples": 5}
    found = lc.convexity(model.eval(), cross_entropy, data(), path=few, **asked)
    assert found.attrs["path_projection"] == COMPONENTS
    assert found["path_alpha"].shape == (9,)


@pytest.mark.parametrize("directions", [None, "pca", "endpoints", "update"])
def test_a_plane_that_depends_on_the_path_is_refused_with_what_works_instead(run, directions):
    model, _, few = run
    says = r"directions must be a plane that does not depend on the path, as Random\(\).*"
    says += r"Plane\.through.*random projections of the states do not give.*ll\.load"
    with pytest.raises(SpecError, match=says) as caught:
        sliced(model, few, directions)
    assert str(few)[-6:] in str(caught.value.value)


def test_projections_of_another_network_are_refused(run):
    model, _, few = run
    other = copy.deepcopy(model)
    other[3] = nn.Linear(12, 3, bias=False).double()
    with pytest.raises(
        SpecError, match=r"path: .*few\.nc must be the 192 of this network.*3\.bias"
    ):
        sliced(other, few, "random")
    with pytest.raises(PlaneError, match="the plane has 10 parameters; those recorded are 195"):
        sliced(model, few, lc.Plane(torch.zeros(10), torch.eye(10)[:2]))
    frozen = copy.deepcopy(model)
    frozen[0].bias.requires_grad_(False)
    with pytest.raises(
        SpecError, match=r"that require a gradient; got '195 that differ in 0\.bias"
    ):
        sliced(frozen, few, "random")


def test_several_runs_by_name_have_each_their_estimates(run, tmp_path):
    model, whole, few = run
    wrapped, other = nn.DataParallel(model), tmp_path / "other.nc"
    with lc.record(wrapped, file=other, projection=40) as recorder:
        recorder.step()
    found = sliced(model, {"one": few, "two": recorder.states()}, "random")
    empty = lc.record(model, file=other, projection=40).states()
    with pytest.raises(SpecError, match=r"path must be at least one state.*got 'without a state'"):
        sliced(model, empty, "random")
    alone = sliced(model, few, "random")
    np.testing.assert_allclose(
        found["path_alpha"].sel(run="one", step=alone["step"]), alone["path_alpha"]
    )
    two = found.sel(run="two")
    assert two["path_distance"].dropna("step")["step"].values.tolist() == [0, 1]
    assert float(two["path_distance"].max()) < ROUNDING
    assert np.isnan(two["path_alpha_standard_error"].values).sum() == len(found["step"]) - 2
    assert found.attrs["path_projection"] == [COMPONENTS, 40]
    with pytest.raises(SpecError, match=r"of one kind.*projections of one and states of others"):
        sliced(model, {"one": few, "two": whole}, "random")


def test_findings_say_that_the_path_is_estimated_and_what_helps(run, tmp_path):
    model, _, few = run
    found = explain(sliced(model, few, "random"))
    (one,) = (each for each in found if each.name == "path_estimated")
    assert one.level == "note"
    assert f"estimates from {COMPONENTS} random projections of each state" in one.sentence
    assert one.figures["projections"] == COMPONENTS
    assert one.figures["standard_error"] > 0
    (off,) = (each for each in found if each.name == "path_off_plane")
    assert "Plane.through" in off.remedy
    assert "pca" not in off.remedy
