"""An objective is the network's mean loss and nothing else, and the network stays as it was."""

import copy
import dataclasses
import pickle

import pytest
import torch
from jaxtyping import config
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss
from torch.utils.data import DataLoader, TensorDataset

from cases import (
    Residual,
    bowl,
    filled,
    images,
    mlp,
    mlp_objective,
    normal,
    residual,
    residual_objective,
    vectors,
)
from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.registry import make
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.module_objective import module_objective
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.normalizations.base import Normalization
from landscape_core.models.parameters import Layout, groups
from landscape_core.models.user_model import from_module, user_problem
from landscape_core.slices.one_call import landscape
from oracles import (
    dense_hessian,
    difference_gradient,
    difference_hessian,
    flat_parameters,
    plain_loop,
)

OBJECTIVES = {
    "bowl": lambda: bowl([0.5, 1.0, 3.0], examples=4),
    "mlp": mlp_objective,
    "residual, running": residual_objective,
    "residual, batch": lambda: residual_objective(batch_norm="batch"),
    "residual, mini-batch": lambda: residual_objective().minibatch(torch.arange(5)),
}
MODELS = {"mlp": (mlp, vectors), "residual": (residual, images)}


@pytest.fixture(params=OBJECTIVES.values(), ids=OBJECTIVES.keys())
def objective(request):
    return request.param()


@pytest.fixture(params=MODELS.values(), ids=MODELS.keys())
def model_and_data(request):
    build, data = request.param
    return build(), data()


def fingerprint(module):
    """All that can be seen of a module: state, modes, gradients, hooks."""
    return {
        "state": {name: value.clone() for name, value in module.state_dict().items()},
        "training": [part.training for part in module.modules()],
        "gradients": [parameter.grad for parameter in module.parameters()],
        "trainable": [parameter.requires_grad for parameter in module.parameters()],
        "names": [sorted(vars(part)) for part in module.modules()],
        "identities": [id(parameter) for parameter in module.parameters()],
    }


def unchanged(module, before):
    now = fingerprint(module)
    same_state = all(
        torch.equal(now["state"][name], value) for name, value in before["state"].items()
    )
    return same_state and all(now[part] == before[part] for part in before if part != "state")


def point(objective, seed=5):
    """Some theta, not far from where a network starts."""
    start = objective.start if isinstance(objective, ModelObjective) else objective.minimum
    return start + 0.1 * normal(objective.layout.size, seed=seed)


# What it computes


def test_the_gradient_is_that_of_finite_differences(objective):
    theta = point(objective)
    expected = difference_gradient(objective.loss, theta)
    # Central differences of step 1e-6 in float64 are good to about 1e-9.
    torch.testing.assert_close(objective.gradient(theta), expected, rtol=1e-6, atol=1e-8)


def test_the_value_comes_with_the_gradient_and_both_are_detached(objective):
    theta = point(objective)
    value, gradient = objective.value_and_gradient(theta)
    torch.testing.assert_close(value, objective.loss(theta), rtol=1e-14, atol=0)
    assert not value.requires_grad
    assert not gradient.requires_grad
    assert not theta.requires_grad


@pytest.mark.parametrize("name", ["bowl", "mlp"])
def test_the_hessian_product_is_that_of_the_dense_hessian(name):
    objective = OBJECTIVES[name]()
    theta, direction = point(objective), normal(objective.layout.size, seed=9)
    product = objective.hvp(theta, direction)
    torch.testing.assert_close(product, dense_hessian(objective, theta) @ direction)
    # Differences of gradients share no second derivative with autograd; good to about 1e-9.
    other = difference_hessian(objective.gradient, theta) @ direction
    torch.testing.assert_close(product, other, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", ["residual, running", "residual, batch"])
def test_the_hessian_product_of_a_network_with_batch_norm_is_that_of_differences(name):
    objective = OBJECTIVES[name]()
    theta, direction = point(objective), normal(objective.layout.size, seed=9)
    ahead, behind = (objective.gradient(theta + sign * 1e-5 * direction) for sign in (1, -1))
    expected = (ahead - behind) / 2e-5
    torch.testing.assert_close(objective.hvp(theta, direction), expected, rtol=1e-5, atol=1e-6)


def test_the_hessian_product_of_a_linear_loss_is_zero():
    linear = ModelObjective(
        nn.Linear(2, 1).double(), lambda out, _: out, normal(4, 2), normal(4, 1)
    )
    theta = normal(3)
    assert torch.equal(linear.hvp(theta, torch.ones_like(theta)), torch.zeros_like(theta))


def test_a_bowl_has_the_answers_that_it_was_made_with():
    eigenvalues = torch.tensor([0.5, 1.0, 3.0], dtype=torch.float64)
    objective = bowl(eigenvalues, examples=4)
    assert objective.gradient(objective.minimum).abs().max() < 1e-14
    hessian = dense_hessian(objective, normal(3))
    torch.testing.assert_close(torch.linalg.eigvalsh(hessian), eigenvalues)


@pytest.mark.parametrize("name", ["bowl", "mlp", "residual, running"])
def test_the_mean_over_equal_batches_is_the_whole(name):
    objective = OBJECTIVES[name]()
    theta = point(objective)
    halves = torch.arange(objective.examples).chunk(2)
    if name == "residual, running":  # batches of training have their own statistics; parts do not
        inputs, targets = objective.inputs, objective.targets
        parts = [ModelObjective(residual(), cross_entropy, inputs[h], targets[h]) for h in halves]
    else:
        parts = [objective.minibatch(half) for half in halves]
    mean = torch.stack([part.loss(theta) for part in parts]).mean()
    torch.testing.assert_close(mean, objective.loss(theta))


def test_many_losses_are_those_of_a_plain_loop(model_and_data):
    model, data = model_and_data
    objective = ModelObjective(model, cross_entropy, *data)
    size = objective.layout.size
    axes, coords = normal(2, size, seed=2), 0.2 * normal(7, 2, seed=3)
    found = objective.losses(objective.start + coords @ axes)
    assert not found.requires_grad
    expected = plain_loop(model, cross_entropy, *data, objective.start, axes, coords)
    torch.testing.assert_close(found, torch.from_numpy(expected), rtol=1e-12, atol=0)


def test_a_loss_for_each_example_and_their_mean_give_the_same():
    model, data = mlp(), vectors()
    each = ModelObjective(model, lambda o, t: cross_entropy(o, t, reduction="none"), *data)
    mean = ModelObjective(model, cross_entropy, *data)
    torch.testing.assert_close(each.loss(each.start), mean.loss(mean.start))


# What it leaves alone


@pytest.mark.parametrize("training", [True, False])
def test_the_network_stays_as_it_was(model_and_data, training):
    model, data = model_and_data
    model.train(training)
    before, global_state = fingerprint(model), torch.get_rng_state()
    objective = ModelObjective(model, cross_entropy, *data)
    theta = point(objective)
    for asked in (
        objective,
        objective.with_batch_norm("batch"),
        objective.minibatch(torch.arange(6)),
    ):
        asked.gradient(theta)
        asked.hvp(theta, theta)
        asked.losses(torch.stack([theta, 2 * theta]))
    assert unchanged(model, before)
    assert torch.equal(torch.get_rng_state(), global_state)


class Faulty(nn.Module):
    """A network that fails in the midst of a forward pass when told to."""

    def __init__(self):
        super().__init__()
        self.inner = residual()
        self.fails = False

    def forward(self, inputs):
        outputs = self.inner(inputs)
        if self.fails:
            raise ArithmeticError("as told")
        return outputs


def failing_loss(outputs, targets):
    raise ArithmeticError("as told")


def test_the_network_stays_as_it_was_after_an_error_too():
    model, data = Faulty(), images()
    before = fingerprint(model)
    objective = ModelObjective(model, cross_entropy, *data)
    theta, inside = point(objective), fingerprint(objective.module)
    objective.module.fails = True
    for asked in (
        objective,
        objective.with_batch_norm("batch"),
        objective.minibatch(torch.arange(6)),
    ):
        with pytest.raises(ArithmeticError):
            asked.gradient(theta)
    with pytest.raises(ArithmeticError):
        ModelObjective(model, failing_loss, *data).losses(theta[None])
    assert unchanged(model, before)
    objective.module.fails = False
    objective.loss(theta)  # back in the mode of evaluation
    assert unchanged(objective.module, inside)


def test_a_vector_of_another_length_is_an_error_and_leaves_no_trace():
    model, data = mlp(), vectors()
    objective = ModelObjective(model, cross_entropy, *data)
    expected = objective.loss(objective.start)
    with pytest.raises(RuntimeError, match="sizes"):
        objective.loss(objective.start[1:])
    assert torch.equal(objective.loss(objective.start), expected)


def test_training_the_network_later_does_not_move_the_objective():
    model, data = residual(), images()
    objective = ModelObjective(model, cross_entropy, *data)
    theta = point(objective)
    before, start = objective.loss(theta), objective.start.clone()
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            tensor.mul_(2)
    assert torch.equal(objective.loss(theta), before)
    assert torch.equal(objective.start, start)


# Batch normalization and other buffers


def test_running_statistics_are_those_of_evaluation_mode():
    model, (inputs, targets) = residual(), images()
    objective = ModelObjective(model.train(), cross_entropy, inputs, targets)
    torch.testing.assert_close(objective.outputs(objective.start), model.eval()(inputs))


def test_batch_statistics_are_those_of_training_mode():
    model, (inputs, targets) = residual(), images()
    objective = ModelObjective(model.eval(), cross_entropy, inputs, targets, batch_norm="batch")
    before = {name: value.clone() for name, value in objective.buffers.items()}
    torch.testing.assert_close(objective.outputs(objective.start), model.train()(inputs))
    assert all(torch.equal(value, before[name]) for name, value in objective.buffers.items())


def test_the_two_choices_of_statistics_differ_and_do_not_disturb_each_other():
    running = residual_objective()
    batch = running.with_batch_norm("batch")
    theta = point(running)
    values = [(running.loss(theta), batch.loss(theta)) for _ in range(2)]
    assert values[0] == values[1]
    assert (values[0][0] - values[0][1]).abs() > 1e-3
    assert running.batch_norm == "running"


def test_other_inputs_are_seen_with_their_own_batch_statistics():
    model, (inputs, targets) = residual(), images()
    others = images(9, seed=4)[0]
    objective = ModelObjective(model, cross_entropy, inputs, targets, batch_norm="batch")
    expected = model.train()(others)
    torch.testing.assert_close(objective.outputs(objective.start, others), expected)


def test_a_minibatch_updates_its_statistics_as_torch_does_and_never_its_parents():
    model, (inputs, targets) = residual(), images()
    parent = ModelObjective(model, cross_entropy, inputs, targets)
    before = {name: value.clone() for name, value in parent.buffers.items()}
    batch = torch.tensor([1, 4, 5, 7, 10])
    part = parent.minibatch(batch)
    twin = copy.deepcopy(model).train()
    for _ in range(3):
        loss = cross_entropy(twin(inputs[batch]), targets[batch])
        torch.testing.assert_close(part.loss(parent.start), loss, rtol=1e-14, atol=0)
        for name, value in twin.named_buffers():
            assert torch.equal(part.buffers[name], value), name
    assert not torch.equal(part.buffers["stem_norm.running_mean"], before["stem_norm.running_mean"])
    assert all(torch.equal(value, before[name]) for name, value in parent.buffers.items())


def test_training_with_handed_on_statistics_is_training_with_torch():
    model, (inputs, targets) = residual(), images()
    objective = ModelObjective(model, cross_entropy, inputs, targets)
    twin = copy.deepcopy(model).train()
    theirs = torch.optim.SGD(twin.parameters(), lr=0.1)
    theta, buffers = objective.start, objective.buffers
    for index in range(4):
        batch = torch.arange(3 * index, 3 * index + 3)
        part = objective.with_buffers(buffers).minibatch(batch)
        theta, buffers = theta - 0.1 * part.gradient(theta), part.buffers
        theirs.zero_grad()
        cross_entropy(twin(inputs[batch]), targets[batch]).backward()
        theirs.step()
    torch.testing.assert_close(theta, flat_parameters(twin), rtol=1e-10, atol=1e-12)
    for name, value in twin.named_buffers():
        torch.testing.assert_close(buffers[name], value, rtol=1e-10, atol=1e-12)
    evaluated = objective.with_buffers(buffers).outputs(theta)
    torch.testing.assert_close(evaluated, twin.eval()(inputs), rtol=1e-9, atol=1e-10)


def test_parts_left_in_training_mode_are_evaluated_all_the_same():
    model, (inputs, targets) = residual(), images()
    expected = model.eval()(inputs)
    model.first_norm.train()
    objective = ModelObjective(model, cross_entropy, inputs, targets)
    torch.testing.assert_close(objective.outputs(objective.start), expected)


@pytest.mark.parametrize("batch_norm", ["running", "batch"])
def test_dropout_is_off_except_in_training(batch_norm):
    model = filled(nn.Sequential(nn.Linear(3, 50), nn.Dropout(0.5), nn.Linear(50, 3)))
    data = vectors()
    objective = ModelObjective(model.train(), cross_entropy, *data, batch_norm=batch_norm)
    expected = cross_entropy(model.eval()(data[0]), data[1])
    torch.testing.assert_close(objective.loss(objective.start), expected)
    part = objective.minibatch(torch.arange(20))
    with torch.random.fork_rng():
        assert (part.loss(objective.start) - expected).abs() > 1e-6
    torch.testing.assert_close(objective.loss(objective.start), expected)


def test_the_first_examples_are_an_objective_of_their_own():
    model, (inputs, targets) = mlp(), vectors()
    objective = ModelObjective(model, cross_entropy, inputs, targets)
    part = objective.first(5)
    expected = cross_entropy(model(inputs[:5]), targets[:5])
    torch.testing.assert_close(part.loss(part.start), expected)
    assert (part.examples, objective.examples) == (5, 20)
    assert objective.first(1000).examples == 20


# A stranger's network


def test_a_network_is_taken_as_it_stands(model_and_data):
    model, (inputs, targets) = model_and_data
    objective = from_module(model, cross_entropy, (inputs, targets))
    assert torch.equal(objective.start, flat_parameters(model))
    expected = cross_entropy(model.eval()(inputs), targets)
    torch.testing.assert_close(objective.loss(objective.start), expected)


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda x, y: (x, y),
        lambda x, y: [x, y],
        lambda x, y: (x.numpy(), y.numpy()),
        lambda x, y: DataLoader(TensorDataset(x, y), batch_size=7),
        lambda x, y: zip(x.split(6), y.split(6), strict=True),
        lambda x, y: [(x[:9], y[:9]), (x[9:], y[9:])],
    ],
    ids=["tuple", "list", "arrays", "loader", "iterator", "list of two batches"],
)
def test_data_comes_as_a_pair_or_in_batches(wrapped):
    inputs, targets = vectors()
    objective = from_module(mlp(), cross_entropy, wrapped(inputs, targets))
    assert torch.equal(objective.inputs, inputs)
    assert torch.equal(objective.targets, targets)


def test_a_dtype_may_be_chosen_and_data_follow_the_network():
    model = mlp().float()
    inputs, targets = vectors()
    single = from_module(model, cross_entropy, (inputs, targets))
    double = from_module(model, cross_entropy, (inputs.float(), targets), dtype=torch.float64)
    assert {part.dtype for part in (single.start, single.inputs)} == {torch.float32}
    assert {part.dtype for part in (double.start, double.inputs)} == {torch.float64}
    assert single.targets.dtype == torch.int64
    assert single.loss(single.start).dtype == torch.float32
    assert double.gradient(double.start).dtype == torch.float64
    assert next(model.parameters()).dtype == torch.float32
    torch.testing.assert_close(
        single.loss(single.start).double(), double.loss(double.start), rtol=1e-5, atol=0
    )


@pytest.mark.parametrize(
    ("loss", "kind"), [(mse_loss, torch.float64), (nn.L1Loss(), torch.float64)]
)
def test_targets_that_are_numbers_keep_their_type_where_the_loss_takes_it(loss, kind):
    model = nn.Linear(3, 1)
    objective = from_module(model, loss, (normal(5, 3), normal(5, 1)))
    assert (objective.inputs.dtype, objective.targets.dtype) == (torch.float32, kind)
    assert objective.loss(objective.start).isfinite()


def test_inputs_that_are_indices_stay_so():
    model = nn.Sequential(nn.Embedding(7, 3), nn.Flatten(), nn.Linear(6, 2))
    tokens, targets = torch.tensor([[0, 6], [3, 3], [1, 2]]), torch.tensor([0, 1, 1])
    objective = from_module(model, cross_entropy, (tokens, targets), dtype=torch.float64)
    expected = cross_entropy(copy.deepcopy(model).double()(tokens), targets)
    torch.testing.assert_close(objective.loss(objective.start), expected)


def test_the_tensors_of_a_loss_go_where_the_network_goes():
    loss = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 3.0]))
    inputs, targets = vectors()
    objective = from_module(mlp(), loss, (inputs, targets))
    expected = cross_entropy(mlp()(inputs), targets, loss.weight.double())
    torch.testing.assert_close(objective.loss(objective.start), expected.detach())
    assert loss.weight.dtype == torch.float32
    away = module_objective(mlp(), loss, (inputs, targets), device="meta")
    assert away.loss(away.start).device.type == "meta"
    weighted = objective.weighted(torch.ones(20).double()).to("meta")
    assert weighted.loss_function.weights.device.type == "meta"
    assert weighted.loss_function.loss_function.weight.device.type == "meta"


def test_frozen_parameters_are_constants():
    model, (inputs, targets) = mlp(), vectors()
    model[0].requires_grad_(False)
    objective = from_module(model, cross_entropy, (inputs, targets))
    assert objective.layout.size == (5 * 4 + 4) + (4 * 3 + 3)
    cross_entropy(model(inputs), targets).backward()
    expected = torch.cat([p.grad.reshape(-1) for p in model.parameters() if p.requires_grad])
    torch.testing.assert_close(objective.gradient(objective.start), expected)


class Tied(nn.Module):
    """A network that uses one weight twice."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.second = nn.Linear(3, 3)
        self.second.weight = self.first.weight

    def forward(self, inputs):
        return self.second(self.first(inputs).tanh())


def test_tied_parameters_move_together():
    model, (inputs, targets) = filled(Tied()), vectors()
    objective = from_module(model, cross_entropy, (inputs, targets))
    assert objective.layout.size == 9 + 3 + 3
    theta = point(objective)
    twin = copy.deepcopy(model)
    nn.utils.vector_to_parameters(theta, twin.parameters())
    loss = cross_entropy(twin(inputs), targets)
    loss.backward()
    torch.testing.assert_close(objective.loss(theta), loss)
    expected = torch.cat([p.grad.reshape(-1) for p in twin.parameters()])
    torch.testing.assert_close(objective.gradient(theta), expected)
    axes, coords = normal(2, objective.layout.size, seed=2), normal(4, 2, seed=3)
    looped = plain_loop(model, cross_entropy, inputs, targets, theta, axes, coords)
    found = objective.losses(theta + coords @ axes)
    torch.testing.assert_close(found, torch.from_numpy(looped), rtol=1e-12, atol=0)


def test_gradients_of_the_network_are_neither_used_nor_kept():
    model, data = mlp(), vectors()
    cross_entropy(model(data[0]), data[1]).backward()
    before = fingerprint(model)
    objective = from_module(model, cross_entropy, data)
    objective.gradient(objective.start)
    now = fingerprint(model)
    assert all(map(torch.equal, now["gradients"], before["gradients"]))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (lambda: [], "data must be at least one pair of inputs and targets"),
        (
            lambda: (normal(3, 3), torch.zeros(2)),
            "the number of targets must be 3, as many as inputs; got 2",
        ),
        (lambda: (normal(0, 3), torch.zeros(0)), "the data are empty"),
    ],
    ids=["no batches", "too few targets", "no examples"],
)
def test_data_that_do_not_fit_are_refused(data, message):
    with pytest.raises(SpecError, match=message):
        from_module(mlp(), cross_entropy, data())


def thirds(inputs, targets):
    return DataLoader(TensorDataset(inputs, torch.zeros(len(inputs)), targets), batch_size=5)


NO_PAIRS = {
    "three entries": (thirds, r"of 3: float64 \(5, 3\), float32 \(5,\), int64 \(5,\)"),
    "a tuple of three": (
        lambda x, y: (x, x, y),
        r"of 3: float64 \(20, 3\), float64 \(20, 3\), int",
    ),
    "one entry": (lambda x, y: DataLoader(TensorDataset(x), batch_size=5), r"of 1: float64"),
    "the inputs alone": (lambda x, y: x, r"got 'Tensor'"),
    "rows of two": (lambda x, y: x[:, :2], r"got 'Tensor'"),
    "rows of an array": (lambda x, y: x[:, :2].numpy(), r"got 'ndarray'"),
    "pairs put into a tensor": (lambda x, y: [x[:2], x[:2], x[:2]], r"of 3: float64"),
    "dictionaries": (lambda x, y: [{"inputs": x, "labels": y}], r"a batch that is a dict"),
    "a dictionary": (lambda x, y: {"inputs": x, "labels": y}, r"got 'dict'"),
    "nested inputs": (lambda x, y: [((x, x), y)], r"of 2: tuple, int64"),
    "a data set": (TensorDataset, r"DataLoader.*got 'TensorDataset'"),
    "single examples": (lambda x, y: zip(x, y, strict=True), r"DataLoader.*of 2: .*int64 \(\)"),
    "ragged": (
        lambda x, y: [(x[:4], y[:4]), (x[4:, :2], y[4:])],
        r"of one shape.*\(4, 3\) and \(16, 2\)",
    ),
    "a number": (lambda x, y: 3, r"got 'int'"),
    "text": (lambda x, y: [("a word", y)], r"of 2: str, int64"),
}


@pytest.mark.parametrize("name", NO_PAIRS)
@pytest.mark.parametrize("entrance", ["from_module", "landscape", "test", "given", "given test"])
def test_data_that_are_no_pairs_are_refused_by_what_came(name, entrance, monkeypatch):
    monkeypatch.setattr(config, "jaxtyping_disable", True)  # as it is outside the tests
    inputs, targets = vectors()
    make, said = NO_PAIRS[name]
    data, pair = make(inputs, targets), (inputs, targets)
    calls = {
        "from_module": lambda: from_module(mlp(), cross_entropy, data),
        "landscape": lambda: landscape(mlp(), cross_entropy, data, resolution=3),
        "test": lambda: landscape(mlp(), cross_entropy, pair, test=data, resolution=3),
        "given": lambda: user_problem(mlp(), cross_entropy, data),
        "given test": lambda: user_problem(mlp(), cross_entropy, pair, test=data),
    }
    with pytest.raises(SpecError, match=said) as raised:
        calls[entrance]()
    assert raised.value.field == ("test" if "test" in entrance else "data")
    assert "inputs and targets" in raised.value.accepted


def test_batches_of_three_are_read_as_it_is_said_which_is_which():
    inputs, targets = vectors()
    with pytest.raises(SpecError, match=r"\(\(x, y\) for x, y, \*_ in loader\)"):
        from_module(mlp(), cross_entropy, thirds(inputs, targets))
    objective = from_module(mlp(), cross_entropy, ((x, y) for x, _, y in thirds(inputs, targets)))
    assert torch.equal(objective.inputs, inputs)
    assert torch.equal(objective.targets, targets)


@pytest.mark.parametrize("model", [nn.ReLU(), Residual().requires_grad_(False)])
def test_a_network_with_nothing_to_train_is_refused(model):
    with pytest.raises(SpecError, match="model must be a module with trainable parameters"):
        from_module(model, cross_entropy, images())


@pytest.mark.parametrize("normalization", ["weight", "spectral"])
def test_a_network_with_parametrized_weights_goes_to_another_process(normalization):
    network = MLP(normalization=make(Normalization, normalization)).build(
        (3,), 3, random_streams.stream(0, "weights")
    )
    objective = ModelObjective(network.double(), cross_entropy, *vectors())
    again = pickle.loads(pickle.dumps(objective))
    there = again.minibatch(torch.arange(5)).gradient(objective.start)
    assert torch.equal(there, objective.minibatch(torch.arange(5)).gradient(objective.start))
    assert torch.equal(again.hvp(again.start, there), objective.hvp(objective.start, there))
    assert pickle.loads(pickle.dumps(again)).loss(again.start) == objective.loss(objective.start)


def test_what_a_parametrized_weight_is_made_of_belongs_to_its_layer():
    network = MLP(normalization=make(Normalization, "weight")).build(
        (3,), 3, random_streams.stream(0, "weights")
    )
    layers = groups(Layout.of_module(network))
    assert [len(blocks) for blocks in layers.values()] == [3, 3, 2]


def test_an_objective_is_a_value_that_is_never_changed():
    objective = mlp_objective()
    before = dict(vars(objective))
    for field in dataclasses.fields(objective):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(objective, field.name, None)
    changed = objective.with_loss(mse_loss).first(3).with_batch_norm("batch")
    assert (changed.examples, changed.batch_norm, changed.loss_function) == (3, "batch", mse_loss)
    part = objective.minibatch(torch.arange(4))
    assert part.whole is objective
    assert part.indices.tolist() == [0, 1, 2, 3]
    assert vars(objective).keys() == before.keys()
    assert all(vars(objective)[name] is value for name, value in before.items())


def test_a_device_without_float64_is_refused_before_any_work(monkeypatch):
    empty = torch.empty

    def without(*shape, dtype=None, device=None, **rest):  # as Apple's, which this machine lacks
        if dtype == torch.float64 and str(device) == "mps":
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype")
        return empty(*shape, dtype=dtype, **rest)

    monkeypatch.setattr(torch, "empty", without)
    with pytest.raises(SpecError, match=r"device must be one with float64.*got 'mps'"):
        from_module(mlp(), cross_entropy, vectors(), device="mps")
