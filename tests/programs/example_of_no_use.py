"""A main block that exits before it calls anything, a test of what is refused: inputs are found by trying all the same."""

import sys

import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["db"],
    "checked": ["dx", "dw"],
    "notes": ["found by trying", "the call at example_of_no_use.py:30 could not be had again by itself"],
}


def lin_forward(x, w, b):
    return x @ w + b, (x, w)


def lin_backward(dout, cache):
    x, w = cache
    dx = dout @ w.T
    dw = x.T @ dout
    db = dout.mean(axis=0)
    return dx, dw, db


def test_refuses():
    try:
        lin_forward(np.ones((2, 3)), np.ones((2, 3)), 0.0)
    except ValueError:
        return
    raise AssertionError


def main():
    np.savetxt("numbers.txt", np.ones(3))
    if len(sys.argv) < 2:
        sys.exit("usage: example_of_no_use.py FILE")
    lin_forward(np.loadtxt(sys.argv[1]), np.ones((3, 2)), 0.0)


if __name__ == "__main__":
    main()
