"""Whether all that the engine says of a random case is what the plain reference says.

Only the public names of the engine are used: what a user calls is what is tried.
"""

import random
import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

import landscape_core as lc
from dice import Dice
from landscape_core.curvature.matrices.base import Matrix
from landscape_core.foundation import random_streams
from plain_reference import PlainReference, seed_everything
from random_losses import LOSSES
from random_networks import DRAWING, UNCOPYABLE

NEAR = {torch.float64: 1e-9, torch.float32: 2e-5}
"""How far a value may lie from the reference's, relative to its size or that of all."""

ENGINE = Path(lc.__file__).parent

REFUSABLE = {
    "parameters in a closure": "no copy of the network moves what a closure holds",
    "graph in an attribute": "what a copy of the network cannot hold",
    "old weight norm": "what a copy of the network cannot hold",
}
"""Kinds of which a clear refusal is an answer too, and why."""


ONCE_DIFFERENTIABLE = {
    "re-entrant checkpoint": "torch differentiates it by `backward` alone",
    "margin": "torch has no second derivative of it",
}
"""Kinds that torch does not differentiate twice, so that a refusal is an answer too, and why."""

EACH = {kind for kind, form in LOSSES.items() if form.each}
"""Losses that give a value for each example."""


CORRECTED = {
    "parameters in a list": ("vmap",),
    "parameters in a dictionary": ("vmap",),
    "parameters in an object": ("vmap",),
    "parameters in a closure": ("vmap",),
    "tied and transposed": ("shared_layers",),
    "parameter changed in forward": ("shared_layers",),
}
"""Kinds by which a named strategy is misled, which the engine notices and corrects: `vmap` puts
other tensors in the place of the parameters; shared layers do not know a parameter under a second
name, or one that `forward` changes; plane algebra leaves out the gain of a `LayerNorm` without a
bias."""


@dataclass(frozen=True)
class Disagreement:
    """Which way of asking gave something else, and what it was."""

    way: str
    what: str
    text: str


@dataclass
class Verdict:
    """What came of one case."""

    disagreements: list[Disagreement] = field(default_factory=list)
    notices: set[str] = field(default_factory=set)
    refusals: set[str] = field(default_factory=set)
    ways: set[str] = field(default_factory=set)

    @property
    def found(self):
        """Whether something is wrong, or the engine itself has said that something was."""
        return bool(self.disagreements or self.notices)

    def disagree(self, way, what, text):
        self.disagreements.append(Disagreement(way, what, str(text)[:300]))


def ways():
    """Every way of asking, by name: the default, all strategies, and some with small blocks."""
    named: dict[str, object] = {"default": None, **{name: name for name in lc.strategies()}}
    vmap = lc.find(lc.Strategy, "vmap")
    return {**named, "loop in blocks": lc.Loop(block=2), "vmap in blocks": vmap(points=2)}


def judged(case, store=None, only=None, stored=None):
    """What comes of asking for a case in all ways, or in those named by `only`.

    With a store, the ways named by `stored`, by default all, ask twice: the second answer is read.
    """
    verdict = Verdict()
    unknown = case.kinds & DRAWING and number_of(0) is None
    expected = None if unknown else reference_values(case)
    slopes = reference_slopes(case) if case.slopes and expected is not None else None
    if slopes is None:  # nothing is asked that plain autograd does not give
        case = replace(case, slopes=False)
    for name, way in ways().items():
        if only is not None and name not in only:
            continue
        keeps = store is not None and (stored is None or name in stored)
        for again in (False, True) if keeps else (False,):
            label = name + (", stored" if again else ", to the store") * keeps
            found = asked(case, way, store if keeps else None, label, verdict)
            if found is None:
                break
            verdict.ways.add(name)
            if expected is None:  # the first answer is what all others are compared with
                expected = found["loss"].values.copy()
            compare(case, label, found, expected, slopes, verdict)
    for notice in misled(case, verdict):
        verdict.disagree(way_of(notice), "corrected", notice)
    return verdict


def misled(case, verdict):
    """What the engine has said of ways that gave other numbers, where none was expected to."""
    told = [notice for notice in verdict.notices if "gives other numbers" in notice]
    return [notice for notice in told if not excused(case, way_of(notice))]


def way_of(notice):
    """The way of asking that was answered with a notice."""
    return notice.partition(":")[0].partition(",")[0]


def excused(case, way):
    """Whether a way of asking is known to need the engine's own correction for this case."""
    return any(way.startswith(known) for kind in case.kinds for known in CORRECTED.get(kind, ()))


def reference(case, batches=None):
    """The plain reference of a case."""
    module, loss = case.make()
    return PlainReference(
        module,
        loss,
        case.batches if batches is None else batches,
        adapter=case.adapter,
        dtype=case.options.get("dtype"),
        batch_norm=case.options.get("batch_norm", "running"),
        make=(lambda: case.make()[0]) if case.kinds & UNCOPYABLE else None,
        drawing=lambda: seed_everything(number_of(0) or 0),
    )


def number_of(seed):
    """The number from which the generators are set for a landscape's seed, if the engine tells."""
    told = getattr(random_streams, "number", None)
    return told(seed, "draws", 0) if told else None


def coordinates(case):
    """The coordinates (K, D), alpha first, in the order of a slice's values."""
    side = np.linspace(-case.span, case.span, case.resolution)
    if len(case.axes) == 1:
        return side[:, None]
    beta, alpha = np.meshgrid(side, side, indexing="ij")
    return np.stack([alpha.ravel(), beta.ravel()], axis=1)


def reference_values(case):
    """The losses of a case, (split, ...), by the plain reference."""
    coords, shape = coordinates(case), (case.resolution,) * len(case.axes)
    parts = [case.batches] if case.test is None else [case.batches, case.test]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.stack(
            [
                reference(case, p).values(case.origin, case.axes, coords).reshape(shape)
                for p in parts
            ]
        )


def reference_slopes(case):
    """The lengths of the gradients of a case, (split, ...); None if plain autograd has none."""
    shape = (case.resolution,) * len(case.axes)
    parts = [case.batches] if case.test is None else [case.batches, case.test]
    found = []
    for plain in (reference(case, part) for part in parts):
        coords = torch.as_tensor(coordinates(case)).to(plain.dtype)
        thetas = [case.origin.to(plain.dtype) + c @ case.axes.to(plain.dtype) for c in coords]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                lengths = [float(plain.gradient(theta).norm()) for theta in thetas]
            except RuntimeError:  # what works in place overwrites what a gradient needs
                return None
        found.append(np.array(lengths).reshape(shape))
    return np.stack(found)


def asked(case, way, store, label, verdict):
    """The slice, or None if it was refused; what is said and changed on the way is noted."""
    module, loss = case.make()
    data, plane = case.data(), (case.origin.clone(), case.axes.clone())
    before = traces(module, loss, case, plane)
    found = None
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            found = lc.landscape(
                module,
                loss,
                data,
                test=None if case.test is None else case.test[0],
                measures=_measures(case),
                directions=lc.Plane(*plane),
                resolution=case.resolution,
                span=case.span,
                adapter=case.adapter,
                strategy=way,
                store=store,
                **case.options,
            )
        except lc.SpecError as error:
            _refused(case, way, label, error, verdict)
        except Exception as error:
            verdict.disagree(label, "error", f"{type(error).__name__}: {error}")
    for warning in told:
        _heard(warning, label, verdict)
    for what in changed(before, traces(module, loss, case, plane)):
        verdict.disagree(label, "changed", what)
    return found


def _measures(case):
    return {"slope": lc.find(lc.Measure, "gradient_norm")()} if case.slopes else {}


def _refused(case, way, label, error, verdict):
    """Note a refusal, which is none of the strategy's only where the kind allows it."""
    text = str(error)
    verdict.refusals.add(text[:200])
    by_strategy = way is not None and text.startswith("strategy ")
    if not by_strategy and not case.kinds & REFUSABLE.keys():
        verdict.disagree(label, "refused", text)


def _heard(warning, label, verdict):
    """Note a warning of the engine; one of torch is the network's own affair."""
    if not issubclass(warning.category, UserWarning):
        return
    at = Path(warning.filename)
    if "site-packages" in at.parts:
        return
    text = str(warning.message)
    if "not kept" not in text and "batching rule" not in text:
        verdict.notices.add(f"{label}: {text}"[:300])


def answered(question, store):
    """What comes of one of a pair of twins, asked on a line through its parameters."""
    plain = PlainReference(question.module, question.loss, question.data, **question.options)
    theta, coords = plain.start().double(), np.array([[-1.0], [0.0], [1.0]])
    plane, verdict = lc.Plane(theta, Dice(5).normal(1, len(theta)) / 3), Verdict()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = lc.landscape(
            question.module,
            question.loss,
            question.data,
            directions=plane,
            resolution=3,
            store=store,
            **question.options,
        )
    for warning in told:
        _heard(warning, "twin", verdict)
    apart = deviation(found["loss"].values[0], plain.values(theta, plane.axes, coords))
    if not apart <= NEAR[question.options.get("dtype", torch.float64)]:
        verdict.disagree("twin", "loss", f"{apart:.3g}")
    return verdict


def compare(case, label, found, expected, slopes, verdict):
    """Note where values are not those expected."""
    near = NEAR[case.options.get("dtype", case.dtype)]
    computed = found["computed"].values
    if not computed.all():
        verdict.disagree(label, "not computed", int((~computed).sum()))
    for name, wanted in (("loss", expected), ("slope", slopes)):
        if wanted is None:
            continue
        values = found[name].values
        apart = deviation(values, wanted)
        if not apart <= near:
            shown = f"{apart:.3g}; {values.ravel()[:4]} in place of {wanted.ravel()[:4]}"
            verdict.disagree(label, name, shown)


def deviation(found, wanted):
    """The largest difference, relative to the larger of a value and the mean; inf where only one
    is a number."""
    if found.shape != wanted.shape:
        return np.inf
    same = (found == wanted) | (np.isnan(found) & np.isnan(wanted))
    if not (np.isfinite(found) | same).all() or not (np.isfinite(wanted) | same).all():
        return np.inf
    finite = np.isfinite(wanted)
    sizes = np.abs(wanted[finite])
    if not sizes.size:
        return 0.0
    scale = np.maximum(np.maximum(sizes, sizes.mean()), 1e-300)
    return float((np.abs(found[finite] - wanted[finite]) / scale).max())


# --- what must be left as it was ------------------------------------------------------------------


def traces(module, loss, case, plane=()):
    """All that evaluating must not change, by name, in a form that can be compared."""
    found = {
        "torch's generator": torch.get_rng_state(),
        "numpy's generator": (np.random.get_state()[1].tobytes(), np.random.get_state()[2:]),
        "python's generator": random.getstate(),
        "torch's settings": (torch.is_grad_enabled(), torch.get_default_dtype()),
    }
    for name, one in (("model", module), ("loss", loss)):
        if isinstance(one, torch.nn.Module):
            found.update(_traces_of(name, one))
    for i, (inputs, targets) in enumerate(case.batches):
        found[f"inputs {i}"], found[f"targets {i}"] = inputs.clone(), targets.clone()
    for name, one in zip(("origin", "axes"), plane, strict=False):
        found[f"plane's {name}"] = one.clone()
    return found


def _traces_of(what, module):
    found = {}
    for name, part in module.named_modules():
        found[f"{what} {name}.training"] = part.training
        hooks = (part._forward_hooks, part._forward_pre_hooks, part._backward_hooks)
        found[f"{what} {name} hooks"] = [list(one.items()) for one in hooks]
        plain = {k: v for k, v in vars(part).items() if isinstance(v, int | float | str)}
        found[f"{what} {name} attributes"] = (sorted(vars(part)), plain)
    for name, one in (*module.named_parameters(), *module.named_buffers()):
        kept = None if one.grad is None else one.grad.clone()
        found[f"{what} {name}"] = one.detach().clone()
        found[f"{what} {name}'s gradient"] = kept
        found[f"{what} {name} itself"] = (id(one), one.requires_grad, one.data_ptr())
    return found


def changed(before, after):
    """The names of what is not as it was."""
    return [name for name in {**before, **after} if not _same(before.get(name), after.get(name))]


def _same(one, other):
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return one.shape == other.shape and bool((one == other).logical_or(one != one).all())
    return one is other or (type(one) is type(other) and one == other)


# --- curvature ------------------------------------------------------------------------------------

BENT = {torch.float64: 1e-7, torch.float32: 2e-3}
"""How far an entry of a matrix may lie from the reference's, relative to the largest."""


def bent(case):
    """What comes of asking for the matrices of second order at the origin of a case."""
    verdict, (module, loss) = Verdict(), case.make()
    before = traces(module, loss, case)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = reference_matrices(case)
        try:
            objective = lc.from_module(
                module, loss, case.data(), adapter=case.adapter, **case.options
            )
        except Exception as error:
            _refused_or_wrong(case, "objective", error, verdict)
            return verdict
        theta = case.origin.to(objective.start)
        for name, matrix in wanted.items():
            _compare_matrix(case, name, objective, theta, matrix, verdict)
    for what in changed(before, traces(module, loss, case)):
        verdict.disagree("curvature", "changed", what)
    return verdict


def reference_matrices(case):
    """The Hessian, and the Gauss-Newton and Fisher matrices where they apply, (P, P)."""
    plain = reference(case)
    theta, found = case.origin.to(plain.dtype), {}
    if case.kinds & ONCE_DIFFERENTIABLE.keys():
        found["hessian"] = plain.difference_hessian(theta)
        return found
    try:
        with sdpa_kernel(SDPBackend.MATH):  # the one kernel of attention with second derivatives
            found["hessian"] = plain.hessian(theta)
            found["gauss_newton"] = plain.gauss_newton(theta)
        if case.kinds & EACH:
            rows = plain.gradients(theta)
            found["fisher"] = rows.T @ rows / len(rows)
    except RuntimeError:  # what works in place overwrites what a derivative needs
        pass
    return {name: matrix for name, matrix in found.items() if bool(matrix.isfinite().all())}


def _compare_matrix(case, name, objective, theta, wanted, verdict):
    """Note where a matrix, its largest eigenvalue or its trace is not the one expected."""
    near = BENT[wanted.dtype] * max(float(wanted.abs().max()), 1e-12)
    matrix = lc.find(Matrix, name)()
    try:
        found = matrix.at(objective, theta).dense()
        asked = lc.Spectrum(
            matrix=matrix, top=1, bottom=0, probes=0, tolerance=1e-9, trace_error=1e-4
        )
        *_, last = lc.compute_spectrum(objective, theta, asked)
    except Exception as error:
        _refused_or_wrong(case, name, error, verdict)
        return
    verdict.ways.add(name)
    if not float((found - wanted).abs().max()) <= near:
        verdict.disagree(name, "matrix", f"{float((found - wanted).abs().max()) / near:.3g} times")
    largest, trace = float(torch.linalg.eigvalsh(wanted)[-1]), float(wanted.trace())
    value, error = float(last["eigenvalue"][0, 0]), float(last["trace_error"][0])
    if not abs(value - largest) <= near * len(wanted):
        verdict.disagree(name, "eigenvalue", f"{value} in place of {largest}")
    if not abs(float(last["trace"][0]) - trace) <= near * len(wanted) + 6 * error:
        verdict.disagree(name, "trace", f"{float(last['trace'][0])} in place of {trace}")


def _refused_or_wrong(case, name, error, verdict):
    text = f"{type(error).__name__}: {error}"
    verdict.refusals.add(text[:200])
    refusable = case.kinds & (REFUSABLE.keys() | ONCE_DIFFERENTIABLE.keys())
    if not isinstance(error, lc.SpecError) or not refusable:
        verdict.disagree(name, "error", text)
