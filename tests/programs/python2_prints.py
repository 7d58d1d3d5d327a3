# As it was written for Python 2.
import numpy as np

EXPECTED = {
    "exit": 2,
    "says": ["python2_prints.py:17", "It reads like Python 2"],
}

X = np.random.rand(20, 3)
y = X.sum(1)
w = np.zeros(3)
for epoch in range(10):
    out = X.dot(w)
    dout = (out - y) / len(y)
    dw = X.T.dot(dout)
    w -= 0.1 * dw
    print "epoch", epoch, ((out - y) ** 2).mean()
