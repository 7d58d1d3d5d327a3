# The same, with a slope that is moved like the intercept.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["slope (from its update)"],
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
    slope = slope - rate * (2 / len(x)) * np.sum(error)
    intercept = intercept - rate * (2 / len(x)) * np.sum(error)
print(slope, intercept)
