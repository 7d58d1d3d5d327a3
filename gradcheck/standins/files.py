"""Data files that are missing: what reads them gets a stand-in, if their name or their reader says what they hold."""

from __future__ import annotations

import _pickle
import builtins
import bz2
import contextlib
import functools
import gzip
import importlib.util
import io
import lzma
import os
import pickle
import re
import struct
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck.standins import datasets
from gradcheck.standins.hints import Hints, needs_it, random

_TEXTS = re.compile(r"input|text|corpus|ptb|book|shakespeare|poe[mt]|story|lyric|names|words|train|wonderland")
"""Names of files that are read as letters or words."""
_LISTS = re.compile(r"names|words|dinos")
"""And of those that have one a line."""
_Place = tuple[Any, str, Callable[[Any], Any]]
"""A module or class, or its name; the name of a function there; from that function to what takes its place."""


@contextlib.contextmanager
def given(hints: Hints) -> Iterator[None]:
    """While this holds, what the user's code reads and is missing is stood in for."""
    compressed = (gzip, bz2, lzma)
    places: list[_Place] = [
        *((owner, "open", functools.partial(_opening, hints, "r")) for owner in (builtins, io, Path)),
        *((owner, "open", functools.partial(_opening, hints, "rb")) for owner in compressed),
        (Path, "read_bytes", _else(lambda path: _stored(hints, path).read())),
        (Path, "read_text", _else(lambda path, *_: _content(hints, path).read().decode())),
        (pickle, "load", functools.partial(_unpickling, hints)),
        (_pickle, "load", functools.partial(_unpickling, hints)),  # import _pickle as cPickle
        (urllib.request, "urlretrieve", _else(lambda url, to=None: (to or _last(url), None))),
        (urllib.request, "urlopen", _else(lambda url, *_: _stored(hints, _last(url)))),
        *((np, name, functools.partial(_reading, hints)) for name in ("loadtxt", "genfromtxt")),
        (np, "load", _else(lambda path, *_: _archive(hints, path))),
        (np, "fromfile", _else(lambda path, *_: np.frombuffer(_content(hints, path).read(), np.uint8))),
    ]
    late: list[_Place] = [
        ("pandas", "read_csv", functools.partial(_table, hints)),
        ("scipy.io", "loadmat", _else(lambda path, *_: _mat(hints, path))),
        *(("tqdm.notebook", name, _on_a_console) for name in ("tqdm", "tqdm_notebook")),
    ]
    with _replaced(places), _when_imported(late):
        yield


@contextlib.contextmanager
def _replaced(places: list[_Place]) -> Iterator[None]:
    own = [name in vars(owner) for owner, name, _ in places]  # a method may be inherited, by the Python's version
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in places]
    for (owner, name, replaced), (_, _, was) in zip(places, before):
        setattr(owner, name, replaced(was))
    try:
        yield
    finally:
        for (owner, name, was), is_own in reversed(list(zip(before, own))):
            if is_own:
                setattr(owner, name, was)
            else:
                delattr(owner, name)


@contextlib.contextmanager
def _when_imported(places: list[_Place]) -> Iterator[None]:
    """The same for what may be imported only later, or never."""
    before: list[tuple[Any, str, Any]] = []

    def replace_in(module: Any, name: str) -> None:
        for _, attribute, replaced in [p for p in places if p[0] == name]:
            before.append((module, attribute, getattr(module, attribute)))
            setattr(module, attribute, replaced(getattr(module, attribute)))

    class Finder:
        @staticmethod
        def find_spec(name: str, path: Any = None, target: Any = None) -> Any:
            if name not in {p[0] for p in places}:
                return None
            sys.meta_path.remove(finder)
            try:
                spec = importlib.util.find_spec(name)
            finally:
                sys.meta_path.insert(0, finder)
            if spec is not None and spec.loader is not None:
                spec.loader = _Then(spec.loader, lambda module: replace_in(module, name))  # type: ignore[assignment]
            return spec

    finder: Any = Finder
    for name in {p[0] for p in places} & sys.modules.keys():
        replace_in(sys.modules[name], name)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.meta_path.remove(finder)
        for owner, name, was in reversed(before):
            setattr(owner, name, was)


def _on_a_console(bar: Any) -> Any:
    """tqdm's bar for notebooks, which raises where their widgets are missing: its plain one then."""
    if getattr(sys.modules[bar.__module__], "IProgress", bar) is not None:
        return bar
    plain = importlib.import_module("tqdm").tqdm
    return lambda *args, display=True, **kwargs: plain(*args, **kwargs)


class _Then:
    """A module's own loader, and what is done as soon as the module is there."""

    def __init__(self, loader: Any, then: Callable[[Any], None]) -> None:
        self._loader, self._then = loader, then

    def create_module(self, spec: Any) -> Any:
        return self._loader.create_module(spec)

    def exec_module(self, module: Any) -> None:
        module.__loader__ = module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._then(module)


def _else(instead: Callable[..., Any]) -> Callable[[Any], Any]:
    """A reader; where what it reads is not there, `instead`, which raises FileNotFoundError if it does not know it."""

    def replaced(really: Any) -> Any:
        @functools.wraps(really)
        def read(*args: Any, **kwargs: Any) -> Any:
            try:
                return really(*args, **kwargs)
            except OSError as error:  # a file that is not there, a network that is not to be used
                if not needs_it():
                    raise
                try:
                    return instead(*args[:2])
                except FileNotFoundError:
                    raise error from None

        return read

    return replaced


def _opening(hints: Hints, usual: str, really: Any) -> Any:
    """`open`, whose usual mode is text, or that of a compressed file, which is binary."""

    @functools.wraps(really)
    def open_(file: Any, mode: Any = usual, *args: Any, **kwargs: Any) -> Any:
        try:
            return really(file, mode, *args, **kwargs)
        except FileNotFoundError:
            if not needs_it() or "r" not in str(mode):
                raise
            made = _content(hints, file) if usual == "rb" else _stored(hints, file)
        binary = "b" in mode or (usual == "rb" and "t" not in mode)
        return made if binary else io.TextIOWrapper(made)

    return open_


class Missing(io.BytesIO):
    """A file that is not there, open for reading."""

    name = ""


def _content(hints: Hints, path: Any) -> Missing:
    """The bytes of a missing file of a known kind. Raises FileNotFoundError for any other."""
    file = os.fsdecode(path)
    low = _last(file).lower()
    if "idx" in low and "ubyte" in low:
        made = Missing(_idx(low))
    elif low.endswith((".pkl", ".pickle", ".pkl.gz", ".p")) or low.startswith(("data_batch", "test_batch")):
        made = Missing()
    elif low.endswith((".csv", ".data", ".txt")) and (low.endswith(".csv") or "mnist" in low or "iris" in low):
        names, columns = datasets.csv(low, hints)
        # mnist_train.csv, as it is passed around, has no header; train.csv of a competition has one
        lines = [",".join(names)] if low.endswith(".csv") and "mnist" not in low else []
        lines += [",".join(map(str, row)) for row in zip(*(c.tolist() for c in columns))]
        made = Missing("\n".join(lines).encode() + b"\n")
    elif low.endswith(".txt") and _TEXTS.search(low):
        made = Missing(datasets.text(by_line=bool(_LISTS.search(low))).encode())
    else:
        raise FileNotFoundError(file)
    made.name = file
    hints.tell(file, f"{_last(file)} is missing: a stand-in was read, with drawn numbers")
    return made


def _stored(hints: Hints, path: Any) -> Missing:
    """The same as it lies on the disk: compressed, if its name says so."""
    made = _content(hints, path)
    if made.name.endswith(".gz") and made.getbuffer().nbytes:
        stored = Missing(gzip.compress(made.getvalue(), compresslevel=0))
        stored.name = made.name
        return stored
    return made


@functools.lru_cache(4)
def _idx(name: str) -> bytes:
    m = 10_000 if "t10k" in name or "test" in name else 60_000
    if "label" in name:
        return struct.pack(">ii", 2049, m) + datasets.labels_for(m, 10).astype(np.uint8).tobytes()
    pixels = random().integers(0, 256, m * 784, dtype=np.uint8)
    pixels[pixels < 150] = 0
    return struct.pack(">iiii", 2051, m, 28, 28) + pixels.tobytes()


def _unpickling(hints: Hints, really: Any) -> Any:
    @functools.wraps(really)
    def load(file: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(file, Missing):
            return really(file, *args, **kwargs)
        return _unpickled(hints, file.name, as_bytes=kwargs.get("encoding") == "bytes")

    return load


def _unpickled(hints: Hints, file: str, *, as_bytes: bool) -> Any:
    low = _last(file).lower()
    if "batch" in low:
        pixels = random().integers(0, 256, (10_000, 3072), dtype=np.uint8)
        held = {"data": pixels, "labels": datasets.labels_for(10_000, 10).tolist()}
        return {key.encode(): value for key, value in held.items()} if as_bytes else held
    if "mnist" in low:  # three parts, scaled to 1, as the tutorials' mnist.pkl.gz has them
        parts = ((50_000, 0), (10_000, 1), (10_000, 2))
        sets = [(hints.samples(m), seed) for m, seed in parts]
        return tuple((random().random((m, 784), dtype=np.float32), datasets.labels_for(m, 10)) for m, _ in sets)
    raise FileNotFoundError(f"{file} is missing, and what it held can't be told from its name")


def _reading(hints: Hints, really: Any) -> Any:
    """np.loadtxt and np.genfromtxt."""

    @functools.wraps(really)
    def read(fname: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return really(fname, *args, **kwargs)
        except OSError:
            if not needs_it() or not isinstance(fname, (str, os.PathLike)):
                raise
        _, columns = datasets.csv(_last(os.fsdecode(fname)), hints)
        numeric = [c if c.dtype.kind in "fiub" else np.unique(c, return_inverse=True)[1] for c in columns]
        table = np.column_stack(numeric).astype(kwargs.get("dtype", float))
        hints.tell(os.fsdecode(fname), f"{_last(os.fsdecode(fname))} is missing: a stand-in of {_size(table)} was read")
        chosen = table if kwargs.get("usecols") is None else table[:, kwargs["usecols"]]
        return chosen.T if kwargs.get("unpack") else chosen

    return read


def _archive(hints: Hints, path: Any) -> Any:
    """np.load of mnist.npz; nothing is known of any other."""
    if "mnist" not in _last(os.fsdecode(path)).lower():
        raise FileNotFoundError(path)
    (x_train, y_train), (x_test, y_test) = datasets.images("mnist", hints)
    hints.tell(
        os.fsdecode(path),
        f"{_last(os.fsdecode(path))} is missing: a stand-in of {len(x_train)} + {len(x_test)} images was read",
    )
    return Archive(x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)


class Archive(dict[str, Any]):
    """What np.load gives for an .npz file."""

    @property
    def files(self) -> list[str]:
        """The names of its arrays."""
        return list(self)

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""


def _table(hints: Hints, really: Any) -> Any:
    """The real pandas's read_csv."""

    @functools.wraps(really)
    def read_csv(path: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return really(path, *args, **kwargs)
        except OSError:
            if not needs_it() or not isinstance(path, (str, os.PathLike)):
                raise
        import pandas  # type: ignore[import-not-found,import-untyped,unused-ignore]

        names, columns = datasets.csv(os.fsdecode(path), hints)
        bare = kwargs.get("header", 0) is None
        named: Any = kwargs.get("names") or (range(len(columns)) if bare else names)
        table = pandas.DataFrame(dict(zip(named, columns)))
        hints.tell(os.fsdecode(path), f"{_last(os.fsdecode(path))} is missing: a stand-in of {_size(table)} was read")
        return table

    return read_csv


def _mat(hints: Hints, path: Any) -> dict[str, Any]:
    """scipy.io.loadmat of the 5,000 digits of a well-known course."""
    name = _last(os.fsdecode(path))
    if not name.lower().startswith(("ex3data", "ex4data")):
        raise FileNotFoundError(path)
    hints.tell(name, f"{name} is missing: a stand-in of 5000 rows and 400 columns was read")
    return {"X": random().random((5000, 400)), "y": datasets.labels_for(5000, 10)[:, None] + 1}


def _size(table: Any) -> str:
    return f"{table.shape[0]} rows and {table.shape[1]} columns"


def _last(path: Any) -> str:
    return str(getattr(path, "full_url", path)).replace("\\", "/").rpartition("/")[2]
