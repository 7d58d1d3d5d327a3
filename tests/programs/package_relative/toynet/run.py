import numpy as np

from . import data
from .functions import binary_cross_entropy, sigmoid

points, labels = data.spiral(150)
w = np.array([[0.5], [-0.4], [0.2]])
b = np.array([[0.1]])


def epoch(rate):
    global w, b
    z = points @ w + b
    a = sigmoid(z)
    cost = binary_cross_entropy(a, labels)
    dz = (a - labels) / len(points)
    dw = points.T @ dz
    db = dz.sum(axis=0, keepdims=True)
    w = w - rate * dw
    b = b - rate * db
    return cost


for i in range(5000):
    cost = epoch(0.5)
    if i % 500 == 0:
        print(i, cost)
