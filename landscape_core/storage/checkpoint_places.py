"""Which files of a folder are checkpoints: files themselves, or one in each of its subfolders."""

import fnmatch
import re
from collections.abc import Sequence
from pathlib import Path

from landscape_core.foundation.errors import MissingDataError, SpecError
from landscape_core.storage.bounded_files import check_regular
from landscape_core.storage.checkpoint_order import in_order

TORCH = (".pt", ".pth", ".tar", ".pth.tar", ".t7", ".bin", ".ckpt")
"""Endings of files of torch.save."""

SAFETENSORS = ".safetensors"

INDEX = (".safetensors.index.json", ".bin.index.json")
"""Endings of files that say in which of several files each tensor of a checkpoint lies."""

NPZ = ".npz"

ENDINGS = (*TORCH, SAFETENSORS, *INDEX, NPZ)

MODELS = (
    *("model.safetensors", "model.safetensors.index.json"),
    *("pytorch_model.bin", "pytorch_model.bin.index.json"),
)
"""Files of a network's state in a folder that transformers or accelerate writes, the first first.
"""

OTHERS = re.compile(
    r"(optimizer|scheduler|scaler|sampler|rng_state|random_states|training_args)(_\d+)?\.\w+"
)
"""Files that these write next to it."""


def checkpoint_files(path: Path) -> tuple[Path, ...]:
    """The files that the name of a file, of a folder or of a pattern stands for, in order.

    Raises:
        SpecError: a file of another kind, or files whose order or number is not clear.
        MissingDataError: there is no such file or folder, or none of a checkpoint in it.
    """
    if "*" in path.name and not path.exists():
        if not path.parent.is_dir():
            raise MissingDataError(f"{path.parent}: no such folder.")
        found = [one for one in _within(path.parent) if fnmatch.fnmatchcase(one.name, path.name)]
        files = [one for one in found if one.is_file() and is_checkpoint(one)]
    elif path.is_dir():
        found = _within(path)
        files = _files(found)
        model = _model(path)
        if model is not None:
            nested = next((one for one in found if one.is_dir() and _model(one)), None)
            if nested is None:
                return (model,)
            accepted = f"clear: it has {model.name} and {nested.name}; give '{path}/NAME-*' or one"
            raise SpecError("path", str(path), f"{accepted} of the files")
    else:
        check_file(path)
        return (path,)
    if not files:
        return _in_subfolders(path, [one for one in found if one.is_dir()])
    return in_order(files, ENDINGS)


def is_checkpoint(path: Path) -> bool:
    """Whether the name of a file ends as that of a checkpoint."""
    return path.name.lower().endswith(ENDINGS)


def check_file(path: Path) -> None:
    """Refuse what is no regular file with the ending of a checkpoint.

    Raises:
        SpecError: another ending.
        MissingDataError: no such file, or no regular one.
    """
    check_regular(path)
    if not is_checkpoint(path):
        raise SpecError("path", str(path), f"a file that ends with one of {', '.join(ENDINGS)}")


def _in_subfolders(path: Path, folders: Sequence[Path]) -> tuple[Path, ...]:
    """The checkpoint in each of some folders that has one, in the order of the folders' names.

    Raises:
        SpecError: a folder has several, or their order is not clear.
        MissingDataError: none has one.
    """
    files = {folder: found for folder in folders if (found := _alone(folder)) is not None}
    if not files:
        raise MissingDataError(
            f"{path}: no file there ends with {', '.join(ENDINGS)}, nor in its folders."
        )
    return tuple(files[folder] for folder in in_order(list(files), ()))


def _alone(folder: Path) -> Path | None:
    """The one checkpoint in a folder, if there is one.

    Raises:
        SpecError: there are several.
    """
    model = _model(folder)
    if model is not None:
        return model
    files = _files(_within(folder))
    if len(files) > 1:
        accepted = f"with one checkpoint in each of its folders: {folder.name} has {files[0].name}"
        accepted += f" and {files[1].name}; give the files as a list, the latest last"
        raise SpecError("path", str(folder.parent), accepted)
    return files[0] if files else None


def _model(folder: Path) -> Path | None:
    """The network's state in a folder that transformers or accelerate has written."""
    return next((folder / name for name in MODELS if (folder / name).is_file()), None)


def _files(found: Sequence[Path]) -> list[Path]:
    """The files of checkpoints, without those that hold the state of an optimizer and the like.

    Files of NumPy hold data as often; they are taken where there are no others.
    """
    files = [
        one
        for one in found
        if one.is_file() and is_checkpoint(one) and not OTHERS.fullmatch(one.name)
    ]
    return [one for one in files if not one.name.lower().endswith(NPZ)] or files


def _within(folder: Path) -> list[Path]:
    """What a folder holds, by name, but for what is hidden."""
    return [one for one in sorted(folder.iterdir()) if not one.name.startswith(".")]
