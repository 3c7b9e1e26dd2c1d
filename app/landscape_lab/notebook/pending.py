"""Values that a linked widget has asked for and that the page has not reached yet.

Pictures on the way to a step, or of the nearest one that was recorded, do not take back the step
that was asked for: a slider that is linked would jump back under the hand that moves it.
"""

from landscape_core.session.picture import Picture

Coordinates = tuple[float, float]
"""Coordinates on a picture: alpha, beta."""


class PendingStep:
    """A step that was asked for."""

    def __init__(self, step: int, before: Picture | None) -> None:
        """Asked for while a picture was shown."""
        self._step, self._before = step, before
        self._reached: tuple[int, int] | None = None

    def over(self, picture: Picture) -> bool:
        """Whether a picture comes from something else that was asked for since."""
        if picture is self._before:
            return False
        end = int(picture.path["step"][-1])
        here = (picture.seen, end)
        if self._reached is None and end >= self._step:
            self._reached = here
        if self._reached is None:
            return picture.status in ("finished", "diverged")
        return here != self._reached


class PendingPoint:
    """A point of the picture that was asked for."""

    def __init__(self, point: Coordinates, before: Picture | None) -> None:
        """Asked for while a picture was shown."""
        self._point = point
        self._left = before and before.point
        self._reached = False

    def over(self, picture: Picture) -> bool:
        """Whether a picture comes from something else that was asked for since."""
        here = picture.point
        if here is not None and (here.alpha, here.beta) == self._point:
            self._reached = True
            return False
        return self._reached or (here is not None and here != self._left)


def coordinates_of(picture: Picture) -> Coordinates:
    """The coordinates of the point that is looked at, or else of the iterate on the path."""
    if picture.point is not None:
        return picture.point.alpha, picture.point.beta
    here = picture.path.sel(step=picture.seen, method="nearest")
    return float(here["alpha"]), float(here["beta"])
