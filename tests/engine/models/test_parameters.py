"""The flat vector and the named tensors are two forms of the same numbers."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from cases import mlp, residual
from landscape_core.foundation.errors import SpecError
from landscape_core.models.parameters import Layout

SHAPES = st.dictionaries(
    st.text(min_size=1, max_size=4),
    st.lists(st.integers(1, 4), max_size=4).map(tuple),
    min_size=1,
    max_size=5,
)


class Tied(nn.Module):
    """An autoencoder whose two layers share a weight, with a frozen layer between."""

    def __init__(self):
        super().__init__()
        self.into = nn.Linear(4, 3)
        self.between = nn.Linear(3, 4)
        self.between.weight.requires_grad_(False)
        self.out = nn.Linear(4, 3, bias=False)
        self.out.weight = self.into.weight

    def forward(self, inputs):
        return self.out(self.between(self.into(inputs).tanh()))


@given(SHAPES)
def test_joining_undoes_splitting(shapes):
    layout = Layout.of_shapes(shapes)
    theta = torch.arange(layout.size, dtype=torch.float64)
    parts = layout.split(theta)
    assert {name: tuple(part.shape) for name, part in parts.items()} == shapes
    assert torch.equal(layout.join(parts), theta)


@given(SHAPES)
def test_splitting_undoes_joining(shapes):
    layout = Layout.of_shapes(shapes)
    tensors = {name: torch.rand(shape, dtype=torch.float64) for name, shape in shapes.items()}
    theta = layout.join(dict(reversed(tensors.items())))  # the order is the layout's
    assert all(torch.equal(part, tensors[name]) for name, part in layout.split(theta).items())


@given(SHAPES, st.integers(1, 3))
def test_a_block_shows_its_part_of_one_vector_and_of_many(shapes, count):
    layout = Layout.of_shapes(shapes)
    thetas = torch.rand(count, layout.size, dtype=torch.float64)
    for block in layout.blocks:
        assert tuple(block.of(thetas).shape) == (count, *block.shape)
        for row, theta in zip(block.of(thetas), thetas, strict=True):
            assert torch.equal(row, layout.split(theta)[block.name])
            assert torch.equal(row, block.of(theta))


def test_the_blocks_lie_end_to_end_in_the_order_of_torch():
    model = residual()
    layout = Layout.of_module(model)
    ends = [0, *(block.stop for block in layout.blocks)]
    assert [block.start for block in layout.blocks] == ends[:-1]
    assert [block.name for block in layout.blocks] == [name for name, _ in model.named_parameters()]
    flat = nn.utils.parameters_to_vector(model.parameters())
    assert torch.equal(layout.join(dict(model.named_parameters())), flat)
    assert layout.size == sum(parameter.numel() for parameter in model.parameters())


def test_splitting_makes_views_and_lets_gradients_through():
    layout = Layout.of_shapes({"a": (2, 3), "b": (4,)})
    theta = torch.arange(10.0, requires_grad=True)
    parts = layout.split(theta)
    assert parts["a"].data_ptr() == theta.data_ptr()
    (3 * parts["a"].sum() + parts["b"].prod()).backward()
    assert torch.equal(theta.grad[:6], torch.full((6,), 3.0))
    assert torch.equal(theta.grad[6:], theta.detach()[6:].prod() / theta.detach()[6:])


def test_joining_copies_and_detaches():
    weight = torch.ones(2, requires_grad=True)
    theta = Layout.of_shapes({"weight": (2,)}).join({"weight": weight})
    theta[0] = 5.0
    assert not theta.requires_grad
    assert weight.tolist() == [1.0, 1.0]


def test_a_vector_with_gaps_in_memory_is_split_too():
    layout = Layout.of_shapes({"a": (2, 3), "b": ()})
    columns = torch.rand(7, 2)
    assert torch.equal(layout.join(layout.split(columns[:, 1])), columns[:, 1])


def test_tied_tensors_are_counted_once_and_frozen_ones_not_at_all():
    layout = Layout.of_module(Tied())
    assert [block.name for block in layout.blocks] == ["into.weight", "into.bias", "between.bias"]
    assert layout.size == 12 + 3 + 4


def test_only_weights_of_layers_have_filters():
    blocks = {block.name: block.has_filters for block in Layout.of_module(residual()).blocks}
    with_filters = {name for name, has_filters in blocks.items() if has_filters}
    assert with_filters == {"stem.weight", "first.weight", "second.weight", "head.weight"}


def test_a_missing_tensor_is_named():
    layout = Layout.of_module(mlp())
    tensors = dict(mlp().named_parameters())
    del tensors["2.weight"]
    with pytest.raises(SpecError, match=r"the shape of 2\.weight must be \(4, 5\); got None"):
        layout.join(tensors)


def test_a_tensor_of_another_shape_is_named():
    tensors = dict(mlp().named_parameters()) | {"0.bias": torch.zeros(6)}
    with pytest.raises(SpecError, match=r"the shape of 0\.bias must be \(5,\); got \(6,\)"):
        Layout.of_module(mlp()).join(tensors)
