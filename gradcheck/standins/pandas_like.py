"""The little of pandas that from-scratch networks use: a table that is read, split, shuffled and turned into arrays."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.standins import datasets
from gradcheck.standins.hints import Hints, random

Array = NDArray[Any]


def contents(hints: Hints) -> Mapping[str, Mapping[str, Any]]:
    """What the module holds."""

    def read_csv(path: Any, sep: str = ",", header: Any = 0, names: Any = None, **_: Any) -> DataFrame:
        file = os.fsdecode(path)
        if os.path.exists(file):
            return _read(file, sep or ",", header, names)
        made, columns = datasets.csv(file, hints)
        table = DataFrame(dict(zip(names or (range(len(made)) if header is None else made), columns)))
        hints.tell(
            file,
            f"{os.path.basename(file)} is missing: a stand-in of {len(table)} rows and {len(made)} columns was read",
        )
        return table

    return {
        "pandas": {
            "read_csv": read_csv,
            "DataFrame": DataFrame,
            "Series": Series,
            "get_dummies": get_dummies,
            "concat": lambda parts, axis=0, **_: _joined(parts, axis),
        }
    }


def get_dummies(data: Any, columns: Any = None, drop_first: bool = False, **_: Any) -> DataFrame:
    """A column of zeros and ones for each value; of a table for each column that is named or holds texts."""
    if not isinstance(data, DataFrame):
        array = np.asarray(data)
        return DataFrame({v: (array == v) * 1.0 for v in np.unique(array)[int(drop_first) :]})
    spread = columns if columns is not None else [n for n, c in data.held.items() if c.dtype.kind in "OUS"]
    made = {n: c for n, c in data.held.items() if n not in spread}
    for name in spread:
        made |= {f"{name}_{v}": c for v, c in get_dummies(data.held[name], drop_first=drop_first).held.items()}
    return DataFrame(made)


def _read(file: str, sep: str, header: Any, names: Any) -> DataFrame:
    """A file that is there, whose columns are numbers or texts."""
    with open(file, encoding="utf-8-sig") as lines:
        rows = [line.rstrip("\r\n").split(sep) for line in lines if line.strip()]
    first = None if header is None or names is not None else rows.pop(0)
    columns = [_typed(column) for column in zip(*rows)]
    return DataFrame(dict(zip(names or first or range(len(columns)), columns)))


def _typed(column: Sequence[str]) -> Array:
    for kind in (int, float):
        try:
            return np.array([kind(v) if v.strip() else np.nan for v in column])
        except ValueError:
            continue
    return np.array([v.strip().strip('"') for v in column])


class Series(np.ndarray[Any, Any]):
    """A column."""

    def __new__(cls, values: Any, *_: Any, **__: Any) -> Any:
        return np.asarray(values).view(cls)

    @property
    def values(self) -> Array:
        return np.asarray(self)

    @property
    def iloc(self) -> Any:
        return self

    def to_numpy(self, *_: Any, **__: Any) -> Array:
        return np.asarray(self)

    def unique(self) -> Array:
        return np.unique(np.asarray(self))

    def map(self, to: Any) -> Any:
        one = to.get if isinstance(to, dict) else to
        return Series([one(v) for v in self.tolist()])

    apply = map

    def replace(self, to: Any, by: Any = None) -> Any:
        changed = to if isinstance(to, dict) else {to: by}
        return Series([changed.get(v, v) for v in self.tolist()])

    def median(self) -> float:
        return float(np.median(np.asarray(self)))

    def mode(self) -> Any:
        return Series(self.unique())

    def isin(self, values: Any) -> Any:
        return Series(np.isin(np.asarray(self), list(values)))

    def isnull(self) -> Any:
        return Series(np.zeros(self.shape, dtype=bool))

    isna = isnull

    def _itself(self, *_: Any, **__: Any) -> Any:
        return self

    fillna = dropna = reset_index = head = _itself


class _By:
    """iloc and loc: rows first, then columns by position or by name."""

    def __init__(self, table: DataFrame, named: bool) -> None:
        self._table, self._named = table, named

    def __getitem__(self, key: Any) -> Any:
        rows, columns = key if isinstance(key, tuple) else (key, slice(None))
        names = list(self._table.held)
        if self._named and not isinstance(columns, slice):
            wanted: Any = columns
        else:
            wanted = np.array(names, dtype=object)[columns]
        if isinstance(wanted, (list, np.ndarray)):
            if isinstance(rows, (int, np.integer)):
                return Series([self._table.held[n][rows] for n in wanted])
            return DataFrame({n: self._table.held[n][rows] for n in wanted})
        return Series(self._table.held[wanted])[rows]


class DataFrame:
    """A table: columns by name."""

    def __init__(self, data: Any = None, columns: Any = None, **_: Any) -> None:
        if not isinstance(data, dict):
            table = np.asarray(data if data is not None else np.zeros((0, 0)))
            data = dict(zip(columns if columns is not None else range(table.shape[1]), table.T))
        self.held: dict[Any, Array] = {name: np.asarray(column) for name, column in data.items()}

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        columns = list(self.held.values())
        table = np.column_stack(columns) if columns else np.zeros((0, 0))
        return table if dtype is None else table.astype(dtype)

    def __len__(self) -> int:
        return len(next(iter(self.held.values()), ()))

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, (list, np.ndarray)) and len(key) and isinstance(key[0], (bool, np.bool_)):
            return DataFrame({n: c[np.asarray(key)] for n, c in self.held.items()})
        if isinstance(key, list):
            return DataFrame({n: self.held[n] for n in key})
        if isinstance(key, slice):
            return DataFrame({n: c[key] for n, c in self.held.items()})
        return Series(self.held[key])

    def __setitem__(self, key: Any, value: Any) -> None:
        self.held[key] = np.broadcast_to(np.asarray(value), len(self)) if self.held else np.asarray(value)

    def __getattr__(self, name: str) -> Any:
        held = self.__dict__.get("held", {})
        if name in held:
            return Series(held[name])
        if name.startswith("__"):
            raise AttributeError(name)
        array = np.asarray(self)
        if name in ("mean", "std", "min", "max", "sum"):
            return lambda axis=0, **_: Series(getattr(array.astype(float), name)(axis=axis))
        if name == "median":
            return lambda *_, **__: Series(np.median(array.astype(float), axis=0))
        return lambda *_, **__: self  # dropna, reset_index, copy, fillna, head, info: a table of this shape, at most

    values = property(lambda self: np.asarray(self))
    shape = property(lambda self: np.asarray(self).shape)
    columns = property(lambda self: list(self.held))
    index = property(lambda self: np.arange(len(self)))
    iloc = property(lambda self: _By(self, named=False))
    loc = property(lambda self: _By(self, named=True))
    T = property(lambda self: DataFrame(np.asarray(self).T))

    def to_numpy(self, *_: Any, **__: Any) -> Array:
        return np.asarray(self)

    def astype(self, kind: Any) -> DataFrame:
        return DataFrame({n: c.astype(kind) for n, c in self.held.items()})

    def drop(self, labels: Any = None, axis: Any = 0, columns: Any = None, **_: Any) -> DataFrame:
        named = columns if columns is not None else labels if axis in (1, "columns") else []
        out = [named] if isinstance(named, str) else list(named)
        return DataFrame({n: c for n, c in self.held.items() if n not in out})

    def pop(self, name: Any) -> Any:
        return Series(self.held.pop(name))

    def sample(self, n: int | None = None, frac: float = 1.0, **_: Any) -> DataFrame:
        order = random().permutation(len(self))[: n if n is not None else int(frac * len(self))]
        return DataFrame({name: c[order] for name, c in self.held.items()})

    def __sub__(self, other: Any) -> DataFrame:
        return DataFrame(np.asarray(self) - np.asarray(other), columns=list(self.held))

    def __truediv__(self, other: Any) -> DataFrame:
        return DataFrame(np.asarray(self) / np.asarray(other), columns=list(self.held))


def _joined(parts: Sequence[Any], axis: int) -> DataFrame:
    if axis == 1:
        return DataFrame({n: c for part in parts for n, c in part.held.items()})
    return DataFrame({n: np.concatenate([part.held[n] for part in parts]) for n in parts[0].held})
