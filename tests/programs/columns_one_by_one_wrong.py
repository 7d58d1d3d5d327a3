# The same; the weights that lead from step to step are not transposed on the way back.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["d_h", "d_h[0]", "d_h[1]", "d_h[2]", "d_h[3]"],
    "inherited": ["d_Whh", "d_Wxh", "d_bh"],
    "codes": {"d_h[1]": "GC104"},
    "checked": ["d_Why", "d_by"],
}


class Recurrent:
    def __init__(self, input_size, output_size, hidden_size):
        self.Whh = 0.5 * np.random.randn(hidden_size, hidden_size)
        self.Wxh = 0.5 * np.random.randn(hidden_size, input_size)
        self.Why = 0.5 * np.random.randn(output_size, hidden_size)
        self.bh, self.by = np.zeros((hidden_size, 1)), np.zeros((output_size, 1))

    def forward(self, inputs):
        h = np.zeros((self.Whh.shape[0], 1))
        self.inputs, self.states = inputs, {0: h}
        for t, x in enumerate(inputs, 1):
            h = np.tanh(self.Wxh @ x + self.Whh @ h + self.bh)
            self.states[t] = h
        return self.Why @ h + self.by, h

    def backward(self, d_y, learn_rate=0.02):
        steps = len(self.inputs)
        d_Why, d_by = d_y @ self.states[steps].T, d_y.copy()
        d_Whh, d_Wxh, d_bh = np.zeros_like(self.Whh), np.zeros_like(self.Wxh), np.zeros_like(self.bh)
        d_h = self.Why.T @ d_y
        for t in reversed(range(steps)):
            inside = (1 - self.states[t + 1] ** 2) * d_h
            d_bh += inside
            d_Whh += inside @ self.states[t].T
            d_Wxh += inside @ self.inputs[t].T
            d_h = self.Whh @ inside
        for d in (d_Wxh, d_Whh, d_Why, d_bh, d_by):
            np.clip(d, -1, 1, out=d)
        self.Whh -= learn_rate * d_Whh
        self.Wxh -= learn_rate * d_Wxh
        self.Why -= learn_rate * d_Why
        self.bh -= learn_rate * d_bh
        self.by -= learn_rate * d_by
