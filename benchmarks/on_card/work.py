"""Curvature, training and live pictures on a card: right, and how fast."""

import copy

import torch
from torch.nn.functional import cross_entropy

from landscape_core.curvature.eigenpairs import eigenpairs
from landscape_core.curvature.matrices.hessian import Hessian
from landscape_core.foundation.recipes import name_of
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.user_model import user_problem
from landscape_core.planes.directions.random import Random
from landscape_core.slices.model_plan import probe_of
from landscape_core.slices.probe import probe
from landscape_core.slices.strategies.cuda_graph import CudaGraph
from landscape_core.slices.strategies.loop import Loop
from landscape_core.training.optimizers.adam import Adam
from landscape_core.training.run import Run, Training
from on_card.machine import conv_net, images, mlp, residual, same, table, vectors
from on_card.right import WHERE

PICTURES = 20


def curvature(machine):
    """Hessian products of the residual net on all images, and eigenvalues on some of them."""
    inputs, targets = images(machine.size(50_000, 6), torch.float32)
    model = residual(machine)
    few = machine.size(32, 4)
    here = ModelObjective(model, CrossEntropy(), inputs[:few], targets[:few])
    v = torch.randn(1, here.layout.size, generator=torch.Generator().manual_seed(0))
    expected = _product(here.in_double(), v)
    apart = same("a Hessian product", _product(here.to(machine.device), v), expected, 1e-3)
    rows = [f"product, {few} images, beside float64 on the processor | - | - | {apart:.0e}"]
    part = ModelObjective(model, CrossEntropy(), inputs, targets).to(machine.device)
    machine.forget_peak()
    operator, made = machine.timed(lambda: Hessian().at(part, part.start))
    _, seconds = machine.timed(lambda: operator.apply(v))
    _, seconds = machine.timed(lambda: operator.apply(v))
    rows.append(
        f"product, {len(inputs)} images, after {made:.1f} s | {seconds:.2f} | {machine.peak()} | -"
    )
    del operator
    some = part.first(machine.size(2_000, 4))
    machine.forget_peak()
    operator = Hessian().at(some, some.start)
    pairs, seconds = machine.timed(lambda: eigenpairs(operator, 1, most=machine.size(60, 8)))
    told = f"eigenvalue {float(pairs.values[0]):.4g}, residual {float(pairs.residuals[0]):.1g}"
    rows.append(
        f"largest eigenvalue, {some.examples} images, {pairs.matvecs} products: {told} "
        f"| {seconds:.2f} | {machine.peak()} | -"
    )
    return table("work | s | peak memory | deviation", rows)


def _product(objective, v):
    return Hessian().at(objective, objective.start).apply(v.to(objective.start.dtype))


def training(machine):
    """Steps of Adam by ours and by plain torch, and both devices against one another."""
    steps = machine.size(200, 5)
    data = vectors(machine.size(8_000, 40))
    ends = {}
    for device in ("cpu", machine.device.split(":")[0]):
        ends[device], _ = _trained(machine, data, device, 5, "float64")
    rows = []
    found, expected = list(ends.values())[-1], ends["cpu"]
    apart = same("five steps of Adam", found, expected, 1e-8)
    device = machine.device.split(":")[0]
    single = data[0].float(), data[1]
    _trained(machine, single, device, 5, "float32")
    _, ours = _trained(machine, single, device, steps, "float32")
    _, theirs = machine.timed(lambda: _plainly(machine, single, steps))
    rows.append(
        f"{steps} | {1e3 * ours:.0f} | {1e3 * theirs:.0f} | {ours / theirs:.2f} | {apart:.0e}"
    )
    head = (
        "steps | ours, ms | plain torch, ms | ratio | processor and card after five steps, float64"
    )
    return table(head, rows)


def _trained(machine, data, device, steps, kind):
    """The parameters after so many steps, and the seconds they took."""
    model = mlp(getattr(torch, kind))
    run = Run(
        problem=user_problem(model, cross_entropy, data),
        optimizer=Adam(learning_rate=1e-3),
        batch_size=32, steps=steps, device=device, dtype=kind,
    )  # fmt: skip
    course = Training(run)
    state = course.start()

    def whole():
        now = state
        for _ in range(steps):
            now = course.advance(now)
        return now.theta

    return machine.timed(whole)


def _plainly(machine, data, steps):
    model = copy.deepcopy(mlp(torch.float32)).to(machine.device)
    inputs, targets = (one.to(machine.device) for one in data)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(0))
    for step in range(steps):
        chosen = order[32 * step % (len(order) - 32) :][:32].to(machine.device)
        optimizer.zero_grad()
        loss = cross_entropy(model(inputs[chosen]), targets[chosen])
        loss.backward()
        optimizer.step()
        float(loss)  # as ours, which stops where it is not finite


def live_pictures(machine):
    """Pictures of a plane that moves: the recording of the first one goes on with each next."""
    data = images(machine.size(256, 6), torch.float32)
    here = ModelObjective(conv_net(torch.float32), CrossEntropy(), *data)
    objective = here.to(machine.device)
    pictures, points = machine.size(PICTURES, 3), machine.size(100, 5)
    planes = [
        probe_of({"train": here}, Random(), {}, strategy=Loop(), seed=seed).plane
        for seed in range(pictures)
    ]
    where = (
        (torch.rand(points, 2, generator=torch.Generator().manual_seed(0)) - 0.5).double().numpy()
    )
    asked = {"train": objective}
    before = probe(asked, planes[0], {}, CudaGraph(), tried=True)
    before(where)
    rows = []
    for name in ("going on", "recorded anew"):

        def show(name=name):
            last = before
            for plane in planes[1:]:
                read = probe(asked, plane, {}, CudaGraph(), tried=True)
                last = read.going_on_from(last) if name == "going on" else read
                last(where)
            return last(WHERE.numpy())[0, 0]

        found, seconds = machine.timed(show)
        expected = probe({"train": here}, planes[-1], {}, Loop())(WHERE.numpy())[0, 0]
        apart = same(f"live pictures, {name}", found, expected, 1e-4)
        rows.append(f"{name} | {1e3 * seconds / (pictures - 1):.1f} | {apart:.0e}")
    return table(f"picture of {points} points, {name_of(CudaGraph)} | ms | deviation", rows)
