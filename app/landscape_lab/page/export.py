"""Export of a page: a file of what is shown, made by the worker and handed to the browser."""

from functools import partial

from landscape_lab.exports.base import Making, file_name, kinds
from landscape_lab.page.comparison import compared_pictures
from landscape_lab.page.form_sections import message_of
from landscape_lab.page.run import PageRun


class FileExport:
    """Makes files of the picture of a page."""

    def __init__(self, run: PageRun) -> None:
        """No file yet; the files are of what this run shows."""
        self._run = run

    def make(self, name: str) -> None:
        """Make a file of this kind, once the picture is refined, and hand it to the browser."""
        run, exporter = self._run, self._run.layout.exporter
        if run.busy:
            run.playing = False
            run.submit()
            run.when_at_rest(partial(self.make, name))
            return
        update, there = run.update, run.layout.canvas.as_seen(run.place)
        picture = run.picture
        if update is None or picture is None:
            return
        kind = kinds()[name]
        runs = compared_pictures(update) if run.scene.display.show == "compare" else ()

        def show(making: Making) -> None:
            exporter.progress(making.done, making.total)
            if making.content is not None:
                text = making.content.decode() if kind.readable else None
                named = file_name(there, picture, kind.suffix)
                exporter.deliver(named, kind.mime, making.content, text)

        run.queue.submit(
            lambda: run.worker.export(name, there, picture, runs),
            show,
            lambda error: exporter.fail(message_of(error)),
            lambda: None,
        )
