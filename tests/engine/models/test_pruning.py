"""Masks, scores and masked objectives against torch's pruning, brute force and differences."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import prune

import cases
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.random_streams import stream
from landscape_core.models import pruning
from landscape_core.models.masked_objective import Masked
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.parameters import Layout
from landscape_core.models.supermask import Supermask
from landscape_core.training.optimizers.adam import Adam
from landscape_core.training.optimizers.heavy_ball import HeavyBall
from oracles import difference_gradient

WEIGHTS = ("0.weight", "2.weight", "4.weight")


@pytest.fixture
def network():
    return cases.mlp(seed=3)


@pytest.fixture
def objective(network):
    return ModelObjective(network, cross_entropy, *cases.vectors())


@pytest.fixture
def half(objective):
    """A mask of about half of the weights."""
    scores = objective.start.abs()
    layout = objective.layout
    return pruning.prune_by_layer(scores, pruning.full_mask(layout), layout, 0.5)


def linear_layers(network):
    return [layer for layer in network if isinstance(layer, nn.Linear)]


def masks_of_torch(network, layout):
    """The masks that torch has put on a network, as one over its parameters."""
    parts = []
    for layer in linear_layers(network):
        parts += [layer.weight_mask.flatten(), torch.ones(layer.bias.numel())]
    mask = torch.cat(parts).bool()
    assert len(mask) == layout.size
    return mask


def test_two_rounds_by_layer_keep_what_the_pruning_of_torch_keeps(network, objective):
    layout, mask = objective.layout, pruning.full_mask(objective.layout)
    for _ in range(2):
        mask = pruning.prune_by_layer(objective.start.abs(), mask, layout, 0.3)
        for layer in linear_layers(network):
            prune.l1_unstructured(layer, "weight", amount=0.3)
    assert torch.equal(mask, masks_of_torch(network, layout))


def test_two_rounds_over_all_layers_keep_what_the_pruning_of_torch_keeps(network, objective):
    layout, mask = objective.layout, pruning.full_mask(objective.layout)
    both = [(layer, "weight") for layer in linear_layers(network)]
    for fraction in (0.3, 0.5):
        mask = pruning.prune_globally(objective.start.abs(), mask, layout, fraction)
        prune.global_unstructured(both, pruning_method=prune.L1Unstructured, amount=fraction)
    assert torch.equal(mask, masks_of_torch(network, layout))
    assert pruning.kept_fraction(mask, layout) == pytest.approx(0.35, abs=0.02)


def test_weights_of_convolutions_are_pruned_and_gains_and_biases_never():
    layout = Layout.of_module(cases.residual())
    mask = pruning.prune_globally(
        cases.normal(layout.size).abs(), pruning.full_mask(layout), layout, 1.0
    )
    kept = {block.name for block in layout.blocks if bool(block.of(mask).all())}
    expected = {block.name for block in layout.blocks if "norm" in block.name}
    assert kept == expected | {"head.bias"}
    assert pruning.kept_fraction(mask, layout) == 0.0


def test_of_equal_scores_exactly_as_many_are_kept_as_asked(objective):
    layout = objective.layout
    mask = pruning.keep_by_layer(torch.zeros(layout.size), layout, {"0.weight": 4, "4.weight": 0})
    assert pruning.kept_counts(mask, layout) == {"0.weight": 4, "2.weight": 20, "4.weight": 0}
    assert layout.blocks[0].of(mask).flatten()[:4].all()


def test_fractions_by_name_leave_other_layers_as_they_are(objective):
    layout, full = objective.layout, pruning.full_mask(objective.layout)
    mask = pruning.prune_by_layer(objective.start.abs(), full, layout, {"2.weight": 0.25})
    assert pruning.kept_counts(mask, layout) == {"0.weight": 15, "2.weight": 15, "4.weight": 12}


def test_random_masks_keep_as_many_weights_of_each_layer_and_each_weight_as_often(objective, half):
    layout, rng = objective.layout, stream(0, "masks")
    drawn = torch.stack([pruning.random_mask(half, layout, rng) for _ in range(400)])
    counts = pruning.kept_counts(half, layout)
    assert all(pruning.kept_counts(mask, layout) == counts for mask in drawn[:20])
    block = layout.blocks[0]
    often = block.of(drawn.double()).mean(0)
    # A mean of 400 draws deviates by 0.025; 15 of them by four times that at most.
    assert torch.allclose(often, torch.full_like(often, counts["0.weight"] / 15), atol=0.1)


def test_a_rewound_state_has_the_early_weights_where_the_mask_keeps_them(objective, half):
    found = pruning.rewound(objective.start, half)
    assert torch.equal(found[half], objective.start[half])
    assert not found[~half].any()


def test_scores_by_the_sign_are_those_of_zhou_et_al():
    start = torch.tensor([0.5, -0.5, 0.5, -2.0, 0.0])
    end = torch.tensor([2.0, -1.0, -3.0, 4.0, 1.0])
    assert pruning.same_sign(start, end).tolist() == [2.0, 1.0, 0.0, 0.0, 0.0]


def test_the_sensitivity_is_the_derivative_in_a_factor_on_each_weight(objective):
    theta, layout = objective.start, objective.layout
    slopes = difference_gradient(
        lambda factors: objective.loss(factors * theta), torch.ones_like(theta)
    ).abs()
    weights = torch.cat([block.of(slopes).flatten() for block in pruning.prunable(layout)])
    found = pruning.connection_sensitivity(objective, theta)
    for block in layout.blocks:
        expected = block.of(slopes) / weights.sum() * (block.name in WEIGHTS)
        assert torch.allclose(block.of(found), expected, rtol=1e-6, atol=1e-9)
    assert float(found.sum()) == pytest.approx(1.0)


def test_a_masked_objective_is_that_of_the_network_with_weights_at_zero(objective, half):
    masked, theta = Masked(objective, half), cases.normal(objective.layout.size, seed=5)
    value, gradient = masked.value_and_gradient(theta)
    assert float(value) == float(objective.loss(pruning.rewound(theta, half)))
    slopes = difference_gradient(masked.loss, theta)
    assert torch.allclose(gradient, slopes, rtol=1e-6, atol=1e-8)
    assert torch.equal(gradient, masked.gradient(theta))
    assert not gradient[~half].any()
    direction = cases.normal(objective.layout.size, seed=6)
    exact = half * objective.hvp(pruning.rewound(theta, half), half * direction)
    assert torch.allclose(masked.hvp(theta, direction), exact, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Adam(learning_rate=0.02, weight_decay=0.1), lambda p: torch.optim.Adam(
            p, lr=0.02, weight_decay=0.1)),
        (HeavyBall(learning_rate=0.05, momentum=0.8), lambda p: torch.optim.SGD(
            p, lr=0.05, momentum=0.8)),
    ],
)  # fmt: skip
def test_training_a_masked_objective_is_training_a_network_that_torch_has_pruned(
    network, objective, half, ours, theirs
):
    layers, layout = linear_layers(network), objective.layout
    for number, layer in enumerate(layers):
        prune.custom_from_mask(layer, "weight", layout.blocks[2 * number].of(half))
    optimizer = theirs(network.parameters())
    masked, theta = Masked(objective, half), pruning.rewound(objective.start, half)
    memory = ours.init(theta)
    for step in range(30):
        batch = torch.arange(4) + 4 * (step % 5)
        theta, memory = ours.step(masked.minibatch(batch), theta, memory)
        optimizer.zero_grad()
        cross_entropy(network(objective.inputs[batch]), objective.targets[batch]).backward()
        optimizer.step()
        assert not theta[~half].any()  # exactly zero
    pairs = [
        part for layer in layers for part in (layer.weight_orig * layer.weight_mask, layer.bias)
    ]
    expected = torch.cat([part.detach().flatten() for part in pairs])
    assert torch.allclose(theta, expected, rtol=1e-9, atol=1e-11)


def test_a_mini_batch_of_a_masked_objective_knows_of_what_it_is_a_part(objective, half):
    masked = Masked(objective, half)
    part = masked.minibatch(torch.tensor([3, 5]))
    assert part.whole is masked
    assert part.indices.tolist() == [3, 5]
    assert part.network is None
    assert float(part.loss(objective.start)) == float(
        objective.minibatch(torch.tensor([3, 5])).loss(pruning.rewound(objective.start, half))
    )


def test_a_supermask_passes_gradients_through_its_draw(objective):
    layout = objective.layout
    logits, uniform = (
        cases.normal(layout.size, seed=8),
        torch.rand(layout.size, generator=stream(0, "u"), dtype=torch.float64),
    )
    supermask = Supermask(objective, objective.start, uniform)
    chance = logits.sigmoid()
    kept = uniform < chance
    weights = torch.cat(
        [torch.full(block.shape, block.has_filters).flatten() for block in layout.blocks]
    )
    at = torch.where(kept | ~weights, objective.start, 0.0)
    value, gradient = supermask.value_and_gradient(logits)
    assert float(value) == float(objective.loss(at))
    slopes = difference_gradient(objective.loss, at)
    expected = weights * slopes * objective.start * chance * (1 - chance)
    assert torch.allclose(gradient, expected, rtol=1e-6, atol=1e-9)
    assert np.all(gradient[~weights].numpy() == 0.0)


def test_a_supermask_learns_to_classify_with_weights_that_stay():
    inputs = cases.normal(60, 4, seed=1)
    labels = (inputs[:, 0] > 0).long()
    network = cases.filled(nn.Sequential(nn.Linear(4, 30), nn.ReLU(), nn.Linear(30, 2)))
    objective = ModelObjective(network, cross_entropy, inputs, labels)
    rule, drawn = Adam(learning_rate=0.1), stream(0, "u")
    logits = torch.zeros_like(objective.start)
    memory = rule.init(logits)
    for _ in range(80):
        uniform = torch.rand(len(logits), generator=drawn, dtype=torch.float64)
        step = Supermask(objective, objective.start, uniform)
        logits, memory = rule.step(step, logits, memory)
    mask = (logits > 0) | pruning.keep_globally(logits, objective.layout, 0)
    before = objective.outputs(objective.start).argmax(1) == labels
    after = objective.outputs(pruning.rewound(objective.start, mask)).argmax(1) == labels
    assert after.double().mean() > 0.9
    assert after.double().mean() > before.double().mean() + 0.1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda o: pruning.keep_globally(o.start * torch.nan, o.layout, 3), "scores.*NaN"),
        (lambda o: pruning.keep_globally(o.start[1:], o.layout, 3), "number of scores"),
        (lambda o: pruning.keep_globally(o.start, o.layout, 48), "between 0 and 47"),
        (lambda o: pruning.keep_by_layer(o.start, o.layout, {"0.bias": 1}), "one of 0.weight"),
        (lambda o: pruning.keep_by_layer(o.start, o.layout, {"0.weight": 16}), "and 15"),
        (lambda o: pruning.prune_by_layer(
            o.start, pruning.full_mask(o.layout), o.layout, {"1.weight": 0.1}), "one of 0.weight"),
        (lambda o: pruning.prune_globally(
            o.start, pruning.full_mask(o.layout), o.layout, 1.5), "fraction.*between 0 and 1"),
        (lambda o: Masked(o, pruning.full_mask(o.layout)[1:]), "size of the mask"),
        (lambda o: Supermask(o, o.start[1:], o.start[1:]), "size of weights"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(objective, call, words):
    with pytest.raises(SpecError, match=words):
        call(objective)
