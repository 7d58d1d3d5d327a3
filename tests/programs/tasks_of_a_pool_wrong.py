# The same, with a sum over too much. Each part of the batch has its gradients from a worker of a pool; the parameters are the module's.
from multiprocessing import Pool

import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "inherited": ["dv"],
    "codes": {"what gradients_of()[1] returns": "GC202"},
    "notes": ["the tasks of a Pool were run in the process that hands them in"],
}

rng = np.random.default_rng(0)
params = {"W": rng.normal(size=(4, 3)), "v": np.zeros(3)}
X = rng.normal(size=(64, 4))
Y = np.sin(X[:, :3])


def gradients_of(part):
    x, y = part
    out = x @ params["W"] + params["v"]
    dout = out - y
    return x.T @ dout, dout.sum()


if __name__ == "__main__":
    with Pool(2) as pool:
        for _ in range(20):
            found = list(pool.map(gradients_of, [(X[:32], Y[:32]), (X[32:], Y[32:])]))
            dW = found[0][0] + found[1][0]
            dv = found[0][1] + found[1][1]
            params["W"] -= 0.01 * dW
            params["v"] -= 0.01 * dv
