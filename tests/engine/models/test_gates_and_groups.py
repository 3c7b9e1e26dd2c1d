"""Highway networks by their equation, and ResNeXt as the sum of its branches."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.models.architectures.highway import Highway
from landscape_core.models.architectures.resnext import ResNeXt
from landscape_core.models.normalizations.none import NoNormalization


def drawn(seed=0):
    return random_streams.stream(seed, "init")


def test_a_highway_network_is_its_equation():
    net = Highway(depth=3, width=5, activation="tanh").build((4,), 2, drawn()).double()
    inputs = torch.randn(6, 4, dtype=torch.float64)
    values = iter(net.parameters())

    def linear(hidden):
        weight, bias = next(values), next(values)
        return hidden @ weight.T + bias

    hidden = linear(inputs).tanh()
    for _ in range(3):
        transformed, gate = linear(hidden).tanh(), linear(hidden)
        share = 1 / (1 + (-gate).exp())
        hidden = transformed * share + hidden * (1 - share)
    torch.testing.assert_close(net(inputs), linear(hidden))
    assert next(values, None) is None


def test_closed_gates_carry_the_input_and_open_ones_do_not():
    closed, half, opened = (
        Highway(depth=20, width=6, gate_bias=bias).build((6,), 6, drawn())
        for bias in (-10.0, -2.0, 10.0)
    )
    inputs = torch.randn(5, 6)
    with torch.no_grad():
        before = [net[:2](inputs) for net in (closed, half, opened)]
        after = [net[:-1](inputs) for net in (closed, half, opened)]
    moved = [float((b - a).norm() / a.norm()) for a, b in zip(before, after, strict=True)]
    assert moved[0] < 0.01
    assert moved[0] < moved[1]
    plain = nn.Sequential(*opened[:2], *[gated.transform for gated in opened[2:-1]])
    with torch.no_grad():
        torch.testing.assert_close(after[2], plain(inputs), rtol=0.05, atol=0.05)


def test_a_block_in_groups_is_the_sum_of_its_branches():
    recipe = ResNeXt(depth=3, channels=8, groups=2, normalization=NoNormalization())
    net = recipe.build((1, 6, 6), 3, drawn()).double()
    block, hidden = net[2], torch.randn(2, 8, 6, 6, dtype=torch.float64)
    reduce, groups, expand = (block.branch[at].weight for at in (0, 2, 4))
    total = hidden.clone()
    for branch in (slice(0, 2), slice(2, 4)):
        narrow = functional.conv2d(hidden, reduce[branch]).relu()
        narrow = functional.conv2d(narrow, groups[branch], padding=1).relu()
        total = total + functional.conv2d(narrow, expand[:, branch])
    torch.testing.assert_close(block(hidden), total.relu())


def test_more_groups_have_fewer_weights_and_one_group_is_a_plain_bottleneck():
    counts = [
        sum(one.numel() for one in ResNeXt(groups=g).build((1, 8, 8), 3, drawn()).parameters())
        for g in (1, 2, 4)
    ]
    assert counts[0] > counts[1] > counts[2]


def test_groups_that_do_not_share_the_channels_are_refused():
    with pytest.raises(SpecError, match=r"ResNeXt\.channels must be a multiple of .* 12; got 16"):
        ResNeXt(channels=16, groups=6)
