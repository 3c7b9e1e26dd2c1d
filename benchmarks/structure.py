"""How a checkout is built, in numbers: what a reader meets, what a call passes, what a start costs.

    python benchmarks/structure.py                        the checkout that holds this script
    python benchmarks/structure.py --repository PATH      another one, with the same environment
    python benchmarks/structure.py --json FILE            also as data
    python benchmarks/structure.py --beside FILE …        columns of earlier data on its left

The engine is `landscape_core/`, the app `app/landscape_lab/` (before that package: `app/`).

- Entries: files and folders directly inside. Layers: the longest path of the import graph among
  the entries that are modules or packages, circles taken as one; `__init__.py` is no entry of it,
  and a name imported through it counts as imported from where it is defined. All imports of a file
  count, those in functions too. Entries in circles: those that import each other, if only in turn.
- Functions: each `def`, methods and inner ones included, from `def` to its last line.
- Walks, each in a process of its own: how many functions of engine and app run, and in how many
  files. Left out is whatever runs while a module is being imported, and lambdas, comprehensions and
  class bodies: what is counted is what a reader would have to follow. Files loaded: all of engine
  and app that the process has imported by then. Each the median of three: a page asks the clock.
  - slice: `landscape()` of an MLP 2-16-2 on 200 examples at 25x25 points.
  - Play: from the press until the first picture of a later step is drawn (the next one is there),
    on an open page without a browser.
  - link: `landscape picture LINK -o picture.nc`, a preset's start at 11x11 points, nothing cached.
- Starts: processor seconds of a process, user and system, best and median of seven; the byte code
  is there already.
"""

import argparse
import ast
import contextlib
import inspect
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

# --- the names that the walks and starts use: the only place that knows a layout ---------------
#
# Each name lists where it lies, newest layout first; the first one that is there, in the checkout
# that is measured, is taken. A name that moves is entered here in front of the others, and no line
# is changed elsewhere. Used of a page: `ready()`, `play()`, `close()`, `picture.readings.step`.

NAMES = {
    "landscape": ("landscape_core:landscape",),
    "Store": ("landscape_core.storage.store:Store", "landscape_core.store:Store"),
    "Page": ("landscape_lab.page.controller:Page", "app.page:Page"),
    "main": ("landscape_lab.cli.main:main", "app.cli:main"),
}
LINK = "preset=spirals&slice.resolution=11"
"""What the walks over the app open: the same network and picture in every layout."""

REPETITIONS = 7


@dataclass(frozen=True)
class Checkout:
    """A working copy and where its two halves lie."""

    root: Path

    @property
    def engine(self) -> Path:
        return self.root / "landscape_core"

    @property
    def app(self) -> Path:
        inner = self.root / "app" / "landscape_lab"
        return inner if inner.is_dir() else self.root / "app"

    @property
    def import_path(self) -> list[str]:
        """What must lie on Python's path for both to be found, and before what is installed."""
        return [str(self.root), *([str(self.app.parent)] if self.app.parent != self.root else [])]

    def find(self, name: str) -> str:
        """Where one of the names lies here, as `module:attribute`."""
        for place in NAMES[name]:
            module, attribute = place.split(":")
            top, *inner = module.split(".")
            path = {self.engine.name: self.engine, self.app.name: self.app}.get(
                top, self.root / top
            )
            path = path.joinpath(*inner)
            for file in (path.with_suffix(".py"), path / "__init__.py"):
                if file.is_file() and attribute in file.read_text(encoding="utf-8"):
                    return place
        raise SystemExit(f"{name}: at none of {', '.join(NAMES[name])}; enter its place in NAMES.")

    def load(self, name: str) -> Any:
        module, attribute = self.find(name).split(":")
        return getattr(import_module(module), attribute)


# --- what a reader meets -----------------------------------------------------------------------


def python_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def entries(package: Path) -> list[Path]:
    """Files and folders directly inside; what Python and the system leave there does not count."""
    return sorted(
        path
        for path in package.iterdir()
        if path.name != "__pycache__" and not path.name.startswith(".")
    )


def imported(file: Path, package: Path) -> Iterator[tuple[str, str | None]]:
    """What a file imports of its own package: module, and the name taken from it or None."""
    inside = file.relative_to(package.parent).with_suffix("").parts
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = ".".join(inside[: len(inside) - node.level]) if node.level else ""
            module = ".".join(filter(None, (start, node.module)))
            yield from ((module, alias.name) for alias in node.names)


def import_graph(package: Path) -> dict[str, set[str]]:
    """Entry -> the entries of the same package that it imports."""
    files = python_files(package)
    places = {
        path.name.removesuffix(".py")
        for path in entries(package)
        if (path.suffix == ".py" or any(path in file.parents for file in files))
        and path.name != "__init__.py"
    }
    front = package / "__init__.py"
    exported = {}  # name -> module, of what the package's own __init__ passes on
    if front.is_file():
        exported = {name: module for module, name in imported(front, package) if name is not None}
    graph: dict[str, set[str]] = {place: set() for place in places}
    for file in files:
        place = file.relative_to(package).parts[0].removesuffix(".py")
        if place not in places:
            continue
        for module, name in imported(file, package):
            if module == package.name:
                module = f"{module}.{name}" if name in places else exported.get(name or "", "")
            parts = module.split(".")
            if parts[0] == package.name and len(parts) > 1 and parts[1] in places - {place}:
                graph[place].add(parts[1])
    return graph


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """The strongly connected components, those below first."""
    reached = {node: _reachable(graph, node) for node in graph}
    found = {frozenset({node, *(n for n in reached[node] if node in reached[n])}) for node in graph}
    return sorted((set(one) for one in found), key=lambda one: len(reached[min(one)] | one))


def _reachable(graph: dict[str, set[str]], node: str) -> set[str]:
    seen: set[str] = set()
    waiting = list(graph[node])
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            waiting.extend(graph[one])
    return seen


def layers(graph: dict[str, set[str]]) -> int:
    """Entries on the longest way down, those of one circle counted once."""
    height: dict[str, int] = {}
    for circle in circles(graph):
        below = {other for node in circle for other in graph[node]} - circle
        height |= dict.fromkeys(circle, 1 + max((height[other] for other in below), default=0))
    return max(height.values(), default=0)


def functions(files: Iterable[Path], root: Path) -> list[tuple[int, str]]:
    """Lines and name of each function."""
    found = []
    for file in files:
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                found.append((lines, f"{file.relative_to(root)}:{node.name}"))
    return sorted(found)


def shape(checkout: Checkout) -> dict[str, Any]:
    """What the files say, without running any."""
    found: dict[str, Any] = {}
    for name, package in (("engine", checkout.engine), ("app", checkout.app)):
        graph, inside = import_graph(package), entries(package)
        found[f"{name}: entries"] = len(inside)
        found[f"{name}: of these folders"] = sum(path.is_dir() for path in inside)
        found[f"{name}: layers"] = layers(graph)
        found[f"{name}: entries in circles"] = sum(len(c) for c in circles(graph) if len(c) > 1)
        found[f"{name}: Python files"] = len(python_files(package))
    files = [file for package in (checkout.engine, checkout.app) for file in python_files(package)]
    sizes = sorted((len(file.read_bytes().splitlines()), file) for file in files)
    found["lines of a file: median"] = statistics.median(size for size, _ in sizes)
    size, file = sizes[-1]
    found["lines of a file: most"] = f"{size} ({file.relative_to(checkout.root)})"
    lengths = functions(files, checkout.root)
    found["functions"] = len(lengths)
    found["lines of a function: median"] = statistics.median(length for length, _ in lengths)
    found["lines of a function: 95 of 100 have at most"] = lengths[int(0.95 * len(lengths))][0]
    found["lines of a function: most"] = "{} ({})".format(*lengths[-1])
    return found


# --- what a call passes ------------------------------------------------------------------------


class Count:
    """The functions of a checkout that run, in all threads, while it is told to count."""

    def __init__(self, checkout: Checkout) -> None:
        self.counting = False
        self.called: set[tuple[str, str, int]] = set()
        self.loaded: set[str] = set()
        self.found: dict[str, int] = {}
        self._inside = tuple(f"{path}{os.sep}" for path in (checkout.engine, checkout.app))
        self._importing = threading.local()
        threading.setprofile(self._note)
        sys.setprofile(self._note)

    def _note(self, frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event not in ("call", "return") or not code.co_filename.startswith(self._inside):
            return
        depth = getattr(self._importing, "depth", 0)
        if code.co_name == "<module>":
            self.loaded.add(code.co_filename)
            self._importing.depth = depth + (1 if event == "call" else -1)
        elif event == "call" and self.counting and not depth and _is_function(code):
            self.called.add((code.co_filename, code.co_qualname, code.co_firstlineno))

    @contextlib.contextmanager
    def on(self) -> Iterator[None]:
        self.counting = True
        yield
        self.counting = False
        self.found = {
            "files passed": len({file for file, _, _ in self.called}),
            "functions called": len(self.called),
            "files loaded": len(self.loaded),
        }


def _is_function(code: CodeType) -> bool:
    """Not a lambda or comprehension, and not the body of a class."""
    return not code.co_name.startswith("<") and bool(code.co_flags & inspect.CO_OPTIMIZED)


def walk_slice(checkout: Checkout, count: Count, _: Path) -> None:
    import torch

    landscape = checkout.load("landscape")
    model = torch.nn.Sequential(torch.nn.Linear(2, 16), torch.nn.Tanh(), torch.nn.Linear(16, 2))
    inputs = torch.randn(200, 2)
    targets = (inputs[:, 0] * inputs[:, 1] > 0).long()
    with count.on():
        landscape(model, torch.nn.functional.cross_entropy, (inputs, targets), resolution=25)


def walk_play(checkout: Checkout, count: Count, folder: Path) -> None:
    page = checkout.load("Page")(LINK, store=checkout.load("Store")(folder))
    try:
        page.ready()
        _at_rest(page)
        step = page.picture.readings.step
        with count.on():
            page.play()
            _until(lambda: page.picture.readings.step > step)
            first = page.picture
            _until(lambda: page.picture is not first)  # only then is the first one drawn
    finally:
        page.close()


def walk_link(checkout: Checkout, count: Count, folder: Path) -> None:
    main = checkout.load("main")
    with count.on(), contextlib.redirect_stdout(sys.stderr):
        code = main(["picture", LINK, "-o", str(folder / "picture.nc")])
    if code:
        raise SystemExit(f"landscape picture ended with {code}")


WALKS = {"slice": walk_slice, "Play": walk_play, "link": walk_link}


def _until(condition: Any, patience: float = 120.0) -> None:
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            raise SystemExit("the page did not get there")
        time.sleep(0.005)


def _at_rest(page: Any, calm: float = 2.0) -> None:
    """Wait until the same picture has been shown for some time."""
    _until(lambda: page.picture is not None)
    since, shown = time.monotonic(), page.picture
    while time.monotonic() - since < calm:
        if page.picture is not shown:
            since, shown = time.monotonic(), page.picture
        time.sleep(0.02)


def walk(checkout: Checkout, name: str) -> None:
    """Make one walk in this process and print what was counted."""
    sys.path[:0] = checkout.import_path
    with tempfile.TemporaryDirectory() as folder:
        count = Count(checkout)
        WALKS[name](checkout, count, Path(folder))
        sys.setprofile(None)
    if not count.called:
        raise SystemExit(f"{name}: nothing of {checkout.root} ran; is another one installed?")
    print(json.dumps({"found": count.found, "called": sorted(count.called)}))


def walks(checkout: Checkout, keep: Path | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in WALKS:
        arguments = [__file__, "--repository", str(checkout.root), "--walk", name]
        tries = [json.loads(run(checkout, arguments).stdout) for _ in range(3)]
        counted = sorted(tries, key=lambda one: one["found"]["functions called"])[1]
        found |= {f"{name}: {what}": number for what, number in counted["found"].items()}
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            (keep / f"{name}.txt").write_text(_listed(counted["called"], checkout))
    return found


def _listed(called: Iterable[tuple[str, str, int]], checkout: Checkout) -> str:
    by_file = defaultdict(list)
    for file, name, _ in called:
        by_file[str(Path(file).relative_to(checkout.root))].append(name)
    return "".join(f"{file}: {', '.join(names)}\n" for file, names in sorted(by_file.items()))


# --- what a start costs ------------------------------------------------------------------------


def _environment(checkout: Checkout, home: str) -> dict[str, str]:
    """The settings of a process: this checkout first, an empty cache, one thread."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {
        "PYTHONPATH": os.pathsep.join(checkout.import_path),
        "XDG_CACHE_HOME": home,
        "LANDSCAPE_CACHE": home,
        "OMP_NUM_THREADS": "1",
    }


def run(checkout: Checkout, arguments: list[str]) -> "subprocess.CompletedProcess[str]":
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=home,
            env=_environment(checkout, home),
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)}\n{done.stderr}")
    return done


def processor_seconds(checkout: Checkout, program: str) -> list[float]:
    """User and system seconds of a program in a process of its own, seven times after one more."""
    spent = []
    for _ in range(1 + REPETITIONS):
        before = os.times()
        run(checkout, ["-c", program])
        after = os.times()
        spent.append(
            after.children_user
            - before.children_user
            + after.children_system
            - before.children_system
        )
    return spent[1:]


def starts(checkout: Checkout) -> dict[str, Any]:
    module = checkout.find("main").split(":")[0]
    app = checkout.app.name
    programs = {
        "python": "pass",
        "import torch": "import torch",
        f"import {checkout.engine.name}": f"import {checkout.engine.name}",
        "import of the app": f"import {app}",
        "landscape --help": f"import sys; sys.argv = ['landscape', '--help']\n"
        f"from {module} import main\nmain()",
    }
    spent = {name: processor_seconds(checkout, program) for name, program in programs.items()}
    found = {
        f"{name}, s (best / median)": f"{min(times):.2f} / {statistics.median(times):.2f}"
        for name, times in spent.items()
    }
    engine, torch = spent[f"import {checkout.engine.name}"], spent["import torch"]
    best, usual = min(engine) - min(torch), statistics.median(engine) - statistics.median(torch)
    found[f"import {checkout.engine.name} without torch's, s (best / median)"] = (
        f"{best:.2f} / {usual:.2f}"
    )
    return found


# --- the table ---------------------------------------------------------------------------------


def table(columns: dict[str, dict[str, Any]]) -> str:
    rows = list(dict.fromkeys(row for column in columns.values() for row in column))
    lines = [f"| | {' | '.join(columns)} |", f"| --- |{' ---: |' * len(columns)}"]
    for row in rows:
        cells = (str(column.get(row, "")) for column in columns.values())
        lines.append(f"| {row} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    here = Path(__file__).resolve().parent.parent
    parser.add_argument("--repository", type=Path, default=here)
    parser.add_argument("--name", default="now", help="the head of its column")
    parser.add_argument("--json", type=Path, help="write the numbers here, too")
    parser.add_argument("--beside", type=Path, nargs="*", default=[], help="earlier such files")
    parser.add_argument("--lists", type=Path, help="a folder for the functions of each walk")
    parser.add_argument("--walk", choices=WALKS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    checkout = Checkout(options.repository.resolve())
    if options.walk:
        walk(checkout, options.walk)
        return
    columns = {}
    for file in options.beside:
        columns |= json.loads(file.read_text())
    now = shape(checkout) | walks(checkout, options.lists) | starts(checkout)
    if options.json:
        options.json.write_text(json.dumps({options.name: now}, indent=2) + "\n")
    print(table(columns | {options.name: now}))


if __name__ == "__main__":
    main()
