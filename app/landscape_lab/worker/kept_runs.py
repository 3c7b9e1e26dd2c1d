"""Runs that are kept to compare others with: trained again where unknown, laid on one plane."""

import functools
from collections.abc import Iterator

import xarray as xr

from landscape_core.analysis.slice_metrics import slice_metrics
from landscape_core.experiments.slice_of_run import slice_of_trajectory
from landscape_core.foundation.progress import Progress
from landscape_core.planes.directions.pca import PCA
from landscape_core.session.picture import Picture
from landscape_core.session.session import Session
from landscape_core.slices.slice_spec import SliceSpec
from landscape_core.storage.store import Store
from landscape_lab.state.navigator import Navigator
from landscape_lab.state.place import Place
from landscape_lab.state.scene import Scene
from landscape_lab.state.study_cost import comparison_seconds
from landscape_lab.worker.elsewhere import ELSEWHERE, Elsewhere
from landscape_lab.worker.studies import done
from landscape_lab.worker.update import Kept


class KeptRuns:
    """Pictures and trajectories of kept runs, by their places."""

    def __init__(self, store: Store | None, elsewhere: Elsewhere = ELSEWHERE) -> None:
        """No run yet; `store` keeps the slices, `elsewhere` does what takes long."""
        self._store, self._elsewhere = store, elsewhere
        self._runs: dict[Place, Kept] = {}

    def known(self, places: tuple[Place, ...]) -> tuple[Kept, ...]:
        """The runs at these places that have been computed."""
        return tuple(self._runs[place] for place in places if place in self._runs)

    def keep(self, place: Place, picture: Picture, session: Session, scene: Scene) -> None:
        """Keep the run that a session holds at a place."""
        self._runs[place] = _kept(place, picture, session, scene)

    def train_unknown(self, places: tuple[Place, ...], scene: Scene) -> Iterator[None]:
        """Train the runs at these places that are not known, with one item for each picture."""
        for place in places:
            if place in self._runs:
                continue
            work = functools.partial(trained, place, self._store, scene)
            seconds = comparison_seconds(place.scene, place.step)
            for found in done(work, seconds, self._elsewhere):
                if found is not None:
                    self._runs[place] = found
                yield

    def on_one_plane(
        self, places: tuple[Place, ...], more: xr.Dataset | None, scene: Scene
    ) -> Iterator[Progress | None]:
        """The loss of the first run on the plane of the principal components of all paths.

        Args:
            places: those of the kept runs.
            more: the trajectory of another run whose path is added.
            scene: gives resolution and examples of the slice.

        Raises:
            SpecError: the networks differ in their parameters.
        """
        first, *others = (one.path for one in self.known(places))
        if more is not None:
            others.append(more)
        moves = scene.slice.batch_norm == "interpolated"  # which this plane does not allow
        asked = SliceSpec(
            directions=PCA(),
            resolution=scene.slice.resolution,
            beta_resolution=scene.slice.beta_resolution,
            max_examples=scene.slice.max_examples,
            batch_norm="usual" if moves else scene.slice.batch_norm,
        )
        work = functools.partial(slice_of_trajectory, first, asked, self._store, others=others)
        return done(work, comparison_seconds(scene, 0), self._elsewhere)


def trained(place: Place, store: Store | None, scene: Scene) -> Iterator[Kept | None]:
    """Train the run at a place: None for each picture on the way, then the run."""
    navigator = Navigator(place, store)
    for _ in navigator.pictures():
        yield None
    yield _kept(place, navigator.session.picture(), navigator.session, scene)


def _kept(place: Place, picture: Picture, session: Session, scene: Scene) -> Kept:
    return Kept(place, picture, session.trajectory(), metrics(picture, scene))


def metrics(picture: Picture, scene: Scene) -> xr.Dataset:
    """The metrics of a picture's slice, on the scale that is shown where the loss is positive."""
    positive = not bool((picture.slice["loss"] <= 0).any())
    scale = scene.display.scale if positive else "linear"
    return slice_metrics(picture.slice, picture.spec.split, scale)
