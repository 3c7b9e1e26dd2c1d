"""Curvature and sharpness of recorded runs against the dense Hessian at the recorded weights."""

import numpy as np
import pytest
import torch
import xarray as xr
from jaxtyping import config

import cases
import oracles
from landscape_core.connectivity.barrier import End, Profile
from landscape_core.curvature.monitor import Watch
from landscape_core.curvature.sharpness.base import Sharpness
from landscape_core.curvature.spectrum import Spectrum
from landscape_core.experiments.curvature_of_run import (
    curvature_along_run,
    curvature_of_run,
    parts_at,
    sharpness_at,
    signs,
)
from landscape_core.experiments.trajectory import record_run
from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import FileFormatError, SpecError
from landscape_core.foundation.progress import result
from landscape_core.foundation.registry import entries
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.datasets.moons import Moons
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.normalizations.batch import Batch
from landscape_core.models.problems.supervised import Supervised
from landscape_core.storage.store import Store
from landscape_core.training.optimizers.adam import Adam
from landscape_core.training.run import Run, Training

EXACT = {"tolerance": 1e-6, "max_examples": 1000}


def run(**architecture):
    problem = Supervised(dataset=Moons(), architecture=MLP(width=5, **architecture))
    return Run(problem=problem, optimizer=Adam(), steps=30, seed=2, dtype="float64")


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "batch norm"])
def path(request):
    norm = {"normalization": Batch()} if request.param else {}
    return result(record_run(run(**norm)))


def dense_at(path, at):
    """The Hessian at a recorded iterate, with the statistics recorded there."""
    objective = Training(run_of_(path)).instance.train
    buffers = dict(objective.buffers)
    if "buffer" in path:
        flat = torch.from_numpy(path["buffer"].values[at])
        for name, buffer in objective.buffers.items():
            piece, flat = flat[: buffer.numel()], flat[buffer.numel() :]
            buffers[name] = piece.reshape(buffer.shape).to(buffer.dtype)
    there = objective.with_buffers(buffers)
    return oracles.dense_hessian(there, torch.from_numpy(path["theta"].values[at]))


def run_of_(path):
    return run(normalization=Batch()) if "buffer" in path else run()


@pytest.mark.parametrize("step", [-1, 0, 11])
def test_the_curvature_at_a_step_is_the_dense_one(path, step):
    found = result(curvature_of_run(path, Spectrum(**EXACT, probes=0), step=step))
    at = len(path["step"]) - 1 if step < 0 else path["step"].values.tolist().index(step)
    assert found.attrs["step"] == path["step"].values[at]
    dense = dense_at(path, at)
    values = torch.linalg.eigvalsh(dense).flip(0)
    expected = [*values[:5].tolist(), float(values[-1])]
    np.testing.assert_allclose(found["eigenvalue"][0], expected, rtol=1e-6, atol=1e-9)
    away = abs(float(found["trace"][0]) - float(dense.trace()))
    assert away <= 4 * float(found["trace_error"][0]) + 1e-9


def test_the_curvature_along_a_run_is_the_dense_one_at_every_step(path):
    found = result(curvature_along_run(path, Watch(**EXACT, top=2, probes=100), count=4))
    assert found["step"].values.tolist() == [0, 10, 20, 30]
    assert found["eigenvalue"].dims == found["residual"].dims == ("step", "rank")
    for step in found["step"].values:
        at = path["step"].values.tolist().index(step)
        dense, here = dense_at(path, at), found.sel(step=step)
        values = torch.linalg.eigvalsh(dense).flip(0)[:2]
        np.testing.assert_allclose(here["eigenvalue"], values, rtol=1e-6, atol=1e-9)
        away = abs(float(here["trace"]) - float(dense.trace()))
        assert away <= 5 * float(here["trace_error"]) + 1e-9
        assert float(here["loss"]) == float(path["loss"].sel(split="train", step=step))


def test_work_comes_in_whole_pieces_that_grow(path):
    news = list(curvature_along_run(path, Watch(), count=3))
    assert [progress.done for progress in news] == [1, 2, 3]
    assert [progress.dataset.sizes["step"] for progress in news] == [1, 2, 3]
    news = list(curvature_of_run(path, Spectrum(each_layer=True)))
    assert [progress.done for progress in news] == list(range(news[0].total + 1))
    assert news[-1].dataset["block"].size == news[0].total // 3


def test_each_sharpness_is_that_of_the_recorded_weights():
    path = result(record_run(run()))
    found = result(sharpness_at(path))
    objective = Training(run()).instance.train
    theta = torch.from_numpy(path["theta"].values[-1])
    assert found["sharpness"].values.tolist() == list(entries(Sharpness))
    for name, rule in entries(Sharpness).items():
        here, reading = found.sel(sharpness=name), rule().read(objective, theta)
        assert float(here["value"]) == pytest.approx(reading.value, rel=1e-12)
        assert float(here["standard_error"]) == pytest.approx(reading.standard_error, rel=1e-12)
        assert bool(here["invariant"]) == rule.invariant
        assert here["unit"].item() == rule.unit
    one = result(sharpness_at(path, ["perturbation"], step=0))
    assert one["sharpness"].values.tolist() == ["perturbation"]
    assert one.attrs["step"] == 0


def test_noise_costs_half_the_trace_of_the_hessian_times_its_variance():
    path = result(record_run(run()))
    objective, theta = Training(run()).instance.train, torch.from_numpy(path["theta"].values[-1])
    rule = entries(Sharpness)["perturbation"](sigma=1e-3, samples=4000)
    found = rule.read(objective, theta)
    expected = 0.5 * 1e-6 * float(oracles.dense_hessian(objective, theta).trace())
    assert abs(found.value - expected) < 4 * found.standard_error


def test_parts_start_at_the_recorded_iterate_with_its_statistics(path):
    for at, step in ((0, 0), (-1, -1)):
        for split, part in parts_at(path, step).items():
            found = float(part.loss(part.start))
            assert found == pytest.approx(float(path["loss"].sel(split=split)[at]), rel=1e-12)


def test_what_is_kept_is_not_computed_again(path, tmp_path, monkeypatch):
    store = Store(tmp_path)
    asks = [
        lambda: curvature_of_run(path, Spectrum(probes=2), step=3, store=store),
        lambda: curvature_along_run(path, Watch(), count=3, store=store),
        lambda: sharpness_at(path, ["perturbation"], store=store),
    ]
    first = [result(ask()) for ask in asks]
    monkeypatch.setattr(ModelObjective, "loss", None)
    for before, ask in zip(first, asks, strict=True):
        xr.testing.assert_identical(result(ask()), before)
    monkeypatch.undo()
    other = result(curvature_of_run(path, Spectrum(probes=2), step=4, store=store))
    assert float(other["trace"][0]) != float(first[0]["trace"][0])


def test_iterates_where_the_loss_is_not_finite_are_nan():
    path = result(record_run(run()))
    path["theta"].values[-1] = 1e308
    found = result(curvature_along_run(path, Watch(**EXACT), count=3))
    assert np.isfinite(found["eigenvalue"]).all("rank").values.tolist() == [True, True, False]
    with pytest.raises(SpecError, match="finite"):
        result(curvature_of_run(path, Spectrum()))
    with pytest.raises(SpecError, match="loss at this point must be finite"):
        next(sharpness_at(path, ["perturbation"]))
    path["theta"].values[:] = 1e308
    with pytest.raises(SpecError, match="finite somewhere"):
        result(curvature_along_run(path, Watch(), count=3))


def test_the_shares_of_the_density_are_those_of_the_eigenvalues():
    path = result(record_run(run()))
    asked = Spectrum(**EXACT, probes=200, steps=500, smoothing=0.002)
    found = result(curvature_of_run(path, asked))
    shares = signs(found).isel(block=0)
    values = torch.linalg.eigvalsh(dense_at(path, -1))
    sigma = 0.002 * float(values[-1] - values[0])
    assert float(shares["zero_within"]) == pytest.approx(4 * sigma, rel=1e-6)
    # The oracle is smoothed as well, and seen by the same probes.
    drawn = torch.randn(
        200, len(values), generator=random_streams.stream(0, "density"), dtype=torch.float64
    )
    vectors = torch.linalg.eigh(dense_at(path, -1)).eigenvectors
    weights = ((drawn @ vectors).square() / drawn.square().sum(1, keepdim=True)).mean(0)
    below = float(weights @ torch.special.ndtr((-4 * sigma - values) / sigma))
    above = float(weights @ torch.special.ndtr((values - 4 * sigma) / sigma))
    assert float(shares["negative"]) == pytest.approx(below, abs=0.02)
    assert float(shares["positive"]) == pytest.approx(above, abs=0.02)
    assert float(shares[["negative", "zero", "positive"]].to_array().sum()) == pytest.approx(1)


def test_without_a_density_its_shares_are_nan():
    path = result(record_run(run()))
    shares = signs(result(curvature_of_run(path, Spectrum(probes=0))))
    assert all(bool(shares[name].isnull().all()) for name in shares)


@pytest.mark.parametrize("count", [1, 401])
def test_too_few_or_too_many_steps_are_refused(count):
    path = result(record_run(run()))
    with pytest.raises(SpecError, match="count"):
        next(curvature_along_run(path, Watch(), count=count))


@pytest.mark.parametrize("step", [-2, -7, 2.5, "3"])
def test_what_is_no_step_is_refused(step, monkeypatch):
    monkeypatch.setattr(config, "jaxtyping_disable", True)  # as it is outside the tests
    path = result(record_run(run()))
    for ask in (
        lambda: parts_at(path, step),
        lambda: next(curvature_of_run(path, Spectrum(), step=step)),
        lambda: next(sharpness_at(path, step=step)),
    ):
        with pytest.raises(SpecError, match=rf"step must be -1 .*got {step!r}\."):
            ask()


@pytest.mark.parametrize("points", [1, 0, -1])
def test_a_curve_is_read_at_both_ends_at_least(points):
    end = End(cases.normal(3))
    with pytest.raises(SpecError, match=rf"points must be at least 2.*got {points}\."):
        Profile({"train": cases.bowl([1.0, 2.0, 3.0])}, (end, end), points)


def test_what_is_no_trajectory_is_refused():
    with pytest.raises(FileFormatError, match="trajectory"):
        next(curvature_of_run(xr.Dataset({"loss": ("step", cases.normal(3).numpy())}), Spectrum()))


def test_an_unknown_sharpness_or_layer_is_refused():
    path = result(record_run(run()))
    with pytest.raises(SpecError, match="perturbation"):
        next(sharpness_at(path, ["flatness"]))
    with pytest.raises(SpecError, match="layers"):
        next(curvature_of_run(path, Spectrum(layers="head")))
