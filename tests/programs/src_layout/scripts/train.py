import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "src"))
from tinynet import initialize, loss_and_gradients, optim

rng = np.random.default_rng(3)
X = rng.normal(size=(200, 4))
T = np.stack([X[:, 0] * X[:, 1], np.sin(X[:, 2]), X[:, 3]], axis=1)

params = initialize((4, 8, 3))
sgd = optim.SGD(0.05)
for epoch in range(1000):
    loss, gradients = loss_and_gradients(params, X, T)
    sgd.step(params, gradients)
    if epoch % 100 == 0:
        print(epoch, loss)
