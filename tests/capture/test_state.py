"""What a run changes is put back, whatever holds it and however it was changed."""

from __future__ import annotations

import collections
import functools
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

from gradcheck.capture import state
from gradcheck.capture.attributes import attributes
from gradcheck.capture.roots import assign, look, roots


class Plain:
    """An instance with attributes."""

    shared = np.zeros(2)
    count = 0
    table: dict[str, int] = {}  # noqa: RUF012

    def __init__(self) -> None:
        self.W = np.ones(3)
        self.layers: list[Any] = []

    def method(self) -> None:
        self.W += 1


class Slotted:
    __slots__ = ("W", "__private", "later")

    def __init__(self) -> None:
        self.W = np.ones(2)
        self.__private = [1]

    def change(self) -> None:
        self.W = np.zeros(2)
        self.__private.append(2)
        self.later = 5

    def private(self) -> list[int]:
        return self.__private


class Guarded:
    """Attributes that can't be set from outside."""

    def __init__(self) -> None:
        object.__setattr__(self, "W", np.ones(2))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("guarded")

    def __getattribute__(self, name: str) -> Any:
        if name == "forbidden":
            raise RuntimeError("asked for")
        return object.__getattribute__(self, name)


class Owned(dict[str, Any]):
    """A dictionary with a mind of its own."""

    def __setitem__(self, key: str, value: Any) -> None:
        raise TypeError("read only")

    def __getitem__(self, key: str) -> Any:
        raise TypeError("write only")

    def items(self) -> Any:
        raise TypeError("not told")

    def copy(self) -> Any:
        raise TypeError("not copied")


class Pair(NamedTuple):
    W: np.ndarray
    b: float


@dataclass(slots=True)
class Data:
    W: np.ndarray = field(default_factory=lambda: np.ones(2))
    steps: int = 0


@dataclass(frozen=True)
class Frozen:
    W: np.ndarray = field(default_factory=lambda: np.ones(2))


class Listed(list[Any]):
    """A list with an attribute."""


def counter() -> Callable[[], int]:
    n, seen = 0, []

    def step() -> int:
        nonlocal n
        n += 1
        seen.append(n)
        return n

    return step


def with_default(x: int, kept: list[int] = [], *, named: dict[str, int] = {}) -> None:  # noqa: B006
    kept.append(x)
    named["x"] = x
    with_default.calls = getattr(with_default, "calls", 0) + 1  # type: ignore[attr-defined]


def decorated() -> Any:
    @functools.wraps(counter)
    def wrapper(_: Any = [0]) -> None:  # noqa: B006
        _[0] += 1

    return wrapper


def is_mine(kind: Any) -> bool:
    return getattr(kind, "__module__", None) == __name__


def edit(array: Any, *index: Any) -> None:
    array[index or ...] = 7


@dataclass
class Case:
    """A thing, what is done to it, and what is told of it from outside."""

    make: Callable[[], Any]
    change: Callable[[Any], Any]
    tell: Callable[[Any], Any] = repr


def _frozen_array() -> np.ndarray:
    array = np.arange(3.0)
    array.flags.writeable = False
    return array


def _thaw(array: np.ndarray) -> None:
    array.flags.writeable = True
    array += 1


def _structured() -> np.ndarray:
    return np.array([(1.5, 2, "x")], dtype=[("a", float), ("b", int), ("c", "U3")])


def _mask(array: Any) -> None:
    array[0] = np.ma.masked
    array.data[1] = 9


def _nan() -> np.ndarray:
    return np.array([np.nan, -0.0, 1.0])


def _bytes(array: np.ndarray) -> bytes:
    return array.tobytes()


CASES = {
    "array": Case(lambda: np.arange(4.0), lambda a: edit(a, 1)),
    "array, by ufunc": Case(lambda: np.arange(4.0), lambda a: np.add(a, 1, out=a)),
    "array, sorted": Case(lambda: np.array([3.0, 1.0]), lambda a: a.sort()),
    "array, filled": Case(lambda: np.array([3.0, 1.0]), lambda a: a.fill(2)),
    "array, not a number": Case(_nan, lambda a: edit(a, 0), _bytes),
    "array, sign of zero": Case(_nan, lambda a: edit(a, 1) or a.__setitem__(1, 0.0), _bytes),
    "array, one bit of a NaN": Case(_nan, lambda a: a.view(np.int64).__setitem__(0, a.view(np.int64)[0] + 1), _bytes),
    "array, no entries": Case(lambda: np.empty((0, 3)), lambda a: a.resize((2, 3), refcheck=False), lambda a: a.shape),
    "array, no axes": Case(lambda: np.array(1.5), lambda a: edit(a)),
    "array, other order": Case(lambda: np.asfortranarray(np.ones((2, 3))), lambda a: edit(a, 0, 1)),
    "array, large": Case(lambda: np.zeros((600, 700)), lambda a: edit(a, 599, 699), lambda a: float(a.sum())),
    "array, resized": Case(lambda: np.arange(3.0), lambda a: a.resize((7,), refcheck=False)),
    "array, frozen": Case(_frozen_array, _thaw),
    "array, made read-only": Case(lambda: np.ones(2), lambda a: a.setflags(write=False), lambda a: a.flags.writeable),
    "array, structured": Case(_structured, lambda a: a["a"].__setitem__(0, 9)),
    "array, of objects": Case(lambda: np.array([[1], None, "x"], dtype=object), lambda a: a[0].append(2)),
    "array, objects exchanged": Case(lambda: np.array([[1], None, "x"], dtype=object), lambda a: edit(a, 1)),
    "array, masked": Case(lambda: np.ma.array([1.0, 2.0, 3.0], mask=[0, 0, 1]), _mask),
    "array, matrix": Case(lambda: np.ones((2, 2)).view(np.matrix), lambda a: edit(a, 0, 0)),
    "view": Case(lambda: (base := np.zeros(4), base[1:3]), lambda pair: edit(pair[1])),
    "view, base not held": Case(lambda: np.zeros((2, 3)).T[1:], lambda a: edit(a, 0)),
    "list": Case(lambda: [1, np.ones(2), 3], lambda v: (v.append(4), v.pop(0), v[0].fill(0))),
    "list, sorted": Case(lambda: [3, 1, 2], lambda v: v.sort()),
    "list in a tuple in a dict": Case(lambda: {"a": (1, [np.ones(2)])}, lambda v: v["a"][1][0].fill(5)),
    "list, subclass": Case(
        lambda: Listed([1]), lambda v: (setattr(v, "note", 1), v.append(2)), lambda v: (list(v), vars(v))
    ),
    "list that holds itself": Case(lambda: (v := [1], v.append(v), v)[2], lambda v: v.append(2)),
    "dict": Case(lambda: {"a": 1, "b": 2}, lambda v: (v.pop("a"), v.update(c=3, b=4))),
    "dict, order": Case(lambda: {"a": 1, "b": 2}, lambda v: v.__setitem__("a", v.pop("a"))),
    "dict, cleared": Case(lambda: {"a": 1, 2: [3]}, lambda v: v.clear()),
    "dict, subclass": Case(lambda: Owned(a=1), lambda v: dict.__setitem__(v, "a", 2), lambda v: dict(dict.items(v))),
    "dict, ordered": Case(
        lambda: collections.OrderedDict(a=1, b=2), lambda v: (v.move_to_end("a"), v.update(c=3)), lambda v: list(v)
    ),
    "dict, default": Case(lambda: collections.defaultdict(list, a=[1]), lambda v: (v["b"], v["a"].append(2))),
    "counter": Case(lambda: collections.Counter("aab"), lambda v: v.update("bc")),
    "set": Case(lambda: {1, 2}, lambda v: (v.add(3), v.discard(1))),
    "deque": Case(lambda: collections.deque([1, 2], maxlen=2), lambda v: v.append(np.ones(1))),
    "bytes": Case(lambda: bytearray(b"abc"), lambda v: v.extend(b"d")),
    "named tuple": Case(lambda: Pair(np.ones(2), 1.0), lambda v: v.W.fill(0)),
    "instance": Case(Plain, lambda v: (v.method(), setattr(v, "new", 1), v.layers.append(2)), lambda v: repr(vars(v))),
    "instance, attribute deleted": Case(Plain, lambda v: delattr(v, "W"), lambda v: repr(vars(v))),
    "instance, attributes reordered": Case(Plain, lambda v: setattr(v, "W", vars(v).pop("W")), lambda v: list(vars(v))),
    "instance, slots": Case(Slotted, lambda v: v.change(), lambda v: (repr(attributes(v)), v.private())),
    "instance, slot deleted": Case(Slotted, lambda v: delattr(v, "W"), lambda v: repr(attributes(v))),
    "instance, guarded": Case(Guarded, lambda v: vars(v).update(W=1, x=2), lambda v: repr(vars(v))),
    "instance of a data class": Case(Data, lambda v: (v.W.fill(0), setattr(v, "steps", 3))),
    "instance, frozen": Case(Frozen, lambda v: (v.W.fill(0), object.__setattr__(v, "W", None))),
    "plain namespace": Case(lambda: SimpleNamespace(W=np.ones(2)), lambda v: (v.W.fill(0), setattr(v, "b", 1))),
    "class": Case(
        lambda: Plain,
        lambda v: (setattr(v, "count", 5), v.shared.fill(3), v.table.update(a=1), setattr(v, "extra", 1)),
        lambda v: (v.count, v.shared.tolist(), dict(v.table), hasattr(v, "extra")),
    ),
    "class, by its instance": Case(
        lambda: [Plain()], lambda v: type(v[0]).shared.fill(3), lambda v: type(v[0]).shared.tolist()
    ),
    "closure": Case(counter, lambda f: (f(), f()), lambda f: [repr(c.cell_contents) for c in f.__closure__]),
    "closure in a partial": Case(
        lambda: functools.partial(counter()), lambda f: f(), lambda f: repr(f.func.__closure__[0].cell_contents)
    ),
    "bound method": Case(lambda: Plain().method, lambda f: f(), lambda f: repr(f.__self__.W)),
    "function, defaults": Case(
        lambda: with_default,
        lambda f: f(1),
        lambda f: (f.__defaults__, f.__kwdefaults__, f.__dict__, repr(f.__kwdefaults__)),
    ),
    "function, decorated": Case(decorated, lambda f: f(), lambda f: repr(f.__defaults__)),
    "generator": Case(
        lambda: np.random.default_rng(1), lambda g: g.random(3), lambda g: repr(g.bit_generator.state["state"])
    ),
    "generator, legacy": Case(
        lambda: np.random.RandomState(1), lambda g: g.normal(), lambda g: repr(g.get_state(legacy=False))
    ),
    "generator of bits": Case(lambda: np.random.PCG64(3), lambda g: g.random_raw(), lambda g: repr(g.state)),
    "generator, Python's": Case(lambda: random.Random(1), lambda g: g.random(), lambda g: g.getstate()),
    "generator, NumPy's own": Case(lambda: None, lambda _: np.random.random(), lambda _: str(np.random.get_state())),
    "generator, Python's own": Case(lambda: None, lambda _: random.random(), lambda _: random.getstate()),
}


@pytest.mark.parametrize("name", CASES)
def test_a_change_is_put_back(name: str) -> None:
    case = CASES[name]
    thing = case.make()
    names = {"thing": thing, "other": 1}
    before = case.tell(thing)
    saved = state.save([names], is_mine)
    assert not saved.touched
    saved.restore_all()
    assert not saved.touched, "it was said to differ from itself"
    for _ in range(2):
        case.change(thing)
        assert case.tell(thing) != before, "the change can't be told from outside: the case proves nothing"
        saved.restore_all()
        assert case.tell(thing) == before
        assert names["thing"] is thing
    case.change(thing)
    saved.restore()
    assert case.tell(thing) == before, "what was seen to change once is not put back without looking"


def test_names_are_put_back() -> None:
    names: dict[str, Any] = {"__builtins__": {}, "a": 1, "b": [1], "c": 2}
    first = dict(names)
    saved = state.save([names], is_mine)
    names.update(a=5, new=1)
    del names["c"]
    saved.restore_all()
    assert names == first


def test_a_submodule_stays_an_attribute_of_its_package() -> None:
    import gradcheck.capture.state as module

    names: dict[str, Any] = {"__name__": "gradcheck.capture", "__builtins__": {}}
    saved = state.save([names], is_mine)
    names.update(state=module, other=module)
    saved.restore_all()
    assert "state" in names
    assert "other" not in names


def test_a_long_chain_is_walked() -> None:
    first = node = Plain()
    for _ in range(5000):
        node.next = Plain()  # type: ignore[attr-defined]
        node = node.next  # type: ignore[attr-defined]
    saved = state.save([{"first": first}], is_mine)
    node.W.fill(9)
    saved.restore_all()
    assert node.W.tolist() == [1, 1, 1]
    assert any(r.path.count(".next") == 5000 for r in roots([{"first": first}], is_mine))


def test_libraries_are_not_looked_into() -> None:
    import logging

    log = logging.getLogger("somebody's")
    saved = state.save([{"log": log, "np": np, "array_type": np.ndarray}], is_mine)
    assert not any(kept.item is log or kept.item is np.ndarray for kept in saved.kept)


def test_a_file_mapped_for_reading_is_not_copied(tmp_path: Path) -> None:
    file = tmp_path / "data"
    np.arange(10.0).tofile(file)
    for mode, copied in (("r", False), ("r+", True), ("c", True)):
        mapped = np.memmap(file, dtype=float, mode=mode)  # type: ignore[call-overload]
        saved = state.save([{"x": mapped}], is_mine)
        (kept,) = (k for k in saved.kept if k.item is mapped and k.kind is state.ARRAY)
        assert np.shares_memory(kept.saved[0], mapped) != copied
        if copied:
            mapped[:] = 0
            saved.restore_all()
            assert mapped.tolist() == list(range(10))
        del mapped, kept, saved
    assert np.fromfile(file).tolist() == list(range(10))


def test_a_copy_that_is_there_already_is_used() -> None:
    names = {"x": np.zeros(100_000), "y": np.zeros(10)}
    first = state.save([names], is_mine)
    names["y"] += 1
    second = state.save([names], is_mine, known=first)
    held = {id(k.item): k.saved for k in second.kept}
    known = {id(k.item): k.saved for k in first.kept}
    assert held[id(names["x"])] is known[id(names["x"])]
    assert held[id(names["y"])] is not known[id(names["y"])]
    names["y"] += 5
    second.restore_all()
    assert names["y"].tolist() == [1] * 10


@pytest.mark.parametrize("dtype", [float, "<U3", "u1"])
def test_of_a_data_set_most_looks_see_a_part(dtype: Any) -> None:
    """One entry is seen at the next look at the whole, what is written all over at once."""
    x = np.zeros(2_000_003, dtype)
    saved = state.save([{"x": x}], is_mine)
    seen = []
    for turn in range(1, 9):
        x[5] = 1
        saved.restore_all()
        seen += [turn] if saved.touched else []
        saved.touched.clear()
    assert seen == [1, 2, 4, 8]
    x[:] = 1
    saved.restore_all()
    assert saved.touched
    assert (x == np.zeros(1, dtype)).all()


def test_an_edit_that_was_seen_is_put_back_without_looking() -> None:
    names = {"x": np.zeros(4), "y": np.zeros(4)}
    saved = state.save([names], is_mine)
    view = names["x"][1:].reshape(3, 1)
    view += 1
    names["y"] += 1
    saved.touch(view)
    saved.restore()
    assert names["x"].tolist() == [0, 0, 0, 0]
    assert names["y"].tolist() == [1, 1, 1, 1], "nobody saw this edit"


# -- roots


@pytest.fixture
def held() -> tuple[dict[str, Any], dict[str, state.Root]]:
    W = np.ones(2)
    scale = np.float64(2.0)

    def forward() -> Any:
        return W * scale

    names: dict[str, Any] = {
        "x": np.zeros(3),
        "params": {"W1": np.ones(1), "deep": [({"b": 0.5},)]},
        "net": Plain(),
        "slots": Slotted(),
        "frozen": Frozen(),
        "pair": Pair(np.ones(2), 1.5),
        "forward": forward,
        "Plain": Plain,
        "lr": 0.1,
        "text": "no number",
        "n": 3,
        "_hidden": np.ones(1),
        "flags": np.array([True]),
        "words": np.array(["a"]),
    }
    names["same"] = names["x"]
    return names, {r.path: r for r in roots([names], is_mine)}


def test_every_number_is_found_once(held: tuple[dict[str, Any], dict[str, state.Root]]) -> None:
    _, found = held
    assert set(found) == {
        "x", "params['W1']", "params['deep'][0][0]['b']", "net.W", "net.shared", "slots.W", "frozen.W", "pair.W",
        "pair.b", "forward.W", "forward.scale", "lr", "flags",
    }  # fmt: skip
    assert found["params['W1']"].name == "W1"
    assert len(found["x"].places) == 2


def test_a_root_is_replaced_wherever_it_is_held(held: tuple[dict[str, Any], dict[str, state.Root]]) -> None:
    names, found = held
    for path, root in found.items():
        new = np.full_like(root.value, 8)
        for place in root.places:
            assign(place, new)
            assert look(place) is new, path
        for place in root.places:
            assign(place, root.value)
    assert names["x"] is names["same"]
    assert names["pair"].W.tolist() == [1, 1]
    assert type(names["pair"]) is Pair


def test_equal_numbers_are_not_one_number() -> None:
    names: dict[str, Any] = {}
    exec("lr = 0.1\nreg = 0.1", names)
    assert names["lr"] is names["reg"]
    assert [r.path for r in roots([names], is_mine)] == ["lr", "reg"]
