"""Write what docs/architecture.md shows of today's code: its packages, and three uses of them.

    python benchmarks/architecture.py            write the drawing and the tables anew
    python benchmarks/architecture.py --drawing  the drawing alone, which takes no second

- docs/packages.svg: the packages of engine and app. An arrow leads from a package to one that it
  imports; left out are arrows that a chain of others replaces. A package stands as low as its
  imports allow.
- docs/architecture.md, between the marks `<!-- slice -->` and `<!-- end -->` and so on: for each
  walk of `structure.py`, the files in the order in which it enters them; of each file the public
  function below which most others are entered first, what its documentation says it does, and the
  type of what it passes back. Files from which few others are entered are left out.
"""

import argparse
import ast
import contextlib
import json
import os
import re
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from html import escape
from pathlib import Path
from types import FrameType
from typing import Any

import structure
from structure import Checkout, import_graph

ROOT = Path(__file__).resolve().parent.parent
PAGE, DRAWING = ROOT / "docs" / "architecture.md", ROOT / "docs" / "packages.svg"

LEAST = {"slice": 3, "Play": 3, "link": 6}
"""A file is shown if one of its functions is the way to at least so many others."""

QUIET = ("foundation/", "bridge/", "figures/theme", "figures/bokeh/sizes", "figures/pixels")
"""What a walk passes everywhere and no reader has to follow."""

# --- the drawing -------------------------------------------------------------------------------

WIDTH, BOX, ROW, MARGIN = 760, (118, 30), 66, 12


def packages(package: Path) -> dict[str, set[str]]:
    """Package -> the packages that it imports, of those that lie directly inside."""
    graph = import_graph(package)
    inside = {name for name in graph if (package / name / "__init__.py").is_file()}
    return {name: graph[name] & inside for name in sorted(inside)}


def reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    """All that one imports, directly or through others."""
    found: set[str] = set()
    ahead = list(graph[start])
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead += graph[name]
    return found


def reduced(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """The same without arrows that a chain of others replaces."""
    return {
        name: {
            below
            for below in imports
            if not any(below in reachable(graph, other) for other in imports - {below})
        }
        for name, imports in graph.items()
    }


def heights(graph: dict[str, set[str]]) -> dict[str, int]:
    """The length of the longest chain of imports below each."""
    found: dict[str, int] = {}

    def height(name: str) -> int:
        if name not in found:
            found[name] = max((1 + height(below) for below in graph[name]), default=0)
        return found[name]

    for name in graph:
        height(name)
    return found


def drawn(package: Path, title: str, top: int) -> tuple[list[str], int]:
    """The lines of one package's drawing from a height on, and where it ends."""
    graph = reduced(packages(package))
    rank = heights(graph)
    rows = [
        sorted(name for name in graph if rank[name] == height)
        for height in range(max(rank.values()), -1, -1)
    ]
    places = {
        name: (WIDTH * (index + 1) // (len(row) + 1), top + 40 + ROW * number)
        for number, row in enumerate(rows)
        for index, name in enumerate(row)
    }
    width, height = BOX
    lines = [f'<text x="{MARGIN}" y="{top + 16}" font-weight="bold">{escape(title)}</text>']
    for name, imports in sorted(graph.items()):
        for below in sorted(imports):
            (x, y), (to_x, to_y) = places[name], places[below]
            side = 0
            if rank[name] - rank[below] > 1:  # around what stands between
                side = (width // 2 + 40) * (1 if to_x >= x else -1)
            bend = f"C {x + side} {y + height + 30} {to_x + side} {to_y - 30} {to_x} {to_y - 3}"
            lines.append(f'<path d="M {x} {y + height} {bend}" marker-end="url(#tip)"/>')
    for name, (x, y) in sorted(places.items()):
        lines.append(
            f'<rect x="{x - width // 2}" y="{y}" width="{width}" height="{height}" rx="6"/>'
            f'<text x="{x}" y="{y + 20}" text-anchor="middle">{escape(name)}</text>'
        )
    return lines, top + 40 + ROW * len(rows)


def drawing() -> str:
    """Engine and app as SVG."""
    app, end = drawn(ROOT / "app" / "landscape_lab", "app/landscape_lab: the app", 4)
    engine, bottom = drawn(ROOT / "landscape_core", "landscape_core: the engine", end + 10)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom}" '
            'font-family="system-ui, sans-serif" font-size="13" fill="#1d2a33">',
            "<title>The packages and what they import</title>",
            "<style>rect{fill:#eef4f6;stroke:#0f6e84}path{fill:none;stroke:#5d6b75}</style>",
            '<defs><marker id="tip" markerWidth="8" markerHeight="8" refX="6" refY="3" '
            'orient="auto"><path d="M0 0L6 3L0 6z" style="fill:#5d6b75"/></marker></defs>',
            f'<rect width="{WIDTH}" height="{bottom}" style="fill:#fff;stroke:none"/>',
            *app,
            *engine,
            "</svg>",
            "",
        ]
    )


# --- the walks ---------------------------------------------------------------------------------

Place = tuple[str, str, int]
"""File, qualified name and first line of a function."""


class Trail:
    """The functions of a checkout in the order in which they are first entered, in all threads."""

    def __init__(self, checkout: Checkout) -> None:
        """Nothing is noted until `on`."""
        self.entered: dict[Place, None] = {}
        """The functions, in the order in which they were first entered."""
        self.below: Counter[Place] = Counter()
        """Function -> how many others were first entered below it."""
        self._noting = False
        self._inside = tuple(f"{path}{os.sep}" for path in (checkout.engine, checkout.app))
        threading.setprofile(self._note)
        sys.setprofile(self._note)

    def _note(self, frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if not self._noting or event != "call" or code.co_name.startswith("<"):
            return
        key = place_of(frame)
        if not code.co_filename.startswith(self._inside) or key in self.entered:
            return
        outer, above = [], frame.f_back
        while above is not None:
            if above.f_code.co_filename.startswith(self._inside):
                if above.f_code.co_name == "<module>":
                    return  # while something is imported
                if not above.f_code.co_name.startswith("<"):
                    outer.append(place_of(above))
            above = above.f_back
        self.entered[key] = None
        self.below.update(set(outer))

    @contextlib.contextmanager
    def on(self) -> Iterator[None]:
        """Note what is entered meanwhile."""
        self._noting = True
        yield
        self._noting = False


def place_of(frame: FrameType) -> Place:
    """Where the function of a frame is written."""
    code = frame.f_code
    return code.co_filename, code.co_qualname, code.co_firstlineno


def described(file: Path, name: str, line: int) -> tuple[str, str, str]:
    """How a function is called, the first line of its documentation, and what it gives."""
    tree = ast.parse(file.read_bytes())
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef):
            continue
        first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
        if first != line:
            continue
        owner = parents[node]
        if node.name == "__init__" and isinstance(owner, ast.ClassDef):
            return owner.name, said(owner), owner.name
        gives = ast.unparse(node.returns).strip("'\"") if node.returns else ""
        does = said(node) or (said(owner) if isinstance(owner, ast.ClassDef) else "")
        return name, does, gives
    return name, "", ""


def said(node: ast.FunctionDef | ast.ClassDef) -> str:
    """The first sentence of a documentation."""
    words = " ".join((ast.get_docstring(node) or "").split("\n\n")[0].split())
    return re.split(r"(?<=[^.])\.(?: |$)|; |: ", words)[0]


def is_public(name: str) -> bool:
    """Whether a function may be called from outside of its file."""
    parts = name.split(".")
    return "<locals>" not in parts and not any(
        part.startswith("_") and part not in ("__init__", "__call__") for part in parts
    )


def table(trail: Trail, least: int) -> str:
    """The files of a walk from which at least so many functions are entered, as Markdown."""
    chosen: dict[str, list[Place]] = {}
    for place in trail.entered:
        if trail.below[place] >= least and is_public(place[1]):
            chosen.setdefault(place[0], []).append(place)
    rows: list[str] = []
    for file, places in chosen.items():
        path = Path(file).relative_to(ROOT)
        short = str(path).removeprefix("app/landscape_lab/").removeprefix("landscape_core/")
        if short.startswith(QUIET) or path.name == "__init__.py":
            continue
        _, name, line = max(places, key=lambda place: trail.below[place])
        called, does, gives = described(Path(file), name, line)
        cell = f"`{gives}`".replace("|", "\\|") if gives not in ("", "None") else ""
        rows.append(f"| {len(rows) + 1} | [{path}](../{path}) | `{called}` | {does} | {cell} |")
    files = {file for file, _, _ in trail.entered}
    head = (
        f"It enters {len(files)} files and {len(trail.entered)} functions; the table names the "
        f"files from which at least {least} functions are entered.\n\n"
        "| | file | function | which does | and passes back |\n| ---: | --- | --- | --- | --- |\n"
    )
    return head + "\n".join(rows)


def walk(name: str) -> str:
    """Make one walk in this process; its table."""
    checkout = Checkout(ROOT)
    sys.path[:0] = checkout.import_path
    with tempfile.TemporaryDirectory() as folder:
        trail: Any = Trail(checkout)
        structure.WALKS[name](checkout, trail, Path(folder))
        sys.setprofile(None)
        threading.setprofile(None)
    return table(trail, LEAST[name])


def replaced(page: str, name: str, text: str) -> str:
    """The page with a text between the marks of that name."""
    start, end = f"<!-- {name} -->\n", "\n<!-- end -->"
    before, found, rest = page.partition(start)
    if not found or end not in rest:
        raise SystemExit(f"{PAGE.name} has no marks for {name}")
    return before + start + "\n" + text + "\n" + end + rest.partition(end)[2]


def main() -> None:
    """Write the drawing and, if nothing else is asked for, the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--drawing", action="store_true", help="the drawing alone")
    parser.add_argument("--walk", choices=LEAST, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.walk:
        print(json.dumps(walk(asked.walk)))
        return
    DRAWING.write_text(drawing(), "utf-8")
    if asked.drawing:
        return
    page = PAGE.read_text("utf-8")
    for name in LEAST:
        done = structure.run(Checkout(ROOT), [__file__, "--walk", name])
        page = replaced(page, name, json.loads(done.stdout.splitlines()[-1]))
    PAGE.write_text(page, "utf-8")


if __name__ == "__main__":
    main()
