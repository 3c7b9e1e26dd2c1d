"""Strategies on a graphics card that is not there (`support/card.py`): values, places and waits."""

import gc
import weakref

import pytest
import torch
from torch.nn.functional import cross_entropy

import cases
from card import FREE, card
from landscape_core.foundation import memory
from landscape_core.models.generators import drawing
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.measures.accuracy import Accuracy
from landscape_core.models.measures.loss import LossMeasure
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.user_model import from_module
from landscape_core.planes.directions.random import Random
from landscape_core.slices import strategy_choice
from landscape_core.slices.model_plan import probe_of
from landscape_core.slices.probe import probe
from landscape_core.slices.reading import Reading
from landscape_core.slices.recorded_work import Recording
from landscape_core.slices.strategies.base import Strategy
from landscape_core.slices.strategies.cuda_graph import CudaGraph
from landscape_core.slices.strategies.loop import Loop
from landscape_core.slices.strategies.plane_algebra import PlaneAlgebra
from landscape_core.slices.strategies.shared_layers import SharedLayers
from landscape_core.slices.strategies.vmap import Vmap
from landscape_core.slices.strategy_choice import trial

WHERE = torch.tensor([[0.3, -0.2], [-0.7, 0.4], [0.0, 0.0], [0.9, 0.8], [-0.1, 0.6]]).double()


def frozen():
    network = cases.residual()
    for part in (network.stem, network.stem_norm, network.first):
        part.requires_grad_(requires_grad=False)
    return network


NETWORKS = {
    "mlp": lambda: ModelObjective(cases.mlp(), CrossEntropy(), *cases.vectors()),
    "batch norm": lambda: ModelObjective(cases.residual(), CrossEntropy(), *cases.images()),
    "frozen trunk": lambda: ModelObjective(frozen(), CrossEntropy(), *cases.images()),
    "own loss": lambda: ModelObjective(cases.mlp(), cross_entropy, *cases.vectors()),
}


def reading(objective, seed=0):
    plane = probe_of({"train": objective}, Random(), {}, strategy=Loop(), seed=seed).plane
    return Reading(objective, plane, [LossMeasure(), Accuracy()], 3)


def moved(what):
    """The same reading on the card."""
    objective = what.objective.to("cuda:0")
    return Reading(objective, what.plane.to("cuda:0"), what.measures, what.classes)


OTHERS = {
    (PlaneAlgebra, "batch norm"),
    (PlaneAlgebra, "frozen trunk"),
    (SharedLayers, "batch norm"),
}
"""Which strategies do not apply to which networks."""


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("kind", [Loop, Vmap, PlaneAlgebra, SharedLayers, CudaGraph])
def test_every_strategy_gives_on_the_card_what_the_loop_gives_here(kind, name):
    here = reading(NETWORKS[name]())
    expected = Loop().reader(here)(WHERE)
    with card() as there:
        what = moved(here)
        if not kind().applies(what):
            assert (kind, name) in OTHERS
            return
        read = kind().reader(what)
        read(WHERE[:1].to("cuda:0"))  # the plain evaluation traces the first point
        waits, up, down = there.waits, there.up.total(), there.down.total()
        found = read(WHERE.to("cuda:0"))
        assert there.waits == waits
        assert there.down.total() - down == (kind is SharedLayers)  # the coordinates, once
        assert there.up.total() - up == 1  # those given here
        assert found.device.type == "cuda"
        found = found.cpu()
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("kind", [Loop, Vmap, PlaneAlgebra, SharedLayers, CudaGraph])
def test_every_strategy_gives_on_a_real_card_what_the_loop_gives_here(kind, name):
    here = reading(NETWORKS[name]())
    what = moved(here)
    if not kind().applies(what):
        assert (kind, name) in OTHERS
        return
    found = kind().reader(what)(WHERE.to("cuda:0")).cpu()
    torch.testing.assert_close(found, Loop().reader(here)(WHERE), rtol=1e-9, atol=1e-9)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_a_real_card_draws_and_records_after_a_recording_that_failed():
    device = torch.device("cuda:0")
    x = torch.ones(3, device=device)

    def waits():
        torch.cuda.synchronize()
        return x * 2

    with pytest.raises(RuntimeError):
        Recording(waits, device)
    assert torch.randn(3, device=device).isfinite().all()
    assert torch.cuda.current_stream() == torch.cuda.default_stream()
    assert Recording(lambda: x * 2, device)().tolist() == [2, 2, 2]


def test_a_recording_reads_only_memory_that_it_holds():
    made = {}

    def work():
        return made["outside"] * 2 + made["list"][0]

    with card() as there:
        made |= {
            "outside": torch.ones(3, device="cuda:0"),
            "list": [torch.ones(3, device="cuda:0")],
        }
        again = Recording(work, torch.device("cuda:0"))
        assert there.entered == [torch.device("cuda:0")]  # whichever was the current one
        outside = made["outside"]
        made.clear()
        gc.collect()
        assert again().cpu().tolist() == [3, 3, 3]
        outside.fill_(5)
        assert again().cpu().tolist() == [11, 11, 11]
        again.held.clear()
        del outside
        gc.collect()
        with pytest.raises(RuntimeError, match="freed memory"):
            again()


@pytest.mark.parametrize("name", ["mlp", "frozen trunk"])
def test_what_a_recording_reads_outlives_all_others_that_hold_it(name):
    here = reading(NETWORKS[name]())
    expected = Loop().reader(here)(WHERE)
    with card():
        what = moved(here)
        read = CudaGraph().reader(what)
        again = read.again
        read.coord.copy_(WHERE[:1].to("cuda:0"))
        del read, what
        gc.collect()
        torch.testing.assert_close(again().cpu(), expected[:, 0], rtol=1e-12, atol=1e-12)


def asks_item(outputs, targets):
    return cross_entropy(outputs, targets) * (1 + 0 * float(outputs.detach()[0, 0]))


def answers_here(outputs, targets):
    return cross_entropy(outputs, targets).cpu()


def masks(outputs, targets):
    return cross_entropy(outputs[targets > 0], targets[targets > 0])


def raises(outputs, targets):
    if WITHIN and WITHIN[0].graph is not None:
        raise ValueError("only while it is recorded")
    return cross_entropy(outputs, targets)


def breaks(outputs, targets):
    if WITHIN and WITHIN[0].graph is not None:
        WITHIN[0].graph.broken = True
        raise RuntimeError("operation not permitted when stream is capturing")
    return cross_entropy(outputs, targets)


WITHIN = []
"""The card while `raises` and `breaks` may raise."""


@pytest.mark.parametrize("loss", [asks_item, answers_here, masks, raises, breaks])
def test_what_cannot_be_recorded_is_left_to_others_and_numbers_are_drawn_as_before(loss):
    model, data = cases.mlp(), cases.vectors()
    objective = from_module(model, loss, data)
    expected = Loop().reader(reading(objective))(WHERE)[:1]
    with card() as there:
        WITHIN[:] = [there]
        what = moved(reading(objective))
        with pytest.raises((RuntimeError, ValueError)):
            CudaGraph().reader(what)
        assert there.captures == (loss in (raises, breaks))  # the others are found out before
        with drawing(torch.device("cuda:0"), 0):  # raises where the generator goes on recording
            pass
        timings = trial(what)
        assert CudaGraph not in {type(one.strategy) for one in timings}
        read = probe({"train": what.objective}, what.plane, {}, strategy="loop")
        torch.testing.assert_close(torch.from_numpy(read(WHERE.numpy())[0]), expected)
        WITHIN.clear()


def test_a_landscape_is_recorded_once_and_live_pictures_go_on_with_it(monkeypatch):
    monkeypatch.setattr(strategy_choice, "_candidates", lambda _: iter([CudaGraph()]))
    monkeypatch.setattr(strategy_choice, "MARGIN", 0)  # it is taken however slow it is here
    here = NETWORKS["batch norm"]()
    planes = [reading(here, seed=seed).plane for seed in range(3)]
    with card() as there:
        objective = here.to("cuda:0")
        first = probe({"train": objective}, planes[0], {})
        first(WHERE.numpy())
        assert there.captures == 1
        chosen, before = first.strategies["train"], first
        assert isinstance(chosen, CudaGraph)
        for number, plane in enumerate(planes[1:], 1):
            buffers = {
                n: b + number if b.is_floating_point() else b for n, b in here.buffers.items()
            }
            part = objective.with_buffers({n: b.to("cuda:0") for n, b in buffers.items()})
            live = probe({"train": part}, plane, {}, chosen, tried=True).going_on_from(before)
            found = live(WHERE.numpy())
            expected = probe({"train": here.with_buffers(buffers)}, plane, {}, Loop())(
                WHERE.numpy()
            )
            torch.testing.assert_close(
                torch.tensor(found), torch.tensor(expected), rtol=1e-12, atol=0
            )
            before = live
        assert there.captures == 1
        other = objective.first(7)
        probe({"train": other}, planes[0], {}, chosen, tried=True).going_on_from(before)(
            WHERE.numpy()
        )
        assert there.captures == 2  # fewer examples are other work


def test_memory_that_torch_keeps_for_reuse_is_free(monkeypatch):
    with card():
        assert memory.free_memory("cuda:0") == FREE
        monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: 5_000)
        monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 3_000)
        assert memory.free_memory("cuda:0") == FREE + 2_000


def test_what_does_not_fit_beside_all_else_is_left_to_the_loop(monkeypatch):
    with card():
        what = moved(reading(NETWORKS["mlp"]()))
        for kind in (Vmap, PlaneAlgebra):
            strategy = kind()
            assert strategy.applies(what)
            assert strategy.memory(what) < FREE
            monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _=None: (3_000, FREE))
            assert not strategy.applies(what)
            monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _=None: (FREE, FREE))


class Rounded(Strategy):
    """Values off by so much as TF32 may be."""

    def applies(self, reading):
        return True

    def memory(self, reading):
        return 0

    def reader(self, reading):
        inner = Loop().reader(reading)
        return lambda coords: inner(coords) * 1.001


@pytest.mark.parametrize(
    ("where", "tf32", "kind", "taken"),
    [
        ("cuda:0", True, torch.float32, True),
        ("cuda:0", False, torch.float32, False),
        ("cuda:0", True, torch.float64, False),
        ("cpu", True, torch.float32, False),
    ],
)
def test_a_trial_allows_the_rounding_that_was_allowed(where, tf32, kind, taken, monkeypatch):
    monkeypatch.setattr(strategy_choice, "_candidates", lambda _: iter([Rounded()]))
    model = cases.mlp().to(kind)
    inputs, targets = cases.vectors()
    objective = ModelObjective(model, CrossEntropy(), inputs.to(kind), targets)
    plane = reading(objective).plane
    with card():
        objective = objective.to(where)
        what = Reading(objective, plane.to(where), [LossMeasure()], 3, tf32)
        assert (Rounded in {type(one.strategy) for one in trial(what)}) == taken


def test_on_a_card_a_fast_strategy_does_not_end_the_trial(monkeypatch):
    seen = []

    class Instant(Rounded):
        def reader(self, reading):
            seen.append(type(self))
            few = strategy_choice.trial_coords(2, reading.plane)
            known = Loop().reader(reading)(few)
            second = few[1].tolist()
            return lambda coords: known[:, [int(one == second) for one in coords.tolist()]]

    class Second(Instant):
        pass

    ways = [Instant(), Second()]
    monkeypatch.setattr(strategy_choice, "_candidates", lambda _: iter(ways))
    here = reading(NETWORKS["mlp"]())
    monkeypatch.setattr(strategy_choice, "LEAST", 60)
    monkeypatch.setattr(strategy_choice, "LEAST_ON_CARD", 60)
    trial(here)
    assert seen == [Instant]
    with card():
        trial(moved(here))
    assert seen == [Instant, Instant, Second]


def test_the_trial_waits_for_the_first_call_before_it_times_the_loop(monkeypatch):
    brought, real = [], strategy_choice.point_by_point
    here = reading(NETWORKS["mlp"]())
    with card() as there:

        def noting(what, network):
            inner = real(what, network)

            def read(coords):
                brought.append((len(coords), there.down.total()))
                return inner(coords)

            return read

        monkeypatch.setattr(strategy_choice, "point_by_point", noting)
        monkeypatch.setattr(strategy_choice, "_candidates", lambda _: iter([]))
        trial(moved(here))
    counts, downs = zip(*brought, strict=True)
    assert counts == (1, 1, 1)
    assert downs[0] < downs[1] < downs[2]


class Greedy(Rounded):
    """Runs out of memory, and holds some."""

    def reader(self, reading):
        held = torch.ones(5)
        HELD[:] = [weakref.ref(held)]

        def read(coords):
            raise torch.OutOfMemoryError(f"CUDA out of memory, {len(coords)} points, {len(held)}")

        return read


HELD = []
"""What `Greedy` holds."""


def test_a_strategy_that_runs_out_of_memory_gives_way_to_the_loop_and_leaves_its_memory():
    here = reading(NETWORKS["mlp"]())
    read = probe({"train": here.objective}, here.plane, {}, Greedy(), tried=True)
    expected = Loop().reader(here)(WHERE)[:1]
    torch.testing.assert_close(torch.from_numpy(read(WHERE.numpy())[0]), expected)
    assert isinstance(read.used["train"], Loop)
    gc.collect()
    assert HELD[0]() is None
