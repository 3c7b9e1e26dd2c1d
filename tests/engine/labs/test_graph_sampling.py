"""Gradients of nodes against the network of the catalogue, variances by enumeration."""

import itertools

import numpy as np
import pytest
import torch

from landscape_core.labs.graph_sampling import Adam, GraphNetwork, neighbourhood, placed, ratio
from landscape_core.models.problems.node_classification import NodeClassification


@pytest.fixture(scope="module")
def objective():
    problem = NodeClassification(nodes=60, p_in=0.3, p_out=0.1)
    return problem.build(2, dtype=torch.float64).train


@pytest.fixture(scope="module")
def network(objective):
    return GraphNetwork.of(objective)


def test_gradients_of_nodes_are_those_of_the_network_of_the_catalogue(objective, network):
    theta = network.start + 0.1 * np.random.default_rng(0).standard_normal(len(network.start))
    found = network.gradients(theta)
    assert found.shape == (network.examples, len(theta))
    for i in range(0, network.examples, 5):
        expected = objective.between(i, i + 1).gradient(torch.from_numpy(theta))
        np.testing.assert_allclose(found[i], expected, rtol=1e-9, atol=1e-13)
    some = np.array([7, 3])
    np.testing.assert_allclose(network.gradients(theta, some), found[some], rtol=1e-12, atol=1e-15)
    assert network.gradients(theta, np.array([], int)).shape == (0, len(theta))
    loss = float(objective.loss(torch.from_numpy(theta)))
    assert network.loss(theta) == pytest.approx(loss, rel=1e-12)


def test_the_last_layer_has_the_last_parameters(objective, network):
    assert sum(b.stop - b.start for b in objective.layout.blocks[-2:]) == network.last


def test_variances_are_those_over_all_batches():
    rng = np.random.default_rng(1)
    rows, chances, N, batch = rng.standard_normal((6, 3)), rng.uniform(0.2, 1, 6), 6, 2
    mean = rows.mean(0)
    sampled = 0.0
    for kept in itertools.product([0, 1], repeat=N):
        kept = np.array(kept)
        chance = np.prod(np.where(kept, chances, 1 - chances))
        sampled += chance * np.square(kept / chances @ rows / N - mean).sum()
    pairs = [rows[list(pair)].mean(0) for pair in itertools.combinations(range(N), batch)]
    uniform = np.square(pairs - mean).sum(1).mean()
    assert ratio(rows, chances, batch) == pytest.approx(sampled / uniform, rel=1e-12)


def test_a_step_is_that_of_adam():
    theta = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
    ours, rule = Adam(theta.detach().numpy(), 0.1), torch.optim.Adam([theta], lr=0.1)
    for g in ([0.5, 1.0], [-0.2, 3.0], [0.1, 0.0]):
        theta.grad = torch.tensor(g, dtype=torch.float64)
        rule.step()
        ours.step(np.array(g))
    np.testing.assert_allclose(ours.theta, theta.detach(), rtol=1e-12)


def test_values_of_training_nodes_stand_at_their_places(network):
    found = network.of_nodes(np.arange(1.0, network.examples + 1))
    assert found[network.nodes[4]] == 5
    assert np.count_nonzero(found) == network.examples


def test_drawn_nodes_are_the_nearest_ones_each_once(network):
    near = neighbourhood(network.adjacency, 20)
    degrees = np.diff(network.adjacency.indptr)
    assert len(set(near.tolist())) == 20
    assert degrees[near[0]] == degrees.max()
    linked = network.adjacency[near][:, near].toarray() > 0
    reached = np.linalg.matrix_power(linked + np.eye(20), 20)[0] > 0
    assert reached.all()


def test_neighbours_are_placed_nearer_than_others():
    edges = np.kron(np.eye(2, dtype=bool), np.ones((6, 6), bool))
    at = placed(edges)
    apart = np.linalg.norm(at[:, None] - at[None], axis=-1)
    assert apart[~edges].mean() > 1.5 * apart[edges].mean()
