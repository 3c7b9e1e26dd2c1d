"""Targets whose shape is broadcast against that of the outputs, against pairs that are meant."""

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import landscape_core as lc
from landscape_core.foundation.errors import SpecError
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.losses.logistic import Logistic
from landscape_core.models.losses.quadratic_hinge import QuadraticHinge
from landscape_core.models.losses.squared_error import SquaredError

INPUTS = torch.randn(12, 3, generator=torch.Generator().manual_seed(0))
NUMBERS = torch.randn(12, generator=torch.Generator().manual_seed(1))


class Flat(nn.Module):
    """A network of one number for each example, (N,)."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 1)

    def forward(self, values):
        return self.layer(values).squeeze(1)


class Two(Flat):
    """A mean and a variance for each example, (N, 1) each."""

    def forward(self, values):
        found = self.layer(values)
        return found, torch.exp(found)


class Map(nn.Module):
    """An image of one channel for each example, (N, 1, 2, 2)."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 4)

    def forward(self, values):
        return self.layer(values).reshape(-1, 1, 2, 2)


class Tasks(Flat):
    """A class and a number for each example."""

    def __init__(self):
        super().__init__()
        self.classes = nn.Linear(3, 4)

    def forward(self, values):
        return {"class": self.classes(values), "number": self.layer(values)}


def tasks(outputs, targets):
    found = functional.cross_entropy(outputs["class"], targets[0])
    return found + (outputs["number"] - targets[1]).square().mean()


def column():
    return nn.Linear(3, 1)


def mean_and_variance(outputs, targets):
    return ((outputs[0] - targets).square() / outputs[1]).mean()


def root(outputs, targets):
    return (outputs - targets).square().mean().sqrt()


BROADCAST = {
    "torch": (column, nn.MSELoss(), NUMBERS),
    "a sum": (column, nn.L1Loss(reduction="sum"), NUMBERS),
    "a root": (column, root, NUMBERS),
    "own": (column, lambda outputs, targets: (outputs - targets).abs().mean(), NUMBERS),
    "whole numbers": (column, nn.PoissonNLLLoss(), torch.arange(12)),
    "the other way round": (Flat, nn.MSELoss(), NUMBERS[:, None]),
    "images": (Map, nn.MSELoss(), torch.outer(NUMBERS, torch.arange(4.0)).reshape(12, 2, 2)),
    "several outputs": (Two, mean_and_variance, NUMBERS),
}


@pytest.mark.parametrize("name", BROADCAST)
def test_a_loss_of_all_pairs_is_refused_with_the_shape_that_is_meant(name):
    model, loss, targets = BROADCAST[name]
    change = ".squeeze(1)" if name == "the other way round" else "[:, None]"
    with pytest.raises(SpecError, match="compares every output with every target") as told:
        lc.from_module(model(), loss, (INPUTS, targets))
    assert told.value.value == f"shape {tuple(targets.shape)}"
    assert f"give targets{change}" in told.value.accepted
    data = DataLoader(TensorDataset(INPUTS, targets), batch_size=5)
    with pytest.raises(SpecError, match="compares every output"):
        lc.landscape(model(), loss, data, resolution=3, stream=True if name == "torch" else None)
    namespace = {"b": (INPUTS, targets)}
    mended = eval(f"b[1]{change}", namespace)
    lc.from_module(model(), loss, (INPUTS, mended))


def squares(outputs, targets):
    return (outputs - targets).square().mean()


def near(outputs, targets):
    return (outputs.squeeze(1) - targets).abs().mean()


def sorted_distance(outputs, targets):
    return (outputs.flatten().sort().values - targets.sort().values).square().mean()


MEANT = {
    "reshaped by the loss": (column, near, NUMBERS),
    "all targets above all outputs": (column, near, 100 + NUMBERS),
    "of the sorted values": (column, sorted_distance, NUMBERS),
    "without the targets": (column, lambda outputs, _: outputs.square().mean(), NUMBERS),
    "of equal targets": (column, squares, torch.ones(12)),
    "of one shape": (Flat, nn.MSELoss(), NUMBERS),
    "of classes": (lambda: nn.Linear(3, 4), functional.cross_entropy, torch.arange(12) % 4),
    "of one example": (column, squares, NUMBERS[:1]),
}


@pytest.mark.parametrize("name", MEANT)
def test_a_loss_that_pairs_outputs_with_targets_or_compares_neither_is_taken(name):
    model, loss, targets = MEANT[name]
    module = model()
    inputs = INPUTS[: len(targets)]
    part = lc.from_module(module, loss, (inputs, targets))
    expected = loss(module(inputs), targets).item()
    assert part.loss(part.start).item() == pytest.approx(expected)


@pytest.mark.parametrize("loss", [near, squares])
def test_outputs_that_are_all_equal_hide_nothing(loss):
    module = column()
    nn.init.zeros_(module.weight)
    if loss is near:
        lc.from_module(module, loss, (INPUTS, NUMBERS))
        return
    with pytest.raises(SpecError, match="compares every output"):
        lc.from_module(module, loss, (INPUTS, NUMBERS))


def test_one_of_several_targets_is_named_by_its_shape():
    labels = torch.arange(12) % 4
    data = DataLoader(TensorDataset(INPUTS, labels, NUMBERS), batch_size=5)
    with pytest.raises(SpecError, match=r"shape of the outputs, \(12, 1\).*these targets\[:, None"):
        lc.from_module(Tasks(), tasks, data, batch=lambda b: (b[0], (b[1], b[2])))
    lc.from_module(Tasks(), tasks, data, batch=lambda b: (b[0], (b[1], b[2][:, None])))


ONE_VS_REST = (Logistic(), QuadraticHinge())


@pytest.mark.parametrize("loss", ONE_VS_REST)
@pytest.mark.parametrize(("outputs", "labels", "accepted"), [
    (1, [-1.0, 1.0], r"from 0 to 1.*\(y \+ 1\) / 2"), (1, [1, 2], "from 0 to 1"),
    (1, [0.0, 0.5], "from 0 to 1"), (3, [1, 3], "from 0 to 2"),
])  # fmt: skip
def test_labels_that_are_not_the_classes_from_zero_on_are_refused(loss, outputs, labels, accepted):
    network, targets = nn.Linear(3, outputs), torch.tensor(labels).repeat(6)
    with pytest.raises(SpecError, match=accepted):
        lc.from_module(network, loss, (INPUTS, targets))


@pytest.mark.parametrize("loss", ONE_VS_REST)
def test_of_classes_from_zero_on_the_loss_is_that_of_signs(loss):
    network, targets = nn.Linear(3, 1), torch.tensor([0, 1]).repeat(6)
    part = lc.from_module(network, loss, (INPUTS, targets))
    margins = (2.0 * targets - 1) * network(INPUTS).detach().squeeze(1).double()
    each = {
        Logistic: torch.log1p(torch.exp(-margins)),
        QuadraticHinge: (1 - margins).relu() ** 2 / 2,
    }
    assert float(part.loss(part.start)) == pytest.approx(float(each[type(loss)].mean()), rel=1e-5)


CLASSES = torch.tensor([0, 1]).repeat(6)


@pytest.mark.parametrize(("loss", "outputs", "targets"), [
    *((loss, outputs, CLASSES[:, None]) for loss in ONE_VS_REST for outputs in (1, 3)),
    (Logistic(), 1, CLASSES[:, None].float()), (CrossEntropy(), 2, CLASSES[:, None]),
    (CrossEntropy(), 2, CLASSES + 1), (SquaredError(), 1, NUMBERS),
    (SquaredError(), 2, CLASSES + 1),
])  # fmt: skip
def test_targets_that_the_losses_of_the_catalogue_would_broadcast_are_refused(
    loss, outputs, targets
):
    with pytest.raises(SpecError, match="targets must be"):
        lc.from_module(nn.Linear(3, outputs), loss, (INPUTS, targets))


def test_a_class_for_each_place_of_a_sequence_is_compared_with_its_own_outputs():
    sequences = torch.randn(5, 5, 3, generator=torch.Generator().manual_seed(2))
    targets, network = CLASSES[:5].repeat(5, 1), nn.Linear(3, 1)
    part = lc.from_module(network, Logistic(), (sequences, targets))
    margins = (2.0 * targets - 1) * network(sequences).detach().squeeze(-1).double()
    expected = torch.log1p(torch.exp(-margins)).mean()
    assert float(part.loss(part.start)) == pytest.approx(float(expected), rel=1e-5)
    with pytest.raises(SpecError, match="targets must be"):
        lc.from_module(nn.Linear(3, 2), CrossEntropy(), (sequences, CLASSES[:5]))


def test_numbers_of_the_shape_of_the_outputs_have_the_error_of_each():
    network = nn.Linear(3, 1)
    part = lc.from_module(network, SquaredError(), (INPUTS, NUMBERS[:, None]))
    expected = (network(INPUTS).detach().squeeze(1).double() - NUMBERS).square().mean() / 2
    assert float(part.loss(part.start)) == pytest.approx(float(expected), rel=1e-5)
