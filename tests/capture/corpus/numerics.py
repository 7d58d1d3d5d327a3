# ruff: noqa
# fmt: off
"""Arrays: identity, views, masks, in-place work."""
import warnings

import numpy as np
from numpy import maximum as mx, clip

relu = np.maximum
registry = dict(abs=np.abs, maximum=np.maximum)


def views():
    a = np.arange(6.0)
    b = a
    b += 1
    c = a[1:3]
    c *= 10
    d = a.reshape(2, 3)
    d[0, 0] = -1
    d[:, 1] += 5
    e = a.T
    e[...] = e * 2
    return a.tolist(), a is b, np.shares_memory(a, d)


def masks():
    z = np.array([[-1.0, 2.0], [0.0, 3.0]])
    dz = np.ones_like(z)
    dz[z <= 0] = 0
    dz[np.argmax(z, axis=0), [0, 1]] += 5
    dz[z > 1] *= 2
    where = np.where(z > 0, z, 0.1 * z)
    chosen = z[z > 0] if (z > 0).any() else None
    ok = (z > 0) & (z < 3) | (z == 0)
    return dz.tolist(), where.tolist(), chosen.tolist(), ok.tolist()


def kinks():
    z = np.linspace(-2, 2, 6).reshape(2, 3)
    act = np.minimum
    out = np.empty_like(z)
    np.maximum(z, 0, out=out)
    parts = [np.maximum(z, 0), mx(z, 0), relu(z, 0), act(z, 0), clip(z, -1, 1), z.clip(0), z.clip(max=1), z.max(),
             z.max(1), z.max(axis=0, keepdims=True), np.max(z, axis=(0, 1)), np.maximum.reduce(z, axis=1),
             np.maximum.accumulate(z, axis=1), np.sort(z, axis=0), np.argsort(-z), np.median(z), np.abs(z), abs(z),
             np.sign(z), np.round(z, 1), z.round(2), np.floor(z), np.percentile(z, 30), registry["maximum"](z, 0),
             registry["abs"](z), np.argmax(z), np.partition(z, 1), np.ptp(z), np.heaviside(z, 0.5), max(z[0]),
             min(z.ravel().tolist()), np.maximum(1j * z + z, 0), np.abs(1j * z), z > 0, np.greater(z, 0), np.fmod(z, 1),
             np.interp(z, [0, 1], [0, 2]), np.digitize(z, [0, 1]), np.searchsorted([0.0, 1.0], z), out]
    return [np.asarray(p).tolist() for p in parts]


def kinds():
    m = np.matrix([[1.0, 2.0], [3.0, 4.0]])
    product = m * m
    masked = np.ma.array([1.0, -2.0, 3.0], mask=[0, 1, 0])
    masked += 1
    structured = np.zeros(2, dtype=[("a", float), ("b", int)])
    structured["a"] += 1.5
    structured[0] = (9.5, 1)
    objects = np.array([[1, 2], None, "x"], dtype=object)
    objects[0] = [3]
    objects[0] += [4]
    zero = np.array(1.5)
    zero += 1
    scalar = np.float32(1.5)
    scalar += 1
    ints = np.arange(3)
    ints += 1
    bools = ints > 1
    bools |= True
    strings = np.array(["a", "b"])
    strings[0] = "c"
    frozen = np.arange(3.0)
    frozen.flags.writeable = False
    try:
        frozen += 1
    except ValueError as e:
        said = str(e)
    empty = np.empty((0, 3))
    empty += 1
    return (type(product).__name__, product.tolist(), str(masked), masked.max(), structured.tolist(), objects.tolist(),
            zero.shape, float(zero), type(scalar).__name__, ints.tolist(), bools.tolist(), strings.tolist(), said, empty.shape)


def errors():
    out = []
    z = np.ones((2, 3))
    for attempt in (lambda: np.maximum(z, np.ones(5)), lambda: z > np.ones(5), lambda: z.max(axis=7), lambda: np.clip(z),
                    lambda: np.sort(z, axis=3), lambda: z.max(nothing=1), lambda: np.maximum(z), lambda: bool(z > 0)):
        try:
            attempt()
        except Exception as e:
            out.append((type(e).__name__, str(e)))
    return out


def named():
    from collections import namedtuple
    P = namedtuple("P", "W b")
    p = P(np.ones(2), 0.5)
    p = p._replace(b=p.b + 1)
    W, b = p
    W += b
    (q, r), s = (W * 2, W.sum()), p.W
    return p.W.tolist(), p.b, q.tolist(), float(r), s is W


def per_sample():
    x, w, total = np.arange(6.0).reshape(3, 2), np.array([0.5, -0.25]), 0.0
    dw = np.zeros(2)
    for i, row in enumerate(x):
        z = row @ w
        a = max(0.0, z)
        total += (a - i) ** 2 / 2
        if z > 0:
            dw += (a - i) * row
    table = np.zeros((3, 2))
    for i in range(3):
        for j in range(2):
            table[i, j] = x[i, j] * w[j]
    return float(total), dw.tolist(), table.tolist()


def main():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [views(), masks(), kinks(), kinds(), errors(), named(), per_sample()]
