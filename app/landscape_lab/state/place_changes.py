"""The place that a control of the page leads to, as pure functions of the place before."""

from dataclasses import replace

from landscape_core.foundation.errors import SpecError
from landscape_core.models.weight_change import WeightChange
from landscape_lab.state.form_model import assign
from landscape_lab.state.link import SPARE, check_bounds, opening
from landscape_lab.state.place import Origin, Place
from landscape_lab.state.scene import Display, Scene


def with_settings(here: Place, scene: Scene, *, playing: bool) -> tuple[Place, bool]:
    """The place with the settings of a scene, and whether the run has to travel to it.

    Where an earlier step is looked at, settings of the run are changed at that step, and the run
    goes on from there. Where runs are kept and none plays, the run is trained anew from the start
    to the last step of the kept ones, for a fair comparison.
    """
    moves = scene.run != here.scene.run
    if moves and here.kept and not playing:
        step = max(kept.step for kept in here.kept)
        there = here.wanting(scene)
        return replace(there, start=scene, step=step, changes=(), seen=None), True
    if moves and here.seen is not None:
        return here.back(here.seen).wanting(scene), True
    return here.wanting(scene), False


def with_camera(here: Place, camera: str) -> Place:
    """The place with another camera of the 3-D view."""
    return here.wanting(assign(here.scene, "display.camera", camera))


def restarted(here: Place) -> Place:
    """The start of the run, with the settings of now."""
    return replace(here, start=here.scene, step=0, changes=(), seen=None)


def started_at(
    here: Place,
    alpha: float | None,
    beta: float | None,
    weights: tuple[WeightChange, ...] = (),
) -> Place:
    """The start of a run at a point of the picture, or with weights that were set by hand."""
    return replace(restarted(here), origin=Origin(here.alone(), alpha, beta, weights))


def with_kept(here: Place) -> Place:
    """The place with its run kept to compare others with."""
    return replace(here, kept=(*here.kept, here.alone()))


def without_kept(here: Place) -> Place:
    """The place without kept runs, and with contours where they were compared."""
    there = replace(here, kept=())
    if here.scene.display.show == "compare":
        there = there.wanting(assign(there.scene, "display.show", "2d"))
    return there


def at_preset(here: Place, name: str) -> Place:
    """The place at which a preset opens, or the present one for an empty name; runs stay kept."""
    there = replace(opening(name or here.preset), kept=here.kept)
    if here.scene.display.show == "compare":
        there = there.wanting(assign(there.scene, "display.show", "compare"))
    return there


def in_history(here: Place, there: Place) -> Place:
    """A place of the history, at the step of now where only the picture differs."""
    if there.follows(replace(here, step=0)) and here.follows(replace(there, step=0)):
        return replace(there, step=max(there.step, here.step))
    return there


def reached(here: Place, there: Place, kept: tuple[Place, ...]) -> Place:
    """The place that the worker has reached, with the settings that were chosen meanwhile.

    Args:
        here: the place of the page.
        there: the place of the worker's picture.
        kept: the runs that the worker keeps.
    """
    known = kept if len(kept) > len(here.kept) else here.kept
    found = replace(there, preset=here.preset, kept=known)
    return found if found.scene == here.scene else found.wanting(here.scene)


def work_of(scene: Scene) -> Scene:
    """The scene without the settings that only change how a picture is drawn.

    A tolerance is of the scale on which the loss is drawn, so that scale stays with it.
    """
    shown = scene.display
    asked = Display(side_panel=shown.side_panel)
    if scene.slice.tolerance:
        asked = asked.replace(scale=shown.scale)
    if shown.show == "compare":
        asked = asked.replace(show="compare", comparison=shown.comparison)
    return scene.replace(display=asked)


def refusal(there: Place) -> str:
    """Why no page could open the link of a place; empty if one could."""
    try:
        check_bounds(there.link(), SPARE)
    except SpecError as error:
        return f"This would make a link that cannot be opened: {error} Reset begins anew."
    return ""
