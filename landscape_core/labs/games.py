"""Stochastic descent-ascent: Beznosikov, Gorbunov, Berard, Loizou, 2023, arXiv:2202.07262.

Of a game of two players a point z* is sought where no player gains by moving: F(z*) = 0 for the
field F = (∇ₓf, −∇ᵧf), or with a penalty R the fixed point of z ↦ prox(z − γF(z)). The estimates of
the field come in pairs, one without a memory and the same with it, on the same samples and the same
random coordinates. Fields of samples are affine, Fᵢ(z) = Aᵢz + bᵢ, with ten numbers: steps are
taken in NumPy here, as those of the optimizers of the catalogue, for which a step of a few
microseconds is a hundred times dearer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr

from landscape_core.analysis.verdict import Criterion
from landscape_core.experiments.lab_pictures import Curves, Paths
from landscape_core.foundation.random_streams import numpy_stream
from landscape_core.foundation.recipes import Knob
from landscape_core.labs import _game_steps as steps
from landscape_core.labs.base import Lab
from landscape_core.models.objective import Objective
from landscape_core.models.problems.quadratic_game import QuadraticGame

Array = npt.NDArray[np.float64]

SAMPLES, WORKERS = 100, 10
CALLS = np.linspace(0, 12_000, 101)
"""Evaluations of a sample's field after which distances are recorded."""
NUMBERS = np.linspace(0, 12_000, 101)
"""Numbers that a worker has sent, or coordinates of the field that were computed."""
SCALE, BOX = 10.0, 0.5
"""Of the game with a penalty: the factor on b, which puts z* at the bounds, and the bounds."""
TURNS, REACH = 300, 2.0
"""Steps of the phase portrait, and how far it reaches."""
GROUND = np.linspace(-REACH, REACH, 13)
LAST = 0.75
"""Distances count from this part of a run on."""

BY_CALLS = ("SGDA, η = 1/20L", "SGDA, η = 1/200L", "L-SVRGDA")
BY_NUMBERS = (
    *("QSGDA", "DIANA", "DIANA, sampled fields", "VR-DIANA, sampled fields"),
    *("coordinate SGDA, penalty", "SEGA, penalty"),
)
ON_PLANE = ("SGDA", "L-SVRGDA", "DIANA", "extragradient")


@dataclass(frozen=True, kw_only=True)
class Games(Lab):
    """Methods with a memory reach the equilibrium of a game, those without stay around it."""

    label: ClassVar[str] = "Games of two players"
    family: ClassVar[str] = "Games and graphs"
    question: ClassVar[str] = (
        "Why do descent and ascent with noisy or compressed fields circle around the solution of a"
        " game, and what makes them arrive?"
    )
    claim: ClassVar[str] = (
        "With a constant step size, variance reduction (L-SVRGDA), compression of differences to a"
        " memory (DIANA, VR-DIANA) and estimated coordinates (SEGA) converge linearly to the"
        " solution of a strongly monotone game; the methods without a memory only reach a"
        " neighbourhood."
    )
    shows: ClassVar[str] = (
        "The noise of a method without a memory does not vanish at the solution; a smaller step"
        " only makes its neighbourhood smaller. A memory helps against the noise that it remembers:"
        " DIANA with sampled fields does not arrive either. Without a penalty and bounds the"
        " field is zero at the solution, and SEGA has nothing to show. With strong coupling plain"
        " steps spiral out where extragradient steps arrive."
    )
    source: ClassVar[str] = (
        "Beznosikov, Gorbunov, Berard, Loizou, Stochastic Gradient Descent-Ascent: Unified Theory"
        " and New Efficient Methods, AISTATS 2023, arXiv:2202.07262"
    )
    seconds: ClassVar[float] = 7.0
    criterion: ClassVar[Criterion] = Criterion(
        "squared distance to the solution with a memory, relative to the one without, in the worst"
        " of four pairs",
        "at most",
        1e-12,
    )
    expected: ClassVar = "PASS"
    searched: ClassVar[str] = (
        "Nothing: step sizes and sizes of the games were those of an earlier reproduction on three"
        " seeds, where ratios were below 1e-26; the bound was set before the lab was run."
    )
    pictures: ClassVar = (
        Paths(
            title="A game of 1 + 1 numbers: field −F and paths",
            x="path_x",
            y="path_y",
            along="turn",
            by="rule",
            field_x="field_x",
            field_y="field_y",
            ground_x="x",
            ground_y="y",
            x_label="x, of the player who minimizes",
            y_label="y, of the player who maximizes",
            equal=True,
            frame="turn",
        ),
        Curves(
            title="One sample a step",
            x="calls",
            y=("distance_by_calls",),
            by="sampled",
            x_label="evaluations of a sample's field",
            y_label="‖z − z*‖²",
            y_scale="log",
        ),
        Curves(
            title="Compressed fields, and single coordinates",
            x="numbers",
            y=("distance_by_numbers",),
            by="compressed",
            x_label="numbers sent by a worker, or coordinates computed",
            y_label="‖z − z*‖²",
            y_scale="log",
        ),
    )

    coupling: Annotated[
        float, Knob(0.0, 10.0, "coupling of the players: largest singular value of B")
    ] = 2.5
    keep: Annotated[
        float, Knob(0.1, 1.0, "fraction of the ten coordinates that a worker sends each step")
    ] = 0.5
    heterogeneity: Annotated[
        float, Knob(0.0, 10.0, "how different the data of the workers are, beyond chance")
    ] = 0.0
    penalty: Annotated[
        float,
        Knob(0.0, 5.0, "coefficient of ‖z‖₁ for SEGA, with |zⱼ| ≤ ½; 0: neither penalty nor bound"),
    ] = 0.3

    def work(self, seed: int) -> Iterator[xr.Dataset]:
        """One seed: the portrait, then the pairs of methods one after the other."""
        found = self._empty()
        self._portrait(seed, found)
        yield self._finished(found)
        game = QuadraticGame(coupling=self.coupling, heterogeneity=self.heterogeneity)
        A, b = affine(game.build(seed, dtype=torch.float64).train)
        L = float(np.linalg.norm(A, 2, (1, 2)).max())
        goal = np.linalg.solve(A.mean(0), -b.mean(0))
        start = numpy_stream(seed, "start").standard_normal(len(goal))
        shares = steps.shares(numpy_stream(seed, "compression"), self.keep, len(goal))
        workers = steps.Workers(
            A.reshape(WORKERS, -1, *A.shape[1:]), b.reshape(WORKERS, -1, len(goal))
        )
        rates, drawn = np.array([1 / (20 * L), 1 / (200 * L)]), numpy_stream(seed, "samples")
        R = steps.Penalty(self.penalty, BOX) if self.penalty else steps.Penalty(0.0, np.inf)
        far = SCALE * b.mean(0)
        bounded = steps.solution(A.mean(0), far, R)
        runs = (
            ("calls", (0, 1), goal, steps.sgda(A, b, start, rates, drawn)),
            ("calls", (2,), goal, steps.loopless_svrg(A, b, start, 1 / (6 * L), drawn)),
            ("numbers", (0, 1), goal, steps.diana(workers, start, 1 / (6 * L), shares())),
            ("numbers", (2, 3), goal, steps.vr_diana(workers, start, 1 / (6 * L), shares(), drawn)),
            ("numbers", (4, 5), bounded, steps.sega(A.mean(0), far, start, R, 1 / (25 * L), drawn)),
        )
        for axis, rows, aim, run in runs:
            yield from self._recorded(found, axis, rows, aim, run)

    def _recorded(
        self,
        found: xr.Dataset,
        axis: str,
        rows: tuple[int, ...],
        goal: Array,
        run: Iterator[tuple[int, Array]],
    ) -> Iterator[xr.Dataset]:
        """The dataset whenever a run has cost as much as the next entry of the axis says."""
        values = found[f"distance_by_{axis}"].values
        wanted = found[axis].values
        at = 0
        for cost, z in run:
            if cost < wanted[at]:
                continue
            values[list(rows), at] = np.square(z - goal[:, None]).sum(0)
            at += 1
            if at % 10 == 1:
                yield self._finished(found)
            if at == len(wanted):
                return

    def _portrait(self, seed: int, found: xr.Dataset) -> None:
        """A game of 1 + 1 numbers with its solution at 0, and four paths from one start."""
        drawn = numpy_stream(seed, "portrait")
        A, b = plane_game(drawn, self.coupling, self.heterogeneity)
        mean = A.mean(0)
        x, y = np.meshgrid(GROUND, GROUND)
        for row, name in enumerate(("field_x", "field_y")):
            found[name].values[:] = -(mean[row, 0] * x + mean[row, 1] * y)
        start = np.array([1.5, 1.0])
        rate = 1 / (6 * float(np.linalg.norm(A, 2, (1, 2)).max()))
        shares = steps.shares(drawn, self.keep, 2)
        workers = steps.Workers(A.reshape(WORKERS, -1, 2, 2), b.reshape(WORKERS, -1, 2))
        runs = (
            steps.sgda(A, b, start, np.array([rate]), drawn),
            steps.loopless_svrg(A, b, start, rate, drawn),
            steps.diana(workers, start, rate, shares()),
            steps.extragradient(mean, b.mean(0), start, rate),
        )
        for number, run in enumerate(runs):
            for turn, (_, z) in zip(range(TURNS + 1), run, strict=False):
                if np.abs(z[:, -1]).max() > REACH:
                    break  # the path leaves the picture
                found["path_x"].values[number, turn], found["path_y"].values[number, turn] = z[
                    :, -1
                ]

    def _empty(self) -> xr.Dataset:
        def nothing(*dims: str) -> tuple[tuple[str, ...], Array]:
            return dims, np.full([len(coordinates[dim]) for dim in dims], np.nan)

        coordinates: dict[str, Any] = {
            **{"rule": list(ON_PLANE), "turn": np.arange(TURNS + 1), "x": GROUND, "y": GROUND},
            **{"sampled": list(BY_CALLS), "calls": CALLS},
            **{"compressed": list(BY_NUMBERS), "numbers": NUMBERS},
        }
        return xr.Dataset(
            {
                "path_x": nothing("rule", "turn"),
                "path_y": nothing("rule", "turn"),
                "field_x": nothing("y", "x"),
                "field_y": nothing("y", "x"),
                "distance_by_calls": nothing("sampled", "calls"),
                "distance_by_numbers": nothing("compressed", "numbers"),
            },
            coordinates,
        )

    def _finished(self, found: xr.Dataset) -> xr.Dataset:
        by_calls, by_numbers = (
            found[f"distance_by_{axis}"].values for axis in ("calls", "numbers")
        )
        return found.copy(deep=True).assign(effect=worst_ratio(by_calls, by_numbers))


def worst_ratio(by_calls: Array, by_numbers: Array) -> float:
    """The largest of four ratios, mean distance with a memory over that without, late in the run.

    SGDA counts with the step size that comes nearer.
    """
    late = int(LAST * by_calls.shape[1])
    fast, slow, reduced = by_calls[:, late:].mean(1)
    plain, memory, sampled, both, coordinate, sega = by_numbers[:, late:].mean(1)
    return float(
        np.max([reduced / min(fast, slow), memory / plain, both / sampled, sega / coordinate])
    )


def affine(objective: Objective) -> tuple[Array, Array]:
    """Aᵢ and bᵢ of the fields of a quadratic game's samples, (n, 2k, 2k) and (n, 2k)."""
    network = objective.network
    assert network is not None  # games are modules
    rows = network.inputs.numpy()
    k = objective.layout.size // 2
    S, B, T, b = np.split(rows, [k * k, 2 * k * k, 3 * k * k], axis=1)
    S, B, T = (part.reshape(-1, k, k) for part in (S, B, T))
    return np.block([[S, B], [-B.transpose(0, 2, 1), T]]), b


def plane_game(
    drawn: np.random.Generator, coupling: float, heterogeneity: float
) -> tuple[Array, Array]:
    """Aᵢ (n, 2, 2) and bᵢ (n, 2) of ½s x² + c xy − ½t y² + …, with the solution at 0."""
    s, t = drawn.uniform(0.1, 0.9, (2, SAMPLES))
    c = coupling * drawn.uniform(0.5, 1.5, SAMPLES)
    A = np.stack([s, c, -c, t], axis=1).reshape(-1, 2, 2)
    b = drawn.standard_normal((SAMPLES, 2))
    b += heterogeneity * np.repeat(drawn.standard_normal((WORKERS, 2)), SAMPLES // WORKERS, axis=0)
    return A, b - b.mean(0)
