# A neuron of two inputs in numbers, partial derivative by partial derivative, one sample at a time; whole-number labels.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["v (from its update)"],
    "checked": ["u (from its update)", "c (from its update)"],
}


def squashed(z):
    return 1 / (1 + np.exp(-z))


class Pair:
    def __init__(self):
        self.u, self.v, self.c = 0.4, -0.7, 0.1
        self.out, self.shift = 1.3, 0.2

    def train(self, points, answers):
        for _ in range(200):
            for point, answer in zip(points, answers):
                inner = squashed(self.u * point[0] + self.v * point[1] + self.c)
                guess = squashed(self.out * inner + self.shift)

                by_guess = -2 * (answer - guess)
                slope = guess * (1 - guess)
                by_inner = by_guess * slope * self.out
                inner_slope = inner * (1 - inner)

                self.u -= 0.1 * by_inner * inner_slope * point[0]
                self.v -= 0.1 * by_inner * inner_slope * point[0]
                self.c -= 0.1 * by_inner * inner_slope
                self.out -= 0.1 * by_guess * slope * inner
                self.shift -= 0.1 * by_guess * slope


Pair().train(np.array([[-2.0, -1.5], [2.5, 0.6], [1.7, 0.4], [-1.5, -0.7]]), np.array([1, 0, 0, 1]))
