"""IDX, the format MNIST comes in: two zero bytes, a type byte, the number of dimensions, each dimension as a
big-endian 32-bit integer, then the values. Only unsigned bytes (type 0x08) occur here.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import struct
import zlib
from dataclasses import dataclass

import numpy as np

_GZIP_MAGIC = b"\x1f\x8b"
_UNSIGNED_BYTE = 0x08


class DataError(Exception):
    """Digits that are missing, damaged or not what was expected; one paragraph that names the file and both
    values.
    """


@dataclass(frozen=True, slots=True)
class IdxFile:
    """What one file must hold before a byte of it is trusted."""

    name: str
    """As the field spells it, without `.gz`: `train-images-idx3-ubyte`."""
    shape: tuple[int, ...]
    """(60000, 28, 28) for images, (60000,) for labels."""
    md5: str
    """Of the unpacked content, header included, as hexadecimal digits."""

    @property
    def magic(self) -> int:
        """The first four bytes as one big-endian number: 2051 for images, 2049 for labels."""
        return _UNSIGNED_BYTE << 8 | len(self.shape)

    @property
    def header_size(self) -> int:
        """Bytes before the values: 16 for images, 8 for labels."""
        return 4 + 4 * len(self.shape)

    @property
    def size(self) -> int:
        """Bytes of the unpacked file, header included."""
        return self.header_size + math.prod(self.shape)


def read_idx(content: bytes, expected: IdxFile, place: str) -> np.ndarray:
    """Unpack and parse one IDX file, gzipped or not, into a read-only uint8 array of `expected.shape`.

    `place` names the file in messages. Raises DataError at the first of these that does not hold: the gzip
    stream is whole, the header is there, the magic number, the dimensions, the byte count, the MD5. The cheap
    ones come first because they say more than two hashes that differ.
    """
    unpacked = unpack(content, place)
    for check in (_header_fault, _length_fault, _md5_fault):
        if fault := check(unpacked, expected):
            raise DataError(f"{place} is not {expected.name}: {fault}")
    return np.frombuffer(unpacked, dtype=np.uint8, offset=expected.header_size).reshape(expected.shape)


def write_idx(array: np.ndarray) -> bytes:
    """The IDX file of a uint8 array of 1 to 255 dimensions, not gzipped."""
    if array.dtype != np.uint8 or not 1 <= array.ndim <= 255:
        raise ValueError(f"expected uint8 of 1 to 255 dimensions, got {array.dtype} of {array.ndim}")
    header = struct.pack(f">HBB{array.ndim}I", 0, _UNSIGNED_BYTE, array.ndim, *array.shape)
    return header + array.tobytes()


def unpack(content: bytes, place: str) -> bytes:
    """Undo gzip if the content is gzipped, else hand it back. Raises DataError, naming `place`, if it is
    damaged.

    The first two bytes decide, not the name: browsers and mirrors unpack `.gz` files without renaming them.
    """
    if not content.startswith(_GZIP_MAGIC):
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, OSError, zlib.error) as error:
        found = f"{len(content):,} bytes that don't unpack ({error})"
        raise DataError(f"{place} is damaged: expected a whole gzip stream, got {found}") from None


def _header_fault(unpacked: bytes, expected: IdxFile) -> str | None:
    size, start = expected.header_size, unpacked[:4]
    magic = int.from_bytes(start, "big")
    if len(start) == 4 and magic != expected.magic:
        return f"expected magic number {expected.magic}, got {magic} (first bytes {start!r})"
    if len(unpacked) < size:
        return f"expected a header of {size} bytes, got a file of {len(unpacked)}"
    shape = struct.unpack(f">{len(expected.shape)}I", unpacked[4:size])
    return None if shape == expected.shape else f"expected dimensions {expected.shape}, got {shape}"


def _length_fault(unpacked: bytes, expected: IdxFile) -> str | None:
    if len(unpacked) == expected.size:
        return None
    return f"expected {expected.size:,} bytes, got {len(unpacked):,}"


def _md5_fault(unpacked: bytes, expected: IdxFile) -> str | None:
    md5 = hashlib.md5(unpacked, usedforsecurity=False).hexdigest()
    return None if md5 == expected.md5 else f"expected MD5 {expected.md5} of the unpacked content, got {md5}"
