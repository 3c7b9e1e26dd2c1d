"""What an error says of targets that a loss does not take, and what it says that it would take."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import landscape_core as lc
from landscape_core.foundation.errors import SpecError

INPUTS = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
CLASSES = torch.tensor([0, 1, 2, 0, 1, 2])


class Sequence(nn.Module):
    """Outputs (N, T, C)."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(1, 3)

    def forward(self, values):
        return self.layer(values[:, :, None])


def three():
    return nn.Linear(4, 3)


def one():
    return nn.Linear(4, 1)


REMEDIES = {
    "shares of whole numbers": (three, cross_entropy, nn.functional.one_hot(CLASSES), ".float()"),
    "classes with a point": (three, cross_entropy, CLASSES.float(), ".long()"),
    "classes of 32 bits": (three, cross_entropy, CLASSES.int(), ".long()"),
    "a column of classes": (three, cross_entropy, CLASSES[:, None], ".squeeze(1).long()"),
    "zero and one": (one, nn.BCEWithLogitsLoss(), CLASSES[:, None] % 2, ".float()"),
    "a row of zero and one": (one, nn.BCEWithLogitsLoss(), CLASSES % 2, "[:, None].float()"),
    "truths": (one, nn.BCEWithLogitsLoss(), CLASSES[:, None] > 1, ".float()"),
}


@pytest.mark.parametrize("name", REMEDIES)
def test_the_change_that_a_loss_takes_is_named_and_is_taken(name):
    model, loss, targets, change = REMEDIES[name]
    with pytest.raises(SpecError, match="targets must be such that the loss takes") as told:
        lc.landscape(model(), loss, (INPUTS, targets), resolution=3, dimensions=1)
    assert told.value.accepted.endswith(f"; it takes targets{change}")
    changed = eval(f"targets{change}", {"targets": targets})
    lc.landscape(model(), loss, (INPUTS, changed), resolution=3, dimensions=1)


def test_classes_in_the_last_dimension_are_named_and_nothing_is_where_nothing_fits():
    targets = CLASSES[:, None].expand(6, 4)
    with pytest.raises(SpecError, match=r"it takes outputs\.transpose\(1, -1\).*adapter="):
        lc.landscape(Sequence(), cross_entropy, (INPUTS, targets), resolution=3, dimensions=1)
    with pytest.raises(SpecError, match="the loss raised") as told:
        lc.landscape(three(), cross_entropy, (INPUTS, CLASSES + 0.5), resolution=3, dimensions=1)
    assert "it takes" not in str(told.value)
