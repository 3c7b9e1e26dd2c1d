"""Slices on part of the data: their standard error, and their growth to all of it."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import cases
from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.measures.accuracy import Accuracy
from landscape_core.models.measures.gradient_norm import GradientNorm
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.user_model import from_module
from landscape_core.planes.directions.random import Random
from landscape_core.slices.grid import Grid
from landscape_core.slices.model_plan import probe_of
from landscape_core.slices.strategies.loop import Loop
from landscape_core.slices.subsampling import sample
from landscape_core.slices.sweep import exact

SMALL = Grid.square(1.0, 3)


def objective(examples=300, **more):
    return ModelObjective(cases.mlp(), CrossEntropy(), *cases.vectors(examples), **more)


def read(part, measures=None, **further):
    parts = {"train": part, **further}
    return probe_of(parts, Random(), measures or {}, strategy=Loop())


def losses(part, theta):
    """The loss of each example at a point."""
    with torch.no_grad():
        return cross_entropy(part.outputs(theta), part.targets, reduction="none").numpy()


def corner(probe):
    """The point of the plane at the lower left corner."""
    return probe.plane.points(torch.tensor([[-1.0, -1.0]], dtype=torch.float64))[0]


def test_it_grows_fourfold_to_all_and_the_last_is_the_exact_slice():
    probe = read(objective(), {"accuracy": Accuracy()})
    found = list(sample(probe, SMALL, {"seed": 0}, first=10))
    assert [one.attrs["examples"] for one in found] == [[10], [40], [160], [300]]
    assert {tuple(one.attrs["examples_of"]) for one in found} == {(300,)}
    *_, whole = exact(probe, SMALL)
    for name in ("loss", "accuracy"):
        np.testing.assert_allclose(found[-1][name].values, whole[name].values, rtol=1e-12)
    assert (found[-1]["loss_standard_error"].values == 0).all()
    assert found[-1]["loss_standard_error"].dims == found[-1]["loss"].dims


def test_the_standard_error_is_that_of_the_examples_drawn():
    part = objective()
    probe = read(part)
    ends = [0, 10, 40, 160, 300]
    order = torch.randperm(300, generator=random_streams.stream(5, "sample"))
    each = losses(part, corner(probe))[order.numpy()]
    for stop, found in zip(ends[1:], sample(probe, SMALL, first=10, seed=5), strict=True):
        drawn = each[:stop]
        expected = drawn.std(ddof=1) / np.sqrt(stop) * np.sqrt(1 - stop / 300)
        np.testing.assert_allclose(found["loss"].values[0, 0, 0], drawn.mean(), rtol=1e-12)
        np.testing.assert_allclose(
            found["loss_standard_error"].values[0, 0, 0], expected, rtol=1e-9, atol=1e-15
        )


@pytest.mark.usefixtures("unchecked")
def test_two_standard_errors_hold_the_true_loss_nineteen_times_in_twenty():
    part = objective()
    probe = read(part)
    truth, held = losses(part, corner(probe)).mean(), 0
    for seed in range(200):
        found = next(iter(sample(probe, Grid.square(1.0, 2), first=50, seed=seed)))
        apart = abs(found["loss"].values[0, 0, 0] - truth)
        held += apart <= 2 * found["loss_standard_error"].values[0, 0, 0]
    assert 0.9 <= held / 200 <= 0.99


def test_no_example_is_evaluated_twice(monkeypatch):
    seen, real = [], ModelObjective.between

    def noting(self, start, stop):
        part = real(self, start, stop)
        if stop - start > 2:  # two are taken to measure what an example needs
            seen.extend(map(tuple, part.inputs.tolist()))
        return part

    monkeypatch.setattr(ModelObjective, "between", noting)
    list(sample(read(objective(100)), SMALL, first=7))
    assert len(seen) == len(set(seen)) == 100


def test_splits_of_unequal_size_end_each_with_all_of_its_own():
    probe = read(objective(50), test=objective(20))
    counts = [one.attrs["examples"] for one in sample(probe, SMALL, first=10)]
    assert counts == [[10, 10], [40, 20], [50, 20]]


def test_what_is_no_mean_over_examples_is_left_out():
    probe = read(objective(50), {"accuracy": Accuracy(), "gradient": GradientNorm()})
    assert "gradient" not in next(iter(sample(probe, SMALL)))


def test_few_examples_are_taken_at_once():
    (only,) = sample(read(objective(5)), SMALL)
    assert only.attrs["examples"] == [5]


@pytest.mark.parametrize("first", [1, 0, -3])
def test_one_example_has_no_standard_error(first):
    with pytest.raises(SpecError, match=rf"first.*2.*{first}"):
        list(sample(read(objective(50)), SMALL, first=first))


def test_statistics_of_the_batch_are_refused():
    part = ModelObjective(cases.residual(), CrossEntropy(), *cases.images(), batch_norm="batch")
    with pytest.raises(SpecError, match=r"batch_norm.*running"):
        list(sample(read(part), SMALL))


def test_a_loss_that_gives_the_mean_alone_is_refused():
    part = ModelObjective(cases.mlp(), lambda o, t: cross_entropy(o, t), *cases.vectors())
    with pytest.raises(SpecError, match="one value per example"):
        list(sample(read(part), SMALL, first=5))


class Centred(nn.Module):
    """Outputs from which their mean over the batch is taken: every example knows all others."""

    def __init__(self):
        super().__init__()
        self.network = cases.mlp()

    def forward(self, inputs):
        outputs = self.network(inputs)
        return outputs - outputs.mean(dim=0)


def test_a_network_that_mixes_its_examples_is_refused():
    loss = nn.CrossEntropyLoss(reduction="none")
    parts = {"train": from_module(Centred(), loss, cases.vectors())}
    with pytest.raises(SpecError, match="processes examples independently"):
        next(sample(probe_of(parts, Random()), Grid.square(1.0, 3)))


def without_the_largest(threshold):
    """Each loss less the largest excess among all of them."""

    def loss(outputs, targets):
        losses = cross_entropy(outputs, targets, reduction="none")
        return losses - (losses - threshold).clamp_min(0).max()

    return loss


def more_where_one_is_large(threshold):
    """Five times the losses where one of them is above a threshold."""

    def loss(outputs, targets):
        losses = cross_entropy(outputs, targets, reduction="none")
        return losses * (5.0 if (losses > threshold).any() else 1.0)

    return loss


def of_many(count):
    """The losses over the spread of the outputs, where there are many examples."""

    def loss(outputs, targets):
        losses = cross_entropy(outputs, targets, reduction="none")
        return losses / outputs.std() if len(outputs) > count else losses

    return loss


ALIKE_ON_FEW = {
    f"{make.__name__}, {number}": make(number)
    for make, numbers in {
        without_the_largest: (1.9, 2.2, 2.5),
        more_where_one_is_large: (1.9, 2.2, 2.5),
        of_many: (100, 500, 800),
    }.items()
    for number in numbers
}
"""Losses that are means on the few examples on which it is tried, and none on all."""

STRATEGIES = (None, "loop", "vmap")


@pytest.mark.parametrize("name", ALIKE_ON_FEW)
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.filterwarnings("ignore:The parts of the data", "ignore:A fast way of computing")
def test_the_last_slice_is_that_of_all_examples_whatever_the_loss_is_on_few(name, strategy):
    part = from_module(cases.mlp(), ALIKE_ON_FEW[name], cases.vectors(1000))
    *_, last = sample(probe_of({"train": part}, Random(), strategy=strategy), SMALL)
    *_, whole = exact(read(part), SMALL)
    np.testing.assert_allclose(last["loss"].values, whole["loss"].values, rtol=1e-9)
    assert last.attrs["examples"] == [1000]
    assert (last["loss_standard_error"].values == 0).all()


def test_parts_that_do_not_make_up_the_loss_are_told():
    part = from_module(cases.mlp(), without_the_largest(2.2), cases.vectors(1000))
    with pytest.warns(UserWarning, match="no mean over examples"):
        (only,) = sample(read(part), SMALL)
    assert only.attrs["strategy"] == ["loop"]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(
    "loss", [cross_entropy, nn.CrossEntropyLoss(), nn.CrossEntropyLoss(reduction="none")]
)
def test_the_cross_entropy_of_torch_is_sampled_as_it_is_given(loss, strategy):
    part = from_module(cases.mlp(), loss, cases.vectors(100))
    found = list(sample(probe_of({"train": part}, Random(), strategy=strategy), SMALL))
    assert [one.attrs["examples"] for one in found] == [[64], [100]]
    assert (found[0]["loss_standard_error"].values > 0).all()
    *_, whole = exact(read(part), SMALL)
    np.testing.assert_allclose(found[-1]["loss"].values, whole["loss"].values, rtol=1e-9)
