# Of two things that a file defines one can't be built: an option takes that as it is.
import numpy as np

EXPECTED = {
    "verdict": "inconclusive",
    "options": ["--allow-inconclusive"],
    "exit": 0,
    "checked": ["twice_backward:dx"],
    "says": ["nothing was found that Odd(plan).forward(x) takes", "plan is not one"],
}


class Odd:
    def __init__(self, plan):
        if not hasattr(plan, "steps"):
            raise TypeError("plan is not one")
        self.plan = plan

    def forward(self, x):
        return self.plan.steps * x

    def backward(self, d):
        return self.plan.steps * d


def twice_forward(x):
    return 2 * np.tanh(x), x


def twice_backward(dout, x):
    dx = 2 * dout * (1 - np.tanh(x) ** 2)
    return dx
