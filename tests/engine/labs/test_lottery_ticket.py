"""Stacks of networks against single ones, the counts and the picture of masks, the criterion."""

import numpy as np
import pytest
import torch

from landscape_core.analysis.verdict import NOT_REPRODUCED, PASS, UNDECIDED, judge
from landscape_core.foundation.random_streams import stream
from landscape_core.labs import lottery_ticket
from landscape_core.labs.lottery_ticket import (
    LotteryTicket,
    Masks,
    Stack,
    finished,
    mosaic,
    record,
    weights_left,
)
from landscape_core.models import pruning
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.masked_objective import Masked
from landscape_core.models.network_objective import ModelObjective

LAYOUT = ModelObjective(
    lottery_ticket.ARCHITECTURE.build((64,), 10, stream(0, "init")), CrossEntropy(),
    torch.zeros(2, 64), torch.zeros(2, dtype=torch.long),
).layout  # fmt: skip


FRACTIONS = {"0.weight": 0.3, "2.weight": 0.3, "4.weight": 0.15}


@pytest.fixture(scope="module")
def small():
    """A network 64-5-5-10 of the catalogue on twelve random images, in float64."""
    drawn = stream(0, "small")
    inputs = torch.randn(12, 64, generator=drawn, dtype=torch.float64)
    labels = torch.randint(10, (12,), generator=drawn)
    network = MLP(depth=2, width=5).build((64,), 10, drawn).double()
    single = ModelObjective(network, CrossEntropy(), inputs, labels)
    thetas = torch.stack([single.start + 0.1 * k for k in range(3)])
    return single, Stack.of(single.layout, 3, inputs, labels), thetas


def test_a_stack_has_the_losses_and_gradients_of_its_networks(small):
    single, stack, thetas = small
    losses, gradients = zip(*map(single.value_and_gradient, thetas), strict=True)
    assert float(stack.loss(thetas.flatten())) == pytest.approx(float(sum(losses)), rel=1e-12)
    assert torch.allclose(stack.gradient(thetas.flatten()), torch.cat(gradients), atol=1e-13)
    by_autograd = stack.value_and_gradient(thetas.flatten())[1]
    assert torch.allclose(stack.gradient(thetas.flatten()), by_autograd, atol=1e-13)
    right = [single.outputs(theta).argmax(1) == single.targets for theta in thetas]
    assert torch.equal(stack.accuracy(thetas.flatten()), torch.stack(right).double().mean(1))


def test_a_stack_is_trained_as_its_networks_are_one_by_one(small, monkeypatch):
    monkeypatch.setattr(lottery_ticket, "STEPS", 7)
    monkeypatch.setattr(lottery_ticket, "BATCH", 5)
    single, stack, thetas = small
    rng = stream(1, "masks")
    full = pruning.prune_by_layer(thetas[0], pruning.full_mask(single.layout), single.layout, 0.5)
    drawn = [pruning.random_mask(full, single.layout, rng) for _ in range(3)]
    starts = [pruning.rewound(*pair) for pair in zip(thetas, drawn, strict=True)]
    together = Masked(stack, torch.cat(drawn))
    *_, (step, found) = lottery_ticket.trained(together, torch.cat(starts), 2, 9)
    assert step == 7
    for row, mask, begin in zip(found.view(3, -1), drawn, starts, strict=True):
        *_, (_, alone) = lottery_ticket.trained(Masked(single, mask), begin, 2, 9)
        assert torch.allclose(row, alone, rtol=1e-9, atol=1e-12)
        assert not row[~mask].any()


def test_ten_rounds_leave_four_percent_and_masks_have_these_counts():
    left = weights_left(LAYOUT, 10)
    mask, expected = pruning.full_mask(LAYOUT), [100.0]
    counts = {"0.weight": 6400, "2.weight": 10_000, "4.weight": 1000}
    drawn = torch.rand(LAYOUT.size, generator=stream(0, "scores"))
    for _ in range(10):
        mask = pruning.prune_by_layer(drawn, mask, LAYOUT, FRACTIONS)
        counts = {name: n - round((0.15 if name[0] == "4" else 0.3) * n)
                  for name, n in counts.items()}  # fmt: skip
        assert pruning.kept_counts(mask, LAYOUT) == counts
        expected.append(round(sum(counts.values()) / 174, 2))
    np.testing.assert_allclose(left, expected)
    assert 3.5 < left[-1] < 4.5
    assert (np.diff(left) < 0).all()


def test_a_pixel_of_a_unit_has_its_place_in_the_picture_of_the_mask():
    mask = torch.zeros(LAYOUT.size, dtype=torch.bool)
    mask[64 * 8 + 8 * 3 + 5] = True  # unit 8, row 3, column 5: tile (1, 2)
    picture = mosaic(mask, LAYOUT)
    assert picture.shape == (53, 53)
    assert np.argwhere(picture == 1).tolist() == [[9 + 3, 18 + 5]]
    assert int(np.isnan(picture).sum()) == 53 * 53 - 36 * 64


@pytest.mark.parametrize("supermask", ["ticket", "same sign", "learned"])
@pytest.mark.parametrize("other", ["random", "SNIP"])
def test_masks_of_a_round_have_equal_counts(small, supermask, other):
    single, _, _ = small
    found = Masks(single.layout, single.start, supermask=supermask, other_mask=other, seed=1)
    found.prepare(single, [single, single])
    theta = single.start + 0.3 * torch.randn(
        single.layout.size, generator=stream(2, "x"), dtype=torch.float64
    )
    for number in (1, 2):
        ticket, second, untrained = found.after(theta, number)
        counts = [pruning.kept_counts(mask, single.layout) for mask in (ticket, second, untrained)]
        assert counts[0] == counts[2]
        assert sum(counts[0].values()) == sum(counts[1].values())
        assert torch.equal(ticket, untrained) is (supermask == "ticket")
        theta = pruning.rewound(theta, ticket)


def test_networks_are_compared_where_four_percent_are_left():
    found = LotteryTicket(rounds=12).empty(LAYOUT)
    at = int(np.abs(found["weights_left"].values - 4).argmin())
    for number in range(13):
        ticket = np.array([0.9, 0.7, 0.6]) if number == at else np.array([0.5, 0.5, 0.5])
        record(found, number, 60, ticket - 0.2 * np.arange(3))
        record(found, number, 500, ticket)
    whole = finished(found)
    assert float(whole["effect"]) == pytest.approx(0.2)
    assert float(whole["early_gap"]) == pytest.approx(0.4)
    assert float(whole["control"]) == pytest.approx(0.3)
    assert float(whole["lost"]) == pytest.approx(-0.4)
    assert np.isnan(finished(LotteryTicket().empty(LAYOUT))["effect"])


def test_the_criterion_passes_fails_and_stays_undecided():
    criterion = LotteryTicket.criterion
    assert judge([0.05] * 8, criterion).word == PASS
    assert judge([0.01] * 8, criterion).word == NOT_REPRODUCED
    assert judge([0.01, 0.05] * 4, criterion).word == UNDECIDED


def test_a_round_trains_the_ticket_and_its_controls(monkeypatch):
    monkeypatch.setattr(lottery_ticket, "STEPS", 60)
    lab = LotteryTicket(rounds=1, rewinding=20, supermask="ticket")
    *_, found = lab.work(3)
    early = found["early"].values
    assert np.isfinite(early[:, 1]).all()
    assert early[0, 0] > 0.6
    assert np.isnan(early[1:, 0]).all()
    curve = found["curve"].sel(step=[0, 10, 20, 60]).values[0, 1]
    assert np.isnan(curve[:2]).all()
    assert np.isfinite(curve[2:]).all()
    assert found["mask"].values[1][np.isfinite(found["mask"].values[1])].mean() < 0.8
