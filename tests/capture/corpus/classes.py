# ruff: noqa
# fmt: off
"""Classes, descriptors, decorators."""
import abc
import contextlib
import dataclasses
import enum
import functools
import typing

log = []


class Counted:
    """A property that notices every look at it."""
    def __init__(self):
        self.reads = self.writes = 0
        self._value = 1
    @property
    def value(self):
        """The docstring."""
        self.reads += 1
        return self._value
    @value.setter
    def value(self, new):
        self.writes += 1
        self._value = new
    @value.deleter
    def value(self):
        self._value = None
    @functools.cached_property
    def once(self):
        log.append("once")
        return 3


class Guarded:
    __slots__ = ("a", "_b", "__c", "__dict__")
    def __init__(self):
        object.__setattr__(self, "a", 1)
    def __setattr__(self, name, value):
        log.append(("set", name))
        object.__setattr__(self, name, value)
    def __getattribute__(self, name):
        log.append(("get", name))
        return object.__getattribute__(self, name)
    def __delattr__(self, name):
        log.append(("del", name))
        object.__delattr__(self, name)


class Missing:
    def __getattr__(self, name):
        log.append(("missing", name))
        return {"name": name}


class WriteOnly:
    """Can be stored into, and not read."""
    def __init__(self):
        self.stored = []
    def __setitem__(self, key, value):
        self.stored.append((key, value))


class Noisy(dict):
    def __getitem__(self, key):
        log.append(("getitem", key))
        return dict.__getitem__(self, key)
    def __setitem__(self, key, value):
        log.append(("setitem", key))
        dict.__setitem__(self, key, value)
    def items(self):
        log.append("items")
        return dict.items(self)
    def __len__(self):
        log.append("len")
        return dict.__len__(self)
    def __iter__(self):
        log.append("iter")
        return dict.__iter__(self)


class Strange:
    """Comparisons, truth and calls that are not what they seem."""
    def __init__(self, name):
        self.name = name
    def __lt__(self, other):
        log.append(("lt", self.name))
        return [self.name]
    def __gt__(self, other):
        log.append(("gt", self.name))
        return 0.5
    def __eq__(self, other):
        log.append(("eq", self.name))
        return NotImplemented
    def __hash__(self):
        log.append(("hash", self.name))
        return 1
    def __bool__(self):
        log.append(("bool", self.name))
        return False
    def __abs__(self):
        return "abs of " + self.name
    def __float__(self):
        log.append(("float", self.name))
        return 1.0
    def __array__(self, *args, **kwargs):
        log.append(("array", self.name))
        raise TypeError("no array")
    def __call__(self, *args):
        log.append(("call", self.name, len(args)))
        return self
    def __iadd__(self, other):
        log.append(("iadd", self.name))
        return "replaced"


def properties():
    c = Counted()
    c.value = 5
    c.value += 1
    c.value, other = 7, 8
    for c.value in range(2):
        pass
    c.once
    c.once
    c.list = [1]
    c.list[0] += 1
    reads = c.reads
    del c.value
    return reads, c.writes, c._value, Counted.value.__doc__, sorted(vars(c))


def guarded():
    g = Guarded()
    g.a = 2
    g.a += 3
    g._b, g.new = 1, 2
    g.new += 1
    g.items = [1, 2]
    g.items[0] = 5
    g.items[1] += 1
    del g.new
    m = Missing()
    m.x["k"] = 1
    m.y["k" + "l"] = m.z
    return g.a, g._b, g.items


def odd_containers():
    w = WriteOnly()
    w["a"] = 1
    w[0], w[1:2] = 2, 3
    for w["loop"] in range(2):
        pass
    n = Noisy(a=1)
    n["b"] = 2
    n["a"] += 1
    n["l" + str(1)] = [1]
    n["l1"][0] = 3
    x = n
    y = [n]
    return w.stored, dict.copy(n), x is n, y[0] is n


def strange():
    s, t = Strange("s"), Strange("t")
    u = s
    u += 1
    a = s < t
    b = s > t
    c = s < t < 5
    f = s(t)(1, 2)
    d = abs(s)
    e = f is s
    table = {s: 1}
    try:
        sorted([s, t])
        max(s, t)
    except TypeError as error:
        log.append(str(error))
    return u, a, b, c, d, e, not s


class Base:
    kind = "base"
    def __init__(self, x, *args, y=2, **kwargs):
        self.x = x + y
    def method(self):
        return ["Base", self.kind]
    @classmethod
    def build(cls, x):
        return cls(x)
    @staticmethod
    def fixed(x):
        return x * 2
    def __init_subclass__(cls, **kwargs):
        log.append(("subclass", cls.__name__, sorted(kwargs.items())))


class Left(Base, tag=1):
    kind = "left"
    def method(self):
        return ["Left"] + super().method()


class Right(Base):
    def method(self):
        return ["Right"] + super(Right, self).method()
    def __class_getitem__(cls, item):
        return cls.__name__ + str(item)


class Both(Left, Right):
    def __init__(this, x):
        super().__init__(x, y=5)
        this.z = __class__.__name__
    def method(self):
        parts = [super(Both, self).method() for _ in range(1)]
        return ["Both"] + parts[0]


class Color(enum.Enum):
    RED, GREEN = 1, 2
    BLUE = 3
    @property
    def next(self):
        return Color(self.value % 3 + 1)


class Flags(enum.IntFlag):
    A = enum.auto()
    B = enum.auto()
    AB = A | B


@dataclasses.dataclass(order=True, slots=True)
class Point:
    x: float
    y: float = 1.5
    tags: list = dataclasses.field(default_factory=list, compare=False)
    scale: dataclasses.InitVar[float] = 2.0
    limit: typing.ClassVar[int] = 7
    def __post_init__(self, scale):
        self.x *= scale
        self.y, self.tags = self.y + 1, [*self.tags, "made"]


@dataclasses.dataclass(frozen=True)
class Frozen:
    x: int
    def moved(self):
        return dataclasses.replace(self, x=self.x + 1)


class Meta(type):
    def __new__(meta, name, bases, space, **kwargs):
        space["made_by"] = meta.__name__
        space["order"] = [k for k in space if not k.startswith("_")]
        return super().__new__(meta, name, bases, space)
    def __prepare__(name, bases, **kwargs):
        class Strict(dict):
            def __setitem__(self, key, value):
                if key in self and not key.startswith("__"):
                    raise TypeError("bound twice: " + key)
                dict.__setitem__(self, key, value)
            def __missing__(self, key):
                if key.startswith("magic"):
                    return key
                raise KeyError(key)
        return Strict()
    def __lt__(cls, other):
        return "classes compare"


class Made(metaclass=Meta):
    first, second = 1, 2
    wish = magic_word
    for third in (1,):
        pass
    def method(self):
        return __class__.__name__


def traced(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        result = function(*args, **kwargs)
        wrapper.calls += 1
        return result
    wrapper.calls = 0
    return wrapper


def configured(prefix, *, suffix=""):
    def decorate(function):
        def wrapper(*args):
            return prefix + str(function(*args)) + suffix
        return wrapper
    return decorate


@traced
@configured("<", suffix=">")
def shown(x):
    """Its own docstring is lost."""
    y = x + 1
    return y


@traced
def documented(x: int, y: "str" = "a") -> float:
    """Kept."""
    return x


@functools.lru_cache(maxsize=None)
def cached(n):
    log.append(("cached", n))
    return n if n < 2 else cached(n - 1) + cached(n - 2)


@functools.singledispatch
def dispatched(x):
    return "object"


@dispatched.register
def _(x: int):
    return "int"


@dispatched.register(list)
def _(x):
    return "list"


@contextlib.contextmanager
def managed(x):
    log.append(("in", x))
    try:
        yield x * 2
    finally:
        log.append(("out", x))


class Vector:
    def __init__(self, *parts):
        self.parts = parts
    def __add__(self, other):
        return Vector(*(a + b for a, b in zip(self.parts, other.parts)))
    def __iter__(self):
        return iter(self.parts)
    def __getitem__(self, i):
        log.append(("part", i))
        return self.parts[i]
    def __call__(self, f):
        return Vector(*map(f, self.parts))
    def __matmul__(self, other):
        return sum(a * b for a, b in zip(self, other))
    def __contains__(self, x):
        return x in self.parts


def overloaded():
    v = Vector(1.5, -2.5) + Vector(1, 1)
    a, b = v
    c, *d = v(abs)
    return v.parts, a, b, c, d, v @ v, 2.5 in v, v[0], [x for x in v]


def inheritance():
    both = Both(1)
    return (both.x, both.z, both.method(), Both.build(2).x, Both.fixed(3), both.fixed(4), Right["a"],
            [c.__name__ for c in Both.__mro__], Left.kind, Base.kind)


def enumerations():
    return Color.RED.next.name, [c.name for c in Color], Flags.AB, Color["BLUE"].value, Color(2) is Color.GREEN


def data():
    p, q = Point(1.0), Point(1.0, 9.0, ["a"])
    return str(p), p < q, p == Point(1.0), q.tags, Point.limit, Frozen(1).moved().x, p.__slots__


def made():
    return Made.made_by, Made.order, Made().method(), Made.wish, Made < Made, Made.first


def decorated():
    return (shown(1), shown(2), shown.calls, documented(3), documented.__doc__, documented.__name__,
            documented.__wrapped__.__annotations__, cached(5), cached.cache_info().misses,
            dispatched(1), dispatched([]), dispatched(None), shown.__name__)


def main():
    with managed(4) as doubled:
        log.append(doubled)
    results = [properties(), guarded(), odd_containers(), strange(), inheritance(), enumerations(), data(), made(),
               decorated(), overloaded(), Counted.__doc__]
    return results, log
