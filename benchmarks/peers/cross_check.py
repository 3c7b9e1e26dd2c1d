"""The same quantities by every tool on the same weights, within bounds that are asserted.

Eigenvalues and traces of the Hessian over the first `EXAMPLES` digits, in float32 and in float64,
and the scale factors of filter normalization for the same Gaussian draw in float64.
"""

import subprocess
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from peers.check import digit_images, digits, example
from peers.curvature_tasks import ask
from peers.environments import PEERS, environment
from peers.run import surroundings
from peers.work import Work

EXAMPLES = 300
PROBES = 64
SIGMAS = 4.0
FACTORS = 1e-9
TIGHT = {torch.float32: (1e-6, 1e-5), torch.float64: (1e-10, 1e-8)}
"""The residual asked of ours and of SciPy's `eigsh`, and how near the values then must be."""

POWER = {torch.float32: (1e-6, 1e-4), torch.float64: (1e-8, 1e-5)}
"""The step between iterations at which PyHessian stops, and how near its values must be.

No nearer than 2e-6: it adds 1e-6 to the norms by which it divides its vectors.
"""

POWERS = "power iteration until a step of {:.0e}, by vectors shorter than one by 1e-6"
ITERATIONS = 1000
"""PyHessian's at most for one eigenvalue."""

HEAD = (
    "| quantity | tool | ours | theirs | difference | bound | why |\n"
    "| --- | --- | --- | --- | --- | --- | --- |\n"
)


@dataclass(frozen=True)
class Row:
    """One quantity by ours and by another tool; it fails beyond its bound."""

    quantity: str
    tool: str
    ours: str
    theirs: str
    difference: float
    bound: float
    why: str

    def line(self) -> str:
        if not self.difference <= self.bound:
            raise AssertionError(f"{self.quantity}, {self.tool}: {self.difference:.1e} apart")
        apart = f"{self.difference:.1e} | {self.bound:.0e}"
        told = (self.quantity, self.tool, self.ours, self.theirs, apart, self.why)
        return f"| {' | '.join(told)} |"


def section(pyhessian, curvlinops, authors: str | None) -> str:
    """The section of the results; `authors` is a checkout of the code of Li et al.

    Raises:
        AssertionError: two tools differ by more than their bound.
    """
    works = {"mlp": example("mlp", *digits(), 3), "conv": example("conv", *digit_images(), 3)}
    rows = [
        row
        for name, work in works.items()
        for dtype in TIGHT
        for row in curvatures(name, work, dtype, pyhessian, curvlinops)
    ]
    networks = {name: work.network() for name, work in works.items()}
    networks["batch norm"] = normalized()
    for name, network in networks.items():
        rows += scalings(name, network.double(), authors)
    said = (
        f"## Agreement\n\nThe same weights; Hessians over the first {EXAMPLES} digits. Differences "
        f"of eigenvalues and factors are relative, the largest of all; of traces in combined "
        f"standard errors. Of filter normalization: the tool's function on our draw.\n\n"
    )
    notes = (
        "\n\n`loss-landscapes` gives its function other draws than Li et al.: `random_plane` draws "
        "uniformly from [0, 1], not from a Gaussian, and after the normalization scales each "
        "direction as a whole to the length of the weights. "
        "`tests/engine/planes/test_directions.py` holds ours to the rules of Li et al. "
        "(filter, layer, weight; biases zero or kept) as `tests/support/oracles.py` states them."
    )
    if authors is None:
        notes += " Their code itself was not run here: `--authors` names a checkout of it."
    return said + HEAD + "\n".join(row.line() for row in rows) + notes


def curvatures(name: str, work: Work, dtype: torch.dtype, pyhessian, curvlinops) -> list[Row]:
    from landscape_core.curvature.eigenpairs import eigenpairs
    from landscape_core.curvature.matrices.hessian import Hessian
    from landscape_core.curvature.trace import trace
    from landscape_core.models.losses.cross_entropy import CrossEntropy
    from landscape_core.models.network_objective import ModelObjective

    inputs, targets = work.inputs[:EXAMPLES].to(dtype), work.targets[:EXAMPLES]
    work = replace(work, inputs=inputs, targets=targets)
    objective = ModelObjective(work.network().to(dtype), CrossEntropy(), inputs, targets)
    hessian = Hessian().at(objective, objective.start)
    tight, near = TIGHT[dtype]
    step, far = POWER[dtype]
    values = eigenpairs(hessian, 5, tolerance=tight).values
    total = trace(hessian, tolerance=0.01, sketch=16, most=PROBES)
    plain = trace(hessian, tolerance=1e-9, sketch=0, most=PROBES, seed=1)
    combined = (total.standard_error**2 + plain.standard_error**2) ** 0.5
    label = f"{name}, {str(dtype).removeprefix('torch.')}"
    rows = []
    for peer, given, bound, why in (
        (pyhessian, (step, ITERATIONS), far, POWERS.format(step)),
        (curvlinops, (tight,), near, "rounding: the same iteration, other products"),
    ):
        found = ask(peer, work, "eigenvalues", given)["found"][0].double()
        apart = float((found / values - 1).abs().max())
        told = [" ".join(f"{value:.6g}" for value in each) for each in (values, found)]
        rows.append(Row(f"{label}: eigenvalues", peer.package, *told, apart, bound, why))
        mean = ask(peer, work, "trace", (PROBES,))["found"]
        apart = abs(mean - total.value) / combined
        told = [
            f"{value:.4g} ± {error:.2g}"
            for value, error in (
                (total.value, total.standard_error),
                (mean, plain.standard_error),
            )
        ]
        why = f"{PROBES} random probes; ours takes {total.matvecs} products"
        rows.append(Row(f"{label}: trace", peer.package, *told, apart, SIGMAS, why))
    return rows


def scalings(name: str, network: nn.Module, authors: str | None) -> list[Row]:
    """Ours and theirs made of the same draw: what has filters, and the tensors of one dimension."""
    from landscape_core.foundation import random_streams
    from landscape_core.models.losses.cross_entropy import CrossEntropy
    from landscape_core.models.network_objective import ModelObjective
    from landscape_core.planes.directions.base import Viewpoint
    from landscape_core.planes.directions.random import Random

    weights = [p.detach() for p in network.parameters()]
    data, targets = (digits if name == "mlp" else digit_images)()
    objective = ModelObjective(network, CrossEntropy(), data.double(), targets)
    centre = objective.start
    axis = Random().span(Viewpoint(objective, centre, centre[None], 0), 1).axes[0]
    blocks = objective.layout.blocks
    ours = [block.of(axis) for block in blocks]
    rng = random_streams.stream(0, "direction", 0)
    noise = torch.randn(len(centre), generator=rng, dtype=torch.float64)
    drawn = [block.of(noise).clone() for block in blocks]
    tools = {"loss-landscapes": None} | ({"Li et al.": authors} if authors else {})
    rows = []
    for tool, checkout in tools.items():
        theirs = normalize(drawn, weights, checkout)
        pairs = [
            [factors(scaled, d) for scaled in both]
            for *both, d in zip(ours, theirs, drawn, strict=True)
            if d.ndim > 1
        ]
        mine, other = (torch.cat(each) for each in zip(*pairs, strict=True))
        told = [f"{each.min():.6g} to {each.max():.6g}" for each in (mine, other)]
        apart = float((other / mine - 1).abs().max())
        why = (
            "rounding" if checkout else "ours adds 1e-10 to the norm it divides by, as Li et al. do"
        )
        rows.append(
            Row(f"{name}: factors of {len(mine)} filters", tool, *told, apart, FACTORS, why)
        )
        flat = [
            torch.cat([t for t in each if t.ndim == 1]) for each in (ours, theirs, drawn, weights)
        ]
        rows.append(_beside(name, tool, *flat))
    return rows


def _beside(name: str, tool: str, ours: Tensor, theirs: Tensor, drawn: Tensor, w: Tensor) -> Row:
    """The row on biases and on what normalization layers multiply by and add."""
    if tool == "loss-landscapes":
        expected, said = drawn.sign() * w.abs(), "±w, the sign as drawn"
        why = "it takes each number for a filter; ours leaves them, as Li et al. do"
    else:
        expected, said, why = torch.zeros_like(w), "0", "both leave them where they are"
    if ours.any():
        raise AssertionError(f"{name}: our direction moves biases or norms")
    apart = float((theirs - expected).abs().max() / w.abs().max())
    return Row(f"{name}: tensors of one dimension", tool, "0", said, apart, FACTORS, why)


def normalize(drawn: list[Tensor], weights: list[Tensor], checkout: str | None) -> list[Tensor]:
    """The draw, filter-normalized by the package or by the authors' code in a checkout."""
    package = next(peer for peer in PEERS if peer.package == "loss-landscapes")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "source.pt", Path(folder) / "target.pt"
        torch.save({"drawn": drawn, "weights": weights}, source)
        command = [environment(package), "-m", "peers.filters", source, target]
        subprocess.run(
            [*command, *([Path(checkout).resolve()] if checkout else [])],
            check=True,
            cwd=folder,
            env=surroundings(1),
        )
        return torch.load(target, weights_only=True)


def factors(scaled: Tensor, drawn: Tensor) -> Tensor:
    """By how much each filter became longer, in float64."""
    return scaled.double().flatten(1).norm(dim=1) / drawn.double().flatten(1).norm(dim=1)


def normalized() -> nn.Module:
    """A convolutional network with batch normalization, its numbers all at random."""
    network = nn.Sequential(
        nn.Conv2d(1, 8, 3, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 10),
    )
    rng = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        nn.init.normal_(parameter, generator=rng)
    return network.eval()
