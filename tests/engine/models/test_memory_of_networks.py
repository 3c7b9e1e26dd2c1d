"""Networks, losses and measures that remember, draw, merge or write: each point by itself.

The right values are those of a network and a loss made anew for each point (`plain_reference`).
"""

import functools
import itertools
import types

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, dropout, linear, one_hot

from landscape_core import Plane, landscape
from landscape_core.curvature.spectrum import Spectrum, compute_spectrum
from landscape_core.foundation.errors import SpecError
from landscape_core.models.plain_evaluation import PlainEvaluation
from landscape_core.models.user_model import from_module
from tests.support.plain_reference import PlainReference, seed_everything

GENERATOR = torch.Generator().manual_seed(7)
INPUTS = torch.randn(40, 4, generator=GENERATOR, dtype=torch.float64)
CLASSES = torch.randint(3, (40,), generator=GENERATOR)
DATA = INPUTS, CLASSES
REMEMBERED = {}
GLOBAL = None


def filled(module, scale=0.6):
    """The module in float64, with fixed parameters."""
    rng, module = torch.Generator().manual_seed(3), module.double()
    with torch.no_grad():
        for parameter in module.parameters():
            values = torch.randn(parameter.shape, generator=rng, dtype=torch.float64)
            parameter.copy_(scale * values)
    return module


def mlp():
    return filled(nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3)))


class Base(nn.Module):
    """A small network beside a product of its weights, which its classes come by in their ways."""

    def __init__(self):
        super().__init__()
        self.inner = mlp()

    def product(self):
        return self.inner[2].weight @ self.inner[0].weight

    def remembered(self):
        return self.product()

    def forward(self, values):
        return self.inner(values) + values @ self.remembered().detach().T


def in_an_object():
    class Held(Base):
        def __init__(self):
            super().__init__()
            self.held = types.SimpleNamespace(value=None)

        def remembered(self):
            if self.held.value is None:
                self.held.value = self.product()
            return self.held.value

    return Held()


def in_slots():
    class Place:
        __slots__ = ("value",)

    class Held(Base):
        def __init__(self):
            super().__init__()
            self.place = Place()

        def remembered(self):
            if not hasattr(self.place, "value"):
                self.place.value = self.product()
            return self.place.value

    return Held()


def in_nested_dictionaries():
    class Held(Base):
        def __init__(self):
            super().__init__()
            self.held = {"deep": [{}]}

        def remembered(self):
            return self.held["deep"][0].setdefault("value", self.product())

    return Held()


def in_a_dictionary_of_the_class():
    class Held(Base):
        held = {}  # noqa: RUF012 - as users write it

        def remembered(self):
            return self.held.setdefault("value", self.product())

    return Held()


def in_an_attribute_of_the_class():
    class Held(Base):
        value = None

        def remembered(self):
            if type(self).value is None:
                type(self).value = self.product()
            return type(self).value

    return Held()


def in_a_cached_method():
    class Held(Base):
        @functools.lru_cache  # noqa: B019 - as users write it
        def remembered(self):
            return self.product()

    return Held()


def in_a_cached_property():
    class Held(Base):
        @functools.cached_property
        def value(self):
            return self.product()

        def remembered(self):
            return self.value

    return Held()


def in_a_cache_by_identity():
    known = functools.lru_cache(lambda module: module.product())

    class Held(Base):
        def remembered(self):
            return known(self)

    return Held()


def in_a_global_dictionary():
    class Held(Base):
        def remembered(self):
            return REMEMBERED.setdefault("value", self.product())

    REMEMBERED.clear()
    return Held()


def in_a_global_variable():
    class Held(Base):
        def remembered(self):
            global GLOBAL
            if GLOBAL is None:
                GLOBAL = self.product()
            return GLOBAL

    globals()["GLOBAL"] = None
    return Held()


def in_a_default_argument():
    class Held(Base):
        def remembered(self, held={}):  # noqa: B006 - as users write it
            return held.setdefault("value", self.product())

    return Held()


def in_an_array():
    class Held(Base):
        def __init__(self):
            super().__init__()
            self.held = np.zeros((3, 4))

        def remembered(self):
            if not self.held.any():
                self.held += self.product().detach().numpy()
            return torch.from_numpy(self.held.copy())

    return Held()


def in_a_list_of_the_same_length():
    class Held(Base):
        def __init__(self):
            super().__init__()
            self.held = [None]

        def remembered(self):
            if self.held[0] is None:
                self.held[0] = self.product()
            return self.held[0]

    return Held()


def drawing_in_another_method():
    rng = np.random.default_rng(5)

    class Held(Base):
        def noise(self):
            return torch.as_tensor(rng.standard_normal((3, 4)))

        def remembered(self):
            return self.noise()

    return Held()


def in_a_frozen_teacher(*, data):
    class Held(Base):
        def __init__(self):
            super().__init__()
            self.teacher = nn.Parameter(torch.zeros(3, 4), requires_grad=False)

        def remembered(self):
            product = self.product().detach()
            with torch.no_grad():
                if data:
                    self.teacher.data.mul_(0.5).add_(product)
                else:
                    self.teacher.mul_(0.5).add_(product)
            return self.teacher

    made = Held()
    made.teacher.data.zero_()
    made.inner = mlp()
    return made.double()


NETWORKS = {
    kind.__name__: kind
    for kind in (
        *(in_an_object, in_slots, in_nested_dictionaries, in_a_dictionary_of_the_class),
        *(in_an_attribute_of_the_class, in_a_cached_method, in_a_cached_property),
        *(in_a_cache_by_identity, in_a_global_dictionary, in_a_global_variable),
        *(in_a_default_argument, in_an_array, in_a_list_of_the_same_length),
        drawing_in_another_method,
    )
} | {
    "in_a_frozen_teacher": functools.partial(in_a_frozen_teacher, data=False),
    "in_a_frozen_teacher_by_data": functools.partial(in_a_frozen_teacher, data=True),
}


def plane_of(module):
    """A plane through the present parameters."""
    moving = [p.detach().reshape(-1) for p in module.parameters() if p.requires_grad]
    origin = torch.cat(moving)
    rng = torch.Generator().manual_seed(11)
    return Plane(origin, 0.4 * torch.randn(2, len(origin), generator=rng, dtype=torch.float64))


def looped(make, make_loss, plane, data=DATA):
    """The losses (3, 3) of networks and losses made anew for each point."""
    found = [
        PlainReference(make(), make_loss(), data, make=make).value(plane.origin + c @ plane.axes)
        for c in torch.cartesian_prod(*[torch.linspace(-1, 1, 3, dtype=torch.float64)] * 2)
    ]
    return np.array(found).reshape(3, 3).T


def same_as_looped(make, make_loss, **more):
    plane = plane_of(make())
    expected = looped(make, make_loss, plane)
    found = landscape(make(), make_loss(), DATA, directions=plane, resolution=3, **more)
    np.testing.assert_allclose(found["loss"].values[0], expected, rtol=1e-10)
    return found


@pytest.mark.parametrize("kind", NETWORKS)
def test_what_a_network_remembers_is_put_back_at_every_point(kind):
    same_as_looped(NETWORKS[kind], nn.CrossEntropyLoss)
    assert not REMEMBERED
    assert GLOBAL is None


@pytest.mark.parametrize("kind", NETWORKS)
def test_what_a_network_remembers_is_put_back_in_an_objective_too(kind):
    make = NETWORKS[kind]
    plane = plane_of(make())

    def closure(network, batch):
        return nn.functional.cross_entropy(network(batch[0]), batch[1])

    expected = looped(make, nn.CrossEntropyLoss, plane)
    model = make()  # after what others have left in places that all share
    for _ in range(2):  # the second time with what the first has left in the user's network
        found = landscape(
            model, objective=closure, data=tuple(DATA), directions=plane, resolution=3
        )
        np.testing.assert_allclose(found["loss"].values[0], expected, rtol=1e-10)
    assert not REMEMBERED
    assert GLOBAL is None


@pytest.mark.parametrize("kind", NETWORKS)
def test_gradients_know_nothing_of_earlier_points(kind):
    make = NETWORKS[kind]
    objective = from_module(make(), nn.CrossEntropyLoss(), DATA)
    theta = objective.start + 0.3
    plain = PlainReference(make(), nn.CrossEntropyLoss(), DATA, make=make)
    expected = plain.gradient(theta)
    make()  # forgets what is global
    evaluation = PlainEvaluation(objective)
    evaluation.loss(objective.start)
    torch.testing.assert_close(evaluation.gradient(theta), expected, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(objective.gradient(theta), expected, rtol=1e-9, atol=1e-12)


def by_nonlocal():
    scale = None

    def loss(outputs, targets):
        nonlocal scale
        if scale is None:
            scale = outputs.std().detach()
        return cross_entropy(outputs / scale, targets)

    return loss


def by_an_attribute():
    def loss(outputs, targets):
        if not hasattr(loss, "scale"):
            loss.scale = outputs.std().detach()
        return cross_entropy(outputs / loss.scale, targets)

    return loss


def by_a_closed_dictionary():
    held = {}

    def loss(outputs, targets):
        return cross_entropy(outputs / held.setdefault("scale", outputs.std().detach()), targets)

    return loss


def by_a_callable():
    class Loss:
        def __init__(self):
            self.calls = []

        def __call__(self, outputs, targets):
            self.calls.append(1)
            return cross_entropy(outputs, targets) * len(self.calls)

    return Loss()


def by_a_generator():
    rng = np.random.default_rng(3)

    def loss(outputs, targets):
        noise = torch.as_tensor(rng.standard_normal(tuple(outputs.shape)))
        return cross_entropy(outputs + 0.3 * noise, targets)

    return loss


def by_a_generator_of_another_method():
    class Loss:
        def __init__(self):
            self.holder = types.SimpleNamespace(rng=torch.Generator().manual_seed(4))

        def noise(self, like):
            return torch.randn(like.shape, generator=self.holder.rng, dtype=like.dtype)

        def __call__(self, outputs, targets):
            return cross_entropy(outputs + self.noise(outputs), targets)

    return Loss()


def behind_a_decorator_of_torch():
    return torch.enable_grad()(by_a_closed_dictionary())


LOSSES = {
    kind.__name__: kind
    for kind in (
        *(by_nonlocal, by_an_attribute, by_a_closed_dictionary, by_a_callable, by_a_generator),
        *(by_a_generator_of_another_method, behind_a_decorator_of_torch),
    )
}


@pytest.mark.parametrize("kind", LOSSES)
def test_what_a_loss_remembers_or_draws_is_put_back_and_left_as_it_was(kind):
    make_loss = LOSSES[kind]
    same_as_looped(mlp, make_loss)
    loss = make_loss()
    first, second = (landscape(mlp(), loss, DATA, resolution=3) for _ in range(2))
    np.testing.assert_array_equal(first["loss"], second["loss"])


def test_what_its_owner_changes_between_evaluations_is_left_to_him():
    class Held(Base):
        scale = 1.0
        rng = np.random.default_rng(1)

        def remembered(self):
            return REMEMBERED["scale"] * self.scale * self.product()

    REMEMBERED["scale"] = 2.0
    evaluation = PlainEvaluation(from_module(Held(), nn.CrossEntropyLoss(), DATA))
    theta = evaluation.objective.start.clone()
    first = evaluation.loss(theta)
    REMEMBERED["scale"], Held.scale = 5.0, 3.0
    Held.rng.standard_normal()
    state = Held.rng.bit_generator.state
    assert torch.equal(evaluation.loss(theta), first)
    assert (REMEMBERED.pop("scale"), Held.scale) == (5.0, 3.0)
    assert Held.rng.bit_generator.state == state


def by_an_iterator():
    calls = itertools.count(1)
    return lambda outputs, targets: cross_entropy(outputs, targets) * next(calls)


def test_of_a_loss_that_remembers_for_good_that_is_said_in_one_sentence():
    with pytest.warns(UserWarning, match="network or the loss remembers earlier calls") as heard:
        found = landscape(mlp(), by_an_iterator(), DATA, resolution=3)
    assert len(heard) == 1
    assert found.attrs["strategy"] == ["loop"]


@pytest.mark.parametrize("make", [mlp, Base])
def test_what_remembers_nothing_may_be_computed_in_a_fast_way(make):
    trace = PlainEvaluation(from_module(make(), nn.CrossEntropyLoss(), DATA))
    assert trace.trace(trace.flat).fixed


class Merging(nn.Module):
    """A low-rank update, merged into the frozen weights in evaluation mode."""

    def __init__(self, how):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(6, 4), requires_grad=False)
        self.first, self.second = nn.Parameter(torch.zeros(2, 4)), nn.Parameter(torch.zeros(6, 2))
        self.how, self.merged = how, False

    def train(self, mode=True):
        super().train(mode)
        if self.merged != (not mode):
            sign = -1 if mode else 1
            self.how(self.weight, sign * (self.second @ self.first))
            self.merged = not mode
        return self

    def forward(self, values):
        update = 0 if self.merged else self.second @ self.first
        return linear(values, self.weight + update)


def add_in_place(weight, update):
    with torch.no_grad():
        weight += update


def add_to_data(weight, update):
    weight.data += update.detach()


def replace_data(weight, update):
    weight.data = weight.data + update.detach()


class Fusing(nn.Module):
    """Two branches, of which evaluation mode makes one layer, as RepVGG does."""

    def __init__(self):
        super().__init__()
        self.left, self.right, self.last = nn.Linear(4, 6), nn.Linear(4, 6), nn.Linear(6, 3)

    def eval(self):
        if hasattr(self, "left"):
            self.fused = nn.Linear(4, 6).double()
            self.fused.weight.data = self.left.weight.data + self.right.weight.data
            self.fused.bias.data = self.left.bias.data + self.right.bias.data
            del self.left, self.right
        return super().eval()

    def forward(self, values):
        if hasattr(self, "fused"):
            return self.last(self.fused(values).tanh())
        return self.last((self.left(values) + self.right(values)).tanh())


def merging(how):
    return filled(nn.Sequential(Merging(how), nn.Tanh(), nn.Linear(6, 3)))


SWITCHING = {
    "in place": lambda: merging(add_in_place),
    "by data": lambda: merging(add_to_data),
    "new data": lambda: merging(replace_data),
    "fusing": lambda: filled(Fusing()),
}


@pytest.mark.parametrize("kind", SWITCHING)
def test_evaluation_mode_is_set_when_the_values_are_there(kind):
    found = same_as_looped(SWITCHING[kind], nn.CrossEntropyLoss)
    assert found.attrs["strategy"] == ["loop"]
    assert np.ptp(found["loss"].values) > 1e-3


@pytest.mark.parametrize("kind", SWITCHING)
def test_a_network_that_changes_with_its_mode_is_left_as_it_was(kind):
    module = SWITCHING[kind]()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    landscape(module, nn.CrossEntropyLoss(), DATA, resolution=3)
    assert module.training
    after = module.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], before[name]) for name in before)


class Far(nn.Module):
    """Draws random numbers only where its outputs are large."""

    def __init__(self):
        super().__init__()
        self.inner = mlp()

    def forward(self, values):
        outputs = self.inner(values)
        return dropout(outputs, 0.5, training=True) if float(outputs.abs().max()) > 5 else outputs


def test_numbers_that_are_drawn_at_some_points_alone_are_the_same_ones_and_told():
    module, found = filled(Far()), []
    plane = plane_of(module)
    for seed in (1, 2):
        seed_everything(seed)
        before = torch.get_rng_state()
        found.append(landscape(module, cross_entropy, DATA, directions=plane, resolution=7))
        assert torch.equal(torch.get_rng_state(), before)
    plain = landscape(mlp(), cross_entropy, DATA, directions=plane, resolution=7)
    assert 0 < int((found[0]["loss"].values != plain["loss"].values).sum()) < 49
    np.testing.assert_array_equal(found[0]["loss"], found[1]["loss"])
    assert found[0].attrs["draws"] == 1


def masking(outputs, targets):
    return cross_entropy(outputs.masked_fill_(one_hot(targets, 3).bool(), 0.0), targets)


@pytest.mark.parametrize("strategy", ["loop", "plane_algebra", "shared_layers", "vmap", None])
def test_a_loss_that_writes_to_outputs_spoils_no_measure(strategy):
    found = landscape(mlp(), masking, DATA, resolution=3, strategy=strategy)
    plain = landscape(mlp(), cross_entropy, DATA, resolution=3, strategy="loop")
    np.testing.assert_array_equal(found["accuracy"], plain["accuracy"])


@pytest.mark.parametrize("strategy", ["loop", "plane_algebra", "shared_layers", "vmap", None])
def test_a_measure_that_writes_to_outputs_or_targets_spoils_no_other(strategy):
    def zeroing(outputs, targets):
        targets.zero_()
        return outputs.zero_().sum()

    measures = {"zero": zeroing, "size": lambda outputs, _: outputs.abs().mean()}
    alone = {"size": measures["size"]}
    asked = {"resolution": 3, "strategy": strategy}
    found = landscape(mlp(), cross_entropy, DATA, measures=measures, **asked)
    plain = landscape(mlp(), cross_entropy, DATA, measures=alone, **asked)
    np.testing.assert_allclose(found["size"], plain["size"], rtol=1e-12)
    np.testing.assert_allclose(found["loss"], plain["loss"], rtol=1e-12)


class Dropping(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = mlp()

    def forward(self, values):
        return self.inner(dropout(values, 0.2, training=True))


def noisy(outputs, targets):
    return cross_entropy(outputs + torch.randn_like(outputs), targets)


@pytest.mark.parametrize(
    ("make", "loss"), [(Dropping, cross_entropy), (mlp, noisy)], ids=["network", "loss"]
)
def test_curvature_of_what_draws_says_that_it_is_of_one_draw(make, loss):
    objective = from_module(make(), loss, DATA)
    asked = Spectrum(top=1, bottom=0, probes=0, max_examples=30)
    with pytest.warns(UserWarning, match="of 30 of 40 examples, for one draw of the random numb"):
        *_, found = compute_spectrum(objective, objective.start, asked)
    assert found.attrs["draws"] == 1
    assert "one draw" in found.attrs["additivity"]
    assert "couples" not in found.attrs["additivity"]


def test_several_draws_of_what_draws_nothing_leave_the_strategy_free():
    found = landscape(mlp(), cross_entropy, DATA, resolution=5, draws=20)
    assert found.attrs["draws"] == 0
    assert not found["loss_standard_error"].values.any()
    landscape(mlp(), cross_entropy, DATA, resolution=3, draws=2, strategy="plane_algebra")


@pytest.mark.parametrize(
    ("loss", "told"),
    [
        (lambda outputs, targets: float(cross_entropy(outputs, targets)), "tensor.*got 'float'"),
        (lambda outputs, targets: {"a": cross_entropy(outputs, targets)}, "tensor.*got 'dict'"),
        (lambda outputs, targets: (cross_entropy(outputs, targets),), "tensor.*got 'tuple'"),
        (nn.CrossEntropyLoss, r"an instance, nn.CrossEntropyLoss\(\)"),
    ],
    ids=["float", "dict", "tuple", "class"],
)
def test_a_loss_that_gives_no_tensor_is_refused_with_what_is_accepted(loss, told):
    with pytest.raises(SpecError, match=told):
        landscape(mlp(), loss, DATA, resolution=3)


@pytest.mark.parametrize(
    "number",
    [float, np.float64, np.float32, int, bool, torch.tensor],
    ids=lambda kind: kind.__name__,
)
def test_a_measure_may_give_any_number(number):
    found = landscape(
        mlp(), cross_entropy, DATA, resolution=3, measures={"one": lambda *_: number(1)}
    )
    np.testing.assert_array_equal(found["one"], np.ones((1, 3, 3)))


@pytest.mark.parametrize("given", [(1.0,), {"a": 1.0}, None, "1"], ids=str)
def test_a_measure_that_gives_no_number_is_refused(given):
    with pytest.raises(SpecError, match="the value of a measure must be a scalar"):
        landscape(mlp(), cross_entropy, DATA, resolution=3, measures={"one": lambda *_: given})


class Differentiating(nn.Module):
    """Outputs beside their slopes in the inputs, as a network of physics has them."""

    def __init__(self):
        super().__init__()
        self.inner = mlp()

    def forward(self, values):
        values = values.requires_grad_()
        outputs = self.inner(values)
        (slopes,) = torch.autograd.grad(outputs.sum(), values, create_graph=True)
        return outputs + slopes[:, :3]


def test_a_network_that_differentiates_in_its_forward_is_evaluated_with_gradients():
    plane = plane_of(mlp())
    expected = []
    for coord in torch.linspace(-1, 1, 3, dtype=torch.float64):
        module = Differentiating()
        nn.utils.vector_to_parameters(plane.origin + coord * plane.axes[0], module.parameters())
        expected.append(float(cross_entropy(module(INPUTS.clone()), CLASSES).detach()))
    line = Plane(plane.origin, plane.axes[:1])
    found = landscape(
        Differentiating(), cross_entropy, DATA, directions=line, dimensions=1, resolution=3
    )
    np.testing.assert_allclose(found["loss"].values[0], expected, rtol=1e-12)
    assert not INPUTS.requires_grad


@functools.wraps(cross_entropy)
def under_the_name_of_another(outputs, targets):
    return cross_entropy(outputs + torch.randn_like(outputs), targets)


def test_a_loss_under_the_name_of_one_of_torch_is_known_by_where_its_code_is():
    found = []
    for _ in range(2):
        torch.rand(1)
        found.append(landscape(mlp(), under_the_name_of_another, DATA, resolution=3))
    assert [one.attrs["draws"] for one in found] == [1, 1]
    np.testing.assert_array_equal(found[0]["loss"], found[1]["loss"])
