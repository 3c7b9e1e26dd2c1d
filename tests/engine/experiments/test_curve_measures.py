"""Measures along a run: all examples of a small data set, a stated sample of a large one."""

import dataclasses

import numpy as np
import pytest
import torch
import xarray as xr
from torch.nn.functional import cross_entropy

from landscape_core.curvature.monitor import Watch
from landscape_core.experiments import curve_measures as rule
from landscape_core.experiments.curvature_of_run import curvature_along_run
from landscape_core.experiments.curve_measures import curve_measures
from landscape_core.experiments.learning_curves import measured
from landscape_core.experiments.slice_of_run import slice_of_trajectory
from landscape_core.experiments.trajectory import record_run
from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.progress import result
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.architectures.residual_mlp import ResidualMLP
from landscape_core.models.datasets.moons import Moons
from landscape_core.models.problems.supervised import Supervised
from landscape_core.session.session import Session
from landscape_core.slices.slice_spec import SliceSpec
from landscape_core.storage.store import Store
from landscape_core.training.recorder import Recorder
from landscape_core.training.run import Run, Training, train

STEPS = 16


def run_of(points=6000, **settings):
    network = settings.pop("architecture", MLP(width=64, depth=2))
    problem = Supervised(dataset=Moons(points=points), architecture=network)
    return Run(problem=problem, **{"steps": STEPS, **settings})


@pytest.fixture(scope="module")
def large():
    """A run on more examples than are always measured, and its trajectory."""
    run = run_of()
    return run, result(record_run(run))


def plain_values(run, state, split, sample=slice(None)):
    """Losses and hits of examples by the module of the problem itself."""
    part = getattr(run.problem.build(run.seed), split)
    module = part.module
    torch.nn.utils.vector_to_parameters(state, module.parameters())
    with torch.no_grad():
        outputs = module(part.inputs[sample])
        targets = part.targets[sample]
        losses = cross_entropy(outputs, targets, reduction="none")
    return losses.double().numpy(), (outputs.argmax(dim=1) == targets).double().numpy()


def sample_of(run, split, total, count):
    rng = random_streams.stream(run.seed, "curves", split)
    return torch.randperm(total, generator=rng)[:count]


def test_a_small_data_set_is_measured_whole_at_every_recorded_step():
    run = run_of(points=300, steps=20, checkpoints=8)
    found = result(record_run(run))
    training = Training(run)
    states = {state.index: state for state in train(run)}
    for step in found["step"].values:
        values = measured(training.instance, states[int(step)])
        for name in ("loss", "accuracy"):
            for split in ("train", "test"):
                assert float(found[name].sel(split=split, step=step)) == values[f"{split}_{name}"]
    assert "examples" not in found
    assert "loss_standard_error" not in found


def test_a_large_one_is_measured_on_a_sample_with_its_standard_error(large):
    run, found = large
    for split in ("train", "test"):
        for step in found["step"].values[:-1]:
            here = found.sel(split=split, step=step)
            count, total = int(here["examples"]), int(here["examples_of"])
            assert 0 < count < total
            sample = sample_of(run, split, total, count)
            assert len(sample.unique()) == count
            theta = torch.from_numpy(here["theta"].values.copy())
            for name, each in zip(
                ("loss", "accuracy"), plain_values(run, theta, split, sample), strict=True
            ):
                assert float(here[name]) == pytest.approx(each.mean(), rel=1e-5)
                error = each.std(ddof=1) / np.sqrt(count) * np.sqrt(1 - count / total)
                assert float(here[f"{name}_standard_error"]) == pytest.approx(error, rel=1e-4)


def test_the_last_step_is_measured_on_all_examples(large):
    run, found = large
    last = found.isel(step=-1)
    assert int(last["step"]) == STEPS
    for split in ("train", "test"):
        losses, hits = plain_values(run, torch.from_numpy(last["theta"].values.copy()), split)
        here = last.sel(split=split)
        assert float(here["loss"]) == pytest.approx(losses.mean(), rel=1e-5)
        assert float(here["accuracy"]) == pytest.approx(hits.mean(), rel=1e-5)
        assert float(here["loss_standard_error"]) == 0
        assert int(here["examples"]) == int(here["examples_of"]) == len(losses)


def test_what_uses_the_losses_of_a_sample_has_their_error(large):
    _, found = large
    spec = SliceSpec(resolution=2, max_examples=20)
    sliced = result(slice_of_trajectory(found, spec))
    error = found["loss_standard_error"].sel(split="train").values
    np.testing.assert_array_equal(sliced["path_loss_standard_error"], error)
    along = result(curvature_along_run(found, Watch(top=1, max_examples=20), count=2))
    np.testing.assert_array_equal(along["loss_standard_error"], error[[0, -1]])


def test_the_sample_follows_from_the_recipe_alone(large):
    run, found = large
    xr.testing.assert_identical(found, result(record_run(run)))


@pytest.mark.parametrize("pauses", [(STEPS,), (1, 5, 11, STEPS)])
def test_a_run_that_goes_on_has_the_same_measures_however_it_is_watched(large, pauses):
    run, found = large
    session = Session(run, SliceSpec(resolution=3))
    for step in pauses:
        session.advance_to(step)
        readings = session.picture().readings.values
        assert readings["train_loss_standard_error"] >= 0
        assert readings["train_examples"] > 0
    live = session.trajectory()
    same = np.intersect1d(found["step"], live["step"])
    assert len(same) > 2
    for name in ("loss", "accuracy", "loss_standard_error", "examples"):
        np.testing.assert_array_equal(
            live[name].sel(step=same).values, found[name].sel(step=same).values
        )


def test_a_run_continued_beyond_its_end_keeps_what_was_measured_there(large):
    run, _ = large
    records = []
    for watched in (True, False):
        session = Session(run.replace(steps=8), SliceSpec(resolution=3))
        session.advance_to(8)
        if watched:
            session.picture()
        session.continue_with(run.replace(steps=16))
        session.advance_to(16)
        records.append(session.trajectory())
    xr.testing.assert_identical(*records)
    assert int(records[0]["examples"].sel(step=8, split="train")) == int(
        records[0]["examples_of"].sel(step=8, split="train")
    )


def test_networks_that_are_called_for_each_split_have_the_same_measures():
    run = run_of(architecture=ResidualMLP(width=64))
    training = Training(run)
    measures = curve_measures(run, training.instance, 200)
    assert measures.joined is None
    plain = curve_measures(run_of(), Training(run_of()).instance, 200)
    assert plain.joined is not None
    state = Training(run_of()).start()
    apart = dataclasses.replace(plain, joined=None).at(state, last=False)
    together = plain.at(state, last=False)
    assert together == pytest.approx(apart, rel=1e-5)
    values = measures.at(training.start(), last=False)
    assert set(values) == set(together)


@pytest.mark.parametrize(
    ("settings", "count"),
    [
        ({"batch_size": 32}, 48),  # 1/2 * 3 * 32 * 30 steps / 12 records / 2 splits = 60
        ({"batch_size": 32, "steps": 1200}, 2400),
        ({"batch_size": 32, "steps": 6000}, None),  # all
        ({"batch_size": 1}, rule.FEWEST),
    ],
)
def test_a_sample_is_as_large_as_half_the_evaluations_of_training(monkeypatch, settings, count):
    """A gradient counts as three evaluations; here nothing but evaluations takes time."""
    monkeypatch.setattr(rule, "_operations", lambda run, train: 1e9 * rule.RATE)
    run = run_of(architecture=MLP(width=2, depth=1), **{"steps": 30, **settings})
    found = curve_measures(run, Training(run).instance, 12).samples
    assert (found["train"].examples if found else None) == count


def test_the_number_of_examples_can_be_given(large, tmp_path):
    run, usual = large
    store = Store(tmp_path)
    few = result(record_run(run, store, examples=20))
    assert int(few["examples"].isel(step=0, split=0)) == 20
    every = result(record_run(run, store, examples=10**6))
    assert "examples" not in every
    np.testing.assert_array_equal(every["theta"], usual["theta"])
    np.testing.assert_array_equal(every["loss"].isel(step=-1), usual["loss"].isel(step=-1))
    xr.testing.assert_identical(few, result(record_run(run, store, examples=20)))


@pytest.mark.parametrize("examples", [0, -1, 1.5, True, "all"])
def test_what_is_no_number_of_examples_is_refused(examples):
    with pytest.raises(SpecError, match="examples"):
        result(record_run(run_of(points=50), examples=examples))


def test_what_is_thinned_out_is_never_measured():
    run = run_of(points=300, steps=30, checkpoints=8)
    recorder, seen = Recorder(run, size=3), []
    for state in train(run):
        recorder.add(state)
    for _ in recorder.measure(
        lambda one: seen.append(one.index) or {"train_loss": 1.0 * one.index}
    ):
        pass
    assert seen == [entry.state.index for entry in recorder.entries()]
    assert [entry.values["train_loss"] for entry in recorder.entries()] == seen
    assert list(recorder.measure(lambda one: {})) == []
    recorder.add(dataclasses.replace(recorder.entries()[-1].state, index=31))
    assert [bool(entry.values) for entry in recorder.entries()][-1] is False
