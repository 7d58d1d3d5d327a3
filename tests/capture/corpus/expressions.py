# ruff: noqa
# fmt: off
"""Every expression."""
import functools
import math
import operator
from dataclasses import dataclass


def note(x, seen=[]):
    seen.append(x)
    return x


def operators(a=7, b=2):
    return (a + b, a - b, a * b, a / b, a // b, a % b, a ** b, a << b, a >> b, a | b, a & b, a ^ b, -a, +a, ~a, not a,
            a and b, a or b, 0 and note("no"), 1 or note("no"), a if b else note("no"), (a, b) + (1,), "%s-%r" % (a, "b"))


def comparisons(x=1.5, y=2.5):
    return (x < y, x <= y, x > y, x >= y, x == y, x != y, x is y, x is not y, x in [y], x not in [y], x < y < 3,
            x < 1 < note("skipped"), 1 < x > 1.2 != y, not x < y, (x < y) < 2, x < float("nan"), [1, 2] < [1, 3],
            "a" < "b", (1, "a") >= (1,), {1} < {1, 2}, x < y == True, None is None, x < 2 and y < 3 or x > 4)


def literals():
    return (1_000, 0x1F, 0b11, 0o17, 1e-3, 3j, b"bytes", r"\raw", "join" "ed", ..., None, True, (), [], {}, {1}, {1: 2},
            (1,), [*range(2), *"ab"], {*[1, 2], 3}, {**{"a": 1}, "b": 2}, (*[1], 2), """multi
line""")


def formatted(x=3.14159, name="n"):
    width = 8
    return (f"{x:.2f}", f"{x:>{width}.3f}", f"{name!r:>5}", f"{x=}", f"{x > 3 = }", f"{{}}", f"{max(x, 2.0):.1f}", f"{(lambda v: v * 2)(x):.1f}", f"{'nested ' + f'{name}'}", f"{[v for v in range(2)]}", f"{x if x > 3 else 0}")


def calls(*args, **kwargs):
    f = lambda a, /, b, *c, d=4, **e: (a, b, c, d, sorted(e.items()))
    return (f(1, 2), f(*[1, 2, 3]), f(1, b=2, z=3), f(1, *(2,), d=5, **{"y": 6}), (lambda: (yield))().__next__(),
            (lambda: ())(), (lambda: (1,))(), (lambda: (1, 2))(), (lambda x: (x,))(3), (lambda *a: (*a, 5))(1),
            (lambda x: x)(4), (lambda: [1])(), (lambda: {"a": 1.5})(), functools.reduce(max, [1.5, 3.5, 2.5]),
            list(map(abs, [-1.5, 2])), sorted([3.5, 1.5], key=lambda v: -v), args, kwargs)


def kinks():
    values = [1.5, -2.5, 3.5]
    it = iter(values)
    return (max(values), min(values), max(1.5, 2), max(values, key=abs), max((v for v in values)), min([], default=9),
            max("hello"), max({"a": 1, "b": 2}), max({"b": 1.5}), abs(-3), abs(-3.5), abs(3 + 4j), round(2.567, 1),
            round(3.5), sorted(values), sorted("bca"), divmod(7.5, 2), sum(values), math.floor(2.5), math.fabs(-1.5),
            max(it), list(it), min(map(float, "312")), max(1, 2), max([1], [2]), max(range(5)), min("a", "b"))


def errors_from_calls():
    out = []
    for attempt in (lambda: max(), lambda: max([]), lambda: abs("x"), lambda: max(1, "a"), lambda: round("x"),
                    lambda: sorted([1, "a"]), lambda: max(1.5, key=3), lambda: min(1.5, 2.5, wrong=1),
                    lambda: 1.5 < "a", lambda: 1 < 2 < "b", lambda: [1.5] < 2, lambda: max(iter([])),
                    lambda: max(1.5, None), lambda: (1.5).real(), lambda: undefined(1.5)):
        try:
            out.append(attempt())
        except Exception as e:
            out.append((type(e).__name__, str(e)))
    return out


def slices():
    a = list(range(10))
    return a[1:3], a[::-1], a[-1], a[slice(1, 4)], a[:], a[1:8:3], "hello"[1:-1]


def conditional_side_effects():
    seen = []
    def s(x):
        seen.append(x)
        return x
    s(0) and s(1) or s(2)
    s(1.5) < s(1.0) < s(9.0)
    s(1.5) < s(2.5) < s(3.5)
    x = s(1) if s(0) else s(2)
    [s(i) for i in range(3) if s(i) > 1]
    {s("k"): s("v")}
    s(max)(s(1.5), s(2.5))
    (s(5) if s(True) else s(6), *s([1]))
    return seen


def frames():
    """Callables that look at who calls them."""
    import sys
    def clip():
        return sys._getframe(1).f_code.co_name
    def max():
        x = 5
        return sorted(sys._getframe(1).f_locals)
    mine = 1
    here = locals
    return clip(), max(), sorted(here()), (lambda: sys._getframe(1).f_code.co_name)()


def matching(subject):
    match subject:
        case 0 | 1:
            return "small"
        case -1.5:
            return "minus"
        case int(n) if n > 100:
            return "large", n
        case str() as s:
            return "text", s
        case [a, *rest] if (m := len(rest)) > 1:
            return "list", a, rest, m
        case [a, (b, c)]:
            return "nested", a, b, c
        case {"k": v, **others}:
            return "mapping", v, others
        case Pair(x=0, y=y):
            return "pair", y
        case Pair(x, y):
            return "positional", x, y
        case math.pi:
            return "pi"
        case None | True:
            return "constant"
        case _:
            return "other"


@dataclass
class Pair:
    x: float
    y: float


def matches():
    return [matching(s) for s in (0, -1.5, 500, "t", [1, 2, 3], [1, (2, 3)], {"k": 1, "z": 2}, Pair(0, 5), Pair(1, 2),
                                  math.pi, None, 2.5)]


def deep():
    x = 1
    return eval("+".join(["x"] * 80)), (((((x)))))


def main():
    return [operators(), comparisons(), literals()[:-1], formatted(), calls(1, k=2), kinks(), errors_from_calls(),
            slices(), conditional_side_effects(), frames(), matches(), deep(), note.__defaults__]
