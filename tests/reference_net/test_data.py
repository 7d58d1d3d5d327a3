"""The shipped subset, folders in every spelling, and folders that hold something else."""

from __future__ import annotations

import gzip
import hashlib
import importlib.resources
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from reference_net import data
from reference_net.idx import DataError, IdxFile, write_idx

SUBSET = Path(str(importlib.resources.files("reference_net") / "subset"))
FULL = os.environ.get("GRADCHECK_MNIST_DIR")
needs_full = pytest.mark.skipif(not FULL, reason="GRADCHECK_MNIST_DIR does not say where the complete MNIST is")


def small_mnist(folder: Path) -> tuple[IdxFile, ...]:
    """Four files of random digits in `folder`, 6 for training and 4 for the test; what each must hold."""
    rng = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    files = []
    for split, count in [("train", 6), ("t10k", 4)]:
        images = rng.integers(256, size=(count, 28, 28), dtype=np.uint8)
        labels = rng.integers(10, size=count, dtype=np.uint8)
        for name, array in [(f"{split}-images-idx3-ubyte", images), (f"{split}-labels-idx1-ubyte", labels)]:
            content = write_idx(array)
            (folder / name).write_bytes(content)
            files.append(IdxFile(name, array.shape, hashlib.md5(content).hexdigest()))
    return tuple(files)


@pytest.fixture
def files(tmp_path: Path) -> tuple[IdxFile, ...]:
    return small_mnist(tmp_path)


def test_subset_has_the_same_number_of_each_class(subset):
    np.testing.assert_array_equal(subset.y_train.sum(axis=0), [200] * 10)
    np.testing.assert_array_equal(subset.y_test.sum(axis=0), [50] * 10)


def test_subset_is_scaled_and_one_hot(subset):
    assert (subset.x_train.shape, subset.y_train.shape) == ((2000, 784), (2000, 10))
    assert (subset.x_test.shape, subset.y_test.shape) == ((500, 784), (500, 10))
    for x, y in [(subset.x_train, subset.y_train), (subset.x_test, subset.y_test)]:
        assert (x.min(), x.max()) == (0, 1)
        assert len(np.unique(x, axis=0)) == len(x)
        assert set(np.unique(y)) == {0, 1}
        np.testing.assert_array_equal(y.sum(axis=1), 1)


def test_classes_are_mixed(subset):
    """Sorted by class, a batch of consecutive rows would hold a single one."""
    labels = subset.y_train.argmax(axis=1)
    assert all(len(set(labels[start : start + 50])) >= 8 for start in range(0, 2000, 50))


def test_subset_is_small_and_says_whose_it_is():
    sizes = {path.name: path.stat().st_size for path in SUBSET.iterdir()}
    assert sum(sizes.values()) < 700_000
    assert {f"{file.name}.gz" for file in data.SUBSET} < set(sizes)
    attribution = (SUBSET / "ATTRIBUTION.md").read_text()
    assert all(words in " ".join(attribution.split()) for words in ["Yann LeCun and Corinna Cortes", "CC BY-SA 3.0"])


def test_a_changed_subset_is_not_trusted(tmp_path):
    shutil.copytree(SUBSET, tmp_path / "copy")
    path = tmp_path / "copy" / "train-labels-idx1-ubyte.gz"
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[100] ^= 1
    path.write_bytes(gzip.compress(content))
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte\.gz is not .*: expected MD5 749e38"):
        data.read_folder(tmp_path / "copy", data.SUBSET)


@pytest.mark.parametrize("dotted", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_every_spelling_is_read(tmp_path, files, dotted, packed):
    plain = data.read_folder(tmp_path, files)
    for file in files:
        path = tmp_path / file.name
        content = path.read_bytes()
        path.unlink()
        name = file.name.replace("-idx", ".idx") if dotted else file.name
        (tmp_path / (name + ".gz" * packed)).write_bytes(gzip.compress(content) if packed else content)
    for name, array in data.read_folder(tmp_path, files).items():
        np.testing.assert_array_equal(array, plain[name])


def test_gz_that_was_unpacked_without_renaming_is_read(tmp_path, files):
    for file in files:
        (tmp_path / file.name).rename(tmp_path / f"{file.name}.gz")
    assert len(data.read_folder(tmp_path, files)) == 4


def test_digits_keep_rows_and_labels_together(tmp_path, files):
    arrays = data.read_folder(tmp_path, files)
    digits = data.as_digits(arrays)
    np.testing.assert_allclose(digits.x_train[2] * 255, arrays["train-images-idx3-ubyte"][2].ravel())
    np.testing.assert_array_equal(digits.y_test.argmax(axis=1), arrays["t10k-labels-idx1-ubyte"])


def test_a_missing_file_is_named_with_the_names_tried(tmp_path, files):
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError) as caught:
        data.read_folder(tmp_path, files)
    assert str(caught.value) == (
        f"{tmp_path}: expected t10k-labels-idx1-ubyte under one of the names t10k-labels-idx1-ubyte.gz, "
        "t10k-labels-idx1-ubyte, t10k-labels.idx1-ubyte.gz, t10k-labels.idx1-ubyte; got none of them"
    )


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere: expected a folder with the four files of MNIST, got no folder$"):
        data.load(tmp_path / "nowhere")


def swap(folder: Path, one: str, other: str) -> None:
    contents = [(folder / name).read_bytes() for name in (one, other)]
    for name, content in zip((other, one), contents):
        (folder / name).write_bytes(content)


def test_swapped_train_and_test_are_refused(tmp_path, files):
    swap(tmp_path, "train-images-idx3-ubyte", "t10k-images-idx3-ubyte")
    message = r"expected dimensions \(6, 28, 28\), got \(4, 28, 28\)$"
    with pytest.raises(DataError, match=message):
        data.read_folder(tmp_path, files)


def test_swapped_images_and_labels_are_refused(tmp_path, files):
    swap(tmp_path, "train-images-idx3-ubyte", "train-labels-idx1-ubyte")
    with pytest.raises(DataError, match="expected magic number 2051, got 2049"):
        data.read_folder(tmp_path, files)


def test_a_folder_with_other_digits_is_not_mnist():
    with pytest.raises(DataError, match=r"expected dimensions \(60000, 28, 28\), got \(2000, 28, 28\)$"):
        data.load(SUBSET)


def test_a_file_that_cannot_be_read_is_named(tmp_path, files, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte cannot be read: Permission denied$"):
        data.read_folder(tmp_path, files)


def test_one_hot_refuses_a_class_it_does_not_know():
    np.testing.assert_array_equal(data.one_hot(np.array([2, 0]), 3), [[0, 0, 1], [1, 0, 0]])
    with pytest.raises(IndexError):
        data.one_hot(np.array([3]), 3)


@pytest.mark.full_mnist
@needs_full
def test_the_complete_mnist_is_read():
    digits = data.load(FULL)
    assert (digits.x_train.shape, digits.x_test.shape) == ((60000, 784), (10000, 784))


@pytest.mark.full_mnist
@needs_full
def test_every_shipped_digit_is_in_the_complete_set():
    shipped, full = data.read_folder(SUBSET, data.SUBSET), data.read_folder(Path(FULL), data.MNIST)

    def examples(arrays, split):
        images, labels = arrays[f"{split}-images-idx3-ubyte"], arrays[f"{split}-labels-idx1-ubyte"]
        return {image.tobytes() + bytes([label]) for image, label in zip(images, labels)}

    assert len(examples(shipped, "train")) == 2000
    assert len(examples(shipped, "t10k")) == 500
    assert examples(shipped, "train") <= examples(full, "train")
    assert examples(shipped, "t10k") <= examples(full, "t10k")
    assert not examples(shipped, "t10k") & examples(full, "train")  # the control: the other split has none of them
