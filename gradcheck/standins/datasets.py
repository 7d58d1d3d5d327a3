"""Data sets by their names, in the shapes that their libraries give them; the numbers are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.standins.hints import Hints, random

Array = NDArray[Any]
IMAGES: dict[str, tuple[tuple[int, ...], int, int]] = {
    "mnist": ((28, 28), 60_000, 10_000),
    "fashion_mnist": ((28, 28), 60_000, 10_000),
    "cifar10": ((32, 32, 3), 50_000, 10_000),
    "cifar100": ((32, 32, 3), 50_000, 10_000),
}
"""Of one image; of how many to train and to test with."""
TABLES: dict[str, tuple[int, int, int]] = {
    "iris": (150, 4, 3),
    "digits": (1797, 64, 10),
    "breast_cancer": (569, 30, 2),
    "wine": (178, 13, 3),
    "diabetes": (442, 10, 0),
    "boston": (506, 13, 0),
    "linnerud": (20, 3, 0),
    "california_housing": (20_640, 8, 0),
    "covtype": (20_000, 54, 7),
}
"""Samples, features, classes; no classes where a number is to be predicted."""
COLUMNS: dict[str, tuple[str, ...]] = {
    "iris": ("sepal_length", "sepal_width", "petal_length", "petal_width", "species"),
}


def images(name: str, hints: Hints) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """(images, labels) to train and to test with: whole numbers below 256, as keras gives them."""
    shape, train, test = IMAGES[name]
    rng = random()

    def part(full: int) -> tuple[Array, Array]:
        m = hints.samples(full)
        pixels = rng.integers(0, 256, (m, *shape), dtype=np.uint8)
        pixels[rng.random((m, *shape[:2])) < 0.6] = 0
        labels = labels_for(m, 100 if name == "cifar100" else 10).astype(np.uint8)
        return pixels, labels[:, None] if name.startswith("cifar") else labels

    return part(train), part(test)


def table(name: str, hints: Hints) -> tuple[Array, Array]:
    """(features, target) of a small data set."""
    m, d, classes = TABLES[name]
    m = hints.samples(m) if m > 2000 else m
    features = random().normal(3.0, 1.0, (m, d)).round(2)
    features = np.clip((features * 3).round(), 0, 16) if name == "digits" else features
    return features, labels_for(m, classes) if classes else features @ np.linspace(-1, 1, d) + 20


def labels_for(m: int, classes: int) -> Array:
    """Labels of all classes in a random order."""
    return random().permutation(np.arange(m) % max(classes, 1))


def digits_table(m: int, *, labelled: bool) -> tuple[list[str], Array]:
    """A CSV of MNIST digits, one a row: its label first, then its 784 pixels."""
    pixels = random().integers(0, 256, (m, 784), dtype=np.uint8)
    names = [f"pixel{i}" for i in range(784)]
    if not labelled:
        return names, pixels.astype(np.int64)
    return ["label", *names], np.column_stack([labels_for(m, 10), pixels])


def text(*, by_line: bool) -> str:
    """Prose, a sentence a line, for what learns letters or words; of a list, a word a line."""
    words = random().permutation(np.repeat(_WORDS.split(), 80)).tolist()
    if by_line:
        return "\n".join(words) + "\n"
    sentences = (words[i : i + 9] for i in range(0, len(words), 9))
    return "".join(f"{' '.join(s).capitalize()}.\n" for s in sentences)


_WORDS = (
    "the a quick grey fox quietly jumped over old lazy dogs by river every evening while five brown wizards mixed"
    " jugs of very sharp cider and some boys waved from an empty bridge"
)


def csv(path: str, hints: Hints) -> tuple[list[str], list[Array]]:
    """Names and columns of a missing table, by its name and by what the source says of it."""
    low = path.replace("\\", "/").rpartition("/")[2].lower()
    rows = hints.rows()
    if "mnist" in low or (("train" in low or "test" in low or "digit" in low) and {784, 785, 255} & {*hints.numbers}):
        names, values = digits_table(rows, labelled="mnist" in low or "test" not in low)
        return names, list(values.T)
    known = next((n for n in TABLES if n.replace("_", "") in low.replace("_", "").replace("-", "")), None)
    used = hints.columns
    if known is not None and not (used.names and set(used.names).isdisjoint({*COLUMNS.get(known, ()), "target"})):
        features, target = table(known, hints)
        named = COLUMNS.get(known) or (*(f"x{i}" for i in range(features.shape[1])), "target")
        return list(named), [*features.T, _species(target) if known == "iris" else target]
    rng = random()
    if used.names and not used.only_labels:
        return list(used.names), [_column(name, rows, rng, texts) for name, texts in used.names.items()]
    keys = hints.keys
    if not used.names and keys and all(not k.startswith(("d", "W", "b")) or len(k) > 4 for k in keys):
        return keys, [_column(name, rows, rng) for name in keys]
    hints.guessed = True
    widths = hints.widths()
    width = widths[min(hints.guess, len(widths) - 1)]
    if used.names:  # beside what the code calls by name and takes out of the table
        labels = {name: _column(name, rows, rng, texts, label=True) for name, texts in used.names.items()}
        others = {f"x{i}": rng.random(rows).round(3) for i in range(max(width - len(labels), 1))}
        return [*others, *labels], [*others.values(), *labels.values()]
    ends = (0, width - 1)  # a label is in the first column or in the last one
    columns = [rng.integers(0, 2, rows) * 1.0 if i in ends else rng.random(rows).round(3) for i in range(width)]
    return [f"x{i}" for i in range(width)], columns


def _species(target: Array) -> Array:
    return np.array(["Iris-setosa", "Iris-versicolor", "Iris-virginica"])[target]


def _column(name: str, rows: int, rng: np.random.Generator, texts: Sequence[str] = (), *, label: bool = False) -> Array:
    """Numbers, whole ones of a label; of what is compared with texts, those and another one if there is only one."""
    if texts:
        return rng.permutation(np.resize([*texts, "other"][: max(len(texts), 2)], rows))
    words = ("label", "target", "class", "species", "diagnosis", "outcome", "survived", "churn", "digit", "y")
    return rng.integers(0, 2, rows) if label or name.lower() in words else rng.random(rows).round(3)
