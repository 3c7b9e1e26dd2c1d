"""A network as it is shown, against hooks on the module itself and plain loops, in float64."""

import numpy as np
import pytest
import torch
from torch import nn

import cases
from landscape_core.analysis.graph_layout import node_positions
from landscape_core.analysis.misread import EXAMINED, SHOWN
from landscape_core.analysis.network_dataset import MOST_UNITS, VARIABLES, check_network_view
from landscape_core.analysis.network_units import MOST_LAYERS
from landscape_core.analysis.network_view import NetworkView
from landscape_core.foundation.errors import FileFormatError, SpecError
from landscape_core.foundation.registry import entries, from_plain
from landscape_core.models.architectures.base import Architecture
from landscape_core.models.problems.base import Problem

SPIRALS = {"dataset": {"kind": "spirals", "points": 60}}
DIGITS = {"dataset": {"kind": "digits", "points": 100}}


def built(kind="supervised", **fields):
    """A problem's instance in float64 and a point beside its start."""
    problem = from_plain(Problem, {"kind": kind, **fields})
    instance = problem.build(0, dtype=torch.float64)
    start = instance.start
    return instance, start + 0.1 * cases.normal(len(start), seed=3).to(start)


def shown(instance, theta, **more):
    buffers = instance.train.buffers
    return NetworkView(instance, **more).at(theta, buffers)


def module_at(instance, theta):
    """The network itself at a point, in evaluation mode."""
    module = instance.train.apart().module.eval()
    with torch.no_grad():
        for name, value in instance.train.layout.split(theta).items():
            module.get_parameter(name).copy_(value)
    return module


def outputs_of(module, kinds, inputs):
    """The outputs of all modules of some kinds, by hooks, in the order of their calls."""
    found = []
    hooks = [
        part.register_forward_hook(lambda *given: found.append(given[2].detach().clone()))
        for part in module.modules()
        if isinstance(part, kinds)
    ]
    with torch.no_grad():
        module(inputs)
    for hook in hooks:
        hook.remove()
    return found


def lattice(found):
    """The points over which units are shown, in the order of rows and columns."""
    axes = [found[name].values.copy() for name in ("y", "x") if name in found.coords]
    if len(axes) == 1:
        return torch.from_numpy(axes[0])[:, None]
    mesh = [[x, y] for y in axes[0] for x in axes[1]]
    return torch.tensor(mesh, dtype=torch.float64)


@pytest.mark.parametrize("normalization", ["no_normalization", "batch"])
def test_units_respond_as_hooks_see_them_and_weights_are_those_of_the_module(normalization):
    names = {"no_normalization": "none"}
    plain = {"kind": "mlp", "width": 14, "activation": "tanh"}
    plain |= {"normalization": names.get(normalization, normalization)}
    instance, theta = built(**SPIRALS, architecture=plain)
    found, module = shown(instance, theta), module_at(instance, theta)
    assert (found.attrs["kind"], found.attrs["layers"]) == ("plane", 3)
    inputs = lattice(found)
    hidden = outputs_of(module, nn.Tanh, inputs)
    expected = [*hidden, outputs_of(module, nn.Linear, inputs)[-1]]
    linear = [part for part in module.modules() if isinstance(part, nn.Linear)]
    assert found["units"].values.tolist() == [14, 14, 2]
    for at, (values, layer) in enumerate(zip(expected, linear, strict=True)):
        units = min(MOST_UNITS, values.shape[1])
        ours = found["activation"].values[at, :units].reshape(units, -1)
        np.testing.assert_allclose(ours, values.T[:units], rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(found["lowest"][at, :units], ours.min(axis=1))
        np.testing.assert_allclose(found["highest"][at, :units], ours.max(axis=1))
        weight = layer.weight.detach()[:units, :MOST_UNITS]
        np.testing.assert_array_equal(found["weight"][at, :units, : weight.shape[1]], weight)
        assert np.isnan(found["weight"].values[at, :, weight.shape[1] :]).all()
        np.testing.assert_array_equal(found["bias"][at, :units], layer.bias.detach()[:units])
        name = found["weight_tensor"].values[at]
        assert torch.equal(instance.train.layout.split(theta)[name], layer.weight)


def test_units_on_one_input_are_curves_over_the_data():
    plain = {"kind": "regression_1d", "points": 30}
    instance, theta = built(dataset=plain, loss="squared_error", architecture={"kind": "mlp"})
    found, module = shown(instance, theta), module_at(instance, theta)
    values = outputs_of(module, nn.ReLU, lattice(found))
    np.testing.assert_allclose(found["activation"][1], values[1].T[:MOST_UNITS], rtol=1e-12)
    inputs = instance.data.train.inputs
    assert found["x"].values[0] < inputs.min() < inputs.max() < found["x"].values[-1]
    assert found["function"].values.tolist() == ["relu", "relu", ""]


@pytest.mark.parametrize("name", entries(Architecture))
def test_the_last_layer_of_every_architecture_is_what_the_network_says(name):
    plain = {"kind": name}
    try:
        instance, theta = built(**SPIRALS, architecture=plain)
    except SpecError:
        pytest.skip("takes images")
    found = shown(instance, theta)
    with torch.no_grad():
        outputs = instance.train.outputs(theta, lattice(found))
    ours = found["activation"].values[-1, : outputs.shape[1]].reshape(outputs.shape[1], -1)
    np.testing.assert_allclose(ours, outputs.T, rtol=1e-9, atol=1e-9)
    assert found.sizes["layer"] <= MOST_LAYERS


def test_no_single_weight_leads_through_a_residual_block_or_over_layers_left_out():
    plain = {"kind": "residual_mlp", "depth": 12, "width": 4}
    instance, theta = built(**SPIRALS, architecture=plain)
    found = shown(instance, theta)
    assert found["layer"].values[-1] == found.attrs["layers"] > MOST_LAYERS
    assert np.isfinite(found["weight"].values[0, :4, :2]).all()
    assert np.isnan(found["weight"].values[1:]).all()


def test_weights_that_are_computed_from_others_have_no_tensor_of_their_own():
    plain = {"kind": "mlp", "width": 3, "normalization": "weight"}
    instance, theta = built(**SPIRALS, architecture=plain)
    found = shown(instance, theta)
    named = {block.name for block in instance.train.layout.blocks}
    assert set(found["weight_tensor"].values) - {""} <= named
    assert found["weight_tensor"].values[0] == ""


def test_a_first_layer_on_images_is_laid_out_as_the_image_and_misread_examples_are_found():
    instance, theta = built(**DIGITS, architecture={"kind": "mlp", "width": 13})
    found = shown(instance, theta, image_shape=(8, 8))
    weight = instance.train.layout.split(theta)["0.weight"].numpy()
    for unit in range(MOST_UNITS):
        for pixel in range(64):
            assert found["pattern"].values[unit, pixel // 8, pixel % 8] == weight[unit, pixel]
    assert (found.attrs["kind"], found.attrs["units"], found.attrs["flat"]) == ("weights", 13, 1)
    module, data = module_at(instance, theta), instance.data.test
    wrong = []
    for index in range(EXAMINED):
        with torch.no_grad():
            scores = module(data.inputs[index : index + 1])[0]
        chances = scores.exp() / scores.exp().sum()
        answer, label = int(scores.argmax()), int(data.targets[index])
        if answer != label:
            wrong.append((index, label, answer, float(chances[answer]), float(chances[label])))
    assert (found.attrs["misread"], found.attrs["examined"]) == (len(wrong), EXAMINED)
    names = ("misread_index", "misread_label", "misread_as", "misread_probability")
    for name, column in zip((*names, "label_probability"), zip(*wrong, strict=True), strict=True):
        np.testing.assert_allclose(found[name], column[:SHOWN], rtol=1e-12)
    first = data.inputs[wrong[0][0]].reshape(8, 8)
    np.testing.assert_array_equal(found["misread_input"].values[0, 0], first)


def test_filters_and_their_maps_are_those_of_the_first_convolution():
    plain = {"kind": "digits", "points": 100, "shape": "images"}
    network = {"kind": "convnet", "depth": 2, "channels": 5, "activation": "tanh"}
    instance, theta = built(dataset=plain, architecture=network)
    found, module = shown(instance, theta), module_at(instance, theta)
    example = instance.data.test.inputs[:1]
    expected = outputs_of(module, nn.Tanh, example)[0][0]
    np.testing.assert_allclose(found["map"], expected, rtol=1e-12)
    np.testing.assert_array_equal(found["input"], example[0])
    weight = instance.train.layout.split(theta)["0.weight"]
    np.testing.assert_allclose(found["pattern"], weight.mean(1), rtol=1e-12)
    assert found.attrs["kind"] == "filters"


def test_a_graph_has_its_edges_classes_and_predictions():
    instance, theta = built("node_classification", nodes=40, p_in=0.3, width=4)
    found, module = shown(instance, theta), module_at(instance, theta)
    with torch.no_grad():
        scores = module(torch.arange(40))
    np.testing.assert_array_equal(found["predicted"], scores.argmax(1))
    np.testing.assert_array_equal(found["label"], np.arange(40) % 4)
    training = set(instance.data.train.inputs.tolist())
    assert {i for i in range(40) if found["labelled"].values[i]} == training
    adjacency = module.adjacency.detach()
    edges = {(i, j) for i in range(40) for j in range(i + 1, 40) if adjacency[i, j] != 0}
    assert set(map(tuple, found["edge"].values.tolist())) == edges
    wrong = (scores.argmax(1) != torch.arange(40) % 4).numpy()
    assert found.attrs["misread"] == wrong.sum()


def test_nodes_are_placed_the_same_each_time_inside_the_square_and_near_their_neighbours():
    rng = np.random.default_rng(0)
    classes = np.arange(60) % 3
    pairs = [(i, j) for i in range(60) for j in range(i) if classes[i] == classes[j]]
    edges = np.array([pair for pair in pairs if rng.random() < 0.3])
    places = node_positions(edges, classes)
    np.testing.assert_array_equal(places, node_positions(edges, classes))
    assert np.isfinite(places).all()
    assert np.abs(places).max() <= 1.0
    joined = np.linalg.norm(places[edges[:, 0]] - places[edges[:, 1]], axis=1).mean()
    anyone = np.linalg.norm(places[:, None] - places[None], axis=2).mean()
    assert joined < 0.6 * anyone
    alone = node_positions(np.empty((0, 2), dtype=np.int64), np.array([0]))
    assert np.isfinite(alone).all()


def test_players_have_their_paths_along_the_run_and_where_they_are():
    instance, theta = built("bilinear_game", size=2)
    path = torch.stack([theta, 2 * theta, 3 * theta])
    found = NetworkView(instance).at(3 * theta, {}, path, (0, 5, 9))
    assert found["step"].values.tolist() == [0, 5, 9]
    np.testing.assert_array_equal(found["value"], path)
    np.testing.assert_array_equal(found["now"], 3 * theta)
    assert found["player"].values.tolist() == [1, 1, 2, 2]
    assert found["tensor"].values.tolist() == ["x", "x", "y", "y"]
    assert found["index"].values.tolist() == ["0,0", "0,1", "0,0", "0,1"]


def test_a_few_parameters_are_shown_one_by_one_and_of_many_it_is_said_why_not():
    instance, theta = built("valley")
    found = shown(instance, theta)
    np.testing.assert_array_equal(found["now"], theta)
    assert found["tensor"].values.tolist() == ["point", "point"]
    large, start = built("streaming_pca", dimensions=40, points=10)
    found = shown(large, start)
    assert found.attrs["kind"] == "nothing"
    assert "no network" in found.attrs["why"]


def test_a_dataset_of_another_form_is_refused():
    instance, theta = built("valley")
    found = shown(instance, theta)
    assert check_network_view(found) is found
    with pytest.raises(FileFormatError, match="needs the variable now"):
        check_network_view(found.drop_vars("now"))
    with pytest.raises(FileFormatError, match="none of"):
        check_network_view(found.assign_attrs(kind="other"))
    with pytest.raises(FileFormatError, match="must be"):
        check_network_view(found.rename(parameter="unit"))
    assert set(VARIABLES) > {"plane", "curves", "weights", "filters", "graph", "players"}


def test_reading_the_network_leaves_the_network_as_it_is():
    instance, theta = built(**SPIRALS, architecture={"kind": "mlp", "normalization": "batch"})
    before = {name: value.clone() for name, value in instance.train.buffers.items()}
    start = instance.train.start.clone()
    shown(instance, theta)
    assert torch.equal(instance.train.start, start)
    for name, value in instance.train.buffers.items():
        assert torch.equal(value, before[name])
