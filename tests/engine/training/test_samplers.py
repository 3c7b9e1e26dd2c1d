"""Every file of `samplers/` keeps the contract; each draws with the probabilities it states."""

import copy
import pickle

import pytest
import torch

from cases import mlp_objective, normal
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Knob, fields_of, label_of, summary_of
from landscape_core.foundation.registry import entries
from landscape_core.models import derivatives
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.training.run import Run, train
from landscape_core.training.samplers.base import Asked, Sampler
from landscape_core.training.samplers.in_order import InOrder
from landscape_core.training.samplers.shuffled import Shuffled

CATALOGUE = entries(Sampler)
BOUNDS = [
    pytest.param(kind, field, id=f"{name}-{field.name}")
    for name, kind in CATALOGUE.items()
    for field in fields_of(kind)
    if isinstance(field.mark, Knob)
]


@pytest.fixture(params=CATALOGUE.values(), ids=CATALOGUE.keys())
def kind(request):
    return request.param


def drawn(sampler, objective, steps, size=5, *, seed=0, memory=None, first=0):
    """The batches of some steps at the start of the objective, and the last memory."""
    memory = sampler.init(objective.examples) if memory is None else memory
    parts, seen = [], 0
    for step in range(first, first + steps):
        asked = Asked(objective, objective.start, size, step, seen + first * size, seed)
        part, memory = sampler.draw(asked, memory)
        parts.append(part)
        seen += part.examples
    return parts, memory


def same(memory, other):
    if isinstance(memory, tuple):
        return len(memory) == len(other) and all(map(same, memory, other))
    return torch.equal(memory, other) if torch.is_tensor(memory) else memory == other


def losses_of_each(**fields):
    """An objective whose loss tells the examples apart, as samplers with weights need it."""
    return mlp_objective(**fields).with_loss(CrossEntropy())


def test_its_batches_are_parts_of_the_whole(kind):
    objective = losses_of_each()
    parts, _ = drawn(kind(), objective, 8)
    for part in parts:
        assert part.whole is objective
        assert part.examples == len(part.indices) > 0
        assert torch.equal(part.inputs, objective.inputs[part.indices])
        assert torch.equal(part.targets, objective.targets[part.indices])


def test_its_gradient_is_that_of_the_whole_in_the_mean(kind):
    objective = losses_of_each(examples=12)
    parts, _ = drawn(kind(), objective, 1000, size=4)
    rows = torch.stack([part.gradient(objective.start) for part in parts])
    error = (rows.mean(0) - objective.gradient(objective.start)).norm()
    expected = (rows.var(0).sum() / len(rows)).sqrt()
    assert error < 4 * expected


def test_it_repeats_itself_and_obeys_the_seed(kind):
    objective = losses_of_each()
    first, again, other = (drawn(kind(), objective, 6, seed=seed)[0] for seed in (1, 1, 2))
    assert all(torch.equal(a.indices, b.indices) for a, b in zip(first, again, strict=True))
    differs = any(
        a.examples != b.examples or not torch.equal(a.indices, b.indices)
        for a, b in zip(first, other, strict=True)
    )
    assert differs == (kind is not InOrder)  # the only one in which nothing is random


def test_it_goes_on_from_a_saved_memory_and_changes_none(kind):
    objective, sampler = losses_of_each(), kind()
    straight, _ = drawn(sampler, objective, 8)
    _, memory = drawn(sampler, objective, 4)
    before = copy.deepcopy(memory)
    tail, _ = drawn(sampler, objective, 4, memory=pickle.loads(pickle.dumps(memory)), first=4)
    assert same(memory, before)
    assert all(torch.equal(a.indices, b.indices) for a, b in zip(straight[4:], tail, strict=True))


def test_a_run_with_it_repeats_itself(kind):
    run = Run(sampler=kind(), steps=10)
    first, again = ([state.theta for state in train(run)][-1] for _ in range(2))
    assert torch.equal(first, again)
    assert first.isfinite().all()


def test_it_introduces_itself(kind):
    assert label_of(kind)
    assert kind.formula
    assert any(year in kind.source for year in map(str, range(1900, 2100)))
    assert len(summary_of(kind)) > 20


@pytest.mark.parametrize(("kind", "field"), BOUNDS)
def test_a_value_out_of_bounds_is_refused_by_the_name_of_its_field(kind, field):
    for bad in (field.mark.low - 1, field.mark.high + 1):
        with pytest.raises(SpecError, match=field.name):
            kind(**{field.name: bad})


def test_shuffled_shows_every_example_once_an_epoch():
    objective = mlp_objective(examples=20)
    parts, _ = drawn(Shuffled(), objective, 8)
    epochs = [torch.cat([part.indices for part in parts[k : k + 4]]) for k in (0, 4)]
    assert all(torch.equal(epoch.sort().values, torch.arange(20)) for epoch in epochs)
    assert not torch.equal(*epochs)


def test_in_order_goes_through_the_data_again_and_again():
    objective = mlp_objective(examples=12)
    parts, _ = drawn(InOrder(), objective, 5)
    found = [part.indices.tolist() for part in parts]
    first, second, rest = list(range(5)), list(range(5, 10)), [10, 11]
    assert found == [first, second, rest, first, second]
    parts, _ = drawn(InOrder(), mlp_objective(examples=11), 2)
    assert parts[1].indices.tolist() == list(range(5, 11))
    parts, _ = drawn(InOrder(), objective, 13, size=1)
    assert [int(part.indices) for part in parts] == [*range(12), 0]


def test_a_last_batch_of_one_joins_the_one_before():
    parts, _ = drawn(Shuffled(), mlp_objective(examples=20), 1, size=19)
    assert parts[0].examples == 20


def test_a_minibatch_of_a_minibatch_is_one_of_the_whole():
    objective = mlp_objective()
    part = objective.minibatch(torch.tensor([3, 7, 11, 2])).minibatch(torch.tensor([1, 3]))
    assert part.whole is objective
    assert part.indices.tolist() == [7, 2]
    assert objective.whole is objective
    assert objective.first(5).minibatch(torch.tensor([4])).whole.examples == 5


def test_weights_multiply_each_examples_loss_and_gradient():
    objective, weights = mlp_objective(examples=6).with_loss(CrossEntropy()), normal(6).abs()
    rows = torch.cat(list(derivatives.gradients(objective, objective.start)))
    weighted = objective.weighted(weights)
    expected = (weights[:, None] * rows).mean(0)
    torch.testing.assert_close(weighted.gradient(objective.start), expected)
    found = torch.cat(list(derivatives.gradients(weighted, objective.start)))
    torch.testing.assert_close(found, weights[:, None] * rows)


def test_weights_need_a_loss_for_each_example():
    objective = mlp_objective(examples=6).weighted(torch.ones(6)[:5])
    with pytest.raises(SpecError, match="one number for each weighted example"):
        objective.loss(objective.start)


def test_a_field_takes_the_gradients_place_and_leaves_the_loss():
    objective = mlp_objective(examples=6)
    turned = objective.with_field(lambda part, theta, gradient: -gradient)
    value, gradient = objective.value_and_gradient(objective.start)
    found = turned.value_and_gradient(objective.start)
    assert found[0] == value
    torch.testing.assert_close(found[1], -gradient)
    torch.testing.assert_close(
        turned.minibatch(torch.arange(6)).gradient(objective.start), -gradient
    )
    rows = torch.cat(list(derivatives.gradients(turned, objective.start)))
    torch.testing.assert_close(rows.mean(0), -gradient)
