# A line through points: plain numbers, moved by a mean error.
import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["slope (from its update)", "intercept (from its update)"],
}

rng = np.random.default_rng(0)
x = rng.random(20)
y = 3 * x + 1 + 0.1 * rng.normal(size=20)
slope = 0.0
intercept = 0.0
rate = 0.05
for epoch in range(100):
    guess = slope * x + intercept
    error = guess - y
    cost = np.mean(error**2)
    slope = slope - rate * (2 / len(x)) * np.sum(error * x)
    intercept = intercept - rate * (2 / len(x)) * np.sum(error)
print(slope, intercept)
