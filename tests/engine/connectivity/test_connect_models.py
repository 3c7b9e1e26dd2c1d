"""Connecting two states of a user's own network in one call."""

import copy
import inspect

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import cases
import landscape_core as lc
from landscape_core.connectivity.paths.bezier import Bezier
from landscape_core.foundation.errors import SpecError

SHORT = Bezier(steps=30, batch_size=20)


class Tied(nn.Module):
    """A network whose last layer is the transpose of its first."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(4, 3))

    def forward(self, inputs):
        return (inputs @ self.weight.T).tanh() @ self.weight


def with_norm_and_dropout():
    layers = [nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Dropout(0.5), nn.Linear(4, 3)]
    return nn.Sequential(*layers)


def frozen():
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 3))
    model[2].requires_grad_(requires_grad=False)
    return model


MODELS = {"an MLP": cases.mlp, "norm and dropout": with_norm_and_dropout, "tied": Tied}


def pair(name="norm and dropout"):
    made = MODELS[name]
    return cases.filled(made(), seed=1), cases.filled(made(), seed=2)


def own_loss(model, loss, data):
    """The user's own evaluation."""
    with torch.no_grad():
        return float(loss(copy.deepcopy(model).eval()(data[0]), data[1]))


def shifted(outputs, targets):
    """A loss of the user's own."""
    return (outputs.logsumexp(1) - outputs.gather(1, targets[:, None])[:, 0]).square().mean() + 1


@pytest.mark.parametrize("loss", [cross_entropy, shifted], ids=["torch", "own"])
@pytest.mark.parametrize("name", MODELS)
def test_at_both_ends_the_losses_are_those_of_the_user_s_own_evaluation(name, loss):
    (a, b), data, test = pair(name), cases.vectors(), cases.vectors(15, seed=4)
    found = lc.connect(a.train(), a, b, loss, data, test=test, path=SHORT, points=5, resolution=3)
    for split, part in (("train", data), ("test", test)):
        for curve in ("loss", "straight_loss"):
            here = found[curve].sel(split=split)
            assert float(here.sel(t=0)) == own_loss(a, loss, part)
            assert float(here.sel(t=1)) == own_loss(b, loss, part)


def test_between_the_ends_the_losses_are_those_of_the_nodes_and_of_the_mixed_statistics():
    (a, b), data = pair(), cases.vectors()
    found = lc.connect(a, a, b, cross_entropy, data, path=SHORT, points=5, resolution=0)
    nodes = torch.from_numpy(found["nodes"].values)
    for t in found["t"].values:
        weights = torch.tensor([(1 - t) ** 2, 2 * t * (1 - t), t**2])
        model = copy.deepcopy(a)
        nn.utils.vector_to_parameters((weights @ nodes), model.parameters())
        for name, buffer in model.named_buffers():
            if buffer.is_floating_point():
                buffer.copy_((1 - t) * buffer + t * b.get_buffer(name))
        expected = own_loss(model, cross_entropy, data)
        assert float(found["loss"].sel(t=t)[0]) == pytest.approx(expected, abs=1e-12)
    line = found["straight_loss"].values[0]
    ends = np.linspace(line[0], line[-1], 5)
    assert float(found["straight_barrier"][0]) == pytest.approx((line - ends).max(), abs=1e-12)
    assert found.attrs["batch_norm"] == "interpolated"


def test_states_may_be_modules_state_dictionaries_or_vectors_of_parameters():
    (a, b), data = pair("an MLP"), cases.vectors()
    flat = [nn.utils.parameters_to_vector(one.parameters()).detach() for one in (a, b)]
    given = [(a, b), (a.state_dict(), b.state_dict()), (a, flat[1]), tuple(flat)]
    found = [
        lc.connect(a, *ends, cross_entropy, data, path=SHORT, points=5, resolution=0)
        for ends in given
    ]
    assert all(one.identical(found[0]) for one in found[1:])


def test_the_curve_lowers_the_barrier_of_a_line():
    (a, b), data = pair("an MLP"), cases.vectors()
    path = Bezier(steps=400, batch_size=20)
    found = lc.connect(a, a, b, cross_entropy, data, path=path, resolution=5)
    assert float(found["loss"].mean()) < float(found["straight_loss"].mean())
    assert found["plane_loss"].dims == ("split", "beta", "alpha")
    assert "checked_points" in found["plane_loss"].attrs


def test_a_reordered_copy_aligned_is_the_same_network():
    model, data = cases.mlp(), cases.vectors()
    other = copy.deepcopy(model)
    order = torch.tensor([2, 0, 4, 1, 3])
    with torch.no_grad():
        other[0].weight.copy_(model[0].weight[order])
        other[0].bias.copy_(model[0].bias[order])
        other[2].weight.copy_(model[2].weight[:, order])
        other[2].bias.add_(1e-3)
    found = lc.connect(model, model, other, cross_entropy, data, path="straight", align=True)
    assert float(found["aligned_length"]) < 0.01 * float(found["straight_length"])
    assert float(found["aligned_barrier"][0]) < 1e-6


def test_a_repetition_is_bit_for_bit_equal_and_models_and_generators_stay_as_they_are():
    (a, b), data = pair(), cases.vectors()
    before = [copy.deepcopy(one.train().state_dict()) for one in (a, b)]
    state = torch.get_rng_state()
    with torch.no_grad():
        first, again = (
            lc.connect(a, a, b, cross_entropy, data, path=SHORT, resolution=3) for _ in range(2)
        )
    assert torch.equal(torch.get_rng_state(), state)
    assert first.drop_vars("plane_loss").identical(again.drop_vars("plane_loss"))
    for model, kept in zip((a, b), before, strict=True):
        assert model.training
        for name, value in model.state_dict().items():
            assert torch.equal(value, kept[name]), name


def test_statistics_of_both_states_or_the_choice_that_is_asked_for_are_stated():
    (a, b), data = pair(), cases.vectors()
    flat = nn.utils.parameters_to_vector(b.parameters()).detach()
    asked = {"path": "straight", "points": 3}
    found = lc.connect(a, a, b, cross_entropy, data, batch_norm="reestimated", **asked)
    assert found.attrs["batch_norm"] == "reestimated"
    assert float(found["loss"][0, 0]) != own_loss(a, cross_entropy, data)
    unknown = lc.connect(a, a, flat, cross_entropy, data, **asked)
    assert unknown.attrs["batch_norm"] == "running"
    assert "not known" in unknown.attrs["statistics"]
    with pytest.raises(SpecError, match="buffers are known"):
        lc.connect(a, a, flat, cross_entropy, data, batch_norm="interpolated", **asked)


REFUSED = {
    "path": ({"path": "bezir"}, r"did you mean 'bezier'\?"),
    "points": ({"points": 1}, "points must be a whole number between 2 and"),
    "resolution": ({"resolution": 2}, "resolution must be 0, or between 3 and 201"),
    "examples": ({"max_examples": 0}, "max_examples must be a whole number from 1 on"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_accepted_is_said_before_any_work(name):
    (a, b), (asked, told) = pair(), REFUSED[name]
    with pytest.raises(SpecError, match=told):
        lc.connect(a, a, b, cross_entropy, cases.vectors(), **asked)


def test_states_that_cannot_be_connected_are_refused_by_their_names():
    (a, b), data = pair(), cases.vectors()
    wrong = copy.deepcopy(b)
    with torch.no_grad():
        wrong[0].weight[0, 0] = torch.nan
    told = {
        "b must be another state than a": (a, copy.deepcopy(a)),
        "a must be finite": (wrong, b),
        "b must be a state of the model: the keys of a state": (a, nn.Linear(3, 3)),
        "b must be a state of the model: the shape of a point": (a, cases.normal(5)),
    }
    for words, ends in told.items():
        with pytest.raises(SpecError, match=words):
            lc.connect(a, *ends, cross_entropy, data)
    with pytest.raises(SpecError, match="the data are empty"):
        lc.connect(a, a, b, cross_entropy, tuple(part[:0] for part in data))


def test_states_that_differ_in_a_frozen_layer_are_refused():
    a, b = cases.filled(frozen(), seed=1), cases.filled(frozen(), seed=2)
    with pytest.raises(SpecError, match=r"equal to the model in 2.weight, 2.bias"):
        lc.connect(a, a, b, cross_entropy, cases.vectors())


def test_the_contract_s_arguments_have_their_names():
    parameters = inspect.signature(lc.connect).parameters
    assert list(parameters)[:5] == ["model", "a", "b", "loss", "data"]
    assert parameters["max_examples"].default is None
    assert parameters["seed"].default == 0


def penalized(model, batch):
    """A closure of the user's own: a loss, and a penalty of the weights."""
    penalty = sum(one.square().sum() for one in model.parameters())
    return cross_entropy(model(batch[0]), batch[1]) + 1e-2 * penalty


def at_node(found, model, index):
    """The model with the parameters of a node of the curve."""
    own = copy.deepcopy(model).eval()
    nn.utils.vector_to_parameters(torch.from_numpy(found["nodes"].values[index]), own.parameters())
    return own


def test_an_objective_is_read_along_the_curve_as_its_closure_on_each_batch():
    (a, b), (inputs, targets) = pair("an MLP"), cases.vectors()
    batches = [(inputs[:14], targets[:14]), (inputs[14:], targets[14:])]
    settings = {"objective": penalized, "path": SHORT, "points": 5, "resolution": 3}
    found = lc.connect(a, a, b, data=batches, test=batches[:1], **settings)
    for split, part in (("train", batches), ("test", batches[:1])):
        weights = [len(one[1]) for one in part]
        for t, model in ((0, a), (1, b)):
            with torch.no_grad():
                values = [float(penalized(copy.deepcopy(model).eval(), one)) for one in part]
            here = float(found["loss"].sel(split=split, t=t))
            assert here == pytest.approx(np.average(values, weights=weights), abs=1e-12)
    assert found.attrs["examples"] == [len(targets), 14]
    assert found.attrs["loss_of"][0] == "the mean over 2 batches, weighted by examples"
    assert found["plane_loss"].sizes == {"split": 2, "beta": 3, "alpha": 3}


def test_a_closure_of_the_loss_on_all_examples_gives_the_curve_of_the_loss():
    (a, b), data = pair("an MLP"), cases.vectors()
    whole = Bezier(steps=20, batch_size=len(data[1]))
    settings = {"path": whole, "points": 5, "resolution": 0}
    found = lc.connect(a, a, b, cross_entropy, data, **settings)
    closure = lambda model, batch: cross_entropy(model(batch[0]), batch[1])  # noqa: E731
    for other in (
        lc.connect(a, a, b, objective=closure, data=[data], **settings),
        lc.connect(a, a, b, cross_entropy, [[*data]], batch=tuple, **settings),
    ):
        np.testing.assert_allclose(other["nodes"], found["nodes"], atol=1e-9)
        np.testing.assert_allclose(other["loss"], found["loss"], atol=1e-9)
    assert np.abs(found["nodes"][1] - found["nodes"][[0, 2]].mean("node")).max() > 1e-3


class TwoHeads(nn.Module):
    """A network that gives a mapping."""

    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Linear(3, 3), nn.Linear(3, 1)

    def forward(self, inputs):
        return {"class": self.one(inputs), "value": self.other(inputs)[:, 0]}


def test_a_loss_of_several_outputs_is_read_on_all_examples():
    a, b = (cases.filled(TwoHeads(), seed=seed) for seed in (1, 2))
    inputs, targets = cases.vectors()

    def both(outputs, targets):
        return cross_entropy(outputs["class"], targets) + outputs["value"].square().mean()

    found = lc.connect(a, a, b, both, (inputs, targets), path=SHORT, points=3, resolution=0)
    assert float(found["loss"].sel(t=1)[0]) == pytest.approx(own_loss(b, both, (inputs, targets)))
    node = at_node(found, a, 1)
    middle = lc.connect(a, a, node, both, (inputs, targets), path="straight", points=2)
    assert float(middle["loss"].sel(t=1)[0]) == own_loss(node, both, (inputs, targets))


def test_units_are_aligned_where_the_loss_is_a_closure():
    model, other = cases.mlp(), cases.mlp()
    order = torch.tensor([2, 0, 4, 1, 3])
    with torch.no_grad():
        other.load_state_dict(model.state_dict())
        other[0].weight.copy_(model[0].weight[order])
        other[0].bias.copy_(model[0].bias[order])
        other[2].weight.copy_(model[2].weight[:, order])
        other[2].bias.add_(1e-3)
    settings = {"path": "straight", "points": 3, "resolution": 0, "align": True}
    found = lc.connect(model, model, other, objective=penalized, data=[cases.vectors()], **settings)
    assert float(found["aligned_length"]) < 1e-2 < float(found["straight_length"])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "loss must be a function of"),
        ({"loss": cross_entropy, "objective": penalized}, "give one of the two"),
        ({"objective": penalized, "adapter": lambda found: found}, "adapter must be left out"),
        ({"loss": cross_entropy, "reduction": "sum"}, "reduction must be left out"),
        ({"objective": penalized, "batch_norm": "reestimated"}, "batch_norm must be one of"),
    ],
)
def test_what_goes_with_the_other_kind_of_loss_is_refused_as_by_landscape(given, said):
    a, b = pair("an MLP")
    with pytest.raises(SpecError, match=said):
        lc.connect(a, a, b, data=[cases.vectors()], **given)


def test_statistics_of_an_objective_are_those_of_both_ends_and_others_are_refused():
    (a, b), data = pair(), cases.vectors()
    closure = lambda model, batch: cross_entropy(model(batch[0]), batch[1])  # noqa: E731
    settings = {"path": "straight", "points": 3, "resolution": 0}
    found = lc.connect(a, a, b, objective=closure, data=[data], **settings)
    expected = lc.connect(a, a, b, cross_entropy, data, **settings)
    np.testing.assert_allclose(found["loss"], expected["loss"], rtol=1e-12)
    assert found.attrs["batch_norm"] == "interpolated"
    with pytest.raises(SpecError, match="only the objective knows"):
        lc.connect(a, a, b, objective=closure, data=[data], batch_norm="batch", **settings)
