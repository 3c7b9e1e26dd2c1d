"""One recorded run of a preset: what a page plays without a server.

A recording is a JSON object. Arrays are base64 of numbers in little-endian order: `heights` of
unsigned integers (surface, beta, alpha), `steps` and `surface` of uint32, all others of float32.

| key | what it is |
| --- | --- |
| `format`, `version` | `landscape-lab-recording`, 1 |
| `name`, `digest` | of the preset: its name, and a digest of the settings that were recorded |
| `title`, `question`, `watch`, `shows` | its words, as the preset's; `shows`: the point it makes |
| `measure`, `scale` | what the heights are, and their scale: of `log`, the decimal logarithm |
| `minimized` | whether a run looks for the lowest point; false for a game |
| `network` | whether each point of the plane is a network; false for a function of a few numbers |
| `axes`, `extent` | names of alpha and beta; lowest and highest alpha, then beta |
| `captured`, `parameters` | variance of the trajectory in the plane, 0 to 1; number of parameters |
| `shape`, `bits`, `range` | of the heights: points along beta and alpha; bits; lowest and highest |
| `error` | the largest rounding error of a height, relative to the range |
| `limits` | heights of the first and the last colour, the same for all frames |
| `heights` | the surfaces; the code 2^bits − 1 is a height that is not finite |
| `steps`, `surface` | of each frame: its training step, and which of the surfaces it shows |
| `alpha`, `beta` | of each frame: where the network of the step lies on the plane of the frame |
| `train`, `test` | of each frame: loss on all training and all test examples; some have no `test` |
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from landscape_core.foundation.errors import FileFormatError
from landscape_lab.recordings.quantization import (
    TYPES,
    Array,
    Codes,
    error_of,
    heights_of,
    quantized,
)

FORMAT, VERSION = "landscape-lab-recording", 1

LARGEST = 300_000
"""Bytes of a recording, at most."""

SMALL, FEW = 26, 48
"""Points along a side of a thumbnail, and its frames, at most."""

PLAIN = ("name", "digest", "title", "question", "watch", "shows", "measure", "scale", "minimized",
         "network", "captured", "parameters", "bits")  # fmt: skip
PAIRS = ("axes", "extent", "range", "limits")

Numbers = npt.NDArray[np.float32]
Whole = npt.NDArray[np.uint32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Recording:
    """One run of a preset in F frames on S surfaces of N times M points; see the module."""

    name: str
    digest: str
    measure: str
    scale: str
    minimized: bool
    network: bool
    axes: tuple[str, str]
    extent: tuple[float, float, float, float]
    captured: float
    parameters: int
    bits: int
    range: tuple[float, float]
    limits: tuple[float, float]
    codes: Codes
    steps: Whole
    surface: Whole
    alpha: Numbers
    beta: Numbers
    train: Numbers
    test: Numbers | None = None
    title: str = ""
    question: str = ""
    watch: str = ""
    shows: str = ""

    @property
    def error(self) -> float:
        """The largest rounding error of a height, relative to the range."""
        return error_of(self.bits)

    @property
    def moves(self) -> bool:
        """Whether the plane moves with the network, so that each frame has its own surface."""
        return len(self.codes) > 1

    def heights(self, frame: int) -> Array:
        """The heights (N, M) that a frame shows, on the scale of the recording."""
        return heights_of(self.codes[self.surface[frame]], *self.range, self.bits)

    def small(self) -> "Recording":
        """The same run for a thumbnail: the last surface alone, on fewer points."""
        heights = self.heights(len(self.steps) - 1).clip(*self.range)
        thin = (np.unique(np.linspace(0, n - 1, min(n, SMALL)).round().astype(int))
                for n in heights.shape)  # fmt: skip
        count = len(self.steps)
        few = np.unique(np.linspace(0, count - 1, min(count, FEW)).round().astype(int))
        steps = {key: getattr(self, key)[few] for key in ("steps", "alpha", "beta", "train")}
        codes = quantized(heights[np.ix_(*thin)], *self.range, 16)[None]
        still = np.zeros(len(few), "<u4")
        return replace(self, bits=16, codes=codes, surface=still, test=None, **steps)

    def plain(self) -> dict[str, Any]:
        """The JSON object."""
        arrays = {"heights": self.codes, "steps": self.steps, "surface": self.surface,
                  "alpha": self.alpha, "beta": self.beta, "train": self.train}  # fmt: skip
        if self.test is not None:
            arrays["test"] = self.test
        return {
            "format": FORMAT,
            "version": VERSION,
            **{key: getattr(self, key) for key in PLAIN},
            **{key: list(getattr(self, key)) for key in PAIRS},
            "error": self.error,
            "shape": list(self.codes.shape[1:]),
            **{key: base64.b64encode(array.tobytes()).decode() for key, array in arrays.items()},
        }

    def text(self) -> str:
        """The JSON text, one key a line; without the letters `</`, so that a page can hold it."""
        return json.dumps(self.plain(), ensure_ascii=False, indent=0).replace("</", "<\\/") + "\n"


def recording(text: str) -> Recording:
    """The recording of a JSON text.

    Raises:
        FileFormatError: the text is none, or of another version.
    """
    try:
        plain = json.loads(text)
        if plain["format"] != FORMAT or plain["version"] != VERSION:
            raise FileFormatError(
                f"a recording of version {VERSION} is expected;"
                f" got {plain['format']!r}, {plain['version']!r}."
            )
        return _read(plain)
    except FileFormatError:
        raise
    except (ValueError, TypeError, LookupError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise FileFormatError(f"this is not a recording of a run ({reason}).") from None


def _read(plain: Mapping[str, Any]) -> Recording:
    def array(key: str, kind: str) -> npt.NDArray[Any]:
        return np.frombuffer(base64.b64decode(plain[key], validate=True), kind)

    codes = array("heights", TYPES[plain["bits"]]).reshape(-1, *plain["shape"])
    steps, surface = array("steps", "<u4"), array("surface", "<u4")
    numbers = {key: array(key, "<f4") for key in ("alpha", "beta", "train", "test") if key in plain}
    lengths = {len(surface), *(len(one) for one in numbers.values())}
    if lengths != {len(steps)} or not len(steps) or surface.max() >= len(codes):
        raise FileFormatError("the arrays of a recording must have a number for each frame.")
    parts: dict[str, Any] = {key: plain[key] for key in PLAIN}
    parts |= {key: tuple(plain[key]) for key in PAIRS} | numbers
    return Recording(codes=codes, steps=steps, surface=surface, **parts)
