"""What a page shows before Python is there: the recorded run of a preset.

The browser plays it alone, and the live page takes its place once it has drawn the same
(`share/stage/`). It is one text: the default preset's recording, the player, and what chooses
another recording where the address names one behind its #, which no server sees. The others are
files of the same server. Servers import this: nothing heavy is imported here.
"""

import functools
import json
from pathlib import Path
from typing import Any

import yaml

from landscape_lab.components.player import player
from landscape_lab.state.first_preset import FIRST

HERE = Path(__file__).resolve().parent / "share" / "stage"
CONTENT = Path(__file__).resolve().parents[1] / "content"
RECORDINGS = CONTENT / "recordings"
SCRIPTS = ("stage_choice.js", "stage_live.js", "stage.js")
LOOKS = "display."

HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Landscape Lab</title>
<link rel="icon" href="data:,">
</head>
<body>
"""
"""The beginning of a page that is sent before the rest of it is known."""


def before(recordings: str, first: str = "") -> str:
    """The beginning of a page whose rest follows once Python is there, with a head of its own.

    A browser takes what the second head says as if it stood in the first.

    Args:
        recordings: the address of the folder of recordings.
        first: HTML that comes before everything to be seen.
    """
    return HEAD + first + markup(recordings, streams=True)


@functools.cache
def markup(recordings: str, *, streams: bool = False, waits: bool = False) -> str:
    """The recorded run as HTML, to be first in the body; empty if none of the default is there.

    Args:
        recordings: the address of the folder of recordings, relative to the page or from the root.
        streams: whether the rest of the page follows in the same answer.
        waits: whether the page is one that waits to be admitted.
    """
    first = RECORDINGS / f"{FIRST}.json"
    if not first.is_file():
        return ""
    config = {
        "first": FIRST,
        "presets": looks(),
        "recordings": recordings,
        "streams": streams,
        "waits": waits,
        "recording": json.loads(first.read_text("utf-8")),
    }
    script = "\n".join(HERE.joinpath(part).read_text("utf-8") for part in SCRIPTS)
    return "\n".join(
        (
            f"<style>{player.CSS}{HERE.joinpath('stage.css').read_text('utf-8')}</style>",
            HERE.joinpath("stage.html").read_text("utf-8"),
            f'<script id="stage_config" type="application/json">{_within(config)}</script>',
            f"<script>{player.SCRIPT}</script>",
            f"<script>(() => {{\n{script}\n}})();</script>",
        )
    )


def looks() -> dict[str, dict[str, str]]:
    """The presets with a recording, each with the settings of its display."""
    found = {}
    for path in sorted(RECORDINGS.glob("*.json")):
        preset = CONTENT / "presets" / f"{path.stem}.yaml"
        if preset.is_file():
            scene = yaml.safe_load(preset.read_text("utf-8"))["scene"]
            found[path.stem] = {k: str(v) for k, v in scene.items() if k.startswith(LOOKS)}
    return found


def is_asked_for(notebook: Any) -> bool:
    """Whether a notebook says that it shows the app, so that a recorded run may come before it."""
    said = notebook.get("metadata", {}).get("landscape_lab", {})
    return isinstance(said, dict) and said.get("recorded_run") is True


PANEL_PAGE = """
{%% block inner_head %%}
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title | e }}</title>
<link rel="icon" type="image/png" sizes="32x32" href="{{ dist_url }}images/favicon.ico">
<style>
html, body { display: flow-root; box-sizing: border-box; height: 100%%; margin: 0; padding: 0; }
</style>
{%% endblock %%}
{%% block body %%}
<body>
{%% raw %%}%s{%% endraw %%}
{%% for root in doc.roots %%}{{ embed(root) }}{%% endfor %%}
<template id="stage_live">
{{ bokeh_css if bokeh_css }}
{{ bokeh_js if bokeh_js }}
{{ plot_script }}
</template>
</body>
{%% endblock %%}
"""


@functools.cache
def panel_page(recordings: str) -> str:
    """The template of a page of Panel that begins with the recorded run; empty without one."""
    stage = markup(recordings)
    return PANEL_PAGE % stage if stage else ""


def _within(value: object) -> str:
    """JSON that can stand in a script of a page."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")
