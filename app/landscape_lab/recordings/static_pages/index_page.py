"""The first page: one run that plays, then all runs, tours and labs as cards."""

import html
from collections.abc import Iterable, Mapping

from landscape_core.labs.base import Lab, by_family
from landscape_lab.content.tour import Tour
from landscape_lab.recordings.recording import Recording
from landscape_lab.recordings.static_pages import lab_pages, preset_pages, tour_pages
from landscape_lab.recordings.static_pages.markup import NAME, Page, data, player

SUMMARY = "The loss landscape of a neural network, and the path of the optimizer through it."


def index_page(
    shown: Mapping[str, Recording], tours: Iterable[Tour], labs: Mapping[str, type[Lab]]
) -> Page:
    """The page; its first run plays by itself."""
    first = next(iter(shown.values()))
    opened = player(first.name, {"view": "3d"}, f"The run: {first.title}")
    runs = "".join(_run(one) for one in shown.values())
    small = "".join(data(f"small-{name}", one.small()) for name, one in shown.items())
    main = f"""<div class="stagehead">
<h1>Watch neural networks train</h1>
<p class="question">{SUMMARY}</p>
</div>
{opened}<section class="cards" id="presets">
<h2>{_count(len(shown), "recorded run")}, each with a question</h2>
<ul>{runs}</ul>
</section>
<section class="cards" id="tours">
<h2>Guided tours</h2>
<ul>{"".join(_tour(one) for one in tours)}</ul>
</section>
<section class="cards" id="labs">
<h2>{_count(len(labs), "claim")} of the literature, tried</h2>
{"".join(_family(name, labs, names) for name, names in by_family(labs).items())}</section>
{data(first.name, first)}{small}"""
    return Page("index.html", NAME, SUMMARY, main, kind="index")


def _count(number: int, noun: str) -> str:
    words = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten",
             "Eleven", "Twelve", "Thirteen", "Fourteen", "Fifteen", "Sixteen", "Seventeen",
             "Eighteen", "Nineteen", "Twenty")  # fmt: skip
    said = words[number] if number < len(words) else str(number)
    return f"{said} {noun}{'' if number == 1 else 's'}"


def _run(recording: Recording) -> str:
    name = html.escape(recording.name)
    return f"""<li><a href="{preset_pages.path_of(name)}">
<canvas data-thumbnail="small-{name}" width="320" height="180" aria-hidden="true"></canvas>
<b>{html.escape(recording.title)}</b><span>{html.escape(recording.question)}</span></a></li>
"""


def _tour(tour: Tour) -> str:
    minutes = f", {tour.minutes} minutes" if tour.minutes else ""
    return f"""<li><a href="{tour_pages.path_of(tour.name)}">
<b>{html.escape(tour.title)}</b><span>{html.escape(tour.summary)}</span>
<small>{html.escape(tour.level.capitalize())}{minutes}</small></a></li>
"""


def _family(family: str, labs: Mapping[str, type[Lab]], names: Iterable[str]) -> str:
    cards = "".join(_lab(name, labs[name]) for name in names)
    return f"<h3>{html.escape(family)}</h3>\n<ul>{cards}</ul>\n"


def _lab(name: str, kind: type[Lab]) -> str:
    word = lab_pages.verdicts().get(name, "").partition(":")[0]
    said = f'<small class="verdict {word.split()[0].lower()}">{word}</small>' if word else ""
    return f"""<li><a href="{lab_pages.path_of(name)}">
{lab_pages.picture(name)}
<b>{html.escape(kind.label)}</b><span>{html.escape(kind.question)}</span>{said}</a></li>
"""
