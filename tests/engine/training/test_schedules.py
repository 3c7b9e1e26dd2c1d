"""Every file of `schedules/` keeps the contract; those that torch has too give torch's factors."""

import math
from itertools import islice

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from cases import bowl
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.random_streams import stream
from landscape_core.foundation.recipes import fields_of, label_of, summary_of, to_plain
from landscape_core.foundation.registry import entries, from_plain, make
from landscape_core.training.optimizers.base import Optimizer
from landscape_core.training.optimizers.sgd import SGD
from landscape_core.training.run import Run, Training, train
from landscape_core.training.schedules.base import Schedule
from landscape_core.training.schedules.constant import Constant
from landscape_core.training.schedules.cosine import Cosine
from landscape_core.training.schedules.cyclical import Cyclical
from landscape_core.training.schedules.inverse import Inverse
from landscape_core.training.schedules.linear import Linear
from landscape_core.training.schedules.one_cycle import OneCycle
from landscape_core.training.schedules.step import Step
from landscape_core.training.schedules.warm_restarts import WarmRestarts

CATALOGUE = entries(Schedule)


@pytest.fixture(params=CATALOGUE.values(), ids=CATALOGUE.keys())
def kind(request):
    return request.param


def run_of(schedule, **changes):
    problem = {"kind": "supervised", "dataset": {"kind": "moons", "points": 40}}
    plain = {"problem": problem, "batch_size": 10, "steps": 12, "dtype": "float64"} | changes
    return from_plain(Run, plain).replace(schedule=schedule)


def factors(schedule, steps):
    return [schedule.factor(step, steps) for step in range(steps)]


def torchs(scheduler, steps, **options):
    """The factors of a scheduler of torch."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    made = scheduler(optimizer, **options)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        made.step()
    return found


def test_factors_lie_between_zero_and_one_and_begin_at_the_full_size(kind):
    found = np.array(factors(kind(), 2000))
    assert ((found >= 0) & (found <= 1)).all()
    assert found[0] == 1 or kind in (Cyclical, OneCycle)
    assert found.max() == pytest.approx(1)
    assert kind.formula
    assert kind.source
    assert label_of(kind)
    assert summary_of(kind).endswith(".")


def test_a_warm_up_rises_in_a_straight_line(kind):
    found = np.array(factors(kind(warmup=8), 50))
    plain = np.array(factors(kind(), 50))
    np.testing.assert_allclose(found[:8], plain[:8] * np.arange(1, 9) / 8, rtol=1e-12)
    np.testing.assert_array_equal(found[8:], plain[8:])


@pytest.mark.parametrize(
    ("schedule", "scheduler", "options"),
    [
        (Step(period=7, gamma=0.5), lr_scheduler.StepLR, {"step_size": 7, "gamma": 0.5}),
        (
            Linear(floor=0.1),
            lr_scheduler.LinearLR,
            {"start_factor": 1.0, "end_factor": 0.1, "total_iters": 60},
        ),
        (Cosine(floor=0.1), lr_scheduler.CosineAnnealingLR, {"T_max": 60, "eta_min": 0.1}),
        (
            WarmRestarts(period=5, multiple=2, floor=0.1),
            lr_scheduler.CosineAnnealingWarmRestarts,
            {"T_0": 5, "T_mult": 2, "eta_min": 0.1},
        ),
        (
            WarmRestarts(period=5, multiple=1),
            lr_scheduler.CosineAnnealingWarmRestarts,
            {"T_0": 5, "T_mult": 1},
        ),
        (
            Cyclical(period=20, floor=0.2),
            lr_scheduler.CyclicLR,
            {"base_lr": 0.2, "max_lr": 1.0, "step_size_up": 10, "cycle_momentum": False},
        ),
    ],
)
def test_the_factors_are_torchs(schedule, scheduler, options):
    np.testing.assert_allclose(
        factors(schedule, 60), torchs(scheduler, 60, **options), rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize(("rise", "start", "floor"), [(0.45, 0.04, 1e-4), (0.3, 0.2, 0.01)])
def test_one_cycle_is_torchs_with_three_phases(rise, start, floor):
    theirs = torchs(
        lr_scheduler.OneCycleLR,
        60,
        **{"max_lr": 1.0, "total_steps": 61, "pct_start": rise, "anneal_strategy": "linear"},
        **{"div_factor": 1 / start, "final_div_factor": start / floor, "three_phase": True},
        cycle_momentum=False,
    )
    schedule = OneCycle(rise=rise, start=start, floor=floor)
    mine = [schedule.factor(step, 61) for step in range(60)]
    np.testing.assert_allclose(mine, theirs, rtol=1e-9)
    assert schedule.factor(60, 61) == pytest.approx(floor)
    assert schedule.factor(1000, 61) == pytest.approx(floor)  # a run that is continued


@pytest.mark.parametrize("steps", [1, 2, 3, 5])
@pytest.mark.parametrize("rise", [0.01, 0.45, 0.5])
def test_one_cycle_also_fits_into_few_steps(rise, steps):
    found = [OneCycle(rise=rise).factor(step, steps) for step in range(steps + 3)]
    assert all(0 < factor <= 1 for factor in found)
    assert found[-1] == pytest.approx(1e-4)


def test_the_inverse_falls_as_its_power_says():
    found = factors(Inverse(period=10), 1001), factors(Inverse(period=10, power="1/√k"), 1001)
    assert found[0][10] == 0.5
    assert found[0][1000] == pytest.approx(1 / 101)
    assert found[1][1000] == pytest.approx(1 / math.sqrt(101))


def test_a_step_is_the_optimizers_at_the_scheduled_rate():
    run = run_of(Step(period=2, gamma=0.25, warmup=3), optimizer="heavy_ball")
    training = Training(run)
    states = list(train(run))
    for state, after in zip(states, islice(states, 1, None), strict=False):
        rate = run.optimizer.learning_rate * run.schedule.factor(state.index, run.steps)
        alone = run.replace(optimizer=run.optimizer.replace(learning_rate=rate)).replace(
            schedule=Constant()
        )
        expected = training.advance(state, alone)
        assert torch.equal(after.theta, expected.theta)


def test_a_rate_below_what_the_form_accepts_is_taken():
    states = list(train(run_of(Cosine(), steps=800)))
    assert not states[-1].diverged
    moved = (states[-1].theta - states[-2].theta).norm()
    assert 0 < float(moved) < 1e-5


@pytest.mark.usefixtures("unchecked")
def test_sgd_comes_to_rest_where_the_rate_falls_as_one_over_the_step():
    objective, far, steps = bowl([1.0, 2.0], examples=40), {}, 4000
    indices = torch.randint(40, (steps, 1), generator=stream(0, "test"))
    for schedule in (Constant(), Inverse(period=50)):
        theta = objective.minimum + 1.0
        for step in range(steps):
            sgd = SGD(learning_rate=0.3 * schedule.factor(step, steps))
            theta, _ = sgd.step(objective.minibatch(indices[step]), theta, sgd.init(theta))
            far.setdefault(type(schedule), []).append(float((theta - objective.minimum).norm()))
    # A constant rate keeps a noise ball of the order of its square root, a falling one shrinks it.
    last = {kind: np.mean(found[-500:]) for kind, found in far.items()}
    assert last[Constant] > 0.3
    assert last[Inverse] < 0.2 * last[Constant]


def test_a_schedule_without_a_learning_rate_is_refused():
    rateless = [
        kind() for kind in entries(Optimizer).values() if not hasattr(kind(), "learning_rate")
    ]
    for optimizer in rateless:
        with pytest.raises(SpecError, match=r"Run\.schedule must be constant"):
            Training(run_of(Cosine()).replace(optimizer=optimizer))
        Training(run_of(Constant()).replace(optimizer=optimizer))


def searching():
    """Optimizers with each of the options of a search of the step size."""
    for kind in entries(Optimizer).values():
        searches = [one for one in fields_of(kind) if one.name in ("search", "length")]
        for field in searches:
            yield from (kind(**{field.name: option}) for option in field.mark.options)


@pytest.mark.parametrize("optimizer", list(searching()), ids=repr)
def test_a_schedule_changes_the_steps_or_is_refused(optimizer):
    run = run_of(Constant(), steps=4).replace(optimizer=optimizer)
    training = Training(run)
    first = training.advance(training.start())
    scheduled = run.replace(schedule=Step(period=1, gamma=1e-3))
    moves = [training.advance(first, one).theta - first.theta for one in (run, scheduled)]
    if optimizer.scaled_by_rate():
        Training(scheduled)
        assert moves[1].norm() < 0.1 * moves[0].norm()
    else:
        assert torch.equal(*moves)
        with pytest.raises(SpecError, match="whose steps are not scaled by it"):
            Training(scheduled)


def test_a_run_of_before_schedules_is_one_without():
    plain = to_plain(run_of(Constant()))
    del plain["schedule"]
    assert from_plain(Run, plain) == run_of(Constant())
    assert make(Schedule, "cosine", floor=0.5).floor == 0.5
