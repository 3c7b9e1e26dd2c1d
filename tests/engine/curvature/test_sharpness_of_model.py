"""Sharpness of a user's own network in one call, against closed forms and the rules themselves."""

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn
from torch.nn.functional import cross_entropy

import cases
import landscape_core as lc
from landscape_core.curvature.sharpness.base import Sharpness
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.registry import entries, find


def squares(model, batch):
    """0.3 ‖θ‖², whatever the batch."""
    del batch
    return 0.3 * sum(one.square().sum() for one in model.parameters())


def test_all_definitions_of_a_sum_of_squares_have_their_closed_forms():
    model = cases.mlp()
    theta = nn.utils.parameters_to_vector(model.parameters()).detach()
    found = lc.sharpness(model, objective=squares)
    names = found["sharpness"].values.tolist()
    value = dict(zip(names, found["value"].values.tolist(), strict=True))
    error = dict(zip(names, found["standard_error"].values.tolist(), strict=True))
    assert set(value) == set(entries(Sharpness).shipped())
    expected = {
        "perturbation": 0.3 * 0.05**2 * len(theta),
        "adaptive_perturbation": 0.3 * 0.2**2 * float(theta.square().sum()),
    }
    for name, one in expected.items():
        assert 0 < error[name] < 2 * one
        assert abs(value[name] - one) < 4 * error[name]
    loss = 0.3 * float(theta.square().sum())
    box = 0.3 * float((theta.abs() + 1e-3 * (theta.abs() + 1)).square().sum())
    assert value["epsilon_sharpness"] == pytest.approx(100 * (box - loss) / (1 + loss), rel=1e-6)
    # (θ_i + abs(θ_i) u_i)² is largest with all of u on the largest θ_i, or spread: at least this
    largest = float(theta.abs().max())
    assert value["adaptive_sharpness"] >= 0.99 * 0.3 * largest**2 * (1.5**2 - 1)
    assert value["adaptive_sharpness"] <= 0.3 * (2 * 0.5 + 0.25) * float(theta.square().sum())


@pytest.mark.parametrize("way", ["loss", "batch", "objective"])
def test_a_loss_is_read_as_by_the_rules_on_its_objective(way):
    model, (inputs, targets) = cases.mlp(), cases.vectors()
    names = ["perturbation", "adaptive_sharpness"]
    given = {
        "loss": {"loss": cross_entropy, "data": (inputs, targets)},
        "batch": {
            "loss": cross_entropy,
            "data": [{"x": inputs, "y": targets}],
            "batch": lambda row: (row["x"], row["y"]),
        },
        "objective": {
            "objective": lambda net, batch: cross_entropy(net(batch[0]), batch[1]),
            "data": [(inputs[:14], targets[:14]), (inputs[14:], targets[14:])],
        },
    }[way]
    found = lc.sharpness(model, names=names, seed=3, **given)
    part = lc.from_module(model, cross_entropy, (inputs, targets))
    expected = [find(Sharpness, name)().read(part, part.start, 3).value for name in names]
    np.testing.assert_allclose(found["value"], expected, rtol=1e-9)
    assert np.ravel(found.attrs["examples"]).tolist() == [len(targets)]


def test_the_first_examples_alone_and_the_steps_on_the_way():
    model, (inputs, targets) = cases.mlp(), cases.vectors()
    found = lc.sharpness(model, cross_entropy, (inputs, targets), max_examples=7)
    few = lc.sharpness(model, cross_entropy, (inputs[:7], targets[:7]))
    xr.testing.assert_equal(found, few)
    assert (found.attrs["examples"], found.attrs["examples_of"]) == (7, len(targets))
    *way, last = lc.sharpness.growing(model, cross_entropy, (inputs, targets), max_examples=7)
    assert [one.done for one in way] == list(range(1, len(way) + 1))
    xr.testing.assert_identical(last.dataset, found)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"names": ["flatness"]}, "flatness"),
        ({"objective": squares}, "give one of the two"),
        ({"reduction": "sum"}, "reduction must be left out"),
        ({"batch_norm": "interpolated"}, "batch_norm must be one of"),
        ({"max_examples": 0}, "max_examples must be a whole number"),
    ],
)
def test_what_is_not_accepted_is_refused(given, said):
    with pytest.raises(SpecError, match=said):
        lc.sharpness(cases.mlp(), cross_entropy, cases.vectors(), **given)


@pytest.mark.parametrize("name", ["landscape", "spectrum", "convexity", "connect", "sharpness"])
def test_the_last_of_the_steps_is_the_result(name):
    data = cases.vectors(8)
    model, other = cases.filled(cases.mlp(), seed=1), cases.filled(cases.mlp(), seed=2)
    call = getattr(lc, name)
    given = {
        "landscape": {"resolution": 3, "strategy": "loop"},
        "spectrum": {"top": 1, "probes": 0},
        "convexity": {"resolution": 2},
        "connect": {"path": "straight", "points": 3, "resolution": 0},
        "sharpness": {"names": ["perturbation"]},
    }[name]
    ends = (other, model) if name == "connect" else ()
    *_, last = call.growing(model, *ends, cross_entropy, data, **given)
    assert last.done == last.total
    xr.testing.assert_identical(last.dataset, call(model, *ends, cross_entropy, data, **given))
    with torch.inference_mode():
        within = call(model, *ends, cross_entropy, data, **given)
    xr.testing.assert_identical(within, last.dataset)
