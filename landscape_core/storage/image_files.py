"""Images in PNG and JPEG files, read as untrusted: no other format, and none that is too large."""

import io
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt

from landscape_core.foundation.errors import FileFormatError, MissingPackageError
from landscape_core.storage.bounded_files import bounded_bytes

LARGEST = 2**25
"""Bytes of a file."""

MOST_PIXELS = 2**26

FORMATS = ("PNG", "JPEG")

ENDINGS = (".png", ".jpg", ".jpeg")


def read_image(path: Path, size: int, *, color: bool) -> npt.NDArray[np.uint8]:
    """An image resized to a square by bilinear interpolation, (size, size, 3) or (size, size, 1).

    Its sides become equally long, whatever their ratio was; it is turned and mirrored as its EXIF
    orientation says, transparency is left out, and of 16 bits the upper 8 are taken.

    Raises:
        MissingDataError: there is no such regular file.
        MissingPackageError: Pillow is not installed.
        FileFormatError: no PNG or JPEG file, a damaged one, or one with too many pixels.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise MissingPackageError(
            "Reading images needs the package Pillow (pip install pillow)."
        ) from error
    content = bounded_bytes(path, LARGEST)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pixels, which are counted here
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                width, height = image.size
                if width * height > MOST_PIXELS:
                    raise FileFormatError(
                        f"{path} declares {width} x {height} pixels; at most {MOST_PIXELS} are"
                        " read."
                    )
                upright = ImageOps.exif_transpose(image)
                deep = image.mode.startswith("I")  # which Pillow would cut off at 255
                given = Image.fromarray(_upper_bits(np.asarray(upright))) if deep else upright
                found = given.convert("RGB" if color else "L")
                found = found.resize((size, size), Image.Resampling.BILINEAR)
        return np.asarray(found, dtype=np.uint8).reshape(size, size, -1)
    except FileFormatError:
        raise
    except Exception as error:  # a damaged file raises anything
        reason = str(error).partition("\n")[0]
        raise FileFormatError(f"{path} cannot be read as PNG or JPEG: {reason[:100]}") from error


def _upper_bits(values: npt.NDArray[np.integer]) -> npt.NDArray[np.uint8]:
    """The upper 8 of 16 bits."""
    return (values.astype(np.int64) >> 8).astype(np.uint8)
