"""Steps of `variance_reduction` against the catalogue, variances against gradients of examples."""

import numpy as np
import pytest
import torch
from torch.func import functional_call

from landscape_core.labs import variance_reduction as lab
from landscape_core.labs.variance_reduction import VarianceReduction, accelerated, least, steps
from landscape_core.training.optimizers.catalyst import Catalyst
from landscape_core.training.optimizers.katyusha import Katyusha
from landscape_core.training.optimizers.saga import SAGA
from landscape_core.training.optimizers.sgd import SGD
from landscape_core.training.optimizers.sgd_bb import SGDBB
from landscape_core.training.optimizers.spider import SPIDER
from landscape_core.training.optimizers.svrg import SVRG

PARTS = [(8, 5), (5, 4), (4, 3)]


@pytest.fixture(scope="module")
def data():
    return least.least_squares(5, 1.0)


@pytest.fixture(scope="module")
def order():
    return np.random.default_rng(0).integers(least.POINTS, size=120)


def catalogue(rule, data, order):
    theta, memory, found = data.objective.start, rule.init(data.objective.start), []
    for i in order.tolist():
        found.append(theta.numpy())
        theta, memory = rule.step(data.objective.minibatch(torch.tensor([i])), theta, memory)
    return np.array(found)


@pytest.mark.parametrize("name", ["SGD", "SVRG", "SAGA"])
def test_steps_are_those_of_the_catalogue(name, data, order):
    rate = data.rate / 3
    mine = {
        "SGD": lambda: steps.sgd(data, np.full(120, rate), order),
        "SVRG": lambda: steps.svrg(data, rate, order, 40),
        "SAGA": lambda: steps.saga(data, rate, order),
    }[name]()
    rule = {
        "SGD": SGD(learning_rate=rate),
        "SVRG": SVRG(learning_rate=rate, interval=0.2),
        "SAGA": SAGA(learning_rate=rate),
    }[name]
    spent, thetas = zip(*mine, strict=True)
    np.testing.assert_allclose(thetas, catalogue(rule, data, order), rtol=1e-10, atol=1e-13)
    each, extra = {"SGD": (1, 0), "SVRG": (2, 3 * least.POINTS), "SAGA": (1, 0)}[name]
    assert spent[0] == 0
    assert spent[-1] == 119 * each + extra


@pytest.mark.parametrize("name", accelerated.RULES)
def test_steps_of_a_further_method_are_those_of_the_catalogue(name, data, order):
    rate, sigma = data.rate / 3, np.linalg.eigvalsh(data.A.T @ data.A / least.POINTS)[0]
    kappa = 1 / (data.rate * least.POINTS)
    rule = {
        "SARAH": SPIDER(learning_rate=rate, interval=0.15),
        "Katyusha": Katyusha(learning_rate=rate, interval=0.15, convexity=sigma),
        "Catalyst": Catalyst(learning_rate=rate, interval=0.15, kappa=kappa, convexity=sigma),
        "SGD-BB": SGDBB(learning_rate=rate, interval=0.15, largest=1e8),
    }[name]
    ((mine),) = accelerated.further(name, data, order, 30)
    spent, thetas = zip(*mine, strict=True)
    np.testing.assert_allclose(thetas, catalogue(rule, data, order), rtol=1e-9, atol=1e-12)
    assert spent[-1] == {"SARAH": 2 * 115, "SGD-BB": 119}.get(name, 2 * 119) + (
        4 * least.POINTS * (name != "SGD-BB")
    )
    assert accelerated.further(accelerated.NONE, data, order, 30) == []


def weights_of_a_network(seed):
    drawn = torch.Generator().manual_seed(seed)
    found = []
    for fan_in, fan_out in PARTS:
        found += [
            torch.randn(fan_out, fan_in, generator=drawn, dtype=torch.float64) / fan_in**0.5,
            0.1 * torch.randn(fan_out, generator=drawn, dtype=torch.float64),
        ]
    return found


def gradients(weights, inputs, labels, activation):
    """The gradient of each example by autograd, one after another: (N, P)."""
    kind = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh}[activation]
    layers = [torch.nn.Linear(*part).double() for part in PARTS]
    module = torch.nn.Sequential(layers[0], kind(), layers[1], kind(), layers[2])
    names = [name for name, _ in module.named_parameters()]
    rows = []
    for x, y in zip(inputs, labels, strict=True):
        leaves = [weight.clone().requires_grad_() for weight in weights]
        outputs = functional_call(module, dict(zip(names, leaves, strict=True)), (x[None],))
        loss = torch.nn.functional.cross_entropy(outputs, y[None])
        rows.append(torch.cat([one.flatten() for one in torch.autograd.grad(loss, leaves)]))
    return torch.stack(rows)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_variances_are_those_of_gradients_of_examples(activation):
    drawn = torch.Generator().manual_seed(3)
    inputs = torch.randn(20, 8, generator=drawn, dtype=torch.float64)
    labels = torch.randint(3, (20,), generator=drawn)
    both = [weights_of_a_network(seed) for seed in (0, 1)]
    now, then = (steps.network_factors(one, inputs, labels, activation) for one in both)
    g, h = (gradients(one, inputs, labels, activation) for one in both)
    g, h = g - g.mean(0), h - h.mean(0)
    assert steps.covariance(now, now) == pytest.approx(float(g.square().sum() / 20), rel=1e-10)
    assert steps.covariance(now, then) == pytest.approx(float((g * h).sum() / 20), rel=1e-9)
    ratio, correlation = steps.reduction(now, then)
    assert ratio == pytest.approx(float((g - h).square().sum() / g.square().sum()), rel=1e-10)
    expected = (g * h).sum() / (g.square().sum() * h.square().sum()).sqrt()
    assert correlation == pytest.approx(float(expected), rel=1e-9)
    same = steps.reduction(now, now)
    assert same == pytest.approx((0.0, 1.0), abs=1e-12)


def test_gradients_of_least_squares_have_one_layer(data):
    inputs = torch.from_numpy(data.A)
    factors = [(inputs @ torch.from_numpy(data.start)[:, None] - torch.from_numpy(data.b)[:, None],
                inputs)]  # fmt: skip
    rows = (data.A @ data.start - data.b)[:, None] * data.A
    expected = rows.var(0).sum()
    assert steps.covariance(factors, factors) == pytest.approx(expected, rel=1e-10)


def test_a_snapshot_is_stale_where_the_ratio_first_exceeds_one_at_both():
    never, early, late = (np.full(len(lab.MEASURED), 0.5) for _ in range(3))
    early[[2, 9]] = 1.1
    late[lab.MEASURED.index(20)] = 3.0
    assert lab.stale(np.stack([early, early])) == 3
    assert lab.stale(np.stack([early, late])) == 20
    assert lab.stale(np.stack([never, early])) == lab.EPOCH
    assert np.isnan(lab.stale(np.stack([early, np.full(len(lab.MEASURED), np.nan)])))
    assert VarianceReduction.criterion.holds([3, 16, 20, lab.EPOCH]).tolist() == [1, 1, 0, 0]


def test_excess_is_written_down_once_a_pass(data):
    into = np.full(4, np.nan)
    thetas = np.linspace(0, 1, 9)[:, None] * np.ones(least.SIZE)
    lab.record(data, zip([0, 150, 200, 390, 810], thetas, strict=False), into)
    np.testing.assert_allclose(into, data.excess(thetas[[0, 2, 4, 4]]))


def test_noise_on_inputs_is_fresh_and_of_its_size():
    inputs = 3 * torch.randn(400, 8, generator=torch.Generator().manual_seed(1)).double()
    noisy = lab.augmented(inputs, 0.5, 2)
    first, second = next(noisy) - inputs, next(noisy) - inputs
    assert float(first.std()) == pytest.approx(0.5 * float(inputs.std()), rel=0.05)
    assert abs(float((first * second).mean())) < 0.3


def test_on_least_squares_the_memory_reaches_the_minimum_and_snapshots_last():
    last = [*VarianceReduction(problem="least squares").work(2)][-1]
    final = last["excess"].isel(passes=-1).values
    assert final[0] > 1e-2
    assert final[1] < 0.1 * final[0]
    assert (final[2:] < 1e-12).all()
    assert float(last["effect"]) == lab.EPOCH
    ratios = last["ratio"].values
    assert (ratios[[0, 2, 4]] < 1).all()
    np.testing.assert_allclose(ratios[2], ratios[4], rtol=1e-12)  # the control is the same
    assert (ratios[3] > ratios[2]).all()  # augmented
    other = VarianceReduction(problem="least squares", augmentation=0.0, further="Katyusha")
    again = [*other.work(2)][-1]
    np.testing.assert_allclose(again["ratio"][1], again["ratio"][0], rtol=1e-12)
    assert again["method"].values.tolist() == [*lab.METHODS, "Katyusha"]
    assert again["excess"].values[-1, -1] < 1e-12
    np.testing.assert_array_equal(again["excess"][:4], last["excess"])
