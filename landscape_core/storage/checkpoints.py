"""Checkpoints that training loops have saved, as a sequence of state dictionaries."""

import importlib
import os
import pickle
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final, overload

from landscape_core.foundation.errors import (
    FileFormatError,
    MissingPackageError,
    SpecError,
)
from landscape_core.storage.bounded_files import check_memory, check_regular, torch_tensors
from landscape_core.storage.checkpoint_order import named_steps
from landscape_core.storage.checkpoint_places import (
    INDEX,
    NPZ,
    SAFETENSORS,
    check_file,
    checkpoint_files,
)
from landscape_core.storage.npz_states import npz_state
from landscape_core.storage.sharded_checkpoint import joined_shards
from landscape_core.storage.state_entries import named_state, state_without_network

MISSING = "safetensors is not installed, which {} needs: pip install safetensors."

GLOBAL = re.compile(r"GLOBAL (\S+)")
"""Where torch names a class that it does not load."""

Place = str | os.PathLike[str]


@final
@dataclass(frozen=True)
class Checkpoints(Sequence[Mapping[str, Any]]):
    """State dictionaries in files, each read when it is asked for.

    `path=` of `landscape` removes prefixes and compares with the network; alone, a state has the
    keys that it has in its file.
    """

    files: tuple[Path, ...]
    entry: str | None = None

    def __len__(self) -> int:
        """The number of files."""
        return len(self.files)

    @overload
    def __getitem__(self, index: int) -> Mapping[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> "Checkpoints": ...
    def __getitem__(self, index: int | slice) -> "Mapping[str, Any] | Checkpoints":
        """The state dictionary in one file, or fewer files, as `found[::10]`.

        Raises:
            FileFormatError: the file cannot be read, or holds no dictionary.
            SpecError: it holds no state dictionary, or several and `entry` does not say which.
        """
        if isinstance(index, slice):
            return replace(self, files=self.files[index])
        content = self.content(index)
        try:
            return state_without_network(content)
        except SpecError as error:
            raise SpecError(
                f"{error.field} in {self.files[index]}", error.value, error.accepted
            ) from None

    @property
    def steps(self) -> tuple[int, ...] | None:
        """The steps that the names of the files say, if each says one and they rise."""
        return named_steps(self.files)

    def content(self, index: int) -> Mapping[Any, Any]:
        """All that one file holds, or the state dictionary that `entry` names.

        Raises:
            FileFormatError: the file cannot be read, or holds no dictionary.
            SpecError: it has no such entry.
        """
        file = self.files[index]
        found = checkpoint_content(file)
        if not isinstance(found, Mapping):
            raise FileFormatError(
                f"{file} holds {type(found).__name__}, not a dictionary; a list of states is given"
                " as it is: path=torch.load(file)."
            )
        if self.entry is None:
            return found
        try:
            return named_state(found, self.entry)
        except SpecError as error:
            raise SpecError(f"{error.field} in {file}", error.value, error.accepted) from None


def checkpoints(path: Place | Sequence[Place], *, entry: str | None = None) -> Checkpoints:
    """The state dictionaries in a file, a folder or a list of files; read when asked for.

    The files of a folder are in the order of the epoch and the step in their names, or of the one
    number in which these differ: `model_2.pt` is before `model_10.pt`. Files with other endings
    than `.pt .pth .tar .t7 .bin .ckpt .safetensors` are left out, and so is `.npz` where there are
    others. Where a folder has no such file,
    one in each of its folders is taken, as `checkpoint-500/model.safetensors`. A checkpoint in
    several files is that of its index (`model.safetensors.index.json`). No code in a file is run.

    Args:
        path: a file; a folder; a folder and a pattern, as `runs/epoch_*.pt`; or files in order.
        entry: which state dictionary, if a file has several, for instance `"ema"`, or with all
            names on the way, `"ema/state_dict"`.

    Raises:
        SpecError: something else; the names of the files do not say their order, or are those of
            several runs.
        MissingDataError: there is no such file or folder, or none of a checkpoint in it.
    """
    if entry is not None and (not isinstance(entry, str) or not entry):
        raise SpecError("entry", entry, "the name of an entry of the file, for instance 'ema'")
    if isinstance(path, str | os.PathLike):
        return Checkpoints(checkpoint_files(Path(path)), entry)
    if not isinstance(path, list | tuple) or not path:
        raise SpecError("path", type(path).__name__, "a file, a folder or a list of files")
    for one in path:
        if not isinstance(one, str | os.PathLike):
            raise SpecError("path", type(one).__name__, "a list of files")
        check_file(Path(one))
    return Checkpoints(tuple(map(Path, path)), entry)


def checkpoint_content(path: Path) -> Any:
    """What a file of torch.save, safetensors or NumPy holds: tensors and plain values alone.

    Raises:
        MissingDataError: there is no such regular file.
        MissingPackageError: safetensors is not installed, and the file is of that kind.
        FileFormatError: it is damaged, too large, or holds objects of other classes.
    """
    if path.name.lower().endswith(INDEX):
        return joined_shards(path, checkpoint_content)
    if path.name.lower().endswith(SAFETENSORS):
        return _safetensors(path)
    if path.name.lower().endswith(NPZ):
        return npz_state(path)
    try:
        return torch_tensors(path)
    except pickle.UnpicklingError as error:
        found = GLOBAL.search(str(error))
        what = f" of the class {found[1]}" if found else " of a class"
        raise FileFormatError(
            f"{path} cannot be read: it must hold a state dictionary or vectors, not a pickled"
            f" module or other object{what}, whose code would be run. If you trust the file:"
            " torch.load(file, weights_only=False) gives its dictionary."
        ) from error


def _safetensors(path: Path) -> Any:
    check_memory(path, check_regular(path))
    try:
        module = importlib.import_module("safetensors.torch")
    except ImportError as error:
        raise MissingPackageError(MISSING.format(path)) from error
    try:
        return module.load_file(path)
    except Exception as error:  # its own class of errors, and what a damaged header raises
        reason = str(error).partition("\n")[0]
        raise FileFormatError(f"{path} cannot be read as safetensors: {reason}") from error
