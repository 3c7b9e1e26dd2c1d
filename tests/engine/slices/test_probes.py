"""What is read at a point: the trial of strategies, and ways that only some of them go."""

import pickle
import subprocess
import sys
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

import cases
import oracles
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.registry import entries
from landscape_core.models import block_size, plain_evaluation
from landscape_core.models.layer_chain import chain_of
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.measures.accuracy import Accuracy
from landscape_core.models.measures.base import classes_of
from landscape_core.models.measures.class_loss import ClassLoss
from landscape_core.models.measures.error import Error
from landscape_core.models.measures.gradient_norm import GradientNorm
from landscape_core.models.measures.loss import LossMeasure
from landscape_core.models.measures.loss_spread import LossSpread
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.user_model import from_module
from landscape_core.planes.directions.random import Random
from landscape_core.planes.plane import Plane
from landscape_core.slices import strategy_choice
from landscape_core.slices.grid import Grid
from landscape_core.slices.model_plan import probe_of
from landscape_core.slices.probe import probe
from landscape_core.slices.reading import Reading
from landscape_core.slices.strategies import shared_layers
from landscape_core.slices.strategies.base import Strategy
from landscape_core.slices.strategies.cuda_graph import CudaGraph
from landscape_core.slices.strategies.loop import Loop
from landscape_core.slices.strategies.plane_algebra import PlaneAlgebra
from landscape_core.slices.strategies.shared_layers import SharedLayers
from landscape_core.slices.strategies.vmap import Vmap
from landscape_core.slices.strategy_choice import trial
from landscape_core.slices.sweep import exact

WHERE = np.array([[0.0, 0.0], [0.3, -0.8], [-1.0, 0.5]])


def read(objective=None, measures=None, **more):
    return probe_of({"train": objective or cases.mlp_objective()}, Random(), measures, **more)


def reading(objective=None, measures=None):
    return read(objective, measures or {}, strategy=Loop()).reading("train")


class Like(Strategy):
    """Gives what the loop gives, times a factor."""

    factor: ClassVar[float] = 1.0

    def applies(self, reading):
        return True

    def memory(self, reading):
        return 0

    def reader(self, reading):
        inner = Loop().reader(reading)
        return lambda coords: self.factor * inner(coords)


class More(Like):
    factor: ClassVar[float] = 1.001


class Undefined(Like):
    factor: ClassVar[float] = float("nan")


class Unlimited(Like):
    factor: ClassVar[float] = float("inf")


@pytest.mark.parametrize("kind", [More, Undefined, Unlimited])
def test_a_strategy_that_is_not_right_is_not_taken_however_fast(monkeypatch, kind):
    monkeypatch.setattr(strategy_choice, "_candidates", lambda _: iter([kind()]))
    assert [timing.strategy for timing in trial(reading())] == [Loop()]


def test_one_that_is_right_is_taken_if_it_is_faster(monkeypatch):
    same = Like()
    monkeypatch.setattr(strategy_choice, "_candidates", lambda _: iter([same]))
    clock = iter(np.cumsum([*[1e-3] * 4, *[1e-6] * 100]))
    monkeypatch.setattr(strategy_choice.time, "perf_counter", lambda: next(clock))
    first, second = trial(reading())
    assert (first.strategy, second.strategy) == (same, Loop())
    assert first.seconds < second.seconds
    assert first.deviation == 0


@pytest.mark.parametrize(("seconds", "taken"), [(0.95, Loop), (0.85, Like)])
def test_one_that_is_hardly_faster_is_not_preferred_to_the_loop(monkeypatch, seconds, taken):
    class Timed(Like):
        def reader(self, reading):
            inner = super().reader(reading)

            def read(coords):
                clock[0] += seconds * len(coords)
                return inner(coords)

            return read

    def loop(reading, network):
        inner = plain(reading, network)

        def read(coords):
            clock[0] += len(coords)
            return inner(coords)

        return read

    clock, plain = [0.0], strategy_choice.point_by_point
    monkeypatch.setattr(strategy_choice, "point_by_point", loop)
    monkeypatch.setattr(strategy_choice.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(strategy_choice, "_candidates", lambda _: iter([Timed()]))
    assert isinstance(trial(reading())[0].strategy, taken)


def test_where_the_landscape_is_not_finite_strategies_must_agree_on_that(monkeypatch):
    monkeypatch.setattr(strategy_choice, "_candidates", lambda _: iter([Like()]))
    objective = cases.mlp_objective()
    objective.inputs[0] = float("inf")
    assert len(trial(reading(objective))) == 2


def test_the_trial_stops_before_it_costs_as_much_as_the_work(monkeypatch):
    tried = []

    class Slow(Like):
        def reader(self, reading):
            tried.append(self)
            clock[0] += 1.0
            return super().reader(reading)

    clock = [0.0]
    monkeypatch.setattr(strategy_choice.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(strategy_choice, "_candidates", lambda _: iter([Slow()] * 9))
    trial(reading())
    assert len(tried) == 1


def test_a_strategy_that_computes_many_points_at_once_is_not_judged_by_few(monkeypatch):
    class Crowd(Like):
        def together(self, reading):
            return 16

        def reader(self, reading):
            inner = super().reader(reading)

            def read(coords):
                clock[0] += 1.0 * -(-len(coords) // 16)
                return inner(coords)

            return read

    clock = [0.0]
    monkeypatch.setattr(strategy_choice.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(strategy_choice, "LEAST", 3.0)
    monkeypatch.setattr(strategy_choice, "_candidates", lambda _: iter([Crowd()]))
    assert {type(one.strategy): one.seconds for one in trial(reading())}[Crowd] == 1 / 16


def test_plane_algebra_says_how_many_points_it_computes_at_once():
    asked, where = reading(), torch.zeros(1, 2, dtype=torch.float64)
    strategy = PlaneAlgebra()
    many = strategy.together(asked)
    assert many > 1
    counts = []
    values = type(asked).values

    def noted(self, outputs):
        counts.append(len(outputs))
        return values(self, outputs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(asked), "values", noted)
        strategy.reader(asked)(where)
    assert counts == [many]


def test_outputs_on_many_examples_are_had_at_few_points_at_a_time():
    module = cases.filled(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 10)))
    asked = reading(ModelObjective(module, CrossEntropy(), *cases.vectors(60_000)))
    largest = []
    values = type(asked).values

    def noted(self, outputs):
        largest.append(outputs.numel() * outputs.element_size())
        return values(self, outputs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(asked), "values", noted)
        PlaneAlgebra().reader(asked)(torch.zeros(300, 2, dtype=torch.float64))
    assert max(largest) <= 2**26
    assert max(largest) < PlaneAlgebra().memory(asked) < 2**28


def test_a_function_may_keep_the_outputs_it_is_given():
    kept = []

    def keeping(outputs, targets):
        kept.append(outputs)
        return outputs.sum()

    where = np.linspace(-1, 1, 600).reshape(300, 2)
    reader = read(measures={"sum": keeping}, strategy=PlaneAlgebra())
    kept.clear()
    found = reader(where)
    now = [float(outputs.sum()) for outputs in kept[:300]]
    np.testing.assert_array_equal(now, found[0, 1])


FRESH = """
import sys
sys.path.insert(0, sys.argv[1])
import test_probes, torch
from torch import nn
inputs = torch.randn(300, 2)
network = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 2))
objective = test_probes.ModelObjective(
    network, test_probes.CrossEntropy(), inputs, (inputs[:, 0] > 0).long()
)
print([type(one.strategy).__name__ for one in test_probes.trial(test_probes.reading(objective))])
"""


def test_the_first_trial_of_a_process_is_not_cut_short_by_what_it_imports():
    from pathlib import Path

    done = subprocess.run(
        [sys.executable, "-c", FRESH, str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2] / "support",
        check=True,
        timeout=60,
    )
    assert "PlaneAlgebra" in done.stdout


def applicable(objective, measures=None):
    what = reading(objective, measures)
    return {name for name, kind in entries(Strategy).items() if kind().applies(what)}


class Functional(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3, 5), nn.Linear(5, 3)

    def forward(self, values):
        hidden = self.first(values)
        return self.second(hidden.tanh() + hidden.sin())


def test_which_strategies_apply_to_which_networks():
    vectors, images = cases.vectors(), cases.images()
    functional = ModelObjective(cases.filled(Functional()), CrossEntropy(), *vectors)
    assert applicable(cases.mlp_objective()) == {"loop", "plane_algebra", "shared_layers", "vmap"}
    assert applicable(functional) == {"loop", "shared_layers", "vmap"}
    assert applicable(cases.residual_objective()) == {
        *("fused_layers", "loop", "shared_layers", "vmap")
    }
    assert applicable(cases.residual_objective(batch_norm="batch")) == {"loop"}
    assert applicable(cases.residual_objective(batch_norm="reestimated")) == {"loop"}
    assert applicable(cases.mlp_objective(), {"gradient": GradientNorm()}) == {"loop"}
    exact = ModelObjective(cases.mlp(), CrossEntropy(), *vectors)
    assert applicable(exact, {"gradient": GradientNorm()}) == {"loop", "vmap"}
    trunk = cases.residual()
    for part in (trunk.stem, trunk.stem_norm, trunk.first):
        part.requires_grad_(requires_grad=False)
    frozen = ModelObjective(trunk, CrossEntropy(), *images)
    assert "shared_layers" in applicable(frozen)


@pytest.mark.parametrize("make", [cases.mlp_objective, cases.residual_objective])
def test_the_way_of_the_graphics_card_without_its_recording_is_right(make):
    what = reading(make())
    coords = torch.from_numpy(WHERE)
    torch.testing.assert_close(
        CudaGraph().reader(what)(coords), Loop().reader(what)(coords), rtol=1e-12, atol=0
    )


@pytest.mark.parametrize("way", [Loop(), Vmap(), Loop(block=7)])
@pytest.mark.parametrize("make", [cases.mlp, cases.residual])
def test_the_gradient_norm_is_that_of_finite_differences(way, make):
    data = cases.vectors(12) if make is cases.mlp else cases.images(6)
    objective = ModelObjective(make(), CrossEntropy(), *data)
    probe_ = read(objective, {"gradient": GradientNorm()}, strategy=way)
    found = probe_(WHERE)[0, 1]
    for value, theta in zip(found, probe_.plane.points(torch.from_numpy(WHERE)), strict=True):
        expected = oracles.difference_gradient(objective.loss, theta).norm()
        assert value == pytest.approx(float(expected), rel=1e-6)


SUMMED = {
    "mean": CrossEntropy(),
    "sum": nn.CrossEntropyLoss(reduction="sum"),
    "class weights": nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 9.0]).double()),
    "ignored": nn.CrossEntropyLoss(ignore_index=1),
    "neither": lambda outputs, targets: cross_entropy(outputs, targets).square(),
}


@pytest.mark.parametrize("loss", SUMMED)
def test_a_gradient_summed_over_blocks_is_that_of_all_examples(loss, monkeypatch):
    inputs, targets = cases.vectors(50)
    objective = ModelObjective(cases.mlp(), SUMMED[loss], inputs, targets.sort().values)
    whole = read(objective, {"gradient": GradientNorm()}, strategy=Loop())(WHERE)
    points = read(objective, strategy=Loop()).plane.points(torch.from_numpy(WHERE))
    norms = [float(objective.gradient(theta).norm()) for theta in points]
    np.testing.assert_allclose(whole[0, 1], norms, rtol=1e-10)
    sizes, real = [], plain_evaluation.parts_of

    def noting(objective, size):
        parts = real(objective, size)
        sizes.extend(part.examples for part, _ in parts)
        return parts

    monkeypatch.setattr(plain_evaluation, "parts_of", noting)
    monkeypatch.setattr(block_size, "free_memory", lambda _: 16_000)
    cut = read(objective, {"gradient": GradientNorm()}, strategy=Loop())(WHERE)
    assert (max(sizes) < 50) == (loss != "neither")
    np.testing.assert_allclose(cut, whole, rtol=1e-12)


def test_a_probe_travels_and_reads_the_same():
    objective = ModelObjective(cases.mlp(), CrossEntropy(), *cases.vectors())
    here = read(objective, {"accuracy": Accuracy()})
    before = here(WHERE)
    there = pickle.loads(pickle.dumps(here))
    np.testing.assert_array_equal(there(WHERE), before)
    np.testing.assert_array_equal(here(WHERE), before)
    assert there.seconds == here.seconds


def test_asking_and_over_change_what_is_read_and_nothing_else():
    one, other = cases.mlp_objective(), cases.mlp_objective(examples=7)
    probe_ = read(one, {}, strategy=Loop())
    wider = probe_.asking({**probe_.measures, "accuracy": Accuracy()})
    assert wider(WHERE).shape == (1, 2, 3)
    np.testing.assert_array_equal(wider(WHERE)[:, :1], probe_(WHERE))
    moved = probe_.over({"train": other})
    np.testing.assert_array_equal(moved(WHERE), read(other, {}, strategy=Loop())(WHERE))
    np.testing.assert_array_equal(probe_.to("cpu")(WHERE), probe_(WHERE))


def test_a_plane_of_another_network_is_refused():
    plane = read(strategy=Loop()).plane
    other = ModelObjective(nn.Linear(3, 3).double(), cross_entropy, *cases.vectors())
    with pytest.raises(SpecError, match=r"plane's parameters.*12.*59"):
        probe({"train": other}, plane)


def test_no_data_are_refused():
    with pytest.raises(SpecError, match="parts"):
        probe({}, read(strategy=Loop()).plane)


def test_a_strategy_that_does_not_apply_is_refused():
    with pytest.raises(SpecError, match=r"strategy.*plane_algebra"):
        read(cases.residual_objective(), strategy=PlaneAlgebra())


@pytest.mark.parametrize(
    ("targets", "classes"),
    [
        (torch.tensor([0, 2, 1]), 3),
        (torch.tensor([0.0, 2.0]), None),
        (torch.tensor([[0, 1], [1, 0]]), None),
        (torch.tensor([0, -100, 1]), None),
    ],
    ids=["classes", "numbers", "many an example", "some left out"],
)
def test_targets_are_classes_or_not(targets, classes):
    objective = ModelObjective(
        nn.Linear(3, 3), cross_entropy, torch.zeros(len(targets), 3), targets
    )
    assert classes_of({"train": objective}) == classes


def test_examples_left_out_by_torchs_loss_are_left_out():
    inputs, targets = cases.vectors()
    targets[::3] = -100
    objective = ModelObjective(cases.mlp(), cross_entropy, inputs, targets)
    probe_ = read(objective, {})
    expected = oracles.plain_loop(
        cases.mlp(), cross_entropy, inputs, targets, probe_.plane.origin, probe_.plane.axes, WHERE
    )
    np.testing.assert_allclose(probe_(WHERE)[0, 0], expected, rtol=1e-12)


@pytest.mark.parametrize("name", sorted(set(entries(Strategy)) - {"cuda_graph", "fused_layers"}))
def test_points_that_are_not_finite_are_read_as_such_by_every_strategy(name):
    objective = ModelObjective(cases.mlp(), CrossEntropy(), *cases.vectors())
    probe_ = read(objective, {}, strategy=entries(Strategy)[name]())
    found = probe_(np.array([[0.0, 0.0], [1e300, 0.0], [np.nan, 0.0], [0.1, 0.1]]))[0, 0]
    assert np.isfinite(found).tolist()[::3] == [True, True]
    assert np.isnan(found[2])


class Branching(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, values):
        values = self.layer(values)
        return values.tanh() if values.sum() > 0 else values.relu()


class Written(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two, self.act = nn.Linear(3, 4), nn.Linear(4, 3), nn.ReLU()

    def forward(self, values):
        return self.two(torch.tanh(self.act(self.one(torch.flatten(values, 1)))))


def test_a_chain_is_known_by_what_calling_it_does():
    kinds = [type(part) for part in chain_of(Written()) or []]
    assert kinds == [nn.Flatten, nn.Linear, nn.ReLU, nn.Tanh, nn.Linear]
    nested = nn.Sequential(nn.Sequential(nn.Linear(3, 3), nn.ReLU()), nn.Linear(3, 3))
    assert [type(part) for part in chain_of(nested) or []] == [nn.Linear, nn.ReLU, nn.Linear]
    assert chain_of(Functional()) is None
    assert chain_of(Branching()) is None
    hooked = cases.mlp()
    hooked[0].register_forward_pre_hook(lambda *_: None)
    assert chain_of(hooked) is None


@pytest.mark.parametrize("module", [Branching(), Written(), Functional()])
def test_whatever_strategy_is_chosen_for_a_network_of_ones_own_is_right(module):
    module = cases.filled(module)
    inputs, targets = cases.vectors()
    probe_ = read(ModelObjective(module, CrossEntropy(), inputs, targets), {})
    expected = oracles.plain_loop(
        module, cross_entropy, inputs, targets, probe_.plane.origin, probe_.plane.axes, WHERE
    )
    np.testing.assert_allclose(probe_(WHERE)[0, 0], expected, rtol=1e-10)


def test_the_loop_works_in_place_only_on_what_it_has_made():
    act = nn.ReLU()
    module = cases.filled(nn.Sequential(act, nn.Linear(3, 4), act, nn.Linear(4, 3)))
    inputs, targets = cases.vectors()
    kept = inputs.clone()
    probe_ = read(ModelObjective(module, CrossEntropy(), inputs, targets), {}, strategy=Loop())
    first = probe_(WHERE)
    np.testing.assert_array_equal(probe_(WHERE), first)
    assert torch.equal(probe_.parts["train"].inputs, kept)
    expected = oracles.plain_loop(
        module, cross_entropy, inputs, targets, probe_.plane.origin, probe_.plane.axes, WHERE
    )
    np.testing.assert_allclose(first[0, 0], expected, rtol=1e-12)


def test_shared_layers_are_those_that_no_moving_parameter_reaches():
    from landscape_core.slices.strategies.shared_layers import shared

    module = cases.residual()
    plane = read(ModelObjective(module, CrossEntropy(), *cases.images()), strategy=Loop()).plane
    objective = ModelObjective(module, CrossEntropy(), *cases.images())
    assert shared(objective, plane) == (["stem"], [])
    for part in (module.stem, module.stem_norm, module.first, module.first_norm):
        part.requires_grad_(requires_grad=False)
    frozen = ModelObjective(module, CrossEntropy(), *cases.images())
    plane = read(frozen, strategy=Loop()).plane
    affine, constant = shared(frozen, plane)
    assert affine == ["second"]
    assert constant == ["stem", "stem_norm", "first", "first_norm"]
    found = SharedLayers().reader(read(frozen, strategy=Loop()).reading("train"))
    loop = Loop().reader(read(frozen, strategy=Loop()).reading("train"))
    coords = torch.from_numpy(WHERE)
    torch.testing.assert_close(found(coords), loop(coords), rtol=1e-10, atol=0)


class Shipped(dict):
    """Strategies by name, all of them shipped."""

    def shipped(self):
        return self


class Raising(Like):
    """Spoils the network that it is given, and raises an error: at once, or at so many points."""

    where: ClassVar[str] = "reader"

    def applies(self, reading):
        if self.where == "applies":
            raise RuntimeError("no rule for this")
        return True

    def reader(self, reading):
        spoil(reading.objective)
        if self.where == "reader":
            raise torch.OutOfMemoryError("too large")

        def read(coords):
            raise RuntimeError("no rule for this")

        return read


class RaisingOnApplying(Raising):
    where: ClassVar[str] = "applies"


class RaisingOnReading(Raising):
    where: ClassVar[str] = "reading"


def spoil(objective):
    module = objective.module
    module.register_forward_hook(lambda *_: None)
    module.requires_grad_(requires_grad=False)
    module.train()
    with torch.no_grad():
        for value in (*module.parameters(), *objective.buffers.values()):
            value.fill_(7)


def state(objective):
    module = objective.module
    hooks = [len(one._forward_hooks) for one in module.modules()]
    modes = [one.training for one in module.modules()]
    wanted = [one.requires_grad for one in module.parameters()]
    values = [*module.parameters(), *module.buffers(), *objective.buffers.values()]
    return hooks, modes, wanted, [value.tolist() for value in values]


@pytest.mark.parametrize("kind", [Raising, RaisingOnApplying, RaisingOnReading])
def test_a_candidate_strategy_that_raises_an_error_does_not_apply(monkeypatch, caplog, kind):
    same = Like()
    asked = reading(cases.residual_objective())
    known = {"raising": kind, "same": lambda: same, "loop": Loop}
    monkeypatch.setattr(strategy_choice, "entries", lambda _: Shipped(known))
    monkeypatch.setattr(strategy_choice, "LEAST", 60.0)  # so that both are tried
    caplog.set_level("DEBUG", "landscape_core.slices.strategy_choice")
    before = state(asked.objective)
    assert {timing.strategy for timing in trial(asked)} == {same, Loop()}
    assert state(asked.objective) == before
    assert "does not apply" in caplog.text


def test_an_interruption_of_a_candidate_ends_the_trial(monkeypatch):
    class Interrupted(Like):
        def reader(self, reading):
            raise KeyboardInterrupt

    monkeypatch.setattr(strategy_choice, "_candidates", lambda _: iter([Interrupted()]))
    with pytest.raises(KeyboardInterrupt):
        trial(reading())


class Narrow(Like):
    """Right and fast at a few points near the centre; elsewhere it spoils its network and fails."""

    def reader(self, reading):
        inner = Loop().reader(reading)

        def read(coords):
            if float(coords.abs().max()) > 1:
                spoil(reading.objective)
                raise RuntimeError("not there")
            return inner(coords)

        return read


def test_a_strategy_of_the_trial_that_raises_an_error_later_gives_way_to_the_loop(monkeypatch):
    monkeypatch.setattr(strategy_choice, "_candidates", lambda _: iter([Narrow()]))
    monkeypatch.setattr(strategy_choice, "MARGIN", 0)  # so that it is chosen
    probe_ = read(cases.residual_objective(), {})
    assert isinstance(probe_.strategies["train"], Narrow)
    expected = read(cases.residual_objective(), {}, strategy=Loop())(3 * WHERE)
    near = probe_(WHERE)
    assert isinstance(probe_.used["train"], Narrow)
    np.testing.assert_allclose(probe_(3 * WHERE), expected, rtol=1e-12)
    assert probe_.used == {"train": Loop()}
    np.testing.assert_allclose(probe_(WHERE), near, rtol=1e-12)
    *_, found = exact(probe_, Grid.square(1.0, 3))
    assert found.attrs["strategy"] == ["loop"]


def test_a_strategy_that_somebody_has_chosen_never_gives_way():
    probe_ = read(cases.residual_objective(), {}, strategy=Narrow())
    with pytest.raises(SpecError, match=r"strategy.*not there"):
        probe_(3 * WHERE)
    assert probe_.used == {"train": Narrow()}


def test_what_the_loop_raises_too_is_raised(monkeypatch):
    def loss(outputs, targets):
        if float(outputs.abs().max()) > 10:
            raise ZeroDivisionError
        return cross_entropy(outputs, targets)

    monkeypatch.setattr(strategy_choice, "_candidates", lambda _: iter([Like()]))
    monkeypatch.setattr(strategy_choice, "MARGIN", 0)
    probe_ = read(ModelObjective(cases.mlp(), loss, *cases.vectors()), {})
    with pytest.raises(ZeroDivisionError):
        probe_(1000 * WHERE)


class Keeping(nn.Module):
    """Keeps what it was first called with, as caches of masks and positions do."""

    def __init__(self):
        super().__init__()
        self.layer, self.kept = nn.Linear(3, 3), None

    def forward(self, values):
        if self.kept is None:
            self.kept = values.tanh()
        return self.layer(values) + self.kept


def test_looking_for_a_chain_leaves_no_trace_in_the_network():
    module = cases.filled(Keeping())
    inputs, targets = cases.vectors()
    assert chain_of(module) is None
    assert module.kept is None
    probe_ = read(ModelObjective(module, CrossEntropy(), inputs, targets), {}, strategy=Loop())
    expected = oracles.plain_loop(
        module, cross_entropy, inputs, targets, probe_.plane.origin, probe_.plane.axes, WHERE
    )
    np.testing.assert_allclose(probe_(WHERE)[0, 0], expected, rtol=1e-10)


class OnCard(torch.Tensor):
    """Stands for a tensor on a graphics card: it mixes with no other until it is brought back."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func is torch.Tensor.cpu:
            return args[0].as_subclass(torch.Tensor)
        if any(torch.is_tensor(one) and not isinstance(one, cls) for one in args):
            raise RuntimeError("Expected all tensors to be on the same device")
        return super().__torch_function__(func, types, args, kwargs or {})


class Away(Like):
    def reader(self, reading):
        inner = Loop().reader(reading)
        return lambda coords: inner(coords).as_subclass(OnCard)


def test_values_on_a_graphics_card_are_compared_with_the_loops(monkeypatch):
    with pytest.raises(RuntimeError, match="same device"):
        torch.ones(2).as_subclass(OnCard) - torch.ones(2)
    monkeypatch.setattr(strategy_choice, "_candidates", lambda _: iter([Away()]))
    found = {type(timing.strategy): timing.deviation for timing in trial(reading())}
    assert found == {Loop: 0.0, Away: 0.0}


@pytest.fixture
def away(monkeypatch):
    """An objective on the meta device, in the place of a card: it mixes with no other."""
    monkeypatch.setattr(Plane, "__post_init__", lambda _: None)  # looks at values
    with pytest.raises(RuntimeError, match="device"):
        torch.ones(2, device="meta") + torch.ones(2)
    return cases.mlp_objective().with_loss(CrossEntropy()).to("meta")


MANY = [LossMeasure(), Accuracy(), Error(), ClassLoss(), LossSpread()]


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("kind", [Loop, Vmap, PlaneAlgebra, CudaGraph, SharedLayers])
def test_what_a_strategy_combines_lies_on_one_device(away, kind, own, monkeypatch):
    monkeypatch.setattr(shared_layers, "shared", lambda *_: (["0"], []))  # looks at values
    part = away.with_loss(cross_entropy) if own else away
    plane = Plane(part.start, part.start.new_ones(2, part.layout.size))
    asked = Reading(part, plane, MANY[:3] if own else MANY, 3)
    where = strategy_choice.trial_coords(5, plane)
    if kind is SharedLayers:  # reads the coordinates' values
        where = torch.ones(5, 2, dtype=torch.float64)
    found = kind().reader(asked)(where)
    assert (found.shape, found.device.type) == ((asked.rows, 5), "meta")


def test_a_plane_is_read_where_the_network_is(away):
    part = away.with_loss(mse_loss)
    vars(part)["targets"] = torch.zeros(20, 3, dtype=torch.float64, device="meta")
    plane = reading().plane
    assert plane.origin.device.type == "cpu"
    probe_ = probe({"train": part}, plane, {}, strategy=Loop())
    assert {probe_.plane.origin.device.type, probe_.plane.axes.device.type} == {"meta"}


class Asking(nn.Module):
    """Asks for a value, so that the loop alone can evaluate it."""

    def __init__(self, evaluated):
        super().__init__()
        self.inner, self.evaluated = cases.mlp(), evaluated

    def forward(self, values):
        self.evaluated(len(values))
        found = self.inner(values)
        return found if found.sum().item() < 1e9 else -found


def test_a_slice_goes_on_with_the_evaluation_of_its_trial():
    sizes = bytearray()  # a list would be put back as it was
    inputs, targets = cases.vectors()
    module = Asking(lambda count: sizes.append(count))
    parts = {"train": from_module(module, cross_entropy, (inputs, targets))}
    found = probe_of(parts, Random(), {})
    tried = sizes.count(len(inputs))
    *_, last = exact(found, Grid.square(1.0, 3))
    assert last.attrs["strategy"] == ["loop"]
    assert sizes.count(len(inputs)) == tried + 9
