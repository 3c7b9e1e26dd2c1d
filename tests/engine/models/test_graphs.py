"""Node classification: the graph, the network on it, and the neighbours that training draws."""

import itertools
import pickle
from collections import deque

import numpy as np
import pytest
import torch
from torch.func import jvp

from cases import normal
from landscape_core.curvature.monitor import Watch
from landscape_core.curvature.spectrum import Spectrum, compute_spectrum
from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import label_of, summary_of
from landscape_core.foundation.registry import entries
from landscape_core.models import derivatives
from landscape_core.models.graph_convolution import normalized
from landscape_core.models.initializations.lsuv import LSUV
from landscape_core.models.neighbor_sampling.all import All
from landscape_core.models.neighbor_sampling.base import Asked, Neighbours
from landscape_core.models.neighbor_sampling.clusters import Clusters
from landscape_core.models.neighbor_sampling.history import History
from landscape_core.models.neighbor_sampling.layer_wise import LayerWise
from landscape_core.models.neighbor_sampling.minimal_variance import MinimalVariance
from landscape_core.models.neighbor_sampling.node_wise import NodeWise
from landscape_core.models.neighbor_sampling.subgraph import Subgraph
from landscape_core.models.problems.node_classification import NodeClassification
from landscape_core.planes.directions.base import Viewpoint
from landscape_core.planes.directions.random import Random
from landscape_core.session.session import Session
from landscape_core.slices.grid import Grid
from landscape_core.slices.probe import probe
from landscape_core.slices.slice_key import slice_key
from landscape_core.slices.slice_spec import SliceSpec
from landscape_core.slices.strategies.loop import Loop
from landscape_core.slices.strategies.shared_layers import SharedLayers, shared
from landscape_core.slices.strategies.vmap import Vmap
from landscape_core.slices.sweep import exact
from landscape_core.storage import netcdf
from landscape_core.training.optimizers.adam import Adam
from landscape_core.training.run import Run, Training, train
from landscape_lab.cli.main import main

KINDS = entries(Neighbours)
DRAWING = {name: kind for name, kind in KINDS.items() if not kind.exact}


def small(**changes):
    """A graph of 40 nodes with rather many neighbours."""
    fields = {"nodes": 40, "p_in": 0.2, "p_out": 0.05, "features": 3, "width": 4, "classes": 3}
    return NodeClassification(**fields | {"activation": "tanh"} | changes)


def built(seed=0, **changes):
    return small(**changes).build(seed, dtype=torch.float64)


def few(kind):
    """The recipe with so few draws that most of 40 nodes are left out."""
    return kind(parts=5, draws=2) if kind is Clusters else kind()


def graph(instance):
    return instance.train.module.adjacency.numpy(), instance.train.module.features.numpy()


def asked_of(instance, draw, *, nodes=(3, 17, 8), batch=(3, 8), layer=1, kind=All):
    adjacency = instance.train.module.adjacency
    prepared = few(kind).prepare(adjacency)
    named = (torch.tensor(nodes), torch.tensor(batch))
    return Asked(adjacency, *named, layer, (0, draw), prepared)


# The graph.


def test_the_normalized_adjacency_is_what_numpy_says():
    a = np.array([[0, 1, 0, 1], [1, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]], dtype=float)
    looped = a + np.eye(4)
    half = np.diag(looped.sum(1) ** -0.5)
    found = normalized(torch.from_numpy(a)).numpy()
    np.testing.assert_allclose(found, half @ looped @ half, rtol=1e-15)
    assert found[2, 2] == 1.0  # a node without neighbours keeps its own


def test_nodes_are_joined_as_often_as_the_block_model_says():
    chances = {"p_in": 0.03, "p_out": 0.006, "classes": 3}
    counts, expected, variance = np.zeros(2), np.zeros(2), np.zeros(2)
    for seed in range(3):
        found = NodeClassification(nodes=300, tail=50.0, **chances).build(seed, dtype=torch.float64)
        a = (graph(found)[0] > 0) & ~np.eye(300, dtype=bool)
        assert (a == a.T).all()
        classes = np.empty(300, dtype=int)
        for part in (found.data.train, found.data.test):
            classes[part.inputs.numpy()] = part.targets.numpy()
        alike = np.triu(classes[:, None] == classes, 1), np.triu(classes[:, None] != classes, 1)
        for k, (pairs, p) in enumerate(zip(alike, (0.03, 0.006), strict=True)):
            counts[k] += a[pairs].sum()
            expected[k] += p * pairs.sum()
            variance[k] += p * (1 - p) * pairs.sum()
    # Weights of a tail this thin differ by 2 percent, which adds little to the variance.
    assert (np.abs(counts - expected) < 5 * np.sqrt(variance)).all()


def test_a_heavy_tail_makes_hubs():
    heavy, light = (NodeClassification(tail=tail).build(0) for tail in (2.0, 100.0))
    most = [int((graph(found)[0] > 0).sum(1).max()) for found in (heavy, light)]
    assert most[0] > 3 * most[1]


def test_labelled_nodes_are_the_training_data_and_all_others_the_test_data():
    data = built(labelled=0.3).data
    assert len(data.train.inputs) == 12
    everyone = torch.cat([data.train.inputs, data.test.inputs])
    assert torch.equal(everyone.sort().values, torch.arange(40))


def test_graph_and_weights_come_from_streams_of_their_own():
    one, other = built(0, data_seed=3), built(1, data_seed=3)
    assert np.array_equal(graph(one)[0], graph(other)[0])
    assert np.array_equal(graph(one)[1], graph(other)[1])
    assert not torch.equal(one.start, other.start)
    assert not np.array_equal(graph(built(0))[0], graph(built(1))[0])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labelled": 0.01}, "NodeClassification.labelled must be a fraction that leaves"),
        (
            {"initialization": LSUV()},
            "NodeClassification.initialization must be one that initializes",
        ),
    ],
)
def test_what_cannot_work_is_refused(changes, said):
    with pytest.raises(SpecError, match=said):
        small(**changes)


# The network.


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_its_outputs_are_what_numpy_says(layers):
    found = built(layers=layers)
    a, hidden = graph(found)
    theta = found.start + 0.1 * normal(len(found.start))
    tensors = found.train.layout.split(theta)
    for i in range(layers):
        weight, bias = (tensors[f"layers.{i}.{kind}"].numpy() for kind in ("weight", "bias"))
        hidden = a @ hidden @ weight.T + bias
        hidden = np.tanh(hidden) if i < layers - 1 else hidden
    for part in (found.train, found.test):
        expected = hidden[part.inputs.numpy()]
        np.testing.assert_allclose(part.outputs(theta).numpy(), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_a_mini_batch_is_one_function_and_its_gradient_that_of_finite_differences(name, layers):
    found = built(layers=layers, neighbours=few(KINDS[name]))
    part = found.train.minibatch(torch.arange(9))
    part.loss(normal(len(found.start), seed=1))
    later = found.train.with_buffers(part.buffers).minibatch(torch.arange(4, 15))
    theta = found.start + 0.1 * normal(len(found.start))
    gradient = later.gradient(theta)
    with torch.no_grad():
        for move in normal(3, len(theta), seed=2):
            ends = [later.loss(theta + step * move) for step in (1e-5, -1e-5)]
            assert float(gradient @ move) == pytest.approx(
                float(ends[0] - ends[1]) / 2e-5, rel=1e-6
            )


def test_neighbours_are_drawn_in_training_alone():
    reference = built()
    for kind in KINDS.values():
        found = built(neighbours=kind())
        assert torch.equal(found.start, reference.start)
        outputs = found.test.outputs(found.start)
        torch.testing.assert_close(outputs, reference.test.outputs(found.start))


def test_it_learns_the_classes():
    run = Run(problem=NodeClassification(), optimizer=Adam(learning_rate=0.02), steps=100, seed=1)
    last = list(train(run))[-1]
    test = Training(run).instance.test
    right = (test.outputs(last.theta).argmax(1) == test.targets).float().mean()
    assert right > 0.8  # a quarter by chance


def test_constants_are_no_buffers_and_follow_the_type():
    found = small().build(0, dtype=torch.float32)
    assert not found.train.buffers
    module = found.train.module
    assert {module.adjacency.dtype, module.features.dtype} == {torch.float32}
    assert found.train.layout.size == sum(p.numel() for p in module.layers.parameters())


# What neighbours promise.


@pytest.mark.parametrize("name", KINDS)
def test_it_introduces_itself(name):
    kind = KINDS[name]
    assert label_of(kind)
    assert "P" in kind.formula
    assert any(str(year) in kind.source for year in range(2015, 2100))
    assert len(summary_of(kind)) > 20


@pytest.mark.parametrize("name", DRAWING)
def test_with_the_embeddings_of_the_present_the_sums_are_right_in_the_mean(name):
    """Drawn sums P H have the mean Â H; with H̄ = H, P (H − H̄) + Â H̄ is it."""
    found, kind = built(), DRAWING[name]
    hidden = normal(40, 2)
    adjacency = found.train.module.adjacency
    stale = hidden if kind.stale else torch.zeros_like(hidden)
    sums = []
    for draw in range(600):
        rows = few(kind).draw(asked_of(found, draw, kind=kind))
        sums.append(rows @ (hidden - stale) + adjacency[[3, 17, 8]] @ stale)
    sums, exact = torch.stack(sums), adjacency[[3, 17, 8]] @ hidden
    errors = sums.std(0) / len(sums) ** 0.5
    assert ((sums.mean(0) - exact).abs() <= 4 * errors + 1e-12).all()


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("kind", [NodeWise, History])
def test_node_wise_draws_are_all_subsets_of_a_row_alike(kind, count):
    found = built()
    a = graph(found)[0]
    node = int(np.argmin(np.abs((a > 0).sum(1) - 5)))
    entries_ = np.flatnonzero(a[node])
    size = min(count, len(entries_))
    subsets = list(itertools.combinations(entries_, size))
    means = np.zeros(40)
    for subset in subsets:  # the mean of P over all subsets, enumerated
        means[list(subset)] += a[node, list(subset)] * len(entries_) / size / len(subsets)
    np.testing.assert_allclose(means, a[node], atol=1e-15)
    drawn = {}
    for draw in range(100 * len(subsets)):
        row = kind(draws=count).draw(asked_of(found, draw, nodes=[node]))[0].numpy()
        subset = tuple(np.flatnonzero(row))
        drawn[subset] = drawn.get(subset, 0) + 1
        np.testing.assert_allclose(row[row > 0], a[node, row > 0] * len(entries_) / size)
    assert set(drawn) == set(subsets)
    spread = 100 * (1 - 1 / len(subsets))
    assert all(abs(times - 100) < 5 * spread**0.5 for times in drawn.values())


@pytest.mark.parametrize("rows", ["all", "above"])
def test_layer_wise_draws_go_by_the_squared_columns(rows):
    found = built()
    a = graph(found)[0]
    sizes = (a if rows == "all" else a[[3, 17, 8]]).__pow__(2).sum(0)
    chances = sizes / sizes.sum()
    counts = np.zeros(40)
    for draw in range(2000):
        asked = asked_of(found, draw, kind=LayerWise)
        factors = LayerWise(rows=rows, draws=4).draw(asked).sum(0).numpy()
        with np.errstate(invalid="ignore"):
            times = factors / a[[3, 17, 8]].sum(0) * 4 * chances
        times = np.nan_to_num(times)
        np.testing.assert_allclose(times, times.round(), atol=1e-9)
        counts += times
    expected = 8000 * chances * (a[[3, 17, 8]].sum(0) > 0)
    assert (np.abs(counts - expected) <= 5 * np.sqrt(8000 * chances * (1 - chances))).all()


@pytest.mark.parametrize("kind", [Subgraph, Clusters])
def test_a_subgraph_is_the_same_in_all_layers_and_holds_the_batch(kind):
    found = built()
    a = graph(found)[0]
    for draw in range(20):
        first, second = (
            few(kind).draw(asked_of(found, draw, nodes=range(40), layer=layer, kind=kind))
            for layer in (1, 2)
        )
        assert torch.equal(first, second)
        np.testing.assert_array_equal(first[:, [3, 8]].numpy(), a[:, [3, 8]])


def test_layers_draw_apart_where_no_subgraph_is_meant():
    found = built()
    for kind in (NodeWise, History, LayerWise):
        recipe = kind(draws=2)
        one, other = (
            torch.stack([recipe.draw(asked_of(found, k, layer=layer, kind=kind)) for k in range(9)])
            for layer in (1, 2)
        )
        assert not torch.equal(one, other)


def test_clusters_are_equal_parts_of_near_nodes():
    found = NodeClassification(nodes=200, classes=2, p_in=0.06, p_out=0.0).build(0)
    adjacency = found.train.module.adjacency
    parts = Clusters(parts=4).prepare(adjacency)
    assert torch.bincount(parts).tolist() == [50] * 4
    inside = parts[:, None] == parts
    joined = adjacency > 0
    assert joined[inside].float().mean() > 1.5 * joined[~inside].float().mean()


def test_it_draws_no_more_parts_than_there_are():
    with pytest.raises(SpecError, match=r"Clusters.draws must be at most parts, 3; got 4"):
        Clusters(parts=3, draws=4)


# Training with them.


@pytest.mark.parametrize("name", DRAWING)
def test_evaluated_again_a_mini_batch_sees_the_same_neighbours_and_the_next_one_others(name):
    found = built(neighbours=few(DRAWING[name]))
    theta = found.start
    part = found.train.minibatch(torch.arange(9))
    first = part.loss(theta)
    part.loss(normal(len(theta)))  # a look elsewhere, as a line search takes one
    assert torch.equal(part.loss(theta), first)
    assert int(part.buffers["drawn"][0]) == 0
    following = found.train.with_buffers(part.buffers).minibatch(torch.arange(9, 18))
    following.loss(theta)
    assert int(following.buffers["drawn"][0]) == 1
    assert int(part.buffers["drawn"][0]) == 0
    back = found.train.with_buffers(following.buffers).minibatch(torch.arange(9))
    back.loss(theta)
    assert int(back.buffers["drawn"][0]) == 2


@pytest.mark.parametrize("name", DRAWING)
def test_a_run_repeats_itself_goes_on_from_a_pickle_and_obeys_the_seed(name):
    run = Run(problem=small(neighbours=few(DRAWING[name])), batch_size=6, steps=8)
    states = list(train(run))
    assert all(torch.equal(a.theta, b.theta) for a, b in zip(states, train(run), strict=True))
    halfway = pickle.loads(pickle.dumps(states[4]))
    training = Training(run)
    for expected in states[5:]:
        halfway = training.advance(halfway)
        assert torch.equal(halfway.theta, expected.theta)
    exact = list(train(run.replace(problem=small())))[-1].theta
    assert not torch.equal(states[-1].theta, exact)


def test_draws_of_another_seed_are_others():
    found = [built(0, neighbours=NodeWise(draws=1)) for _ in range(2)]
    found[1].train.module.seed = 1
    losses = [one.train.minibatch(torch.arange(9)).loss(one.start) for one in found]
    assert losses[0] != losses[1]


def by_hand(instance, theta, batch, stale):
    """Outputs of two layers in NumPy, by stale embeddings outside the batch, and the new ones."""
    a, x = graph(instance)
    w0, b0, w1, b1 = (block.of(theta).numpy() for block in instance.train.layout.blocks)
    hidden = np.tanh(a @ x @ w0.T + b0)
    mixed = stale.copy()
    mixed[batch] = hidden[batch]
    return (a @ mixed @ w1.T + b1)[batch], hidden


def test_stale_embeddings_stand_in_for_those_outside_the_batch():
    found = built(neighbours=MinimalVariance(refresh=3))
    train_, start = found.train, found.start
    first, second = found.data.train.inputs[:5], found.data.train.inputs[5:11]
    part = train_.minibatch(torch.arange(5))
    torch.testing.assert_close(part.outputs(start), train_.outputs(start, first))  # all are renewed
    _, old = by_hand(found, start, first, np.zeros((40, 4)))
    theta = start + normal(len(start))
    part = train_.with_buffers(part.buffers).minibatch(torch.arange(5, 11))
    expected, new = by_hand(found, theta, second.numpy(), old)
    np.testing.assert_allclose(part.outputs(theta).numpy(), expected, rtol=1e-12)
    old[second.numpy()] = new[second.numpy()]  # those of the batch are kept
    later = theta + normal(len(start), seed=1)
    part = train_.with_buffers(part.buffers).minibatch(torch.arange(5))
    expected, _ = by_hand(found, later, first.numpy(), old)
    np.testing.assert_allclose(part.outputs(later).numpy(), expected, rtol=1e-12)
    part = train_.with_buffers(part.buffers).minibatch(torch.arange(5, 11))
    torch.testing.assert_close(part.outputs(later), train_.outputs(later, second))


def test_histories_of_the_present_leave_no_error_and_of_the_past_a_small_one():
    few_, many = (built(nodes=60, neighbours=kind(draws=2)) for kind in (History, NodeWise))
    theta = few_.start
    exact = few_.train.outputs(theta)
    buffers = few_.train.buffers
    for _ in range(400):  # every node's history is of theta by then
        part = few_.train.with_buffers(buffers).minibatch(torch.randperm(36, generator=RNG)[:12])
        part.outputs(theta)
        buffers = part.buffers
    everyone = torch.arange(36)
    part = few_.train.with_buffers(buffers).minibatch(everyone)
    torch.testing.assert_close(part.outputs(theta), exact)
    moved = theta + 0.05 * normal(len(theta))
    now = few_.train.outputs(moved)
    offs = [
        (objective.minibatch(everyone).outputs(moved) - now).norm()
        for objective in (few_.train.with_buffers(buffers), many.train)
    ]
    assert offs[0] < 0.3 * offs[1]


RNG = random_streams.stream(0, "test", "batches")


@pytest.mark.parametrize("kind", [NodeWise, History, LayerWise, Subgraph, Clusters])
def test_the_outputs_of_one_layer_are_right_in_the_mean(kind):
    """One layer is linear in P; more are not, and there only the sums of each layer are."""
    found = built(layers=1, neighbours=few(kind))
    ids, theta, rows = torch.arange(6), found.start, []
    buffers = found.train.buffers
    for k in range(600):
        # Another mini-batch between, so that each is a new draw.
        between = found.train.with_buffers(buffers).minibatch(torch.tensor([k % 6 + 10]))
        between.outputs(theta)
        part = found.train.with_buffers(between.buffers).minibatch(ids)
        rows.append(part.outputs(theta).reshape(-1))
        buffers = part.buffers
    rows = torch.stack(rows)
    exact = found.train.outputs(theta, found.train.inputs[ids]).reshape(-1)
    error = rows.std(0) / len(rows) ** 0.5
    assert ((rows.mean(0) - exact).abs() <= 4 * error + 1e-12).all()


# Everything that can be done with a network.


def plane_of(found):
    view = Viewpoint(found.train, found.start, found.start[None], 0)
    return Random().span(view)


def points_of(dataset, plane, indices):
    """The points of a slice at some places, as parameters."""
    where = [[float(dataset["alpha"][j]), float(dataset["beta"][i])] for i, j in indices]
    return plane.points(torch.tensor(where, dtype=torch.float64))


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("strategy", [Loop(), SharedLayers(), Vmap(), None], ids=str)
def test_every_strategy_reads_the_losses_and_accuracies_of_a_plain_loop(strategy, layers):
    found = built(layers=layers, neighbours=History())
    plane = plane_of(found)
    parts = {"train": found.train, "test": found.test}
    (dataset,) = deque(exact(probe(parts, plane, strategy=strategy), Grid(resolution=5)), maxlen=1)
    places = ((0, 0), (1, 3), (4, 4))
    for (i, j), theta in zip(places, points_of(dataset, plane, places), strict=True):
        for split, part in parts.items():
            outputs = part.outputs(theta)
            right = (outputs.argmax(1) == part.targets).double().mean()
            at = dataset.sel(split=split)[{"beta": i, "alpha": j}]
            assert float(at["loss"]) == pytest.approx(float(part.loss(theta)), rel=1e-12)
            assert float(at["accuracy"]) == float(right)


def test_a_plane_that_moves_the_last_layer_alone_shares_the_first():
    found = built()
    view = Viewpoint(found.train, found.start, found.start[None], 0)
    plane = Random(layers="layers.1").span(view)
    assert shared(found.train, plane) == (["layers.1"], ["layers.0"])


def test_what_reads_it_travels_in_a_pickle():
    found = built(neighbours=MinimalVariance())
    asked = probe({"train": found.train}, plane_of(found))
    coords = np.array([[0.3, -0.2], [0.0, 0.7]])
    again = pickle.loads(pickle.dumps(asked))
    np.testing.assert_array_equal(again(coords), asked(coords))


def test_a_slices_key_knows_graph_features_and_weights():
    def key(found, plane):
        return slice_key(probe({"train": found.train}, plane, strategy=Loop()), Grid(resolution=5))

    found = built()
    plane = plane_of(found)
    assert key(built(), plane) == key(found, plane)
    assert key(built(noise=1.0), plane) != key(found, plane)
    assert key(built(p_out=0.1), plane) != key(found, plane)
    assert key(built(activation="relu"), plane) != key(found, plane)


def test_derivatives_of_each_example_and_hessians_are_those_of_plain_autograd():
    found = built(layers=3)
    train_, theta = found.train, found.start
    rows = torch.cat(list(derivatives.gradients(train_, theta)))
    one_by_one = [train_.reordered(torch.tensor([i])).gradient(theta) for i in range(24)]
    torch.testing.assert_close(rows, torch.stack(one_by_one))
    move = normal(len(theta))
    ends = [train_.gradient(theta + step * move) for step in (1e-5, -1e-5)]
    expected = (ends[0] - ends[1]) / 2e-5
    torch.testing.assert_close(train_.hvp(theta, move), expected, rtol=1e-6, atol=1e-8)
    forward = jvp(train_.loss, (theta,), (move,))[1]
    torch.testing.assert_close(forward, train_.gradient(theta) @ move)


@pytest.mark.parametrize("name", KINDS)
def test_a_session_plays_refines_and_studies_it(name):
    run = Run(problem=small(neighbours=few(KINDS[name])), batch_size=6, steps=20)
    session = Session(run, SliceSpec(resolution=11))
    session.watch(Watch())
    pictures = list(session.play(5))
    assert pictures[-1].status == "finished"
    assert {"train_accuracy", "test_loss"} <= set(pictures[-1].readings.values)
    assert pictures[-1].boundary is None
    held = deque(session.refine(), maxlen=1)[0]
    assert held.slice["computed"].all()
    assert np.isfinite(held.slice["loss"]).all()

    def found(point):
        yield from compute_spectrum(point.parts["train"], point.parts["train"].start, Spectrum())

    studied = deque(session.study("spectrum", found), maxlen=1)[0]
    assert studied.studies["spectrum"] is not None


def test_the_command_line_trains_and_slices_it(tmp_path, monkeypatch):
    monkeypatch.setenv("LANDSCAPE_CACHE", str(tmp_path / "cache"))
    run, picture = str(tmp_path / "run.nc"), str(tmp_path / "slice.nc")
    asked = ["train", "--problem", "node_classification", "--set", "problem.nodes=60"]
    asked += ["--set", "problem.neighbours=history", "--steps", "12", "--batch-size", "8"]
    assert main([*asked, "-o", run]) == 0
    assert main(["slice", run, "--resolution", "5", "-o", picture]) == 0
    found = netcdf.load(tmp_path / "slice.nc")
    assert np.isfinite(found["loss"]).all()
    assert "accuracy" in found
