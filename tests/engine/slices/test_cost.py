"""What a slice takes, known beforehand, and work cut so that it fits into memory."""

import numpy as np
import pytest
from torch import nn
from torch.nn.functional import cross_entropy

import cases
from landscape_core import compute_slice
from landscape_core.foundation import memory
from landscape_core.foundation.errors import SpecError
from landscape_core.models import block_size
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.network_objective import ModelObjective
from landscape_core.planes.directions.random import Random
from landscape_core.slices import cost, strategy_choice
from landscape_core.slices.cost import estimate
from landscape_core.slices.grid import Grid
from landscape_core.slices.model_plan import probe_of
from landscape_core.slices.one_call import landscape
from landscape_core.slices.strategies.loop import Loop
from landscape_core.slices.strategies.vmap import Vmap
from landscape_core.slices.sweep import exact


def read(part=None, **more):
    return probe_of({"train": part or cases.mlp_objective()}, Random(), {}, **more)


def test_evaluations_are_those_that_are_made():
    probe = read()
    found = estimate(probe, Grid.square(1.0, 51))
    assert (found.evaluations, found.first) == (51**2, 11**2)
    assert estimate(read(dimensions=1), Grid.square(1.0, 51)).evaluations == 51


def test_seconds_are_those_of_the_trial_for_all_points():
    probe = read()
    found = estimate(probe, Grid.square(1.0, 51))
    assert found.seconds == pytest.approx(probe.seconds * 51**2)
    assert estimate(read(strategy=Loop()), Grid.square(1.0, 51)).seconds > 0


def test_seconds_are_those_of_the_strategy_that_was_chosen(monkeypatch):
    def candidates(_):
        raise AssertionError("no other strategy is tried")

    monkeypatch.setattr(strategy_choice, "_candidates", candidates)
    assert estimate(read(strategy=Vmap()), Grid.square(1.0, 51)).seconds > 0


def test_memory_holds_at_least_data_network_and_picture():
    part = ModelObjective(cases.mlp(), CrossEntropy(), *cases.vectors(10_000))
    found = estimate(read(part), Grid.square(1.0, 51))
    data = 8 * 10_000 * (3 + 1)
    assert found.memory > data + 8 * 51**2 + 3 * 8 * part.layout.size


@pytest.mark.parametrize(
    ("taken", "says"),
    [
        (
            cost.Estimate(2601, 121, 0.5, 2_500_000),
            "2601 evaluations, about 500 ms, 2.5 MB of memory "
            "(first picture after 121 evaluations, about 23 ms)",
        ),
        (
            cost.Estimate(2601, 121, 36_000.0, 3 * 10**9),
            "2601 evaluations, about 10.0 h, 3 GB of memory "
            "(first picture after 121 evaluations, about 28 min)",
        ),
    ],
)
def test_it_says_so_in_words(taken, says):
    assert str(taken) == says


def test_a_picture_that_does_not_fit_is_refused_with_the_figures(monkeypatch):
    monkeypatch.setattr(cost, "free_memory", lambda _: 1_000_000)
    says = r"Grid\.resolution.*smaller.*32\.1 MB.*1 MB are free.*1001"
    with pytest.raises(SpecError, match=says):
        estimate(read(strategy=Loop()), Grid.square(1.0, 1001))


def test_the_refusal_comes_before_any_evaluation(monkeypatch):
    calls = cases.Calls()
    monkeypatch.setattr(cost, "free_memory", lambda _: 1_000_000)
    part = cases.mlp_objective()
    part.module.register_forward_hook(lambda *_: calls.append(1))
    probe = read(part, strategy=Loop())
    calls.clear()
    with pytest.raises(SpecError, match="are free"):
        next(iter(compute_slice(probe, Grid.square(1.0, 1001))))
    assert calls == []


def test_many_examples_are_evaluated_in_blocks_that_fit(monkeypatch, tmp_path):
    log = tmp_path / "sizes"  # a list would be put back as it was
    log.touch()
    module = cases.mlp()
    expected = landscape(module, cross_entropy, cases.vectors(500), resolution=3, strategy=Loop())

    class Noting(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = cases.mlp()

        def forward(self, values):
            with log.open("a") as file:
                file.write(f"{len(values)}\n")
            return self.inner(values)

    monkeypatch.setattr(block_size, "free_memory", lambda _: 100_000)
    part = ModelObjective(Noting(), CrossEntropy(), *cases.vectors(500))
    probe = read(part, strategy=Loop())
    log.write_text("")
    *_, found = exact(probe, Grid.square(1.0, 3))
    sizes = [int(line) for line in log.read_text().split()]
    assert max(sizes) < 400
    assert max(sizes) > 100
    np.testing.assert_allclose(found["loss"].values, expected["loss"].values, rtol=1e-12)


def test_statistics_of_all_examples_that_do_not_fit_are_refused_with_the_figures(monkeypatch):
    monkeypatch.setattr(block_size, "free_memory", lambda _: 1000)
    part = cases.residual_objective(batch_norm="batch")
    with pytest.raises(SpecError, match=r"batch_norm.*running or reestimated.*12 examples.*GB"):
        read(part, strategy=Loop())(np.zeros((1, 2)))


@pytest.mark.parametrize(("limit", "left"), [("5000000", 4_000_000), ("999999", 0)])
def test_the_limit_of_a_container_counts(monkeypatch, tmp_path, limit, left):
    (tmp_path / "memory.max").write_text(f"{limit}\n")
    (tmp_path / "memory.current").write_text("1000000\n")
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    assert memory.free_memory() == left


@pytest.mark.parametrize("limit", ["max", None])
def test_without_a_limit_the_machines_own_memory_counts(monkeypatch, tmp_path, limit):
    if limit:
        (tmp_path / "memory.max").write_text(f"{limit}\n")
        (tmp_path / "memory.current").write_text("1000\n")
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    assert 10**7 < memory.free_memory() < 2**50
