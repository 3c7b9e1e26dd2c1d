"""Recording a training loop: which states, what the file holds, and that `path=` takes it."""

import copy

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn
from torch.nn.functional import cross_entropy

import cases
import landscape_core as lc
from landscape_core.foundation.errors import FileFormatError, MissingDataError, SpecError
from landscape_core.storage import atomic_files, netcdf, recorded_projection
from landscape_core.storage.random_projection import RandomProjection
from landscape_core.storage.recorded_states import recorded_states
from landscape_core.training import model_recorder


def network():
    layers = [nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 3)]
    return cases.filled(nn.Sequential(*layers)).double()


def data():
    inputs, targets = cases.vectors(40)
    return inputs.double(), targets


def train(model, steps, recorder=None):
    """Train by gradient descent; the state before the first step and after each."""
    inputs, targets = data()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
    states = [copy.deepcopy(model.state_dict())]
    for _ in range(steps):
        model.train()
        optimizer.zero_grad()
        cross_entropy(model(inputs), targets).backward()
        optimizer.step()
        states.append(copy.deepcopy(model.state_dict()))
        if recorder is not None:
            recorder.step()
    return states


def same(one, other):
    return list(one) == list(other) and all(
        one[name].dtype == other[name].dtype and torch.equal(one[name], other[name]) for name in one
    )


def loss_of(model, state):
    model = copy.deepcopy(model)
    model.load_state_dict(state)
    inputs, targets = data()
    with torch.no_grad():
        return float(cross_entropy(model.eval()(inputs), targets))


@pytest.mark.parametrize(
    ("steps", "every", "most", "recorded"),
    [
        (6, 1, 200, [0, 1, 2, 3, 4, 5, 6]),
        (7, 3, 200, [0, 3, 6, 7]),
        (0, 1, 200, [0]),
        (10, 1, 4, [0, 4, 8, 10]),
        (16, 2, 3, [0, 8, 16]),
        (12, 50, 2, [0, 12]),
    ],
)
def test_every_so_many_steps_are_kept_and_every_second_one_dropped_when_full(
    tmp_path, steps, every, most, recorded
):
    model = network()
    with lc.record(model, every=every, file=tmp_path / "run.nc", most=most) as recorder:
        states = train(model, steps, recorder)
    found = recorded_states(tmp_path / "run.nc")
    assert found.steps.tolist() == recorded
    assert len(found) == len(recorded) <= most + 1
    assert all(same(found[at], states[step]) for at, step in enumerate(recorded))
    assert [len(found[::2]), len(found[:0])] == [-(-len(recorded) // 2), 0]


def test_a_recorded_file_is_a_path_with_the_steps_and_statistics_of_its_states(tmp_path):
    model = network()
    file = tmp_path / "run.nc"
    with lc.record(model, every=2, file=str(file)) as recorder:
        states = train(model, 9, recorder)
    steps = [0, 2, 4, 6, 8, 9]
    kept = [states[step] for step in steps]
    for path in (file, str(file), recorder.states()):
        found = lc.landscape(model, cross_entropy, data(), path=path, resolution=3)
        assert found["step"].values.tolist() == steps
        expected = [loss_of(model, state) for state in kept]
        np.testing.assert_allclose(found["path_loss"], expected, rtol=1e-12)
    listed = lc.landscape(model, cross_entropy, data(), path=kept, resolution=3)
    for name in ("path_alpha", "path_beta", "path_distance", "loss"):
        np.testing.assert_allclose(found[name].values, listed[name].values, rtol=1e-9, atol=1e-12)
    with pytest.raises(SpecError, match=r"run\.nc, step 0: .*0\.weight"):
        lc.landscape(nn.Linear(3, 3), cross_entropy, cases.vectors(), path=file)


def test_the_last_recorded_state_is_a_point_of_between(tmp_path):
    model, file = network(), tmp_path / "run.nc"
    before = copy.deepcopy(model)
    with lc.record(model, every=4, file=file) as recorder:
        states = train(model, 5, recorder)
    rule = lc.Between(first=str(file))
    found = lc.landscape(before, cross_entropy, data(), directions=rule, dimensions=1, resolution=3)
    at = float(found["loss"].sel(split="train", alpha=1))
    assert at == pytest.approx(loss_of(model, states[-1]), rel=1e-12)


def test_tensors_of_all_types_and_shapes_come_back_as_they_were(tmp_path):
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.low = nn.Parameter(torch.tensor([0.1, -3.0], dtype=torch.bfloat16))
            self.single = nn.Parameter(torch.tensor(1 / 3))
            self.frozen = nn.Parameter(torch.ones(2, 0, 3), requires_grad=False)
            self.register_buffer("mask", torch.tensor([[True, False]]))
            self.register_buffer("count", torch.tensor(2**60 + 1))
            self.register_buffer("bias", torch.tensor([-torch.inf, torch.nan]))

    model = Odd()
    with lc.record(model, file=tmp_path / "run.nc"):
        pass
    (found,) = recorded_states(tmp_path / "run.nc")
    bias = found.pop("bias")
    own = model.state_dict()
    assert torch.equal(bias.isnan(), own.pop("bias").isnan())
    assert same(found, own)


def test_a_network_without_integers_is_recorded(tmp_path):
    model = nn.Linear(3, 3)
    with lc.record(model, file=tmp_path / "run.nc", every=5) as recorder:
        assert len(recorder.states()) == 1
    (found,) = recorded_states(tmp_path / "run.nc")
    assert same(found, model.state_dict())
    assert len(lc.record(model, file=tmp_path / "b.nc").states()) == 0


def test_wrapped_networks_are_recorded_for_the_network_that_they_wrap(tmp_path):
    model = network()
    with lc.record(nn.DataParallel(model), file=tmp_path / "run.nc") as recorder:
        states = train(model, 2, recorder)
    found = lc.landscape(model, cross_entropy, data(), path=tmp_path / "run.nc", dimensions=1)
    expected = [loss_of(model, state) for state in states]
    np.testing.assert_allclose(found["path_loss"], expected, rtol=1e-12)


def test_a_training_that_fails_leaves_what_was_recorded(tmp_path):
    model = network()
    states = []

    def fail():
        with lc.record(model, every=2, file=tmp_path / "run.nc") as recorder:
            states.extend(train(model, 5, recorder))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    found = recorded_states(tmp_path / "run.nc")
    assert found.steps.tolist() == [0, 2, 4]
    assert same(found[2], states[4])


def test_states_that_are_not_finite_are_left_out(tmp_path):
    model = network()
    with lc.record(model, file=tmp_path / "run.nc") as recorder:
        train(model, 2, recorder)
        with torch.no_grad():
            model[0].bias[0] = torch.nan
        recorder.step()
    assert recorded_states(tmp_path / "run.nc").steps.tolist() == [0, 1, 2]


def test_a_file_without_a_finite_state_is_no_path(tmp_path):
    model = network()
    with torch.no_grad():
        model[0].bias[0] = torch.nan
    with lc.record(model, file=tmp_path / "run.nc") as recorder:
        recorder.step()
    with pytest.raises(SpecError, match="path must be a file of at least one finite state"):
        lc.landscape(network(), cross_entropy, data(), path=tmp_path / "run.nc")


def test_each_context_begins_with_the_interval_that_was_asked_for(tmp_path):
    model = network()
    recorder = lc.record(model, file=tmp_path / "run.nc", most=4)
    for steps, recorded in ((10, [0, 4, 8, 10]), (3, [0, 1, 2, 3])):
        with recorder:
            train(model, steps, recorder)
        assert recorded_states(tmp_path / "run.nc").steps.tolist() == recorded


def test_the_file_is_written_in_training_and_whole_or_not_at_all(tmp_path, monkeypatch):
    monkeypatch.setattr(model_recorder, "WAIT", 0.0)
    monkeypatch.setattr(model_recorder, "RATIO", 0.0)
    file, model = tmp_path / "run.nc", network()
    with lc.record(model, file=file) as recorder:
        assert not file.exists()
        train(model, 1, recorder)
        assert recorded_states(file).steps.tolist() == [0, 1]
        before = file.read_bytes()

        def broken(path, chunks):
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(atomic_files, "write", broken)
            with pytest.warns(UserWarning, match="not written yet.*No space left"):
                recorder.step()
            with pytest.raises(OSError, match="No space left"):
                recorder.save()
        assert file.read_bytes() == before
        assert [one.name for one in tmp_path.iterdir()] == ["run.nc"]
    assert recorded_states(file).steps.tolist() == [0, 1, 2]


def test_a_network_that_gets_other_tensors_is_refused(tmp_path):
    model = network()
    with lc.record(model, file=tmp_path / "run.nc") as recorder:
        train(model, 1, recorder)
        model[3] = nn.Linear(4, 3, bias=False).double()
        with pytest.raises(SpecError, match="names, shapes and types that they had at the start"):
            recorder.step()
        model[3] = network()[3]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"every": 0}, "every must be a whole number from 1 on; got 0"),
        ({"every": True}, "every must be"),
        ({"every": 1.5}, "every must be"),
        ({"most": 1}, "most must be a whole number from 2 on"),
        ({"file": "run.pt"}, r"file must be the name of a file that ends with \.nc; got 'run\.pt'"),
        ({"file": 3}, "file must be"),
        ({"model": 3}, r"model must be a torch\.nn\.Module"),
        ({"model": nn.LazyLinear(3)}, "model must be one whose lazy layers were called once"),
    ],
)
def test_other_values_are_refused(changed, says):
    asked = {"model": network(), "file": "run.nc", **changed}
    with pytest.raises(SpecError, match=says):
        lc.record(asked.pop("model"), **asked)


def test_complex_tensors_and_more_states_than_memory_holds_are_refused(monkeypatch):
    model = nn.Linear(2, 2, dtype=torch.complex64)
    with pytest.raises(SpecError, match="the type of weight must be one of float16"):
        lc.record(model, file="run.nc")
    monkeypatch.setattr(model_recorder, "free_memory", lambda: 8 * 40 * 12)
    with pytest.raises(SpecError, match="most must be at most 20, as a state takes 24 bytes"):
        lc.record(nn.Linear(2, 2), file="run.nc")


def test_a_folder_that_is_not_there_is_told_before_the_training(tmp_path):
    recorder = lc.record(network(), file=tmp_path / "none" / "run.nc")
    with pytest.raises(FileNotFoundError), recorder:
        pytest.fail("it has begun")


def test_other_and_damaged_files_are_refused(tmp_path):
    model, file = network(), tmp_path / "run.nc"
    with lc.record(model, file=file) as recorder:
        train(model, 1, recorder)
    good = netcdf.load(file)
    with pytest.raises(MissingDataError, match=r"none\.nc"):
        recorded_states(tmp_path / "none.nc")
    netcdf.save(xr.Dataset({"theta": ("x", [1.0])}), file)
    with pytest.raises(FileFormatError, match=r"run\.nc holds no recorded states"):
        lc.landscape(model, cross_entropy, data(), path=file)
    shapes, kinds = good["tensor_shape"].values, good["tensor_dtype"].values
    damaged = [
        good.isel(value=slice(1, None)),
        good.drop_vars("state_integer"),
        good.isel(tensor=slice(1, None)),
        good.assign(tensor_shape=("tensor", np.where(shapes == "4", "x", shapes))),
        good.assign(tensor_shape=("tensor", np.where(shapes == "4", "-4", shapes))),
        good.assign(tensor_dtype=("tensor", np.where(kinds == "int64", "os", kinds))),
        good.assign_coords(tensor=["a"] * len(shapes)),
        good.assign(state=("step", np.zeros(2))),
        good.assign(state=(("step", "value"), good["state"].values.astype(str))),
        good.assign_coords(step=["a", "b"]),
    ]
    for dataset in damaged:
        netcdf.save(dataset, file)
        with pytest.raises(FileFormatError, match=r"run\.nc is a damaged file"):
            recorded_states(file)
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(FileFormatError, match=r"run\.nc"):
        recorded_states(file)


@pytest.mark.parametrize("states", [3, 4, 9])
def test_the_file_is_no_larger_than_it_may_be(tmp_path, states):
    model = nn.Sequential(nn.Linear(200, 200), *[nn.Linear(1, 1) for _ in range(20)])
    size = sum(one.numel() * 4 for one in model.state_dict().values())
    most = states * size + 2**16 + 42 * 2**10
    with lc.record(model, file=tmp_path / "run.nc", max_bytes=most) as recorder:
        for number in range(1, 24):
            with torch.no_grad():
                model[0].weight += number
            recorder.step()
    assert (tmp_path / "run.nc").stat().st_size <= most
    found = recorded_states(tmp_path / "run.nc")
    assert 3 <= len(found) <= states
    assert (found.steps[0], found.steps[-1]) == (0, 23)
    assert torch.equal(found[-1]["0.weight"], model[0].weight)


@pytest.mark.parametrize(
    ("most", "says"),
    [(0, "a whole number of bytes"), (True, "a whole number"), (1e9, "a whole number"),
     (70_000, r"at least 6\d{4} \(three states of 24 bytes each\)|three states")],
)  # fmt: skip
def test_too_few_bytes_are_refused_with_how_many_are_needed(tmp_path, most, says):
    layers = nn.Sequential(*[nn.Linear(1, 1) for _ in range(9)])
    with pytest.raises(SpecError, match=f"max_bytes must be .*{says}"):
        lc.record(layers, file=tmp_path / "run.nc", max_bytes=most)


def test_a_projection_keeps_so_many_numbers_of_each_state_and_no_more_than_may_be(tmp_path):
    model, file = nn.Linear(60, 60), tmp_path / "run.nc"
    most = 2**16 + 2 * 2**10 + 5 * 8 * 50
    with lc.record(model, file=file, projection=50, max_bytes=most) as recorder:
        for _ in range(9):
            with torch.no_grad():
                model.weight += 1
            recorder.step()
        states = recorder.states()
    found = recorded_projection.recorded(file)
    assert file.stat().st_size <= most
    assert found.steps.tolist() == [0, 4, 8, 9]
    assert (len(states), states.rows.tolist()) == (3, found.rows[:3].tolist())
    own = [one.detach() for one in (model.weight, model.bias)]
    assert found.rows[-1].tolist() == RandomProjection(50).of_tensors(own).tolist()
    assert (found.layout.names, found.parameters) == (("weight", "bias"), 3660)
    again = tmp_path / "again.nc"
    with lc.record(model, file=again, projection=50):
        pass
    assert recorded_projection.recorded(again).rows[0].tolist() == found.rows[-1].tolist()


def test_a_projection_is_of_the_parameters_that_require_a_gradient_throughout(tmp_path):
    model, file = network(), tmp_path / "run.nc"
    model[0].weight.requires_grad_(False)
    with lc.record(model, file=file, projection=10) as recorder:
        train(model, 2, recorder)
        model[0].weight.requires_grad_(True)
        with pytest.raises(SpecError, match="that they had at the start"):
            recorder.step()
        model[0].weight.requires_grad_(False)
    names = ["0.bias", "1.weight", "1.bias", "3.weight", "3.bias"]
    assert list(recorded_projection.recorded(file).layout.names) == names
    model[3].bias.data[0] = torch.nan
    with lc.record(model, file=file, projection=10):
        pass
    with pytest.raises(SpecError, match="at least one finite state"):
        lc.landscape(model, cross_entropy, data(), path=file, directions="random")


@pytest.mark.parametrize(
    ("components", "says"),
    [
        (9, "a whole number from 10 to 65536; got 9"),
        (True, "a whole number from 10"),
        (20.0, "a whole number from 10"),
        (39, "fewer numbers than the 39 parameters that require a gradient, or None"),
    ],
)
def test_other_numbers_of_projections_are_refused(components, says):
    with pytest.raises(SpecError, match=f"projection must be {says}"):
        lc.record(network(), file="run.nc", projection=components)
