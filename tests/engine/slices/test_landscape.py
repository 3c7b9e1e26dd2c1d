"""The one call, `landscape`, on networks, losses and data as people have them."""

import copy
import time

import numpy as np
import pytest
import torch
from jaxtyping import config
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss
from torch.optim.swa_utils import update_bn
from torch.utils.data import DataLoader, TensorDataset

import cases
import oracles
from landscape_core.foundation.errors import SpecError
from landscape_core.models.known_loss import with_known_loss
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.measures.accuracy import Accuracy
from landscape_core.models.measures.class_loss import ClassLoss
from landscape_core.models.measures.error import Error
from landscape_core.models.measures.gradient_norm import GradientNorm
from landscape_core.models.measures.loss_spread import LossSpread
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.user_model import from_module
from landscape_core.planes.directions.gradient import Gradient
from landscape_core.planes.directions.pca import PCA
from landscape_core.planes.directions.random import Random
from landscape_core.planes.plane import Plane
from landscape_core.slices.model_plan import probe_of
from landscape_core.slices.one_call import landscape
from landscape_core.slices.probe import probe
from landscape_core.slices.strategies.loop import Loop
from landscape_core.slices.strategies.vmap import Vmap
from landscape_core.slices.strategy_choice import strategies
from landscape_core.slices.tolerance import Tolerance

FEW = {"resolution": 5, "span": 0.7}


def points(model, seed=0, data=None, **options):
    """The plane that the call takes by default, and the coordinates (K, D) of its points."""
    data = cases.vectors() if data is None else data
    objective = ModelObjective(copy.deepcopy(model), cross_entropy, *data, **options)
    plane = probe_of({"train": objective}, Random(), {}, seed=seed, strategy=Loop()).plane
    side = np.linspace(-0.7, 0.7, 5)
    beta, alpha = np.meshgrid(side, side, indexing="ij")
    return plane, np.stack([alpha.ravel(), beta.ravel()], axis=1)


def by_hand(model, loss, data, seed=0, **options):
    """The values (5, 5) by the plain loop on the plane of the default directions."""
    plane, coords = points(model, seed, data, **options)
    found = oracles.plain_loop(model, loss, *data, plane.origin, plane.axes, coords)
    return found.reshape(5, 5)


def close(found, expected, rtol=1e-10):
    np.testing.assert_allclose(found, expected, rtol=rtol)


def test_loss_of_both_splits_in_one_call():
    model, data, test = cases.mlp(), cases.vectors(20), cases.vectors(8, seed=5)
    found = landscape(model, cross_entropy, data, test=test, **FEW)
    assert found["split"].values.tolist() == ["train", "test"]
    close(found["loss"].values[0], by_hand(model, cross_entropy, data))
    close(found["loss"].values[1], by_hand(model, cross_entropy, test))


@pytest.mark.parametrize("shuffle", [False, True])
def test_batches_are_taken_together_whatever_their_order_and_size(shuffle):
    model, data = cases.mlp(), cases.vectors(20)
    loader = DataLoader(TensorDataset(*data), batch_size=7, shuffle=shuffle)
    close(
        landscape(model, cross_entropy, loader, **FEW)["loss"].values[0],
        by_hand(model, cross_entropy, data),
    )


def test_batches_whose_inputs_and_targets_do_not_match_are_refused():
    inputs, targets = cases.vectors(20)
    shifted = [(inputs[:10], targets[:9]), (inputs[10:], targets[9:])]  # as many in all
    with pytest.raises(SpecError, match="a batch of 10 inputs and 9 targets"):
        landscape(cases.mlp(), cross_entropy, shifted, **FEW)


def test_arrays_of_numpy_are_data_too():
    model, (inputs, targets) = cases.mlp(), cases.vectors()
    found = landscape(model, cross_entropy, (inputs.numpy(), targets.numpy()), **FEW)
    close(found["loss"].values[0], by_hand(model, cross_entropy, (inputs, targets)))


def test_a_network_without_values_is_refused():
    data = (torch.randn(6, 3), torch.zeros(6, dtype=torch.long))
    with torch.device("meta"):
        empty = nn.Linear(3, 2)
    with pytest.raises(SpecError, match="the device of weight must be one that holds numbers"):
        landscape(empty, cross_entropy, data)
    with pytest.raises(SpecError, match="device must be one that holds numbers"):
        landscape(nn.Linear(3, 2), cross_entropy, data, device="meta")


def test_on_a_line_there_is_one_coordinate():
    model, data = cases.mlp(), cases.vectors()
    found = landscape(model, cross_entropy, data, dimensions=1, **FEW)
    plane, _ = points(model)
    coords = np.linspace(-0.7, 0.7, 5)[:, None]
    assert found["loss"].dims == ("split", "alpha")
    expected = oracles.plain_loop(model, cross_entropy, *data, plane.origin, plane.axes[:1], coords)
    close(found["loss"].values[0], expected)


class Wrapped(nn.Module):
    """Gives its outputs as something that is no tensor."""

    def __init__(self, form):
        super().__init__()
        self.inner, self.form = cases.mlp(), form

    def forward(self, inputs):
        return self.form(self.inner(inputs))


@pytest.mark.parametrize("strategy", [None, Loop(), Loop(block=6), Vmap()])
@pytest.mark.parametrize(
    ("form", "adapter"),
    [
        (lambda outputs: (outputs, None), lambda found: found[0]),
        (lambda outputs: {"logits": outputs, "more": 1}, lambda found: found["logits"]),
    ],
    ids=["tuple", "dictionary"],
)
def test_models_that_give_no_tensor_take_an_adapter(form, adapter, strategy):
    data = cases.vectors()
    found = landscape(Wrapped(form), cross_entropy, data, adapter=adapter, strategy=strategy, **FEW)
    close(found["loss"].values[0], by_hand(cases.mlp(), cross_entropy, data))


def test_without_an_adapter_it_is_said_what_to_give():
    with pytest.raises(SpecError, match=r"output.*adapter=.*tuple"):
        landscape(Wrapped(lambda outputs: (outputs,)), cross_entropy, cases.vectors(), **FEW)


def test_every_measure_in_one_pass_is_what_numpy_says():
    model, (inputs, targets) = cases.mlp(), cases.vectors(25)
    found = landscape(
        model,
        cross_entropy,
        (inputs, targets),
        measures={
            "accuracy": Accuracy(),
            "error": Error(),
            "class_loss": ClassLoss(),
            "spread": LossSpread(),
            "gradient": GradientNorm(),
            "margin": lambda outputs, targets: outputs.max(1).values - outputs.min(1).values,
        },
        **FEW,
    )
    plane, coords = points(model)
    for k, coord in enumerate(coords):
        here = copy.deepcopy(model)
        theta = plane.origin + torch.from_numpy(coord) @ plane.axes
        nn.utils.vector_to_parameters(theta, here.parameters())
        outputs = here(inputs)
        cross_entropy(outputs, targets).backward()
        gradient = np.sqrt(sum(float(p.grad.square().sum()) for p in here.parameters()))
        z, y = outputs.detach().numpy(), targets.numpy()
        losses = np.log(np.exp(z).sum(1)) - z[np.arange(25), y]
        at = found.isel(split=0, beta=k // 5, alpha=k % 5)
        close(at["loss"], losses.mean())
        close(at["accuracy"], (z.argmax(1) == y).mean())
        close(at["error"], (z.argmax(1) != y).mean())
        close(at["class_loss"], [losses[y == c].mean() for c in range(3)])
        close(at["spread"], losses.std(ddof=1))
        close(at["gradient"], gradient)
        close(at["margin"], (z.max(1) - z.min(1)).mean())


def test_a_class_that_a_split_lacks_has_no_loss_there():
    inputs, _ = cases.vectors(6)
    train, test = torch.tensor([0, 1, 2, 0, 1, 2]), torch.tensor([0, 0, 1, 1, 0, 1])
    found = landscape(
        cases.mlp(),
        cross_entropy,
        (inputs, train),
        test=(inputs, test),
        measures={"class_loss": ClassLoss()},
        **FEW,
    )
    table = found["class_loss"]
    assert table.sel({"class": 2, "split": "test"}).isnull().all()
    assert not table.sel({"class": 1}).isnull().any()


def test_a_picture_for_each_pixel_has_a_loss_too():
    model = cases.filled(
        nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 1))
    )
    images, targets = cases.normal(5, 1, 6, 6), cases.classes(5 * 36).view(5, 6, 6)
    objective = ModelObjective(model, cross_entropy, images, targets)
    read = probe_of({"train": objective}, Random(), {}, strategy=Loop())
    side = np.linspace(-0.7, 0.7, 5)
    alpha, beta = np.meshgrid(side, side)
    coords = np.stack([alpha.ravel(), beta.ravel()], axis=1)
    expected = oracles.plain_loop(
        model, cross_entropy, images, targets, read.plane.origin, read.plane.axes, coords
    )
    found = landscape(model, cross_entropy, (images, targets), **FEW)
    close(found["loss"].values[0].ravel(), expected)


def test_inputs_may_be_words_of_a_vocabulary():
    class Reader(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.head = nn.Embedding(11, 4), nn.Linear(4, 3)

        def forward(self, words):
            return self.head(self.table(words).mean(1))

    model, targets = cases.filled(Reader()), cases.classes(9)
    words = torch.arange(45).view(9, 5) % 11
    found = landscape(model, cross_entropy, (words, targets), **FEW)
    middle = cross_entropy(model(words), targets).detach()
    close(found["loss"].values[0, 2, 2], float(middle))
    assert len(np.unique(found["loss"].values)) == 25


class Doubled(nn.CrossEntropyLoss):
    """Looks like torch's cross-entropy, and is twice that."""

    def forward(self, outputs, targets):
        return 2 * super().forward(outputs, targets)


def changed(register, change):
    """Torch's cross-entropy with a hook."""
    loss = nn.CrossEntropyLoss()
    getattr(loss, register)(change)
    return loss


def patched():
    """Torch's cross-entropy with another forward."""
    loss = nn.CrossEntropyLoss()
    loss.forward = lambda outputs, targets: 3 * cross_entropy(outputs, targets)
    return loss


@pytest.mark.parametrize("strategy", [None, Loop(), Loop(block=6)])
@pytest.mark.parametrize(
    "loss",
    [
        Doubled(),
        nn.CrossEntropyLoss(reduction="sum"),
        changed("register_forward_hook", lambda loss, given, found: 2 * found),
        changed("register_forward_pre_hook", lambda loss, given: (2 * given[0], given[1])),
        patched(),
    ],
    ids=["subclass", "sum", "hook", "hook before", "own forward"],
)
def test_a_loss_that_only_looks_like_torchs_mean_cross_entropy_is_called(loss, strategy):
    model, data = cases.mlp(), cases.vectors()
    found = landscape(model, loss, data, test=cases.vectors(7, seed=2), strategy=strategy, **FEW)
    close(found["loss"].values[0], by_hand(model, loss, data))
    close(found["loss"].values[1], by_hand(model, loss, cases.vectors(7, seed=2)))
    value = float(loss(model(data[0]), data[1]).detach())
    assert float(found["loss"].values[0, 2, 2]) == pytest.approx(value, rel=1e-10)


class Centred(nn.Module):
    """Outputs from which their mean over the batch is taken: every example knows all others."""

    def __init__(self):
        super().__init__()
        self.network = cases.mlp()

    def forward(self, inputs):
        outputs = self.network(inputs)
        return outputs - outputs.mean(dim=0)


def test_examples_that_a_network_mixes_are_evaluated_together():
    model, data = Centred(), cases.vectors()
    found = landscape(model, cross_entropy, data, strategy=Loop(block=3), **FEW)
    close(found["loss"].values[0], by_hand(model, cross_entropy, data))


def test_normalization_by_the_batch_alone_needs_no_single_example():
    norm = nn.BatchNorm1d(4, track_running_stats=False)
    model = cases.filled(nn.Sequential(nn.Linear(3, 4), norm, nn.Linear(4, 3)))
    data = cases.vectors()
    found = landscape(model, cross_entropy, data, **FEW)
    close(found["loss"].values[0], by_hand(model, cross_entropy, data))


class Doubled(nn.Sequential):
    """A chain that is called in a way of its own."""

    def __call__(self, inputs):
        return 2 * super().__call__(inputs)


def test_a_network_that_is_called_in_its_own_way_is_no_chain():
    model, data = Doubled(*cases.mlp()), cases.vectors()
    with pytest.raises(SpecError, match="strategy"):
        landscape(model, cross_entropy, data, strategy="plane_algebra", **FEW)
    found = landscape(model, cross_entropy, data, **FEW)
    close(found["loss"].values[0], by_hand(model, cross_entropy, data))


def test_accuracy_is_not_read_of_outputs_that_name_no_class():
    """Of one number an example the largest is always the first: the share of class 0."""
    data = cases.vectors()[0], cases.vectors()[1].clamp(max=1)
    model = cases.filled(nn.Sequential(nn.Linear(3, 1)))

    def loss(outputs, targets):
        return nn.functional.binary_cross_entropy_with_logits(outputs[:, 0], targets.double())

    assert "accuracy" not in landscape(model, loss, data, **FEW)
    with pytest.raises(SpecError, match="for such targets"):
        landscape(model, loss, data, measures={"accuracy": Accuracy()}, **FEW)
    weighted = nn.CrossEntropyLoss(weight=torch.ones(3, dtype=torch.float64))
    assert "accuracy" in landscape(cases.mlp(), weighted, cases.vectors(), **FEW)


class Remembering(nn.Module):
    """A network whose outputs grow from call to call."""

    def __init__(self):
        super().__init__()
        self.network, self.calls = cases.mlp(), 0

    def forward(self, inputs):
        self.calls += 1
        return self.calls * self.network(inputs)


class Dropping(Remembering):
    """A network whose dropout knows no evaluation mode."""

    def forward(self, inputs):
        return nn.functional.dropout(self.network(inputs))


def test_a_network_that_remembers_is_asked_as_for_the_first_time_at_every_point():
    found = landscape(Remembering(), cross_entropy, cases.vectors(), **FEW)
    once = landscape(Remembering().network, cross_entropy, cases.vectors(), **FEW)
    close(found["loss"].values, once["loss"].values)


def test_a_tolerance_that_was_not_reached_is_told_with_what_was():
    layers = [part for _ in range(18) for part in (nn.Tanh(), nn.Linear(10, 10))]
    deep = cases.filled(nn.Sequential(nn.Linear(4, 10), *layers, nn.Linear(10, 2)))
    for parameter in deep.parameters():
        parameter.data *= 3
    data = cases.normal(20, 4), torch.arange(20) % 2
    asked = Tolerance(relative_tolerance=1e-3, scale="log")
    told = "tolerance of 0.1 % was not reached: .* of the range of log10.loss. at most"
    with pytest.warns(UserWarning, match=told):
        found = landscape(deep, cross_entropy, data, tolerance=asked, resolution=31)
    assert found.attrs["tolerance_reached"] == 0


def test_values_that_are_no_function_of_the_weights_are_told():
    def tiring(outputs, targets):
        return time.perf_counter() * cross_entropy(outputs, targets)

    with pytest.warns(UserWarning, match="Evaluated twice at the same point"):
        landscape(cases.mlp(), tiring, cases.vectors(), **FEW)


@pytest.mark.parametrize("loss", [cross_entropy, nn.CrossEntropyLoss()])
def test_torchs_mean_cross_entropy_is_that_of_the_catalogue(loss):
    part = with_known_loss(from_module(cases.mlp(), loss, cases.vectors()))
    assert part.loss_function == CrossEntropy()


@pytest.mark.parametrize(
    "loss",
    [
        lambda outputs, targets: mse_loss(outputs, outputs.detach().roll(1, 0)) + targets.sum() * 0,
        lambda outputs, targets: cross_entropy(outputs, targets, reduction="none"),
        nn.CrossEntropyLoss(label_smoothing=0.2),
        nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)),
    ],
    ids=["of pairs", "one per example", "smoothed", "weighted"],
)
def test_any_callable_is_a_loss(loss):
    model, data = cases.mlp(), cases.vectors()
    found = landscape(model, loss, data, **FEW)
    close(found["loss"].values[0], by_hand(model, loss, data))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_the_dtype_may_be_chosen(dtype):
    model, data = cases.mlp(), cases.vectors()
    found = landscape(model, cross_entropy, data, dtype=dtype, **FEW)
    assert found.attrs["dtype"] == str(dtype).removeprefix("torch.")
    tolerance = {torch.float32: 1e-5, torch.float64: 1e-10, torch.bfloat16: 0.05}[dtype]
    close(found["loss"].values[0], by_hand(model, cross_entropy, data), rtol=tolerance)
    assert next(model.parameters()).dtype == torch.float64


def test_a_tolerance_may_be_a_number():
    found = landscape(cases.mlp(), cross_entropy, cases.vectors(), tolerance=0.05)
    assert 0 < found["computed"].values.mean() < 0.5
    assert found.attrs["estimated_error"] <= 0.05


def test_saved_states_span_a_plane_that_shows_them():
    model = cases.mlp()
    states = []
    for step in range(5):
        with torch.no_grad():
            for i, parameter in enumerate(model.parameters()):
                parameter += 0.1 * cases.normal(*parameter.shape, seed=10 * step + i)
        states.append(copy.deepcopy(model.state_dict()))
    found = landscape(model, cross_entropy, cases.vectors(), directions=PCA(), path=states, **FEW)
    shares = found.attrs["explained_variance_ratio"]
    assert 0.5 < sum(shares) <= 1
    assert shares[0] >= shares[1]


def normalized():
    layers = [nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 4), nn.BatchNorm1d(4)]
    return cases.filled(nn.Sequential(*layers, nn.ReLU(), nn.Linear(4, 3)))


def at(model, plane, coord):
    """A copy of the model whose parameters are those of a point of the plane."""
    here = copy.deepcopy(model)
    theta = plane.origin + torch.from_numpy(coord) @ plane.axes
    nn.utils.vector_to_parameters(theta, here.parameters())
    return here


@pytest.mark.parametrize("examples", [30, 700])
def test_reestimated_statistics_are_those_of_torchs_update_bn(examples):
    model, train, test = normalized(), cases.vectors(examples), cases.vectors(11, seed=4)
    found = landscape(model, cross_entropy, train, test=test, batch_norm="reestimated", **FEW)
    plane, coords = points(model)
    pieces = train[0].tensor_split(-(-examples // 500))
    for k, coord in enumerate(coords):
        here = at(model, plane, coord).train()
        with torch.no_grad():
            update_bn(pieces, here)
            here.eval()
            values = found["loss"].values[:, k // 5, k % 5]
            for value, (inputs, targets) in zip(values, (train, test), strict=True):
                close(value, float(cross_entropy(here(inputs), targets)))


def test_a_strategy_may_be_given_by_its_name():
    model, data = cases.mlp(), cases.vectors()
    found = landscape(model, cross_entropy, data, strategy="loop", **FEW)
    assert found.attrs["strategy"] == ["loop"]
    close(found["loss"].values[0], by_hand(model, cross_entropy, data), rtol=1e-12)
    objective = ModelObjective(model, cross_entropy, *data)
    read = probe_of({"train": objective}, Random(), {}, strategy="vmap")
    assert read.strategies == {"train": Vmap()}
    assert probe(read.parts, read.plane, {}, "loop").strategies == {"train": Loop()}


@pytest.mark.parametrize("wrong", ["lop", "", 3, Loop])
def test_a_strategy_of_another_name_is_refused_with_the_names_that_there_are(wrong, monkeypatch):
    monkeypatch.setattr(config, "jaxtyping_disable", True)  # as it is outside the tests
    model, data = cases.mlp(), cases.vectors()
    parts = {"train": ModelObjective(model, cross_entropy, *data)}
    read = probe_of(parts, Random(), {}, strategy="loop")
    says = "^strategy must be one of " + ", ".join(strategies())
    with pytest.raises(SpecError, match=says):
        landscape(model, cross_entropy, data, strategy=wrong, **FEW)
    with pytest.raises(SpecError, match=says):
        probe_of(parts, Random(), {}, strategy=wrong)
    with pytest.raises(SpecError, match=says):
        probe(parts, read.plane, {}, wrong)


@pytest.mark.parametrize("most", [1, 7, 20, 100])
def test_at_most_so_many_examples_of_each_part_are_used(most):
    model, data, test = cases.mlp(), cases.vectors(20), cases.vectors(8, seed=5)
    found = landscape(model, cross_entropy, data, test=test, max_examples=most, **FEW)
    assert found.attrs["examples"] == [min(most, 20), min(most, 8)]
    for values, (inputs, targets) in zip(found["loss"].values, (data, test), strict=True):
        close(values, by_hand(model, cross_entropy, (inputs[:most], targets[:most])))


def test_directions_and_reestimated_statistics_are_of_all_examples():
    model, (inputs, targets) = normalized(), cases.vectors(30)
    found = landscape(
        model, cross_entropy, (inputs, targets),
        batch_norm="reestimated", directions=Gradient(), max_examples=7, **FEW,
    )  # fmt: skip
    objective = ModelObjective(model, cross_entropy, inputs, targets, batch_norm="reestimated")
    plane = probe_of({"train": objective}, Gradient(), {}, strategy="loop").plane
    side = np.linspace(-0.7, 0.7, 5)
    for i, j in np.ndindex(5, 5):
        here = at(model, plane, np.array([side[j], side[i]])).train()
        with torch.no_grad():
            update_bn([inputs], here)
            expected = float(cross_entropy(here.eval()(inputs[:7]), targets[:7]))
        close(found["loss"].values[0, i, j], expected)


@pytest.mark.parametrize("block", [0, 4])
def test_batch_statistics_are_those_of_all_examples_at_once(block):
    model, data = normalized(), cases.vectors(30)
    found = landscape(
        model, cross_entropy, data, batch_norm="batch", strategy=Loop(block=block), **FEW
    )
    plane, coords = points(model)
    expected = []
    for coord in coords:
        with torch.no_grad():
            here = at(model, plane, coord).train()
            expected.append(float(cross_entropy(here(data[0]), data[1])))
    close(found["loss"].values[0].ravel(), expected)


@pytest.mark.parametrize("batch_norm", ["running", "batch", "reestimated"])
@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_as_it_was(batch_norm, training):
    model = normalized().train(training)
    model[0].weight.requires_grad_(requires_grad=False)
    before = copy.deepcopy(model.state_dict())
    landscape(
        model,
        cross_entropy,
        cases.vectors(),
        batch_norm=batch_norm,
        measures={"gradient": GradientNorm()},
        **FEW,
    )
    assert all(part.training == training for part in model.modules())
    assert [p.requires_grad for p in model.parameters()][:2] == [False, True]
    assert all(p.grad is None for p in model.parameters())
    assert not any(part._forward_hooks for part in model.modules())
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_frozen_parameters_stay_and_tied_ones_move_together():
    tied = nn.Linear(4, 4)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), tied, nn.Tanh(), tied, nn.Linear(4, 3))
    model = cases.filled(model)
    model[0].requires_grad_(requires_grad=False)
    objective = from_module(model, cross_entropy, cases.vectors())
    read = probe_of({"train": objective}, Random(), {}, strategy=Loop())
    assert len(read.plane.origin) == 16 + 4 + 12 + 3
    side = np.linspace(-0.7, 0.7, 5)
    alpha, beta = np.meshgrid(side, side)
    coords = np.stack([alpha.ravel(), beta.ravel()], axis=1)
    expected = oracles.plain_loop(
        model, cross_entropy, *cases.vectors(), read.plane.origin, read.plane.axes, coords
    )
    found = landscape(model, cross_entropy, cases.vectors(), **FEW)
    close(found["loss"].values[0].ravel(), expected)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"resolution": 1}, r"resolution must be a whole number of at least 2.*1"),
        ({"span": 0.0}, r"span.*0"),
        ({"span": "1"}, r"span must be a positive number.*got '1'"),
        ({"span": None}, r"span must be a positive number.*got None"),
        ({"dimensions": 0}, r"dimensions must be 1 .* or 2 .*got 0"),
        ({"dimensions": -1}, r"dimensions must be 1 .* or 2 .*got -1"),
        ({"dimensions": 3}, r"dimensions must be 1 .* or 2 .*got 3"),
        ({"directions": "pac"}, r"directions must be one of .*did you mean 'pca'.*got 'pac'"),
        ({"directions": PCA}, r"directions must be a rule.*got <class.*PCA"),
        ({"directions": {}}, r"directions must be a rule.*got 'dict'"),
        ({"directions": [PCA()]}, r"directions must be a rule.*got 'list'"),
        ({"directions": torch.ones(2, 59)}, r"directions must be a rule.*got 'Tensor'"),
        ({"path": [torch.ones(59)]}, r"path must be .*state dictionaries.*got 'Tensor'"),
        ({"path": {"0.weight": torch.ones(5, 3)}}, r"path must be .*dictionaries.*got 'dict'"),
        (
            {"path": [{"0.weight": 3}]},
            r"keys of a state must be the network's; 0\.bias, .* missing",
        ),
        ({"tolerance": 2.0}, r"Tolerance\.relative_tolerance.*2"),
        ({"measures": {"alpha": lambda o, t: o.sum()}}, r"measures.*another name.*alpha"),
        ({"max_examples": 0}, r"max_examples must be a whole number from 1 on.*got 0"),
        ({"max_examples": -3}, r"max_examples must be a whole number.*got -3"),
        ({"max_examples": 2.5}, r"max_examples must be a whole number.*got 2\.5"),
        ({"max_examples": True}, r"max_examples must be a whole number.*got True"),
        ({"max_examples": "7"}, r"max_examples must be a whole number.*got '7'"),
        ({"data": []}, r"data.*no batches"),
        ({"data": (torch.zeros(3, 3), torch.zeros(4))}, r"3.*4|4.*3"),
    ],
)
def test_bad_input_is_refused_by_name_before_any_evaluation(wrong, says, monkeypatch):
    monkeypatch.setattr(config, "jaxtyping_disable", True)  # as it is outside the tests
    calls = cases.Calls()
    model = cases.mlp()
    model.register_forward_hook(lambda *_: calls.append(1))
    given = {"data": cases.vectors(), **FEW, **wrong}
    with pytest.raises(SpecError, match=says):
        landscape(model, cross_entropy, given.pop("data"), **given)
    assert len(calls) <= 1  # one example tells whether this is the cross-entropy of classes


def test_measures_of_classes_need_classes():
    inputs, _ = cases.vectors()
    with pytest.raises(SpecError, match=r"measures.*loss.*error"):
        landscape(
            cases.mlp(), mse_loss, (inputs, cases.normal(20, 3)), measures={"error": Error()}, **FEW
        )


def test_a_plane_through_points_of_ones_own_has_their_losses_at_its_corners():
    model = cases.mlp()
    objective = ModelObjective(model, cross_entropy, *cases.vectors())
    others = [objective.start + cases.normal(objective.layout.size, seed=seed) for seed in (1, 2)]
    plane = Plane.through(objective.start, *others)
    found = landscape(model, cross_entropy, cases.vectors(), directions=plane, resolution=3)
    middle = found["loss"].sel(split="train")
    for theta, (alpha, beta) in zip(
        [objective.start, *others], [(0, 0), (1, 0), (0, 1)], strict=True
    ):
        expected = float(objective.loss(theta))
        assert float(middle.sel(alpha=alpha, beta=beta)) == pytest.approx(expected, rel=1e-10)


class Recurrent(nn.Module):
    """Classes from the last state of a recurrent layer."""

    def __init__(self, kind):
        super().__init__()
        self.layer, self.head = kind(3, 4, batch_first=True), nn.Linear(4, 3)

    def forward(self, words):
        return self.head(self.layer(words)[0][:, -1])


@pytest.mark.parametrize("strategy", [None, Loop(), Loop(block=4)])
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_recurrent_networks_are_sliced(kind, strategy):
    model, data = cases.filled(Recurrent(kind)), (cases.normal(9, 6, 3), cases.classes(9))
    found = landscape(model, cross_entropy, data, strategy=strategy, **FEW)
    close(found["loss"].values[0], by_hand(model, cross_entropy, data))


@pytest.mark.parametrize("strategy", [None, Loop()])
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_a_recurrent_layer_alone_takes_an_adapter(kind, strategy):
    model = cases.filled(kind(3, 4, batch_first=True))
    data = cases.normal(9, 6, 3), cases.classes(9)

    def last(found):
        return found[0][:, -1]

    def loss(found, targets):
        return cross_entropy(last(found), targets)

    found = landscape(model, cross_entropy, data, adapter=last, strategy=strategy, **FEW)
    close(found["loss"].values[0], by_hand(model, loss, data, adapter=last))


WRONG = {
    "text as a tolerance": ({"tolerance": "1%"}, r"tolerance must be a fraction.*got '1%'"),
    "a truth value as a tolerance": (
        {"tolerance": True},
        r"tolerance must be a fraction.*got True",
    ),
    "no such device": ({"device": "nosuch"}, r"device must be a device that.*got 'nosuch'"),
    "no such card": ({"device": "cuda:97"}, r"device must be a device that.*got 'cuda:97'"),
    "no such type": ({"dtype": "float65"}, r"dtype must be a floating-point type.*'float65'"),
    "whole numbers": ({"dtype": torch.int64}, r"dtype must be a floating-point type.*torch\.int64"),
    "half a seed": ({"seed": 1.5}, r"seed must be a whole number; got 1\.5"),
    "a path as a store": ({"store": "/path"}, r"store must be a Store, .*got '/path'"),
    "a list of measures": ({"measures": ["a"]}, r"measures must be measures or functions by name"),
    "a name as a loss": ({"loss": "cross_entropy"}, r"loss must be a function of.*'cross_entropy'"),
    "no module": ({"model": lambda x: x}, r"model must be a torch\.nn\.Module; got 'function'"),
    "inputs too wide": (
        {"data": (torch.ones(6, 7).double(), torch.zeros(6).long())},
        r"the network raised RuntimeError: .*on the given inputs; got 'float64 \(6, 7\)'",
    ),
    "a class too many": (
        {"data": (torch.ones(6, 3).double(), torch.arange(6))},
        r"the loss raised IndexError: .*\(shape \(2, 3\)\) .* \(shape \(6,\)\); got '.*, 0 to 5'",
    ),
    "a class too many, seen late": (
        {
            "data": (torch.ones(6, 3).double(), torch.tensor([0, 1, 2, 0, 1, 7])),
            "directions": Gradient(),
        },
        r"the loss raised IndexError: .*; got '.*, 0 to 7'",
    ),
    "targets of another shape": (
        {"data": (torch.ones(6, 3).double(), torch.ones(6, 9).double())},
        r"targets must be such that the loss takes them; the loss raised",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_in_a_sentence(name, monkeypatch):
    monkeypatch.setattr(config, "jaxtyping_disable", True)  # as it is outside the tests
    wrong, says = WRONG[name]
    given = {"model": cases.mlp(), "loss": cross_entropy, "data": cases.vectors()} | wrong
    with pytest.raises(SpecError, match=says) as caught:
        landscape(given.pop("model"), given.pop("loss"), given.pop("data"), **FEW, **given)
    if "raised" in says:
        assert isinstance(caught.value.__cause__, RuntimeError | IndexError | ValueError)


@pytest.mark.parametrize("kind", ["float32", "torch.float32", torch.float32])
def test_a_type_is_taken_by_its_name(kind):
    found = landscape(cases.mlp(), cross_entropy, cases.vectors(), **FEW, dtype=kind)
    assert found.attrs["dtype"] == "float32"


def test_a_tolerance_of_nothing_computes_every_point():
    model = cases.mlp()
    found = landscape(model, cross_entropy, cases.vectors(), resolution=17, tolerance=0)
    assert bool(found["computed"].all())
    assert "tolerance" not in found.attrs


def test_an_error_of_the_users_own_stays_what_it_is():
    def loss(outputs, targets):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        landscape(cases.mlp(), loss, cases.vectors(), **FEW)
