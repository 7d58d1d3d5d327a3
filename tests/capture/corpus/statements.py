# ruff: noqa
# fmt: off
"""Every statement."""
import itertools


class Log(list):
    def __call__(self, *values):
        self.append(values)
        return values[-1]


log = Log()
counter = itertools.count()


def assignments():
    a = b = c = log("chained", 3)
    (d, e), [f, *g] = (log("left", 1), 2), "xyz"
    h, = [log("single", 5)]
    i = j, k = (log("both", 7), 8)
    x: int = log("annotated", 9)
    y: "never evaluated"
    z = w, (u, *v) = 1, (2, 3, 4)
    return a, b, c, d, e, f, g, h, i, j, k, x, z, w, u, v


class Kept:
    def __setattr__(self, name, value):
        log("set", name, value)
        super().__setattr__(name, value)
    def __repr__(self):
        return "kept"


def attributes_by_name():
    kept = Kept()
    setattr(log("owner", kept), log("name", "a"), log("value", 1))
    setattr(kept, "b", getattr(kept, "a") + 1)
    setattr(*(kept, "c", 3))
    try:
        setattr(kept, 4, 5)
    except TypeError as error:
        log("refused", str(error))
    return vars(kept)


def subscripts():
    a = list(range(10))
    a[next(counter)] += 1
    a[next(counter):next(counter) + 3] = log("slice", [20, 21, 22])
    a[log("index", 2)] = log("value", 99)
    a[-1], a[log("unpacked", 0)] = log("right", 1), 2
    table = {}
    table[log("key", "k" + str(1))] = log("stored", 4)
    table["k" + str(1)] += log("added", 5)
    table["x"] = table["y"] = log("twice", [])
    table["x"] += [1]
    for table["loop"] in range(3):
        pass
    for a[next(counter)], table["t" + str(len(table))] in [(1, 2), (3, 4)]:
        log(sorted(table, key=str))
    del a[0], table["x"]
    shared = [1]
    table["s" + "h"] = log.shared = shared
    log.kept = shared
    same = table["sh"] is shared, log.shared is shared, log.kept is shared
    return same, a, table, next(counter)


def evaluation_order():
    def box(name):
        log("box", name)
        return {}
    box("first")[log("i", 1)] = log("v", 2)
    order = []
    def note(x):
        order.append(x)
        return x
    note({})[note("k")] = note("v")
    d = {note("key"): note("value") for _ in range(2)}
    note(1) < note(2) < note(3)
    note(5) < note(4) < note(6)
    x = [0, 0]
    x[note(0)], x[note(1)] = note(10), note(11)
    x[note(0)] += note(12)
    f = lambda *a, **k: (a, k)
    f(note(1), *[note(2)], key=note(3), **{"more": note(4)})
    max(note(1.0), note(2.0), key=note(lambda v: -v))(0) if False else None
    return order


def loops():
    out = []
    for i in range(3):
        for j in range(3):
            if j == 2:
                break
            if (i + j) % 2:
                continue
            out.append((i, j))
        else:
            out.append("no break")
    else:
        out.append("done")
    while out and len(out) < 9:
        out.append(len(out))
    else:
        out.append("else")
    for out[0] in (7, 8):
        pass
    for i, (a, *b) in enumerate([(1, 2, 3), "xy"]):
        out.append((i, a, b))
    for _ in ():
        never = 1
    try:
        never
    except UnboundLocalError as error:
        out.append(str(error))
    for i in range(3):
        i += 10
        out.append(i)
        del i
    return out


def exceptions():
    out = []
    for kind in (ValueError, KeyError, BaseException, None):
        try:
            try:
                if kind:
                    raise kind("x")
                out.append("fine")
            except ValueError as e:
                out.append(("value", str(e)))
                raise RuntimeError("again") from e
            except:
                out.append("bare")
            else:
                out.append("else")
            finally:
                out.append("finally")
        except RuntimeError as e:
            out.append((str(e), repr(e.__cause__)))
    try:
        e
    except NameError as unbound:
        out.append(str(unbound))
    return out


def swallowed():
    def returns():
        try:
            1 / 0
        finally:
            return "returned"
    def breaks():
        for _ in (1,):
            try:
                1 / 0
            finally:
                break
        return "broke"
    def continues():
        for i in range(2):
            try:
                [][i]
            finally:
                continue
        return "continued"
    def nested():
        try:
            try:
                raise KeyError(1)
            finally:
                def inner():
                    return 5
                x = inner()
        except KeyError:
            return x
    def overrides():
        try:
            return log("first", 1)
        finally:
            log("cleanup", 0)
    return returns(), breaks(), continues(), nested(), overrides()


def groups():
    out = []
    try:
        raise ExceptionGroup("g", [ValueError(1), TypeError(2), OSError(3)])
    except* ValueError as e:
        out.append([repr(x) for x in e.exceptions])
    except* (TypeError, OSError) as e:
        out.append([repr(x) for x in e.exceptions])
    else:
        out.append("never")
    finally:
        out.append("finally")
    return out


class Manager:
    def __init__(self, name, swallow=False):
        self.name, self.swallow = name, swallow
    def __enter__(self):
        log("enter", self.name)
        return self.name, [1, 2]
    def __exit__(self, *error):
        log("exit", self.name, error[0] and error[0].__name__)
        return self.swallow


def managers():
    with Manager("a"), Manager("b") as (name, [x, y]):
        log(name, x, y)
    with (Manager("c", True) as c, Manager("d")):
        raise ValueError
    holder = {}
    with Manager("e") as holder["e"]:
        pass
    return c, holder


def conditions(x):
    if x > 3:
        r = "big"
    elif x < 0:
        r = "negative"
    else:
        r = "small"
    assert x is not None, "message"
    try:
        assert x < 0, log("because", x)
    except AssertionError as e:
        r += str(e)
    pass
    return r


def deletions():
    a, b, c = 1, 2, [3, 4, 5]
    del a, (b, [c[0]])
    try:
        a
    except UnboundLocalError:
        a = "gone"
    return a, c


def augmented():
    x = 5
    for op in range(13):
        x = [x + 1, x - 2, x * 3, x // 2, x % 7, x ** 2, x << 2, x >> 1, x | 8, x & 13, x ^ 5, x / 2, -x][op] if x == int(x) else x
    y = 7
    y += 1; y -= 2; y *= 3; y /= 2; y //= 2; y %= 3; y **= 2
    z = 12
    z <<= 2; z >>= 1; z |= 1; z &= 29; z ^= 3
    same = alias = [1]
    alias += [2]
    text = "a"
    text += "b"
    t = (1,)
    t += (2,)
    return x, y, z, same, same is alias, text, t


def imports():
    import os.path as p, math
    from math import sqrt as root, pi
    if root(4) == 2:
        import json
    else:
        json = None
    try:
        import no_such_module_at_all
    except ImportError as e:
        missing = e.name
    return p.basename("/a/b"), math.floor(2.5), pi > 3, json.dumps([1]), missing


def main():
    results = [
        assignments(), attributes_by_name(), subscripts(), evaluation_order(), loops(), exceptions(), swallowed(), groups(), managers(),
        [conditions(x) for x in (5, -1, 2)], deletions(), augmented(), imports(),
    ]
    return results, list(log)
