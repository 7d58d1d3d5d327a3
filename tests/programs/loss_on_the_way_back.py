# A recurrent network that adds up its loss on the way back, step of time by step of time, between the gradients.
import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["w_diff", "b_diff"],
}

rng = np.random.default_rng(8)
units = 40


class Parameters:
    def __init__(self):
        self.W, self.w_diff = rng.standard_normal((units, units + 3)) / 6, np.zeros((units, units + 3))
        self.b, self.b_diff = np.zeros(units), np.zeros(units)

    def descend(self, rate):
        self.W -= rate * self.w_diff
        self.b -= rate * self.b_diff
        self.w_diff, self.b_diff = np.zeros_like(self.W), np.zeros_like(self.b)


class Step:
    def __init__(self, parameters):
        self.parameters = parameters

    def forward(self, x, state):
        self.joined = np.hstack([x, state])
        self.state = np.tanh(self.parameters.W @ self.joined + self.parameters.b)
        return self.state

    def backward(self, on_state):
        before = on_state * (1 - self.state**2)
        self.parameters.w_diff += np.outer(before, self.joined)
        self.parameters.b_diff += before
        return (self.parameters.W.T @ before)[3:]


def back(steps, targets):
    at = len(steps) - 1
    loss = (steps[at].state[0] - targets[at]) ** 2
    on_state = np.zeros(units)
    on_state[0] = 2 * (steps[at].state[0] - targets[at])
    carried = steps[at].backward(on_state)
    while at > 0:
        at -= 1
        loss += (steps[at].state[0] - targets[at]) ** 2
        on_state = np.zeros(units)
        on_state[0] = 2 * (steps[at].state[0] - targets[at])
        carried = steps[at].backward(on_state + carried)
    return loss


parameters = Parameters()
inputs, targets = rng.standard_normal((4, 3)), [-0.5, 0.2, 0.1, -0.4]
for epoch in range(50):
    steps, state = [], np.zeros(units)
    for x in inputs:
        steps.append(Step(parameters))
        state = steps[-1].forward(x, state)
    loss = back(steps, targets)
    parameters.descend(0.1)
