"""Direction files of the program loss-landscape as axes, held to what its own code does."""

import copy

import h5py
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import landscape_core as lc
from landscape_core.foundation.errors import FileFormatError, PlaneError, SpecError
from landscape_core.planes.directions.given import GivenVectors


def drawn(model):
    """The network with parameters drawn from a generator of its own."""
    numbers = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        parameter.data = torch.randn(parameter.shape, generator=numbers, dtype=torch.float64) / 2
    return model


def network(*, norm=False):
    middle = [nn.BatchNorm1d(8)] if norm else []
    model = drawn(nn.Sequential(nn.Linear(5, 8), *middle, nn.Tanh(), nn.Linear(8, 3)).double())
    if norm:
        model(data()[0])  # which gives it statistics
    return model.eval()


def data():
    numbers = torch.Generator().manual_seed(3)
    inputs = torch.randn(40, 5, generator=numbers, dtype=torch.float64)
    return inputs, torch.randint(3, (40,), generator=numbers)


def directions(tensors, *, count=2, seed=1, scale=0.3):
    numbers = np.random.default_rng(seed)
    return [[scale * numbers.normal(size=tuple(one.shape)) for one in tensors]] + (
        [[scale * numbers.normal(size=tuple(one.shape)) for one in tensors]] if count == 2 else []
    )


def written(path, found):
    """As `write_list` of h5_util.py writes them."""
    with h5py.File(path, "w") as file:
        for name, direction in zip(("xdirection", "ydirection"), found, strict=False):
            group = file.create_group(name)
            for number, tensor in enumerate(direction):
                group.create_dataset(str(number), data=tensor)
    return str(path)


def set_weights(model, found, coord):
    """`set_weights` of net_plotter.py."""
    moved = copy.deepcopy(model)
    for number, parameter in enumerate(moved.parameters()):
        for step, direction in zip(coord, found, strict=True):
            parameter.data += step * torch.tensor(direction[number])
    return moved


def set_states(model, found, coord):
    """`set_states` of net_plotter.py."""
    moved, states = copy.deepcopy(model), copy.deepcopy(model.state_dict())
    for number, value in enumerate(states.values()):
        change = sum(s * torch.tensor(d[number]) for s, d in zip(coord, found, strict=True))
        value.add_(change.type(value.type()))
    moved.load_state_dict(states)
    return moved


def loss_of(model):
    inputs, targets = data()
    with torch.no_grad():
        return float(functional.cross_entropy(model(inputs), targets))


def check_losses(slice_, moved):
    for beta in slice_["beta"].values:
        for alpha in slice_["alpha"].values:
            expected = loss_of(moved((float(alpha), float(beta))))
            found = float(slice_["loss"].sel(split="train", alpha=alpha, beta=beta))
            assert found == pytest.approx(expected, rel=1e-9), (alpha, beta)


def slice_along(model, file, **more):
    return lc.landscape(
        model, functional.cross_entropy, data(), directions=GivenVectors(file=file), resolution=3,
        span=0.5, **more,
    )  # fmt: skip


def test_a_slice_along_weights_has_the_losses_of_the_program(tmp_path):
    model = network()
    found = directions(list(model.parameters()))
    slice_ = slice_along(model, written(tmp_path / "d.h5", found))
    check_losses(slice_, lambda coord: set_weights(model, found, coord))


def test_weights_of_a_network_with_buffers_leave_these_as_they_are(tmp_path):
    model = network(norm=True)
    found = directions(list(model.parameters()))
    slice_ = slice_along(model, written(tmp_path / "d.h5", found))
    assert slice_.attrs["batch_norm"] == "running"
    check_losses(slice_, lambda coord: set_weights(model, found, coord))


def test_a_slice_along_states_moves_buffers_as_the_program_does(tmp_path):
    model = network(norm=True)
    found = directions(list(model.state_dict().values()), scale=0.2)
    slice_ = slice_along(model, written(tmp_path / "d.h5", found))
    assert slice_.attrs["batch_norm"] == "interpolated"
    check_losses(slice_, lambda coord: set_states(model, found, coord))


def test_states_whose_buffers_stay_are_the_weights(tmp_path):
    model = network(norm=True)
    names = dict(model.named_parameters())
    found = directions(list(model.state_dict().values()))
    for direction in found:
        for number, name in enumerate(model.state_dict()):
            if name not in names:
                direction[number] *= 0
    slice_ = slice_along(model, written(tmp_path / "d.h5", found))
    assert slice_.attrs["batch_norm"] == "running"
    check_losses(slice_, lambda coord: set_states(model, found, coord))


def test_a_line_takes_the_first_direction_and_a_plane_needs_two(tmp_path):
    model = network()
    found = directions(list(model.parameters()), count=1)
    file = written(tmp_path / "d.h5", found)
    line = slice_along(model, file, dimensions=1)
    for alpha in line["alpha"].values:
        expected = loss_of(set_weights(model, found, (float(alpha),)))
        assert float(line["loss"].sel(split="train", alpha=alpha)) == pytest.approx(expected)
    with pytest.raises(PlaneError, match="holds 1 vectors; 2 are needed"):
        slice_along(model, file)


def test_a_line_along_states_of_a_file_for_a_plane(tmp_path):
    model = network(norm=True)
    found = directions(list(model.state_dict().values()), scale=0.2)
    line = slice_along(model, written(tmp_path / "d.h5", found), dimensions=1)
    for alpha in line["alpha"].values:
        expected = loss_of(set_states(model, found[:1], (float(alpha),)))
        assert float(line["loss"].sel(split="train", alpha=alpha)) == pytest.approx(expected)


def test_layers_restrict_the_directions(tmp_path):
    model = network()
    found = directions(list(model.parameters()))
    rule = GivenVectors(file=written(tmp_path / "d.h5", found), layers="2")
    slice_ = lc.landscape(
        model, functional.cross_entropy, data(), directions=rule, resolution=3, span=0.5
    )
    only = [[0 * one[0], 0 * one[1], *one[2:]] for one in found]
    check_losses(slice_, lambda coord: set_weights(model, only, coord))


def test_tied_weights_are_one_parameter(tmp_path):
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(5, 5).double(), nn.Linear(5, 5).double()
            self.last.weight = self.first.weight

        def forward(self, inputs):
            return self.last(torch.tanh(self.first(inputs)))

    model = drawn(Tied())
    found = directions(list(model.parameters()))
    slice_ = slice_along(model, written(tmp_path / "d.h5", found))
    check_losses(slice_, lambda coord: set_weights(model, found, coord))
    states = directions(list(model.state_dict().values()))
    with pytest.raises(PlaneError, match=r"first\.weight, which is tied, in two ways"):
        slice_along(model, written(tmp_path / "s.h5", states))


def test_a_fixed_parameter_may_not_move(tmp_path):
    model = network()
    model[0].weight.requires_grad_(False)
    found = directions(list(model.parameters()))
    with pytest.raises(PlaneError, match=r"xdirection moves 0\.weight.*holds fixed"):
        slice_along(model, written(tmp_path / "d.h5", found))
    for one in found:
        one[0] *= 0
    slice_ = slice_along(model, written(tmp_path / "d.h5", found))
    check_losses(slice_, lambda coord: set_weights(model, found, coord))


def test_directions_of_another_network_are_refused_by_name(tmp_path):
    model = network()
    found = directions(list(model.parameters()))
    few = written(tmp_path / "few.h5", [one[:3] for one in found])
    with pytest.raises(PlaneError, match="xdirection holds 3 tensors; the network has 4 param"):
        slice_along(model, few)
    turned = [[one[0].T, *one[1:]] for one in found]
    message = r"tensor 0 has the shape \(5, 8\); 0\.weight has \(8, 5\)"
    with pytest.raises(PlaneError, match=message):
        slice_along(model, written(tmp_path / "turned.h5", turned))
    with pytest.raises(PlaneError, match="and 9 tensors in its state dictionary"):
        slice_along(network(norm=True), few)
    found[1][2][0, 0] = np.nan
    with pytest.raises(FileFormatError, match="ydirection holds NaN"):
        slice_along(model, written(tmp_path / "nan.h5", found))


def test_the_same_direction_twice_spans_no_plane(tmp_path):
    model = network()
    one = directions(list(model.parameters()), count=1)[0]
    with pytest.raises(PlaneError, match="parallel"):
        slice_along(model, written(tmp_path / "d.h5", [one, one]))


def test_other_endings_are_refused_with_those_that_are_read(tmp_path):
    with pytest.raises(SpecError, match=r"\.npy .* or \.h5 \(loss-landscape\)"):
        slice_along(network(), __file__)


def test_moving_buffers_of_some_layers_are_refused(tmp_path):
    model = network(norm=True)
    file = written(tmp_path / "d.h5", directions(list(model.state_dict().values())))
    rule = GivenVectors(file=file, layers="0")
    with pytest.raises(PlaneError, match="moves buffers"):
        lc.landscape(model, functional.cross_entropy, data(), directions=rule, resolution=3)
