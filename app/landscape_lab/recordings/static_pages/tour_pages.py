"""A page for each tour: its steps one below the other, each with its run in the player."""

import html
import re

from landscape_lab.content.tour import Tour, TourStep
from landscape_lab.recordings import shipped
from landscape_lab.recordings.recording import Recording
from landscape_lab.recordings.static_pages.lab_pages import path_of as lab_path
from landscape_lab.recordings.static_pages.lab_pages import picture
from landscape_lab.recordings.static_pages.markup import Page, data, player
from landscape_lab.state.form_model import assign
from landscape_lab.state.lab_place import named_by, names_labs
from landscape_lab.state.link import opening

LAB = re.compile(r'href="#lab=(\w+)[^"]*"')
"""A link of the app to a lab, in a step's text."""

APP = re.compile(r'<a href="#[^"]*">(.*?)</a>', re.S)
"""Any other link of the app."""


def path_of(name: str) -> str:
    """Where the page of a tour lies."""
    return f"tours/{name}.html"


def tour_page(tour: Tour) -> Page:
    """The page of a tour that can be read."""
    held: dict[str, Recording] = {}
    steps = [_step(tour, at, step, held) for at, step in enumerate(tour.steps, 1)]
    minutes = f" · {tour.minutes} minutes" if tour.minutes else ""
    level = html.escape(tour.level.capitalize())
    main = f"""<div class="stagehead">
<h1>{html.escape(tour.title)}</h1>
<p class="question">{html.escape(tour.summary)}</p>
<p class="small">{level}{minutes} · {len(tour.steps)} steps</p>
</div>
{"".join(steps)}{"".join(data(name, one) for name, one in held.items())}"""
    return Page(
        path_of(tour.name), tour.title, tour.summary, main, f"tour={tour.name}&at=1", "tour"
    )


def _step(tour: Tour, at: int, step: TourStep, held: dict[str, Recording]) -> str:
    """A step; its recording is added to those that the page holds."""
    asked = step.html + _folded("Answer", step.answer_html)
    asked += step.exercise_html + _folded("Answer to the exercise", step.solution_html)
    return f"""<article class="step" id="step-{at}">
<div class="text"><h2><span class="count">{at}</span> {html.escape(step.title)}</h2>
{_linked(asked)}</div>
{_picture(step, held)}</article>
"""


def _folded(word: str, answer: str) -> str:
    return f"<details><summary>{word}</summary>{answer}</details>" if answer else ""


def _linked(text: str) -> str:
    """A text whose links to labs lead to their pages; of other links of the app words remain."""
    return APP.sub(r"\1", LAB.sub(lambda link: f'href="../{lab_path(link[1])}"', text))


def _picture(step: TourStep, held: dict[str, Recording]) -> str:
    if step.link is not None and names_labs(step.link):
        lab = named_by(step.link)
        if lab is None:
            return '<a class="lab" href="../index.html#labs"><span>All labs</span></a>'
        inside = f"{picture(lab.name)}<span>Open the lab</span>"
        return f'<a class="lab" href="../{lab_path(lab.name)}">{inside}</a>'
    there = shipped.place_of(step)
    if there is None:
        return ""
    options: dict[str, object] = {"autoplay": False, "sentence": ""}
    found = shipped.of_step(step)
    if found is None and not there.step:  # the start of a run that is recorded
        found, options["step"] = shipped.shipped(there.preset), 0
    elif found is not None:
        options["step"] = int(found.steps[-1])
    if found is None:
        return ""
    name = f"{there.preset}-{found.digest}"
    held[name] = found
    usual = opening(there.preset).start
    ends_as_usual = assign(there.start, "run.steps", usual.run.steps)  # it may end sooner
    told = "" if ends_as_usual == usual else " with other settings"
    return player(name, options, f"The run of this step: {step.title}{told}")
