"""Curvature against dense float64 matrices and closed forms."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import config
from torch import nn
from torch.func import functional_call, jacrev

import cases
import oracles
from landscape_core.curvature import eigenpairs as eigenpairs_module
from landscape_core.curvature import operator as operator_module
from landscape_core.curvature.density import density, smoothed
from landscape_core.curvature.eigenpairs import eigenpairs
from landscape_core.curvature.lanczos import lanczos
from landscape_core.curvature.matrices.base import Matrix
from landscape_core.curvature.matrices.fisher import Fisher
from landscape_core.curvature.matrices.gauss_newton import GaussNewton
from landscape_core.curvature.matrices.hessian import Hessian
from landscape_core.curvature.operator import Operator
from landscape_core.curvature.trace import trace
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.registry import entries
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.losses.squared_error import SquaredError
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.user_model import from_module

OBJECTIVES = {"mlp": cases.mlp_objective, "residual": cases.residual_objective}


@pytest.fixture
def iterated(monkeypatch):
    """Let ARPACK do also what is small enough to be taken whole."""
    monkeypatch.setattr(eigenpairs_module, "DENSE", 0)


def dense(objective):
    return oracles.dense_hessian(objective, objective.start)


def outputs_of(objective, theta):
    state = {**objective.layout.split(theta), **objective.buffers}
    return functional_call(objective.module, state, (objective.inputs,))


def explicit_gauss_newton(objective):
    """Jᵀ H J with each example's softmax covariance written out."""
    jacobian = jacrev(lambda theta: outputs_of(objective, theta))(objective.start)
    shares = outputs_of(objective, objective.start).softmax(dim=1)
    covariance = torch.diag_embed(shares) - shares[:, :, None] * shares[:, None, :]
    return torch.einsum("ncp,ncd,ndq->pq", jacobian, covariance, jacobian) / len(jacobian)


def explicit_fisher(objective):
    rows = torch.stack(
        [objective.between(i, i + 1).gradient(objective.start) for i in range(objective.examples)]
    )
    return rows.T @ rows / len(rows)


EXPLICIT = {"hessian": dense, "gauss_newton": explicit_gauss_newton, "fisher": explicit_fisher}


def test_every_matrix_has_a_reference():
    assert set(entries(Matrix)) == set(EXPLICIT)


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("matrix", EXPLICIT)
def test_products_are_those_of_the_dense_matrix(matrix, name):
    objective = OBJECTIVES[name]()
    operator = entries(Matrix)[matrix]().at(per_example(objective), objective.start)
    vectors = cases.normal(3, operator.size, seed=4)
    expected = vectors @ EXPLICIT[matrix](objective)
    torch.testing.assert_close(operator.apply(vectors), expected, rtol=1e-9, atol=1e-11)
    assert operator.matvecs == 3


def per_example(objective):
    """The same loss, which also tells the loss of each example."""
    return objective.with_loss(nn.CrossEntropyLoss(reduction="none"))


@pytest.mark.parametrize("matrix", EXPLICIT)
def test_data_gone_through_in_parts_give_the_same_product(matrix, monkeypatch):
    objective = per_example(cases.mlp_objective())
    monkeypatch.setattr(operator_module, "WHOLE", 7)
    operator = entries(Matrix)[matrix]().at(objective, objective.start)
    expected = EXPLICIT[matrix](objective.with_loss(nn.CrossEntropyLoss()))
    torch.testing.assert_close(operator.dense(), expected, rtol=1e-9, atol=1e-11)


class Centred(nn.Module):
    """Outputs from which their mean over the batch is taken: every example knows all others."""

    def __init__(self):
        super().__init__()
        self.network = cases.mlp()

    def forward(self, inputs):
        outputs = self.network(inputs)
        return outputs - outputs.mean(dim=0)


def without_statistics():
    norm = nn.BatchNorm1d(4, track_running_stats=False)
    return cases.filled(nn.Sequential(nn.Linear(3, 4), norm, nn.Linear(4, 3)))


@pytest.mark.parametrize("model", [Centred, without_statistics])
def test_of_a_network_that_mixes_its_examples_products_are_had_from_all_at_once(model, monkeypatch):
    objective = from_module(model(), nn.CrossEntropyLoss(), cases.vectors())
    objective = objective.with_loss(CrossEntropy())
    monkeypatch.setattr(operator_module, "WHOLE", 7)
    operator = Hessian().at(objective, objective.start)
    torch.testing.assert_close(operator.dense(), dense(objective), rtol=1e-9, atol=1e-11)


def test_a_weighted_mean_is_seen_where_all_examples_look_alike(monkeypatch):
    """A last layer of zeros gives every example the same loss, and any weighted mean is that."""
    model = cases.mlp()
    for parameter in model[-1].parameters():
        nn.init.zeros_(parameter)
    weight = torch.tensor([1.0, 2.0, 50.0], dtype=torch.float64)
    objective = from_module(model, nn.CrossEntropyLoss(weight=weight), cases.vectors())
    monkeypatch.setattr(operator_module, "WHOLE", 7)
    operator = Hessian().at(objective, objective.start)
    torch.testing.assert_close(operator.dense(), dense(objective), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(
    "loss",
    [
        nn.CrossEntropyLoss(reduction="sum"),
        nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 5.0], dtype=torch.float64)),
        nn.CrossEntropyLoss(),
        nn.CrossEntropyLoss(ignore_index=1),
        lambda outputs, targets: nn.functional.cross_entropy(outputs, targets).square(),
    ],
    ids=["sum", "weighted mean", "mean", "ignored", "neither"],
)
def test_a_number_for_all_examples_is_had_from_parts_where_it_is_a_sum_of_theirs(loss, monkeypatch):
    objective = cases.mlp_objective().with_loss(loss)
    monkeypatch.setattr(operator_module, "WHOLE", 7)
    operator = Hessian().at(objective, objective.start)
    torch.testing.assert_close(operator.dense(), dense(objective), rtol=1e-9, atol=1e-11)
    in_parts = len(operator_module.parts_of(objective)) > 1
    assert in_parts == isinstance(loss, nn.CrossEntropyLoss)


def test_statistics_of_the_batch_are_those_of_all_examples_at_once(monkeypatch):
    objective = cases.residual_objective(batch_norm="batch")
    monkeypatch.setattr(operator_module, "WHOLE", 5)
    operator = Hessian().at(objective, objective.start)
    torch.testing.assert_close(operator.dense(), dense(objective), rtol=1e-8, atol=1e-10)


def test_the_hessian_of_a_linear_network_is_the_covariance_of_its_inputs():
    inputs, targets = cases.normal(30, 4), cases.normal(30, 2, seed=1)
    network = cases.filled(nn.Linear(4, 2, bias=False))
    objective = ModelObjective(network, nn.MSELoss(), inputs, targets)
    expected = torch.kron(torch.eye(2, dtype=torch.float64), inputs.T @ inputs / 30)
    for matrix in (Hessian(), GaussNewton()):
        torch.testing.assert_close(matrix.at(objective, objective.start).dense(), expected)


def test_for_the_squared_error_gauss_newton_is_the_products_of_the_jacobian():
    inputs, targets = cases.normal(30, 3), cases.normal(30, 3, seed=1)
    objective = ModelObjective(cases.mlp(), SquaredError(), inputs, targets)
    jacobian = jacrev(lambda theta: outputs_of(objective, theta))(objective.start).flatten(0, 1)
    residual = objective.outputs(objective.start) - targets
    factor = float(objective.loss(objective.start)) / float(residual.square().sum())
    expected = 2 * factor * jacobian.T @ jacobian
    found = GaussNewton().at(objective, objective.start).dense()
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_eigenpairs_are_those_of_the_dense_hessian(name, iterated):
    objective = OBJECTIVES[name]()
    matrix = dense(objective)
    values = torch.linalg.eigvalsh(matrix).flip(0)
    found = eigenpairs(Hessian().at(objective, objective.start), 4, 3, tolerance=1e-10)
    expected = torch.cat([values[:4], values[-3:]])
    torch.testing.assert_close(found.values, expected, rtol=1e-6, atol=1e-12)
    images = found.vectors @ matrix
    residuals = (images - found.values[:, None] * found.vectors).norm(dim=1)
    torch.testing.assert_close(found.residuals, residuals, rtol=1e-3, atol=1e-12)
    assert float((found.residuals / found.values.abs()).max()) < 1e-6
    torch.testing.assert_close(found.vectors.norm(dim=1), torch.ones(7, dtype=torch.float64))


def test_a_small_matrix_taken_whole_agrees_with_the_iteration(monkeypatch):
    objective = cases.mlp_objective()
    whole = eigenpairs(Hessian().at(objective, objective.start), 3, 2)
    monkeypatch.setattr(eigenpairs_module, "DENSE", 0)
    found = eigenpairs(Hessian().at(objective, objective.start), 3, 2, tolerance=1e-12)
    torch.testing.assert_close(found.values, whole.values, rtol=1e-9, atol=1e-12)
    cosines = (found.vectors * whole.vectors).sum(dim=1).abs()
    torch.testing.assert_close(cosines, torch.ones_like(cosines))


@given(seed=st.integers(0, 1000), size=st.integers(3, 30), data=st.data())
@settings(max_examples=40, deadline=None)
def test_eigenvalues_of_a_quadratic_are_its_own(seed, size, data):
    values = sorted(cases.normal(size, seed=seed).tolist(), reverse=True)
    top = data.draw(st.integers(1, size))
    bottom = data.draw(st.integers(0, size - top))
    bowl = cases.bowl(values, seed=seed)
    found = eigenpairs(Hessian().at(bowl, bowl.minimum), top, bottom).values.tolist()
    assert found == pytest.approx(values[:top] + values[size - bottom :], rel=1e-9, abs=1e-9)


def test_what_does_not_converge_is_said_and_not_invented(iterated):
    values = np.linspace(1.0, 1.001, 200)  # hardly apart
    bowl = cases.bowl(values)
    found = eigenpairs(Hessian().at(bowl, bowl.minimum), 5, tolerance=1e-14, most=20)
    lost = found.values.isnan()
    assert bool(lost.any())
    assert bool(found.residuals[lost].isinf().all())


class Known(Operator):
    """A matrix with these eigenvalues along random orthogonal directions."""

    def __init__(self, eigenvalues, dtype=torch.float64):
        eigenvalues = torch.as_tensor(np.asarray(eigenvalues), dtype=torch.float64)
        size = len(eigenvalues)
        Operator.__init__(self, torch.zeros(size, dtype=dtype))
        self.directions = torch.linalg.qr(cases.normal(size, size))[0].T
        matrix = self.directions.T @ eigenvalues.diag() @ self.directions
        self.matrix = ((matrix + matrix.T) / 2).to(dtype)

    def _apply(self, vectors):
        return vectors @ self.matrix


BULK = np.linspace(0.0, 0.3, 190)
REPEATED = {
    "twice the largest": [5, 5, 3, 2, 1, *BULK],
    "twice the second": [5, 3, 3, 2, 1, *BULK],
    "three times": [5, 5, 5, 3, 2, 1, *BULK],
    "twice, three times": [5, 5, 3, 3, 3, 2, *BULK],
    "more often than asked for": [5] * 7 + [*BULK],
    "all equal": [2.0] * 200,
    "all equal and negative": [-2.0] * 200,
    "all zero": [0.0] * 200,
    "few that are not zero": [5, 5, *[0.0] * 198],
    "mirrored": [5, -5, 3, -3, 5, -5, *BULK, *-BULK],
    "negative": [-5, -5, -3, -3, -1, *(-BULK - 1)],
    "below zero but one": [1, -0.5, -0.5, *(-BULK - 1)],
}
TOLERANCES = [(torch.float64, 1e-9), (torch.float64, 1e-3), (torch.float32, 1e-5)]


def agrees(operator, top, bottom, tolerance, start=None):
    """The pairs, whose values are those of the whole matrix and whose errors are stated."""
    found = eigenpairs(operator, top, bottom, tolerance=tolerance, start=start)
    matrix = operator.matrix.double()
    true = np.linalg.eigvalsh(matrix.numpy())[::-1]
    expected = np.concatenate([true[:top], true[len(true) - bottom :]])
    # The residual bounds the distance to an eigenvalue; the factor is for deflation, which adds
    # the residuals of what was taken out.
    within = 3 * max(tolerance, 1e-13) * np.abs(true).max() + 1e-12
    np.testing.assert_allclose(found.values.numpy(), expected, rtol=0, atol=within)
    vectors = found.vectors.double()
    exact = (vectors @ matrix - found.values[:, None] * vectors).norm(dim=1)
    rounding = 1e-5 if operator.like.dtype == torch.float32 else 1e-13
    torch.testing.assert_close(found.residuals, exact, rtol=1e-2, atol=5 * rounding)
    assert float(exact.max()) <= within + 5 * rounding
    own = torch.eye(top + bottom, dtype=torch.float64)
    torch.testing.assert_close(vectors @ vectors.T, own, rtol=0, atol=1e-4)
    assert bool(found.leading.all())
    return found


@pytest.mark.parametrize(("dtype", "tolerance"), TOLERANCES)
@pytest.mark.parametrize("name", REPEATED)
def test_repeated_eigenvalues_are_found_as_often_as_they_are(name, dtype, tolerance, iterated):
    agrees(Known(REPEATED[name], dtype), 4, 3, tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), TOLERANCES)
@pytest.mark.parametrize("name", ["twice the largest", "three times", "mirrored", "all zero"])
@pytest.mark.parametrize("at", [[0], [0, 2, 3], [2], [100]])
def test_starting_from_eigenvectors_finds_the_others_too(name, at, dtype, tolerance, iterated):
    operator = Known(REPEATED[name], dtype)
    start = operator.directions[at].sum(dim=0).to(dtype)
    for top, bottom in ((4, 0), (1, 1), (0, 3)):
        agrees(operator, top, bottom, tolerance, start)


def test_a_start_without_the_leading_eigenvectors_finds_them(iterated):
    operator = Known(REPEATED["twice the largest"])
    start = operator.directions[2:].sum(dim=0)
    for top in (1, 2, 4):
        agrees(operator, top, 0, 1e-6, start)
    agrees(operator, 3, 0, 1e-6, torch.zeros(operator.size, dtype=torch.float64))


def test_looking_for_copies_takes_few_products_where_there_are_none(iterated):
    operator = Known([9, 8, 7, 6, 5, *BULK])
    assert agrees(operator, 1, 0, 1e-3).matvecs <= 20 + 3
    assert agrees(operator, 5, 0, 1e-3).matvecs <= 20 + 6 + 10


CLUSTERED = {
    "ten times": [1.0] * 10 + [0.5, 0.5, *BULK],
    "outputs of a linear network": [0.7064] * 5 + [0.666] * 5 + [*BULK],
    "nearly equal": [1 + 1e-8 * k for k in range(5)] + [*BULK],
    "near": [1 + 1e-2 * k for k in range(5)] + [1 + 1e-5 * k for k in range(1, 5)] + [*BULK],
    "at the lower end": [-1, -1, -1, -1, -1 - 1e-6, -1 - 1e-6, *(BULK - 0.9)],
    "one that is not zero": [1.0, *[0.0] * 199],
    "one that is below zero": [-1.0, *[0.0] * 199],
    "no more than twelve": [0.5] * 6 + [0.2] * 6,
}


@pytest.mark.parametrize(("dtype", "tolerance"), TOLERANCES)
@pytest.mark.parametrize(("top", "bottom"), [(4, 0), (20, 5)])
@pytest.mark.parametrize("name", CLUSTERED)
def test_clusters_are_found_whole_by_orthonormal_vectors(
    name, top, bottom, dtype, tolerance, iterated
):
    operator = Known(CLUSTERED[name], dtype)
    if top + bottom <= operator.size:
        agrees(operator, top, bottom, tolerance)


def test_where_products_run_out_the_rank_is_not_certain(iterated):
    operator = Known(REPEATED["twice, three times"])
    found = eigenpairs(operator, 4, tolerance=1e-3, most=16)
    assert found.matvecs <= 16 + 4
    assert not bool(found.leading.any())


@pytest.mark.parametrize("tolerance", [math.nan, 0.0, -1e-3, math.inf])
def test_a_tolerance_that_is_no_number_above_zero_is_refused(tolerance):
    with pytest.raises(SpecError, match="tolerance must be a finite number above 0"):
        eigenpairs(Known([1.0, 2.0]), 1, tolerance=tolerance)


@pytest.mark.parametrize("name", ["top", "bottom", "most"])
@pytest.mark.parametrize("count", [2.5, "2", math.nan, None])
def test_a_count_that_is_no_whole_number_is_refused(name, count, monkeypatch):
    monkeypatch.setattr(config, "jaxtyping_disable", True)  # as it is outside the tests
    with pytest.raises(SpecError, match=f"{name} must be a whole number"):
        eigenpairs(Known([1.0, 2.0, 3.0]), **{name: count})


def test_lanczos_gives_gauss_rules_exact_for_polynomials():
    bowl = cases.bowl(cases.normal(25, seed=3))
    operator = Hessian().at(bowl, bowl.minimum)
    starts = cases.normal(2, 25, seed=5)
    nodes, weights = lanczos(operator, starts, 6).quadrature()
    unit = starts / starts.norm(dim=1, keepdim=True)
    for power in range(12):  # 2 m - 1 at most
        moment = torch.einsum(
            "kp,pq,kq->k", unit, torch.linalg.matrix_power(bowl.hessian, power), unit
        )
        torch.testing.assert_close((weights * nodes**power).sum(dim=1), moment)


def test_lanczos_ends_where_the_krylov_space_does():
    bowl = cases.bowl([1.0, 1.0, 1.0, 3.0, 3.0, 3.0, 3.0])
    rules = lanczos(Hessian().at(bowl, bowl.minimum), cases.normal(2, 7), 7)
    nodes, weights = rules.quadrature()
    for own, share in zip(nodes, weights, strict=True):
        alive = own[share > 1e-9].tolist()
        assert sorted(alive) == pytest.approx([1.0, 3.0])


@pytest.mark.exhaustive
def test_the_trace_is_within_its_standard_error_over_fifty_seeds():
    objective = cases.residual_objective()
    exact = float(dense(objective).trace())
    operator = Hessian().at(objective, objective.start)
    found = [trace(operator, tolerance=0.02, sketch=4, most=64, seed=seed) for seed in range(50)]
    scores = np.array([(each.value - exact) / each.standard_error for each in found])
    # Student's t with at least 7 degrees of freedom: 65 % lie within one, 91 % within two.
    assert 0.5 <= (np.abs(scores) < 1).mean() <= 0.82
    assert (np.abs(scores) < 2).mean() >= 0.84
    assert abs(scores.mean()) < 3 / math.sqrt(50) * scores.std()


def test_hutchinson_without_a_sketch_is_right_on_average():
    objective = cases.mlp_objective()
    exact = float(dense(objective).trace())
    operator = Hessian().at(objective, objective.start)
    found = [trace(operator, tolerance=1e-9, sketch=0, most=20, seed=seed) for seed in range(50)]
    mean = np.mean([each.value for each in found])
    spread = np.std([each.value for each in found]) / math.sqrt(50)
    assert abs(mean - exact) < 3 * spread
    claimed = np.mean([each.standard_error for each in found])
    assert claimed == pytest.approx(spread * math.sqrt(50), rel=0.3)


def test_a_small_matrix_has_its_trace_exactly():
    bowl = cases.bowl([1.0, 2.0, 3.5])
    found = trace(Hessian().at(bowl, bowl.minimum))
    assert (found.value, found.standard_error) == (pytest.approx(6.5), 0.0)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.exhaustive) if name == "residual" else name
        for name in OBJECTIVES
    ],
)
def test_the_density_lies_within_its_band(name):
    objective = OBJECTIVES[name]()
    values = torch.linalg.eigvalsh(dense(objective)).numpy()
    operator = Hessian().at(objective, objective.start)
    inside = []
    for seed in range(10):
        found = density(operator, probes=24, steps=60, smoothing=0.02, seed=seed)
        true = smoothed(
            values, np.full(len(values), 1 / len(values)), found.eigenvalue, found.sigma
        )
        visible = true > 1e-3 * true.max()
        good = (found.low <= true + 1e-12) & (true <= found.high + 1e-12)
        inside.append(good[visible].mean())
        area = np.trapezoid(found.density, found.eigenvalue)
        assert area == pytest.approx(1, abs=0.01)
    assert np.mean(inside) >= 0.9


def test_a_layer_alone_is_its_block_of_the_dense_hessian():
    objective = cases.mlp_objective()
    matrix = dense(objective)
    for block in objective.layout.blocks:
        part = objective.moving([block.name], objective.start)
        found = Hessian().at(part, part.start).dense()
        expected = matrix[block.start : block.stop, block.start : block.stop]
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-11)


def test_a_single_precision_network_has_the_curvature_of_the_double_one(iterated):
    objective = cases.mlp_objective()
    single = ModelObjective(
        cases.mlp().float(), nn.CrossEntropyLoss(), objective.inputs.float(), objective.targets
    )
    expected = eigenpairs(Hessian().at(objective, objective.start), 3).values
    found = eigenpairs(Hessian().at(single, single.start), 3, tolerance=1e-4).values
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("top", "bottom"), [(0, 0), (5, 1), (-1, 3)])
def test_more_eigenvalues_than_there_are_is_refused(top, bottom):
    bowl = cases.bowl([1.0, 2.0, 3.0, 4.0, 5.0])
    with pytest.raises(SpecError, match="between 1 and"):
        eigenpairs(Hessian().at(bowl, bowl.minimum), top, bottom)


def test_curvature_where_the_loss_is_not_finite_is_refused():
    objective = cases.mlp_objective()
    operator = Hessian().at(objective, torch.full_like(objective.start, torch.inf))
    with pytest.raises(SpecError, match="finite"):
        eigenpairs(operator, 2)


@pytest.mark.parametrize("matrix", [GaussNewton(), Fisher()])
def test_matrices_of_the_outputs_need_a_network(matrix):
    bowl = cases.bowl([1.0, 2.0])
    with pytest.raises(SpecError, match="network"):
        matrix.at(bowl, bowl.minimum)


def test_one_probe_has_no_error_and_is_refused():
    bowl = cases.bowl(np.arange(1.0, 60.0))
    operator = Hessian().at(bowl, bowl.minimum)
    with pytest.raises(SpecError, match="at least 2"):
        density(operator, probes=1)
    with pytest.raises(SpecError, match="at least 2"):
        trace(operator, most=1)
