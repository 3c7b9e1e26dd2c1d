"""Several runs on the plane of one slice."""

import copy
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import cases
from landscape_core import Plane, checkpoints, explain, load, record, save
from landscape_core.analysis.convexity_of_model import convexity
from landscape_core.foundation.errors import MissingDataError, SpecError
from landscape_core.planes.directions.pca import PCA
from landscape_core.planes.directions.random import Random
from landscape_core.slices.one_call import landscape
from landscape_core.storage.slice_paths import paths_on

OPTIMIZERS = {
    "SGD": lambda parameters: torch.optim.SGD(parameters, 0.5),
    "Adam": lambda parameters: torch.optim.Adam(parameters, 0.05),
}
STATES = {"SGD": 7, "Adam": 5}
DATA = cases.vectors(40)[0].double(), cases.vectors(40)[1]


def network():
    return cases.filled(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 3))).double()


def trained(model, optimizer, states, file=None):
    """The states of a short training, the last one the model's own, and each one's loss."""
    found, losses = [], []
    stepping = optimizer(model.parameters())
    with record(model, file=file) if file else warnings.catch_warnings() as recorder:
        for number in range(states):
            found.append(copy.deepcopy(model.state_dict()))
            loss = cross_entropy(model(DATA[0]), DATA[1])
            losses.append(loss.item())
            if number < states - 1:
                stepping.zero_grad()
                loss.backward()
                stepping.step()
                if recorder is not None:
                    recorder.step()
    return found, losses


@pytest.fixture(scope="module")
def runs():
    """The networks after two runs from one start, their states and losses by name."""
    found = {}
    for name, optimizer in OPTIMIZERS.items():
        model = network()
        found[name] = (model, *trained(model, optimizer, STATES[name]))
    return found


@pytest.fixture(scope="module")
def both(runs):
    """The slice on the plane of both, around the end of the first."""
    paths = {name: states for name, (_, states, _) in runs.items()}
    return landscape(
        runs["SGD"][0], cross_entropy, DATA, path=paths, directions=PCA(), resolution=5
    )


def vectors(states):
    return np.stack([np.concatenate([one.numpy().ravel() for one in s.values()]) for s in states])


def test_each_run_has_its_losses_and_its_projection(runs, both):
    assert both["path_loss"].dims == both["path_alpha"].dims == ("run", "step")
    assert both["run"].values.tolist() == ["SGD", "Adam"]
    origin, axes = both["plane_origin"].values, both["plane_axes"].values
    for name, (_, states, losses) in runs.items():
        own = both.sel(run=name).isel(step=slice(len(states)))
        np.testing.assert_allclose(own["path_loss"], losses, rtol=1e-12)
        away = vectors(states) - origin
        coords = np.linalg.lstsq(axes.T, away.T, rcond=None)[0]
        np.testing.assert_allclose(own["path_alpha"], coords[0], atol=1e-9)
        np.testing.assert_allclose(own["path_beta"], coords[1], atol=1e-9)
        off = np.linalg.norm(away - coords.T @ axes, axis=1)
        np.testing.assert_allclose(own["path_distance"], off, atol=1e-9)
    for name in ("path_alpha", "path_beta", "path_loss", "path_distance"):
        assert np.isnan(both[name].sel(run="Adam").values[5:]).all()


def test_the_plane_is_that_of_all_states_together_and_shows_all(runs, both):
    thetas = {name: vectors(states) for name, (_, states, _) in runs.items()}
    together = np.concatenate(list(thetas.values()))
    moves = together - together.mean(axis=0)
    _, values, rows = np.linalg.svd(moves, full_matrices=False)
    axes = both["plane_axes"].values
    np.testing.assert_allclose(np.abs((axes * rows[:2]).sum(axis=1)), 1, rtol=1e-9)
    ratio = values**2 / (values**2).sum()
    np.testing.assert_allclose(both["explained_variance_ratio"], ratio[:2], rtol=1e-9)
    for name, own in thetas.items():
        moves = own - own.mean(axis=0)
        expected = ((moves @ axes.T) ** 2).sum(axis=0) / (moves**2).sum()
        found = both["run_explained_variance_ratio"].sel(run=name)
        np.testing.assert_allclose(found, expected, rtol=1e-9)
    for axis in ("alpha", "beta"):
        path = both[f"path_{axis}"].values
        assert both[axis].values[0] < np.nanmin(path) < np.nanmax(path) < both[axis].values[-1]
    # The plane goes through the network; the first state of the first run has coordinates 0.
    assert both["path_distance"].sel(run="SGD").values[6] == pytest.approx(0, abs=1e-9)
    assert both["path_alpha"].values[0, 0] == pytest.approx(0, abs=1e-12)


def test_the_plane_is_that_without_names_and_the_file_holds_it(runs, both, tmp_path):
    joined = [state for _, states, _ in runs.values() for state in states]
    alone = landscape(runs["SGD"][0], cross_entropy, DATA, path=joined, resolution=5)
    np.testing.assert_allclose(alone["loss"], both["loss"], rtol=1e-9)
    save(both, tmp_path / "both.nc")
    assert load(tmp_path / "both.nc").identical(both)
    assert explain(both).names() == ()


def test_files_folders_and_recorded_files_are_runs(runs, both, tmp_path):
    (tmp_path / "sgd").mkdir()
    model, states, losses = runs["SGD"]
    for number, state in enumerate(states):
        torch.save(state, tmp_path / "sgd" / f"{number}.pt")
    _, recorded = trained(network(), OPTIMIZERS["Adam"], 5, tmp_path / "adam.nc")
    given = {"SGD": checkpoints(tmp_path / "sgd")[::2], "Adam": tmp_path / "adam.nc"}
    found = landscape(model, cross_entropy, DATA, path=given, resolution=3)
    np.testing.assert_allclose(found["path_loss"].sel(run="SGD")[:4], losses[::2], rtol=1e-12)
    np.testing.assert_allclose(found["path_loss"].sel(run="Adam"), recorded, rtol=1e-12)
    given["SGD"] = str(tmp_path / "sgd")
    again = landscape(model, cross_entropy, DATA, path=given, resolution=5)
    np.testing.assert_allclose(again["loss"], both["loss"], rtol=1e-12)
    with pytest.raises(MissingDataError, match="nowhere"):
        landscape(model, cross_entropy, DATA, path={**given, "B": "nowhere.pt"}, resolution=3)


def test_steps_that_one_run_alone_has_are_nan_for_the_other(tmp_path):
    for every, name in ((1, "a"), (2, "b")):
        model = network()
        with record(model, every=every, file=tmp_path / f"{name}.nc") as recorder:
            for _ in range(4):
                with torch.no_grad():
                    for one in model.parameters():
                        one += 0.1 * every * torch.sin(torch.arange(one.numel())).reshape(one.shape)
                        one *= 0.9
                recorder.step()
    given = {name: tmp_path / f"{name}.nc" for name in "ab"}
    found = landscape(model, cross_entropy, DATA, path=given, directions=Random(), resolution=3)
    assert found["step"].values.tolist() == [0, 1, 2, 3, 4]
    assert np.isfinite(found["path_loss"].sel(run="b")).values.tolist() == [1, 0, 1, 0, 1]
    expected = cross_entropy(model(DATA[0]), DATA[1]).item()
    np.testing.assert_allclose(found["path_loss"].sel(run="b", step=4), expected, rtol=1e-12)


def test_a_run_of_one_state_has_no_variance_and_a_line_no_beta(runs):
    model, states, losses = runs["SGD"]
    given = {"all": states, "end": states[-1:]}
    found = landscape(model, cross_entropy, DATA, path=given, dimensions=1, resolution=3)
    assert "path_beta" not in found
    assert np.isnan(found["run_explained_variance_ratio"].sel(run="end")).all()
    np.testing.assert_allclose(found["path_loss"].sel(run="end", step=0), losses[-1], rtol=1e-12)


def test_a_rule_of_one_path_follows_the_first_run(runs):
    model, states, losses = runs["SGD"]
    given = {"SGD": states, "Adam": runs["Adam"][1]}
    found = landscape(
        model, cross_entropy, DATA, path=given, directions="endpoints", dimensions=1, resolution=3
    )
    thetas = vectors(states)
    way = found["plane_axes"].values[0]
    along = abs(way @ (thetas[-1] - thetas[0]))
    reach = np.linalg.norm(way) * np.linalg.norm(thetas[-1] - thetas[0])
    assert along == pytest.approx(reach, rel=1e-9)
    np.testing.assert_allclose(found["path_loss"].sel(run="SGD"), losses, rtol=1e-12)


def test_one_run_is_chosen_of_several(both):
    one = both.sel(run="SGD")
    assert explain(one).names() == ()
    assert [name for name, _ in paths_on(one)] == [""]
    assert [name for name, _ in paths_on(both)] == ["SGD", "Adam"]
    assert [path.sizes["step"] for _, path in paths_on(both)] == list(STATES.values())


def test_a_map_of_convexity_has_the_runs_as_well(runs, both):
    paths = {name: states for name, (_, states, _) in runs.items()}
    found = convexity(runs["SGD"][0], cross_entropy, DATA, path=paths, resolution=2)
    np.testing.assert_allclose(found["path_alpha"], both["path_alpha"], rtol=1e-9)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (lambda states: states[0], "path must be a list of state dictionaries"),
        (lambda states: {"model": states[0], "epoch": 3}, "path must be a list of state"),
        (lambda states: {}, "path must be a list of state"),
        (lambda states: {3: states}, "the name of a run must be"),
        (lambda states: {"": states}, "the name of a run must be"),
        (lambda states: {"a": states, "b": []}, r"path\['b'\] must be at least one state"),
        (lambda states: {"a": states, "b": [3]}, r"path\['b'\] must be a list of state"),
        (lambda states: [], "path must be at least one state"),
        (lambda states: iter(()), "path must be at least one state"),
    ],
)
def test_what_are_no_runs_is_refused(runs, path, said):
    with pytest.raises(SpecError, match=said):
        landscape(runs["SGD"][0], cross_entropy, DATA, path=path(runs["SGD"][1]), resolution=3)


def test_a_state_of_another_network_is_told_by_its_run(runs):
    other = [nn.Linear(3, 3).double().state_dict()]
    given = {"SGD": runs["SGD"][1], "other": other}
    with pytest.raises(SpecError, match=r"path\['other'\]\[0\]"):
        landscape(runs["SGD"][0], cross_entropy, DATA, path=given, resolution=3)


def test_statistics_that_are_none_of_a_run_are_told():
    layers = [nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 3)]
    start = cases.filled(nn.Sequential(*layers)).double()
    far = OPTIMIZERS | {"Adam": lambda parameters: torch.optim.Adam(parameters, 0.5)}
    models = {name: copy.deepcopy(start) for name in far}
    paths = {name: trained(models[name], optimizer, 12)[0] for name, optimizer in far.items()}
    for name, model in models.items():
        model.load_state_dict(paths[name][-1])
    with pytest.warns(UserWarning, match="not those of the last state of Adam") as told:
        found = landscape(models["SGD"], cross_entropy, DATA, path=paths, resolution=3)
    assert "No network has those of all runs" in str(told[0].message)
    expected = cross_entropy(models["Adam"].eval()(DATA[0]), DATA[1]).item()
    np.testing.assert_allclose(found["path_loss"].sel(run="Adam")[-1], expected, rtol=1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        landscape(
            models["SGD"], cross_entropy, DATA, path=paths, resolution=3,
            batch_norm="reestimated",
        )  # fmt: skip


def test_the_run_that_lies_off_the_plane_is_named(runs):
    model, states, _ = runs["SGD"]
    away = [{n: v + 3 * torch.randn_like(v) for n, v in one.items()} for one in states[:3]]
    given = {"SGD": states, "away": away}
    axes = torch.randn(2, 31, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    theta = torch.tensor(vectors(states[-1:])[0])
    found = explain(
        landscape(
            model, cross_entropy, DATA, path=given, directions=Plane(theta, axes), resolution=5
        )
    )
    one = next(one for one in found if one.name == "path_off_plane")
    assert "The path of away lies" in one.sentence
    assert "Look at this run alone" in one.remedy
