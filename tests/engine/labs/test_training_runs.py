"""Runs that labs name as theirs have the parameters of the lab, bit for bit."""

from itertools import islice

import pytest
import torch

from landscape_core.connectivity.paths.base import batches
from landscape_core.foundation.recipes import to_plain
from landscape_core.foundation.registry import entries, find, from_plain
from landscape_core.labs import (
    adaptive_pitfalls,
    batch_norm_rates,
    edge_of_stability,
    flat_and_sharp,
    good_saddles,
    large_batch,
    lottery_ticket,
    mode_connectivity,
    trajectory_pca,
    variance_reduction,
)
from landscape_core.labs.base import Lab
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.normalizations.batch import Batch
from landscape_core.training.run import Run, Training, train
from landscape_core.training.samplers.base import Asked

STATED = {
    "adaptive_pitfalls",
    "batch_norm_rates",
    "edge_of_stability",
    "flat_and_sharp",
    "good_saddles",
    "large_batch",
    "lottery_ticket",
    "mode_connectivity",
    "trajectory_pca",
    "variance_reduction",
}
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


def test_the_run_of_adaptive_pitfalls_has_the_losses_of_one_of_its_rates():
    lab = adaptive_pitfalls.AdaptivePitfalls(exponent=0.5)
    run = lab.training_run(8)
    objective = Training(run).instance.train
    states = [state for state in train(run) if state.index in adaptive_pitfalls.LOOKS]
    expected = [float(objective.loss(state.theta)) for state in states]
    rule = adaptive_pitfalls.SPARSE["AdaGrad"][1]
    assert adaptive_pitfalls.losses_along(objective, rule, 8).tolist() == expected


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


def test_the_run_of_variance_reduction_has_the_points_of_its_measurements(monkeypatch):
    monkeypatch.setattr(variance_reduction, "SNAPSHOTS", (1, 2))
    monkeypatch.setattr(variance_reduction, "MEASURED", (2, 5))
    lab = variance_reduction.VarianceReduction(problem="tanh network")
    seen = []
    known = variance_reduction.steps.network_factors

    def noted(weights, *others):
        seen.append(weights)
        return known(weights, *others)

    monkeypatch.setattr(variance_reduction.steps, "network_factors", noted)
    run = lab.training_run(7)
    assert len(list(lab.on_network(run))) == 4
    state, training = last(run), Training(run)
    layout = training.instance.train.layout
    assert torch.equal(
        layout.join(dict(zip(layout.split(state.theta), seen[-1], strict=True))),
        state.theta.double(),
    )
    assert state.index == variance_reduction.EPOCH + 5
    assert training.epoch(state) > 1
    assert variance_reduction.VarianceReduction(problem="least squares").training_run(7) is None


def test_the_run_of_batch_norm_rates_has_the_losses_that_it_looks_at(monkeypatch):
    monkeypatch.setattr(batch_norm_rates, "STEPS", 40)
    monkeypatch.setattr(batch_norm_rates, "LOOKED_AT", [])
    lab = batch_norm_rates.BatchNormRates(depth=1)
    *_, found = lab.work(8)
    state = last(lab.training_run(8))
    objective = trajectory_pca.digits(
        MLP(depth=1, width=64, normalization=Batch()), 8, points=batch_norm_rates.POINTS
    )
    read = objective.minibatch(torch.arange(batch_norm_rates.READ))
    slope = read.gradient(state.theta)
    reach = torch.from_numpy(batch_norm_rates.REACH).to(slope)
    losses = [float(read.loss(state.theta - step * slope)) for step in reach]
    assert found["variation"].values[1, -1] == pytest.approx(max(losses) - min(losses), rel=1e-4)


def test_the_run_of_large_batch_has_its_trust_ratios_and_its_accuracy(monkeypatch):
    monkeypatch.setattr(large_batch, "EPOCHS", 4)
    monkeypatch.setattr(large_batch, "BATCHES", (32,))
    monkeypatch.setattr(large_batch, "SMALL", 256)
    lab = large_batch.LargeBatch(optimizer="LARS", batch=256)
    found = list(islice(lab.work(7), 5))[-1]
    run = lab.training_run(7)
    states, held = list(train(run)), Training(run).instance.test
    objective = trajectory_pca.digits(large_batch.NETWORKS["MLP"][0], 7, points=1024)
    block = objective.layout.blocks[2]
    parts = batches(objective, 256, 7)
    for k, (state, part) in enumerate(zip(states[:-1], parts, strict=False)):
        r = part.gradient(state.theta) + run.optimizer.weight_decay * state.theta
        ratio = float(block.of(state.theta).norm() / block.of(r).norm())
        assert found["trust_ratio"].values[1, k] == pytest.approx(ratio, rel=1e-5)
    correct = held.outputs(states[-1].theta).argmax(1) == held.targets
    accuracy = float(correct[large_batch.VALIDATION :].double().mean())
    assert accuracy > 0.3
    assert float(found["scaled"].sel(optimizer="LARS", batch=256)) == pytest.approx(
        accuracy, abs=0.006
    )


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


def test_the_run_of_lottery_ticket_ends_at_the_weights_that_are_pruned_first(
    monkeypatch, unchecked
):
    monkeypatch.setattr(lottery_ticket, "STEPS", 100)
    seen = []

    class ReachedError(Exception):
        pass

    def noted(self, theta, number):
        seen.append(theta)
        raise ReachedError

    monkeypatch.setattr(lottery_ticket.Masks, "after", noted)
    lab = lottery_ticket.LotteryTicket(rounds=1)
    with pytest.raises(ReachedError):
        list(lab.work(4))
    assert torch.equal(last(lab.training_run(4)).theta, seen[0])
