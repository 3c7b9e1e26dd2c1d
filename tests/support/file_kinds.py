"""Kinds of checkpoints, each a folder of three states as a training loop saved them."""

import atexit
import importlib.util
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from kinds import Case, kind, normal, of_pairs, refused
from module_kinds import INPUTS, TARGETS, mlp

FOLDERS = tempfile.TemporaryDirectory()
atexit.register(FOLDERS.cleanup)
CALLS = ("landscape", "gradient", "explore")


def states():
    """Three networks on the way to the one that is given, which is the last."""
    found = []
    for number in (2, 1, 0):
        model = mlp()
        with torch.no_grad():
            for one in model.parameters():
                one.add_(number * normal(*one.shape, seed=30 + number) / 3)
        found.append(model)
    return found


def folder_of(save: Callable[[nn.Module, Path], None], ending: str) -> str:
    """A new folder with three states."""
    folder = Path(tempfile.mkdtemp(dir=FOLDERS.name))
    for number, model in enumerate(states()):
        save(model, folder / f"epoch_{number + 1}{ending}")
    return str(folder)


def of_files(name: str, save: Callable[[nn.Module, Path], None], ending: str = ".pt") -> None:
    """Enter a layout of checkpoints."""

    def case() -> Case:
        path = folder_of(save, ending)
        return of_pairs(mlp, cross_entropy, INPUTS, TARGETS, path=path, calls=CALLS)

    kind(f"file: {name}")(case)


def saving(content: Callable[[nn.Module], Any]) -> Callable[[nn.Module, Path], None]:
    return lambda model, file: torch.save(content(model), file)


def prefixed(prefix: str) -> Callable[[nn.Module], Any]:
    return lambda model: {f"{prefix}{name}": one for name, one in model.state_dict().items()}


def with_optimizer(model: nn.Module) -> Any:
    optimizer = torch.optim.Adam(model.parameters(), lr=0.0)
    cross_entropy(model(INPUTS), TARGETS).backward()
    optimizer.step()
    optimizer.zero_grad()
    return {"epoch": 3, "model_state_dict": model.state_dict(), "optimizer": optimizer.state_dict()}


def tensors(model: nn.Module, file: Path) -> None:
    from safetensors.torch import save_file

    save_file(model.state_dict(), file)


plain = saving(lambda model: model.state_dict())
for _ending in (".pt", ".pth", ".pth.tar", ".tar", ".t7", ".bin", ".ckpt"):
    of_files(f"a state dictionary in {_ending}", plain, _ending)
for _entry in ("state_dict", "model_state_dict", "model", "net", "network", "weights", "params"):
    of_files(f"within {_entry}", saving(lambda m, e=_entry: {e: m.state_dict(), "epoch": 1}))
for _prefix in ("module.", "_orig_mod.", "model.", "module._orig_mod."):
    of_files(f"prefix {_prefix}", saving(prefixed(_prefix)))
if importlib.util.find_spec("safetensors"):
    of_files("safetensors", tensors, ".safetensors")
of_files("with an optimizer", saving(with_optimizer))
of_files(
    "of Lightning",
    saving(lambda m: {"state_dict": prefixed("model.")(m), "epoch": 2, "global_step": 9}),
    ".ckpt",
)
of_files(
    "of averaged weights", saving(lambda m: torch.optim.swa_utils.AveragedModel(m).state_dict())
)


@kind("file: state dictionaries in memory")
def in_memory():
    path = [model.state_dict() for model in states()]
    return of_pairs(mlp, cross_entropy, INPUTS, TARGETS, path=path, calls=CALLS)


@kind("file: in the old format of torch, refused")
def old_format():
    def save(model, file):
        torch.save(model.state_dict(), file, _use_new_zipfile_serialization=False)

    given = {"loss": cross_entropy, "data": (INPUTS, TARGETS), "path": folder_of(save, ".pt")}
    return refused(mlp, None, given, CALLS)


@kind("file: states of another network, refused")
def another():
    save = saving(lambda model: nn.Linear(2, 2).state_dict())
    given = {"loss": cross_entropy, "data": (INPUTS, TARGETS), "path": folder_of(save, ".pt")}
    return refused(mlp, None, given, CALLS)


@kind("file: a whole network, refused as its code would run")
def whole():
    given = {"loss": cross_entropy, "data": (INPUTS, TARGETS)}
    path = folder_of(saving(lambda model: model), ".pt")
    return refused(mlp, None, {**given, "path": path}, CALLS)
