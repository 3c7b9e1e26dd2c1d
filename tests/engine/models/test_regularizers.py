"""Every file of `regularizers/`, against dense Hessians, closed forms and plain optimizers."""

import pickle

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from cases import Residual, filled, mlp_objective, normal, residual_objective, vectors
from landscape_core.foundation.recipes import fields_of, label_of, summary_of, to_plain
from landscape_core.foundation.registry import entries, from_plain
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.datasets.moons import Moons
from landscape_core.models.losses.squared_error import SquaredError
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.problems.supervised import Supervised
from landscape_core.models.regularizers.base import Regularizer
from landscape_core.models.regularizers.hessian_trace import HessianTrace
from landscape_core.models.regularizers.l2 import L2
from landscape_core.models.regularizers.none import NoRegularizer
from landscape_core.training.optimizers.heavy_ball import HeavyBall
from landscape_core.training.optimizers.sgd import SGD
from landscape_core.training.run import Run, Training, train
from oracles import dense_hessian, difference_gradient

CATALOGUE = entries(Regularizer)


@pytest.fixture(params=CATALOGUE.values(), ids=CATALOGUE.keys())
def kind(request):
    return request.param


def test_it_introduces_itself(kind):
    assert label_of(kind)
    assert kind.formula.startswith("g")
    assert any(str(year) in kind.source for year in range(1847, 2100))
    assert len(summary_of(kind)) > 20
    assert all(len(field.help) > 10 for field in fields_of(kind))
    assert from_plain(Regularizer, to_plain(kind())) == kind()


@pytest.mark.parametrize("make", [mlp_objective, residual_objective])
def test_the_loss_stays_plain_and_the_objective_given_as_it_was(kind, make):
    objective = make()
    theta, before = objective.start, objective.gradient(objective.start)
    regularized = kind().regularized(objective)
    value, gradient = regularized.value_and_gradient(theta)
    assert torch.equal(value, objective.loss(theta))
    assert torch.equal(regularized.loss(theta), objective.loss(theta))
    assert torch.equal(objective.gradient(theta), before)
    assert gradient.isfinite().all()
    assert not gradient.requires_grad
    assert torch.equal(gradient, before) == (kind is NoRegularizer)


def test_a_mini_batch_is_the_same_again_and_stores_its_statistics_once(kind):
    objective = residual_objective()
    batches = [kind().regularized(objective).minibatch(torch.tensor([3, 1, 7])) for _ in range(2)]
    assert torch.equal(*(batch.gradient(objective.start) for batch in batches))
    plain = objective.minibatch(torch.tensor([3, 1, 7]))
    plain.gradient(objective.start)
    for name, value in plain.buffers.items():
        assert torch.equal(batches[0].buffers[name], value)


def test_it_can_be_sent_to_a_worker(kind):
    objective = kind().regularized(mlp_objective())
    sent = pickle.loads(pickle.dumps(objective))
    assert torch.equal(sent.gradient(objective.start), objective.gradient(objective.start))


def test_a_run_goes_on_with_it_and_notes_the_plain_loss(kind):
    problem = Supervised(dataset=Moons(), architecture=MLP(width=5), regularizer=kind())
    run = Run(problem=problem, steps=3, dtype="float64")
    *_, before, last = train(run)
    assert not last.diverged
    training = Training(run)
    asked = training.advance(before)
    assert asked.batch_loss == last.batch_loss
    plain = Training(run.replace(problem=problem.replace(regularizer=NoRegularizer())))
    assert plain.advance(before).batch_loss == last.batch_loss


def test_a_problem_is_by_default_the_one_it_was():
    run = Run(problem=Supervised(dataset=Moons(), architecture=MLP(width=5)), steps=20)
    instance = Training(run).instance
    assert instance.train.field is None
    assert Supervised().regularizer == NoRegularizer()
    # The same run by hand: SGD on the batches that the sampler deals.
    state, training = Training(run).start(), Training(run)
    for found in list(train(run))[1:]:
        state = training.advance(state)
        assert torch.equal(found.theta, state.theta)
    assert instance.test.field is None


def test_only_the_training_examples_are_regularized():
    instance = Supervised(dataset=Moons(), regularizer=L2()).build(0)
    assert instance.train.field is not None
    assert instance.test.field is None


def test_l2_is_the_weight_decay_of_sgd_and_momentum():
    objective = mlp_objective()
    regularized = L2(strength=0.3).regularized(objective)
    for plain in (SGD(learning_rate=0.1), HeavyBall(learning_rate=0.1)):
        theta = other = objective.start
        memory, remembered = plain.init(theta), plain.init(theta)
        for _ in range(5):
            theta, memory = plain.step(regularized, theta, memory)
            other, remembered = plain.replace(weight_decay=0.3).step(objective, other, remembered)
        torch.testing.assert_close(theta, other, rtol=1e-13, atol=1e-14)


class Apart(nn.Module):
    """Σᵢ φᵢ(wᵢ), the w in eight tensors: its Hessian is diagonal, any signs give its trace."""

    def __init__(self):
        super().__init__()
        self.parts = nn.ParameterList(
            nn.Parameter(normal(2, seed=index) + 0.3) for index in range(8)
        )

    def forward(self, inputs):
        return torch.stack([(part.pow(4) + part.sin()).sum() for part in self.parts]).sum() * inputs


def apart():
    inputs = torch.tensor([[1.0], [2.0], [0.5]]).double()
    return ModelObjective(Apart(), lambda o, y: o.sum(1), inputs, torch.zeros(3))


@pytest.mark.parametrize("layers", ["all", "middle"])
@pytest.mark.parametrize("probes", [1, 5])
def test_where_the_hessian_is_diagonal_the_gradient_of_its_trace_is_exact(layers, probes):
    objective = apart()
    theta = objective.start
    regularized = HessianTrace(strength=0.7, layers=layers, probes=probes).regularized(objective)
    found = regularized.gradient(theta) - objective.gradient(theta)
    # φ'' = 12 w² − sin w, φ''' = 24 w − cos w, times the mean input 3.5 / 3.
    expected = 0.7 * 3.5 / 3 * (24 * theta - theta.cos())
    if layers == "middle":  # of 8 tensors those numbered 2 … 6
        expected[:4] = expected[14:] = 0
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("layers", ["all", "middle"])
def test_the_estimate_is_unbiased(layers):
    module = filled(nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 3)))
    objective = ModelObjective(module, cross_entropy, *vectors())
    theta = objective.start
    chosen = torch.ones_like(theta)
    if layers == "middle":  # of 4 tensors those numbered 1 … 3: all but the first, of 6 weights
        chosen[:6] = 0

    def trace(at):
        with torch.enable_grad():
            return dense_hessian(objective, at).diag() @ chosen

    expected = difference_gradient(trace, theta, step=1e-4)
    plain = objective.gradient(theta)
    kinds = (HessianTrace(strength=1.0, layers=layers, probes=20, seed=seed) for seed in range(50))
    draws = torch.stack([one.regularized(objective).gradient(theta) - plain for one in kinds])
    error = draws.std(0) / len(draws) ** 0.5
    assert bool(((draws.mean(0) - expected).abs() < 5 * error + 1e-6).all())
    assert float(expected.norm()) > 5 * float(error.norm())


def test_other_examples_orders_and_seeds_draw_other_probes():
    objective = HessianTrace().regularized(mlp_objective())
    plain = mlp_objective()

    def added(indices, regularized=objective):
        batch, theta = torch.tensor(indices), plain.start
        return regularized.minibatch(batch).gradient(theta) - plain.minibatch(batch).gradient(theta)

    assert torch.equal(added([1, 2, 3]), added([1, 2, 3]))
    assert not torch.allclose(added([1, 2, 3]), added([3, 2, 1]), rtol=1e-3)
    other = HessianTrace(seed=1).regularized(plain)
    assert not torch.allclose(added([1, 2, 3]), added([1, 2, 3], other), rtol=1e-3)


@pytest.mark.parametrize(
    "loss", [lambda o, y: o.sum(1), SquaredError()], ids=["linear", "quadratic"]
)
def test_a_hessian_that_does_not_change_adds_nothing(loss):
    module = filled(nn.Linear(3, 2))
    objective = ModelObjective(module, loss, normal(6, 3), normal(6, 2, seed=1))
    found = HessianTrace(strength=1.0).regularized(objective).gradient(objective.start)
    torch.testing.assert_close(found, objective.gradient(objective.start), rtol=0, atol=1e-14)


def test_it_lowers_the_trace_that_training_reaches():
    objective = mlp_objective(examples=40)

    def end(regularized):
        theta, optimizer = objective.start, SGD(learning_rate=0.1)
        for step in range(200):
            batch = torch.randperm(40, generator=torch.Generator().manual_seed(step))[:20]
            theta, _ = optimizer.step(regularized.minibatch(batch), theta, None)
        return float(dense_hessian(objective, theta).trace())

    assert end(HessianTrace(strength=0.1).regularized(objective)) < 0.6 * end(objective)


def test_convolutions_and_batch_norm_have_a_second_derivative_for_it():
    objective = ModelObjective(
        filled(Residual()), SquaredError(), normal(4, 1, 6, 6), normal(4, 3, seed=1)
    )
    batch = HessianTrace(strength=1.0).regularized(objective).minibatch(torch.arange(4))
    found = batch.gradient(objective.start)
    plain = objective.minibatch(torch.arange(4)).gradient(objective.start)
    assert float((found - plain).norm()) > 1e-3 * float(plain.norm())
