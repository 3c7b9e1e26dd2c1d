"""A network as one frame for the browser: a header in JSON, and thumbnails of one byte a pixel."""

import json
import math
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.bokeh.boundary import colored, palette_of
from landscape_lab.figures.network_words import words_of
from landscape_lab.figures.pixels import shaded

MIDDLE = 127
"""The index of zero in a thumbnail; 0 and 254 are the ends of its range."""

BROKEN = 255
"""The index of what is not finite."""

PER_UNIT = ("weight", "bias", "lowest", "highest")
"""What is sent of each unit besides its thumbnail."""

Bytes = npt.NDArray[np.uint8]


class NetworkFigure:
    """The latest frame of a network; `sent` is called with every new one."""

    def __init__(self) -> None:
        """Nothing is shown yet."""
        self.frame = b""
        self._network: xr.Dataset | None = None
        self._point: Any = None
        self.size = 1.0
        self.sent: Callable[[bytes], None] = lambda frame: None
        self.scaled: Callable[[float], None] = lambda factor: None

    def update(
        self,
        network: xr.Dataset,
        boundary: xr.Dataset | None = None,
        points: xr.Dataset | None = None,
        point: Any = None,
    ) -> None:
        """Show a network.

        Args:
            network: as `network_dataset` describes it.
            boundary: the network's answers over one or two inputs.
            points: the data, for the same inputs.
            point: a point that is looked at, with its `changes`.
        """
        if network is self._network and point is self._point:
            return
        self._network, self._point = network, point
        frame = packed(network, boundary, points, point)
        if frame != self.frame:
            self.frame = frame
            self.sent(frame)

    def scale(self, factor: float) -> None:
        """Make type and lines so many times as large as they are by themselves."""
        self.size = factor
        self.scaled(factor)


def colors() -> list[str]:
    """The colour of each index of a thumbnail: negative, zero, positive, not finite."""
    below, above = theme.CLASSES[:2]
    return [*theme.ramp((below, "#f7f7f5", above), BROKEN), theme.NOT_FINITE]


def packed(
    network: xr.Dataset, boundary: xr.Dataset | None, points: xr.Dataset | None, point: Any
) -> bytes:
    """The length of the header as uint32, the header, the thumbnails in its order."""
    kind = str(network.attrs["kind"])
    images: list[Bytes] = []
    header: dict[str, Any] = {"kind": kind, **words_of(network, point)}
    header |= _PARTS.get(kind, _nothing)(network, images)
    if "misread_input" in network:
        header["misread"] = _misread(network, images)
    if boundary is not None and points is not None and kind in ("plane", "curves"):
        header["output"] = _output(boundary, points, images)
    words = json.dumps(header, separators=(",", ":"), allow_nan=False).encode()
    return b"".join([struct.pack("<I", len(words)), words, *(one.tobytes() for one in images)])


def quantized(values: npt.NDArray[np.floating[Any]], limit: float) -> Bytes:
    """Indices of values from -limit to limit, around `MIDDLE`; `BROKEN` where not finite."""
    finite = np.isfinite(values)
    share = np.where(finite, values, 0.0) / (limit or 1.0)
    found = np.clip(np.rint(MIDDLE * (1.0 + share)), 0, BROKEN - 1).astype(np.uint8)
    return np.where(finite, found, np.uint8(BROKEN))


def numbers(values: Any) -> Any:
    """Nested lists of six digits; None where not finite."""
    return _plain(np.asarray(values, dtype=float).tolist())


def _plain(found: Any) -> Any:
    if isinstance(found, list):
        return [_plain(one) for one in found]
    return float(f"{found:.6g}") if math.isfinite(found) else None


def _units(network: xr.Dataset, images: list[Bytes]) -> dict[str, Any]:
    table = {str(name): values.values for name, values in network.data_vars.items()}
    layers = []
    for at, number in enumerate(network["layer"].values):
        shown = min(int(table["units"][at]), network.sizes["unit"])
        values = table["activation"][at, :shown]
        limit = _limit(values)
        images.append(quantized(values, limit))
        few = {name: numbers(table[name][at, :shown]) for name in PER_UNIT}
        layers.append(
            {
                **few, "number": int(number), "units": int(table["units"][at]), "shown": shown,
                "limit": limit, "function": str(table["function"][at]),
                "weightTensor": str(table["weight_tensor"][at]),
                "biasTensor": str(table["bias_tensor"][at]),
            }
        )  # fmt: skip
    axes = {name: numbers(network[name].values[[0, -1]]) for name in ("x", "y") if name in network}
    size = [network.sizes[name] for name in ("y", "x") if name in network.sizes]
    return {"layers": layers, "size": size, **axes}


def _weights(network: xr.Dataset, images: list[Bytes]) -> dict[str, Any]:
    pattern = network["pattern"].values
    images.append(quantized(pattern, _limit(pattern)))
    attrs = network.attrs
    found = {
        "units": int(attrs["units"]), "shape": list(pattern.shape),
        "bias": numbers(network["bias"]),
        "function": attrs["function"], "weightTensor": attrs["weight_tensor"],
        "biasTensor": attrs["bias_tensor"], "channels": int(attrs["channels"]),
        "flat": bool(attrs["flat"]), "pattern": numbers(pattern),
    }  # fmt: skip
    if "map" in network:
        maps, image = network["map"].values, network["input"].values
        images.append(quantized(maps, _limit(maps)))
        found |= {"maps": list(maps.shape), "input": _photo(image[None], images)}
        found |= {"high": numbers(maps.max(axis=(1, 2)))}
    return found


def _misread(network: xr.Dataset, images: list[Bytes]) -> dict[str, Any]:
    names = ("index", "label", "as", "probability")
    found = {name: numbers(network[f"misread_{name}"]) for name in names}
    attrs = network.attrs
    return {
        **found, "labelProbability": numbers(network["label_probability"]),
        "count": int(attrs["misread"]), "examined": int(attrs["examined"]), "split": attrs["split"],
        "shape": _photo(network["misread_input"].values, images),
    }  # fmt: skip


def _photo(values: npt.NDArray[np.floating[Any]], images: list[Bytes]) -> list[int]:
    """Add images (N, channels, rows, columns), from their lowest to their highest value."""
    shown = values if values.shape[1] in (1, 3) else values.mean(axis=1, keepdims=True)
    if shown.size:
        low, high = float(np.nanmin(shown)), float(np.nanmax(shown))
        shown = np.nan_to_num((shown - low) / (high - low or 1.0))
    images.append(np.rint(255 * np.clip(shown, 0, 1)).astype(np.uint8))
    return list(shown.shape)


def _graph(network: xr.Dataset, images: list[Bytes]) -> dict[str, Any]:
    del images
    lists = {name: network[name].values.tolist() for name in ("label", "predicted", "edge")}
    places = {name: np.round(network[name].values, 3).tolist() for name in ("x", "y")}
    known = network["labelled"].values.astype(int).tolist()
    sure = np.round(network["probability"].values, 3)
    return {**lists, **places, "labelled": known, "probability": numbers(sure),
            "colors": list(theme.CLASSES)}  # fmt: skip


def _players(network: xr.Dataset, images: list[Bytes]) -> dict[str, Any]:
    del images
    return {
        "step": network["step"].values.tolist(), "value": numbers(network["value"].values.T),
        "player": network["player"].values.tolist(), **_few_parameters(network, []),
    }  # fmt: skip


def _few_parameters(network: xr.Dataset, images: list[Bytes]) -> dict[str, Any]:
    del images
    named = {name: network[name].values.tolist() for name in ("tensor", "index")}
    return {"now": numbers(network["now"]), **named}


def _nothing(network: xr.Dataset, images: list[Bytes]) -> dict[str, Any]:
    del network, images
    return {}


_PARTS = {
    "plane": _units, "curves": _units, "weights": _weights, "filters": _weights, "graph": _graph,
    "players": _players, "parameters": _few_parameters,
}  # fmt: skip


def _output(boundary: xr.Dataset, points: xr.Dataset, images: list[Bytes]) -> dict[str, Any]:
    """The answers over the inputs, as the panel of the decision boundary draws them."""
    few = points.isel(point=slice(400))
    target = few["target"].values.astype(int)
    train = (few["split"].values == "train").astype(int)
    data = {"px": np.round(few["x"].values, 3).tolist(), "train": train.tolist()}
    if "output" in boundary:
        data |= {"py": np.round(few["y"].values, 3).tolist()}
        return {**data, "x": numbers(boundary["x"].values[[0, -1]]),
                "curve": numbers(boundary["output"])}  # fmt: skip
    classes = int(boundary.attrs.get("classes", 2))
    score, confidence = boundary["score"].values, boundary["confidence"].values
    if classes == 2:  # the browser smooths between the points
        holes = ~np.isfinite(score)
        shades = shaded(np.where(holes, 0.0, score), holes, 0.0, 1.0)
    else:
        shades = colored(score, confidence, classes)
    images.append(shades.astype(np.uint8))
    return {
        **data, "py": np.round(few["y"].values, 3).tolist(),
        "target": (target % len(theme.CLASSES)).tolist(), "size": list(shades.shape),
        "palette": palette_of(classes), "colors": list(theme.CLASSES),
        "x": numbers(boundary["x"].values[[0, -1]]), "y": numbers(boundary["y"].values[[0, -1]]),
    }  # fmt: skip


def _limit(values: npt.NDArray[np.floating[Any]]) -> float:
    finite = np.abs(values[np.isfinite(values)])
    return float(f"{finite.max():.6g}") if finite.size and finite.max() > 0 else 1.0
