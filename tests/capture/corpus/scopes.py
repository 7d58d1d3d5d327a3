# ruff: noqa
# fmt: off
"""Where names live."""
total = 0
items = [1, 2]
dropped = "here"


def rebinding():
    global total, fresh
    total += 5
    total = total * 2
    fresh = total
    for total in range(3):
        pass
    return total


def removing():
    global dropped
    del dropped
    return "dropped" in globals()


def editing_a_global():
    items[0] = 9
    items.append(3)
    return list(items)


def counting():
    n = 0
    def step(by=1):
        nonlocal n
        n += by
        (n, m) = (n, n * 2)
        return n
    return [step(), step(5), step(), n]


def closures():
    made = [lambda i=i: i * 2 for i in range(3)]
    late = [lambda: i for i in range(3)]
    def outer(x):
        y = x + 1
        def middle():
            z = y + x
            def inner(w):
                return [x, y, z, w]
            return inner
        return middle()
    return [f() for f in made], [f() for f in late], outer(1)(2)


def own_names(first, *rest, key=3, **more):
    """What locals() says."""
    second = first * 2
    second += 1
    grads = {}
    grads["d" + str(1)] = 5
    if second > 3:
        pass
    copied = {k: v for k, v in locals().items() if k != "copied"}
    return copied, sorted(vars()), sorted(own_names.__code__.co_varnames[:4])


def module_names():
    return sorted(name for name in globals() if not name.startswith("__"))


def executing():
    space = {"x": 3}
    exec("y = x + 1\nfor i in range(2):\n    y += i", space)
    local = eval("[v * x for v in range(2)]", {"x": 4})
    exec("def f(a):\n    return a + 1\nr = f(2)", space)
    return space["y"], local, space["r"]


def walrus(values):
    if (n := len(values)) > 2 and (last := values[-1]):
        big = [y for x in values if (y := x * 2) > 4]
        return n, last, big, y
    return n


def comprehensions():
    x = "outer"
    a = [x for x in range(3)]
    b = {x: y for x, y in zip("ab", [1, 2])}
    c = {x % 2 for x in range(5)}
    d = list((x, y) for x in range(2) for y in range(x + 1) if x >= y)
    e = [[z for z in range(w)] for w in range(3)]
    f = [lambda: x for x in (1, 2)]
    g = any(v > 1 for v in a), all(v < 1 for v in a), sum(v * 0.5 for v in a), max(v + 0.5 for v in a)
    return x, a, b, sorted(c), d, e, [h() for h in f], g


class Scoped:
    size = 3
    squares = [n * n for n in range(size)]
    doubled = [s * 2 for s in squares]
    first, *others = squares
    size += 1
    size2 = size = size + 1
    for index in range(2):
        last = index
    __hidden = 5
    names = sorted(k for k in locals() if not k.startswith("__"))
    def reveal(self):
        self.__own = self.__hidden + 1
        self.__own += 1
        self.__list = [1, 2]
        self.__list[0] += 5
        a, self.__pair = 1, 2
        __local = 3
        __local += 1
        return self.__own, self.__list, self.__pair, __local, sorted(vars(self))
    class Inner:
        __deep = 7
        def get(self):
            self.__deep += 1
            return self.__deep, sorted(vars(self))


def shadowing():
    max = lambda *a: "mine"
    abs = str
    class round:
        def __init__(self, x):
            self.x = x
    return max(1.5, 2.5), abs(-1.5), round(2).x, min(2.5, 1.5)


def defaults(a, b=[], *, c={}, d=(lambda: 5)(), e=max(1.5, 2.5)):
    b.append(a)
    c[a] = len(b)
    return list(b), dict(c), d, e


def recursion(n):
    if n <= 1:
        return 1
    x = n * recursion(n - 1)
    return x


def late():
    try:
        value
    except UnboundLocalError as e:
        text = str(e)
    value = 1
    return text, value


def main():
    scoped = Scoped()
    return [
        rebinding(), removing(), editing_a_global(), counting(), closures(), own_names(1, 2, 3, extra=4),
        module_names(), executing(), walrus([1, 2, 3]), walrus([]), comprehensions(), scoped.reveal(),
        Scoped.Inner().get(), Scoped.squares, Scoped.doubled, Scoped.first, Scoped.others, Scoped.size, Scoped.size2,
        Scoped.last, Scoped.names, shadowing(), defaults(1), defaults(2), defaults.__defaults__, recursion(10), late(),
        total, fresh, items,
    ]
