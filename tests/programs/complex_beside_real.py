import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["db"],
    "notes": ["not checked: w, which is complex"],
}

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 3)) + 1j * rng.normal(size=(40, 3))
y = X @ np.array([1 + 1j, 2 - 1j, 0.5j]) + 0.3
w = np.ones(3, dtype=complex)
b = 0.5
for i in range(100):
    r = X @ w + b - y
    loss = np.mean(np.abs(r) ** 2)
    dw = 2 * X.conj().T @ r / len(y)
    db = 2 * r.real.mean()
    w = w - 0.05 * dw
    b = b - 0.05 * db
