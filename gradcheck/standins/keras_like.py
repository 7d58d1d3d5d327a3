"""The data sets of keras, torchvision and the packages around MNIST, and what turns labels into one-hot rows."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.standins import datasets
from gradcheck.standins.hints import Hints

Array = NDArray[Any]


def to_categorical(y: Any, num_classes: int | None = None, **_: Any) -> Array:
    """One-hot rows."""
    labels = np.asarray(y, dtype=int).reshape(-1)
    rows: Array = np.eye(num_classes or int(labels.max(initial=0)) + 1)[labels]
    return rows


def contents(hints: Hints) -> Mapping[str, Mapping[str, Any]]:
    """What the modules hold, by whatever name they go."""
    loaders = {name: SimpleNamespace(load_data=_load(name, hints)) for name in datasets.IMAGES}
    utilities = {"to_categorical": to_categorical, "np_utils": SimpleNamespace(to_categorical=to_categorical)}
    made: dict[str, Mapping[str, Any]] = {}
    for root in ("keras", "tensorflow.keras", "tensorflow.python.keras", "keras.src"):
        made[f"{root}.datasets"] = loaders
        made |= {f"{root}.datasets.{name}": vars(loader) for name, loader in loaders.items()}
        made |= {f"{root}.utils": utilities, f"{root}.utils.np_utils": utilities}
        inside = {"datasets": SimpleNamespace(**loaders), "utils": SimpleNamespace(**utilities)}
        made[root] = inside
    made["tensorflow"] = {"keras": SimpleNamespace(**made["keras"])}
    sets = {name: _torchvision(low, hints) for name, low in _TORCHVISION.items()}
    made["torchvision.datasets"] = sets
    made["torchvision"] = {"datasets": SimpleNamespace(**sets)}
    made["mnist"] = _mnist_package(hints)
    made["mlxtend.data"] = {
        "loadlocal_mnist": lambda *_, **__: _flat("train", hints),
        "mnist_data": lambda: _flat("train", hints),
    }
    return made


_TORCHVISION = {"MNIST": "mnist", "FashionMNIST": "fashion_mnist", "CIFAR10": "cifar10", "CIFAR100": "cifar100"}


def _load(name: str, hints: Hints) -> Any:
    return lambda *_, **__: datasets.images(name, hints)


def _flat(part: str, hints: Hints) -> tuple[Array, Array]:
    images, labels = datasets.images("mnist", hints)[part != "train"]
    return images.reshape(len(images), -1), labels


def _mnist_package(hints: Hints) -> dict[str, Any]:
    """Of the packages mnist and python-mnist, which bear one name."""

    def images(part: int) -> Any:
        return lambda *_, **__: datasets.images("mnist", hints)[part][0]

    def labels(part: int) -> Any:
        return lambda *_, **__: datasets.images("mnist", hints)[part][1]

    class MNIST:
        def __init__(self, *_: Any, **__: Any) -> None:
            self.gz = False

        def load_training(self) -> tuple[Array, Array]:
            return _flat("train", hints)

        def load_testing(self) -> tuple[Array, Array]:
            return _flat("test", hints)

    return {
        "train_images": images(0),
        "train_labels": labels(0),
        "test_images": images(1),
        "test_labels": labels(1),
        "MNIST": MNIST,
    }


class _Tensor(np.ndarray[Any, Any]):
    """An array with the methods by which scripts turn a tensor into one."""

    def numpy(self) -> Array:
        return np.asarray(self)

    def float(self) -> Any:
        return self.astype(np.float32)

    def long(self) -> Any:
        return self.astype(np.int64)

    def detach(self) -> Any:
        return self

    cpu = clone = detach


def _torchvision(name: str, hints: Hints) -> Any:
    class Data:
        def __init__(self, *_: Any, train: bool = True, **__: Any) -> None:
            images, labels = datasets.images(name, hints)[not train]
            self.data = self.train_data = self.test_data = images.view(_Tensor)
            self.targets = self.train_labels = self.test_labels = labels.reshape(-1).view(_Tensor)

        def __len__(self) -> int:
            return len(self.data)

        def __getitem__(self, i: int) -> tuple[Any, int]:
            return self.data[i][None] / 255.0, int(self.targets[i])

    return Data
