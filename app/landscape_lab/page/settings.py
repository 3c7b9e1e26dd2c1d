"""The settings of a page: a value that a control of the form has chosen, and what follows."""

from dataclasses import replace
from typing import Any

from landscape_core.foundation.errors import LandscapeError, SpecError
from landscape_lab.components.uploader.uploader import Uploader
from landscape_lab.page.form_sections import message_of
from landscape_lab.page.own_table import OwnTable, lacking_table
from landscape_lab.page.run import PageRun
from landscape_lab.state.file_names import check_names_no_files
from landscape_lab.state.fitting_loss import with_fitting_batch, with_fitting_loss
from landscape_lab.state.form_model import assign, plain_value, rows
from landscape_lab.state.place import Place
from landscape_lab.state.place_changes import with_settings, work_of
from landscape_lab.state.preset import presets
from landscape_lab.state.scene import Scene


class PageSettings:
    """Changes the settings of a run, and takes the tables that data are in."""

    def __init__(self, run: PageRun) -> None:
        """Nothing is changed yet; the settings are those of this run."""
        self._run = run
        self._own_table = OwnTable(lambda: run.scene, self._take, self._refresh)
        run.held = self._own_table.held

    @property
    def uploader(self) -> Uploader:
        """The dialog of your own table."""
        return self._own_table.uploader

    def file_of(self, name: str) -> str:
        """The name of the file that was uploaded, by the name of its content; or nothing."""
        return self._own_table.title(name)

    def end(self) -> None:
        """Remove the tables, without waiting for their thread."""
        self._own_table.end()

    def close(self) -> None:
        """Remove the tables once their thread has ended."""
        self._own_table.close()

    def choose(self, path: str, value: Any) -> None:
        """Put a value at a path of the scene, as its control does.

        Where an earlier step is looked at, a setting of the run is changed there, and the run goes
        on from that step. Where runs are kept to compare with and none plays, a run with the new
        setting is trained from the start, as far as they are. Data that the loss does not apply to
        are given the usual loss for such data. Data in a table are chosen in a dialog.
        """
        try:
            scene = assign(self._run.scene, path, value)
        except SpecError as error:
            self._run.layout.form.set_error(path, message_of(error))
            return
        if lacking := lacking_table(scene):
            self._own_table.open(scene, lacking)
        else:
            self._take(scene, path)

    def _take(self, scene: Scene, path: str) -> None:
        """Go on with the settings of a scene, of which those at a path are new."""
        run = self._run
        try:
            scene, of_loss = with_fitting_loss(scene, path)
            scene, of_batch = with_fitting_batch(scene, path)
            if run.visited:
                there = replace(run.place.alone(), start=scene, changes=())
                check_names_no_files(there, run.held)
        except LandscapeError as error:
            self._run.layout.form.set_error(path, message_of(error))
            return
        self._run.layout.form.clear_errors()
        if scene == run.scene:
            run.show_controls()
            return
        there, travels = with_settings(run.place, scene, playing=run.playing)
        if not run.accepts(there, path):
            return
        only_drawing = work_of(scene) == work_of(run.scene)
        run.history.add(run.place, path)
        self._put(there)
        if travels or run.travelling:
            run.submit(go=there)
        elif only_drawing and not run.playing:
            run.show_controls()
            run.draw()
        else:
            run.submit()
        if said := " ".join(filter(None, (of_loss, of_batch))):
            run.layout.toolbar.message(said)

    def _put(self, there: Place) -> None:
        """Be at a place; of other data the question of the preset is not shown."""
        before, self._run.place = self._run.place, there
        if there.scene.run != before.scene.run:
            self._run.weights = ()  # of another run's network
        preset = presets().get(there.preset)
        if preset and preset.has_data_of(there.scene) != preset.has_data_of(before.scene):
            self._run.layout.show_preset(there)

    def restore(self, path: str) -> None:
        """Put the preset's value at a path, or the default where it has none."""
        known = {row.path: row for row in rows(self._run.reference)}
        here = {row.path: row for row in rows(self._run.scene)}
        value = known[path].value if path in known else here[path].field.default
        self.choose(path, plain_value(value))

    def _refresh(self) -> None:
        """The controls show again what is in force."""
        self._run.layout.form.refresh()
