"""Tables next to figures, as HTML: a table of figures, a scale of colours."""

import html
from collections.abc import Sequence

import numpy as np

from landscape_lab.figures import theme
from landscape_lab.figures.color_schemes import css

CELL = "padding: 0 10px 0 0; white-space: nowrap"


def table(head: Sequence[tuple[str, str]], rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    """A compact table.

    Args:
        head: what stands above each column, and its colour.
        rows: the words of each row, and its entries.
    """
    top = "".join(
        f'<th scope="col" style="{CELL}; text-align: right; color: {css(color)}">'
        f"{html.escape(name)}</th>"
        for name, color in head
    )
    body = "".join(
        f'<tr><th scope="row" style="{CELL}; font-weight: normal; text-align: left; '
        f'color: {css(theme.MUTED)}">{html.escape(words)}</th>'
        + "".join(
            f'<td style="{CELL}; text-align: right; font-variant-numeric: tabular-nums">'
            f"{html.escape(entry)}</td>"
            for entry in entries
        )
        + "</tr>"
        for words, entries in rows
    )
    return (
        f'<table style="font: {theme.SMALL}/1.35 {theme.FONT}; color: {css(theme.INK)}; '
        f'border-collapse: collapse"><tr><td></td>{top}</tr>{body}</table>'
    )


def colors(
    title: str, palette: Sequence[str], limits: tuple[float, float], ticks: dict[float, str]
) -> str:
    """A scale of colours as wide as there is space, with words below it."""
    stops = ", ".join(palette[round(i)] for i in np.linspace(0, len(palette) - 1, 24))
    low, high = limits
    places = {word: 100 * (at - low) / (high - low) for at, word in ticks.items()}
    words = "".join(
        f'<span style="position: absolute; left: {place:.1f}%; white-space: nowrap; transform: '
        f'translateX({-place:.0f}%)">{html.escape(word)}</span>'
        for word, place in places.items()
    )
    return (
        f'<div style="font: {theme.SMALL}/1.3 {theme.FONT}; color: {css(theme.MUTED)}; '
        f'display: flex; gap: 8px; padding: 0 4px">'
        f'<span style="max-width: 11em">{html.escape(title)}</span>'
        f'<span style="flex: 1; min-width: 120px"><div style="height: 8px; margin-top: 3px; '
        f'background: linear-gradient(to right, {stops})"></div>'
        f'<div style="position: relative; height: 1.3em">{words}</div></span></div>'
    )
