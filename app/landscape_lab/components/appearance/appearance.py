"""The colour scheme of the page: light, dark or as the system has it, and more contrast."""

from pathlib import Path

import param
from panel.custom import JSComponent

from landscape_lab.bridge.host import mode
from landscape_lab.figures.color_schemes import BACKGROUND, SCHEMES, css_rules

PARTS = ("../signals.js", "figure_colors.js", "figure_styles.js", "appearance.js")
"""Its JavaScript files, joined in this order to one module."""


class AppearanceModel(JSComponent):
    """Its browser model."""

    _esm = "\n".join(Path(__file__).parent.joinpath(part).read_text("utf-8") for part in PARTS)

    rules = param.String(doc="the style sheet of all schemes")
    schemes = param.Dict(doc="what colours of figures are, by scheme")
    light_ground = param.String(doc="the background of figures in the light scheme")
    in_cell = param.Boolean(doc="whether only a cell of the document is ours")


class Appearance:
    """Gives the document and the figures on it the colours of a scheme, in the browser alone.

    The choice of the user is kept there; at first the page follows the system.
    """

    def __init__(self) -> None:
        """As the browser last had it."""
        replaced = {
            name: scheme.replaced() | {BACKGROUND: scheme.surface}
            for name, scheme in SCHEMES.items()
        }
        self.view = AppearanceModel(
            rules=css_rules(), schemes=replaced, light_ground=BACKGROUND,
            in_cell=mode() == "notebook", width=0, height=0, margin=0,
        )  # fmt: skip
