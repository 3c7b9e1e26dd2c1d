"""The curvature at a point and along a run, against the dense Hessian and its diagonal blocks."""

import numpy as np
import pytest
import torch
from torch import nn

import cases
import oracles
from landscape_core.curvature import eigenpairs as eigenpairs_module
from landscape_core.curvature.density import smoothed
from landscape_core.curvature.matrices.gauss_newton import GaussNewton
from landscape_core.curvature.monitor import Watch, Watcher
from landscape_core.curvature.spectrum import Spectrum, compute_spectrum
from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.parameters import groups

EXACT = {"trace_error": 1e-4, "tolerance": 1e-10, "steps": 500, "max_examples": 20}


@pytest.fixture
def iterated(monkeypatch):
    """Let ARPACK do also what is small enough to be taken whole."""
    monkeypatch.setattr(eigenpairs_module, "DENSE", 0)


def last(objective, **changes):
    *_, found = compute_spectrum(objective, objective.start, Spectrum(**{**EXACT, **changes}))
    return found


def blocks_of(objective):
    """The dense Hessian of the network, and its diagonal block of each layer."""
    dense = oracles.dense_hessian(objective, objective.start)
    found = {"network": dense}
    for name, blocks in groups(objective.layout).items():
        index = torch.cat([torch.arange(block.start, block.stop) for block in blocks])
        found[name] = dense[index][:, index]
    return found


def test_eigenvalues_and_traces_are_those_of_the_dense_blocks():
    objective = cases.mlp_objective()
    found = last(objective, each_layer=True, top=4, bottom=2)
    expected = blocks_of(objective)
    assert found["block"].values.tolist() == list(expected) == ["network", "0", "2", "4"]
    for name, dense in expected.items():
        here, values = found.sel(block=name), torch.linalg.eigvalsh(dense).flip(0)
        assert int(here["parameters"]) == len(dense)
        np.testing.assert_allclose(here["eigenvalue"][:4], values[:4], rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(here["eigenvalue"][4:], values[-2:], rtol=1e-8, atol=1e-10)
        assert float(here["residual"].max()) < 1e-8
        away = abs(float(here["trace"]) - float(dense.trace()))
        assert away <= 5 * float(here["trace_error"]) + 1e-9


def test_iterated_eigenvalues_are_those_of_the_dense_blocks(iterated):
    objective = cases.mlp_objective(seed=3)
    found = last(objective, each_layer=True, probes=0)
    for name, dense in blocks_of(objective).items():
        values = torch.linalg.eigvalsh(dense).flip(0)
        expected = [*values[:5].tolist(), float(values[-1])]
        np.testing.assert_allclose(found["eigenvalue"].sel(block=name), expected, atol=1e-8)


def test_the_density_is_that_of_the_dense_blocks_as_the_same_probes_see_them():
    objective = cases.mlp_objective()
    found = last(objective, each_layer=True, probes=6, smoothing=0.02)
    for name, dense in blocks_of(objective).items():
        values, vectors = torch.linalg.eigh(dense)
        drawn = torch.randn(
            6, len(dense), generator=random_streams.stream(0, "density"), dtype=torch.float64
        )
        weights = (drawn @ vectors).square() / drawn.square().sum(dim=1, keepdim=True)
        where = found["eigenvalue_axis"].sel(block=name).values
        sigma = 0.02 * float(values[-1] - values[0])
        expected = smoothed(values.numpy(), weights.mean(dim=0).numpy(), where, sigma)
        here = found["density"].sel(block=name).values
        np.testing.assert_allclose(here, expected, rtol=1e-6, atol=1e-6 * expected.max())
        assert np.trapezoid(here, where) == pytest.approx(1, abs=1e-3)
        assert (found["density_low"].sel(block=name) <= here).all()
        assert (found["density_high"].sel(block=name) >= here).all()


def test_chosen_layers_alone_are_a_network_of_their_own():
    objective = cases.mlp_objective()
    found = last(objective, layers="2, 4.weight", each_layer=True)
    assert found["block"].values.tolist() == ["network", "2", "4"]
    names = ("2.weight", "2.bias", "4.weight")
    index = torch.cat(
        [torch.arange(b.start, b.stop) for b in objective.layout.blocks if b.name in names]
    )
    dense = oracles.dense_hessian(objective, objective.start)[index][:, index]
    values = torch.linalg.eigvalsh(dense).flip(0)
    np.testing.assert_allclose(found["eigenvalue"][0, :5], values[:5], rtol=1e-8, atol=1e-10)
    assert found["parameters"].values.tolist() == [len(index), 24, 12]


def test_an_empty_list_of_layers_is_all_of_them():
    assert int(last(cases.mlp_objective(), layers="", probes=0)["parameters"][0]) == 59


def test_ranks_that_a_block_has_not_are_nan():
    objective = cases.mlp_objective()
    found = last(objective, layers="4.bias", top=5, bottom=2, probes=2).isel(block=0)
    assert np.isfinite(found["eigenvalue"]).values.tolist() == [True] * 3 + [False] * 4
    found = last(objective, layers="4.bias", top=2, bottom=2, probes=2).isel(block=0)
    assert found["rank"].values.tolist() == [1, 2, -2, -1]
    assert np.isfinite(found["eigenvalue"]).values.tolist() == [True, True, False, True]


def test_another_matrix_gives_its_own_spectrum():
    objective = cases.mlp_objective()
    found = last(objective, matrix=GaussNewton(), bottom=0, probes=0)
    dense = GaussNewton().at(objective, objective.start).dense()
    values = torch.linalg.eigvalsh(dense).flip(0)[:5]
    np.testing.assert_allclose(found["eigenvalue"][0], values, rtol=1e-8)
    assert found.attrs["matrix"] == "gauss_newton"


def test_what_is_known_comes_first_and_the_rest_is_nan():
    objective = cases.mlp_objective()
    values, whole, found = compute_spectrum(objective, objective.start, Spectrum())
    assert np.isfinite(values["eigenvalue"]).all()
    assert np.isnan(values["trace"]).all()
    assert np.isfinite(whole["trace"]).all()
    assert np.isnan(whole["density"]).all()
    assert np.isfinite(found["density"]).all()
    assert values["matvecs"][0] < found["matvecs"][0]


def test_where_the_loss_is_not_finite_nothing_is_begun():
    objective = cases.mlp_objective()
    theta = torch.full_like(objective.start, torch.nan)
    with pytest.raises(SpecError, match="finite"):
        next(compute_spectrum(objective, theta, Spectrum()))


@pytest.mark.parametrize("layers", ["head", ",", " , "])
def test_an_unknown_layer_is_refused_with_those_that_there_are(layers):
    objective = cases.mlp_objective()
    with pytest.raises(SpecError, match=rf"0\.weight.*got '{layers}'"):
        next(compute_spectrum(objective, objective.start, Spectrum(layers=layers)))


@pytest.mark.parametrize("size", [7, 60])
def test_parameters_of_another_network_are_refused_with_both_sizes(size):
    with pytest.raises(SpecError, match=rf"theta must be .*\(59,\); got \({size},\)"):
        next(compute_spectrum(cases.mlp_objective(), cases.normal(size), Spectrum()))


def test_one_probe_is_refused():
    with pytest.raises(SpecError, match="band"):
        Spectrum(probes=1)


def test_a_watcher_finds_the_eigenvalues_of_the_dense_hessian(iterated):
    objective = cases.mlp_objective()
    watcher = Watcher(Watch(top=3, tolerance=1e-6, max_examples=20, probes=4))
    for step in range(4):
        theta = objective.start * (1 + 0.1 * step)
        watcher.measure(objective, theta, step)
    found = watcher.dataset()
    assert found["step"].values.tolist() == [0, 1, 2, 3]
    for step in range(4):
        dense = oracles.dense_hessian(objective, objective.start * (1 + 0.1 * step))
        values = torch.linalg.eigvalsh(dense).flip(0)[:3]
        np.testing.assert_allclose(found["eigenvalue"].sel(step=step), values, rtol=1e-6)
        away = abs(float(found["trace"].sel(step=step)) - float(dense.trace()))
        assert away < 6 * float(found["trace_error"].sel(step=step))


def test_a_watcher_takes_no_more_than_its_share_of_the_time(monkeypatch):
    clock = Clock(monkeypatch)
    objective = cases.mlp_objective()
    watcher = Watcher(Watch(max_overhead=0.1), 100.0)
    taken = 0
    for trained in np.arange(100.0, 200.0, 0.5):
        if watcher.due(float(trained)):
            clock.cost = 0.5 + 0.5 * (taken % 3)
            watcher.measure(objective, objective.start, taken)
            taken += 1
            # All but the latest, of which nobody knew what it would take, fit.
            assert watcher.seconds - clock.cost <= 0.1 * (trained - 100.0) + 1e-9
    assert 8 <= watcher.seconds <= 11
    assert len(watcher.dataset()["step"]) == taken


def test_a_watcher_without_a_share_measures_nothing():
    assert not Watcher(Watch(max_overhead=0.0)).due(1e9)


def test_what_is_not_finite_is_left_out_and_its_time_counts(monkeypatch):
    clock = Clock(monkeypatch)
    clock.cost = 2.0
    objective = cases.mlp_objective()
    watcher = Watcher(Watch(max_overhead=0.1))
    watcher.measure(objective, torch.full_like(objective.start, torch.nan), 0)
    assert watcher.dataset() is None
    assert watcher.seconds == 2.0
    assert not watcher.due(39.0)
    assert watcher.due(40.0)


def test_eigenvalues_that_did_not_converge_do_not_spoil_the_next_start(iterated, monkeypatch):
    network = cases.filled(nn.Linear(80, 2))
    data = cases.normal(800, 80), cases.normal(800, 2, seed=1)
    objective = ModelObjective(network, nn.MSELoss(), *data)
    watcher = Watcher(Watch(top=3, tolerance=1e-6, max_examples=800))
    real = eigenpairs_module.eigenpairs

    def short(*args, **options):
        return real(*args, **options, most=1)

    monkeypatch.setattr("landscape_core.curvature.monitor.eigenpairs", short)
    watcher.measure(objective, objective.start, 0)
    assert np.isnan(watcher.dataset()["eigenvalue"]).any()
    monkeypatch.undo()
    watcher.measure(objective, objective.start, 1)
    dense = oracles.dense_hessian(objective, objective.start)
    values = torch.linalg.eigvalsh(dense).flip(0)[:3]
    np.testing.assert_allclose(watcher.dataset()["eigenvalue"].sel(step=1), values, rtol=1e-6)


def test_a_long_watch_is_thinned(monkeypatch):
    monkeypatch.setattr("landscape_core.curvature.monitor.LONGEST", 8)
    objective = cases.mlp_objective()
    watcher = Watcher(Watch(top=1, probes=2, max_examples=2))
    for step in range(9):
        watcher.measure(objective, objective.start, step)
    assert watcher.dataset()["step"].values.tolist() == [0, 2, 4, 6, 8]


class Clock:
    """A clock on which each measurement takes the seconds `cost`."""

    def __init__(self, monkeypatch):
        self.now, self.cost, self._begun = 0.0, 1.0, False
        monkeypatch.setattr("landscape_core.curvature.monitor.time.perf_counter", self)

    def __call__(self):
        self._begun = not self._begun
        if not self._begun:
            self.now += self.cost
        return self.now
