"""A closure of a network and batches in place of a loss, against a plain loop over that closure."""

import copy
import threading

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, kl_div, mse_loss
from torch.utils.data import DataLoader, TensorDataset

import cases
from landscape_core.analysis.convexity_of_model import convexity
from landscape_core.analysis.plane_ensemble import ensemble
from landscape_core.curvature.spectrum_of_model import spectrum
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.registry import from_plain
from landscape_core.models.measures.error import Error
from landscape_core.models.measures.gradient_norm import GradientNorm
from landscape_core.models.user_model import from_module, user_problem
from landscape_core.planes.directions.gradient import Gradient
from landscape_core.planes.plane import Plane
from landscape_core.slices.grid import Grid
from landscape_core.slices.one_call import landscape
from landscape_core.slices.probe import probe
from landscape_core.slices.strategies.loop import Loop
from landscape_core.storage.store import Store
from landscape_core.training.run import Run, train

FEW = {"resolution": 3, "span": 0.5}


def drawn(module):
    """The module in double precision, its parameters drawn."""
    with torch.no_grad():
        for number, parameter in enumerate(module.double().parameters()):
            parameter.copy_(cases.normal(*parameter.shape, seed=number) / 2)
    return module


def network():
    return drawn(nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Dropout(0.5), nn.Linear(5, 3)))


def batches(*sizes):
    whole = cases.normal(sum(sizes), 4, seed=9), torch.arange(sum(sizes)) % 3
    return [*zip(*(one.split(list(sizes)) for one in whole), strict=True)]


def penalized(model, batch):
    inputs, targets = batch
    penalty = sum(one.square().sum() for one in model.parameters())
    return cross_entropy(model(inputs), targets) + 1e-2 * penalty


def by_loop(found, model, closure, data, weights, split=0):
    """Compare the loss of a slice with the closure, called on the model at each point."""
    own = copy.deepcopy(model).eval()
    names = [name for name, one in own.named_parameters() if one.requires_grad]
    origin, axes = (torch.tensor(found[n].values) for n in ("plane_origin", "plane_axes"))
    expected = np.empty(found["loss"].shape[1:])
    for i, beta in enumerate(found["beta"].values):
        for j, alpha in enumerate(found["alpha"].values):
            theta = (origin + alpha * axes[0] + beta * axes[1]).to(next(own.parameters()))
            with torch.no_grad():
                for name in names:
                    one = own.get_parameter(name)
                    one.copy_(theta[: one.numel()].view_as(one))
                    theta = theta[one.numel() :]
            values = [float(closure(own, copy.deepcopy(one)).detach()) for one in data]
            expected[i, j] = np.dot(values, weights) / np.sum(weights)
    assert np.ptp(expected) > 1e-3
    np.testing.assert_allclose(found["loss"].values[split], expected, rtol=1e-10)


def test_a_weight_penalty_is_evaluated_on_batches_weighted_by_their_examples():
    model, data = network(), batches(8, 3, 5)
    found = landscape(model, objective=penalized, data=data, **FEW)
    by_loop(found, model, penalized, data, [8, 3, 5])
    whole = tuple(torch.cat(part) for part in zip(*data, strict=True))
    at_centre = penalized(network().eval(), whole).detach()
    assert float(found["loss"][0, 1, 1]) == pytest.approx(float(at_centre), rel=1e-12)
    assert found.attrs["examples"] == [16]
    assert found.attrs["loss_of"] == ["the mean over 3 batches, weighted by examples"]
    assert found.attrs["strategy"] == ["loop"]


class Autoencoder(nn.Module):
    """A variational autoencoder: reconstruction, mean and log-variance of the code."""

    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = nn.Linear(4, 4), nn.Linear(2, 4)

    def forward(self, inputs, noise):
        mean, spread = self.encoder(inputs).chunk(2, dim=1)
        return self.decoder(mean + noise * (spread / 2).exp()), mean, spread


def bound(model, inputs):
    rng = torch.Generator().manual_seed(3)
    noise = torch.randn(len(inputs), 2, generator=rng, dtype=torch.float64)
    found, mean, spread = model(inputs, noise)
    divergence = (mean.square() + spread.exp() - 1 - spread).sum(dim=1) / 2
    return (found - inputs).square().sum(dim=1).mean() + divergence.mean()


def bound_of_torch(model, inputs):
    torch.manual_seed(3)  # noqa: TID251 - as a user's closure may
    found, mean, spread = model(inputs, torch.randn(len(inputs), 2, dtype=torch.float64))
    divergence = (mean.square() + spread.exp() - 1 - spread).sum(dim=1) / 2
    return (found - inputs).square().sum(dim=1).mean() + divergence.mean()


@pytest.mark.parametrize("closure", [bound, bound_of_torch])
def test_a_variational_bound_with_a_seed_of_its_own_is_the_same_at_every_call(closure):
    model, data = drawn(Autoencoder()), [cases.normal(n, 4, seed=n) for n in (6, 9)]
    before = torch.get_rng_state()
    found = landscape(model, objective=closure, data=iter(data), **FEW)
    assert torch.equal(torch.get_rng_state(), before)
    by_loop(found, model, closure, data, [6, 9])


class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk, self.one, self.other = nn.Linear(4, 5), nn.Linear(5, 3), nn.Linear(5, 1)

    def forward(self, inputs):
        hidden = self.trunk(inputs).tanh()
        return {"class": self.one(hidden), "value": self.other(hidden)[:, 0]}


def both(outputs, targets):
    return cross_entropy(outputs["class"], targets) + outputs["value"].square().mean()


def test_two_heads_are_evaluated_as_an_objective_and_as_a_loss_of_both_outputs():
    model, data = drawn(TwoHeads()), batches(7, 5)

    def closure(net, batch):
        return both(net(batch[0]), batch[1])

    by_loop(landscape(model, objective=closure, data=data, **FEW), model, closure, data, [7, 5])
    found = landscape(model, both, data, **FEW)
    by_loop(found, model, closure, data, [7, 5])
    assert found.attrs["loss_of"] == ["the loss of all examples at once"]
    kept = landscape(model, both, data, adapter=lambda outputs: outputs, **FEW)
    np.testing.assert_array_equal(kept["loss"], found["loss"])


class WithLoss(nn.Module):
    """Takes named arguments and gives its loss, as networks of language do."""

    def __init__(self):
        super().__init__()
        self.table, self.head = nn.Embedding(6, 4), nn.Linear(4, 3)

    def forward(self, input_ids, attention_mask, labels=None):
        mask = attention_mask[..., None].to(self.table.weight)
        logits = self.head((self.table(input_ids) * mask).sum(dim=1) / mask.sum(dim=1))
        loss = None if labels is None else cross_entropy(logits, labels)
        return {"loss": loss, "logits": logits}


def texts(number, length):
    ids = torch.arange(number * length).view(number, length) % 6
    return {
        "input_ids": ids,
        "attention_mask": (torch.arange(length) < 2 + ids[:, :1] % 2).long(),
        "labels": ids[:, 0] % 3,
    }


def own_loss(model, batch):
    return model(**batch)["loss"]


def test_a_forward_that_returns_the_loss_takes_mappings_also_ragged_ones():
    model, data = drawn(WithLoss()), [texts(5, 3), texts(4, 6)]  # of different lengths
    found = landscape(model, objective=own_loss, data=data, **FEW)
    by_loop(found, model, own_loss, data, [5, 4])
    alone = landscape(model, objective=own_loss, data=data[0], **FEW)  # a mapping is one batch
    by_loop(alone, model, own_loss, data[:1], [5])


class Field(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(1, 6), nn.Tanh(), nn.Linear(6, 1))

    def forward(self, at):
        return self.net(at)


def residual(model, at):
    at = at.requires_grad_()  # as is usual, of the batch itself
    u = model(at)
    (first,) = torch.autograd.grad(u.sum(), at, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), at, create_graph=True)
    return (second + u).square().mean() + (model(torch.zeros(1, 1).to(at)) - 1).square().sum()


def test_a_residual_of_a_differential_equation_differentiates_by_the_batch():
    model, at = drawn(Field()), torch.linspace(0, 3, 20, dtype=torch.float64)[:, None]
    found = landscape(model, objective=residual, data=at, **FEW)
    by_loop(found, model, residual, [at], [20])
    assert not at.requires_grad
    asked = at.clone().requires_grad_()
    leaf = landscape(model, objective=lambda m, x: residual(m, x), data=asked, **FEW)
    np.testing.assert_array_equal(leaf["loss"], found["loss"])


def test_an_objective_without_data_is_called_with_none():
    model = network()

    def size(net, batch):
        assert batch is None
        return sum(one.square().sum() for one in net.parameters())

    by_loop(landscape(model, objective=size, **FEW), model, size, [None], [1])


def test_what_an_objective_writes_to_its_batch_is_gone_at_the_next_point():
    model, data = network(), batches(6)

    def doubling(net, batch):
        batch[0].mul_(2)
        return cross_entropy(net(batch[0]), batch[1])

    before = data[0][0].clone()
    found = landscape(model, objective=doubling, data=data, **FEW)
    by_loop(found, model, doubling, data, [6])
    assert torch.equal(data[0][0], before)


def test_parameters_that_an_objective_replaces_are_those_of_the_point_at_the_next_one():
    model, data = network(), batches(6)

    def doubled(net, batch):
        weight = net[0].weight
        weight.data = 2 * weight.data
        return penalized(net, batch)

    found = landscape(model, objective=doubled, data=data, **FEW)
    by_loop(found, model, lambda net, b: doubled(copy.deepcopy(net), b), data, [1])


def test_an_objective_may_differentiate_by_the_parameters():
    model, data = network(), batches(6)

    def sharpness(net, batch):
        net.requires_grad_()
        loss = penalized(net, batch)
        slope = torch.autograd.grad(loss, list(net.parameters()))
        return loss + sum(one.square().sum() for one in slope)

    def expected(net, batch):
        with torch.enable_grad():
            return sharpness(net, batch)

    found = landscape(model, objective=sharpness, data=data, **FEW)
    by_loop(found, model, expected, data, [1])


def test_the_network_is_as_before_and_evaluated_in_evaluation_mode():
    model = drawn(nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Dropout(), nn.Linear(5, 3)))
    model.train()
    state, data = copy.deepcopy(model.state_dict()), batches(6, 4)
    found = landscape(model, objective=penalized, data=data, **FEW)
    by_loop(found, model, penalized, data, [6, 4])
    assert all(torch.equal(one, state[name]) for name, one in model.state_dict().items())
    assert all(part.training for part in model.modules())
    assert all(one.grad is None for one in model.parameters())


def test_an_objective_that_names_the_network_itself_reads_its_copy():
    model, data = network(), batches(6, 4)

    def careless(_, batch):
        return penalized(model, batch)

    by_loop(landscape(model, objective=careless, data=data, **FEW), model, penalized, data, [6, 4])


def test_values_of_batches_are_put_together_as_is_asked():
    model, data = network(), batches(6, 2)
    one, other = (float(penalized(network().eval(), batch).detach()) for batch in data)
    for reduction, expected in (("mean", (one + other) / 2), ("sum", one + other)):
        found = landscape(model, objective=penalized, data=data, reduction=reduction, **FEW)
        assert float(found["loss"][0, 1, 1]) == pytest.approx(expected, rel=1e-12)
        assert found.attrs["loss_of"] == [f"the {reduction} over 2 batches"]


def graph_loss(model, graph):
    nodes, edges = graph
    return model(nodes)[edges[0]].square().mean()


def test_batches_of_unknown_numbers_of_examples_need_a_reduction():
    model, edges = network(), torch.tensor([[0, 1, 1], [1, 0, 2]])
    data = [(cases.normal(5, 4), edges), (cases.normal(6, 4), edges)]
    with pytest.raises(SpecError, match=r"first dimension, or give reduction='mean' .* one batch"):
        landscape(model, objective=graph_loss, data=data, **FEW)
    found = landscape(model, objective=graph_loss, data=data, reduction="mean", **FEW)
    by_loop(found, model, graph_loss, data, [1, 1])
    assert "examples" not in found.attrs
    by_loop(
        landscape(model, objective=graph_loss, data=data[:1], **FEW),
        model, graph_loss, data[:1], [1],
    )  # fmt: skip


def test_a_second_part_of_the_data_has_batches_of_its_own():
    model, data, test = network(), batches(6, 2), batches(3)
    found = landscape(model, objective=penalized, data=data, test=test, **FEW)
    by_loop(found, model, penalized, data, [6, 2])
    by_loop(found, model, penalized, test, [3], split=1)
    assert found.attrs["examples"] == [8, 3]


def test_the_first_batches_with_at_most_so_many_examples_are_evaluated():
    model, read = network(), []

    def stream():
        for batch in batches(4, 4, 4, 4):
            read.append(batch)
            yield batch

    found = landscape(model, objective=penalized, data=stream(), max_examples=8, **FEW)
    assert len(read) == 2
    by_loop(found, model, penalized, read, [4, 4])
    assert found.attrs["examples"] == [8]
    with pytest.warns(UserWarning, match="the sum over the first 2 batches, and no estimate"):
        landscape(model, objective=penalized, data=stream(), max_examples=8, reduction="sum", **FEW)
    with pytest.raises(SpecError, match="max_examples must be at least 4"):
        landscape(model, objective=penalized, data=stream(), max_examples=3, **FEW)


def test_batches_are_converted_with_the_network():
    model, data = network(), batches(6, 4)
    single = copy.deepcopy(model).float()
    float_data = [(inputs.float(), targets) for inputs, targets in data]
    found = landscape(single, objective=penalized, data=float_data, dtype="float64", **FEW)
    double = copy.deepcopy(single).double()
    doubled = [(inputs.double(), targets) for inputs, targets in float_data]
    by_loop(found, double, penalized, doubled, [6, 4])
    plain = landscape(single, objective=penalized, data=float_data, **FEW)
    np.testing.assert_allclose(plain["loss"], found["loss"], rtol=1e-5)


def test_states_of_a_path_have_the_names_of_the_network():
    states, data = [network().state_dict() for _ in range(4)], batches(6, 4)
    for number, state in enumerate(states):
        for name, tensor in state.items():
            state[name] = tensor + cases.normal(*tensor.shape, seed=number) / 3
    model = network()
    model.load_state_dict(states[-1])
    found = landscape(model, objective=penalized, data=data, path=states, resolution=3)
    expected = []
    for state in states:
        own = network().eval()
        own.load_state_dict(state)
        expected.append(np.dot([float(penalized(own, one).detach()) for one in data], [6, 4]) / 10)
    np.testing.assert_allclose(found["path_loss"], expected, rtol=1e-12)


def test_a_plane_through_modules_reads_their_states():
    from landscape_core.planes.plane import Plane

    model, data = network(), batches(6, 4)
    other, third = network(), network()
    for number, one in enumerate((other, third)):
        with torch.no_grad():
            for parameter in one.parameters():
                parameter.add_(cases.normal(*parameter.shape, seed=20 + number))
    plane = Plane.through(model, other, third)
    found = landscape(model, objective=penalized, data=data, directions=plane, **FEW)
    by_loop(found, model, penalized, data, [6, 4])


def test_directions_and_measures_of_the_gradient_are_those_of_the_objective():
    model, data = network(), batches(6, 4)
    found = landscape(
        model, objective=penalized, data=data, directions=Gradient(),
        measures={"norm": GradientNorm()}, **FEW,
    )  # fmt: skip
    own = network().eval()
    whole = tuple(torch.cat(part) for part in zip(*data, strict=True))
    gradient = torch.autograd.grad(penalized(own, whole), list(own.parameters()))
    flat = torch.cat([one.reshape(-1) for one in gradient])
    assert float(found["norm"][0, 1, 1]) == pytest.approx(float(flat.norm()), rel=1e-10)
    along = torch.tensor(found["plane_axes"].values[0])
    assert abs(float(torch.cosine_similarity(along, flat, dim=0))) == pytest.approx(1, rel=1e-12)


def weighing(factor):
    def closure(model, batch):
        return factor * penalized(model, batch)

    return closure


def test_a_cached_slice_is_never_that_of_another_objective_or_other_batches(tmp_path):
    model, data, store = network(), batches(6, 4), Store(tmp_path)

    def centre(closure, given, **more):
        found = landscape(model, objective=closure, data=given, store=store, **more, **FEW)
        return float(found["loss"][0, 1, 1])

    first = centre(weighing(1.0), data)
    kept = len(list(tmp_path.rglob("*.nc")))
    assert kept
    assert centre(weighing(1.0), data) == first
    assert len(list(tmp_path.rglob("*.nc"))) == kept
    assert centre(weighing(2.0), data) == pytest.approx(2 * first, rel=1e-12)
    assert centre(lambda m, b: penalized(m, b) + 1, data) == pytest.approx(first + 1, rel=1e-12)
    assert centre(weighing(1.0), data, reduction="sum") != pytest.approx(first)
    others = [(inputs + 1, targets) for inputs, targets in data]
    expected = (
        np.dot([float(penalized(network().eval(), one).detach()) for one in others], [6, 4]) / 10
    )
    assert centre(weighing(1.0), others) == pytest.approx(expected, rel=1e-12)


def dense_hessian(model, data, weights):
    own = model.eval()
    parameters = list(own.parameters())
    loss = sum(w * penalized(own, one) for one, w in zip(data, weights, strict=True)) / sum(weights)
    first = torch.autograd.grad(loss, parameters, create_graph=True)
    rows = [
        torch.autograd.grad(entry, parameters, retain_graph=True)
        for entry in torch.cat([one.reshape(-1) for one in first])
    ]
    return torch.stack([torch.cat([one.reshape(-1) for one in row]) for row in rows])


def test_the_spectrum_of_an_objective_is_that_of_its_hessian():
    model, data = network(), batches(6, 4)
    expected = torch.linalg.eigvalsh(dense_hessian(network(), data, [6, 4]))
    found = spectrum(model, None, data, objective=penalized, top=3, bottom=2, each_layer=True)
    values = found["eigenvalue"].sel(block="network").values
    np.testing.assert_allclose(values[:3], expected.flip(0)[:3], rtol=1e-3)
    np.testing.assert_allclose(values[3:], expected[:2].flip(0), rtol=1e-3)
    assert list(found["block"].values) == ["network", "0", "3"]
    assert found.attrs["examples"] == [10]
    assert "additivity" not in found.attrs
    for matrix in ("gauss_newton", "fisher"):
        with pytest.raises(SpecError, match="matrix must be hessian"):
            spectrum(model, None, data, objective=penalized, matrix=matrix)


def test_the_convexity_of_an_objective_is_that_of_its_hessian():
    data = batches(6, 4)
    expected = torch.linalg.eigvalsh(dense_hessian(network(), data, [6, 4]))
    found = convexity(network(), None, data, objective=penalized, resolution=3)
    assert float(found["lambda_max"][1, 1]) == pytest.approx(float(expected[-1]), rel=1e-2)
    assert float(found["lambda_min"][1, 1]) == pytest.approx(float(expected[0]), rel=1e-2)


LOADER = DataLoader(TensorDataset(torch.zeros(4, 4).double(), torch.zeros(4).long()))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "loss must be a function of .* or give objective="),
        ({"loss": cross_entropy, "objective": penalized, "data": LOADER}, "None where there is a"),
        ({"objective": nn.MSELoss, "data": LOADER}, r"objective must be a function of \(model"),
        ({"objective": penalized, "data": LOADER, "batch": lambda b: b}, "batch must be left out"),
        ({"objective": penalized, "data": LOADER, "adapter": len}, "adapter must be left out"),
        ({"objective": penalized, "data": LOADER, "measures": {"e": Error()}}, "measures"),
        ({"objective": penalized, "data": LOADER, "strategy": "vmap"}, "strategy must be loop"),
        ({"objective": penalized, "data": LOADER, "batch_norm": "batch"}, "batch_norm must be one"),
        ({"objective": penalized, "data": LOADER, "reduction": "max"}, "reduction must be 'mean'"),
        ({"objective": penalized, "data": LOADER.dataset}, "DataLoader makes batches"),
        ({"objective": penalized, "data": []}, "at least one batch; got 'no batches'"),
        ({"objective": penalized, "data": 3}, "batches, for instance a DataLoader"),
        ({"objective": penalized, "data": [torch.zeros(2, 4), torch.zeros(2)]}, "a tuple, if it"),
        ({"objective": penalized, "data": ((torch.zeros(2),), (torch.zeros(2),))}, "a list, if"),
        ({"loss": cross_entropy, "data": LOADER, "reduction": "sum"}, "reduction must be left out"),
        ({"objective": lambda m, b: m(b[0]), "data": LOADER}, r"the mean or the sum .* \(1, 3\)"),
        ({"objective": lambda m, b: m(b[0]).sum().item(), "data": LOADER}, "before .item"),
    ],
)
def test_what_is_no_objective_or_no_data_is_refused(given, message):
    with pytest.raises(SpecError, match=message):
        landscape(network(), **given, **FEW)


class Sum(nn.Module):
    """A network of two inputs."""

    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Linear(4, 3), nn.Linear(2, 3)

    def forward(self, first, second):
        return self.one(first) + self.other(second).tanh()


SEVERAL = [
    (cases.normal(n, 4, seed=n), cases.normal(n, 2, seed=n + 1), torch.arange(n) % 3)
    for n in (7, 5)
]
WHOLE = tuple(torch.cat(part) for part in zip(*SEVERAL, strict=True))


def of_two(model, whole):
    return cross_entropy(model(whole[0], whole[1]), whole[2])


@pytest.mark.parametrize(
    ("data", "batch"),
    [
        (SEVERAL, lambda one: (one[:2], one[2])),
        (SEVERAL, lambda one: ({"second": one[1], "first": one[0]}, one[2])),
        (DataLoader(TensorDataset(*WHOLE), batch_size=5), lambda one: ((one[0], one[1]), one[2])),
        ([{"x": (x, g), "y": y} for x, g, y in SEVERAL], lambda one: (one["x"], one["y"])),
        (({"x": x.numpy(), "g": g, "y": y} for x, g, y in SEVERAL),
         lambda one: ((one["x"], one["g"]), one["y"])),
        (WHOLE, lambda one: ((one[0], one[1]), one[2])),
    ],
    ids=["tuple", "names", "loader", "nested", "generator", "one batch"],
)  # fmt: skip
def test_several_inputs_are_taken_out_of_batches_of_any_form(data, batch):
    model = drawn(Sum())
    found = landscape(model, cross_entropy, data, batch=batch, **FEW)
    by_loop(found, model, of_two, [WHOLE], [1])


def test_one_input_of_a_batch_of_three_is_evaluated_as_a_pair_is():
    model, data = network(), [(x, g, y) for x, g, y in SEVERAL]
    found = landscape(model, cross_entropy, data, batch=lambda one: (one[0], one[2]), **FEW)
    pairs = landscape(model, cross_entropy, [(x, y) for x, _, y in SEVERAL], **FEW)
    assert "accuracy" in found
    np.testing.assert_allclose(found["loss"], pairs["loss"], rtol=1e-12)
    first = landscape(
        model, cross_entropy, iter(data), batch=lambda one: (one[0], one[2]), max_examples=4, **FEW
    )
    few = landscape(model, cross_entropy, (WHOLE[0][:4], WHOLE[2][:4]), **FEW)
    np.testing.assert_allclose(first["loss"], few["loss"], rtol=1e-12)


def test_a_loss_of_all_outputs_is_of_so_many_examples_whatever_the_directions():
    model, data = drawn(TwoHeads()), batches(7, 5)
    few = tuple(torch.cat(part)[:6] for part in zip(*data, strict=True))
    found = landscape(model, both, data, max_examples=6, directions=Gradient(), **FEW)
    by_loop(found, model, lambda m, b: both(m(b[0]), b[1]), [few], [1])
    inputs = landscape(
        drawn(Sum()), cross_entropy, SEVERAL, batch=lambda one: (one[:2], one[2]), max_examples=6,
        **FEW,
    )  # fmt: skip
    by_loop(inputs, drawn(Sum()), of_two, [tuple(one[:6] for one in WHOLE)], [1])


def test_the_loss_of_several_outputs_is_of_all_examples_at_once():
    """Of targets that are ignored a mean over batches is another number."""
    model = drawn(Sum())
    ignoring = [(x, g, torch.where(y == 2, -100, y)) for x, g, y in SEVERAL]
    whole = tuple(torch.cat(part) for part in zip(*ignoring, strict=True))
    found = landscape(model, cross_entropy, ignoring, batch=lambda b: (b[:2], b[2]), **FEW)
    by_loop(found, model, of_two, [whole], [1])


def test_weights_within_a_loss_of_several_outputs_move_with_the_network():
    model, loss = drawn(TwoHeads()).float(), nn.CrossEntropyLoss(torch.tensor([1.0, 2.0, 3.0]))
    data = [(inputs.float(), targets) for inputs, targets in batches(7, 5)]

    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.loss = loss

        def forward(self, outputs, targets):
            return self.loss(outputs["class"], targets) + outputs["value"].square().mean()

    found = landscape(model, Both(), data, dtype="float64", **FEW)
    double, weighted = copy.deepcopy(model).double(), copy.deepcopy(Both()).double()
    whole = [tuple(torch.cat(part) for part in zip(*data, strict=True))]
    whole = [(whole[0][0].double(), whole[0][1])]
    by_loop(found, double, lambda m, b: weighted(m(b[0]), b[1]), whole, [1])


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (lambda one: one, "what batch gives must be a pair .* got 'tuple of 3'"),
        (lambda one: {"x": 1}, "what batch gives must be a pair .* got 'dict'"),
        ("first", "batch must be a function"),
    ],
)
def test_a_batch_that_gives_no_pair_is_refused(batch, message):
    with pytest.raises(SpecError, match=message):
        landscape(drawn(Sum()), cross_entropy, SEVERAL, batch=batch, **FEW)


@pytest.mark.parametrize("more", [{}, {"max_examples": 2}], ids=["joined", "cut"])
@pytest.mark.parametrize("targets", [[0.5] * 4, {"class": ("a", "a", "b", "b")}])
def test_lists_of_an_entry_per_example_are_neither_joined_nor_cut(more, targets):
    """Equal lists of two batches would be one list, and only the tensors beside it be cut."""
    data = [(cases.normal(4, 4, seed=n), cases.normal(4, 2, seed=n), targets) for n in (1, 2)]
    data = data[:1] if more else data
    with pytest.raises(SpecError, match=r"data must be tensors, which are joined .* a list that"):
        landscape(drawn(Sum()), cross_entropy, data, batch=lambda b: (b[:2], b[2]), **FEW, **more)


def test_graphs_are_not_joined_to_one():
    """Their edges would be appended as if they were examples."""

    class Edges(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 3)

        def forward(self, nodes, edges):
            return self.layer(
                nodes + torch.zeros_like(nodes).index_add(0, edges[0], nodes[edges[1]])
            )

    edges, model = torch.tensor([[0, 1, 1], [1, 0, 2]]), drawn(Edges())
    graphs = [(cases.normal(5, 4, seed=n), edges, torch.arange(5) % 3) for n in (1, 2)]
    with pytest.raises(SpecError, match="2 batches whose tensors differ in their first dimension"):
        landscape(model, cross_entropy, graphs, batch=lambda b: (b[:2], b[2]), **FEW)
    found = landscape(model, cross_entropy, graphs[0], batch=lambda b: (b[:2], b[2]), **FEW)
    by_loop(found, model, lambda m, b: cross_entropy(m(*b[:2]), b[2]), graphs[:1], [1])


def test_one_batch_may_be_a_list_of_batches():
    model, data = network(), batches(6, 2)

    def largest(net, all_of_them):
        return torch.stack([penalized(net, one) for one in all_of_them]).max()

    by_loop(landscape(model, objective=largest, data=[data], **FEW), model, largest, [data], [1])


def test_several_inputs_of_different_shapes_are_refused_with_the_way_out():
    data = [(cases.normal(4, 4), cases.normal(4, n), torch.arange(4) % 3) for n in (2, 3)]
    with pytest.raises(SpecError, match=r"one shape but for .* objective=.* \(4, 2\), \(4, 3\)"):
        landscape(drawn(Sum()), cross_entropy, data, batch=lambda b: (b[:2], b[2]), **FEW)


@pytest.mark.parametrize("trainable", [True, False])
def test_another_network_that_is_updated_at_each_call_is_as_before(trainable):
    model, data = network(), batches(6)
    teacher = network().requires_grad_(trainable).eval()
    given = copy.deepcopy(teacher.state_dict())

    def follow():
        with torch.no_grad():
            for one in teacher.parameters():
                one.mul_(0.5)

    def distance(net, batch):
        follow()
        return (net(batch[0]) - teacher(batch[0]).detach()).square().mean()

    def loss(outputs, targets):
        follow()
        return cross_entropy(outputs, targets) + teacher[0].weight.detach().square().sum()

    for closure, found in (
        (distance, landscape(model, objective=distance, data=data, **FEW)),
        (lambda net, b: loss(net(b[0]), b[1]), landscape(model, loss, data[0], **FEW)),
    ):
        assert all(torch.equal(one, given[name]) for name, one in teacher.state_dict().items())

        def anew(net, batch, closure=closure):
            teacher.load_state_dict(given)
            return closure(net, batch)

        by_loop(found, model, anew, data, [1])
        teacher.load_state_dict(given)


def test_an_objective_may_ask_another_network():
    teacher, model, data = network().eval(), drawn(nn.Linear(4, 3)), batches(6, 4)

    def distilled(net, batch):
        told = teacher(batch[0]).softmax(dim=1)
        return kl_div(net(batch[0]).log_softmax(dim=1), told, reduction="batchmean")

    found = landscape(model, objective=distilled, data=data, **FEW)
    by_loop(found, model, distilled, data, [6, 4])


def test_frozen_parameters_stay_and_tied_ones_move_together():
    model, data = network(), [cases.normal(8, 4)]
    model[0].bias.requires_grad_(False)

    def closure(net, inputs):
        return mse_loss(net(inputs), torch.ones(len(inputs), 3).to(inputs)) + net[0].bias.sum()

    by_loop(landscape(model, objective=closure, data=iter(data), **FEW), model, closure, data, [8])


@pytest.mark.parametrize("adapter", [None, lambda found: list(found)])
def test_a_loss_of_one_tensor_on_several_outputs_is_refused_with_the_remedy(adapter):
    model, inputs = drawn(nn.LSTM(4, 3, batch_first=True)), cases.normal(5, 7, 4)
    targets = inputs[..., :3]
    told = r"output must be a tensor, or give adapter=, .* as the loss raises \w+Error.*"
    with pytest.raises(SpecError, match=told + ("list" if adapter else "tuple")):
        landscape(model, mse_loss, (inputs, targets), adapter=adapter, **FEW)
    found = landscape(model, mse_loss, (inputs, targets), adapter=lambda one: one[0], **FEW)
    by_loop(found, model, lambda m, b: mse_loss(m(b)[0], targets), [inputs], [1])


class Graph:
    """A batch that is an object of a user's own."""

    def __init__(self, inputs, targets):
        self.inputs, self.targets = inputs, targets


def of_graph(model, graph):
    graph.inputs.mul_(1.5)  # of a copy
    return cross_entropy(model(graph.inputs), graph.targets)


def test_batches_may_be_objects_that_are_copied_for_each_evaluation():
    model, data = network(), [Graph(*batch) for batch in batches(6, 4)]
    before = data[0].inputs.clone()
    found = landscape(model, objective=of_graph, data=data, reduction="mean", **FEW)
    by_loop(found, model, of_graph, data, [1, 1])
    assert torch.equal(data[0].inputs, before)
    with pytest.raises(SpecError, match="a batch must be one that copy"):
        landscape(model, objective=of_graph, data=[(Graph(threading.Lock(), 1),)], **FEW)


class Trainer:
    """Holds the network, which its loss reads, whatever it is given."""

    def __init__(self, net):
        self.net, self.calls = net, []

    def loss(self, _, batch):
        self.calls.append(len(batch))
        return penalized(self.net, batch)


def test_a_method_of_an_object_that_holds_the_network_reads_its_copy():
    model, data = network(), batches(6, 4)
    trainer = Trainer(model)
    by_loop(
        landscape(model, objective=trainer.loss, data=data, **FEW), model, penalized, data, [6, 4]
    )
    assert trainer.calls == []


def test_penalties_of_the_network_in_a_loss_of_all_outputs_move_with_it():
    model, data = drawn(TwoHeads()), batches(7, 5)

    def with_penalty(outputs, targets):
        return both(outputs, targets) + 1e-2 * sum(p.square().sum() for p in model.parameters())

    def closure(net, batch):
        penalty = sum(p.square().sum() for p in net.parameters())
        return both(net(batch[0]), batch[1]) + 1e-2 * penalty

    by_loop(landscape(model, with_penalty, data, **FEW), model, closure, data, [7, 5])


def test_an_objective_without_a_gradient_has_a_landscape_and_no_spectrum():
    model, data = network(), batches(6, 4)

    @torch.no_grad()
    def still(net, batch):
        return penalized(net, batch)

    by_loop(landscape(model, objective=still, data=data, **FEW), model, penalized, data, [6, 4])
    with pytest.raises(SpecError, match="one without a gradient"):
        spectrum(model, None, data, objective=still)


def test_what_an_objective_draws_is_the_same_at_every_point():
    model, data = network(), batches(6)

    def noisy(net, batch):
        return cross_entropy(net(batch[0] + torch.randn_like(batch[0])), batch[1])

    first, second = (landscape(model, objective=noisy, data=data, **FEW) for _ in range(2))
    np.testing.assert_array_equal(first["loss"], second["loss"])
    assert first.attrs["draws"] == 1
    several = landscape(model, objective=noisy, data=data, draws=5, **FEW)
    assert (several["loss_standard_error"] > 0).all()


def test_errors_of_an_objective_are_its_own():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        landscape(network(), objective=lambda m, b: m.nothing(b), data=batches(4), **FEW)


def test_the_objective_of_a_module_takes_what_a_landscape_takes():
    model, data = network(), batches(8, 3, 5)
    part = from_module(model, objective=penalized, data=data)
    model.eval()
    values = [penalized(model, one).item() for one in data]
    expected = np.average(values, weights=[8, 3, 5])
    assert part.loss(part.start).item() == pytest.approx(expected, rel=1e-12)
    first = from_module(model, objective=penalized, data=data, max_examples=8)
    assert first.loss(first.start).item() == pytest.approx(values[0], rel=1e-12)
    named = [{"x": x, "y": y} for x, y in data]
    part = from_module(model, cross_entropy, named, batch=lambda one: (one["x"], one["y"]))
    inputs, targets = (torch.cat(one) for one in zip(*data, strict=True))
    expected = cross_entropy(model(inputs), targets).item()
    assert part.loss(part.start).item() == pytest.approx(expected, rel=1e-12)
    with pytest.raises(SpecError, match="give one of the two"):
        from_module(model, cross_entropy, data, objective=penalized)


def test_many_planes_of_a_closure_are_those_of_its_landscape():
    model, data = network(), batches(8, 3)
    parts = {"train": from_module(model, objective=penalized, data=data)}
    *_, found = ensemble(parts, "random", planes=2, grid=Grid.square(0.5, 3))
    for seed in range(2):
        one = landscape(model, objective=penalized, data=data, seed=seed, **FEW)
        np.testing.assert_array_equal(found["loss"][seed], one["loss"])
    assert found.attrs["loss_of"] == ["the mean over 2 batches, weighted by examples"]
    assert found.attrs["examples"] == [11]


def test_no_strategy_but_the_loop_is_tried_of_a_closure():
    part = from_module(network(), objective=penalized, data=batches(6))
    plane = Plane(part.start, cases.normal(2, len(part.start), seed=1))
    assert isinstance(probe({"train": part}, plane).strategies["train"], Loop)
    with pytest.raises(SpecError, match="strategy must be loop"):
        probe({"train": part}, plane, strategy="vmap")


def test_statistics_of_inputs_are_refused_where_only_the_closure_knows_them():
    model = drawn(nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)))
    part = from_module(model, objective=penalized, data=batches(6))
    for choice in ("batch", "reestimated"):
        with pytest.raises(SpecError, match="only the objective knows what the inputs are"):
            part.with_batch_norm(choice)


@pytest.mark.parametrize("own", ["closure", "heads"])
def test_a_training_step_is_on_all_batches_of_a_closure_as_in_torch(own):
    data = batches(8, 3, 5)
    if own == "closure":
        model = drawn(nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)))
        problem = user_problem(model, objective=penalized, data=data)
    else:
        model = drawn(TwoHeads())
        problem = user_problem(model, both, data)

    def loss():
        if own == "closure":
            return sum(len(b[1]) / 16 * penalized(model, b) for b in data)
        inputs, targets = (torch.cat(one) for one in zip(*data, strict=True))
        return both(model(inputs), targets)

    run = from_plain(Run, {"optimizer": {"kind": "sgd", "learning_rate": 0.1}})
    *_, last = train(run.replace(problem=problem, batch_size=1, steps=4, dtype="float64"))
    theirs = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(4):
        theirs.zero_grad()
        loss().backward()
        theirs.step()
    expected = nn.utils.parameters_to_vector(model.parameters()).detach()
    torch.testing.assert_close(last.theta, expected, rtol=1e-9, atol=1e-12)


def test_equal_closures_on_equal_batches_are_one_problem_and_others_are_not():
    model, data = network(), batches(8, 3)
    problem = user_problem(model, objective=penalized, data=data)
    assert user_problem(network(), objective=penalized, data=batches(8, 3)) == problem
    assert user_problem(model, objective=penalized, data=batches(3, 8)) != problem
    assert user_problem(model, objective=penalized, data=data, reduction="sum") != problem


def stepping(model, batch):
    loss = cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    return loss.detach()


def penalizing_gradients(model, batch):
    loss = cross_entropy(model(batch[0]), batch[1])
    found = torch.autograd.grad(loss, list(model.parameters()), create_graph=True)
    return loss + sum(one.square().sum() for one in found)


@pytest.mark.parametrize("closure", [stepping, penalizing_gradients])
def test_a_closure_that_differentiates_the_parameters_is_refused(closure):
    with pytest.raises(SpecError, match="differentiates with respect to the parameters"):
        landscape(network(), objective=closure, data=batches(4, 3), **FEW)


class OfList(nn.Module):
    """A network of one argument, a list of two tensors."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, parts):
        return self.layer(torch.cat(parts, dim=1))


def test_inputs_in_a_tuple_are_arguments_and_the_error_says_how_a_list_is_one():
    first, second = torch.randn(6, 3), torch.randn(6, 1)
    targets = torch.tensor([0, 1, 0, 1, 1, 0])
    model, data = OfList(), [(first, second, targets)]
    with pytest.raises(SpecError, match=r"\(\(inputs,\), targets\) gives one list"):
        from_module(model, cross_entropy, data, batch=lambda b: (b[:2], b[2]))
    part = from_module(model, cross_entropy, data, batch=lambda b: ((b[:2],), b[2]))
    expected = cross_entropy(model([first, second]), targets).item()
    assert part.loss(part.start).item() == pytest.approx(expected, rel=1e-6)
