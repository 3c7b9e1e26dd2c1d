"""One-dimensional digits after MNIST-1D: Greydanus, Kobak, 2020, arXiv:2011.14439.

Generated after their description, with their sizes and parameters but our own templates: it is not
their file, and accuracies on the two are not comparable. A template of twelve values, the
horizontal position of a pen that draws a digit from top to bottom, is padded with 36 to 60 zeros,
resampled to 72 values, scaled, shifted cyclically, perturbed by noise, sheared and resampled at 40
points. As in the original, the noise is correlated between neighbours and also covers the padding.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from landscape_core.foundation import random_streams
from landscape_core.foundation.recipes import Knob
from landscape_core.models.datasets.base import ProblemData, Split, shared_out

TEMPLATES = np.array(
    [
        [0.0, 0.5, 0.8, 0.9, 1.0, 1.0, 1.0, 1.0, 0.9, 0.8, 0.5, 0.0],
        [0.0, -0.9, -0.8, -0.6, -0.4, -0.2, 0.0, 0.2, 0.4, 0.6, 0.2, 0.0],
        [0.0, 0.6, 0.9, 0.8, 0.4, 0.0, -0.4, -0.8, -1.0, -0.9, -0.5, 0.0],
        [0.0, 0.6, 0.9, 0.9, 0.5, 0.1, 0.1, 0.5, 0.9, 0.9, 0.6, 0.0],
        [0.0, -0.3, -0.6, -0.9, -1.2, -1.2, 0.2, 0.2, 0.1, 0.1, 0.0, 0.0],
        [0.0, -1.0, -1.0, -0.9, -0.7, 0.2, 0.6, 0.9, 0.8, 0.5, -0.2, 0.0],
        [0.0, -0.6, -0.9, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -0.9, -0.6, 0.0],
        [0.0, 1.0, 1.0, 0.8, 0.6, 0.4, 0.2, 0.0, -0.2, -0.4, -0.1, 0.0],
        [0.0, -0.5, -0.9, -0.9, -0.4, 0.1, 0.1, -0.4, -0.9, -0.9, -0.5, 0.0],
        [0.0, -0.5, -0.9, -0.9, -0.5, 0.2, 0.3, 0.2, 0.2, 0.1, 0.0, 0.0],
    ]
)
"""Row c is the template of class c."""

PADDING = (36, 60)
LONG, LENGTH = 72, 40
SHIFT, SCALE, SHEAR = 48, 0.4, 0.75
CORRELATION, WHITE = 2.0, 0.02
"""Correlation length of the noise, in samples of 72; standard deviation of the white noise."""


@dataclass(frozen=True, kw_only=True)
class MNIST1D(ProblemData):
    """One-dimensional digits: signals of length 40 in ten classes, shifted, scaled and noisy."""

    label: ClassVar[str] = "one-dimensional digits"

    points: Annotated[int, Knob(20, 20_000, "number of training signals", scale="log")] = 1000
    noise: Annotated[float, Knob(0.0, 2.0, "amplitude of the correlated noise")] = 0.25

    def build(self, seed: int) -> Split:
        rng = random_streams.numpy_stream(seed, "data")
        total = 2 * self.points
        digit = rng.integers(0, len(TEMPLATES), total)
        shapes = (TEMPLATES - TEMPLATES.mean(1, keepdims=True)) / TEMPLATES.std(1, keepdims=True)
        shapes = (shapes - shapes[:, :1]) / 6.0
        signals = np.stack([_placed(shapes[c], rng) for c in digit])
        correlated = gaussian_filter1d(rng.standard_normal(signals.shape), CORRELATION, axis=1)
        signals = np.where(signals == 0, self.noise * correlated, signals)
        signals += WHITE * rng.standard_normal(signals.shape)
        slope = SHEAR * rng.uniform(-0.5, 0.5, (total, 1))
        signals -= slope * np.linspace(-0.5, 0.5, LONG)
        inputs = np.stack([_stretched(signal, LENGTH) for signal in signals])
        return shared_out(inputs, digit, self.points, 10, rng)


def _placed(shape: npt.NDArray[np.float64], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Pad, resample, scale and shift a template, (72,)."""
    padded = np.pad(shape, (0, int(rng.integers(PADDING[0], PADDING[1] + 1))))
    scale = 1.0 + SCALE * rng.uniform(-0.5, 0.5)
    return np.roll(scale * _stretched(padded, LONG), rng.integers(SHIFT))


def _stretched(signal: npt.NDArray[np.float64], length: int) -> npt.NDArray[np.float64]:
    """Resample the signal to this length by linear interpolation."""
    return np.interp(np.linspace(0, len(signal) - 1, length), np.arange(len(signal)), signal)
