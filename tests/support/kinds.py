"""Kinds of modules, losses, data and files, each with the plain value that every call must have.

A kind is asked four things: a slice, a slice of the gradient's norm, the spectrum of the Hessian,
and the first picture of `explore`. The reference calls a new network of the user's own, made for
each point, in float64 unless the kind is one of another type.
"""

import contextlib
import inspect
import itertools
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

import landscape_core as lc
from landscape_core.foundation import random_streams
from landscape_core.models.measures.gradient_norm import GradientNorm
from plain_reference import generators_kept, seed_everything

CALLS = ("landscape", "gradient", "spectrum", "explore")
"""What each kind is asked; of checkpoints there is no spectrum."""

NEAR = 1e-5
"""How far a value may lie from the reference's, relative to the largest of all."""

OWN = ("refused", "near", "calls", "several")
"""Arguments of a case in place of those of a call."""

KINDS: dict[str, Callable[[], "Case"]] = {}
"""By name, what makes a case anew."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is given to the calls, and the plain value of a network.

    `model` makes the network, always the same; `plain`, where it is another, the one that the
    reference calls; `value` takes such a network in evaluation mode. `given` are arguments of
    `landscape`. `refused` has the field of the `SpecError` by call,
    and `calls` those that apply; the loss of `several` outputs is evaluated as an objective, which
    `explore` may not take.
    """

    model: Callable[[], nn.Module]
    value: Callable[[nn.Module], Tensor] | None
    given: Mapping[str, Any]
    plain: Callable[[], nn.Module] | None = None
    refused: Mapping[str, str] = field(default_factory=dict)
    calls: tuple[str, ...] = CALLS
    several: bool = False
    near: float = NEAR

    def made(self) -> nn.Module:
        """The network that is given, always the same."""
        with generators_kept():
            seed_everything(1)
            return self.model()

    def reference(self) -> nn.Module:
        """The network of the reference, always the same."""
        with generators_kept():
            seed_everything(1)
            return (self.plain or self.model)()

    def at(self, theta: Any) -> nn.Module:
        """A network of the reference with these parameters (P,)."""
        module, start = self.reference(), 0
        theta = torch.as_tensor(theta)
        with torch.no_grad():
            for parameter in moving(module):
                stop = start + parameter.numel()
                parameter.copy_(theta[start:stop].view_as(parameter))
                start = stop
        assert start == len(theta)
        return module.eval()

    def valued(self, module: nn.Module) -> Tensor:
        """The plain value, by the random numbers that each point draws."""
        seed_everything(random_streams.number(0, "draws", 0))
        return self.value(module).mean()


def kind(name: str) -> Callable[[Callable[[], Case]], Callable[[], Case]]:
    """Enter what makes a case under its name."""

    def entered(make: Callable[[], Case]) -> Callable[[], Case]:
        assert name not in KINDS, name
        KINDS[name] = make
        return make

    return entered


def of_pairs(model, loss, inputs, targets, *, data=None, plain=None, reference=None, **others):
    """A case of a loss of (outputs, targets); `data` is the form in which the two are given.

    `reference` is the loss of the reference where the one that is given remembers.
    """
    taken = {name: others.pop(name) for name in OWN if name in others}
    adapter = others.get("adapter", lambda outputs: outputs)
    compared = reference or loss

    def value(module):
        return compared(adapter(module(inputs.clone())), targets.clone())

    given = {"loss": loss, "data": (inputs, targets) if data is None else data, **others}
    return Case(model=model, value=value, given=given, plain=plain, **taken)


def of_closure(model, closure, data, *, batches=None, weights=None, plain=None, **others):
    """A case of an `objective`, of which the reference is the weighted mean over batches."""
    taken = {name: others.pop(name) for name in OWN if name in others}
    batches = [data] if batches is None else batches
    weights = [1.0] * len(batches) if weights is None else weights

    def value(module):
        parts = (w * closure(module, b) for b, w in zip(batches, weights, strict=True))
        return sum(parts) / sum(weights)

    given = {"objective": closure, "data": data, **others}
    return Case(model=model, value=value, given=given, plain=plain, **taken)


def refused(model, field, given, calls=CALLS):
    """A case that every call refuses, by the same field of a `SpecError`."""
    return Case(
        model=model, value=None, given=given, refused=dict.fromkeys(calls, field), calls=calls
    )


def drawn(module, kind=torch.float64):
    """The module in float64, its parameters and statistics drawn by the order of their names."""
    module = module if kind is None else module.to(kind)
    with torch.no_grad():
        for number, parameter in enumerate(module.parameters()):
            parameter.copy_(normal(*parameter.shape, seed=number).to(parameter) / 2)
        for name, buffer in module.named_buffers():
            if name.endswith("running_mean"):
                buffer.copy_(normal(*buffer.shape, seed=91).to(buffer) / 4)
            elif name.endswith("running_var"):
                buffer.copy_(normal(*buffer.shape, seed=92).abs().to(buffer) + 0.5)
    return module


def normal(*shape, seed=0):
    """Standard normal numbers of that shape in float64."""
    rng = random_streams.stream(seed, "kinds")
    return torch.randn(*shape, generator=rng, dtype=torch.float64)


def classes(count, number=3):
    """Classes in turn."""
    return torch.arange(count) % number


def moving(module):
    """The parameters that require a gradient, tied ones once."""
    return [one for one in module.parameters() if one.requires_grad]


QUIET = (
    "Results on this network are not kept",
    "This slice is not kept",
    ".*treespec",
    "None of the inputs have requires_grad",
)
"""Notices of the store, and of torch about its own code."""


# --- what is asked --------------------------------------------------------------------------------


def check(name: str, call: str, **settings: Any) -> None:
    """Ask a kind for one thing: right, or refused by the field that is stated."""
    case = KINDS[name]()
    asked = ASKED[call]
    with generators_kept(), warnings.catch_warnings():
        for said in QUIET:
            warnings.filterwarnings("ignore", said)
        fields = dict(case.refused)
        if call == "explore" and not explore_takes(case):
            fields["explore"] = "the model's output"
        if call not in fields:
            asked(case, **settings)
            return
        with pytest.raises(lc.LandscapeError) as caught:
            asked(case, **settings)
        if fields[call] is not None:
            assert isinstance(caught.value, lc.SpecError), caught.value
            assert caught.value.field == fields[call], caught.value


def explore_takes(case: Case) -> bool:
    """Whether `explore` evaluates a case; skips the test where it has no such argument."""
    from landscape_lab.notebook.explore import explore  # only where it is asked

    known = inspect.signature(explore).parameters
    for name in case.given:
        if name not in known:
            pytest.skip(f"explore takes no {name}=")
    return "objective" in known or not case.several


def compare(found: Any, expected: Any, near: float) -> None:
    """Compare values with those of the reference, relative to the largest."""
    found, expected = np.asarray(found, dtype=float), np.asarray(expected, dtype=float)
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(found, expected, rtol=0, atol=near * max(abs(expected).max(), 1e-9))


def sliced(case: Case) -> None:
    """A slice of 3x3 points."""
    found = lc.landscape(case.made(), **case.given, resolution=3, span=0.5)
    compare_slice(case, found)
    if "path_loss" in found:
        axes = found["plane_axes"].values
        coords = np.stack([found["path_alpha"].values, found["path_beta"].values], axis=1)
        with torch.no_grad():
            ends = [
                float(case.valued(case.at(found["plane_origin"].values + c @ axes))) for c in coords
            ]
        compare(found["path_loss"].values, ends, case.near)


def compare_slice(case: Case, found: Any, every: int = 1) -> None:
    """Compare the points of a slice, or some of them."""
    origin, axes = found["plane_origin"].values, found["plane_axes"].values
    values, expected = [], []
    pairs = list(itertools.product(range(found.sizes["beta"]), range(found.sizes["alpha"])))
    for i, j in pairs[::every]:
        point = found["alpha"].values[j], found["beta"].values[i]
        with torch.no_grad():
            expected.append(float(case.valued(case.at(origin + np.asarray(point) @ axes))))
        values.append(found["loss"].values[0, i, j])
    compare(values, expected, case.near)
    assert np.ptp(expected) > 10 * case.near * abs(np.asarray(expected)).max()


def graded(case: Case) -> None:
    """The norm of the gradient at three points of a line."""
    measures = {"norm": GradientNorm()}
    found = lc.landscape(
        case.made(), **case.given, measures=measures, resolution=3, span=0.5, dimensions=1
    )
    origin, axes = found["plane_origin"].values, found["plane_axes"].values
    expected = []
    for alpha in found["alpha"].values:
        module = case.at(origin + alpha * axes[0])
        leaves = moving(module)
        case.valued(module).backward()
        slope = [one.grad.to_dense() for one in leaves if one.grad is not None]
        expected.append(float(torch.cat([one.reshape(-1) for one in slope]).norm()))
    compare(found["norm"].values[0], expected, case.near)


def bent(case: Case) -> None:
    """The largest and the smallest eigenvalue of the Hessian."""
    given = {"loss": None, **case.given}
    found = lc.spectrum(case.made(), **given, top=1, bottom=1, probes=0)
    module = case.reference().eval()
    leaves = moving(module)
    with sdpa_kernel(SDPBackend.MATH):  # the kernel of attention that has a second derivative
        slope = torch.cat(
            [one.reshape(-1) for one in grads(case.valued(module), leaves, graph=True)]
        )
        rows = [
            torch.cat([part.reshape(-1) for part in grads(one, leaves, graph=True)]).detach()
            for one in slope
        ]
    matrix = torch.stack(rows)
    wanted = torch.linalg.eigvalsh((matrix + matrix.T) / 2)
    compare(found["eigenvalue"].values[0], wanted[[-1, 0]], case.near)


def grads(value: Tensor, leaves: list[Tensor], *, graph: bool = False) -> list[Tensor]:
    """The gradient by each leaf; zero where it does not depend on one."""
    if not value.requires_grad:
        return [torch.zeros_like(one) for one in leaves]
    found = torch.autograd.grad(
        value, leaves, create_graph=graph, retain_graph=True, allow_unused=True
    )
    pairs = zip(found, leaves, strict=True)
    dense = (torch.zeros_like(leaf) if one is None else one for one, leaf in pairs)
    return [one.to_dense() if one.is_sparse else one for one in dense]


def explored(case: Case, store: Any = None) -> None:
    """The first picture of `explore`: its loss in the centre and at the corners."""
    from landscape_lab.notebook.explore import explore  # only where it is asked

    settings = {"slice.resolution": 3, "slice.directions": "random"}
    widget = explore(case.made(), **case.given, steps=1, settings=settings, store=store)
    with contextlib.closing(widget):
        compare_slice(case, widget.slice, every=2)


ASKED = {"landscape": sliced, "gradient": graded, "spectrum": bent, "explore": explored}
