import numpy as np


def max_pool(a):
    n, size = a.shape
    pairs = a.reshape(n, size // 2, 2)
    return pairs.max(axis=2), pairs.argmax(axis=2)


def max_pool_back(dpooled, chosen):
    n, half = dpooled.shape
    da = np.zeros((n, half, 2), dtype=np.float32)
    np.put_along_axis(da, chosen[:, :, None], dpooled[:, :, None], axis=2)
    return da.reshape(n, 2 * half)
