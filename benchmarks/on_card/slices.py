"""How fast slices are on a card: the trial, a tiny MLP, a residual net of 20 layers."""

import time

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

from landscape_core.foundation.recipes import name_of
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.measures.loss import LossMeasure
from landscape_core.models.network_objective import ModelObjective
from landscape_core.planes.directions.random import Random
from landscape_core.slices.grid import Grid
from landscape_core.slices.model_plan import probe_of
from landscape_core.slices.one_call import landscape
from landscape_core.slices.reading import Reading
from landscape_core.slices.strategies.loop import Loop
from landscape_core.slices.strategy_choice import trial as tried
from landscape_core.slices.sweep import exact, sweep
from on_card.machine import conv_net, frozen_trunk, images, mlp, residual, same, table, vectors
from on_card.right import WHERE

LIMIT = 40.0
"""Seconds that the residual net has for its whole slice."""

NEAR = {False: 1e-4, True: 1e-2}
"""How far float32 may lie from float64, relatively, without and with TF32."""


def trial(machine):
    """What the trial of strategies takes and finds, and whether it takes the fastest."""
    rows = []
    small, large = machine.size((256, 4096), (6, 8))
    works = {
        f"MLP, {small} examples": (mlp, vectors(small, torch.float32), False),
        f"MLP, {large} examples": (mlp, vectors(large, torch.float32), False),
        f"conv net, {small} examples": (conv_net, images(small, torch.float32), False),
        "the same, TF32 allowed": (conv_net, images(small, torch.float32), True),
        f"frozen trunk, {small} examples": (frozen_trunk, images(small, torch.float32), False),
    }
    for name, (make, data, allowed) in works.items():
        objective = ModelObjective(make(torch.float32), CrossEntropy(), *data).to(machine.device)
        read = probe_of({"train": objective}, Random(), {}, strategy=Loop())
        what = Reading(objective, read.plane, list(read.measures.values()), 10, allowed)
        timings, seconds = machine.timed(lambda what=what: tried(what))
        found = ", ".join(
            f"{name_of(type(one.strategy))} {1e6 * one.seconds:.0f} ({one.deviation:.0e})"
            for one in timings
        )
        rows.append(f"{name} | {1e3 * seconds:.0f} | {found}")
    head = "work | trial, ms | strategies in their order: microseconds a point (deviation)"
    return table(head, rows)


def tiny_mlp(machine):
    """A landscape of a tiny MLP in one call, beside the plain loop and the rate of products."""
    data = vectors(machine.size(1000, 12), torch.float32)
    side = machine.size(51, 5)
    model = mlp(torch.float32)

    def whole(**settings):
        asked = {"measures": {}, "resolution": side, "device": machine.device, **settings}
        return landscape(model, cross_entropy, data, **asked)

    whole()  # the first one loads libraries
    found, seconds = machine.timed(whole)
    _, slow = machine.timed(lambda: whole(strategy="loop"))
    expected = landscape(
        mlp(), cross_entropy, (data[0].double(), data[1]), measures={}, resolution=3
    )["loss"].values
    apart = same("tiny MLP", found["loss"].values[:, :: side // 2, :: side // 2], expected, 1e-4)
    operations = _operations(model, data[0][:1]) * len(data[0]) * side**2
    share = operations / seconds / machine.product_rate()
    strategy = found.attrs["strategy"][0]
    row = (
        f"{len(data[0])} examples, {side}x{side} | {1e3 * seconds:.0f} | {strategy} "
        f"| {slow / seconds:.1f} | {share:.1%} | {apart:.0e}"
    )
    head = "work | ms, one call | strategy | faster than the loop | share of products | deviation"
    return table(head, [row])


def residual_net(machine):
    """The residual net at few points: seconds, memory, and its share of the card's rates."""
    side, rows = machine.size(5, 2), []
    inputs, targets = images(machine.size(50_000, 6), torch.float32)
    model = residual(machine)
    operations = _operations(model, inputs[:1]) * len(inputs) * side**2
    part = ModelObjective(model, CrossEntropy(), inputs, targets).to(machine.device)
    for allowed in (False, True):
        machine.forget_peak()
        read, chosen = machine.timed(
            lambda allowed=allowed: probe_of({"train": part}, Random(), {}, tf32=allowed)
        )
        found, seconds = machine.timed(lambda read=read: _last(exact(read, Grid.square(1.0, side))))
        peak = machine.peak()
        rates = machine.convolution_rate(tf32=allowed), machine.product_rate(tf32=allowed)
        shares = " / ".join(f"{operations / seconds / rate:.0%}" for rate in rates)
        apart = _beside_processor(machine, model, (inputs, targets), allowed)
        rows.append(
            f"{'TF32' if allowed else 'float32'} | {name_of(type(read.strategies['train']))} "
            f"| {chosen:.1f} | {seconds:.2f} | {seconds / side**2 * 2601:.0f} | {peak} "
            f"| {shares} | {apart:.0e}"
        )
        if not np.isfinite(found).all():
            raise AssertionError("a loss of the residual net is not finite")
    head = (
        f"{len(inputs)} images, {side}x{side} | strategy | trial, s | slice, s | of 51x51 so, s "
        "| peak memory | share of convolutions / products | deviation on few examples"
    )
    return table(head, rows)


def residual_net_whole(machine):
    """The residual net at 51x51 points, as far as it comes within the limit."""
    side = machine.size(51, 3)
    inputs, targets = images(machine.size(50_000, 6), torch.float32)
    model = residual(machine)
    part = ModelObjective(model, CrossEntropy(), inputs, targets).to(machine.device)
    read = probe_of({"train": part}, Random(), {}, tf32=True)
    began, done, first = time.perf_counter(), 0.0, float("nan")
    for dataset in sweep(read, Grid.square(1.0, side)):
        spent = time.perf_counter() - began
        first = spent if np.isnan(first) else first
        done = float(dataset["computed"].mean())
        if spent > LIMIT:
            break
    row = (
        f"TF32, {len(inputs)} images, {side}x{side} | {name_of(type(read.strategies['train']))} "
        f"| {first:.1f} | {done:.0%} | {spent:.1f} | {spent / done:.0f}"
    )
    head = "work | strategy | first picture, s | done | after, s | so whole, s"
    return table(head, [row])


def _beside_processor(machine, model, data, allowed):
    """How far the card's values on few examples lie from the processor's in float64."""
    few = machine.size(64, 4)
    here = ModelObjective(model, CrossEntropy(), data[0][:few], data[1][:few])
    there = here.to(machine.device)
    found = probe_of({"train": there}, Random(), {}, tf32=allowed)(WHERE.numpy())
    plane = probe_of({"train": here}, Random(), {}, strategy=Loop()).plane.in_double()
    expected = Loop().reader(Reading(here.in_double(), plane, [LossMeasure()], 10))(WHERE)
    return same("residual net", found[0], expected, NEAR[allowed])


def _operations(model, inputs):
    """Floating-point operations of the network on some inputs, products counted twice."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.eval()(inputs)
    return counter.get_total_flops()


def _last(datasets):
    *_, dataset = datasets
    return dataset["loss"].values
