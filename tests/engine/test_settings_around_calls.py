"""Public calls give the same numbers whatever precision the process has allowed around them."""

import contextlib
from functools import partial

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn
from torch.nn.functional import cross_entropy

from cases import filled
from landscape_core import (
    PCA,
    Convexity,
    Gradient,
    Grid,
    HessianEigenvectors,
    Loop,
    Plane,
    Random,
    Run,
    SpecError,
    Spectrum,
    Store,
    Supervised,
    Training,
    Viewpoint,
    aligned,
    compute_connection,
    compute_convexity,
    compute_spectrum,
    density,
    eigenpairs,
    ensemble,
    entries,
    from_module,
    landscape,
    probe_of,
    record_run,
    result,
    sample,
    sharpness_at,
    trace,
)
from landscape_core.analysis.decision_boundary import boundary
from landscape_core.analysis.diagnostics.base import Diagnostic
from landscape_core.analysis.vector_field import field
from landscape_core.curvature.matrices.hessian import Hessian
from landscape_core.models.datasets.base import Data, Split
from landscape_core.models.datasets.moons import Moons
from landscape_core.models.known_loss import with_known_loss


def network():
    return filled(nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 3))).float()


def data():
    rng = torch.Generator().manual_seed(1)
    inputs = torch.randn(24, 2, generator=rng)
    return inputs, torch.randint(3, (24,), generator=rng)


def objective():
    return with_known_loss(from_module(network(), cross_entropy, data()))


def recorded(steps=6):
    problem = Supervised(dataset=Moons(points=40))
    return result(record_run(Run(problem=problem, steps=steps, batch_size=8)))


def last(work):
    return list(work)[-1]


def probed(rule=None):
    return probe_of({"train": objective()}, rule or Random())


def ended():
    part = objective()
    other = part.start + 0.3 * torch.randn(len(part.start), generator=torch.Generator())
    return part, part.start, other


def plane():
    _, start, other = ended()
    return Plane.through(start, other, start.flip(0))


def viewed(rule):
    part, start, other = ended()
    path = torch.stack([start + step * (other - start) ** step for step in (1, 2, 3)])
    found = rule.span(Viewpoint(part, start, path, 0))
    return torch.cat([found.origin[None], found.axes])


def sharpness():
    return result(sharpness_at(recorded()))


def examined(kind):
    part, start, other = ended()
    return kind().at(part, start) if kind.__name__ != "Distance" else kind().at(part, start, other)


GRID = Grid.square(1.0, 5)

CALLS = {
    "landscape": lambda: landscape(network(), cross_entropy, data(), resolution=5),
    "landscape by plane_algebra": lambda: landscape(
        network(), cross_entropy, data(), resolution=5, strategy="plane_algebra"
    ),
    "landscape by loop": lambda: landscape(
        network(), cross_entropy, data(), resolution=5, strategy="loop"
    ),
    "landscape on a plane of its own": lambda: landscape(
        network(), cross_entropy, data(), resolution=5, directions=plane()
    ),
    "landscape to a tolerance": lambda: landscape(
        network(), cross_entropy, data(), resolution=17, tolerance=0.05, strategy=Loop()
    ),
    "sample": lambda: last(sample(probed(), GRID, first=8)),
    "a point": lambda: probed()(np.array([[0.3, -0.7]])),
    "points of a plane": lambda: plane().points(torch.tensor([[0.3, -0.7], [0.1, 0.2]])),
    "coordinates": lambda: plane().coords(plane().points(torch.tensor([[0.3, -0.7]]))),
    "random directions": lambda: viewed(Random()),
    "gradient": lambda: viewed(Gradient()),
    "hessian": lambda: viewed(HessianEigenvectors()),
    "principal components": lambda: viewed(PCA()),
    "random, orthogonal": lambda: viewed(Random(orthogonal=True)),
    "spectrum": lambda: last(compute_spectrum(objective(), objective().start, Spectrum(probes=3))),
    "spectrum by layer": lambda: last(
        compute_spectrum(objective(), objective().start, Spectrum(probes=0, each_layer=True))
    ),
    "eigenpairs": lambda: eigenpairs(Hessian().at(objective(), objective().start), 2, 1).vectors,
    "trace": lambda: trace(Hessian().at(objective(), objective().start), sketch=1).value,
    "density": lambda: density(Hessian().at(objective(), objective().start), probes=2).density,
    "run": recorded,
    "training": lambda: Training(Run(steps=2)).advance(Training(Run(steps=2)).start()).theta,
    "sharpness": sharpness,
    "connection": lambda: last(compute_connection(*ended(), points=5)),
    "alignment": lambda: aligned(*ended()),
    "convexity": lambda: last(
        compute_convexity(objective(), plane(), Grid.square(1.0, 3), Convexity(tolerance=1e-3))
    ),
    "field": lambda: last(field(objective(), plane(), Grid.square(1.0, 3))),
    "boundary": lambda: boundary(
        objective(), objective().start, Split(Data(*data()), Data(*data()), 3), 5
    ),
    "ensemble": lambda: last(
        ensemble({"train": objective()}, Random(), planes=2, grid=Grid.square(1.0, 3))
    ),
    **{f"diagnostic {name}": partial(examined, kind) for name, kind in entries(Diagnostic).items()},
}


TIMED = dict.fromkeys(
    [
        "landscape",
        "landscape on a plane of its own",
        "sample",
        "a point",
        "ensemble",
    ],
    3e-6,
)
"""Where the strategy is the one that happens to be fastest, values differ by float32's rounding."""


@contextlib.contextmanager
def medium():
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


AROUND = {
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "medium precision": medium,
}


def numbers(found):
    if isinstance(found, xr.Dataset):
        return {
            name: one.values for name, one in found.variables.items() if one.dtype.kind in "fiub"
        }
    return {"": np.asarray(found)}


@pytest.mark.parametrize("around", ["autocast", "medium precision"])
@pytest.mark.parametrize("call", CALLS)
def test_numbers_are_those_of_full_precision(call, around):
    plain = numbers(CALLS[call]())
    with AROUND[around]():
        found = numbers(CALLS[call]())
    assert plain.keys() == found.keys()
    for name, values in plain.items():
        np.testing.assert_allclose(found[name], values, rtol=TIMED.get(call, 0), err_msg=name)


def test_a_slice_kept_within_autocast_is_that_of_full_precision(tmp_path):
    asked = {"resolution": 5, "directions": plane(), "store": Store(tmp_path)}
    with torch.autocast("cpu", torch.bfloat16):
        within = landscape(network(), cross_entropy, data(), **asked)
    after = landscape(network(), cross_entropy, data(), **asked)
    alone = landscape(network(), cross_entropy, data(), **asked | {"store": None})
    np.testing.assert_allclose(within["loss"], alone["loss"], rtol=3e-6)
    np.testing.assert_allclose(after["loss"], alone["loss"], rtol=3e-6)


@pytest.mark.parametrize("around", ["autocast", "medium precision"])
def test_settings_stay_as_they_are_between_datasets(around):
    with AROUND[around]():
        asked = torch.is_autocast_enabled("cpu"), torch.get_float32_matmul_precision()
        for _ in compute_spectrum(objective(), objective().start, Spectrum(probes=2)):
            found = torch.is_autocast_enabled("cpu"), torch.get_float32_matmul_precision()
            assert found == asked


DEFAULT_DEVICE = ("landscape", "spectrum", "random directions", "run")


@pytest.mark.parametrize("call", DEFAULT_DEVICE)
def test_a_default_device_without_numbers_is_refused(call):
    torch.set_default_device("meta")
    try:
        with pytest.raises(SpecError, match="default device must be one that holds numbers"):
            CALLS[call]()
    finally:
        torch.set_default_device(None)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_spectra_of_half_types_are_near_those_of_float64(kind):
    asked = Spectrum(probes=3)
    exact, part = (
        from_module(network(), cross_entropy, data(), dtype=t) for t in (torch.double, kind)
    )
    truth, found = (last(compute_spectrum(one, one.start, asked)) for one in (exact, part))
    np.testing.assert_allclose(found["trace"], truth["trace"], rtol=0.03)
    np.testing.assert_allclose(found["eigenvalue"][0, :3], truth["eigenvalue"][0, :3], rtol=0.03)
