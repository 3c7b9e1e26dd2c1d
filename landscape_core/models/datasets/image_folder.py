"""Your own images: a folder for each class, as torchvision's ImageFolder has them."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
import torch

from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import FileFormatError, MissingDataError
from landscape_core.foundation.recipes import Choice, FileName, Knob
from landscape_core.models.datasets.base import Data, DataSize, ProblemData, Split
from landscape_core.storage.image_files import ENDINGS, read_image

UNREAD = (".bmp", ".gif", ".pgm", ".ppm", ".tif", ".tiff", ".webp")
"""Endings of images that are not read; they are refused rather than left out."""

TRAIN, TEST = ("train",), ("test", "val", "valid", "validation")
"""Names of folders that hold the folders of classes, where the two sets are apart."""

MOST_IMAGES = 100_000
MOST_CLASSES = 1000

COLOR, GRAY = "color", "gray"

Labelled = tuple[Path, int]


@dataclass(frozen=True, kw_only=True)
class ImageFolder(ProblemData):
    """Your own images: a folder for each class with PNG and JPEG files.

    Images are resized to squares, and standardized with the mean and standard deviation of each
    color over the training images. Folders `train` and `test` (or `val`) are the two sets;
    without them, a part of the images is for testing.
    """

    label: ClassVar[str] = "image folder (local files)"

    place: ClassVar[str] = "folder"

    folder: Annotated[str, FileName("folder of the class folders, or of train and test")] = (
        "data/images"
    )
    size: Annotated[int, Knob(4, 256, "width and height in pixels after resizing", "log")] = 32
    colors: Annotated[str, Choice((COLOR, GRAY), "three channels, or one")] = COLOR
    limit: Annotated[int, Knob(1, 50_000, "number of training images used", scale="log")] = 2_000
    test_fraction: Annotated[
        float, Knob(0.05, 0.9, "fraction for testing, where no folder says which")
    ] = 0.2

    def build(self, seed: int) -> Split:
        train, test, classes = self._sets(seed)
        pixels = self._pixels(train)
        mean, deviation = (
            pixels.mean((0, 2, 3), keepdims=True),
            pixels.std((0, 2, 3), keepdims=True),
        )
        scale = np.where(deviation > 0, deviation, 1.0)
        parts = [
            Data(torch.from_numpy((values - mean) / scale), torch.tensor([c for _, c in images]))
            for values, images in ((pixels, train), (self._pixels(test), test))
        ]
        return Split(parts[0], parts[1], classes)

    def files(self) -> dict[str, Path]:
        root = Path(self.folder)
        listed = [_images(folder) for folder in _set_folders(root)]
        return {str(path.relative_to(root)): path for images in listed for path, _ in images}

    def estimated_size(self) -> DataSize:
        train, test, classes = self._sets(0)
        channels = 3 if self.colors == COLOR else 1
        one = torch.zeros(1, channels, self.size, self.size, dtype=torch.float64)
        sample = Data(one, torch.zeros(1).long())
        held = (len(train) + len(test)) * one.numel() * 8
        return DataSize(Split(sample, sample, classes), len(train), held)

    def _sets(self, seed: int) -> tuple[list[Labelled], list[Labelled], int]:
        """The training and the test images with their classes, and how many classes there are."""
        folders = _set_folders(Path(self.folder))
        listed = [_images(folder) for folder in folders]
        names = [_class_names(folder) for folder in folders]
        if names[0] != names[-1]:
            raise FileFormatError(
                f"{folders[0]} and {folders[-1]} have different classes: {names[0][:5]} and"
                f" {names[-1][:5]}."
            )
        sets = [
            _shuffled(images, seed, split) for images, split in zip(listed, SPLITS, strict=False)
        ]
        if len(sets) == 1:
            tests = min(max(round(self.test_fraction * len(sets[0])), 1), len(sets[0]) - 1)
            sets = [sets[0][tests:], sets[0][:tests]]
        return sets[0][: self.limit], sets[1][: self.limit], len(names[0])

    def _pixels(
        self, images: Sequence[Labelled]
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        """The images (N, channels, size, size), from 0 to 1."""
        color = self.colors == COLOR
        read = np.stack([read_image(path, self.size, color=color) for path, _ in images])
        return np.ascontiguousarray(read.transpose(0, 3, 1, 2)) / 255.0


SPLITS = ("train", "test")
"""Names of the random streams of the two sets."""


def _shuffled(images: Sequence[Labelled], seed: int, split: str) -> list[Labelled]:
    order = random_streams.numpy_stream(seed, "data", split).permutation(len(images))
    return [images[place] for place in order]


def _set_folders(root: Path) -> list[Path]:
    """The folders of the training and the test set; one folder where they are not apart.

    Raises:
        MissingDataError: there is no such folder.
        FileFormatError: there is a folder `train`, and none for testing, or the other way round.
    """
    if not root.is_dir():
        raise MissingDataError(
            f"Image folder: {root} is no folder. A folder for each class is expected in it, with"
            " PNG or JPEG files; or folders train and test with these."
        )
    found = [
        next((root / n for n in names if (root / n).is_dir()), None) for names in (TRAIN, TEST)
    ]
    train, test = found
    if train is not None and test is not None:
        return [train, test]
    if train is not None:
        raise FileFormatError(f"{root} has a folder train, and none of {', '.join(TEST)}.")
    if test is not None and any(one.is_dir() for one in test.iterdir()):
        raise FileFormatError(f"{root} has a folder {test.name} of folders, and none named train.")
    return [root]


def _class_names(folder: Path) -> list[str]:
    """The names of the classes: those of the folders, in the order of their names."""
    names = sorted(one.name for one in folder.iterdir() if one.is_dir() and one.name[:1] != ".")
    if not 2 <= len(names) <= MOST_CLASSES:
        raise FileFormatError(
            f"{folder} has {len(names)} folders of classes; 2 to {MOST_CLASSES} are expected."
        )
    return names


def _images(folder: Path) -> list[Labelled]:
    """The images of a set in the order of their paths, with the numbers of their classes.

    Raises:
        FileFormatError: a class without images, too many images, or images that are not read.
    """
    found: list[Labelled] = []
    for number, name in enumerate(_class_names(folder)):
        inside = [*itertools.islice((folder / name).rglob("*"), MOST_IMAGES + 1)]
        paths = [path for path in sorted(inside) if path.name[:1] != "."]
        unread = [path for path in paths if path.suffix.lower() in UNREAD]
        if unread:
            raise FileFormatError(f"{unread[0]} is not read: save it as PNG or JPEG.")
        images = [path for path in paths if path.suffix.lower() in ENDINGS]
        if not images:
            raise FileFormatError(f"{folder / name} has no PNG or JPEG file.")
        found += [(path, number) for path in images]
        if len(found) > MOST_IMAGES or len(inside) > MOST_IMAGES:
            raise FileFormatError(f"{folder} has more than {MOST_IMAGES} images.")
    return found
