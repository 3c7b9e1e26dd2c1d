"""The plain evaluation and what is checked against it: values, gradients, draws and states."""

import copy
import random
import threading
import warnings

import numpy as np
import pytest
import torch
from jaxtyping import config
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss
from torch.utils.checkpoint import checkpoint

import cases
from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.precision import full_precision
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.plain_evaluation import PlainEvaluation
from landscape_core.models.user_model import from_module
from landscape_core.planes.plane import Plane
from landscape_core.slices.grid import Grid
from landscape_core.slices.model_plan import probe_of
from landscape_core.slices.one_call import landscape
from landscape_core.slices.reading import Reading
from landscape_core.slices.slice import compute_slice
from landscape_core.slices.strategies.loop import Loop
from landscape_core.slices.strategies.plane_algebra import PlaneAlgebra
from landscape_core.slices.strategies.vmap import Vmap
from landscape_core.slices.tolerance import Tolerance
from landscape_core.storage.store import Store

SIDE = {"resolution": 5, "span": 1.0}


class Listed(nn.Module):
    """Its second layer is reached through a list."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3, 5), nn.Linear(5, 3)
        self.held = [self.second.weight, self.second.bias]

    def forward(self, values):
        return self.first(values).tanh() @ self.held[0].T + self.held[1]


class Checkpointed(Listed):
    """Computes its hidden values anew in the backward pass."""

    reentrant = False

    def forward(self, values):
        hidden = checkpoint(lambda x: self.first(x).tanh(), values, use_reentrant=self.reentrant)
        return self.second(hidden)


class Reentrant(Checkpointed):
    reentrant = True

    def forward(self, values):
        hidden = self.first(values)
        return self.second(checkpoint(torch.tanh, hidden, use_reentrant=True))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.last = nn.LSTM(3, 4, batch_first=True), nn.Linear(4, 3)

    def forward(self, values):
        return self.last(self.cell(values[:, None])[0][:, -1])


class Writing(nn.Module):
    """Writes to what it is given, counts its calls, and fills a buffer."""

    def __init__(self):
        super().__init__()
        self.inner, self.calls, self.seen = cases.mlp(), 0, []
        self.register_buffer("total", torch.zeros((), dtype=torch.float64))

    def forward(self, values):
        values.mul_(0.9)
        self.calls += 1
        self.seen.append(self.calls)
        self.total += values.mean()
        return self.inner(values) * (1 + self.calls * len(self.seen)) + self.total


KINDS = [Listed, Checkpointed, Reentrant, Recurrent, Writing, cases.mlp]


def given(kind):
    return cases.filled(kind()) if kind is not cases.mlp else cases.mlp()


def by_hand(module, loss, data, theta):
    """Loss and gradient of a fresh copy whose parameters hold theta."""
    own, (inputs, targets) = copy.deepcopy(module).double().eval(), data
    start = 0
    with torch.no_grad():
        for parameter in own.parameters():
            size = parameter.numel()
            parameter.copy_(theta[start : start + size].view(parameter.shape))
            start += size
    value = loss(own(inputs.clone()), targets).mean()
    value.backward()
    return value.detach(), torch.cat([p.grad.reshape(-1) for p in own.parameters()])


def away(objective, seed=0):
    return objective.start + 0.3 * cases.normal(len(objective.start), seed=seed)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("loss", [cross_entropy, nn.CrossEntropyLoss(reduction="sum")])
def test_values_and_gradients_are_those_of_the_users_own_code(kind, loss):
    module, data = given(kind), cases.vectors()
    objective = from_module(module, loss, data)
    plain = PlainEvaluation(objective)
    for theta in (away(objective), away(objective, 1), away(objective)):
        value, gradient = by_hand(module, loss, data, theta)
        for found in (plain.loss(theta), objective.loss(theta).detach()):
            torch.testing.assert_close(found, value, rtol=1e-12, atol=1e-12)
        for found in (plain.gradient(theta), objective.gradient(theta)):
            torch.testing.assert_close(found, gradient, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", [Listed, Checkpointed, Recurrent, Writing, cases.mlp])
def test_products_with_the_hessian_are_differences_of_gradients(kind):
    module, data = given(kind), cases.vectors()
    objective = from_module(module, cross_entropy, data)
    theta, direction = away(objective), cases.normal(len(objective.start), seed=5)
    sides = [by_hand(module, cross_entropy, data, theta + h * direction)[1] for h in (1e-5, -1e-5)]
    expected = (sides[0] - sides[1]) / 2e-5
    plain = PlainEvaluation(objective).hvp(theta, direction)
    torch.testing.assert_close(plain, expected, rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(objective.hvp(theta, direction), plain, rtol=1e-9, atol=1e-10)


def test_a_penalty_on_the_networks_weights_moves_with_them():
    module, data = cases.mlp(), cases.vectors()

    def penalized(outputs, targets):
        weights = sum(p.square().sum() for p in module.parameters())
        return cross_entropy(outputs, targets) + 0.1 * weights

    objective = from_module(module, penalized, data)
    theta = away(objective)
    expected = by_hand(module, cross_entropy, data, theta)[0] + 0.1 * theta.square().sum()
    torch.testing.assert_close(PlainEvaluation(objective).loss(theta), expected)
    torch.testing.assert_close(objective.loss(theta).detach(), expected)
    plane = Plane(objective.start, cases.normal(2, len(theta), seed=3))
    found = landscape(module, penalized, data, directions=plane, **SIDE)["loss"].values[0]
    corner = plane.points(torch.tensor([[1.0, -1.0]]))[0]
    at_corner = by_hand(module, cross_entropy, data, corner)[0] + 0.1 * corner.square().sum()
    assert found[0, -1] == pytest.approx(float(at_corner), rel=1e-12)


class Drawing(nn.Module):
    """Draws from every generator that there is."""

    def __init__(self):
        super().__init__()
        self.inner, self.own = cases.mlp(), torch.Generator().manual_seed(3)

    def forward(self, values):
        noise = torch.randn(()) + np.random.rand() + random.random()
        return self.inner(values) + noise + torch.randn(3, generator=self.own).double()


def generators():
    return torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate()


def test_numbers_drawn_are_the_same_at_every_point_and_nobody_elses_are_touched(monkeypatch):
    monkeypatch.setattr(config, "jaxtyping_disable", True)  # its checks draw from Python's
    module, data, before = Drawing(), cases.vectors(), generators()
    loss = mse_loss
    data = data[0], cases.normal(20, 3)
    one, two = (landscape(module, loss, data, seed=4, **SIDE) for _ in range(2))
    assert generators() == before
    np.testing.assert_array_equal(one["loss"].values, two["loss"].values)
    assert (one.attrs["draws"], one.attrs["strategy"]) == (1, ["loop"])
    number = random_streams.number(4, "draws", 0)
    torch.manual_seed(number)  # noqa: TID251
    np.random.seed(number % 2**32)
    random.seed(number)
    with torch.no_grad():
        expected = loss(copy.deepcopy(module)(data[0]), data[1])
    middle = float(one["loss"].sel(alpha=0, beta=0, method="nearest")[0])
    assert middle == pytest.approx(float(expected), rel=1e-12)


def test_an_average_over_draws_says_how_sure_it_is():
    module, data = Drawing(), (cases.vectors()[0], cases.normal(20, 3))
    several = landscape(module, mse_loss, data, draws=12, resolution=3)
    singles = []
    for draw in range(12):
        plain = PlainEvaluation(from_module(module, mse_loss, data))
        singles.append(float(plain.loss(plain.objective.start, draw=draw)))
    middle = several.sel(alpha=0, beta=0, split="train")
    assert float(middle["loss"]) == pytest.approx(np.mean(singles), rel=1e-12)
    error = np.std(singles, ddof=1) / 12**0.5
    assert float(middle["loss_standard_error"]) == pytest.approx(error, rel=1e-9)
    assert several.attrs["draws"] == 12
    with pytest.raises(SpecError, match=r"draws.*whole number.*got 0"):
        landscape(module, mse_loss, data, draws=0, resolution=3)


class Wrong(PlaneAlgebra):
    """Off by little on a part of the plane that the trial does not see."""

    def reader(self, reading: Reading):
        inner = Loop().reader(reading)
        return lambda coords: inner(coords) + 0.01 * (coords[:, 0] < -0.99).to(reading.plane.origin)


def test_a_strategy_that_is_wrong_at_a_checked_point_is_discarded_with_a_word(monkeypatch):
    data, module = cases.vectors(), cases.mlp()
    right = landscape(module, cross_entropy, data, strategy="loop", resolution=9)
    assert right.attrs["checked_points"] == 0
    monkeypatch.setattr(PlaneAlgebra, "reader", Wrong.reader)
    with pytest.warns(UserWarning, match="gives other numbers"):
        found = landscape(module, cross_entropy, data, strategy="plane_algebra", resolution=9)
    np.testing.assert_array_equal(found["loss"].values, right["loss"].values)
    assert found.attrs["strategy"] == ["loop"]


def test_what_agrees_says_at_how_many_points():
    found = landscape(cases.mlp(), cross_entropy, cases.vectors(), strategy=Vmap(), resolution=51)
    assert found.attrs["checked_points"] == 14
    assert found.attrs["checked_deviation"] <= 1e-10


@pytest.mark.parametrize("tolerance", [None, Tolerance()])
def test_a_kept_slice_that_is_not_this_networks_is_computed_anew(tmp_path, tolerance):
    read = probe_of({"train": ModelObjective(cases.mlp(), CrossEntropy(), *cases.vectors())},
                    cases_plane(), {})  # fmt: skip
    grid = Grid.square(1.0, 15)
    *_, first = compute_slice(read, grid, tolerance=tolerance, store=Store(tmp_path))
    store = Store(tmp_path)
    (entry,) = store.entries()
    store.put(entry.key, first.assign(loss=first["loss"] * 1.001))
    with pytest.warns(UserWarning, match="cached slice gives other numbers"):
        *_, again = compute_slice(read, grid, tolerance=tolerance, store=Store(tmp_path))
    np.testing.assert_allclose(again["loss"].values, first["loss"].values, rtol=1e-12)


def cases_plane():
    size = sum(p.numel() for p in cases.mlp().parameters())
    return Plane(cases.normal(size, seed=7), cases.normal(2, size, seed=8))


def test_a_loss_that_does_not_move_is_told():
    other = cases.mlp()
    inputs, targets = cases.vectors()

    def elsewhere(outputs, targets):
        return cross_entropy(other(inputs), targets) + 0 * outputs.sum()

    with pytest.warns(UserWarning, match=r"same at all 25 computed points.*another model"):
        landscape(cases.mlp(), elsewhere, (inputs, targets), **SIDE)


def test_each_thread_reads_with_a_network_of_its_own():
    read = probe_of({"train": ModelObjective(cases.mlp(), CrossEntropy(), *cases.vectors())},
                    cases_plane(), {}, strategy="loop")  # fmt: skip
    coords = np.random.default_rng(0).uniform(-1, 1, (200, 2))
    expected, found = read(coords), [None] * 4

    def work(i):
        found[i] = read(coords)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in found:
        np.testing.assert_array_equal(one, expected)


def precisions():
    getter = torch._C._get_fp32_precision_getter
    return [
        getter(library, operation)
        for library in ("cuda", "mkldnn")
        for operation in ("all", "matmul", "conv", "rnn")
    ]


def test_settings_of_precision_hold_within_and_are_as_before_afterwards():
    seen = []

    class Noting(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = cases.mlp()

        def forward(self, values):
            if isinstance(values, torch.Tensor):  # and no symbol
                seen.append((precisions()[5], torch.is_autocast_enabled("cpu")))
            return self.inner(values)

    before = precisions()
    torch.set_float32_matmul_precision("medium")
    chosen = precisions()
    try:
        objective = from_module(Noting(), cross_entropy, cases.vectors())
        with torch.autocast("cpu", dtype=torch.bfloat16):
            landscape(Noting(), cross_entropy, cases.vectors(), **SIDE)
            objective.value_and_gradient(objective.start)
            objective.hvp(objective.start, objective.start)
        with pytest.raises(ZeroDivisionError), full_precision("cpu"):
            _ = 1 / 0
        assert precisions() == chosen
    finally:
        torch.set_float32_matmul_precision("highest")
        for operation, value in zip(("matmul",), before[5:6], strict=True):
            torch._C._set_fp32_precision_setter("mkldnn", operation, value)
        torch._C._set_fp32_precision_setter("cuda", "matmul", before[1])
    assert {one for one, _ in seen} <= {"ieee", "none"}
    assert not any(autocast for _, autocast in seen)
    assert precisions() == before


def test_a_fast_way_is_no_candidate_where_the_network_asks_for_values():
    class Asking(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = cases.mlp()

        def forward(self, values):
            outputs = self.inner(values)
            return outputs if outputs.sum() > 0 else -outputs

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = landscape(Asking(), cross_entropy, cases.vectors(), **SIDE)
    assert found.attrs["strategy"] == ["loop"]
    with pytest.raises(SpecError, match=r"strategy.*asks for a value.*got 'vmap'"):
        landscape(Asking(), cross_entropy, cases.vectors(), strategy="vmap", **SIDE)


def test_networks_of_other_makes_have_their_own_loss_at_the_centre():
    module, (inputs, targets) = cases.mlp(), cases.vectors()
    expected = float(cross_entropy(module(inputs), targets).detach())
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*torch.jit.script.*", DeprecationWarning)
        scripted = torch.jit.script(module)
    for one in (scripted, torch.compile(module, backend="eager"), nn.DataParallel(module)):
        found = landscape(one, cross_entropy, (inputs, targets), resolution=3)
        assert float(found["loss"].values[0, 1, 1]) == pytest.approx(expected, rel=1e-12)
    with torch.inference_mode():
        found = landscape(module, cross_entropy, (inputs, targets), resolution=3)
    assert float(found["loss"].values[0, 1, 1]) == pytest.approx(expected, rel=1e-12)


def test_a_network_whose_shapes_are_not_known_yet_is_refused():
    lazy = nn.Sequential(nn.LazyLinear(5), nn.Tanh(), nn.Linear(5, 3))
    with pytest.raises(SpecError, match=r"model must be initialized.*0\.weight"):
        landscape(lazy, cross_entropy, cases.vectors(), resolution=3)
