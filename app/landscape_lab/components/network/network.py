"""The network as units, weights and pictures: a component that receives binary messages."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import param
from panel.custom import JSComponent

from landscape_core.foundation.errors import SpecError
from landscape_core.models.weight_change import WeightChange
from landscape_lab.bridge.jupyter import Messages
from landscape_lab.figures.network import NetworkFigure, colors

PARTS = (
    "network_style.js",
    "network_layout.js",
    "network_paint.js",
    "network_units.js",
    "network_pictures.js",
    "network_plots.js",
    "network_editor.js",
    "network.js",
)
"""Its JavaScript files, joined in this order to one module."""


class NetworkModel(Messages, JSComponent):
    """Its browser model."""

    _esm = "\n".join(Path(__file__).with_name(part).read_text("utf-8") for part in PARTS)

    colors = param.List(doc="the colour of each index of a thumbnail")
    size = param.Number(default=1.0, doc="scale of type and lines")
    editable = param.Boolean(default=True, doc="whether weights can be set by hand")

    on_message: Callable[[dict[str, Any]], None]

    def _handle_msg(self, data: dict[str, Any]) -> None:
        self.on_message(data)


class NetworkStage:
    """Shows the frames of a figure; reports the weights that the user sets."""

    def __init__(
        self,
        figure: NetworkFigure,
        changed: Callable[[WeightChange | None], None] | None = None,
    ) -> None:
        """As large as there is space.

        Args:
            figure: whose frames are shown.
            changed: called with a weight and its new value, or with None to undo the last; without
                it weights cannot be set.
        """
        self._figure, self._changed = figure, changed
        self.view = NetworkModel(
            colors=colors(),
            size=figure.size,
            editable=changed is not None,
            sizing_mode="stretch_both",
            min_height=0,
        )
        self.view.on_message = self._on_message
        figure.sent = self.view._send_msg
        figure.scaled = self._scale

    def _scale(self, factor: float) -> None:
        self.view.size = factor

    def _on_message(self, data: dict[str, Any]) -> None:
        if data.get("action") == "ready" and self._figure.frame:
            self.view._send_msg(self._figure.frame)
        elif data.get("action") == "undo" and self._changed is not None:
            self._changed(None)
        elif data.get("action") == "set" and self._changed is not None:
            self._changed(_change(data))


def _change(data: dict[str, Any]) -> WeightChange:
    """The change that the browser asks for.

    Raises:
        SpecError: it names no weight, or a value that is not finite.
    """
    try:
        index = ",".join(str(int(at)) for at in data["index"])
        return WeightChange.read(f"{data['tensor']}[{index}]={float(data['value'])!r}")
    except (KeyError, TypeError, ValueError):
        raise SpecError("a changed weight", str(data)[:80], "a tensor, an index, a value") from None
