"""Runs that labs name as theirs have the parameters of the lab, bit for bit."""

from itertools import islice

import pytest
import torch

from landscape_core.connectivity.paths.base import batches
from landscape_core.foundation.recipes import to_plain
from landscape_core.foundation.registry import entries, find, from_plain
from landscape_core.labs import (
    edge_of_stability,
    flat_and_sharp,
    good_saddles,
    mode_connectivity,
    trajectory_pca,
)
from landscape_core.labs.base import Lab
from landscape_core.models.architectures.mlp import MLP
from landscape_core.training.run import Run, Training, train
from landscape_core.training.samplers.base import Asked

STATED = {
    "edge_of_stability", "flat_and_sharp", "good_saddles", "mode_connectivity", "trajectory_pca"
}  # fmt: skip
"""Labs whose runs can be stated with parts of the catalogue."""


@pytest.fixture(autouse=True)
def _one_thread():
    """As labs are computed."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def last(run):
    """The state at the end of a run."""
    *_, state = train(run)
    return state


def test_labs_that_state_a_run_do_so_for_every_seed_and_the_others_do_not():
    found = {name: find(Lab, name)().training_run(5003) for name in entries(Lab).shipped()}
    assert {name for name, run in found.items() if run is not None} == STATED
    for name in STATED:
        assert found[name].seed == 5003
        assert from_plain(Run, to_plain(found[name])) == found[name]


@pytest.mark.parametrize("optimizer", trajectory_pca.OPTIMIZERS)
def test_the_run_of_trajectory_pca_has_its_trajectory(optimizer, monkeypatch):
    lab = trajectory_pca.TrajectoryPCA(width=8, epochs=12, optimizer=optimizer)
    seen = []

    def noted(found, objective, path):
        seen.append(path)
        found["loss"].values[:] = 0.0

    monkeypatch.setattr(trajectory_pca, "landscape", noted)
    *_, found = lab.work(11)
    every = trajectory_pca.POINTS // trajectory_pca.BATCH
    states = list(train(lab.training_run(11)))
    path = torch.stack([state.theta for state in states[::every]])
    assert states[-1].index == 12 * every
    assert torch.equal(path, seen[0])
    coords, shares = trajectory_pca.components(path.double())
    assert found["explained"].values[0, -1] == shares[:2].sum()
    assert (found["first"].values[0] == coords[0]).all()


def test_the_run_of_flat_and_sharp_ends_at_the_minimum_of_its_small_batch(monkeypatch):
    monkeypatch.setattr(flat_and_sharp, "SMALL_EPOCHS", 6)
    monkeypatch.setattr(flat_and_sharp, "LARGE_EPOCHS", 2)
    lab = flat_and_sharp.FlatAndSharp(batch=32, weight_decay=1e-3)
    *_, found = lab.work(3)
    run = lab.training_run(3)
    theta = last(run).theta.double()
    objective = trajectory_pca.digits(
        MLP(width=flat_and_sharp.WIDTH), 3, points=flat_and_sharp.POINTS
    )
    assert found["loss"].values[0] == float(objective.in_double().loss(theta))
    assert run.replace(seed=4) == lab.training_run(4)
    assert not torch.equal(last(lab.training_run(4)).theta.double(), theta)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_the_run_of_good_saddles_has_the_losses_of_its_path(activation, monkeypatch):
    def losses(found, at, objective, theta):
        found["loss"].values[at] = float(objective.loss(theta))

    monkeypatch.setattr(good_saddles, "record", losses)
    lab = good_saddles.GoodSaddles(steps=410, activation=activation)
    *_, found = lab.work(6)
    run = lab.training_run(6)
    assert run.steps == found["step"].values[-1] == 400
    training = Training(run)
    states = [state for state in train(run) if state.index in found["step"].values]
    expected = [float(training.instance.train.loss(state.theta)) for state in states]
    assert found["loss"].values.tolist() == expected


@pytest.mark.parametrize("optimizer", ["gradient descent", "Adam"])
def test_the_run_of_edge_of_stability_has_the_losses_of_its_first_run(optimizer, monkeypatch):
    for name, value in (("STEPS", 40), ("PLATEAU", 2), ("POINTS", 100)):
        monkeypatch.setattr(edge_of_stability, name, value)
    lab = edge_of_stability.EdgeOfStability(width=4, optimizer=optimizer, rate_factor=2.0)
    *_, found = lab.work(8)
    training = Training(lab.training_run(8))
    states = list(train(training.run))
    expected = [float(training.instance.train.loss(state.theta)) for state in states]
    assert found["loss"].values[0].tolist() == expected


def test_the_run_of_mode_connectivity_is_that_of_its_first_network(monkeypatch):
    monkeypatch.setattr(mode_connectivity, "STEPS", 20)
    lab = mode_connectivity.ModeConnectivity(width=4)
    *_, (theta, other) = lab.trainings(4)
    assert torch.equal(theta, last(lab.training_run(4)).theta)
    assert not torch.equal(theta, other)


def test_saddle_free_newton_is_no_run_of_the_catalogue():
    lab = good_saddles.GoodSaddles(method="saddle-free Newton")
    assert lab.training_run(0) is None


@pytest.mark.parametrize("size", [7, 32, 500])
def test_full_batches_are_those_of_labs_also_when_a_state_is_continued(size):
    objective = trajectory_pca.digits(MLP(width=2), 0, points=500)
    expected = [part.indices for part in islice(batches(objective, size, 9), 40)]
    lab = flat_and_sharp.FlatAndSharp()
    run = lab.training_run(9)
    memory = run.sampler.init(objective.examples)
    for step, indices in enumerate(expected):
        asked = Asked(objective, objective.start, size, step, step * size, 9)
        part, memory = run.sampler.draw(asked, memory)
        assert torch.equal(part.indices, indices)


def test_descent_is_the_run_of_the_same_parts():
    lab = trajectory_pca.TrajectoryPCA(width=4, epochs=12, optimizer="Adam")
    objective = trajectory_pca.digits(MLP(width=4), 2, points=trajectory_pca.POINTS)
    rule = trajectory_pca.OPTIMIZERS["Adam"]
    *_, theta = trajectory_pca.descent(objective, rule, 372, batch=trajectory_pca.BATCH, seed=2)
    assert torch.equal(theta, last(lab.training_run(2)).theta)
