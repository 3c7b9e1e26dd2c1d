"""A run that memory cannot bear is refused before any of it is built, with what would fit."""

import time
from dataclasses import replace

import pytest

from landscape_core.foundation.errors import SpecError
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.datasets.linear_teacher import LinearTeacher
from landscape_core.models.losses.squared_error import SquaredError
from landscape_core.models.problems.supervised import Supervised
from landscape_core.session.session import Session
from landscape_core.training import run_cost as module
from landscape_core.training.optimizers.adam import Adam
from landscape_core.training.optimizers.lbfgs import LBFGS
from landscape_core.training.optimizers.sgd import SGD
from landscape_core.training.run import Run, Training
from landscape_core.training.run_cost import check_run_cost, is_light, run_cost, step_operations


def sized(width, depth, **more):
    return Run(problem=Supervised(architecture=MLP(width=width, depth=depth)), **more)


@pytest.fixture
def ten_gigabytes(monkeypatch):
    monkeypatch.setattr(module, "free_memory", lambda _: 10**10)


@pytest.fixture
def building(monkeypatch):
    """Building fails: a refusal comes before."""

    def refused(*_):
        raise AssertionError("it was built")

    monkeypatch.setattr(Supervised, "build", refused)


@pytest.mark.parametrize(("width", "depth"), [(4096, 20), (4096, 100), (3000, 40)])
def test_a_network_too_large_is_refused_with_what_would_fit(width, depth, ten_gigabytes, building):
    run = sized(width, depth)
    began = time.process_time()
    with pytest.raises(SpecError, match=r"MLP.depth must be at most \d+, or MLP.width") as refused:
        Session(run)
    assert time.process_time() - began < 2
    told = str(refused.value)
    assert "million parameters take about" in told or "billion parameters take about" in told
    assert "5 GB may be used" in told
    fits = int(refused.value.accepted.split()[2].rstrip(","))
    check_run_cost(sized(width, fits))
    with pytest.raises(SpecError):
        check_run_cost(sized(width, fits + 2))


def test_fields_that_are_each_allowed_are_refused_together(ten_gigabytes):
    check_run_cost(sized(1000, 2))
    check_run_cost(sized(100, 2, memory_mb=10**6))
    with pytest.raises(SpecError, match="recorded iterates 805 GB"):
        check_run_cost(sized(1000, 2, memory_mb=10**6, checkpoints=100_000))


def test_data_count_too(ten_gigabytes):
    data = LinearTeacher(points=100_000, dimension=1000, targets=1000)
    run = Run(problem=Supervised(dataset=data, loss=SquaredError()))
    with pytest.raises(SpecError, match=r"LinearTeacher.points must be at most .* data 9.6 GB"):
        check_run_cost(run)


def test_a_smaller_machine_bears_less(monkeypatch):
    run = sized(1000, 2)
    module.check_run_cost(run)
    monkeypatch.setattr(module, "free_memory", lambda _: 10**8)
    with pytest.raises(SpecError, match="50 MB may be used"):
        Training(run)


@pytest.mark.parametrize(("optimizer", "more"), [(Adam(), 2), (LBFGS(pairs=7), 14)])
def test_what_the_optimizer_keeps_is_counted(optimizer, more):
    plain, kept = (run_cost(sized(64, 3, optimizer=one)) for one in (SGD(), optimizer))
    assert kept.network - plain.network == more * 4 * plain.parameters


def test_operations_are_counted_where_they_may_be_many():
    run = sized(100, 3)
    assert step_operations(run, 1e12) == 0
    products = 2 * 100 + 2 * 100**2 + 100 * 2
    assert step_operations(run, 1.0) == 300 * 2 * products  # an evaluation on all examples
    assert step_operations(run.replace(batch_size=300), 1.0) == 3 * 300 * 2 * products
    assert [is_light(run, limit * 300 * 2 * products) for limit in (1.0, 0.99)] == [True, False]


def test_a_run_of_which_nobody_knows_the_operations_is_not_called_light(monkeypatch):
    run = sized(100, 3)
    size = run.problem.estimated_size()
    for known in (None, replace(size, operations=int)):
        monkeypatch.setattr(type(run.problem), "estimated_size", lambda _, known=known: known)
        assert not is_light(run, 1e6)
