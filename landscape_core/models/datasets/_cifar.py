"""The files of CIFAR-10 and CIFAR-100, in the version for Python and the binary one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import FileFormatError, MissingDataError
from landscape_core.models.datasets.base import Data, DataSize, Split, check_classes
from landscape_core.storage.bounded_files import bounded_bytes
from landscape_core.storage.plain_pickle import plain_content

PIXELS = 3072

LARGEST = 200_000_000
"""Bytes of a file; the largest of the original ones has 155 MB."""


@dataclass(frozen=True)
class CifarFiles:
    """60,000 images of 32 x 32 pixels: where their files are, and how they are read and scaled.

    Attributes:
        called: the name of the data set.
        folder: where the files are, in either version.
        train: the names of the files of training images, in the version for Python.
        test: that of the test images.
        labels: the name of the labels in a file of that version.
        column: which of the bytes before each image is the label, in the binary version.
        before: how many bytes there are before each image.
        classes: how many there are.
        limit: the number of training images, and the largest number of test images.
        mean: of the training pixels of each colour, divided by 255, (3, 1, 1).
        deviation: the standard deviation of these.
    """

    called: str
    folder: Path
    train: tuple[str, ...]
    test: tuple[str, ...]
    labels: bytes
    column: int
    before: int
    classes: int
    limit: int
    mean: npt.NDArray[np.float64]
    deviation: npt.NDArray[np.float64]

    def split(self, seed: int) -> Split:
        """Both sets, of which a limit takes examples at random.

        Raises:
            MissingDataError: a file is missing.
            FileFormatError: a file of another format, or a damaged one.
        """
        parts = [self._part("train", self.train, seed), self._part("test", self.test, seed)]
        return Split(parts[0], parts[1], self.classes)

    def files(self) -> dict[str, Path]:
        """All files by their names; of the version for Python, or else of the binary one.

        Raises:
            MissingDataError: one is missing.
        """
        names = (*self.train, *self.test)
        binary = [f"{name}.bin" for name in names]
        several = [one for one in (names, binary) if (self.folder / one[0]).is_file()]
        wanted: Sequence[str] = several[0] if several else names
        for name in wanted:
            if not (self.folder / name).is_file():
                raise MissingDataError(
                    f"{self.called}: {name} is not in {self.folder}. The files of the Python"
                    f" version are expected there: {', '.join(names)}; or those of the binary"
                    f" version: {', '.join(binary)}."
                )
        return {name: self.folder / name for name in wanted}

    def size(self) -> DataSize:
        """The size of both sets, of the original files."""
        one = Data(torch.zeros(1, 3, 32, 32, dtype=torch.float64), torch.zeros(1).long())
        held = min(self.limit, 50_000) + min(self.limit, 10_000)
        taken = 60_000 * PIXELS + held * PIXELS * 8
        return DataSize(Split(one, one, self.classes), self.limit, taken)

    def _part(self, split: str, names: tuple[str, ...], seed: int) -> Data:
        found = [path for name, path in self.files().items() if name.partition(".")[0] in names]
        read = [self._read(path) for path in found]
        images = np.concatenate([images for images, _ in read])
        labels = np.concatenate([labels for _, labels in read])
        order = random_streams.numpy_stream(seed, "data", split).permutation(len(images))[
            : self.limit
        ]
        scaled = (images[order].reshape(-1, 3, 32, 32) / 255.0 - self.mean) / self.deviation
        return Data(torch.from_numpy(scaled), torch.from_numpy(labels[order]))

    def _read(self, path: Path) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
        """The images (N, 3072) and labels (N,) of a file."""
        content = bounded_bytes(path, LARGEST)
        if path.suffix == ".bin":
            images, labels = self._of_bytes(path, content)
        else:
            images, labels = self._of_pickle(path, content)
        check_classes(labels, self.classes, path)
        return images, labels

    def _of_bytes(
        self, path: Path, content: bytes
    ) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
        rest = len(content) % (self.before + PIXELS)
        if not content or rest:
            raise FileFormatError(
                f"{path} is not a binary file of {self.called}: it has {len(content)} bytes, no"
                f" multiple of {self.before + PIXELS}, those of an image and its label."
            )
        rows = np.frombuffer(content, np.uint8).reshape(-1, self.before + PIXELS)
        return rows[:, self.before :], rows[:, self.column].astype(np.int64)

    def _of_pickle(
        self, path: Path, content: bytes
    ) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
        try:
            batch: Any = plain_content(content)
            images = np.asarray(batch[b"data"], dtype=np.uint8)
            labels = np.asarray(batch[self.labels], dtype=np.int64)
            if images.shape != (len(labels), PIXELS):
                raise ValueError(f"images of shape {images.shape} for {len(labels)} labels")
        except Exception as error:  # a damaged pickle raises anything
            raise FileFormatError(f"{path} is not a batch of {self.called}: {error}") from error
        return images, labels
