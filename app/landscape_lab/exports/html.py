"""A page to look around in without a server: from above and in 3-D, a slider along the run."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import xarray as xr

from landscape_lab.exports._data import drawn
from landscape_lab.exports.base import Export, Making, Shown
from landscape_lab.figures.camera import HOME, Camera


@dataclass(frozen=True, kw_only=True)
class Html(Export):
    """The current run as an interactive page that opens in any browser, offline."""

    label: ClassVar[str] = "Interactive page"
    rank: ClassVar[int] = 8
    suffix: ClassVar[str] = "html"
    mime: ClassVar[str] = "text/html"

    def made(self, shown: Shown) -> Iterator[Making]:
        yield Making(0, 1)
        seen = drawn(shown.place, shown.picture)
        content = web_page(
            seen.slice, seen.path, deep=seen.deep, camera=seen.camera, **seen.looks()
        )
        yield Making(1, 1, content.encode())


def web_page(
    slice_: xr.Dataset,
    path: xr.Dataset | None,
    *,
    deep: bool = False,
    camera: Camera = HOME,
    with_runs: bool = True,
    **looks: Any,
) -> str:
    """A slice as a page that asks nothing of any network.

    Args:
        slice_: dims (split, alpha) or (split, beta, alpha).
        path: alpha and beta by step, or None.
        deep: whether a slice of two dimensions is shown in 3-D at first.
        camera: from where the surface is seen at first.
        with_runs: whether the paths of several runs are drawn from above.
        looks: `variable`, `split`, `scale` and `limits` as `ll.plot` takes them.
    """
    from landscape_lab.components.surface.surface import alone
    from landscape_lab.figures.bokeh import web_page as page
    from landscape_lab.figures.bokeh.sliders import walk

    way = walk(path) if path is not None else None
    way = way if way is not None and way.sizes["step"] else None
    planar = "beta" in slice_.dims
    seen = slice_.attrs.get("seen")
    relief = alone(slice_, way, seen=seen, camera=camera, **looks) if planar else ""
    return page.web_page(
        slice_, way, relief=relief, deep=deep and planar, with_runs=with_runs, **looks
    )
