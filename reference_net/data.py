"""Digits to train on: the subset that ships with the package (offline, the default) or the complete MNIST
from a folder or a download, every file checked against the tables below before it is used.
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np

from reference_net.idx import DataError, IdxFile, read_idx

CLASSES = 10

MNIST = (
    IdxFile("train-images-idx3-ubyte", (60000, 28, 28), "6bbc9ace898e44ae57da46a324031adb"),
    IdxFile("train-labels-idx1-ubyte", (60000,), "a25bea736e30d166cdddb491f175f624"),
    IdxFile("t10k-images-idx3-ubyte", (10000, 28, 28), "2646ac647ad5339dbf082846283269ea"),
    IdxFile("t10k-labels-idx1-ubyte", (10000,), "27ae3e4e09519cfbb04c329615203637"),
)
SUBSET = (
    IdxFile("train-images-idx3-ubyte", (2000, 28, 28), "e728bba8e776b1599e9da0248d1ceabf"),
    IdxFile("train-labels-idx1-ubyte", (2000,), "749e38f682b2df79a29244321f41a418"),
    IdxFile("t10k-images-idx3-ubyte", (500, 28, 28), "31e6c7f18675867b57075655b4a2afb2"),
    IdxFile("t10k-labels-idx1-ubyte", (500,), "124fe8b7094bc54ee9b0fa6af2133620"),
)


@dataclass(frozen=True, slots=True)
class Digits:
    """Training and test digits as the networks take them, rows are samples."""

    x_train: np.ndarray
    """(m, 784) float64, pixels in [0, 1]."""
    y_train: np.ndarray
    """(m, 10) float64, one-hot."""
    x_test: np.ndarray
    """(n, 784) float64."""
    y_test: np.ndarray
    """(n, 10) float64."""


def load(source: str | Path = "subset") -> Digits:
    """Load digits: `subset` (2,000 + 500, shipped), `download` (60,000 + 10,000, cached) or a folder of IDX
    files.

    Raises DataError, with what was expected and what was found, for anything missing, damaged or different.
    """
    if source == "subset":
        return as_digits(read_folder(importlib.resources.files("reference_net") / "subset", SUBSET))
    if source == "download":
        from reference_net.download import fetch  # pooch is optional

        source = fetch(MNIST)
    return as_digits(read_folder(Path(source), MNIST))


def read_folder(folder: Path | Traversable, files: Sequence[IdxFile]) -> dict[str, np.ndarray]:
    """Read each of `files` from `folder`: uint8 arrays by the name of the file.

    Gzipped or not, spelt `train-images-idx3-ubyte` or `train-images.idx3-ubyte`. Raises DataError.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: expected a folder with the four files of MNIST, got no folder")
    return {file.name: _read(folder, file) for file in files}


def as_digits(arrays: dict[str, np.ndarray]) -> Digits:
    """Scale pixels to [0, 1] and make labels one-hot; `arrays` as `read_folder` returns them."""
    return Digits(
        scale_pixels(arrays["train-images-idx3-ubyte"]),
        one_hot(arrays["train-labels-idx1-ubyte"]),
        scale_pixels(arrays["t10k-images-idx3-ubyte"]),
        one_hot(arrays["t10k-labels-idx1-ubyte"]),
    )


def scale_pixels(images: np.ndarray) -> np.ndarray:
    """uint8 (m, 28, 28) to float64 (m, 784) in [0, 1]."""
    return images.reshape(len(images), -1) / 255


def one_hot(labels: np.ndarray, c: int = CLASSES) -> np.ndarray:
    """Integers (m,) in 0 to c-1 to float64 (m, c). Raises IndexError for a label of c or more."""
    return np.eye(c)[labels]


def _read(folder: Path | Traversable, file: IdxFile) -> np.ndarray:
    for spelling in _spellings(file.name):
        path = folder / spelling
        if path.is_file():
            return read_idx(_content(path), file, str(path))
    tried = ", ".join(_spellings(file.name))
    raise DataError(f"{folder}: expected {file.name} under one of the names {tried}; got none of them")


def _spellings(name: str) -> list[str]:
    dotted = name.replace("-idx", ".idx")
    return [f"{name}.gz", name, f"{dotted}.gz", dotted]


def _content(path: Path | Traversable) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
