"""Every file of `optimizers/` keeps the contract; those that torch has too make torch's steps."""

import copy
import io
import pickle

import pytest
import torch

from cases import (
    bowl,
    mlp_objective,
    normal,
    rectified_objective,
    residual_objective,
    walk,
)
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Knob, fields_of, label_of, summary_of
from landscape_core.foundation.registry import entries
from landscape_core.training.optimizers.adadelta import Adadelta
from landscape_core.training.optimizers.adagrad import AdaGrad
from landscape_core.training.optimizers.adam import Adam
from landscape_core.training.optimizers.adamax import Adamax
from landscape_core.training.optimizers.adamw import AdamW
from landscape_core.training.optimizers.amsgrad import AMSGrad
from landscape_core.training.optimizers.base import Optimizer
from landscape_core.training.optimizers.heavy_ball import HeavyBall
from landscape_core.training.optimizers.lbfgs import LBFGS
from landscape_core.training.optimizers.nadam import NAdam
from landscape_core.training.optimizers.nesterov import Nesterov
from landscape_core.training.optimizers.rmsprop import RMSprop
from landscape_core.training.optimizers.sgd import SGD

CATALOGUE = entries(Optimizer)
BOUNDS = [
    pytest.param(kind, field, id=f"{name}-{field.name}")
    for name, kind in CATALOGUE.items()
    for field in fields_of(kind)
    if isinstance(field.mark, Knob)
]


@pytest.fixture(params=CATALOGUE.values(), ids=CATALOGUE.keys())
def kind(request):
    return request.param


def refused(kind, objective):
    """Why an optimizer does not take an objective; empty where it does."""
    try:
        kind().check_objective(objective)
    except SpecError as error:
        return str(error)
    return ""


@pytest.fixture
def network(kind):
    """A network that the optimizer takes: a smooth one, or else one of rectified units."""
    return rectified_objective() if refused(kind, mlp_objective()) else mlp_objective()


def taken(kind, objective):
    """The objective; where an optimizer refuses it, there is nothing to test."""
    if why := refused(kind, objective):
        pytest.skip(why)
    return objective


def noisy_walk(optimizer, objective, theta, memory, steps):
    """Iterates of mini-batch steps numbered by `steps`, and the last memory."""
    thetas = []
    for index in steps:
        batch = (torch.arange(4) + 3 * index) % objective.examples
        theta, memory = optimizer.step(objective.minibatch(batch), theta, memory)
        thetas.append(theta)
    return torch.stack(thetas), memory


def same(memory, other):
    """Whether two memories are equal to the last bit."""
    if isinstance(memory, tuple):
        return len(memory) == len(other) and all(map(same, memory, other))
    return torch.equal(memory, other) if torch.is_tensor(memory) else memory == other


def saved_by_torch(memory):
    file = io.BytesIO()
    torch.save(memory, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def saved_by_pickle(memory):
    return pickle.loads(pickle.dumps(memory))


@pytest.mark.usefixtures("unchecked")
def test_it_descends_a_strongly_convex_bowl(kind):
    objective = taken(kind, bowl([0.5, 1.0, 2.0, 5.0]))
    start = objective.minimum + normal(4, seed=7)
    thetas, _ = walk(kind(), objective, start, 500)
    # The lowest value is 0; weight decay or a fixed step size may keep an optimizer just above.
    assert objective.loss(thetas[-1]) < 1e-2 * objective.loss(start)


def test_it_repeats_itself_bit_for_bit(kind, network):
    objective = network
    (first, first_memory), (again, again_memory) = (
        noisy_walk(kind(), objective, objective.start, kind().init(objective.start), range(12))
        for _ in range(2)
    )
    assert torch.equal(first, again)
    assert same(first_memory, again_memory)


def test_it_leaves_its_arguments_unchanged(kind, network):
    objective, optimizer = network, kind()
    theta = objective.start.clone()
    memory = optimizer.init(theta)
    for _ in range(3):
        before = theta.clone(), copy.deepcopy(memory)
        new_theta, new_memory = optimizer.step(objective, theta, memory)
        assert torch.equal(theta, before[0])
        assert same(memory, before[1])
        assert not torch.equal(new_theta, theta)
        assert not new_theta.requires_grad
        theta, memory = new_theta, new_memory


@pytest.mark.parametrize("restored", [saved_by_pickle, saved_by_torch])
def test_it_goes_on_from_a_saved_memory_as_if_nothing_had_happened(kind, network, restored):
    objective, optimizer = network, kind()
    memory = optimizer.init(objective.start)
    straight, _ = noisy_walk(optimizer, objective, objective.start, memory, range(12))
    head, memory = noisy_walk(optimizer, objective, objective.start, memory, range(5))
    tail, _ = noisy_walk(optimizer, objective, head[-1], restored(memory), range(5, 12))
    assert torch.equal(torch.cat([head, tail]), straight)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_it_keeps_the_dtype(kind, dtype):
    theta = torch.ones(3, dtype=dtype)
    objective = taken(kind, bowl([1.0, 2.0, 3.0]))
    objective.hessian, objective.centres = objective.hessian.to(dtype), objective.centres.to(dtype)
    thetas, _ = walk(kind(), objective, theta, 3)
    assert thetas.dtype == dtype
    assert thetas.isfinite().all()


def test_its_largest_learning_rate_throws_it_far_up_the_walls(kind):
    objective = taken(kind, bowl([1.0, 5.0]))
    start = objective.minimum + 1.0
    fields = {field.name: field for field in fields_of(kind)}
    # A search would mend the rate; without it a rate is a rate.
    off = {"search": "fixed"} if "search" in fields else {}
    high = fields["learning_rate"].mark.high
    thetas, _ = walk(kind(learning_rate=high, **off), objective, start, 5)
    assert objective.losses(thetas).max() > 100 * objective.loss(start)


def test_it_trains_convolutions_and_normalized_layers(kind):
    objective = taken(kind, residual_objective())
    thetas, _ = walk(kind(), objective, objective.start, 15)
    assert objective.loss(thetas[-1]) < objective.loss(thetas[0])


def test_it_introduces_itself(kind):
    assert label_of(kind)
    assert kind.family
    assert "θ ←" in kind.formula
    assert any(year in kind.source for year in map(str, range(1847, 2100)))
    assert len(summary_of(kind)) > 20
    for field in fields_of(kind):
        assert len(field.help) > 10, field.name


def test_it_has_a_learning_rate_on_a_wide_logarithmic_scale(kind):
    (rate,) = [field for field in fields_of(kind) if field.name == "learning_rate"]
    assert rate.mark.scale == "log"
    assert rate.mark.high / rate.mark.low >= 1e6
    assert rate.mark.low < rate.default < rate.mark.high


@pytest.mark.parametrize(("kind", "field"), BOUNDS)
def test_a_value_out_of_bounds_is_refused_by_the_name_of_its_field(kind, field):
    width = field.mark.high - field.mark.low
    unordered = (float("nan"), float("inf")) if field.type is float else ()
    for bad in (field.mark.low - width, field.mark.high + width, *unordered):
        with pytest.raises(SpecError, match=field.name) as caught:
            kind(**{field.name: bad})
        assert caught.value.field == f"{kind.__name__}.{field.name}"
    for good in (field.mark.low, field.mark.high, field.default):
        assert getattr(kind(**{field.name: good}), field.name) == good


SAME_AS_TORCH = {
    "sgd": (SGD(learning_rate=0.1), torch.optim.SGD, {"lr": 0.1}),
    "sgd-decay": (
        SGD(learning_rate=0.1, weight_decay=0.05),
        torch.optim.SGD,
        {"lr": 0.1, "weight_decay": 0.05},
    ),
    "heavy_ball": (
        HeavyBall(learning_rate=0.05, momentum=0.8, weight_decay=0.05),
        torch.optim.SGD,
        {"lr": 0.05, "momentum": 0.8, "weight_decay": 0.05},
    ),
    "nesterov": (
        Nesterov(learning_rate=0.05, momentum=0.8, weight_decay=0.05),
        torch.optim.SGD,
        {"lr": 0.05, "momentum": 0.8, "weight_decay": 0.05, "nesterov": True},
    ),
    "adam": (
        Adam(learning_rate=0.03, beta1=0.8, beta2=0.95, epsilon=1e-6, weight_decay=0.05),
        torch.optim.Adam,
        {"lr": 0.03, "betas": (0.8, 0.95), "eps": 1e-6, "weight_decay": 0.05},
    ),
    "adamw": (
        AdamW(learning_rate=0.03, beta1=0.8, beta2=0.95, epsilon=1e-6, weight_decay=0.5),
        torch.optim.AdamW,
        {"lr": 0.03, "betas": (0.8, 0.95), "eps": 1e-6, "weight_decay": 0.5},
    ),
    "rmsprop": (
        RMSprop(learning_rate=0.03, alpha=0.9, epsilon=1e-6, weight_decay=0.05),
        torch.optim.RMSprop,
        {"lr": 0.03, "alpha": 0.9, "eps": 1e-6, "weight_decay": 0.05},
    ),
    "adagrad": (
        AdaGrad(learning_rate=0.1, epsilon=1e-6, weight_decay=0.05),
        torch.optim.Adagrad,
        {"lr": 0.1, "eps": 1e-6, "weight_decay": 0.05},
    ),
    "adadelta": (
        Adadelta(learning_rate=2.0, rho=0.8, epsilon=1e-4, weight_decay=0.05),
        torch.optim.Adadelta,
        {"lr": 2.0, "rho": 0.8, "eps": 1e-4, "weight_decay": 0.05},
    ),
    "amsgrad": (
        AMSGrad(learning_rate=0.03, beta1=0.8, beta2=0.7, epsilon=1e-6, weight_decay=0.05),
        torch.optim.Adam,
        {
            "lr": 0.03,
            "betas": (0.8, 0.7),
            "eps": 1e-6,
            "weight_decay": 0.05,
            "amsgrad": True,
        },
    ),
    "nadam": (
        NAdam(
            learning_rate=0.03,
            beta1=0.8,
            beta2=0.95,
            momentum_decay=0.02,
            epsilon=1e-6,
            weight_decay=0.05,
        ),
        torch.optim.NAdam,
        {
            "lr": 0.03,
            "betas": (0.8, 0.95),
            "momentum_decay": 0.02,
            "eps": 1e-6,
            "weight_decay": 0.05,
        },
    ),
    "adamax": (
        Adamax(learning_rate=0.03, beta1=0.8, beta2=0.9, epsilon=1e-6, weight_decay=0.05),
        torch.optim.Adamax,
        {"lr": 0.03, "betas": (0.8, 0.9), "eps": 1e-6, "weight_decay": 0.05},
    ),
    "lbfgs": (
        LBFGS(learning_rate=0.3, pairs=4, search="fixed"),
        torch.optim.LBFGS,
        {
            "lr": 0.3,
            "history_size": 4,
            "max_iter": 1,
            "tolerance_grad": 0.0,
            "tolerance_change": 0.0,
        },
    ),
}


@pytest.fixture
def torch_in_float64():
    """Lets torch's optimizers keep their scalars, as NAdam's product of momenta, in float64."""
    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(usual)


def torch_steps(theirs, objective, theta, steps):
    """The iterates of torch's optimizer over the one tensor theta."""

    def closure():
        theirs.zero_grad()
        loss = objective.loss(theta)
        loss.backward()
        return loss

    for _ in range(steps):
        theirs.step(closure)
        yield theta.detach().clone()


@pytest.mark.parametrize(
    ("optimizer", "reference", "options"), SAME_AS_TORCH.values(), ids=SAME_AS_TORCH.keys()
)
@pytest.mark.usefixtures("torch_in_float64")
def test_its_steps_are_those_of_torch(optimizer, reference, options):
    objective = mlp_objective()
    thetas, _ = walk(optimizer, objective, objective.start, 30)
    theta = objective.start.clone().requires_grad_()
    theirs = torch_steps(reference([theta], **options), objective, theta, 30)
    for mine, other in zip(thetas[1:], theirs, strict=True):
        # The formulas are equal; their roundings may differ, by some 1e-16 a step.
        torch.testing.assert_close(mine, other, rtol=1e-12, atol=1e-13)
    assert (thetas[-1] - thetas[0]).norm() > 0.1


DEFAULTS = {
    HeavyBall: (torch.optim.SGD, {"momentum": 0.9}),
    Nesterov: (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    SGD: (torch.optim.SGD, {}),
    Adam: (torch.optim.Adam, {}),
    AdamW: (torch.optim.AdamW, {}),
    RMSprop: (torch.optim.RMSprop, {}),
    AdaGrad: (torch.optim.Adagrad, {}),
    Adadelta: (torch.optim.Adadelta, {}),
    AMSGrad: (torch.optim.Adam, {"amsgrad": True}),
    NAdam: (torch.optim.NAdam, {}),
    Adamax: (torch.optim.Adamax, {}),
}


@pytest.mark.parametrize("kind", DEFAULTS, ids=lambda kind: kind.__name__)
@pytest.mark.usefixtures("torch_in_float64")
def test_its_defaults_are_those_of_torch_but_for_the_learning_rate(kind):
    reference, options = DEFAULTS[kind]
    objective, optimizer = mlp_objective(), kind()
    thetas, _ = walk(optimizer, objective, objective.start, 5)
    theta = objective.start.clone().requires_grad_()
    theirs = reference([theta], lr=optimizer.learning_rate, **options)
    *_, last = torch_steps(theirs, objective, theta, 5)
    torch.testing.assert_close(thetas[-1], last, rtol=1e-12, atol=1e-13)


def steps_needed(optimizer, condition):
    """Steps until the distance to the minimum has fallen by 1e6, on eigenvalues 1 … condition."""
    objective = bowl(torch.logspace(0, torch.log10(torch.tensor(condition)), 8))
    theta = objective.minimum + normal(8, seed=3)
    memory, distance = optimizer.init(theta), (theta - objective.minimum).norm()
    steps = 0
    while (theta - objective.minimum).norm() > 1e-6 * distance:
        theta, memory = optimizer.step(objective, theta, memory)
        steps += 1
    return steps


def tuned(kind, condition):
    """The optimizer with the best constants for a quadratic of eigenvalues 1 … condition."""
    root = condition**0.5
    if kind is SGD:
        return SGD(learning_rate=2 / (condition + 1))
    if kind is HeavyBall:  # Polyak, 1964
        momentum = ((root - 1) / (root + 1)) ** 2
        return HeavyBall(learning_rate=4 / (root + 1) ** 2, momentum=momentum)
    # Nesterov's constants for a strongly convex function: Lectures on Convex Optimization, 2.2.
    return Nesterov(learning_rate=1 / condition, momentum=(root - 1) / (root + 1))


@pytest.mark.parametrize(
    ("kind", "rate"),
    [
        # Asymptotic factor by which the distance falls at each step.
        (SGD, lambda k: (k - 1) / (k + 1)),
        (HeavyBall, lambda k: (k**0.5 - 1) / (k**0.5 + 1)),
        (Nesterov, lambda k: 1 - k**-0.5),
    ],
    ids=["sgd", "heavy_ball", "nesterov"],
)
@pytest.mark.parametrize("condition", [25.0, 100.0, 400.0])
def test_its_speed_on_a_quadratic_is_that_of_theory(kind, rate, condition):
    predicted = torch.log(torch.tensor(1e-6)) / torch.log(torch.tensor(rate(condition)))
    # Momentum first grows before it falls, like t·rateᵗ: that costs up to half as much again.
    assert 0.7 * predicted < steps_needed(tuned(kind, condition), condition) < 1.6 * predicted


@pytest.mark.parametrize(
    ("kind", "power"), [(SGD, 1.0), (HeavyBall, 0.5), (Nesterov, 0.5)], ids=lambda value: str(value)
)
def test_the_steps_needed_grow_with_the_condition_or_only_with_its_root(kind, power):
    few, many = (steps_needed(tuned(kind, k), k) for k in (25.0, 400.0))
    growth = torch.log(torch.tensor(many / few)) / torch.log(torch.tensor(400.0 / 25.0))
    assert abs(growth - power) < 0.1


def test_only_adamw_decays_all_weights_alike():
    objective = bowl([1.0, 1000.0])
    theta = objective.minimum + 1.0

    def effect(kind, decay):
        thetas, _ = walk(kind(learning_rate=1e-3, weight_decay=decay), objective, theta, 1)
        return thetas[-1]

    shrink = (effect(AdamW, 1.0) - effect(AdamW, 0.0)) / theta
    torch.testing.assert_close(shrink, torch.full_like(theta, -1e-3), rtol=1e-9, atol=0)
    # In Adam the first step is as long whatever the gradient, so L2 decay does nothing to it.
    torch.testing.assert_close(effect(Adam, 1.0), effect(Adam, 0.0), rtol=0, atol=1e-9)


def test_a_step_moves_running_statistics_once(kind):
    optimizer, objective = kind(), taken(kind, residual_objective())
    theta, memory = objective.start, optimizer.init(objective.start)
    for index in range(2):
        batch = objective.minibatch(torch.arange(6) + 3 * index)
        theta, memory = optimizer.step(batch, theta, memory)
        assert int(batch.buffers["stem_norm.num_batches_tracked"]) == 1
