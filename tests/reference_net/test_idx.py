"""Parsing IDX: what is whole comes back, what is not is refused with what was expected and what was got."""

from __future__ import annotations

import gzip
import hashlib
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from reference_net.idx import DataError, IdxFile, read_idx, write_idx

LABELS = np.array([3, 1, 4, 1, 5], np.uint8)
CONTENT = write_idx(LABELS)


def expecting(content: bytes, shape: tuple[int, ...]) -> IdxFile:
    return IdxFile("some-labels", shape, hashlib.md5(content).hexdigest())


EXPECTED = expecting(CONTENT, (5,))


@given(arrays(np.uint8, array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4)), st.booleans())
def test_round_trip(array, packed):
    content = write_idx(array)
    read = read_idx(gzip.compress(content) if packed else content, expecting(content, array.shape), "here")
    np.testing.assert_array_equal(read, array)
    assert read.dtype == np.uint8
    assert not read.flags.writeable


def test_bytes_are_those_of_the_format():
    assert bytes([0, 0, 8, 1, 0, 0, 0, 5, 3, 1, 4, 1, 5]) == CONTENT


IMAGES = write_idx(np.zeros((5, 2, 2), np.uint8))
ANOTHER = write_idx(LABELS[::-1])
FAULTS = {
    "empty": (b"", "expected a header of 8 bytes, got a file of 0"),
    "header cut": (CONTENT[:7], "expected a header of 8 bytes, got a file of 7"),
    "images": (IMAGES, r"expected magic number 2049, got 2051 (first bytes b'\x00\x00\x08\x03')"),
    "a web page": (b"<html>Not found", "expected magic number 2049, got 1013478509 (first bytes b'<htm')"),
    "other dimensions": (write_idx(LABELS[:4]), "expected dimensions (5,), got (4,)"),
    "cut": (CONTENT[:-1], "expected 13 bytes, got 12"),
    "longer": (CONTENT + b"\0", "expected 13 bytes, got 14"),
    "other values": (
        ANOTHER,
        f"expected MD5 {EXPECTED.md5} of the unpacked content, got {hashlib.md5(ANOTHER).hexdigest()}",
    ),
    "floats": (
        struct.pack(">HBBI", 0, 0x0D, 1, 5) + bytes(20),
        r"expected magic number 2049, got 3329 (first bytes b'\x00\x00\r\x01')",
    ),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_not_the_file_is_refused(fault, packed):
    content, message = FAULTS[fault]
    with pytest.raises(DataError) as caught:
        read_idx(gzip.compress(content) if packed else content, EXPECTED, "dir/some-labels")
    assert str(caught.value) == f"dir/some-labels is not some-labels: {message}"


@pytest.mark.parametrize("damage", ["cut", "checksum", "header", "stream"])
def test_a_damaged_gzip_stream_is_refused(damage):
    packed = bytearray(gzip.compress(CONTENT))
    if damage == "cut":
        del packed[-6:]
    else:
        packed[{"checksum": -5, "header": 2, "stream": 10}[damage]] ^= 0xFF
    message = rf"^labels\.gz is damaged: expected a whole gzip stream, got {len(packed)} bytes that don't unpack"
    with pytest.raises(DataError, match=message):
        read_idx(bytes(packed), EXPECTED, "labels.gz")


def test_only_unsigned_bytes_are_written():
    with pytest.raises(ValueError, match=r"^expected uint8 of 1 to 255 dimensions, got float64 of 1$"):
        write_idx(np.zeros(3))
    with pytest.raises(ValueError, match=r"got uint8 of 0$"):
        write_idx(np.uint8(3).reshape(()))
