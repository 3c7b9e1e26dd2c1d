"""Copies of a network, a loss, an adapter and measures refer to the copy, or are refused."""

import pickle
import threading

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import references_to_networks as references
from landscape_core import Plane, landscape
from landscape_core.curvature.spectrum import Spectrum, compute_spectrum
from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.models.copying import copied_together
from landscape_core.models.plain_evaluation import PlainEvaluation
from landscape_core.models.user_model import from_module
from landscape_core.slices.model_plan import probe_of

FEW = Spectrum(top=1, bottom=0, probes=0, tolerance=1e-8, trace_error=0.5)


def data():
    rng = random_streams.stream(1, "data")
    inputs = torch.randn(40, 4, generator=rng).double()
    return inputs, torch.randint(3, (40,), generator=rng)


def flat(module):
    return torch.cat([p.detach().reshape(-1) for p in module.parameters()])


def direction(module):
    return 0.5 * torch.sin(7 * torch.arange(len(flat(module))).double())


def value_there(module, loss, adapter, theta, read=lambda value: float(value.detach())):
    """What the user's own module and loss give where its parameters hold theta."""
    before = flat(module)
    inputs, targets = data()

    def put(values):
        start = 0
        with torch.no_grad():
            for p in module.parameters():
                p.copy_(values[start : start + p.numel()].view_as(p))
                start += p.numel()

    put(theta)
    try:
        outputs = module(inputs)
        return read(loss(adapter(outputs) if adapter else outputs, targets).mean())
    finally:
        put(before)


def line(module, loss, adapter=None, **options):
    plane = Plane.through(flat(module), flat(module) + direction(module))
    return landscape(
        module, loss, data(), directions=plane, resolution=3, adapter=adapter, **options
    )


def gradients(module):
    return [None if p.grad is None else p.grad.clone() for p in module.parameters()]


def same_gradients(one, other):
    return all(
        (a is None and b is None) or (a is not None and b is not None and torch.equal(a, b))
        for a, b in zip(one, other, strict=True)
    )


@pytest.mark.parametrize("name", references.FOLLOWED)
def test_a_line_has_the_losses_of_the_users_own_network(name):
    module, loss, adapter = references.FOLLOWED[name]()
    first = next(iter(module.parameters()))
    first.grad = torch.ones_like(first)
    before, weights = gradients(module), flat(module)
    expected = value_there(module, loss, adapter, flat(module) + direction(module))
    found = line(module, loss, adapter)
    assert float(found["loss"].values[0, 2]) == pytest.approx(expected, rel=1e-10)
    assert same_gradients(gradients(module), before)
    assert torch.equal(flat(module), weights)


@pytest.mark.parametrize("name", references.FOLLOWED)
def test_curvature_is_that_of_the_users_own_network(name):
    module, loss, adapter = references.FOLLOWED[name]()
    theta = flat(module) + direction(module)

    def product(value):
        slope = torch.autograd.grad(value, list(module.parameters()), create_graph=True)
        joined = torch.cat([one.reshape(-1) for one in slope])
        along = torch.autograd.grad(joined @ direction(module), list(module.parameters()))
        return torch.cat([one.reshape(-1) for one in along])

    expected = value_there(module, loss, adapter, theta, product)
    before = gradients(module)
    objective = from_module(module, loss, data(), adapter=adapter)
    torch.testing.assert_close(objective.hvp(theta, direction(module)), expected)
    torch.testing.assert_close(PlainEvaluation(objective).hvp(theta, direction(module)), expected)
    *_, last = compute_spectrum(objective, theta, FEW)
    assert last.attrs["checked_products"] == 1
    assert same_gradients(gradients(module), before)


@pytest.mark.parametrize(
    "name", ["default_argument", "method_in_place", "loss_that_holds_the_network"]
)
def test_a_copy_in_another_type_refers_to_itself(name):
    module, loss, adapter = references.FOLLOWED[name]()
    expected = value_there(module, loss, adapter, flat(module) + direction(module))
    plane = Plane.through(flat(module), flat(module) + direction(module))
    found = landscape(module, loss, data(), directions=plane, resolution=3, dtype=torch.float32)
    assert float(found["loss"].values[0, 2]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", references.REFUSED)
def test_what_reads_the_original_is_refused(name):
    module, loss, adapter = references.REFUSED[name]()
    before = gradients(module)
    says = r"must be a network, loss, adapter and measures that reach.*reads .*weight"
    with pytest.raises(SpecError, match=says):
        line(module, loss, adapter)
    objective = from_module(module, loss, data(), adapter=adapter)
    for call in (
        lambda: list(compute_spectrum(objective, objective.start, FEW)),
        lambda: objective.gradient(objective.start),
        lambda: PlainEvaluation(objective).gradient(objective.start),
    ):
        with pytest.raises(SpecError, match=says):
            call()
    assert same_gradients(gradients(module), before)


def test_another_network_and_the_data_may_be_shared():
    module, teacher = references.network(), references.network()
    module.register_buffer("given", data()[0])
    inputs, targets = module.given, data()[1]

    def loss(outputs, targets):
        return cross_entropy(outputs, targets) + (outputs - teacher(inputs)).square().mean()

    theta = flat(module) + direction(module)
    expected = value_there(module, loss, None, theta)
    plane = Plane.through(flat(module), theta)
    found = landscape(module, loss, (inputs, targets), directions=plane, resolution=3)
    assert float(found["loss"].values[0, 2]) == pytest.approx(expected, rel=1e-10)


def test_what_leads_to_no_copy_stays_the_identical_object():
    module, other = references.network(), references.network()
    held = {"other": [other]}

    def loss(outputs, targets, other=other):
        return cross_entropy(outputs, targets) + references.size(held["other"][0])

    assert copied_together(module, loss)[1] is loss


MEASURES = {
    "a closure": lambda m: lambda o, t: sum(p.square().sum() for p in m.parameters()),
    "a default": lambda m: lambda o, t, m=m: sum(p.square().sum() for p in m.parameters()),
}


@pytest.mark.parametrize("kind", MEASURES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_measure_sees_the_parameters_of_each_point(kind, dtype):
    module = references.network()
    found = line(module, cross_entropy, measures={"n": MEASURES[kind](module)}, dtype=dtype)
    axis, start = direction(module), flat(module)
    expected = [float((start + c * axis).square().sum()) for c in (-1, 0, 1)]
    np.testing.assert_allclose(found["n"].values[0], expected, rtol=1e-6)
    assert found.attrs["strategy"] == ["loop"]
    with pytest.raises(SpecError, match="loop, as the network is read by a measure"):
        line(module, cross_entropy, measures={"n": MEASURES[kind](module)}, strategy="vmap")


def test_a_measure_that_reads_the_network_goes_to_no_worker():
    module = references.network()
    part = from_module(module, cross_entropy, data())
    plane = Plane.through(flat(module), flat(module) + direction(module))
    measure = MEASURES["a default"](module)
    with pytest.raises(SpecError, match="measures must be functions of outputs and targets alone"):
        pickle.dumps(probe_of({"train": part}, plane, {"n": measure}))


def test_a_loss_of_all_examples_alone_is_refused_before_a_gradient_reaches_the_original():
    references.MODEL = module = references.network()

    class Whole:
        def __call__(self, outputs, targets):
            return (outputs.reshape(40, 3) @ references.MODEL[2].weight).square().mean()

    for call in ("gradient", "value_and_gradient"):
        objective = from_module(module, Whole(), data())
        with pytest.raises(SpecError, match=r"reads 2\.weight of the original"):
            getattr(objective, call)(objective.start)
    assert all(p.grad is None for p in module.parameters())


class Reading:
    def __call__(self, outputs, targets):
        return references.MODEL[0].weight.square().sum()


def test_a_measure_that_reads_the_original_is_refused():
    references.MODEL = module = references.network()
    with pytest.raises(SpecError, match=r"^measures must be .* reads 0\.weight of the original"):
        line(module, cross_entropy, measures={"n": Reading()})


@pytest.mark.parametrize("alias", references.ALIASES, ids=lambda one: one.__name__)
def test_memory_shared_with_a_parameter_is_refused_by_name(alias):
    module = references.Alias(alias)
    with pytest.raises(SpecError, match=r"(wt.*memory of b\.weight|b\.weight.*memory of wt)"):
        line(module, cross_entropy)


def test_memory_is_shared_where_no_entry_is():
    whole = torch.randn(6, 8, generator=random_streams.stream(0, "whole")).double()
    module = references.network()
    module[0].weight.data, module.rest = whole[:, :4], whole[:, 4:]
    expected = value_there(module, cross_entropy, None, flat(module) + direction(module))
    assert float(line(module, cross_entropy)["loss"].values[0, 2]) == pytest.approx(expected)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("wrap", [nn.utils.spectral_norm, nn.utils.weight_norm])
def test_weights_that_are_computed_at_each_call_are_no_fault(wrap):
    module = references.network()
    wrap(module[0])
    assert np.isfinite(line(module.eval(), cross_entropy)["loss"].values).all()


def test_traced_networks_are_copied_with_their_lists_of_hooks():
    module = references.network()
    traced = torch.fx.symbolic_trace(module)
    expected = value_there(module, cross_entropy, None, flat(module) + direction(module))
    assert float(line(traced, cross_entropy)["loss"].values[0, 2]) == pytest.approx(expected)


def test_what_cannot_be_copied_stays_itself(tmp_path):
    module = references.network()
    expected = value_there(module, cross_entropy, None, flat(module) + direction(module))
    with (tmp_path / "log").open("w") as file:
        module[0].lock, module.held = threading.Lock(), {"file": [file]}
        (own,) = copied_together(module)
        found = line(module, cross_entropy)
    assert own[0].lock is module[0].lock
    assert own.held["file"][0] is file
    assert own.held is not module.held
    assert float(found["loss"].values[0, 2]) == pytest.approx(expected)


class Same(nn.Linear):
    def __deepcopy__(self, memo):
        return self


def test_a_network_whose_copy_is_itself_is_refused():
    module = nn.Sequential(Same(4, 3)).double().train()
    weights = flat(module)
    with pytest.raises(SpecError, match=r"model must be one of which copy\.deepcopy makes another"):
        line(module, cross_entropy)
    assert module[0].training
    assert torch.equal(flat(module), weights)


def test_the_lists_of_the_users_hooks_do_not_grow():
    module, seen = references.network(), []
    module[1].register_forward_hook(lambda module, given, found: seen.append(found.detach()))
    line(module, cross_entropy)
    assert seen == []
    plain = PlainEvaluation(from_module(module, cross_entropy, data()))
    for _ in range(3):
        plain.loss(plain.objective.start)
    (hook,) = plain.module[1]._forward_hooks.values()
    (cell,) = hook.__closure__
    assert len(cell.cell_contents) <= 1
