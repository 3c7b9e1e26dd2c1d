"""Slices of loaders that are read in passes and never collected, against a plain loop."""

import copy
import itertools
import math
import multiprocessing

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss
from torch.utils.data import DataLoader, Dataset, IterableDataset

import cases
from landscape_core.foundation.errors import SpecError
from landscape_core.models import batch_reading
from landscape_core.models.measures.class_loss import ClassLoss
from landscape_core.models.measures.gradient_norm import GradientNorm
from landscape_core.planes.directions.gradient import Gradient
from landscape_core.planes.plane import Plane
from landscape_core.slices import streamed_part
from landscape_core.slices.backends.dask import Dask
from landscape_core.slices.one_call import landscape
from landscape_core.slices.strategies.plane_algebra import PlaneAlgebra
from landscape_core.storage.store import Store

EXAMPLES, SIZE = 53, 8
FEW = {"resolution": 3, "stream": True}
X, Y = cases.normal(EXAMPLES, 4, seed=1), torch.arange(EXAMPLES) * 7 % 3
WEIGHTS = torch.tensor([1.0, 3.0, 0.5], dtype=torch.float64)


class Examples(Dataset):
    """Examples that count how many were read."""

    def __init__(self, inputs=X, targets=Y, change=lambda x: x):
        self.inputs, self.targets, self.change, self.read = inputs, targets, change, 0

    def __len__(self):
        return len(self.inputs)

    def __getitem__(self, index):
        self.read += 1
        return self.change(self.inputs[index]), self.targets[index]


def mlp():
    return cases.filled(nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)))


def loader(data=None, **options):
    return DataLoader(Examples() if data is None else data, batch_size=SIZE, **options)


def plain(network, loss, slice_, inputs=X, targets=Y):
    """The loss on all examples at the points of a slice, by a copy of the network in float64."""
    own = copy.deepcopy(network).double().eval()
    origin, axes = (torch.tensor(slice_[f"plane_{name}"].values) for name in ("origin", "axes"))
    sides = [slice_[name].values for name in ("beta", "alpha") if name in slice_["loss"].dims]
    found = np.empty([len(side) for side in sides])
    for at in np.ndindex(*found.shape):
        coord = torch.tensor([side[i] for side, i in zip(sides, at, strict=True)][::-1])
        nn.utils.vector_to_parameters(
            origin.double() + coord.double() @ axes.double(), own.parameters()
        )
        with torch.no_grad():
            found[at] = float(loss(own(inputs), targets))
    return found


def per_example(outputs, targets):
    return cross_entropy(outputs, targets, reduction="none")


def summed(outputs, targets):
    return cross_entropy(outputs, targets, reduction="sum")


def normalized(outputs, targets):
    """A mean weighted by classes, of which nobody knows but its author."""
    weights = torch.where(targets == 2, 5.0, 1.0)
    return (cross_entropy(outputs, targets, reduction="none") * weights).sum() / weights.sum()


@pytest.mark.parametrize(
    "loss",
    [
        cross_entropy,
        nn.CrossEntropyLoss(weight=WEIGHTS),
        nn.CrossEntropyLoss(reduction="sum"),
        nn.CrossEntropyLoss(label_smoothing=0.1, ignore_index=1),
        lambda outputs, targets: cross_entropy(outputs, targets),
        summed,
    ],
    ids=["mean", "class weights", "sum", "ignored", "own mean", "own sum"],
)
def test_one_pass_gives_the_loss_of_all_examples(loss):
    network, data = mlp(), Examples()
    found = landscape(network, loss, loader(data, shuffle=True), **FEW)
    assert data.read == EXAMPLES
    assert found.attrs["passes"] == [1]
    assert found.attrs["examples"] == [EXAMPLES]
    np.testing.assert_allclose(found["loss"][0], plain(network, loss, found), rtol=1e-12)
    same = landscape(network, loss, (X, Y), resolution=3)
    np.testing.assert_allclose(found["accuracy"], same["accuracy"], rtol=1e-12)


@pytest.mark.parametrize("dimensions", [1, 2])
def test_one_value_per_example_is_averaged(dimensions):
    network = mlp()
    found = landscape(network, per_example, loader(), dimensions=dimensions, **FEW)
    np.testing.assert_allclose(found["loss"][0], plain(network, cross_entropy, found), rtol=1e-12)


def test_what_does_not_fit_is_streamed_by_itself_and_read_once(monkeypatch):
    monkeypatch.setattr(batch_reading, "free_memory", lambda: 4 * X.nbytes // 3)
    network, data = mlp(), Examples()
    found = landscape(network, cross_entropy, loader(data), resolution=3)
    assert found.attrs["passes"] == [1]
    assert data.read == EXAMPLES
    np.testing.assert_allclose(found["loss"][0], plain(network, cross_entropy, found), rtol=1e-12)
    held = landscape(network, cross_entropy, (X, Y), resolution=3)
    assert "passes" not in held.attrs


def test_class_weights_hold_where_each_batch_is_of_one_class():
    order = Y.argsort()
    loss = nn.CrossEntropyLoss(weight=WEIGHTS)
    found = landscape(mlp(), loss, loader(Examples(X[order], Y[order])), **FEW)
    np.testing.assert_allclose(found["loss"][0], plain(mlp(), loss, found), rtol=1e-12)


def test_a_batch_without_targets_that_count_counts_nothing():
    targets = Y.clone()
    targets[SIZE : 2 * SIZE] = -100
    with pytest.warns(UserWarning, match="some targets are no classes.*accuracy"):
        found = landscape(mlp(), cross_entropy, loader(Examples(X, targets)), **FEW)
    expected = plain(mlp(), cross_entropy, found, targets=targets)
    np.testing.assert_allclose(found["loss"][0], expected, rtol=1e-12)
    assert bool(found["accuracy"].isnull().all())


def test_the_states_of_a_path_are_read_in_the_same_pass():
    network, data, states = mlp(), Examples(), []
    for number in range(4):
        state = copy.deepcopy(network.state_dict())
        moved = {k: v + 0.1 * cases.normal(*v.shape, seed=number) for k, v in state.items()}
        states.append(moved)
    found = landscape(network, cross_entropy, loader(data), path=states, **FEW)
    assert data.read == EXAMPLES
    expected = []
    for state in states:
        network.load_state_dict(state)
        expected.append(cross_entropy(network(X), Y).item())
    np.testing.assert_allclose(found["path_loss"], expected, rtol=1e-12)


def gradient_norms(network, slice_):
    norms = []
    for beta, alpha in itertools.product(slice_["beta"].values, slice_["alpha"].values):
        moved = (
            slice_["plane_origin"].values + np.array([alpha, beta]) @ slice_["plane_axes"].values
        )
        own = copy.deepcopy(network)
        nn.utils.vector_to_parameters(torch.from_numpy(moved), own.parameters())
        cross_entropy(own(X), Y).backward()
        norms.append(float(torch.cat([p.grad.flatten() for p in own.parameters()]).norm()))
    return np.reshape(norms, (3, 3))


def test_an_extent_chosen_by_the_first_batch_says_so():
    network = mlp()
    found = landscape(network, cross_entropy, loader(), span="auto", **FEW)
    few = landscape(network, cross_entropy, (X[:SIZE], Y[:SIZE]), span="auto", resolution=3)
    said = ", on the first batch of 8 examples alone, as the data are streamed"
    assert found.attrs["span_reason"] == few.attrs["span_reason"] + said
    states = [few["plane_origin"].values * scale for scale in (0.5, 0.8, 1.1)]
    plane = Plane.through(*map(torch.tensor, states[:2]))
    framed = landscape(network, cross_entropy, loader(), directions=plane, span="auto", **FEW)
    assert "first batch" not in framed.attrs["span_reason"]


@pytest.mark.parametrize(("points", "passes"), [(9, 1), (4, 3)])
def test_gradients_take_a_pass_for_as_many_points_as_memory_holds(monkeypatch, points, passes):
    network, data = mlp(), Examples()
    size = sum(p.numel() for p in network.parameters())
    free = points * 8 * size / streamed_part.SHARE
    monkeypatch.setattr(streamed_part, "free_memory", lambda device: free)
    measures = {"gradient_norm": GradientNorm()}
    found = landscape(network, cross_entropy, loader(data), measures=measures, **FEW)
    assert found.attrs["passes"] == [passes]
    assert data.read == passes * EXAMPLES
    expected = gradient_norms(network, found)
    np.testing.assert_allclose(found["gradient_norm"][0], expected, rtol=1e-12)


@pytest.mark.parametrize("resolution", [15, 35])
def test_each_round_of_a_refinement_is_a_pass(resolution):
    network, data = mlp(), Examples()
    options = {"resolution": resolution, "tolerance": 0.02, "stream": True, "span": 0.3}
    found = landscape(network, cross_entropy, loader(data, shuffle=True), **options)
    assert 1 < found.attrs["passes"][0] < 20
    assert data.read == found.attrs["passes"][0] * EXAMPLES
    computed = found["computed"].values
    assert computed.sum() < computed.size
    expected = plain(network, cross_entropy, found)
    assert np.abs(found["loss"].values[0] - expected).max() < 0.02 * np.ptp(expected)
    np.testing.assert_allclose(found["loss"].values[0][computed], expected[computed], rtol=1e-12)


class Ends(IterableDataset):
    """An iterable that ends and tells no length."""

    def __iter__(self):
        return iter(list(zip(X, Y, strict=True)))


@pytest.mark.parametrize(
    "data", [lambda: (batch for batch in loader()), lambda: loader(Ends())], ids=["once", "again"]
)
def test_what_tells_no_length_is_streamed_where_it_is_said_to_end(data, monkeypatch):
    found = landscape(mlp(), cross_entropy, data(), **FEW)
    np.testing.assert_allclose(found["loss"][0], plain(mlp(), cross_entropy, found), rtol=1e-12)
    monkeypatch.setattr(batch_reading, "free_memory", lambda: X.nbytes)
    monkeypatch.setattr(batch_reading, "LOOK", 1)
    with pytest.raises(SpecError, match="batch by batch with stream=True"):
        landscape(mlp(), cross_entropy, data(), resolution=3)
    few = landscape(mlp(), cross_entropy, data(), max_examples=50, resolution=3)
    assert (few.attrs["examples"], few.attrs["passes"]) == ([50], [1])
    expected = plain(mlp(), cross_entropy, few, X[:50], Y[:50])
    np.testing.assert_allclose(few["loss"][0], expected, rtol=1e-12)


def test_a_sum_over_the_first_examples_of_a_stream_is_said_to_be_none_of_all():
    with pytest.warns(UserWarning, match="of the loss of 20 of 53 examples, and no estimate"):
        found = landscape(mlp(), summed, loader(), max_examples=20, **FEW)
    expected = plain(mlp(), summed, found, X[:20], Y[:20])
    np.testing.assert_allclose(found["loss"][0], expected, rtol=1e-12)


def test_data_that_can_be_read_once_suffice_for_no_refinement():
    once = (batch for batch in loader())
    with pytest.raises(SpecError, match=r"can be read more than once.*got 'generator'"):
        landscape(mlp(), cross_entropy, once, resolution=15, tolerance=0.1, stream=True)


def test_other_examples_in_another_pass_are_refused():
    noise = iter(cases.normal(1000, seed=2))
    noisy = Examples(change=lambda x: x + next(noise))
    assert landscape(mlp(), cross_entropy, loader(noisy), **FEW).attrs["passes"] == [1]
    more = {"resolution": 15, "tolerance": 0.01, "stream": True}
    with pytest.raises(SpecError, match=r"same examples in each pass.*other examples in pass 2"):
        landscape(mlp(), cross_entropy, loader(noisy), **more)
    sizes = itertools.count(EXAMPLES, -1)

    class Fewer(IterableDataset):
        def __iter__(self):
            return iter(list(zip(X, Y, strict=True))[: next(sizes)])

    with pytest.raises(SpecError, match="53 examples in the first pass, 52 in another"):
        landscape(mlp(), cross_entropy, loader(Fewer()), **more)


def test_a_loss_that_adds_up_within_batches_alone_is_refused():
    order = Y.argsort()
    data = loader(Examples(X[order], Y[order]))
    with pytest.raises(SpecError, match=r"make up that on both.*no mean .* up to batch"):
        landscape(mlp(), normalized, data, **FEW)


def test_a_loss_that_leaves_out_one_example_of_a_late_batch_is_refused():
    targets = Y.clone()
    targets[-1] = -100
    data = loader(Examples(X, targets))
    with pytest.raises(SpecError, match="no mean over examples up to batch 7"):
        landscape(mlp(), lambda outputs, targets: cross_entropy(outputs, targets), data, **FEW)


def test_measures_of_the_user_are_means_over_examples_or_refused():
    measures = {"margin": lambda outputs, targets: outputs.max(1).values}
    found = landscape(mlp(), cross_entropy, loader(), measures=measures, **FEW)
    held = landscape(mlp(), cross_entropy, (X, Y), measures=measures, resolution=3)
    np.testing.assert_allclose(found["margin"], held["margin"], rtol=1e-12)
    for one in (lambda outputs, targets: outputs.max(), ClassLoss()):
        with pytest.raises(SpecError, match=r"measures\['most'\] must be a mean over examples"):
            landscape(mlp(), cross_entropy, loader(), measures={"most": one}, **FEW)


class Centred(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3, dtype=torch.float64)

    def forward(self, x):
        return self.linear(x - x.mean(0))


class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3, dtype=torch.float64)

    def forward(self, x):
        return self.linear(nn.functional.dropout(x))


@pytest.mark.parametrize(
    ("network", "told"), [(Centred, "each example by itself"), (Noisy, "draws no random numbers")]
)
def test_a_network_that_needs_all_examples_at_once_is_refused(network, told):
    with pytest.raises(SpecError, match=rf"{told}, as the data are read batch by batch"):
        landscape(network(), cross_entropy, loader(), **FEW)


def normalizing():
    return cases.filled(nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Linear(5, 3)))


def test_batch_normalization_uses_stored_statistics():
    network = normalizing()
    found = landscape(network, cross_entropy, loader(), **FEW)
    np.testing.assert_allclose(found["loss"][0], plain(network, cross_entropy, found), rtol=1e-12)
    with pytest.raises(SpecError, match=r"batch_norm must be running or interpolated.*batch"):
        landscape(network, cross_entropy, loader(), batch_norm="batch", **FEW)


def test_statistics_between_states_are_those_of_memory():
    states = [cases.filled(normalizing(), seed=seed) for seed in range(3)]
    options = {"directions": Plane.through(*states), "resolution": 3, "span": (0, 0.5)}
    found = landscape(states[0], cross_entropy, loader(), stream=True, **options)
    held = landscape(states[0], cross_entropy, (X, Y), **options)
    assert found.attrs["batch_norm"] == held.attrs["batch_norm"] == "interpolated"
    np.testing.assert_allclose(found["loss"], held["loss"], rtol=1e-12)


def test_one_part_is_streamed_and_the_other_in_memory():
    network, data = mlp(), Examples()
    pair = X[:20], Y[:20]
    found = landscape(network, cross_entropy, loader(data), test=pair, **FEW)
    assert (found.attrs["passes"], found.attrs["examples"]) == ([1, 0], [EXAMPLES, 20])
    assert data.read == EXAMPLES
    expected = plain(network, cross_entropy, found, *pair)
    np.testing.assert_allclose(found["loss"].sel(split="test"), expected, rtol=1e-12)


def test_data_are_converted_as_in_memory():
    network = mlp().float()
    targets = X[:, :3].contiguous()
    data = loader(Examples(X, targets))
    found = landscape(network, mse_loss, data, **FEW)
    held = landscape(network, mse_loss, (X, targets), resolution=3)
    np.testing.assert_allclose(found["loss"], held["loss"], rtol=1e-6)


def test_a_function_takes_inputs_and_targets_out_of_each_batch():
    batches = ({"x": X[i : i + SIZE], "y": Y[i : i + SIZE]} for i in range(0, EXAMPLES, SIZE))
    found = landscape(mlp(), cross_entropy, batches, batch=lambda b: (b["x"], b["y"]), **FEW)
    np.testing.assert_allclose(found["loss"][0], plain(mlp(), cross_entropy, found), rtol=1e-12)


def test_a_fast_way_that_is_wrong_on_a_later_batch_gives_way_to_the_plain_one(monkeypatch):
    right = PlaneAlgebra.reader

    def reader(self, reading):
        wrong = 1.01 if len(reading.objective.inputs) < SIZE else 1.0
        read = right(self, reading)
        return lambda coords: read(coords) * wrong

    monkeypatch.setattr(PlaneAlgebra, "reader", reader)
    network, data = mlp(), Examples()
    with pytest.warns(UserWarning, match="gives other numbers than the network"):
        found = landscape(network, cross_entropy, loader(data), strategy="plane_algebra", **FEW)
    assert found.attrs["strategy"] == ["loop"]
    assert found.attrs["passes"] == [2]
    np.testing.assert_allclose(found["loss"][0], plain(network, cross_entropy, found), rtol=1e-12)


def test_points_before_a_wrong_pass_are_computed_anew(monkeypatch):
    right, read = PlaneAlgebra.reader, itertools.count()

    def reader(self, reading):
        if len(reading.objective.inputs) == SIZE:
            return right(self, reading)
        wrong = 1.01 if next(read) > 1 else 1.0
        return lambda coords: right(self, reading)(coords) * wrong

    monkeypatch.setattr(PlaneAlgebra, "reader", reader)
    options = {"resolution": 35, "tolerance": 0.02, "stream": True, "span": 0.3}
    with pytest.warns(UserWarning, match="all points are now computed the plain way"):
        found = landscape(mlp(), cross_entropy, loader(), strategy="plane_algebra", **options)
    assert found.attrs["checked_points"] == 0
    computed, expected = found["computed"].values, plain(mlp(), cross_entropy, found)
    np.testing.assert_allclose(found["loss"].values[0][computed], expected[computed], rtol=1e-12)


def test_points_of_a_fast_strategy_are_compared_in_the_pass():
    found = landscape(mlp(), cross_entropy, loader(), strategy="plane_algebra", **FEW)
    assert found.attrs["checked_points"] == 6
    assert found.attrs["checked_deviation"] < 1e-13
    looped = landscape(mlp(), cross_entropy, loader(), strategy="loop", **FEW)
    assert looped.attrs["checked_points"] == 0
    np.testing.assert_allclose(found["loss"], looped["loss"], rtol=1e-12)


class Broken(Examples):
    def __getitem__(self, index):
        if index > 2 * SIZE:
            raise OSError("the disk is gone")
        return super().__getitem__(index)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_of_the_loader_ends_the_slice_and_its_workers(workers):
    with pytest.raises(OSError, match="the disk is gone"):
        landscape(mlp(), cross_entropy, loader(Broken(), num_workers=workers), **FEW)
    assert multiprocessing.active_children() == []


def test_what_is_refused_before_the_pass_ends_the_workers():
    with pytest.raises(SpecError, match="each example by itself"):
        landscape(Centred(), cross_entropy, loader(num_workers=1), **FEW)
    assert multiprocessing.active_children() == []


def test_the_workers_of_a_loader_give_the_same():
    found = landscape(mlp(), cross_entropy, loader(num_workers=1), **FEW)
    np.testing.assert_allclose(found["loss"][0], plain(mlp(), cross_entropy, found), rtol=1e-12)
    assert multiprocessing.active_children() == []


def test_random_numbers_go_on_from_batch_to_batch_and_others_stay_as_they_were():
    network, noisy = mlp(), Examples(change=lambda x: x + torch.rand(()))
    before = torch.get_rng_state()
    found = landscape(network, cross_entropy, loader(noisy, shuffle=True), **FEW)
    assert torch.equal(torch.get_rng_state(), before)
    held = landscape(network, cross_entropy, loader(noisy, shuffle=True), resolution=3)
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_allclose(found["loss"], held["loss"], rtol=1e-12)


def test_a_streamed_slice_is_not_kept_and_says_so(tmp_path):
    store = Store(tmp_path)
    for data in (Examples(), Examples(X + 1)):
        with pytest.warns(UserWarning, match="This slice is not kept: its data are streamed"):
            found = landscape(mlp(), cross_entropy, loader(data), store=store, **FEW)
        expected = plain(mlp(), cross_entropy, found, data.inputs)
        np.testing.assert_allclose(found["loss"][0], expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"directions": Gradient()}, "stream must be left out"),
        ({"data": (X, Y)}, "stream must be left out"),
        ({"stream": "yes"}, "stream must be True, False, or None"),
        ({"backend": Dask(workers=1)}, "backend must be None"),
    ],
)
def test_what_goes_with_no_stream_is_refused(options, told):
    data = options.pop("data", loader())
    with pytest.raises(SpecError, match=told):
        landscape(mlp(), cross_entropy, data, **{**FEW, **options})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda x, y: (x[:, :3], y), "of one shape"),
        (lambda x, y: (x.float(), y), "tensors are of one type"),
        (lambda x, y: (x, y[1:]), "the one as of the other"),
        (lambda x, y: (x, y, y), "a batch of 3"),
    ],
)
def test_a_batch_of_another_kind_than_the_first_is_refused(change, told):
    batches = [(X[i : i + SIZE], Y[i : i + SIZE]) for i in range(0, EXAMPLES, SIZE)]
    batches[3] = change(*batches[3])
    with pytest.raises(SpecError, match=told):
        landscape(mlp(), cross_entropy, (batch for batch in batches), **FEW)


def test_an_objective_is_not_streamed():
    with pytest.raises(SpecError, match="stream must be left out"):
        landscape(mlp(), objective=lambda m, b: cross_entropy(m(b[0]), b[1]), data=loader(), **FEW)


def test_values_that_are_no_numbers_are_kept():
    inputs = X.clone()
    inputs[20, 1] = math.nan
    found = landscape(mlp(), cross_entropy, loader(Examples(inputs)), **FEW)
    np.testing.assert_allclose(
        found["loss"][0], plain(mlp(), cross_entropy, found, inputs), rtol=1e-12
    )
