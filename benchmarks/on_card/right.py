"""Whether a card computes what the processor does: strategies, recordings, hostile code, TF32."""

import gc

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from landscape_core.curvature.matrices.hessian import Hessian
from landscape_core.foundation.recipes import name_of
from landscape_core.foundation.registry import entries
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.measures.accuracy import Accuracy
from landscape_core.models.measures.loss import LossMeasure
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.user_model import from_module
from landscape_core.planes.directions.random import Random
from landscape_core.slices.model_plan import probe_of
from landscape_core.slices.one_call import landscape
from landscape_core.slices.reading import Reading
from landscape_core.slices.recorded_work import Recording
from landscape_core.slices.strategies.base import Strategy
from landscape_core.slices.strategies.cuda_graph import CudaGraph
from landscape_core.slices.strategies.loop import Loop
from on_card.machine import NETWORKS, Wrong, conv_net, images, mlp, same, table, vectors

WHERE = torch.tensor([[0.3, -0.2], [-0.7, 0.4], [0.0, 0.0], [0.9, 0.8], [-0.1, 0.6]]).double()

NEAR = 1e-9
"""How far values in float64 may lie apart, relatively: sums in another order."""


def reading(model, data, loss=None):
    objective = ModelObjective(model, loss or CrossEntropy(), *data)
    plane = probe_of({"train": objective}, Random(), {}, strategy=Loop()).plane
    return Reading(objective, plane, [LossMeasure(), Accuracy()], 10)


def moved(what, machine):
    objective = what.objective.to(machine.device)
    plane = what.plane.to(machine.device)
    return Reading(objective, plane, what.measures, what.classes, what.tf32)


def strategies(machine):
    """Every strategy on every network against the processor's loop, in float64."""
    rows = []
    for name, (make, data) in NETWORKS.items():
        count = machine.size(512 if data is vectors else 128, 6)
        here = reading(make(), data(count))
        expected = Loop().reader(here)(WHERE)
        there = moved(here, machine)
        for kind in sorted(entries(Strategy).shipped().values(), key=lambda one: one.rank):
            found = _deviation(f"{name}, {name_of(kind)}", kind(), there, expected)
            rows.append(f"{name} | {name_of(kind)} | {found}")
    return table("network | strategy | largest relative deviation, loss and accuracy", rows)


def _deviation(name, strategy, what, expected):
    if not strategy.applies(what):
        return "does not apply"
    found = strategy.reader(what.apart())(WHERE.to(what.plane.origin.device))
    return f"{same(name, found, expected, NEAR):.0e}"


def freed_memory(machine):
    """A recording after all else was freed, and its memory given to others and overwritten."""
    rows = []
    for name, (make, data) in NETWORKS.items():
        here = reading(make(), data(machine.size(64, 6)))
        expected = Loop().reader(here)(WHERE)
        read = CudaGraph().reader(moved(here, machine).apart())
        again, coord = read.again, read.coord
        del read
        gc.collect()
        taken = _overwritten(machine)
        found = []
        for k in range(len(WHERE)):
            with torch.no_grad():
                coord.copy_(WHERE[k : k + 1])
                found.append(again().clone())
        del taken
        apart = same(f"{name}, freed memory", torch.stack(found, 1), expected, NEAR)
        rows.append(f"{name} | {apart:.0e}")
    return table("network | largest relative deviation of what is replayed", rows)


def _overwritten(machine):
    """Tensors of NaN of all sizes, wherever torch has memory to give again."""
    sizes = [2**k for k in range(6, machine.size(25, 12))]
    return [
        torch.full((size,), torch.nan, dtype=torch.float64, device=machine.device)
        for size in sizes
        for _ in range(machine.size(24, 1))
    ]


def item(outputs, targets):
    return cross_entropy(outputs, targets) * (2 if float(outputs.detach().sum()) > 0 else 1)


def on_processor(outputs, targets):
    return cross_entropy(outputs, targets).cpu()


def mask(outputs, targets):
    return cross_entropy(outputs[targets > 4], targets[targets > 4])


def waits(outputs, targets):
    if outputs.is_cuda:
        torch.cuda.synchronize()  # which no watch sees, and no recording takes
    return cross_entropy(outputs, targets)


def raises(outputs, targets):
    if outputs.is_cuda and torch.cuda.is_current_stream_capturing():
        raise ValueError("only while it is recorded")
    return cross_entropy(outputs, targets)


class Noisy(nn.Module):
    """Draws random numbers, and so differs between devices: only its repetition is compared."""

    def __init__(self):
        super().__init__()
        self.inner = mlp()

    def forward(self, inputs):
        return self.inner(inputs + 0.1 * torch.randn_like(inputs))


HOSTILE = {"an .item()": item, "a loss on the processor": on_processor, "a mask": mask}
HOSTILE |= {"a wait": waits, "an error when recorded": raises}


def hostile_modules(machine):
    """What cannot be recorded: right all the same, and nothing is broken afterwards."""
    rows = []
    data = vectors(machine.size(512, 12))
    for name, loss in HOSTILE.items():
        rows.append(f"{name} | {_hostile(machine, name, mlp(), loss, data)}")
    model = conv_net(momentum=None)
    pictures = images(machine.size(64, 6))
    found = _hostile(machine, "momentum=None", model, cross_entropy, pictures, batch_norm="batch")
    rows.append(f"batch norm with momentum=None, statistics of the batch | {found}")
    settings = {"measures": {}, "resolution": 3, "device": machine.device}
    one, other = (landscape(Noisy(), cross_entropy, data, **settings)["loss"] for _ in range(2))
    rows.append(
        f"random numbers, twice | {same('random numbers', one.values, other.values, 1e-12):.0e}"
    )
    return table("what the code does | largest relative deviation from the processor's loop", rows)


def _hostile(machine, name, model, loss, data, **settings):
    asked = {"measures": {}, "resolution": 3, **settings}
    expected = landscape(model, loss, data, strategy="loop", **asked)["loss"].values
    found = landscape(model, loss, data, device=machine.device, **asked)["loss"].values
    apart = same(name, found, expected, NEAR)
    if machine.on_card:
        _refused(machine, name, model, loss, data, settings)
    return f"{apart:.0e}"


def _refused(machine, name, model, loss, data, settings):
    """That a recording of it is refused, and the card works on as before."""
    objective = from_module(model, loss, data, device=machine.device, **settings)
    plane = probe_of({"train": objective}, Random(), {}, strategy=Loop()).plane
    try:
        CudaGraph().reader(Reading(objective, plane, [LossMeasure()], 10))
    except Exception as error:  # each kind of code has its own
        print(f"{name}: refused, {str(error).splitlines()[0]}")
    else:
        print(f"{name}: recorded after all")
    device = torch.device(machine.device)
    torch.randn(3, device=device)  # raises where the generator goes on recording
    x = torch.ones(3, device=device)
    if Recording(lambda: x * 2, device)().tolist() != [2, 2, 2]:
        raise Wrong(f"{name}: after it a recording gives wrong numbers")
    if torch.cuda.current_stream() != torch.cuda.default_stream():
        raise Wrong(f"{name}: another stream is left as the current one")


def tf32(machine):
    """Hessian products in float32 where the process allows TF32: symmetric, and right."""
    data = images(machine.size(128, 4), torch.float32, size=machine.size(32, 8))
    model = conv_net(torch.float32)
    exact = ModelObjective(conv_net(), CrossEntropy(), data[0].double(), data[1])
    u, v = (torch.randn(exact.layout.size, generator=torch.Generator().manual_seed(k)).double()
            for k in range(2))  # fmt: skip
    expected = Hessian().at(exact, exact.start).apply(torch.stack([u, v]))
    rows = []
    flags = torch.backends.cuda.matmul, torch.backends.cudnn
    before = [one.allow_tf32 for one in flags]
    for allowed in (False, True):
        for one in flags:
            one.allow_tf32 = allowed
        try:
            part = ModelObjective(model, CrossEntropy(), *data).to(machine.device)
            found = Hessian().at(part, part.start).apply(torch.stack([u, v])).double().cpu()
        finally:
            for one, own in zip(flags, before, strict=True):
                one.allow_tf32 = own
        size = float(u.norm() * found[1].norm())
        crossed = abs(float(u @ found[1] - v @ found[0])) / size
        apart = float((found - expected).norm() / expected.norm())
        rows.append(f"{'allowed' if allowed else 'not allowed'} | {crossed:.0e} | {apart:.0e}")
        if not (crossed < 1e-5 and apart < 1e-4):
            raise Wrong(f"Hessian products with TF32 {rows[-1]}")
    return table(
        "TF32 by the process | asymmetry, relative to the norms | from float64, relatively", rows
    )
