"""A network, data and a loss of the user's own on the command line: names in Python files."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landscape_core.foundation.errors import LandscapeError, SpecError

if TYPE_CHECKING:
    from torch import nn

LOSSES = (
    "cross_entropy", "nll_loss", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss",
    "binary_cross_entropy", "binary_cross_entropy_with_logits",
)  # fmt: skip
"""Functions of torch.nn.functional that `--loss` knows by their name."""

NAMED = "FILE.py:NAME"


@dataclass(frozen=True)
class OwnNetwork:
    """What a call on a network of the user's own takes; `path` is None without checkpoints.

    Of several runs it has their places by name.
    """

    model: "nn.Module"
    loss: Any
    objective: Any
    data: Any
    path: str | dict[str, str] | None


def add_own_network(parser: argparse.ArgumentParser) -> None:
    """Add the options that stand in place of a trajectory file."""
    group = parser.add_argument_group("your own network, in place of a trajectory")
    group.add_argument(
        "--model", metavar=NAMED, help="a torch.nn.Module, or a function that makes it"
    )
    group.add_argument(
        "--data", metavar=NAMED,
        help="inputs and targets or a DataLoader, or a function that makes them",
    )  # fmt: skip
    group.add_argument(
        "--loss", metavar="LOSS", help=f"{', '.join(LOSSES)}; or {NAMED}, of (outputs, targets)"
    )
    group.add_argument(
        "--objective", metavar=NAMED, help="in place of a loss, a function of (model, batch)"
    )
    group.add_argument(
        "--checkpoints", metavar="PLACE", action="append",
        help="a file or folder of checkpoints; the last is loaded into the model. Of several runs"
        " NAME=PLACE, once for each; the last of the first is loaded",
    )  # fmt: skip


def own_network(asked: argparse.Namespace) -> OwnNetwork | None:
    """What the options name, with the last checkpoint in the model; None without `--model`.

    Raises:
        SpecError: an option is missing, or names something else than it should.
        LandscapeError: a file of the user's cannot be imported, or what it makes fails.
    """
    given = [
        n for n in ("data", "loss", "objective", "checkpoints") if getattr(asked, n) is not None
    ]
    if asked.model is None:
        if given:
            raise SpecError(f"--{given[0]}", getattr(asked, given[0]), "given with --model")
        return None
    if asked.data is None:
        raise SpecError("--data", None, f"{NAMED}, inputs and targets for --model")
    if (asked.loss is None) == (asked.objective is None):
        raise SpecError("--loss", asked.loss, "given, or else --objective: one of the two")
    from torch import nn

    model = _made(asked.model, "--model", (nn.Module,))
    if not isinstance(model, nn.Module):
        raise SpecError("--model", f"{asked.model}, {type(model).__name__}", "a torch.nn.Module")
    path = None if asked.checkpoints is None else _places(asked.checkpoints)
    if path is not None:
        _load_last(model, path if isinstance(path, str) else next(iter(path.values())))
    return OwnNetwork(
        model,
        None if asked.loss is None else _loss(asked.loss),
        None if asked.objective is None else _named(asked.objective, "--objective"),
        _made(asked.data, "--data", ()),
        path,
    )


def _places(given: list[str]) -> str | dict[str, str]:
    """The place of one path, or those of several runs by name.

    Raises:
        SpecError: several places without names, or a name twice.
    """
    named: dict[str, str] = {}
    for one in given:
        name, equals, place = one.partition("=")
        if _is_place(one) or not (equals and name and place) or "/" in name:
            if len(given) == 1:
                return one
            raise SpecError("--checkpoints", one, "NAME=PLACE, as it is given more than once")
        if name in named:
            raise SpecError("--checkpoints", one, f"another name, as {name} is that of another run")
        named[name] = place
    return named


def _is_place(text: str) -> bool:
    """Whether there is such a file or folder, or one that fits such a pattern."""
    path = Path(text)
    return path.exists() or ("*" in path.name and any(path.parent.glob(path.name)))


def _load_last(model: "nn.Module", place: str) -> None:
    """Load the last state of a file or folder of checkpoints into a network.

    Raises:
        SpecError: it is another network's.
    """
    from landscape_core.models.fitting_state import fitting, opened
    from landscape_core.storage.checkpoints import Checkpoints

    states = opened(place)
    # A file may have several states; which of them is the network's, only the network tells.
    last = states.content(-1) if isinstance(states, Checkpoints) else states[-1]
    state = fitting(last, model, [name for name, _ in model.named_parameters()])
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        told = " ".join(str(error).split())
        raise SpecError("--checkpoints", place, f"of this network; {told}") from error


def _loss(given: str) -> Any:
    """A loss by its name in torch or in a file."""
    if ":" in given:
        return _named(given, "--loss")
    if given not in LOSSES:
        raise SpecError("--loss", given, f"one of {', '.join(LOSSES)}, or {NAMED}")
    from torch.nn import functional

    return getattr(functional, given)


def _made(given: str, option: str, finished: tuple[type, ...]) -> Any:
    """What a name in a file stands for; a function is called, unless it is of a finished type."""
    found = _named(given, option)
    if isinstance(found, finished) or not callable(found):
        return found
    try:
        return found()
    except Exception as error:  # whatever the user's own function raises
        told = f"{option} {given} fails: {type(error).__name__}: {error}"
        raise LandscapeError(told) from error


def _named(given: str, option: str) -> Any:
    """What a file defines under a name.

    Raises:
        SpecError: no such file or name.
    """
    from landscape_lab.cli._parts_file import imported

    file, colon, name = given.rpartition(":")
    if not colon or not file or not name:
        raise SpecError(option, given, f"{NAMED}, as train.py:make_model")
    module = imported(Path(file), option)
    try:
        return getattr(module, name)
    except AttributeError:
        raise SpecError(option, given, f"a name that {file} defines") from None
