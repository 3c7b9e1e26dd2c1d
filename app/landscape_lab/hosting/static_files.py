"""Scripts, styles and the icon of the page, which the process in front answers by itself.

They are the same for everybody, and no process that draws need be asked for them.
"""

import importlib.util
from pathlib import Path
from typing import Any

from bokeh.settings import settings
from tornado.routing import PathMatches, Rule
from tornado.web import StaticFileHandler

from landscape_lab.hosting.stage import RECORDINGS


def rules(prefix: str) -> list[Rule]:
    """The rules of the files of Bokeh and Panel and of recorded runs, below a path."""
    panel = _panel()
    folders = {
        r"/static/extensions/panel/(.*)": panel,
        r"/static/recordings/(.*\.json)": RECORDINGS,
        r"/static/(?!extensions/)(.*)": Path(settings.bokehjs_path()),
        r"/(favicon\.ico)": panel / "images",
    }
    return [
        Rule(PathMatches(f"{prefix}{path}"), StaticFileHandler, _options(folder))
        for path, folder in folders.items()
    ]


def _options(folder: Path) -> dict[str, Any]:
    return {"path": str(folder)}


def _panel() -> Path:
    """Panel's files, without importing it, which takes a second and a hundred megabytes."""
    found = importlib.util.find_spec("panel")
    assert found is not None  # the app needs it
    assert found.origin is not None
    return Path(found.origin).with_name("dist")
