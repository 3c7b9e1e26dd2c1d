"""The picture as a program that makes it again."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar

import torch

from landscape_core.foundation.recipe_code import RecipeCode
from landscape_core.foundation.recipes import ENGINE_VERSION
from landscape_core.foundation.registry import find
from landscape_core.models.weight_change import WeightChange
from landscape_core.session.picture import Picture
from landscape_core.session.session import Session
from landscape_core.slices.strategies.base import Strategy
from landscape_core.storage import netcdf
from landscape_lab.exports._data import program_version
from landscape_lab.exports._needed_files import needed, with_files
from landscape_lab.exports.base import Export, Making, Shown, file_name
from landscape_lab.state.form_model import assign
from landscape_lab.state.place import Place
from landscape_lab.state.scene import Scene

PROGRAM = """\
\"\"\"The slice of the landscape that Landscape Lab {version} showed at step {seen}.

It is computed anew and written to {target}. On the same kind of processor, with PyTorch
{torch} and version {engine} of the engine, its numbers are the same to the last bit.{link}{files}
\"\"\"

from pathlib import Path

import torch

{imports}

torch.set_num_threads({threads})  # with other threads, sums are rounded otherwise

{way}

*_, picture = session.refine()

{save}(picture.slice, Path("{target}"))
print(picture.slice)
"""


@dataclass(frozen=True, kw_only=True)
class Python(Export):
    """A short program that reproduces this slice bit for bit."""

    label: ClassVar[str] = "Python program"
    rank: ClassVar[int] = 14
    suffix: ClassVar[str] = "py"
    mime: ClassVar[str] = "text/x-python"
    group: ClassVar[str] = "Program"
    readable: ClassVar[bool] = True

    def made(self, shown: Shown) -> Iterator[Making]:
        yield Making(1, 1, program(shown.place, shown.picture).encode())


def program(place: Place, picture: Picture) -> str:
    """Python that needs nothing but the engine, and gives the slice of a picture to the bit."""
    code = RecipeCode("Path", "torch")
    strategy = find(Strategy, str(picture.slice.attrs["strategy"][0]))()
    link = place.link()
    place, files = with_files(place)
    way, save = "\n".join(_way(place, code, strategy)), code.name(netcdf.save)
    return PROGRAM.format(
        version=program_version(),
        seen=picture.seen,
        target=file_name(place, picture, "nc"),
        torch=torch.__version__,
        engine=ENGINE_VERSION,
        link=f"\n\nIn the app it is at\n#{link}" if link else "",
        files="".join(f"\n\n{needed(name, digest)}" for name, digest in files.items()),
        imports=code.imports(),
        threads=picture.slice.attrs["threads"],
        way=way,
        save=save,
    )


def _way(place: Place, code: RecipeCode, strategy: Strategy | None) -> Iterator[str]:
    """The lines that bring a session to a place: its origin first, then change by change."""
    more = "" if strategy is None else f", strategy={code.value(strategy)}"
    if place.origin is not None:
        yield from _way(place.origin.place, code, None)
        yield "session.settle()"
        yield "session.picture()"
        where = f"{place.origin.alpha!r}, {place.origin.beta!r}"
        if place.origin.weights:
            code.name(WeightChange)
            where += f", {list(place.origin.weights)!r}"
        yield f"start = session.state_at({where})  # where the next run begins\n"
        more = f", start=start{more}"
    scene = place.start
    yield f"run = {code.value(scene.run, len('run = '))}"
    yield f"spec = {code.value(scene.computed_slice, len('spec = '))}"
    yield f"session = {code.name(Session)}(run, spec{more})"
    yield from _held(scene)
    for step, changes in groupby(place.changes, key=lambda change: change.step):
        yield from _advanced(step)
        before = scene
        for change in changes:
            scene = assign(scene, change.path, change.value)
        yield from _changed(before, scene, code)
        yield from _held(scene)
    yield from _advanced(place.step)
    if place.seen is not None:
        yield f"session.revisit({place.seen})"


def _advanced(step: int) -> Iterator[str]:
    if step:
        yield f"session.advance_to({step})"


def _held(scene: Scene) -> Iterator[str]:
    if not scene.slice.follow:
        yield "session.picture()  # the plane of this step stays"


def _changed(before: Scene, after: Scene, code: RecipeCode) -> Iterator[str]:
    """The lines that change the run or the view; the values that differ are named."""
    taken = ("run", "continue_with", before.run, after.run), (
        "spec", "change_slice", before.computed_slice, after.computed_slice,
    )  # fmt: skip
    for name, take, old, new in taken:
        if new != old:
            differing = {f: value for f, value in vars(new).items() if value != getattr(old, f)}
            yield f"\n{name} = {code.call(f'{name}.replace', differing, len(name) + 3)}"
            yield f"session.{take}({name})"
