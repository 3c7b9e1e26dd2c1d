"""Which pictures of a page do not obey its settings yet, and which settings they show."""

from collections.abc import Iterator
from dataclasses import dataclass

from landscape_lab.figures.comparison_modes import MODES
from landscape_lab.state import form_model
from landscape_lab.state.place import Place
from landscape_lab.state.preset import presets
from landscape_lab.state.setting_words import in_words

MOST = 3
"""Settings of a picture that are named; of more, only how many."""


@dataclass(frozen=True)
class Staleness:
    """Which of the pictures show other settings than the form, and in `words`, which those are."""

    landscape: bool = False
    curves: bool = False
    side_panel: bool = False
    words: str = ""


def shade(name: str) -> dict[str, str]:
    """Styles of a picture, pale if it does not obey the settings for longer than a moment.

    The script of the bar above sets `--stale-…` and how soon that is seen; the form's sets
    `--asked` between a change and the answer to it. New styles would lay out the whole page anew.
    """
    pale = f"min(var(--asked, 1), var(--stale-{name}, 1))"
    return {"opacity": pale, "transition": "opacity 30ms linear var(--pale-after, 30ms)"}


def staleness(
    shown: Place | None, wanted: Place, *, computing: bool, missing: str = ""
) -> Staleness:
    """What of the pictures of one place does not obey the settings of another; nothing of none.

    Args:
        shown: the place of the pictures.
        wanted: the place that they are to show.
        computing: whether the work for that is under way.
        missing: what of a comparison is not there yet, in words.
    """
    if shown is None:
        return Staleness()
    ours, theirs = shown.scene, wanted.scene
    run = ours.run != theirs.run or shown.origin != wanted.origin
    slice_ = run or ours.computed_slice != theirs.computed_slice
    panel = slice_ or ours.display.side_panel != theirs.display.side_panel
    picture = slice_ or _comparison(shown) != _comparison(wanted)
    doing = "Computing …" if computing else "Not computed."
    if not (panel or picture):
        return Staleness(landscape=True, words=f"{doing} {missing}") if missing else Staleness()
    what = "This picture" if picture else "The side panel"
    words = f"{doing} {what} shows {', '.join(_named(shown, wanted))}"
    return Staleness(picture, run, panel, words)


def _comparison(place: Place) -> str:
    """How runs are compared, in words; empty where none are."""
    display = place.scene.display
    return MODES[display.comparison] if display.show == "compare" else ""


def _named(shown: Place, wanted: Place) -> Iterator[str]:
    """The settings that are shown where others are wanted, in words."""
    compared = _comparison(shown)
    if compared != _comparison(wanted):
        yield f"the comparison ({compared})" if compared else "one run"
    if shown.preset != wanted.preset and shown.preset:
        yield f"the preset {presets()[shown.preset].title}"
        return
    changed = form_model.differences(shown.scene, wanted.scene)
    known = {row.path: row for row in form_model.rows(shown.scene)}
    names = [path for path in changed if path in known and _is_of_picture(path)]
    for path in names[:MOST]:
        label = "" if path == "display.side_panel" else f"{known[path].field.label} "
        yield label + in_words(known[path].value)
    if len(names) > MOST:
        yield f"and {len(names) - MOST} other settings"
    if shown.origin != wanted.origin:
        yield "a run from another start"


def _is_of_picture(path: str) -> bool:
    return not path.startswith("display.") or path.startswith("display.side_panel")
