"""A single weight set to another value: what changes, what is refused, and its words in a link."""

import pytest
import torch
from torch import nn

import cases
from landscape_core.foundation.errors import SpecError
from landscape_core.models.parameters import Layout
from landscape_core.models.weight_change import WeightChange, changed, with_change

LAYOUT = Layout.of_module(nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)))


def test_a_change_moves_one_entry_and_leaves_the_given_vector_alone():
    theta = cases.normal(LAYOUT.size, seed=1)
    before = theta.clone()
    moved = changed(theta, LAYOUT, [WeightChange("0.weight", (2, 1), 0.25)])
    assert torch.equal(theta, before)
    assert LAYOUT.split(moved)["0.weight"][2, 1] == 0.25
    different = (moved != theta).nonzero()[:, 0].tolist()
    assert different == [2 * 2 + 1]  # the weights come first, row by row


def test_of_changes_of_one_entry_the_last_counts():
    first, other = WeightChange("0.bias", (1,), 1.0), WeightChange("2.bias", (0,), 2.0)
    again = WeightChange("0.bias", (1,), 3.0)
    assert with_change((first, other), again) == (other, again)


@pytest.mark.parametrize(
    "change",
    [
        WeightChange("1.weight", (0,), 1.0),
        WeightChange("0.weight", (3, 0), 1.0),
        WeightChange("0.weight", (-1, 0), 1.0),
        WeightChange("0.weight", (0,), 1.0),
        WeightChange("0.weight", (0, 0), -1e39),
    ],
)
def test_a_weight_that_there_is_not_or_that_no_number_holds_is_refused(change):
    with pytest.raises(SpecError, match="changed weight"):
        changed(torch.zeros(LAYOUT.size), LAYOUT, [change])


@pytest.mark.parametrize("value", [0.1, -2.5e-7, 3.0])
def test_words_are_read_as_they_were_written(value):
    change = WeightChange("0.weight", (2, 1), value)
    assert WeightChange.read(str(change)) == change


@pytest.mark.parametrize(
    "text",
    ["", "0.weight[1]", "0.weight[1]=nan", "w[a]=1", "w[1=2", "[0]=1", "w[-1]=1", "w[1]=1e999"],
)
def test_other_words_are_refused(text):
    with pytest.raises(SpecError, match="changed weight"):
        WeightChange.read(text)
