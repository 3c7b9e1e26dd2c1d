"""Colours of every scheme: contrast by WCAG 2.2, and no literal colour left in a style sheet."""

import itertools
import re
from pathlib import Path

import pytest
from matplotlib.colors import to_hex, to_rgb

import landscape_lab
from landscape_lab.figures import theme
from landscape_lab.figures.color_schemes import SCHEMES, contrast, css, css_rules

TEXT, SIGN = 4.5, 3.0
"""Least contrast of text, and of lines and borders that tell something."""

COMPONENTS = Path(landscape_lab.__file__).parent / "components"

PALE = {theme.BATCH, theme.GRID, theme.FRAME, "#a9cbd3"}
"""Drawn behind what tells the same: the loss of mini-batches, grids, frames, pale bars."""


def luminance(color):
    """Relative luminance as WCAG 2.2 defines it, another time than in the code."""
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


def test_the_ratio_is_that_of_the_standard():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=1e-3)
    for one, other in itertools.combinations(("#0f6e84", "#12181d", "#d9822b", "#ffffff"), 2):
        low, high = sorted((luminance(one), luminance(other)))
        assert contrast(one, other) == pytest.approx((high + 0.05) / (low + 0.05))


@pytest.mark.parametrize("name", SCHEMES)
def test_text_and_signs_are_seen_in_every_scheme(name):
    scheme = SCHEMES[name]
    least = 7.0 if name.endswith("contrast") else TEXT
    for ground in (scheme.surface, scheme.raised, scheme.wash):
        for ink in ("ink", "muted", "alert_ink"):
            assert contrast(getattr(scheme, ink), ground) >= least, (ink, ground)
        assert contrast(scheme.accent, ground) >= TEXT
    for ground in (scheme.surface, scheme.raised):
        assert contrast(scheme.control, ground) >= SIGN
        assert contrast(scheme.alert, ground) >= TEXT
        assert contrast(scheme.disabled, ground) >= TEXT - 0.3  # WCAG asks nothing of it
    assert contrast(scheme.on_accent, scheme.accent) >= TEXT
    assert contrast(scheme.on_accent, scheme.accent_hover) >= TEXT
    assert contrast(scheme.accent_ink, scheme.selected) >= TEXT


@pytest.mark.parametrize("name", ["dark", "light-contrast", "dark-contrast"])
def test_lines_of_figures_are_seen_on_the_surface(name):
    scheme = SCHEMES[name]
    table = scheme.replaced()
    lines = {*theme.SPLITS.values(), *theme.CLASSES, theme.INK, theme.MUTED, theme.ACCENT}
    for color in lines - PALE:
        assert contrast(table.get(color, color), scheme.surface) >= SIGN, color
    if scheme.dark:
        for color in theme.LANDSCAPE[::10]:
            assert contrast(table.get(color, color), scheme.surface) >= SIGN - 0.3, color


def test_curves_are_seen_on_white():
    """Colours of classes are fills with an outline there."""
    for color in (*theme.SPLITS.values(), theme.INK, theme.MUTED, theme.ACCENT):
        assert contrast(color, "#ffffff") >= SIGN


def test_classes_stay_apart_in_the_dark():
    table = SCHEMES["dark"].replaced()
    found = [table.get(color, color) for color in theme.CLASSES]
    assert len(set(found)) == len(found)
    for one, other in itertools.combinations(found, 2):
        apart = sum((a - b) ** 2 for a, b in zip(to_rgb(one), to_rgb(other), strict=True)) ** 0.5
        assert apart > 0.12, (one, other)


def test_the_css_rules_has_every_scheme_and_html_falls_back_to_the_light_colour():
    sheet = css_rules()
    for name, scheme in SCHEMES.items():
        (rule,) = re.findall(rf":root\[data-scheme={name}\]\{{([^}}]*)\}}", sheet)
        said = dict(part.split(":", 1) for part in rule.split(";"))
        assert said["--ink"] == scheme.ink
        assert said["--color-scheme"] == ("dark" if scheme.dark else "light")
        assert said["--color-1d2a33"] == scheme.ink
    assert css(theme.INK) == f"var(--color-1d2a33, {theme.INK})"
    assert to_hex(theme.INK) == theme.INK


def test_no_css_rules_of_a_component_has_a_colour_that_no_scheme_changes():
    """Those of the mark, of signs on the landscape and of verdicts are the same in every scheme."""
    same = {"#1c6b3c", "#9a2f14", "#5ec962"}
    known = {name for scheme in SCHEMES.values() for name in scheme.properties()}
    for file in sorted(COMPONENTS.rglob("*.js")):
        for sheet in re.findall(r"const STYLE = `(.*?)`;", file.read_text("utf-8"), re.DOTALL):
            rest = re.sub(r"var\([^()]*\)", "", sheet)
            verdicts = "color:#fff}" if file.name == "lab_bar.js" else ""
            rest = rest.replace(verdicts, "}") if verdicts else rest
            assert set(re.findall(r"#[0-9a-fA-F]{3,8}\b", rest)) <= same, file.name
            for name, fallback in re.findall(r"var\((--[a-z-]+),\s*(#[^)]*)\)", sheet):
                assert name in known, (file.name, name, fallback)
