"""The line under the landscape: what the picture is, and how much it can be trusted."""

from collections.abc import Iterator

import numpy as np

from landscape_core.analysis.explain import explain
from landscape_core.analysis.findings.base import Detector
from landscape_core.analysis.findings.path_off_plane import PathOffPlane
from landscape_core.experiments.horizon import horizon
from landscape_core.foundation.recipes import canonical, label_of, name_of, to_plain
from landscape_core.foundation.registry import find
from landscape_core.session.picture import Picture
from landscape_lab.figures.reliability import measured_on, reliability, statistics


def quality(picture: Picture) -> tuple[str, str]:
    """What the picture is and how much it can be trusted: in brief, and all of it."""
    brief, whole = (" · ".join(_quality(picture, brief=brief)) for brief in (True, False))
    return brief, whole


def _quality(picture: Picture, *, brief: bool) -> Iterator[str]:
    distance = float(picture.path["distance"].sel(step=picture.seen, method="nearest"))
    slice_ = picture.slice.assign_attrs(standard_error=picture.standard_error)
    if picture.notice:
        yield picture.notice
    if warned := _warning(picture, brief=brief):
        yield warned
    moved = picture.path.sizes["step"] > 1
    of = "" if brief else " of the trajectory"
    yield f"explained variance{of} {picture.captured:.0%}" if moved else "the start"
    if distance > 1e-5:
        yield f"current point {distance:.2g} off it"
    yield from reliability(slice_, brief=brief)
    yield f"{int(slice_.attrs['examples'][0])} {picture.spec.split} examples"
    if words := statistics(slice_, brief=brief):
        yield words
    if words := measured_on(picture.curves, picture.seen, picture.spec.split, brief=brief):
        yield words
    broken = int((~np.isfinite(slice_["loss"].values)).sum())
    if broken:
        yield f"{broken} points not finite"


def _warning(picture: Picture, *, brief: bool) -> str:
    """The first warning of a finished slice with its path; empty if there is none."""
    if "checked_points" not in picture.slice.attrs:
        return ""
    path = picture.path.rename({name: f"path_{name}" for name in picture.path.data_vars})
    told = picture.slice.merge(path).assign_attrs(picture.slice.attrs)
    found = list(explain(told.assign_attrs(slice=canonical(to_plain(picture.spec)))))
    if _is_ahead(picture):  # the plane is that of the path to come, not of its first steps
        found = [one for one in found if one.name != name_of(PathOffPlane)]
    first = found[0] if found and found[0].level == "warning" else None
    if first is None:
        return ""
    label = label_of(find(Detector, first.name))
    return f"warning: {label}" if brief else f"warning: {first.sentence} {first.remedy}"


def _is_ahead(picture: Picture) -> bool:
    """Whether the plane is that of a longer path than was made so far."""
    last = int(picture.path["step"][-1])
    return horizon(picture.run, picture.spec, last) > last
