"""Export of a page: a file of what is shown, made by the worker and handed to the browser."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from landscape_lab.exports.base import Making, file_name, kinds
from landscape_lab.page.comparison import compared_pictures
from landscape_lab.page.form_sections import message_of
from landscape_lab.page.picture_style import style_of
from landscape_lab.page.run import PageRun


class FileExport:
    """Makes files of the picture of a page."""

    def __init__(self, run: PageRun) -> None:
        """No file yet; the files are of what this run shows."""
        self._run = run

    def cancel(self) -> None:
        """Give up the file that is being made."""
        run = self._run
        run.when_at_rest(lambda: None)
        run.cancel()

    def make(self, name: str, asked: Mapping[str, Any] | None = None) -> None:
        """Make a file of this kind, once the picture is refined, and hand it to the browser.

        Args:
            name: of the kind.
            asked: how a picture is to appear, as `checked_style` takes it.
        """
        run, exporter = self._run, self._run.layout.exporter
        style = style_of(asked or {}, exporter)
        if style is None:
            return
        if run.busy:
            run.playing = False
            run.submit()
            run.when_at_rest(partial(self.make, name, asked))
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
                text = making.content.decode() if kind.readable else making.caption or None
                named = file_name(there, picture, kind.suffix)
                exporter.deliver(named, kind.mime, making.content, text)

        run.queue.submit(
            lambda: run.worker.export(name, there, picture, runs, style),
            show,
            lambda error: exporter.fail(message_of(error)),
            lambda: None,
        )
