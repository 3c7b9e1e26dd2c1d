"""Footers that show whether a file is as it was written.

HDF5 does not notice a flipped bit in its data, so what is kept carries a footer behind its last
byte, where readers of netCDF do not look:

    content | label, JSON in UTF-8 | length of the label (4 bytes) | digest (32) | magic (8)

The digest is BLAKE2b of all that is before it and of the key, so that no file passes under the name
of another. The label says what the content is, and can be read without the content.
"""

import hashlib
import json
import struct
from pathlib import Path

from landscape_core.foundation.errors import FileFormatError

MAGIC = b"LLstore1"
"""The last bytes of every sealed file; the digit counts the formats of the footer."""

TAIL = struct.Struct(">I32s8s")
"""Length of the label, digest, magic."""

LABEL_LIMIT = 4096
"""Bytes that a label may take."""


def footer(key: str, content: bytes, label: dict[str, str]) -> bytes:
    """The footer that goes behind the content."""
    words = json.dumps(label).encode()
    length = struct.pack(">I", len(words))
    digest = _digest(content, words, length, key.encode())
    return words + TAIL.pack(len(words), digest, MAGIC)


def check(key: str, data: bytes) -> None:
    """Return if the data are a sealed file of the key, each byte as it was written.

    Raises:
        FileFormatError: they are not.
    """
    if len(data) < TAIL.size or data[-len(MAGIC) :] != MAGIC:
        raise FileFormatError(f"{key} does not end with the seal of a cached result.")
    _, digest, _ = TAIL.unpack(data[-TAIL.size :])
    # All before the digest: content, label and the label's length.
    if _digest(memoryview(data)[: -len(MAGIC) - len(digest)], key.encode()) != digest:
        raise FileFormatError(f"{key} is not as it was written.")


def label_in(path: Path) -> dict[str, str]:
    """The label of a sealed file, unchecked; empty if there is none that can be read.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - LABEL_LIMIT - TAIL.size))
        end = file.read()
    if len(end) < TAIL.size or not end.endswith(MAGIC):
        return {}
    length, _, _ = TAIL.unpack(end[-TAIL.size :])
    try:
        words = json.loads(end[-TAIL.size - length : -TAIL.size])
    except ValueError:
        return {}
    return {str(name): str(word) for name, word in words.items()} if isinstance(words, dict) else {}


def _digest(*chunks: bytes | memoryview) -> bytes:
    digest = hashlib.blake2b(digest_size=32)
    for chunk in chunks:
        digest.update(chunk)
    return digest.digest()
