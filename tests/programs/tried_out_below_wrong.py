# One of what the file tries is wrong.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["squeeze_backward:dZ"],
    "notes": ["from the call at"],
}

np.random.seed(1)


class Shift:
    def __init__(self, size):
        self.scale = np.ones(size)
        self.offset = np.zeros(size)

    def forward(self, x):
        self.x = x
        return x * self.scale + self.offset

    def backward(self, dout):
        self.dscale = (dout * self.x).sum(axis=0)
        self.doffset = dout.sum(axis=0)
        return dout * self.scale


def squeeze_forward(Z):
    out = Z / (1 + np.abs(Z))
    return out, (Z, out)


def squeeze_backward(dout, cache):
    Z, out = cache
    dZ = dout / (1 + np.abs(Z))
    return dZ


shift = Shift(3)
x = np.random.randn(5, 3)
print("forward:", shift.forward(x))
out, cache = squeeze_forward(np.random.randn(4, 2))
print("backward:", squeeze_backward(np.ones_like(out), cache))
for name in ("scale", "offset"):
    print(name, getattr(shift, name).shape)
