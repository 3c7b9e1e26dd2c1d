"""A page for each preset: its run in the player, its question, and what it shows."""

import html
from collections.abc import Mapping

from landscape_core.foundation.recipes import label_of, name_of
from landscape_lab.recordings.recording import Recording
from landscape_lab.recordings.static_pages.markup import Page, data, player
from landscape_lab.state.link import opening
from landscape_lab.state.preset import presets

USUAL = "boundary"
"""The usual side panel, which is not mentioned."""


def path_of(name: str) -> str:
    """Where the page of a preset lies."""
    return f"presets/{name}.html"


def preset_page(recording: Recording, shown: Mapping[str, Recording]) -> Page:
    """The page of a preset, with links to those before and after it among what is shown."""
    name = recording.name
    opened = player(name, {"view": "3d", "sentence": ""}, f"The run: {recording.title}")
    main = f"""<div class="stagehead">
<h1>{html.escape(recording.title)}</h1>
<p class="question">{html.escape(recording.question)}</p>
</div>
{opened}<div class="words">
<section><h2>What to watch</h2><p>{html.escape(recording.watch)}</p></section>
<section><h2>What it shows</h2><p>{html.escape(recording.shows)}</p></section>
<section><h2>The picture</h2><p>{html.escape(facts(recording))}</p>{_side_panel(name)}</section>
</div>
{_neighbours(name, list(shown), shown)}{data(name, recording)}"""
    link = opening(name).link()
    return Page(path_of(name), recording.title, recording.question, main, link, "run")


def facts(recording: Recording) -> str:
    """What the picture is made of, in sentences."""
    rows, columns = recording.codes.shape[1:]
    count = f"{recording.parameters:,}".replace(",", "\u202f")
    told = f"{count} parameters" if recording.parameters != 1 else "one parameter"
    of = f"of a network with {told}" if recording.network else f"over {told}"
    parts = [f"The {recording.measure} {of}, on {columns} times {rows} points."]
    if recording.moves:
        parts.append(
            "The plane moves with the network, which is in the middle: each frame has its own slice"
            f" ({len(recording.codes)} are recorded)."
        )
    else:
        parts.append(
            f"The plane is that of the whole run and contains {recording.captured:.0%} of the"
            " trajectory's variance; the path is its projection. The curve has the true losses."
        )
    if recording.scale == "log":
        parts.append("Heights and colours are on a logarithmic scale.")
    share = 100 * recording.error
    parts.append(f"Heights are rounded by at most {share:.1g} % of their range.")
    return " ".join(parts)


def _side_panel(name: str) -> str:
    """What the live app shows next to the landscape, where the preset is about that."""
    panel = presets()[name].scene.display.side_panel
    if name_of(type(panel)) == USUAL:
        return ""
    shown = html.escape(label_of(type(panel)))
    return f"<p>The live app also shows, next to the landscape: <b>{shown}</b>.</p>"


def _neighbours(name: str, names: list[str], shown: Mapping[str, Recording]) -> str:
    at = names.index(name)
    links = []
    for step, sign, kind in ((-1, "←", "before"), (1, "→", "after")):
        if 0 <= at + step < len(names):
            other = names[at + step]
            title = html.escape(shown[other].title)
            told = f"{sign} {title}" if step < 0 else f"{title} {sign}"
            links.append(f'<a class="{kind}" href="{other}.html">{told}</a>')
    return f'<nav class="neighbours" aria-label="Other runs">{"".join(links)}</nav>\n'
