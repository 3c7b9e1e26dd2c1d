"""Points one after another: networks that change after some calls, and those that never do."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import mse_loss

import cases
from landscape_core.models.measures.gradient_norm import GradientNorm
from landscape_core.models.plain_evaluation import PlainEvaluation
from landscape_core.models.user_model import from_module
from landscape_core.planes.plane import Plane
from landscape_core.slices.one_call import landscape
from landscape_core.slices.point_by_point import point_by_point
from landscape_core.slices.probe import probe
from landscape_core.slices.reading import Reading

QUIET = 25
"""Calls during which the networks here change nothing: more than a trace and two points make."""

SEEN = [1.0]

SCALE = 1.0


class Late(nn.Module):
    """Counts its calls where nobody looks, and changes after some of them, for those to come."""

    def __init__(self):
        super().__init__()
        self.inner, self.hidden, self.calls = nn.Linear(3, 4), nn.Linear(4, 2), bytearray(1)
        self.factor, self.seen, self.options = 1.0, [1.0], {"first": 1.0, "second": 2.0}
        self.register_buffer("total", torch.ones(()))
        self.generator = torch.Generator().manual_seed(0)

    def forward(self, values):
        scale = self.factor * sum(self.seen) * self.total * next(iter(self.options.values()))
        found = self.hidden(self.inner(values).tanh()) * scale * self.further()
        self.calls[0] += 1
        if self.calls[0] > QUIET:
            self.change()
        return found

    def further(self):
        return 1.0

    def change(self):
        raise NotImplementedError


class Attribute(Late):
    def change(self):
        self.factor += 0.5


class NewAttribute(Late):
    def further(self):
        return getattr(self, "late", 1.0)

    def change(self):
        self.late = 3.0


class ClassAttribute(Late):
    common = 1.0

    def further(self):
        return type(self).common

    def change(self):
        type(self).common = 2.0


class Listed(Late):
    def change(self):
        self.seen.append(2.0)


class Global(Late):
    def further(self):
        return sum(SEEN)

    def change(self):
        SEEN.append(1.0)


class GlobalName(Late):
    def further(self):
        return SCALE

    def change(self):
        global SCALE
        SCALE = 5.0


class Reordered(Late):
    def change(self):
        self.options["first"] = self.options.pop("first")


class Buffer(Late):
    def change(self):
        self.total.mul_(1.5)


class BufferData(Late):
    """Torch does not count this change."""

    def change(self):
        self.total.data.mul_(1.5)


class NewBuffer(Late):
    def change(self):
        self.total = self.total + 1


class Frozen(Late):
    def __init__(self):
        super().__init__()
        self.hidden.requires_grad_(requires_grad=False)

    def change(self):
        self.hidden.weight.data = self.hidden.weight + 1


class Switched(Late):
    def further(self):
        return 2.0 if self.training else 1.0

    def change(self):
        self.train()


class Drawn(Late):
    def further(self):
        return 1.0 + self.generator.initial_seed()

    def change(self):
        self.generator.manual_seed(7)


class Closed(Late):
    """Raises an error at the call after its change."""

    def further(self):
        if self.factor == 0.0:
            raise RuntimeError("closed")
        return 1.0

    def change(self):
        self.factor = 0.0


LATE = [
    *(Attribute, NewAttribute, ClassAttribute, Listed, Global, GlobalName, Reordered, Buffer),
    *(BufferData, NewBuffer, Switched, Drawn, Closed),
]


class Counting(Late):
    """Changes at every call, back and forth."""

    def forward(self, values):
        self.factor = 3.0 - self.factor
        return self.hidden(self.inner(values).tanh()) * self.factor


class Averaging(Late):
    """Keeps a running mean of what it was given."""

    def forward(self, values):
        found = self.hidden(self.inner(values).tanh()) * self.total
        self.total.mul_(0.9).add_(0.1 * found.detach().mean())
        return found


class Caching(Late):
    """Remembers from the fifth call on what it has computed."""

    def __init__(self):
        super().__init__()
        self.count, self.cached = 0, None

    def forward(self, values):
        self.count += 1
        if self.count >= 5 and self.cached is None:
            self.cached = self.inner(values).tanh()
        return self.hidden(self.inner(values).tanh() if self.cached is None else self.cached)


class Quiet(Late):
    def forward(self, values):
        return self.hidden(self.inner(values).tanh())


def data():
    return cases.normal(6, 3, seed=1).float(), cases.normal(6, 2, seed=2).float()


def made(kind):
    module = kind()
    rng = torch.Generator().manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter, generator=rng)
    return module.eval()


def plane_of(module):
    origin = torch.cat([p.detach().reshape(-1) for p in module.parameters() if p.requires_grad])
    axes = torch.stack([cases.normal(len(origin), seed=seed).float() for seed in (3, 4)])
    return Plane(origin, axes, names=("first", "second"))


def by_hand(module, plane, coords):
    """The losses (K,) at coordinates (K, 2), each by a fresh copy that is called once."""
    found = []
    inputs, targets = data()
    for coord in coords:
        own = copy.deepcopy(module)
        theta, start = plane.origin + coord.to(plane.origin) @ plane.axes, 0
        with torch.no_grad():
            for one in filter(lambda p: p.requires_grad, own.parameters()):
                one.copy_(theta[start : start + one.numel()].view(one.shape))
                start += one.numel()
            found.append(mse_loss(own(inputs), targets))
    return torch.stack(found)


def evaluated(module, plane, coords, measures=None):
    """The losses at coordinates by the plain evaluation, in pieces as a slice asks for them."""
    parts = {"train": from_module(module, mse_loss, data())}
    read = probe(parts, plane, measures or {}, strategy="loop")
    pieces = [read(piece.numpy()) for piece in coords.split((1, 1, 16, 16, 6))]
    return np.concatenate(pieces, axis=2)[0], read.readers.evaluations[0]


COORDS = 2 * torch.rand(40, 2, generator=torch.Generator().manual_seed(5), dtype=torch.float64) - 1


@pytest.mark.parametrize("kind", [*LATE, Counting, Averaging, Caching, Quiet])
def test_a_network_that_changes_is_at_every_point_as_it_was_given(kind):
    module = made(kind)
    plane, before = plane_of(module), copy.deepcopy(module.state_dict())
    expected = by_hand(module, plane, COORDS)
    found, _ = evaluated(module, plane, COORDS)
    np.testing.assert_allclose(found[0], expected, rtol=1e-6)
    assert (SEEN, SCALE, ClassAttribute.common) == ([1.0], 1.0, 1.0)
    assert (module.factor, module.seen, list(module.options)) == (1.0, [1.0], ["first", "second"])
    assert not module.training
    assert all(torch.equal(one, before[name]) for name, one in module.state_dict().items())


@pytest.mark.parametrize(("kind", "still"), [(Quiet, True), (Counting, False), (Buffer, False)])
def test_what_was_seen_to_change_is_put_back_at_each_point_from_then_on(kind, still):
    module = made(kind)
    _, network = evaluated(module, plane_of(module), COORDS)
    assert network.still == still


def test_frozen_parameters_that_change_late_are_put_back():
    module = made(Frozen)
    plane = plane_of(module)
    found, _ = evaluated(module, plane, COORDS)
    np.testing.assert_allclose(found[0], by_hand(module, plane, COORDS), rtol=1e-6)


class Backwards(Late):
    """Counts backward passes, which the trace of a forward pass does not see."""

    def forward(self, values):
        found = self.hidden(self.inner(values).tanh()) * self.factor
        if found.requires_grad:
            found.register_hook(self.passed)
        return found

    def passed(self, gradient):
        self.factor = 3.0 - self.factor
        return gradient


def test_a_backward_pass_that_changes_the_network_is_undone_before_the_next_point():
    module = made(Backwards)
    plane = plane_of(module)
    found, _ = evaluated(module, plane, COORDS, {"gradient": GradientNorm()})
    np.testing.assert_allclose(found[0], by_hand(module, plane, COORDS), rtol=1e-6)


class Stopping(Late):
    def change(self):
        self.factor = 2.0
        if self.calls[0] == QUIET + 1:
            raise KeyboardInterrupt


def test_an_interrupted_series_leaves_what_all_copies_share_as_it_was():
    module = made(Stopping)
    plane = plane_of(module)
    reading = Reading(from_module(module, mse_loss, data()), plane, [])
    network = PlainEvaluation(reading.objective)
    with pytest.raises(KeyboardInterrupt):
        point_by_point(reading, network)(COORDS)
    assert network.loss(plane.origin) == by_hand(module, plane, torch.zeros(1, 2))[0]


def test_the_one_call_gives_such_a_network_the_values_of_a_loop_by_hand():
    module = made(Buffer)
    plane = plane_of(module)
    found = landscape(module, mse_loss, data(), directions=plane, measures={}, resolution=6)
    beta, alpha = np.meshgrid(found["beta"], found["alpha"], indexing="ij")
    coords = torch.from_numpy(np.stack([alpha.ravel(), beta.ravel()], axis=1))
    expected = by_hand(module, plane, coords).reshape(6, 6)
    np.testing.assert_allclose(found["loss"].values[0], expected, rtol=1e-6)
