import numpy as np


def initialize(sizes, seed=0):
    rng = np.random.default_rng(seed)
    d, h, c = sizes
    return {"W1": rng.normal(size=(d, h)), "b1": rng.normal(size=h), "W2": rng.normal(size=(h, c)), "b2": np.ones(c)}


def loss_and_gradients(params, X, T):
    Z1 = X @ params["W1"] + params["b1"]
    A1 = np.maximum(0.01 * Z1, Z1)
    Z2 = A1 @ params["W2"] + params["b2"]
    loss = np.mean((Z2 - T) ** 2)
    dZ2 = 2 * (Z2 - T) / T.size
    dW2 = A1.T @ dZ2
    db2 = dZ2.sum(axis=0)
    dZ1 = dZ2 @ params["W2"].T * np.where(Z1 > 0, 1.0, 0.01)
    dW1 = X.T @ dZ1 / len(X)
    db1 = dZ1.sum(axis=0)
    return loss, {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}
