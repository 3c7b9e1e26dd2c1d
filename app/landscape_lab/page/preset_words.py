"""What the guide shows of a preset: its question and answer, as long as they fit the data."""

from landscape_core.foundation.registry import entries
from landscape_core.labs.base import Lab
from landscape_lab.state.place import Place
from landscape_lab.state.preset import Preset, presets
from landscape_lab.state.show_steps import ShowStep

Words = tuple[str, str, str, tuple[str, str] | None]
"""Question, what to watch, answer, and the words and link of the button of a lab."""


def shown_by(place: Place) -> tuple[ShowStep, ...]:
    """The steps of the "Show me" of the preset of a place; none of other data."""
    preset = presets().get(place.preset)
    return preset.show if preset and preset.has_data_of(place.scene) else ()


def words_of(place: Place) -> Words | None:
    """What the guide shows; None for a scene of the user's own, which has no question."""
    if not place.preset:
        return None
    preset = presets()[place.preset]
    if not preset.has_data_of(place.scene):
        return f"The data are not those of the preset “{preset.title}”.", "", "", None
    return preset.question, preset.watch, preset.shows, _lab_of(preset)


def _lab_of(preset: Preset) -> tuple[str, str] | None:
    """The words of the button that opens the lab of a preset, and its link."""
    if not preset.lab:
        return None
    return f"Try the claim: {entries(Lab).described(preset.lab).label}", f"lab={preset.lab}"
