# ruff: noqa
# fmt: off
"""Generators and coroutines."""
import asyncio
import itertools

log = []


def counting(n):
    """Yields."""
    try:
        for i in range(n):
            got = yield i
            if got:
                log.append(("got", got))
                i += got
    except ValueError as e:
        log.append(("thrown", str(e)))
        yield "after"
    finally:
        log.append(("closed", n))
    return "end"


def delegating():
    result = yield from counting(2)
    log.append(result)
    x = yield
    y = (yield x) or 5
    z = [(yield y), (yield z0) if (z0 := 3) else 0]
    a, b = yield z
    yield a + b
    return


def squares(values):
    return (v * v for v in values if v > 0.5)


def infinite():
    n = 0.0
    while True:
        n += 0.5
        yield n


def pulling():
    it = iter([1, 2, 3, 4, 5])
    a, b = next(it), next(it)
    first, *rest = it
    try:
        x, y = itertools.count()
    except ValueError as e:
        log.append(str(e))
    source = itertools.count()
    try:
        p, q, r = itertools.islice(source, 2)
    except ValueError as e:
        log.append(str(e))
    return a, b, first, rest, next(source), list(it)


def using():
    g = counting(5)
    out = [next(g), g.send(10), g.send(None), g.throw(ValueError("v"))]
    g.close()
    h = counting(2)
    next(h)
    del h
    d = delegating()
    out += [next(d), next(d), next(d), d.send("x"), d.send(None), d.send(1), d.send(2), d.send((3, 4))]
    try:
        next(d)
    except StopIteration as e:
        out.append(e.value)
    never = counting(3)
    never.close()
    return out + [list(squares([0.1, 1.0, 2.0])), list(itertools.islice(infinite(), 3)), pulling()]


class Lines:
    def __init__(self, n):
        self.n = n
    def __aiter__(self):
        self.i = 0
        return self
    async def __anext__(self):
        self.i += 1
        if self.i > self.n:
            raise StopAsyncIteration
        await asyncio.sleep(0)
        return self.i
    async def __aenter__(self):
        log.append("aenter")
        return self, self.n
    async def __aexit__(self, *error):
        log.append(("aexit", error[0] and error[0].__name__))
        return True


async def ticking(n):
    """An asynchronous generator."""
    for i in range(n):
        sent = yield i
        await asyncio.sleep(0)
        if sent:
            log.append(sent)


async def awaiting(x, *, y=2):
    total = 0
    async for i in Lines(3):
        total += i
    else:
        total += 100
    async with Lines(2) as (lines, n):
        total = total + n
        raise ValueError
    values = [v async for v in ticking(3) if v > 0]
    pairs = {v: w async for v in ticking(2) for w in [v * 2]}
    z = await asyncio.sleep(0, result=x)
    async for a, b in zipped():
        total += a * b
    f = lambda: x + y
    gathered = await asyncio.gather(doubled(1), doubled(2))
    return total, values, pairs, z, f(), gathered, [await doubled(i) for i in range(2)]


async def zipped():
    yield 1, 2
    yield 3, 4


async def doubled(x):
    return await asyncio.sleep(0, x * 2)


def main():
    return using(), asyncio.run(awaiting(7)), log
