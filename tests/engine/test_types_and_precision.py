"""Networks, buffers and data keep their types: each number is the one that the network gives."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from cases import filled
from landscape_core import SpecError, from_module, landscape, record_run, result, user_problem
from landscape_core.experiments.trajectory import buffers_at
from landscape_core.training.optimizers.sgd import SGD
from landscape_core.training.run import Run

TIME = 1.7e9
"""Seconds since 1970: float32 has steps of 128 there."""


def drawn(*shape, kind=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0)).to(kind)


def classes():
    return torch.randint(3, (40,), generator=torch.Generator().manual_seed(1))


class Rotated(nn.Module):
    """Rotary embeddings: a complex buffer turns pairs of features."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)
        angles = torch.tensor([0.9, 2.1])
        self.register_buffer("turns", torch.polar(torch.ones(2), angles))

    def forward(self, inputs):
        pairs = torch.view_as_complex(inputs.reshape(-1, 2, 2).contiguous())
        return self.layer(torch.view_as_real(pairs * self.turns).flatten(1))


class FrozenComplex(Rotated):
    """The same, by a complex parameter that is not trained, behind a real one."""

    def __init__(self):
        super().__init__()
        turns = self.turns
        del self.turns
        self.turns = nn.Parameter(turns, requires_grad=False)


class Since(nn.Module):
    """Times in float64, of which the network sees the difference from a buffer."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)
        self.register_buffer("origin", torch.tensor(TIME, dtype=torch.float64))

    def forward(self, times):
        return self.layer((times - self.origin).float())


class OnBody(nn.Module):
    """A frozen body in bfloat16 under a head in float32, each cast for by its weight's type."""

    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(4, 6).bfloat16().requires_grad_(False), nn.Linear(6, 3)

    def forward(self, inputs):
        inner = self.body(inputs.to(self.body.weight.dtype))
        return self.head(inner.to(self.head.weight.dtype))


class HardCasts(OnBody):
    def forward(self, inputs):
        return self.head(self.body(inputs.bfloat16()).float())


class Promoting(nn.Module):
    """Products that promote: float64 inputs are computed with in float64."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(4, 3))

    def forward(self, inputs):
        return (inputs[:, :, None] * self.weight).sum(dim=1)


def since_loss(outputs, targets):
    return ((outputs[:, 0] - (targets - TIME)) ** 2).mean()


def weights_in_double():
    return nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64))


TAKEN = {
    "complex buffer": (Rotated, cross_entropy, drawn(40, 4), classes()),
    "complex parameter": (FrozenComplex, cross_entropy, drawn(40, 4), classes()),
    "float64 buffer and inputs": (
        Since,
        cross_entropy,
        TIME + 3 * drawn(40, 4, kind=torch.float64),
        classes(),
    ),
    "float64 targets": (
        lambda: nn.Linear(4, 3),
        since_loss,
        drawn(40, 4),
        TIME + drawn(40, kind=torch.float64),
    ),
    "float64 targets of a mean squared error": (
        lambda: nn.Linear(4, 3),
        mse_loss,
        drawn(40, 4),
        drawn(40, 3, kind=torch.float64),
    ),
    "body in bfloat16": (OnBody, cross_entropy, drawn(40, 4), classes()),
    "body in bfloat16, hard casts": (HardCasts, cross_entropy, drawn(40, 4), classes()),
    "promotion": (Promoting, cross_entropy, drawn(40, 4, kind=torch.float64) + 1e-9, classes()),
}
"""What a network and its loss take as it is."""


def made(name):
    kind, loss, inputs, targets = TAKEN[name]
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(0)
        return kind(), loss, inputs, targets


def direct(module, loss, inputs, targets):
    with torch.no_grad():
        return float(loss(module(inputs), targets))


@pytest.mark.parametrize("strategy", [None, "loop"])
@pytest.mark.parametrize("name", TAKEN)
def test_what_is_taken_is_handed_over_as_given(name, strategy):
    module, loss, inputs, targets = made(name)
    found = landscape(module, loss, (inputs, targets), resolution=3, strategy=strategy)
    centre = float(found["loss"][0, 1, 1])
    assert centre == pytest.approx(direct(module, loss, inputs, targets), rel=1e-6)


@pytest.mark.parametrize("name", TAKEN)
def test_a_problem_starts_at_the_loss_of_its_network(name):
    module, loss, inputs, targets = made(name)
    problem = user_problem(module, loss, (inputs, targets))
    built = problem.build(0).train
    assert float(built.loss(built.start).detach()) == pytest.approx(
        direct(module, loss, inputs, targets), rel=1e-6
    )


REFUSED = {
    "float64 inputs": (cross_entropy, drawn(40, 4, kind=torch.float64), classes()),
    "NumPy": (cross_entropy, drawn(40, 4).double().numpy(), classes().numpy()),
    "float16 inputs": (cross_entropy, drawn(40, 4, kind=torch.float16), classes()),
    "inputs and targets": (
        nn.L1Loss(),
        drawn(40, 4, kind=torch.float64),
        drawn(40, 3, kind=torch.float64),
    ),
    "weights of the loss": (weights_in_double(), drawn(40, 4), classes()),
}
"""What a network in float32 refuses in its type."""


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_converted_to_the_type_of_the_network(name):
    loss, inputs, targets = REFUSED[name]
    module = filled(nn.Linear(4, 3)).float()
    found = landscape(module, loss, (inputs, targets), resolution=3)
    exact = copy.deepcopy(loss).double() if isinstance(loss, nn.Module) else loss
    inputs, targets = torch.as_tensor(inputs).double(), torch.as_tensor(targets)
    truth = direct(module.double(), exact, inputs, targets)
    assert found.attrs["dtype"] == "float32"
    assert float(found["loss"][0, 1, 1]) == pytest.approx(truth, rel=1e-5)


def several(**kinds):
    layers = {name: nn.Linear(4, 4).to(kind) for name, kind in kinds.items()}
    return nn.Sequential(*layers.values())


def complex_layer():
    module = nn.Linear(4, 3)
    module.register_parameter("turn", nn.Parameter(torch.ones(2, dtype=torch.complex64)))
    return module


NOT_HELD = {
    "float32 and float64": (
        lambda: several(one=torch.float32, two=torch.float64),
        r"0\.weight \(float32\) and 1\.weight \(float64\)",
    ),
    "bfloat16 and float32": (
        lambda: several(one=torch.bfloat16, two=torch.float32),
        r"model\.to\(torch\.float32\).*0\.weight \(bfloat16\) and 1\.weight \(float32\)",
    ),
    "complex": (complex_layer, "the parameter turn must be real.*'complex64'"),
}


@pytest.mark.parametrize("name", NOT_HELD)
def test_trainable_parameters_that_one_vector_cannot_hold_are_named(name):
    build, told = NOT_HELD[name]
    with pytest.raises(SpecError, match=told):
        landscape(build(), cross_entropy, (drawn(40, 4), classes()), resolution=3)


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_an_asked_type_converts_numbers_but_not_the_complex_to_real(kind):
    module, loss, inputs, targets = made("complex buffer")
    part = from_module(module, loss, (inputs, targets), dtype=kind)
    assert part.start.dtype == part.inputs.dtype == kind
    assert part.buffers["turns"].dtype == torch.promote_types(kind, torch.complex64)
    truth = direct(module, loss, inputs, targets)
    assert float(part.loss(part.start).detach()) == pytest.approx(truth, rel=1e-5)
    assert float(part.in_double().loss(part.start.double()).detach()) == pytest.approx(
        truth, rel=1e-5
    )


def test_several_types_are_taken_where_one_is_asked_for():
    module = several(one=torch.bfloat16, two=torch.float32)
    found = landscape(
        module, cross_entropy, (drawn(40, 4), classes()), resolution=3, dtype=torch.float64
    )
    truth = direct(module.double(), cross_entropy, drawn(40, 4).double(), classes())
    assert float(found["loss"][0, 1, 1]) == pytest.approx(truth, rel=1e-10)


def test_a_run_records_complex_buffers():
    module, loss, inputs, targets = made("complex buffer")
    problem = user_problem(module, loss, (inputs, targets))
    path = result(record_run(Run(problem=problem, optimizer=SGD(), steps=2, batch_size=8)))
    part = problem.build(0).train
    np.testing.assert_array_equal(buffers_at(path, -1, part)["turns"], module.turns)
