"""How losses add up over examples, against dense float64 matrices of the user's own loss."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy, log_softmax, mse_loss, normalize

from landscape_core.analysis.diagnostics.gradient_noise import GradientNoise
from landscape_core.analysis.diagnostics.tangent_kernel import TangentKernel
from landscape_core.curvature import operator as operator_module
from landscape_core.curvature.density import density, smoothed
from landscape_core.curvature.eigenpairs import eigenpairs
from landscape_core.curvature.matrices.fisher import Fisher
from landscape_core.curvature.matrices.gauss_newton import GaussNewton
from landscape_core.curvature.matrices.hessian import Hessian
from landscape_core.curvature.trace import trace
from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.models import data_parts
from landscape_core.models.additivity import Additivity, additivity
from landscape_core.models.loss_conversion import loss_on
from landscape_core.models.network_objective import ModelObjective
from landscape_core.planes.directions.random import Random
from landscape_core.slices.grid import Grid
from landscape_core.slices.model_plan import probe_of
from landscape_core.slices.one_call import landscape
from landscape_core.slices.subsampling import sample

WEIGHT = torch.tensor([1.0, 2.0, 7.0], dtype=torch.float64)
EXAMPLES = 10_000


def data(count, *, ordered=False, numbers=False, ignored=False):
    """Inputs (N, 2) in three clusters and their classes, or two numbers each."""
    rng = torch.Generator().manual_seed(1)
    classes = torch.randint(0, 3, (count,), generator=rng)
    if ordered:
        classes = classes.sort().values
    noise = torch.randn(count, 2, generator=rng, dtype=torch.float64)
    inputs = noise + 2 * nn.functional.one_hot(classes, 3)[:, :2]
    if numbers:
        return inputs, torch.stack([inputs.prod(dim=1), noise[:, 0].cos()], dim=1)
    if ignored:
        left_out = torch.arange(count) < count // 3 if ordered else noise[:, 0] > 0.5
        classes = torch.where(left_out, -100, classes)
    return inputs, classes


def model(outputs=3):
    rng = torch.Generator().manual_seed(2)
    made = nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, outputs)).double()
    for parameter in made.parameters():
        parameter.data = torch.randn(parameter.shape, generator=rng, dtype=torch.float64)
    return made


class AcrossTheBatch(nn.Module):
    """Each example's outputs and what it takes from all others, by attention."""

    def __init__(self):
        super().__init__()
        self.inner = model()

    def forward(self, inputs):
        found = self.inner(inputs)
        few = found[:: max(1, len(found) // 16)]  # keys; all pairs would be too many
        return found + (found @ few.T / 3).softmax(dim=1) @ few


class Centred(nn.Module):
    """Outputs without their mean over the batch."""

    def __init__(self):
        super().__init__()
        self.inner = model()

    def forward(self, inputs):
        found = self.inner(inputs)
        return found - found.mean(dim=0)


def normalized_by_spread(outputs, targets):
    losses = cross_entropy(outputs, targets, reduction="none")
    return losses.mean() / losses.std()


def log_sum_exp(outputs, targets):
    return cross_entropy(outputs, targets, reduction="none").logsumexp(dim=0)


def neighbours(outputs, targets):
    near = (outputs - outputs.roll(1, dims=0)).square().sum(dim=1)
    alike = targets == targets.roll(1)
    return torch.where(alike, near, (1 - near).relu()).mean()


def contrastive(outputs, targets):
    unit = normalize(outputs, dim=1)
    among = log_softmax(unit @ unit.T / 0.5, dim=1)
    alike = (targets[:, None] == targets[None]).double()
    return -(alike * among).sum() / alike.sum()


def focal(outputs, targets):
    losses = cross_entropy(outputs, targets, reduction="none")
    return ((1 - (-losses).exp()).square() * losses).mean()


def hinged_on_the_mean(outputs, targets):
    """Its value is a constant, so that any mean of parts agrees; its slope is not."""
    loss = cross_entropy(outputs, targets)
    return loss / loss.detach()


CLASSES = {
    "mean": (cross_entropy, "mean"),
    "mean, a module": (nn.CrossEntropyLoss(), "mean"),
    "mean, a function": (focal, "mean"),
    "each": (nn.CrossEntropyLoss(weight=WEIGHT, reduction="none"), "mean"),
    "sum": (nn.CrossEntropyLoss(reduction="sum"), "sum"),
    "weighted sum": (nn.CrossEntropyLoss(weight=WEIGHT, reduction="sum"), "sum"),
    "class weights": (nn.CrossEntropyLoss(weight=WEIGHT), "weighted mean"),
    "class weights, smoothed": (
        nn.CrossEntropyLoss(weight=WEIGHT, label_smoothing=0.1),
        "weighted mean",
    ),
    "weights in a function": (lambda o, t: cross_entropy(o, t, weight=WEIGHT), "neither"),
    "normalized by the spread": (normalized_by_spread, "neither"),
    "log-sum-exp": (log_sum_exp, "neither"),
    "neighbours": (neighbours, "neither"),
    "constant": (hinged_on_the_mean, "neither"),
}
NUMBERS = {
    "mean square": (nn.MSELoss(), "mean"),
    "sum of squares": (nn.MSELoss(reduction="sum"), "sum"),
    "root mean square": (lambda o, t: mse_loss(o, t).sqrt(), "neither"),
}
IGNORING = {
    "ignored": (nn.CrossEntropyLoss(), "weighted mean"),
    "ignored by a function": (cross_entropy, "weighted mean"),
    "ignored, class weights": (nn.CrossEntropyLoss(weight=WEIGHT), "weighted mean"),
    "ignored, sum": (nn.CrossEntropyLoss(weight=WEIGHT, reduction="sum"), "sum"),
}


def made(name, *, ordered=True, count=EXAMPLES):
    """The objective of a kind, and how its loss adds up."""
    for kinds, more in ((CLASSES, {}), (NUMBERS, {"numbers": True}), (IGNORING, {"ignored": True})):
        if name in kinds:
            loss, kind = kinds[name]
            network = model(2) if more.get("numbers") else model()
            return ModelObjective(network, loss, *data(count, ordered=ordered, **more)), kind
    raise AssertionError(name)


KINDS = [*CLASSES, *NUMBERS, *IGNORING]
COUPLED = {
    "attention": AcrossTheBatch,
    "centred": Centred,
    "no statistics": lambda: nn.Sequential(
        model(4), nn.BatchNorm1d(4, track_running_stats=False).double(), nn.Linear(4, 3).double()
    ),
}


class Plain:
    """Derivatives of the user's own loss over all data, by torch alone."""

    def __init__(self, objective):
        self.objective = objective
        self.names = [name for name, _ in objective.module.named_parameters()]
        self.shapes = [one.shape for one in objective.module.parameters()]

    def outputs(self, theta):
        pieces = theta.split([shape.numel() for shape in self.shapes])
        state = {n: p.reshape(s) for n, p, s in zip(self.names, pieces, self.shapes, strict=True)}
        module = self.objective.module.eval()
        return functional_call(module, state, (self.objective.inputs,))

    def loss(self, theta):
        return self.objective.loss_function(self.outputs(theta), self.objective.targets).mean()

    def hessian(self):
        return torch.autograd.functional.hessian(self.loss, self.objective.start)

    def gauss_newton(self):
        """The second derivative of the loss of linearized outputs."""
        theta = self.objective.start
        jacobian = self.jacobian(theta)
        here = self.outputs(theta).detach()

        def linear(moved):
            outputs = here + (jacobian @ moved).reshape(here.shape)
            return self.objective.loss_function(outputs, self.objective.targets).mean()

        return torch.autograd.functional.hessian(linear, torch.zeros_like(theta))

    def jacobian(self, theta):
        found = torch.autograd.functional.jacobian(
            self.outputs, theta, vectorize=True, strategy="forward-mode"
        )
        return found.reshape(-1, len(theta))

    def fisher(self, kind):
        """Each example's gradient, from its own outputs alone, with its share in the loss."""
        theta, targets = self.objective.start, self.objective.targets
        loss, count = self.objective.loss_function, len(targets)
        outputs = self.outputs(theta).detach()
        if kind == "sum":
            shares = torch.ones(count, dtype=torch.float64)
        elif kind == "weighted mean":
            weight = torch.ones(3, dtype=torch.float64)
            given = getattr(loss, "weight", None)
            weight = weight if given is None else given
            shares = torch.where(targets >= 0, weight[targets.clamp_min(0)], 0)
            shares = shares / shares.sum()
        else:
            shares = torch.full((count,), 1 / count, dtype=torch.float64)
        slopes = torch.zeros_like(outputs)
        for i in torch.nonzero(shares)[:, 0].tolist():
            one = outputs[i : i + 1].clone().requires_grad_()
            (slopes[i],) = torch.autograd.grad(loss(one, targets[i : i + 1]).mean(), one)[0]
        jacobian = self.jacobian(theta).reshape(count, -1, len(theta))
        rows = torch.einsum("nc,ncp->np", slopes, jacobian)
        return torch.einsum("n,np,nq->pq", shares, rows, rows)


def same(found, expected, near=1e-9):
    torch.testing.assert_close(found, expected, rtol=0, atol=near * float(expected.abs().max()))


@pytest.mark.parametrize("ordered", [False, True], ids=["shuffled", "sorted"])
@pytest.mark.parametrize("name", KINDS)
def test_how_a_loss_adds_up_is_found_by_trying(name, ordered):
    objective, kind = made(name, ordered=ordered, count=500)
    assert additivity(objective) == Additivity(kind, coupled=False)
    single = ModelObjective(
        objective.module.float(),
        loss_on(objective.loss_function, "cpu", torch.float32),
        objective.inputs.float(),
        objective.targets.float() if objective.targets.is_floating_point() else objective.targets,
    )
    assert additivity(single) == Additivity(kind, coupled=False)


@pytest.mark.parametrize("matrix", [Hessian(), GaussNewton()])
@pytest.mark.parametrize("name", KINDS)
def test_of_many_examples_matrices_are_those_of_the_whole_loss(name, matrix):
    objective, kind = made(name)
    operator = matrix.at(objective, objective.start)
    plain = Plain(objective)
    expected = plain.hessian() if matrix == Hessian() else plain.gauss_newton()
    same(operator.dense(), expected)
    assert (len(operator.parts) > 1) == (kind != "neither")


@pytest.mark.parametrize("name", ["sum", "class weights", "ignored", "log-sum-exp"])
def test_eigenvalues_trace_and_density_are_those_of_the_whole_loss(name):
    objective, _ = made(name)
    operator = Hessian().at(objective, objective.start)
    dense = Plain(objective).hessian()
    values, vectors = torch.linalg.eigh(dense)
    pairs = eigenpairs(operator, 4, 2)
    same(pairs.values, torch.cat([values.flip(0)[:4], values.flip(0)[-2:]]))
    assert trace(operator, sketch=len(dense)).value == pytest.approx(float(dense.trace()), rel=1e-9)
    found = density(operator, probes=4, steps=len(dense), smoothing=0.02)
    rng = random_streams.stream(0, "density")
    drawn = torch.randn(4, len(dense), generator=rng, dtype=torch.float64)
    weights = (drawn @ vectors).square() / drawn.square().sum(dim=1, keepdim=True)
    expected = smoothed(values.numpy(), weights.mean(dim=0).numpy(), found.eigenvalue, found.sigma)
    np.testing.assert_allclose(found.density, expected, rtol=1e-5, atol=1e-6 * expected.max())


@pytest.mark.parametrize("name", [n for n in KINDS if made(n, count=4)[1] != "neither"])
def test_the_fisher_matrix_is_that_of_the_examples_own_losses(name, monkeypatch):
    monkeypatch.setattr(operator_module, "WHOLE", 500)
    objective, kind = made(name, count=1200)
    found = Fisher().at(objective, objective.start).dense()
    if name != "each":
        same(found, Plain(objective).fisher(kind))
        return
    rows = torch.cat([objective.between(i, i + 1).gradient(objective.start)[None]
                      for i in range(objective.examples)])  # fmt: skip
    same(found, rows.T @ rows / len(rows))


@pytest.mark.parametrize("name", ["log-sum-exp", "weights in a function", "root mean square"])
def test_the_fisher_matrix_of_a_loss_without_examples_of_its_own_is_refused(name):
    objective, _ = made(name, count=200)
    with pytest.raises(SpecError, match="what the loss gives must be one value per example"):
        Fisher().at(objective, objective.start)


@pytest.mark.parametrize("matrix", [Hessian(), GaussNewton()])
@pytest.mark.parametrize("name", COUPLED)
def test_of_a_network_that_couples_examples_all_are_taken_at_once(name, matrix):
    objective = ModelObjective(COUPLED[name](), nn.CrossEntropyLoss(), *data(5000, ordered=True))
    assert additivity(objective) == Additivity("mean", coupled=True)
    plain = Plain(objective)
    expected = plain.hessian() if matrix == Hessian() else plain.gauss_newton()
    same(matrix.at(objective, objective.start).dense(), expected)


@pytest.mark.parametrize("loss", [contrastive, neighbours], ids=["contrastive", "neighbours"])
def test_of_a_loss_that_compares_examples_all_are_taken_at_once(loss, monkeypatch):
    objective = ModelObjective(model(), loss, *data(300, ordered=True))
    monkeypatch.setattr(operator_module, "WHOLE", 70)
    assert additivity(objective) == Additivity("neither", coupled=False)
    same(Hessian().at(objective, objective.start).dense(), Plain(objective).hessian())


@pytest.mark.parametrize("free", [10**9, 300_000], ids=["much", "little"])
@pytest.mark.parametrize("name", ["sum", "class weights", "ignored", "focal", "mean square"])
def test_the_answer_does_not_depend_on_free_memory(name, free, monkeypatch):
    monkeypatch.setattr(data_parts, "free_memory", lambda _: free)
    objective, _ = made("mean, a function" if name == "focal" else name, count=4000)
    same(Hessian().at(objective, objective.start).dense(), Plain(objective).hessian(), 1e-12)


@pytest.mark.parametrize("examples", [4000, 6000])
def test_what_is_needed_at_once_and_does_not_fit_is_refused_with_the_bytes(examples, monkeypatch):
    monkeypatch.setattr(data_parts, "free_memory", lambda _: 300_000)
    neither, _ = made("log-sum-exp", count=examples)
    each = 8 * (2 * 2 + 2 * 5 + 5 + 3)
    needed = 2 * examples * data_parts.bytes_per_example(neither, gradient=True)
    assert needed >= 2 * examples * each  # the graph of the gradient is kept for its derivative
    with pytest.raises(SpecError, match=rf"loss must be a mean or a sum.*{needed} bytes.*300000"):
        Hessian().at(neither, neither.start)
    coupled = ModelObjective(Centred(), nn.CrossEntropyLoss(), *data(examples))
    with pytest.raises(SpecError, match=rf"model must be one that treats each.*{needed} bytes"):
        GaussNewton().at(coupled, coupled.start)


class Noisy(nn.Module):
    def forward(self, inputs):
        return inputs + torch.randn_like(inputs)


def noisy(outputs, targets):
    return cross_entropy(outputs + torch.randn_like(outputs), targets)


@pytest.mark.parametrize(
    ("network", "loss", "expected"),
    [
        (
            nn.Sequential(Noisy(), model()),
            nn.CrossEntropyLoss(),
            Additivity("mean", coupled=False, draws=True),
        ),
        (model(), noisy, Additivity("neither", coupled=False, draws=True)),
    ],
    ids=["network", "loss"],
)
def test_what_draws_random_numbers_is_taken_at_once_and_leaves_those_of_others(
    network, loss, expected
):
    objective = ModelObjective(network, loss, *data(200))
    before = torch.get_rng_state()
    assert not additivity(objective).separable
    assert torch.equal(torch.get_rng_state(), before)
    assert additivity(objective) == expected


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_loss_that_is_zero_here_is_told_apart_elsewhere(reduction):
    inputs, classes = data(100)
    loss = nn.HingeEmbeddingLoss(margin=-20, reduction=reduction)
    targets = -torch.ones(len(classes), 1, dtype=torch.float64)
    objective = ModelObjective(model(1), loss, inputs, targets)
    assert float(objective.loss(objective.start)) == 0
    assert additivity(objective) == Additivity(reduction, coupled=False)


def test_where_nearly_all_targets_are_ignored_those_that_count_are_tried():
    inputs, classes = data(EXAMPLES)
    classes[torch.arange(EXAMPLES) % 500 > 0] = -100
    objective = ModelObjective(model(), nn.CrossEntropyLoss(), inputs, classes)
    assert additivity(objective).loss == "weighted mean"
    same(Hessian().at(objective, objective.start).dense(), Plain(objective).hessian())


def test_a_network_that_cannot_be_tried_in_double_precision_is_tried_in_its_own():
    class Single(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = model().float()

        def forward(self, inputs):
            return self.inner(inputs.float() + torch.zeros(1))

    inputs, classes = data(100)
    objective = ModelObjective(Single(), nn.CrossEntropyLoss(), inputs.float(), classes)
    assert additivity(objective) == Additivity("mean", coupled=False)


def test_examples_of_a_sum_are_no_estimate_of_its_slice_and_that_is_said():
    inputs, classes = data(60)
    summed = nn.CrossEntropyLoss(reduction="sum")
    with pytest.warns(UserWarning, match="of 20 of 60 examples, and no estimate"):
        landscape(model(), summed, (inputs, classes), max_examples=20, resolution=3)
    landscape(model(), nn.CrossEntropyLoss(), (inputs, classes), max_examples=20, resolution=3)


@pytest.mark.parametrize(
    "name", ["class weights", "sum", "log-sum-exp", "normalized by the spread"]
)
def test_a_growing_part_of_the_data_needs_a_mean(name):
    objective, _ = made(name, count=60)
    read = probe_of({"train": objective}, Random())
    with pytest.raises(SpecError, match="loss must be an unweighted mean over examples"):
        next(iter(sample(read, Grid.square(1.0, 3))))


@pytest.mark.parametrize("name", ["class weights", "sum", "ignored", "log-sum-exp"])
def test_the_noise_of_gradients_needs_a_mean(name):
    objective, _ = made(name, count=100)
    with pytest.raises(SpecError, match="loss must be an unweighted mean over examples"):
        GradientNoise().at(objective, objective.start)


@pytest.mark.parametrize("diagnostic", [GradientNoise(), TangentKernel()])
def test_examples_that_see_each_other_have_no_gradients_of_their_own(diagnostic):
    objective = ModelObjective(Centred(), nn.CrossEntropyLoss(), *data(100))
    with pytest.raises(SpecError, match="model must be one that processes examples independently"):
        diagnostic.at(objective, objective.start)
