# The same GRU; the update gate's weights are not transposed on the way back to the state before.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["dh", "dh[0]"],
    "inherited": ["g['Wz']", "g['Wr']", "g['Wc']", "g['Uz']", "g['Ur']", "g['Uc']"],
    "checked": ["g['Wz']", "g['Wr']", "g['Wc']", "g['Uz']", "g['Ur']", "g['Uc']"],
}


class Gated:
    def __init__(self, inputs, units):
        rng = np.random.default_rng(1)
        for k in "zrc":
            setattr(self, "W" + k, 0.5 * rng.normal(size=(inputs, units)))
            setattr(self, "U" + k, 0.5 * rng.normal(size=(units, units)))

    def forward(self, xs, goal):
        self.xs, self.goal = xs, goal
        self.h = {-1: np.zeros((1, self.Uz.shape[0]))}
        self.z, self.r, self.c = {}, {}, {}
        for t in range(len(xs)):
            x = xs[t : t + 1]
            self.z[t] = 1 / (1 + np.exp(-(x @ self.Wz + self.h[t - 1] @ self.Uz)))
            self.r[t] = 1 / (1 + np.exp(-(x @ self.Wr + self.h[t - 1] @ self.Ur)))
            self.c[t] = np.tanh(x @ self.Wc + (self.r[t] * self.h[t - 1]) @ self.Uc)
            self.h[t] = self.h[t - 1] + self.z[t] * (self.c[t] - self.h[t - 1])
        return 0.5 * np.sum((self.h[len(xs) - 1] - goal) ** 2)

    def backward(self):
        g = {p + k: np.zeros_like(getattr(self, p + k)) for p in "WU" for k in "zrc"}
        dh = self.h[len(self.xs) - 1] - self.goal
        for t in reversed(range(len(self.xs))):
            x = self.xs[t : t + 1]
            into_z = dh * (self.c[t] - self.h[t - 1]) * self.z[t] * (1 - self.z[t])
            into_c = dh * self.z[t] * (1 - self.c[t] ** 2)
            kept = into_c @ self.Uc.T
            into_r = kept * self.h[t - 1] * self.r[t] * (1 - self.r[t])
            g["Wz"] += x.T @ into_z
            g["Wr"] += x.T @ into_r
            g["Wc"] += x.T @ into_c
            g["Uz"] += self.h[t - 1].T @ into_z
            g["Ur"] += self.h[t - 1].T @ into_r
            g["Uc"] += (self.r[t] * self.h[t - 1]).T @ into_c
            dh = dh * (1 - self.z[t]) + kept * self.r[t] + into_z @ self.Uz + into_r @ self.Ur.T
        return g


if __name__ == "__main__":
    net, rng = Gated(3, 2), np.random.default_rng(2)
    for step in range(50):
        xs = rng.normal(size=(3, 3))
        loss = net.forward(xs, xs[0, :2])
        g = net.backward()
        for name in g:
            setattr(net, name, getattr(net, name) - 0.1 * g[name])
