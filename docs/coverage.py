"""Write docs/coverage.md anew from docs/coverage.csv: `make coverage`.

The table has a row for each thing that the papers name: the parts of the catalogue, or files of
code, that are it, the labs, presets and tours that show it, and why it is left out where it is. The
verdicts are those of docs/labs.md.
"""

import csv
import json
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
ROWS, PAGE = HERE / "coverage.csv", HERE / "coverage.md"
CONTENT = ROOT / "app" / "landscape_lab" / "content"
VERDICTS = CONTENT / "labs" / "verdicts.json"

HEAD = """\
# What the literature names, and where it is here

Each row is a thing that the survey of Sun (2019) or one of the papers behind the labs names. *Part*
is what of the catalogue it is, *shown* where it can be seen and tried, with the verdict of the lab
on [fresh seeds](labs.md). This page is written by `make coverage` from
[coverage.csv](coverage.csv).

{rows} things: {parts} have a part, {shown} are shown by a lab, a preset or a tour; {out} are left
out, with the reason.
"""


class Row(NamedTuple):
    """A thing that a paper names."""

    source: str
    item: str
    parts: tuple[str, ...]
    shown: tuple[str, ...]
    left_out: str


def rows() -> list[Row]:
    """All rows of the table."""
    with ROWS.open(encoding="utf-8", newline="") as lines:
        return [
            Row(source, item, tuple(parts.split()), tuple(shown.split()), why)
            for source, item, parts, shown, why in list(csv.reader(lines))[1:]
        ]


def page(found: list[Row], verdicts: dict[str, str]) -> str:
    """The page as Markdown.

    Args:
        found: the rows of the table.
        verdicts: the words of each lab's verdict, by its name.
    """
    text = HEAD.format(
        rows=len(found),
        parts=sum(bool(row.parts) for row in found),
        shown=sum(bool(row.shown) for row in found),
        out=sum(bool(row.left_out) for row in found),
    )
    source = ""
    for row in found:
        if row.source != source:
            source = row.source
            text += f"\n## {source}\n\n| thing | part | shown |\n| --- | --- | --- |\n"
        parts = ", ".join(map(_part, row.parts)) or f"left out: {row.left_out}"
        shown = ", ".join(_place(one, verdicts) for one in row.shown)
        text += f"| {row.item} | {parts} | {shown} |\n"
    return text


def _part(name: str) -> str:
    kind, _, path = name.partition("/")
    if kind != "code":
        return f"[{path}](catalogue.md#{kind.replace('_', '-')})"
    return f"[{Path(path).stem}](../{path})"


def _place(name: str, verdicts: dict[str, str]) -> str:
    kind, _, own = name.partition("/")
    if kind != "lab":
        return f"{kind} *{own}*"
    word = verdicts.get(own, "no verdict yet").partition(":")[0]
    return f"lab [{own}](labs.md#{own}) ({word})"


if __name__ == "__main__":
    told = json.loads(VERDICTS.read_text(encoding="utf-8"))
    PAGE.write_text(page(rows(), told), encoding="utf-8")
