# Sizes that Python 2 divided into whole numbers.
import numpy as np

EXPECTED = {
    "exit": 2,
    "says": ["/ gives a float in Python 3, // a whole number", "python2_division.py:15"],
}


def window_forward(x, w, conv_param):
    stride = conv_param["stride"]
    n, c, height, width = x.shape
    f, _, p, q = w.shape
    rows, columns = 1 + (height - p) / stride, 1 + (width - q) / stride
    out = np.zeros((n, f, rows, columns))
    return out, (x, w, stride)


def window_backward(dout, cache):
    x, w, stride = cache
    return np.zeros_like(x), np.zeros_like(w)
