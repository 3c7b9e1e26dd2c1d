"""A network, data and a loss of the user's own on the command line: names in Python files."""

import argparse
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landscape_core.foundation.errors import LandscapeError, SpecError
from landscape_core.foundation.recipes import Recipe, fields_of
from landscape_lab.cli._checkpoint_places import check_there, load_last, places

if TYPE_CHECKING:
    from torch import nn

LOSSES = (
    "cross_entropy", "nll_loss", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss",
    "binary_cross_entropy", "binary_cross_entropy_with_logits",
)  # fmt: skip
"""Functions of torch.nn.functional that `--loss` knows by their name."""

NAMED = "FILE.py:NAME"

LAST = "a file or folder of checkpoints; the last is loaded into the model"


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


def add_own_network(
    parser: argparse.ArgumentParser, checkpoints: str = LAST, *, runs: bool = False
) -> None:
    """Add the options that stand in place of a trajectory file.

    Args:
        parser: of the command.
        checkpoints: what the checkpoints are taken for.
        runs: whether several runs are taken.
    """
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
    if runs:
        more = f"{checkpoints}. Of several runs NAME=PLACE, once for each; the last of the first is"
        group.add_argument("--checkpoints", metavar="PLACE", action="append", help=f"{more} loaded")
    else:
        group.add_argument("--checkpoints", metavar="PLACE", help=checkpoints)


def is_own(
    asked: argparse.Namespace, trajectories: Mapping[str, Any], others: Mapping[str, Any]
) -> bool:
    """Whether `--model` is given; options that do not go together are refused, nothing imported.

    Args:
        asked: what is asked.
        trajectories: what stands for `--model`, by name: all of these, or `--model`.
        others: what goes with trajectories only, by option: None, False or [] where it is left out.

    Raises:
        SpecError: an option is missing, or one too many.
    """
    if asked.model is None:
        for name in ("data", "loss", "objective", "checkpoints"):
            if getattr(asked, name) is not None:
                raise SpecError(f"--{name}", getattr(asked, name), "given with --model")
        for name, value in trajectories.items():
            if _is_left_out(value):
                raise SpecError(name, None, "a file of `landscape train`, or give --model")
        return False
    for name, value in {**trajectories, **others}.items():
        if not _is_left_out(value):
            raise SpecError(name, value, "left out with --model")
    _check_own(asked)
    return True


def _is_left_out(value: object) -> bool:
    """Whether an option or argument is not given."""
    return value is None or value is False or value == []


def _check_own(asked: argparse.Namespace) -> None:
    """Refuse what no network, data and loss can be, before any of it is imported.

    Raises:
        SpecError: an option is missing, or names nothing.
    """
    if asked.data is None:
        raise SpecError("--data", None, f"{NAMED}, inputs and targets for --model")
    if (asked.loss is None) == (asked.objective is None):
        raise SpecError("--loss", asked.loss, "given, or else --objective: one of the two")
    if asked.loss is not None and asked.loss not in LOSSES and ":" not in asked.loss:
        raise SpecError("--loss", asked.loss, f"one of {', '.join(LOSSES)}, or {NAMED}")
    for option in ("model", "data", "loss", "objective"):
        given = getattr(asked, option)
        if given is not None and given not in LOSSES:
            _file_and_name(given, f"--{option}")
    if asked.checkpoints is not None:
        check_there(places(asked.checkpoints))


def check_taken(section: str, asked: Recipe, usual: Recipe, taken: Collection[str]) -> None:
    """Refuse settings of a recipe that mean nothing of a network of the user's own.

    Args:
        section: the first word of the settings' paths.
        asked: what is asked for.
        usual: what it is by default.
        taken: the names of the settings that are taken.

    Raises:
        SpecError: another one is set.
    """
    for field in fields_of(type(asked)):
        value = getattr(asked, field.name)
        if field.name not in taken and value != getattr(usual, field.name):
            raise SpecError(f"{section}.{field.name}", value, "left out with --model")


def own_network(asked: argparse.Namespace, *, last: bool = True) -> OwnNetwork:
    """What the options name, which `is_own` has checked.

    Args:
        asked: what is asked.
        last: whether the last checkpoint, if there are any, is loaded into the model.

    Raises:
        SpecError: an option names something else than it should.
        LandscapeError: a file of the user's cannot be imported, or what it makes fails.
    """
    from torch import nn

    model = _made(asked.model, "--model", (nn.Module,))
    if not isinstance(model, nn.Module):
        raise SpecError("--model", f"{asked.model}, {type(model).__name__}", "a torch.nn.Module")
    path = None if asked.checkpoints is None else places(asked.checkpoints)
    if last and path is not None:
        load_last(model, path if isinstance(path, str) else next(iter(path.values())))
    return OwnNetwork(
        model,
        None if asked.loss is None else _loss(asked.loss),
        None if asked.objective is None else _named(asked.objective, "--objective"),
        data_of(asked),
        path,
    )


def data_of(asked: argparse.Namespace) -> Any:
    """The data, made anew: what is read of a generator is gone."""
    return _made(asked.data, "--data", ())


def _loss(given: str) -> Any:
    """A loss by its name in torch or in a file."""
    if ":" in given:
        return _named(given, "--loss")
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
        SpecError: no such name.
    """
    from landscape_lab.cli._parts_file import imported

    file, name = _file_and_name(given, option)
    module = imported(file, option)
    try:
        return getattr(module, name)
    except AttributeError:
        raise SpecError(option, given, f"a name that {file} defines") from None


def _file_and_name(given: str, option: str) -> tuple[Path, str]:
    """The file and the name in it that an option says.

    Raises:
        SpecError: it says none, or there is no such file.
    """
    file, colon, name = given.rpartition(":")
    if not colon or not file or not name:
        raise SpecError(option, given, f"{NAMED}, as train.py:make_model")
    if not Path(file).is_file():
        raise SpecError(option, given, "a Python file that is there, as train.py:make_model")
    return Path(file), name
