import numpy as np


def spiral(count, seed=1):
    rng = np.random.RandomState(seed)
    r = rng.rand(count, 1)
    angle = 4 * r + rng.randn(count, 1) * 0.2
    return np.hstack([r * np.cos(angle), r * np.sin(angle), r]), (np.sin(angle) > 0) * 1.0
