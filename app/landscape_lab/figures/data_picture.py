"""A data set as a small SVG image: points in the plane, a curve, or some of its images."""

import base64
import io

import numpy as np

from landscape_lab.figures import theme
from landscape_lab.figures.pixels import Array

WIDTH, HEIGHT, MARGIN = 64, 48, 4
"""Of the image, in its own pixels."""

POINTS, ACROSS, DOWN = 110, 4, 3
"""Points that are drawn at most, and images in a row and in a column."""


def data_picture(inputs: Array, targets: Array, classes: int | None) -> str:
    """The SVG image of examples; empty where they have neither one or two inputs nor are images.

    Args:
        inputs: (N, 1), (N, 2), or grey or colour images (N, channels, height, width).
        targets: the class of each example (N,), or its target (N, 1).
        classes: how many there are; None for a regression.
    """
    if inputs.ndim == 4:
        return _framed(_images(inputs))
    if inputs.ndim != 2 or inputs.shape[1] > 2:
        return ""
    few = inputs[:POINTS]
    if inputs.shape[1] == 1:
        places = np.column_stack([few[:, 0], targets[:POINTS, 0]])
        return _framed(_dots(places, np.zeros(len(few), int)))
    kinds = targets[:POINTS].astype(int) if classes else np.zeros(len(few), int)
    return _framed(_dots(few, kinds))


def _framed(drawn: str) -> str:
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {box}>\n{drawn}\n</svg>\n'


def _dots(places: Array, kinds: Array) -> str:
    low, high = places.min(axis=0), places.max(axis=0)
    share = (places - low) / np.where(high > low, high - low, 1.0)
    x = MARGIN + share[:, 0] * (WIDTH - 2 * MARGIN)
    y = HEIGHT - MARGIN - share[:, 1] * (HEIGHT - 2 * MARGIN)
    lines = []
    for kind in np.unique(kinds):
        color = theme.CLASSES[int(kind) % len(theme.CLASSES)]
        at = kinds == kind
        marks = "".join(f"M{a:.1f} {b:.1f}h0" for a, b in zip(x[at], y[at], strict=True))
        look = f'stroke="{color}" stroke-width="3.4" stroke-linecap="round" fill="none"'
        lines.append(f'<path {look} d="{marks}"/>')
    return "\n".join(lines)


def _images(inputs: Array) -> str:
    """Some images side by side as one PNG.

    One channel is how much there is of one colour, on whatever ground the page has.
    """
    from PIL import Image

    few = inputs[: ACROSS * DOWN]
    few = (few - few.min()) / (np.ptp(few) or 1.0)
    shades = few[:, :3]
    if few.shape[1] == 1:
        ink = [np.full_like(few, int(theme.CLASSES[0][at : at + 2], 16) / 255) for at in (1, 3, 5)]
        shades = np.concatenate([*ink, few], axis=1)
    rows = [np.concatenate(list(shades[k : k + ACROSS]), axis=2)
            for k in range(0, ACROSS * DOWN, ACROSS)]  # fmt: skip
    pixels = (np.concatenate(rows, axis=1).transpose(1, 2, 0) * 255).round().astype(np.uint8)
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "png", optimize=True)
    data = base64.b64encode(written.getvalue()).decode()
    where = f'width="{WIDTH}" height="{HEIGHT}" preserveAspectRatio="none"'
    look = 'style="image-rendering:pixelated"'
    return f'<image {where} {look} href="data:image/png;base64,{data}"/>'
