"""Signals in deep networks: Saxe et al., 2014, arXiv:1312.6120; Pennington et al., 2017.

The Jacobian of a deep network in its inputs at initialization, layer by layer; Pennington,
Schoenholz, Ganguli, Resurrecting the sigmoid in deep learning through dynamical isometry,
arXiv:1711.04735. The plane of weight and bias scales with the edge of chaos: Poole et al., 2016,
arXiv:1606.05340; Schoenholz et al., 2017, arXiv:1611.01232. One number a layer: Shamir, 2018,
Exponential Convergence Time of Gradient Descent for One-Dimensional Deep Linear Neural Networks,
arXiv:1809.08587. The control has Gaussian weights of the same variance, and the same biases.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
import xarray as xr
from torch import nn

from landscape_core.analysis.verdict import Criterion
from landscape_core.experiments.lab_pictures import Curves, Guide, HeatMap, Violin
from landscape_core.foundation.random_streams import numpy_stream, stream
from landscape_core.foundation.recipes import Choice, Knob, Note, label_of
from landscape_core.labs import _deep_signals as deep
from landscape_core.labs.base import Lab
from landscape_core.models.initializations.base import Initialization
from landscape_core.models.initializations.meta_init import MetaInit
from landscape_core.models.initializations.orthogonal import Orthogonal
from landscape_core.models.normalizations.base import Normalization
from landscape_core.models.normalizations.none import NoNormalization

EXAMPLES = 32
"""Standard normal inputs: the batch of batch normalization; Jacobians are taken at the first."""

VIOLINS = 7
"""Layers whose singular values are shown, at most, on logarithmic steps of depth."""

SIGMA_W, SIGMA_B = np.linspace(0.5, 3.0, 16), np.linspace(0.0, 1.0, 11)
PLANE_DEPTH = 30
"""Scales of the plane, and the layers of its networks."""

FACTORS = np.array([3.0, 5.0, 7.0, 9.0, 11.0])
LOW, HIGH, RATE, MOST = 0.4, 0.6, 0.01, 20_000
"""One-dimensional networks: their layers, the range of their first weights, the step size, and the
steps after which one counts as stuck."""

LEAST = -300.0
"""The logarithm that stands in the effect for a singular value of zero."""

SKIPS = ("none", "h + F(h)", "h + F(h)/√L")


@dataclass(frozen=True, kw_only=True)
class SignalsInDepth(Lab):
    """Singular values of the Jacobian by depth, the edge of chaos, and the price of depth."""

    label: ClassVar[str] = "Signals in deep networks"
    family: ClassVar[str] = "Signals and starts"
    question: ClassVar[str] = (
        "What becomes of signals and gradients on their way through fifty layers, and which"
        " initialization keeps them alive?"
    )
    claim: ClassVar[str] = (
        "Orthogonal weights at the edge of chaos keep all singular values of the input-output"
        " Jacobian near one another at any depth, in linear and tanh networks. Gaussian weights of"
        " the same variance do so only on average: most directions vanish exponentially."
    )
    shows: ClassVar[str] = (
        "With Gaussian weights the longest direction is preserved, and the others are lost one"
        " after the other, although norms of signals and gradients look alike; with orthogonal ones"
        " all are kept, in tanh networks within a few orders of magnitude. Normalization fixes the"
        " size of signals, not the spread of singular values, and gradients grow with depth; skip"
        " connections reduce the spread, above all with branches times 1/√L. With ReLU no"
        " initialization helps without skips: units that are off have singular values of exactly"
        " zero, which are not drawn. The last picture is the same at one number a layer: gradient"
        " descent needs exponentially many steps in depth."
    )
    source: ClassVar[str] = (
        "Saxe, McClelland, Ganguli, Exact solutions to the nonlinear dynamics of learning in deep"
        " linear neural networks, 2014, arXiv:1312.6120; Pennington, Schoenholz, Ganguli, 2017,"
        " arXiv:1711.04735; Schoenholz, Gilmer, Ganguli, Sohl-Dickstein, 2017, arXiv:1611.01232;"
        " Shamir, 2018, arXiv:1809.08587"
    )
    seconds: ClassVar[float] = 6.0
    criterion: ClassVar[Criterion] = Criterion(
        "log₁₀ of the smallest singular value at the last layer, less that with Gaussian weights",
        "at least",
        6.0,
    )
    expected: ClassVar = "PASS"
    searched: ClassVar[str] = (
        "Nothing: width, depth and the bound, six orders of magnitude with tanh, were stated"
        " before. The earlier script saw the rounding errors of doubles, 5e-19, in place of the"
        " smallest values with Gaussian weights, which are far smaller."
    )
    pictures: ClassVar = (
        Violin(
            title="Singular values of the Jacobian by depth",
            x="layer",
            value="log_value",
            sample="direction",
            by="network",
            x_label="layer l",
            y_label="log₁₀ σᵢ(∂hₗ/∂x)",
        ),
        HeatMap(
            title="Growth of gradients, plain Gaussian networks",
            x="sigma_b",
            y="sigma_w",
            value="growth",
            value_label="log₁₀ χ, measured",
            x_label="bias scale σ_b",
            y_label="weight scale σ_w",
            guides=(Guide(label="edge of chaos, χ = 1", variable="edge"),),
            spot_x="spot_b",
            spot_y="spot_w",
            spot_label="the chosen initialization",
        ),
        Curves(
            title="Sizes of signals and gradients",
            x="position",
            y=("signal", "gradient"),
            by="network",
            x_label="layer",
            y_label="size, relative to the first or last",
            y_scale="log",
        ),
        Curves(
            title="One number a layer: steps to ∏wᵢ > ½",
            x="factors",
            y=("steps",),
            x_label="layers",
            y_label="steps of gradient descent",
            y_scale="log",
            markers=True,
            guides=(Guide(label="doubled every two layers", variable="doubled"),),
        ),
    )

    initialization: Annotated[
        Initialization,
        Note("weight initialization; with mean field, σ_w and σ_b move the point in the plane"),
    ] = field(default_factory=Orthogonal)
    activation: Annotated[
        str, Choice(("tanh", "relu", "identity"), "activation function; identity: linear")
    ] = "tanh"
    depth: Annotated[int, Knob(2, 100, "number of layers L", scale="log")] = 50
    normalization: Annotated[
        Normalization, Note("normalization before the activation function")
    ] = field(default_factory=NoNormalization)
    skip: Annotated[str, Choice(SKIPS, "skip connection around each layer F")] = "none"

    def check(self) -> None:
        """Refuse normalizations that a layer of units does not accept."""
        self.normalization.layer(deep.WIDTH, 0)

    def work(self, seed: int) -> Iterator[xr.Dataset]:
        """One seed: Jacobians of both networks layer by layer, the plane, the small networks."""
        found = self.empty()
        if isinstance(self.initialization, MetaInit):
            yield finished(found)  # it takes its time
        networks = [self.network(seed, gaussian=gaussian) for gaussian in (False, True)]
        found["spot_w"].values[()], found["spot_b"].values[()] = deep.plane_point(networks[0])
        drawn = stream(seed, "data")
        inputs, outer = torch.randn(2, EXAMPLES, deep.WIDTH, generator=drawn, dtype=torch.float64)
        hidden = []
        for row, network in enumerate(networks):
            values, slopes = deep.signals(network, inputs, outer)
            hidden.append(values)
            sizes = np.array([float(one.square().mean().sqrt()) for one in values])
            found["signal"].values[row] = sizes / sizes[0]
            found["gradient"].values[row] = slopes / slopes[-1]
        yield finished(found)
        products = [deep.LongProduct(deep.WIDTH, stream(seed, "rotation")) for _ in networks]
        factors = [deep.jacobians(*both) for both in zip(networks, hidden, strict=True)]
        recorded = found["layer"].values.tolist()
        for layer, both in enumerate(zip(*factors, strict=True), start=1):
            for product, factor in zip(products, both, strict=True):
                product.extend(factor)
            if layer in recorded:
                at = recorded.index(layer)
                for row, product in enumerate(products):
                    found["log_value"].values[row, at] = product.logarithms()
                yield finished(found)
        yield from self._others(found, seed)

    def network(self, seed: int, *, gaussian: bool) -> nn.Sequential:
        """The network with the chosen initialization, or with Gaussian weights of its variance."""
        share = self.depth**-0.5 if self.skip == SKIPS[2] else 1.0
        stack = deep.Stack(
            initialization=self.initialization, normalization=self.normalization,
            activation=self.activation, depth=self.depth,
            skip=(float(self.skip != SKIPS[0]), share),
        )  # fmt: skip
        return stack.network(stream(seed, "init"), gaussian=gaussian)

    def _others(self, found: xr.Dataset, seed: int) -> Iterator[xr.Dataset]:
        """The plane row by row, then the one-dimensional networks one after the other."""
        drawn = deep.Drawn.by(numpy_stream(seed, "plane"), PLANE_DEPTH, deep.WIDTH, EXAMPLES // 2)
        for row, sigma_w in enumerate(SIGMA_W.tolist()):
            found["growth"].values[row] = deep.growth(self.activation, sigma_w, SIGMA_B, drawn)
            if row % 4 == 3:
                yield finished(found)
        first = numpy_stream(seed, "factors").uniform(LOW, HIGH, int(FACTORS.max()))
        for at, factors in enumerate(FACTORS):
            found["steps"].values[at] = deep.escape(first[: int(factors)], RATE, MOST)
            doubled = found["steps"].values[0] * 2 ** ((FACTORS - FACTORS[0]) / 2)
            found["doubled"].values[:] = doubled
            yield finished(found)

    def empty(self) -> xr.Dataset:
        """The dataset before anything is known but the edge of chaos."""
        layers = np.unique(np.geomspace(1, self.depth, VIOLINS).round().astype(int))
        names = [label_of(type(self.initialization)), "Gaussian, same variance"]
        coords: dict[str, Any] = {
            "network": names, "layer": layers, "direction": np.arange(1, deep.WIDTH + 1),
            "position": np.arange(self.depth + 1), "sigma_w": SIGMA_W, "sigma_b": SIGMA_B,
            "factors": FACTORS,
        }  # fmt: skip
        shapes = {
            "log_value": ("network", "layer", "direction"),
            "signal": ("network", "position"),
            "gradient": ("network", "position"),
            "growth": ("sigma_w", "sigma_b"),
            "steps": ("factors",),
            "doubled": ("factors",),
            "spot_w": (),
            "spot_b": (),
        }
        columns = {
            name: (dims, np.full([len(coords[dim]) for dim in dims], np.nan))
            for name, dims in shapes.items()
        }
        found = xr.Dataset(columns, coords)
        return found.assign(edge=("sigma_b", deep.edge(self.activation, SIGMA_B)))


def finished(found: xr.Dataset) -> xr.Dataset:
    """A copy with the median, the smallest and the condition by layer, and the effect.

    Logarithms; directions of singular value zero count as infinitely short, and are not drawn.
    """
    values = found["log_value"].values
    known = ~np.isnan(values).any(-1)
    with np.errstate(invalid="ignore"):  # infinity less infinity
        condition = values[..., 0] - values[..., -1]
    smallest = np.where(known, values[..., -1], np.nan)
    last = np.maximum(smallest[:, -1], LEAST)
    drawn = found["log_value"].where(np.isfinite(found["log_value"]))
    return found.copy(deep=True).assign(
        log_value=drawn,
        median=(("network", "layer"), np.median(values, axis=-1)),
        smallest=(("network", "layer"), smallest),
        condition=(("network", "layer"), condition),
        effect=last[0] - last[1],
    )
