"""Write what a link of the app shows: numbers, a drawing, a page, moving pictures, a program.

The name of the file says which. With --strategy it is computed anew, to the last bit as it was by
that strategy and as many threads.
"""

import argparse
import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from landscape_core.foundation.errors import LandscapeError, SpecError

if TYPE_CHECKING:
    from landscape_core.session.picture import Picture
    from landscape_lab.exports.base import Making


MOST_THREADS = 4
"""Threads for each processor."""


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from landscape_core.foundation.registry import entries
    from landscape_core.slices.strategies.base import Strategy
    from landscape_lab.cli._figure_style import style_options
    from landscape_lab.exports.base import kinds

    parser.add_argument("link", metavar="LINK", help="URL of the app, or its fragment")
    parser.add_argument(
        "--strategy",
        choices=list(entries(Strategy)),
        help="strategy that computes the slice; by default the fastest",
    )
    parser.add_argument("--threads", type=int, metavar="N", help="number of PyTorch threads")
    style_options(parser)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("picture.nc"),
        help="." + ", .".join(sorted(kind.suffix for kind in kinds().values())),
    )


def run(asked: argparse.Namespace) -> Iterator[str]:
    """Go where the link leads, and write the file."""
    import torch

    from landscape_core.foundation.registry import find
    from landscape_core.slices.strategies.base import Strategy
    from landscape_core.storage import atomic_files
    from landscape_lab.cli._figure_style import check_no_style, style_of
    from landscape_lab.exports.base import Shown, every_kind, kinds
    from landscape_lab.figures.reliability import reliability, statistics
    from landscape_lab.state.link import place, toured
    from landscape_lab.state.navigator import Navigator
    from landscape_lab.state.user_store import user_store

    target = Path(asked.output)
    by_suffix = {kind.suffix: kind for kind in kinds().values()}
    suffix = next((one for one in by_suffix if target.name.endswith(f".{one}")), "")
    if not suffix:
        lacking = {kind.suffix: kind.lacks() for kind in every_kind().values()}
        why = lacking.get(target.suffix.removeprefix("."), "")
        accepted = "a file ." + ", .".join(sorted(by_suffix))
        raise SpecError("the output", str(target), f"{accepted} ({why})" if why else accepted)
    drawn = by_suffix[suffix].group == "Picture"
    if not drawn:
        check_no_style(asked, f"a .{suffix} file")
    style = style_of(asked)
    most = MOST_THREADS * (os.cpu_count() or 1)
    if asked.threads is not None and not 1 <= asked.threads <= most:
        raise SpecError("--threads", asked.threads, f"between 1 and {most} on this machine")
    link, _ = toured(asked.link.partition("#")[2] or asked.link)
    there = place(link)
    if asked.threads is not None:
        torch.set_num_threads(asked.threads)
    strategy = find(Strategy, asked.strategy)() if asked.strategy else None
    navigator = Navigator(there.alone(), None if strategy else user_store(), strategy)
    shown = _last(navigator.pictures())
    making = by_suffix[suffix]().made(Shown(there, shown, navigator.session, style=style))
    news = _made(making)
    atomic_files.write(target, [news.content or b""])
    yield f"{target}: step {shown.seen}"
    if news.caption:
        caption = target.with_suffix(".txt")
        atomic_files.write(caption, [f"{news.caption}\n".encode()])
        yield f"{caption}: its caption"
    numbers = shown.slice.assign_attrs(standard_error=shown.standard_error)
    yield from (f"  {told}" for told in (*reliability(numbers), statistics(numbers)) if told)


def _last(pictures: "Iterator[Picture]") -> "Picture":
    """The last picture of a navigator, which is the held one."""
    from tqdm import tqdm

    last = deque(tqdm(pictures, desc="training", delay=1, leave=False), maxlen=1)
    if not last:
        raise LandscapeError("the link has no slice")
    return last[0]


def _made(making: "Iterator[Making]") -> "Making":
    """The last of the making, which has the content of the file."""
    from tqdm import tqdm

    found = None
    with tqdm(desc="drawing", delay=1, leave=False) as bar:
        for news in making:
            bar.total = news.total
            bar.update(news.done - bar.n)
            found = news if news.content is not None else found
    if found is None:
        raise LandscapeError("the making of a file ended without its content")
    return found
