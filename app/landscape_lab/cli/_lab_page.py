"""The page of the labs, written from what a report found."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import xarray as xr

from landscape_core.analysis.verdict import verdict
from landscape_core.foundation.recipes import Recipe, fields_of, name_of
from landscape_core.labs.base import Lab, by_family

HEAD = """# Labs

A lab takes one claim of the literature, lets you change what matters, and says how far the claim
holds at the size of two processor cores. `landscape lab run NAME` tries one, `labs.run("NAME")`
does in Python.

The **effect** of a seed is one number that compares both sides of the claim on the same data, start
and batches. **PASS**: the interval of its median over seeds (order statistics, 95 %) lies on the
claim's side of the bound. **NOT REPRODUCED**: it lies on the other side. **UNDECIDED**: the bound
lies within. Settings and bounds were fixed before the seeds of this page, from 5000 on, were
computed, and not changed after. This page is written by `landscape lab report -o docs`.
"""

NUMBERS = """
Each lab has 40 seeds, and 100 where a seed takes less than two seconds, however they turn out. The
first 20 were known when these numbers were chosen.
"""

REDUCED, COLORS = 2, 96
"""By how much pictures of the page are smaller, and their colours."""


@dataclass(frozen=True)
class Tried:
    """A lab, what it found, and in how many seconds."""

    name: str
    kind: type[Lab]
    found: xr.Dataset
    seconds: float


def smaller(png: bytes) -> bytes:
    """A picture with half of its dots along each side and few colours."""
    from PIL import Image

    with Image.open(io.BytesIO(png)) as whole:
        size = (max(1, whole.width // REDUCED), max(1, whole.height // REDUCED))
        few = whole.convert("RGB").resize(size, Image.Resampling.LANCZOS).quantize(COLORS)
    written = io.BytesIO()
    few.save(written, "png", optimize=True)
    return written.getvalue()


def page(tried: Sequence[Tried], *, usual: bool) -> str:
    """The page in Markdown: a table of all verdicts, then each lab with its picture.

    Args:
        tried: the labs and what they found.
        usual: whether each lab has the usual number of seeds.
    """
    parts = [HEAD + NUMBERS * usual, _table(tried)]
    named = {one.name: one for one in tried}
    for family, names in by_family({name: one.kind for name, one in named.items()}).items():
        parts += [f"## {family}\n", *(_section(named[name]) for name in names)]
    return "\n".join(parts)


def _table(tried: Sequence[Tried]) -> str:
    rows = ["| lab | median [interval] | bound | seeds | verdict | expected |"]
    rows.append("| --- | --- | --- | --- | --- | --- |")
    for one in tried:
        judged = verdict(one.found)
        numbers = judged.numbers.removeprefix("median ")
        bound = f"{judged.criterion.side} {judged.criterion.bound:g}"
        held = f"{judged.held} of {judged.seeds}"
        rows.append(
            f"| [{one.name}](#{one.name.lower()}) | {numbers} | {bound} | {held} | {judged.word}"
            f" | {one.kind.expected} |"
        )
    return "\n".join(rows) + "\n"


def _value(default: Any) -> Any:
    """A default value in words: of a part, its name."""
    return name_of(type(default)) if isinstance(default, Recipe) else default


def _section(one: Tried) -> str:
    kind, judged = one.kind, verdict(one.found)
    settings = "\n".join(
        f"- `{field.name}` = {_value(field.default)}: {field.help}" for field in fields_of(kind)
    )
    return f"""### {one.name}

**{kind.label}.** {kind.question}

Claim: {kind.claim} ({kind.source})

![{kind.label}](labs/{one.name}.png)

{judged}

{kind.shows}

{settings}

Time: about {kind.seconds:.0f} s for the {kind.seeds} seeds of the default, on two processor cores.
Searched before: {kind.searched}
"""
