"""The little of scikit-learn that from-scratch networks use: data sets, splits, scaling, encoding, scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.standins import datasets
from gradcheck.standins.hints import Hints, random

Array = NDArray[Any]


class Bunch(dict[str, Any]):
    """A dictionary whose entries are attributes as well."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def contents(hints: Hints) -> Mapping[str, Mapping[str, Any]]:
    """What the modules hold."""
    loaders = {f"load_{name}": _loader(name, hints) for name in datasets.TABLES}
    fetchers = {f"fetch_{name}": _loader(name, hints) for name in datasets.TABLES}
    made = {"make_moons": _moons, "make_circles": _moons, "make_blobs": _blobs, "make_classification": _blobs}
    own = {"fetch_openml": _openml(hints), "fetch_mldata": _openml(hints), "make_regression": _regression}
    return {
        "sklearn.datasets": {**loaders, **fetchers, **made, **own},
        "sklearn.model_selection": {"train_test_split": train_test_split},
        "sklearn.cross_validation": {"train_test_split": train_test_split},
        "sklearn.utils": {"shuffle": shuffle},
        "sklearn.preprocessing": {
            "StandardScaler": StandardScaler,
            "MinMaxScaler": MinMaxScaler,
            "OneHotEncoder": OneHotEncoder,
            "LabelBinarizer": OneHotEncoder,
            "LabelEncoder": LabelEncoder,
            "scale": lambda X: StandardScaler().fit_transform(X),
            "normalize": lambda X, **_: X / np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1e-12),
        },
        "sklearn.metrics": {
            "accuracy_score": lambda y, p, **_: float(np.mean(np.asarray(y) == np.asarray(p))),
            "mean_squared_error": lambda y, p, **_: float(np.mean((np.asarray(y) - np.asarray(p)) ** 2)),
        },
    }


def _loader(name: str, hints: Hints) -> Callable[..., Any]:
    def load(*_: Any, return_X_y: bool = False, **__: Any) -> Any:
        X, y = datasets.table(name, hints)
        classes = datasets.TABLES[name][2]
        named: dict[str, Any] = {
            "feature_names": [f"x{i}" for i in range(X.shape[1])],
            "target_names": [str(k) for k in range(classes)],
        }
        return (X, y) if return_X_y else Bunch(data=X, target=y, DESCR="", images=_images(X), **named)

    return load


def _images(X: Array) -> Array:
    side = int(X.shape[1] ** 0.5)
    return X.reshape(-1, side, side) if side * side == X.shape[1] else X


def _openml(hints: Hints) -> Callable[..., Any]:
    def fetch(name: str = "", *_: Any, return_X_y: bool = False, **__: Any) -> Any:
        m = hints.samples(70_000)
        if "mnist" not in name.lower():
            raise OSError(f"gradcheck has no stand-in for the data set {name!r}")
        table = datasets.digits_table(m, labelled=True)[1]
        X, y = table[:, 1:].astype(float), table[:, 0].astype(str)
        return (X, y) if return_X_y else Bunch(data=X, target=y)

    return fetch


def _moons(n_samples: int = 100, **_: Any) -> tuple[Array, Array]:
    y = datasets.labels_for(n_samples, 2)
    t = random().random(n_samples) * np.pi
    return np.column_stack([np.cos(t) * (1 - 2 * y) + y, np.sin(t) * (1 - 2 * y) + y / 2]), y


def _blobs(n_samples: int = 100, n_features: int = 2, **given: Any) -> tuple[Array, Array]:
    centers = given.get("n_classes", given.get("centers", 3 if "centers" in given else 2))
    k = centers if isinstance(centers, int) else 3
    y = datasets.labels_for(n_samples, k)
    return random().normal(size=(n_samples, n_features)) + 3 * y[:, None], y


def _regression(n_samples: int = 100, n_features: int = 100, **_: Any) -> tuple[Array, Array]:
    X = random().normal(size=(n_samples, n_features))
    return X, X @ np.linspace(-2, 2, n_features)


def train_test_split(*arrays: Any, test_size: float = 0.25, **_: Any) -> list[Any]:
    """Each array in two."""
    m = len(arrays[0])
    test = int(test_size if test_size > 1 else round(m * test_size))
    return [part for a in arrays for part in (a[: m - test], a[m - test :])]


def shuffle(*arrays: Any, **_: Any) -> Any:
    """Every array in one random order."""
    order = random().permutation(len(arrays[0]))
    return arrays[0][order] if len(arrays) == 1 else [a[order] for a in arrays]


class _Fitted:
    def __init__(self, *_: Any, **__: Any) -> None:
        """Options make no difference to a shape."""

    def fit_transform(self, X: Any, *_: Any) -> Any:
        return self.fit(X).transform(X)

    def fit(self, X: Any, *_: Any) -> Any:
        raise NotImplementedError

    def transform(self, X: Any) -> Any:
        raise NotImplementedError


class Estimator(_Fitted):
    """Any model of the library's own: it learns nothing, and says 0."""

    def fit(self, X: Any, *_: Any) -> Estimator:
        return self

    def predict(self, X: Any) -> Array:
        return np.zeros(len(X), dtype=int)

    def predict_proba(self, X: Any) -> Array:
        return np.full((len(X), 2), 0.5)

    def transform(self, X: Any) -> Any:
        return X

    def score(self, *_: Any) -> float:
        return 0.0


class StandardScaler(_Fitted):
    """Mean 0, deviation 1."""

    def fit(self, X: Any, *_: Any) -> StandardScaler:
        X = np.asarray(X, dtype=float)
        self.mean_, self.scale_ = X.mean(axis=0), X.std(axis=0) + (X.std(axis=0) == 0)
        return self

    def transform(self, X: Any) -> Array:
        scaled: Array = (np.asarray(X, dtype=float) - self.mean_) / self.scale_
        return scaled

    def inverse_transform(self, X: Any) -> Array:
        back: Array = np.asarray(X) * self.scale_ + self.mean_
        return back


class MinMaxScaler(StandardScaler):
    """From 0 to 1."""

    def fit(self, X: Any, *_: Any) -> MinMaxScaler:
        X = np.asarray(X, dtype=float)
        self.mean_, span = X.min(axis=0), np.ptp(X, axis=0)
        self.scale_ = span + (span == 0)
        return self


class LabelEncoder(_Fitted):
    """Labels as whole numbers."""

    def fit(self, y: Any, *_: Any) -> LabelEncoder:
        self.classes_ = np.unique(np.asarray(y))
        return self

    def transform(self, y: Any) -> Array:
        return np.searchsorted(self.classes_, np.asarray(y))


class OneHotEncoder(LabelEncoder):
    """Labels as rows of zeros with a one; of one encoder, the columns of several labels side by side."""

    def transform(self, y: Any) -> Any:
        made = np.eye(len(self.classes_))[np.searchsorted(self.classes_, np.asarray(y).reshape(-1))]
        return _Dense(made)


class _Dense(np.ndarray[Any, Any]):
    """An array that can be asked to be one, as a sparse matrix is."""

    def __new__(cls, array: Array) -> Any:
        return array.view(cls)

    def toarray(self) -> Array:
        return np.asarray(self)

    todense = toarray
