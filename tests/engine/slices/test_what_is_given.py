"""What is given to `landscape` in other ways: by name, or in shapes that say too little."""

import copy
import functools

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss, one_hot

import cases
from landscape_core.analysis.convexity_of_model import convexity
from landscape_core.foundation.errors import SpecError
from landscape_core.planes.directions.base import Directions
from landscape_core.planes.directions.gradient import Gradient
from landscape_core.slices.one_call import landscape

FEW = {"resolution": 3, "span": 0.5}


def network():
    model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    with torch.no_grad():
        for number, parameter in enumerate(model.parameters()):
            parameter.copy_(cases.normal(*parameter.shape, seed=number) / 2)
    return model


@pytest.fixture
def data():
    return cases.normal(12, 4, seed=9), torch.arange(12) % 3


# Without a strategy a trial would choose one by its time.
@pytest.mark.parametrize("call", [functools.partial(landscape, strategy="loop"), convexity])
def test_directions_are_taken_by_name(call, data):
    named = call(network(), cross_entropy, data, directions="gradient", **FEW)
    given = call(network(), cross_entropy, data, directions=Gradient(), **FEW)
    assert named.drop_attrs().identical(given.drop_attrs())
    assert named.attrs["directions"] == given.attrs["directions"]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("randon", r"one of .*random.* \(did you mean 'random'\?\)"),
        (3, "a rule, for instance PCA\\(\\), or its name, as 'pca', or a Plane; got 'int'"),
        (Directions, "a rule, for instance PCA"),
    ],
)
def test_other_directions_are_refused_with_what_is_accepted(wrong, told, data):
    with pytest.raises(SpecError, match=told):
        landscape(network(), cross_entropy, data, directions=wrong, **FEW)


def squares(outputs, targets):
    return (outputs - one_hot(targets, 3).to(outputs)) ** 2


@pytest.mark.parametrize("call", [landscape, convexity])
def test_several_values_per_example_of_a_function_are_refused(call, data):
    with pytest.raises(SpecError, match=r"\.flatten\(1\)\.sum\(1\).* got 'shape \(\d+, 3\)'"):
        call(network(), squares, data, **FEW)


def test_several_values_per_example_of_a_measure_are_refused(data):
    with pytest.raises(SpecError, match=r"value of a measure must be a scalar.* 3\)'"):
        landscape(network(), cross_entropy, data, measures={"squares": squares}, **FEW)


@pytest.mark.parametrize("whole", [torch.mean, torch.sum])
def test_a_mean_or_sum_over_outputs_is_what_the_function_says(whole, data):
    found = landscape(network(), lambda o, y: whole(squares(o, y), dim=1), data, **FEW)
    expected = whole(squares(network()(data[0]), data[1]), dim=1).mean()
    np.testing.assert_allclose(found["loss"][0, 1, 1], expected.detach(), rtol=1e-12)


def test_a_column_and_the_elements_of_a_loss_of_torch_are_averaged_as_torch_does(data):
    expected = mse_loss(network()(data[0]), one_hot(data[1], 3).double()).detach()
    numbers = data[0], one_hot(data[1], 3).double()
    for loss in (
        nn.MSELoss(reduction="none"),
        lambda o, y: ((o - y) ** 2).mean(dim=1, keepdim=True),
    ):
        found = landscape(network(), loss, numbers, measures={}, **FEW)
        np.testing.assert_allclose(found["loss"][0, 1, 1], expected, rtol=1e-12)


def test_outputs_in_a_column_and_targets_in_a_row_are_no_loss(data):
    one = nn.Linear(4, 1).double()
    with pytest.raises(SpecError, match=r"one value per example or their mean.* got 'shape"):
        landscape(one, lambda o, y: (o - y) ** 2, (data[0], data[0][:, 0]), measures={}, **FEW)


def test_a_state_of_a_path_with_keys_of_another_network_is_refused(data):
    states = [copy.deepcopy(network().state_dict()) for _ in range(3)]
    states[1] = {**states[1], "4.weight": torch.zeros(2)}
    with pytest.raises(SpecError, match=r"keys of a state must be .* 4\.weight is unexpected; got"):
        landscape(network(), cross_entropy, data, path=states, **FEW)


@pytest.mark.parametrize("batches", [False, True])
def test_several_inputs_are_refused_with_a_remedy(batches):
    ids, targets = torch.zeros(6, 4).long(), torch.zeros(6).long()
    pair = (ids, ids > 0), targets
    with pytest.raises(SpecError, match=r"torch\.stack\(\(ids, mask\), 1\), and take them apart"):
        landscape(network(), cross_entropy, [pair] if batches else pair, **FEW)


def test_tensors_within_a_function_of_another_type_are_refused_with_a_remedy(data):
    weight = torch.tensor([1.0, 2.0, 3.0])

    def weighted(outputs, targets):
        return cross_entropy(outputs, targets, weight=weight)

    with pytest.raises(
        SpecError, match=r"write weight\.to\(outputs\) there, or give a module, nn\."
    ):
        landscape(network(), weighted, data, **FEW)
    module = nn.CrossEntropyLoss(weight=weight)
    found = landscape(network(), module, data, dtype="float64", **FEW)

    def moved(outputs, targets):
        return cross_entropy(outputs, targets, weight=weight.to(outputs))

    expected = landscape(network(), moved, data, **FEW)
    np.testing.assert_allclose(found["loss"], expected["loss"], rtol=1e-12)


def test_a_plane_of_exactly_three_states_holds_all_their_variance(data):
    states = [copy.deepcopy(network().state_dict()) for _ in range(3)]
    for number, state in enumerate(states):
        for name, tensor in state.items():
            state[name] = tensor + number * cases.normal(*tensor.shape, seed=number) / 3
    model = network()
    model.load_state_dict(states[-1])
    found = landscape(model, cross_entropy, data, path=states, resolution=3)
    assert float(found["explained_variance_ratio"].sum()) == pytest.approx(1)
    np.testing.assert_allclose(found["path_distance"], 0, atol=1e-9)
    expected = [float(_loss(state, data)) for state in states]
    np.testing.assert_allclose(found["path_loss"], expected, rtol=1e-12)


def _loss(state, data):
    model = network()
    model.load_state_dict(state)
    with torch.no_grad():
        return cross_entropy(model(data[0]), data[1])
