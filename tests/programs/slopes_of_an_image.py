# An image that is smoothed: gx and gy are its slopes, gb is an image and no gradient of b.
import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "fail": [],
    "checked": ["grad_x", "grad_b"],
}

rng = np.random.default_rng(0)
noisy, g = rng.normal(size=(6, 8)), rng.normal(size=8)
x, b = noisy.copy(), np.zeros(8)
for step in range(30):
    gx, gy = np.roll(x, -1, 1) - x, np.roll(x, -1, 0) - x
    steep = np.sqrt(gx**2 + gy**2 + 1e-2)
    gb = x + b
    loss = 0.5 * ((gb * g - noisy) ** 2).sum() + 0.3 * steep.sum()
    px, py = gx / steep, gy / steep
    r = (gb * g - noisy) * g
    grad_x = r + 0.3 * (np.roll(px, 1, 1) - px + np.roll(py, 1, 0) - py)
    grad_b = r.sum(0)
    x -= 0.05 * grad_x
    b -= 0.05 * grad_b
print(loss)
