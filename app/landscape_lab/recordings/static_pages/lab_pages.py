"""A page for each lab: its question and claim, a picture, the verdict, and what it shows."""

import functools
import html
import json
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

from landscape_core.foundation.registry import entries
from landscape_core.labs.base import Lab, by_family
from landscape_lab.components.gallery.gallery import THUMBNAILS
from landscape_lab.components.images import images
from landscape_lab.recordings.static_pages.markup import Page, paragraph

CONTENT = Path(__file__).parents[2] / "content" / "labs"

VERDICTS, FIGURES = CONTENT / "verdicts.json", CONTENT / "figures"
"""The verdicts and figures of docs/labs.md by the names of the labs; `make recordings`."""


def path_of(name: str) -> str:
    """Where the page of a lab lies."""
    return f"labs/{name}.html"


def labs() -> dict[str, type[Lab]]:
    """The shipped labs by name, in the order of the gallery."""
    kinds = entries(Lab).shipped()
    return {name: kinds[name] for names in by_family(kinds).values() for name in names}


@functools.cache
def verdicts() -> Mapping[str, str]:
    """The verdict of each lab in a sentence, which begins with its word."""
    return dict(json.loads(VERDICTS.read_text("utf-8")))


def lab_page(name: str, kind: type[Lab]) -> Page:
    """The page of a lab."""
    told = verdicts().get(name, "")
    word, _, reason = told.partition(": ")
    verdict = f"""<section><h2>Verdict</h2>
<p class="verdict {html.escape(word.split()[0].lower())}">{html.escape(word)}</p>
{paragraph(reason)}</section>
""" if told else ""  # fmt: skip
    main = f"""<div class="stagehead">
<h1>{html.escape(kind.label)}</h1>
{paragraph(kind.question, "question")}</div>
{_figure(name, kind)}<div class="words">
<section><h2>The claim</h2>
{paragraph(kind.claim)}{paragraph(kind.source, "small")}</section>
{verdict}<section><h2>What it shows</h2>
{paragraph(kind.shows)}</section>
</div>
"""
    return Page(path_of(name), kind.label, kind.question, main, f"lab={name}", "lab")


def figures() -> dict[str, bytes]:
    """The files of the figures by their places in the folder of the site."""
    return {f"labs/{path.name}": path.read_bytes() for path in sorted(FIGURES.glob("*.webp"))}


def _figure(name: str, kind: type[Lab]) -> str:
    if not (FIGURES / f"{name}.webp").is_file():
        return ""
    titles = "; ".join(dict.fromkeys(one.title for one in kind.pictures))
    drawn = f'<img src="{name}.webp" alt="{html.escape(titles)}">'
    return f"""<figure class="lab"><div class="wide" tabindex="0" role="group" aria-label="Figure">\
{drawn}</div>
<figcaption>{html.escape(titles)}. Curves are medians over seeds, with a band of their quartiles; \
other pictures are of one seed.</figcaption></figure>
"""


def picture(name: str) -> str:
    """The SVG of a lab's pictures as a part of a page; empty where it has none."""
    text = images(THUMBNAILS).get(name, "")
    if not text:
        return ""
    ElementTree.fromstring(text)  # part of the page: it must be well formed
    return text.replace("<svg ", '<svg aria-hidden="true" ', 1).strip()
